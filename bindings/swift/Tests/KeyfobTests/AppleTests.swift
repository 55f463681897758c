import Foundation
import Testing

@testable import Keyfob

/// What the code for Apple's systems decides, as far as it needs none of them. What only calls the system is type-checked, and not tested.
@Suite struct AppleTests {
    /// A keychain that says what it is told to.
    private final class Item: KeychainItem, @unchecked Sendable {
        private let lock = NSLock()
        private var reads: [(Int32, Data?)]
        private let adding: Int32
        private let probing: Int32
        private var kept: Data?

        /// Reads are answered in turn, the last answer for good.
        init(_ reads: [(Int32, Data?)], adding: Int32 = 0, probing: Int32 = 0) {
            (self.reads, self.adding, self.probing) = (reads, adding, probing)
        }

        var added: Data? { lock.withLock { kept } }

        func read() -> (status: Int32, bytes: Data?) {
            lock.withLock { reads.count > 1 ? reads.removeFirst() : reads[0] }
        }

        func add(_ bytes: Data) -> Int32 {
            lock.withLock { kept = bytes }
            return adding
        }

        func probe() -> Int32 { probing }
    }

    private static let success = KeychainStatus.success
    private static let notFound = KeychainStatus.notFound
    /// `errSecInteractionNotAllowed`
    private static let locked: Int32 = -25308

    private func asked(_ item: Item, _ wanted: WantedKey, missingIsGone: Bool = true) throws -> String {
        switch try KeychainAnswers(item: item, missingIsGone: missingIsGone).storeKey(wanted) {
        case .key(let key): "key \(try key.bytes() == Self.bytes ? "kept" : "new")"
        case .notNow: "not now"
        case .gone: "gone"
        }
    }

    private static let bytes = Data(repeating: 7, count: 32)

    @Test func aKeyThatIsThereIsGivenWhicheverIsWanted() throws {
        #expect(try asked(Item([(Self.success, Self.bytes)]), .existing) == "key kept")
        #expect(try asked(Item([(Self.success, Self.bytes)]), .new) == "key kept")
    }

    @Test func aLockedKeychainAndOneThatFailsAreNotNowAndMakeNothing() throws {
        for status in [Self.locked, -25291, -25293, -128, -34018] {
            let item = Item([(status, nil)])
            #expect(try asked(item, .existing) == "not now")
            #expect(try asked(item, .new) == "not now")
            #expect(item.added == nil)
        }
        #expect(throws: KeyfobError.self, "which counts as not now") { try asked(Item([(Self.success, Data([1]))]), .existing) }
    }

    @Test func aNewKeyIsKeptBeforeItIsGiven() throws {
        let item = Item([(Self.notFound, nil)])
        guard case .key(let key) = try KeychainAnswers(item: item, missingIsGone: true).storeKey(.new) else { throw Trouble("no key") }
        #expect(try key.bytes() == item.added)
        #expect(try asked(Item([(Self.notFound, nil)], adding: Self.locked), .new) == "not now")
    }

    @Test func ofTwoThatMakeAKeyTheFirstCounts() throws {
        let second = Item([(Self.notFound, nil), (Self.success, Self.bytes)], adding: KeychainStatus.duplicate)
        #expect(try asked(second, .new) == "key kept")
        let locked = Item([(Self.notFound, nil), (Self.locked, nil)], adding: KeychainStatus.duplicate)
        #expect(try asked(locked, .new) == "not now")
    }

    @Test func aMissingKeyIsGoneOnlyWhereTheKeychainIsSureOfIt() throws {
        #expect(try asked(Item([(Self.notFound, nil)]), .existing) == "gone")
        #expect(try asked(Item([(Self.notFound, nil)]), .existing, missingIsGone: false) == "not now", "an extension")
        #expect(try asked(Item([(Self.notFound, nil)], probing: Self.locked), .existing) == "not now", "before the first unlock")
        let late = Item([(Self.notFound, nil), (Self.success, Self.bytes)])
        #expect(try asked(late, .existing) == "not now", "it was unlocked in between")
        #expect(try asked(late, .existing) == "key kept")
    }

    @Test func aWebSessionWaitsForTheRedirectURIOfTheRegistration() {
        #expect(WebCallback(redirectURI: "com.example.notes:/callback") == .scheme("com.example.notes"))
        #expect(WebCallback(redirectURI: "Com.Example:/callback") == .scheme("com.example"))
        #expect(WebCallback(redirectURI: "https://notes.example.com/cb") == .https(host: "notes.example.com", path: "/cb"))
        #expect(WebCallback(redirectURI: "https://notes.example.com") == .https(host: "notes.example.com", path: "/"))
        #expect(WebCallback(redirectURI: "http://127.0.0.1/callback") == nil)
        #expect(WebCallback(redirectURI: "callback") == nil)
        let errors = [KeyfobError.closedByTheUser, .noSheet, .noWebCallback]
        #expect(errors.map(\.details.number) == [6, 2, 3])
    }

