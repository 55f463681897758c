//! Log out: here first, then at the provider (RFC 7009; OpenID Connect RP-Initiated Logout).

use std::sync::Arc;

use url::Url;

use super::login::hash;
use super::refresh::same_provider;
use super::{Known, Shared};
use crate::config::came_to;
use crate::error::{Error, Reason, Result};
use crate::login::redirect;
use crate::provider::Metadata;
use crate::random;
use crate::secret::Secret;
use crate::store::{JournalEvent, LogoutRow, Note, SessionRow};

/// How long a browser may stay at the provider's logout page before it comes back, in milliseconds: a day.
const AT_LOGOUT_PAGE_MILLIS: i64 = 86_400_000;

/// How a session is to end.
#[derive(Clone, Debug)]
#[must_use]
pub struct EndSession {
    revoke: bool,
    post_logout_redirect_uri: Option<String>,
}

/// Here, and at the provider where it offers revocation.
impl Default for EndSession {
    fn default() -> Self {
        Self { revoke: true, post_logout_redirect_uri: None }
    }
}

impl EndSession {
    /// Here only: no network is touched, and the provider's tokens live on until they are over.
    pub fn local_only() -> Self {
        Self { revoke: false, ..Self::default() }
    }

    /// Where the provider's logout page sends the browser afterwards, for [`Ended::logout_url`]: an absolute URI without a fragment, registered at the
    /// provider. The logout URL gets a `state` then, and [`Keyfob::complete_logout`](crate::Keyfob::complete_logout) knows the redirect by it.
    pub fn post_logout_redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.post_logout_redirect_uri = Some(uri.into());
        self
    }
}

/// What became of the token at the provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Revocation {
    /// The provider says that the token is good for nothing any more.
    Done,
    /// Nobody asked it to: the options said so, or there was no token left.
    NotAsked,
    /// The provider offers no revocation for this token.
    NotSupported,
    /// It could not be asked now. The token is kept aside, and [`Keyfob::maintain`](crate::Keyfob::maintain) asks again, for seven days.
    Owed(Error),
    /// It was asked and did not do it. The token lives on until it is over.
    Failed(Error),
}

/// A session that has ended. `Debug` does not show the logout URL: it holds the ID token.
#[derive(Clone)]
pub struct Ended {
    revocation: Revocation,
    logout_url: Option<Arc<Secret>>,
}

impl Ended {
    /// What became of the token at the provider.
    #[must_use]
    pub fn revocation(&self) -> &Revocation {
        &self.revocation
    }

    /// A page to open in the browser, where the user is to be logged out of the provider too (OpenID Connect RP-Initiated Logout section 2);
    /// `None` where the provider has none, or is not known to have one. Holds the ID token: do not log it.
    #[must_use]
    pub fn logout_url(&self) -> Option<&str> {
        self.logout_url.as_ref().map(|url| url.expose())
    }
}

impl std::fmt::Debug for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ended").field("revocation", &self.revocation).finish_non_exhaustive()
    }
}

/// A logout whose browser came back from the provider's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedOut {
    session_id: String,
    registration: String,
}

impl LoggedOut {
    /// The id of the session that was logged out of.
    #[must_use]
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// The id of the registration that it was a session of.
    #[must_use]
    pub fn registration(&self) -> &str {
        &self.registration
    }
}

