package dev.keyfob

import java.time.Instant
import dev.keyfob.internal.Completed as RawCompleted
import dev.keyfob.internal.Login as RawLogin
import dev.keyfob.internal.LoginOptions as RawLoginOptions
import dev.keyfob.internal.Parameter as RawParameter
import dev.keyfob.internal.PendingLogin as RawPendingLogin

/**
 * What one login asks for beyond its registration.
 *
 * @property scopes scopes beside the registration's default ones
 * @property success where the app wants to go after success: stored with the login and given back by [Completed.returnTo], also
 *   in another process; never sent to the provider
 * @property failure the same after a failure: given back by [KeyfobException.returnTo]
 * @property redirectPort the port that the app listens on, for a loopback redirect URI that leaves it open
 * @property parameters more parameters of the authorization request, for instance `prompt` or `login_hint`. Those that make a login safe
 *   are Keyfob's own and cannot be set. What `max_age` (seconds) and `acr_values` ask for is checked in the ID token: a login that does not
 *   keep to it is refused ([KeyfobException.TokenRejected], with the reason `IdTokenAuthTime` or `IdTokenAcr`)
 * @property appData something of the app's own to have back when the login completes, also in another process:
 *   [Completed.appData]; stored, never sent to the provider
 * @property forSession the id of a session that more scopes are asked for: those it has are asked for too, and logging in as somebody
 *   else is refused
 * @property formPost has the answer come as a form that the browser posts, for [Keyfob.completeLoginForm]: no code stands in a URL then. Not with a
 *   private-use scheme, and not every provider can
 */
public class LoginOptions(
    public val scopes: List<String> = emptyList(),
    public val success: String? = null,
    public val failure: String? = null,
    public val redirectPort: Int? = null,
    public val parameters: Map<String, String> = emptyMap(),
    public val appData: String? = null,
    public val forSession: String? = null,
    public val formPost: Boolean = false,
) {
    init {
        require(redirectPort == null || redirectPort in 1..65535) { "redirectPort is not a port" }
    }

    internal fun raw() = RawLoginOptions(
        scopes = scopes,
        success = success,
        failure = failure,
        parameters = parameters.map { (name, value) -> RawParameter(name, value) },
        appData = appData,
        forSession = forSession,
        redirectPort = redirectPort?.toUShort(),
        formPost = formPost,
    )

    /** Without the links, the parameters and the app's own. */
    override fun toString(): String = "LoginOptions(scopes=$scopes, redirectPort=$redirectPort, forSession=$forSession)"
}

/** A login that has begun. It is already stored: the process may end before the redirect comes. */
public class Login internal constructor(private val raw: RawLogin) {
    /** The id of this login in this store. */
    public val id: String get() = raw.id

    /** The registration it was begun for. */
    public val registration: String get() = raw.registration

    /** The URL to open in the system's browser or a Custom Tab, never in a web view. It holds the login's `state`: do not log it. */
    public val authorizationUrl: String get() = raw.authorizationUrl

    /** When the login stops waiting for its redirect. */
    public val expiresAt: Instant get() = raw.expiresAt

    /** Without the URL. */
    override fun toString(): String = "Login($id, $registration)"
}

/** A login that has become a session. */
public class Completed internal constructor(raw: RawCompleted) {
    /** The session. */
    public val session: Session = Session(raw.session)

    /** The success link that the login was begun with. */
    public val returnTo: String? = raw.returnTo

    /** What the app gave the login to keep. */
    public val appData: String? = raw.appData

    /** Without the link and without what the app gave. */
    override fun toString(): String = "Completed($session)"
}

/** A login that waits, for its redirect or for the user on another device. Holds no secret. */
public class PendingLogin internal constructor(private val raw: RawPendingLogin) {
    /** The id of the login in this store, for [Keyfob.cancelLogin]. */
    public val id: String get() = raw.id

    /** The registration it was begun for. */
    public val registration: String get() = raw.registration

    /** When it was begun. */
    public val createdAt: Instant get() = raw.createdAt

    /** When it stops waiting. */
    public val expiresAt: Instant get() = raw.expiresAt

    /** Whether it waits for the user on another device: [Keyfob.deviceLogin] gives what to show, [Keyfob.pollDeviceLogin] goes on with it. */
    public val isOnAnotherDevice: Boolean get() = raw.isOnAnotherDevice

    override fun toString(): String = "PendingLogin($id, $registration)"
}
