//! What went wrong, and what the caller should do about it.
//!
//! An [`ErrorKind`] answers *what should the caller do*; a [`Reason`] is the finer name of *why*. Both are
//! stable. One table, [`reasons!`] below, says which reason belongs to which kind, so that the two can
//! never disagree.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What every fallible call of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// What the caller should do about an error. The numbers are stable and the same in every language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum ErrorKind {
    /// Fix the call: an unknown id, a malformed argument.
    InvalidArgument = 1,
    /// Fix the order of calls: closed, re-entered from a callback.
    InvalidState = 2,
    /// Fix the configuration: an unknown key, a redirect URI of a wrong form, `invalid_client`.
    Configuration = 3,
    /// Try later: the provider could not be reached or gave no usable answer.
    Network = 4,
    /// Try later: a time limit passed.
    Timeout = 5,
    /// Nothing: the caller cancelled.
    Cancelled = 6,
    /// Show the app's login page: the user said no.
    AccessDenied = 7,
    /// Treat as an attack or a stale tab: the redirect was not believed and nothing was sent.
    RedirectRejected = 8,
    /// Read [`Error::oauth`]: the provider answered with an error of RFC 6749.
    OAuth = 9,
    /// Begin a login: the session, or the login, has ended.
    LoginRequired = 10,
    /// Report the provider: its answer was malformed, too large or not JSON.
    BadResponse = 11,
    /// Report; treat as an attack: a check on an ID token or on userinfo failed.
    TokenRejected = 12,
    /// Fix the clock, the network or the certificate: TLS refused the provider.
    Tls = 13,
    /// Wait for [`Error::retry_after`].
    RateLimited = 14,
    /// Try again: another process is refreshing this session.
    RefreshBusy = 15,
    /// Free space or fix permissions; nothing was lost.
    StoreNotWritable = 16,
    /// Try again when the device is unlocked, or the store is no longer busy.
    StoreUnavailable = 17,
    /// Give the right store key.
    StoreKey = 18,
    /// The store was damaged; the old file is kept.
    StoreDamaged = 19,
    /// Update the app, or choose another place for the store.
    StoreUnsupported = 20,
    /// Stop: the system gave no random bytes.
    Random = 21,
    /// Report a bug in Keyfob.
    Internal = 99,
}

impl ErrorKind {
    /// Every kind, in the order of its number.
    pub const ALL: &'static [Self] = &[
        Self::InvalidArgument,
        Self::InvalidState,
        Self::Configuration,
        Self::Network,
        Self::Timeout,
        Self::Cancelled,
        Self::AccessDenied,
        Self::RedirectRejected,
        Self::OAuth,
        Self::LoginRequired,
        Self::BadResponse,
        Self::TokenRejected,
        Self::Tls,
        Self::RateLimited,
        Self::RefreshBusy,
        Self::StoreNotWritable,
        Self::StoreUnavailable,
        Self::StoreKey,
        Self::StoreDamaged,
        Self::StoreUnsupported,
        Self::Random,
        Self::Internal,
    ];

    /// The stable number: the same as `keyfob_status` in C.
    #[must_use]
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The stable name, as written in this enum.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument => "InvalidArgument",
            Self::InvalidState => "InvalidState",
            Self::Configuration => "Configuration",
            Self::Network => "Network",
            Self::Timeout => "Timeout",
            Self::Cancelled => "Cancelled",
            Self::AccessDenied => "AccessDenied",
            Self::RedirectRejected => "RedirectRejected",
            Self::OAuth => "OAuth",
            Self::LoginRequired => "LoginRequired",
            Self::BadResponse => "BadResponse",
            Self::TokenRejected => "TokenRejected",
            Self::Tls => "Tls",
            Self::RateLimited => "RateLimited",
            Self::RefreshBusy => "RefreshBusy",
            Self::StoreNotWritable => "StoreNotWritable",
            Self::StoreUnavailable => "StoreUnavailable",
            Self::StoreKey => "StoreKey",
            Self::StoreDamaged => "StoreDamaged",
            Self::StoreUnsupported => "StoreUnsupported",
            Self::Random => "Random",
            Self::Internal => "Internal",
        }
    }
}

/// Declares [`Reason`]: each reason once, under its kind.
macro_rules! reasons {
    ($($kind:ident { $($(#[doc = $doc:literal])+ $name:ident,)+ })+) => {
        /// Why, more finely than [`ErrorKind`]. The names are stable; new ones may be added.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason { $($($(#[doc = $doc])+ $name,)+)+ }

        impl Reason {
            /// Every reason, grouped by kind.
            pub const ALL: &'static [Self] = &[$($(Self::$name,)+)+];

            /// The kind this reason belongs to.
            #[must_use]
            pub const fn kind(self) -> ErrorKind {
                match self { $($(Self::$name => ErrorKind::$kind,)+)+ }
            }

            /// The stable name, as written in this enum.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$name => stringify!($name),)+)+ }
            }

            /// The reason of that name.
            pub(crate) fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.name() == name)
            }

            /// One fixed sentence for a log.
            const fn text(self) -> &'static str {
                match self { $($(Self::$name => concat!($($doc),+),)+)+ }
            }
        }
    };
}

