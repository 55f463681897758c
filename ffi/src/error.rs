//! `keyfob_status` and `keyfob_error`.

use std::ffi::{CStr, c_char};

use keyfob::{Error, ErrorKind, Reason};

use crate::boundary::{Text, free, read, to_ms};

/// What a function that can fail returns: `KEYFOB_OK` or one of the kinds below, which say what to do about
/// it. The numbers never change; new ones may be added.
pub type keyfob_status = i32;

/// It worked.
pub const KEYFOB_OK: keyfob_status = 0;
/// Fix the call: an unknown id, a malformed argument, NULL.
pub const KEYFOB_INVALID_ARGUMENT: keyfob_status = 1;
/// Fix the order of calls: suspended, made before a fork, re-entered from a callback.
pub const KEYFOB_INVALID_STATE: keyfob_status = 2;
/// Fix the configuration: an unknown key, a redirect URI of a wrong form, `invalid_client`.
pub const KEYFOB_CONFIGURATION: keyfob_status = 3;
/// Try later: the provider could not be reached or gave no usable answer.
pub const KEYFOB_NETWORK: keyfob_status = 4;
/// Try later: a time limit passed.
pub const KEYFOB_TIMEOUT: keyfob_status = 5;
/// Nothing: the caller cancelled.
pub const KEYFOB_CANCELLED: keyfob_status = 6;
/// Show the app's login page: the user said no.
pub const KEYFOB_ACCESS_DENIED: keyfob_status = 7;
/// Treat as an attack or a stale tab: the redirect was not believed and nothing was sent.
pub const KEYFOB_REDIRECT_REJECTED: keyfob_status = 8;
/// Read `keyfob_error_oauth_code`: the provider answered with an error of RFC 6749.
pub const KEYFOB_OAUTH: keyfob_status = 9;
/// Begin a login: the session, or the login, has ended. Nothing else means that.
pub const KEYFOB_LOGIN_REQUIRED: keyfob_status = 10;
/// Report the provider: its answer was malformed, too large or not JSON.
pub const KEYFOB_BAD_RESPONSE: keyfob_status = 11;
/// Report; treat as an attack: a check on an ID token or on userinfo failed.
pub const KEYFOB_TOKEN_REJECTED: keyfob_status = 12;
/// Fix the clock, the network or the certificate: TLS refused the provider.
pub const KEYFOB_TLS: keyfob_status = 13;
/// Wait for `keyfob_error_retry_after_ms`.
pub const KEYFOB_RATE_LIMITED: keyfob_status = 14;
/// Try again: another process is refreshing this session.
pub const KEYFOB_REFRESH_BUSY: keyfob_status = 15;
/// Free space or fix permissions; nothing was lost.
pub const KEYFOB_STORE_NOT_WRITABLE: keyfob_status = 16;
/// Try again when the device is unlocked, or the store is no longer busy.
pub const KEYFOB_STORE_UNAVAILABLE: keyfob_status = 17;
/// Give the right store key.
pub const KEYFOB_STORE_KEY: keyfob_status = 18;
/// The store was damaged; the old file is kept.
pub const KEYFOB_STORE_DAMAGED: keyfob_status = 19;
/// Update the app, or choose another place for the store.
pub const KEYFOB_STORE_UNSUPPORTED: keyfob_status = 20;
/// Stop: the system gave no random bytes.
pub const KEYFOB_RANDOM: keyfob_status = 21;
/// Report a bug in Keyfob.
pub const KEYFOB_INTERNAL: keyfob_status = 99;

/// A time or a duration that is not known.
pub const KEYFOB_TIME_UNKNOWN: i64 = -1;

/// What went wrong, in full. Made by a failed call through its `error_out`, freed by `keyfob_error_free`.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_error {
    failure: Failure,
    reason: Text,
    message: Text,
    detail: Text,
    oauth_code: Text,
    oauth_description: Text,
    oauth_uri: Text,
    return_to: Text,
}

/// Why a call failed: in the core, or on the way there.
#[derive(Debug)]
pub(crate) enum Failure {
    Core(Error),
    Argument { name: &'static str, problem: &'static str },
    Panic,
    WithinLog,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl Failure {
    pub(crate) fn status(&self) -> keyfob_status {
        self.kind().number()
    }

    fn kind(&self) -> ErrorKind {
        self.reason().kind()
    }

    fn reason(&self) -> Reason {
        match self {
            Self::Core(error) => error.reason(),
            Self::Argument { .. } => Reason::InvalidArgument,
            Self::Panic => Reason::Internal,
            Self::WithinLog => Reason::Reentered,
        }
    }

    fn core(&self) -> Option<&Error> {
        match self {
            Self::Core(error) => Some(error),
            Self::Argument { .. } | Self::Panic | Self::WithinLog => None,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Core(error) => error.to_string(),
            Self::Argument { name, problem } => format!("InvalidArgument: {name} {problem}"),
            Self::Panic => "Internal: a panic; what it said is on standard error".to_owned(),
            Self::WithinLog => "InvalidState: called from within the log's callback".to_owned(),
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Core(error) => error.detail().map(str::to_owned),
            Self::Argument { name, problem } => Some(format!("{name} {problem}")),
            Self::Panic | Self::WithinLog => None,
        }
    }
}

impl From<Failure> for keyfob_error {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            reason: Text::default(),
            message: Text::default(),
            detail: Text::default(),
            oauth_code: Text::default(),
            oauth_description: Text::default(),
            oauth_uri: Text::default(),
            return_to: Text::default(),
        }
    }
}

