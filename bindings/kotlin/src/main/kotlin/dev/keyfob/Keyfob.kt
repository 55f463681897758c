package dev.keyfob

import dev.keyfob.internal.HostClock
import dev.keyfob.internal.HostExecutor
import dev.keyfob.internal.HostObserver
import dev.keyfob.internal.HostTransport
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.Flow
import java.time.Duration
import java.util.concurrent.Executor
import dev.keyfob.internal.Keyfob as RawKeyfob
import dev.keyfob.internal.openBrowser as rawOpenBrowser
import dev.keyfob.internal.providers as rawProviders

/**
 * The login library, opened on one store. Any thread and any coroutine may use it; open it once and keep it.
 *
 * Every function that suspends does its work on a thread of its own choosing and never on the caller's, save that [accessToken] first looks into
 * memory, which never blocks. **Cancelling the caller
 * returns at once and stops nothing**: a refresh that was sent is still saved, so no token is lost, and a login that was being completed is
 * found by completing it again.
 *
 * ```
 * val keyfob = Keyfob.open(configJson, storeKey = keystore)
 * val login = keyfob.beginLogin("work-sso")
 * // open login.authorizationUrl in the browser; the app may be killed here
 * val session = keyfob.completeLogin(redirectUrl).session
 * val token = keyfob.accessToken(session.id)
 * ```
 *
 * All functions throw [KeyfobException], whose subclasses say what to do; a negative duration or number is an
 * [IllegalArgumentException].
 */
public class Keyfob internal constructor(private val raw: RawKeyfob, private val told: Changes) : AutoCloseable {

    /**
     * What happens to sessions from the moment it is collected, for as many collectors as like; it ends when this [Keyfob] is closed. A collector is
     * never waited for: one that is more than 256 changes behind misses the oldest of them, so read what counts by [session] or [sessions], and
     * let this say when. What another process does shows at the next call that looks at that session.
     *
     * ```
     * keyfob.changes.collect { change -> if (change is SessionChange.Ended) navigateTo("app:/login") }
     * ```
     */
    public val changes: Flow<SessionChange> get() = told.flow

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
    public suspend fun completeLogin(redirectUrl: String): Completed = detached { Completed(raw.completeLogin(redirectUrl)) }

    /**
     * The same for the form that the browser posted to [url], after [LoginOptions.formPost]: [body] is the request's body as it came.
     *
     * @throws KeyfobException.RedirectRejected it belongs to no open login of this store; nothing was sent
     */
    public suspend fun completeLoginForm(url: String, body: String): Completed = detached { Completed(raw.completeLoginForm(url, body)) }

    /**
     * The whole login in one call, for an app of the desktop or the command line: listens on a loopback port (RFC 8252 section 7.3), begins the login,
     * opens the browser, waits for the redirect, completes the login, and shows the user how it went. The registration's redirect URI is
     * `http://127.0.0.1/…` or `http://[::1]/…`; without a port in it a free one is taken. Touches the network.
     *
     * Cancelling the caller, or [control], ends the login.
     *
     * @param browser opens or shows the URL and returns at once, false where neither can be done; by default the system's browser
     * @throws KeyfobException.InvalidState nothing can listen on the port, or no browser could be opened (`BrowserUnavailable`)
     * @throws KeyfobException.Timeout no redirect in time
     * @throws KeyfobException.AccessDenied the user said no
     */
    public suspend fun loginInBrowser(
        registration: String,
        login: BrowserLogin = BrowserLogin(),
        control: LoginControl = LoginControl(),
        browser: ((String) -> Boolean)? = null,
    ): Completed {
        val host = browser?.let(::BrowserAdapter)
        return cancelling(control) { Completed(raw.loginInBrowser(registration, login.raw(), host, control.raw)) }
    }

    /**
     * Begins a login that the user confirms on another device (RFC 8628): for a television, a console, a terminal. It is stored before this returns:
     * any process can show it ([deviceLogin]) and poll it ([pollDeviceLogin]). Touches the network.
     *
     * @throws KeyfobException.Configuration the provider has no such logins (`DeviceGrantUnsupported`), or does not know the client
     */
    public suspend fun beginDeviceLogin(registration: String, options: LoginOptions = LoginOptions()): DeviceLogin =
        detached { DeviceLogin(raw.beginDeviceLogin(registration, options.raw())) }

    /** What to show for a login on another device that waits, after a restart of the app for instance. Touches no network. */
    public suspend fun deviceLogin(loginId: String): DeviceLogin = detached { DeviceLogin(raw.deviceLogin(loginId)) }

