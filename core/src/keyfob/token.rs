//! Access tokens: from memory while fresh, refreshed when due, once, whoever asks.

use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use super::login::MAX_TOKEN_ANSWER;
use super::refresh::{Patience, Run, Wish};
use crate::config::RefreshPolicy;
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::http::Limits;
use crate::refresh::flight::Seat;
use crate::refresh::window::{Life, Need, is_over, need};
use crate::session::MinValidity;
use crate::store::SessionRow;

/// How long an early refresh may try to connect: its caller has a good token and should not be kept from using it.
const ADVISORY_CONNECT: Duration = Duration::from_secs(2);

/// How long after a failed early refresh this process tries the next one: offline, not every call is to wait for a connection.
const EARLY_AGAIN: Duration = Duration::from_secs(30);

impl Shared {
    pub(super) fn access_token(
        self: &Arc<Self>,
        id: &str,
        min_validity: MinValidity,
        wait: Option<Duration>,
    ) -> Result<Arc<SessionRow>> {
        let row = match self.unsaved_tokens(id, min_validity)? {
            Some(row) => return Ok(row),
            None => self.recalled(id)?,
        };
        if let Some(cause) = row.cause {
            return Err(Error::new(cause));
        }
        if self.settings.refresh_policy() == RefreshPolicy::Never {
            return self.without_refreshing(row);
        }
        match self.need(&row, min_validity) {
            Need::Nothing if row.verified && !self.was_interrupted(&row) => Ok(row),
            Need::Nothing | Need::Advisory if row.verified => Ok(self.early(row)),
            _ => {
                // The newer tokens could not be checked a moment ago; those before them are still good.
                if let Some(previous) = self.previous(&row, min_validity).filter(|_| self.failed_lately(&row.id)) {
                    return Ok(previous);
                }
                self.flight(&row, Wish::Token(min_validity), wait)
            }
        }
    }

    /// What [`Shared::access_token`] gives from memory and does nothing more for: it reads no store, waits for nobody, refreshes nothing and tells nothing.
    pub(super) fn cached_access_token(&self, id: &str, min_validity: MinValidity) -> Option<Arc<SessionRow>> {
        // Each call for such tokens tries to save them.
        if self.common.unsaved.holds(id) {
            return None;
        }
        let row = self.at_hand(id)?;
        let is_good = row.cause.is_none() && row.verified && self.need(&row, min_validity) == Need::Nothing;
        (is_good && !self.was_interrupted(&row) && !self.is_news(&row)).then_some(row)
    }

    pub(super) fn refresh_now(&self, id: &str) -> Result<Arc<SessionRow>> {
        self.may_refresh()?;
        let row = self.recalled(id)?;
        self.flight(&row, Wish::Asked(row.generation), None)
    }

    pub(super) fn refresh_if_current(self: &Arc<Self>, id: &str, rejected: &str) -> Result<Arc<SessionRow>> {
        if let Some(unsaved) = self.unsaved_tokens(id, MinValidity::secs(0))? {
            // Newer than the row's, and all there is until the disk can be written.
            if !unsaved.tokens.access_token.matches(rejected) {
                return Ok(unsaved);
            }
            self.may_refresh()?;
            return self.flight(&unsaved, Wish::Rejected(unsaved.generation), None);
        }
        // Read from the store: another process may have a newer one that this one has not seen.
        let row = self.remembering(|| self.stored(id))?;
        match row.cause {
            Some(cause) => Err(Error::new(cause)),
            None if row.tokens.access_token.matches(rejected) => {
                self.may_refresh()?;
                self.flight(&row, Wish::Rejected(row.generation), None)
            }
            None => self.access_token(id, MinValidity::secs(0), None),
        }
    }

    fn may_refresh(&self) -> Result<()> {
        match self.settings.refresh_policy() {
            RefreshPolicy::Never => Err(Error::new(Reason::RefreshNotAllowed)),
            RefreshPolicy::Normal | RefreshPolicy::OnDemand => Ok(()),
        }
    }

