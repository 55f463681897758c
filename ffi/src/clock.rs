//! The host's own clock.

use std::ffi::c_void;
use std::time::{Duration, SystemTime};

use keyfob::Clock;

use crate::boundary::{Context, from_unix_ms};

/// Tells the time in milliseconds: as a wall clock since 1970 (UTC), as a boot clock since the system
/// started, sleep included.
///
/// It cannot fail: a clock that does not know gives the time that it knew last. A negative time of the boot clock counts
/// as 0.
///
/// Called often, from any thread, several at once: it answers at once, and does not call Keyfob.
pub type keyfob_clock_fn = Option<unsafe extern "C" fn(context: *mut c_void) -> i64>;

/// The callback without its NULL.
type Tell = unsafe extern "C" fn(context: *mut c_void) -> i64;

#[derive(Debug)]
pub(crate) struct HostClock {
    wall: Tell,
    boot: Tell,
    boot_id: Option<String>,
    context: Context,
}

impl HostClock {
    pub(crate) fn new(wall: Tell, boot: Tell, boot_id: Option<String>, context: Context) -> Self {
        Self { wall, boot, boot_id, context }
    }
}

impl Clock for HostClock {
    fn wall(&self) -> SystemTime {
        // SAFETY: the host gave both for each other, and has not got the context back.
        from_unix_ms(unsafe { (self.wall)(self.context.pointer()) })
    }

    fn boot(&self) -> Duration {
        // SAFETY: the host gave both for each other, and has not got the context back.
        let milliseconds = unsafe { (self.boot)(self.context.pointer()) };
        Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))
    }

    fn boot_id(&self) -> Option<String> {
        self.boot_id.clone()
    }
}
