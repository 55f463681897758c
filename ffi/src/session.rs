//! `keyfob_session` and `keyfob_session_list`.

use std::ffi::c_char;
use std::sync::OnceLock;

use keyfob::{Session, SessionState};
use zeroize::Zeroizing;

use crate::boundary::{Text, free, make, read, to_unix_ms};
use crate::error::KEYFOB_TIME_UNKNOWN;
use crate::profile::keyfob_profile;

/// A session as it was when it was read: who is logged in, with which tokens, until when. Freed by
/// `keyfob_session_free`, which overwrites the tokens; the one in a list or in a keyfob_completed belongs
/// to that.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_session {
    session: Session,
    id: Text,
    registration: Text,
    provider: Text,
    provider_uid: Text,
    ended_reason: Text,
    provider_access_token: Text,
    provider_refresh_token: Text,
    id_token: Text,
    id_token_claims_json: Text,
    token_answer_json: Text,
    scopes: Vec<Text>,
    profile: OnceLock<keyfob_profile>,
}

impl From<Session> for keyfob_session {
    fn from(session: Session) -> Self {
        Self {
            scopes: session.scopes().iter().map(|_| Text::default()).collect(),
            session,
            id: Text::default(),
            registration: Text::default(),
            provider: Text::default(),
            provider_uid: Text::default(),
            ended_reason: Text::default(),
            provider_access_token: Text::default(),
            provider_refresh_token: Text::default(),
            id_token: Text::default(),
            id_token_claims_json: Text::default(),
            token_answer_json: Text::default(),
            profile: OnceLock::new(),
        }
    }
}

/// Sessions, oldest first. Made by `keyfob_sessions` and `keyfob_sessions_page`, freed by
/// `keyfob_session_list_free`.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_session_list {
    sessions: Vec<keyfob_session>,
}

impl From<Vec<Session>> for keyfob_session_list {
    fn from(sessions: Vec<Session>) -> Self {
        Self { sessions: sessions.into_iter().map(keyfob_session::from).collect() }
    }
}

/// The id: random, never used again. Other calls know the session by it.
///
/// Ownership: borrowed until the keyfob_session is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_id(session: Option<&keyfob_session>) -> *const c_char {
    read(session, |session| session.id.of(session.session.id()))
}

/// The id of the registration that the user logged in with.
///
/// Ownership: borrowed until the keyfob_session is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_registration(session: Option<&keyfob_session>) -> *const c_char {
    read(session, |session| session.registration.of(session.session.registration()))
}

/// The id of the provider.
///
/// Ownership: borrowed until the keyfob_session is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_provider(session: Option<&keyfob_session>) -> *const c_char {
    read(session, |session| session.provider.of(session.session.provider()))
}

/// The user's lasting id at the provider: `sub`, where it speaks OpenID Connect.
///
/// Ownership: borrowed until the keyfob_session is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_provider_uid(session: Option<&keyfob_session>) -> *const c_char {
    read(session, |session| session.provider_uid.of(session.session.provider_uid()))
}

/// Whether the session can still give a token.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_is_active(session: Option<&keyfob_session>) -> bool {
    read(session, |session| session.session.state() == SessionState::Active)
}

/// Why the session has ended: a reason of `KEYFOB_LOGIN_REQUIRED` by its stable name, such as "Revoked";
/// NULL while it is active.
///
/// Ownership: borrowed until the keyfob_session is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_ended_reason(session: Option<&keyfob_session>) -> *const c_char {
    read(session, |session| {
        session.ended_reason.of_option(match session.session.state() {
            SessionState::Ended(reason) => Some(reason.name()),
            _ => None,
        })
    })
}

/// The provider's access token as last saved, empty once the session has ended. A secret. It may be over:
/// `keyfob_access_token` gives a good one.
///
/// Ownership: borrowed until the keyfob_session is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_provider_access_token(session: Option<&keyfob_session>) -> *const c_char {
    read(session, |session| session.provider_access_token.of(session.session.provider_access_token()))
}

/// When that access token is over, in milliseconds since 1970 (UTC); `KEYFOB_TIME_UNKNOWN` if the provider
/// did not say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_provider_access_token_expiry_ms(session: Option<&keyfob_session>) -> i64 {
    read(session, |session| session.session.provider_access_token_expiry().map_or(KEYFOB_TIME_UNKNOWN, to_unix_ms))
}

