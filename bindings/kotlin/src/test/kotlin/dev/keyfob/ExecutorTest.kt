package dev.keyfob

import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path
import java.time.Duration
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.Executor
import java.util.concurrent.RejectedExecutionException
import kotlin.time.Duration.Companion.seconds

/** A token that is good but soon due is given at once, and refreshed where nobody waits for it. */
internal class ExecutorTest {
    @TempDir
    lateinit var store: Path

    private val clock = Turned()

    /** Of an hour: still good for two minutes, and in the part of its life in which the next one is looked for. */
    private val soonDue = Duration.ofMinutes(58)

    private fun test(transport: Transport? = null, executor: Executor? = null, block: suspend (TestProvider, Keyfob, Session) -> Unit) = runBlocking {
        TestProvider().use { provider ->
            Keyfob.open(provider.config(store), transport, clock, executor).use { keyfob ->
                val session = keyfob.logIn(provider)
                provider.forget()
                clock.ahead = soonDue
                block(provider, keyfob, session)
            }
        }
    }

    /** Until the next token is given out: it is saved first, and checked before that. */
    private suspend fun Keyfob.awaitRefreshOf(session: Session) = withTimeout(10.seconds) {
        while (accessToken(session.id).secret == session.providerAccessToken) delay(20)
    }

    @Test
    fun `by default nobody waits for an early refresh`() {
        val gate = Gate()
        test(transport = gate) { provider, keyfob, session ->
            gate.shut()
            assertEquals(session.providerAccessToken, keyfob.accessToken(session.id).secret)
            gate.reached.await()
            gate.open()
            keyfob.awaitRefreshOf(session)
            assertEquals(1, provider.tokenRequests().size)
        }
    }

    @Test
    fun `the host's executor gets one refresh and it happens when that runs it`() {
        val work = ConcurrentLinkedQueue<Runnable>()
        test(executor = { work += it }) { provider, keyfob, session ->
            repeat(5) { assertEquals(session.providerAccessToken, keyfob.accessToken(session.id).secret) }
            assertEquals(1, work.size)
            assertEquals(emptyList<Any>(), provider.requests())
            work.remove().run()
            assertNotEquals(session.providerAccessToken, keyfob.accessToken(session.id).secret)
            assertEquals(1, provider.tokenRequests().size)
        }
    }

    @Test
    fun `an executor that refuses loses nothing and what it throws is not seen`() {
        val work = ConcurrentLinkedQueue<Runnable>()
        var refusals = 0
        val executor = Executor { if (refusals++ == 0) throw RejectedExecutionException("CANARY") else work += it }
        test(executor = executor) { provider, keyfob, session ->
            assertEquals(session.providerAccessToken, keyfob.accessToken(session.id).secret)
            assertEquals(session.providerAccessToken, keyfob.accessToken(session.id).secret)
            assertEquals(2, refusals, "it was asked again")
            assertEquals(emptyList<Any>(), provider.requests())
            work.single().run()
            assertNotEquals(session.providerAccessToken, keyfob.accessToken(session.id).secret)
            assertFalse("CANARY" in keyfob.journal().toString())
        }
    }

    @Test
    fun `work that is run after the handle was closed is still saved`() {
        val work = ConcurrentLinkedQueue<Runnable>()
        test(executor = { work += it }) { provider, keyfob, session ->
            keyfob.accessToken(session.id)
            keyfob.close()
            work.single().run()
            assertEquals(1, provider.tokenRequests().size)
            Keyfob.open(provider.config(store)).use {
                assertNotEquals(session.providerRefreshToken, it.session(session.id).providerRefreshToken)
            }
        }
    }
}
