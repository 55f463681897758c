package dev.keyfob.android

import dev.keyfob.HttpRequest
import dev.keyfob.HttpResponse
import dev.keyfob.Sent
import dev.keyfob.Transport
import dev.keyfob.TransportException
import dev.keyfob.TransportFailure
import java.io.ByteArrayOutputStream
import java.io.IOException
import java.io.InputStream
import java.net.HttpRetryException
import java.net.HttpURLConnection
import java.net.SocketTimeoutException
import java.net.URL
import java.security.cert.CertPathBuilderException
import java.security.cert.CertPathValidatorException
import java.security.cert.CertificateException
import java.security.cert.CertificateExpiredException
import java.security.cert.CertificateNotYetValidException
import java.security.cert.CertificateRevokedException
import java.time.Duration
import javax.net.ssl.SSLException
import javax.net.ssl.SSLPeerUnverifiedException

/**
 * Requests over `HttpURLConnection`: the device's trust store with what an administrator added, the app's network security configuration, the
 * system's proxy and its VPN hold for them.
 *
 * A body is sent in fixed-length streaming mode, without which that class repeats a POST in silence when a connection breaks, and a repeated refresh
 * costs the session. Each request has a connection of its own, for the same reason. Nothing is followed, cached or decompressed. A `CookieHandler` that the app
 * has set for the whole process would see these requests too: there is no way to leave it out, so set none.
 */
public class UrlConnectionTransport : Transport {
    override fun send(request: HttpRequest): HttpResponse {
        val deadline = System.nanoTime() + request.timeout.toNanos()
        val connection = prepare(request)
        try {
            connect(connection)
            try {
                if (request.body.isNotEmpty()) connection.outputStream.use { it.write(request.body) }
                return answer(connection, request.maxBodyBytes, deadline)
            } catch (error: TransportException) {
                throw error
            } catch (_: SocketTimeoutException) {
                throw TransportException(Sent.UNKNOWN, TransportFailure.TIMEOUT)
            } catch (_: IOException) {
                throw TransportException(Sent.UNKNOWN, TransportFailure.NETWORK)
            }
        } finally {
            connection.disconnect()
        }
    }

    private fun prepare(request: HttpRequest): HttpURLConnection {
        val connection = URL(request.url).openConnection() as HttpURLConnection
        connection.requestMethod = request.method
        connection.instanceFollowRedirects = false
        connection.useCaches = false
        connection.connectTimeout = request.connectTimeout.inMillis()
        connection.readTimeout = request.timeout.inMillis()
        for ((name, value) in request.headers) {
            // That one is written by the streaming mode.
            if (!name.equals("Content-Length", ignoreCase = true)) connection.addRequestProperty(name, value)
        }
        // A connection of its own: one that was kept may be dead, and nobody would know whether the request arrived.
        connection.setRequestProperty("Connection", "close")
        connection.setRequestProperty("Accept-Encoding", "identity")
        if (request.body.isNotEmpty()) {
            connection.doOutput = true
            connection.setFixedLengthStreamingMode(request.body.size)
        }
        return connection
    }

    /** Connects, TLS included. Nothing of the request has left before this returns. */
    private fun connect(connection: HttpURLConnection) {
        try {
            connection.connect()
        } catch (_: SocketTimeoutException) {
            throw TransportException(Sent.NOT_SENT, TransportFailure.TIMEOUT)
        } catch (error: SSLException) {
            throw TransportException(Sent.NOT_SENT, failure(error))
        } catch (_: IOException) {
            throw TransportException(Sent.NOT_SENT, TransportFailure.NETWORK)
        }
    }

    private fun answer(connection: HttpURLConnection, maxBodyBytes: Long, deadline: Long): HttpResponse {
        connection.readTimeout = (deadline - System.nanoTime()).inMillis()
        val status = connection.responseCode
        // What is no HTTP has the status -1.
        if (status !in 100..599) throw TransportException(Sent.UNKNOWN, TransportFailure.ANSWER)
        val headers = connection.headerFields.flatMap { (name, values) -> if (name == null) emptyList() else values.map { name to it } }
        val body =
            try {
                (if (status >= 400) connection.errorStream else connection.inputStream)?.use { read(connection, it, maxBodyBytes, deadline) }
            } catch (_: HttpRetryException) {
                // Of a 401 to a streamed request some JDKs keep the status only. Android does not.
                null
            }
        return HttpResponse(status, headers, body ?: ByteArray(0))
    }

    private fun read(connection: HttpURLConnection, from: InputStream, maxBodyBytes: Long, deadline: Long): ByteArray {
        val body = ByteArrayOutputStream()
        val piece = ByteArray(8192)
        while (true) {
            val left = deadline - System.nanoTime()
            if (left <= 0) throw TransportException(Sent.UNKNOWN, TransportFailure.TIMEOUT)
            connection.readTimeout = left.inMillis()
            val count = from.read(piece)
            if (count < 0) return body.toByteArray()
            body.write(piece, 0, count)
            if (body.size() > maxBodyBytes) throw TransportException(Sent.UNKNOWN, TransportFailure.ANSWER)
        }
    }

    private fun failure(error: SSLException): TransportFailure {
        val causes = generateSequence<Throwable>(error) { it.cause }.take(16).toList()
        return when {
            causes.any { it is CertificateExpiredException } -> TransportFailure.CERTIFICATE_EXPIRED
            causes.any { it is CertificateNotYetValidException } -> TransportFailure.CERTIFICATE_NOT_YET_VALID
            causes.any { it is CertificateRevokedException } -> TransportFailure.CERTIFICATE_REVOKED
            causes.any { it is SSLPeerUnverifiedException } -> TransportFailure.CERTIFICATE_WRONG_HOST
            causes.any { it is CertPathValidatorException || it is CertPathBuilderException } ->
                TransportFailure.CERTIFICATE_UNKNOWN_ISSUER
            causes.any { it is CertificateException } -> TransportFailure.CERTIFICATE
            else -> TransportFailure.TLS
        }
    }

    override fun toString(): String = "UrlConnectionTransport"

    private fun Duration.inMillis(): Int = toNanos().inMillis()

    /** At least 1: 0 would be for ever. */
    private fun Long.inMillis(): Int = (this / 1_000_000).coerceIn(1, Int.MAX_VALUE.toLong()).toInt()
}
