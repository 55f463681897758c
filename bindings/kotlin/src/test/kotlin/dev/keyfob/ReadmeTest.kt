package dev.keyfob

import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.net.URI
import java.nio.file.Files
import java.nio.file.Path
import java.time.Duration
import kotlin.time.Duration.Companion.seconds
import java.net.http.HttpRequest as JavaRequest

/** The code of the README, compiled and run as it stands there. */
internal class ReadmeTest {
    @TempDir
    lateinit var folder: Path

    /** What the README's reader has in its place: the system's keystore. */
    private val vault = object {
        private var kept: ByteArray? = null

        fun read(): ByteArray? = kept

        fun write(bytes: ByteArray) {
            kept = bytes
        }
    }

    private val keystore: StoreKeySource = keystore()

    private fun keystore(): StoreKeySource {
        val keystore = StoreKeySource { wanted ->
            val kept = vault.read() // throws while the device is locked: that counts as NotNow
            when {
                kept != null -> StoreKeyAnswer.Key(StoreKey(kept))
                wanted == WantedKey.NEW -> StoreKeyAnswer.Key(StoreKey.generate().also { vault.write(it.toByteArray()) })
                else -> StoreKeyAnswer.NotNow // Gone only where the vault is sure of it: that ends every session
            }
        }
        return keystore
    }

    private val visited = mutableListOf<String?>()

    private fun navigateTo(link: String?) {
        visited += link
    }

    private fun showOffline(): Unit = error("offline")

    private fun report(error: KeyfobException): Unit = throw error

    @Test
    fun `the code of the README runs`(): Unit = runBlocking {
        TestProvider().use { provider ->
            val issuer = provider.issuer
            val request = JavaRequest.newBuilder(URI(issuer))
            val openInBrowserAndWait = { url: String -> provider.logIn(url) }

            val config = """
                { "store": { "path": "$folder" },
                  "registrations": [
                    { "id": "work-sso", "provider": "oidc", "variables": { "issuer": "$issuer" },
                      "client_id": "demo", "redirect_uri": "http://127.0.0.1/callback/work-sso" } ] }
            """
            val keyfob = Keyfob.open(config, storeKey = keystore)
            val login = keyfob.beginLogin("work-sso", LoginOptions(success = "app:/home", redirectPort = 4100))
            val redirectUrl = openInBrowserAndWait(login.authorizationUrl)
            val session = keyfob.completeLogin(redirectUrl).session
            println("Hello, ${session.profile.name ?: session.providerUid}")

            val token = keyfob.accessToken(session.id)
            request.header("Authorization", "Bearer ${token.secret}")

            assertEquals("u-1", session.providerUid)
            assertEquals(session.providerAccessToken, token.secret)

            val another = keyfob.refreshIfCurrent(session.id, rejectedToken = token.secret)
            assertNotEquals(token.secret, another.secret)

            again(config, redirectUrl)
            changingTheKey(keyfob)
            inTheBackground(keyfob, session)
            askingForMore(provider, keyfob, session)
            loggingOut(keyfob, session)
            failing(keyfob, session)
            val logout = visited.removeAt(1)
            assertTrue(logout!!.startsWith("$issuer/logout?"))
            assertEquals(listOf("app:/home", "app:/login"), visited)
            keyfob.close()
        }
    }

    private suspend fun changingTheKey(keyfob: Keyfob) {
        StoreKey.generate().use { newKey ->
            vault.write(newKey.toByteArray()) // beside the old one, which goes when `rekey` has returned
            keyfob.rekey(newKey)
        }

        assertEquals(Sealing.SEALED, keyfob.health().sealing)
    }

    private suspend fun inTheBackground(keyfob: Keyfob, session: Session) {
        val soon = keyfob.accessToken(session.id, wait = Duration.ofSeconds(2))

        assertTrue(soon.secret.isNotEmpty())

        val done = keyfob.maintain(limit = Duration.ofSeconds(30))
        println("${done.refreshed} refreshed, ${done.revoked} revoked, ${done.failed} failed, ${done.owed} left")

        assertEquals(0, done.failed + done.owed)

        keyfob.suspend(deadline = Duration.ofSeconds(5)) // waits at most so long for what is under way
        keyfob.resume()
    }

