package dev.keyfob

import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.net.URI
import java.nio.file.Path

internal class LogoutTest {
    @TempDir
    lateinit var store: Path

    private fun test(script: String = "{}", block: suspend (TestProvider, Keyfob) -> Unit) = runBlocking {
        TestProvider(script).use { provider -> Keyfob.open(provider.config(store)).use { keyfob -> block(provider, keyfob) } }
    }

    private fun TestProvider.revocations() = requests().filter { it["path"].asString == "/revoke" }

    @Test
    fun `logging out revokes the refresh token at the provider`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        assertEquals(Revocation.Done, keyfob.endSession(session.id).revocation)
        val request = provider.revocations().single()
        assertEquals(session.providerRefreshToken, request.parameter("form", "token"))
        assertEquals("refresh_token", request.parameter("form", "token_type_hint"))
        assertEquals(Revocation.NotAsked, keyfob.endSession(session.id).revocation, "nothing is left to revoke")
        assertEquals(1, provider.revocations().size)
    }

    @Test
    fun `a revocation that is turned away is owed and the session has ended all the same`() {
        test("""{ "faults": [ { "endpoint": "revoke", "status": 503 } ] }""") { provider, keyfob ->
            val session = keyfob.logIn(provider)
            val revocation = keyfob.endSession(session.id).revocation as Revocation.Owed
            assertTrue(revocation.error is KeyfobException.Network)
            assertEquals("ProviderUnavailable", revocation.error.reason)
            assertEquals(503, revocation.error.httpStatus)
            assertEquals(1, provider.revocations().size)
            assertNull(keyfob.currentSession())
            assertThrows<KeyfobException.LoginRequired> { runBlocking { keyfob.accessToken(session.id) } }
        }
    }

    @Test
    fun `a provider without revocation is told`() {
        val body = """{ "error": "unsupported_token_type" }"""
        test("""{ "faults": [ { "endpoint": "revoke", "status": 400, "body": $body } ] }""") { provider, keyfob ->
            assertEquals(Revocation.NotSupported, keyfob.endSession(keyfob.logIn(provider).id).revocation)
        }
    }

    @Test
    fun `a local logout sends nothing`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        provider.forget()
        val ended = keyfob.endSession(session.id, EndSession(localOnly = true))
        assertEquals(Revocation.NotAsked, ended.revocation)
        assertTrue(ended.logoutUrl != null, "from the metadata that is there")
        assertEquals(emptyList<Any>(), provider.requests())
        assertEquals(SessionState.Ended("LoggedOut"), keyfob.session(session.id).state)
    }

    @Test
    fun `the logout URL carries what the provider needs`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        val ended = keyfob.endSession(session.id, EndSession(postLogoutRedirectUri = "com.example.notes:/bye?a=b"))
        val url = URI(ended.logoutUrl!!)
        assertEquals("${provider.issuer}/logout", "$url".substringBefore('?'))
        val query = url.rawQuery.split('&').map { it.split('=') }
        val expected =
            listOf(
                "id_token_hint" to session.idToken,
                "client_id" to "demo",
                "post_logout_redirect_uri" to "com.example.notes:/bye?a=b",
            )
        val sent = query.map { (name, value) -> name to java.net.URLDecoder.decode(value, Charsets.UTF_8) }
        assertEquals(expected, sent.filter { (name, _) -> name != "state" })
        val state = sent.single { (name, _) -> name == "state" }.second

        val back = keyfob.completeLogout("com.example.notes:/bye?a=b&state=$state")
        assertEquals(session.id to "work-sso", back.sessionId to back.registration)
        assertEquals("LoggedOut(${session.id}, work-sso)", "$back")
    }

    @Test
    fun `the browser comes back from the provider's page`() = test { provider, keyfob ->
        val session = keyfob.logIn(provider)
        val ended = keyfob.endSession(session.id, EndSession(postLogoutRedirectUri = "http://127.0.0.1/signed-out"))
        val redirect = provider.open(ended.logoutUrl!!)
        assertEquals(session.id, keyfob.completeLogout(redirect).sessionId)
        provider.forget()
        for (wrong in listOf("http://127.0.0.1/signed-out", "http://127.0.0.1/signed-out?state=CANARY")) {
            val error = assertThrows<KeyfobException.RedirectRejected> { runBlocking { keyfob.completeLogout(wrong) } }
            assertEquals("LogoutStateMismatch", error.reason)
            assertTrue("CANARY" !in "$error")
        }
        assertEquals(emptyList<Any>(), provider.requests())
        val other = keyfob.logIn(provider).id
        val nowhere = EndSession(postLogoutRedirectUri = "bye")
        assertThrows<KeyfobException.InvalidArgument> { runBlocking { keyfob.endSession(other, nowhere) } }
        assertEquals(SessionState.Active, keyfob.session(other).state)
    }
}
