//! `keyfob_device_login`: a login that the user confirms on another device (RFC 8628).

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;

use keyfob::{DeviceLogin, DevicePoll, LoginControl, LoginOptions};

use crate::boundary::{Output, Text, free, given, guard, read, text, to_ms, to_unix_ms};
use crate::control::keyfob_login_control;
use crate::error::{Failure, keyfob_error, keyfob_status};
use crate::handle::keyfob_handle;
use crate::login::{keyfob_completed, keyfob_login_options};

/// A login that waits for the user on another device. It is stored already: the process may end before the user
/// confirms. Show the code and the verification URI; the code also beside a QR code that holds it (RFC 8628 section
/// 3.3.1). Made by `keyfob_begin_device_login` and `keyfob_find_device_login`, freed by `keyfob_device_login_free`,
/// which does not end the login.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_device_login {
    login: DeviceLogin,
    id: Text,
    registration: Text,
    user_code: Text,
    verification_uri: Text,
    verification_uri_complete: Text,
    qr_code_text: Text,
    qr_code_svg: Text,
}

impl From<DeviceLogin> for keyfob_device_login {
    fn from(login: DeviceLogin) -> Self {
        Self {
            login,
            id: Text::default(),
            registration: Text::default(),
            user_code: Text::default(),
            verification_uri: Text::default(),
            verification_uri_complete: Text::default(),
            qr_code_text: Text::default(),
            qr_code_svg: Text::default(),
        }
    }
}

/// Shows the code of a login to the user, and returns at once.
///
/// Called once, on the thread that called `keyfob_login_on_another_device`. It must return: no exception, no longjmp.
///
/// @param context  what was given to `keyfob_login_on_another_device`
/// @param login    borrowed until the callback returns
pub type keyfob_show_device_login_fn =
    Option<unsafe extern "C" fn(context: *mut c_void, login: *const keyfob_device_login)>;

/// Begins a login that the user confirms on another device (RFC 8628 section 3.1): for a television, a console, a
/// terminal.
///
/// Touches the network; each request blocks for `http.total_seconds` of the configuration at most. The login is in the
/// store before this returns: any process that opens the same store can show it and poll it.
///
/// @param registration  the id of a registration; copied; caller may free after return
/// @param options       may be NULL; copied; caller may free after return. A redirect port is refused
/// @param login_out     caller owns; free with keyfob_device_login_free
/// @return `KEYFOB_INVALID_ARGUMENT`: no such registration, a malformed scope, a redirect port;
///         `KEYFOB_CONFIGURATION`: the registration is disabled, the provider has no such logins (reason
///         "DeviceGrantUnsupported"), it does not know the client;
///         `KEYFOB_NETWORK`, `KEYFOB_TIMEOUT`, `KEYFOB_TLS`, `KEYFOB_RATE_LIMITED`: try later;
///         `KEYFOB_OAUTH`, `KEYFOB_BAD_RESPONSE`: the provider refused, or its answer cannot be read;
///         `KEYFOB_RANDOM`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_begin_device_login(
    handle: Option<&keyfob_handle>,
    registration: *const c_char,
    options: Option<&keyfob_login_options>,
    login_out: Option<&mut MaybeUninit<*mut keyfob_device_login>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let login_out = Output::new("login_out", login_out)?;
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let registration = unsafe { text("registration", registration) }?;
        let options = options.map_or_else(LoginOptions::new, |options| options.options.clone());
        login_out.give(handle.keyfob.begin_device_login(registration, options)?.into());
        Ok(())
    })
}

/// What to show for a login on another device that waits, after a restart of the app for instance
/// (`keyfob_pending_logins` has its id). Touches no network.
///
/// @param login_id   copied; caller may free after return
/// @param login_out  caller owns; free with keyfob_device_login_free
/// @return `KEYFOB_INVALID_ARGUMENT`: no such login, one with a redirect, or one that is over.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_find_device_login(
    handle: Option<&keyfob_handle>,
    login_id: *const c_char,
    login_out: Option<&mut MaybeUninit<*mut keyfob_device_login>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let login_out = Output::new("login_out", login_out)?;
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let login_id = unsafe { text("login_id", login_id) }?;
        login_out.give(handle.keyfob.device_login(login_id)?.into());
        Ok(())
    })
}

/// Asks the provider once whether the user has confirmed, if it is time to ask (RFC 8628 section 3.4). Sooner nobody is
/// asked, and the rest of the wait is the answer. Being offline is no error: the login waits on.
///
/// May touch the network; blocks for `http.total_seconds` of the configuration at most for each request. What came is
/// in the store before this returns.
///
/// @param login_id       copied; caller may free after return
/// @param wait_ms_out    how long to wait before the next poll, where `*completed_out` is NULL; else 0
/// @param completed_out  NULL while the user has not confirmed; caller owns; free with keyfob_completed_free
/// @return `KEYFOB_INVALID_ARGUMENT`: no such login, or one with a redirect;
///         `KEYFOB_ACCESS_DENIED`, `KEYFOB_OAUTH`, `KEYFOB_CONFIGURATION`: the user or the provider said no; the login
///         is over;
///         `KEYFOB_LOGIN_REQUIRED`: nobody confirmed in time, or the answer with the tokens was lost; the login is over;
///         `KEYFOB_CANCELLED`: `keyfob_cancel_login` ended it;
///         `KEYFOB_TOKEN_REJECTED`, `KEYFOB_BAD_RESPONSE`: the provider's answer cannot be believed or read;
///         `KEYFOB_NETWORK`, `KEYFOB_TIMEOUT`, `KEYFOB_TLS`, `KEYFOB_RATE_LIMITED`: the tokens are there and the profile
///         is not; poll again.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_poll_device_login(
    handle: Option<&keyfob_handle>,
    login_id: *const c_char,
    wait_ms_out: Option<&mut MaybeUninit<i64>>,
    completed_out: Option<&mut MaybeUninit<*mut keyfob_completed>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let wait_ms_out = wait_ms_out.map(|wait| wait.write(0));
        let completed_out = Output::new("completed_out", completed_out)?;
        let wait_ms_out = given("wait_ms_out", wait_ms_out)?;
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let login_id = unsafe { text("login_id", login_id) }?;
        match handle.keyfob.poll_device_login(login_id)? {
            DevicePoll::Wait(wait) => *wait_ms_out = to_ms(wait),
            DevicePoll::Done(completed) => completed_out.give(completed.into()),
            // The core is built with this adapter, and has no third answer.
            _ => return Err(Failure::Panic),
        }
        Ok(())
    })
}

