package dev.keyfob

import com.google.gson.JsonArray
import com.google.gson.JsonObject
import com.google.gson.JsonParser
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse
import java.nio.file.Files
import java.nio.file.Path

/** The program keyfob-idp, with a script, as long as a test wants it. */
public class TestProvider(script: String = "{}") : AutoCloseable {
    private val scriptFile: Path = Files.createTempFile("keyfob-idp", ".json").also { Files.writeString(it, script) }

    // It ends with our end of the pipe, so it outlives no test, whatever ends that.
    private val process: Process =
        ProcessBuilder(program(), "--port", "0", "--script", "$scriptFile", "--until-stdin-closes")
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start()

    val issuer: String = process.inputReader().readLine() ?: error("keyfob-idp did not start")

    private val http = HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NEVER).build()

    /** A configuration for this provider. */
    fun config(store: Path): String =
        """
        {
          "store": { "path": "$store", "plaintext": true },
          "registrations": [
            { "id": "work-sso", "provider": "oidc", "variables": { "issuer": "$issuer" }, "client_id": "demo",
              "redirect_uri": "http://127.0.0.1/callback/work-sso", "scopes": ["openid", "offline_access"] }
          ]
        }
        """.trimIndent()

    /** What the user does in the browser. Gives the address that the browser is sent to, which is the app's. */
    fun logIn(authorizationUrl: String, username: String = "ada"): String =
        answerForm(authorizationUrl, "username" to username, "password" to "lovelace", "decision" to "allow")

    /** The same where the answer comes as a form: where the page sends it, and its body. */
    fun logInByForm(authorizationUrl: String): Pair<String, String> {
        val page = submitForm(authorizationUrl, "username" to "ada", "password" to "lovelace", "decision" to "allow").body()
        val form = form(page)
        return Pair(attribute(form.substringBefore('>'), "action")!!, body(hidden(form)))
    }

    /** The user types the code of another device in, and agrees. */
    fun connect(login: DeviceLogin) {
        val typed = arrayOf("user_code" to login.userCode, "username" to "ada", "password" to "lovelace", "decision" to "allow")
        check(submitForm(login.verificationUri, *typed).statusCode() == 200) { "the device was not connected" }
    }

    /** The same for a user who says no. */
    fun refuse(authorizationUrl: String): String = answerForm(authorizationUrl, "decision" to "deny")

    /** The browser goes to a page of the provider that leads on at once. Gives where it is sent. */
    fun open(url: String): String = send(HttpRequest.newBuilder(URI(url)).GET()).headers().firstValue("Location").get()

    /** All requests since the start, or since [forget]. */
    fun requests(): List<JsonObject> {
        val log = JsonParser.parseString(http("GET", "/_idp/requests").body())
        return (log as? JsonArray ?: log.asJsonObject.getAsJsonArray("requests")).map { it.asJsonObject }
    }

    fun tokenRequests(): List<JsonObject> = requests().filter { it["path"].asString == "/token" }

    /** The same as two clients that do the same have them: `tests/vectors` compares them. */
    fun maskedRequests(): JsonArray = JsonParser.parseString(http("GET", "/_idp/requests/masked").body()).asJsonArray

    fun forget() {
        http("DELETE", "/_idp/requests")
    }

    fun play(script: String) {
        val answer = http("PUT", "/_idp/script", script)
        check(answer.statusCode() in 200..299) { answer.body() }
    }

    override fun close() {
        process.outputStream.close()
        process.waitFor()
        Files.delete(scriptFile)
    }

    private fun answerForm(url: String, vararg typed: Pair<String, String>): String {
        val answer = submitForm(url, *typed)
        return answer.headers().firstValue("Location").orElseThrow { error("no redirect: ${answer.statusCode()}") }
    }

    private fun form(page: String) = Regex("<form[^>]*>.*?</form>", RegexOption.DOT_MATCHES_ALL).find(page)?.value ?: error("no form")

    private fun hidden(form: String): List<Pair<String, String>> =
        Regex("<input[^>]*>").findAll(form).map { it.value }.filter { attribute(it, "type") == "hidden" }
            .map { attribute(it, "name").orEmpty() to attribute(it, "value").orEmpty() }.toList()

    private fun body(fields: List<Pair<String, String>>) = fields.joinToString("&") { (name, value) -> "${encode(name)}=${encode(value)}" }

    private fun submitForm(url: String, vararg typed: Pair<String, String>): HttpResponse<String> {
        val page = send(HttpRequest.newBuilder(URI(url)).GET())
        check(page.statusCode() == 200) { "the page has status ${page.statusCode()}" }
        val form = form(page.body())
        val action = attribute(form.substringBefore('>'), "action") ?: error("the form has no action")
        return send(
            HttpRequest.newBuilder(URI(url).resolve(action))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .POST(HttpRequest.BodyPublishers.ofString(body(hidden(form) + typed))),
        )
    }

    private fun http(method: String, path: String, body: String = ""): HttpResponse<String> =
        send(HttpRequest.newBuilder(URI(issuer + path)).method(method, HttpRequest.BodyPublishers.ofString(body)))

    private fun send(request: HttpRequest.Builder) = http.send(request.build(), HttpResponse.BodyHandlers.ofString())

    private fun attribute(tag: String, name: String): String? = Regex(" $name=\"([^\"]*)\"").find(tag)?.groupValues?.get(1)?.let(::unescape)

    private fun unescape(text: String) = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")

    private fun encode(text: String) = java.net.URLEncoder.encode(text, Charsets.UTF_8)

    private fun program(): String = System.getProperty("keyfob.idp")?.takeIf { Files.isExecutable(Path.of(it)) }
        ?: error("-Dkeyfob.idp does not name the program; `cargo xtask test kotlin` does")
}

/** The value of a parameter of a request's query or form. */
public fun JsonObject.parameter(list: String, name: String): String? =
    getAsJsonArray(list).map { it.asJsonArray }.firstOrNull { it[0].asString == name }?.get(1)?.asString

/** A login from its beginning to its session. */
public suspend fun Keyfob.logIn(provider: TestProvider, options: LoginOptions = LoginOptions()): Session =
    completeLogin(provider.logIn(beginLogin("work-sso", options).authorizationUrl)).session
