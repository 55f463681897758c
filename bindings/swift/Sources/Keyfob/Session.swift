import Foundation
internal import KeyfobGenerated

/// A session as it was when it was read.
public struct Session: Sendable, Equatable, Identifiable {
    /// Whether a session can still give a token.
    public enum State: Sendable, Equatable {
        /// It can.
        case active
        /// It has ended, and a new login is the way on. The reason is as in ``KeyfobError/loginRequired(_:)``: `Revoked`, `Expired`,
        /// `LoggedOut`, …
        case ended(reason: String)
    }

    /// The id: random, never used again.
    public let id: String

    /// The id of the registration it was logged in with.
    public let registration: String

    /// The id of the provider.
    public let provider: String

    /// The user's lasting id at the provider.
    public let providerUID: String

    /// Whether the session can still give a token.
    public let state: State

    /// The access token as last saved, empty once the session has ended. It may be over:
    /// ``Keyfob/accessToken(_:minValidity:wait:isolation:)`` gives a good one.
    public let providerAccessToken: String

    /// When that token is over; nil where the provider did not say.
    public let providerAccessTokenExpiry: Date?

    /// The refresh token as last saved, where the provider gave one. Keyfob uses it for the app; an app that uses it itself will be
    /// logged out by the provider's reuse detection.
    public let providerRefreshToken: String?

    /// The ID token as it came, for an app's own back end; nil where there is none. The one of the last refresh that brought one.
    public let idToken: String?

    /// The claims of that ID token, as one JSON object. Its signature was verified.
    public let idTokenClaimsJSON: String?

    /// What else the token answer had, as one JSON object: `instance_url`, `refresh_token_expires_in`, …
    public let tokenAnswerJSON: String

    /// The scopes that were granted, which may be fewer than were asked for.
    public let scopes: [String]

    /// The profile as last fetched.
    public let profile: Profile

    /// When the user logged in.
    public let createdAt: Date

    /// When the tokens were last replaced.
    public let updatedAt: Date

    init(_ raw: RawSession) {
        id = raw.id
        registration = raw.registration
        provider = raw.provider
        providerUID = raw.providerUid
        state =
            switch raw.state {
            case .active: .active
            case .ended(let reason): .ended(reason: reason)
            }
        providerAccessToken = raw.providerAccessToken
        providerAccessTokenExpiry = raw.providerAccessTokenExpiry
        providerRefreshToken = raw.providerRefreshToken
        idToken = raw.idToken
        idTokenClaimsJSON = raw.idTokenClaimsJson
        tokenAnswerJSON = raw.tokenAnswerJson
        scopes = raw.scopes
        profile = Profile(raw.profile)
        createdAt = raw.createdAt
        updatedAt = raw.updatedAt
    }
}

extension Session: Redacted {
    /// Without tokens and without the user.
    public var description: String {
        switch state {
        case .active: "Session(\(id), \(registration), active)"
        case .ended(let reason): "Session(\(id), \(registration), ended: \(reason))"
        }
    }
}

/// The user as the provider describes them, in one shape for every provider.
public struct Profile: Sendable, Equatable {
    /// The user's lasting id at the provider.
    public let uid: String

    /// The name to show.
    public let name: String?

    /// The e-mail address.
    public let email: String?

    /// Whether the provider vouches for the e-mail address; false where it does not say.
    public let emailVerified: Bool

    /// The address of a picture of the user.
    public let avatarURL: String?

    /// The user's language and region, as the provider writes it.
    public let locale: String?

    /// Every claim that the provider sent, as one JSON object.
    public let rawJSON: String

    init(_ raw: RawProfile) {
        uid = raw.uid
        name = raw.name
        email = raw.email
        emailVerified = raw.emailVerified
        avatarURL = raw.avatarUrl
        locale = raw.locale
        rawJSON = raw.rawJson
    }
}

extension Profile: Redacted {
    /// Nothing of it.
    public var description: String { "Profile([redacted])" }
}
