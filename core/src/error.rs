//! What went wrong, and what the caller should do about it.
//!
//! An [`ErrorKind`] answers *what should the caller do*; a [`Reason`] is the finer name of *why*. Both are
//! stable. One table, in `reason.rs`, says which reason belongs to which kind, so that the two can
//! never disagree.

mod kind;
mod oauth;
mod reason;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::kind::ErrorKind;
pub use self::oauth::OAuthError;
pub use self::reason::Reason;

/// What every fallible call of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

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

    /// What is in the store is there, and cannot be read: its key is not at hand, or it was altered.
    pub(crate) fn is_unreadable(&self) -> bool {
        matches!(self.kind(), ErrorKind::StoreKey | ErrorKind::StoreDamaged)
            || self.reason() == Reason::StoreKeyUnavailable
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
    fn an_error_code_is_printable_ascii() {
        assert_eq!(OAuthError::new("inv\u{430}lid_gr\u{7}nt\u{2028}", None, None).code(), "inv?lid_gr?nt?");
        assert_eq!(OAuthError::new("x", Some("a\u{61c}b"), None).description(), Some("a\u{fffd}b"));
    }

    #[test]
    fn s30_server_text_is_cut_and_tamed_and_never_displayed() {
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
