//! What all handles of one folder in one process share: the open store, what is in memory, and who does what right now. A second handle with a
//! memory of its own would take the first one's unfinished work for a dead process's.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::gate::Gate;
use super::login::Judged;
use super::memory::Memory;
use super::unsaved::Unsaved;
use crate::clock::Clock;
use crate::desktop::DevicePoll;
use crate::error::Result;
use crate::refresh::flight::Flights;
use crate::refresh::owner::Process;
use crate::store::{Keeping, SessionRow, Store};

pub(super) struct Common {
    pub(super) store: Store,
    /// This process, as attempts name it.
    pub(super) me: Process,
    pub(super) memory: Memory,
    pub(super) unsaved: Unsaved,
    pub(super) refreshes: Flights<Arc<SessionRow>>,
    pub(super) completions: Flights<Arc<Judged>>,
    pub(super) polls: Flights<DevicePoll>,
    pub(super) gate: Gate,
    #[cfg(feature = "simulation")]
    played: Option<u32>,
}

/// The folders that are open in this process.
static OPEN: Mutex<Vec<(PathBuf, Weak<Common>)>> = Mutex::new(Vec::new());

impl Common {
    /// The one of this folder, opened when it is not open yet.
    pub(super) fn of(path: &Path, keeping: Keeping, clock: &dyn Clock) -> Result<Arc<Self>> {
        let protection = keeping.protection.clone();
        let (common, is_new) = Self::found(path, keeping, clock)?;
        // Under no lock, for the host may be asked for the key.
        if !is_new {
            common.store.admit(&protection)?;
        }
        common.store.unseal()?;
        Ok(common)
    }

    fn found(path: &Path, keeping: Keeping, clock: &dyn Clock) -> Result<(Arc<Self>, bool)> {
        let folder = Store::folder_of(path)?;
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(_, common)| common.strong_count() > 0);
        let pid = std::process::id();
        // What a parent had open before a fork is not ours.
        let mut there = open.iter().filter(|(known, _)| *known == folder).filter_map(|(_, common)| common.upgrade());
        if let Some(common) = there.find(|common| common.me.pid == pid) {
            return Ok((common, false));
        }
        drop(there);
        let common = Arc::new(Self::new(&folder, Process::this(clock.boot_id()), keeping, clock)?);
        open.push((folder, Arc::downgrade(&common)));
        Ok((common, true))
    }

    /// One that shares nothing, as another process would have it.
    #[cfg(feature = "simulation")]
    pub(super) fn played(path: &Path, pid: u32, keeping: Keeping, clock: &dyn Clock) -> Result<Arc<Self>> {
        let folder = Store::folder_of(path)?;
        let mut common = Self::new(&folder, Process::played(pid, clock.boot_id()), keeping, clock)?;
        common.store.unseal()?;
        common.played = Some(pid);
        crate::simulation::play(pid, true);
        Ok(Arc::new(common))
    }

    fn new(folder: &Path, me: Process, keeping: Keeping, clock: &dyn Clock) -> Result<Self> {
        let store = Store::open(folder, keeping)?;
        log::debug!("opened the store in {}", store.folder().display());
        let others_version = store.others_version()?;
        Ok(Self {
            store,
            me,
            memory: Memory::new(clock.boot(), others_version),
            unsaved: Unsaved::default(),
            refreshes: Flights::new(),
            completions: Flights::new(),
            polls: Flights::new(),
            gate: Gate::default(),
            #[cfg(feature = "simulation")]
            played: None,
        })
    }
}

#[cfg(feature = "simulation")]
impl Drop for Common {
    fn drop(&mut self) {
        if let Some(pid) = self.played {
            crate::simulation::play(pid, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn a_child_of_fork_has_one_of_its_own_beside_its_parent_s() {
        let folder = std::env::temp_dir().join(format!("keyfob-common-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let clock = SystemClock::new();
        let folder = Store::folder_of(&folder).unwrap();
        let parents = Arc::new(Common::new(&folder, Process::played(1, None), Keeping::plain(), &clock).unwrap());
        OPEN.lock().unwrap().push((folder.clone(), Arc::downgrade(&parents)));
        let first = Common::of(&folder, Keeping::plain(), &clock).unwrap();
        let second = Common::of(&folder, Keeping::plain(), &clock).unwrap();
        assert!(Arc::ptr_eq(&first, &second) && !Arc::ptr_eq(&first, &parents));
        drop((first, second, parents));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
