import Foundation
import Keyfob
import Testing

/// A host's own transport, over a line that a test can cut.
private final class Line: Transport, @unchecked Sendable {
    private let host = HostTransport()
    private let lock = NSLock()
    private var isCut = false

    func cut(_ isCut: Bool) { lock.withLock { self.isCut = isCut } }

    func send(_ request: HTTPRequest) throws -> HTTPResponse {
        if lock.withLock({ isCut }) { throw TransportError(sent: .notSent, failure: .network) }
        return try host.send(request)
    }
}

/// What is owed and done later, suspension, and how the store says that it is.
@Suite struct MaintenanceTests {
    private let clock = TurnedClock()
    private let line = Line()

    private func opened(_ provider: TestProvider) async throws -> (Keyfob, Session) {
        let keyfob = try await Keyfob.open(provider.config, transport: line, clock: clock)
        let session = try await keyfob.logIn(provider)
        try await provider.forget()
        return (keyfob, session)
    }

    private func revocations(_ provider: TestProvider) async throws -> [TestProvider.Request] {
        try await provider.requests().filter { $0.path == "/revoke" }
    }

    @Test func maintainSendsTheRevocationThatALogoutWithoutNetworkOwes() async throws {
        let provider = try TestProvider()
        let (keyfob, session) = try await opened(provider)
        line.cut(true)
        guard case .owed(.network(let details)) = try await keyfob.endSession(session.id).revocation else {
            throw Trouble("not owed for the network")
        }
        #expect(details.reason == "NotSent")
        #expect(try await keyfob.health().owedRevocations == 1)

        let tried = try await keyfob.maintain(limit: .seconds(60))
        #expect([tried.revoked, tried.owed] == [0, 1])
        #expect(try await revocations(provider).isEmpty)

        line.cut(false)
        clock.turn(3600)
        let done = try await keyfob.maintain(limit: .seconds(60))
        #expect([done.revoked, done.failed, done.owed] == [1, 0, 0])
        #expect(try await revocations(provider).map { $0.form["token"] } == [session.providerRefreshToken])
        #expect(try await keyfob.health().owedRevocations == 0)
        #expect(try await keyfob.journal(limit: 1).map(\.event) == ["TokensRevoked"])
        #expect(try await keyfob.maintain(limit: .seconds(60)).revoked == 0)
        #expect(try await revocations(provider).count == 1)
    }

    @Test func maintainRefreshesWhatIsDueAndBeginsNothingAfterItsLimit() async throws {
        let provider = try TestProvider()
        let (keyfob, session) = try await opened(provider)
        clock.turn(7200)
        #expect(try await keyfob.maintain(limit: .zero).owed == 1)
        #expect(try await provider.requests().isEmpty)
        let done = try await keyfob.maintain(limit: .seconds(60))
        #expect([done.refreshed, done.revoked, done.failed, done.owed] == [1, 0, 0, 0])
        #expect(try await provider.tokenRequests().count == 1)
        #expect(try await keyfob.session(session.id).providerAccessToken != session.providerAccessToken)

        let entry = try #require(try await keyfob.journal(limit: 1).first)
        #expect(entry.event == "Refreshed")
        #expect(entry.wish == "early")
        #expect((0..<60).contains(try #require(entry.waited)))
        #expect(try await keyfob.maintain(limit: .seconds(60)).refreshed == 0)
    }

    @Test func aSuspendedHandleRefusesCallsUntilItIsResumed() async throws {
        let provider = try TestProvider()
        let (keyfob, session) = try await opened(provider)
        let another = try await Keyfob.open(provider.config, transport: line, clock: clock)
        try await keyfob.suspend(deadline: .seconds(60))
        try await keyfob.suspend(deadline: .zero)
        // So long a token is given from memory at most.
        clock.turn(60)
        let calls: [() async throws -> Void] = [
            { _ = try await keyfob.accessToken(session.id) }, { _ = try await keyfob.health() },
            { _ = try await another.sessions() },
        ]
        for call in calls {
            guard case .invalidState(let details) = try await errorOf(call) else { throw Trouble("not invalidState") }
            #expect(details.reason == "Suspended")
        }

        try await keyfob.resume()
        try await keyfob.resume()
        let token = try await keyfob.accessToken(session.id)
        #expect(token.secret == session.providerAccessToken)
        #expect(token.isUnsaved == false)
        #expect(try await another.sessions() == [session])
        #expect(try await provider.requests().isEmpty)
    }

