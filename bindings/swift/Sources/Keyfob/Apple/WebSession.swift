#if canImport(AuthenticationServices) && !os(tvOS) && !os(watchOS)
import AuthenticationServices
import Foundation

extension Keyfob {
    /// The whole login in one call, in a sheet of the system's (`ASWebAuthenticationSession`): it shows the provider's pages with the browser's cookies, which
    /// the app cannot read, and gives back the redirect. The registration's redirect URI is of a scheme of the app's own (`com.example.notes:/callback`), or
    /// `https://…` of an associated domain with `webcredentials`, from iOS 17.4, macOS 14.4 and visionOS 1.1 on. Touches the network.
    ///
    /// ``KeyfobError/cancelled(_:)`` says that the user closed the sheet, ``KeyfobError/configuration(_:)`` that no sheet can catch the registration's redirect URI,
    /// ``KeyfobError/invalidState(_:)`` (`BrowserUnavailable`) that none could be opened over that window. In each case, and when the task is cancelled, the login is over. When the app is killed, its sheet goes with it.
    ///
    /// - Parameters:
    ///   - registration: the id of the registration
    ///   - options: what the login asks for beyond it
    ///   - window: the window that the sheet lies over
    ///   - ephemeral: without the browser's cookies: the user types name and password again, and leaves no session behind in the browser
    @MainActor
    public func loginInWebSession(
        _ registration: String,
        _ options: LoginOptions = LoginOptions(),
        over window: ASPresentationAnchor,
        ephemeral: Bool = false
    ) async throws -> Completed {
        guard let callback = WebCallback(redirectURI: try registrationGuide(registration).redirectURI) else {
            throw KeyfobError.noWebCallback
        }
        return try await login(registration, options) { url in
            try await WebSheet(window).show(url, until: callback, ephemeral: ephemeral)
        }
    }
}

/// One sheet, from its opening to its end.
@MainActor
private final class WebSheet: NSObject, ASWebAuthenticationPresentationContextProviding {
    private let window: ASPresentationAnchor
    private var session: ASWebAuthenticationSession?

    init(_ window: ASPresentationAnchor) {
        self.window = window
    }

    func show(_ url: URL, until callback: WebCallback, ephemeral: Bool) async throws -> URL {
        let answer = Answer<URL>()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                // Cancelled before it began: no sheet is shown.
                guard answer.expect(continuation) else { return }
                // `@Sendable`: it may be called on any thread, and a closure of the main actor's ends the app there.
                let session = Self.session(url, callback) { @Sendable redirect, error in
                    answer.give(redirect.map(Result.success) ?? .failure(Self.meaning(of: error)))
                }
                guard let session else {
                    answer.give(.failure(KeyfobError.noWebCallback))
                    return
                }
                session.presentationContextProvider = self
                session.prefersEphemeralWebBrowserSession = ephemeral
                self.session = session
                if !session.start() { answer.give(.failure(KeyfobError.noSheet)) }
            }
        } onCancel: {
            answer.give(.failure(CancellationError()))
            Task { @MainActor in self.session?.cancel() }
        }
    }

    func presentationAnchor(for session: ASWebAuthenticationSession) -> ASPresentationAnchor { window }

    private static func session(
        _ url: URL,
        _ callback: WebCallback,
        _ done: @escaping @Sendable (URL?, (any Error)?) -> Void
    ) -> ASWebAuthenticationSession? {
        switch callback {
        case .scheme(let scheme):
            return ASWebAuthenticationSession(url: url, callbackURLScheme: scheme, completionHandler: done)
        case .https(let host, let path):
            guard #available(iOS 17.4, macOS 14.4, visionOS 1.1, *) else { return nil }
            return ASWebAuthenticationSession(url: url, callback: .https(host: host, path: path), completionHandler: done)
        }
    }

    nonisolated private static func meaning(of error: (any Error)?) -> KeyfobError {
        guard let error = error as? ASWebAuthenticationSessionError, error.code != .canceledLogin else { return .closedByTheUser }
        return .noSheet
    }
}
#endif
