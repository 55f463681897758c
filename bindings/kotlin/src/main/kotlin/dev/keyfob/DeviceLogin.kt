package dev.keyfob

import dev.keyfob.internal.HostScreen
import java.time.Duration
import java.time.Instant
import dev.keyfob.internal.DeviceLogin as RawDeviceLogin
import dev.keyfob.internal.DevicePoll as RawDevicePoll

/**
 * A login that waits for the user on another device (RFC 8628). It is already stored: the process may end before the user confirms.
 *
 * Show [userCode] and [verificationUri]; a QR code spares the typing. The code is shown also beside a QR code that holds it: the user compares
 * it with what the provider's page says, which tells this login from somebody else's.
 */
public class DeviceLogin internal constructor(private val raw: RawDeviceLogin) {
    /** The id of this login in this store, for [Keyfob.pollDeviceLogin]. */
    public val id: String get() = raw.id

    /** The registration it was begun for. */
    public val registration: String get() = raw.registration

    /** What the user types in on the other device. Not for a log: who has it can confirm this login as somebody else. */
    public val userCode: String get() = raw.userCode

    /** Where: https, and short enough to be typed. */
    public val verificationUri: String get() = raw.verificationUri

    /** The same with the code in it, where the provider has that: for a QR code or a link. Not for a log. */
    public val verificationUriComplete: String? get() = raw.verificationUriComplete

    /** When the code is no longer good. */
    public val expiresAt: Instant get() = raw.expiresAt

    /** How long to wait between two polls, as it is now. [Keyfob.pollDeviceLogin] says each time how long to wait. */
    public val interval: Duration get() = Duration.ofMillis(raw.intervalMillis.toLong())

    /** A QR code of the verification URI: lines of half blocks, for a terminal that writes light on dark. Null for a URI that is too long. */
    public val qrCodeText: String? get() = raw.qrCodeText

    /** The same as an SVG image of black on white, for a window or a television. */
    public val qrCodeSvg: String? get() = raw.qrCodeSvg

    /** Without the codes. */
    override fun toString(): String = "DeviceLogin($id, $registration)"
}

/** What came of asking whether the user has confirmed. */
public sealed interface DevicePoll {
    /**
     * Not yet.
     *
     * @property duration ask again after so long; asked sooner, nobody is asked, and this says how long is left
     */
    public class Wait internal constructor(public val duration: Duration) : DevicePoll {
        override fun toString(): String = "Wait($duration)"
    }

    /**
     * The login has become a session.
     *
     * @property completed what it became
     */
    public class Done internal constructor(public val completed: Completed) : DevicePoll {
        override fun toString(): String = "Done($completed)"
    }
}

internal fun devicePoll(raw: RawDevicePoll): DevicePoll = when (raw) {
    is RawDevicePoll.Wait -> DevicePoll.Wait(Duration.ofMillis(raw.millis.toLong()))
    is RawDevicePoll.Done -> DevicePoll.Done(Completed(raw.completed))
}

/** Shows what [show] does with a login. */
internal class ScreenAdapter(private val show: (DeviceLogin) -> Unit) : HostScreen {
    override fun show(login: RawDeviceLogin): Unit = show.invoke(DeviceLogin(login))
}
