import Foundation
internal import KeyfobGenerated

/// Where the store key comes from. A ``StoreKey`` that the app holds is one; an app with a keychain that may be locked, or may lose its key,
/// writes its own.
///
/// Asked when the store is opened; again by each call that needs a secret as long as it answered ``StoreKeyAnswer/notNow``; and when another
/// process has changed the key. It runs on the thread of that call, one of Keyfob's own, which waits for it; several threads may ask at the
/// same time. It must not call a ``Keyfob`` of the same store: that call would need the key, and ask again. **What is thrown counts as
/// ``StoreKeyAnswer/notNow``** and is dropped: it can lose nothing.
///
/// With the Keychain (`kSecClassGenericPassword`, `kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly`, so that background refreshes find it):
///
/// | `SecItemCopyMatching` says | the answer |
/// |---|---|
/// | `errSecSuccess` | ``StoreKeyAnswer/key(_:)`` |
/// | `errSecInteractionNotAllowed` | ``StoreKeyAnswer/notNow``: the device is locked, or was not unlocked since its start |
/// | `errSecItemNotFound`, and ``WantedKey/new`` is asked for | make one, `SecItemAdd` it, and only then ``StoreKeyAnswer/key(_:)``; `errSecDuplicateItem` means that another process was first: read its key |
/// | `errSecItemNotFound`, and ``WantedKey/existing`` is asked for | ``StoreKeyAnswer/notNow`` unless `UIApplication.isProtectedDataAvailable`: before the first unlock an item may not be found that is there. With the data available, ``StoreKeyAnswer/gone``: the app was restored from a backup onto another device |
/// | anything else (`errSecNotAvailable`, `errSecAuthFailed`, `errSecUserCanceled`, …) | ``StoreKeyAnswer/notNow`` |
///
/// Keychain items outlive the app on iOS: after a new installation there is a key and no store, and that key is as good as a new one.
public protocol StoreKeySource: Sendable {
    /// Gives the key, or says why not. May block as long as the keychain does.
    func storeKey(_ wanted: WantedKey) throws -> StoreKeyAnswer
}

/// Which key is asked for.
public enum WantedKey: Sendable, Equatable {
    /// The one that this store was sealed with. It must not be made anew, whatever the keychain says of it.
    case existing

    /// Any: nothing in the store needs an older one. Give the one that the keychain has, or make one and keep it there before it is given.
    case new
}

/// What the keychain says.
public enum StoreKeyAnswer: Sendable {
    /// Here it is.
    case key(StoreKey)

    /// Not now: the device is locked, the keychain does not answer, the user did not unlock it. Also for "not found" where that can mean
    /// "locked". Nothing is lost; the call throws ``KeyfobError/storeUnavailable(_:)``, and the next one asks again. Say this when in doubt.
    case notNow

    /// The key is gone for good, and the keychain is sure of it (it was invalidated, or deleted by the user). The sessions that it sealed end
    /// with the cause `KeyLost`; what they were stays in the store, sealed. Then a ``WantedKey/new`` one is asked for.
    case gone
}

/// 32 random bytes that seal the secrets in the store. They belong into the keychain and nowhere else: whoever has them and the store has the
/// tokens. Given to ``Keyfob/open(_:transport:clock:executor:observer:storeKey:deviceBinding:)`` as it is, it is the key that does not change.
///
/// It is wiped from memory when nobody holds it any more; a ``Keyfob`` that was opened with it keeps its own copy.
public final class StoreKey: StoreKeySource {
    let raw: RawStoreKey

    private init(_ raw: RawStoreKey) {
        self.raw = raw
    }

    /// A key that the app has kept. The bytes are copied: overwrite them afterwards (`resetBytes(in:)`).
    ///
    /// Not exactly 32 of them, or nothing but zeros, are ``KeyfobError/invalidArgument(_:)``.
    public convenience init(_ bytes: Data) throws {
        self.init(try translating { try RawStoreKey(bytes: bytes) })
    }

    /// A new key, from the system's random generator: for the app to keep.
    public static func generate() throws -> StoreKey {
        StoreKey(try translating { try RawStoreKey.generate() })
    }

    /// The bytes, for the keychain. Whoever calls this answers for where they go: overwrite them when they are there.
    public func bytes() throws -> Data {
        try translating { try raw.bytes() }
    }

    /// This one, whichever is wanted.
    public func storeKey(_ wanted: WantedKey) -> StoreKeyAnswer { .key(self) }
}

extension StoreKey: Redacted {
    /// Without the key.
    public var description: String { "StoreKey([redacted])" }
}

final class StoreKeyAdapter: RawStoreKeySource {
    private let host: any StoreKeySource

    init(_ host: any StoreKeySource) {
        self.host = host
    }

    func storeKey(wanted: RawWantedKey) throws -> RawStoreKeyAnswer {
        let asked: WantedKey =
            switch wanted {
            case .existing: .existing
            case .new: .new
            }
        switch try host.storeKey(asked) {
        case .key(let key): return .key(key: key.raw)
        case .notNow: return .notNow
        case .gone: return .gone
        }
    }
}

extension StoreKeySource {
    /// A key that does not change is not asked for, so that the core can follow a ``Keyfob/rekey(_:)``.
    var origin: RawStoreKeyOrigin {
        if let key = self as? StoreKey { return .key(key: key.raw) }
        return .source(source: StoreKeyAdapter(self))
    }
}
