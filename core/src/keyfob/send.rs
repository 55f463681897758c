//! One refresh token on its way: written down, sent, judged, and what came of it written too.

use std::sync::Arc;
use std::time::Duration;

use super::begin::default_scopes;
use super::client::{Asking, For};
use super::gate::{Held, Locked, Sending as BeingSent};
use super::refresh::{Run, Wish, busy};
use super::{Known, Shared, millis};
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::http::Sent as Unsent;
use crate::http::oauth::{Outcome, Renewal, refresh};
use crate::provider::{Kept, Metadata};
use crate::refresh::decide::{After, Came, Cause, Permit, Sent, after_answer};
use crate::refresh::pause::{Failure, Moment, Pause};
use crate::store::{JournalEvent, Note, Permitted, Received, Sending, SessionRow};
use crate::token::answer::TokenAnswer;
use crate::token::verdict::{Verdict, classify};

/// When a request in doubt is repeated: servers forgive the same token twice for a few seconds.
const REPEATS: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];

/// What one try came to.
pub(super) enum Tried {
    /// The row says something newer.
    ReadAgain,
    Done(Result<Arc<SessionRow>>),
}

/// One refresh token on its way.
pub(super) struct Flying<'a> {
    pub(super) known: &'a Known,
    pub(super) metadata: &'a Metadata,
    pub(super) row: &'a Arc<SessionRow>,
    pub(super) wish: Wish,
    pub(super) started: Duration,
    /// Whether a request of this generation is in doubt.
    pub(super) in_doubt: bool,
}

