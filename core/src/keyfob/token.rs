//! Access tokens: from memory while fresh, refreshed when due, once, whoever asks.

use std::sync::Arc;
use std::time::Duration;

use super::login::{MAX_TOKEN_ANSWER, client, expected, issuer_name};
use super::{Known, Shared};
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::http::Limits;
use crate::http::oauth::refresh;
use crate::oidc::id_token::{Original, verify_refreshed};
use crate::provider::Metadata;
use crate::refresh::flight::Seat;
use crate::refresh::window::{Life, Need, back_off, is_over, need};
use crate::session::MinValidity;
use crate::store::{JournalEvent, Note, Received, SessionRow};
use crate::token::answer::TokenAnswer;
use crate::token::verdict::{Verdict, classify};

/// How long an early refresh may try to connect: its caller has a good token and should not be kept from using it.
const ADVISORY_CONNECT: Duration = Duration::from_secs(2);

/// How long after a failed early refresh this process tries the next one: offline, not every call is to wait for a connection.
const EARLY_AGAIN: Duration = Duration::from_secs(30);

/// How long the provider is left alone after an answer that asks for it without saying how long.
const BACK_OFF_MILLIS: i64 = 30_000;

/// Why a refresh is wanted.
#[derive(Clone, Copy)]
enum Wish {
    /// A token good for so long.
    Token(MinValidity),
    /// A new token, whatever the old one is like: newer than this generation.
    NewerThan(i64),
}

impl Shared {
    pub(super) fn access_token(self: &Arc<Self>, id: &str, min_validity: MinValidity) -> Result<Arc<SessionRow>> {
        let row = self.recalled(id)?;
        if let Some(cause) = row.cause {
            return Err(Error::new(cause));
        }
        match self.need(&row, min_validity) {
            Need::Nothing if row.verified => Ok(row),
            Need::Advisory if row.verified => Ok(self.early(row)),
            _ => self.flight(&row, Wish::Token(min_validity)),
        }
    }

    pub(super) fn refresh_now(&self, id: &str) -> Result<Arc<SessionRow>> {
        let row = self.recalled(id)?;
        self.flight(&row, Wish::NewerThan(row.generation))
    }

    pub(super) fn refresh_if_current(self: &Arc<Self>, id: &str, rejected: &str) -> Result<Arc<SessionRow>> {
        // Read from the store: another process may have a newer one that this one has not seen.
        let row = self.remembering(|| self.stored(id))?;
        match row.cause {
            Some(cause) => Err(Error::new(cause)),
            None if row.tokens.access_token.matches(rejected) => self.flight(&row, Wish::NewerThan(row.generation)),
            None => self.access_token(id, MinValidity::secs(0)),
        }
    }

    fn need(&self, row: &SessionRow, min_validity: MinValidity) -> Need {
        need(&life(row), &self.now(), min_validity.0, self.spread)
    }

    /// An early refresh: on the host's executor where there is one, else on this caller's thread. Nobody else waits for it, and its failure is
    /// nobody's business while the token is good.
    fn early(self: &Arc<Self>, row: Arc<SessionRow>) -> Arc<SessionRow> {
        if row.tokens.refresh_token.is_none() || back_off(row.retry_at, self.wall_millis()).is_some() {
            return row;
        }
        let boot = self.clock.boot();
        if self.memory().failed_early.get(&row.id).is_some_and(|at| boot < at.saturating_add(EARLY_AGAIN)) {
            return row;
        }
        let Some(executor) = &self.executor else { return self.refresh_early(row) };
        if let Some(errand) = Errand::begin(self, &row.id) {
            let shared = Arc::clone(self);
            let handed_over = Arc::clone(&row);
            executor.execute(Box::new(move || {
                let _errand = errand;
                shared.refresh_early(handed_over);
            }));
        }
        row
    }

