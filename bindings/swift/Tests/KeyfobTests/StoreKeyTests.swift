import Foundation
import Keyfob
import Testing

/// What seals a store, and every answer of a keychain.
@Suite final class StoreKeyTests: Sendable {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("keyfob-\(UUID().uuidString)")
    private let one = Data(repeating: 1, count: 32)
    private let two = Data(repeating: 2, count: 32)

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Nobody is asked: the sessions here are imported.
    private func config(plaintext: Bool = false) -> String {
        """
        { "store": { "path": "\(folder.path)", "plaintext": \(plaintext) }, "coherence_seconds": 0,
          "registrations": [ { "id": "work-sso", "provider": "oidc", "variables": { "issuer": "https://login.example.com" },
            "client_id": "demo", "redirect_uri": "http://127.0.0.1/callback/work-sso" } ] }
        """
    }

    private func open(_ key: (any StoreKeySource)?, plaintext: Bool = false, device: String? = nil) async throws -> Keyfob {
        try await Keyfob.open(config(plaintext: plaintext), storeKey: key, deviceBinding: device.map { Data($0.utf8) })
    }

    private func importedSession(_ keyfob: Keyfob) async throws -> Session {
        try await keyfob.importSession(ImportedTokens(registration: "work-sso", providerUID: "u-1", accessToken: "canary-token"))
    }

    private func token(_ keyfob: Keyfob, _ session: Session) async throws -> String {
        try await keyfob.session(session.id).providerAccessToken
    }

    /// Whether a text stands in any file of the store.
    private func storeHolds(_ text: String) throws -> Bool {
        try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .contains { try Data(contentsOf: $0).range(of: Data(text.utf8)) != nil }
    }

    /// A keychain, and what it was asked for.
    private final class Keychain: StoreKeySource, @unchecked Sendable {
        private let lock = NSLock()
        private var asked: [WantedKey] = []
        private var answer: @Sendable (WantedKey) throws -> StoreKeyAnswer

        init(_ answer: @escaping @Sendable (WantedKey) throws -> StoreKeyAnswer) {
            self.answer = answer
        }

        var wanted: [WantedKey] { lock.withLock { asked } }

        func answers(_ answer: @escaping @Sendable (WantedKey) throws -> StoreKeyAnswer) {
            lock.withLock { (self.answer, asked) = (answer, []) }
        }

        func storeKey(_ wanted: WantedKey) throws -> StoreKeyAnswer {
            let answer = lock.withLock {
                asked.append(wanted)
                return self.answer
            }
            return try answer(wanted)
        }
    }

    @Test func aKeyHas32Bytes() async throws {
        #expect(try StoreKey(one).bytes() == one)
        for length in [0, 31, 33] {
            guard case .invalidArgument = try await errorOf({ _ = try StoreKey(Data(repeating: 1, count: length)) }) else {
                throw Trouble("not invalidArgument")
            }
        }
        #expect(try StoreKey.generate().bytes() != StoreKey.generate().bytes())
    }

    @Test func aKeyPrintsRedacted() throws {
        let key = try StoreKey(Data("CANARY CANARY CANARY CANARY 1234".utf8))
        for thing in [key, StoreKeyAnswer.key(key), [key], Optional.some(key) as Any] as [Any] {
            var dumped = ""
            dump(thing, to: &dumped)
            let printed = "\(thing) \(String(reflecting: thing)) \(dumped)"
            #expect(!printed.contains("CANARY") && !printed.contains("67, 65"), "\(printed)")
            #expect(printed.contains("[redacted]"))
        }
    }

    @Test func aStoreIsSealedUnderItsKeyAndOpensWithNoOther() async throws {
        var keyfob: Keyfob? = try await open(StoreKey(one))
        let session = try await importedSession(keyfob!)
        #expect(try await keyfob!.health().sealing == .sealed)
        #expect(try await keyfob!.health().movedAside == 0)
        try keyfob!.close()
        keyfob = nil
        #expect(try storeHolds(session.id))
        #expect(try storeHolds("canary-token") == false)

        guard case .storeKey(let wrong) = try await errorOf({ _ = try await open(StoreKey(two)) }) else { throw Trouble("it opened") }
        #expect(wrong.reason == "WrongStoreKey")
        guard case .configuration = try await errorOf({ _ = try await open(nil) }) else { throw Trouble("it opened") }
        guard case .storeKey(let none) = try await errorOf({ _ = try await open(nil, plaintext: true) }) else { throw Trouble("it opened") }
        #expect(none.reason == "StoreSealed")
        guard case .configuration = try await errorOf({ _ = try await open(StoreKey(one), plaintext: true) }) else { throw Trouble("it opened") }
        #expect(try await token(open(StoreKey(one)), session) == "canary-token")
    }

