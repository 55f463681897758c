package dev.keyfob

import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Files
import java.nio.file.Path
import java.util.Collections

/** What seals a store, and every answer of a keystore. */
internal class StoreKeyTest {
    @TempDir
    lateinit var folder: Path

    private val one = ByteArray(32) { 1 }
    private val two = ByteArray(32) { 2 }

    /** Nobody is asked: the sessions here are imported. */
    private val config
        get() =
            """
            { "store": { "path": "${folder.resolve("store")}" }, "coherence_seconds": 0,
              "registrations": [ { "id": "work-sso", "provider": "oidc", "variables": { "issuer": "https://login.example.com" },
                "client_id": "demo", "redirect_uri": "http://127.0.0.1/callback/work-sso" } ] }
            """

    private suspend fun Keyfob.import(uid: String = "u-1") = importSession(ImportedTokens("work-sso", uid, accessToken = "canary-token"))

    /** Whether a text stands in any file of the store. */
    private fun storeHolds(text: String): Boolean =
        Files.list(folder.resolve("store")).use { files -> files.anyMatch { text in Files.readString(it, Charsets.ISO_8859_1) } }

    private inline fun <reified E : KeyfobException> refused(reason: String, noinline call: suspend () -> Unit) {
        val error = assertThrows<E> { runBlocking { call() } }
        assertEquals(reason, error.reason)
    }

    /** A keystore, and what it was asked for. */
    private class Keystore(@Volatile var answer: (WantedKey) -> StoreKeyAnswer) : StoreKeySource {
        val wanted: MutableList<WantedKey> = Collections.synchronizedList(mutableListOf())

        override fun storeKey(wanted: WantedKey): StoreKeyAnswer {
            this.wanted += wanted
            return answer(wanted)
        }
    }

    @Test
    fun `a key has 32 bytes, is copied, and is wiped when it is closed`() {
        val bytes = one.copyOf()
        val key = StoreKey(bytes)
        bytes.fill(0)
        assertArrayEquals(one, key.toByteArray())
        for (length in listOf(0, 31, 33)) {
            assertEquals("InvalidArgument", assertThrows<KeyfobException.InvalidArgument> { StoreKey(ByteArray(length)) }.reason)
        }
        StoreKey.generate().use { a -> StoreKey.generate().use { b -> assertFalse(a.toByteArray().contentEquals(b.toByteArray())) } }
        key.close()
        key.close()
        assertThrows<IllegalStateException> { key.toByteArray() }
    }

    @Test
    fun `a key prints redacted`() {
        val key = StoreKey("CANARY CANARY CANARY CANARY 1234".toByteArray())
        val printed = "$key ${StoreKeyAnswer.Key(key)} ${key.storeKey(WantedKey.NEW)} ${key.raw}"
        assertFalse("CANARY" in printed || "67, 65" in printed || "4341" in printed, printed)
        assertTrue("[redacted]" in printed)
        assertEquals("NotNow Gone", "${StoreKeyAnswer.NotNow} ${StoreKeyAnswer.Gone}")
    }

    @Test
    fun `a store is sealed under its key, and opens with no other`(): Unit = runBlocking {
        val key = StoreKey(one)
        val session = Keyfob.open(config, storeKey = key).use { keyfob ->
            key.close() // it has its own copy
            assertEquals(Sealing.SEALED, keyfob.health().sealing)
            assertEquals(0, keyfob.health().movedAside)
            keyfob.import()
        }
        assertTrue(storeHolds(session.id))
        assertFalse(storeHolds("canary-token"))
        refused<KeyfobException.StoreKey>("WrongStoreKey") { Keyfob.open(config, storeKey = StoreKey(two)) }
        refused<KeyfobException.Configuration>("InvalidConfiguration") { Keyfob.open(config) }
        val plain = config.replace("/store\"", "/store\", \"plaintext\": true")
        refused<KeyfobException.StoreKey>("StoreSealed") { Keyfob.open(plain) }
        refused<KeyfobException.Configuration>("InvalidConfiguration") { Keyfob.open(plain, storeKey = StoreKey(one)) }
        Keyfob.open(config, storeKey = StoreKey(one)).use { assertEquals("canary-token", it.session(session.id).providerAccessToken) }
    }

