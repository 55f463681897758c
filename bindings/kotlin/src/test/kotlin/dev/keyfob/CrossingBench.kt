package dev.keyfob

import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path
import java.time.Instant
import dev.keyfob.internal.Keyfob as RawKeyfob

/**
 * How long [Keyfob.accessToken] takes for a cached token, beside a call that only gives a text back, both with texts of the same length. No test:
 * `cargo xtask bench bindings` runs it by its name, and reads its last line.
 */
internal class CrossingBench {
    @TempDir
    lateinit var folder: Path

    @Test
    fun aCachedTokenBesideAnEmptyCall(): Unit = runBlocking {
        val config = """
            { "store": { "path": "$folder", "plaintext": true }, "coherence_seconds": 3600, "registrations": [
              { "id": "work-sso", "provider": "oidc", "variables": { "issuer": "https://login.example.com" }, "client_id": "demo",
                "redirect_uri": "http://127.0.0.1/callback" } ] }
        """
        val core = RawKeyfob.open(config, null, null, null, null, null, null)
        Keyfob.open(config).use { keyfob ->
            val first = keyfob.importSession(tokens("u-1", "x"))
            val text = "t".repeat(first.id.length)
            val id = keyfob.importSession(tokens("u-2", text)).id
            check(id.length == text.length && keyfob.accessToken(id).secret == text)
            var letters = 0L
            val token = suspend { letters += keyfob.accessToken(id).secret.length }
            val echo = suspend { letters += core.echo(text).length }
            // The first half is for the compiler of the virtual machine.
            val rounds = List(2 * ROUNDS) { Pair(nanosOf(token), nanosOf(echo)) }.drop(ROUNDS)
            check(letters == 4L * ROUNDS * CALLS * text.length)
            val ratio = median(rounds.map { it.first / it.second })
            val nanos = listOf(rounds.map { it.first }, rounds.map { it.second }).map(::median)
            println("\nresult {\"ratio\": $ratio, \"token_nanos\": ${nanos[0]}, \"echo_nanos\": ${nanos[1]}}")
        }
    }

    private fun tokens(user: String, secret: String) = ImportedTokens("work-sso", user, secret, Instant.now().plusSeconds(3600))

    private suspend inline fun nanosOf(call: suspend () -> Unit): Double {
        val begun = System.nanoTime()
        repeat(CALLS) { call() }
        return (System.nanoTime() - begun).toDouble() / CALLS
    }

    private fun median(values: List<Double>) = values.sorted()[values.size / 2]

    private companion object {
        const val ROUNDS = 60
        const val CALLS = 200
    }
}
