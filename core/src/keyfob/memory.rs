//! The sessions as last read, so that a good token costs no I/O.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Shared, unknown_session};
use crate::error::Result;
use crate::refresh::pause::Pause;
use crate::store::SessionRow;

pub(super) struct Memory {
    contents: Mutex<Contents>,
}

pub(super) struct Contents {
    /// In order: to compare a few ids costs less than to hash one, and a lookup is a third of what a cached token costs.
    sessions: BTreeMap<String, Arc<SessionRow>>,
    /// Generations that a session has reached, where its row could not be remembered: older rows are not remembered either.
    floors: HashMap<String, i64>,
    /// When other processes' commits were last looked for, by the boot clock.
    looked_at: Duration,
    /// What the store said then.
    others_version: i64,
    /// Counts how often that has changed.
    epoch: u64,
    /// The sessions whose early refresh is on its way to the host's executor.
    pub(super) errands: HashSet<String>,
    /// When a session's early refresh failed last, by the boot clock.
    pub(super) failed_early: HashMap<String, Duration>,
    /// The last tokens that were checked, where the newer ones could not be yet.
    pub(super) previous: HashMap<String, Arc<SessionRow>>,
    /// Outcomes of attempts that could not be written: the generation, and until when it is left alone.
    pub(super) given_up: HashMap<String, (i64, Pause)>,
    /// How far the provider's clock was ahead when it was last heard, in milliseconds.
    pub(super) skew: Option<i64>,
}

impl Memory {
    pub(super) fn new(boot: Duration, others_version: i64) -> Self {
        Self {
            contents: Mutex::new(Contents {
                sessions: BTreeMap::new(),
                floors: HashMap::new(),
                looked_at: boot,
                others_version,
                epoch: 0,
                errands: HashSet::new(),
                failed_early: HashMap::new(),
                previous: HashMap::new(),
                given_up: HashMap::new(),
                skew: None,
            }),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    /// The generation of a session's row; `None` where it has to be read.
    pub(super) fn generation(&self, id: &str) -> Option<i64> {
        self.sessions.get(id).map(|row| row.generation)
    }

    /// Forgets a session's row: the next call reads it.
    pub(super) fn forget(&mut self, id: &str) {
        self.sessions.remove(id);
    }

    /// Begins anew with a connection that has its own count of others' commits.
    pub(super) fn start_over(&mut self, others_version: i64) {
        self.others_version = others_version;
        self.forget_all();
    }

    /// Forgets everything that the store has too.
    pub(super) fn forget_all(&mut self) {
        self.sessions.clear();
        self.epoch += 1;
    }
}

impl Shared {
    /// A session as the store has it.
    pub(super) fn stored(&self, id: &str) -> Result<Arc<SessionRow>> {
        self.common.store.session(id)?.map(Arc::new).ok_or_else(unknown_session)
    }

    /// A session as this process knows it, not older than the configured coherence; read from the store when need be.
    pub(super) fn recalled(&self, id: &str) -> Result<Arc<SessionRow>> {
        // Another handle of this process may have read it: to this one's observer it is news all the same.
        self.recall(id).inspect(|row| self.observe(row))
    }

    fn recall(&self, id: &str) -> Result<Arc<SessionRow>> {
        let boot = self.clock.boot();
        {
            let mut memory = self.memory();
            if boot.saturating_sub(memory.looked_at) < self.coherence {
                if let Some(row) = memory.sessions.get(id) {
                    return Ok(Arc::clone(row));
                }
            } else {
                // Set before looking, so that one caller looks and the others go on.
                memory.looked_at = boot;
            }
        }
        self.look_for_others()?;
        if let Some(row) = self.memory().sessions.get(id) {
            return Ok(Arc::clone(row));
        }
        self.remembering(|| self.stored(id))
    }

    /// The same, where neither the store nor anything else has to be looked at for it.
    pub(super) fn at_hand(&self, id: &str) -> Option<Arc<SessionRow>> {
        let boot = self.clock.boot();
        let memory = self.memory();
        let is_coherent = boot.saturating_sub(memory.looked_at) < self.coherence;
        memory.sessions.get(id).filter(|_| is_coherent).cloned()
    }

    /// Forgets what was read when another process has committed since. True when one has.
    pub(super) fn look_for_others(&self) -> Result<bool> {
        let version = self.common.store.others_version()?;
        let mut memory = self.memory();
        let changed = version != memory.others_version;
        if changed {
            memory.others_version = version;
            memory.forget_all();
        }
        Ok(changed)
    }

    /// Keeps what `read` brings in memory, unless a newer row is there already, or other processes' commits were noticed while it was being
    /// read: then nobody knows which of the two is the older one, and the next call reads again.
    pub(super) fn remembering(&self, read: impl FnOnce() -> Result<Arc<SessionRow>>) -> Result<Arc<SessionRow>> {
        let epoch = self.memory().epoch;
        let row = read()?;
        let mut memory = self.memory();
        if let Some(newer) = memory.sessions.get(&row.id).filter(|known| known.generation > row.generation) {
            return Ok(Arc::clone(newer));
        }
        if memory.floors.get(&row.id).is_some_and(|floor| *floor > row.generation) {
            return Ok(row);
        }
        if memory.epoch == epoch {
            memory.floors.remove(&row.id);
            memory.sessions.insert(row.id.clone(), Arc::clone(&row));
        } else {
            // Not known to be the newest, but an older one is known not to be: whoever has read one is not to remember it.
            memory.sessions.remove(&row.id);
            memory.floors.insert(row.id.clone(), row.generation);
        }
        if row.verified || row.cause.is_some() {
            memory.previous.remove(&row.id);
        }
        drop(memory);
        self.observe(&row);
        Ok(row)
    }
}
