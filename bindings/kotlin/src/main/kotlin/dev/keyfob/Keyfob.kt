package dev.keyfob

import dev.keyfob.internal.HostClock
import dev.keyfob.internal.HostTransport
import java.time.Duration
import dev.keyfob.internal.Keyfob as RawKeyfob

/**
 * The login library, opened on one store. Any thread and any coroutine may use it; open it once and keep it.
 *
 * Every function that suspends does its work on a thread of its own choosing and never on the caller's. **Cancelling the caller
 * returns at once and stops nothing**: a refresh that was sent is still saved, so no token is lost, and a login that was being completed is
 * found by completing it again.
 *
 * ```
 * val keyfob = Keyfob.open(configJson)
 * val login = keyfob.beginLogin("work-sso")
 * // open login.authorizationUrl in the browser; the app may be killed here
 * val session = keyfob.completeLogin(redirectUrl).session
 * val token = keyfob.accessToken(session.id)
 * ```
 *
 * All functions throw [KeyfobException], whose subclasses say what to do; a negative duration or number is an
 * [IllegalArgumentException].
 */
public class Keyfob private constructor(private val raw: RawKeyfob) : AutoCloseable {

    /** The registrations, in the order of the configuration: what an app draws its login buttons from. */
    public fun registrations(): List<Registration> = translating { raw.registrations().map(::Registration) }

    /**
     * Begins a login and gives the URL to open. The login is stored before this returns: the process may end while the user is in the
     * browser, and the next one completes it.
     *
     * May touch the network (the provider's metadata, unless it is known already).
     */
    public suspend fun beginLogin(registration: String, options: LoginOptions = LoginOptions()): Login =
        detached { Login(raw.beginLogin(registration, options.raw())) }

    /**
     * Completes the login that [redirectUrl] belongs to: the whole URL that the browser was sent back to. A redirect that already made a
     * session is answered with that session. Touches the network.
     *
     * @throws KeyfobException.RedirectRejected it belongs to no open login of this store; nothing was sent
     * @throws KeyfobException.AccessDenied the user said no
     */
    public suspend fun completeLogin(redirectUrl: String): Completed =
        detached { Completed(raw.completeLogin(redirectUrl)) }

    /**
     * Gives an access token that is good for at least [minValidity]: from memory as long as it is, refreshed when it is due. However
     * many callers there are, one request is made. Call it before every request of yours; do not keep the token.
     *
     * @throws KeyfobException.LoginRequired the session has ended; nothing else means that
     */
    public suspend fun accessToken(sessionId: String, minValidity: Duration = Duration.ofMinutes(1)): AccessToken {
        require(!minValidity.isNegative) { "minValidity is negative" }
        // Longer than three hundred million years would overflow.
        val millis = minOf(minValidity, Duration.ofMillis(Long.MAX_VALUE)).toMillis().toULong()
        return detached { AccessToken(raw.accessToken(sessionId, millis)) }
    }

    /** Refreshes now, due or not. Callers at the same time share one request. Touches the network. */
    public suspend fun refreshSession(sessionId: String): Session =
        detached { Session(raw.refreshSession(sessionId)) }

    /**
     * The user's profile, at most [maxAge] old (to the second; zero asks the provider). [Session.profile] has the stored one.
     * May touch the network.
     */
    public suspend fun profile(sessionId: String, maxAge: Duration = Duration.ofMinutes(2)): Profile {
        require(!maxAge.isNegative) { "maxAge is negative" }
        return detached { Profile(raw.profile(sessionId, maxAge.seconds.toULong())) }
    }

    /** The session of that id, also one that has ended. */
    public suspend fun session(sessionId: String): Session = detached { Session(raw.session(sessionId)) }

    /** All sessions, oldest first, without those that the app has logged out. */
    public suspend fun sessions(): List<Session> = detached { raw.sessions().map(::Session) }

    /** The session that the last login made, or that [setCurrentSession] named; null once the app has logged it out. */
    public suspend fun currentSession(): Session? = detached { raw.currentSession()?.let(::Session) }

    /** Makes a session the current one, for an app with several accounts. */
    public suspend fun setCurrentSession(sessionId: String): Unit = detached { raw.setCurrentSession(sessionId) }

    /** Logs out: the session ends in this store, in every process, and its tokens are removed. The provider is not told. */
    public suspend fun endSession(sessionId: String): Unit = detached { raw.endSession(sessionId) }

    /** The newest lines of the journal, newest first: why things happened, without secrets. */
    public suspend fun journal(limit: Int = 100): List<JournalEntry> {
        require(limit >= 0) { "limit is negative" }
        return detached { raw.journal(limit.toUInt()).map(::JournalEntry) }
    }

    /**
     * Lets go of the store. Calls that are under way end as if nothing had happened; later ones throw
     * [KeyfobException.InvalidState]. Closing twice is no error.
     */
    override fun close(): Unit = translating { raw.closeStore() }

    override fun toString(): String = raw.toString()

    public companion object {
        /**
         * Opens the store that the configuration names, making it when it is missing. Never touches the network.
         *
         * @param configJson the configuration, as JSON
         * @param transport sends the HTTP requests in place of the built-in client
         * @param clock tells the time in place of the system's clocks, for tests
         */
        public suspend fun open(configJson: String, transport: Transport? = null, clock: Clock? = null): Keyfob {
            val hostTransport: HostTransport? = transport?.let(::TransportAdapter)
            val hostClock: HostClock? = clock?.let(::ClockAdapter)
            return detached { Keyfob(RawKeyfob.open(configJson, hostTransport, hostClock)) }
        }
    }
}
