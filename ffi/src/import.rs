//! `keyfob_imported_tokens`.

use std::ffi::c_char;
use std::mem::{MaybeUninit, replace};

use keyfob::ImportedTokens;

use crate::boundary::{Output, free, from_unix_ms, given, guard, text};
use crate::error::{Failure, KEYFOB_TIME_UNKNOWN, keyfob_error, keyfob_status};

/// What another library kept of a session. Made by `keyfob_imported_tokens_new`, consumed by
/// `keyfob_import_session` or freed by `keyfob_imported_tokens_free`; both overwrite the tokens.
///
/// Threads: one thread at a time.
#[derive(Debug)]
pub struct keyfob_imported_tokens {
    pub(crate) tokens: ImportedTokens,
}

impl keyfob_imported_tokens {
    fn change(&mut self, change: impl FnOnce(ImportedTokens) -> ImportedTokens) {
        self.tokens = change(replace(&mut self.tokens, ImportedTokens::new("", "")));
    }
}

/// A session of a registration and of one user, to which the tokens are added next.
///
/// @param registration  the id of a registration; copied; caller may free after return
/// @param provider_uid  the user's lasting id at the provider (`sub`, where it speaks OpenID Connect); who
///                      imports vouches for it: nobody is asked; copied; caller may free after return
/// @param tokens_out    caller owns; free with keyfob_imported_tokens_free
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_imported_tokens_new(
    registration: *const c_char,
    provider_uid: *const c_char,
    tokens_out: Option<&mut MaybeUninit<*mut keyfob_imported_tokens>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let tokens_out = Output::new("tokens_out", tokens_out)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let registration = unsafe { text("registration", registration) }?;
        // SAFETY: as above.
        let provider_uid = unsafe { text("provider_uid", provider_uid) }?;
        tokens_out.give(keyfob_imported_tokens { tokens: ImportedTokens::new(registration, provider_uid) });
        Ok(())
    })
}

/// The access token, and when it is over.
///
/// @param token          copied; caller may free after return
/// @param expires_at_ms  in milliseconds since 1970 (UTC), or `KEYFOB_TIME_UNKNOWN`
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_imported_tokens_set_access_token(
    tokens: Option<&mut keyfob_imported_tokens>,
    token: *const c_char,
    expires_at_ms: i64,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let tokens = given("tokens", tokens)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let token = unsafe { text("token", token) }?;
        let expires_at = match expires_at_ms {
            KEYFOB_TIME_UNKNOWN => None,
            0.. => Some(from_unix_ms(expires_at_ms)),
            _ => return Err(Failure::Argument { name: "expires_at_ms", problem: "is negative" }),
        };
        tokens.change(|tokens| tokens.access_token(token, expires_at));
        Ok(())
    })
}

/// The refresh token.
///
/// @param token  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_imported_tokens_set_refresh_token(
    tokens: Option<&mut keyfob_imported_tokens>,
    token: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let tokens = given("tokens", tokens)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let token = unsafe { text("token", token) }?;
        tokens.change(|tokens| tokens.refresh_token(token));
        Ok(())
    })
}

/// Adds a scope that was granted (RFC 6749 section 3.3).
///
/// @param scope  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_imported_tokens_add_scope(
    tokens: Option<&mut keyfob_imported_tokens>,
    scope: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let tokens = given("tokens", tokens)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let scope = unsafe { text("scope", scope) }?;
        tokens.change(|tokens| tokens.scope(scope));
        Ok(())
    })
}

/// Frees tokens that were not imported; they may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_imported_tokens_free(tokens: Option<Box<keyfob_imported_tokens>>) {
    free(tokens);
}
