//! An access token.

use std::fmt::{self, Write as _};
use std::time::SystemTime;

/// An access token that was good when it was given. Prints without the token.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct AccessToken {
    /// The token, for `Authorization: Bearer …`.
    pub secret: String,
    /// When it is over, where the provider said so.
    pub expires_at: Option<SystemTime>,
    /// Whether it is in memory only: it could not be saved yet.
    pub unsaved: bool,
}

impl From<&keyfob::AccessToken> for AccessToken {
    fn from(token: &keyfob::AccessToken) -> Self {
        Self { secret: token.secret().to_owned(), expires_at: token.expires_at(), unsaved: token.is_unsaved() }
    }
}

/// A token that is saved, as one text.
pub(crate) fn packed(token: &keyfob::AccessToken) -> String {
    let expires_at =
        token.expires_at().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok()).unwrap_or_default();
    let secret = token.secret();
    // Room for the numbers: one allocation.
    let mut text = String::with_capacity(secret.len() + 32);
    let _ = write!(text, "{} {} {secret}", expires_at.as_secs(), expires_at.subsec_nanos());
    text
}

impl fmt::Display for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken([redacted])")
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_prints_redacted() {
        let token = AccessToken { secret: "CANARY".to_owned(), expires_at: None, unsaved: false };
        assert_eq!(format!("{token} {token:?}"), "AccessToken([redacted]) AccessToken([redacted])");
    }
}
