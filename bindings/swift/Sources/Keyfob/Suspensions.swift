import Foundation

/// Time in the background: asked for when the app leaves, given back as soon as it is not needed, or when the system wants it back.
struct BackgroundTime: Sendable {
    /// Asks for it. The closure is what gives it back, and the system's word that it is over.
    let begin: @MainActor (_ isOver: @escaping @MainActor () -> Void) -> Int

    /// Gives it back. It is done once for each that was asked for.
    let end: @MainActor (Int) -> Void
}

/// Suspends and resumes a ``Keyfob``, the one after the other, in the order in which the app left and came back.
@MainActor
final class Suspensions {
    private let keyfob: Keyfob
    private let deadline: Duration
    private let time: BackgroundTime
    private let failed: @Sendable (any Error) -> Void
    private var last: Task<Void, Never>?
    private var granted: Set<Int> = []

    init(_ keyfob: Keyfob, deadline: Duration, time: BackgroundTime, failed: @escaping @Sendable (any Error) -> Void) {
        self.keyfob = keyfob
        self.deadline = deadline
        self.time = time
        self.failed = failed
    }

    /// The app is in the background. Returns at once: the time is asked for before that, so that it is not frozen meanwhile.
    func leave() {
        let grant = Grant()
        let id = time.begin { [weak self] in
            if let id = grant.id { self?.giveBack(id) }
        }
        grant.id = id
        granted.insert(id)
        follow { [keyfob, deadline] in try await keyfob.suspend(deadline: deadline) } finally: { [weak self] in self?.giveBack(id) }
    }

    /// The app is coming back.
    func enter() {
        follow { [keyfob] in try await keyfob.resume() } finally: {}
    }

    /// What was asked for, known once it is given.
    @MainActor private final class Grant {
        var id: Int?
    }

    /// Returns when nothing of this is under way.
    func settled() async { await last?.value }

    private func follow(_ work: @escaping @Sendable () async throws -> Void, finally: @escaping @MainActor () -> Void) {
        last = Task { [last, failed] in
            await last?.value
            do { try await work() } catch { failed(error) }
            finally()
        }
    }

    private func giveBack(_ id: Int) {
        if granted.remove(id) != nil { time.end(id) }
    }
}
