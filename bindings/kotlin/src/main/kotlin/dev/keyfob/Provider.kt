package dev.keyfob

import dev.keyfob.internal.Provider as RawProvider
import dev.keyfob.internal.ProviderKind as RawProviderKind

/** What a provider speaks. */
public enum class ProviderKind {
    /** OpenID Connect: an issuer, discovery, ID tokens. */
    OIDC,

    /** Plain OAuth 2: explicit endpoints, the user's identity from userinfo. */
    OAUTH2,
}

/** A provider that Keyfob knows. Holds no secret. */
public class Provider internal constructor(raw: RawProvider) {
    /** The id, for the `provider` of a registration. */
    public val id: String = raw.id

    /** The name, to show to people. */
    public val displayName: String = raw.displayName

    /** What it speaks. */
    public val kind: ProviderKind =
        when (raw.kind) {
            RawProviderKind.OIDC -> ProviderKind.OIDC
            RawProviderKind.OAUTH2 -> ProviderKind.OAUTH2
        }

    /** Other names that a registration may use for it. */
    public val aliases: List<String> = raw.aliases

    /** The variables that a registration has to fill in. */
    public val requiredVariables: List<String> = raw.requiredVariables

    /** The scopes that are asked for when neither registration nor call names one. */
    public val defaultScopes: List<String> = raw.defaultScopes

    /** Whether it takes redirect URIs with a private-use scheme (`com.example.app:/…`); null where that is not known. */
    public val acceptsCustomScheme: Boolean? = raw.acceptsCustomScheme

    /** What it takes of loopback redirect URIs; null where that is not known. */
    public val acceptsLoopback: Loopback? = raw.acceptsLoopback?.let(::loopback)

    override fun toString(): String = "Provider($id, $kind)"
}
