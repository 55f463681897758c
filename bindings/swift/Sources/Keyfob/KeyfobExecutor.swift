internal import KeyfobGenerated

/// Runs refreshes of tokens that are still good but soon due, for which no caller is kept waiting. Without one they run on threads of
/// Keyfob's own.
public protocol KeyfobExecutor: Sendable {
    /// Has the work run some time soon, on a thread that may block for as long as an HTTP request takes: never one of Swift's cooperative
    /// pool, and not before this returns.
    ///
    /// Work that is refused by throwing is done later: nothing is lost, and what was thrown is dropped.
    func execute(_ work: @escaping @Sendable () -> Void) throws
}

final class ExecutorAdapter: RawExecutor {
    private let host: any KeyfobExecutor

    init(_ host: any KeyfobExecutor) {
        self.host = host
    }

    func execute(work: RawWork) throws {
        try host.execute { try? work.run() }
    }
}

/// The threads that all calls are made on.
struct OwnThreads: KeyfobExecutor {
    func execute(_ work: @escaping @Sendable () -> Void) {
        queue.async(execute: work)
    }
}
