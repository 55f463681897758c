package dev.keyfob

import dev.keyfob.internal.Maintained as RawMaintained

/** What [Keyfob.maintain] did. */
public class Maintained internal constructor(private val raw: RawMaintained) {
    /** How many sessions got new tokens, or had theirs checked or saved at last. */
    public val refreshed: Int get() = raw.refreshed.toInt()

    /** How many logged-out sessions the provider was told of. */
    public val revoked: Int get() = raw.revoked.toInt()

    /** How many pieces of work did not succeed this time; [Keyfob.journal] says why. */
    public val failed: Int get() = raw.failed.toInt()

    /** How many are left: call again later. */
    public val owed: Int get() = raw.owed.toInt()

    override fun toString(): String = "Maintained(refreshed=$refreshed, revoked=$revoked, failed=$failed, owed=$owed)"
}
