package dev.keyfob

import kotlinx.coroutines.CompletableDeferred
import java.net.URI
import java.net.http.HttpClient
import java.util.concurrent.CountDownLatch
import java.net.http.HttpRequest as JavaRequest
import java.net.http.HttpResponse as JavaResponse

/** The JDK's client, as a host would bring it. */
internal object JdkTransport : Transport {
    override fun send(request: HttpRequest): HttpResponse {
        val client = HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NEVER).connectTimeout(request.connectTimeout).build()
        val body = JavaRequest.BodyPublishers.ofByteArray(request.body)
        val outgoing = JavaRequest.newBuilder(URI(request.url)).method(request.method, body).timeout(request.timeout)
        for ((name, value) in request.headers) {
            // The one header that this client insists on writing itself.
            if (!name.equals("Content-Length", ignoreCase = true)) outgoing.header(name, value)
        }
        val answer = client.send(outgoing.build(), JavaResponse.BodyHandlers.ofByteArray())
        val headers = answer.headers().map().flatMap { (name, values) -> values.map { name to it } }
        return HttpResponse(answer.statusCode(), headers, answer.body())
    }
}

/** Holds requests back once it is shut, and says when one has come. */
internal class Gate : Transport {
    @Volatile
    var isShut = false
        private set
    private val release = CountDownLatch(1)

    /** Completed when a request stands before the gate. */
    val reached = CompletableDeferred<Unit>()

    fun shut() {
        isShut = true
    }

    fun open() {
        isShut = false
        release.countDown()
    }

    override fun send(request: HttpRequest): HttpResponse {
        if (isShut) await()
        return JdkTransport.send(request)
    }

    /** Waits until the gate is opened, and then has no answer. */
    fun hold(): HttpResponse {
        await()
        throw TransportException(Sent.UNKNOWN, TransportFailure.NETWORK)
    }

    private fun await() {
        reached.complete(Unit)
        release.await()
    }
}
