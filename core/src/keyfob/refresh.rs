//! The refresh protocol: the steps, in their order. What each of them decides is in `refresh/decide.rs`, what they write in `store/attempts.rs`.
//!
//! One leader per session in this process comes here. It takes the lock among processes, reads the row again, writes that it is about to send, sends
//! once (`send`), and saves before anything else is done with the answer (`verify`).

use std::sync::Arc;
use std::time::Duration;

use super::gate::Locked;
use super::login::issuer_name;
use super::send::{Flying, Tried};
use super::verify::is_about_time;
use super::{Known, Shared};
use crate::error::{Error, Reason, Result};
use crate::http::Limits;
use crate::provider::{Metadata, Resend};
use crate::refresh::decide::{Attempt, Owner, Reading, State, Step, after_reading};
use crate::refresh::pause::Pause;
use crate::refresh::window::Need;
use crate::session::MinValidity;
use crate::store::{FileLock, Hold, Purpose, SessionRow};

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
    pub(super) const fn name(self) -> &'static str {
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
        let metadata = match self.metadata_within(known, &row.tokens.kept, run.limits.connect) {
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
        let mut checked = None;
        let mut doubted_alive = Duration::ZERO;
        for _ in 0..MOST_READINGS {
            let mut row = self.remembering(|| self.stored(&seen.id))?;
            if checked == Some(row.generation) && !row.verified {
                // That could not be written, and is known here all the same.
                row = Arc::new(SessionRow { verified: true, ..row.duplicate() });
            }
            crash_point!("K3");
            let reading = self.reading(&row, seen.generation, run.wish);
            // Checked, and the right person's: it may be renewed, but is not served, and stays unverified until a newer ID token is there.
            let renewable = Reading { verified: true, good: false, ..reading };
            let step = after_reading(if wrong_time_only { &renewable } else { &reading });
            if let Some(answer) = self.without_sending(step, &row, run.wish) {
                return answer;
            }
            same_provider(&row, known, &metadata)?;
            match step {
                Step::Verify => match self.verify(known, &metadata, &row, run.wish) {
                    Ok(row) => checked = Some(row.generation),
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
    pub(super) fn may_repeat(&self, row: &SessionRow) -> bool {
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
