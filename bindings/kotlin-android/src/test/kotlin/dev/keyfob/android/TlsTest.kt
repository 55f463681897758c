package dev.keyfob.android

import dev.keyfob.Keyfob
import dev.keyfob.KeyfobException
import kotlinx.coroutines.runBlocking
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import java.io.File
import java.security.KeyStore
import java.security.cert.CertificateFactory
import javax.net.ssl.HttpsURLConnection
import javax.net.ssl.SSLContext
import javax.net.ssl.TrustManagerFactory

/** Who is trusted is the platform's matter, and what it refuses has its name. The platform is the JDK here. */
internal class TlsTest {
    @get:Rule
    val folder = TemporaryFolder()

    private val usual = HttpsURLConnection.getDefaultSSLSocketFactory()

    @After
    fun restore() = HttpsURLConnection.setDefaultSSLSocketFactory(usual)

    /** The platform trusts one authority and no other. */
    private fun trust(authority: File) {
        val certificate = authority.inputStream().use { CertificateFactory.getInstance("X.509").generateCertificate(it) }
        val store = KeyStore.getInstance(KeyStore.getDefaultType()).apply {
            load(null)
            setCertificateEntry("it", certificate)
        }
        val managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm()).apply { init(store) }
        val context = SSLContext.getInstance("TLS").apply { init(null, managers.trustManagers, null) }
        HttpsURLConnection.setDefaultSSLSocketFactory(context.socketFactory)
    }

    /** Begins a login at a provider that shows such a certificate. */
    private fun begin(certificate: String, trusted: Boolean = true): String {
        val script = folder.newFile().apply { writeText("""{ "tls": { "certificate": "$certificate" } }""") }
        val authority = folder.root.resolve("ca-$certificate-$trusted.pem")
        val program = System.getProperty("keyfob.idp")
        val words = listOf(program, "--tls", "--ca-file", "$authority", "--script", "$script", "--until-stdin-closes")
        val provider = ProcessBuilder(words).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        try {
            val issuer = provider.inputReader().readLine()
            if (trusted) trust(authority)
            val config = """
                { "store": { "path": "${folder.root}/store-$certificate-$trusted", "plaintext": true },
                  "registrations": [ { "id": "work-sso", "provider": "oidc", "variables": { "issuer": "$issuer" },
                    "client_id": "demo", "redirect_uri": "http://127.0.0.1/callback/work-sso" } ] }
                """
            return runBlocking {
                Keyfob.open(config, transport = UrlConnectionTransport()).use { it.beginLogin("work-sso").authorizationUrl.removePrefix(issuer) }
            }
        } finally {
            provider.outputStream.close()
            provider.waitFor()
        }
    }

    private fun refused(certificate: String, trusted: Boolean = true): String =
        assertThrows(KeyfobException.Tls::class.java) { begin(certificate, trusted) }.reason

    @Test
    fun `a good certificate of an authority that the platform trusts`() {
        assertTrue(begin("good").startsWith("/authorize?"))
    }

    @Test
    fun `what is wrong with a certificate is told`() {
        assertEquals("TlsUnknownIssuer", refused("good", trusted = false))
        assertEquals("TlsUnknownIssuer", refused("self_signed"))
        assertEquals("TlsExpired", refused("expired"))
        assertEquals("TlsNotYetValid", refused("not_yet_valid"))
        // How the name is told depends on who speaks TLS: Android's has TlsWrongHost, the JDK's own TlsCertificate, and one that Robolectric has put before
        // that a plain IOException. Each of them means that nothing was sent.
        val reason = assertThrows(KeyfobException::class.java) { begin("wrong_host") }.reason
        assertTrue(reason, reason in listOf("TlsWrongHost", "TlsCertificate", "NotSent"))
    }
}