/// The provider's refresh token as last saved; NULL if it gave none. A secret. Keyfob uses it for the app;
/// an app that uses it itself will be logged out by the provider's reuse detection (RFC 9700 section
/// 4.14.2).
///
/// Ownership: borrowed until the keyfob_session is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_provider_refresh_token(session: Option<&keyfob_session>) -> *const c_char {
    read(session, |session| session.provider_refresh_token.of_option(session.session.provider_refresh_token()))
}

/// The ID token as it came (OpenID Connect Core section 2), for an app's own back end: the one of the last
/// refresh that brought one; NULL if there is none, and once the session has ended. A secret.
///
/// Ownership: borrowed until the keyfob_session is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_id_token(session: Option<&keyfob_session>) -> *const c_char {
    read(session, |session| session.id_token.of_option(session.session.id_token()))
}

/// The claims of that ID token, as one JSON object; NULL if there is none. Its signature was verified.
///
/// Ownership: borrowed until the keyfob_session is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_id_token_claims_json(session: Option<&keyfob_session>) -> *const c_char {
    read(session, |session| {
        let claims = session.session.id_token_claims_json().map(Zeroizing::new);
        session.id_token_claims_json.of_option(claims.as_ref().map(|claims| claims.as_str()))
    })
}

/// What else the token answer had (RFC 6749 section 5.1), as one JSON object: `instance_url`,
/// `refresh_token_expires_in`, ... Untrusted data of the provider, and perhaps a secret.
///
/// Ownership: borrowed until the keyfob_session is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_token_answer_json(session: Option<&keyfob_session>) -> *const c_char {
    read(session, |session| {
        let answer = Zeroizing::new(session.session.token_answer_json());
        session.token_answer_json.of(&answer)
    })
}

/// How many scopes were granted (RFC 6749 section 3.3), which may be fewer than were asked for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_scopes_len(session: Option<&keyfob_session>) -> usize {
    read(session, |session| session.scopes.len())
}

/// One of the granted scopes; NULL for an index that is too large.
///
/// Ownership: borrowed until the keyfob_session is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_scopes_at(session: Option<&keyfob_session>, index: usize) -> *const c_char {
    read(session, |session| match (session.scopes.get(index), session.session.scopes().get(index)) {
        (Some(text), Some(scope)) => text.of(scope),
        _ => std::ptr::null(),
    })
}

/// The profile as last fetched.
///
/// Ownership: borrowed until the keyfob_session is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_profile(session: Option<&keyfob_session>) -> *const keyfob_profile {
    read(session, |session| {
        std::ptr::from_ref(session.profile.get_or_init(|| session.session.profile().clone().into()))
    })
}

/// When the user logged in, in milliseconds since 1970 (UTC).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_created_at_ms(session: Option<&keyfob_session>) -> i64 {
    read(session, |session| to_unix_ms(session.session.created_at()))
}

/// When the tokens were last replaced, in milliseconds since 1970 (UTC).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_updated_at_ms(session: Option<&keyfob_session>) -> i64 {
    read(session, |session| to_unix_ms(session.session.updated_at()))
}

/// A session of one's own, out of a list or a keyfob_completed. It is not read anew. NULL for NULL.
///
/// Ownership: caller owns; free with keyfob_session_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_copy(session: Option<&keyfob_session>) -> Option<Box<keyfob_session>> {
    make(|| session.map(|session| session.session.clone().into()))
}

/// Frees a session; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_free(session: Option<Box<keyfob_session>>) {
    free(session);
}

/// How many sessions there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_list_len(list: Option<&keyfob_session_list>) -> usize {
    read(list, |list| list.sessions.len())
}

/// One of the sessions; NULL for an index that is too large.
///
/// Ownership: borrowed until the keyfob_session_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_list_at(
    list: Option<&keyfob_session_list>,
    index: usize,
) -> *const keyfob_session {
    read(list, |list| list.sessions.get(index).map_or(std::ptr::null(), std::ptr::from_ref))
}

/// Frees a list with its sessions; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_session_list_free(list: Option<Box<keyfob_session_list>>) {
    free(list);
}
