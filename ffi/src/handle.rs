//! `keyfob_handle`: the library, opened on one store.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::time::Duration;

use keyfob::{EndSession, Keyfob, LoginOptions, MinValidity};

use crate::boundary::{Outcome, Output, free, given, guard, text};
use crate::config::keyfob_config;
use crate::end::{keyfob_end_session_options, keyfob_ended};
use crate::error::{Failure, keyfob_error, keyfob_status};
use crate::guide::keyfob_guide;
use crate::import::keyfob_imported_tokens;
use crate::journal::keyfob_journal_list;
use crate::logged_out::keyfob_logged_out;
use crate::login::{keyfob_completed, keyfob_login, keyfob_login_options};
use crate::pending::keyfob_pending_login_list;
use crate::profile::{freshness, keyfob_profile};
use crate::registration::keyfob_registration_list;
use crate::session::keyfob_session;
use crate::token::keyfob_token;

/// For `keyfob_access_token`: one minute, enough for a request on a slow line.
pub const KEYFOB_MIN_VALIDITY_DEFAULT: i64 = -1;

/// Keyfob, opened on one store. It has no thread of its own: work happens on the caller's thread, inside
/// the call. Made by `keyfob_open`, freed by `keyfob_free`.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_handle {
    pub(crate) keyfob: Keyfob,
}

/// Opens the store, making it when it is missing. Touches no network. Asks for the store key where the
/// configuration says whom.
///
/// A key that is not available now (`KEYFOB_STORE_KEY_NOT_NOW`) is no error here: calls that need a secret give
/// `KEYFOB_STORE_UNAVAILABLE` until it is. A store that was kept in plaintext and is opened with a key is sealed
/// now, which takes time in proportion to its sessions. A damaged database is moved aside and a fresh one made,
/// if no other process has it open: `keyfob_health_moved_aside` and the journal tell.
///
/// @param config      consumed, even on error
/// @param handle_out  caller owns; free with keyfob_free
/// @return `KEYFOB_CONFIGURATION`: a registration names a provider that is not there, or lacks one of its
///         variables; there is neither a store key nor `plaintext`, or both;
///         `KEYFOB_STORE_KEY`: the key is not the one that the store was sealed with, or it is sealed and there
///         is none; nothing was changed;
///         `KEYFOB_STORE_UNSUPPORTED`: the folder is open to others, a symbolic link, another program's, a
///         newer version's, or on a network file system;
///         `KEYFOB_STORE_UNAVAILABLE`, `KEYFOB_STORE_NOT_WRITABLE`: the store cannot be used now;
///         `KEYFOB_STORE_DAMAGED`: it is damaged, and another process has it open; nothing was changed;
///         `KEYFOB_RANDOM`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_open(
    config: Option<Box<keyfob_config>>,
    handle_out: Option<&mut MaybeUninit<*mut keyfob_handle>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let handle_out = Output::new("handle_out", handle_out)?;
        let keyfob = Keyfob::open(given("config", config)?.into_config())?;
        handle_out.give(keyfob_handle { keyfob });
        Ok(())
    })
}

/// The registrations, in the order of the configuration. Touches neither network nor store.
///
/// @param list_out  caller owns; free with keyfob_registration_list_free
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registrations(
    handle: Option<&keyfob_handle>,
    list_out: Option<&mut MaybeUninit<*mut keyfob_registration_list>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let list_out = Output::new("list_out", list_out)?;
        list_out.give(given("handle", handle)?.keyfob.registrations().into());
        Ok(())
    })
}

