import Foundation
import Keyfob
import Testing

@Suite struct TokenTests {
    private let provider: TestProvider
    private let clock = TurnedClock()
    private let gate = Gate()
    private let keyfob: Keyfob
    private let session: Session

    init() async throws {
        provider = try TestProvider()
        keyfob = try await Keyfob.open(provider.config, transport: gate, clock: clock)
        session = try await keyfob.logIn(provider)
        try await provider.forget()
    }

    @Test func aFreshTokenComesFromMemory() async throws {
        for _ in 0..<100 {
            #expect(try await keyfob.accessToken(session.id).secret == session.providerAccessToken)
        }
        #expect(try await keyfob.accessToken(session.id).expiresAt == session.providerAccessTokenExpiry)
        #expect(try await provider.requests().isEmpty)
    }

    @Test func aTokenThatIsDueIsRefreshedWithOneRequest() async throws {
        clock.turn(7200)
        let token = try await keyfob.accessToken(session.id)
        #expect(token.secret != session.providerAccessToken)
        #expect(try await keyfob.accessToken(session.id).secret == token.secret)
        let requests = try await provider.tokenRequests()
        #expect(requests.map(\.grantType) == ["refresh_token"])
        #expect(requests.first?.form["refresh_token"] == session.providerRefreshToken)
    }

    @Test func aTokenThatIsNotGoodForLongEnoughIsRefreshed() async throws {
        clock.turn(2400)
        #expect(try await keyfob.accessToken(session.id).secret == session.providerAccessToken)
        #expect(try await keyfob.accessToken(session.id, minValidity: .seconds(1800)).secret != session.providerAccessToken)
        #expect(try await provider.tokenRequests().count == 1)
    }

    @Test func aLifeThatNoTokenHasIsReadAsTheWholeLifeOfOne() async throws {
        let forever = Duration.seconds(Int64.max)
        #expect(try await keyfob.accessToken(session.id, minValidity: forever).secret == session.providerAccessToken)
        #expect(try await keyfob.profile(session.id, maxAge: forever).uid == "u-1")
        #expect(try await provider.requests().isEmpty)
    }

    @Test func aSessionCanBeRefreshedBeforeItIsDue() async throws {
        let refreshed = try await keyfob.refreshSession(session.id)
        #expect(refreshed.id == session.id)
        #expect(refreshed.providerAccessToken != session.providerAccessToken)
        #expect(try await provider.tokenRequests().count == 1)
    }