impl Shared {
    /// Writes the attempt, sends, and does what the answer asks for; repeats what is in doubt. `locked` is taken when tokens have to be kept under it.
    pub(super) fn send_once(
        &self,
        mut flying: Flying<'_>,
        run: &Run,
        at_once: bool,
        locked: &mut Option<Locked<'_>>,
    ) -> Result<Tried> {
        let held = match locked {
            Some(locked) => Arc::clone(locked.held()),
            None => return Err(busy(None)),
        };
        if !held.is_locked() {
            // A suspension did not wait for us, and is over: somebody else may have the lock by now.
            return Err(Error::new(Reason::Suspended));
        }
        let mut moment = self.moment();
        let permitted = match self.common.store.begin_attempt(&self.sending(&flying, &moment, at_once)) {
            Ok(permitted) => permitted,
            // A disk that takes nothing, a process that hangs in a write: nothing was sent, and a token that is good stays good.
            Err(error) => return Ok(Tried::Done(self.instead(flying.row, flying.wish, error))),
        };
        if let Some(refused) = self.refused(&permitted, &flying) {
            return Ok(refused);
        }
        crash_point!("K5");
        let began = self.clock.boot();
        for repeat in REPEATS.iter().map(Some).chain([None]) {
            let (answer, received, sending) = match self.ask(&flying, run, &held) {
                Ok(asked) => asked,
                // Suspended before it was sent, or it could not even be built.
                Err(error) => {
                    self.give_back(&flying, &moment);
                    self.forget_attempt(&flying)?;
                    return Err(error);
                }
            };
            crash_point!("K7");
            let rules = flying.known.provider.refresh_rules();
            let dead: Vec<&str> = rules.dead.iter().map(String::as_str).collect();
            let transient: Vec<&str> = rules.transient.iter().map(String::as_str).collect();
            let verdict = classify(&answer, &dead, &transient);
            let next = repeat.filter(|wait| {
                let spent = self.clock.boot().saturating_sub(began).saturating_add(**wait);
                spent < run.limits.total && self.may_repeat(flying.row)
            });
            let sent = Sent { in_doubt: flying.in_doubt, doubted: flying.row.doubted, repeats: next.is_some() };
            let after = after_answer(came(&verdict), &sent);
            flying.in_doubt |= came(&verdict) == Came::InDoubt;
            // What is to be repeated counts as being sent until then: given up in the pause, it is recorded as in doubt like any other.
            let sending = next.filter(|_| after == After::Repeat).map(|_| sending);
            if held.is_abandoned() {
                return Err(Error::new(Reason::Suspended));
            }
            if matches!(&answer, Outcome::Failed(error) if error.sent == Unsent::NotSent) {
                self.give_back(&flying, &moment);
            }
            let skew = self.note_skew(&received, &answer);
            let error = match (after, verdict) {
                (_, Verdict::Tokens(tokens)) => {
                    let received = self.seen_by_server(received, &answer);
                    return Ok(Tried::Done(self.save(&flying, tokens, received, skew, locked)));
                }
                (After::End(cause), Verdict::Dead { oauth, status }) => {
                    let reason = match cause {
                        Cause::Revoked => Reason::Revoked,
                        Cause::RotationLost => Reason::RotationLost,
                    };
                    let error = Error::new(reason).with_oauth(oauth).with_status(status);
                    return Ok(Tried::Done(self.dead(&flying, error)));
                }
                (After::Release, Verdict::NotSpent { error, retry_after }) => {
                    return self.not_spent(&flying, error, retry_after, skew).map(Tried::Done);
                }
                (After::KeepDoubt, Verdict::NotSpent { error, retry_after }) => {
                    return self.still_in_doubt(&flying, error, retry_after, skew).map(Tried::Done);
                }
                (_, Verdict::NotSpent { error, .. } | Verdict::InDoubt { error }) => error,
                (_, Verdict::Dead { .. }) => return Err(Error::new(Reason::Internal)),
            };
            let Some(wait) = next else {
                return self.still_in_doubt(&flying, error, None, skew).map(Tried::Done);
            };
            let paused = self.common.gate.pause(*wait);
            drop(sending);
            if held.is_abandoned() {
                return Err(Error::new(Reason::Suspended));
            }
            if paused.is_err() {
                // Suspended between two requests: the next one is due as soon as somebody is awake.
                self.keep_doubt(&flying, &Pause::over(self.moment()), &error, skew)?;
                return Err(Error::new(Reason::Suspended));
            }
            moment = self.moment();
            let permitted = self.common.store.repeat_attempt(&self.sending(&flying, &moment, true))?;
            match permitted.permit {
                Permit::Send => {}
                Permit::ReadAgain => return Ok(Tried::ReadAgain),
                Permit::AwaitBackOff | Permit::AwaitBudget => {
                    return self.still_in_doubt(&flying, error, permitted.wait, skew).map(Tried::Done);
                }
            }
        }
        Err(Error::new(Reason::Internal).with_detail("a refresh had no end"))
    }

    /// The provider no longer knows the credential. An ending that cannot be written is not told: the next call asks once more, and not at once.
    fn dead(&self, flying: &Flying<'_>, error: Error) -> Result<Arc<SessionRow>> {
        self.end(flying.row, flying.wish, error).inspect_err(|error| {
            if !error.is_login_required() {
                let pause = Pause::after(Failure::InDoubt, None, None, self.moment());
                self.give_up(flying.row, &pause, error);
            }
        })
    }

    fn sending<'a>(&'a self, flying: &'a Flying<'_>, at: &'a Moment, at_once: bool) -> Sending<'a> {
        Sending {
            row: flying.row,
            owner: &self.common.me,
            at,
            in_doubt: flying.in_doubt,
            at_once,
            budget: flying.known.budget(),
        }
    }

    fn refused(&self, permitted: &Permitted, flying: &Flying<'_>) -> Option<Tried> {
        let reason = match permitted.permit {
            Permit::Send => return None,
            Permit::ReadAgain => return Some(Tried::ReadAgain),
            Permit::AwaitBackOff => Reason::BackOff,
            Permit::AwaitBudget => Reason::BudgetSpent,
        };
        let error = Error::new(reason).with_retry_after(permitted.wait);
        Some(Tried::Done(self.instead(flying.row, flying.wish, error)))
    }

