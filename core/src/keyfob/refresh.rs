//! The refresh protocol: the steps, in their order. What each of them decides is in `refresh/decide.rs`, what they write in `store/attempts.rs`.
//!
//! One leader per session in this process comes here. It takes the lock among processes, reads the row again, writes that it is about to send, sends
//! once, and saves before anything else is done with the answer.

use std::sync::Arc;
use std::time::Duration;

use super::gate::{Held, Locked, Sending as BeingSent};
use super::login::{client, issuer_name};
use super::verify::is_about_time;
use super::{Known, Shared, millis};
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::http::oauth::{Outcome, Renewal, refresh};
use crate::http::{Limits, Sent as Unsent};
use crate::provider::{Metadata, Resend};
use crate::refresh::decide::{
    After, Attempt, Came, Cause, Owner, Permit, Reading, Sent, State, Step, after_answer, after_reading,
};
use crate::refresh::pause::{Failure, Moment, Pause};
use crate::refresh::window::Need;
use crate::session::MinValidity;
use crate::store::{FileLock, Hold, JournalEvent, Note, Permitted, Purpose, Received, Sending, SessionRow};
use crate::token::answer::TokenAnswer;
use crate::token::verdict::{Verdict, classify};

/// When a request in doubt is repeated: servers forgive the same token twice for a few seconds.
const REPEATS: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];

/// The first and the longest time between two looks at a lock that another process holds.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LONGEST_LOOK: Duration = Duration::from_millis(25);

/// How long an owner that has let go of the lock, and is alive, is given to be gone.
const DYING: Duration = Duration::from_millis(250);

/// How often the row may change under a refresh before it gives up: each change is somebody else's success.
const MOST_READINGS: usize = 16;

/// Why a refresh is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wish {
    /// A token good for so long.
    Token(MinValidity),
    /// A newer generation, before it is needed.
    Early(i64),
    /// A newer generation, because the app says so.
    Asked(i64),
    /// A newer generation, because a resource server refused this one.
    Rejected(i64),
    /// That what was cut off is mended.
    Interrupted,
}

impl Wish {
    /// As the journal names it.
    const fn name(self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::Early(_) => "early",
            Self::Asked(_) => "asked",
            Self::Rejected(_) => "rejected",
            Self::Interrupted => "interrupted",
        }
    }
}

/// How long to wait for another process.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    /// Not at all.
    Once,
    /// So long.
    Until(Duration),
}

/// What a leader set out with.
pub(super) struct Run {
    pub(super) wish: Wish,
    pub(super) limits: Limits,
    pub(super) patience: Patience,
}

