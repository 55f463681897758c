//! The host's observer: what happens to its sessions.

use std::ffi::{c_char, c_void};

use keyfob::{Observer, Reason};

use crate::boundary::{Context, Text, seconds_to_ms};
use crate::error::keyfob_status;

/// Is told that a session has other tokens, or has ended.
///
/// Called on the thread that called Keyfob, before that call returns and after its work is done: with no
/// mutex and no lock of Keyfob's held. It may call Keyfob, with the same handle too, but not free it or
/// anything else that the call it is called from was given. What another process does is noticed at the next
/// call that looks at that session, and told then. It must return: no exception, no longjmp.
///
/// @param context     what was given to `keyfob_config_set_observer`
/// @param session_id  borrowed until the callback returns
pub type keyfob_session_changed_fn = Option<unsafe extern "C" fn(context: *mut c_void, session_id: *const c_char)>;

/// Is told that a session has ended, by itself or by `keyfob_end_session`. Called as
/// `keyfob_session_changed_fn`, and after it.
///
/// @param context     what was given to `keyfob_config_set_observer`
/// @param session_id  borrowed until the callback returns
/// @param status      the kind of the reason: `KEYFOB_LOGIN_REQUIRED`
/// @param reason      why, by the stable name that `keyfob_session_ended_reason` has for it, "LoggedOut"
///                    included; borrowed until the callback returns
pub type keyfob_login_required_fn = Option<
    unsafe extern "C" fn(context: *mut c_void, session_id: *const c_char, status: keyfob_status, reason: *const c_char),
>;

/// Is told how far a provider's clock differs from this device's, when that is far and is news. Keyfob
/// reckons with it; the user may want to set the clock. Called as `keyfob_session_changed_fn`.
///
/// @param context  what was given to `keyfob_config_set_observer`
/// @param skew_ms  how far the provider's clock is ahead (behind, where it is negative), in milliseconds; whole
///                 seconds
pub type keyfob_clock_skew_fn = Option<unsafe extern "C" fn(context: *mut c_void, skew_ms: i64)>;

#[derive(Debug)]
pub(crate) struct HostObserver {
    session_changed: keyfob_session_changed_fn,
    login_required: keyfob_login_required_fn,
    clock_skew: keyfob_clock_skew_fn,
    context: Context,
}

impl HostObserver {
    pub(crate) fn new(
        session_changed: keyfob_session_changed_fn,
        login_required: keyfob_login_required_fn,
        clock_skew: keyfob_clock_skew_fn,
        context: Context,
    ) -> Self {
        Self { session_changed, login_required, clock_skew, context }
    }
}

impl Observer for HostObserver {
    fn session_changed(&self, session_id: &str) {
        let Some(tell) = self.session_changed else { return };
        let id = Text::default();
        // SAFETY: the host gave both for each other, and has not got the context back; the text outlives the call.
        unsafe { tell(self.context.pointer(), id.of(session_id)) };
    }

    fn login_required(&self, session_id: &str, cause: Reason) {
        let Some(tell) = self.login_required else { return };
        let (id, reason) = (Text::default(), Text::default());
        // SAFETY: as above.
        unsafe { tell(self.context.pointer(), id.of(session_id), cause.kind().number(), reason.of(cause.name())) };
    }

    fn clock_skew(&self, seconds: i64) {
        let Some(tell) = self.clock_skew else { return };
        // SAFETY: as above.
        unsafe { tell(self.context.pointer(), seconds_to_ms(seconds)) };
    }
}
