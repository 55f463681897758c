import Foundation
internal import KeyfobGenerated

/// What one login asks for beyond its registration.
public struct LoginOptions: Sendable {
    /// Scopes beside the registration's default ones.
    public var scopes: [String]

    /// Where the app wants to go after success: stored with the login and given back by ``Completed/returnTo``, also in another
    /// process. Never sent to the provider.
    public var success: String?

    /// The same after a failure: given back by ``KeyfobError/Details/returnTo``.
    public var failure: String?

    /// The port that the app listens on, for a loopback redirect URI that leaves it open.
    public var redirectPort: UInt16?

    /// Options; without any argument, nothing beyond the registration.
    public init(scopes: [String] = [], success: String? = nil, failure: String? = nil, redirectPort: UInt16? = nil) {
        self.scopes = scopes
        self.success = success
        self.failure = failure
        self.redirectPort = redirectPort
    }

    var raw: RawLoginOptions {
        RawLoginOptions(scopes: scopes, success: success, failure: failure, redirectPort: redirectPort)
    }
}

extension LoginOptions: Redacted {
    /// Without the links.
    public var description: String { "LoginOptions(scopes: \(scopes), redirectPort: \(redirectPort.map(String.init) ?? "nil"))" }
}

/// A login that has begun. It is already stored: the process may end before the redirect comes.
public struct Login: Sendable {
    /// The id of this login in this store.
    public let id: String

    /// The registration it was begun for.
    public let registration: String

    /// The URL to open in the system's browser, never in a web view. It holds the login's `state`: do not log it.
    public let authorizationURL: URL

    /// When the login stops waiting for its redirect.
    public let expiresAt: Date

    init(_ raw: RawLogin) throws {
        guard let url = URL(string: raw.authorizationUrl) else { throw KeyfobError.panicked }
        id = raw.id
        registration = raw.registration
        authorizationURL = url
        expiresAt = raw.expiresAt
    }
}

extension Login: Redacted {
    /// Without the URL.
    public var description: String { "Login(\(id), \(registration))" }
}

/// A login that has become a session.
public struct Completed: Sendable {
    /// The session.
    public let session: Session

    /// The success link that the login was begun with.
    public let returnTo: String?

    init(_ raw: RawCompleted) {
        session = Session(raw.session)
        returnTo = raw.returnTo
    }
}

extension Completed: Redacted {
    /// Without the link.
    public var description: String { "Completed(\(session))" }
}
