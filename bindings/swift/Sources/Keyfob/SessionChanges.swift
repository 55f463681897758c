import Foundation
internal import KeyfobGenerated

/// What happened to a session (``Keyfob/changes``).
public enum SessionChange: Sendable, Equatable {
    /// This process made it; or it has other tokens, another profile or another state than when this handle last looked.
    case changed(sessionID: String)

    /// It has ended, and why, as ``KeyfobError/Details/reason`` of a ``KeyfobError/loginRequired(_:)``: `Revoked`, `Expired`, …; also
    /// `LoggedOut`, by the app. A ``changed(sessionID:)`` comes before it.
    case ended(sessionID: String, cause: String)
}

/// Tells every stream and the app's observer.
final class Announcer: RawObserver, @unchecked Sendable {
    typealias Stream = AsyncStream<SessionChange>

    private let host: (any KeyfobObserver)?
    private let lock = NSLock()
    private var listeners: [UUID: Stream.Continuation] = [:]
    private var isFinished = false

    init(_ host: (any KeyfobObserver)?) {
        self.host = host
    }

    func stream() -> Stream {
        Stream { continuation in
            let id = UUID()
            continuation.onTermination = { [weak self] _ in self?.forget(id) }
            let isOver = lock.withLock {
                if !isFinished { listeners[id] = continuation }
                return isFinished
            }
            if isOver { continuation.finish() }
        }
    }

    /// How many streams there are.
    var count: Int { lock.withLock { listeners.count } }

    /// Ends every stream, those too that are asked for later.
    func finish() {
        let ended = lock.withLock {
            isFinished = true
            defer { listeners = [:] }
            return listeners
        }
        // Not under the lock: each calls back to be forgotten.
        for listener in ended.values { listener.finish() }
    }

    private func forget(_ id: UUID) {
        lock.withLock { _ = listeners.removeValue(forKey: id) }
    }

    private func tell(_ change: SessionChange) {
        for listener in lock.withLock({ Array(listeners.values) }) { listener.yield(change) }
    }

    // The streams first, which make nobody wait; an observer may take its time.

    func sessionChanged(sessionId: String) throws {
        tell(.changed(sessionID: sessionId))
        host?.sessionChanged(sessionId)
    }

    func loginRequired(sessionId: String, cause: String) throws {
        tell(.ended(sessionID: sessionId, cause: cause))
        host?.loginRequired(sessionId, cause: cause)
    }

    func clockSkew(seconds: Int64) throws { host?.clockSkew(seconds: seconds) }
}
