//! An access token.

use std::fmt;
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
