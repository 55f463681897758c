//! `keyfob_token`.

use std::ffi::c_char;

use keyfob::AccessToken;

use crate::boundary::{Text, free, read, to_unix_ms};
use crate::error::KEYFOB_TIME_UNKNOWN;

/// An access token that was good when it was given. Made by `keyfob_access_token`,
/// `keyfob_access_token_within` and `keyfob_refresh_if_current`, freed by `keyfob_token_free`, which
/// overwrites it.
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
