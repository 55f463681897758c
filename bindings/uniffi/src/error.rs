//! What went wrong, one variant a kind.

use std::fmt;
use std::time::Duration;

use keyfob::{ErrorKind, Reason};

/// What an error says beyond its kind. Prints as one sentence that is safe to log; the provider's words and the app's own
/// link are in it and are not printed.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct ErrorInfo {
    /// The stable number of the kind, the same in every language.
    pub number: i32,
    /// Why, more finely than the kind; a stable name.
    pub reason: String,
    /// The whole error as one sentence, safe to log.
    pub summary: String,
    /// Words that help to find the cause, safe to log, not stable.
    pub detail: Option<String>,
    /// The provider's error code. Untrusted server text.
    pub oauth_code: Option<String>,
    /// The provider's description. Untrusted server text.
    pub oauth_description: Option<String>,
    /// The provider's page about the error. Untrusted server text.
    pub oauth_uri: Option<String>,
    /// The HTTP status of the provider's answer.
    pub http_status: Option<u16>,
    /// How long to wait before trying again.
    pub retry_after: Option<Duration>,
    /// The failure link of the login that the error ended.
    pub return_to: Option<String>,
    /// Whether the same call may succeed later without anything being changed.
    pub retryable: bool,
}

impl ErrorInfo {
    /// An error that is not the core's: there is nothing to say beyond its reason.
    fn plain(reason: Reason, sentence: &str) -> Self {
        Self {
            number: reason.kind().number(),
            reason: reason.name().to_owned(),
            summary: format!("{}: {sentence}", reason.name()),
            detail: None,
            oauth_code: None,
            oauth_description: None,
            oauth_uri: None,
            http_status: None,
            retry_after: None,
            return_to: None,
            retryable: false,
        }
    }
}

impl From<&keyfob::Error> for ErrorInfo {
    fn from(error: &keyfob::Error) -> Self {
        let oauth = error.oauth();
        Self {
            number: error.kind().number(),
            reason: error.reason().name().to_owned(),
            summary: error.to_string(),
            detail: error.detail().map(str::to_owned),
            oauth_code: oauth.map(|oauth| oauth.code().to_owned()),
            oauth_description: oauth.and_then(|oauth| oauth.description()).map(str::to_owned),
            oauth_uri: oauth.and_then(|oauth| oauth.uri()).map(str::to_owned),
            http_status: error.http_status(),
            retry_after: error.retry_after(),
            return_to: error.return_to().map(str::to_owned),
            retryable: error.is_retryable(),
        }
    }
}

impl fmt::Display for ErrorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)
    }
}

impl fmt::Debug for ErrorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErrorInfo({self})")
    }
}

/// Declares [`KeyfobError`] and its way from the core's kinds.
macro_rules! kinds {
    ($($(#[$doc:meta])+ $kind:ident,)+) => {
        /// What went wrong, one variant a kind: a kind answers what the caller should do.
        #[derive(Clone, Debug, thiserror::Error, uniffi::Error)]
        pub enum KeyfobError {
            $($(#[$doc])+ #[error("{info}")] $kind {
                /// What the error says beyond its kind.
                info: ErrorInfo,
            },)+
        }

        impl KeyfobError {
            fn of(kind: ErrorKind, info: ErrorInfo) -> Self {
                match kind {
                    $(ErrorKind::$kind => Self::$kind { info },)+
                    // A test walks all kinds, so only a newer core than this crate was built for could come here.
                    _ => Self::Internal { info },
                }
            }

            /// What the error says beyond its kind.
            #[cfg(test)]
            pub(crate) fn info(&self) -> &ErrorInfo {
                match self { $(Self::$kind { info })|+ => info }
            }

            /// The kind that this variant stands for.
            #[cfg(test)]
            fn kind(&self) -> ErrorKind {
                match self { $(Self::$kind { .. } => ErrorKind::$kind,)+ }
            }
        }
    };
}

kinds! {
    /// Fix the call: an unknown id, a malformed argument.
    InvalidArgument,
    /// Fix the order of calls: closed, re-entered from a callback.
    InvalidState,
    /// Fix the configuration.
    Configuration,
    /// Try later: the provider could not be reached or gave no usable answer.
    Network,
    /// Try later: a time limit passed.
    Timeout,
    /// Nothing: the caller cancelled.
    Cancelled,
    /// Show the app's login page: the user said no.
    AccessDenied,
    /// Treat as an attack or a stale tab: the redirect was not believed and nothing was sent.
    RedirectRejected,
    /// Read the code: the provider answered with an error of RFC 6749.
    OAuth,
    /// Begin a login: the session, or the login, has ended.
    LoginRequired,
    /// Report the provider: its answer was malformed, too large or not JSON.
    BadResponse,
    /// Report; treat as an attack: a check on an ID token or on userinfo failed.
    TokenRejected,
    /// Fix the clock, the network or the certificate: TLS refused the provider.
    Tls,
    /// Wait as long as the error says.
    RateLimited,
    /// Try again: another process is refreshing this session.
    RefreshBusy,
    /// Free space or fix permissions; nothing was lost.
    StoreNotWritable,
    /// Try again when the device is unlocked, or the store is no longer busy.
    StoreUnavailable,
    /// Give the right store key.
    StoreKey,
    /// The store was damaged; the old file is kept.
    StoreDamaged,
    /// Update the app, or choose another place for the store.
    StoreUnsupported,
    /// Stop: the system gave no random bytes.
    Random,
    /// Report a bug in Keyfob.
    Internal,
}

impl KeyfobError {
    pub(crate) fn closed() -> Self {
        Self::InvalidState { info: ErrorInfo::plain(Reason::Closed, "The handle was closed") }
    }
}

impl From<keyfob::Error> for KeyfobError {
    fn from(error: keyfob::Error) -> Self {
        Self::of(error.kind(), ErrorInfo::from(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_the_core_has_its_own_variant() {
        for kind in ErrorKind::ALL {
            let error = KeyfobError::of(*kind, ErrorInfo::plain(Reason::Internal, "a test"));
            assert_eq!(error.kind(), *kind);
        }
        assert_eq!(ErrorKind::ALL.len(), 22, "a new kind needs a class in Kotlin and a case in Swift");
    }

    #[test]
    fn an_error_of_the_core_keeps_its_number_reason_and_words() {
        let core =
            keyfob::Config::from_json(r#"{ "store": { "path": "x", "plaintext": true }, "canary": 1 }"#).unwrap_err();
        let error = KeyfobError::from(core.clone());
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let info = error.info();
        assert_eq!((info.number, info.reason.as_str()), (3, "UnknownKey"));
        assert_eq!(info.detail.as_deref(), Some("canary"));
        assert_eq!(info.summary, core.to_string());
        assert!(!info.retryable);
    }

    #[test]
    fn the_words_of_the_provider_and_of_the_app_are_carried_and_not_printed() {
        let mut info = ErrorInfo::plain(Reason::ServerError, "a test");
        info.oauth_code = Some("CANARY-1".to_owned());
        info.oauth_description = Some("CANARY-2".to_owned());
        info.oauth_uri = Some("CANARY-3".to_owned());
        info.return_to = Some("CANARY-4".to_owned());
        let error = KeyfobError::OAuth { info: info.clone() };
        let printed = format!("{info} {info:?} {info:#?} {error} {error:?} {error:#?}");
        assert!(!printed.contains("CANARY"), "{printed}");
        assert!(printed.contains("ServerError: a test"));
    }
}