    /// Where refreshing is left to another process: what is there, while it is good.
    fn without_refreshing(&self, row: Arc<SessionRow>) -> Result<Arc<SessionRow>> {
        match self.still_good(&row) {
            Some(row) => Ok(row),
            None => Err(Error::new(Reason::RefreshNotAllowed)),
        }
    }

    pub(super) fn need(&self, row: &SessionRow, min_validity: MinValidity) -> Need {
        need(&life(row), &self.now(), min_validity.0, self.spread)
    }

    /// The row, or the last one that was checked, if its token can be used at all.
    pub(super) fn still_good(&self, row: &Arc<SessionRow>) -> Option<Arc<SessionRow>> {
        if row.cause.is_some() {
            None
        } else if row.verified {
            (self.need(row, MinValidity::secs(0)) != Need::Mandatory).then(|| Arc::clone(row))
        } else {
            self.previous(row, MinValidity::secs(0))
        }
    }

    /// The last tokens that were checked, where those of the row are not, and while they are good for so long.
    fn previous(&self, row: &SessionRow, min_validity: MinValidity) -> Option<Arc<SessionRow>> {
        if row.verified {
            return None;
        }
        let previous = self.memory().previous.get(&row.id).cloned()?;
        (self.need(&previous, min_validity) != Need::Mandatory).then_some(previous)
    }

    /// A refresh of these tokens was cut off, or is in doubt and due again: the next token may be lost for good if nobody sees to it soon.
    fn was_interrupted(&self, row: &SessionRow) -> bool {
        row.attempt.as_ref().is_some_and(|attempt| {
            !attempt.in_doubt || attempt.pause.as_ref().is_none_or(|pause| pause.left(&self.now()).is_none())
        })
    }

    fn failed_lately(&self, id: &str) -> bool {
        let boot = self.clock.boot();
        self.memory().failed_early.get(id).is_some_and(|at| boot < at.saturating_add(EARLY_AGAIN))
    }

    /// An early refresh: on the host's executor where there is one, else on this caller's thread. Nobody else waits for it, and its failure is
    /// nobody's business while the token is good.
    fn early(self: &Arc<Self>, row: Arc<SessionRow>) -> Arc<SessionRow> {
        let waits = row.pause.as_ref().is_some_and(|pause| pause.left(&self.now()).is_some());
        let on_demand = self.settings.refresh_policy() == RefreshPolicy::OnDemand && !self.was_interrupted(&row);
        if !self.is_renewable(&row) || on_demand || waits || self.failed_lately(&row.id) {
            return row;
        }
        let Some(executor) = &self.executor else { return self.refresh_early(row) };
        if let Some(errand) = Errand::begin(self, &row.id) {
            let shared = Arc::clone(self);
            let handed_over = Arc::clone(&row);
            executor.execute(Box::new(move || {
                let _errand = errand;
                shared.telling(|| shared.refresh_early(handed_over));
            }));
        }
        row
    }

    fn refresh_early(&self, row: Arc<SessionRow>) -> Arc<SessionRow> {
        let Seat::Lead(lead) = self.common.refreshes.join(&row.id) else { return row };
        let connect = ADVISORY_CONNECT.min(self.settings.http.connect());
        let limits = Limits { connect, ..self.limits(MAX_TOKEN_ANSWER) };
        let wish = if self.was_interrupted(&row) { Wish::Interrupted } else { Wish::Early(row.generation) };
        let run = Run { wish, limits, patience: Patience::Once };
        lead.land(self.refresh(&row, &run)).unwrap_or_else(|error| {
            // An ending is stored, and the next call tells it; anything else is tried again when it has to be.
            log::debug!("an early refresh of session {} failed: {error}", row.id);
            self.failed_now(&row.id);
            row
        })
    }

    pub(super) fn failed_now(&self, id: &str) {
        let boot = self.clock.boot();
        self.memory().failed_early.insert(id.to_owned(), boot);
    }

