import Foundation
internal import KeyfobGenerated

/// The login library, opened on one store. Any thread and any task may use it; open it once and keep it.
///
/// Every `async` function does its work on threads of Keyfob's own, save that ``accessToken(_:minValidity:wait:isolation:)`` first looks into memory, which never
/// blocks. **Cancelling the task returns at once and stops nothing**: a refresh that
/// was sent is still saved, so no token is lost, and a login that was being completed is found by completing it again.
///
/// ```swift
/// let keyfob = try await Keyfob.open(configJSON, storeKey: keychain)
/// let login = try await keyfob.beginLogin("work-sso")
/// // open login.authorizationURL in the browser; the app may be killed here
/// let session = try await keyfob.completeLogin(redirectURL).session
/// let token = try await keyfob.accessToken(session.id)
/// ```
///
/// All functions throw ``KeyfobError``, whose cases say what to do, and `CancellationError` when the task was cancelled.
public final class Keyfob: Sendable {
    private let raw: RawKeyfob
    private let announcer: Announcer

    init(_ raw: RawKeyfob, _ announcer: Announcer) {
        self.raw = raw
        self.announcer = announcer
    }

    deinit { announcer.finish() }

    /// Opens the store that the configuration names, making it when it is missing. Never touches the network.
    ///
    /// A store key that is not available now (``StoreKeyAnswer/notNow``) is no error here: calls that need a secret throw
    /// ``KeyfobError/storeUnavailable(_:)`` until it is. A wrong one is ``KeyfobError/storeKey(_:)``, and changes nothing. A store that was kept in
    /// plaintext and is opened with a key is sealed now, which takes time in proportion to its sessions. A damaged database is moved aside
    /// and a fresh one made, if no other process has it open: ``Health/movedAside`` and ``journal(limit:)`` tell.
    ///
    /// - Parameters:
    ///   - configJSON: the configuration, as JSON
    ///   - transport: sends the HTTP requests in place of the built-in client
    ///   - clock: tells the time in place of the system's clocks, for tests
    ///   - executor: runs refreshes that no caller waits for, in place of threads of Keyfob's own
    ///   - observer: is told what happens to sessions
    ///   - storeKey: seals the secrets in the store: a ``StoreKey``, or the app's keychain. Without one the configuration has to say
    ///     `"plaintext": true`, which is for tests
    ///   - deviceBinding: binds the store to this device: some bytes (16 random ones at least, say) that the app keeps where no backup carries them
    ///     (a keychain item that is `ThisDeviceOnly`); they are copied. A store that was written with other ones was copied from another device.
    ///     To refresh its tokens on both would cost both, so its sessions end with the cause `OtherDevice`, their users still known; nothing is
    ///     deleted
    public static func open(
        _ configJSON: String,
        transport: (any Transport)? = nil,
        clock: (any KeyfobClock)? = nil,
        executor: (any KeyfobExecutor)? = nil,
        observer: (any KeyfobObserver)? = nil,
        storeKey: (any StoreKeySource)? = nil,
        deviceBinding: Data? = nil
    ) async throws -> Keyfob {
        let announcer = Announcer(observer)
        return try await detached {
            Keyfob(
                try RawKeyfob.open(
                    configJson: configJSON,
                    transport: transport.map(TransportAdapter.init),
                    clock: clock.map(ClockAdapter.init),
                    executor: ExecutorAdapter(executor ?? OwnThreads()),
                    observer: announcer,
                    storeKey: storeKey?.origin,
                    deviceBinding: deviceBinding
                ),
                announcer
            )
        }
    }

    /// The providers that are built in, by id: for a program that lists them. An app names one by its id in its configuration and needs no
    /// list. Touches neither network nor store.
    public static func providers() throws -> [Provider] {
        try translating { try KeyfobGenerated.providers().map(Provider.init) }
    }

    /// Opens a URL in the system's browser and returns at once; false where there is none to open, or no screen to show it on (a terminal over SSH).
    public static func openBrowser(_ url: URL) -> Bool {
        (try? KeyfobGenerated.openBrowser(url: url.absoluteString)) ?? false
    }

