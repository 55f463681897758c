//! `keyfob_logged_out`.

use std::ffi::c_char;

use keyfob::LoggedOut;

use crate::boundary::{Text, free, read};

/// A logout whose browser came back from the provider's page. Made by `keyfob_complete_logout`, freed by
/// `keyfob_logged_out_free`.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_logged_out {
    logged_out: LoggedOut,
    session_id: Text,
    registration: Text,
}

impl From<LoggedOut> for keyfob_logged_out {
    fn from(logged_out: LoggedOut) -> Self {
        Self { logged_out, session_id: Text::default(), registration: Text::default() }
    }
}

/// The id of the session that was logged out of.
///
/// Ownership: borrowed until the keyfob_logged_out is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_logged_out_session_id(logged_out: Option<&keyfob_logged_out>) -> *const c_char {
    read(logged_out, |logged_out| logged_out.session_id.of(logged_out.logged_out.session_id()))
}

/// The id of the registration that it was a session of.
///
/// Ownership: borrowed until the keyfob_logged_out is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_logged_out_registration(logged_out: Option<&keyfob_logged_out>) -> *const c_char {
    read(logged_out, |logged_out| logged_out.registration.of(logged_out.logged_out.registration()))
}

/// Frees it; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_logged_out_free(logged_out: Option<Box<keyfob_logged_out>>) {
    free(logged_out);
}
