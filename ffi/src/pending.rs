//! `keyfob_pending_login` and `keyfob_pending_login_list`.

use std::ffi::c_char;

use keyfob::PendingLogin;

use crate::boundary::{Text, free, read, to_unix_ms};

/// A login that waits for its redirect. It belongs to its list.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_pending_login {
    login: PendingLogin,
    id: Text,
    registration: Text,
}

/// Logins that wait for their redirect, oldest first. Made by `keyfob_pending_logins`, freed by
/// `keyfob_pending_login_list_free`.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_pending_login_list {
    logins: Vec<keyfob_pending_login>,
}

impl From<Vec<PendingLogin>> for keyfob_pending_login_list {
    fn from(logins: Vec<PendingLogin>) -> Self {
        let handle = |login| keyfob_pending_login { login, id: Text::default(), registration: Text::default() };
        Self { logins: logins.into_iter().map(handle).collect() }
    }
}

/// How many logins wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_pending_login_list_len(list: Option<&keyfob_pending_login_list>) -> usize {
    read(list, |list| list.logins.len())
}

/// One of the logins; NULL for an index that is too large.
///
/// Ownership: borrowed until the keyfob_pending_login_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_pending_login_list_at(
    list: Option<&keyfob_pending_login_list>,
    index: usize,
) -> *const keyfob_pending_login {
    read(list, |list| list.logins.get(index).map_or(std::ptr::null(), std::ptr::from_ref))
}

/// Frees a list; it may be NULL. The logins go on waiting.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_pending_login_list_free(list: Option<Box<keyfob_pending_login_list>>) {
    free(list);
}

/// The id of the login in its store, for `keyfob_cancel_login`.
///
/// Ownership: borrowed until the keyfob_pending_login_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_pending_login_id(login: Option<&keyfob_pending_login>) -> *const c_char {
    read(login, |login| login.id.of(login.login.id()))
}

/// The id of the registration that it was begun for.
///
/// Ownership: borrowed until the keyfob_pending_login_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_pending_login_registration(login: Option<&keyfob_pending_login>) -> *const c_char {
    read(login, |login| login.registration.of(login.login.registration()))
}

/// Whether it waits for the user on another device, and not for a redirect: `keyfob_find_device_login` gives what to show,
/// `keyfob_poll_device_login` goes on with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_pending_login_is_on_another_device(login: Option<&keyfob_pending_login>) -> bool {
    read(login, |login| login.login.is_on_another_device())
}

/// When it was begun, in milliseconds since 1970 (UTC).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_pending_login_created_at_ms(login: Option<&keyfob_pending_login>) -> i64 {
    read(login, |login| to_unix_ms(login.login.created_at()))
}

/// When it stops waiting, in milliseconds since 1970 (UTC).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_pending_login_expires_at_ms(login: Option<&keyfob_pending_login>) -> i64 {
    read(login, |login| to_unix_ms(login.login.expires_at()))
}
