import Foundation
import Testing

@testable import Keyfob

/// What crosses into the core for a token.
@Suite final class CrossingsTests {
    /// The core, which notes the calls for a token.
    private final class Counted: RawKeyfob, @unchecked Sendable {
        private let lock = NSLock()
        private var noted: [String] = []
        private var seen: [ObjectIdentifier] = []

        var calls: [String] { lock.withLock { noted } }

        /// The thread of each of them.
        var threads: [ObjectIdentifier] { lock.withLock { seen } }

        func forget() { lock.withLock { (noted, seen) = ([], []) } }

        private func note(_ call: String) {
            lock.withLock {
                noted.append(call)
                seen.append(CrossingsTests.thread())
            }
        }

        override func cachedAccessToken(sessionId: String, minValidityMillis: UInt64) throws -> String {
            note("cached")
            return try super.cachedAccessToken(sessionId: sessionId, minValidityMillis: minValidityMillis)
        }

        override func accessToken(sessionId: String, minValidityMillis: UInt64, waitMillis: UInt64?) throws -> RawAccessToken {
            note("whole")
            return try super.accessToken(sessionId: sessionId, minValidityMillis: minValidityMillis, waitMillis: waitMillis)
        }
    }

    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("keyfob-\(UUID().uuidString)")
    private let core: Counted
    private let keyfob: Keyfob
    private let session: Session

    init() async throws {
        let config = """
            { "store": { "path": "\(folder.path)", "plaintext": true }, "coherence_seconds": 3600, "registrations": [
              { "id": "work-sso", "provider": "oidc", "variables": { "issuer": "https://login.example.com" }, "client_id": "demo",
                "redirect_uri": "http://127.0.0.1/callback" } ] }
            """
        let opened = try RawKeyfob.open(
            configJson: config, transport: nil, clock: nil, executor: nil, observer: nil, storeKey: nil, deviceBinding: nil)
        core = Counted(unsafeFromHandle: opened.uniffiCloneHandle())
        keyfob = Keyfob(core, Announcer(nil))
        session = try await keyfob.importSession(
            ImportedTokens(
                registration: "work-sso", providerUID: "u-1", accessToken: "secret", expiresAt: Date(timeIntervalSinceNow: 3600)))
        _ = try await keyfob.accessToken(session.id)
        core.forget()
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private static func thread() -> ObjectIdentifier { ObjectIdentifier(Thread.current) }

    @MainActor @Test func aCachedTokenTakesOneOnTheThreadOfItsCaller() async throws {
        let here = Self.thread()
        let token = try await keyfob.accessToken(session.id)
        #expect(token.secret == "secret" && !token.isUnsaved && token.expiresAt != nil)
        #expect(core.calls == ["cached"] && core.threads == [here])
    }

    @MainActor @Test func whatMayBlockTakesAnotherOneOnAnotherThread() async throws {
        let here = Self.thread()
        do {
            _ = try await keyfob.accessToken("nobody")
            throw Trouble("nothing was thrown")
        } catch KeyfobError.invalidArgument {}
        #expect(core.calls == ["cached", "whole"] && core.threads.first == here && core.threads.last != here)
    }

    @Test func forATaskThatIsCancelledNothingCrosses() async throws {
        let task = Task { [keyfob, session] in
            withUnsafeCurrentTask { $0?.cancel() }
            return try await keyfob.accessToken(session.id)
        }
        await #expect(throws: CancellationError.self) { _ = try await task.value }
        #expect(core.calls.isEmpty)
    }
}