    /// Lets go of the store. Calls that are under way end as if nothing had happened; later ones throw
    /// ``KeyfobError/invalidState(_:)``. Ends every stream of ``changes``. Closing twice is no error; a handle that nobody holds any
    /// more is closed by itself.
    public func close() throws {
        announcer.finish()
        try translating { try raw.closeStore() }
    }

    /// What happens to sessions from now on, in the order in which this handle noticed it: what draws the login page, for instance. Each use gives a stream of
    /// its own, for one task to read; it keeps what has not been read yet, and ends with ``close()``, with this ``Keyfob``, or with the task that reads it.
    ///
    /// What another process does is noticed at the next call that looks at that session, and told then.
    ///
    /// ```swift
    /// for await change in keyfob.changes {
    ///     if case .ended(_, let cause) = change { showLogin(because: cause) }
    /// }
    /// ```
    public var changes: AsyncStream<SessionChange> { announcer.stream() }

    /// How many streams there are, for tests.
    var listeners: Int { announcer.count }

    /// The registrations, in the order of the configuration: what an app draws its login buttons from.
    public func registrations() throws -> [Registration] {
        try translating { try raw.registrations().map(Registration.init) }
    }

    /// Begins a login and gives the URL to open. The login is stored before this returns: the process may end while the user is in the
    /// browser, and the next one completes it.
    ///
    /// May touch the network (the provider's metadata, unless it is known already).
    public func beginLogin(_ registration: String, _ options: LoginOptions = LoginOptions()) async throws -> Login {
        try await detached { [raw] in try Login(raw.beginLogin(registration: registration, options: options.raw)) }
    }

    /// Completes the login that the redirect belongs to: the whole URL that the browser was sent back to. A redirect that already made a
    /// session is answered with that session. Touches the network.
    public func completeLogin(_ redirectURL: URL) async throws -> Completed {
        try await detached { [raw] in Completed(try raw.completeLogin(redirectUrl: redirectURL.absoluteString)) }
    }

    /// The same for the form that the browser posted to `url`, after ``LoginOptions/formPost``: `body` is the request's body as it came.
    public func completeLoginForm(_ url: URL, body: String) async throws -> Completed {
        try await detached { [raw] in Completed(try raw.completeLoginForm(url: url.absoluteString, body: body)) }
    }

    /// The whole login in one call, for an app of the desktop or the command line: listens on a loopback port (RFC 8252 section 7.3), begins the login, opens the
    /// browser, waits for the redirect, completes the login, and shows the user how it went. The registration's redirect URI is `http://127.0.0.1/…` or
    /// `http://[::1]/…`; without a port in it a free one is taken. Touches the network.
    ///
    /// Cancelling the task, or `control`, ends the login. `open` opens or shows the URL and returns at once, false where neither can be done; by default the
    /// system's browser is opened. ``KeyfobError/invalidState(_:)`` says that nothing can listen on the port, or that no browser could be opened
    /// (`BrowserUnavailable`), ``KeyfobError/timeout(_:)`` that no redirect came in time.
    public func loginInBrowser(
        _ registration: String,
        _ login: BrowserLogin = BrowserLogin(),
        control: LoginControl? = nil,
        open: (@Sendable (String) throws -> Bool)? = nil
    ) async throws -> Completed {
        let (control, browser, wanted) = (try control ?? LoginControl(), open.map(BrowserAdapter.init), login.raw)
        return try await cancelling(control) { [raw] in
            Completed(
                try raw.loginInBrowser(registration: registration, login: wanted, browser: browser, control: control.raw)
            )
        }
    }

    /// Begins a login that the user confirms on another device (RFC 8628): for a television, a console, a terminal. It is stored before this returns: any
    /// process can show it (``deviceLogin(_:)``) and poll it (``pollDeviceLogin(_:)``). Touches the network.
    public func beginDeviceLogin(_ registration: String, _ options: LoginOptions = LoginOptions()) async throws -> DeviceLogin {
        try await detached { [raw] in
            DeviceLogin(try raw.beginDeviceLogin(registration: registration, options: options.raw))
        }
    }

    /// What to show for a login on another device that waits, after a restart of the app for instance. Touches no network.
    public func deviceLogin(_ loginID: String) async throws -> DeviceLogin {
        try await detached { [raw] in DeviceLogin(try raw.deviceLogin(loginId: loginID)) }
    }

