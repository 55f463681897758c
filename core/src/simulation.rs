//! For tests only (the feature `simulation`): points where a process kills itself, and handles that count as another process's.

/// Where a process of the kill matrix dies.
macro_rules! crash_point {
    ($name:literal) => {
        #[cfg(feature = "simulation")]
        $crate::simulation::crash_at($name);
    };
}

#[cfg(feature = "simulation")]
pub(crate) use self::on::{crash_at, is_played, play};

#[cfg(feature = "simulation")]
mod on {
    use std::collections::HashSet;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Mutex, PoisonError};

    /// The variable that names the point; after a `:` how often it is passed first.
    const VARIABLE: &str = "KEYFOB_CRASH_AT";

    /// Kills this process as `kill -9` does, when it is to die here.
    #[expect(clippy::disallowed_methods, reason = "how a test tells the process that it starts where to die")]
    pub(crate) fn crash_at(name: &str) {
        static PASSED: AtomicU32 = AtomicU32::new(0);
        let Ok(wanted) = std::env::var(VARIABLE) else { return };
        let (point, after) = wanted.split_once(':').unwrap_or((&wanted, "0"));
        if point == name && PASSED.fetch_add(1, Ordering::SeqCst) >= after.parse().unwrap_or(0) {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }

    /// The numbers of the handles that play other processes and are open.
    static PLAYED: Mutex<Option<HashSet<u32>>> = Mutex::new(None);

    /// Says that a played process lives, or that it is gone.
    pub(crate) fn play(pid: u32, lives: bool) {
        let mut played = PLAYED.lock().unwrap_or_else(PoisonError::into_inner);
        let played = played.get_or_insert_default();
        if lives {
            played.insert(pid);
        } else {
            played.remove(&pid);
        }
    }

    /// Whether a played process of that number lives.
    pub(crate) fn is_played(pid: u32) -> bool {
        PLAYED.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|played| played.contains(&pid))
    }
}