    @Test
    fun `a plaintext store says so, and is sealed by the key that it is opened with`(): Unit = runBlocking {
        val plain = config.replace("/store\"", "/store\", \"plaintext\": true")
        val session = Keyfob.open(plain).use { keyfob ->
            assertEquals(Sealing.PLAINTEXT, keyfob.health().sealing)
            refused<KeyfobException.Configuration>("InvalidConfiguration") { keyfob.rekey(StoreKey(two)) }
            keyfob.import().also { assertTrue(storeHolds("canary-token")) }
        }
        Keyfob.open(config, storeKey = StoreKey(one)).use { assertEquals("canary-token", it.session(session.id).providerAccessToken) }
        assertFalse(storeHolds("canary-token"))
    }

    @Test
    fun `a locked keystore loses nothing, and neither does one that throws`(): Unit = runBlocking {
        val keystore = Keystore { StoreKeyAnswer.Key(StoreKey(one)) }
        val session = Keyfob.open(config, storeKey = keystore).use { it.import() }
        assertEquals(listOf(WantedKey.NEW), keystore.wanted.toList())

        keystore.wanted.clear()
        keystore.answer = { StoreKeyAnswer.NotNow }
        Keyfob.open(config, storeKey = keystore).use { keyfob ->
            assertEquals(setOf(WantedKey.EXISTING), keystore.wanted.toSet())
            assertEquals(Sealing.LOCKED, keyfob.health().sealing)
            refused<KeyfobException.StoreUnavailable>("StoreKeyUnavailable") { keyfob.session(session.id) }
            keystore.answer = { throw IllegalStateException("CANARY: the keystore's daemon died") }
            val error = assertThrows<KeyfobException.StoreUnavailable> { runBlocking { keyfob.session(session.id) } }
            assertTrue(error.isRetryable)
            assertFalse("CANARY" in error.stackTraceToString())

            keystore.answer = { StoreKeyAnswer.Key(StoreKey(one)) }
            assertEquals("canary-token", keyfob.session(session.id).providerAccessToken)
            assertEquals(Sealing.SEALED, keyfob.health().sealing)
            val asked = keystore.wanted.size
            keyfob.session(session.id)
            assertEquals(asked, keystore.wanted.size)
        }
    }

    @Test
    fun `a key that is gone ends the sessions that it sealed, and a new one takes its place`(): Unit = runBlocking {
        val session = Keyfob.open(config, storeKey = StoreKey(one)).use { it.import() }
        val keystore =
            Keystore { wanted -> if (wanted == WantedKey.NEW) StoreKeyAnswer.Key(StoreKey(two)) else StoreKeyAnswer.Gone }
        Keyfob.open(config, storeKey = keystore).use { keyfob ->
            assertEquals(listOf(WantedKey.EXISTING, WantedKey.NEW), keystore.wanted.toList())
            val ended = keyfob.session(session.id)
            assertEquals("KeyLost", (ended.state as SessionState.Ended).reason)
            assertEquals("u-1", ended.providerUid)
            assertEquals("", ended.providerAccessToken)
            assertEquals("canary-token", keyfob.import().providerAccessToken)
        }
        Keyfob.open(config, storeKey = StoreKey(two)).use { assertEquals("canary-token", it.session(session.id).providerAccessToken) }
    }

    @Test
    fun `a store gets another key`(): Unit = runBlocking {
        val session = Keyfob.open(config, storeKey = StoreKey(one)).use { keyfob ->
            keyfob.import().also {
                StoreKey(two).use { key -> keyfob.rekey(key) }
                assertEquals("StoreRekeyed", keyfob.journal(1).single().event)
                assertEquals("canary-token", keyfob.session(it.id).providerAccessToken)
            }
        }
        refused<KeyfobException.StoreKey>("WrongStoreKey") { Keyfob.open(config, storeKey = StoreKey(one)) }
        Keyfob.open(config, storeKey = StoreKey(two)).use { assertEquals("canary-token", it.session(session.id).providerAccessToken) }
    }

    @Test
    fun `a store belongs to its device`(): Unit = runBlocking {
        val device = "sixteen bytes: 1".toByteArray()
        val session = Keyfob.open(config, storeKey = StoreKey(one), deviceBinding = device).use { it.import() }
        assertEquals("sixteen bytes: 1", String(device), "the caller's own bytes are its own")
        Keyfob.open(config, storeKey = StoreKey(one), deviceBinding = device).use {
            assertEquals(SessionState.Active, it.session(session.id).state)
        }
        Keyfob.open(config, storeKey = StoreKey(one), deviceBinding = "sixteen bytes: 2".toByteArray()).use {
            val ended = it.session(session.id)
            assertEquals("OtherDevice", (ended.state as SessionState.Ended).reason)
            assertEquals("u-1", ended.providerUid)
        }
    }
}