/// Begins a login and gives the URL to open (RFC 6749 section 4.1.1, with the S256 code challenge of RFC
/// 7636).
///
/// May touch the network: discovery (OpenID Connect Discovery section 4), unless it is cached, and a request
/// that is pushed (RFC 9126; open its URL at once, for the provider forgets it soon); blocks for
/// `http.total_seconds` of the configuration for each at most. The login is in the store before this returns, so the
/// process may end while the user is in the browser, and any process that opens the same store can complete
/// it.
///
/// @param registration  the id of a registration; copied; caller may free after return
/// @param options       may be NULL; copied; caller may free after return
/// @param login_out     caller owns; free with keyfob_login_free
/// @return `KEYFOB_INVALID_ARGUMENT`: no such registration or session (of the options), a malformed scope
///         or port, a parameter that is Keyfob's own;
///         `KEYFOB_LOGIN_REQUIRED`: the session that the options name has ended;
///         `KEYFOB_CONFIGURATION`: the registration is disabled, the provider has no S256 or an insecure
///         endpoint, or does not know the client;
///         `KEYFOB_NETWORK`, `KEYFOB_TIMEOUT`, `KEYFOB_TLS`, `KEYFOB_BAD_RESPONSE`: discovery or a push
///         failed; nothing was stored;
///         `KEYFOB_OAUTH`, `KEYFOB_RATE_LIMITED`: the provider refuses a request that was pushed;
///         `KEYFOB_RANDOM`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_begin_login(
    handle: Option<&keyfob_handle>,
    registration: *const c_char,
    options: Option<&keyfob_login_options>,
    login_out: Option<&mut MaybeUninit<*mut keyfob_login>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let login_out = Output::new("login_out", login_out)?;
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let registration = unsafe { text("registration", registration) }?;
        let options = options.map_or_else(LoginOptions::new, |options| options.options.clone());
        login_out.give(handle.keyfob.begin_login(registration, options)?.into());
        Ok(())
    })
}

/// Hands the redirect back and makes a session of the login (RFC 6749 sections 4.1.2 to 4.1.4, OpenID
/// Connect Core section 3.1.3).
///
/// May touch the network: the code exchange, perhaps the issuer's keys and userinfo; each request blocks
/// for `http.total_seconds` of the configuration at most, and so does a revocation of the same registration
/// that is under way. The state is compared before anything else in the redirect is believed, an `error`
/// included. A redirect that already made a session is answered with that session, and nothing is sent. The
/// session is in the store before this returns.
///
/// @param redirect_url   the whole URL that the browser was sent to; copied; caller may free after return
/// @param completed_out  caller owns; free with keyfob_completed_free
/// @return `KEYFOB_REDIRECT_REJECTED`: not a redirect of a login in this store; nothing was sent;
///         `KEYFOB_ACCESS_DENIED`, `KEYFOB_OAUTH`: the user or the provider said no; the login is over;
///         `KEYFOB_LOGIN_REQUIRED`: the code was sent and the answer lost, or the session that this
///         redirect made has ended;
///         `KEYFOB_TOKEN_REJECTED`, `KEYFOB_BAD_RESPONSE`: the provider's answer cannot be believed or
///         read, or is about another user than the session's that the login was for;
///         `KEYFOB_NETWORK`, `KEYFOB_TIMEOUT`, `KEYFOB_TLS`, `KEYFOB_RATE_LIMITED`: call again with the
///         same redirect;
///         `KEYFOB_INVALID_STATE`: another process is completing this login right now;
///         `KEYFOB_CONFIGURATION`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_complete_login(
    handle: Option<&keyfob_handle>,
    redirect_url: *const c_char,
    completed_out: Option<&mut MaybeUninit<*mut keyfob_completed>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let completed_out = Output::new("completed_out", completed_out)?;
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let redirect_url = unsafe { text("redirect_url", redirect_url) }?;
        completed_out.give(handle.keyfob.complete_login(redirect_url)?.into());
        Ok(())
    })
}

