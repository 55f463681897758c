package dev.keyfob

import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.TimeUnit

/** The process that begins a login, prints its URL, and then waits to be killed. */
internal object BeginAndWait {
    @JvmStatic
    fun main(arguments: Array<String>): Unit = runBlocking {
        val keyfob = Keyfob.open(Files.readString(Path.of(arguments[0])))
        println(keyfob.beginLogin("work-sso", LoginOptions(success = "app:/home")).authorizationUrl)
        Thread.sleep(60_000)
    }
}

internal class ProcessDeathTest {
    @TempDir
    lateinit var folder: Path

    /** Begins a login in another process, kills that (SIGKILL), and gives the redirect. */
    private fun redirectOfAKilledProcess(provider: TestProvider, config: Path): String {
        val java = Path.of(System.getProperty("java.home"), "bin", "java").toString()
        val libraries = "-Djna.library.path=" + System.getProperty("jna.library.path")
        val process =
            ProcessBuilder(java, libraries, "-cp", System.getProperty("java.class.path"), BeginAndWait::class.java.name, "$config")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start()
        try {
            val url = process.inputReader().readLine()
            check(url != null) { "the process ended before it printed the URL" }
            return provider.logIn(url)
        } finally {
            process.destroyForcibly()
            assertTrue(process.waitFor(10, TimeUnit.SECONDS))
            assertEquals(128 + 9, process.exitValue(), "it ended by itself")
        }
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
    fun `a login that a killed process began is completed from C`() {
        val program = System.getProperty("keyfob.c.complete").orEmpty()
        if (program.isEmpty()) {
            // Said aloud: surefire does not print why a test was skipped.
            System.err.println("SKIPPED: -Dkeyfob.c.complete does not name the C program; `cargo xtask test kotlin` does")
        }
        assumeTrue(program.isNotEmpty())
        TestProvider().use { provider ->
            val config = writtenConfig(provider)
            val redirect = redirectOfAKilledProcess(provider, config)
            val process =
                ProcessBuilder(program, "$config", redirect).redirectError(ProcessBuilder.Redirect.INHERIT).start()
            val output = process.inputReader().readText()
            assertTrue(process.waitFor(30, TimeUnit.SECONDS))
            assertEquals(0, process.exitValue(), output)
            assertTrue("uid=u-1" in output.lines(), output)
            runBlocking {
                Keyfob.open(Files.readString(config)).use { keyfob ->
                    assertEquals("u-1", keyfob.currentSession()?.providerUid, "the session that C made is here too")
                }
            }
        }
    }
}
