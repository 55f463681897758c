//! The one door to the machine's clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The time that passes. Lifetimes are counted in it, so that a script which moves the wall clock while
/// tokens are out does not end them.
#[allow(clippy::disallowed_methods, reason = "this is the provider's clock; everything else asks here")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// What the provider's clock on the wall shows: the machine's, moved by the script.
#[allow(clippy::disallowed_methods, reason = "this is the provider's clock; everything else asks here")]
pub(crate) fn wall(offset_seconds: f64) -> SystemTime {
    let shift = seconds(offset_seconds.abs());
    let now = SystemTime::now();
    let shown = if offset_seconds < 0.0 { now.checked_sub(shift) } else { now.checked_add(shift) };
    shown.unwrap_or(now)
}

/// The wall time as whole seconds since 1970, the form that JWT claims have.
pub(crate) fn unix(offset_seconds: f64) -> u64 {
    wall(offset_seconds).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A script's number of seconds; what cannot be a duration (negative, not finite) is none at all.
pub(crate) fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or_default()
}
