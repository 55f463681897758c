package dev.keyfob.examples

import dev.keyfob.BrowserLogin
import dev.keyfob.Keyfob
import dev.keyfob.KeyfobException
import dev.keyfob.LoginPages
import dev.keyfob.Revocation
import dev.keyfob.StoreKey
import dev.keyfob.StoreKeyAnswer
import dev.keyfob.StoreKeySource
import dev.keyfob.WantedKey
import kotlinx.coroutines.runBlocking
import java.nio.file.Files
import java.nio.file.NoSuchFileException
import java.nio.file.Path
import java.nio.file.StandardOpenOption.CREATE_NEW
import java.nio.file.StandardOpenOption.WRITE
import java.nio.file.attribute.PosixFilePermissions
import kotlin.system.exitProcess

/**
 * A login from the command line, and what a program does with its session.
 *
 *     java -cp … dev.keyfob.examples.LoginKt keyfob.json work-sso
 *
 * The redirect comes to a loopback port (RFC 8252 section 7.3): the registration's redirect URI is `http://127.0.0.1/…`, without a port. With `--print-url` no
 * browser is opened; the URL is printed, for a browser of another window.
 */
public fun main(arguments: Array<String>) {
    val printsUrl = "--print-url" in arguments
    val words = arguments.filter { it != "--print-url" }
    if (words.size != 2) {
        System.err.println("usage: LoginKt CONFIG_JSON_FILE REGISTRATION [--print-url]")
        exitProcess(2)
    }
    val (file, registration) = words
    try {
        runBlocking { logIn(Path.of(file), registration, printsUrl) }
    } catch (error: KeyfobException) {
        // Errors of Keyfob hold no secrets: they may go into a log as they are.
        System.err.println("${error.javaClass.simpleName}: ${error.message}")
        exitProcess(1)
    }
}

private suspend fun logIn(config: Path, registration: String, printsUrl: Boolean) {
    Keyfob.open(Files.readString(config), storeKey = KeyFile(Path.of("$config.key"))).use { keyfob ->
        // The last login's session, if it goes on; else a new login.
        val session =
            keyfob.currentSession() ?: keyfob
                .loginInBrowser(registration, BrowserLogin(pages = LoginPages(app = "Keyfob's example"))) { url ->
                    if (printsUrl) println("Open this and log in:\n\n$url\n")
                    printsUrl || Keyfob.openBrowser(url)
                }.session
        println("user        ${session.providerUid} at ${session.provider}, ${session.profile.email ?: "no e-mail address"}")

        // Before each request to a server of yours: from memory while it is good, refreshed when it is due.
        val token = keyfob.accessToken(session.id)
        println("token       ${token.secret.length} characters, never shown, good until ${token.expiresAt ?: "somebody refuses it"}")

        val ended = keyfob.endSession(session.id)
        println("logged out  ${if (ended.revocation == Revocation.Done) "here and at the provider" else "here"}")
        println("\nWhat happened, newest first:")
        for (entry in keyfob.journal(10)) println("  $entry")
    }
}

/**
 * Keeps the store key in a file that only the user can read. It stands in for the system's keystore, which an app would ask, and is less than that: any program
 * that the user runs can read it.
 */
private class KeyFile(private val file: Path) : StoreKeySource {
    override fun storeKey(wanted: WantedKey): StoreKeyAnswer = try {
        StoreKeyAnswer.Key(StoreKey(Files.readAllBytes(file)))
    } catch (_: NoSuchFileException) {
        // It may be on a disk that is not mounted: no reason to say that it is gone.
        if (wanted == WantedKey.NEW) make() else StoreKeyAnswer.NotNow
    }

    private fun make(): StoreKeyAnswer {
        val key = StoreKey.generate()
        val onlyTheUser = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
        Files.newByteChannel(file, setOf(CREATE_NEW, WRITE), onlyTheUser).use { it.write(java.nio.ByteBuffer.wrap(key.toByteArray())) }
        return StoreKeyAnswer.Key(key)
    }
}
