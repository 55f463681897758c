package dev.keyfob

import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path
import java.time.Duration
import java.time.Instant

internal class LoginTest {
    @TempDir
    lateinit var store: Path

    @Test
    fun `a whole login makes a session that knows who logged in`(): Unit = runBlocking {
        TestProvider().use { provider ->
            Keyfob.open(provider.config(store)).use { keyfob ->
                val buttons = keyfob.registrations()
                assertEquals(listOf("work-sso"), buttons.map { it.id })
                assertTrue(buttons.single().enabled)

                val options = LoginOptions(scopes = listOf("email"), success = "app:/home", failure = "app:/login", redirectPort = 4100)
                val login = keyfob.beginLogin("work-sso", options)
                assertEquals("work-sso", login.registration)
                assertTrue(login.expiresAt > Instant.now())

                val redirect = provider.logIn(login.authorizationUrl)
                assertTrue(redirect.startsWith("http://127.0.0.1:4100/callback/work-sso?"), "the port was asked for")
                val completed = keyfob.completeLogin(redirect)
                assertEquals("app:/home", completed.returnTo)
                val session = completed.session
                assertEquals("work-sso", session.registration)
                assertEquals("oidc", session.provider)
                assertEquals("u-1", session.providerUid)
                assertEquals(SessionState.Active, session.state)
                assertEquals("ada@example.com", session.profile.email)
                assertTrue(session.profile.emailVerified)
                assertTrue("email" in session.scopes)
                assertTrue(session.providerAccessToken.isNotEmpty())
                assertTrue(session.providerRefreshToken!!.isNotEmpty())
                assertTrue(session.providerAccessTokenExpiry!! > Instant.now().plusSeconds(3000))

                assertEquals(session, keyfob.currentSession())
                assertEquals(listOf(session), keyfob.sessions())
                assertEquals(session, keyfob.session(session.id))

                val asked = provider.requests().first { it["path"].asString == "/authorize" }
                assertEquals("openid offline_access email", asked.parameter("query", "scope"))
                assertEquals("S256", asked.parameter("query", "code_challenge_method"))
            }
        }
    }

    @Test
    fun `the redirect that made a session gives it again and sends nothing`(): Unit = runBlocking {
        TestProvider().use { provider ->
            Keyfob.open(provider.config(store)).use { keyfob ->
                val redirect = provider.logIn(keyfob.beginLogin("work-sso").authorizationUrl)
                val session = keyfob.completeLogin(redirect).session
                provider.forget()
                assertEquals(session, keyfob.completeLogin(redirect).session)
                assertEquals(emptyList<Any>(), provider.requests())
            }
        }
    }

    @Test
    fun `a user who says no is an AccessDenied with the failure link`(): Unit = runBlocking {
        TestProvider().use { provider ->
            Keyfob.open(provider.config(store)).use { keyfob ->
                val login = keyfob.beginLogin("work-sso", LoginOptions(failure = "app:/login"))
                val redirect = provider.refuse(login.authorizationUrl)
                provider.forget()
                val error = assertThrows<KeyfobException.AccessDenied> { runBlocking { keyfob.completeLogin(redirect) } }
                assertEquals("app:/login", error.returnTo)
                assertEquals("access_denied", error.oauthError?.code)
                assertEquals(7, error.number)
                assertEquals(emptyList<Any>(), provider.requests())

                val again = assertThrows<KeyfobException.RedirectRejected> { runBlocking { keyfob.completeLogin(redirect) } }
                assertEquals("RedirectUsed", again.reason)
            }
        }
    }

    @Test
    fun `a redirect with a wrong state is a RedirectRejected and sends nothing`(): Unit = runBlocking {
        TestProvider().use { provider ->
            Keyfob.open(provider.config(store)).use { keyfob ->
                val redirect = provider.logIn(keyfob.beginLogin("work-sso").authorizationUrl)
                provider.forget()
                val doctored = redirect.replace(Regex("state=[^&]*"), "state=CANARY")
                val error = assertThrows<KeyfobException.RedirectRejected> { runBlocking { keyfob.completeLogin(doctored) } }
                assertEquals("StateUnknown", error.reason)
                assertNull(error.returnTo)
                assertTrue("CANARY" !in "$error")
                assertEquals(emptyList<Any>(), provider.requests())
                assertEquals("u-1", keyfob.completeLogin(redirect).session.providerUid, "the login still waits for its own redirect")
            }
        }
    }

