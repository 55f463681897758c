import Foundation
internal import KeyfobGenerated

/// An access token that was good when it was given. Ask for it anew before each request; do not keep it.
public struct AccessToken: Sendable {
    /// The token, for the header `Authorization: Bearer …`. Opaque: never parse it.
    public let secret: String

    /// When it is over; nil where the provider did not say.
    public let expiresAt: Date?

    /// Whether it is in memory only: the disk was full when it came, and it is lost if this process ends before it can be saved. Calls for
    /// this session and ``Keyfob/maintain(limit:)`` try that again.
    public let isUnsaved: Bool

    init(_ raw: RawAccessToken) {
        secret = raw.secret
        expiresAt = raw.expiresAt
        isUnsaved = raw.unsaved
    }
}

extension AccessToken: Redacted {
    /// Without the token.
    public var description: String { "AccessToken([redacted])" }
}
