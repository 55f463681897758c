import Foundation
internal import KeyfobGenerated

/// How a store is: for a support engineer, beside ``Keyfob/journal(limit:)``. Holds no secret.
public struct Health: Sendable, Equatable {
    /// A refresh that was cut off or is in doubt. The next call for that session's token mends it, or ``Keyfob/maintain(limit:)``.
    public struct Interrupted: Sendable, Equatable {
        /// The id of the session.
        public let session: String

        /// The process that sent the refresh token; 0 where none did, and only the tokens' check is left.
        public let pid: UInt32

        /// Whether that process is still there.
        public let isAlive: Bool

        /// When it began, by this device's wall clock.
        public let begunAt: Date

        /// Whether the provider may have acted on it without our having its answer.
        public let isInDoubt: Bool

        /// Whether the tokens that the session has were checked.
        public let isVerified: Bool

        /// How many seconds it is left alone yet; nil where it is not.
        public let retryAfter: TimeInterval?

        init(_ raw: RawInterrupted) {
            session = raw.session
            pid = raw.pid
            isAlive = raw.alive
            begunAt = raw.begunAt
            isInDoubt = raw.inDoubt
            isVerified = raw.verified
            retryAfter = raw.retryAfter
        }
    }

    /// How a store keeps its secrets.
    public enum Sealing: Sendable, Equatable {
        /// As they are.
        case plaintext

        /// Sealed, and the key is here.
        case sealed

        /// Sealed, and the key was not to be had yet.
        case locked

        init(_ raw: RawSealing) {
            self =
                switch raw {
                case .plaintext: .plaintext
                case .sealed: .sealed
                case .locked: .locked
                }
        }
    }

    /// The version of the store's schema.
    public let schemaVersion: Int32

    /// The version of SQLite.
    public let sqliteVersion: String

    /// How the secrets in the store are kept.
    public let sealing: Sealing

    /// How many damaged databases lie in the folder, moved aside (`damaged-*.db`): each time the sessions in it were gone. The newest two are
    /// kept.
    public let movedAside: UInt64

    /// How many sessions are active.
    public let activeSessions: UInt32

    /// How many have ended by themselves and wait for a new login.
    public let endedSessions: UInt32

    /// The sessions whose refresh is not settled: under way, cut off, in doubt, or not checked yet. None are seen while the store is locked.
    public let interrupted: [Interrupted]

    /// How many sessions of this process have tokens that could not be saved.
    public let unsavedSessions: UInt64

    /// How many logged-out sessions the provider is still to be told of.
    public let owedRevocations: UInt32

    /// How many seconds a provider's clock was ahead of this device's (behind, where negative), when that was last far off; nil where it
    /// never was.
    public let clockSkewSeconds: Int64?

    /// When that was seen, by this device's clock.
    public let clockSkewAt: Date?

    init(_ raw: RawHealth) {
        schemaVersion = raw.schemaVersion
        sqliteVersion = raw.sqliteVersion
        sealing = Sealing(raw.sealing)
        movedAside = raw.movedAside
        activeSessions = raw.activeSessions
        endedSessions = raw.endedSessions
        interrupted = raw.interrupted.map(Interrupted.init)
        unsavedSessions = raw.unsavedSessions
        owedRevocations = raw.owedRevocations
        clockSkewSeconds = raw.clockSkewSeconds
        clockSkewAt = raw.clockSkewAt
    }
}
