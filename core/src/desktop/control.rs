//! What another thread can do about a login that waits.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[cfg(feature = "loopback")]
use crate::error::{Error, Reason, Result};
#[cfg(feature = "loopback")]
use crate::login::redirect;
#[cfg(feature = "loopback")]
use crate::secret::Secret;

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
    /// The `state` that a redirect of the login has, while it waits for one.
    #[cfg(feature = "loopback")]
    expected: Option<Secret>,
    /// What the user pasted.
    #[cfg(feature = "loopback")]
    handed_over: Option<Secret>,
}

impl LoginControl {
    /// A control for one login.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the login that waits: its call gives [`Reason::Cancelled`](crate::Reason::Cancelled) within a fifth of a second, and the login is over in the
    /// store. Before the login begins, it will not begin. A login whose answer is there already is completed.
    pub fn cancel(&self) {
        self.state().cancelled = true;
        self.shared.changed.notify_all();
    }

    /// Whether somebody has cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.state().cancelled
    }

    /// Hands the redirect over to a login in the browser that waits: `redirect_url` is the whole URL, as the user copied it from a browser that could not
    /// reach this machine. The waiting call goes on with it. What is not a redirect of that login is refused here, and the login waits on.
    ///
    /// # Errors
    /// [`RedirectRejected`](crate::ErrorKind::RedirectRejected): not a redirect of the login that waits, or none waits.
    #[cfg(feature = "loopback")]
    pub fn hand_over(&self, redirect_url: &str) -> Result<()> {
        let redirect = redirect::parse(redirect_url)?;
        let mut state = self.state();
        match &state.expected {
            Some(expected) if redirect.state.matches(expected.expose()) => {
                state.handed_over = Some(Secret::new(redirect_url.trim()));
                self.shared.changed.notify_all();
                Ok(())
            }
            _ => Err(Error::new(Reason::StateUnknown)),
        }
    }

    /// From now on a redirect with this `state` can be handed over; with `None` no longer.
    #[cfg(feature = "loopback")]
    pub(crate) fn expect(&self, expected: Option<Secret>) {
        self.state().expected = expected;
    }

    #[cfg(feature = "loopback")]
    pub(crate) fn take_handed_over(&self) -> Option<Secret> {
        self.state().handed_over.take()
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
