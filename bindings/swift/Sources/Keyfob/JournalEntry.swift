import Foundation
internal import KeyfobGenerated

/// One line of the journal. Holds no secret.
public struct JournalEntry: Sendable, Equatable {
    /// When it happened, by this device's wall clock.
    public let at: Date

    /// The process it happened in.
    public let pid: UInt32

    /// What happened: `LoginBegun`, `LoginCompleted`, `LoginFailed`, `Refreshed`, `RefreshFailed`, `SessionEnded`,
    /// `SessionImported`, `TokensRevoked`, `RevocationFailed`, …
    public let event: String

    /// The id of the registration.
    public let registration: String?

    /// The id of the session, where there is one.
    public let session: String?

    /// Why, where something went wrong or ended; as ``KeyfobError/Details/reason``.
    public let reason: String?

    /// The HTTP status of the provider's answer, where there was one.
    public let httpStatus: UInt16?

    /// Why a refresh was wanted: `token` (a call needed a token), `early` (before one does), `asked` (``Keyfob/refreshSession(_:)``), `rejected`
    /// (``Keyfob/refreshIfCurrent(_:rejectedToken:)``), `interrupted` (a refresh that was cut off is mended).
    public let wish: String?

    /// How many seconds the refresh took, waiting for others included.
    public let waited: TimeInterval?

    /// How many seconds the provider's clock was ahead of this device's (behind, where negative), where the answer told.
    public let clockSkewSeconds: Int64?

    init(_ raw: RawJournalEntry) {
        at = raw.at
        pid = raw.pid
        event = raw.event
        registration = raw.registration
        session = raw.session
        reason = raw.reason
        httpStatus = raw.httpStatus
        wish = raw.wish
        waited = raw.waited
        clockSkewSeconds = raw.clockSkewSeconds
    }
}