    @Test func aTokenThatAServerRefusedIsReplacedOnceWhoeverAsks() async throws {
        let (keyfob, id, refused) = (keyfob, session.id, session.providerAccessToken)
        let tokens = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<20 { group.addTask { try await keyfob.refreshIfCurrent(id, rejectedToken: refused).secret } }
            return try await group.reduce(into: [String]()) { $0.append($1) }
        }
        #expect(Set(tokens).count == 1)
        #expect(tokens.first != refused)
        #expect(try await keyfob.refreshIfCurrent(id, rejectedToken: refused).secret == tokens.first)
        #expect(try await provider.tokenRequests().count == 1)
    }

    @Test func aRefusedRefreshIsLoginRequiredWithItsCause() async throws {
        try await provider.play(
            """
            { "faults": [ { "endpoint": "token", "status": 400,
                "body": { "error": "invalid_grant", "error_description": "CANARY" } } ] }
            """
        )
        clock.turn(7200)
        let error = try await errorOf { _ = try await keyfob.accessToken(session.id) }
        guard case .loginRequired(let details) = error else { throw Trouble("not loginRequired: \(error)") }
        #expect(details.reason == "Revoked")
        #expect(details.number == 10)
        #expect(details.httpStatus == 400)
        #expect(details.oauth?.code == "invalid_grant")
        #expect(details.oauth?.text == "CANARY")
        #expect(details.isRetryable == false)
        #expect(try await keyfob.session(session.id).state == .ended(reason: "Revoked"))
        #expect(try await keyfob.journal(limit: 1).first?.reason == "Revoked")
    }

    @Test func twoHundredTasksAtOneExpiryCauseOneRequestAndAllGetItsToken() async throws {
        try await provider.play(#"{ "faults": [ { "endpoint": "token", "delay_seconds": 0.3 } ] }"#)
        clock.turn(7200)
        let (keyfob, id) = (keyfob, session.id)
        let tokens = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<200 { group.addTask { try await keyfob.accessToken(id).secret } }
            return try await group.reduce(into: [String]()) { $0.append($1) }
        }
        #expect(tokens.count == 200)
        #expect(Set(tokens).count == 1)
        #expect(tokens.first != session.providerAccessToken)
        #expect(try await provider.tokenRequests().count == 1)
    }

    @Test func aCancelledTaskReturnsAtOnceAndTheRefreshIsSaved() async throws {
        clock.turn(7200)
        gate.shut()
        let (keyfob, id) = (keyfob, session.id)
        let caller = Task { try await keyfob.accessToken(id) }
        try await gate.reached()
        caller.cancel()
        await #expect(throws: CancellationError.self) { try await caller.value }
        // Here already, though no answer has come.
        #expect(try await keyfob.session(id).providerRefreshToken == session.providerRefreshToken)
        gate.open()
        for _ in 0..<500 where try await keyfob.session(id).providerRefreshToken == session.providerRefreshToken {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(try await keyfob.session(id).providerRefreshToken != session.providerRefreshToken)
        _ = try await keyfob.accessToken(id)
        #expect(try await provider.tokenRequests().count == 1)
    }

    @Test func aTaskThatIsCancelledBeforehandBeginsNothing() async throws {
        clock.turn(7200)
        let (keyfob, id) = (keyfob, session.id)
        let caller = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await keyfob.accessToken(id)
        }
        await #expect(throws: CancellationError.self) { try await caller.value }
        #expect(try await provider.requests().isEmpty)
    }

    @Test func aCallerWaitsForAnothersRefreshNoLongerThanItSays() async throws {
        clock.turn(7200)
        gate.shut()
        let (keyfob, id) = (keyfob, session.id)
        // A second handle shares what this process knows of the store, and who is at it.
        let another = try await Keyfob.open(provider.config, transport: gate, clock: clock)
        let first = Task { try await keyfob.accessToken(id) }
        try await gate.reached()
        let began = ContinuousClock.now
        for handle in [keyfob, another] {
            let error = try await errorOf { _ = try await handle.accessToken(id, wait: .milliseconds(100)) }
            guard case .timeout(let details) = error else { throw Trouble("not timeout: \(error)") }
            #expect(details.reason == "WaitTimeout")
        }
        #expect(ContinuousClock.now - began < .seconds(10))
        gate.open()
        let token = try await first.value.secret
        #expect(try await another.accessToken(id, wait: .zero).secret == token)
        #expect(try await provider.tokenRequests().count == 1)
    }

    @Test func closingWhileManyUseItEndsEachCallWithATokenOrWithClosed() async throws {
        let (keyfob, id) = (keyfob, session.id)
        let outcomes = try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<100 {
                group.addTask {
                    // Some read, some refresh, one closes in their midst.
                    if number == 50 { try keyfob.close() }
                    do {
                        if number % 10 == 0 { try await keyfob.refreshSession(id) }
                        _ = try await keyfob.sessions()
                        return try await keyfob.accessToken(id).secret.isEmpty ? "empty" : "token"
                    } catch KeyfobError.invalidState(let details) {
                        return details.reason
                    }
                }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(outcomes.isSubset(of: ["token", "Closed"]) && outcomes.contains("Closed"))
        // Whatever was refreshed is saved.
        let again = try await Keyfob.open(provider.config)
        #expect(try await again.session(id).state == .active)
        try await again.refreshSession(id)
    }

    @Test func closingLetsCallsThatAreUnderWayEndAndRefusesLaterOnes() async throws {
        clock.turn(7200)
        gate.shut()
        let (keyfob, id) = (keyfob, session.id)
        let caller = Task { try await keyfob.accessToken(id) }
        try await gate.reached()
        try keyfob.close()
        try keyfob.close()
        gate.open()
        #expect(try await caller.value.secret != session.providerAccessToken)
        guard case .invalidState(let details) = try await errorOf({ _ = try await keyfob.accessToken(id) }) else {
            throw Trouble("not invalidState")
        }
        #expect(details.reason == "Closed")
    }
}
