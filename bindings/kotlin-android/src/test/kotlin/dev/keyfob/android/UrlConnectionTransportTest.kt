package dev.keyfob.android

import dev.keyfob.Keyfob
import dev.keyfob.KeyfobException
import dev.keyfob.TestProvider
import dev.keyfob.Turned
import dev.keyfob.logIn
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import java.net.ServerSocket
import java.net.Socket
import java.time.Duration
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.concurrent.thread

/** `HttpURLConnection` as the JDK has it: it needs nothing of Android. Android's own is another one, with the same rules written down. */
internal class UrlConnectionTransportTest {
    @get:Rule
    val folder = TemporaryFolder()

    private fun store() = folder.newFolder().toPath().resolve("store")

    /** A server that answers each connection by what a test says. What came in is kept. */
    private class Server(val answer: (Socket) -> Unit) : AutoCloseable {
        val seen = CopyOnWriteArrayList<String>()
        private val socket = ServerSocket(0, 8, java.net.InetAddress.getLoopbackAddress())
        val port: Int = socket.localPort
        private val worker =
            thread(isDaemon = true) {
                while (true) {
                    val client = runCatching { socket.accept() }.getOrNull() ?: break
                    client.use {
                        seen += read(it)
                        answer(it)
                    }
                }
            }

        private fun read(client: Socket): String {
            val text = StringBuilder()
            val from = client.getInputStream()
            while (!text.endsWith("\r\n\r\n")) {
                val byte = from.read()
                if (byte < 0) break // a connection on which nothing more comes
                text.append(byte.toChar())
            }
            val length = Regex("(?i)content-length: (\\d+)").find(text)?.groupValues?.get(1)?.toInt() ?: 0
            return text.append(String(from.readNBytes(length))).toString()
        }

        override fun close() {
            socket.close()
            worker.join(5_000)
        }
    }

    /** A provider that is nothing but the two addresses in this configuration. */
    private fun config(port: Int, http: String = "") = """
        { "store": { "path": "${store()}", "plaintext": true }, $http
          "providers": [ { "id": "acme", "kind": "oauth2", "profile": { "uid": "/id" },
            "endpoints": { "authorization": "http://127.0.0.1:$port/authorize", "token": "http://127.0.0.1:$port/token",
                           "userinfo": "http://127.0.0.1:$port/me" } } ],
          "registrations": [ { "id": "acme", "provider": "acme", "client_id": "demo", "redirect_uri": "com.example.notes:/callback" } ] }
        """

    private inline fun <reified E : KeyfobException> failingLogin(config: String): E = runBlocking {
        Keyfob.open(config, transport = UrlConnectionTransport()).use { keyfob ->
            val state = Regex("state=([^&]+)").find(keyfob.beginLogin("acme").authorizationUrl)!!.groupValues[1]
            assertThrows(E::class.java) { runBlocking { keyfob.completeLogin("com.example.notes:/callback?code=c&state=$state") } }
        }
    }

    @Test
    fun `everything goes over it, from the login to the logout`(): Unit = runBlocking {
        val clock = Turned()
        TestProvider().use { provider ->
            Keyfob.open(provider.config(store()), UrlConnectionTransport(), clock).use { keyfob ->
                val session = keyfob.logIn(provider)
                clock.ahead = Duration.ofHours(2)
                assertNotEquals(session.providerAccessToken, keyfob.accessToken(session.id).secret)
                keyfob.profile(session.id, Duration.ZERO)
                keyfob.endSession(session.id)
                val ours = provider.requests().filter { it["path"].asString != "/authorize" }
                assertTrue(ours.size >= 6)
                assertEquals("a connection each", ours.size, ours.map { it["connection"].asLong }.toSet().size)
                val posts = ours.filter { it["method"].asString == "POST" }
                val headers = posts.map { post -> post.getAsJsonArray("headers").map { it.asJsonArray[0].asString } }
                assertTrue("fixed-length streaming", headers.all { "content-length" in it && "transfer-encoding" !in it })
            }
        }
    }

    @Test
    fun `a POST whose answer is lost is sent once and is in doubt`() {
        Server { }.use { server ->
            val error = failingLogin<KeyfobException.LoginRequired>(config(server.port))
            assertEquals("CodeExchangeInDoubt", error.reason)
            assertEquals("once", 1, server.seen.size)
            assertTrue(server.seen[0].startsWith("POST /token "))
            assertTrue("code=c" in server.seen[0])
        }
    }

    @Test
    fun `where nobody listens nothing was sent and the login waits`() {
        val port = ServerSocket(0).use { it.localPort }
        assertEquals("NotSent", failingLogin<KeyfobException.Network>(config(port)).reason)
    }

    @Test
    fun `a server that says nothing is waited for no longer than the configuration says`() {
        Server { Thread.sleep(3_000) }.use { server ->
            val started = System.nanoTime()
            failingLogin<KeyfobException>(config(server.port, "\"http\": { \"connect_seconds\": 1, \"total_seconds\": 1 },"))
            assertTrue((System.nanoTime() - started) / 1e9 < 2.9)
        }
    }

    @Test
    fun `a redirect of the token endpoint is not followed`() {
        Server { it.getOutputStream().write("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".toByteArray()) }.use { server ->
            failingLogin<KeyfobException>(config(server.port))
            assertEquals(listOf("POST /token HTTP/1.1"), server.seen.map { it.lines()[0] })
        }
    }

    @Test
    fun `a body that is too long is not read to its end`() {
        val endless = ByteArray(64 * 1024) { 'x'.code.toByte() }
        var sent = 0L
        val flood = { client: Socket ->
            client.getOutputStream().write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n".toByteArray())
            runCatching {
                while (sent < 64 * 1024 * 1024) {
                    client.getOutputStream().write(endless)
                    sent += endless.size
                }
            }
            Unit
        }
        Server(flood).use { server ->
            failingLogin<KeyfobException>(config(server.port))
            assertTrue("$sent bytes", sent < 32 * 1024 * 1024)
        }
    }

    @Test
    fun `a refusal is an answer with its body`() {
        val body = """{"error":"invalid_grant","error_description":"CANARY"}"""
        val refuse = { client: Socket ->
            val head = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n"
            client.getOutputStream().write((head + body).toByteArray())
        }
        Server(refuse).use { server ->
            val error = failingLogin<KeyfobException.OAuth>(config(server.port))
            assertEquals("invalid_grant", error.oauthError?.code)
            assertFalse("CANARY" in error.stackTraceToString())
        }
    }
}
