package dev.keyfob

import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path
import java.time.Duration
import java.time.Instant

/** What a login asks for and carries along, and logins that wait. */
internal class OptionsTest {
    @TempDir
    lateinit var store: Path

    private fun test(script: String = "{}", block: suspend (TestProvider, Keyfob) -> Unit) = runBlocking {
        TestProvider(script).use { provider -> Keyfob.open(provider.config(store)).use { keyfob -> block(provider, keyfob) } }
    }

    @Test
    fun `parameters reach the provider in their order and those of the protocol cannot be set`() = test { provider, keyfob ->
        val options = LoginOptions(parameters = mapOf("prompt" to "login", "login_hint" to "ada+1@example.com"))
        provider.logIn(keyfob.beginLogin("work-sso", options).authorizationUrl)
        val asked = provider.requests().first { it["path"].asString == "/authorize" }
        assertEquals("login", asked.parameter("query", "prompt"))
        assertEquals("ada+1@example.com", asked.parameter("query", "login_hint"))
        val names = asked.getAsJsonArray("query").map { it.asJsonArray[0].asString }
        assertTrue(names.indexOf("prompt") < names.indexOf("login_hint"), "$names")

        val own = LoginOptions(parameters = mapOf("state" to "mine"))
        assertThrows<KeyfobException.InvalidArgument> { runBlocking { keyfob.beginLogin("work-sso", own) } }
    }

    @Test
    fun `what the app gave comes back from another handle and is never sent`() = test { provider, keyfob ->
        val redirect = provider.logIn(keyfob.beginLogin("work-sso", LoginOptions(appData = "CANARY {\"tab\": 3}")).authorizationUrl)
        Keyfob.open(provider.config(store)).use { assertEquals("CANARY {\"tab\": 3}", it.completeLogin(redirect).appData) }
        assertFalse("CANARY" in provider.requests().toString())
    }