/// Hands back the form that the browser posted, after `keyfob_login_options_set_form_post` (OAuth 2.0 Form Post Response
/// Mode); otherwise as `keyfob_complete_login`.
///
/// @param url            where the browser posted it; copied; caller may free after return
/// @param body           the body of the request (application/x-www-form-urlencoded); copied; caller may free after return
/// @param completed_out  caller owns; free with keyfob_completed_free
/// @return as `keyfob_complete_login`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_complete_login_form(
    handle: Option<&keyfob_handle>,
    url: *const c_char,
    body: *const c_char,
    completed_out: Option<&mut MaybeUninit<*mut keyfob_completed>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let completed_out = Output::new("completed_out", completed_out)?;
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let url = unsafe { text("url", url) }?;
        // SAFETY: as above.
        let body = unsafe { text("body", body) }?;
        completed_out.give(handle.keyfob.complete_login_form(url, body)?.into());
        Ok(())
    })
}

/// The logins that wait, for a redirect or for the user on another device, oldest first. Touches no network.
///
/// @param list_out  caller owns; free with keyfob_pending_login_list_free
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_pending_logins(
    handle: Option<&keyfob_handle>,
    list_out: Option<&mut MaybeUninit<*mut keyfob_pending_login_list>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let list_out = Output::new("list_out", list_out)?;
        list_out.give(given("handle", handle)?.keyfob.pending_logins()?.into());
        Ok(())
    })
}

/// Ends a login that waits for its redirect: from now on the redirect is refused. It is stored before this
/// returns. Cancelling a login that is over is no error. Touches no network.
///
/// @param login_id  copied; caller may free after return
/// @return `KEYFOB_INVALID_ARGUMENT`: no such login.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_cancel_login(
    handle: Option<&keyfob_handle>,
    login_id: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let login_id = unsafe { text("login_id", login_id) }?;
        Ok(handle.keyfob.cancel_login(login_id)?)
    })
}

/// Gives an access token that is good for so much longer (RFC 6749 section 1.4).
///
/// May touch the network, and does so only when a refresh is due (RFC 6749 section 6): a fresh token comes
/// from memory. However many threads and processes ask, one request is made and all get its outcome. Blocks
/// for `wait_seconds` of the configuration at most while another thread or process is refreshing, and for
/// `http.total_seconds` at most for each request of its own. While no better one can be had, a token that is
/// still good at all is given instead of an error.
///
/// @param session_id       copied; caller may free after return
/// @param min_validity_ms  in milliseconds, or `KEYFOB_MIN_VALIDITY_DEFAULT`. A token whose whole life is
///                         shorter is given as it is
/// @param token_out        caller owns; free with keyfob_token_free
/// @return `KEYFOB_LOGIN_REQUIRED`: the session has ended, the reason says why; nothing else means that;
///         `KEYFOB_NETWORK`, `KEYFOB_TIMEOUT`, `KEYFOB_TLS`, `KEYFOB_RATE_LIMITED`, `KEYFOB_OAUTH`,
///         `KEYFOB_CONFIGURATION`: no new token now; the session lives on;
///         `KEYFOB_BAD_RESPONSE`, `KEYFOB_TOKEN_REJECTED`: the new token cannot be checked now; the session
///         lives on;
///         `KEYFOB_REFRESH_BUSY`: another process is still refreshing, and the error's detail says which one;
///         `KEYFOB_INVALID_ARGUMENT`: no such session;
///         `KEYFOB_INVALID_STATE`: called from the transport that is fetching this very token; or the
///         configuration's `refresh_policy` is "never", and the token is over.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_access_token(
    handle: Option<&keyfob_handle>,
    session_id: *const c_char,
    min_validity_ms: i64,
    token_out: Option<&mut MaybeUninit<*mut keyfob_token>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let token_out = Output::new("token_out", token_out)?;
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let session_id = unsafe { text("session_id", session_id) }?;
        token_out.give(handle.keyfob.access_token(session_id, min_validity(min_validity_ms)?)?.into());
        Ok(())
    })
}

