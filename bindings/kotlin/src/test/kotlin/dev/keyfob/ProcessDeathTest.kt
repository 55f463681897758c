package dev.keyfob

import com.sun.jna.Function
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Files
import java.nio.file.Path
import java.time.Duration
import java.util.concurrent.TimeUnit

/** The process that begins a login, prints its URL, and then waits to be killed: with a configuration, and the key in a file where there is one. */
internal object BeginAndWait {
    @JvmStatic
    fun main(arguments: Array<String>): Unit = runBlocking {
        val key = arguments.getOrNull(1)?.let { StoreKey(Files.readAllBytes(Path.of(it))) }
        val keyfob = Keyfob.open(Files.readString(Path.of(arguments[0])), storeKey = key)
        println(keyfob.beginLogin("work-sso", LoginOptions(success = "app:/home")).authorizationUrl)
        Thread.sleep(60_000)
    }
}

/** The process that refreshes a session two hours from now, and hangs with its refresh token on the way. */
internal object RefreshAndHang {
    @JvmStatic
    fun main(arguments: Array<String>): Unit = runBlocking {
        val transport =
            Transport { request ->
                if (request.url.endsWith("/token")) {
                    println("sending")
                    Thread.sleep(60_000)
                }
                JdkTransport.send(request)
            }
        val keyfob = Keyfob.open(Files.readString(Path.of(arguments[0])), transport, Turned().apply { ahead = Duration.ofHours(2) })
        keyfob.accessToken(arguments[1])
    }
}

/** The process that refreshes a session when no file of it can grow any more, as on a disk that is full, and prints how that went. */
internal object OutOfDisk {
    @JvmStatic
    fun main(arguments: Array<String>): Unit = runBlocking {
        val keyfob = Keyfob.open(Files.readString(Path.of(arguments[0])))
        keyfob.session(arguments[1])
        // RLIMIT_FSIZE, now and at most nothing. The virtual machine ignores the signal that comes with it.
        check(Function.getFunction("c", "setrlimit").invokeInt(arrayOf(1, longArrayOf(0, 0))) == 0)
        try {
            keyfob.refreshSession(arguments[1])
        } catch (error: KeyfobException.StoreNotWritable) {
            println("StoreNotWritable ${error.number} ${error.isRetryable}")
        }
    }
}

internal class ProcessDeathTest {
    @TempDir
    lateinit var folder: Path

    /** Begins a login in another process, kills that (SIGKILL), and gives the redirect. */
    private fun redirectOfAKilledProcess(provider: TestProvider, vararg arguments: Path): String {
        val process = start(BeginAndWait::class.java, *arguments.map { "$it" }.toTypedArray())
        try {
            val url = process.inputReader().readLine()
            check(url != null) { "the process ended before it printed the URL" }
            return provider.logIn(url)
        } finally {
            process.kill()
        }
    }

    private fun start(main: Class<*>, vararg arguments: String): Process {
        val java = Path.of(System.getProperty("java.home"), "bin", "java").toString()
        val libraries = "-Djna.library.path=" + System.getProperty("jna.library.path")
        return ProcessBuilder(java, libraries, "-cp", System.getProperty("java.class.path"), main.name, *arguments)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start()
    }

    private fun Process.kill() {
        destroyForcibly()
        assertTrue(waitFor(10, TimeUnit.SECONDS))
        assertEquals(128 + 9, exitValue(), "it ended by itself")
    }

    private fun writtenConfig(provider: TestProvider): Path =
        folder.resolve("config.json").also { Files.writeString(it, provider.config(folder.resolve("store"))) }

    @Test
    fun `a login that a killed process began is completed by the next one`(): Unit = runBlocking {
        TestProvider().use { provider ->
            val config = writtenConfig(provider)
            val redirect = redirectOfAKilledProcess(provider, config)
            Keyfob.open(Files.readString(config)).use { keyfob ->
                val completed = keyfob.completeLogin(redirect)
                assertEquals("u-1", completed.session.providerUid)
                assertEquals("app:/home", completed.returnTo)
            }
        }
    }

