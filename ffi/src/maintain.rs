//! `keyfob_maintained`.

use std::mem::MaybeUninit;
use std::time::Duration;

use keyfob::Maintained;

use crate::boundary::{Output, free, given, guard, read};
use crate::error::{keyfob_error, keyfob_status};
use crate::handle::keyfob_handle;

/// What a maintenance did. Made by `keyfob_maintain`, freed by `keyfob_maintained_free`.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_maintained {
    maintained: Maintained,
}

impl From<Maintained> for keyfob_maintained {
    fn from(maintained: Maintained) -> Self {
        Self { maintained }
    }
}

/// Does everything that is owed: saves tokens that could not be saved, mends refreshes that a process died in,
/// tells providers of sessions that were logged out, refreshes what is due, forgets what is old. For a moment
/// that the host picks: after its start, in a background task.
///
/// Touches the network if something is owed. Begins nothing new after `limit_ms`; what was begun is seen
/// through, and blocks for `http.total_seconds` of the configuration at most for each request.
///
/// @param limit_ms        in milliseconds
/// @param maintained_out  may be NULL; caller owns; free with keyfob_maintained_free
/// @return `KEYFOB_OK` also when something did not succeed: `keyfob_maintained_failed` counts it, and
///         `keyfob_journal` says why.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_maintain(
    handle: Option<&keyfob_handle>,
    limit_ms: u64,
    maintained_out: Option<&mut MaybeUninit<*mut keyfob_maintained>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let maintained_out = Output::optional(maintained_out);
        let maintained = given("handle", handle)?.keyfob.maintain(Duration::from_millis(limit_ms))?;
        if let Some(maintained_out) = maintained_out {
            maintained_out.give(maintained.into());
        }
        Ok(())
    })
}

/// How many sessions got new tokens, or had theirs checked or saved at last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_maintained_refreshed(maintained: Option<&keyfob_maintained>) -> usize {
    read(maintained, |maintained| maintained.maintained.refreshed())
}

/// How many logged-out sessions the provider was told of.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_maintained_revoked(maintained: Option<&keyfob_maintained>) -> usize {
    read(maintained, |maintained| maintained.maintained.revoked())
}

/// How many pieces of work did not succeed this time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_maintained_failed(maintained: Option<&keyfob_maintained>) -> usize {
    read(maintained, |maintained| maintained.maintained.failed())
}

/// How many pieces of work are left: call again later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_maintained_owed(maintained: Option<&keyfob_maintained>) -> usize {
    read(maintained, |maintained| maintained.maintained.owed())
}

/// Frees what a maintenance gave; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_maintained_free(maintained: Option<Box<keyfob_maintained>>) {
    free(maintained);
}