/// The same, with another limit for waiting than the configuration's.
///
/// May touch the network. Blocks for `wait_ms` at most while another thread or process is refreshing. The limit
/// is for waiting and for starting: a request of its own is seen through to its end, `http.total_seconds` of
/// the configuration at most for each, for one that is given up is a spent token.
///
/// @param session_id       copied; caller may free after return
/// @param min_validity_ms  as for `keyfob_access_token`
/// @param wait_ms          in milliseconds; 0 does not wait for others at all
/// @param token_out        caller owns; free with keyfob_token_free
/// @return as `keyfob_access_token`; after `wait_ms` `KEYFOB_REFRESH_BUSY` (another process) or
///         `KEYFOB_TIMEOUT` (another thread), unless the token that is there is still good at all.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_access_token_within(
    handle: Option<&keyfob_handle>,
    session_id: *const c_char,
    min_validity_ms: i64,
    wait_ms: u64,
    token_out: Option<&mut MaybeUninit<*mut keyfob_token>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let token_out = Output::new("token_out", token_out)?;
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let session_id = unsafe { text("session_id", session_id) }?;
        let wait = Duration::from_millis(wait_ms);
        token_out.give(handle.keyfob.access_token_within(session_id, min_validity(min_validity_ms)?, wait)?.into());
        Ok(())
    })
}

pub(crate) fn min_validity(milliseconds: i64) -> Outcome<MinValidity> {
    match (milliseconds, u64::try_from(milliseconds)) {
        (_, Ok(milliseconds)) => Ok(MinValidity::millis(milliseconds)),
        (KEYFOB_MIN_VALIDITY_DEFAULT, _) => Ok(MinValidity::default()),
        _ => Err(Failure::Argument { name: "min_validity_ms", problem: "is negative" }),
    }
}

/// Refreshes now, due or not (RFC 6749 section 6).
///
/// Touches the network; callers at the same time, in every process, share one request. Blocks as
/// `keyfob_access_token` does. The new tokens are in the store before this returns.
///
/// @param session_id   copied; caller may free after return
/// @param session_out  may be NULL; caller owns; free with keyfob_session_free
/// @return as `keyfob_access_token`; `KEYFOB_INVALID_STATE` also if the provider gave no refresh token, and
///         whenever the configuration's `refresh_policy` is "never".
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_refresh_session(
    handle: Option<&keyfob_handle>,
    session_id: *const c_char,
    session_out: Option<&mut MaybeUninit<*mut keyfob_session>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let session_out = Output::optional(session_out);
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let session_id = unsafe { text("session_id", session_id) }?;
        let session = handle.keyfob.refresh_session(session_id)?;
        if let Some(session_out) = session_out {
            session_out.give(session.into());
        }
        Ok(())
    })
}

/// After a resource server refused an access token (HTTP 401, RFC 6750 section 3.1): gives one that is not
/// the refused one.
///
/// May touch the network. When the token has been replaced since, in this process or another, the newer one
/// is given and nothing is sent; else one refresh is made, whoever asks. Blocks as `keyfob_access_token` does.
/// New tokens are in the store before this returns.
///
/// @param session_id      copied; caller may free after return
/// @param rejected_token  the token that was refused; copied; caller may free after return
/// @param token_out       caller owns; free with keyfob_token_free
/// @return as `keyfob_refresh_session`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_refresh_if_current(
    handle: Option<&keyfob_handle>,
    session_id: *const c_char,
    rejected_token: *const c_char,
    token_out: Option<&mut MaybeUninit<*mut keyfob_token>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let token_out = Output::new("token_out", token_out)?;
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let session_id = unsafe { text("session_id", session_id) }?;
        // SAFETY: as above.
        let rejected_token = unsafe { text("rejected_token", rejected_token) }?;
        token_out.give(handle.keyfob.refresh_if_current(session_id, rejected_token)?.into());
        Ok(())
    })
}