/// What taking the lock came to.
enum Taken<'a> {
    Locked(Locked<'a>),
    /// Somebody else has done it meanwhile.
    Row(Arc<SessionRow>),
}

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
    /// The steps of a refresh, on the thread that leads it. `seen` is what the caller had looked at.
    pub(super) fn refresh(&self, seen: &Arc<SessionRow>, run: &Run) -> Result<Arc<SessionRow>> {
        let _running = self.common.gate.begin()?;
        let started = self.clock.boot();
        // Tokens that this process could not save come before anything else: the token before them is spent.
        self.save_unsaved(&seen.id)?;
        // Those of other sessions hold locks that this one may share.
        for id in self.common.unsaved.ids() {
            if let Err(error) = self.save_unsaved(&id) {
                log::debug!("tokens of session {id} are in memory only yet: {error}");
            }
        }
        let row = self.remembering(|| self.stored(&seen.id))?;
        // What can be told without the provider is told without it, and without waiting for anybody.
        let step = after_reading(&self.reading(&row, seen.generation, run.wish));
        if let Some(answer) = self.without_sending(step, &row, run.wish) {
            return answer;
        }
        let known = self.known(&row.registration)?;
        let metadata = match self.metadata_within(known, run.limits.connect) {
            Ok(metadata) => metadata,
            Err(error) => return self.instead(&row, run.wish, error),
        };
        same_provider(&row, known, &metadata)?;
        crash_point!("K1");
        let locked = match self.take_lock(&row, seen.generation, run, started)? {
            Taken::Locked(locked) => locked,
            Taken::Row(row) => return Ok(row),
        };
        crash_point!("K2");
        let mut locked = Some(locked);
        let mut wrong_time_only = false;
        let mut doubted_alive = Duration::ZERO;
        for _ in 0..MOST_READINGS {
            let row = self.remembering(|| self.stored(&seen.id))?;
            crash_point!("K3");
            let reading = self.reading(&row, seen.generation, run.wish);
            // Checked, and the right person's: it may be renewed, but is not served, and stays unverified until a newer ID token is there.
            let checked = Reading { verified: true, good: false, ..reading };
            let step = after_reading(if wrong_time_only { &checked } else { &reading });
            if let Some(answer) = self.without_sending(step, &row, run.wish) {
                return answer;
            }
            same_provider(&row, known, &metadata)?;
            match step {
                Step::Verify => match self.verify(known, &metadata, &row, run.wish) {
                    Ok(_) => {}
                    Err(error) if is_about_time(&error) && self.is_renewable(&row) => wrong_time_only = true,
                    Err(error) => return self.unverified(&row, run.wish, error),
                },
                // A process that is killed lets go of its locks a moment before it is gone.
                Step::Busy if doubted_alive < DYING && matches!(run.patience, Patience::Until(_)) => {
                    drop(locked.take());
                    self.common.gate.pause(LONGEST_LOOK)?;
                    doubted_alive = doubted_alive.saturating_add(LONGEST_LOOK);
                    match self.take_lock(&row, seen.generation, run, started)? {
                        Taken::Locked(again) => locked = Some(again),
                        Taken::Row(row) => return Ok(row),
                    }
                }
                Step::Busy => return self.instead(&row, run.wish, busy(Some((&row, self)))),
                Step::Send { in_doubt, at_once } => {
                    let flying = Flying { known, metadata: &metadata, row: &row, wish: run.wish, started, in_doubt };
                    match self.send_once(flying, run, at_once, &mut locked)? {
                        Tried::ReadAgain => {}
                        Tried::Done(result) => return result,
                    }
                }
                // Answered above.
                Step::TellCause | Step::Serve | Step::AwaitDoubt | Step::AwaitBackOff | Step::NotRenewable => {}
            }
        }
        Err(busy(None))
    }

    /// What the row says, as plain values.
    fn reading(&self, row: &SessionRow, seen: i64, wish: Wish) -> Reading {
        let good = self.fulfils(row, wish);
        Reading {
            state: match row.cause {
                None => State::Active,
                Some(Reason::LoggedOut) => State::LoggedOut,
                Some(_) => State::Ended,
            },
            newer: row.generation != seen,
            verified: row.verified,
            good,
            renewable: self.is_renewable(row),
            attempt: self.attempt_of(row),
            waiting: row.pause.as_ref().is_some_and(|pause| pause.left(&self.now()).is_some()),
            may_repeat: self.may_repeat(row),
        }
    }

    /// Whether there is something to renew the session with: a refresh token, or, where the provider works so, an access token that is still good.
    pub(super) fn is_renewable(&self, row: &SessionRow) -> bool {
        row.tokens.refresh_token.is_some()
            || (self.known(&row.registration).is_ok_and(|known| known.provider.refresh_rules().exchange.is_some())
                && self.need(row, MinValidity::secs(0)) != Need::Mandatory)
    }

    fn attempt_of(&self, row: &SessionRow) -> Attempt {
        let Some(attempt) = &row.attempt else { return Attempt::None };
        let now = self.now();
        let in_doubt =
            |pause: Option<&Pause>| Attempt::InDoubt { due: pause.is_none_or(|pause| pause.left(&now).is_none()) };
        if attempt.in_doubt {
            return in_doubt(attempt.pause.as_ref());
        }
        match attempt.owner.seen_from(&self.common.me, &attempt.begun, &now) {
            Owner::Here => match self.memory().given_up.get(&row.id) {
                // Its outcome could not be written; it is obeyed all the same.
                Some((generation, pause)) if *generation == row.generation => in_doubt(Some(pause)),
                _ => Attempt::Open(Owner::Here),
            },
            owner => Attempt::Open(owner),
        }
    }

    /// Whether a request in doubt may be repeated: where a provider punishes the user for it, only once there is nothing to lose.
    fn may_repeat(&self, row: &SessionRow) -> bool {
        let known = self.known(&row.registration).ok();
        match known.map(|known| known.provider.refresh_rules().resend).unwrap_or_default() {
            Resend::AtOnce => true,
            Resend::WhenOver => self.need(row, MinValidity::secs(0)) == Need::Mandatory,
        }
    }

    /// The answers that need neither the provider nor the lock.
    fn without_sending(&self, step: Step, row: &Arc<SessionRow>, wish: Wish) -> Option<Result<Arc<SessionRow>>> {
        Some(match step {
            Step::TellCause => Err(Error::new(row.cause.unwrap_or(Reason::LoggedOut))),
            Step::Serve => Ok(Arc::clone(row)),
            Step::NotRenewable => self.without_refresh_token(Arc::clone(row), wish),
            Step::AwaitDoubt => {
                let wait = self.doubt_left(row);
                self.instead(row, wish, Error::new(Reason::InDoubt).with_retry_after(wait))
            }
            Step::AwaitBackOff => {
                let wait = row.pause.as_ref().and_then(|pause| pause.left(&self.now()));
                self.instead(row, wish, Error::new(Reason::BackOff).with_retry_after(wait))
            }
            Step::Busy | Step::Verify | Step::Send { .. } => return None,
        })
    }

    /// How long a request in doubt is left alone yet, by its row or, where that could not be written, by what this process remembers.
    fn doubt_left(&self, row: &SessionRow) -> Option<Duration> {
        let now = self.now();
        if let Some(pause) = row.attempt.as_ref().and_then(|attempt| attempt.pause.as_ref()) {
            return pause.left(&now);
        }
        let memory = self.memory();
        let (generation, pause) = memory.given_up.get(&row.id)?;
        if *generation == row.generation { pause.left(&now) } else { None }
    }

    /// Takes the lock among processes, or sees that somebody else has done the work. The caller's patience counts from when its refresh `began`.
    fn take_lock(&self, row: &Arc<SessionRow>, seen: i64, run: &Run, began: Duration) -> Result<Taken<'_>> {
        let limit = match run.patience {
            Patience::Once => Duration::ZERO,
            Patience::Until(limit) => limit,
        };
        let mut slept = Duration::ZERO;
        let mut look = FIRST_LOOK;
        let mut row = Arc::clone(row);
        loop {
            if let Some(lock) = self.try_refresh_lock(&row.id)? {
                return self.common.gate.hold(lock).map(Taken::Locked);
            }
            // A host's clock may stand still: what was slept counts in any case.
            let waited = slept.max(self.clock.boot().saturating_sub(began));
            if waited >= limit {
                return self.instead(&row, run.wish, busy(Some((&row, self)))).map(Taken::Row);
            }
            self.common.gate.pause(look.min(limit.saturating_sub(waited)))?;
            slept = slept.saturating_add(look);
            // Doubling, and not in step with the others.
            look = (look * 2).min(LONGEST_LOOK) + Duration::from_micros(self.spread.unsigned_abs());
            // Who changed it may be another thread of this process, or have been noticed by one.
            self.look_for_others()?;
            if self.memory().generation(&row.id) != Some(row.generation) {
                row = self.remembering(|| self.stored(&row.id))?;
                match after_reading(&self.reading(&row, seen, run.wish)) {
                    Step::TellCause => return Err(Error::new(row.cause.unwrap_or(Reason::LoggedOut))),
                    Step::Serve => return Ok(Taken::Row(row)),
                    _ => {}
                }
            }
        }
    }

    pub(super) fn try_refresh_lock(&self, id: &str) -> Result<Option<FileLock>> {
        self.common.store.try_lock(Purpose::Refresh, id, Hold::Alone)
    }

    /// Writes the attempt, sends, and does what the answer asks for; repeats what is in doubt. `locked` is taken when tokens have to be kept under it.
    fn send_once(
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
        let client = client(known, metadata, known.registration.redirect_uri());
        let scopes = if client.request.scope_on_refresh { scopes_again(known, row) } else { Vec::new() };
        let exchange = known.provider.refresh_rules().exchange.as_ref();
        let url = match exchange.and_then(|exchange| exchange.url.as_deref()) {
            Some(url) => known.provider.url_for(&known.registration, "refresh.exchange.url", url)?,
            None => metadata.token_endpoint.clone(),
        };
        let renewal = match (&row.tokens.refresh_token, exchange) {
            (Some(token), _) => Renewal::RefreshToken(token),
            (None, Some(exchange)) => Renewal::AccessToken { token: &row.tokens.access_token, exchange, url: &url },
            (None, None) => return Err(Error::new(Reason::NoRefreshToken)),
        };
        let received = self.received();
        let sending = self.common.gate.sending(held, row)?;
        let outcome = refresh(&client, renewal, &scopes, &*self.transport, run.limits);
        Ok((outcome?, received, sending))
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

/// Another process is at it; who, as far as that is known.
pub(super) fn busy(who: Option<(&SessionRow, &Shared)>) -> Error {
    let error = Error::new(Reason::RefreshBusy);
    let Some((row, shared)) = who else { return error };
    let Some(attempt) = &row.attempt else { return error };
    let age = match shared.now().boot.saturating_sub(attempt.begun.boot) {
        age @ 0.. if attempt.begun.boot_id == shared.boot_id => age,
        _ => shared.now().wall.saturating_sub(attempt.begun.wall).max(0),
    };
    error.with_detail(format!("process {} has been at it for {}.{:03} s", attempt.owner.pid, age / 1000, age % 1000))
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
