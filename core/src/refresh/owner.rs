//! Which process wrote an attempt, and whether it is still there.

use serde::{Deserialize, Serialize};

use super::decide::Owner;
use super::pause::Moment;
use super::window::Now;

/// An owner that says nothing for so long is not waited for: ten minutes.
const LONGEST_MILLIS: i64 = 600_000;

/// A process, told apart from a later one of the same number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// When it started, in the system's own unit; `None` where the system does not tell.
    start: Option<u64>,
    boot_id: Option<String>,
}

impl Process {
    /// This one.
    pub(crate) fn this(boot_id: Option<String>) -> Self {
        let pid = std::process::id();
        Self { pid, start: running_since(pid), boot_id }
    }

    #[cfg(feature = "simulation")]
    pub(crate) fn played(pid: u32, boot_id: Option<String>) -> Self {
        Self { pid, start: None, boot_id }
    }

    /// Who this is to `here`, which asks about an attempt of that moment.
    pub(crate) fn seen_from(&self, here: &Self, begun: &Moment, now: &Now<'_>) -> Owner {
        if self == here {
            return Owner::Here;
        }
        let other_boot = self.boot_id.is_some() && here.boot_id.is_some() && self.boot_id != here.boot_id;
        if other_boot || begun.left(LONGEST_MILLIS, now).is_none() || !self.lives() {
            Owner::Gone
        } else {
            Owner::Elsewhere
        }
    }

    /// Whether it runs. Where the system does not tell, it is taken to.
    pub(crate) fn lives(&self) -> bool {
        #[cfg(feature = "simulation")]
        if self.start.is_none() && crate::simulation::is_played(self.pid) {
            return true;
        }
        exists(self.pid) && (self.start.is_none() || running_since(self.pid) == self.start)
    }
}

/// Whether a process of that number runs, whichever it is. Where the system does not tell, it is taken to: the caller looks at the time too.
pub(crate) fn is_running(pid: u32) -> bool {
    exists(pid) && (running_since(std::process::id()).is_none() || running_since(pid).is_some())
}

/// When a process started; `None` for one that is dead or dying, and where the system does not tell.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn running_since(pid: u32) -> Option<u64> {
    started(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// What `/proc/<pid>/stat` says: field 22 of a process that runs. One that is dead and only not yet waited for does not, nor does one that is on its
/// way out: its locks go a moment before it does, and whoever gets one in that moment must not take it for alive.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn started(stat: &str) -> Option<u64> {
    /// `PF_EXITING`, set before the kernel closes the process's files.
    const EXITING: u32 = 4;
    // The second field is the name in parentheses, and may hold anything.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    let flags: u32 = fields.nth(5)?.parse().ok()?;
    if matches!(state, "Z" | "X" | "x") || flags & EXITING != 0 { None } else { fields.nth(12)?.parse().ok() }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn running_since(_pid: u32) -> Option<u64> {
    None
}

#[cfg(unix)]
fn exists(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else { return false };
    rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

#[cfg(not(unix))]
fn exists(_pid: u32) -> bool {
    true
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    const NOW: Now<'static> = Now { wall: 5_000_000, boot: 1_000_000, boot_id: Some("b") };

    fn here() -> Process {
        Process::this(Some("b".to_owned()))
    }

    fn seen(process: &Process, begun_before: i64) -> Owner {
        let begun =
            Moment { wall: NOW.wall - begun_before, boot: NOW.boot - begun_before, boot_id: Some("b".to_owned()) };
        process.seen_from(&here(), &begun, &NOW)
    }

    #[test]
    fn a_process_is_known_by_its_number_its_start_and_its_boot() {
        assert!(here().start.is_some());
        assert_eq!(seen(&here(), 0), Owner::Here);
        let earlier = Process { start: Some(1), ..here() };
        assert_eq!(seen(&earlier, 0), Owner::Gone, "another one had this number");
        let other_boot = Process { boot_id: Some("a".to_owned()), pid: 1, start: None };
        assert_eq!(seen(&other_boot, 0), Owner::Gone);
        let first = Process { pid: 1, start: running_since(1), boot_id: Some("b".to_owned()) };
        assert_eq!(seen(&first, 0), Owner::Elsewhere);
        assert_eq!(seen(&first, 599_000), Owner::Elsewhere);
        assert_eq!(seen(&first, 600_000), Owner::Gone, "nobody waits for ever");
    }

    #[test]
    fn a_process_on_its_way_out_is_gone() {
        let line = |state: &str, flags: u32| {
            format!("312 (a) R 9 b) {state} 1 312 312 0 -1 {flags} 101 0 0 0 0 0 0 0 20 0 1 0 1642072 3133440 387")
        };
        assert_eq!(started(&line("R", 4_194_304)), Some(1_642_072));
        assert_eq!(started(&line("T", 4_194_560)), Some(1_642_072), "stopped is not gone");
        assert_eq!(started(&line("R", 4_194_308)), None);
        assert_eq!(started(&line("Z", 4_194_304)), None);
    }

    #[test]
    fn a_dead_process_is_gone_before_anybody_has_waited_for_it() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let process = Process { pid: child.id(), start: running_since(child.id()), boot_id: None };
        assert!(process.lives());
        child.kill().unwrap();
        // It is dead as soon as the signal has been taken, and a zombie until somebody waits for it.
        while process.lives() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(!process.lives());
    }
}
