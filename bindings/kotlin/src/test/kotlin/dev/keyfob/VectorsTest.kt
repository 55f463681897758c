package dev.keyfob

import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonNull
import com.google.gson.JsonObject
import com.google.gson.JsonParser
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Files
import java.nio.file.Path
import java.time.Duration

/** The vectors of `tests/vectors`, which every language reads: their README has the format. */
internal class VectorsTest {
    @TempDir
    lateinit var folder: Path

    private fun vectors(name: String): JsonObject = JsonParser.parseString(Files.readString(Path.of("../../tests/vectors", name))).asJsonObject

    private fun JsonObject.cases(): List<JsonObject> = getAsJsonArray("cases").map { it.asJsonObject }

    private fun JsonObject.text(key: String): String = this[key].asString

    private fun JsonObject.seconds(key: String): Duration = Duration.ofSeconds(this[key].asLong)

    /** An error as the vectors write it. */
    private fun written(error: KeyfobException?): JsonElement {
        if (error == null) return JsonNull.INSTANCE
        return JsonObject().apply {
            addProperty("kind", error.javaClass.simpleName)
            addProperty("number", error.number)
            addProperty("reason", error.reason)
        }
    }

    private suspend fun errorOf(call: suspend () -> Unit): KeyfobException? = try {
        call()
        null
    } catch (error: KeyfobException) {
        error
    }

    private fun config(vectors: JsonObject, provider: TestProvider, store: String) =
        vectors.text("config").replace("{store}", "${folder.resolve(store)}").replace("{issuer}", provider.issuer)

    @Test
    fun `configurations are taken or refused as the vectors say`(): Unit = runBlocking {
        for ((number, case) in vectors("configuration.json").cases().withIndex()) {
            val config = case.text("text").replace("{store}", "${folder.resolve("store-$number")}")
            val error = errorOf { Keyfob.open(config).close() }
            assertEquals(case["error"], written(error), case.text("name"))
        }
    }

    @Test
    fun `tokens are served or refreshed as the vectors say`(): Unit = runBlocking {
        val vectors = vectors("tokens.json")
        for ((number, case) in vectors.cases().withIndex()) {
            val name = case.text("name")
            val clock = Turned()
            TestProvider("${case["script"]}").use { provider ->
                Keyfob.open(config(vectors, provider, "store-$number"), clock = clock).use { keyfob ->
                    val session = keyfob.logIn(provider)
                    case["script_at_call"]?.let { provider.play("$it") }
                    provider.forget()
                    clock.ahead = case.seconds("elapsed_seconds")
                    var token: String? = null
                    val error = errorOf { token = keyfob.accessToken(session.id, case.seconds("min_validity_seconds")).secret }
                    assertEquals(case["error"] ?: JsonNull.INSTANCE, written(error), name)
                    if (error == null) {
                        assertEquals(case.text("token"), if (token == session.providerAccessToken) "same" else "new", name)
                    }
                    assertEquals(case["token_requests"].asInt, provider.tokenRequests().size, name)
                }
            }
        }
    }

    @Test
    fun `redirects are refused as the vectors say`(): Unit = runBlocking {
        val vectors = vectors("redirects.json")
        TestProvider().use { provider ->
            Keyfob.open(config(vectors, provider, "store")).use { keyfob ->
                for (case in vectors.cases()) {
                    val name = case.text("name")
                    val login = keyfob.beginLogin("work-sso", LoginOptions(redirectPort = vectors["redirect_port"].asInt))
                    val good = provider.logIn(login.authorizationUrl)
                    provider.forget()
                    val redirect =
                        listOf("code", "state", "iss").fold(case.text("redirect")) { text, key -> text.replace("{$key}", asItStands(good, key)) }
                    val error = assertThrows<KeyfobException>(name) { runBlocking { keyfob.completeLogin(redirect) } }
                    assertEquals(case["error"], written(error), name)
                    assertEquals(emptyList<Any>(), provider.requests(), "$name sends nothing")
                    assertEquals(case["waits"].asBoolean, errorOf { keyfob.completeLogin(good) } == null, "$name: the login waits")
                }
            }
        }
    }

    /** A parameter as it stands in a URL, with its percent signs. */
    private fun asItStands(url: String, name: String): String = url.substringAfter('?').split('&').first { it.startsWith("$name=") }.substringAfter('=')

    @Test
    fun `the whole login sends the requests of the vectors`(): Unit = runBlocking {
        val vectors = vectors("login.json")
        val clock = Turned()
        TestProvider("${vectors["script"]}").use { provider ->
            Keyfob.open(config(vectors, provider, "store"), clock = clock).use { keyfob ->
                Steps(provider, keyfob, clock).run { for (step in vectors.getAsJsonArray("steps")) take(step.asJsonObject) }
                val sent = provider.maskedRequests()
                System.getProperty("keyfob.vectors.out")?.takeIf { it.isNotEmpty() }
                    ?.let { Files.writeString(Path.of(it, "kotlin.json"), "$sent") }
                assertEquals(vectors["requests"], sent)
            }
        }
    }

    private inner class Steps(val provider: TestProvider, val keyfob: Keyfob, val clock: Turned) {
        private var redirect = ""
        private var id = ""
        private var token = ""

        suspend fun take(step: JsonObject) {
            when (step.text("do")) {
                "begin_login" -> redirect = provider.logIn(keyfob.beginLogin("work-sso", options(step)).authorizationUrl)
                "complete_login" -> {
                    val completed = keyfob.completeLogin(redirect)
                    assertEquals(step.text("provider_uid"), completed.session.providerUid)
                    assertEquals(step.text("return_to"), completed.returnTo)
                    assertEquals(step.text("app_data"), completed.appData)
                    id = completed.session.id
                    token = completed.session.providerAccessToken
                }
                "access_token" -> compare(step, keyfob.accessToken(id, step.seconds("min_validity_seconds")).secret)
                "refresh_if_current" -> compare(step, keyfob.refreshIfCurrent(id, token).secret)
                "refresh_session" -> compare(step, keyfob.refreshSession(id).providerAccessToken)
                "profile" -> assertEquals(step.text("email"), keyfob.profile(id, step.seconds("max_age_seconds")).email)
                "pass" -> clock.ahead += step.seconds("seconds")
                "end_session" -> keyfob.endSession(id)
                else -> error("no step: $step")
            }
        }

        private fun compare(step: JsonObject, given: String) {
            assertEquals(step.text("token"), if (given == token) "same" else "new", "$step")
            token = given
        }

        private fun options(step: JsonObject) = LoginOptions(
            scopes = step.getAsJsonArray("scopes").map { it.asString },
            success = step.text("success"),
            failure = step.text("failure"),
            redirectPort = step["redirect_port"].asInt,
            parameters = step.getAsJsonArray("parameters").map { it as JsonArray }.associate { it[0].asString to it[1].asString },
            appData = step.text("app_data"),
        )
    }
}
