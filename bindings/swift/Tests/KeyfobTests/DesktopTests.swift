import Foundation
import Keyfob
import Testing

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// What is found out on another thread.
private final class Found: @unchecked Sendable {
    private let lock = NSLock()
    private var text: String?

    func put(_ text: String) { lock.withLock { self.text = text } }

    func value() async throws -> String {
        for _ in 0..<1000 {
            if let text = lock.withLock({ text }) { return text }
            try await Task.sleep(nanoseconds: 10_000_000)
        }
        throw Trouble("nothing was found")
    }
}

@Suite struct DesktopTests {
    /// Logs in as the browser would, in a task of its own, and follows the redirect to the app.
    private func follow(_ provider: TestProvider, _ shown: Found, deny: Bool = false) -> @Sendable (String) -> Bool {
        { url in
            Task {
                let redirect = try await deny ? provider.refuse(URL(string: url)!) : provider.logIn(URL(string: url)!)
                let (data, _) = try await Browser().send(URLRequest(url: redirect))
                shown.put(String(decoding: data, as: UTF8.self))
            }
            return true
        }
    }

    private func waitForLogin(_ keyfob: Keyfob) async throws {
        while try await keyfob.pendingLogins().isEmpty { try await Task.sleep(nanoseconds: 10_000_000) }
    }

    @Test func aLoginInTheBrowserMakesASessionAndShowsTheAppsWords() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let page = Found()
        let pages = LoginPages(app: "Notizen", language: "de", success: .init(title: "Angemeldet", text: "Das Fenster kann zu."))
        let wanted = BrowserLogin(options: LoginOptions(appData: "42"), pages: pages, timeLimit: .seconds(60))
        let completed = try await keyfob.loginInBrowser("work-sso", wanted, open: follow(provider, page))
        #expect(completed.session.providerUID == "u-1")
        #expect(completed.appData == "42")
        let shown = try await page.value()
        for words in ["lang=\"de\"", "Notizen", "Angemeldet", "Das Fenster kann zu."] {
            #expect(shown.contains(words))
        }
    }

    @Test func aUserWhoSaysNoSeesThePageForThat() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let page = Found()
        let pages = LoginPages(rightToLeft: true, denied: .init(title: "Declined", text: "As you like."))
        let error = try await errorOf {
            _ = try await keyfob.loginInBrowser("work-sso", BrowserLogin(pages: pages), open: follow(provider, page, deny: true))
        }
        guard case .accessDenied = error else { throw Trouble("\(error)") }
        let shown = try await page.value()
        #expect(shown.contains("Declined") && shown.contains("As you like.") && shown.contains("dir=\"rtl\""))
    }

    @Test func aLoginEndsByItsControlItsTimeLimitItsTaskAndForWantOfABrowser() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let control = try LoginControl()
        let waiting = Task { try await errorOf { _ = try await keyfob.loginInBrowser("work-sso", control: control) { _ in true } } }
        try await waitForLogin(keyfob)
        control.cancel()
        guard case .cancelled = try await waiting.value, control.isCancelled else { throw Trouble("it was not cancelled") }

        let late = try await errorOf {
            _ = try await keyfob.loginInBrowser("work-sso", BrowserLogin(timeLimit: .milliseconds(50))) { _ in true }
        }
        guard case .timeout = late else { throw Trouble("\(late)") }

        let left = Task { try await keyfob.loginInBrowser("work-sso") { _ in true } }
        try await waitForLogin(keyfob)
        left.cancel()
        while try await !keyfob.pendingLogins().isEmpty { try await Task.sleep(nanoseconds: 10_000_000) }

        let none = try await errorOf { _ = try await keyfob.loginInBrowser("work-sso") { _ in throw Trouble("no browser") } }
        guard case .invalidState(let details) = none else { throw Trouble("\(none)") }
        #expect(details.reason == "BrowserUnavailable")
    }

    @Test func aPastedRedirectCompletesALoginAndAWrongOneDoesNotDisturbIt() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let control = try LoginControl()
        let url = Found()
        let waiting = Task {
            try await keyfob.loginInBrowser("work-sso", control: control) { opened in
                url.put(opened)
                return true
            }
        }
        let opened = try await url.value()
        let wrong = try await errorOf { try control.handOver("http://127.0.0.1/?state=guessed&code=x") }
        guard case .redirectRejected = wrong else { throw Trouble("\(wrong)") }
        try control.handOver(await provider.logIn(URL(string: opened)!).absoluteString)
        #expect(try await waiting.value.session.providerUID == "u-1")
    }

    @Test func aLoginOnAnotherDeviceIsBegunShownAgainPolledAndCompleted() async throws {
        // The interval is the test's clock's to wait for: the provider's own is not looked at.
        let provider = try TestProvider(#"{ "device": { "interval_seconds": 60, "enforce_interval": false } }"#)
        let clock = TurnedClock()
        let keyfob = try await Keyfob.open(provider.config, clock: clock)
        let login = try await keyfob.beginDeviceLogin("work-sso", LoginOptions(success: "app:/home"))
        #expect(login.registration == "work-sso")
        #expect(login.verificationURI.hasSuffix("/device") && login.verificationURIComplete?.contains(login.userCode) == true)
        #expect(login.expiresAt > Date() && login.interval == .seconds(60))
        #expect(login.qrCodeText?.isEmpty == false && login.qrCodeSVG?.contains("<svg") == true)
        #expect(!"\(login)".contains(login.userCode))
        let pending = try await keyfob.pendingLogins()
        #expect(pending.map(\.isOnAnotherDevice) == [true])
        #expect(try await keyfob.deviceLogin(pending[0].id).userCode == login.userCode)
        guard case .wait(let wait) = try await keyfob.pollDeviceLogin(login.id) else { throw Trouble("too soon") }
        #expect(wait > .zero)
        #expect(try await provider.tokenRequests().isEmpty)

        try await provider.connect(login)
        clock.turn(61)
        guard case .done(let completed) = try await keyfob.pollDeviceLogin(login.id) else { throw Trouble("not yet") }
        #expect(completed.session.providerUID == "u-1")
        #expect(completed.returnTo == "app:/home")
    }

    @Test func theWholeLoginOnAnotherDeviceIsOneCall() async throws {
        let provider = try TestProvider(#"{ "device": { "interval_seconds": 1 } }"#)
        let keyfob = try await Keyfob.open(provider.config)
        let completed = try await keyfob.loginOnAnotherDevice("work-sso") { login in
            Task { try await provider.connect(login) }
        }
        #expect(completed.session.providerUID == "u-1")
        let failed = try await errorOf {
            _ = try await keyfob.loginOnAnotherDevice("work-sso") { _ in throw Trouble("no screen") }
        }
        guard case .cancelled = failed else { throw Trouble("\(failed)") }
    }

    @Test func aFormThatTheBrowserPostsIsCompleted() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let login = try await keyfob.beginLogin("work-sso", LoginOptions(redirectPort: 4100, formPost: true))
        let (url, body) = try await provider.logInByForm(login.authorizationURL)
        let mixed = try await errorOf {
            _ = try await keyfob.completeLoginForm(URL(string: url.absoluteString + "?state=x")!, body: body)
        }
        guard case .redirectRejected = mixed else { throw Trouble("\(mixed)") }
        #expect(try await keyfob.completeLoginForm(url, body: body).session.providerUID == "u-1")
    }
}