    @Test
    fun `a session gets more scopes and keeps its id`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        provider.forget()
        val more = keyfob.logIn(provider, LoginOptions(scopes = listOf("profile"), forSession = session.id))
        assertEquals(session.id, more.id)
        assertTrue("profile" in more.scopes)
        val asked = provider.requests().first { it["path"].asString == "/authorize" }
        assertEquals("openid offline_access profile", asked.parameter("query", "scope"))
    }

    @Test
    fun `more scopes for a session are refused to somebody else`() {
        val users =
            """[ { "username": "ada", "password": "lovelace", "claims": { "sub": "u-1" } },
                 { "username": "bob", "password": "lovelace", "claims": { "sub": "u-2" } } ]"""
        test("""{ "users": $users }""") { provider, keyfob ->
            val session = keyfob.logIn(provider)
            val login = keyfob.beginLogin("work-sso", LoginOptions(scopes = listOf("profile"), forSession = session.id))
            val redirect = provider.logIn(login.authorizationUrl, "bob")
            val error = assertThrows<KeyfobException.TokenRejected> { runBlocking { keyfob.completeLogin(redirect) } }
            assertEquals("AccountMismatch", error.reason)
            assertEquals(session, keyfob.sessions().single())
        }
    }

    @Test
    fun `logins that wait are listed and can be cancelled`() = test { provider, keyfob ->
        val first = keyfob.beginLogin("work-sso")
        val second = keyfob.beginLogin("work-sso", LoginOptions(failure = "app:/login"))
        val waiting = keyfob.pendingLogins()
        assertEquals(listOf(first.id, second.id), waiting.map { it.id })
        assertEquals("work-sso", waiting[0].registration)
        assertTrue(waiting[0].createdAt > Instant.now().minusSeconds(60) && waiting[0].createdAt < waiting[0].expiresAt)
        assertEquals(first.expiresAt, waiting[0].expiresAt)

        val redirect = provider.logIn(second.authorizationUrl)
        keyfob.cancelLogin(second.id)
        keyfob.cancelLogin(second.id)
        assertEquals(listOf(first.id), keyfob.pendingLogins().map { it.id })
        provider.forget()
        val error = assertThrows<KeyfobException.RedirectRejected> { runBlocking { keyfob.completeLogin(redirect) } }
        assertEquals("RedirectUsed", error.reason)
        assertEquals("app:/login", error.returnTo)
        assertEquals(emptyList<Any>(), provider.requests())
        val unknown = assertThrows<KeyfobException.InvalidArgument> { runBlocking { keyfob.cancelLogin("nobody") } }
        assertEquals("UnknownLogin", unknown.reason)
    }

    @Test
    fun `the guide says what to enter at the provider`() = test { provider, keyfob ->
        val guide = keyfob.registrationGuide("work-sso")
        assertEquals("http://127.0.0.1/callback/work-sso", guide.redirectUri)
        assertEquals(listOf("openid", "offline_access"), guide.scopes)
        assertTrue(guide.steps.any { guide.redirectUri in it } && guide.steps.any { guide.providerName in it })
        assertEquals(emptyList<Any>(), provider.requests())
        assertThrows<KeyfobException.InvalidArgument> { keyfob.registrationGuide("nobody") }
    }

    @Test
    fun `the guide says what a known provider accepts`(): Unit = runBlocking {
        val config =
            """
            { "store": { "path": "$store", "plaintext": true },
              "providers": [
                { "id": "exact", "kind": "oauth2", "profile": { "uid": "/id" }, "redirect": { "custom_scheme": false, "loopback": "exact" },
                  "endpoints": { "authorization": "https://x.example/a", "token": "https://x.example/t", "userinfo": "https://x.example/u" } } ],
              "registrations": [
                { "id": "x", "provider": "exact", "client_id": "demo", "redirect_uri": "com.example.notes:/callback" } ] }
            """
        Keyfob.open(config).use { keyfob ->
            val guide = keyfob.registrationGuide("x")
            assertEquals("exact", guide.providerName)
            assertEquals(false, guide.acceptsCustomScheme)
            assertEquals(Loopback.EXACT, guide.acceptsLoopback)
            assertEquals(false, guide.redirectUriAccepted)
        }
    }

    @Test
    fun `a session of another library is taken over and its refresh token gives the first token`() = test { provider, keyfob ->
        val refreshToken =
            Keyfob.open(provider.config(store.resolve("other"))).use { it.logIn(provider).providerRefreshToken }
        provider.forget()
        val imported = ImportedTokens("work-sso", "u-1", refreshToken = refreshToken, scopes = listOf("openid", "offline_access"))
        val session = keyfob.importSession(imported)
        assertEquals(emptyList<Any>(), provider.requests())
        assertEquals("u-1", session.providerUid)
        assertEquals(listOf("openid", "offline_access"), session.scopes)
        assertEquals(SessionState.Active, session.state)

        val token = keyfob.accessToken(session.id)
        assertEquals(refreshToken, provider.tokenRequests().single().parameter("form", "refresh_token"))
        assertEquals(token.secret, keyfob.session(session.id).providerAccessToken)
        assertEquals(listOf("Refreshed", "SessionImported"), keyfob.journal().map { it.event })
    }

    @Test
    fun `an access token that is taken over is good as long as it says`() = test { provider, keyfob ->
        val end = Instant.now().plus(Duration.ofMinutes(30))
        val session = keyfob.importSession(ImportedTokens("work-sso", "u-1", accessToken = "theirs", expiresAt = end))
        val token = keyfob.accessToken(session.id)
        assertEquals("theirs", token.secret)
        assertTrue(Duration.between(token.expiresAt, end).abs() < Duration.ofSeconds(5), "${token.expiresAt}")
        assertEquals(emptyList<Any>(), provider.requests())
        val nothing = ImportedTokens("work-sso", "u-1")
        assertThrows<KeyfobException.InvalidArgument> { runBlocking { keyfob.importSession(nothing) } }
    }

    @Test
    fun `the ID token, its claims and the rest of the token answer are there`() {
        test("""{ "tamper": { "token": { "set": { "instance_url": "https://one.example" } } } }""") { provider, keyfob ->
            val session = keyfob.logIn(provider)
            assertEquals(3, session.idToken!!.split('.').size)
            val claims = com.google.gson.JsonParser.parseString(session.idTokenClaimsJson).asJsonObject
            assertEquals("u-1", claims["sub"].asString)
            assertEquals(provider.issuer, claims["iss"].asString)
            assertEquals("""{"instance_url":"https://one.example"}""", session.tokenAnswerJson)
            keyfob.endSession(session.id)
            val ended = keyfob.session(session.id)
            assertEquals(listOf(null, null, "{}"), listOf(ended.idToken, ended.idTokenClaimsJson, ended.tokenAnswerJson))
        }
    }
}