    /// Asks the provider once whether the user has confirmed, if it is time to ask; sooner nobody is asked. Being offline is no error: the login waits on. May
    /// touch the network.
    public func pollDeviceLogin(_ loginID: String) async throws -> DevicePoll {
        try await detached { [raw] in DevicePoll(try raw.pollDeviceLogin(loginId: loginID)) }
    }

    /// The whole login on another device: begins it, calls `show` once, polls by the rules, and returns with the session. Cancelling the task, or `control`,
    /// ends it. `show` shows the code, on a thread of Keyfob's, and returns at once; a login that it could not show is cancelled.
    public func loginOnAnotherDevice(
        _ registration: String,
        _ options: LoginOptions = LoginOptions(),
        control: LoginControl? = nil,
        show: @escaping @Sendable (DeviceLogin) throws -> Void
    ) async throws -> Completed {
        let (control, screen, wanted) = (try control ?? LoginControl(), ScreenAdapter(show), options.raw)
        return try await cancelling(control) { [raw] in
            Completed(
                try raw.loginOnAnotherDevice(
                    registration: registration,
                    options: wanted,
                    screen: screen,
                    control: control.raw
                )
            )
        }
    }

    /// Runs a call that waits for the user. When the task is cancelled, nobody waits any more: neither does the login.
    private func cancelling<T: Sendable>(_ control: LoginControl, _ call: @escaping @Sendable () throws -> T) async throws -> T {
        try await withTaskCancellationHandler {
            try await detached(call)
        } onCancel: {
            control.cancel()
        }
    }

    /// The logins that wait, for a redirect or for the user on another device, oldest first. Touches no network.
    public func pendingLogins() async throws -> [PendingLogin] {
        try await detached { [raw] in try raw.pendingLogins().map(PendingLogin.init) }
    }

    /// Ends a login that waits for its redirect, for instance because the user closed the browser: from now on the redirect is refused.
    /// Touches no network. Cancelling a login that is over is no error.
    public func cancelLogin(_ loginID: String) async throws {
        try await detached { [raw] in try raw.cancelLogin(loginId: loginID) }
    }

    /// Gives an access token that is good for at least `minValidity`: from memory as long as it is, refreshed when it is due. However many
    /// callers there are, one request is made. Call it before every request of yours; do not keep the token.
    ///
    /// ``KeyfobError/loginRequired(_:)`` says that the session has ended; nothing else means that.
    ///
    /// `wait` is how long to wait at most for a refresh that another task or process is making, instead of `wait_seconds` of the configuration
    /// (30 s). It bounds waiting and starting: a request that this call has sent is seen through to its end. When it is over, and no token is there
    /// that is good at all, it throws ``KeyfobError/refreshBusy(_:)`` where another process is at it, ``KeyfobError/timeout(_:)`` where
    /// this one is.
    ///
    /// `isolation` is the caller's, which need not give it: a token that is in memory changes no actor, and no thread.
    public func accessToken(
        _ sessionID: String,
        minValidity: Duration = .seconds(60),
        wait: Duration? = nil,
        isolation: isolated (any Actor)? = #isolation
    ) async throws -> AccessToken {
        let (millis, waitMillis) = (minValidity.milliseconds, wait?.milliseconds)
        // Most calls end here.
        let cached = try atOnce { try raw.cachedAccessToken(sessionId: sessionID, minValidityMillis: millis) }
        if let token = AccessToken(packed: cached) { return token }
        return try await detached { [raw] in
            AccessToken(try raw.accessToken(sessionId: sessionID, minValidityMillis: millis, waitMillis: waitMillis))
        }
    }

    /// Refreshes now, due or not. Callers at the same time share one request. Touches the network.
    @discardableResult
    public func refreshSession(_ sessionID: String) async throws -> Session {
        try await detached { [raw] in Session(try raw.refreshSession(sessionId: sessionID)) }
    }

