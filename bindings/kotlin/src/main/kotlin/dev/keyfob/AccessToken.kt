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
}
