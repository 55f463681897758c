package dev.keyfob

import java.time.Duration
import java.time.Instant
import dev.keyfob.internal.Health as RawHealth
import dev.keyfob.internal.Interrupted as RawInterrupted
import dev.keyfob.internal.Sealing as RawSealing

/** How a store keeps its secrets. */
public enum class Sealing {
    /** As they are. */
    PLAINTEXT,

    /** Sealed, and the key is here. */
    SEALED,

    /** Sealed, and the key was not to be had yet. */
    LOCKED,
}

/** How a store is: for a support engineer, beside [Keyfob.journal]. Holds no secret. */
public class Health internal constructor(private val raw: RawHealth) {
    /** The version of the store's schema. */
    public val schemaVersion: Int get() = raw.schemaVersion

    /** The version of SQLite. */
    public val sqliteVersion: String get() = raw.sqliteVersion

    /** How the secrets in the store are kept. */
    public val sealing: Sealing
        get() =
            when (raw.sealing) {
                RawSealing.PLAINTEXT -> Sealing.PLAINTEXT
                RawSealing.SEALED -> Sealing.SEALED
                RawSealing.LOCKED -> Sealing.LOCKED
            }

    /** How many damaged databases lie in the folder, moved aside (`damaged-*.db`): each time the sessions in it were gone. The newest two are kept. */
    public val movedAside: Int get() = raw.movedAside.toInt()

    /** How many sessions are active. */
    public val activeSessions: Int get() = raw.activeSessions.toInt()

    /** How many have ended by themselves and wait for a new login. */
    public val endedSessions: Int get() = raw.endedSessions.toInt()

    /** The sessions whose refresh is not settled: under way, cut off, in doubt, or not checked yet. None are seen while the store is locked. */
    public val interrupted: List<Interrupted> = raw.interrupted.map(::Interrupted)

    /** How many sessions of this process have tokens that could not be saved. */
    public val unsavedSessions: Int get() = raw.unsavedSessions.toInt()

    /** How many logged-out sessions the provider is still to be told of. */
    public val owedRevocations: Int get() = raw.owedRevocations.toInt()

    /**
     * How many seconds a provider's clock was ahead of this device's (behind, where negative), when that was last far off; null where it
     * never was.
     */
    public val clockSkewSeconds: Long? get() = raw.clockSkewSeconds

    /** When that was seen, by this device's clock. */
    public val clockSkewAt: Instant? get() = raw.clockSkewAt

    override fun toString(): String = "Health(schemaVersion=$schemaVersion, sqliteVersion=$sqliteVersion, sealing=$sealing, movedAside=$movedAside, " +
        "activeSessions=$activeSessions, endedSessions=$endedSessions, interrupted=$interrupted, unsavedSessions=$unsavedSessions, " +
        "owedRevocations=$owedRevocations, clockSkewSeconds=$clockSkewSeconds, clockSkewAt=$clockSkewAt)"
}

/** A refresh that was cut off or is in doubt. The next call for that session's token mends it, or [Keyfob.maintain]. */
public class Interrupted internal constructor(private val raw: RawInterrupted) {
    /** The id of the session. */
    public val session: String get() = raw.session

    /** The process that sent the refresh token; 0 where none did, and only the tokens' check is left. */
    public val pid: Long get() = raw.pid.toLong()

    /** Whether that process is still there. */
    public val isAlive: Boolean get() = raw.alive

    /** When it began, by this device's wall clock. */
    public val begunAt: Instant get() = raw.begunAt

    /** Whether the provider may have acted on it without our having its answer. */
    public val isInDoubt: Boolean get() = raw.inDoubt

    /** Whether the tokens that the session has were checked. */
    public val isVerified: Boolean get() = raw.verified

    /** How long it is left alone yet; null where it is not. */
    public val retryAfter: Duration? get() = raw.retryAfter

    override fun toString(): String = "Interrupted(session=$session, pid=$pid, isAlive=$isAlive, begunAt=$begunAt, isInDoubt=$isInDoubt, " +
        "isVerified=$isVerified, retryAfter=$retryAfter)"
}
