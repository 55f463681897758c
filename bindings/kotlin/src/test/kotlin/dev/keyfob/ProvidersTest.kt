package dev.keyfob

import com.google.gson.JsonParser
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Test
import java.nio.file.Files
import java.nio.file.Path
import kotlin.io.path.extension

/** What an app can show of the catalogue. */
internal class ProvidersTest {
    private val providers = Keyfob.providers().associateBy { it.id }

    @Test
    fun `every provider of the catalogue is listed as its file says`() {
        val paths = Files.list(Path.of("../../core/providers")).use { it.toList() }
        val files = paths.filter { it.extension == "json" }.map { JsonParser.parseString(Files.readString(it)).asJsonObject }
        assertEquals(files.map { it["id"].asString }.sorted(), Keyfob.providers().map { it.id })
        for (file in files) {
            val provider = providers.getValue(file["id"].asString)
            assertEquals((file["name"] ?: file["id"]).asString, provider.displayName)
            assertEquals(file["kind"].asString.uppercase(), provider.kind.name)
            assertEquals(file["aliases"]?.asJsonArray?.map { it.asString }.orEmpty(), provider.aliases)
            val scopes = file["scopes"]?.asJsonObject?.get("default")?.asJsonArray?.map { it.asString }
            assertEquals(scopes.orEmpty(), provider.defaultScopes)
            val variables = file["variables"]?.asJsonObject?.entrySet().orEmpty()
            val required = variables.filter { "default" !in it.value.asJsonObject.keySet() }.map { it.key }
            assertEquals(required.sorted(), provider.requiredVariables)
            val redirect = file["redirect"]?.asJsonObject
            assertEquals(redirect?.get("custom_scheme")?.asBoolean, provider.acceptsCustomScheme)
            assertEquals(redirect?.get("loopback")?.asString?.uppercase(), provider.acceptsLoopback?.name)
        }
    }

    @Test
    fun `what an app asks of a provider is there`() {
        val github = providers.getValue("github")
        assertEquals("GitHub", github.displayName)
        assertEquals(ProviderKind.OAUTH2, github.kind)
        assertEquals(listOf("read:user", "user:email"), github.defaultScopes)
        assertEquals(emptyList<String>(), github.requiredVariables, "its variables have defaults")
        assertEquals(true, github.acceptsCustomScheme)
        assertEquals(Loopback.ANY_PORT, github.acceptsLoopback)
        assertEquals("Provider(github, OAUTH2)", "$github")

        val oidc = providers.getValue("oidc")
        assertEquals(ProviderKind.OIDC, oidc.kind)
        assertEquals(listOf("issuer"), oidc.requiredVariables)
        assertNull(oidc.acceptsCustomScheme)
        assertNull(oidc.acceptsLoopback)
    }
}
