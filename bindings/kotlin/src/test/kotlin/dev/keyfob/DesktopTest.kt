package dev.keyfob

import kotlinx.coroutines.async
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse
import java.nio.file.Path
import java.time.Duration
import java.time.Instant
import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit

internal class DesktopTest {
    @TempDir
    lateinit var store: Path

    private fun visit(url: String): HttpResponse<String> =
        HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI(url)).GET().build(), HttpResponse.BodyHandlers.ofString())

    /** Logs in as the browser would, on a thread of its own, and follows the redirect to the app. */
    private fun follow(provider: TestProvider, shown: CompletableFuture<String>, deny: Boolean = false): (String) -> Boolean = { url ->
        CompletableFuture.supplyAsync {
            val redirect = if (deny) provider.refuse(url) else provider.logIn(url)
            shown.complete(visit(redirect).body())
        }
        true
    }

    @Test
    fun `a login in the browser makes a session and shows the app's words`(): Unit = runBlocking {
        TestProvider().use { provider ->
            Keyfob.open(provider.config(store)).use { keyfob ->
                val page = CompletableFuture<String>()
                val pages = LoginPages(app = "Notizen", language = "de", success = PageText("Angemeldet", "Das Fenster kann zu."))
                val wanted = BrowserLogin(LoginOptions(scopes = listOf("email"), appData = "42"), pages, Duration.ofMinutes(1))
                val completed = keyfob.loginInBrowser("work-sso", wanted, browser = follow(provider, page))
                assertEquals("u-1", completed.session.providerUid)
                assertEquals("42", completed.appData)
                val shown = page.get(10, TimeUnit.SECONDS)
                for (words in listOf("lang=\"de\"", "Notizen", "Angemeldet", "Das Fenster kann zu.")) {
                    assertTrue(words in shown, words)
                }
                assertEquals(listOf(completed.session), keyfob.sessions())
            }
        }
    }

    @Test
    fun `a user who says no sees the page for that`(): Unit = runBlocking {
        TestProvider().use { provider ->
            Keyfob.open(provider.config(store)).use { keyfob ->
                val page = CompletableFuture<String>()
                val pages = LoginPages(denied = PageText("Declined", "As you like."), rightToLeft = true)
                assertThrows<KeyfobException.AccessDenied> {
                    runBlocking {
                        keyfob.loginInBrowser("work-sso", BrowserLogin(pages = pages), browser = follow(provider, page, deny = true))
                    }
                }
                val shown = page.get(10, TimeUnit.SECONDS)
                assertTrue("Declined" in shown && "As you like." in shown && "dir=\"rtl\"" in shown)
            }
        }
    }

    @Test
    fun `a login ends by its control, its time limit, its caller and for want of a browser`(): Unit = runBlocking {
        TestProvider().use { provider ->
            Keyfob.open(provider.config(store)).use { keyfob ->
                val control = LoginControl()
                val waiting = async { runCatching { keyfob.loginInBrowser("work-sso", control = control, browser = { true }) } }
                while (keyfob.pendingLogins().isEmpty()) delay(10)
                control.cancel()
                assertTrue(waiting.await().exceptionOrNull() is KeyfobException.Cancelled && control.isCancelled)

                val late = BrowserLogin(timeLimit = Duration.ofMillis(50))
                val error = runCatching { keyfob.loginInBrowser("work-sso", late, browser = { true }) }.exceptionOrNull()
                assertTrue(error is KeyfobException.Timeout)

                val left = async { keyfob.loginInBrowser("work-sso", browser = { true }) }
                while (keyfob.pendingLogins().isEmpty()) delay(10)
                left.cancel()
                while (keyfob.pendingLogins().isNotEmpty()) delay(10)

                val none = runCatching { keyfob.loginInBrowser("work-sso", browser = { error("no browser") }) }.exceptionOrNull()
                assertEquals("BrowserUnavailable", (none as KeyfobException.InvalidState).reason)
                assertFalse(
                    System.getenv("DISPLAY") == null && System.getenv("WAYLAND_DISPLAY") == null && System.getProperty("os.name") == "Linux" &&
                        Keyfob.openBrowser("http://127.0.0.1:9/"),
                )
            }
        }
    }

    @Test
    fun `a pasted redirect completes a login and a wrong one does not disturb it`(): Unit = runBlocking {
        TestProvider().use { provider ->
            Keyfob.open(provider.config(store)).use { keyfob ->
                val control = LoginControl()
                val url = CompletableFuture<String>()
                val waiting = async { keyfob.loginInBrowser("work-sso", control = control, browser = { url.complete(it) }) }
                while (!url.isDone) delay(10)
                assertThrows<KeyfobException.RedirectRejected> { control.handOver("http://127.0.0.1/?state=guessed&code=x") }
                control.handOver(provider.logIn(url.get()))
                assertEquals("u-1", waiting.await().session.providerUid)
            }
        }
    }

    @Test
    fun `a login on another device is begun, shown again, polled and completed`(): Unit = runBlocking {
        // The interval is the test's clock's to wait for: the provider's own is not looked at.
        val clock = Turned()
        TestProvider("""{ "device": { "interval_seconds": 60, "enforce_interval": false } }""").use { provider ->
            Keyfob.open(provider.config(store), clock = clock).use { keyfob ->
                val login = keyfob.beginDeviceLogin("work-sso", LoginOptions(success = "app:/home"))
                assertEquals("work-sso", login.registration)
                assertTrue(login.verificationUri.endsWith("/device") && login.userCode in login.verificationUriComplete!!)
                assertTrue(login.expiresAt > Instant.now() && login.interval == Duration.ofSeconds(60))
                assertTrue(login.qrCodeText!!.lines().size > 10 && "<svg" in login.qrCodeSvg!!)
                assertFalse(login.userCode in "$login")
                val pending = keyfob.pendingLogins().single()
                assertTrue(pending.isOnAnotherDevice)
                assertEquals(login.userCode, keyfob.deviceLogin(pending.id).userCode)
                val early = keyfob.pollDeviceLogin(login.id)
                assertTrue(early is DevicePoll.Wait && early.duration > Duration.ZERO)
                assertTrue(provider.tokenRequests().isEmpty(), "nobody was asked too soon")

                provider.connect(login)
                clock.ahead = Duration.ofSeconds(61)
                val done = keyfob.pollDeviceLogin(login.id) as DevicePoll.Done
                assertEquals("u-1", done.completed.session.providerUid)
                assertEquals("app:/home", done.completed.returnTo)
            }
        }
    }

    @Test
    fun `the whole login on another device is one call`(): Unit = runBlocking {
        TestProvider("""{ "device": { "interval_seconds": 1 } }""").use { provider ->
            Keyfob.open(provider.config(store)).use { keyfob ->
                val completed = keyfob.loginOnAnotherDevice("work-sso") { provider.connect(it) }
                assertEquals("u-1", completed.session.providerUid)
                val failed = runCatching { keyfob.loginOnAnotherDevice("work-sso") { error("no screen") } }.exceptionOrNull()
                assertTrue(failed is KeyfobException.Cancelled, "$failed")
            }
        }
    }

    @Test
    fun `a form that the browser posts is completed`(): Unit = runBlocking {
        TestProvider().use { provider ->
            Keyfob.open(provider.config(store)).use { keyfob ->
                val login = keyfob.beginLogin("work-sso", LoginOptions(redirectPort = 4100, formPost = true))
                val (url, body) = provider.logInByForm(login.authorizationUrl)
                assertThrows<KeyfobException.RedirectRejected> { runBlocking { keyfob.completeLoginForm("$url?state=x", body) } }
                assertEquals("u-1", keyfob.completeLoginForm(url, body).session.providerUid)
            }
        }
    }
}
