//! `keyfob_login_control`: what another thread can do about a login that blocks.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use keyfob::LoginControl;

use crate::boundary::{free, given, guard, make, quietly, read, text};
use crate::error::{keyfob_error, keyfob_status};

/// The other end of a login that blocks (`keyfob_login_in_browser`, `keyfob_login_on_another_device`): made before it,
/// given to it, and used from another thread. One for each login. Made by `keyfob_login_control_new`, freed by
/// `keyfob_login_control_free`, also while the login waits: that does not end it.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_login_control {
    pub(crate) control: LoginControl,
}

/// A control for one login.
///
/// Ownership: caller owns; free with keyfob_login_control_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_control_new() -> Option<Box<keyfob_login_control>> {
    make(|| Some(keyfob_login_control { control: LoginControl::new() }))
}

/// Ends the login that waits: its call gives `KEYFOB_CANCELLED` within a fifth of a second, and the login is over in the
/// store. Before the login begins, it will not begin. A login whose answer is there already is completed. Does nothing
/// for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_control_cancel(control: Option<&keyfob_login_control>) {
    quietly(|| {
        if let Some(control) = control {
            control.control.cancel();
        }
    });
}

/// Whether somebody has cancelled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_control_is_cancelled(control: Option<&keyfob_login_control>) -> bool {
    read(control, |control| control.control.is_cancelled())
}

/// Hands the redirect over to a `keyfob_login_in_browser` that waits: the whole URL, as the user copied it from a
/// browser that could not reach this machine. The waiting call goes on with it. What is not a redirect of that
/// login is refused here, and the login waits on. Touches no network.
///
/// @param redirect_url  copied; caller may free after return
/// @return `KEYFOB_REDIRECT_REJECTED`: not a redirect of the login that waits, or none waits.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_control_hand_over(
    control: Option<&keyfob_login_control>,
    redirect_url: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let control = given("control", control)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let redirect_url = unsafe { text("redirect_url", redirect_url) }?;
        Ok(control.control.hand_over(redirect_url)?)
    })
}

/// Frees a control; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_login_control_free(control: Option<Box<keyfob_login_control>>) {
    free(control);
}
