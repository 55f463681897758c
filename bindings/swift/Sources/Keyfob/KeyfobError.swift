import Foundation
internal import KeyfobGenerated

/// What went wrong. The case says **what to do**, ``Details/reason`` says why.
///
/// Its descriptions are safe to log: they hold no token, code, URL query or text of the provider.
public enum KeyfobError: Error, Sendable {
    /// Fix the call: an unknown id, a malformed argument.
    case invalidArgument(Details)
    /// Fix the order of calls: closed, re-entered from a callback.
    case invalidState(Details)
    /// Fix the configuration: an unknown key, a redirect URI of a wrong form, `invalid_client`.
    case configuration(Details)
    /// Try later: the provider could not be reached or gave no usable answer.
    case network(Details)
    /// Try later: a time limit passed.
    case timeout(Details)
    /// Nothing: the caller cancelled. (Cancelling a task is not this: it throws `CancellationError`.)
    case cancelled(Details)
    /// Show the app's login page: the user said no.
    case accessDenied(Details)
    /// Treat as an attack or a stale tab: the redirect was not believed and nothing was sent.
    case redirectRejected(Details)
    /// Read ``Details/oauth``: the provider answered with an error of RFC 6749.
    case oauth(Details)
    /// Begin a login: the session, or the login, has ended.
    case loginRequired(Details)
    /// Report the provider: its answer was malformed, too large or not JSON.
    case badResponse(Details)
    /// Report; treat as an attack: a check on an ID token or on userinfo failed.
    case tokenRejected(Details)
    /// Fix the clock, the network or the certificate: TLS refused the provider.
    case tls(Details)
    /// Wait for ``Details/retryAfter``.
    case rateLimited(Details)
    /// Try again: another process is refreshing this session.
    case refreshBusy(Details)
    /// Free space or fix permissions; nothing was lost.
    case storeNotWritable(Details)
    /// Try again when the device is unlocked, or the store is no longer busy.
    case storeUnavailable(Details)
    /// Give the right store key.
    case storeKey(Details)
    /// The store was damaged; the old file is kept.
    case storeDamaged(Details)
    /// Update the app, or choose another place for the store.
    case storeUnsupported(Details)
    /// Stop: the system gave no random bytes.
    case random(Details)
    /// Report a bug in Keyfob.
    case `internal`(Details)

    /// What an error says beyond its case.
    public struct Details: Sendable {
        /// The stable number of the kind, the same in every language.
        public let number: Int32

        /// Why, more finely than the case: a stable name such as `StateUnknown` or `Revoked`.
        public let reason: String

        /// The whole error as one sentence. Safe to log.
        public let summary: String

        /// Words that help to find the cause: the name of a key, a host, an endpoint. Safe to log, not stable.
        public let detail: String?

        /// The provider's own error, where it sent one.
        public let oauth: OAuthError?

        /// The HTTP status of the provider's answer, where there was one.
        public let httpStatus: UInt16?

        /// How many seconds to wait before trying again, where that is known.
        public let retryAfter: TimeInterval?

        /// The failure link of the login that the error ended.
        public let returnTo: String?

        /// Whether the same call may succeed later without anything being changed.
        public let isRetryable: Bool

        init(_ raw: RawErrorInfo) {
            number = raw.number
            reason = raw.reason
            summary = raw.summary
            detail = raw.detail
            oauth = raw.oauthCode.map { OAuthError(code: $0, text: raw.oauthDescription, uri: raw.oauthUri) }
            httpStatus = raw.httpStatus
            retryAfter = raw.retryAfter
            returnTo = raw.returnTo
            isRetryable = raw.retryable
        }

        /// For what the core did not live to say.
        fileprivate init(number: Int32, reason: String, summary: String) {
            self.number = number
            self.reason = reason
            self.summary = summary
            detail = nil
            oauth = nil
            httpStatus = nil
            retryAfter = nil
            returnTo = nil
            isRetryable = false
        }
    }

