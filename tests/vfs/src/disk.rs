//! One folder that is watched: its plan, its counters, its tape.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::c_int;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rusqlite::ffi;

use crate::fault::{Fault, Method, When};
use crate::recording::{Change, Files, Recording};
use crate::shim;

/// A folder whose files fail when told to. Others in the process are left alone. It is watched as long as one of its handles lives.
#[derive(Clone, Debug)]
pub struct Disk(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    plan: Option<(Fault, When)>,
    /// Calls that could go wrong by this plan, and those that did.
    able: u64,
    failed: u64,
    counts: BTreeMap<Method, u64>,
    tape: Option<Tape>,
}

#[derive(Debug)]
struct Tape {
    databases: Vec<String>,
    recording: Recording,
}

/// A call that goes wrong.
pub(crate) struct Strike {
    pub(crate) code: c_int,
    /// Half of it is done first.
    pub(crate) half: bool,
}

/// The folders that are watched.
static WATCHED: Mutex<Vec<(PathBuf, Weak<Inner>)>> = Mutex::new(Vec::new());

thread_local! {
    /// Whether the last lock that this thread did not get was refused by a plan.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    /// Watches a folder, which need not be there yet; what is above it must be. From the first call on, the shim is SQLite's default file system
    /// in this process. A database is watched if it is opened after this.
    ///
    /// # Panics
    /// When SQLite has no file system of the system's own, or the folder's parent is not there.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        shim::install();
        let folder = canonical(folder);
        let state = State { plan: None, able: 0, failed: 0, counts: BTreeMap::new(), tape: None };
        let inner = Arc::new(Inner { folder: folder.clone(), state: Mutex::new(state) });
        let mut watched = lock(&WATCHED);
        watched.retain(|(known, disk)| *known != folder && disk.strong_count() > 0);
        watched.push((folder, Arc::downgrade(&inner)));
        Self(inner)
    }

    /// The one that a path belongs to.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let folder = path.parent()?;
        let watched = lock(&WATCHED);
        watched.iter().find(|(known, _)| known == folder).and_then(|(_, disk)| disk.upgrade()).map(Self)
    }

    /// Lets calls fail from now on, and counts anew.
    pub fn fail(&self, fault: Fault, when: When) {
        let mut state = self.state();
        state.plan = Some((fault, when));
        (state.able, state.failed) = (0, 0);
    }

    /// Lets everything succeed again. Gives how many calls could have failed since [`Disk::fail`], and how many did.
    pub fn heal(&self) -> (u64, u64) {
        let mut state = self.state();
        state.plan = None;
        (state.able, state.failed)
    }

    /// How many calls of a method there were.
    #[must_use]
    pub fn count(&self, method: Method) -> u64 {
        self.state().counts.get(&method).copied().unwrap_or(0)
    }

    /// Begins to write down what happens to the databases of these names and to their logs. None of them may be open: to read a file that is
    /// open would take its locks away (howtocorrupt.html, section 2.2).
    pub fn record(&self, databases: &[&str]) {
        let databases: Vec<String> = databases.iter().map(|name| (*name).to_owned()).collect();
        let mut before = Files::new();
        for name in databases.iter().flat_map(|name| [name.clone(), format!("{name}-wal"), format!("{name}-journal")]) {
            if let Ok(content) = fs::read(self.0.folder.join(&name)) {
                before.insert(name, content);
            }
        }
        self.state().tape = Some(Tape { databases, recording: Recording::new(before) });
    }

    /// The moment of the recording: how many changes there were so far. 0 while nothing is recorded.
    #[must_use]
    pub fn moment(&self) -> usize {
        self.state().tape.as_ref().map_or(0, |tape| tape.recording.len())
    }

    /// Ends the recording and gives it.
    #[must_use]
    pub fn recorded(&self) -> Recording {
        self.state().tape.take().map_or_else(|| Recording::new(Files::new()), |tape| tape.recording)
    }

    /// Counts a call, and says whether and how it goes wrong.
    pub(crate) fn strike(&self, method: Method) -> Option<Strike> {
        let mut state = self.state();
        *state.counts.entry(method).or_default() += 1;
        let (fault, when) = state.plan?;
        let code = fault.code(method)?;
        state.able += 1;
        if !when.is_at(state.able) {
            return None;
        }
        state.failed += 1;
        if code == ffi::SQLITE_BUSY {
            REFUSED.set(true);
        }
        Some(Strike { code, half: fault == Fault::ShortWrite })
    }

    /// A file was opened, and is there now. A program may have made it before it told SQLite of it.
    pub(crate) fn opened(&self, name: &str) {
        let mut state = self.state();
        let tape = state.tape.as_mut().filter(|tape| tape.wants(name) && !tape.recording.has(name));
        if let Some(tape) = tape {
            tape.recording.push(name, Change::Create);
        }
    }

    pub(crate) fn note(&self, name: &str, change: Change) {
        if let Some(tape) = self.state().tape.as_mut().filter(|tape| tape.wants(name)) {
            tape.recording.push(name, change);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }
}

impl Tape {
    /// Shared memory is none of the disk's business: it does not outlive the power.
    fn wants(&self, name: &str) -> bool {
        self.databases.iter().any(|database| {
            name.strip_prefix(database.as_str()).is_some_and(|rest| matches!(rest, "" | "-wal" | "-journal"))
        })
    }
}

/// Whether this thread waits for a lock that only a plan refused.
pub(crate) fn was_refused() -> bool {
    REFUSED.replace(false)
}

/// As SQLite will name it: what is above the folder resolved.
fn canonical(folder: &Path) -> PathBuf {
    let parent = folder.parent().and_then(|parent| parent.canonicalize().ok());
    match (parent, folder.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        #[expect(clippy::panic, reason = "a test that watches nothing would pass")]
        _ => panic!("there is nothing above {}", folder.display()),
    }
}
