package dev.keyfob

import dev.keyfob.internal.HostObserver

/**
 * Is told what happens to sessions. Every function does nothing unless it is overridden.
 *
 * Called on the thread of the call that noticed, one of Keyfob's own or of the host's executor, after its work is done: that call returns
 * when the observer does, so hand on what takes long. It may call the same [Keyfob], from a coroutine that it starts or with
 * `runBlocking`. What another process does is noticed at the next call that looks at that session, and told then. What is thrown is dropped.
 *
 * A [Keyfob] holds its observer until it is closed.
 */
public interface Observer {
    /** This process made a session; or one has other tokens, another profile or another state than when this handle last looked. */
    public fun sessionChanged(sessionId: String) {}

    /**
     * A session has ended.
     *
     * @param cause why, as [KeyfobException.reason] of a [KeyfobException.LoginRequired]: `Revoked`, `Expired`, …; also `LoggedOut`, by the app
     */
    public fun loginRequired(sessionId: String, cause: String) {}

    /**
     * The provider's clock is so many [seconds] ahead of this device's (behind, where negative), and that is news. Keyfob reckons with it; the
     * user may want to set the clock.
     */
    public fun clockSkew(seconds: Long) {}
}

internal class ObserverAdapter(private val host: Observer) : HostObserver {
    override fun sessionChanged(sessionId: String): Unit = host.sessionChanged(sessionId)

    override fun loginRequired(sessionId: String, cause: String): Unit = host.loginRequired(sessionId, cause)

    override fun clockSkew(seconds: Long): Unit = host.clockSkew(seconds)
}
