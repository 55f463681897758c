package dev.keyfob

import dev.keyfob.internal.Loopback as RawLoopback
import dev.keyfob.internal.RegistrationGuide as RawGuide

/** What a provider takes of a loopback redirect URI (`http://127.0.0.1/…`). */
public enum class Loopback {
    /** With any port, as RFC 8252 wants it. */
    ANY_PORT,

    /** Only exactly as registered, port included. */
    EXACT,

    /** Not at all. */
    NONE,
}

/** What to enter at the provider's developer console for one registration, and what it accepts. Holds no secret. */
public class RegistrationGuide internal constructor(raw: RawGuide) {
    /** The name of the provider. */
    public val providerName: String = raw.providerName

    /** The redirect URI to enter there, character for character. */
    public val redirectUri: String = raw.redirectUri

    /** The scopes that the app asks for, to be allowed there where the provider wants that. */
    public val scopes: List<String> = raw.scopes

    /** Whether the provider takes redirect URIs with a private-use scheme (`com.example.app:/…`); null where that is not known. */
    public val acceptsCustomScheme: Boolean? = raw.acceptsCustomScheme

    /** What the provider takes of loopback redirect URIs; null where that is not known. */
    public val acceptsLoopback: Loopback? = raw.acceptsLoopback?.let(::loopback)

    /** Whether the registration's own redirect URI is of a form that the provider takes; null where that is not known. */
    public val redirectUriAccepted: Boolean? = raw.redirectUriAccepted

    /** What to do, a sentence each, for a person to read. */
    public val steps: List<String> = raw.steps

    override fun toString(): String = "RegistrationGuide($providerName, $redirectUri)"
}

internal fun loopback(raw: RawLoopback): Loopback = when (raw) {
    RawLoopback.ANY_PORT -> Loopback.ANY_PORT
    RawLoopback.EXACT -> Loopback.EXACT
    RawLoopback.NONE -> Loopback.NONE
}