    /// What the error says beyond its case.
    public var details: Details {
        switch self {
        case .invalidArgument(let details),
            .invalidState(let details),
            .configuration(let details),
            .network(let details),
            .timeout(let details),
            .cancelled(let details),
            .accessDenied(let details),
            .redirectRejected(let details),
            .oauth(let details),
            .loginRequired(let details),
            .badResponse(let details),
            .tokenRejected(let details),
            .tls(let details),
            .rateLimited(let details),
            .refreshBusy(let details),
            .storeNotWritable(let details),
            .storeUnavailable(let details),
            .storeKey(let details),
            .storeDamaged(let details),
            .storeUnsupported(let details),
            .random(let details),
            .internal(let details):
            details
        }
    }
}

extension KeyfobError: Redacted {
    public var description: String { details.summary }
}

extension KeyfobError: LocalizedError {
    public var errorDescription: String? { details.summary }
}

extension KeyfobError: CustomNSError {
    public static var errorDomain: String { "dev.keyfob" }

    public var errorCode: Int { Int(details.number) }

    /// So that `localizedDescription` says it on every system.
    public var errorUserInfo: [String: Any] { [NSLocalizedDescriptionKey: details.summary] }
}

extension KeyfobError.Details: Redacted {
    public var description: String { summary }
}

/// An error of the provider, in the words of RFC 6749. **All of it is untrusted text**, cut to a harmless length: compare the code, and
/// never show the rest as HTML or open the page unasked.
public struct OAuthError: Sendable, Equatable {
    /// The code, for instance `invalid_scope`.
    public let code: String

    /// What the provider says about it (`error_description`).
    public let text: String?

    /// The address of a page about it.
    public let uri: String?
}

extension OAuthError: Redacted {
    /// Nothing of it.
    public var description: String { "OAuthError([untrusted])" }
}

extension KeyfobError {
    /// The core has ended the call in the middle.
    static var panicked: KeyfobError {
        .internal(Details(number: 99, reason: "Internal", summary: "Internal: A bug in Keyfob"))
    }

    /// The user closed the sheet of a web session.
    static var closedByTheUser: KeyfobError {
        .cancelled(Details(number: 6, reason: "Cancelled", summary: "Cancelled: The user closed the login's sheet"))
    }

    /// The system opened no sheet for a web session.
    static var noSheet: KeyfobError {
        .invalidState(
            Details(number: 2, reason: "BrowserUnavailable", summary: "BrowserUnavailable: The login's sheet could not be opened over this window")
        )
    }

    /// No web session can catch the redirect.
    static var noWebCallback: KeyfobError {
        .configuration(
            Details(
                number: 3,
                reason: "InvalidRedirectUri",
                summary: "InvalidRedirectUri: A web session needs a redirect URI of the app's own scheme, or of https where the system knows that"
            )
        )
    }

    init(_ raw: RawError) {
        self =
            switch raw {
            case .InvalidArgument(let info): .invalidArgument(Details(info))
            case .InvalidState(let info): .invalidState(Details(info))
            case .Configuration(let info): .configuration(Details(info))
            case .Network(let info): .network(Details(info))
            case .Timeout(let info): .timeout(Details(info))
            case .Cancelled(let info): .cancelled(Details(info))
            case .AccessDenied(let info): .accessDenied(Details(info))
            case .RedirectRejected(let info): .redirectRejected(Details(info))
            case .OAuth(let info): .oauth(Details(info))
            case .LoginRequired(let info): .loginRequired(Details(info))
            case .BadResponse(let info): .badResponse(Details(info))
            case .TokenRejected(let info): .tokenRejected(Details(info))
            case .Tls(let info): .tls(Details(info))
            case .RateLimited(let info): .rateLimited(Details(info))
            case .RefreshBusy(let info): .refreshBusy(Details(info))
            case .StoreNotWritable(let info): .storeNotWritable(Details(info))
            case .StoreUnavailable(let info): .storeUnavailable(Details(info))
            case .StoreKey(let info): .storeKey(Details(info))
            case .StoreDamaged(let info): .storeDamaged(Details(info))
            case .StoreUnsupported(let info): .storeUnsupported(Details(info))
            case .Random(let info): .random(Details(info))
            case .Internal(let info): .internal(Details(info))
            }
    }
}
