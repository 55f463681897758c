import Foundation
internal import KeyfobGenerated

/// What another library kept of a session, for ``Keyfob/importSession(_:)``. One of the two tokens has to be there.
public struct ImportedTokens: Sendable {
    /// The registration that the session is to belong to.
    public var registration: String

    /// The user's lasting id at the provider: `sub`, where it speaks OpenID Connect. Who imports vouches for it: nobody is asked.
    public var providerUID: String

    /// The access token.
    public var accessToken: String?

    /// When the access token is over, where that is known. Says nothing without one.
    public var expiresAt: Date?

    /// The refresh token.
    public var refreshToken: String?

    /// The scopes that were granted.
    public var scopes: [String]

    /// What is to be imported.
    public init(
        registration: String,
        providerUID: String,
        accessToken: String? = nil,
        expiresAt: Date? = nil,
        refreshToken: String? = nil,
        scopes: [String] = []
    ) {
        self.registration = registration
        self.providerUID = providerUID
        self.accessToken = accessToken
        self.expiresAt = expiresAt
        self.refreshToken = refreshToken
        self.scopes = scopes
    }

    var raw: RawImportedTokens {
        RawImportedTokens(
            registration: registration,
            providerUid: providerUID,
            accessToken: accessToken,
            expiresAt: expiresAt,
            refreshToken: refreshToken,
            scopes: scopes
        )
    }
}

extension ImportedTokens: Redacted {
    /// Without tokens and without the user.
    public var description: String { "ImportedTokens(\(registration))" }
}
