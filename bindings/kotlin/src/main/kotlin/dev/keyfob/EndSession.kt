package dev.keyfob

import dev.keyfob.internal.EndSession as RawEndSession
import dev.keyfob.internal.Ended as RawEnded
import dev.keyfob.internal.LoggedOut as RawLoggedOut
import dev.keyfob.internal.Revocation as RawRevocation

/**
 * How a session is to end; without any argument: here, and at the provider where it offers revocation.
 *
 * @property localOnly here only: no network is touched, and the provider's tokens live on until they are over
 * @property postLogoutRedirectUri where the provider's logout page sends the browser afterwards, for [Ended.logoutUrl]: an absolute URI
 *   without a fragment, registered at the provider. [Keyfob.completeLogout] knows the redirect by its `state`
 */
public class EndSession(public val localOnly: Boolean = false, public val postLogoutRedirectUri: String? = null) {
    internal fun raw() = RawEndSession(localOnly, postLogoutRedirectUri)

    /** Without the link. */
    override fun toString(): String = "EndSession(localOnly=$localOnly)"
}

/** What became of the token at the provider. */
public sealed interface Revocation {
    /** The provider says that it is good for nothing any more. */
    public object Done : Revocation {
        override fun toString(): String = "Done"
    }

    /** Nobody asked the provider to: [EndSession.localOnly], or there was no token left. */
    public object NotAsked : Revocation {
        override fun toString(): String = "NotAsked"
    }

    /** The provider offers no revocation for it. */
    public object NotSupported : Revocation {
        override fun toString(): String = "NotSupported"
    }

    /**
     * The provider could not be asked now. The token is kept aside, and [Keyfob.maintain] asks again, for seven days; the session has ended
     * all the same.
     *
     * @property error why
     */
    public class Owed internal constructor(public val error: KeyfobException) : Revocation {
        override fun toString(): String = "Owed(${error.message})"
    }

    /**
     * The provider was asked and did not do it. The token lives on until it is over; the session has ended all the same.
     *
     * @property error why
     */
    public class Failed internal constructor(public val error: KeyfobException) : Revocation {
        override fun toString(): String = "Failed(${error.message})"
    }
}

/** A session that has ended. */
public class Ended internal constructor(raw: RawEnded) {
    /** What became of the token at the provider. */
    public val revocation: Revocation =
        when (val revocation = raw.revocation) {
            is RawRevocation.Done -> Revocation.Done
            is RawRevocation.NotAsked -> Revocation.NotAsked
            is RawRevocation.NotSupported -> Revocation.NotSupported
            is RawRevocation.Owed -> Revocation.Owed(KeyfobException.of(revocation.error))
            is RawRevocation.Failed -> Revocation.Failed(KeyfobException.of(revocation.error))
        }

    /**
     * A page to open in the browser, where the user is to be logged out of the provider too; null where the provider has none, or is not
     * known to have one. Holds the ID token: do not log it.
     */
    public val logoutUrl: String? = raw.logoutUrl

    /** Without the URL. */
    override fun toString(): String = "Ended($revocation)"
}

/** A logout whose browser came back from the provider's page. */
public class LoggedOut internal constructor(raw: RawLoggedOut) {
    /** The id of the session that was logged out of. */
    public val sessionId: String = raw.sessionId

    /** The id of the registration that it was a session of. */
    public val registration: String = raw.registration

    override fun toString(): String = "LoggedOut($sessionId, $registration)"
}
