package dev.keyfob

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path
import java.time.Duration
import kotlin.time.Duration.Companion.seconds

internal class TokenTest {
    @TempDir
    lateinit var store: Path

    private val clock = Turned()
    private val gate = Gate()

    private fun test(script: String = "{}", block: suspend (TestProvider, Keyfob) -> Unit) = runBlocking {
        TestProvider(script).use { provider ->
            Keyfob.open(provider.config(store), gate, clock).use { keyfob -> block(provider, keyfob) }
        }
    }

    @Test
    fun `a fresh token comes from memory`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        provider.forget()
        val tokens = List(100) { keyfob.accessToken(session.id) }
        assertEquals(setOf(session.providerAccessToken), tokens.map { it.secret }.toSet())
        assertEquals(session.providerAccessTokenExpiry, tokens[0].expiresAt)
        assertEquals(emptyList<Any>(), provider.requests())
    }

    @Test
    fun `a token that is due is refreshed with one request`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        provider.forget()
        clock.ahead = Duration.ofHours(2)
        val token = keyfob.accessToken(session.id)
        assertNotEquals(session.providerAccessToken, token.secret)
        assertEquals(token.secret, keyfob.accessToken(session.id).secret)
        val request = provider.tokenRequests().single()
        assertEquals("refresh_token", request["grant_type"].asString)
        assertEquals(session.providerRefreshToken, request.parameter("form", "refresh_token"))
    }

    @Test
    fun `a token that is not good for long enough is refreshed`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        provider.forget()
        clock.ahead = Duration.ofMinutes(40)
        assertEquals(session.providerAccessToken, keyfob.accessToken(session.id).secret)
        assertNotEquals(session.providerAccessToken, keyfob.accessToken(session.id, Duration.ofMinutes(30)).secret)
        assertEquals(1, provider.tokenRequests().size)
    }

    @Test
    fun `a life that no token has is read as the whole life of one`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        provider.forget()
        val forever = Duration.ofSeconds(Long.MAX_VALUE)
        assertEquals(session.providerAccessToken, keyfob.accessToken(session.id, forever).secret)
        assertEquals("u-1", keyfob.profile(session.id, forever).uid)
        assertEquals(emptyList<Any>(), provider.requests())
    }

    @Test
    fun `a session can be refreshed before it is due`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        provider.forget()
        val refreshed = keyfob.refreshSession(session.id)
        assertEquals(session.id, refreshed.id)
        assertNotEquals(session.providerAccessToken, refreshed.providerAccessToken)
        assertNotEquals(session.providerRefreshToken, refreshed.providerRefreshToken)
        assertEquals(1, provider.tokenRequests().size)
    }

    @Test
    fun `a token that a server refused is replaced once, whoever asks`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        provider.forget()
        val tokens =
            runBlocking(Dispatchers.Default) {
                List(20) { async { keyfob.refreshIfCurrent(session.id, session.providerAccessToken).secret } }.awaitAll()
            }
        assertEquals(1, tokens.toSet().size)
        assertNotEquals(session.providerAccessToken, tokens[0])
        assertEquals(tokens[0], keyfob.refreshIfCurrent(session.id, session.providerAccessToken).secret)
        assertEquals(1, provider.tokenRequests().size)
    }

    @Test
    fun `a refused refresh is a LoginRequired with its cause`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        provider.play(
            """
            { "faults": [ { "endpoint": "token", "status": 400,
                "body": { "error": "invalid_grant", "error_description": "CANARY" } } ] }
            """,
        )
        clock.ahead = Duration.ofHours(2)
        val error = assertThrows<KeyfobException.LoginRequired> { runBlocking { keyfob.accessToken(session.id) } }
        assertEquals("Revoked", error.reason)
        assertEquals(10, error.number)
        assertEquals(400, error.httpStatus)
        assertEquals("invalid_grant", error.oauthError?.code)
        assertEquals("CANARY", error.oauthError?.description)
        assertFalse(error.isRetryable)
        assertFalse("CANARY" in error.stackTraceToString() + error.oauthError)
        assertEquals(SessionState.Ended("Revoked"), keyfob.session(session.id).state)
        assertEquals("Revoked", keyfob.journal(1).single().reason)
    }

    @Test
    fun `two hundred coroutines at one expiry cause one request and all get its token`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        provider.play("""{ "faults": [ { "endpoint": "token", "delay_seconds": 0.3 } ] }""")
        provider.forget()
        clock.ahead = Duration.ofHours(2)
        val tokens =
            runBlocking(Dispatchers.Default) { List(200) { async { keyfob.accessToken(session.id).secret } }.awaitAll() }
        assertEquals(1, tokens.toSet().size)
        assertNotEquals(session.providerAccessToken, tokens[0])
        assertEquals(1, provider.tokenRequests().size)
    }

    @Test
    fun `a cancelled caller returns at once and the refresh is saved`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        provider.forget()
        clock.ahead = Duration.ofHours(2)
        gate.shut()
        runBlocking(Dispatchers.Default) {
            val caller = launch { keyfob.accessToken(session.id) }
            gate.reached.await()
            caller.cancelAndJoin()
        }
        // Here already, though no answer has come.
        assertEquals(session.providerRefreshToken, keyfob.session(session.id).providerRefreshToken)
        gate.open()
        withTimeout(10.seconds) {
            while (keyfob.session(session.id).providerRefreshToken == session.providerRefreshToken) delay(20)
        }
        keyfob.accessToken(session.id)
        assertEquals(1, provider.tokenRequests().size)
    }

    @Test
    fun `a caller waits for another's refresh no longer than it says`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        provider.forget()
        clock.ahead = Duration.ofHours(2)
        gate.shut()
        runBlocking(Dispatchers.Default) {
            val first = async { keyfob.accessToken(session.id) }
            gate.reached.await()
            val error =
                assertThrows<KeyfobException.Timeout> {
                    runBlocking { withTimeout(10.seconds) { keyfob.accessToken(session.id, wait = Duration.ofMillis(100)) } }
                }
            assertEquals("WaitTimeout", error.reason)
            gate.open()
            assertEquals(first.await().secret, keyfob.accessToken(session.id, wait = Duration.ZERO).secret)
        }
        assertEquals(1, provider.tokenRequests().size)
        assertThrows<IllegalArgumentException> { runBlocking { keyfob.accessToken(session.id, wait = Duration.ofMillis(-1)) } }
    }

    @Test
    fun `closing lets calls that are under way end and refuses later ones`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        clock.ahead = Duration.ofHours(2)
        gate.shut()
        val token =
            runBlocking(Dispatchers.Default) {
                val token = async { keyfob.accessToken(session.id) }
                gate.reached.await()
                keyfob.close()
                gate.open()
                token.await()
            }
        assertNotEquals(session.providerAccessToken, token.secret)
        val error = assertThrows<KeyfobException.InvalidState> { runBlocking { keyfob.accessToken(session.id) } }
        assertEquals("Closed", error.reason)
        Keyfob.open(provider.config(store), clock = clock).use { assertEquals(token.secret, it.session(session.id).providerAccessToken) }
    }
}
