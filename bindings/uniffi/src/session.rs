//! A session as it was when it was read.

use std::fmt;
use std::time::SystemTime;

use crate::Profile;

/// Whether a session can still give a token.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum SessionState {
    /// It can.
    Active,
    /// It has ended.
    Ended {
        /// The name of a reason of the kind `LoginRequired`.
        reason: String,
    },
}

impl From<keyfob::SessionState> for SessionState {
    fn from(state: keyfob::SessionState) -> Self {
        match state {
            keyfob::SessionState::Ended(reason) => Self::Ended { reason: reason.name().to_owned() },
            // The enum of the core may grow; a session is ended only where it says so.
            _ => Self::Active,
        }
    }
}

/// A session as it was when it was read. Prints without tokens and without the user.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct Session {
    /// The id: random, never used again.
    pub id: String,
    /// The registration it was logged in with.
    pub registration: String,
    /// The provider.
    pub provider: String,
    /// The user's lasting id at the provider.
    pub provider_uid: String,
    /// Whether the session can still give a token.
    pub state: SessionState,
    /// The access token as last saved, empty once the session has ended.
    pub provider_access_token: String,
    /// When that token is over, where the provider said so.
    pub provider_access_token_expiry: Option<SystemTime>,
    /// The refresh token as last saved, where the provider gave one.
    pub provider_refresh_token: Option<String>,
    /// The ID token as it came, where there is one.
    pub id_token: Option<String>,
    /// The claims of that ID token, as one JSON object.
    pub id_token_claims_json: Option<String>,
    /// What else the token answer had, as one JSON object.
    pub token_answer_json: String,
    /// The scopes that were granted.
    pub scopes: Vec<String>,
    /// The profile as last fetched.
    pub profile: Profile,
    /// When the user logged in.
    pub created_at: SystemTime,
    /// When the tokens were last replaced.
    pub updated_at: SystemTime,
}

impl From<&keyfob::Session> for Session {
    fn from(session: &keyfob::Session) -> Self {
        Self {
            id: session.id().to_owned(),
            registration: session.registration().to_owned(),
            provider: session.provider().to_owned(),
            provider_uid: session.provider_uid().to_owned(),
            state: session.state().into(),
            provider_access_token: session.provider_access_token().to_owned(),
            provider_access_token_expiry: session.provider_access_token_expiry(),
            provider_refresh_token: session.provider_refresh_token().map(str::to_owned),
            id_token: session.id_token().map(str::to_owned),
            id_token_claims_json: session.id_token_claims_json(),
            token_answer_json: session.token_answer_json(),
            scopes: session.scopes().to_vec(),
            profile: session.profile().into(),
            created_at: session.created_at(),
            updated_at: session.updated_at(),
        }
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            SessionState::Active => "Active",
            SessionState::Ended { reason } => reason,
        };
        write!(f, "Session({}, {}, {state})", self.id, self.registration)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_session_and_its_profile_print_redacted() {
        let canary = || "CANARY".to_owned();
        let profile = Profile {
            uid: canary(),
            name: Some(canary()),
            email: Some(canary()),
            email_verified: true,
            avatar_url: Some(canary()),
            locale: Some(canary()),
            raw_json: canary(),
        };
        let session = Session {
            id: "s-1".to_owned(),
            registration: "work-sso".to_owned(),
            provider: "oidc".to_owned(),
            provider_uid: canary(),
            state: SessionState::Ended { reason: "Revoked".to_owned() },
            provider_access_token: canary(),
            provider_access_token_expiry: None,
            provider_refresh_token: Some(canary()),
            id_token: Some(canary()),
            id_token_claims_json: Some(canary()),
            token_answer_json: canary(),
            scopes: vec!["openid".to_owned()],
            profile,
            created_at: UNIX_EPOCH,
            updated_at: UNIX_EPOCH,
        };
        let printed = format!("{session} {session:?} {session:#?} {} {:?}", session.profile, session.profile);
        assert!(!printed.contains("CANARY"), "{printed}");
        assert!(printed.starts_with("Session(s-1, work-sso, Revoked)"));
    }
}
