package dev.keyfob.android

import android.content.Context
import android.os.UserManager
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyPermanentlyInvalidatedException
import android.security.keystore.KeyProperties
import dev.keyfob.StoreKey
import dev.keyfob.StoreKeyAnswer
import dev.keyfob.StoreKeySource
import dev.keyfob.WantedKey
import java.io.File
import java.security.KeyStore
import javax.crypto.AEADBadTagException
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/**
 * The store key, kept by the Android Keystore. That gives out no bytes, so the key lies encrypted in a file of `noBackupFilesDir`, under an AES key that never
 * leaves the Keystore: without this device the file opens for nobody.
 *
 * The Keystore's key asks for no user authentication, so tokens are there in the background too. Whatever goes wrong is [StoreKeyAnswer.NotNow], which
 * loses nothing, save where the Keystore is sure that its key is gone for good; then the sessions end with the cause `KeyLost`.
 *
 * @param alias the name of the key in the Keystore, and of its file; another one for each store
 */
public class KeystoreKey(context: Context, private val alias: String = "keyfob") : StoreKeySource {
    private val context: Context = context.applicationContext ?: context
    private val file = File(context.noBackupFilesDir, "$alias.key")

    override fun storeKey(wanted: WantedKey): StoreKeyAnswer = synchronized(LOCK) {
        try {
            answer(wanted)
        } catch (_: KeyPermanentlyInvalidatedException) {
            gone(wanted)
        } catch (_: AEADBadTagException) {
            // The file is damaged, or not this key's. Where nothing needs it, it is replaced.
            if (wanted == WantedKey.NEW) gone(wanted) else StoreKeyAnswer.NotNow
        } catch (_: Exception) {
            // Keystore daemons fail now and then and come back, the device may be locked, a file may be out of reach: none of it says that the key is lost.
            StoreKeyAnswer.NotNow
        }
    }

    private fun answer(wanted: WantedKey): StoreKeyAnswer {
        val keystore = KeyStore.getInstance(KEYSTORE).apply { load(null) }
        val wrapping = keystore.getKey(alias, null) as SecretKey?
        return when {
            file.exists() && wrapping != null -> key(open(wrapping, file.readBytes()))
            wanted == WantedKey.NEW -> key(make(wrapping ?: generate()))
            // Before the first unlock neither files nor keys may be there yet, and "not found" is no proof.
            file.exists() && isUnlocked() -> StoreKeyAnswer.Gone
            else -> StoreKeyAnswer.NotNow
        }
    }

    private fun gone(wanted: WantedKey): StoreKeyAnswer {
        if (wanted == WantedKey.EXISTING) return StoreKeyAnswer.Gone
        return try {
            KeyStore.getInstance(KEYSTORE).apply { load(null) }.deleteEntry(alias)
            key(make(generate()))
        } catch (_: Exception) {
            StoreKeyAnswer.NotNow
        }
    }

    /** Makes a key and keeps it, before anything is sealed under it. */
    private fun make(wrapping: SecretKey): ByteArray {
        val bytes = StoreKey.generate().use { it.toByteArray() }
        val cipher = Cipher.getInstance(TRANSFORMATION).apply { init(Cipher.ENCRYPT_MODE, wrapping) }
        Places.write(file, byteArrayOf(FORM) + cipher.iv + cipher.doFinal(bytes))
        return bytes
    }

    private fun open(wrapping: SecretKey, kept: ByteArray): ByteArray {
        require(kept.size > 1 + NONCE && kept[0] == FORM) { "not a key's file" }
        val cipher = Cipher.getInstance(TRANSFORMATION)
        cipher.init(Cipher.DECRYPT_MODE, wrapping, GCMParameterSpec(128, kept, 1, NONCE))
        return cipher.doFinal(kept, 1 + NONCE, kept.size - 1 - NONCE)
    }

    private fun key(bytes: ByteArray): StoreKeyAnswer = try {
        StoreKeyAnswer.Key(StoreKey(bytes))
    } finally {
        bytes.fill(0)
    }

    private fun generate(): SecretKey {
        val purposes = KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT
        val spec =
            KeyGenParameterSpec.Builder(alias, purposes)
                .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
                .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
                .setKeySize(256)
                .build()
        return KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, KEYSTORE).apply { init(spec) }.generateKey()
    }

    private fun isUnlocked(): Boolean = context.getSystemService(UserManager::class.java)?.isUserUnlocked == true

    /** Without the key. */
    override fun toString(): String = "KeystoreKey($alias)"

    private companion object {
        /** One at a time in the process: two that made a key would each keep their own. */
        val LOCK = Any()
        const val KEYSTORE = "AndroidKeyStore"
        const val TRANSFORMATION = "AES/GCM/NoPadding"
        const val NONCE = 12
        const val FORM: Byte = 1
    }
}