    /// After a server of yours refused an access token (HTTP 401): gives one that is not the refused one. When the token has been replaced
    /// since, in this process or another, the newer one is given and nothing is sent; else one refresh is made, whoever asks.
    public func refreshIfCurrent(_ sessionID: String, rejectedToken: String) async throws -> AccessToken {
        try await detached { [raw] in
            AccessToken(try raw.refreshIfCurrent(sessionId: sessionID, rejectedToken: rejectedToken))
        }
    }

    /// The user's profile, at most `maxAge` old; zero always asks the provider. ``Session/profile`` is the stored one. May
    /// touch the network.
    public func profile(_ sessionID: String, maxAge: Duration = .seconds(120)) async throws -> Profile {
        let millis = maxAge.milliseconds
        return try await detached { [raw] in Profile(try raw.profile(sessionId: sessionID, maxAgeMillis: millis)) }
    }

    /// The session of that id, also one that has ended.
    public func session(_ sessionID: String) async throws -> Session {
        try await detached { [raw] in Session(try raw.session(sessionId: sessionID)) }
    }

    /// The session of a user, `providerUID` being the user's lasting id at the provider (``Session/providerUID``), at the issuer that the
    /// registration names now, also one that has ended by itself; nil if there is none or the app has logged it out. Touches no network. As quick in a
    /// store of a million sessions as in one of a hundred.
    public func findSession(_ registration: String, providerUID: String) async throws -> Session? {
        try await detached { [raw] in
            try raw.findSession(registration: registration, providerUid: providerUID).map(Session.init)
        }
    }

    /// All sessions, oldest first, without those that the app has logged out. Reads them all at once: where there may be many,
    /// ``sessionsPage(after:limit:)`` is for that.
    public func sessions() async throws -> [Session] {
        try await detached { [raw] in try raw.sessions().map(Session.init) }
    }

    /// Some of ``sessions()``: at most `limit`, from 1 to 1000, that come after the session with the id `after`; the first ones without it.
    /// The last id of a page asks for the next one, and an empty page is the end. Sessions that come or go meanwhile move no other:
    /// none is given twice or left out, and an `after` that was logged out meanwhile keeps its place. Touches no network. However many
    /// pages lie before it, a page takes the same time.
    public func sessionsPage(after: String? = nil, limit: UInt32 = 100) async throws -> [Session] {
        try await detached { [raw] in try raw.sessionsPage(after: after, limit: limit).map(Session.init) }
    }

    /// The session that the last login made, or that ``setCurrentSession(_:)`` named; nil once the app has logged it out.
    public func currentSession() async throws -> Session? {
        try await detached { [raw] in try raw.currentSession().map(Session.init) }
    }

    /// Makes a session the current one, for an app with several accounts.
    public func setCurrentSession(_ sessionID: String) async throws {
        try await detached { [raw] in try raw.setCurrentSession(sessionId: sessionID) }
    }

    /// Logs out: the session ends here and now, in every process, whatever the network does, and no token of it is left in the store. Then,
    /// unless the options say otherwise, the provider is asked once to revoke the token; that it could not be is no failure of this call:
    /// ``Ended/revocation`` tells, and ``maintain(limit:)`` asks again where that may help. Open ``Ended/logoutURL`` in the browser to log the user out of the provider too.
    @discardableResult
    public func endSession(_ sessionID: String, _ options: EndSession = EndSession()) async throws -> Ended {
        try await detached { [raw] in Ended(try raw.endSession(sessionId: sessionID, options: options.raw)) }
    }

    /// Takes the redirect from the provider's logout page, where ``Ended/logoutURL`` led, and says which session's logout it belongs to, by its
    /// `state` (OpenID Connect RP-Initiated Logout section 3): for a day after the logout, in every process, as often as it is asked. The session
    /// ended long before, in ``endSession(_:_:)``: a redirect that is refused here (``KeyfobError/redirectRejected(_:)``; with the reason
    /// `LogoutStateMismatch` where it has no `state`, or one that is not known or too old) changes nothing. Touches no network.
    @discardableResult
    public func completeLogout(_ redirectURL: URL) async throws -> LoggedOut {
        try await detached { [raw] in LoggedOut(try raw.completeLogout(redirectUrl: redirectURL.absoluteString)) }
    }

