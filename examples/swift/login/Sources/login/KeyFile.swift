import Foundation
import Keyfob

/// The store key in a file that only you can read. It stands in for a keystore, which Linux has none of for every machine, and is less than that, for any program that
/// you run can read it.
struct KeyFile: StoreKeySource {
    let path: String

    func storeKey(_ wanted: WantedKey) throws -> StoreKeyAnswer {
        let file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else {
            // A file that is not there may be on a disk that is not mounted: that is no reason to end every session.
            return wanted == .new ? try made() : .notNow
        }
        let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
        return .key(try StoreKey(handle.readToEnd() ?? Data()))
    }

    /// Makes a key and keeps it, before anything is sealed under it.
    private func made() throws -> StoreKeyAnswer {
        let key = try StoreKey.generate()
        // Not if there is one: another process may have been first.
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { return .notNow }
        let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
        try handle.write(contentsOf: key.bytes())
        try handle.synchronize()
        return .key(key)
    }
}
