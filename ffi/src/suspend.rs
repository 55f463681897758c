//! Suspension: for a host that its system freezes.

use std::mem::MaybeUninit;
use std::time::Duration;

use crate::boundary::{given, guard};
use crate::error::{keyfob_error, keyfob_status};
use crate::handle::keyfob_handle;

/// Before the system freezes this process (iOS): lets nothing new begin, waits for what is under way, and then
/// closes everything: no lock and no file of the store stays open. Being suspended already is no error.
///
/// It holds for every handle of this store in this process. Until `keyfob_resume`, calls that need the store
/// give `KEYFOB_INVALID_STATE` with the reason "Suspended". Touches no network itself; blocks for `deadline_ms`
/// at most while requests of other threads end. A refresh that is still on its way then is given up and recorded
/// as in doubt: the next call, here or in another process, repeats it at once.
///
/// @param deadline_ms  how long from now to wait, in milliseconds
/// @return `KEYFOB_STORE_NOT_WRITABLE`: there are tokens that still could not be saved; they are in memory
///         only, and lost if the process ends. It is suspended all the same.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_suspend(
    handle: Option<&keyfob_handle>,
    deadline_ms: u64,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || Ok(given("handle", handle)?.keyfob.suspend(Duration::from_millis(deadline_ms))?))
}

/// Opens everything again after `keyfob_suspend`. Touches no network. Not being suspended is no error.
///
/// @return the kinds of the store: then it is still suspended, and the call may be repeated.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_resume(
    handle: Option<&keyfob_handle>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || Ok(given("handle", handle)?.keyfob.resume()?))
}
