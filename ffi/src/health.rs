//! `keyfob_health` and `keyfob_interrupted`.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use keyfob::{Health, Interrupted, Sealing};

use crate::boundary::{Output, Text, free, given, guard, read, seconds_to_ms, to_ms, to_unix_ms};
use crate::error::{KEYFOB_TIME_UNKNOWN, keyfob_error, keyfob_status};
use crate::handle::keyfob_handle;

/// How a store keeps its secrets.
pub type keyfob_sealing = i32;

/// Not known.
pub const KEYFOB_SEALING_UNKNOWN: keyfob_sealing = 0;
/// As they are.
pub const KEYFOB_SEALING_PLAINTEXT: keyfob_sealing = 1;
/// Sealed, and the key is here.
pub const KEYFOB_SEALING_SEALED: keyfob_sealing = 2;
/// Sealed, and the key was not to be had yet.
pub const KEYFOB_SEALING_LOCKED: keyfob_sealing = 3;

/// How a store is, for a support engineer. It holds no secret. Made by `keyfob_read_health`, freed by
/// `keyfob_health_free`.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_health {
    health: Health,
    sqlite_version: Text,
    interrupted: Vec<keyfob_interrupted>,
}

/// A refresh that is not settled: under way, cut off, in doubt, or with tokens that are not checked yet. The
/// next call for that session's token mends it, or `keyfob_maintain`. It belongs to its keyfob_health.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_interrupted {
    interrupted: Interrupted,
    session: Text,
}

impl From<Health> for keyfob_health {
    fn from(health: Health) -> Self {
        let handle = |interrupted: &Interrupted| keyfob_interrupted {
            interrupted: interrupted.clone(),
            session: Text::default(),
        };
        let interrupted = health.interrupted().iter().map(handle).collect();
        Self { health, sqlite_version: Text::default(), interrupted }
    }
}

/// How the store is: sealing, sessions, refreshes that were cut off, what is owed, how far the clock is off. While
/// the store is locked no refresh is seen. Touches no network.
///
/// @param health_out  caller owns; free with keyfob_health_free
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_read_health(
    handle: Option<&keyfob_handle>,
    health_out: Option<&mut MaybeUninit<*mut keyfob_health>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let health_out = Output::new("health_out", health_out)?;
        health_out.give(given("handle", handle)?.keyfob.health()?.into());
        Ok(())
    })
}

/// The version of the store's schema.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_health_schema_version(health: Option<&keyfob_health>) -> i32 {
    read(health, |health| health.health.schema_version())
}

/// The version of SQLite.
///
/// Ownership: borrowed until the keyfob_health is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_health_sqlite_version(health: Option<&keyfob_health>) -> *const c_char {
    read(health, |health| health.sqlite_version.of(health.health.sqlite_version()))
}

/// How the secrets in the store are kept: one of `KEYFOB_SEALING_...`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_health_sealing(health: Option<&keyfob_health>) -> keyfob_sealing {
    read(health, |health| match health.health.sealing() {
        Sealing::Plaintext => KEYFOB_SEALING_PLAINTEXT,
        Sealing::Sealed => KEYFOB_SEALING_SEALED,
        Sealing::Locked => KEYFOB_SEALING_LOCKED,
        _ => KEYFOB_SEALING_UNKNOWN,
    })
}

/// How many damaged databases lie in the store's folder, moved aside (damaged-*.db): each time the sessions in
/// it were gone. The newest two are kept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_health_moved_aside(health: Option<&keyfob_health>) -> usize {
    read(health, |health| health.health.moved_aside())
}

/// How many sessions are active.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_health_active_sessions(health: Option<&keyfob_health>) -> u32 {
    read(health, |health| health.health.active_sessions())
}

/// How many sessions have ended by themselves and wait for a new login.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_health_ended_sessions(health: Option<&keyfob_health>) -> u32 {
    read(health, |health| health.health.ended_sessions())
}

/// How many sessions of this process have tokens that could not be saved.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_health_unsaved_sessions(health: Option<&keyfob_health>) -> usize {
    read(health, |health| health.health.unsaved_sessions())
}

/// How many logged-out sessions the provider is still to be told of.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_health_owed_revocations(health: Option<&keyfob_health>) -> u32 {
    read(health, |health| health.health.owed_revocations())
}

/// How far a provider's clock was ahead of this device's (behind, where it is negative) when that was last far
/// off, in milliseconds and whole seconds; `KEYFOB_TIME_UNKNOWN` if it never was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_health_clock_skew_ms(health: Option<&keyfob_health>) -> i64 {
    read(health, |health| health.health.clock_skew_seconds().map_or(KEYFOB_TIME_UNKNOWN, seconds_to_ms))
}

/// When that was seen by this device's wall clock, in milliseconds since 1970 (UTC); `KEYFOB_TIME_UNKNOWN` if
/// it never was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_health_clock_skew_at_ms(health: Option<&keyfob_health>) -> i64 {
    read(health, |health| health.health.clock_skew_at().map_or(KEYFOB_TIME_UNKNOWN, to_unix_ms))
}

/// How many sessions have a refresh that is not settled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_health_interrupted_len(health: Option<&keyfob_health>) -> usize {
    read(health, |health| health.interrupted.len())
}

/// One of those refreshes; NULL for an index that is too large.
///
/// Ownership: borrowed until the keyfob_health is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_health_interrupted_at(
    health: Option<&keyfob_health>,
    index: usize,
) -> *const keyfob_interrupted {
    read(health, |health| health.interrupted.get(index).map_or(std::ptr::null(), std::ptr::from_ref))
}

/// Frees what tells the health; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_health_free(health: Option<Box<keyfob_health>>) {
    free(health);
}

/// The id of the session.
///
/// Ownership: borrowed until the keyfob_health is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_interrupted_session(interrupted: Option<&keyfob_interrupted>) -> *const c_char {
    read(interrupted, |interrupted| interrupted.session.of(interrupted.interrupted.session()))
}

/// The id of the process that sent the refresh token; 0 if none did, and only the check of the tokens is left.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_interrupted_pid(interrupted: Option<&keyfob_interrupted>) -> u32 {
    read(interrupted, |interrupted| interrupted.interrupted.pid())
}

/// Whether that process is still there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_interrupted_is_alive(interrupted: Option<&keyfob_interrupted>) -> bool {
    read(interrupted, |interrupted| interrupted.interrupted.is_alive())
}

/// When it began by this device's wall clock, in milliseconds since 1970 (UTC).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_interrupted_begun_at_ms(interrupted: Option<&keyfob_interrupted>) -> i64 {
    read(interrupted, |interrupted| to_unix_ms(interrupted.interrupted.begun_at()))
}

/// Whether the provider may have acted on it without its answer having come.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_interrupted_is_in_doubt(interrupted: Option<&keyfob_interrupted>) -> bool {
    read(interrupted, |interrupted| interrupted.interrupted.is_in_doubt())
}

/// Whether the tokens that the session has were checked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_interrupted_is_verified(interrupted: Option<&keyfob_interrupted>) -> bool {
    read(interrupted, |interrupted| interrupted.interrupted.is_verified())
}

/// How long it is left alone yet, in milliseconds; `KEYFOB_TIME_UNKNOWN` if it need not be.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_interrupted_retry_after_ms(interrupted: Option<&keyfob_interrupted>) -> i64 {
    read(interrupted, |interrupted| interrupted.interrupted.retry_after().map_or(KEYFOB_TIME_UNKNOWN, to_ms))
}
