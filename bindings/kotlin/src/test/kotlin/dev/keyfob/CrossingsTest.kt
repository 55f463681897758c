package dev.keyfob

import dev.keyfob.internal.UniffiWithHandle
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.cancel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path
import java.time.Instant
import dev.keyfob.internal.AccessToken as RawAccessToken
import dev.keyfob.internal.Keyfob as RawKeyfob

/** What crosses into the core for a token. */
internal class CrossingsTest {
    @TempDir
    lateinit var folder: Path

    /** The core, which notes the calls for a token, and on which thread they came. */
    private class Counted(core: RawKeyfob) : RawKeyfob(UniffiWithHandle, core.uniffiCloneHandle()) {
        val calls = mutableListOf<Pair<String, Thread>>()

        override fun cachedAccessToken(sessionId: String, minValidityMillis: ULong): String {
            calls += Pair("cached", Thread.currentThread())
            return super.cachedAccessToken(sessionId, minValidityMillis)
        }

        override fun accessToken(sessionId: String, minValidityMillis: ULong, waitMillis: ULong?): RawAccessToken {
            calls += Pair("whole", Thread.currentThread())
            return super.accessToken(sessionId, minValidityMillis, waitMillis)
        }
    }

    private fun test(block: suspend (Counted, Keyfob, String) -> Unit) = runBlocking {
        val config = """
            { "store": { "path": "$folder", "plaintext": true }, "coherence_seconds": 3600, "registrations": [
              { "id": "work-sso", "provider": "oidc", "variables": { "issuer": "https://login.example.com" }, "client_id": "demo",
                "redirect_uri": "http://127.0.0.1/callback" } ] }
        """
        val core = Counted(RawKeyfob.open(config, null, null, null, null, null, null))
        Keyfob(core, Changes(null)).use { keyfob ->
            val tokens = ImportedTokens("work-sso", "u-1", "secret", Instant.now().plusSeconds(3600))
            val id = keyfob.importSession(tokens).id
            keyfob.accessToken(id)
            core.calls.clear()
            block(core, keyfob, id)
        }
    }

    @Test
    fun `a cached token takes one, on the thread of its caller`() = test { core, keyfob, id ->
        val token = keyfob.accessToken(id)
        assertEquals(listOf("secret", false, true), listOf(token.secret, token.isUnsaved, token.expiresAt!! > Instant.now()))
        assertEquals(listOf(Pair("cached", Thread.currentThread())), core.calls)
    }

    @Test
    fun `what may block takes another one, on another thread`() = test { core, keyfob, _ ->
        assertThrows<KeyfobException.InvalidArgument> { runBlocking { keyfob.accessToken("nobody") } }
        assertEquals(listOf("cached", "whole"), core.calls.map { it.first })
        assertNotEquals(Thread.currentThread(), core.calls[1].second)
    }

    @Test
    fun `for a caller that is cancelled nothing crosses`() = test { core, keyfob, id ->
        assertThrows<CancellationException> {
            runBlocking {
                coroutineScope {
                    cancel()
                    keyfob.accessToken(id)
                }
            }
        }
        assertEquals(emptyList<Any>(), core.calls)
    }
}
