package dev.keyfob

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.supervisorScope
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path
import java.time.Duration
import java.time.Instant

/** What is owed and done later, suspension, and how the store says that it is. */
internal class MaintenanceTest {
    @TempDir
    lateinit var store: Path

    private val clock = Turned()
    private val line = Line()
    private val minute = Duration.ofMinutes(1)

    /** The JDK's client, over a line that a test can cut. */
    private class Line : Transport {
        @Volatile
        var cut = false

        override fun send(request: HttpRequest): HttpResponse =
            if (cut) throw TransportException(Sent.NOT_SENT, TransportFailure.NETWORK) else JdkTransport.send(request)
    }

    private fun test(transport: Transport = line, block: suspend (TestProvider, Keyfob) -> Unit) = runBlocking {
        TestProvider().use { provider ->
            Keyfob.open(provider.config(store), transport, clock).use { keyfob -> block(provider, keyfob) }
        }
    }

    private fun TestProvider.revocations() = requests().filter { it["path"].asString == "/revoke" }

    @Test
    fun `maintain sends the revocation that a logout without network owes`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        line.cut = true
        val revocation = keyfob.endSession(session.id).revocation as Revocation.Owed
        assertTrue(revocation.error is KeyfobException.Network)
        assertEquals("NotSent", revocation.error.reason)
        assertEquals(1, keyfob.health().owedRevocations)
        val tried = keyfob.maintain(minute)
        assertEquals(listOf(0, 1), listOf(tried.revoked, tried.owed))
        assertEquals(emptyList<Any>(), provider.revocations())