    /// Sends the refresh token, once. It counts as being sent until the guard goes.
    fn ask<'a>(&self, flying: &Flying<'_>, run: &Run, held: &'a Held) -> Result<(Outcome, Received, BeingSent<'a>)> {
        let Flying { known, metadata, row, .. } = flying;
        let scopes =
            if known.provider.token_request().scope_on_refresh { scopes_again(known, row) } else { Vec::new() };
        let kept = &row.tokens.kept;
        let exchange = known.provider.refresh_rules().exchange.as_ref();
        let first = exchange.and_then(|exchange| exchange.first.as_ref()).filter(|_| !kept.renewed);
        let (renewal, what) = match (&row.tokens.refresh_token, exchange) {
            (Some(token), _) => (Renewal::RefreshToken(token), For::Refresh),
            (None, Some(exchange)) => {
                let credential = &row.tokens.access_token;
                let (grant_type, parameter, method, url) = match first {
                    Some(first) => (&first.grant_type, &first.parameter, first.method, &first.url),
                    None => (&exchange.grant_type, &exchange.parameter, exchange.method, &exchange.url),
                };
                let what = For::Trade { url: url.as_deref() };
                (Renewal::Other { credential, grant_type, parameter, method }, what)
            }
            (None, None) => return Err(Error::new(Reason::NoRefreshToken)),
        };
        let sending = self.common.gate.sending(held, row)?;
        let redirect_uri = known.registration.redirect_uri();
        // Without the lock it is somebody else's turn.
        let given_up = || held.is_abandoned();
        let asking = Asking { known, metadata, redirect_uri, kept, what };
        let (outcome, received) = self
            .as_client(asking, &given_up, &|client| refresh(client, renewal, &scopes, &*self.transport, run.limits))?;
        Ok((outcome, received, sending))
    }

    fn note<'a>(&self, event: JournalEvent, flying: &'a Flying<'_>, skew: Option<i64>) -> Note<'a> {
        let note = Note::new(event, &flying.row.registration).session(&flying.row.id);
        let waited = millis(self.clock.boot().saturating_sub(flying.started));
        Note { wish: Some(flying.wish.name()), waited: Some(waited), skew, ..note }
    }

    /// A try that sent nothing is none of the provider's business: offline, a phone would use up its budget of an hour in minutes.
    fn give_back(&self, flying: &Flying<'_>, at: &Moment) {
        if let Err(error) = self.common.store.give_back(&self.sending(flying, at, true)) {
            log::debug!("a try could not be given back: {error}");
        }
    }

    /// Nothing was sent after all: it is as if nobody had tried.
    fn forget_attempt(&self, flying: &Flying<'_>) -> Result<()> {
        if flying.in_doubt {
            let error = Error::new(Reason::Suspended);
            return self.keep_doubt(flying, &Pause::over(self.moment()), &error, None);
        }
        let note = self.note(JournalEvent::RefreshFailed, flying, None).reason(Reason::NotSent);
        self.common.store.release_attempt(flying.row, None, self.wall_millis(), &note)
    }

    /// The request was turned away: the provider is left alone for a while, and the session lives on.
    fn not_spent(
        &self,
        flying: &Flying<'_>,
        error: Error,
        asked: Option<Duration>,
        skew: Option<i64>,
    ) -> Result<Result<Arc<SessionRow>>> {
        let pause = Pause::after(failure(&error), asked, flying.row.pause.as_ref(), self.moment());
        let note = self.note(JournalEvent::RefreshFailed, flying, skew).error(&error);
        let released = self.common.store.release_attempt(flying.row, Some(&pause), self.wall_millis(), &note);
        self.memory().forget(&flying.row.id);
        if let Err(error) = released {
            self.give_up(flying.row, &pause, &error);
        }
        let error = if error.retry_after().is_some() { error } else { error.with_retry_after(pause.left(&self.now())) };
        Ok(self.instead(flying.row, flying.wish, error))
    }

    /// Nobody knows what became of it: that is kept, and when it may be tried again.
    fn still_in_doubt(
        &self,
        flying: &Flying<'_>,
        error: Error,
        asked: Option<Duration>,
        skew: Option<i64>,
    ) -> Result<Result<Arc<SessionRow>>> {
        let before = flying.row.attempt.as_ref().and_then(|attempt| attempt.pause.as_ref());
        let pause = Pause::after(Failure::InDoubt, asked, before, self.moment());
        self.keep_doubt(flying, &pause, &error, skew)?;
        let error = error.with_retry_after(pause.left(&self.now()));
        Ok(self.instead(flying.row, flying.wish, error))
    }

    fn keep_doubt(&self, flying: &Flying<'_>, pause: &Pause, error: &Error, skew: Option<i64>) -> Result<()> {
        let note = self.note(JournalEvent::RefreshFailed, flying, skew).error(error);
        let kept = self.common.store.keep_doubt(flying.row, pause, self.wall_millis(), &note);
        self.memory().forget(&flying.row.id);
        if let Err(error) = kept {
            self.give_up(flying.row, pause, &error);
        }
        Ok(())
    }

    /// An outcome that could not be written is kept in memory, as a doubt: this process obeys it all the same. Another one finds the attempt's owner alive
    /// and waits, or gone and then asks again.
    pub(super) fn give_up(&self, row: &SessionRow, pause: &Pause, error: &Error) {
        log::warn!("the outcome of a refresh could not be written: {error}");
        self.memory().given_up.insert(row.id.clone(), (row.generation, pause.clone()));
    }

    /// The tokens' words for the journal.
    pub(super) fn refreshed_note<'a>(&self, flying: &'a Flying<'_>, skew: Option<i64>) -> Note<'a> {
        self.note(JournalEvent::Refreshed, flying, skew)
    }

    /// Without a new one the old one stays good (RFC 6749 section 6); so does the ID token of the login.
    pub(super) fn completed_by(row: &SessionRow, mut tokens: TokenAnswer) -> TokenAnswer {
        if tokens.refresh_token.is_none() {
            tokens.refresh_token = row.tokens.refresh_token.as_ref().map(|token| token.duplicate());
        }
        if tokens.id_token.is_none() {
            tokens.id_token = row.tokens.id_token.as_ref().map(|token| token.duplicate());
        }
        tokens.kept = Kept { renewed: row.tokens.refresh_token.is_none(), ..row.tokens.kept.clone() };
        tokens
    }

    pub(super) fn moment(&self) -> Moment {
        self.received().moment()
    }
}