    /**
     * Asks the provider once whether the user has confirmed, if it is time to ask; sooner nobody is asked. Being offline is no error: the login waits on. May
     * touch the network.
     *
     * @throws KeyfobException.AccessDenied the user said no
     * @throws KeyfobException.LoginRequired nobody confirmed in time, or the answer with the tokens was lost
     */
    public suspend fun pollDeviceLogin(loginId: String): DevicePoll = detached { devicePoll(raw.pollDeviceLogin(loginId)) }

    /**
     * The whole login on another device: begins it, calls [show] once, polls by the rules, and returns with the session. Cancelling the caller, or
     * [control], ends it.
     *
     * @param show shows the code, on a thread of Keyfob's, and returns at once; a login that it could not show is cancelled
     */
    public suspend fun loginOnAnotherDevice(
        registration: String,
        options: LoginOptions = LoginOptions(),
        control: LoginControl = LoginControl(),
        show: (DeviceLogin) -> Unit,
    ): Completed {
        val screen = ScreenAdapter(show)
        return cancelling(control) { Completed(raw.loginOnAnotherDevice(registration, options.raw(), screen, control.raw)) }
    }

    /** Runs a call that waits for the user. When the caller is cancelled, nobody waits any more: neither does the login. */
    private suspend fun <T> cancelling(control: LoginControl, call: () -> T): T = try {
        detached(call)
    } catch (cancelled: CancellationException) {
        control.cancel()
        throw cancelled
    }

    /** The logins that wait, for a redirect or for the user on another device, oldest first. Touches no network. */
    public suspend fun pendingLogins(): List<PendingLogin> = detached { raw.pendingLogins().map(::PendingLogin) }

    /**
     * Ends a login that waits for its redirect, for instance because the user closed the browser: from now on the redirect is refused.
     * Touches no network. Cancelling a login that is over is no error.
     */
    public suspend fun cancelLogin(loginId: String): Unit = detached { raw.cancelLogin(loginId) }

    /**
     * Gives an access token that is good for at least [minValidity]: from memory as long as it is, refreshed when it is due. However
     * many callers there are, one request is made. Call it before every request of yours; do not keep the token.
     *
     * @param wait how long to wait at most for a refresh that another caller or process is making, instead of `wait_seconds` of the
     *   configuration (30 s). It bounds waiting and starting: a request that this call has sent is seen through to its end
     * @throws KeyfobException.LoginRequired the session has ended; nothing else means that
     * @throws KeyfobException.RefreshBusy [wait] is over, another process is still at it, and there is no token that is good at all
     * @throws KeyfobException.Timeout the same of another caller in this process
     */
    public suspend fun accessToken(sessionId: String, minValidity: Duration = Duration.ofMinutes(1), wait: Duration? = null): AccessToken {
        val millis = millis(minValidity) { "minValidity is negative" }
        val waitMillis = wait?.let { millis(it) { "wait is negative" } }
        // Most calls end here.
        AccessToken.unpacked(atOnce { raw.cachedAccessToken(sessionId, millis) })?.let { return it }
        return detached { AccessToken(raw.accessToken(sessionId, millis, waitMillis)) }
    }

    /** Refreshes now, due or not. Callers at the same time share one request. Touches the network. */
    public suspend fun refreshSession(sessionId: String): Session = detached { Session(raw.refreshSession(sessionId)) }

    /**
     * After a server of yours refused an access token (HTTP 401): gives one that is not [rejectedToken]. When the token has been replaced
     * since, in this process or another, the newer one is given and nothing is sent; else one refresh is made, whoever asks.
     */
    public suspend fun refreshIfCurrent(sessionId: String, rejectedToken: String): AccessToken =
        detached { AccessToken(raw.refreshIfCurrent(sessionId, rejectedToken)) }

    /**
     * The user's profile, at most [maxAge] old; zero always asks the provider. [Session.profile] has the stored one.
     * May touch the network.
     */
    public suspend fun profile(sessionId: String, maxAge: Duration = Duration.ofMinutes(2)): Profile {
        val millis = millis(maxAge) { "maxAge is negative" }
        return detached { Profile(raw.profile(sessionId, millis)) }
    }

    /** The session of that id, also one that has ended. */
    public suspend fun session(sessionId: String): Session = detached { Session(raw.session(sessionId)) }

    /**
     * The session of a user, [providerUid] being the user's lasting id at the provider ([Session.providerUid]), at the issuer that the
     * registration names now, also one that has ended by itself; null if there is none or the app has logged it out. Touches no network. As quick in a store
     * of a million sessions as in one of a hundred.
     */
    public suspend fun findSession(registration: String, providerUid: String): Session? =
        detached { raw.findSession(registration, providerUid)?.let(::Session) }

    /**
     * All sessions, oldest first, without those that the app has logged out. Reads them all at once: where there may be many, [sessionsPage]
     * is for that.
     */
    public suspend fun sessions(): List<Session> = detached { raw.sessions().map(::Session) }

