//! The idioms of the boundary with C, each once: the panic guard, pointers in, handles and text out.
//!
//! A handle comes in as `Option<&T>`, an output as `Option<&mut MaybeUninit<*mut T>>`, a handle to be freed
//! as `Option<Box<T>>`: for C they are plain pointers, and for us what may be NULL cannot be forgotten.
//! What they point to is the caller's promise, which is why every export is an `unsafe fn`.

use std::ffi::{CStr, c_char, c_void};
use std::fmt;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use crate::callback::keyfob_release_fn;
use crate::error::{Failure, KEYFOB_OK, KEYFOB_TIME_UNKNOWN, keyfob_error, keyfob_status};
use crate::log::is_within;

/// What the body of an exported function ends with.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// Runs the body of a function that can fail: a panic becomes
/// [`KEYFOB_INTERNAL`](crate::error::KEYFOB_INTERNAL), an error its number and its handle.
pub(crate) fn guard(
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
    body: impl FnOnce() -> Outcome<()>,
) -> keyfob_status {
    // What a panic interrupts in the core is plain data behind mutexes that the core recovers; nothing here is kept.
    let outcome = catch_unwind(AssertUnwindSafe(body)).unwrap_or(Err(Failure::Panic));
    let status = outcome.as_ref().map_or_else(Failure::status, |()| KEYFOB_OK);
    if let Some(slot) = error_out {
        slot.write(match outcome {
            Ok(()) => ptr::null_mut(),
            Err(failure) => Box::into_raw(Box::new(keyfob_error::from(failure))),
        });
    }
    status
}

/// Runs a getter: without a handle, and after a panic, the answer is an empty one.
pub(crate) fn read<H, T: Empty>(handle: Option<&H>, get: impl FnOnce(&H) -> T) -> T {
    catch_unwind(AssertUnwindSafe(|| handle.map(get))).ok().flatten().unwrap_or(T::EMPTY)
}

/// Makes a handle outside [`guard`]: NULL after a panic.
pub(crate) fn make<T>(new: impl FnOnce() -> Option<T>) -> Option<Box<T>> {
    catch_unwind(AssertUnwindSafe(|| new().map(Box::new))).ok().flatten()
}

/// Frees a handle.
pub(crate) fn free<T>(handle: Option<Box<T>>) {
    quietly(|| drop(handle));
}

/// Runs what has no result: nobody could be told of a panic in it.
pub(crate) fn quietly(body: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(body));
}

/// What a getter answers when there is nothing to read.
pub(crate) trait Empty {
    const EMPTY: Self;
}

impl<T> Empty for *const T {
    const EMPTY: Self = ptr::null();
}

impl Empty for bool {
    const EMPTY: Self = false;
}

impl Empty for i32 {
    const EMPTY: Self = 0;
}

impl Empty for u32 {
    const EMPTY: Self = 0;
}

impl Empty for usize {
    const EMPTY: Self = 0;
}

/// Only times and durations are 64 bits wide.
impl Empty for i64 {
    const EMPTY: Self = KEYFOB_TIME_UNKNOWN;
}

/// A parameter that must not be NULL. Every function that can fail has one, so here is where nothing goes on that is called from
/// within the log's callback: a line is logged wherever it happens, and the core may hold a mutex there.
pub(crate) fn given<T>(name: &'static str, parameter: Option<T>) -> Outcome<T> {
    if is_within() {
        return Err(Failure::WithinLog);
    }
    parameter.ok_or(Failure::Argument { name, problem: "is NULL" })
}

/// A NUL-terminated UTF-8 text from the caller.
///
/// # Safety `text` is NULL or points to a NUL-terminated text that stays as it is for `'a`.
pub(crate) unsafe fn text<'a>(name: &'static str, text: *const c_char) -> Outcome<&'a str> {
    // SAFETY: what is promised to this function.
    given(name, unsafe { optional_text(name, text) }?)
}

/// A text that may be NULL.
///
/// # Safety As [`text`].
pub(crate) unsafe fn optional_text<'a>(name: &'static str, text: *const c_char) -> Outcome<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, and otherwise what is promised to this function.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map(Some).map_err(|_| Failure::Argument { name, problem: "is not UTF-8" })
}

