import Foundation
internal import KeyfobGenerated

/// What time it is, for tests that do not want to wait. Called often and from any thread: answer at once, and do not call Keyfob.
/// Where it throws, the system's clock answers.
public protocol KeyfobClock: Sendable {
    /// The wall clock. May be wrong, and may jump.
    func wall() throws -> Date

    /// Seconds since boot, sleep included. Never go back while ``bootID()`` stays the same.
    func boot() throws -> TimeInterval

    /// A name for this boot of the system, other after each restart; nil where the system does not tell.
    func bootID() throws -> String?
}

final class ClockAdapter: RawClock {
    private let host: any KeyfobClock

    init(_ host: any KeyfobClock) {
        self.host = host
    }

    func wall() throws -> Date { try host.wall() }

    func boot() throws -> TimeInterval { try host.boot() }

    func bootId() throws -> String? { try host.bootID() }
}