    /**
     * Some of [sessions]: at most [limit], from 1 to 1000, that come after the session with the id [after]; the first ones without it. The
     * last id of a page asks for the next one, and an empty page is the end. Sessions that come or go meanwhile move no other: none
     * is given twice or left out, and an [after] that was logged out meanwhile keeps its place. Touches no network. However many pages lie before it, a page
     * takes the same time.
     */
    public suspend fun sessionsPage(after: String? = null, limit: Int = 100): List<Session> {
        require(limit >= 0) { "limit is negative" }
        return detached { raw.sessionsPage(after, limit.toUInt()).map(::Session) }
    }

    /** The session that the last login made, or that [setCurrentSession] named; null once the app has logged it out. */
    public suspend fun currentSession(): Session? = detached { raw.currentSession()?.let(::Session) }

    /** Makes a session the current one, for an app with several accounts. */
    public suspend fun setCurrentSession(sessionId: String): Unit = detached { raw.setCurrentSession(sessionId) }

    /**
     * Logs out: the session ends here and now, in every process, whatever the network does, and no token of it is left in the store. Then,
     * unless the options say otherwise, the provider is asked once to revoke the token; that it could not be is no failure of this call:
     * [Ended.revocation] tells, and [maintain] asks again where that may help. Open [Ended.logoutUrl] in the browser to log the user out of the provider too.
     */
    public suspend fun endSession(sessionId: String, options: EndSession = EndSession()): Ended = detached { Ended(raw.endSession(sessionId, options.raw())) }

    /**
     * Takes the redirect from the provider's logout page, where [Ended.logoutUrl] led, and says which session's logout it belongs to, by its `state`
     * (OpenID Connect RP-Initiated Logout section 3): for a day after the logout, in every process, as often as it is asked. The session ended long
     * before, in [endSession]: a redirect that is refused here ([KeyfobException.RedirectRejected]; with the reason `LogoutStateMismatch` where it has no
     * `state`, or one that is not known or too old) changes nothing. Touches no network.
     */
    public suspend fun completeLogout(redirectUrl: String): LoggedOut = detached { LoggedOut(raw.completeLogout(redirectUrl)) }

    /**
     * Takes over a session from another library, without a new login. Touches no network: whether the tokens are good shows at their
     * first use.
     */
    public suspend fun importSession(tokens: ImportedTokens): Session = detached { Session(raw.importSession(tokens.raw())) }

    /** What to enter at the provider's developer console, and what it accepts. */
    public fun registrationGuide(registration: String): RegistrationGuide = translating { RegistrationGuide(raw.registrationGuide(registration)) }

    /** The newest lines of the journal, newest first: why things happened, without secrets. */
    public suspend fun journal(limit: Int = 100): List<JournalEntry> {
        require(limit >= 0) { "limit is negative" }
        return detached { raw.journal(limit.toUInt()).map(::JournalEntry) }
    }

    /**
     * Puts the store under another key and seals every secret in it anew. Touches no network. Takes time in proportion to the number of
     * sessions; others may use the store meanwhile.
     *
     * Keep the new key in the keystore *before*, and the old one until this has returned: a process that is killed anywhere in between leaves
     * a store that exactly one of the two opens, with everything in it, and the next one to open it ends the work. Other processes ask their
     * [StoreKeySource] again; one that was opened with the old [StoreKey] itself throws [KeyfobException.StoreKey] from then on.
     *
     * @throws KeyfobException.Configuration the store is kept in plaintext (open it with a key instead)
     * @throws KeyfobException.StoreUnavailable the old key is not available now; nothing was changed
     */
    public suspend fun rekey(newKey: StoreKey): Unit = detached { raw.rekey(newKey.raw) }

    /**
     * Does everything that is owed: saves tokens that could not be saved, mends refreshes that a process died in, tells providers of
     * sessions that were logged out, refreshes what is due, forgets what is old. For a moment that the app picks: after its start, in a
     * background task. Touches the network.
     *
     * Begins nothing new after [limit]; what was begun is seen through, so it may last one HTTP request longer. What does not succeed for one
     * session is thrown by nobody: [Maintained.failed] counts it, [journal] says why.
     */
    public suspend fun maintain(limit: Duration): Maintained {
        val millis = millis(limit) { "limit is negative" }
        return detached { Maintained(raw.maintain(millis)) }
    }

