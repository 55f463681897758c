#if canImport(Security)
import Foundation
import Security

/// The store key in the Keychain: made at the first use, and found from then on, also while the device is locked, once it was unlocked after its start
/// (`kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly`). It never leaves the device: no backup and no iCloud Keychain carries it, so a store that was restored
/// onto another device has no key, and its sessions end with the cause `KeyLost`.
///
/// ```swift
/// let keyfob = try await Keyfob.open(config, storeKey: KeychainStoreKey(accessGroup: "TEAMID.com.example.notes.shared"))
/// ```
public final class KeychainStoreKey: StoreKeySource {
    private let answers: KeychainAnswers

    /// A key by its names.
    ///
    /// - Parameters:
    ///   - service: names the item, together with `account`. Without the data protection keychain, which keeps apps apart, it needs a name that no other app has
    ///   - account: one for each store
    ///   - accessGroup: the keychain group that app and extensions share (`TEAMID.name`, from their entitlements); nil for the app's own. Do not change it
    ///     in an update: the key is not found in another group
    ///   - missingIsGone: whether a keychain that is open and has no such item means that the key is lost for good, which ends the sessions. Nil: in the app,
    ///     and not in an extension, which may only look into the wrong group
    ///   - dataProtection: on macOS, the keychain that iOS has too, for which an app has to be signed with an entitlement. False: the user's login keychain,
    ///     for a command line tool
    public init(
        service: String = "dev.keyfob.store-key",
        account: String = "store",
        accessGroup: String? = nil,
        missingIsGone: Bool? = nil,
        dataProtection: Bool = true
    ) {
        var names: [String: Any] = [
            kSecClass as String: kSecClassGenericPassword,
            kSecAttrService as String: service,
            kSecAttrAccount as String: account,
        ]
        if let accessGroup { names[kSecAttrAccessGroup as String] = accessGroup }
        if dataProtection { names[kSecUseDataProtectionKeychain as String] = true }
        let isExtension = Bundle.main.bundlePath.hasSuffix(".appex")
        answers = KeychainAnswers(item: KeychainPassword(names), missingIsGone: missingIsGone ?? !isExtension)
    }

    public func storeKey(_ wanted: WantedKey) throws -> StoreKeyAnswer { try answers.storeKey(wanted) }
}

/// A generic password.
private struct KeychainPassword: KeychainItem, @unchecked Sendable {
    private let names: [String: Any]

    init(_ names: [String: Any]) {
        self.names = names
    }

    func read() -> (status: Int32, bytes: Data?) {
        var query = names
        query[kSecReturnData as String] = true
        query[kSecMatchLimit as String] = kSecMatchLimitOne
        var found: CFTypeRef?
        let status = SecItemCopyMatching(NSDictionary(dictionary: query) as CFDictionary, &found)
        return (status, found as? Data)
    }

    func add(_ bytes: Data) -> Int32 { add(bytes, under: names) }

    func probe() -> Int32 {
        var other = names
        other[kSecAttrAccount as String] = UUID().uuidString
        let status = add(Data([0]), under: other)
        SecItemDelete(NSDictionary(dictionary: other) as CFDictionary)
        return status
    }

    private func add(_ bytes: Data, under names: [String: Any]) -> Int32 {
        var item = names
        item[kSecValueData as String] = bytes
        item[kSecAttrAccessible as String] = kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
        item[kSecAttrSynchronizable as String] = false
        return SecItemAdd(NSDictionary(dictionary: item) as CFDictionary, nil)
    }
}
#endif
