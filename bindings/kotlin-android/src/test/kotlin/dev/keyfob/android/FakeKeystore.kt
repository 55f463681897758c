package dev.keyfob.android

import android.security.keystore.KeyGenParameterSpec
import java.io.InputStream
import java.io.OutputStream
import java.security.Key
import java.security.KeyStoreSpi
import java.security.Provider
import java.security.SecureRandom
import java.security.Security
import java.security.cert.Certificate
import java.security.spec.AlgorithmParameterSpec
import java.util.Collections
import java.util.Date
import java.util.Enumeration
import javax.crypto.KeyGeneratorSpi
import javax.crypto.SecretKey
import javax.crypto.spec.SecretKeySpec

/** Stands in for the Android Keystore: keys by alias, and the trouble that a test wants. */
internal object FakeKeystore {
    val keys = HashMap<String, SecretKey>()

    /** What every access throws. */
    @Volatile
    var trouble: RuntimeException? = null

    /** What using a key throws, until that is deleted. */
    @Volatile
    var void: Exception? = null

    fun install() {
        keys.clear()
        trouble = null
        void = null
        Security.addProvider(TheProvider())
    }

    fun remove() = Security.removeProvider("AndroidKeyStore")

    private class TheProvider : Provider("AndroidKeyStore", "1", "for tests") {
        init {
            put("KeyStore.AndroidKeyStore", Store::class.java.name)
            put("KeyGenerator.AES", Generator::class.java.name)
        }
    }

    class Generator : KeyGeneratorSpi() {
        private lateinit var alias: String

        override fun engineInit(params: AlgorithmParameterSpec, random: SecureRandom?) {
            val spec = params as KeyGenParameterSpec
            check(spec.keySize == 256 && !spec.isUserAuthenticationRequired && spec.blockModes.toList() == listOf("GCM"))
            alias = spec.keystoreAlias
        }

        override fun engineInit(random: SecureRandom?): Unit = error("no name")

        override fun engineInit(keysize: Int, random: SecureRandom?): Unit = error("no name")

        override fun engineGenerateKey(): SecretKey {
            trouble?.let { throw it }
            return SecretKeySpec(ByteArray(32).also(SecureRandom()::nextBytes), "AES").also { keys[alias] = it }
        }
    }

    class Store : KeyStoreSpi() {
        override fun engineLoad(stream: InputStream?, password: CharArray?) {
            trouble?.let { throw it }
        }

        override fun engineGetKey(alias: String, password: CharArray?): Key? {
            // The real one says it when the key is used; either way it comes out of the same call.
            keys[alias]?.let { _ -> void?.let { throw it } }
            return keys[alias]
        }

        override fun engineDeleteEntry(alias: String) {
            void = null
            keys.remove(alias)
        }

        override fun engineContainsAlias(alias: String): Boolean = alias in keys

        override fun engineIsKeyEntry(alias: String): Boolean = alias in keys

        override fun engineAliases(): Enumeration<String> = Collections.enumeration(keys.keys)

        override fun engineSize(): Int = keys.size

        override fun engineGetCertificateChain(alias: String): Array<Certificate>? = null

        override fun engineGetCertificate(alias: String): Certificate? = null

        override fun engineGetCreationDate(alias: String): Date? = null

        override fun engineSetKeyEntry(alias: String, key: Key, password: CharArray?, chain: Array<Certificate>?): Unit = error("not asked for")

        override fun engineSetKeyEntry(alias: String, key: ByteArray, chain: Array<Certificate>?): Unit = error("not asked for")

        override fun engineSetCertificateEntry(alias: String, cert: Certificate): Unit = error("not asked for")

        override fun engineIsCertificateEntry(alias: String): Boolean = false

        override fun engineGetCertificateAlias(cert: Certificate): String? = null

        override fun engineStore(stream: OutputStream?, password: CharArray?): Unit = error("not asked for")
    }
}
