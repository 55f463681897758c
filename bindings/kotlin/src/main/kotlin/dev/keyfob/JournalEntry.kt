package dev.keyfob

import java.time.Duration
import java.time.Instant
import dev.keyfob.internal.JournalEntry as RawJournalEntry

/** One line of the journal. Holds no secret. */
public class JournalEntry internal constructor(private val raw: RawJournalEntry) {
    /** When it happened, by this device's wall clock. */
    public val at: Instant get() = raw.at

    /** The process it happened in. */
    public val pid: Long get() = raw.pid.toLong()

    /**
     * What happened: `LoginBegun`, `LoginCompleted`, `LoginFailed`, `Refreshed`, `RefreshFailed`, `SessionEnded`,
     * `SessionImported`, `TokensRevoked`, `RevocationFailed`, …
     */
    public val event: String get() = raw.event

    /** The id of the registration. */
    public val registration: String? get() = raw.registration

    /** The id of the session, where there is one. */
    public val session: String? get() = raw.session

    /** Why, where something went wrong or ended; as [KeyfobException.reason]. */
    public val reason: String? get() = raw.reason

    /** The HTTP status of the provider's answer, where there was one. */
    public val httpStatus: Int? get() = raw.httpStatus?.toInt()

    /**
     * Why a refresh was wanted: `token` (a call needed a token), `early` (before one does), `asked` ([Keyfob.refreshSession]), `rejected`
     * ([Keyfob.refreshIfCurrent]), `interrupted` (a refresh that was cut off is mended).
     */
    public val wish: String? get() = raw.wish

    /** How long the refresh took, waiting for others included. */
    public val waited: Duration? get() = raw.waited

    /** How many seconds the provider's clock was ahead of this device's (behind, where negative), where the answer told. */
    public val clockSkewSeconds: Long? get() = raw.clockSkewSeconds

    override fun toString(): String = listOfNotNull(
        "$at",
        event,
        registration,
        session,
        reason,
        httpStatus?.let { "HTTP $it" },
        wish?.let { "wanted: $it" },
        waited?.let { "took ${it.toMillis()} ms" },
        clockSkewSeconds?.takeIf { it != 0L }?.let { "clock off by $it s" },
    ).joinToString(" ")
}
