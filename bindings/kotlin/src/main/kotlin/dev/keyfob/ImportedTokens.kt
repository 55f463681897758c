package dev.keyfob

import java.time.Instant
import dev.keyfob.internal.ImportedTokens as RawImportedTokens

/**
 * What another library kept of a session, for [Keyfob.importSession]. One of the two tokens has to be there.
 *
 * @property registration the registration that the session is to belong to
 * @property providerUid the user's lasting id at the provider: `sub`, where it speaks OpenID Connect. Who imports vouches for it:
 *   nobody is asked
 * @property accessToken the access token
 * @property expiresAt when the access token is over, where that is known; says nothing without one
 * @property refreshToken the refresh token
 * @property scopes the scopes that were granted
 */
public class ImportedTokens(
    public val registration: String,
    public val providerUid: String,
    public val accessToken: String? = null,
    public val expiresAt: Instant? = null,
    public val refreshToken: String? = null,
    public val scopes: List<String> = emptyList(),
) {
    internal fun raw() = RawImportedTokens(registration, providerUid, accessToken, expiresAt, refreshToken, scopes)

    /** Without tokens and without the user. */
    override fun toString(): String = "ImportedTokens($registration)"
}
