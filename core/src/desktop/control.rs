//! What another thread can do about a login that waits.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The other end of a login that blocks: made before it, given to it, and used from another thread. One for each login; clones are the same.
#[derive(Clone, Default)]
pub struct LoginControl {
    shared: Arc<Waiting>,
}

#[derive(Default)]
struct Waiting {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    cancelled: bool,
}

impl LoginControl {
    /// A control for one login.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the login that waits: its call gives [`Reason::Cancelled`](crate::Reason::Cancelled) and the login is over in the store. Before the login
    /// begins, it will not begin. A login whose answer is there already is completed.
    pub fn cancel(&self) {
        self.state().cancelled = true;
        self.shared.changed.notify_all();
    }

    /// Whether somebody has cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.state().cancelled
    }

    /// Waits for so long, or until somebody cancels.
    pub(crate) fn pause(&self, time: Duration) {
        let waited = self.shared.changed.wait_timeout_while(self.state(), time, |state| !state.cancelled);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LoginControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginControl").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}
