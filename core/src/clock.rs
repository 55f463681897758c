//! Wall time, boot time, boot id; and random bytes, the other thing that only the system has.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What time it is. The built-in [`SystemClock`] asks the operating system; a host or a test may bring its own.
///
/// Called often and from any thread: an implementation answers at once and does not call back into Keyfob.
pub trait Clock: Send + Sync {
    /// The wall clock. May be wrong, and may jump.
    fn wall(&self) -> SystemTime;

    /// Time since boot, sleep included. Never goes back while [`Clock::boot_id`] stays the same.
    fn boot(&self) -> Duration;

    /// A name for this boot of the system, other after each restart; `None` where the system does not tell.
    fn boot_id(&self) -> Option<String>;
}

/// The operating system's clocks.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SystemClock;

impl SystemClock {
    /// The operating system's clocks.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn boot(&self) -> Duration {
        boot_time()
    }

    fn boot_id(&self) -> Option<String> {
        // Linux and Android; elsewhere only the wall clock is believed across a restart of the process.
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(text.trim().to_owned())
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn boot_time() -> Duration {
    duration(rustix::time::clock_gettime(rustix::time::ClockId::Boottime))
}

// Apple's monotonic clock counts sleep, as Boottime does on Linux.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn boot_time() -> Duration {
    duration(rustix::time::clock_gettime(rustix::time::ClockId::Monotonic))
}

#[cfg(unix)]
fn duration(time: rustix::time::Timespec) -> Duration {
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), nanoseconds)
}

// `Instant` on Windows counts sleep, but has no fixed beginning: the first call in this process is ours.
#[cfg(windows)]
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
fn boot_time() -> Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}

/// A moment of the wall clock as the store and the other languages hold it: milliseconds since 1970, UTC.
pub(crate) fn to_millis(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
    }
}

pub(crate) fn from_millis(millis: i64) -> SystemTime {
    let span = Duration::from_millis(millis.unsigned_abs());
    let moment = if millis >= 0 { UNIX_EPOCH.checked_add(span) } else { UNIX_EPOCH.checked_sub(span) };
    // Not every system's clock reaches as far as the store's numbers.
    moment.unwrap_or(UNIX_EPOCH)
}
