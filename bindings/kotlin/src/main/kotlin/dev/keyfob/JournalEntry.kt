package dev.keyfob

import java.time.Instant
import dev.keyfob.internal.JournalEntry as RawJournalEntry

/** One line of the journal. Holds no secret. */
public class JournalEntry internal constructor(private val raw: RawJournalEntry) {
    /** When it happened, by this device's wall clock. */
    public val at: Instant get() = raw.at

    /** The process it happened in. */
    public val pid: Long get() = raw.pid.toLong()

    /** What happened: `LoginBegun`, `LoginCompleted`, `LoginFailed`, `Refreshed`, `RefreshFailed`, `SessionEnded`, … */
    public val event: String get() = raw.event

    /** The id of the registration. */
    public val registration: String? get() = raw.registration

    /** The id of the session, where there is one. */
    public val session: String? get() = raw.session

    /** Why, where something went wrong or ended; as [KeyfobException.reason]. */
    public val reason: String? get() = raw.reason

    /** The HTTP status of the provider's answer, where there was one. */
    public val httpStatus: Int? get() = raw.httpStatus?.toInt()

    override fun toString(): String =
        listOfNotNull("$at", event, registration, session, reason, httpStatus?.let { "HTTP $it" }).joinToString(" ")
}