    @Test
    fun `the code of the README is told of an ending`(): Unit = runBlocking {
        TestProvider().use { provider ->
            val config = provider.config(folder).replace(", \"plaintext\": true", "")

            val observer = object : Observer {
                override fun loginRequired(sessionId: String, cause: String) = navigateTo("app:/login") // cause: Revoked, Expired, …, LoggedOut
            }
            val keyfob = Keyfob.open(config, observer = observer, storeKey = keystore)

            keyfob.use { it.endSession(it.logIn(provider).id) }
            assertEquals(listOf("app:/login"), visited)
        }
    }

    @Test
    fun `the code of the README collects changes`(): Unit = runBlocking {
        TestProvider().use { provider ->
            Keyfob.open(provider.config(folder)).use { keyfob ->
                val redrawn = mutableListOf<SessionState>()
                val redraw = { session: Session -> redrawn += session.state }
                val collector = launch(Dispatchers.Default, CoroutineStart.UNDISPATCHED) {
                    keyfob.changes.collect { change ->
                        when (change) {
                            is SessionChange.Changed -> redraw(keyfob.session(change.sessionId))
                            is SessionChange.Ended -> navigateTo("app:/login")
                        }
                    }
                }
                keyfob.endSession(keyfob.logIn(provider).id)
                withTimeout(10.seconds) { while (visited.isEmpty()) delay(20) }
                keyfob.close()
                collector.join()
                assertEquals(SessionState.Ended("LoggedOut"), redrawn.last())
                assertEquals(listOf("app:/login"), visited)
            }
        }
    }

    private suspend fun again(config: String, redirectUrl: String) {
        val completed = Keyfob.open(config, storeKey = keystore).completeLogin(redirectUrl)
        navigateTo(completed.returnTo)
    }

    private suspend fun askingForMore(provider: TestProvider, keyfob: Keyfob, session: Session) {
        val options = LoginOptions(
            scopes = listOf("profile"),
            forSession = session.id, // more scopes for this session; another account is refused
            parameters = mapOf("prompt" to "consent", "login_hint" to "ada@example.com"),
            appData = """{ "tab": 3 }""", // comes back as completed.appData, also in another process
        )
        val more = keyfob.beginLogin("work-sso", options)

        val completed = keyfob.completeLogin(provider.logIn(more.authorizationUrl))
        assertEquals(session.id, completed.session.id)
        assertEquals("""{ "tab": 3 }""", completed.appData)
    }

    private suspend fun loggingOut(keyfob: Keyfob, session: Session) {
        val openInBrowser = ::navigateTo

        val ended = keyfob.endSession(session.id, EndSession(postLogoutRedirectUri = "com.example.notes:/bye"))
        when (val revocation = ended.revocation) {
            Revocation.Done -> Unit // the provider's tokens are dead
            Revocation.NotAsked, Revocation.NotSupported -> Unit
            is Revocation.Owed -> Unit // it could not be asked now: `maintain` asks again
            is Revocation.Failed -> report(revocation.error) // they live on until they are over
        }
        ended.logoutUrl?.let { openInBrowser(it) } // logs the user out of the provider's pages too
    }

    @Test
    fun `the code of the README takes a session over`(): Unit = runBlocking {
        TestProvider().use { provider ->
            val oldRefreshToken = Keyfob.open(provider.config(folder.resolve("old"))).use { it.logIn(provider).providerRefreshToken }
            Keyfob.open(provider.config(folder.resolve("new"))).use { keyfob ->
                val moved = keyfob.importSession(
                    ImportedTokens("work-sso", providerUid = "u-1", refreshToken = oldRefreshToken, scopes = listOf("openid", "offline_access")),
                )
                assertTrue(keyfob.accessToken(moved.id).secret.isNotEmpty())
            }
        }
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
        assertEquals(15, pieces.count())
        for (piece in pieces) assertTrue(lines(piece.groupValues[1]) in here) { piece.groupValues[1] }
    }
}
