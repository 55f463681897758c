package dev.keyfob

import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path
import java.time.Duration
import java.util.concurrent.ConcurrentLinkedQueue

internal class TransportTest {
    @TempDir
    lateinit var store: Path

    private val printed = ConcurrentLinkedQueue<String>()

    private val requests = ConcurrentLinkedQueue<HttpRequest>()

    private val host = Transport { request ->
        requests += request
        JdkTransport.send(request).also { printed += "$request $it" }
    }

    @Test
    fun `every request goes through the host's transport`(): Unit = runBlocking {
        TestProvider().use { provider ->
            val config = provider.config(store).replaceFirst("{", """{ "http": { "connect_seconds": 3, "total_seconds": 7 },""")
            Keyfob.open(config, transport = host).use { keyfob ->
                val session = keyfob.logIn(provider, LoginOptions(scopes = listOf("email")))
                assertEquals("ada@example.com", keyfob.profile(session.id).email)
                keyfob.refreshSession(session.id)
            }
            val paths = printed.joinToString("\n")
            assertTrue("HttpRequest(Get ${provider.issuer}/.well-known/openid-configuration) HttpResponse(200" in paths, paths)
            assertTrue("HttpRequest(Post ${provider.issuer}/token) HttpResponse(200" in paths, paths)
            for (request in requests) {
                assertEquals(Duration.ofSeconds(3), request.connectTimeout)
                assertEquals(Duration.ofSeconds(7), request.timeout)
                assertTrue(request.maxBodyBytes in 1_000..10_000_000)
            }
        }
    }

    private fun refused(throwing: () -> Nothing): KeyfobException = runBlocking {
        TestProvider().use { provider ->
            Keyfob.open(provider.config(store), transport = { throwing() }).use { keyfob ->
                assertThrows<KeyfobException> { runBlocking { keyfob.beginLogin("work-sso") } }
                    .also { assertEquals(emptyList<Any>(), provider.requests()) }
            }
        }
    }

    @Test
    fun `a transport that throws whatever is a Network error without its words`() {
        val error = refused { throw IllegalStateException("CANARY https://idp.example/?code=CANARY") }
        assertTrue(error is KeyfobException.Network)
        assertEquals("InDoubt", error.reason)
        assertTrue(error.isRetryable)
        assertFalse("CANARY" in error.stackTraceToString())
        assertFalse("IllegalStateException" in error.stackTraceToString())
    }

    @Test
    fun `a transport that says what happened is believed`() {
        val said = { sent: Sent, failure: TransportFailure -> refused { throw TransportException(sent, failure) } }
        assertEquals("NotSent", said(Sent.NOT_SENT, TransportFailure.NETWORK).reason)
        assertEquals("InDoubt", said(Sent.UNKNOWN, TransportFailure.NETWORK).reason)
        assertTrue(said(Sent.NOT_SENT, TransportFailure.TIMEOUT) is KeyfobException.Timeout)
        assertTrue(said(Sent.NOT_SENT, TransportFailure.CERTIFICATE) is KeyfobException.Tls)
        assertEquals("TlsExpired", said(Sent.NOT_SENT, TransportFailure.CERTIFICATE_EXPIRED).reason)
        assertEquals("TlsNotYetValid", said(Sent.NOT_SENT, TransportFailure.CERTIFICATE_NOT_YET_VALID).reason)
        assertEquals("TlsRevoked", said(Sent.NOT_SENT, TransportFailure.CERTIFICATE_REVOKED).reason)
        assertEquals("TlsUnknownIssuer", said(Sent.NOT_SENT, TransportFailure.CERTIFICATE_UNKNOWN_ISSUER).reason)
        assertEquals("TlsWrongHost", said(Sent.NOT_SENT, TransportFailure.CERTIFICATE_WRONG_HOST).reason)
        assertEquals("Proxy", said(Sent.NOT_SENT, TransportFailure.PROXY).reason)
        assertTrue(said(Sent.NOT_SENT, TransportFailure.TLS) is KeyfobException.Tls)
        assertTrue(said(Sent.UNKNOWN, TransportFailure.ANSWER) is KeyfobException.BadResponse)
    }

    @Test
    fun `a clock that throws is replaced by the system's`(): Unit = runBlocking {
        val broken =
            object : Clock {
                override fun wall() = error("CANARY")

                override fun boot() = error("CANARY")

                override fun bootId() = error("CANARY")
            }
        TestProvider().use { provider ->
            Keyfob.open(provider.config(store), clock = broken).use { keyfob ->
                assertEquals("u-1", keyfob.logIn(provider).providerUid)
            }
        }
    }
}
