import Foundation
internal import KeyfobGenerated

/// One line of the journal. Holds no secret.
public struct JournalEntry: Sendable, Equatable {
    /// When it happened, by this device's wall clock.
    public let at: Date

    /// The process it happened in.
    public let pid: UInt32

    /// What happened: `LoginBegun`, `LoginCompleted`, `LoginFailed`, `Refreshed`, `RefreshFailed`, `SessionEnded`, …
    public let event: String

    /// The id of the registration.
    public let registration: String?

    /// The id of the session, where there is one.
    public let session: String?

    /// Why, where something went wrong or ended; as ``KeyfobError/Details/reason``.
    public let reason: String?

    /// The HTTP status of the provider's answer, where there was one.
    public let httpStatus: UInt16?

    init(_ raw: RawJournalEntry) {
        at = raw.at
        pid = raw.pid
        event = raw.event
        registration = raw.registration
        session = raw.session
        reason = raw.reason
        httpStatus = raw.httpStatus
    }
}
