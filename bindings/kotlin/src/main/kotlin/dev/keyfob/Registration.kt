package dev.keyfob

import dev.keyfob.internal.RegistrationInfo as RawRegistration

/** This app as one provider knows it, as far as a login button needs it. */
public class Registration internal constructor(private val raw: RawRegistration) {
    /** The id, for [Keyfob.beginLogin]. */
    public val id: String get() = raw.id

    /** The id of the provider. */
    public val provider: String get() = raw.provider

    /** The name of the provider, to show to people. */
    public val providerName: String get() = raw.providerName

    /** Whether logins may begin. */
    public val enabled: Boolean get() = raw.enabled

    override fun toString(): String = "Registration($id, $provider, enabled=$enabled)"
}