/// Bytes from the caller; NULL will do for none.
///
/// # Safety `bytes` is NULL or points to `len` bytes that stay as they are for `'a`.
pub(crate) unsafe fn bytes<'a>(name: &'static str, bytes: *const u8, len: usize) -> Outcome<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    if len > isize::MAX.unsigned_abs() {
        return Err(Failure::Argument { name, problem: "is longer than memory can be" });
    }
    if bytes.is_null() {
        return Err(Failure::Argument { name, problem: "is NULL" });
    }
    // SAFETY: not NULL, not too long, and otherwise what is promised to this function.
    Ok(unsafe { std::slice::from_raw_parts(bytes, len) })
}

/// Where a new handle goes. It is NULL from the beginning, so that an error leaves no garbage there.
pub(crate) struct Output<'a, T>(&'a mut MaybeUninit<*mut T>);

impl<'a, T> Output<'a, T> {
    pub(crate) fn new(name: &'static str, slot: Option<&'a mut MaybeUninit<*mut T>>) -> Outcome<Self> {
        given(name, Self::optional(slot))
    }

    /// For an output that may be NULL.
    pub(crate) fn optional(slot: Option<&'a mut MaybeUninit<*mut T>>) -> Option<Self> {
        slot.map(|slot| {
            slot.write(ptr::null_mut());
            Self(slot)
        })
    }

    /// The caller owns it from here on.
    pub(crate) fn give(self, handle: T) {
        self.0.write(Box::into_raw(Box::new(handle)));
    }
}

/// A text of a handle as C wants it, made when it is first asked for, and overwritten when the handle is
/// freed: many of them are secrets, and all of them are somebody's.
#[derive(Default)]
pub(crate) struct Text(OnceLock<Zeroizing<Vec<u8>>>);

impl Text {
    /// The text. It is always the same one for a handle, so the first call settles it.
    pub(crate) fn of(&self, text: &str) -> *const c_char {
        self.0.get_or_init(|| terminated(text)).as_ptr().cast()
    }

    pub(crate) fn of_option(&self, text: Option<&str>) -> *const c_char {
        text.map_or(ptr::null(), |text| self.of(text))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[text]")
    }
}

/// A NUL within the text becomes U+FFFD: cut off there, "admin\0x" would pass for "admin".
fn terminated(text: &str) -> Zeroizing<Vec<u8>> {
    const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
    let nuls = text.bytes().filter(|byte| *byte == 0).count();
    // Of its final size from the beginning: growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() + nuls * (REPLACEMENT.len() - 1) + 1));
    for (index, part) in text.split('\0').enumerate() {
        if index > 0 {
            bytes.extend_from_slice(REPLACEMENT);
        }
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// The `context` of a callback, given back to the host when nobody needs it any more.
#[derive(Debug)]
pub(crate) struct Context {
    pointer: *mut c_void,
    release: keyfob_release_fn,
}

// SAFETY: the header demands of the host that a context may be used, and released, on any thread.
unsafe impl Send for Context {}
// SAFETY: as above; we ourselves never look at what it points to.
unsafe impl Sync for Context {}

impl Context {
    pub(crate) fn new(pointer: *mut c_void, release: keyfob_release_fn) -> Self {
        Self { pointer, release }
    }

    pub(crate) fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: the host gave both for each other; this is the one call, since a context is not cloned.
            unsafe { release(self.pointer) };
        }
    }
}

/// A moment as it crosses: milliseconds since 1970, UTC.
pub(crate) fn to_unix_ms(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => to_ms(after),
        Err(before) => to_ms(before.duration()).saturating_neg(),
    }
}

/// A moment as the host's clock tells it.
pub(crate) fn from_unix_ms(milliseconds: i64) -> SystemTime {
    let span = Duration::from_millis(milliseconds.unsigned_abs());
    let time = if milliseconds < 0 { UNIX_EPOCH.checked_sub(span) } else { UNIX_EPOCH.checked_add(span) };
    time.unwrap_or(UNIX_EPOCH)
}

/// A duration from the caller, in milliseconds.
pub(crate) fn span(name: &'static str, milliseconds: i64) -> Outcome<Duration> {
    let milliseconds = u64::try_from(milliseconds).map_err(|_| Failure::Argument { name, problem: "is negative" })?;
    Ok(Duration::from_millis(milliseconds))
}

pub(crate) fn to_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// How far a clock is off, which the core tells in seconds. Whole seconds are never `KEYFOB_TIME_UNKNOWN`.
pub(crate) fn seconds_to_ms(seconds: i64) -> i64 {
    seconds.saturating_mul(1000)
}

#[cfg(test)]
mod tests;