impl Shared {
    pub(super) fn end_session(&self, id: &str, options: &EndSession) -> Result<Ended> {
        // Before anything ends: a mistake in the app's own words is to be mended, not found out at the provider's page.
        let back = options.post_logout_redirect_uri.as_deref().map(Url::parse).transpose();
        if !back.is_ok_and(|back| back.is_none_or(|back| back.fragment().is_none())) {
            let detail = "post_logout_redirect_uri is not an absolute URI without a fragment";
            return Err(Error::new(Reason::InvalidArgument).with_detail(detail));
        }
        let row = match self.stored(id) {
            // Locked, or damaged: it ends all the same.
            Err(error) if error.is_unreadable() => return self.end_unread(id, options, error),
            other => other?,
        };
        let note = Note::new(JournalEvent::SessionEnded, &row.registration).session(id).reason(Reason::LoggedOut);
        // The tombstone is remembered: it is newer than any row that another thread is about to remember. No lock is waited for: a refresh that is under way finds
        // it when it wants to save.
        self.remembering(|| {
            self.common.store.log_out(id, options.revoke, self.wall_millis(), &note)?;
            self.stored(id)
        })?;
        let unsaved = self.common.unsaved.holds(id);
        if unsaved && let Err(error) = self.save_unsaved(id) {
            // Their save loses to the tombstone, and they go to the outbox: what else it says is no failure of this call.
            log::debug!("tokens that were in memory only: {error}");
        }
        // A registration that is no longer configured leaves nobody to ask, a tombstone nothing to ask about.
        let known = self.known(&row.registration).ok().filter(|_| row.cause != Some(Reason::LoggedOut));
        let Some(known) = known else {
            return Ok(Ended { revocation: Revocation::NotAsked, logout_url: None });
        };
        // The tokens of a session that ended by itself are dead; its user may still be logged in at the provider.
        let revocation = if options.revoke && row.cause.is_none() {
            self.send_owed_of(id).unwrap_or(Revocation::NotAsked)
        } else {
            Revocation::NotAsked
        };
        // The session has ended: metadata that cannot be read is no failure of this call.
        let metadata = self.stored_metadata(known, &row.tokens.kept).ok().flatten();
        let metadata = metadata.filter(|metadata| same_provider(&row, known, metadata).is_ok());
        let logout_url = metadata.and_then(|metadata| self.logout_url(known, &metadata, &row, options));
        Ok(Ended { revocation, logout_url })
    }

    fn logout_url(
        &self,
        known: &Known,
        metadata: &Metadata,
        row: &SessionRow,
        options: &EndSession,
    ) -> Option<Arc<Secret>> {
        let mut url = Url::parse(metadata.end_session_endpoint.as_deref()?).ok()?;
        {
            let mut query = url.query_pairs_mut();
            if let Some(token) = &row.tokens.id_token {
                query.append_pair("id_token_hint", token.expose());
            }
            query.append_pair("client_id", known.registration.client_id());
            let rules = known.provider.end_session();
            query.extend_pairs(known.provider.filled(&rules.parameters, &known.registration.filling()).ok()?);
            if let Some(uri) = &options.post_logout_redirect_uri {
                query.append_pair(rules.redirect_parameter.as_deref().unwrap_or("post_logout_redirect_uri"), uri);
                match self.begin_logout(row, uri) {
                    Ok(state) => drop(query.append_pair("state", state.expose())),
                    // The session has ended, and the browser finds its way back all the same.
                    Err(error) => log::warn!("a logout URL goes without a state: {error}"),
                }
            }
        }
        Some(Arc::new(Secret::new(String::from(url))))
    }

    /// Remembers that the browser is to come back, and gives the state that it will bring.
    fn begin_logout(&self, row: &SessionRow, redirect_uri: &str) -> Result<Secret> {
        let state = Secret::new(random::secret_text()?);
        let now = self.wall_millis();
        let logout = LogoutRow {
            session: row.id.clone(),
            registration: row.registration.clone(),
            redirect_uri: redirect_uri.to_owned(),
            expires_at: now.saturating_add(AT_LOGOUT_PAGE_MILLIS),
        };
        self.common.store.begin_logout(hash(state.expose()).as_ref(), &logout, now)?;
        Ok(state)
    }

    pub(super) fn complete_logout(&self, redirect_url: &str) -> Result<LoggedOut> {
        let mismatch = || Error::new(Reason::LogoutStateMismatch);
        let (url, state) = redirect::parse_logout(redirect_url)?;
        let state = state.ok_or_else(mismatch)?;
        let logout = self.common.store.logout(hash(state.expose()).as_ref())?.ok_or_else(mismatch)?;
        if logout.expires_at <= self.wall_millis() {
            return Err(mismatch());
        }
        if !came_to(&url, &logout.redirect_uri) {
            return Err(Error::new(Reason::RedirectUriMismatch));
        }
        Ok(LoggedOut { session_id: logout.session, registration: logout.registration })
    }
}

impl Shared {
    /// Ends a session that cannot be read now. What is owed to the provider is sent by whoever can read it.
    fn end_unread(&self, id: &str, options: &EndSession, unread: Error) -> Result<Ended> {
        let registration = self.common.store.registration_of(id)?.ok_or_else(super::unknown_session)?;
        let note = Note::new(JournalEvent::SessionEnded, &registration).session(id).reason(Reason::LoggedOut);
        self.common.store.log_out(id, options.revoke, self.wall_millis(), &note)?;
        // Nobody remembers what was read before.
        self.memory().forget_all();
        let revocation = if options.revoke { Revocation::Owed(unread) } else { Revocation::NotAsked };
        Ok(Ended { revocation, logout_url: None })
    }
}