/// The user's profile, at most so old (OpenID Connect Core section 5.3).
///
/// May touch the network: userinfo, which blocks for `http.total_seconds` of the configuration at most, and a
/// refresh when one is due, which blocks as `keyfob_access_token` does.
///
/// @param session_id   copied; caller may free after return
/// @param max_age_ms   in milliseconds (0 always asks the provider), or `KEYFOB_MAX_AGE_DEFAULT`, or
///                     `KEYFOB_MAX_AGE_STORED`
/// @param profile_out  caller owns; free with keyfob_profile_free
/// @return as `keyfob_access_token`; `KEYFOB_BAD_RESPONSE`, `KEYFOB_TOKEN_REJECTED`: the userinfo answer
///         cannot be read or is about somebody else; `KEYFOB_INVALID_STATE`: the provider has no userinfo
///         endpoint.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_fetch_profile(
    handle: Option<&keyfob_handle>,
    session_id: *const c_char,
    max_age_ms: i64,
    profile_out: Option<&mut MaybeUninit<*mut keyfob_profile>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let profile_out = Output::new("profile_out", profile_out)?;
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let session_id = unsafe { text("session_id", session_id) }?;
        profile_out.give(handle.keyfob.profile(session_id, freshness(max_age_ms)?)?.into());
        Ok(())
    })
}

/// The session of that id, ended ones with their reason included. Touches no network.
///
/// @param session_id   copied; caller may free after return
/// @param session_out  caller owns; free with keyfob_session_free
/// @return `KEYFOB_INVALID_ARGUMENT`: no such session.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_find_session(
    handle: Option<&keyfob_handle>,
    session_id: *const c_char,
    session_out: Option<&mut MaybeUninit<*mut keyfob_session>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let session_out = Output::new("session_out", session_out)?;
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let session_id = unsafe { text("session_id", session_id) }?;
        session_out.give(handle.keyfob.session(session_id)?.into());
        Ok(())
    })
}

/// The session that the last login made, or that `keyfob_set_current_session` named. Touches no network.
///
/// @param session_out  caller owns; free with keyfob_session_free; NULL with `KEYFOB_OK` if there is no
///                     current session
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_current_session(
    handle: Option<&keyfob_handle>,
    session_out: Option<&mut MaybeUninit<*mut keyfob_session>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let session_out = Output::new("session_out", session_out)?;
        if let Some(session) = given("handle", handle)?.keyfob.current_session()? {
            session_out.give(session.into());
        }
        Ok(())
    })
}

/// Makes a session the current one, for an app with several accounts. It is stored before this returns.
/// Touches no network.
///
/// @param session_id  copied; caller may free after return
/// @return `KEYFOB_INVALID_ARGUMENT`: no such session, or the app logged it out.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_set_current_session(
    handle: Option<&keyfob_handle>,
    session_id: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let session_id = unsafe { text("session_id", session_id) }?;
        Ok(handle.keyfob.set_current_session(session_id)?)
    })
}

/// Logs out: the session ends here and now, in every process, whatever the network does, and no token of it
/// is left in the store, save one that is kept aside to be revoked. Ending an ended session is no error.
///
/// Then, unless the options say otherwise, the provider is asked once to revoke the token (RFC 7009): may
/// touch the network, also for the provider's metadata; each request blocks for `http.total_seconds` of the
/// configuration at most. The ending is stored before that, and a failure there is no failure of this call:
/// `keyfob_ended_revocation` tells it.
///
/// @param session_id  copied; caller may free after return
/// @param options     may be NULL; copied; caller may free after return
/// @param ended_out   may be NULL; caller owns; free with keyfob_ended_free
/// @return `KEYFOB_INVALID_ARGUMENT`: no such session, or a post-logout redirect URI that is none.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_end_session(
    handle: Option<&keyfob_handle>,
    session_id: *const c_char,
    options: Option<&keyfob_end_session_options>,
    ended_out: Option<&mut MaybeUninit<*mut keyfob_ended>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let ended_out = Output::optional(ended_out);
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let session_id = unsafe { text("session_id", session_id) }?;
        let options = options.map_or_else(EndSession::default, keyfob_end_session_options::to_core);
        let ended = handle.keyfob.end_session(session_id, options)?;
        if let Some(ended_out) = ended_out {
            ended_out.give(ended.into());
        }
        Ok(())
    })
}

