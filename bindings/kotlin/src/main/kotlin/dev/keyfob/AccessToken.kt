package dev.keyfob

import java.time.Instant
import dev.keyfob.internal.AccessToken as RawAccessToken

/** An access token that was good when it was given. Ask for it anew before each request; do not keep it. */
public class AccessToken internal constructor(private val raw: RawAccessToken) {
    /** The token, for the header `Authorization: Bearer …`. Opaque: never parse it. */
    public val secret: String get() = raw.secret

    /** When it is over; null where the provider did not say. */
    public val expiresAt: Instant? get() = raw.expiresAt

    /**
     * Whether it is in memory only: the disk was full when it came, and it is lost if this process ends before it can be saved. Calls for
     * this session and [Keyfob.maintain] try that again.
     */
    public val isUnsaved: Boolean get() = raw.unsaved

    /** Without the token. */
    override fun toString(): String = "AccessToken(expiresAt=$expiresAt)"

    internal companion object {
        /** From the text that `cachedAccessToken` gives; null for an empty one. */
        fun unpacked(text: String): AccessToken? {
            if (text.isEmpty()) return null
            val first = text.indexOf(' ')
            val second = text.indexOf(' ', first + 1)
            val seconds = text.substring(0, first).toLong()
            val nanos = text.substring(first + 1, second).toLong()
            val expiresAt = if (seconds == 0L) null else Instant.ofEpochSecond(seconds, nanos)
            return AccessToken(RawAccessToken(text.substring(second + 1), expiresAt, false))
        }
    }
}