    fn refresh_early(&self, row: Arc<SessionRow>) -> Arc<SessionRow> {
        let Seat::Lead(lead) = self.refreshes.join(&row.id) else { return row };
        let connect = ADVISORY_CONNECT.min(self.settings.http.connect());
        let limits = Limits { connect, ..self.limits(MAX_TOKEN_ANSWER) };
        lead.land(self.refresh(&row.id, Wish::NewerThan(row.generation), limits)).unwrap_or_else(|error| {
            // An ending is stored, and the next call tells it; anything else is tried again when it has to be.
            log::debug!("an early refresh of session {} failed: {error}", row.id);
            let boot = self.clock.boot();
            self.memory().failed_early.insert(row.id.clone(), boot);
            row
        })
    }

    /// One flight at a time in this process.
    fn flight(&self, seen: &SessionRow, wish: Wish) -> Result<Arc<SessionRow>> {
        let lead = match self.refreshes.join(&seen.id) {
            Seat::Lead(lead) => lead,
            Seat::Follow(flight) => {
                let row = flight.wait(self.patience())?;
                // The leader may have wished for less, and sent nothing: it verified the tokens that are there, or found them good for long enough.
                if row.generation > seen.generation || self.fulfils(&row, wish) {
                    return Ok(row);
                }
                match self.refreshes.join(&seen.id) {
                    Seat::Lead(lead) => lead,
                    Seat::Follow(flight) => return flight.wait(self.patience()),
                }
            }
        };
        lead.land(self.refresh(&seen.id, wish, self.limits(MAX_TOKEN_ANSWER)))
    }

    fn fulfils(&self, row: &SessionRow, wish: Wish) -> bool {
        match wish {
            Wish::Token(min_validity) => self.need(row, min_validity) != Need::Mandatory,
            Wish::NewerThan(generation) => {
                row.generation > generation && self.need(row, MinValidity::secs(0)) != Need::Mandatory
            }
        }
    }

