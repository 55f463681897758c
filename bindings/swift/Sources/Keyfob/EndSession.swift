import Foundation
internal import KeyfobGenerated

/// How a session is to end.
public struct EndSession: Sendable {
    /// Here only: no network is touched, and the provider's tokens live on until they are over.
    public var localOnly: Bool

    /// Where the provider's logout page sends the browser afterwards, for ``Ended/logoutURL``: an absolute URI without a fragment, registered at the
    /// provider. ``Keyfob/completeLogout(_:)`` knows the redirect by its `state`.
    public var postLogoutRedirectURI: String?

    /// Options; without any argument: here, and at the provider where it offers revocation.
    public init(localOnly: Bool = false, postLogoutRedirectURI: String? = nil) {
        self.localOnly = localOnly
        self.postLogoutRedirectURI = postLogoutRedirectURI
    }

    var raw: RawEndSession {
        RawEndSession(localOnly: localOnly, postLogoutRedirectUri: postLogoutRedirectURI)
    }
}

extension EndSession: Redacted {
    /// Without the link.
    public var description: String { "EndSession(localOnly: \(localOnly))" }
}

/// A session that has ended.
public struct Ended: Sendable {
    /// What became of the token at the provider.
    public enum Revocation: Sendable {
        /// The provider says that it is good for nothing any more.
        case done
        /// Nobody asked the provider to: ``EndSession/localOnly``, or there was no token left.
        case notAsked
        /// The provider offers no revocation for it.
        case notSupported
        /// The provider could not be asked now. The token is kept aside, and ``Keyfob/maintain(limit:)`` asks again, for seven days; the session
        /// has ended all the same.
        case owed(KeyfobError)
        /// The provider was asked and did not do it. The token lives on until it is over; the session has ended all the same.
        case failed(KeyfobError)
    }

    /// What became of the token at the provider.
    public let revocation: Revocation

    /// A page to open in the browser, where the user is to be logged out of the provider too; nil where the provider has none, or is not
    /// known to have one. Holds the ID token: do not log it.
    public let logoutURL: URL?

    init(_ raw: RawEnded) {
        revocation =
            switch raw.revocation {
            case .done: .done
            case .notAsked: .notAsked
            case .notSupported: .notSupported
            case .owed(let error): .owed(KeyfobError(error))
            case .failed(let error): .failed(KeyfobError(error))
            }
        logoutURL = raw.logoutUrl.flatMap(URL.init(string:))
    }
}

extension Ended: Redacted {
    /// Without the URL.
    public var description: String {
        switch revocation {
        case .done: "Ended(done)"
        case .notAsked: "Ended(notAsked)"
        case .notSupported: "Ended(notSupported)"
        case .owed(let error): "Ended(owed: \(error))"
        case .failed(let error): "Ended(failed: \(error))"
        }
    }
}

/// A logout whose browser came back from the provider's page.
public struct LoggedOut: Sendable, Hashable {
    /// The id of the session that was logged out of.
    public let sessionID: String

    /// The id of the registration that it was a session of.
    public let registration: String

    init(_ raw: RawLoggedOut) {
        sessionID = raw.sessionId
        registration = raw.registration
    }
}
