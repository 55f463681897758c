package dev.keyfob.android

import android.os.UserManager
import android.security.keystore.KeyPermanentlyInvalidatedException
import dev.keyfob.Keyfob
import dev.keyfob.KeyfobException
import dev.keyfob.Sealing
import dev.keyfob.StoreKeyAnswer
import dev.keyfob.TestProvider
import dev.keyfob.WantedKey
import dev.keyfob.logIn
import kotlinx.coroutines.runBlocking
import org.junit.After
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import java.io.File
import java.security.ProviderException

/** Against a keystore of the tests' own, for Robolectric has none: what the class makes of its answers. The real one is for a device to show. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35])
internal class KeystoreKeyTest {
    private val context = RuntimeEnvironment.getApplication()
    private val source = KeystoreKey(context)
    private val file = File(context.noBackupFilesDir, "keyfob.key")

    @Before
    fun install() = FakeKeystore.install()

    @After
    fun remove() = FakeKeystore.remove()

    private fun bytes(wanted: WantedKey): ByteArray = (source.storeKey(wanted) as StoreKeyAnswer.Key).key.toByteArray()

    @Test
    fun `a key is made once, and the next process has it`() {
        assertEquals("nothing is made where an old one is wanted", StoreKeyAnswer.NotNow, source.storeKey(WantedKey.EXISTING))
        assertFalse(file.exists())
        val made = bytes(WantedKey.NEW)
        assertArrayEquals(made, (KeystoreKey(context).storeKey(WantedKey.EXISTING) as StoreKeyAnswer.Key).key.toByteArray())
        assertArrayEquals(made, bytes(WantedKey.NEW))
        assertFalse("the file holds no key", String(file.readBytes(), Charsets.ISO_8859_1).contains(String(made, Charsets.ISO_8859_1)))
        assertEquals(1 + 12 + 32 + 16, file.readBytes().size)
    }

    @Test
    fun `whatever the keystore throws loses nothing`() {
        val made = bytes(WantedKey.NEW)
        for (trouble in listOf(ProviderException("daemon"), IllegalStateException("CANARY"))) {
            FakeKeystore.trouble = trouble
            assertEquals(StoreKeyAnswer.NotNow, source.storeKey(WantedKey.EXISTING))
            assertEquals(StoreKeyAnswer.NotNow, source.storeKey(WantedKey.NEW))
            FakeKeystore.trouble = null
            assertArrayEquals(made, bytes(WantedKey.EXISTING))
        }
    }

    @Test
    fun `a key that the system has made void is gone, and a new one takes its place`() {
        val made = bytes(WantedKey.NEW)
        FakeKeystore.void = KeyPermanentlyInvalidatedException()
        assertEquals(StoreKeyAnswer.Gone, source.storeKey(WantedKey.EXISTING))
        assertTrue("it is still there for who asks again", file.exists())
        val next = bytes(WantedKey.NEW)
        assertNotEquals(made.toList(), next.toList())
        assertArrayEquals(next, bytes(WantedKey.EXISTING))
    }

    @Test
    fun `a key that is not found is gone only when the user has unlocked the device`() {
        bytes(WantedKey.NEW)
        FakeKeystore.keys.clear()
        val users = shadowOf(context.getSystemService(UserManager::class.java)!!)
        users.setUserUnlocked(false)
        assertEquals(StoreKeyAnswer.NotNow, source.storeKey(WantedKey.EXISTING))
        users.setUserUnlocked(true)
        assertEquals(StoreKeyAnswer.Gone, source.storeKey(WantedKey.EXISTING))
    }

    @Test
    fun `a damaged file is replaced only where nothing needs it`() {
        bytes(WantedKey.NEW)
        file.writeBytes(file.readBytes().also { it[30] = (it[30] + 1).toByte() })
        assertEquals(StoreKeyAnswer.NotNow, source.storeKey(WantedKey.EXISTING))
        val next = bytes(WantedKey.NEW)
        assertArrayEquals(next, bytes(WantedKey.EXISTING))
    }

    @Test
    fun `a store is sealed under it, and a locked device loses no session`() {
        TestProvider().use { provider ->
            val config = provider.config(Places.store(context).toPath()).replace(", \"plaintext\": true", "")
            val id = runBlocking { Keyfob.open(config, storeKey = source).use { it.logIn(provider).id } }
            FakeKeystore.trouble = ProviderException("locked")
            runBlocking {
                Keyfob.open(config, storeKey = source).use { keyfob ->
                    assertThrows(KeyfobException.StoreUnavailable::class.java) { runBlocking { keyfob.accessToken(id) } }
                    FakeKeystore.trouble = null
                    assertTrue(keyfob.accessToken(id).secret.isNotEmpty())
                    assertEquals(Sealing.SEALED, keyfob.health().sealing)
                }
            }
        }
    }

    @Test
    fun `a device's bytes are made once`() {
        val made = Places.deviceBinding(context)
        assertEquals(16, made.size)
        assertArrayEquals(made, Places.deviceBinding(context))
    }
}
