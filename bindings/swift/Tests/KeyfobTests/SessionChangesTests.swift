import Foundation
import Keyfob
import Testing

/// The stream of what happens to sessions.
@Suite struct SessionChangesTests {
    private let provider: TestProvider
    private let keyfob: Keyfob
    private let session: Session

    init() async throws {
        provider = try TestProvider()
        keyfob = try await Keyfob.open(provider.config)
        session = try await keyfob.logIn(provider)
    }

    private func read(_ count: Int, of stream: AsyncStream<SessionChange>) async -> [SessionChange] {
        var changes: [SessionChange] = []
        var iterator = stream.makeAsyncIterator()
        while changes.count < count, let change = await iterator.next() { changes.append(change) }
        return changes
    }

    @Test func aStreamTellsOfChangesAndOfTheEndingInTheirOrder() async throws {
        let stream = keyfob.changes
        let id = session.id
        try await keyfob.refreshSession(id)
        // Nothing that this brings is news.
        _ = try await keyfob.accessToken(id)
        try await keyfob.endSession(id)
        let expected: [SessionChange] = [.changed(sessionID: id), .changed(sessionID: id), .ended(sessionID: id, cause: "LoggedOut")]
        try keyfob.close()
        #expect(await read(.max, of: stream) == expected)
    }

    @Test func aNewSessionAndOneThatTheProviderEndedAreTold() async throws {
        let another = try TestProvider()
        let keyfob = try await Keyfob.open(another.config)
        let stream = keyfob.changes
        let id = try await keyfob.logIn(another).id
        try await another.play(#"{ "faults": [ { "endpoint": "token", "status": 400, "body": { "error": "invalid_grant" } } ] }"#)
        _ = try await errorOf { try await keyfob.refreshSession(id) }
        try keyfob.close()
        let told = await read(.max, of: stream)
        #expect(told.first == .changed(sessionID: id))
        #expect(told.last == .ended(sessionID: id, cause: "Revoked"))
    }

    @Test func everyStreamTellsAllAndTheObserverBesides() async throws {
        let heard = Heard()
        let another = try await Keyfob.open(provider.config, observer: heard)
        let streams = [another.changes, another.changes]
        _ = try await another.session(session.id)
        try await another.refreshSession(session.id)
        for stream in streams { #expect(await read(1, of: stream) == [.changed(sessionID: session.id)]) }
        #expect(heard.events == ["changed \(session.id)"])
    }

    @Test func aStreamEndsWithCloseWithTheHandleAndWithItsTask() async throws {
        let stream = keyfob.changes
        try keyfob.close()
        #expect(await read(1, of: stream).isEmpty)
        #expect(await read(1, of: keyfob.changes).isEmpty, "one that is asked for afterwards, too")

        var letGo: Keyfob? = try await Keyfob.open(provider.config)
        let second = letGo?.changes
        letGo = nil
        #expect(await read(1, of: try #require(second)).isEmpty)

        let kept = try await Keyfob.open(provider.config)
        let third = kept.changes
        let reader = Task { for await _ in third {} }
        reader.cancel()
        await reader.value
        try kept.close()
    }
}