fn came(verdict: &Verdict) -> Came {
    match verdict {
        Verdict::Tokens(_) => Came::Tokens,
        Verdict::Dead { .. } => Came::Dead,
        Verdict::NotSpent { .. } => Came::NotSpent,
        Verdict::InDoubt { .. } => Came::InDoubt,
    }
}

/// How much patience a failure asks for.
fn failure(error: &Error) -> Failure {
    match (error.kind(), error.reason()) {
        (ErrorKind::Configuration | ErrorKind::OAuth, _) => Failure::Refused,
        (ErrorKind::RateLimited, _) | (_, Reason::ProviderUnavailable) => Failure::Busy,
        (_, Reason::CaptivePortal | Reason::UnexpectedStatus) => Failure::TurnedAway,
        _ => Failure::NotSent,
    }
}

/// The scopes of the grant, for a provider that wants to hear them again. `offline_access` is granted where there is a refresh token, but not
/// every answer names it, and without it the next answer may bring none.
fn scopes_again(known: &Known, row: &SessionRow) -> Vec<String> {
    let is_offline = |scope: &String| scope == "offline_access";
    let asked = default_scopes(known);
    let unnamed = asked.iter().find(|scope| is_offline(scope) && !row.scopes.iter().any(is_offline));
    row.scopes.iter().chain(unnamed).cloned().collect()
}
