import Foundation
import Keyfob
import Testing

/// Keeps the work that it is given until a test runs it; refuses the first pieces when told to.
private final class Desk: KeyfobExecutor, @unchecked Sendable {
    private let lock = NSLock()
    private var work: [@Sendable () -> Void] = []
    private var refusals: Int

    init(refusing refusals: Int = 0) {
        self.refusals = refusals
    }

    var count: Int { lock.withLock { work.count } }

    func execute(_ piece: @escaping @Sendable () -> Void) throws {
        try lock.withLock {
            if refusals > 0 {
                refusals -= 1
                throw Trouble("CANARY")
            }
            work.append(piece)
        }
    }

    /// Runs what there is, on a thread that may block.
    func run() async {
        let pieces = lock.withLock {
            defer { work = [] }
            return work
        }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                for piece in pieces { piece() }
                continuation.resume()
            }
        }
    }
}

/// A token that is good but soon due is given at once, and refreshed where nobody waits for it.
@Suite struct ExecutorTests {
    private let provider: TestProvider
    private let clock = TurnedClock()
    private let gate = Gate()

    init() throws {
        provider = try TestProvider()
    }

    /// A handle and its session, whose token is good for two minutes more.
    private func opened(_ executor: (any KeyfobExecutor)? = nil) async throws -> (Keyfob, Session) {
        let keyfob = try await Keyfob.open(provider.config, transport: gate, clock: clock, executor: executor)
        let session = try await keyfob.logIn(provider)
        try await provider.forget()
        clock.turn(58 * 60)
        return (keyfob, session)
    }

    @Test func byDefaultNobodyWaitsForAnEarlyRefresh() async throws {
        let (keyfob, session) = try await opened()
        gate.shut()
        #expect(try await keyfob.accessToken(session.id).secret == session.providerAccessToken)
        try await gate.reached()
        gate.open()
        // It is saved first, and given out once it is checked.
        for _ in 0..<500 where try await keyfob.accessToken(session.id).secret == session.providerAccessToken {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(try await keyfob.accessToken(session.id).secret != session.providerAccessToken)
        #expect(try await provider.tokenRequests().count == 1)
    }

    @Test func theHostsExecutorGetsOneRefreshAndItHappensWhenThatRunsIt() async throws {
        let desk = Desk()
        let (keyfob, session) = try await opened(desk)
        for _ in 0..<5 {
            #expect(try await keyfob.accessToken(session.id).secret == session.providerAccessToken)
        }
        #expect(desk.count == 1)
        #expect(try await provider.requests().isEmpty)
        await desk.run()
        #expect(try await keyfob.accessToken(session.id).secret != session.providerAccessToken)
        #expect(try await provider.tokenRequests().count == 1)
    }

    @Test func anExecutorThatRefusesLosesNothing() async throws {
        let desk = Desk(refusing: 1)
        let (keyfob, session) = try await opened(desk)
        #expect(try await keyfob.accessToken(session.id).secret == session.providerAccessToken)
        #expect(desk.count == 0)
        #expect(try await keyfob.accessToken(session.id).secret == session.providerAccessToken)
        #expect(desk.count == 1, "it was asked again")
        #expect(try await provider.requests().isEmpty)
        await desk.run()
        #expect(try await keyfob.accessToken(session.id).secret != session.providerAccessToken)
    }

    @Test func workThatIsRunAfterTheHandleWasClosedIsStillSaved() async throws {
        let desk = Desk()
        let (keyfob, session) = try await opened(desk)
        _ = try await keyfob.accessToken(session.id)
        try keyfob.close()
        await desk.run()
        #expect(try await provider.tokenRequests().count == 1)
        let again = try await Keyfob.open(provider.config)
        #expect(try await again.session(session.id).providerRefreshToken != session.providerRefreshToken)
    }
}
