internal import KeyfobGenerated

/// What a login in the browser is to be like (``Keyfob/loginInBrowser(_:_:control:open:)``).
public struct BrowserLogin: Sendable {
    /// What the login asks for. Its `success` and `failure` are where the browser is sent at the end, where they are absolute links; else it shows the
    /// built-in pages. Its `redirectPort` is the port to listen on.
    public var options: LoginOptions

    /// What the built-in pages say.
    public var pages: LoginPages

    /// How long to wait for the redirect. The configuration's limit for logins holds too.
    public var timeLimit: Duration

    /// Without any argument: nothing beyond the registration, the built-in pages, five minutes.
    public init(
        options: LoginOptions = LoginOptions(),
        pages: LoginPages = LoginPages(),
        timeLimit: Duration = .seconds(300)
    ) {
        self.options = options
        self.pages = pages
        self.timeLimit = timeLimit
    }

    var raw: RawBrowserLogin {
        RawBrowserLogin(options: options.raw, pages: pages.raw, timeLimitMillis: timeLimit.milliseconds)
    }
}

/// What the pages at the end of a login in the browser say. Everything has an English default; all of it is plain text.
public struct LoginPages: Sendable {
    /// What a page says.
    public struct Text: Sendable {
        /// The title.
        public var title: String

        /// What stands below it.
        public var text: String

        /// A title and what stands below it.
        public init(title: String, text: String) {
            self.title = title
            self.text = text
        }

        var raw: RawPageText { RawPageText(title: title, words: text) }
    }

    /// What they call the app.
    public var app: String?

    /// The language of the texts (BCP 47, for instance `de` or `pt-BR`), for screen readers.
    public var language: String?

    /// Whether the texts are written from right to left.
    public var rightToLeft: Bool

    /// After a login.
    public var success: Text?

    /// After the user, or the provider's policy, said no.
    public var denied: Text?

    /// After any other failure: what to do now. The name of the reason stands below it.
    public var failure: Text?

    /// Pages; without any argument, those that are built in.
    public init(
        app: String? = nil,
        language: String? = nil,
        rightToLeft: Bool = false,
        success: Text? = nil,
        denied: Text? = nil,
        failure: Text? = nil
    ) {
        self.app = app
        self.language = language
        self.rightToLeft = rightToLeft
        self.success = success
        self.denied = denied
        self.failure = failure
    }

    var raw: RawLoginPages {
        RawLoginPages(
            app: app,
            language: language,
            rightToLeft: rightToLeft,
            success: success?.raw,
            denied: denied?.raw,
            failure: failure?.raw
        )
    }
}

/// The other end of a login that waits: made before it, given to it, and used from anywhere. One for each login.
public final class LoginControl: Sendable {
    let raw: RawLoginControl

    /// A control for one login.
    public init() throws {
        raw = try translating { try RawLoginControl.make() }
    }

    /// Ends the login that waits: it throws ``KeyfobError/cancelled(_:)`` and is over in the store. Before the login begins, it will not begin. A login whose
    /// answer is there already is completed.
    public func cancel() {
        try? raw.cancel()
    }

    /// Whether somebody has cancelled.
    public var isCancelled: Bool { (try? raw.isCancelled()) ?? false }

    /// Hands the redirect over to a login in the browser that waits: the whole URL, as the user copied it from a browser that could not reach this machine.
    /// Throws ``KeyfobError/redirectRejected(_:)`` for what is not a redirect of the login that waits; the login waits on.
    public func handOver(_ redirectURL: String) throws {
        try translating { try raw.handOver(redirectUrl: redirectURL) }
    }
}

/// Opens what a closure does.
final class BrowserAdapter: RawBrowser {
    private let opened: @Sendable (String) throws -> Bool

    init(_ opened: @escaping @Sendable (String) throws -> Bool) {
        self.opened = opened
    }

    func openUrl(url: String) throws -> Bool { try opened(url) }
}
