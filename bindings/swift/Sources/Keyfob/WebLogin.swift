import Foundation

extension Keyfob {
    /// The whole login in one call, where the app can show the browser and get the redirect back while it lives: begins the login, hands its URL to `browser`,
    /// and completes it with the redirect that `browser` gives. Touches the network.
    ///
    /// In SwiftUI, with `@Environment(\.webAuthenticationSession)`:
    ///
    /// ```swift
    /// try await keyfob.login("work-sso") { url in
    ///     try await webAuthenticationSession.authenticate(using: url, callbackURLScheme: "com.example.notes")
    /// }
    /// ```
    ///
    /// What `browser` throws is thrown, and ends the login: from then on nothing waits for its redirect. So does cancelling the task. What fails for now when the
    /// redirect is there is tried again some times, since nobody else has the redirect.
    ///
    /// - Parameters:
    ///   - registration: the id of the registration
    ///   - options: what the login asks for beyond it
    ///   - isolation: where `browser` runs: where the caller does
    ///   - browser: shows the URL, in the system's browser and never in a web view, and gives back the whole URL that it was sent to
    public func login(
        _ registration: String,
        _ options: LoginOptions = LoginOptions(),
        isolation: isolated (any Actor)? = #isolation,
        browser: (URL) async throws -> URL
    ) async throws -> Completed {
        let login = try await beginLogin(registration, options)
        let redirect: URL
        do {
            redirect = try await browser(login.authorizationURL)
            try Task.checkCancellation()
        } catch {
            // In a task of its own: this one may be cancelled. A login that cannot be ended now is over in an hour anyway.
            _ = await Task { [id = login.id] in try? await cancelLogin(id) }.value
            throw error
        }
        // As `loginInBrowser` does it.
        for pause: TimeInterval in [1, 2, 4] {
            do {
                return try await completeLogin(redirect)
            } catch let error as KeyfobError where error.details.isRetryable {
                try await Task.sleep(for: .seconds(min(error.details.retryAfter ?? pause, 10)))
            }
        }
        return try await completeLogin(redirect)
    }
}

/// Where a web session has to look for the redirect.
enum WebCallback: Equatable {
    /// URLs of the app's own scheme.
    case scheme(String)

    /// An https URL that is the app's by an associated domain.
    case https(host: String, path: String)

    /// Nil for a redirect URI that no web session can catch: one of the loopback address.
    init?(redirectURI: String) {
        guard let url = URLComponents(string: redirectURI), let scheme = url.scheme?.lowercased() else { return nil }
        switch (scheme, url.host) {
        case ("http", _), ("https", nil), ("https", ""): return nil
        case ("https", let host?): self = .https(host: host, path: url.path.isEmpty ? "/" : url.path)
        default: self = .scheme(scheme)
        }
    }
}
