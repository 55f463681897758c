package dev.keyfob

import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path
import java.util.concurrent.CopyOnWriteArrayList

/** Writes down what it is told, and does what a test wants besides. */
internal class Heard(private val besides: (String) -> Unit = {}) : Observer {
    val events = CopyOnWriteArrayList<String>()
    val skews = CopyOnWriteArrayList<Long>()

    override fun sessionChanged(sessionId: String) {
        events += "changed $sessionId"
        besides(sessionId)
    }

    override fun loginRequired(sessionId: String, cause: String) {
        events += "ended $sessionId $cause"
        besides(sessionId)
    }

    override fun clockSkew(seconds: Long) {
        skews += seconds
    }
}

internal class ObserverTest {
    @TempDir
    lateinit var store: Path

    private fun test(observer: Observer, block: suspend (TestProvider, Keyfob) -> Unit) = runBlocking {
        TestProvider().use { provider ->
            Keyfob.open(provider.config(store), observer = observer).use { keyfob -> block(provider, keyfob) }
        }
    }

    @Test
    fun `an observer is told of a new session, of a change and of an ending`() {
        val heard = Heard()
        test(heard) { provider, keyfob ->
            val id = keyfob.logIn(provider).id
            assertEquals(setOf("changed $id"), heard.events.toSet())
            heard.events.clear()
            keyfob.refreshSession(id)
            assertEquals(listOf("changed $id"), heard.events)
            keyfob.accessToken(id)
            assertEquals(1, heard.events.size, "nothing has changed")
            keyfob.endSession(id)
            assertEquals(listOf("changed $id", "ended $id LoggedOut"), heard.events.drop(1))
            assertEquals(emptyList<Long>(), heard.skews)
        }
    }

    @Test
    fun `an observer is told when the provider ends a session`() {
        val heard = Heard()
        test(heard) { provider, keyfob ->
            val id = keyfob.logIn(provider).id
            provider.play("""{ "faults": [ { "endpoint": "token", "status": 400, "body": { "error": "invalid_grant" } } ] }""")
            assertThrows<KeyfobException.LoginRequired> { runBlocking { keyfob.refreshSession(id) } }
            assertEquals("ended $id Revoked", heard.events.last())
        }
    }

    @Test
    fun `an observer may call the same handle`() {
        lateinit var handle: Keyfob
        val seen = CopyOnWriteArrayList<Session>()
        val heard = Heard { id -> seen += runBlocking { handle.session(id).also { handle.health() } } }
        test(heard) { provider, keyfob ->
            handle = keyfob
            val session = keyfob.logIn(provider)
            seen.clear()
            val refreshed = keyfob.refreshSession(session.id)
            assertNotEquals(session.providerAccessToken, refreshed.providerAccessToken)
            assertEquals(listOf(refreshed), seen)
            keyfob.endSession(session.id)
            assertEquals(SessionState.Ended("LoggedOut"), seen.last().state)
        }
    }

    @Test
    fun `what an observer throws is not seen`() = test(Heard { error("CANARY") }) { provider, keyfob ->
        val session = keyfob.logIn(provider)
        assertNotEquals(session.providerAccessToken, keyfob.refreshSession(session.id).providerAccessToken)
        assertEquals(Revocation.Done, keyfob.endSession(session.id).revocation)
    }

    @Test
    fun `an observer may leave out what it does not want to hear`() =
        test(object : Observer {}) { provider, keyfob -> keyfob.endSession(keyfob.logIn(provider).id) }
}