    @Test func whatIsUnderWayAtTheDeadlineIsGivenUpAndRepeatedAfterIt() async throws {
        let provider = try TestProvider()
        let gate = Gate(losing: "/token")
        let keyfob = try await Keyfob.open(provider.config, transport: gate, clock: clock)
        let session = try await keyfob.logIn(provider)
        try await provider.forget()
        clock.turn(7200)
        gate.shut()
        let caller = Task { try await keyfob.accessToken(session.id) }
        try await gate.reached()
        try await keyfob.suspend(deadline: .milliseconds(100))
        gate.open()
        #expect(try await errorOf { _ = try await caller.value }.details.reason == "Suspended")

        try await keyfob.resume()
        let interrupted = try await keyfob.health().interrupted
        #expect(interrupted.map(\.session) == [session.id])
        let refresh = try #require(interrupted.first)
        #expect(refresh.pid == UInt32(ProcessInfo.processInfo.processIdentifier))
        #expect(refresh.isAlive && refresh.isInDoubt && refresh.isVerified)
        #expect(abs(refresh.begunAt.timeIntervalSince(clock.wall())) < 60)
        #expect((refresh.retryAfter ?? 0) == 0, "at once")
        #expect(try await keyfob.accessToken(session.id).secret != session.providerAccessToken)
        #expect(try await provider.tokenRequests().count == 1)
        #expect(try await keyfob.health().interrupted.isEmpty)
    }

    @Test func aHealthyStoreSaysSoAndOneSessionThatEnded() async throws {
        let provider = try TestProvider()
        let (keyfob, session) = try await opened(provider)
        var health = try await keyfob.health()
        #expect(health.schemaVersion > 0)
        #expect(health.sqliteVersion.hasPrefix("3."))
        #expect([health.activeSessions, health.endedSessions, health.owedRevocations] == [1, 0, 0])
        #expect(health.unsavedSessions == 0)
        #expect(health.interrupted.isEmpty)
        #expect(health.clockSkewSeconds == nil)
        #expect(health.clockSkewAt == nil)

        try await provider.play(#"{ "faults": [ { "endpoint": "token", "status": 400, "body": { "error": "invalid_grant" } } ] }"#)
        guard case .loginRequired = try await errorOf({ try await keyfob.refreshSession(session.id) }) else {
            throw Trouble("not loginRequired")
        }
        health = try await keyfob.health()
        #expect([health.activeSessions, health.endedSessions] == [0, 1])
    }

    @Test func aProviderWhoseClockIsOffIsToldInHealthInTheJournalAndToTheObserver() async throws {
        let provider = try TestProvider(#"{ "clock_offset_seconds": 600 }"#)
        let heard = Heard()
        let keyfob = try await Keyfob.open(provider.config, observer: heard)
        try await keyfob.refreshSession(keyfob.logIn(provider).id)
        let health = try await keyfob.health()
        #expect((590...610).contains(try #require(health.clockSkewSeconds)))
        #expect(abs(try #require(health.clockSkewAt).timeIntervalSinceNow) < 60)
        let entry = try #require(try await keyfob.journal(limit: 1).first)
        #expect(entry.wish == "asked")
        #expect((590...610).contains(try #require(entry.clockSkewSeconds)))
        #expect(heard.skews.count == 1, "it is news once")
        #expect((590...610).contains(try #require(heard.skews.first)))
    }
}
