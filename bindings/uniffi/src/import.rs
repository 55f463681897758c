//! A session that another library made.

use std::fmt;
use std::time::SystemTime;

/// What another library kept of a session. Prints the registration only.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct ImportedTokens {
    /// The registration that the session is to belong to.
    pub registration: String,
    /// The user's lasting id at the provider.
    pub provider_uid: String,
    /// The access token.
    pub access_token: Option<String>,
    /// When the access token is over, where that is known. Says nothing without one.
    pub expires_at: Option<SystemTime>,
    /// The refresh token.
    pub refresh_token: Option<String>,
    /// The scopes that were granted.
    pub scopes: Vec<String>,
}

impl From<ImportedTokens> for keyfob::ImportedTokens {
    fn from(imported: ImportedTokens) -> Self {
        let mut core = Self::new(imported.registration, imported.provider_uid);
        if let Some(token) = imported.access_token {
            core = core.access_token(token, imported.expires_at);
        }
        if let Some(token) = imported.refresh_token {
            core = core.refresh_token(token);
        }
        for scope in imported.scopes {
            core = core.scope(scope);
        }
        core
    }
}

impl fmt::Display for ImportedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImportedTokens({})", self.registration)
    }
}

impl fmt::Debug for ImportedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_imported_prints_redacted() {
        let imported = ImportedTokens {
            registration: "work-sso".to_owned(),
            provider_uid: "CANARY".to_owned(),
            access_token: Some("CANARY".to_owned()),
            expires_at: None,
            refresh_token: Some("CANARY".to_owned()),
            scopes: Vec::new(),
        };
        assert_eq!(format!("{imported} {imported:?}"), "ImportedTokens(work-sso) ImportedTokens(work-sso)");
    }
}
