//! What all callbacks share.

use std::ffi::c_void;

/// Gives the `context` of a callback back to the host: called exactly once, on any thread, when Keyfob will
/// not use the context again. That is when the configuration is freed unopened, or else when the last user
/// of the handle is gone; that of the log goes when another takes its place. It must not call Keyfob.
pub type keyfob_release_fn = Option<unsafe extern "C" fn(context: *mut c_void)>;