/// The whole login on another device in one call: begins it, has it shown, polls by the rules, and returns with the
/// session. Touches the network, again and again, and blocks until the user has decided, the code is over, or somebody
/// cancels.
///
/// @param registration   the id of a registration; copied; caller may free after return
/// @param options        may be NULL; copied; caller may free after return
/// @param show           shows the code
/// @param context        for `show`
/// @param control        may be NULL; cancels the login from another thread
/// @param completed_out  caller owns; free with keyfob_completed_free
/// @return as `keyfob_begin_device_login` and `keyfob_poll_device_login`; `KEYFOB_CANCELLED`: by the control.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_on_another_device(
    handle: Option<&keyfob_handle>,
    registration: *const c_char,
    options: Option<&keyfob_login_options>,
    show: keyfob_show_device_login_fn,
    context: *mut c_void,
    control: Option<&keyfob_login_control>,
    completed_out: Option<&mut MaybeUninit<*mut keyfob_completed>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let completed_out = Output::new("completed_out", completed_out)?;
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let registration = unsafe { text("registration", registration) }?;
        let show = given("show", show)?;
        let options = options.map_or_else(LoginOptions::new, |options| options.options.clone());
        let control = control.map_or_else(LoginControl::new, |control| control.control.clone());
        let shown = |login: &DeviceLogin| {
            let login = keyfob_device_login::from(login.clone());
            // SAFETY: the host gave both for each other, for the time of this call.
            unsafe { show(context, &raw const login) };
        };
        let completed = handle.keyfob.login_on_another_device(registration, options, &shown, &control)?;
        completed_out.give(completed.into());
        Ok(())
    })
}

/// The id of the login in its store, for `keyfob_poll_device_login` and `keyfob_cancel_login`.
///
/// Ownership: borrowed until the keyfob_device_login is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_device_login_id(login: Option<&keyfob_device_login>) -> *const c_char {
    read(login, |login| login.id.of(login.login.id()))
}

/// The id of the registration that it was begun for.
///
/// Ownership: borrowed until the keyfob_device_login is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_device_login_registration(login: Option<&keyfob_device_login>) -> *const c_char {
    read(login, |login| login.registration.of(login.login.registration()))
}

/// What the user types in on the other device. Not for a log: who has it can confirm this login as somebody else.
///
/// Ownership: borrowed until the keyfob_device_login is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_device_login_user_code(login: Option<&keyfob_device_login>) -> *const c_char {
    read(login, |login| login.user_code.of(login.login.user_code()))
}

/// Where the user types it in.
///
/// Ownership: borrowed until the keyfob_device_login is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_device_login_verification_uri(login: Option<&keyfob_device_login>) -> *const c_char {
    read(login, |login| login.verification_uri.of(login.login.verification_uri()))
}

/// The same with the code in it; NULL where the provider has no such URI. Not for a log.
///
/// Ownership: borrowed until the keyfob_device_login is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_device_login_verification_uri_complete(
    login: Option<&keyfob_device_login>,
) -> *const c_char {
    read(login, |login| login.verification_uri_complete.of_option(login.login.verification_uri_complete()))
}

/// When the code is no longer good, in milliseconds since 1970 (UTC).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_device_login_expires_at_ms(login: Option<&keyfob_device_login>) -> i64 {
    read(login, |login| to_unix_ms(login.login.expires_at()))
}

/// How long to wait between two polls, in milliseconds. `keyfob_poll_device_login` counts itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_device_login_interval_ms(login: Option<&keyfob_device_login>) -> i64 {
    read(login, |login| to_ms(login.login.interval()))
}

/// A QR code of the verification URI: lines of half blocks, for a terminal that writes light on dark. NULL for a
/// URI that is too long for one.
///
/// Ownership: borrowed until the keyfob_device_login is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_device_login_qr_code_text(login: Option<&keyfob_device_login>) -> *const c_char {
    read(login, |login| login.qr_code_text.of_option(login.login.qr_code_text().as_deref()))
}

/// The same as an SVG image of black on white.
///
/// Ownership: borrowed until the keyfob_device_login is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_device_login_qr_code_svg(login: Option<&keyfob_device_login>) -> *const c_char {
    read(login, |login| login.qr_code_svg.of_option(login.login.qr_code_svg().as_deref()))
}

/// Frees the handle of a login on another device; it may be NULL. The login itself goes on waiting.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_device_login_free(login: Option<Box<keyfob_device_login>>) {
    free(login);
}
