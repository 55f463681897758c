package dev.keyfob.android

import android.app.Activity
import android.content.Context
import android.content.Intent
import dev.keyfob.Completed
import dev.keyfob.Keyfob
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import java.nio.file.Files
import java.nio.file.Path

/** The code of the README, compiled as it stands there; what it does is tested where the pieces are. */
internal class ReadmeTest {
    suspend fun open(context: Context, config: String): Keyfob {
        val keyfob = Keyfob.open(
            config, // with "store": { "path": … } of Places.store(context)
            transport = UrlConnectionTransport(),
            storeKey = KeystoreKey(context),
            deviceBinding = Places.deviceBinding(context),
        )
        return keyfob
    }

    suspend fun logIn(keyfob: Keyfob, activity: Activity) {
        keyfob.openLogin(activity, "work-sso")
    }

    suspend fun complete(keyfob: Keyfob, intent: Intent): Completed? {
        val completed = keyfob.completeLogin(intent) // null where the intent has no redirect
        return completed
    }

    suspend fun cancel(keyfob: Keyfob) {
        for (login in keyfob.pendingLogins()) keyfob.cancelLogin(login.id)
    }

    private fun lines(text: String) = text.lines().map { it.trim() }.filter { it.isNotEmpty() }.joinToString("\n")

    private fun read(path: String) = Files.readString(Path.of(path))

    private fun pieces(kind: String) =
        Regex("```$kind\n(.*?)```", RegexOption.DOT_MATCHES_ALL).findAll(read("README.md")).map { lines(it.groupValues[1]) }.toList()

    @Test
    fun `every piece of Kotlin in the README stands in this file`() {
        val here = lines(read("src/test/kotlin/dev/keyfob/android/ReadmeTest.kt"))
        assertEquals(4, pieces("kotlin").size)
        for (piece in pieces("kotlin")) assertTrue(piece, piece in here)
    }

    @Test
    fun `what the README says of an app's files stands in the example's`() {
        val build = lines(read("../../examples/android/app/build.gradle.kts"))
        val manifest = lines(read("../../examples/android/app/src/main/AndroidManifest.xml")).replace("\n", " ")
        val said = pieces("kotlin gradle").single().lines().filter { "dev.keyfob" in it || "jna:5" in it || "keyfobRedirectScheme" in it }
        assertEquals(4, said.size)
        for (line in said) assertTrue(line, line.substringBefore(" //").substringBefore(" {") in build)
        for (rule in listOf("@xml/keyfob_data_extraction_rules", "@xml/keyfob_full_backup_rules", "dev.keyfob.android.RETURN_TO")) {
            assertTrue(rule, rule in manifest && rule in read("README.md"))
        }
    }
}
