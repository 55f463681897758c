import Dispatch
import Foundation
internal import KeyfobGenerated

/// Where the calls into the core block: threads of our own, never those of Swift's cooperative pool, of which there is one a core.
let queue = DispatchQueue(label: "dev.keyfob.calls", qos: .userInitiated, attributes: .concurrent)

/// Runs a call into the core where it may block. When the task is cancelled this returns at once with a `CancellationError`, and the
/// call goes on to its end: a refresh that was sent is still saved.
func detached<T: Sendable>(_ call: @escaping @Sendable () throws -> T) async throws -> T {
    let answer = Answer<T>()
    return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
            // Cancelled before it began: nothing is begun.
            guard answer.expect(continuation) else { return }
            queue.async { answer.give(Result { try translating(call) }) }
        }
    } onCancel: {
        answer.give(.failure(CancellationError()))
    }
}

/// Runs a call into the core that never blocks where its caller is: to change threads takes longer than it does.
func atOnce<T>(_ call: () throws -> T) throws -> T {
    try Task.checkCancellation()
    return try translating(call)
}

/// Makes what the generated layer throws into what this one documents.
func translating<T>(_ call: () throws -> T) throws -> T {
    do {
        return try call()
    } catch let error as RawError {
        throw KeyfobError(error)
    } catch let error as KeyfobError {
        throw error
    } catch {
        // A panic, whose words are not vetted for logs.
        throw KeyfobError.panicked
    }
}

/// One answer for one continuation: the first counts, the call's or the cancellation's. Later ones are dropped.
final class Answer<T: Sendable>: @unchecked Sendable {
    private enum State {
        case unasked
        case expected(CheckedContinuation<T, any Error>)
        case given
    }

    private let lock = NSLock()
    private var state = State.unasked

    /// False when the answer is there already (a cancellation), and the continuation has it.
    func expect(_ continuation: CheckedContinuation<T, any Error>) -> Bool {
        let begun = lock.withLock {
            guard case .unasked = state else { return false }
            state = .expected(continuation)
            return true
        }
        if !begun {
            continuation.resume(throwing: CancellationError())
        }
        return begun
    }

    func give(_ result: Result<T, any Error>) {
        let before = lock.withLock {
            defer { state = .given }
            return state
        }
        if case .expected(let continuation) = before {
            continuation.resume(with: result)
        }
    }
}
