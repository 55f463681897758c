//! Suspension: whether work may begin, what is under way, and which locks are held for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Error, Reason, Result};
use crate::store::{FileLock, SessionRow};

/// Opens and shuts.
#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
    /// Held by whoever closes everything or opens it again: the two must not overlap.
    switching: Mutex<()>,
}

#[derive(Default)]
struct State {
    suspended: bool,
    running: usize,
    held: Vec<Arc<Held>>,
    /// How often somebody came back, and how often that was when it was shut last.
    resumed: u64,
    shut_at: u64,
}

/// A lock among processes that `suspend` can take from its holder, and what is being sent under it.
#[derive(Default)]
pub(super) struct Held {
    lock: Mutex<Option<FileLock>>,
    /// The session whose refresh token is on its way.
    sending: Mutex<Option<Arc<SessionRow>>>,
    abandoned: AtomicBool,
}

impl Held {
    /// Whether `suspend` did not wait for this: what comes back now is nobody's any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::SeqCst)
    }

    pub(super) fn is_locked(&self) -> bool {
        lock(&self.lock).is_some()
    }
}

/// What is being sent is on its way.
pub(super) struct Sending<'a>(&'a Held);

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        *lock(&self.0.sending) = None;
    }
}

/// A lock that is let go of with this guard.
pub(super) struct Locked<'a> {
    gate: &'a Gate,
    held: Arc<Held>,
    kept: bool,
}

impl Locked<'_> {
    pub(super) fn held(&self) -> &Arc<Held> {
        &self.held
    }

    /// Keeps it beyond the guard, until [`Gate::release`].
    pub(super) fn keep(mut self) -> Arc<Held> {
        self.kept = true;
        Arc::clone(&self.held)
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.gate.release(&self.held);
        }
    }
}

/// Work under way.
pub(super) struct Running<'a>(&'a Gate);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.running = state.running.saturating_sub(1);
        self.0.changed.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Begins work that `suspend` waits for.
    pub(super) fn begin(&self) -> Result<Running<'_>> {
        let mut state = self.state();
        if state.suspended {
            return Err(Error::new(Reason::Suspended));
        }
        state.running += 1;
        Ok(Running(self))
    }

    /// Whether to go on.
    pub(super) fn check(&self) -> Result<()> {
        if self.state().suspended { Err(Error::new(Reason::Suspended)) } else { Ok(()) }
    }

    /// Waits, or stops waiting because of a suspension.
    pub(super) fn pause(&self, time: Duration) -> Result<()> {
        let waited = self.changed.wait_timeout_while(self.state(), time, |state| !state.suspended);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.suspended { Err(Error::new(Reason::Suspended)) } else { Ok(()) }
    }

    /// Keeps a lock where `suspend` finds it, until the guard goes. Not while suspended: nobody would let go of it then.
    pub(super) fn hold(&self, lock: FileLock) -> Result<Locked<'_>> {
        let held = Arc::default();
        self.hold_again(&held, lock)?;
        Ok(Locked { gate: self, held, kept: false })
    }

    /// Keeps a lock for a holder that a suspension took it from.
    pub(super) fn hold_again(&self, held: &Arc<Held>, again: FileLock) -> Result<()> {
        let mut state = self.state();
        if state.suspended {
            return Err(Error::new(Reason::Suspended));
        }
        *lock(&held.lock) = Some(again);
        state.held.push(Arc::clone(held));
        Ok(())
    }

    /// Says what is being sent under a lock, for as long as the guard lives. Not while suspended, nor without the lock, which a suspension may have
    /// taken: in one step with that question, so that `abandon` misses nothing that is sent.
    pub(super) fn sending<'a>(&self, held: &'a Held, row: &Arc<SessionRow>) -> Result<Sending<'a>> {
        let state = self.state();
        if state.suspended || !held.is_locked() {
            return Err(Error::new(Reason::Suspended));
        }
        *lock(&held.sending) = Some(Arc::clone(row));
        Ok(Sending(held))
    }

    /// Lets go of a lock.
    pub(super) fn release(&self, held: &Arc<Held>) {
        *lock(&held.lock) = None;
        self.state().held.retain(|other| !Arc::ptr_eq(other, held));
    }

    /// Lets nothing begin any more, and waits for what is under way, unless somebody comes back meanwhile: then `None`. Else the right to close everything,
    /// and whether nothing is under way.
    pub(super) fn shut(&self, limit: Duration) -> Option<(MutexGuard<'_, ()>, bool)> {
        let mut state = self.state();
        let resumed = state.resumed;
        state.suspended = true;
        state.shut_at = resumed;
        self.changed.notify_all();
        let (state, _) = self
            .changed
            .wait_timeout_while(state, limit, |state| state.running > 0 && state.resumed == resumed)
            .unwrap_or_else(PoisonError::into_inner);
        let idle = state.running == 0;
        drop(state);
        let switching = lock(&self.switching);
        (self.state().resumed == resumed).then_some((switching, idle))
    }

    /// Gives up what is still being sent: what comes back is not looked at. Gives the sessions whose refresh token is on its way.
    pub(super) fn abandon(&self) -> Vec<Arc<SessionRow>> {
        let held: Vec<Arc<Held>> = self.state().held.clone();
        held.iter()
            .filter_map(|held| {
                // Whoever was sending says that it no longer is before it asks whether it was given up: it cannot miss this.
                let sending = lock(&held.sending);
                let row = sending.clone()?;
                held.abandoned.store(true, Ordering::SeqCst);
                Some(row)
            })
            .collect()
    }

    /// Lets go of every lock.
    pub(super) fn release_all(&self) {
        for held in std::mem::take(&mut self.state().held) {
            *lock(&held.lock) = None;
        }
    }

    /// Somebody is back: whoever waits to close everything does not, and whoever is about to is waited for. `reopen` runs before work may begin; a
    /// suspension that comes meanwhile stays.
    pub(super) fn open(&self, reopen: impl FnOnce() -> Result<()>) -> Result<()> {
        let resumed = {
            let mut state = self.state();
            state.resumed += 1;
            self.changed.notify_all();
            state.resumed
        };
        let _switching = lock(&self.switching);
        reopen()?;
        let mut state = self.state();
        if state.shut_at < resumed {
            state.suspended = false;
        }
        Ok(())
    }
}