    @Test func aPlaintextStoreSaysSoAndIsSealedByTheKeyThatItIsOpenedWith() async throws {
        let plain = try await open(nil, plaintext: true)
        let session = try await importedSession(plain)
        #expect(try await plain.health().sealing == .plaintext)
        #expect(try storeHolds("canary-token"))
        let (key, other) = (try StoreKey(one), try StoreKey(two))
        guard case .configuration = try await errorOf({ try await plain.rekey(other) }) else { throw Trouble("it has another key") }
        try plain.close()
        let sealed = try await open(key)
        #expect(try await token(sealed, session) == "canary-token")
        try sealed.close()
        #expect(try storeHolds("canary-token") == false)
    }

    @Test func aLockedKeychainLosesNothingAndNeitherDoesOneThatThrows() async throws {
        let key = try StoreKey(one)
        let keychain = Keychain { _ in .key(key) }
        let first = try await open(keychain)
        let session = try await importedSession(first)
        try first.close()
        #expect(keychain.wanted == [.new])

        keychain.answers { _ in .notNow }
        let keyfob = try await open(keychain)
        #expect(try await keyfob.health().sealing == .locked)
        #expect(!keychain.wanted.isEmpty && keychain.wanted.allSatisfy { $0 == .existing })
        guard case .storeUnavailable(let locked) = try await errorOf({ _ = try await token(keyfob, session) }) else {
            throw Trouble("not storeUnavailable")
        }
        #expect(locked.reason == "StoreKeyUnavailable" && locked.isRetryable)
        keychain.answers { _ in throw Trouble("CANARY: errSecNotAvailable") }
        let failed = try await errorOf { _ = try await token(keyfob, session) }
        guard case .storeUnavailable = failed else { throw Trouble("not storeUnavailable: \(failed)") }
        #expect("\(failed)".contains("CANARY") == false)
        keychain.answers { _ in .key(key) }
        #expect(try await token(keyfob, session) == "canary-token")
        #expect(try await keyfob.health().sealing == .sealed)
        let asked = keychain.wanted.count
        #expect(try await token(keyfob, session) == "canary-token")
        #expect(keychain.wanted.count == asked)
    }

    @Test func aKeyThatIsGoneEndsTheSessionsThatItSealedAndANewOneTakesItsPlace() async throws {
        let first = try await open(StoreKey(one))
        let session = try await importedSession(first)
        try first.close()
        let new = try StoreKey(two)
        let keychain = Keychain { $0 == .new ? .key(new) : .gone }
        let keyfob = try await open(keychain)
        #expect(keychain.wanted == [.existing, .new])
        let ended = try await keyfob.session(session.id)
        #expect(ended.state == .ended(reason: "KeyLost"))
        #expect(ended.providerUID == "u-1" && ended.providerAccessToken.isEmpty)
        #expect(try await importedSession(keyfob).providerAccessToken == "canary-token")
        try keyfob.close()
        #expect(try await token(open(new), session) == "canary-token")
    }

    @Test func aStoreGetsAnotherKey() async throws {
        let keyfob = try await open(StoreKey(one))
        let session = try await importedSession(keyfob)
        try await keyfob.rekey(StoreKey(two))
        #expect(try await keyfob.journal(limit: 1).first?.event == "StoreRekeyed")
        #expect(try await token(keyfob, session) == "canary-token")
        try keyfob.close()
        guard case .storeKey = try await errorOf({ _ = try await open(StoreKey(one)) }) else { throw Trouble("it opened") }
        #expect(try await token(open(StoreKey(two)), session) == "canary-token")
    }

    @Test func aStoreBelongsToItsDevice() async throws {
        let first = try await open(StoreKey(one), device: "sixteen bytes: 1")
        let session = try await importedSession(first)
        try first.close()
        let second = try await open(StoreKey(one), device: "sixteen bytes: 1")
        #expect(try await second.session(session.id).state == .active)
        try second.close()
        let ended = try await open(StoreKey(one), device: "sixteen bytes: 2").session(session.id)
        #expect(ended.state == .ended(reason: "OtherDevice"))
        #expect(ended.providerUID == "u-1")
    }
}