reasons! {
    InvalidArgument {
        /// An argument is not of the documented form.
        InvalidArgument,
        /// No session has this id.
        UnknownSession,
        /// No registration has this id.
        UnknownRegistration,
        /// No login has this id.
        UnknownLogin,
    }
    InvalidState {
        /// The handle was closed.
        Closed,
        /// The call was made from inside a callback that it would have to wait for.
        Reentered,
        /// Another process is completing this login right now.
        CompletionInProgress,
        /// The provider gave no refresh token, so there is nothing to refresh with.
        NoRefreshToken,
        /// The provider has no userinfo endpoint.
        NoUserInfo,
    }
    Configuration {
        /// The configuration is not of the documented form.
        InvalidConfiguration,
        /// A key of the configuration is not known.
        UnknownKey,
        /// The provider of a registration is not known.
        UnknownProvider,
        /// A variable that the provider needs is missing or malformed.
        InvalidVariable,
        /// The registration is disabled.
        RegistrationDisabled,
        /// The redirect URI is not of a form that a native app may use (RFC 8252 section 7).
        InvalidRedirectUri,
        /// An endpoint is not https and not on a loopback address.
        InsecureEndpoint,
        /// The provider supports no S256 code challenge (RFC 7636).
        PkceUnsupported,
        /// The provider does not know this client, or its secret is wrong (`invalid_client`, `unauthorized_client`).
        InvalidClient,
    }
    Network {
        /// The provider could not be reached and nothing was sent.
        NotSent,
        /// The request was sent, the answer did not come; it is not known whether the provider acted on it.
        InDoubt,
        /// Something between here and the provider answered instead of it (a captive portal, a firewall).
        CaptivePortal,
        /// The provider is temporarily unavailable.
        ProviderUnavailable,
    }
    Timeout {
        /// No connection within the limit; nothing was sent.
        ConnectTimeout,
        /// The caller's time limit passed while waiting.
        WaitTimeout,
    }
    Cancelled {
        /// The caller cancelled.
        Cancelled,
    }
    AccessDenied {
        /// The user, or the provider's policy, said no (`access_denied`).
        AccessDenied,
    }
    RedirectRejected {
        /// The redirect is not a URL of the documented form.
        MalformedRedirect,
        /// The redirect carries no `state`.
        StateMissing,
        /// No login of this store has this `state`.
        StateUnknown,
        /// The login of this redirect ended without a session.
        RedirectUsed,
        /// The login of this redirect was begun too long ago.
        LoginExpired,
        /// `iss` names another issuer than the login was sent to (RFC 9207).
        IssuerMismatch,
        /// The provider always sends `iss`, and it is missing (RFC 9207).
        IssuerMissing,
        /// A parameter stands more than once in the redirect (RFC 6749 section 3.1).
        DuplicateParameter,
        /// The redirect carries both a code and an error, or neither.
        AmbiguousResponse,
        /// The redirect carries a token, which the code flow never does.
        UnexpectedParameter,
        /// The redirect came to another URI than the registration's.
        RedirectUriMismatch,
        /// The redirect is larger than the limit.
        RedirectTooLarge,
    }
    OAuth {
        /// The provider answered with an error code.
        ServerError,
    }
    LoginRequired {
        /// The provider no longer accepts the refresh token.
        Revoked,
        /// The refresh token was lost between the provider and us.
        RotationLost,
        /// The access token is over and there is nothing to renew it with.
        Expired,
        /// The session was ended by the app.
        LoggedOut,
        /// The refreshed ID token names another subject or issuer.
        IdentityMismatch,
        /// The store key is gone.
        KeyLost,
        /// The store comes from another device.
        OtherDevice,
        /// The code was sent and no answer came: a code works once, so the login has to begin again.
        CodeExchangeInDoubt,
    }
    BadResponse {
        /// The provider's answer is not JSON.
        NotJson,
        /// The provider's answer lacks what the standard requires.
        MalformedResponse,
        /// The token answer lacks what RFC 6749 section 5.1 requires.
        MalformedTokenResponse,
        /// The token answer is of a type other than Bearer.
        UnsupportedTokenType,
        /// The provider's answer is larger or deeper than the limit.
        ResponseTooLarge,
        /// The provider answered with a redirect where the standard allows none.
        UnexpectedRedirect,
        /// The provider answered with an unexpected HTTP status.
        UnexpectedStatus,
        /// The metadata names another issuer than it was fetched for.
        DiscoveryIssuerMismatch,
        /// The profile has no uid where the provider's file says.
        UidMissing,
    }
    TokenRejected {
        /// The provider sent no ID token although `openid` was asked for.
        IdTokenMissing,
        /// The ID token is encrypted, which was not agreed on.
        UnsupportedJwe,
        /// The ID token is not a well-formed JWS.
        MalformedJwt,
        /// The ID token is signed with an algorithm that is not allowed.
        IdTokenAlgNotAllowed,
        /// The ID token is of another type (`typ`).
        IdTokenTyp,
        /// No key of the issuer fits the ID token.
        IdTokenKeyNotFound,
        /// The signature of the ID token is wrong.
        IdTokenSignature,
        /// `iss` of the ID token is not the issuer.
        IdTokenIssuer,
        /// `aud` of the ID token is not this client alone.
        IdTokenAudience,
        /// `azp` of the ID token is not this client.
        IdTokenAzp,
        /// The ID token is over, or `exp` is malformed.
        IdTokenExpired,
        /// `iat` of the ID token is missing, malformed or in the future.
        IdTokenIat,
        /// `nonce` of the ID token is not the login's.
        IdTokenNonce,
        /// `acr` of the ID token is not one that was asked for.
        IdTokenAcr,
        /// `auth_time` of the ID token is missing or too old.
        IdTokenAuthTime,
        /// `sub` of the ID token is missing or malformed.
        IdTokenSub,
        /// `at_hash` of the ID token does not fit the access token.
        IdTokenAtHash,
        /// `sub` of the userinfo is not that of the ID token.
        UserInfoSubMismatch,
        /// Another user logged in than the one the session belongs to.
        AccountMismatch,
    }
    Tls {
        /// TLS refused the connection.
        TlsHandshake,
        /// The provider's certificate was refused.
        TlsCertificate,
    }
    RateLimited {
        /// The provider asked to be left alone for a while, or an earlier failure is being waited out.
        BackOff,
    }
    RefreshBusy {
        /// Another process is refreshing this session.
        RefreshBusy,
    }
    StoreNotWritable {
        /// The disk is full.
        StoreFull,
        /// The store is read-only.
        StoreReadOnly,
        /// The store cannot be written.
        StoreNotWritable,
    }
    StoreUnavailable {
        /// The store is locked by somebody who does not let go.
        StoreBusy,
        /// The store cannot be opened now.
        StoreUnavailable,
    }
    StoreKey {
        /// The store key is not the one the store was sealed with.
        WrongStoreKey,
    }
    StoreDamaged {
        /// The database is damaged.
        StoreCorrupt,
        /// A value in the store is not of the form it was written in.
        StoreTampered,
    }
    StoreUnsupported {
        /// The store was written by a newer version.
        StoreTooNew,
        /// The folder is not Keyfob's own: a symbolic link, another owner, or open to others.
        UnsafeStorePath,
        /// The folder is not a store of Keyfob.
        NotAStore,
    }
    Random {
        /// The system gave no random bytes.
        RngFailure,
    }
    Internal {
        /// A bug in Keyfob.
        Internal,
    }
}

