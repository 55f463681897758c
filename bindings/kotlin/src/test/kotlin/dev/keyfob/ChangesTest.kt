package dev.keyfob

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path
import kotlin.time.Duration.Companion.seconds

/** The flow of changes. What is told, and in which order, is the observer's matter: [ObserverTest]. */
internal class ChangesTest {
    @TempDir
    lateinit var store: Path

    private fun test(observer: Observer? = null, block: suspend CoroutineScope.(TestProvider, Keyfob) -> Unit) = runBlocking {
        TestProvider().use { provider ->
            Keyfob.open(provider.config(store), observer = observer).use { withTimeout(30.seconds) { block(provider, it) } }
        }
    }

    @Test
    fun `the flow tells of a session, of its refresh and of its end, to each collector, and ends with the handle`() {
        val heard = mutableListOf<String>()
        val observer =
            object : Observer {
                override fun sessionChanged(sessionId: String) {
                    heard += sessionId
                }
            }
        test(observer) { provider, keyfob ->
            val collectors = List(2) { async(start = CoroutineStart.UNDISPATCHED) { keyfob.changes.toList() } }
            val session = keyfob.logIn(provider)
            keyfob.refreshSession(session.id)
            keyfob.endSession(session.id)
            keyfob.close()
            val changed = SessionChange.Changed(session.id)
            val all = listOf(changed, changed, changed, SessionChange.Ended(session.id, "LoggedOut"))
            for (collector in collectors) assertEquals(all, collector.await())
            assertEquals(emptyList<SessionChange>(), keyfob.changes.toList(), "after the end there is nothing to wait for")
            assertEquals(listOf(session.id, session.id, session.id), heard, "the observer is told the same")
        }
    }

    @Test
    fun `a collector that stands still keeps no call waiting`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        val stuck =
            async(Dispatchers.Default, CoroutineStart.UNDISPATCHED) {
                keyfob.changes.first { awaitCancellation() }
            }
        val another = async(Dispatchers.Default, CoroutineStart.UNDISPATCHED) { keyfob.changes.take(3).toList() }
        val tokens = List(3) { keyfob.refreshSession(session.id).providerAccessToken }
        assertEquals(3, tokens.toSet().size)
        assertEquals(List(3) { SessionChange.Changed(session.id) }, another.await())
        stuck.cancel()
    }

    @Test
    fun `a change says what it is`() {
        assertEquals("Changed(s)", SessionChange.Changed("s").toString())
        assertEquals("Ended(s, Revoked)", SessionChange.Ended("s", "Revoked").toString())
        assertEquals(SessionChange.Ended("s", "Revoked").hashCode(), SessionChange.Ended("s", "Revoked").hashCode())
        assertNotEquals(SessionChange.Ended("s", "Revoked"), SessionChange.Ended("s", "Expired"))
        assertFalse(SessionChange.Changed("s").equals(SessionChange.Ended("s", "Expired")))
    }
}