/// Takes the redirect from the provider's logout page, where `keyfob_ended_logout_url` led (OpenID Connect
/// RP-Initiated Logout section 3), and says which session's logout it belongs to, by its `state`: for a day after
/// the logout, in every process, as often as it is asked. The session ended long before, in `keyfob_end_session`: a
/// redirect that is refused here changes nothing. Touches no network, changes nothing.
///
/// @param redirect_url    as it came, whole; copied; caller may free after return
/// @param logged_out_out  may be NULL; caller owns; free with keyfob_logged_out_free
/// @return `KEYFOB_REDIRECT_REJECTED`: not a redirect of a logout of this store; the reason is
///         "LogoutStateMismatch" where it has no `state`, or one that is not known or too old.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_complete_logout(
    handle: Option<&keyfob_handle>,
    redirect_url: *const c_char,
    logged_out_out: Option<&mut MaybeUninit<*mut keyfob_logged_out>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let logged_out_out = Output::optional(logged_out_out);
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let redirect_url = unsafe { text("redirect_url", redirect_url) }?;
        let logged_out = handle.keyfob.complete_logout(redirect_url)?;
        if let Some(logged_out_out) = logged_out_out {
            logged_out_out.give(logged_out.into());
        }
        Ok(())
    })
}

/// Takes over a session from another library, without a new login. It is stored before this returns. Touches
/// no network: whether the tokens are good shows at their first use.
///
/// @param tokens       consumed, even on error
/// @param session_out  may be NULL; caller owns; free with keyfob_session_free
/// @return `KEYFOB_INVALID_ARGUMENT`: no such registration, no user id, neither token.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_import_session(
    handle: Option<&keyfob_handle>,
    tokens: Option<Box<keyfob_imported_tokens>>,
    session_out: Option<&mut MaybeUninit<*mut keyfob_session>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let session_out = Output::optional(session_out);
        let handle = given("handle", handle)?;
        let session = handle.keyfob.import_session(given("tokens", tokens)?.tokens)?;
        if let Some(session_out) = session_out {
            session_out.give(session.into());
        }
        Ok(())
    })
}

/// What to enter at the provider's developer console for one registration, and what it accepts. Touches
/// neither network nor store.
///
/// @param registration  the id of a registration; copied; caller may free after return
/// @param guide_out     caller owns; free with keyfob_guide_free
/// @return `KEYFOB_INVALID_ARGUMENT`: no such registration.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_guide(
    handle: Option<&keyfob_handle>,
    registration: *const c_char,
    guide_out: Option<&mut MaybeUninit<*mut keyfob_guide>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let guide_out = Output::new("guide_out", guide_out)?;
        let handle = given("handle", handle)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let registration = unsafe { text("registration", registration) }?;
        guide_out.give(handle.keyfob.registration_guide(registration)?.into());
        Ok(())
    })
}

/// The newest lines of the journal, newest first: why things happened. Touches no network.
///
/// @param limit     how many lines at most
/// @param list_out  caller owns; free with keyfob_journal_list_free
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_journal(
    handle: Option<&keyfob_handle>,
    limit: usize,
    list_out: Option<&mut MaybeUninit<*mut keyfob_journal_list>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let list_out = Output::new("list_out", list_out)?;
        list_out.give(given("handle", handle)?.keyfob.journal(limit)?.into());
        Ok(())
    })
}

/// Frees the handle; it may be NULL. What came from it stays good; work that an executor holds keeps the
/// store open. No other thread may be inside a call with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_free(handle: Option<Box<keyfob_handle>>) {
    free(handle);
}