/// An error of the provider, in the words of RFC 6749 sections 4.1.2.1 and 5.2.
#[derive(Clone, PartialEq, Eq)]
pub struct OAuthError {
    code: String,
    description: Option<String>,
    uri: Option<String>,
}

impl OAuthError {
    /// Longest text kept of each member: a hostile one-megabyte description is not worth carrying.
    const MAX_CHARS: usize = 500;

    pub(crate) fn new(code: &str, description: Option<&str>, uri: Option<&str>) -> Self {
        Self {
            code: tame(code, 100),
            description: description.map(|text| tame(text, Self::MAX_CHARS)),
            uri: uri.map(|text| tame(text, Self::MAX_CHARS)),
        }
    }

    /// The code, for instance `invalid_grant`. **Untrusted server text**, cut to 100 characters of printable ASCII.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The description. **Untrusted server text**, cut to 500 characters, control and direction
    /// characters replaced: never render it as HTML.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// A page about the error. **Untrusted server text**, cut to 500 characters: never open it unasked.
    #[must_use]
    pub fn uri(&self) -> Option<&str> {
        self.uri.as_deref()
    }
}

/// Server text is only behind the accessors: `Debug` ends up in logs.
impl fmt::Debug for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthError").finish_non_exhaustive()
    }
}

/// Cuts server text and takes the sting out of it (security S30): no control characters, no bidirectional
/// overrides that would let it pose as something else in a terminal or a dialog.
fn tame(text: &str, max_chars: usize) -> String {
    text.chars()
        .take(max_chars)
        .map(|c| {
            let reorders = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if c.is_control() || reorders { '\u{fffd}' } else { c }
        })
        .collect()
}