    /// One flight at a time in this process. Each caller keeps its own limit for waiting, so a leader that had less of it is no answer.
    pub(super) fn flight(&self, seen: &Arc<SessionRow>, wish: Wish, wait: Option<Duration>) -> Result<Arc<SessionRow>> {
        let wait = wait.unwrap_or_else(|| self.settings.wait());
        let deadline = self.clock.boot().saturating_add(wait);
        loop {
            let left = deadline.saturating_sub(self.clock.boot());
            let flight = match self.common.refreshes.join(&seen.id) {
                Seat::Lead(lead) => {
                    let run = Run { wish, limits: self.limits(MAX_TOKEN_ANSWER), patience: Patience::Until(left) };
                    return lead.land(self.refresh(seen, &run));
                }
                Seat::Follow(flight) => flight,
            };
            match flight.wait(left) {
                // The leader may have wished for less, and sent nothing: it verified the tokens that are there, or found them good for long enough.
                Ok(row) if row.generation > seen.generation || self.fulfils(&row, wish) => return Ok(row),
                Ok(_) => {}
                Err(error) if error.reason() == Reason::RefreshBusy && !left.is_zero() => {}
                Err(error) if error.reason() == Reason::WaitTimeout => {
                    return self.instead(&self.recalled(&seen.id)?, wish, error);
                }
                // Given up by a suspension that is over.
                Err(error) if error.reason() == Reason::Suspended && self.common.gate.check().is_ok() => {}
                // The leader may have wished for more, and had no use for the token that is there.
                Err(error) if leaves_what_is_there(&error) => {
                    return self.instead(&self.recalled(&seen.id)?, wish, error);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether a row's tokens do for a wish.
    pub(super) fn fulfils(&self, row: &SessionRow, wish: Wish) -> bool {
        match wish {
            Wish::Token(min_validity) => self.need(row, min_validity) != Need::Mandatory,
            Wish::Early(generation) | Wish::Asked(generation) | Wish::Rejected(generation) => {
                row.generation > generation && self.need(row, MinValidity::secs(0)) != Need::Mandatory
            }
            Wish::Interrupted => true,
        }
    }

    /// A still-good token instead of an error, where any token was asked for.
    pub(super) fn instead(&self, row: &Arc<SessionRow>, wish: Wish, error: Error) -> Result<Arc<SessionRow>> {
        match wish {
            Wish::Token(_) => self.still_good(row).ok_or(error),
            Wish::Early(_) | Wish::Asked(_) | Wish::Rejected(_) | Wish::Interrupted => Err(error),
        }
    }

    /// The session cannot be renewed: it is served while its token is good, and ends with it.
    pub(super) fn without_refresh_token(&self, row: Arc<SessionRow>, wish: Wish) -> Result<Arc<SessionRow>> {
        if is_over(&life(&row), &self.now()) {
            return self.end(&row, wish, Error::new(Reason::Expired));
        }
        match wish {
            Wish::Early(_) | Wish::Asked(_) | Wish::Rejected(_) => Err(Error::new(Reason::NoRefreshToken)),
            Wish::Token(_) | Wish::Interrupted => match self.need(&row, MinValidity::secs(0)) {
                // Over by a wall clock that the boot clock contradicts: no ending on a doubt.
                Need::Mandatory => Err(Error::new(Reason::Expired)),
                Need::Advisory | Need::Nothing => Ok(row),
            },
        }
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

/// Whether an error says only that there are no newer tokens.
fn leaves_what_is_there(error: &Error) -> bool {
    use ErrorKind::{Configuration, Network, OAuth, RateLimited, RefreshBusy, Timeout, Tls};
    matches!(error.kind(), Network | Timeout | Tls | RateLimited | OAuth | Configuration | RefreshBusy)
        || error.reason() == Reason::NoRefreshToken
}

fn life(row: &SessionRow) -> Life<'_> {
    Life {
        received_wall: row.received.wall,
        received_boot: row.received.boot,
        boot_id: row.received.boot_id.as_deref(),
        lifetime: row.lifetime,
        refresh_in: row.tokens.refresh_in(),
    }
}
