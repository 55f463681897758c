package dev.keyfob

import dev.keyfob.internal.HostStoreKeySource
import dev.keyfob.internal.StoreKeyOrigin
import dev.keyfob.internal.StoreKey as RawStoreKey
import dev.keyfob.internal.StoreKeyAnswer as RawStoreKeyAnswer
import dev.keyfob.internal.WantedKey as RawWantedKey

/**
 * Where the store key comes from. A [StoreKey] that the app holds is one; an app with a keystore that may be locked, or may lose its key,
 * writes its own.
 *
 * Asked when the store is opened; again by each call that needs a secret as long as it answered [StoreKeyAnswer.NotNow]; and when another
 * process has changed the key. It runs on the thread of that call, never the app's main one, which waits for it; several threads may ask at the
 * same time. It must not call a [Keyfob] of the same store: that call would need the key, and ask again. **What is thrown counts as
 * [StoreKeyAnswer.NotNow]** and is dropped: it can lose nothing.
 *
 * On Android the Keystore gives out no bytes, so the store key lies encrypted in a file (in `noBackupFilesDir`) under an AES key of the
 * Keystore:
 *
 * | what happens | the answer |
 * |---|---|
 * | it decrypts | [StoreKeyAnswer.Key] |
 * | no file yet, or no key of that alias, and [WantedKey.NEW] is asked for | make both, write the file (`fsync`, rename), then [StoreKeyAnswer.Key] |
 * | no file, or no key of that alias, and [WantedKey.EXISTING] is asked for | [StoreKeyAnswer.NotNow]: before the first unlock after a start the files of the user, and keys, are not there yet, and "not found" is no proof. [StoreKeyAnswer.Gone] only if `UserManager.isUserUnlocked` and the file is there while the alias is not |
 * | `KeyPermanentlyInvalidatedException` | [StoreKeyAnswer.Gone]: the user removed the lock screen or enrolled another finger, and the Keystore says itself that the key is void. Delete the alias and the file when the new key is asked for |
 * | `UserNotAuthenticatedException`, a locked device, any other `GeneralSecurityException`, `ProviderException`, `IOException` | [StoreKeyAnswer.NotNow]: Keystore daemons fail now and then, and come back |
 * | `AEADBadTagException` | [StoreKeyAnswer.NotNow], and report it: the file is damaged, or not this key's |
 *
 * Do not ask for user authentication in the key's own settings (`setUserAuthenticationRequired`) unless tokens are to be had only with the
 * user there: background refreshes then find the store locked.
 */
public fun interface StoreKeySource {
    /** Gives the key, or says why not. May block as long as the keystore does. */
    public fun storeKey(wanted: WantedKey): StoreKeyAnswer
}

/** Which key is asked for. */
public enum class WantedKey {
    /** The one that this store was sealed with. It must not be made anew, whatever the keystore says of it. */
    EXISTING,

    /** Any: nothing in the store needs an older one. Give the one that the keystore has, or make one and keep it there before it is given. */
    NEW,
}

/** What the keystore says. */
public sealed class StoreKeyAnswer {
    /**
     * Here it is.
     *
     * @property key the key; not closed by this library
     */
    public class Key(public val key: StoreKey) : StoreKeyAnswer() {
        override fun toString(): String = "Key($key)"
    }

    /**
     * Not now: the device is locked, the keystore does not answer, the user did not unlock it. Also for "not found" where that can mean
     * "locked". Nothing is lost; the call throws [KeyfobException.StoreUnavailable], and the next one asks again. Say this when in doubt.
     */
    public object NotNow : StoreKeyAnswer() {
        override fun toString(): String = "NotNow"
    }

    /**
     * The key is gone for good, and the keystore is sure of it (it was invalidated, or deleted by the user). The sessions that it sealed end with
     * the cause `KeyLost`; what they were stays in the store, sealed. Then a [WantedKey.NEW] one is asked for.
     */
    public object Gone : StoreKeyAnswer() {
        override fun toString(): String = "Gone"
    }
}

/**
 * 32 random bytes that seal the secrets in the store. They belong into the system's keystore and nowhere else: whoever has them and the store
 * has the tokens. Given to [Keyfob.open] as it is, it is the key that does not change.
 *
 * [close] wipes it from memory; a [Keyfob] that was opened with it keeps its own copy, so `use` it. A closed key throws
 * [IllegalStateException].
 */
public class StoreKey private constructor(internal val raw: RawStoreKey) :
    StoreKeySource,
    AutoCloseable {
    /**
     * A key that the app has kept.
     *
     * @param bytes are copied: overwrite them afterwards (`bytes.fill(0)`)
     * @throws KeyfobException.InvalidArgument not exactly 32 bytes, or nothing but zeros: an array that nobody filled
     */
    public constructor(bytes: ByteArray) : this(translating { RawStoreKey(bytes) })

    /** The bytes, for the keystore. Whoever calls this answers for where they go: overwrite them when they are there. */
    public fun toByteArray(): ByteArray = translating { raw.bytes() }

    /** This one, whichever is wanted. */
    override fun storeKey(wanted: WantedKey): StoreKeyAnswer = StoreKeyAnswer.Key(this)

    override fun close(): Unit = raw.close()

    /** Without the key. */
    override fun toString(): String = "StoreKey([redacted])"

    public companion object {
        /** A new key, from the system's random generator: for the app to keep. */
        public fun generate(): StoreKey = StoreKey(translating { RawStoreKey.generate() })
    }
}

internal class StoreKeyAdapter(private val host: StoreKeySource) : HostStoreKeySource {
    override fun storeKey(wanted: RawWantedKey): RawStoreKeyAnswer {
        val answer =
            host.storeKey(
                when (wanted) {
                    RawWantedKey.EXISTING -> WantedKey.EXISTING
                    RawWantedKey.NEW -> WantedKey.NEW
                },
            )
        return when (answer) {
            is StoreKeyAnswer.Key -> RawStoreKeyAnswer.Key(answer.key.raw)
            StoreKeyAnswer.NotNow -> RawStoreKeyAnswer.NotNow
            StoreKeyAnswer.Gone -> RawStoreKeyAnswer.Gone
        }
    }
}

/** A key that does not change is not asked for, so that the core can follow a [Keyfob.rekey]. */
internal fun StoreKeySource.origin(): StoreKeyOrigin = when (this) {
    is StoreKey -> StoreKeyOrigin.Key(raw)
    else -> StoreKeyOrigin.Source(StoreKeyAdapter(this))
}
