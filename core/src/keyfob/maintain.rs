//! Everything that is owed, done at a moment that the host picks: at its start, in the background task that a phone's system grants.

use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use super::end::Revocation;
use super::login::MAX_TOKEN_ANSWER;
use super::refresh::{Patience, Run, Wish};
use crate::config::RefreshPolicy;
use crate::error::{Error, ErrorKind, Result};
use crate::refresh::flight::Seat;
use crate::refresh::pause::Pause;
use crate::refresh::window::Need;
use crate::session::MinValidity;
use crate::store::SessionRow;

/// How many sessions are read at once to see which are due.
const PAGE: usize = 256;

/// What [`Keyfob::maintain`](crate::Keyfob::maintain) did.
#[derive(Clone, Debug, Default)]
pub struct Maintained {
    refreshed: usize,
    revoked: usize,
    failed: usize,
    owed: usize,
}

impl Maintained {
    /// How many sessions got new tokens, or had theirs checked or saved at last.
    #[must_use]
    pub fn refreshed(&self) -> usize {
        self.refreshed
    }

    /// How many logged-out sessions the provider was told of.
    #[must_use]
    pub fn revoked(&self) -> usize {
        self.revoked
    }

    /// How many pieces of work did not succeed this time.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.failed
    }

    /// How many are left: call again later.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.owed
    }
}

impl Shared {
    pub(super) fn maintain(&self, limit: Duration) -> Result<Maintained> {
        let end = self.clock.boot().saturating_add(limit);
        let in_time = || self.clock.boot() < end;
        let mut done = Maintained::default();
        for id in self.common.unsaved.ids() {
            match self.save_unsaved(&id) {
                Ok(_) => done.refreshed += 1,
                Err(error) => done.fail(&error),
            }
        }
        if self.settings.refresh_policy() != RefreshPolicy::Never {
            // What was interrupted first: servers forgive a token that is sent twice for a few seconds only.
            for row in self.common.store.unsettled()? {
                let waits = |pause: &Pause| pause.left(&self.now()).is_some();
                let in_doubt = row.attempt.as_ref().and_then(|attempt| attempt.pause.as_ref()).is_some_and(waits);
                if in_doubt || !in_time() { done.owed += 1 } else { self.attend(row, Wish::Interrupted, &mut done) }
            }
        }
        for owed in self.common.store.owed(self.wall_millis())? {
            if owed.pause.as_ref().is_some_and(|pause| pause.left(&self.now()).is_some()) || !in_time() {
                done.owed += 1;
                continue;
            }
            match self.send_owed(&owed) {
                Some(Revocation::Done) => done.revoked += 1,
                None | Some(Revocation::NotAsked | Revocation::NotSupported) => {}
                Some(Revocation::Failed(error)) => done.fail(&error),
                Some(Revocation::Owed(error)) => {
                    done.owed += 1;
                    done.fail(&error);
                }
            }
        }
        if self.settings.refresh_policy() == RefreshPolicy::Normal {
            self.refresh_what_is_due(&in_time, &mut done)?;
        }
        self.common.store.tidy(self.wall_millis())?;
        Ok(done)
    }

    /// Looks at every session, a page at a time: however many there are, few are in memory, and other threads get at the store in between.
    fn refresh_what_is_due(&self, in_time: &impl Fn() -> bool, done: &mut Maintained) -> Result<()> {
        let mut last: Option<String> = None;
        loop {
            let page = self.common.store.sessions_page(last.as_deref(), PAGE)?.unwrap_or_default();
            let Some(row) = page.last() else { return Ok(()) };
            last = Some(row.id.clone());
            for row in page {
                let due = row.cause.is_none()
                    && self.is_renewable(&row)
                    && row.pause.as_ref().is_none_or(|pause| pause.left(&self.now()).is_none())
                    && self.need(&row, MinValidity::default()) != Need::Nothing;
                match (due, in_time()) {
                    (false, _) => {}
                    (true, false) => done.owed += 1,
                    (true, true) => {
                        let wish = Wish::Early(row.generation);
                        self.attend(row, wish, done);
                    }
                }
            }
        }
    }

    /// Sees to one session, unless somebody is at it.
    fn attend(&self, row: SessionRow, wish: Wish, done: &mut Maintained) {
        let Seat::Lead(lead) = self.common.refreshes.join(&row.id) else { return };
        let row = Arc::new(row);
        let run = Run { wish, limits: self.limits(MAX_TOKEN_ANSWER), patience: Patience::Once };
        match lead.land(self.refresh(&row, &run)) {
            Ok(now) if now.generation != row.generation || now.verified != row.verified => done.refreshed += 1,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::RefreshBusy => {}
            Err(error) => done.fail(&error),
        }
    }
}

impl Maintained {
    fn fail(&mut self, error: &Error) {
        log::debug!("a piece of maintenance did not succeed: {error}");
        self.failed += 1;
    }
}
