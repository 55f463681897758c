//! `keyfob_journal_entry` and `keyfob_journal_list`.

use std::ffi::c_char;

use keyfob::JournalEntry;

use crate::boundary::{Text, free, read, seconds_to_ms, to_ms, to_unix_ms};
use crate::error::KEYFOB_TIME_UNKNOWN;

/// One line of the journal: why something happened. It holds no secret, and belongs to its list.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_journal_entry {
    entry: JournalEntry,
    event: Text,
    registration: Text,
    session: Text,
    reason: Text,
    wish: Text,
    message: Text,
}

/// Lines of the journal, newest first. Made by `keyfob_journal`, freed by `keyfob_journal_list_free`.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_journal_list {
    entries: Vec<keyfob_journal_entry>,
}

impl From<Vec<JournalEntry>> for keyfob_journal_list {
    fn from(entries: Vec<JournalEntry>) -> Self {
        let handle = |entry| keyfob_journal_entry {
            entry,
            event: Text::default(),
            registration: Text::default(),
            session: Text::default(),
            reason: Text::default(),
            wish: Text::default(),
            message: Text::default(),
        };
        Self { entries: entries.into_iter().map(handle).collect() }
    }
}

/// How many lines there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_journal_list_len(list: Option<&keyfob_journal_list>) -> usize {
    read(list, |list| list.entries.len())
}

/// One of the lines; NULL for an index that is too large.
///
/// Ownership: borrowed until the keyfob_journal_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_journal_list_at(
    list: Option<&keyfob_journal_list>,
    index: usize,
) -> *const keyfob_journal_entry {
    read(list, |list| list.entries.get(index).map_or(std::ptr::null(), std::ptr::from_ref))
}

/// Frees a list with its lines; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_journal_list_free(list: Option<Box<keyfob_journal_list>>) {
    free(list);
}

/// When it happened by this device's wall clock, in milliseconds since 1970 (UTC).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_journal_entry_at_ms(entry: Option<&keyfob_journal_entry>) -> i64 {
    read(entry, |entry| to_unix_ms(entry.entry.at()))
}

/// The id of the process that it happened in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_journal_entry_pid(entry: Option<&keyfob_journal_entry>) -> u32 {
    read(entry, |entry| entry.entry.pid())
}

/// What happened, by its stable name: "LoginBegun", "LoginCompleted", "LoginFailed", "Refreshed",
/// "RefreshFailed", "SessionEnded", "SessionImported", "TokensRevoked" (the provider was told that a session's
/// tokens are not needed any more), "RevocationFailed", or one that a newer version wrote.
///
/// Ownership: borrowed until the keyfob_journal_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_journal_entry_event(entry: Option<&keyfob_journal_entry>) -> *const c_char {
    read(entry, |entry| entry.event.of(entry.entry.event()))
}

/// The id of the registration; NULL if there is none.
///
/// Ownership: borrowed until the keyfob_journal_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_journal_entry_registration(entry: Option<&keyfob_journal_entry>) -> *const c_char {
    read(entry, |entry| entry.registration.of_option(entry.entry.registration()))
}

/// The id of the session; NULL if there is none.
///
/// Ownership: borrowed until the keyfob_journal_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_journal_entry_session(entry: Option<&keyfob_journal_entry>) -> *const c_char {
    read(entry, |entry| entry.session.of_option(entry.entry.session()))
}

/// Why, by the stable name that `keyfob_error_reason` has for it; NULL if nothing went wrong or ended.
///
/// Ownership: borrowed until the keyfob_journal_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_journal_entry_reason(entry: Option<&keyfob_journal_entry>) -> *const c_char {
    read(entry, |entry| entry.reason.of_option(entry.entry.reason()))
}

/// The HTTP status of the provider's answer; 0 if none decided.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_journal_entry_http_status(entry: Option<&keyfob_journal_entry>) -> i32 {
    read(entry, |entry| entry.entry.http_status().map_or(0, i32::from))
}

/// Why a refresh was wanted: "token" (a call needed one), "early" (before one does), "asked" (the app called
/// for a refresh), "rejected" (a resource server refused the token), "interrupted" (one that was cut off is
/// mended), or one that a newer version wrote; NULL if the line is about no refresh.
///
/// Ownership: borrowed until the keyfob_journal_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_journal_entry_wish(entry: Option<&keyfob_journal_entry>) -> *const c_char {
    read(entry, |entry| entry.wish.of_option(entry.entry.wish()))
}

/// How long the refresh took, waiting for others included, in milliseconds; `KEYFOB_TIME_UNKNOWN` if the line
/// is about none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_journal_entry_waited_ms(entry: Option<&keyfob_journal_entry>) -> i64 {
    read(entry, |entry| entry.entry.waited().map_or(KEYFOB_TIME_UNKNOWN, to_ms))
}

/// How far the provider's clock was ahead of this device's (behind, where it is negative), in milliseconds and
/// whole seconds; `KEYFOB_TIME_UNKNOWN` if no answer told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_journal_entry_clock_skew_ms(entry: Option<&keyfob_journal_entry>) -> i64 {
    read(entry, |entry| entry.entry.clock_skew_seconds().map_or(KEYFOB_TIME_UNKNOWN, seconds_to_ms))
}

/// The whole line for people, without its time.
///
/// Ownership: borrowed until the keyfob_journal_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_journal_entry_message(entry: Option<&keyfob_journal_entry>) -> *const c_char {
    read(entry, |entry| entry.message.of(&entry.entry.to_string()))
}
