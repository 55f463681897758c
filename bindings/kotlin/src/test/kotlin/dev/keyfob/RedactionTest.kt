package dev.keyfob

import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.io.PrintWriter
import java.io.StringWriter
import java.nio.file.Path
import java.time.Duration

/** Prints every object and every exception there is, and looks for everything that must not be seen. */
internal class RedactionTest {
    @TempDir
    lateinit var store: Path

    private val user =
        """{ "sub": "CANARY-uid", "name": "CANARY-name", "email": "CANARY@example.com", "picture": "https://CANARY.example" }"""

    @Test
    fun `nothing prints a token, a state, a link, a person or the provider's words`(): Unit = runBlocking {
        val script = """{ "users": [ { "username": "ada", "password": "lovelace", "claims": $user } ] }"""
        TestProvider(script).use { provider ->
            Keyfob.open(provider.config(store)).use { keyfob ->
                val printed = mutableListOf<String>()
                val options =
                    LoginOptions(
                        scopes = listOf("email", "profile"),
                        success = "app:/CANARY-success",
                        failure = "app:/CANARY-failure",
                        redirectPort = 4100,
                        parameters = mapOf("login_hint" to "CANARY-hint"),
                        appData = "CANARY-data",
                    )
                val login = keyfob.beginLogin("work-sso", options)
                val waiting = keyfob.pendingLogins()
                val redirect = provider.logIn(login.authorizationUrl)
                val completed = keyfob.completeLogin(redirect)
                val session = completed.session
                val token = keyfob.accessToken(session.id)
                val objects =
                    listOf(keyfob, options, login, completed, session, session.state, session.profile, token, keyfob.registrations()) +
                        keyfob.journal() + waiting + keyfob.registrationGuide("work-sso") + Keyfob.providers() + keyfob.health() +
                        keyfob.maintain(Duration.ofMinutes(1))
                printed += objects.map { "$it" }

                printed += dump<KeyfobException.RedirectRejected> { keyfob.completeLogin("$redirect&state=CANARY-state") }
                val denied =
                    provider.refuse(keyfob.beginLogin("work-sso", options).authorizationUrl)
                        .replace(Regex("error_description=[^&]*"), "error_description=CANARY-words")
                printed += dump<KeyfobException.AccessDenied> { keyfob.completeLogin(denied) }
                provider.play(
                    """
                    { "users": [ { "username": "ada", "password": "lovelace", "claims": $user } ],
                      "faults": [ { "endpoint": "token", "status": 400, "body":
                        { "error": "CANARY-code", "error_description": "CANARY-words", "error_uri": "https://CANARY.example" } },
                        { "endpoint": "revoke", "status": 400, "body": { "error": "CANARY-code", "error_description": "CANARY-words" } } ] }
                    """,
                )
                printed += dump<KeyfobException.OAuth> { keyfob.refreshSession(session.id) }
                printed += dump<KeyfobException.InvalidArgument> { keyfob.session("CANARY-id") }
                printed += dump<KeyfobException.InvalidArgument> { keyfob.cancelLogin("CANARY-id") }
                printed += dump<KeyfobException.InvalidArgument> { keyfob.registrationGuide("CANARY-id") }
                printed += dump<KeyfobException.Configuration> { Keyfob.open("""{ "store": "CANARY" }""") }

                val tokens = ImportedTokens("work-sso", "CANARY-uid-2", "CANARY-token", refreshToken = "CANARY-token")
                val imported = keyfob.importSession(tokens)
                val goodbye = EndSession(postLogoutRedirectUri = "app:/CANARY-bye")
                val failed = keyfob.endSession(session.id, goodbye)
                val ended = keyfob.endSession(imported.id, EndSession(true, "app:/CANARY-bye"))
                val dumped = dump((failed.revocation as Revocation.Failed).error)
                printed += listOf("$tokens", "$imported", "$goodbye", "$failed", "${failed.revocation}", "$ended", dumped)
                assertTrue(session.idToken!! in failed.logoutUrl!!)

                val secrets =
                    listOf("CANARY", token.secret, session.providerRefreshToken!!, session.idToken!!, value(redirect, "code")) +
                        value(redirect, "state") + value(login.authorizationUrl, "nonce")
                for (text in printed) {
                    for (secret in secrets) assertTrue(secret !in text) { "$secret is in $text" }
                }
                assertEquals(objects.size + 14, printed.size)
            }
        }
    }

    /** Everything that printing an exception shows. */
    private inline fun <reified E : KeyfobException> dump(noinline call: suspend () -> Unit): String = dump(assertThrows<E> { runBlocking { call() } })

    private fun dump(error: KeyfobException): String {
        val trace = StringWriter().also { error.printStackTrace(PrintWriter(it)) }
        return "$error ${error.message} ${error.localizedMessage} ${error.detail} ${error.oauthError} $trace"
    }

    private fun value(url: String, name: String): String = Regex("[?&]$name=([^&]+)").find(url)?.groupValues?.get(1) ?: error("no $name in the URL")
}
