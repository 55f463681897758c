import Foundation
import Keyfob
import Testing

/// Other processes on the same store: killed with a real signal, or out of disk.
@Suite struct ProcessDeathTests {
    private let provider: TestProvider
    private let config: URL

    init() throws {
        provider = try TestProvider()
        config = provider.folder.appendingPathComponent("config.json")
        try provider.config.write(to: config, atomically: true, encoding: .utf8)
    }

    /// The program KeyfobVictim.
    private struct Victim {
        let process = Process()
        private let output = Pipe()

        init(_ arguments: String...) throws {
            // The package manager builds it beside the tests.
            process.executableURL = Bundle.main.executableURL?.deletingLastPathComponent().appendingPathComponent("KeyfobVictim")
            process.arguments = arguments
            process.standardOutput = output
            try process.run()
        }

        /// Its next line, empty at its end.
        func line() throws -> String {
            var line = Data()
            while let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty, byte != Data([10]) { line += byte }
            return String(decoding: line, as: UTF8.self)
        }

        func kill() throws {
            _ = signal(process.processIdentifier)
            process.waitUntilExit()
            #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL, "it ended by itself")
        }

        private func signal(_ process: Int32) -> Int32 {
            #if canImport(Glibc)
            Glibc.kill(process, SIGKILL)
            #else
            Darwin.kill(process, SIGKILL)
            #endif
        }
    }

    @Test func aLoginThatAKilledProcessBeganIsCompletedByTheNextOne() async throws {
        let victim = try Victim("begin", config.path)
        let url = try #require(URL(string: try victim.line()))
        let redirect = try await provider.logIn(url)
        try victim.kill()
        let keyfob = try await Keyfob.open(provider.config)
        let completed = try await keyfob.completeLogin(redirect)
        #expect(completed.session.providerUID == "u-1")
        #expect(completed.returnTo == "app:/home")
    }

    @Test func aRefreshThatAnotherProcessIsAtIsWaitedForAndMendedWhenThatWasKilled() async throws {
        let clock = TurnedClock()
        let keyfob = try await Keyfob.open(provider.config, clock: clock)
        let session = try await keyfob.logIn(provider)
        try await provider.forget()
        clock.turn(7200)
        let victim = try Victim("refresh", config.path, session.id)
        #expect(try victim.line() == "sending")
        let busy = try await errorOf { _ = try await keyfob.accessToken(session.id, wait: .milliseconds(100)) }
        guard case .refreshBusy(let details) = busy else { throw Trouble("not refreshBusy: \(busy)") }
        #expect(details.number == 15 && details.isRetryable)
        #expect(details.detail?.contains("\(victim.process.processIdentifier)") == true)
        let hanging = try #require(try await keyfob.health().interrupted.first)
        #expect(hanging.session == session.id && hanging.isAlive && !hanging.isInDoubt)
        try victim.kill()
        #expect(try await keyfob.health().interrupted.map(\.isAlive) == [false])
        #expect(try await keyfob.maintain(limit: .seconds(60)).refreshed == 1)
        #expect(try await keyfob.health().interrupted.isEmpty)
        #expect(try await keyfob.accessToken(session.id).secret != session.providerAccessToken)
        #expect(try await provider.tokenRequests().count == 1)
    }

    @Test func aDiskThatIsFullSendsNothingAndLosesNothing() async throws {
        let keyfob = try await Keyfob.open(provider.config)
        let session = try await keyfob.logIn(provider)
        try await provider.forget()
        let victim = try Victim("full", config.path, session.id)
        #expect(try victim.line() == "storeNotWritable 16 true")
        victim.process.waitUntilExit()
        #expect(try await provider.tokenRequests().isEmpty)
        #expect(try await keyfob.refreshSession(session.id).providerAccessToken != session.providerAccessToken)
    }
}
