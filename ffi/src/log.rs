//! The library's log, for the host: `keyfob_set_log`.

use std::cell::Cell;
use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::sync::{Arc, Once, PoisonError, RwLock};

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::boundary::{Context, Outcome, Text, guard, quietly};
use crate::callback::keyfob_release_fn;
use crate::error::{Failure, keyfob_error, keyfob_status};

/// How much a line of the log matters. The smaller, the more.
pub type keyfob_log_level = i32;

/// Something is lost, or will be if nobody acts.
pub const KEYFOB_LOG_LEVEL_ERROR: keyfob_log_level = 1;
/// Something is not as it should be, and Keyfob goes on.
pub const KEYFOB_LOG_LEVEL_WARN: keyfob_log_level = 2;
/// Something worth knowing, seldom.
pub const KEYFOB_LOG_LEVEL_INFO: keyfob_log_level = 3;
/// For whoever looks for a cause: connections and answers too, without what was in them.
pub const KEYFOB_LOG_LEVEL_DEBUG: keyfob_log_level = 4;

/// Takes one line of the log. No line holds a token, a code, a key, or what else is a secret.
///
/// Called on the thread on which it happens, on several at once, and in the middle of things: it must be quick. It must
/// not call Keyfob: what can fail gives `KEYFOB_INVALID_STATE` with the reason "Reentered", whatever it is called with, and
/// changes nothing. It must return: no exception, no longjmp.
///
/// @param context  what was given to `keyfob_set_log`
/// @param level    one of `KEYFOB_LOG_LEVEL_...`
/// @param target   the part of the library that says it, such as "keyfob::keyfob::refresh" or "rustls::client". For
///                 filters; another version may name its parts otherwise; borrowed until the callback returns
/// @param message  for people; borrowed until the callback returns
pub type keyfob_log_fn = Option<
    unsafe extern "C" fn(context: *mut c_void, level: keyfob_log_level, target: *const c_char, message: *const c_char),
>;

/// The callback without its NULL.
type Take = unsafe extern "C" fn(*mut c_void, keyfob_log_level, *const c_char, *const c_char);

/// Where the lines go. It is not locked while the host has one.
static HOST: RwLock<Option<Arc<HostLog>>> = RwLock::new(None);

thread_local! {
    /// This thread is in the host's callback.
    static WITHIN: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is in the host's callback: the core may hold anything then.
pub(crate) fn is_within() -> bool {
    WITHIN.get()
}

/// Gives the library's log to the host: for the whole process, for all handles, from now on. Without it there is no log.
///
/// A callback takes the place of the one before it, whose context is given back as soon as no other thread is within
/// that callback any more; until then it may still be called.
///
/// Threads: may be called on any.
///
/// @param max_level  one of `KEYFOB_LOG_LEVEL_...`: lines that matter less are not made
/// @param take       takes a line; see `keyfob_log_fn`; may be NULL: from now on there is no log
/// @param context    given to `take`; may be NULL; consumed, even on error
/// @param release    gives `context` back when Keyfob is done with it; may be NULL
/// @return `KEYFOB_INVALID_ARGUMENT`: no such level;
///         `KEYFOB_INVALID_STATE`: called from within the callback.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_set_log(
    max_level: keyfob_log_level,
    take: keyfob_log_fn,
    context: *mut c_void,
    release: keyfob_release_fn,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    let context = Context::new(context, release);
    guard(error_out, || {
        if is_within() {
            return Err(Failure::WithinLog);
        }
        let max_level = filter(max_level)?;
        let host = take.map(|take| Arc::new(HostLog { take, max_level, context }));
        let before = std::mem::replace(&mut *HOST.write().unwrap_or_else(PoisonError::into_inner), host);
        static ONCE: Once = Once::new();
        // Nobody else can have set one: this copy of the crate `log` is the library's own.
        ONCE.call_once(|| drop(log::set_logger(&Logger)));
        log::set_max_level(if take.is_some() { max_level } else { LevelFilter::Off });
        drop(before);
        Ok(())
    })
}

struct HostLog {
    take: Take,
    max_level: LevelFilter,
    context: Context,
}

struct Logger;

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let host = HOST.read().unwrap_or_else(PoisonError::into_inner);
        host.as_ref().is_some_and(|host| metadata.level() <= host.max_level)
    }

    fn log(&self, record: &Record<'_>) {
        /// In the callback until this is dropped.
        struct Within;
        impl Drop for Within {
            fn drop(&mut self) {
                WITHIN.set(false);
            }
        }
        let host = HOST.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(host) = host.filter(|host| record.level() <= host.max_level) else { return };
        if WITHIN.replace(true) {
            return;
        }
        let _within = Within;
        quietly(|| {
            let texts = (Text::default(), Text::default());
            let (target, message) = (texts.0.of(record.target()), texts.1.of(&record.args().to_string()));
            // SAFETY: the host gave both for each other, and has not got the context back; the texts outlive the call.
            unsafe { (host.take)(host.context.pointer(), number(record.level()), target, message) };
        });
    }

    fn flush(&self) {}
}

fn filter(level: keyfob_log_level) -> Outcome<LevelFilter> {
    Ok(match level {
        KEYFOB_LOG_LEVEL_ERROR => LevelFilter::Error,
        KEYFOB_LOG_LEVEL_WARN => LevelFilter::Warn,
        KEYFOB_LOG_LEVEL_INFO => LevelFilter::Info,
        KEYFOB_LOG_LEVEL_DEBUG => LevelFilter::Debug,
        _ => return Err(Failure::Argument { name: "max_level", problem: "is not a KEYFOB_LOG_LEVEL" }),
    })
}

fn number(level: Level) -> keyfob_log_level {
    match level {
        Level::Error => KEYFOB_LOG_LEVEL_ERROR,
        Level::Warn => KEYFOB_LOG_LEVEL_WARN,
        Level::Info => KEYFOB_LOG_LEVEL_INFO,
        // There is no other: the crate's feature `max_level_debug` compiles TRACE out.
        Level::Debug | Level::Trace => KEYFOB_LOG_LEVEL_DEBUG,
    }
}
