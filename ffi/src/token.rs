//! `keyfob_token`.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use keyfob::AccessToken;

use crate::boundary::{Output, Text, free, given, guard, read, text, to_unix_ms};
use crate::error::{KEYFOB_TIME_UNKNOWN, keyfob_error, keyfob_status};
use crate::handle::{keyfob_handle, min_validity};

/// An access token that was good when it was given. Made by `keyfob_access_token`,
/// `keyfob_access_token_within`, `keyfob_cached_access_token` and `keyfob_refresh_if_current`, freed by
/// `keyfob_token_free`, which overwrites it.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_token {
    token: AccessToken,
    secret: Text,
}

impl From<AccessToken> for keyfob_token {
    fn from(token: AccessToken) -> Self {
        Self { token, secret: Text::default() }
    }
}

/// The token that `keyfob_access_token` would give from memory and at once. Never blocks: for a thread that
/// may not, such as one with an event loop, which asks this first, and only then has another thread call
/// `keyfob_access_token`.
///
/// @param session_id       copied; caller may free after return
/// @param min_validity_ms  as for `keyfob_access_token`
/// @param token_out        caller owns; free with keyfob_token_free; NULL with `KEYFOB_OK` if
///                         `keyfob_access_token` would do anything more: read the store, refresh, wait, call
///                         the observer, or fail. That says nothing about the session. Once in each
///                         `coherence_seconds` of the configuration it is NULL for a good token too, because
///                         other processes' changes are looked for then
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_cached_access_token(
    handle: Option<&keyfob_handle>,
    session_id: *const c_char,
    min_validity_ms: i64,
    token_out: Option<&mut MaybeUninit<*mut keyfob_token>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let token_out = Output::new("token_out", token_out)?;
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let session_id = unsafe { text("session_id", session_id) }?;
        if let Some(token) = handle.keyfob.cached_access_token(session_id, min_validity(min_validity_ms)?) {
            token_out.give(token.into());
        }
        Ok(())
    })
}

/// The token itself, for `Authorization: Bearer ...` (RFC 6750 section 2.1). A secret; opaque: never parse
/// it.
///
/// Ownership: borrowed until the keyfob_token is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_token_secret(token: Option<&keyfob_token>) -> *const c_char {
    read(token, |token| token.secret.of(token.token.secret()))
}

/// When the token is over, in milliseconds since 1970 (UTC); `KEYFOB_TIME_UNKNOWN` if the provider did not
/// say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_token_expires_at_ms(token: Option<&keyfob_token>) -> i64 {
    read(token, |token| token.token.expires_at().map_or(KEYFOB_TIME_UNKNOWN, to_unix_ms))
}

/// Whether the token is in this process's memory only: the store could not be written when it came, and it is
/// lost if the process ends before it can be saved. Each call for this session's token, `keyfob_maintain` and
/// `keyfob_suspend` try to save it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_token_is_unsaved(token: Option<&keyfob_token>) -> bool {
    read(token, |token| token.token.is_unsaved())
}

/// Frees a token; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_token_free(token: Option<Box<keyfob_token>>) {
    free(token);
}
