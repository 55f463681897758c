package dev.keyfob

import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.net.URI
import java.nio.file.Files
import java.nio.file.Path
import java.net.http.HttpRequest as JavaRequest

/** The code of the README, compiled and run as it stands there. */
internal class ReadmeTest {
    @TempDir
    lateinit var folder: Path

    private val visited = mutableListOf<String?>()

    private fun navigateTo(link: String?) {
        visited += link
    }

    private fun showOffline(): Unit = error("offline")

    private fun report(error: KeyfobException): Unit = throw error

    @Test
    fun `the code of the README runs`(): Unit = runBlocking {
        Provider().use { provider ->
            val issuer = provider.issuer
            val request = JavaRequest.newBuilder(URI(issuer))
            val openInBrowserAndWait = { url: String -> provider.logIn(url) }

            val config = """
                { "store": { "path": "$folder", "plaintext": true },
                  "registrations": [
                    { "id": "work-sso", "provider": "oidc", "variables": { "issuer": "$issuer" },
                      "client_id": "demo", "redirect_uri": "http://127.0.0.1/callback/work-sso" } ] }
            """
            val keyfob = Keyfob.open(config)
            val login = keyfob.beginLogin("work-sso", LoginOptions(success = "app:/home", redirectPort = 4100))
            val redirectUrl = openInBrowserAndWait(login.authorizationUrl)
            val session = keyfob.completeLogin(redirectUrl).session
            println("Hello, ${session.profile.name ?: session.providerUid}")

            val token = keyfob.accessToken(session.id)
            request.header("Authorization", "Bearer ${token.secret}")

            assertEquals("u-1", session.providerUid)
            assertEquals(session.providerAccessToken, token.secret)

            again(config, redirectUrl)
            keyfob.endSession(session.id)
            failing(keyfob, session)
            assertEquals(listOf("app:/home", "app:/login"), visited)
            keyfob.close()
        }
    }

    private suspend fun again(config: String, redirectUrl: String) {
        val completed = Keyfob.open(config).completeLogin(redirectUrl)
        navigateTo(completed.returnTo)
    }

    private suspend fun failing(keyfob: Keyfob, session: Session) {
        try {
            keyfob.accessToken(session.id)
        } catch (error: KeyfobException.LoginRequired) {
            navigateTo("app:/login") // the session is over, and error.reason says why: Revoked, Expired, …
        } catch (error: KeyfobException.RateLimited) {
            delay(error.retryAfter?.toMillis() ?: 30_000)
        } catch (error: KeyfobException) {
            if (error.isRetryable) showOffline() else report(error)
        }
    }

    @Test
    fun `every piece of code in the README stands in this file`() {
        fun lines(text: String) = text.lines().map { it.trim() }.filter { it.isNotEmpty() }.joinToString("\n")
        val here = lines(Files.readString(Path.of("src/test/kotlin/dev/keyfob/ReadmeTest.kt")))
        val pieces = Regex("```kotlin\n(.*?)```", RegexOption.DOT_MATCHES_ALL).findAll(Files.readString(Path.of("README.md")))
        assertEquals(4, pieces.count())
        for (piece in pieces) assertTrue(lines(piece.groupValues[1]) in here) { piece.groupValues[1] }
    }
}
