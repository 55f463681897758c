//! `keyfob_end_session_options` and `keyfob_ended`.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use keyfob::{EndSession, Ended, Revocation};

use crate::boundary::{Text, free, given, guard, make, read, text};
use crate::error::{Failure, keyfob_error, keyfob_status};

/// What became of a session's token at the provider.
pub type keyfob_revocation = i32;

/// The provider says that the token is good for nothing any more.
pub const KEYFOB_REVOCATION_DONE: keyfob_revocation = 1;
/// Nobody asked it to: the options said so, or there was no token left.
pub const KEYFOB_REVOCATION_NOT_ASKED: keyfob_revocation = 2;
/// The provider offers no revocation for this token.
pub const KEYFOB_REVOCATION_NOT_SUPPORTED: keyfob_revocation = 3;
/// It was asked and did not do it: `keyfob_ended_revocation_error` says why. The token lives on until it is
/// over.
pub const KEYFOB_REVOCATION_FAILED: keyfob_revocation = 4;
/// It could not be asked now: `keyfob_ended_revocation_error` says why. The token is kept aside, and
/// `keyfob_maintain` asks again, for seven days.
pub const KEYFOB_REVOCATION_OWED: keyfob_revocation = 5;

/// How a session is to end. Made by `keyfob_end_session_options_new`, freed by
/// `keyfob_end_session_options_free`.
///
/// Threads: one thread at a time.
#[derive(Debug)]
pub struct keyfob_end_session_options {
    local_only: bool,
    post_logout_redirect_uri: Option<String>,
}

impl keyfob_end_session_options {
    pub(crate) fn to_core(&self) -> EndSession {
        let options = if self.local_only { EndSession::local_only() } else { EndSession::default() };
        match &self.post_logout_redirect_uri {
            Some(uri) => options.post_logout_redirect_uri(uri),
            None => options,
        }
    }
}

/// A session that has ended. Made by `keyfob_end_session`, freed by `keyfob_ended_free`.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_ended {
    ended: Ended,
    revocation_error: Option<keyfob_error>,
    logout_url: Text,
}

impl From<Ended> for keyfob_ended {
    fn from(ended: Ended) -> Self {
        let revocation_error = match ended.revocation() {
            Revocation::Failed(error) | Revocation::Owed(error) => Some(Failure::from(error.clone()).into()),
            _ => None,
        };
        Self { ended, revocation_error, logout_url: Text::default() }
    }
}

/// Options that end a session here, and at the provider where it offers revocation.
///
/// Ownership: caller owns; free with keyfob_end_session_options_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_end_session_options_new() -> Option<Box<keyfob_end_session_options>> {
    make(|| Some(keyfob_end_session_options { local_only: false, post_logout_redirect_uri: None }))
}

/// Whether the session ends here only: the provider is not asked to revoke anything, and its tokens live on
/// until they are over.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_end_session_options_set_local_only(
    options: Option<&mut keyfob_end_session_options>,
    local_only: bool,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        given("options", options)?.local_only = local_only;
        Ok(())
    })
}

/// Where the provider's logout page sends the browser afterwards (OpenID Connect RP-Initiated Logout section
/// 3), for `keyfob_ended_logout_url`.
///
/// The logout URL gets a `state` then, by which `keyfob_complete_logout` knows the redirect.
///
/// @param uri  an absolute URI without a fragment, registered at the provider (`keyfob_end_session` looks at
///             it); copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_end_session_options_set_post_logout_redirect_uri(
    options: Option<&mut keyfob_end_session_options>,
    uri: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let options = given("options", options)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let uri = unsafe { text("uri", uri) }?;
        options.post_logout_redirect_uri = Some(uri.to_owned());
        Ok(())
    })
}

/// Frees options; they may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_end_session_options_free(options: Option<Box<keyfob_end_session_options>>) {
    free(options);
}

/// What became of the token at the provider (RFC 7009 section 2.2): one of `KEYFOB_REVOCATION_...`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_ended_revocation(ended: Option<&keyfob_ended>) -> keyfob_revocation {
    read(ended, |ended| match ended.ended.revocation() {
        Revocation::Done => KEYFOB_REVOCATION_DONE,
        Revocation::NotAsked => KEYFOB_REVOCATION_NOT_ASKED,
        Revocation::NotSupported => KEYFOB_REVOCATION_NOT_SUPPORTED,
        Revocation::Failed(_) => KEYFOB_REVOCATION_FAILED,
        Revocation::Owed(_) => KEYFOB_REVOCATION_OWED,
        // The core may grow one; the test of coverage says so.
        _ => 0,
    })
}

/// Why the provider did not revoke the token; NULL but for `KEYFOB_REVOCATION_FAILED` and
/// `KEYFOB_REVOCATION_OWED`.
///
/// Ownership: borrowed until the keyfob_ended is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_ended_revocation_error(ended: Option<&keyfob_ended>) -> *const keyfob_error {
    read(ended, |ended| ended.revocation_error.as_ref().map_or(std::ptr::null(), std::ptr::from_ref))
}

/// A page to open in the browser, where the user is to be logged out of the provider too (OpenID Connect
/// RP-Initiated Logout section 2); NULL if the provider has none. A secret: it holds the ID token.
///
/// Ownership: borrowed until the keyfob_ended is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_ended_logout_url(ended: Option<&keyfob_ended>) -> *const c_char {
    read(ended, |ended| ended.logout_url.of_option(ended.ended.logout_url()))
}

/// Frees what a logout gave; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_ended_free(ended: Option<Box<keyfob_ended>>) {
    free(ended);
}
