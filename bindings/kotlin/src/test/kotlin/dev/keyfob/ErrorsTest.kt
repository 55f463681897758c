package dev.keyfob

import com.sun.jna.Function
import dev.keyfob.internal.ErrorInfo
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.attribute.PosixFilePermissions
import dev.keyfob.internal.InternalException as RawPanic
import dev.keyfob.internal.KeyfobException as RawException

/**
 * One class a kind. Each is thrown by a call, here or in the tests of what it is about (those that take another process in [ProcessDeathTest]), save two:
 * `Random` says that the system has no entropy, and `Internal` that there is a bug, which no test can bring about.
 */
internal class ErrorsTest {
    @TempDir
    lateinit var folder: Path

    @Test
    fun `every kind that the core has becomes the class of its name`() {
        val kinds = RawException::class.java.declaredClasses.filter { RawException::class.java.isAssignableFrom(it) }
        assertEquals(22, kinds.size)
        val info = ErrorInfo(1, "Reason", "Reason: words", "detail", "code", "text", "uri", 400u, null, "app:/login", true)
        for (kind in kinds) {
            val raw = kind.getConstructor(ErrorInfo::class.java).newInstance(info) as RawException
            val error = KeyfobException.of(raw)
            assertEquals(kind.simpleName, error.javaClass.simpleName)
            assertEquals("Reason: words", error.message)
            assertEquals(listOf(400, "code", "app:/login", true), listOf(error.httpStatus, error.oauthError?.code, error.returnTo, error.isRetryable))
        }
    }

    @Test
    fun `what the core panics about is Internal and is not said`() {
        val error = assertThrows<KeyfobException.Internal> { translating<Unit> { throw RawPanic("CANARY") } }
        assertEquals(99, error.number)
        assertEquals(false, "CANARY" in error.stackTraceToString())
    }

    @Test
    fun `an answer that is no answer is a BadResponse`(): Unit = runBlocking {
        TestProvider("""{ "faults": [ { "endpoint": "token", "status": 200, "body": { "expires_in": 60 } } ] }""").use { provider ->
            Keyfob.open(provider.config(folder)).use { keyfob ->
                val redirect = provider.logIn(keyfob.beginLogin("work-sso").authorizationUrl)
                val error = assertThrows<KeyfobException.BadResponse> { runBlocking { keyfob.completeLogin(redirect) } }
                assertEquals("MalformedTokenResponse", error.reason)
            }
        }
    }

    @Test
    fun `what the provider says to a refresh is an error of its kind`(): Unit = runBlocking {
        val cases =
            listOf(
                Triple(KeyfobException.OAuth::class.java, 400, """{ "error": "invalid_scope" }"""),
                Triple(KeyfobException.BadResponse::class.java, 400, """{ "message": "x" }"""),
                Triple(KeyfobException.LoginRequired::class.java, 400, """{ "error": "invalid_grant" }"""),
                Triple(KeyfobException.RateLimited::class.java, 429, "{}"),
            )
        for ((kind, status, body) in cases) {
            TestProvider().use { provider ->
                Keyfob.open(provider.config(folder.resolve(kind.simpleName))).use { keyfob ->
                    val session = keyfob.logIn(provider)
                    provider.play("""{ "faults": [ { "endpoint": "token", "status": $status, "body": $body } ] }""")
                    val error = assertThrows<KeyfobException> { runBlocking { keyfob.refreshSession(session.id) } }
                    assertEquals(kind, error.javaClass)
                    assertEquals(status, error.httpStatus)
                }
            }
        }
    }

    @Test
    fun `a damaged store that somebody else has open is StoreDamaged, and stays where it is`(): Unit = runBlocking {
        TestProvider().use { provider ->
            val store = folder.resolve("damaged")
            Keyfob.open(provider.config(store)).close()
            val damaged = ByteArray(8192) { 7 }
            Files.write(store.resolve("keyfob.db"), damaged)
            // This test, by the same lock: O_RDWR, LOCK_SH.
            val lock = system("open", "${store.resolve("keyfob.lock")}", 2)
            assertEquals(0, system("flock", lock, 1))
            try {
                val error = assertThrows<KeyfobException.StoreDamaged> { runBlocking { Keyfob.open(provider.config(store)) } }
                assertEquals(19, error.number)
            } finally {
                system("close", lock)
            }
            assertArrayEquals(damaged, Files.readAllBytes(store.resolve("keyfob.db")))
        }
    }

    private fun system(function: String, vararg arguments: Any): Int = Function.getFunction("c", function).invokeInt(arguments)

    @Test
    fun `a folder that others can write is StoreUnsupported`(): Unit = runBlocking {
        TestProvider().use { provider ->
            val open = Files.createDirectory(folder.resolve("open"))
            Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"))
            assertThrows<KeyfobException.StoreUnsupported> { runBlocking { Keyfob.open(provider.config(open)) } }
        }
    }
}