    /// Takes over a session from another library, without a new login. Touches no network: whether the tokens are good shows at their first
    /// use.
    public func importSession(_ tokens: ImportedTokens) async throws -> Session {
        try await detached { [raw] in Session(try raw.importSession(tokens: tokens.raw)) }
    }

    /// What to enter at the provider's developer console, and what it accepts.
    public func registrationGuide(_ registration: String) throws -> RegistrationGuide {
        try translating { RegistrationGuide(try raw.registrationGuide(registration: registration)) }
    }

    /// The newest lines of the journal, newest first: why things happened, without secrets.
    public func journal(limit: UInt32 = 100) async throws -> [JournalEntry] {
        try await detached { [raw] in try raw.journal(limit: limit).map(JournalEntry.init) }
    }

    /// Puts the store under another key and seals every secret in it anew. Touches no network. Takes time in proportion to the number of
    /// sessions; others may use the store meanwhile.
    ///
    /// Keep the new key in the keychain *before*, and the old one until this has returned: a process that is killed anywhere in between leaves a
    /// store that exactly one of the two opens, with everything in it, and the next one to open it ends the work. Other processes ask their
    /// ``StoreKeySource`` again; one that was opened with the old ``StoreKey`` itself throws ``KeyfobError/storeKey(_:)`` from then on.
    ///
    /// ``KeyfobError/configuration(_:)`` says that the store is kept in plaintext (open it with a key instead), ``KeyfobError/storeUnavailable(_:)``
    /// that the old key is not available now; then nothing was changed.
    public func rekey(_ newKey: StoreKey) async throws {
        try await detached { [raw] in try raw.rekey(newKey: newKey.raw) }
    }

    /// Does everything that is owed: saves tokens that could not be saved, mends refreshes that a process died in, tells providers of sessions
    /// that were logged out, refreshes what is due, forgets what is old. For a moment that the app picks: after its start, in a background
    /// task. Touches the network.
    ///
    /// Begins nothing new after `limit`; what was begun is seen through, so it may last one HTTP request longer. What does not succeed for one
    /// session is not thrown: ``Maintained/failed`` counts it, ``journal(limit:)`` says why.
    @discardableResult
    public func maintain(limit: Duration) async throws -> Maintained {
        let millis = limit.milliseconds
        return try await detached { [raw] in Maintained(try raw.maintain(limitMillis: millis)) }
    }

    /// Before the system freezes this process: lets nothing new begin, waits until `deadline` from now for what is under way, and then closes
    /// everything. No lock and no file of the store stays open, for which iOS would end a frozen app. A refresh that is still on its way at the
    /// deadline is given up and recorded as in doubt: the next call, here or in another process, repeats it at once. Holds for every
    /// ``Keyfob`` of this store in this process. Until ``resume()``, calls that need the store throw ``KeyfobError/invalidState(_:)`` with the
    /// reason `Suspended`; a good token still comes from memory for `coherence_seconds` of the configuration (1 s). Await it before you
    /// resume.
    ///
    /// ``KeyfobError/storeNotWritable(_:)`` says that there are tokens that still could not be saved: they are in memory only, and lost if the
    /// process ends. It is suspended all the same.
    public func suspend(deadline: Duration) async throws {
        let millis = deadline.milliseconds
        try await detached { [raw] in try raw.suspend(deadlineMillis: millis) }
    }

    /// Opens everything again after ``suspend(deadline:)``. Touches no network. Not suspended is no error. Where it throws, it is still
    /// suspended, and may be called again.
    public func resume() async throws {
        try await detached { [raw] in try raw.resume() }
    }

    /// How the store is: sessions, refreshes that were cut off, what is owed, how far the clock is off. Touches no network.
    public func health() async throws -> Health {
        try await detached { [raw] in Health(try raw.health()) }
    }
}

extension Keyfob: Redacted {
    public var description: String { raw.description }
}

extension Duration {
    /// Whole milliseconds; 0 for what is negative.
    var milliseconds: UInt64 {
        let (seconds, attoseconds) = components
        let whole = UInt64(max(seconds, 0)).multipliedReportingOverflow(by: 1000)
        return whole.overflow ? .max : whole.partialValue + UInt64(max(attoseconds, 0) / 1_000_000_000_000_000)
    }
}
