//! Observers: the host is told what happened to its sessions.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{MutexGuard, PoisonError};

use super::Shared;
use crate::error::Reason;
use crate::store::SessionRow;

/// Is told what happens. Every method does nothing unless the host says otherwise.
///
/// Called on the thread of the call that noticed, after its work is done and without any lock held: it may call back into the same
/// [`Keyfob`](crate::Keyfob). What another process does is noticed at the next call that looks at that session, and told then.
pub trait Observer: Send + Sync {
    /// This process made a session; or one has other tokens, another profile or another state than when this handle last looked.
    fn session_changed(&self, session_id: &str) {
        let _ = session_id;
    }

    /// A session has ended, and why: a [`Reason`] of kind [`LoginRequired`](crate::ErrorKind::LoginRequired), `LoggedOut` included.
    fn login_required(&self, session_id: &str, cause: Reason) {
        let _ = (session_id, cause);
    }

    /// The provider's clock is ahead of this device's by so many seconds (behind, where it is negative), and that is news. Keyfob reckons with it; the
    /// user may want to set the clock.
    fn clock_skew(&self, seconds: i64) {
        let _ = seconds;
    }
}

/// What there is to tell.
pub(super) enum Event {
    Changed(String),
    LoginRequired(String, Reason),
    Skew(i64),
}

impl Shared {
    /// Notes what a row tells that was not known. A session that is only read for the first time is no news.
    pub(super) fn observe(&self, row: &SessionRow) {
        if self.observer.is_none() {
            return;
        }
        let now = (row.generation, row.cause.is_some());
        let before = match self.told().entry(row.id.clone()) {
            Entry::Vacant(first) => {
                first.insert(now);
                return;
            }
            Entry::Occupied(known) if known.get().0 >= now.0 => return,
            Entry::Occupied(mut known) => known.insert(now),
        };
        self.tell(Event::Changed(row.id.clone()));
        if let (false, Some(cause)) = (before.1, row.cause) {
            self.tell(Event::LoginRequired(row.id.clone(), cause));
        }
    }

    /// Whether [`Shared::observe`] would note anything.
    pub(super) fn is_news(&self, row: &SessionRow) -> bool {
        self.observer.is_some() && self.told().get(&row.id).is_none_or(|known| known.0 < row.generation)
    }

    fn told(&self) -> MutexGuard<'_, HashMap<String, (i64, bool)>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a row that this process has just made news, although nobody has read it before.
    pub(super) fn expect_news(&self, row: &SessionRow) {
        if self.observer.is_none() {
            return;
        }
        let before = (row.generation - 1, false);
        self.told().entry(row.id.clone()).or_insert(before);
    }

    /// Puts something by for [`Shared::deliver`].
    pub(super) fn tell(&self, event: Event) {
        if self.observer.is_some() {
            self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        }
    }

    /// Runs a call, and then tells the observer what it brought.
    pub(super) fn telling<T>(&self, call: impl FnOnce() -> T) -> T {
        let value = call();
        self.deliver();
        value
    }

    /// Tells the observer, with no lock held.
    pub(super) fn deliver(&self) {
        let Some(observer) = &self.observer else { return };
        let events = std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner));
        for event in events {
            match event {
                Event::Changed(id) => observer.session_changed(&id),
                Event::LoginRequired(id, cause) => observer.login_required(&id, cause),
                Event::Skew(seconds) => observer.clock_skew(seconds),
            }
        }
    }
}
