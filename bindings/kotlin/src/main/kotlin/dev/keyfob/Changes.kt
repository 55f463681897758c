package dev.keyfob

import kotlinx.coroutines.channels.BufferOverflow
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableSharedFlow
import kotlinx.coroutines.flow.onSubscription
import kotlinx.coroutines.flow.transformWhile

/** Something that happened to a session: an element of [Keyfob.changes]. Holds no secret. */
public sealed interface SessionChange {
    /** The id of the session. */
    public val sessionId: String

    /**
     * This process made the session; or it has other tokens, another profile or another state than when this [Keyfob] last looked.
     * [Keyfob.session] reads it.
     */
    public class Changed internal constructor(override val sessionId: String) : SessionChange {
        override fun equals(other: Any?): Boolean = other is Changed && other.sessionId == sessionId

        override fun hashCode(): Int = sessionId.hashCode()

        override fun toString(): String = "Changed($sessionId)"
    }

    /**
     * The session has ended: a new login is the way on.
     *
     * @property cause why, as [KeyfobException.reason] of a [KeyfobException.LoginRequired]: `Revoked`, `Expired`, …; also `LoggedOut`, by the app
     */
    public class Ended internal constructor(override val sessionId: String, public val cause: String) : SessionChange {
        override fun equals(other: Any?): Boolean = other is Ended && other.sessionId == sessionId && other.cause == cause

        override fun hashCode(): Int = 31 * sessionId.hashCode() + cause.hashCode()

        override fun toString(): String = "Ended($sessionId, $cause)"
    }
}

/** Hands what the core says on to whoever collects, and to the host's own observer. */
internal class Changes(private val host: Observer?) : Observer {
    // The core's call must not wait for a slow collector, so what that one misses is the oldest. Null is the end.
    private val told = MutableSharedFlow<SessionChange?>(extraBufferCapacity = 256, onBufferOverflow = BufferOverflow.DROP_OLDEST)

    @Volatile
    private var isOver = false

    val flow: Flow<SessionChange> =
        told
            .onSubscription { if (isOver) emit(null) }
            .transformWhile { change ->
                if (change != null) emit(change)
                change != null
            }

    fun end() {
        isOver = true
        told.tryEmit(null)
    }

    override fun sessionChanged(sessionId: String) {
        told.tryEmit(SessionChange.Changed(sessionId))
        host?.sessionChanged(sessionId)
    }

    override fun loginRequired(sessionId: String, cause: String) {
        told.tryEmit(SessionChange.Ended(sessionId, cause))
        host?.loginRequired(sessionId, cause)
    }

    override fun clockSkew(seconds: Long) {
        host?.clockSkew(seconds)
    }
}
