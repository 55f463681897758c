package dev.keyfob

import dev.keyfob.internal.Profile as RawProfile

/** The user as the provider describes them, in one shape for every provider. */
public class Profile internal constructor(private val raw: RawProfile) {
    /** The user's lasting id at the provider. */
    public val uid: String get() = raw.uid

    /** The name to show. */
    public val name: String? get() = raw.name

    /** The e-mail address. */
    public val email: String? get() = raw.email

    /** Whether the provider vouches for the e-mail address; false where it does not say. */
    public val emailVerified: Boolean get() = raw.emailVerified

    /** The address of a picture of the user. */
    public val avatarUrl: String? get() = raw.avatarUrl

    /** The user's language and region, as the provider writes it. */
    public val locale: String? get() = raw.locale

    /** Every claim that the provider sent, as one JSON object. */
    public val rawJson: String get() = raw.rawJson

    override fun equals(other: Any?): Boolean = other is Profile && other.raw == raw

    override fun hashCode(): Int = raw.hashCode()

    /** Nothing of it. */
    override fun toString(): String = "Profile([redacted])"
}
