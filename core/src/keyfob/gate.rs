//! Suspension: whether work may begin, what is under way, and which locks are held for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Error, Reason, Result};
use crate::store::{FileLock, SessionRow};

/// Opens and shuts.
#[derive(Default)]
pub(super) struct Gate {
    /// Held by whoever suspends or resumes, from beginning to end.
    turning: Mutex<()>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    suspended: bool,
    running: usize,
    held: Vec<Arc<Held>>,
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

    /// Says what is being sent, for as long as the guard lives.
    pub(super) fn sending(&self, row: &Arc<SessionRow>) -> Sending<'_> {
        *lock(&self.sending) = Some(Arc::clone(row));
        Sending(self)
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

    /// One suspends or resumes at a time: half of each would leave the gate open and the store closed.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        lock(&self.turning)
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

    /// Keeps a lock where `suspend` finds it, until the guard goes.
    pub(super) fn hold(&self, lock: FileLock) -> Locked<'_> {
        let held = Arc::new(Held { lock: Mutex::new(Some(lock)), ..Held::default() });
        self.state().held.push(Arc::clone(&held));
        Locked { gate: self, held, kept: false }
    }

    /// Keeps a lock for a holder that a suspension took it from.
    pub(super) fn hold_again(&self, held: &Arc<Held>, again: FileLock) {
        *lock(&held.lock) = Some(again);
        self.state().held.push(Arc::clone(held));
    }

    /// Lets go of a lock.
    pub(super) fn release(&self, held: &Arc<Held>) {
        *lock(&held.lock) = None;
        self.state().held.retain(|other| !Arc::ptr_eq(other, held));
    }

    /// Lets nothing begin any more, and waits for what is under way. True when nothing is.
    pub(super) fn shut(&self, limit: Duration) -> bool {
        let mut state = self.state();
        state.suspended = true;
        self.changed.notify_all();
        let (state, _) = self
            .changed
            .wait_timeout_while(state, limit, |state| state.running > 0)
            .unwrap_or_else(PoisonError::into_inner);
        state.running == 0
    }

    /// Gives up what is still being sent: what comes back is not looked at. Gives the sessions whose refresh token is on its way.
    pub(super) fn abandon(&self) -> Vec<Arc<SessionRow>> {
        let held: Vec<Arc<Held>> = self.state().held.clone();
        held.iter()
            .filter_map(|held| {
                let row = lock(&held.sending).clone()?;
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

    pub(super) fn open(&self) {
        self.state().suspended = false;
    }
}
