import Foundation
internal import KeyfobGenerated

/// An access token that was good when it was given. Ask for it anew before each request; do not keep it.
public struct AccessToken: Sendable {
    /// The token, for the header `Authorization: Bearer …`. Opaque: never parse it.
    public let secret: String

    /// When it is over; nil where the provider did not say.
    public let expiresAt: Date?

    init(_ raw: RawAccessToken) {
        secret = raw.secret
        expiresAt = raw.expiresAt
    }
}

extension AccessToken: Redacted {
    /// Without the token.
    public var description: String { "AccessToken([redacted])" }
}
