//! Sessions of a `keyfob_handle`, looked for by their user and listed.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use crate::boundary::{Output, given, guard, optional_text, text};
use crate::error::{keyfob_error, keyfob_status};
use crate::handle::keyfob_handle;
use crate::session::{keyfob_session, keyfob_session_list};

/// The session of a user at the issuer that the registration names now. One that ended by itself is found,
/// with its reason; one that the app logged out is not. Touches no network. As quick in a store of a
/// million sessions as in one of a hundred.
///
/// @param registration  the id of a registration; copied; caller may free after return
/// @param provider_uid  the user's lasting id at the provider, as of `keyfob_session_provider_uid`; copied;
///                      caller may free after return
/// @param session_out   caller owns; free with keyfob_session_free; NULL with `KEYFOB_OK` if the user has
///                      no session
/// @return `KEYFOB_INVALID_ARGUMENT`: no such registration.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_find_session_by_user(
    handle: Option<&keyfob_handle>,
    registration: *const c_char,
    provider_uid: *const c_char,
    session_out: Option<&mut MaybeUninit<*mut keyfob_session>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let session_out = Output::new("session_out", session_out)?;
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let registration = unsafe { text("registration", registration) }?;
        // SAFETY: the same.
        let provider_uid = unsafe { text("provider_uid", provider_uid) }?;
        if let Some(session) = handle.keyfob.find_session(registration, provider_uid)? {
            session_out.give(session.into());
        }
        Ok(())
    })
}

/// All sessions, oldest first: the active ones and those that ended by themselves, without those that the
/// app logged out. Touches no network. Reads them all at once: where there may be many, there is
/// `keyfob_sessions_page`.
///
/// @param list_out  caller owns; free with keyfob_session_list_free
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_sessions(
    handle: Option<&keyfob_handle>,
    list_out: Option<&mut MaybeUninit<*mut keyfob_session_list>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let list_out = Output::new("list_out", list_out)?;
        list_out.give(given("handle", handle)?.keyfob.sessions()?.into());
        Ok(())
    })
}

/// Some of the sessions that `keyfob_sessions` gives: those that come after one of them. The last id of a
/// page asks for the next one, and an empty page is the end. Sessions that come or go meanwhile move no
/// other: none is given twice or left out, and a session that was logged out meanwhile keeps its place.
/// Touches no network. However many pages lie before it, a page takes the same time.
///
/// @param after_id  the id of a session, NULL for the first page; copied; caller may free after return
/// @param limit     how many sessions at most, from 1 to 1000
/// @param list_out  caller owns; free with keyfob_session_list_free
/// @return `KEYFOB_INVALID_ARGUMENT`: another `limit`, no session with that id.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_sessions_page(
    handle: Option<&keyfob_handle>,
    after_id: *const c_char,
    limit: usize,
    list_out: Option<&mut MaybeUninit<*mut keyfob_session_list>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let list_out = Output::new("list_out", list_out)?;
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let after_id = unsafe { optional_text("after_id", after_id) }?;
        list_out.give(handle.keyfob.sessions_page(after_id, limit)?.into());
        Ok(())
    })
}