    /// The steps of a refresh, on the thread that leads it.
    fn refresh(&self, id: &str, wish: Wish, limits: Limits) -> Result<Arc<SessionRow>> {
        // The right to refresh is this process's alone: the lock among processes and the recorded attempt go here, around
        // everything from the reading of the row to its saving.
        let row = self.remembering(|| self.stored(id))?;
        if let Some(cause) = row.cause {
            return Err(Error::new(cause));
        }
        let known = self.known(&row.registration)?;
        let row = if row.verified {
            row
        } else {
            let metadata = self.metadata_within(known, limits.connect)?;
            same_provider(&row, known, &metadata)?;
            match self.verify(known, &metadata, Arc::clone(&row)) {
                // The right person's, by a clock that was wrong when it came: that does not mend itself, newer tokens bring a newer one.
                Err(error) if is_about_time(&error) && row.tokens.refresh_token.is_some() => row,
                verified => verified?,
            }
        };
        // Somebody else was quicker, or the caller looked at an old row.
        if row.verified && self.fulfils(&row, wish) {
            return Ok(row);
        }
        let Some(refresh_token) = &row.tokens.refresh_token else {
            return self.without_refresh_token(row, wish);
        };
        if let Some(wait) = back_off(row.retry_at, self.wall_millis()) {
            return Err(Error::new(Reason::BackOff).with_retry_after(Some(wait)));
        }
        let metadata = self.metadata_within(known, limits.connect)?;
        same_provider(&row, known, &metadata)?;
        let client = client(known, &metadata, known.registration.redirect_uri());
        let received = self.received();
        let scopes = if client.request.scope_on_refresh { scopes_again(known, &row) } else { Vec::new() };
        let outcome = refresh(&client, refresh_token, &scopes, &*self.transport, limits)?;
        let rules = known.provider.refresh_rules();
        let dead: Vec<&str> = rules.dead.iter().map(String::as_str).collect();
        let transient: Vec<&str> = rules.transient.iter().map(String::as_str).collect();
        match classify(&outcome, &dead, &transient) {
            Verdict::Tokens(tokens) => {
                let received = self.seen_by_server(received, &outcome);
                self.save(known, &metadata, &row, tokens, &received)
            }
            Verdict::Dead { oauth, status } => {
                self.end(&row, Error::new(Reason::Revoked).with_oauth(oauth).with_status(status))
            }
            Verdict::NotSpent { error, retry_after } => {
                let asked = retry_after.map(|wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
                let wait = asked.or_else(|| asks_to_wait(&error).then_some(BACK_OFF_MILLIS));
                Err(self.refresh_failed(&row, wait, error)?)
            }
            Verdict::InDoubt { error } => Err(self.refresh_failed(&row, None, error)?),
        }
    }

    /// Save first; then verify; then hand out.
    fn save(
        &self,
        known: &Known,
        metadata: &Metadata,
        row: &SessionRow,
        mut tokens: TokenAnswer,
        received: &Received,
    ) -> Result<Arc<SessionRow>> {
        // Without a new one the old one stays good (RFC 6749 section 6).
        if tokens.refresh_token.is_none() {
            tokens.refresh_token = row.tokens.refresh_token.as_ref().map(|token| token.duplicate());
        }
        let unverified = tokens.id_token.is_some() && row.identity.is_some();
        if tokens.id_token.is_none() {
            tokens.id_token = row.tokens.id_token.as_ref().map(|token| token.duplicate());
        }
        let note = Note::new(JournalEvent::Refreshed, &row.registration).session(&row.id);
        let saved =
            self.remembering(|| match self.store.save_rotation(row, &tokens, received, !unverified, &note)? {
                Some(saved) => Ok(Arc::new(saved)),
                // A login or a logout came between: its word counts, and our tokens are dropped.
                None => self.stored(&row.id),
            })?;
        match saved.cause {
            Some(cause) => Err(Error::new(cause)),
            None if saved.verified => Ok(saved),
            None => match self.verify(known, metadata, Arc::clone(&saved)) {
                Err(error) if is_about_time(&error) => {
                    Err(self.refresh_failed(&saved, Some(BACK_OFF_MILLIS), error)?)
                }
                verified => verified,
            },
        }
    }

    /// Checks the ID token that came with saved tokens (OpenID Connect Core section 12.2).
    fn verify(&self, known: &Known, metadata: &Metadata, row: Arc<SessionRow>) -> Result<Arc<SessionRow>> {
        let (Some(token), Some(identity)) = (&row.tokens.id_token, &row.identity) else {
            return Err(Error::new(Reason::StoreTampered).with_detail("session.verified"));
        };
        let checked = self.with_keys(metadata, |keys| {
            let expected = expected(self, known, metadata, None, &row.tokens, &row.received);
            let original =
                Original { subject: &identity.subject, issuer: &identity.issuer, auth_time: identity.auth_time };
            verify_refreshed(token.expose(), keys, &expected, &original)
        });
        match checked {
            Ok(_) => {
                let marked = self.remembering(|| {
                    self.store.mark_verified(&row)?;
                    self.stored(&row.id)
                })?;
                match marked.cause {
                    Some(cause) => Err(Error::new(cause)),
                    // Whoever replaced the row in between has its own tokens to check.
                    None if marked.verified => Ok(marked),
                    None => Err(Error::new(Reason::RefreshBusy)),
                }
            }
            Err(error) if is_for_good(&error) => {
                log::warn!("session {} ends: the refreshed ID token is refused: {error}", row.id);
                self.end(&row, Error::new(Reason::IdentityMismatch).with_source(error))
            }
            Err(error) => Err(error),
        }
    }

    /// The session cannot be renewed: it is served while its token is good, and ends with it.
    fn without_refresh_token(&self, row: Arc<SessionRow>, wish: Wish) -> Result<Arc<SessionRow>> {
        if is_over(&life(&row), &self.now()) {
            return self.end(&row, Error::new(Reason::Expired));
        }
        match wish {
            Wish::NewerThan(_) => Err(Error::new(Reason::NoRefreshToken)),
            Wish::Token(_) => match self.need(&row, MinValidity::secs(0)) {
                // Over by a wall clock that the boot clock contradicts: no ending on a doubt.
                Need::Mandatory => Err(Error::new(Reason::Expired)),
                Need::Advisory | Need::Nothing => Ok(row),
            },
        }
    }

    /// Ends the session for the error's reason, if it is still the one that was read; else its newer state counts.
    fn end(&self, row: &SessionRow, error: Error) -> Result<Arc<SessionRow>> {
        let note = Note::new(JournalEvent::SessionEnded, &row.registration).session(&row.id).error(&error);
        let mut ended = false;
        let now = self.remembering(|| {
            ended = self.store.end_for(row, error.reason(), self.wall_millis(), &note)?;
            self.stored(&row.id)
        })?;
        match (ended, now.cause) {
            (true, _) => Err(error),
            (false, Some(cause)) => Err(Error::new(cause)),
            (false, None) if now.verified => Ok(now),
            // Whoever replaced the tokens has still to find out whose they are.
            (false, None) => Err(Error::new(Reason::RefreshBusy)),
        }
    }

    /// Remembers that the provider gave no tokens, and when it may be asked again.
    fn refresh_failed(&self, row: &SessionRow, wait: Option<i64>, error: Error) -> Result<Error> {
        let now = self.wall_millis();
        let note = Note::new(JournalEvent::RefreshFailed, &row.registration).session(&row.id).error(&error);
        self.remembering(|| {
            self.store.back_off(row, wait.map(|wait| now.saturating_add(wait)), now, &note)?;
            self.stored(&row.id)
        })?;
        Ok(error)
    }
}

/// An early refresh on its way to the host's executor, so that one is on its way and not one for each call. Gone with the work, done or dropped.
struct Errand {
    shared: Arc<Shared>,
    id: String,
}

impl Errand {
    fn begin(shared: &Arc<Shared>, id: &str) -> Option<Self> {
        shared.memory().errands.insert(id.to_owned()).then(|| Self { shared: Arc::clone(shared), id: id.to_owned() })
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        self.shared.memory().errands.remove(&self.id);
    }
}

/// A session's tokens go to the provider that gave them and to nobody else (security S61), also when its registration is another's by now.
pub(super) fn same_provider(row: &SessionRow, known: &Known, metadata: &Metadata) -> Result<()> {
    if row.issuer == issuer_name(metadata) && known.provider.answers_to(&row.provider) {
        return Ok(());
    }
    Err(Error::new(Reason::InvalidConfiguration)
        .with_detail(format!("registration {} now names another provider than the session's", row.registration)))
}

/// The scopes of the grant, for a provider that wants to hear them again. `offline_access` is granted where there is a refresh token, but not
/// every answer names it, and without it the next answer may bring none.
fn scopes_again(known: &Known, row: &SessionRow) -> Vec<String> {
    let is_offline = |scope: &String| scope == "offline_access";
    let asked = known.registration.scopes().unwrap_or_else(|| known.provider.default_scopes());
    let unnamed = asked.iter().find(|scope| is_offline(scope) && !row.scopes.iter().any(is_offline));
    row.scopes.iter().chain(unnamed).cloned().collect()
}

/// An answer that repeating at once would only make worse.
fn asks_to_wait(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Configuration | ErrorKind::OAuth | ErrorKind::RateLimited)
        || error.reason() == Reason::ProviderUnavailable
}

/// Whether a refused ID token stays refused. A key may still be published, and a time is a matter of clocks, which end no session.
fn is_for_good(error: &Error) -> bool {
    let passing = error.reason() == Reason::IdTokenKeyNotFound || is_about_time(error);
    error.reason() == Reason::IdentityMismatch || (error.kind() == ErrorKind::TokenRejected && !passing)
}

/// Whether an ID token is refused for its times alone: issuer, audience and subject are looked at before them.
fn is_about_time(error: &Error) -> bool {
    matches!(error.reason(), Reason::IdTokenExpired | Reason::IdTokenIat)
}

fn life(row: &SessionRow) -> Life<'_> {
    Life {
        received_wall: row.received.wall,
        received_boot: row.received.boot,
        boot_id: row.received.boot_id.as_deref(),
        lifetime: row.lifetime,
    }
}
