//! `keyfob_login_options`, `keyfob_login` and `keyfob_completed`.

use std::ffi::c_char;
use std::mem::{MaybeUninit, take};

use keyfob::{Completed, Login, LoginOptions};

use crate::boundary::{Text, free, given, guard, make, read, text, to_unix_ms};
use crate::error::{keyfob_error, keyfob_status};
use crate::session::keyfob_session;

/// What one login asks for beyond its registration. Made by `keyfob_login_options_new`, freed by
/// `keyfob_login_options_free`.
///
/// Threads: one thread at a time.
#[derive(Debug)]
pub struct keyfob_login_options {
    pub(crate) options: LoginOptions,
}

impl keyfob_login_options {
    fn change(&mut self, change: impl FnOnce(LoginOptions) -> LoginOptions) {
        self.options = change(take(&mut self.options));
    }
}

/// A login that has begun. It is stored already: the process may end before the redirect comes. Made by
/// `keyfob_begin_login`, freed by `keyfob_login_free`, which does not end the login.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_login {
    login: Login,
    id: Text,
    registration: Text,
    authorization_url: Text,
}

impl From<Login> for keyfob_login {
    fn from(login: Login) -> Self {
        Self { login, id: Text::default(), registration: Text::default(), authorization_url: Text::default() }
    }
}

/// A login that has become a session. Made by `keyfob_complete_login`, freed by `keyfob_completed_free`,
/// which does not end the session.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_completed {
    session: keyfob_session,
    completed: Completed,
    return_to: Text,
    app_data: Text,
}

impl From<Completed> for keyfob_completed {
    fn from(completed: Completed) -> Self {
        Self {
            session: completed.session().clone().into(),
            completed,
            return_to: Text::default(),
            app_data: Text::default(),
        }
    }
}

/// Options that ask for nothing beyond the registration.
///
/// Ownership: caller owns; free with keyfob_login_options_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_options_new() -> Option<Box<keyfob_login_options>> {
    make(|| Some(keyfob_login_options { options: LoginOptions::new() }))
}

/// Asks for one more scope (RFC 6749 section 3.3), beside the registration's default ones.
///
/// @param scope  copied; caller may free after return; its form is checked by `keyfob_begin_login`
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_options_add_scope(
    options: Option<&mut keyfob_login_options>,
    scope: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let options = given("options", options)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let scope = unsafe { text("scope", scope) }?;
        options.change(|options| options.scope(scope));
        Ok(())
    })
}

/// Where the app wants to go after success: stored with the login and given back by
/// `keyfob_completed_return_to`, also in another process. Never sent to the provider.
///
/// @param link  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_options_set_success(
    options: Option<&mut keyfob_login_options>,
    link: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let options = given("options", options)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let link = unsafe { text("link", link) }?;
        options.change(|options| options.success(link));
        Ok(())
    })
}

/// Where the app wants to go after a failure: stored with the login and given back by
/// `keyfob_error_return_to`, also in another process. Never sent to the provider.
///
/// @param link  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_options_set_failure(
    options: Option<&mut keyfob_login_options>,
    link: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let options = given("options", options)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let link = unsafe { text("link", link) }?;
        options.change(|options| options.failure(link));
        Ok(())
    })
}

/// The port that the app listens on, for a loopback redirect URI that leaves it open (RFC 8252 section
/// 7.3).
///
/// @param port  1 to 65535; checked by `keyfob_begin_login`
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_options_set_redirect_port(
    options: Option<&mut keyfob_login_options>,
    port: u16,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        given("options", options)?.change(|options| options.redirect_port(port));
        Ok(())
    })
}

/// Has the answer come as a form that the browser posts, for `keyfob_complete_login_form` (OAuth 2.0 Form Post Response
/// Mode): no code stands in a URL then. Not with a private-use scheme, and not every provider can.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_options_set_form_post(
    options: Option<&mut keyfob_login_options>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        given("options", options)?.change(LoginOptions::form_post);
        Ok(())
    })
}

