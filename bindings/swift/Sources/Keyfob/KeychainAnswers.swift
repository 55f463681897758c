import Foundation

/// One item of a keychain, by what its calls say (`OSStatus`).
protocol KeychainItem: Sendable {
    func read() -> (status: Int32, bytes: Data?)

    /// Never replaces one that is there.
    func add(_ bytes: Data) -> Int32

    /// Whether the keychain takes an item of the same protection now; it is not kept.
    func probe() -> Int32
}

enum KeychainStatus {
    static let success: Int32 = 0
    static let duplicate: Int32 = -25299
    static let notFound: Int32 = -25300
}

/// Makes of what a keychain says what a store is to believe, as the table of ``StoreKeySource`` has it.
struct KeychainAnswers: StoreKeySource {
    let item: any KeychainItem
    let missingIsGone: Bool

    func storeKey(_ wanted: WantedKey) throws -> StoreKeyAnswer {
        let (status, bytes) = item.read()
        if status == KeychainStatus.success, let bytes { return try kept(bytes) }
        guard status == KeychainStatus.notFound else { return .notNow }
        if wanted == .new { return try made() }
        // Before the first unlock an item may be "not found" that is there. A keychain that takes a new one is open; so is what it says then.
        guard missingIsGone, item.probe() == KeychainStatus.success, item.read().status == KeychainStatus.notFound else {
            return .notNow
        }
        return .gone
    }

    private func kept(_ bytes: Data) throws -> StoreKeyAnswer {
        var bytes = bytes
        defer { bytes.resetBytes(in: bytes.startIndex..<bytes.endIndex) }
        return .key(try StoreKey(bytes))
    }

    private func made() throws -> StoreKeyAnswer {
        let key = try StoreKey.generate()
        var bytes = try key.bytes()
        defer { bytes.resetBytes(in: bytes.startIndex..<bytes.endIndex) }
        switch item.add(bytes) {
        case KeychainStatus.success:
            return .key(key)
        case KeychainStatus.duplicate:
            // Another process was first, and its key counts.
            guard case (KeychainStatus.success, let theirs?) = item.read() else { return .notNow }
            return try kept(theirs)
        default:
            return .notNow
        }
    }
}
