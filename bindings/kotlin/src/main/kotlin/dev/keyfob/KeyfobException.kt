package dev.keyfob

import dev.keyfob.internal.ErrorInfo
import java.io.Serializable
import java.time.Duration
import dev.keyfob.internal.KeyfobException as RawException

/**
 * What went wrong. The subclass says **what to do**, [reason] says why.
 *
 * [message] and [toString] are safe to log: they hold no token, code, URL query or text of the provider.
 */
public sealed class KeyfobException(info: ErrorInfo) : Exception(info.summary) {
    /** The stable number of the kind, the same in every language. */
    public val number: Int = info.number

    /** Why, more finely than the subclass: a stable name such as `StateUnknown` or `Revoked`. */
    public val reason: String = info.reason

    /** Words that help to find the cause: the name of a key, a host, an endpoint. Safe to log, not stable. */
    public val detail: String? = info.detail

    /** The provider's own error, where it sent one. */
    public val oauthError: OAuthError? =
        info.oauthCode?.let { OAuthError(it, info.oauthDescription, info.oauthUri) }

    /** The HTTP status of the provider's answer, where there was one. */
    public val httpStatus: Int? = info.httpStatus?.toInt()

    /** How long to wait before trying again, where that is known. */
    public val retryAfter: Duration? = info.retryAfter

    /** The failure link of the login that this ended. */
    public val returnTo: String? = info.returnTo

    /** Whether the same call may succeed later without anything being changed. */
    public val isRetryable: Boolean = info.retryable

    /** Fix the call: an unknown id, a malformed argument. */
    public class InvalidArgument internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Fix the order of calls: closed, re-entered from a callback. */
    public class InvalidState internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Fix the configuration: an unknown key, a redirect URI of a wrong form, `invalid_client`. */
    public class Configuration internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Try later: the provider could not be reached or gave no usable answer. */
    public class Network internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Try later: a time limit passed. */
    public class Timeout internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Nothing: the caller cancelled. (Cancelling a coroutine is not this: it throws what coroutines throw.) */
    public class Cancelled internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Show the app's login page: the user said no. */
    public class AccessDenied internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Treat as an attack or a stale tab: the redirect was not believed and nothing was sent. */
    public class RedirectRejected internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Read [oauthError]: the provider answered with an error of RFC 6749. */
    public class OAuth internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Begin a login: the session, or the login, has ended. */
    public class LoginRequired internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Report the provider: its answer was malformed, too large or not JSON. */
    public class BadResponse internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Report; treat as an attack: a check on an ID token or on userinfo failed. */
    public class TokenRejected internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Fix the clock, the network or the certificate: TLS refused the provider. */
    public class Tls internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Wait for [retryAfter]. */
    public class RateLimited internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Try again: another process is refreshing this session. */
    public class RefreshBusy internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Free space or fix permissions; nothing was lost. */
    public class StoreNotWritable internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Try again when the device is unlocked, or the store is no longer busy. */
    public class StoreUnavailable internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Give the right store key. */
    public class StoreKey internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** The store was damaged; the old file is kept. */
    public class StoreDamaged internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Update the app, or choose another place for the store. */
    public class StoreUnsupported internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Stop: the system gave no random bytes. */
    public class Random internal constructor(info: ErrorInfo) : KeyfobException(info)

    /** Report a bug in Keyfob. */
    public class Internal internal constructor(info: ErrorInfo) : KeyfobException(info)

    internal companion object {
        fun of(raw: RawException): KeyfobException = when (raw) {
            is RawException.InvalidArgument -> InvalidArgument(raw.info)
            is RawException.InvalidState -> InvalidState(raw.info)
            is RawException.Configuration -> Configuration(raw.info)
            is RawException.Network -> Network(raw.info)
            is RawException.Timeout -> Timeout(raw.info)
            is RawException.Cancelled -> Cancelled(raw.info)
            is RawException.AccessDenied -> AccessDenied(raw.info)
            is RawException.RedirectRejected -> RedirectRejected(raw.info)
            is RawException.OAuth -> OAuth(raw.info)
            is RawException.LoginRequired -> LoginRequired(raw.info)
            is RawException.BadResponse -> BadResponse(raw.info)
            is RawException.TokenRejected -> TokenRejected(raw.info)
            is RawException.Tls -> Tls(raw.info)
            is RawException.RateLimited -> RateLimited(raw.info)
            is RawException.RefreshBusy -> RefreshBusy(raw.info)
            is RawException.StoreNotWritable -> StoreNotWritable(raw.info)
            is RawException.StoreUnavailable -> StoreUnavailable(raw.info)
            is RawException.StoreKey -> StoreKey(raw.info)
            is RawException.StoreDamaged -> StoreDamaged(raw.info)
            is RawException.StoreUnsupported -> StoreUnsupported(raw.info)
            is RawException.Random -> Random(raw.info)
            is RawException.Internal -> Internal(raw.info)
        }

        /** The core has ended the call in the middle. */
        fun panicked(): KeyfobException = Internal(
            ErrorInfo(
                number = 99,
                reason = "Internal",
                summary = "Internal: A bug in Keyfob",
                detail = null,
                oauthCode = null,
                oauthDescription = null,
                oauthUri = null,
                httpStatus = null,
                retryAfter = null,
                returnTo = null,
                retryable = false,
            ),
        )
    }
}

/**
 * An error of the provider, in the words of RFC 6749. **All of it is untrusted text**, cut to a harmless length: compare the code,
 * and never show the rest as HTML or open the page unasked.
 *
 * @property code the code, for instance `invalid_scope`
 * @property description what the provider says about it
 * @property uri the address of a page about it
 */
public class OAuthError internal constructor(public val code: String, public val description: String?, public val uri: String?) : Serializable {
    /** Nothing of it. */
    override fun toString(): String = "OAuthError([untrusted])"
}