/// Adds a parameter to the authorization request (RFC 6749 section 3.1), for instance "prompt" = "login" or
/// "login_hint" = an address (OpenID Connect Core section 3.1.2.1). What "max_age" (seconds) and "acr_values" ask
/// for is checked in the ID token: a login that does not keep to it is refused as `KEYFOB_TOKEN_REJECTED`, with the
/// reason "IdTokenAuthTime" or "IdTokenAcr".
///
/// @param name   copied; caller may free after return; refused by `keyfob_begin_login` if it is one of those
///               that make a login safe, which are Keyfob's own, or stands twice
/// @param value  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_options_add_parameter(
    options: Option<&mut keyfob_login_options>,
    name: *const c_char,
    value: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let options = given("options", options)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let name = unsafe { text("name", name) }?;
        // SAFETY: as above.
        let value = unsafe { text("value", value) }?;
        options.change(|options| options.parameter(name, value));
        Ok(())
    })
}

/// Something of the app's own to have back when the login completes, also in another process:
/// `keyfob_completed_app_data`. Stored, never sent to the provider.
///
/// @param data  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_options_set_app_data(
    options: Option<&mut keyfob_login_options>,
    data: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let options = given("options", options)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let data = unsafe { text("data", data) }?;
        options.change(|options| options.app_data(data));
        Ok(())
    })
}

/// Asks for more scopes for a session that is there: those it has are asked for too, and logging in as
/// somebody else is refused by `keyfob_complete_login` with `KEYFOB_TOKEN_REJECTED`, reason
/// "AccountMismatch".
///
/// @param session_id  of an active session of the same registration; checked by `keyfob_begin_login`;
///                    copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_options_set_for_session(
    options: Option<&mut keyfob_login_options>,
    session_id: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let options = given("options", options)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let session_id = unsafe { text("session_id", session_id) }?;
        options.change(|options| options.for_session(session_id));
        Ok(())
    })
}

/// Frees options; they may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_options_free(options: Option<Box<keyfob_login_options>>) {
    free(options);
}

/// The id of the login in its store.
///
/// Ownership: borrowed until the keyfob_login is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_id(login: Option<&keyfob_login>) -> *const c_char {
    read(login, |login| login.id.of(login.login.id()))
}

/// The id of the registration that it was begun for.
///
/// Ownership: borrowed until the keyfob_login is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_registration(login: Option<&keyfob_login>) -> *const c_char {
    read(login, |login| login.registration.of(login.login.registration()))
}

/// The URL to open in the system's browser, never in an embedded web view (RFC 8252 section 8.12). Its
/// query holds the login's state: do not log it.
///
/// Ownership: borrowed until the keyfob_login is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_authorization_url(login: Option<&keyfob_login>) -> *const c_char {
    read(login, |login| login.authorization_url.of(login.login.authorization_url()))
}

/// When the login stops waiting for its redirect, in milliseconds since 1970 (UTC).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_expires_at_ms(login: Option<&keyfob_login>) -> i64 {
    read(login, |login| to_unix_ms(login.login.expires_at()))
}

/// Frees the handle of a login; it may be NULL. The login itself goes on waiting for its redirect.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_free(login: Option<Box<keyfob_login>>) {
    free(login);
}

/// The session. `keyfob_session_copy` makes one of the caller's own.
///
/// Ownership: borrowed until the keyfob_completed is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_completed_session(completed: Option<&keyfob_completed>) -> *const keyfob_session {
    read(completed, |completed| std::ptr::from_ref(&completed.session))
}

/// The success link that the login was begun with; NULL if it had none.
///
/// Ownership: borrowed until the keyfob_completed is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_completed_return_to(completed: Option<&keyfob_completed>) -> *const c_char {
    read(completed, |completed| completed.return_to.of_option(completed.completed.return_to()))
}

/// What the app gave the login to keep; NULL if it gave nothing.
///
/// Ownership: borrowed until the keyfob_completed is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_completed_app_data(completed: Option<&keyfob_completed>) -> *const c_char {
    read(completed, |completed| completed.app_data.of_option(completed.completed.app_data()))
}

/// Frees the handle of a completed login; it may be NULL. The session stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_completed_free(completed: Option<Box<keyfob_completed>>) {
    free(completed);
}
