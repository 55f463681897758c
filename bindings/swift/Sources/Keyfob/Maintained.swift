internal import KeyfobGenerated

/// What ``Keyfob/maintain(limit:)`` did.
public struct Maintained: Sendable, Equatable {
    /// How many sessions got new tokens, or had theirs checked or saved at last.
    public let refreshed: UInt64

    /// How many logged-out sessions the provider was told of.
    public let revoked: UInt64

    /// How many pieces of work did not succeed this time; ``Keyfob/journal(limit:)`` says why.
    public let failed: UInt64

    /// How many are left: call again later.
    public let owed: UInt64

    init(_ raw: RawMaintained) {
        refreshed = raw.refreshed
        revoked = raw.revoked
        failed = raw.failed
        owed = raw.owed
    }
}