    /**
     * Before the system freezes this process: lets nothing new begin, waits until [deadline] from now for what is under way, and then closes
     * everything. No lock and no file of the store stays open. A refresh that is still on its way at the deadline is given up and recorded
     * as in doubt: the next call, here or in another process, repeats it at once. Holds for every [Keyfob] of this store in this process. Until
     * [resume], calls that need the store throw [KeyfobException.InvalidState] with the reason `Suspended`; a good token still comes from memory
     * for `coherence_seconds` of the configuration (1 s). Await it before you resume.
     *
     * (A soft keyword of Kotlin, and an ordinary name behind `keyfob.`: it is called as in every other language.)
     *
     * @throws KeyfobException.StoreNotWritable there are tokens that still could not be saved: they are in memory only, and lost if the process
     *   ends. It is suspended all the same
     */
    public suspend fun suspend(deadline: Duration) {
        val millis = millis(deadline) { "deadline is negative" }
        detached { raw.suspend(millis) }
    }

    /**
     * Opens everything again after [suspend]. Touches no network. Not suspended is no error. Where it throws, it is still suspended, and
     * may be called again.
     */
    public suspend fun resume(): Unit = detached { raw.resume() }

    /** How the store is: sessions, refreshes that were cut off, what is owed, how far the clock is off. Touches no network. */
    public suspend fun health(): Health = detached { Health(raw.health()) }

    /**
     * Lets go of the store. Calls that are under way end as if nothing had happened; later ones throw
     * [KeyfobException.InvalidState]. Closing twice is no error.
     */
    override fun close() {
        translating { raw.closeStore() }
        told.end()
    }

    override fun toString(): String = raw.toString()

    public companion object {
        /**
         * Opens the store that the configuration names, making it when it is missing. Never touches the network.
         *
         * A [storeKey] that is not available now ([StoreKeyAnswer.NotNow]) is no error here: calls that need a secret throw
         * [KeyfobException.StoreUnavailable] until it is. A store that was kept in plaintext and is opened with a key is sealed now, which takes
         * time in proportion to its sessions. A damaged database is moved aside and a fresh one made, if no other process has it open:
         * [Health.movedAside] and [journal] tell.
         *
         * @param configJson the configuration, as JSON
         * @param transport sends the HTTP requests in place of the built-in client
         * @param clock tells the time in place of the system's clocks, for tests
         * @param executor runs refreshes of tokens that are still good but soon due, for which no caller is kept waiting. It must have a
         *   thread to spare: one that runs them before it returns keeps the caller waiting. By default they run beside [Dispatchers.IO]
         * @param observer is told what happens to sessions, before the call that noticed returns; [changes] tells the same without keeping that waiting
         * @param storeKey seals the secrets in the store: a [StoreKey], or the app's keystore. Without one the configuration has to say
         *   `"plaintext": true`, which is for tests
         * @param deviceBinding binds the store to this device: some bytes (16 random ones at least, say) that the app keeps where no backup carries
         *   them, such as `noBackupFilesDir`; they are copied. A store that was written with other ones was copied from another device. To refresh
         *   its tokens on both would cost both, so its sessions end with the cause `OtherDevice`, their users still known; nothing is deleted
         * @throws KeyfobException.StoreKey the key is not the one that the store was sealed with, or it is sealed and there is none; nothing
         *   was changed
         * @throws KeyfobException.Configuration there is neither a key nor `plaintext`, or both, or something else in [configJson] is wrong
         */
        public suspend fun open(
            configJson: String,
            transport: Transport? = null,
            clock: Clock? = null,
            executor: Executor? = null,
            observer: Observer? = null,
            storeKey: StoreKeySource? = null,
            deviceBinding: ByteArray? = null,
        ): Keyfob {
            val hostTransport: HostTransport? = transport?.let(::TransportAdapter)
            val hostClock: HostClock? = clock?.let(::ClockAdapter)
            val hostExecutor: HostExecutor = executor?.let(::ExecutorAdapter) ?: OwnThreads
            val told = Changes(observer)
            val hostObserver: HostObserver = ObserverAdapter(told)
            val origin = storeKey?.origin()
            // The caller may overwrite its own as soon as it likes, also when it does not wait for the end of this.
            val device = deviceBinding?.copyOf()
            return detached {
                try {
                    Keyfob(RawKeyfob.open(configJson, hostTransport, hostClock, hostExecutor, hostObserver, origin, device), told)
                } finally {
                    device?.fill(0)
                }
            }
        }

        /**
         * Opens a URL in the system's browser and returns at once; false where there is none to open, or no screen to show it on (a terminal over SSH).
         */
        public fun openBrowser(url: String): Boolean = translating { rawOpenBrowser(url) }

        /**
         * The providers that are built in, by id: for a program that lists them. An app names one by its id in its configuration and needs
         * no list. Touches neither network nor store.
         */
        public fun providers(): List<Provider> = translating { rawProviders().map(::Provider) }
    }
}

/** Whole milliseconds, as many as a Long holds: longer than three hundred million years would overflow. */
private inline fun millis(duration: Duration, complaint: () -> String): ULong {
    require(!duration.isNegative, complaint)
    return minOf(duration, Duration.ofMillis(Long.MAX_VALUE)).toMillis().toULong()
}
