//! What the caller should do.

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
    /// Read [`Error::oauth`](crate::Error::oauth): the provider answered with an error of RFC 6749.
    OAuth = 9,
    /// Begin a login: the session, or the login, has ended.
    LoginRequired = 10,
    /// Report the provider: its answer was malformed, too large or not JSON.
    BadResponse = 11,
    /// Report; treat as an attack: a check on an ID token or on userinfo failed.
    TokenRejected = 12,
    /// Fix the clock, the network or the certificate: TLS refused the provider.
    Tls = 13,
    /// Wait for [`Error::retry_after`](crate::Error::retry_after).
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
