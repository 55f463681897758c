import Foundation
import Keyfob
import Testing

/// Writes down what it is told, and does what a test wants besides.
final class Heard: KeyfobObserver, @unchecked Sendable {
    private let lock = NSLock()
    private var toldOf: [String] = []
    private var toldSkews: [Int64] = []
    private var besides: @Sendable (String) -> Void = { _ in }

    var events: [String] { lock.withLock { toldOf } }

    var skews: [Int64] { lock.withLock { toldSkews } }

    func forget() { lock.withLock { toldOf = [] } }

    func doBesides(_ besides: @escaping @Sendable (String) -> Void) { lock.withLock { self.besides = besides } }

    func sessionChanged(_ sessionID: String) { hear("changed \(sessionID)", sessionID) }

    func loginRequired(_ sessionID: String, cause: String) { hear("ended \(sessionID) \(cause)", sessionID) }

    func clockSkew(seconds: Int64) { lock.withLock { toldSkews.append(seconds) } }

    private func hear(_ event: String, _ sessionID: String) {
        let besides = lock.withLock {
            toldOf.append(event)
            return self.besides
        }
        besides(sessionID)
    }
}

@Suite struct ObserverTests {
    private let provider: TestProvider
    private let heard = Heard()
    private let keyfob: Keyfob
    private let session: Session

    init() async throws {
        provider = try TestProvider()
        keyfob = try await Keyfob.open(provider.config, observer: heard)
        session = try await keyfob.logIn(provider)
        #expect(Set(heard.events) == ["changed \(session.id)"])
        heard.forget()
    }

    @Test func anObserverIsToldOfANewSessionOfAChangeAndOfAnEnding() async throws {
        let id = session.id
        try await keyfob.refreshSession(id)
        #expect(heard.events == ["changed \(id)"])
        _ = try await keyfob.accessToken(id)
        #expect(heard.events.count == 1, "nothing has changed")
        try await keyfob.endSession(id)
        #expect(heard.events.dropFirst() == ["changed \(id)", "ended \(id) LoggedOut"])
        #expect(heard.skews.isEmpty)
    }

    @Test func anObserverIsToldWhenTheProviderEndsASession() async throws {
        try await provider.play(#"{ "faults": [ { "endpoint": "token", "status": 400, "body": { "error": "invalid_grant" } } ] }"#)
        _ = try await errorOf { try await keyfob.refreshSession(session.id) }
        #expect(heard.events.last == "ended \(session.id) Revoked")
    }

    @Test func anObserverMayCallTheSameHandle() async throws {
        let seen = Seen()
        let keyfob = keyfob
        heard.doBesides { id in
            // Waited for, to see that nothing that the answer needs is held meanwhile.
            let done = DispatchSemaphore(value: 0)
            Task {
                if let session = try? await keyfob.session(id), (try? await keyfob.health()) != nil { seen.add(session) }
                done.signal()
            }
            done.wait()
        }
        let refreshed = try await keyfob.refreshSession(session.id)
        #expect(refreshed.providerAccessToken != session.providerAccessToken)
        #expect(seen.sessions == [refreshed])
        try await keyfob.endSession(session.id)
        #expect(seen.sessions.last?.state == .ended(reason: "LoggedOut"))
        // Or the two would hold each other.
        heard.doBesides { _ in }
    }

    @Test func anObserverMayLeaveOutWhatItDoesNotWantToHear() async throws {
        struct Deaf: KeyfobObserver {}
        let another = try await Keyfob.open(provider.config, observer: Deaf())
        try await another.refreshSession(session.id)
        try await another.endSession(session.id)
    }

    private final class Seen: @unchecked Sendable {
        private let lock = NSLock()
        private var kept: [Session] = []

        var sessions: [Session] { lock.withLock { kept } }

        func add(_ session: Session) { lock.withLock { kept.append(session) } }
    }
}