    @Test
    fun `a refresh that another process is at is waited for, and mended when that was killed`(): Unit = runBlocking {
        TestProvider().use { provider ->
            val config = writtenConfig(provider)
            val clock = Turned()
            Keyfob.open(Files.readString(config), clock = clock).use { keyfob ->
                val session = keyfob.logIn(provider)
                provider.forget()
                clock.ahead = Duration.ofHours(2)
                val process = start(RefreshAndHang::class.java, "$config", session.id)
                try {
                    assertEquals("sending", process.inputReader().readLine())
                    val error =
                        assertThrows<KeyfobException.RefreshBusy> {
                            runBlocking { keyfob.accessToken(session.id, wait = Duration.ofMillis(100)) }
                        }
                    assertTrue("${process.pid()}" in error.detail!!, error.detail)
                    assertTrue(error.isRetryable)
                    val hanging = keyfob.health().interrupted.single()
                    assertEquals(session.id, hanging.session)
                    assertEquals(process.pid(), hanging.pid)
                    assertTrue(hanging.isAlive && !hanging.isInDoubt && hanging.isVerified)
                    assertNull(hanging.retryAfter)
                } finally {
                    process.kill()
                }
                assertFalse(keyfob.health().interrupted.single().isAlive)
                assertEquals(1, keyfob.maintain(Duration.ofMinutes(1)).refreshed)
                assertEquals(emptyList<Interrupted>(), keyfob.health().interrupted)
                assertEquals("interrupted", keyfob.journal(1).single().wish)
                assertNotEquals(session.providerAccessToken, keyfob.accessToken(session.id).secret)
                assertEquals(1, provider.tokenRequests().size)
            }
        }
    }

    @Test
    fun `a disk that is full sends nothing and loses nothing`(): Unit = runBlocking {
        TestProvider().use { provider ->
            val config = writtenConfig(provider)
            Keyfob.open(Files.readString(config)).use { keyfob ->
                val session = keyfob.logIn(provider)
                provider.forget()
                val process = start(OutOfDisk::class.java, "$config", session.id)
                assertEquals("StoreNotWritable 16 true", process.inputReader().readLine())
                assertEquals(0, process.waitFor())
                assertEquals(emptyList<Any>(), provider.requests())
                assertNotEquals(session.providerAccessToken, keyfob.refreshSession(session.id).providerAccessToken)
            }
        }
    }

    @Test
    fun `a login that a killed process began is completed from C`() {
        val program = System.getProperty("keyfob.c.complete").orEmpty()
        if (program.isEmpty()) {
            // Said aloud: surefire does not print why a test was skipped.
            System.err.println("SKIPPED: -Dkeyfob.c.complete does not name the C program; `cargo xtask test kotlin` does")
        }
        assumeTrue(program.isNotEmpty())
        TestProvider().use { provider ->
            val config = writtenConfig(provider)
            Files.writeString(config, Files.readString(config).replace(", \"plaintext\": true", ""))
            val key = StoreKey.generate()
            val keyFile = folder.resolve("key").also { Files.write(it, key.toByteArray()) }
            val redirect = redirectOfAKilledProcess(provider, config, keyFile)
            val process =
                ProcessBuilder(program, "$config", redirect, "$keyFile").redirectError(ProcessBuilder.Redirect.INHERIT).start()
            val output = process.inputReader().readText()
            assertTrue(process.waitFor(30, TimeUnit.SECONDS))
            assertEquals(0, process.exitValue(), output)
            assertTrue("uid=u-1" in output.lines(), output)
            runBlocking {
                Keyfob.open(Files.readString(config), storeKey = key).use { keyfob ->
                    assertEquals("u-1", keyfob.currentSession()?.providerUid, "the session that C made is here too")
                }
            }
        }
    }
}