        line.cut = false
        clock.ahead = Duration.ofHours(1)
        val done = keyfob.maintain(minute)
        assertEquals(listOf(1, 0, 0), listOf(done.revoked, done.failed, done.owed))
        assertEquals(session.providerRefreshToken, provider.revocations().single().parameter("form", "token"))
        assertEquals(0, keyfob.health().owedRevocations)
        assertEquals("TokensRevoked", keyfob.journal(1).single().event)
        assertEquals(0, keyfob.maintain(minute).revoked)
        assertEquals(1, provider.revocations().size)
    }

    @Test
    fun `maintain refreshes what is due and begins nothing after its limit`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        clock.ahead = Duration.ofHours(2)
        provider.forget()
        assertEquals(1, keyfob.maintain(Duration.ZERO).owed)
        assertEquals(emptyList<Any>(), provider.requests())
        val done = keyfob.maintain(minute)
        assertEquals(listOf(1, 0, 0, 0), listOf(done.refreshed, done.revoked, done.failed, done.owed))
        assertEquals(1, provider.tokenRequests().size)
        assertNotEquals(session.providerAccessToken, keyfob.session(session.id).providerAccessToken)

        val entry = keyfob.journal(1).single()
        assertEquals(listOf("Refreshed", "early"), listOf(entry.event, entry.wish))
        assertTrue(entry.waited!! < minute && "wanted: early took ${entry.waited!!.toMillis()} ms" in "$entry", "$entry")
        assertEquals(0, keyfob.maintain(minute).refreshed)
        assertThrows<IllegalArgumentException> { runBlocking { keyfob.maintain(Duration.ofMillis(-1)) } }
    }

    @Test
    fun `a suspended handle refuses calls until it is resumed`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        provider.forget()
        keyfob.suspend(minute)
        keyfob.suspend(Duration.ZERO)
        val calls = listOf<suspend () -> Any>({ keyfob.accessToken(session.id) }, { keyfob.sessions() }, { keyfob.health() })
        // So long a token is given from memory at most.
        clock.ahead = minute
        for (call in calls) {
            val error = assertThrows<KeyfobException.InvalidState> { runBlocking { call() } }
            assertEquals("Suspended", error.reason)
        }
        Keyfob.open(provider.config(store.resolve("other"))).use { assertEquals(emptyList<Session>(), it.sessions()) }

        keyfob.resume()
        keyfob.resume()
        val token = keyfob.accessToken(session.id)
        assertEquals(session.providerAccessToken, token.secret)
        assertFalse(token.isUnsaved)
        assertEquals(emptyList<Any>(), provider.requests())
        assertThrows<IllegalArgumentException> { runBlocking { keyfob.suspend(Duration.ofMillis(-1)) } }
    }

    @Test
    fun `what is under way at the deadline is given up and repeated after it`() {
        val gate = Gate()
        // What stands before the gate never comes to the provider.
        val losing = Transport { if (gate.isShut && it.url.endsWith("/token")) gate.hold() else JdkTransport.send(it) }
        test(losing) { provider, keyfob ->
            val session = keyfob.logIn(provider)
            provider.forget()
            clock.ahead = Duration.ofHours(2)
            gate.shut()
            supervisorScope {
                val caller = async(Dispatchers.Default) { keyfob.accessToken(session.id) }
                gate.reached.await()
                keyfob.suspend(Duration.ofMillis(100))
                gate.open()
                val error = assertThrows<KeyfobException.InvalidState> { runBlocking { caller.await() } }
                assertEquals("Suspended", error.reason)
            }
            keyfob.resume()
            val interrupted = keyfob.health().interrupted.single()
            assertEquals(session.id, interrupted.session)
            assertEquals(ProcessHandle.current().pid(), interrupted.pid)
            assertTrue(interrupted.isAlive && interrupted.isInDoubt && interrupted.isVerified)
            assertTrue(Duration.between(interrupted.begunAt, clock.wall()).abs() < minute)
            assertEquals(Duration.ZERO, interrupted.retryAfter ?: Duration.ZERO, "at once")
            assertNotEquals(session.providerAccessToken, keyfob.accessToken(session.id).secret)
            assertEquals(1, provider.tokenRequests().size)
            assertEquals(emptyList<Interrupted>(), keyfob.health().interrupted)
        }
    }

    @Test
    fun `a healthy store says so, and one session that ended`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        var health = keyfob.health()
        assertTrue(health.schemaVersion > 0 && health.sqliteVersion.startsWith("3."), "$health")
        assertEquals(listOf(1, 0), listOf(health.activeSessions, health.endedSessions))
        assertEquals(listOf(0, 0), listOf(health.unsavedSessions, health.owedRevocations))
        assertEquals(emptyList<Interrupted>(), health.interrupted)
        assertNull(health.clockSkewSeconds)
        assertNull(health.clockSkewAt)

        provider.play("""{ "faults": [ { "endpoint": "token", "status": 400, "body": { "error": "invalid_grant" } } ] }""")
        assertThrows<KeyfobException.LoginRequired> { runBlocking { keyfob.refreshSession(session.id) } }
        health = keyfob.health()
        assertEquals(listOf(0, 1), listOf(health.activeSessions, health.endedSessions))
        assertEquals("SessionEnded", keyfob.journal(1).single().event)
    }

    @Test
    fun `a provider whose clock is off is told in health, in the journal and to the observer`(): Unit = runBlocking {
        val heard = Heard()
        TestProvider("""{ "clock_offset_seconds": 600 }""").use { provider ->
            Keyfob.open(provider.config(store), line, clock, observer = heard).use { keyfob ->
                val session = keyfob.logIn(provider)
                keyfob.refreshSession(session.id)
                val health = keyfob.health()
                assertTrue(health.clockSkewSeconds!! in 590..610, "$health")
                assertTrue(Duration.between(health.clockSkewAt, Instant.now()).abs() < minute, "$health")
                val entry = keyfob.journal(1).single()
                assertEquals("asked", entry.wish)
                assertTrue(entry.clockSkewSeconds!! in 590..610 && "clock off by" in "$entry", "$entry")
                assertEquals(1, heard.skews.size, "it is news once")
                assertTrue(heard.skews.single() in 590..610)
            }
        }
    }
}