    @Test
    fun `a session that was ended is told so and leaves no current one`(): Unit = runBlocking {
        TestProvider().use { provider ->
            Keyfob.open(provider.config(store)).use { keyfob ->
                val session = keyfob.logIn(provider)
                keyfob.endSession(session.id)
                assertNull(keyfob.currentSession())
                assertEquals(emptyList<Session>(), keyfob.sessions())
                assertEquals(SessionState.Ended("LoggedOut"), keyfob.session(session.id).state)
                assertEquals("", keyfob.session(session.id).providerAccessToken)
                val error = assertThrows<KeyfobException.LoginRequired> { runBlocking { keyfob.accessToken(session.id) } }
                assertEquals("LoggedOut", error.reason)
                val events = keyfob.journal().map { it.event }
                assertEquals(listOf("TokensRevoked", "SessionEnded", "LoginCompleted", "LoginBegun"), events)
            }
        }
    }

    @Test
    fun `the profile is asked for only when it is older than wanted`(): Unit = runBlocking {
        TestProvider().use { provider ->
            Keyfob.open(provider.config(store)).use { keyfob ->
                val session = keyfob.logIn(provider, LoginOptions(scopes = listOf("email")))
                provider.forget()
                assertEquals("ada@example.com", keyfob.profile(session.id).email)
                assertEquals(emptyList<Any>(), provider.requests())
                assertEquals("ada@example.com", keyfob.profile(session.id, maxAge = Duration.ZERO).email)
                assertEquals(listOf("/userinfo"), provider.requests().map { it["path"].asString })
            }
        }
    }

    @Test
    fun `of two sessions the app chooses the current one`(): Unit = runBlocking {
        val users = """[
            { "username": "ada", "password": "lovelace", "claims": { "sub": "u-1" } }
        ]"""
        TestProvider("""{ "users": $users }""").use { provider ->
            Keyfob.open(provider.config(store)).use { keyfob ->
                val first = keyfob.logIn(provider)
                provider.play("""{ "users": ${users.replace("u-1", "u-2")} }""")
                val second = keyfob.logIn(provider)
                assertEquals(second.id, keyfob.currentSession()?.id)
                keyfob.setCurrentSession(first.id)
                assertEquals(first.id, keyfob.currentSession()?.id)
                assertEquals(listOf(first.id, second.id), keyfob.sessions().map { it.id })
                val error = assertThrows<KeyfobException.InvalidArgument> { runBlocking { keyfob.setCurrentSession("nobody") } }
                assertEquals("UnknownSession", error.reason)
            }
        }
    }

    @Test
    fun `sessions are found by their user and listed a page at a time`(): Unit = runBlocking {
        TestProvider().use { provider ->
            Keyfob.open(provider.config(store)).use { keyfob ->
                val all = (0..4).map { keyfob.importSession(ImportedTokens("work-sso", "u-$it", refreshToken = "r")).id }
                keyfob.endSession(all[1], EndSession(localOnly = true))
                assertEquals(all[3], keyfob.findSession("work-sso", "u-3")?.id)
                assertNull(keyfob.findSession("work-sso", "u-1"))
                val unknown = assertThrows<KeyfobException.InvalidArgument> { runBlocking { keyfob.findSession("nobody's", "u-3") } }
                assertEquals("UnknownRegistration", unknown.reason)

                assertEquals(listOf(all[0], all[2]), keyfob.sessionsPage(limit = 2).map { it.id })
                assertEquals(listOf(all[3], all[4]), keyfob.sessionsPage(after = all[2], limit = 2).map { it.id })
                assertEquals(emptyList<Session>(), keyfob.sessionsPage(after = all[4]))
                assertEquals(keyfob.sessions(), keyfob.sessionsPage())
                for (limit in listOf(0, 1001)) {
                    assertThrows<KeyfobException.InvalidArgument> { runBlocking { keyfob.sessionsPage(limit = limit) } }
                }
                assertThrows<IllegalArgumentException> { runBlocking { keyfob.sessionsPage(limit = -1) } }
                val nobody = assertThrows<KeyfobException.InvalidArgument> { runBlocking { keyfob.sessionsPage(after = "nobody") } }
                assertEquals("UnknownSession", nobody.reason)
            }
        }
    }
}