    @Test func aLoginThroughTheAppsBrowserIsOneCall() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let options = LoginOptions(success: "app:/home", redirectPort: 4100)
        let completed = try await keyfob.login("work-sso", options) { try await provider.logIn($0) }
        #expect(completed.session.providerUID == "u-1")
        #expect(completed.returnTo == "app:/home")
        #expect(try await keyfob.pendingLogins().isEmpty)
    }

    @Test func aBrowserThatThrowsEndsTheLogin() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let refused = try await errorOf {
            _ = try await keyfob.login("work-sso", LoginOptions(redirectPort: 4100)) { _ in throw KeyfobError.closedByTheUser }
        }
        guard case .cancelled = refused else { throw Trouble("\(refused)") }
        #expect(try await keyfob.pendingLogins().isEmpty)

        let waiting = Task {
            try await keyfob.login("work-sso", LoginOptions(redirectPort: 4100)) { _ in
                try await Task.sleep(for: .seconds(60))
                throw Trouble("nobody waits so long")
            }
        }
        while try await keyfob.pendingLogins().isEmpty { try await Task.sleep(for: .milliseconds(10)) }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(try await keyfob.pendingLogins().isEmpty)
    }

    @Test func aLoginThatCannotBeCompletedForNowIsTriedAgain() async throws {
        let provider = try TestProvider(#"{ "faults": [ { "endpoint": "token", "status": 503 } ] }"#)
        let keyfob = try await Keyfob.open(provider.config)
        let completed = try await keyfob.login("work-sso", LoginOptions(redirectPort: 4100)) { url in
            let redirect = try await provider.logIn(url)
            Task {
                while try await provider.tokenRequests().isEmpty { try await Task.sleep(for: .milliseconds(10)) }
                try await provider.play("{}")
            }
            return redirect
        }
        #expect(completed.session.providerUID == "u-1")
        #expect(try await provider.tokenRequests().count == 2)
    }

    /// What the system gives of time in the background, and takes back.
    @MainActor private final class Times {
        private(set) var log: [String] = []
        private var overs: [Int: @MainActor () -> Void] = [:]
        private var count = 0

        var time: BackgroundTime {
            BackgroundTime { isOver in
                self.count += 1
                self.overs[self.count] = isOver
                self.log.append("begin \(self.count)")
                return self.count
            } end: { id in
                self.log.append("end \(id)")
            }
        }

        func isOver(_ id: Int) { overs[id]?() }
    }

    private func refusal(_ keyfob: Keyfob) async throws -> String {
        try await errorOf { _ = try await keyfob.sessions() }.details.reason
    }

    @Test @MainActor func anAppThatLeavesIsSuspendedInTimeAndResumedWhenItComesBack() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let times = Times()
        let suspensions = Suspensions(keyfob, deadline: .seconds(5), time: times.time) { Issue.record($0) }
        suspensions.leave()
        #expect(times.log == ["begin 1"], "before it returns")
        await suspensions.settled()
        #expect(times.log == ["begin 1", "end 1"])
        #expect(try await refusal(keyfob) == "Suspended")
        suspensions.enter()
        await suspensions.settled()
        #expect(try await keyfob.sessions().isEmpty)
    }

    @Test @MainActor func leavingAndComingBackInHasteHappensInItsOrderAndGivesEachTimeBackOnce() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let times = Times()
        let suspensions = Suspensions(keyfob, deadline: .seconds(5), time: times.time) { Issue.record($0) }
        suspensions.leave()
        suspensions.enter()
        suspensions.leave()
        // The system is in a hurry with the second one.
        times.isOver(2)
        #expect(times.log == ["begin 1", "begin 2", "end 2"])
        suspensions.enter()
        await suspensions.settled()
        #expect(times.log == ["begin 1", "begin 2", "end 2", "end 1"])
        #expect(try await keyfob.sessions().isEmpty)
    }

    @Test @MainActor func whatASuspensionCannotDoIsTold() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        try keyfob.close()
        let told = Told()
        let times = Times()
        let suspensions = Suspensions(keyfob, deadline: .seconds(5), time: times.time) { told.add($0) }
        suspensions.leave()
        await suspensions.settled()
        #expect((told.errors.first as? KeyfobError)?.details.reason == "Closed")
        #expect(times.log == ["begin 1", "end 1"], "the time is given back all the same")
    }

    private final class Told: @unchecked Sendable {
        private let lock = NSLock()
        private var told: [any Error] = []

        var errors: [any Error] { lock.withLock { told } }

        func add(_ error: any Error) { lock.withLock { told.append(error) } }
    }

    @Test func thePrivacyManifestIsThereAndNamesWhatTheLibraryCalls() throws {
        let file = try #require(Bundle.module.url(forResource: "PrivacyInfo", withExtension: "xcprivacy"))
        let list = try PropertyListSerialization.propertyList(from: Data(contentsOf: file), format: nil)
        let manifest = try #require(list as? [String: Any])
        #expect(manifest["NSPrivacyTracking"] as? Bool == false)
        #expect((manifest["NSPrivacyCollectedDataTypes"] as? [Any])?.isEmpty == true)
        let types = try #require(manifest["NSPrivacyAccessedAPITypes"] as? [[String: Any]])
        let reasons = types.map { "\($0["NSPrivacyAccessedAPIType"] ?? "") \($0["NSPrivacyAccessedAPITypeReasons"] as? [String] ?? [])" }
        let category = "NSPrivacyAccessedAPICategory"
        #expect(
            reasons == [
                #"\#(category)SystemBootTime ["35F9.1"]"#, #"\#(category)FileTimestamp ["C617.1"]"#, #"\#(category)DiskSpace ["E174.1"]"#,
            ])
    }
}
