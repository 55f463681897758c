//! The host's own threads: `keyfob_work`.

use std::ffi::c_void;
use std::fmt;

use keyfob::Executor;

use crate::boundary::{Context, free, quietly};

/// Takes work that is to run on another thread some time soon: one that may block for as long as an HTTP
/// request takes.
///
/// Called on the thread that called Keyfob, on several at once. It hands the work to one of the host's
/// threads and returns; it does not run the work itself, and does not call Keyfob otherwise. It must return:
/// no exception, no longjmp.
///
/// @param context  what was given to `keyfob_config_set_executor`
/// @param work     caller owns; free with keyfob_work_free. That is, the host does from here on: it gives the
///                 work back once, through `keyfob_work_run` or `keyfob_work_free`
pub type keyfob_executor_fn = Option<unsafe extern "C" fn(context: *mut c_void, work: *mut keyfob_work)>;

/// The callback without its NULL.
type Execute = unsafe extern "C" fn(context: *mut c_void, work: *mut keyfob_work);

/// Work of Keyfob's for a thread of the host's: consumed by `keyfob_work_run`, or freed by
/// `keyfob_work_free`. Work that is freed is only done later, by a call that needs it: nothing is lost. It
/// stays good when the keyfob_handle is freed, and keeps the store open until it is gone.
///
/// Threads: one thread at a time, and any thread.
pub struct keyfob_work {
    work: Box<dyn FnOnce() + Send>,
}

impl fmt::Debug for keyfob_work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("keyfob_work").finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(crate) struct HostExecutor {
    execute: Execute,
    context: Context,
}

impl HostExecutor {
    pub(crate) fn new(execute: Execute, context: Context) -> Self {
        Self { execute, context }
    }
}

impl Executor for HostExecutor {
    fn execute(&self, work: Box<dyn FnOnce() + Send>) {
        let work = Box::into_raw(Box::new(keyfob_work { work }));
        // SAFETY: the host gave both for each other, and has not got the context back; the work is its own now.
        unsafe { (self.execute)(self.context.pointer(), work) };
    }
}

/// Does the work, on this thread. Touches the network; blocks for `http.total_seconds` of the configuration
/// at most for each request. What comes of it, `keyfob_journal` tells.
///
/// @param work  may be NULL; consumed, even on error
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_work_run(work: Option<Box<keyfob_work>>) {
    quietly(|| {
        if let Some(work) = work {
            (work.work)();
        }
    });
}

/// Frees work without doing it; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_work_free(work: Option<Box<keyfob_work>>) {
    free(work);
}
