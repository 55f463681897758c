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

    /// More parameters of the authorization request, in their order, for instance `prompt` or `login_hint`. Those that make a login safe are Keyfob's own
    /// and cannot be set. What `max_age` (seconds) and `acr_values` ask for is checked in the ID token: a login that does not keep to it is
    /// refused (``KeyfobError/tokenRejected(_:)``, with the reason `IdTokenAuthTime` or `IdTokenAcr`).
    public var parameters: [(name: String, value: String)]

    /// Something of the app's own to have back when the login completes, also in another process: ``Completed/appData``. Stored, never
    /// sent to the provider.
    public var appData: String?

    /// The id of a session that more scopes are asked for: those it has are asked for too, and logging in as somebody else is refused.
    public var forSession: String?

    /// Has the answer come as a form that the browser posts, for ``Keyfob/completeLoginForm(_:body:)``: no code stands in a URL then. Not with a private-use
    /// scheme, and not every provider can.
    public var formPost: Bool

    /// Options; without any argument, nothing beyond the registration.
    public init(
        scopes: [String] = [],
        success: String? = nil,
        failure: String? = nil,
        redirectPort: UInt16? = nil,
        parameters: [(name: String, value: String)] = [],
        appData: String? = nil,
        forSession: String? = nil,
        formPost: Bool = false
    ) {
        self.scopes = scopes
        self.success = success
        self.failure = failure
        self.redirectPort = redirectPort
        self.parameters = parameters
        self.appData = appData
        self.forSession = forSession
        self.formPost = formPost
    }

    var raw: RawLoginOptions {
        RawLoginOptions(
            scopes: scopes,
            success: success,
            failure: failure,
            parameters: parameters.map { RawParameter(name: $0.name, value: $0.value) },
            appData: appData,
            forSession: forSession,
            redirectPort: redirectPort,
            formPost: formPost
        )
    }
}

extension LoginOptions: Redacted {
    /// Without the links, the parameters and the app's own.
    public var description: String {
        "LoginOptions(scopes: \(scopes), redirectPort: \(redirectPort.map(String.init) ?? "nil"), forSession: \(forSession ?? "nil"))"
    }
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

    /// What the app gave the login to keep.
    public let appData: String?

    init(_ raw: RawCompleted) {
        session = Session(raw.session)
        returnTo = raw.returnTo
        appData = raw.appData
    }
}

extension Completed: Redacted {
    /// Without the link and without what the app gave.
    public var description: String { "Completed(\(session))" }
}

/// A login that waits, for its redirect or for the user on another device. Holds no secret.
public struct PendingLogin: Sendable, Equatable, Identifiable {
    /// The id of the login in this store, for ``Keyfob/cancelLogin(_:)``.
    public let id: String

    /// The registration it was begun for.
    public let registration: String

    /// When it was begun.
    public let createdAt: Date

    /// When it stops waiting.
    public let expiresAt: Date

    /// Whether it waits for the user on another device: ``Keyfob/deviceLogin(_:)`` gives what to show, ``Keyfob/pollDeviceLogin(_:)`` goes on with it.
    public let isOnAnotherDevice: Bool

    init(_ raw: RawPendingLogin) {
        id = raw.id
        registration = raw.registration
        createdAt = raw.createdAt
        expiresAt = raw.expiresAt
        isOnAnotherDevice = raw.isOnAnotherDevice
    }
}
