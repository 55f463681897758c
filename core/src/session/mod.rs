//! The result of a login: who, with which tokens, until when.

mod profile;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub use self::profile::Profile;
pub(crate) use self::profile::{ASKED_EMAIL, ASKED_VERIFIED, choose_email, from_claims, imported_profile, overlay};
use crate::clock::from_millis;
use crate::error::Reason;
use crate::oidc::jws::Jws;
use crate::store::SessionRow;

/// Whether a session can still give a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionState {
    /// It can.
    Active,
    /// It has ended, and this is why: a [`Reason`] of kind [`LoginRequired`](crate::ErrorKind::LoginRequired).
    Ended(Reason),
}

/// A session as it was when it was read. `Debug` shows no token.
#[derive(Clone)]
pub struct Session {
    pub(crate) row: Arc<SessionRow>,
}

impl Session {
    /// The id: random, never used again.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.row.id
    }

    /// The id of the registration it was logged in with.
    #[must_use]
    pub fn registration(&self) -> &str {
        &self.row.registration
    }

    /// The id of the provider.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.row.provider
    }

    /// The user's lasting id at the provider (`sub`, where the provider speaks OpenID Connect).
    #[must_use]
    pub fn provider_uid(&self) -> &str {
        &self.row.uid
    }

    /// Whether the session can still give a token.
    #[must_use]
    pub fn state(&self) -> SessionState {
        self.row.cause.map_or(SessionState::Active, SessionState::Ended)
    }

    /// The provider's access token as last saved, empty once the session has ended. It may be over:
    /// [`Keyfob::access_token`](crate::Keyfob::access_token) gives a good one.
    #[must_use]
    pub fn provider_access_token(&self) -> &str {
        self.row.live_tokens().map_or("", |tokens| tokens.access_token.expose())
    }

    /// When that access token is over; `None` where the provider did not say.
    #[must_use]
    pub fn provider_access_token_expiry(&self) -> Option<SystemTime> {
        self.row.live_tokens().and_then(|_| self.row.expires_at()).map(from_millis)
    }

    /// The provider's refresh token as last saved, where it gave one. Keyfob uses it for the app; an app that uses it
    /// itself will be logged out by the provider's reuse detection.
    #[must_use]
    pub fn provider_refresh_token(&self) -> Option<&str> {
        self.row.live_tokens()?.refresh_token.as_ref().map(|token| token.expose())
    }

    /// The ID token as it came, for an app's own back end; `None` where there is none. The one of the last refresh that brought one.
    #[must_use]
    pub fn id_token(&self) -> Option<&str> {
        self.row.live_tokens()?.id_token.as_ref().map(|token| token.expose())
    }

    /// The claims of that ID token, as one JSON object. Its signature was verified.
    #[must_use]
    pub fn id_token_claims_json(&self) -> Option<String> {
        let claims = Jws::parse(self.id_token()?).ok()?.payload;
        Some(serde_json::Value::Object(claims).to_string())
    }

    /// What else the token answer had, as one JSON object (`instance_url`, `refresh_token_expires_in`, …), and what the provider's file keeps of the
    /// login's redirect (`realmId`, …).
    #[must_use]
    pub fn token_answer_json(&self) -> String {
        let Some(tokens) = self.row.live_tokens() else { return "{}".to_owned() };
        let mut members = (*tokens.other).clone();
        for (name, value) in &tokens.kept.redirect {
            members.entry(name.clone()).or_insert_with(|| value.clone().into());
        }
        serde_json::Value::Object(members).to_string()
    }

    /// The scopes that were granted, which may be fewer than were asked for.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.row.scopes
    }

    /// The profile as last fetched.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.row.profile
    }

    /// When the user logged in.
    #[must_use]
    pub fn created_at(&self) -> SystemTime {
        from_millis(self.row.created_at)
    }

    /// When the tokens were last replaced.
    #[must_use]
    pub fn updated_at(&self) -> SystemTime {
        from_millis(self.row.received.wall)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.row.id)
            .field("registration", &self.row.registration)
            .field("provider", &self.row.provider)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// An access token that was good when it was given. `Debug` does not show it.
#[derive(Clone)]
pub struct AccessToken {
    pub(crate) row: Arc<SessionRow>,
}

impl AccessToken {
    /// The token, for `Authorization: Bearer …` (RFC 6750 section 2.1). Opaque: never parse it.
    #[must_use]
    pub fn secret(&self) -> &str {
        self.row.tokens.access_token.expose()
    }

    /// When it is over; `None` where the provider did not say.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.row.expires_at().map(from_millis)
    }

    /// Whether the token is in memory only: the disk was full when it came, and it is lost if this process ends before it can be saved.
    #[must_use]
    pub fn is_unsaved(&self) -> bool {
        self.row.unsaved
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("expires_at", &self.expires_at()).finish_non_exhaustive()
    }
}

/// How long an access token has to be good for at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinValidity(pub(crate) Duration);

impl MinValidity {
    /// So many seconds. More than the token's whole life is read as: as good as a new one.
    #[must_use]
    pub const fn secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// So many milliseconds.
    #[must_use]
    pub const fn millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }
}

/// One minute: enough for a request on a slow line.
impl Default for MinValidity {
    fn default() -> Self {
        Self::secs(60)
    }
}

/// How old a profile may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness(pub(crate) Option<Duration>);

impl Freshness {
    /// At most so many seconds; 0 always asks the provider.
    #[must_use]
    pub const fn secs(seconds: u64) -> Self {
        Self(Some(Duration::from_secs(seconds)))
    }

    /// At most so many milliseconds; 0 always asks the provider.
    #[must_use]
    pub const fn millis(milliseconds: u64) -> Self {
        Self(Some(Duration::from_millis(milliseconds)))
    }

    /// Whatever is stored, without asking the provider.
    #[must_use]
    pub const fn stored() -> Self {
        Self(None)
    }
}

/// Two minutes.
impl Default for Freshness {
    fn default() -> Self {
        Self::secs(120)
    }
}
