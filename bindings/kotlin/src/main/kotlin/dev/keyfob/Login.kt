package dev.keyfob

import java.time.Instant
import dev.keyfob.internal.Completed as RawCompleted
import dev.keyfob.internal.Login as RawLogin
import dev.keyfob.internal.LoginOptions as RawLoginOptions

/**
 * What one login asks for beyond its registration.
 *
 * @property scopes scopes beside the registration's default ones
 * @property success where the app wants to go after success: stored with the login and given back by [Completed.returnTo], also
 *   in another process; never sent to the provider
 * @property failure the same after a failure: given back by [KeyfobException.returnTo]
 * @property redirectPort the port that the app listens on, for a loopback redirect URI that leaves it open
 */
public class LoginOptions(
    public val scopes: List<String> = emptyList(),
    public val success: String? = null,
    public val failure: String? = null,
    public val redirectPort: Int? = null,
) {
    init {
        require(redirectPort == null || redirectPort in 1..65535) { "redirectPort is not a port" }
    }

    internal fun raw() = RawLoginOptions(scopes, success, failure, redirectPort?.toUShort())

    /** Without the links. */
    override fun toString(): String = "LoginOptions(scopes=$scopes, redirectPort=$redirectPort)"
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

    /** Without the link. */
    override fun toString(): String = "Completed($session)"
}
