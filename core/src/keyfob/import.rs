//! Sessions that another library made.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, json};

use super::{Known, Shared};
use crate::clock::to_millis;
use crate::error::{Error, Reason, Result};
use crate::provider::ProviderKind;
use crate::random;
use crate::secret::Secret;
use crate::session::{Session, imported_profile};
use crate::store::{Identity, JournalEvent, NewSession, Note};
use crate::token::answer::TokenAnswer;

/// What another library kept of a session. `Debug` shows no token.
#[must_use]
pub struct ImportedTokens {
    registration: String,
    provider_uid: String,
    access_token: Option<Secret>,
    refresh_token: Option<Secret>,
    expires_at: Option<SystemTime>,
    scopes: Vec<String>,
}

impl ImportedTokens {
    /// A session of a registration and of the user with this lasting id at the provider (`sub`, where it speaks OpenID Connect). Who imports
    /// vouches for the id: nobody is asked.
    pub fn new(registration: impl Into<String>, provider_uid: impl Into<String>) -> Self {
        Self {
            registration: registration.into(),
            provider_uid: provider_uid.into(),
            access_token: None,
            refresh_token: None,
            expires_at: None,
            scopes: Vec::new(),
        }
    }

    /// The access token, and when it is over, where that is known.
    pub fn access_token(mut self, token: impl Into<String>, expires_at: Option<SystemTime>) -> Self {
        self.access_token = Some(Secret::new(token));
        self.expires_at = expires_at;
        self
    }

    /// The refresh token.
    pub fn refresh_token(mut self, token: impl Into<String>) -> Self {
        self.refresh_token = Some(Secret::new(token));
        self
    }

    /// Adds a scope that was granted.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }
}

impl fmt::Debug for ImportedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportedTokens").field("registration", &self.registration).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn import_session(&self, imported: ImportedTokens) -> Result<Session> {
        let known = self.known(&imported.registration)?;
        if imported.provider_uid.is_empty() {
            return Err(argument("provider_uid is empty"));
        }
        if imported.access_token.is_none() && imported.refresh_token.is_none() {
            return Err(argument("neither an access token nor a refresh token"));
        }
        let issuer = known.issuer_name()?;
        let received = self.received();
        let lifetime = match (&imported.access_token, imported.expires_at) {
            // Only a refresh token: it is to be used at the first call.
            (None, _) => Some(std::time::Duration::ZERO),
            (Some(_), Some(end)) => Some(end.duration_since(self.clock.wall()).unwrap_or_default()),
            (Some(_), None) => None,
        };
        let note = Note::new(JournalEvent::SessionImported, &imported.registration);
        let row = self.remembering(|| {
            let session = new_session(known, &imported, issuer, received, lifetime)?;
            let row = self.common.store.import_session(session, to_millis(self.clock.wall()), &note)?;
            self.expect_news(&row);
            Ok(Arc::new(row))
        })?;
        Ok(Session { row })
    }
}

fn new_session(
    known: &Known,
    imported: &ImportedTokens,
    issuer: String,
    received: crate::store::Received,
    lifetime: Option<std::time::Duration>,
) -> Result<NewSession> {
    let uid = &imported.provider_uid;
    Ok(NewSession {
        id: random::id()?,
        registration: imported.registration.clone(),
        provider: known.provider.id().to_owned(),
        scopes: imported.scopes.clone(),
        // From here on an ID token has to name this user. Where only the token knows its issuer (which tenant), there is nothing to hold it against.
        identity: (known.provider.kind() == ProviderKind::Oidc && !known.provider.has_issuer_template())
            .then(|| Identity { issuer: issuer.clone(), subject: uid.clone(), auth_time: None }),
        issuer,
        // Older than any freshness that is asked for.
        profile_at: 0,
        profile_etag: None,
        profile: imported_profile(uid, Map::from_iter([("sub".to_owned(), json!(uid))])),
        tokens: TokenAnswer {
            access_token: imported.access_token.as_ref().map_or_else(|| Secret::new(""), Secret::duplicate),
            refresh_token: imported.refresh_token.as_ref().map(Secret::duplicate),
            lifetime,
            ..TokenAnswer::blank()
        },
        received,
    })
}

fn argument(detail: &str) -> Error {
    Error::new(Reason::InvalidArgument).with_detail(detail.to_owned())
}