/// What went wrong. Cheap to clone; `Display` and `Debug` are safe to log: they hold no token, code,
/// verifier, state, URL query or server text.
#[derive(Clone)]
pub struct Error {
    inner: Arc<Inner>,
}

struct Inner {
    reason: Reason,
    detail: Option<String>,
    oauth: Option<OAuthError>,
    http_status: Option<u16>,
    retry_after: Option<Duration>,
    return_to: Option<String>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(reason: Reason) -> Self {
        Self {
            inner: Arc::new(Inner {
                reason,
                detail: None,
                oauth: None,
                http_status: None,
                retry_after: None,
                return_to: None,
                source: None,
            }),
        }
    }

    /// Adds words for a log. The caller vouches that they hold no secret and no server text.
    #[must_use]
    pub(crate) fn with_detail(self, detail: impl Into<String>) -> Self {
        self.change(|inner| inner.detail = Some(detail.into()))
    }

    #[must_use]
    pub(crate) fn with_oauth(self, oauth: OAuthError) -> Self {
        self.change(|inner| inner.oauth = Some(oauth))
    }

    #[must_use]
    pub(crate) fn with_status(self, status: u16) -> Self {
        self.change(|inner| inner.http_status = Some(status))
    }

    #[must_use]
    pub(crate) fn with_retry_after(self, wait: Option<Duration>) -> Self {
        self.change(|inner| inner.retry_after = wait)
    }

    /// Adds the failure link of the login that failed.
    #[must_use]
    pub(crate) fn with_return_to(self, link: Option<String>) -> Self {
        self.change(|inner| inner.return_to = link)
    }

    #[must_use]
    pub(crate) fn with_source(self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.change(|inner| inner.source = Some(Arc::new(source)))
    }

    fn change(mut self, edit: impl FnOnce(&mut Inner)) -> Self {
        // An error is changed only while it is being made, so there is always one owner; a shared one is kept as it is.
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            edit(inner);
        }
        self
    }

    /// What the caller should do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.reason.kind()
    }

    /// Why, more finely; a stable name.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.inner.reason
    }

    /// Words that help to find the cause: the name of a key, a host, an endpoint. Safe to log, not stable.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.inner.detail.as_deref()
    }

    /// Whether the same call may succeed later without anything being changed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::Network
                | ErrorKind::Timeout
                | ErrorKind::RateLimited
                | ErrorKind::RefreshBusy
                | ErrorKind::StoreNotWritable
                | ErrorKind::StoreUnavailable
        )
    }

    /// Whether a new login is the way on.
    #[must_use]
    pub fn is_login_required(&self) -> bool {
        self.kind() == ErrorKind::LoginRequired
    }

    /// How long to wait before trying again, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.inner.retry_after
    }

    /// The provider's own error, where it sent one.
    #[must_use]
    pub fn oauth(&self) -> Option<&OAuthError> {
        self.inner.oauth.as_ref()
    }

    /// The failure link that the login was begun with, where the error ended one. The app's own text.
    #[must_use]
    pub fn return_to(&self) -> Option<&str> {
        self.inner.return_to.as_deref()
    }

    /// The HTTP status of the provider's answer, where there was one.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.inner.http_status
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.inner.reason.name(), self.inner.reason.text().trim_end_matches('.'))?;
        if let Some(detail) = &self.inner.detail {
            write!(f, ": {detail}")?;
        }
        if let Some(status) = self.inner.http_status {
            write!(f, " (HTTP {status})")?;
        }
        if let Some(wait) = self.inner.retry_after {
            write!(f, " (retry after {} s)", wait.as_secs().max(1))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({}/{self})", self.kind().name())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_published_ones_and_names_are_unique() {
        let numbers: Vec<i32> = ErrorKind::ALL.iter().map(|kind| kind.number()).collect();
        assert_eq!(numbers, (1..=21).chain([99]).collect::<Vec<_>>());
        let mut names: Vec<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn every_kind_has_a_reason() {
        for kind in ErrorKind::ALL {
            assert!(Reason::ALL.iter().any(|reason| reason.kind() == *kind), "{kind:?}");
        }
    }

    #[test]
    fn server_text_is_cut_and_tamed_and_never_displayed() {
        let oauth =
            OAuthError::new("invalid_grant", Some(&format!("CANARY\u{202e}\u{7}{}", "x".repeat(1_000_000))), None);
        let description = oauth.description().unwrap_or_default().to_owned();
        assert_eq!(description.chars().count(), OAuthError::MAX_CHARS);
        assert!(description.starts_with("CANARY\u{fffd}\u{fffd}x"));
        let error = Error::new(Reason::Revoked).with_oauth(oauth).with_status(400);
        assert!(!format!("{error} {error:?}").contains("CANARY"));
        assert_eq!(error.to_string(), "Revoked: The provider no longer accepts the refresh token (HTTP 400)");
    }
}
