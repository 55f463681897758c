package dev.keyfob

import dev.keyfob.internal.Header
import dev.keyfob.internal.HostTransport
import java.time.Duration
import dev.keyfob.internal.HttpRequest as RawRequest
import dev.keyfob.internal.HttpResponse as RawResponse
import dev.keyfob.internal.Sent as RawSent
import dev.keyfob.internal.TransportException as RawTransportException
import dev.keyfob.internal.TransportFailure as RawFailure

/**
 * Sends HTTP requests in place of the built-in client, for instance over the platform's trust store and proxy.
 *
 * The rules: send **once**, never repeat by yourself (beware of clients that repeat a POST in silence); follow **no** redirect; do not
 * decompress; no cookies, no cache; obey the request's limits. Called on several threads at once; block as long as it takes, and do not
 * call the same [Keyfob].
 */
public fun interface Transport {
    /**
     * Sends one request and waits for the whole answer. A bad status is an answer, not a failure.
     *
     * @throws TransportException there is no answer. Anything else that is thrown counts as [Sent.UNKNOWN], and what it says is dropped
     */
    @Throws(TransportException::class)
    public fun send(request: HttpRequest): HttpResponse
}

/** A request for a [Transport] to send. */
public class HttpRequest internal constructor(private val raw: RawRequest) {
    /** `GET`, `POST` or `DELETE`. */
    public val method: String get() = raw.method.name

    /** The absolute URL. May hold secrets in its query: do not log it. */
    public val url: String get() = raw.url

    /** The headers, in order: name and value. May hold secrets. */
    public val headers: List<Pair<String, String>> get() = raw.headers.map { it.name to it.value }

    /** The body, empty for a GET. May hold secrets. */
    public val body: ByteArray get() = raw.body

    /** How long connecting may take. */
    public val connectTimeout: Duration get() = raw.connectTimeout

    /** How long the whole request may take. */
    public val timeout: Duration get() = raw.timeout

    /** How many bytes of the answer's body are wanted at most; a longer one is a [TransportFailure.ANSWER]. */
    public val maxBodyBytes: Long get() = raw.maxBodyBytes.toLong()

    /** Without query, headers and body. */
    override fun toString(): String = raw.toString()
}

/**
 * The answer to a request.
 *
 * @property status the status, 100 to 599
 * @property headers name and value of each header
 * @property body the body, as it came
 */
public class HttpResponse(public val status: Int, public val headers: List<Pair<String, String>>, public val body: ByteArray) {
    init {
        require(status in 100..599) { "not a status" }
    }

    internal fun raw() = RawResponse(status.toUShort(), headers.map { (name, value) -> Header(name, value) }, body)

    /** Without headers and body. */
    override fun toString(): String = "HttpResponse($status, ${body.size} bytes)"
}

/** Whether a request that got no answer may have reached the provider. */
public enum class Sent {
    /** No byte of the request left this machine: it may be repeated. */
    NOT_SENT,

    /** Nobody knows: the provider may have acted on it. When in doubt, this. */
    UNKNOWN,
}

/** What kept a request from being answered. */
public enum class TransportFailure {
    /** The answer was longer than asked for, or not HTTP. */
    ANSWER,

    /** The name was not found, no connection came about, or it broke. */
    NETWORK,

    /** A time limit passed. */
    TIMEOUT,

    /** TLS refused the certificate, for a reason that has no name below. */
    CERTIFICATE,

    /** The certificate is expired. */
    CERTIFICATE_EXPIRED,

    /** The certificate is not yet valid. */
    CERTIFICATE_NOT_YET_VALID,

    /** The certificate was revoked. */
    CERTIFICATE_REVOKED,

    /** Nobody who is trusted has signed the certificate. */
    CERTIFICATE_UNKNOWN_ISSUER,

    /** The certificate is for another host. */
    CERTIFICATE_WRONG_HOST,

    /** The proxy could not be reached, or did not let the connection through. */
    PROXY,

    /** TLS failed for another reason. */
    TLS,
}

/** Thrown by a [Transport] that has no answer. It carries no words: those of an HTTP client hold URLs. */
public class TransportException(public val sent: Sent, public val failure: TransportFailure) : Exception("$failure, $sent")

internal class TransportAdapter(private val host: Transport) : HostTransport {
    override fun send(request: RawRequest): RawResponse = try {
        host.send(HttpRequest(request)).raw()
    } catch (error: TransportException) {
        throw RawTransportException.Failed(raw(error.sent), raw(error.failure))
    }
    private fun raw(sent: Sent) = when (sent) {
        Sent.NOT_SENT -> RawSent.NOT_SENT
        Sent.UNKNOWN -> RawSent.UNKNOWN
    }
    private fun raw(failure: TransportFailure) = when (failure) {
        TransportFailure.ANSWER -> RawFailure.ANSWER
        TransportFailure.NETWORK -> RawFailure.NETWORK
        TransportFailure.TIMEOUT -> RawFailure.TIMEOUT
        TransportFailure.CERTIFICATE -> RawFailure.CERTIFICATE
        TransportFailure.CERTIFICATE_EXPIRED -> RawFailure.CERTIFICATE_EXPIRED
        TransportFailure.CERTIFICATE_NOT_YET_VALID -> RawFailure.CERTIFICATE_NOT_YET_VALID
        TransportFailure.CERTIFICATE_REVOKED -> RawFailure.CERTIFICATE_REVOKED
        TransportFailure.CERTIFICATE_UNKNOWN_ISSUER -> RawFailure.CERTIFICATE_UNKNOWN_ISSUER
        TransportFailure.CERTIFICATE_WRONG_HOST -> RawFailure.CERTIFICATE_WRONG_HOST
        TransportFailure.PROXY -> RawFailure.PROXY
        TransportFailure.TLS -> RawFailure.TLS
    }
}