/// Every status with its name. Not asked of the core: what is handed out is never freed, so it must never be allocated.
const NAMES: &[(keyfob_status, &CStr)] = &[
    (KEYFOB_OK, c"Ok"),
    (KEYFOB_INVALID_ARGUMENT, c"InvalidArgument"),
    (KEYFOB_INVALID_STATE, c"InvalidState"),
    (KEYFOB_CONFIGURATION, c"Configuration"),
    (KEYFOB_NETWORK, c"Network"),
    (KEYFOB_TIMEOUT, c"Timeout"),
    (KEYFOB_CANCELLED, c"Cancelled"),
    (KEYFOB_ACCESS_DENIED, c"AccessDenied"),
    (KEYFOB_REDIRECT_REJECTED, c"RedirectRejected"),
    (KEYFOB_OAUTH, c"OAuth"),
    (KEYFOB_LOGIN_REQUIRED, c"LoginRequired"),
    (KEYFOB_BAD_RESPONSE, c"BadResponse"),
    (KEYFOB_TOKEN_REJECTED, c"TokenRejected"),
    (KEYFOB_TLS, c"Tls"),
    (KEYFOB_RATE_LIMITED, c"RateLimited"),
    (KEYFOB_REFRESH_BUSY, c"RefreshBusy"),
    (KEYFOB_STORE_NOT_WRITABLE, c"StoreNotWritable"),
    (KEYFOB_STORE_UNAVAILABLE, c"StoreUnavailable"),
    (KEYFOB_STORE_KEY, c"StoreKey"),
    (KEYFOB_STORE_DAMAGED, c"StoreDamaged"),
    (KEYFOB_STORE_UNSUPPORTED, c"StoreUnsupported"),
    (KEYFOB_RANDOM, c"Random"),
    (KEYFOB_INTERNAL, c"Internal"),
];

/// The name of a status, for logs: "Ok", "LoginRequired", ...; "Unknown" for a number that this library does
/// not know.
///
/// Ownership: borrowed until the library is unloaded.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_status_name(status: keyfob_status) -> *const c_char {
    NAMES.iter().find(|(number, _)| *number == status).map_or(c"Unknown", |(_, name)| name).as_ptr()
}

/// The status that the failed call returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_status(error: Option<&keyfob_error>) -> keyfob_status {
    read(error, |error| error.failure.status())
}

/// Why, more finely than the status: a stable name such as "StateUnknown" or "Revoked".
///
/// Ownership: borrowed until the keyfob_error is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_reason(error: Option<&keyfob_error>) -> *const c_char {
    read(error, |error| error.reason.of(error.failure.reason().name()))
}

/// One line for a log. It holds no token, code, state, URL query or text of the provider.
///
/// Ownership: borrowed until the keyfob_error is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_message(error: Option<&keyfob_error>) -> *const c_char {
    read(error, |error| error.message.of(&error.failure.message()))
}

/// Words that help to find the cause, safe to log and not stable: the name of a parameter or a key, a host.
/// NULL if there are none.
///
/// Ownership: borrowed until the keyfob_error is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_detail(error: Option<&keyfob_error>) -> *const c_char {
    read(error, |error| error.detail.of_option(error.failure.detail().as_deref()))
}

/// The provider's error code (RFC 6749 sections 4.1.2.1 and 5.2), such as "invalid_grant"; NULL if it sent
/// none. Untrusted text of the provider, at most 100 characters.
///
/// Ownership: borrowed until the keyfob_error is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_oauth_code(error: Option<&keyfob_error>) -> *const c_char {
    read(error, |error| error.oauth_code.of_option(oauth(error).map(|oauth| oauth.code())))
}

/// The provider's words about its error; NULL if it sent none. Untrusted text of the provider, at most 500
/// characters: never render it as HTML.
///
/// Ownership: borrowed until the keyfob_error is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_oauth_description(error: Option<&keyfob_error>) -> *const c_char {
    read(error, |error| error.oauth_description.of_option(oauth(error).and_then(|oauth| oauth.description())))
}

/// A page about the provider's error; NULL if it named none. Untrusted text of the provider, at most 500
/// characters: never open it unasked.
///
/// Ownership: borrowed until the keyfob_error is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_oauth_uri(error: Option<&keyfob_error>) -> *const c_char {
    read(error, |error| error.oauth_uri.of_option(oauth(error).and_then(|oauth| oauth.uri())))
}

/// The HTTP status of the provider's answer; 0 if there was none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_http_status(error: Option<&keyfob_error>) -> i32 {
    read(error, |error| core(error).and_then(Error::http_status).map_or(0, i32::from))
}

/// How many milliseconds to wait before trying again; `KEYFOB_TIME_UNKNOWN` if that is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_retry_after_ms(error: Option<&keyfob_error>) -> i64 {
    read(error, |error| core(error).and_then(Error::retry_after).map_or(KEYFOB_TIME_UNKNOWN, to_ms))
}

/// Whether the same call may succeed later without anything being changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_is_retryable(error: Option<&keyfob_error>) -> bool {
    read(error, |error| core(error).is_some_and(Error::is_retryable))
}

/// Whether a new login is the way on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_is_login_required(error: Option<&keyfob_error>) -> bool {
    read(error, |error| core(error).is_some_and(Error::is_login_required))
}

/// The failure link that the login was begun with, if this error ended one; else NULL.
///
/// Ownership: borrowed until the keyfob_error is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_return_to(error: Option<&keyfob_error>) -> *const c_char {
    read(error, |error| error.return_to.of_option(core(error).and_then(Error::return_to)))
}

/// Frees an error; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_error_free(error: Option<Box<keyfob_error>>) {
    free(error);
}

fn core(error: &keyfob_error) -> Option<&Error> {
    error.failure.core()
}

fn oauth(error: &keyfob_error) -> Option<&keyfob::OAuthError> {
    core(error)?.oauth()
}

#[cfg(test)]
mod tests;
