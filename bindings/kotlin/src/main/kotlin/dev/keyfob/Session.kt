package dev.keyfob

import java.time.Instant
import dev.keyfob.internal.Session as RawSession
import dev.keyfob.internal.SessionState as RawSessionState

/** Whether a session can still give a token. */
public sealed interface SessionState {
    /** It can. */
    public object Active : SessionState {
        override fun toString(): String = "Active"
    }

    /**
     * It has ended: a new login is the way on.
     *
     * @property reason why, as [KeyfobException.LoginRequired] says it: `Revoked`, `Expired`, `LoggedOut`, …
     */
    public class Ended internal constructor(public val reason: String) : SessionState {
        override fun equals(other: Any?): Boolean = other is Ended && other.reason == reason

        override fun hashCode(): Int = reason.hashCode()

        override fun toString(): String = "Ended($reason)"
    }
}

/** A session as it was when it was read. Two are equal when everything in them is. */
public class Session internal constructor(private val raw: RawSession) {
    /** The id: random, never used again. */
    public val id: String get() = raw.id

    /** The id of the registration it was logged in with. */
    public val registration: String get() = raw.registration

    /** The id of the provider. */
    public val provider: String get() = raw.provider

    /** The user's lasting id at the provider. */
    public val providerUid: String get() = raw.providerUid

    /** Whether the session can still give a token. */
    public val state: SessionState =
        when (val state = raw.state) {
            is RawSessionState.Active -> SessionState.Active
            is RawSessionState.Ended -> SessionState.Ended(state.reason)
        }

    /**
     * The access token as last saved, empty once the session has ended. It may be over:
     * [Keyfob.accessToken] gives a good one.
     */
    public val providerAccessToken: String get() = raw.providerAccessToken

    /** When that token is over; null where the provider did not say. */
    public val providerAccessTokenExpiry: Instant? get() = raw.providerAccessTokenExpiry

    /**
     * The refresh token as last saved, where the provider gave one. Keyfob uses it for the app; an app that uses it itself will be
     * logged out by the provider's reuse detection.
     */
    public val providerRefreshToken: String? get() = raw.providerRefreshToken

    /** The ID token as it came, for an app's own back end; null where there is none. The one of the last refresh that brought one. */
    public val idToken: String? get() = raw.idToken

    /** The claims of that ID token, as one JSON object. Its signature was verified. */
    public val idTokenClaimsJson: String? get() = raw.idTokenClaimsJson

    /** What else the token answer had, as one JSON object: `instance_url`, `refresh_token_expires_in`, … */
    public val tokenAnswerJson: String get() = raw.tokenAnswerJson

    /** The scopes that were granted, which may be fewer than were asked for. */
    public val scopes: List<String> get() = raw.scopes

    /** The profile as last fetched. */
    public val profile: Profile = Profile(raw.profile)

    /** When the user logged in. */
    public val createdAt: Instant get() = raw.createdAt

    /** When the tokens were last replaced. */
    public val updatedAt: Instant get() = raw.updatedAt

    override fun equals(other: Any?): Boolean = other is Session && other.raw == raw

    override fun hashCode(): Int = raw.hashCode()

    /** Without tokens and without the user. */
    override fun toString(): String = "Session($id, $registration, $state)"
}
