//! `keyfob_guide`.

use std::ffi::c_char;

use keyfob::{Loopback, RegistrationGuide};

use crate::boundary::{Text, free, read};

/// A yes, a no, or that nobody knows.
pub type keyfob_answer = i32;

/// Not known.
pub const KEYFOB_ANSWER_UNKNOWN: keyfob_answer = 0;
/// No.
pub const KEYFOB_ANSWER_NO: keyfob_answer = 1;
/// Yes.
pub const KEYFOB_ANSWER_YES: keyfob_answer = 2;

/// What a provider takes of a loopback redirect URI.
pub type keyfob_loopback = i32;

/// Not known.
pub const KEYFOB_LOOPBACK_UNKNOWN: keyfob_loopback = 0;
/// The IP literal, with any port (RFC 8252 section 7.3).
pub const KEYFOB_LOOPBACK_ANY_PORT: keyfob_loopback = 1;
/// Only exactly as registered, port included.
pub const KEYFOB_LOOPBACK_EXACT: keyfob_loopback = 2;
/// Not at all.
pub const KEYFOB_LOOPBACK_NONE: keyfob_loopback = 3;

/// What to enter at the provider's developer console for one registration, and what it accepts. Made by
/// `keyfob_registration_guide`, freed by `keyfob_guide_free`.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_guide {
    guide: RegistrationGuide,
    provider_name: Text,
    redirect_uri: Text,
    scopes: Vec<Text>,
    /// What to do, made once: an index has to mean the same sentence each time.
    steps: Vec<(String, Text)>,
}

impl From<RegistrationGuide> for keyfob_guide {
    fn from(guide: RegistrationGuide) -> Self {
        Self {
            scopes: guide.scopes().iter().map(|_| Text::default()).collect(),
            steps: guide.steps().into_iter().map(|step| (step, Text::default())).collect(),
            guide,
            provider_name: Text::default(),
            redirect_uri: Text::default(),
        }
    }
}

pub(crate) fn answer(answer: Option<bool>) -> keyfob_answer {
    match answer {
        None => KEYFOB_ANSWER_UNKNOWN,
        Some(false) => KEYFOB_ANSWER_NO,
        Some(true) => KEYFOB_ANSWER_YES,
    }
}

pub(crate) fn loopback(loopback: Option<Loopback>) -> keyfob_loopback {
    match loopback {
        Some(Loopback::AnyPort) => KEYFOB_LOOPBACK_ANY_PORT,
        Some(Loopback::Exact) => KEYFOB_LOOPBACK_EXACT,
        Some(Loopback::None) => KEYFOB_LOOPBACK_NONE,
        _ => KEYFOB_LOOPBACK_UNKNOWN,
    }
}

/// The name of the provider, to show to people.
///
/// Ownership: borrowed until the keyfob_guide is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_guide_provider_name(guide: Option<&keyfob_guide>) -> *const c_char {
    read(guide, |guide| guide.provider_name.of(guide.guide.provider_name()))
}

/// The redirect URI to enter there, character for character.
///
/// Ownership: borrowed until the keyfob_guide is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_guide_redirect_uri(guide: Option<&keyfob_guide>) -> *const c_char {
    read(guide, |guide| guide.redirect_uri.of(guide.guide.redirect_uri()))
}

/// How many scopes the app asks for, to be allowed there where the provider wants that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_guide_scopes_len(guide: Option<&keyfob_guide>) -> usize {
    read(guide, |guide| guide.scopes.len())
}

/// One of those scopes; NULL for an index that is too large.
///
/// Ownership: borrowed until the keyfob_guide is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_guide_scopes_at(guide: Option<&keyfob_guide>, index: usize) -> *const c_char {
    read(guide, |guide| match (guide.scopes.get(index), guide.guide.scopes().get(index)) {
        (Some(text), Some(scope)) => text.of(scope),
        _ => std::ptr::null(),
    })
}

/// Whether the provider takes redirect URIs with a private-use scheme (RFC 8252 section 7.1).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_guide_accepts_custom_scheme(guide: Option<&keyfob_guide>) -> keyfob_answer {
    read(guide, |guide| answer(guide.guide.accepts_custom_scheme()))
}

/// What the provider takes of loopback redirect URIs (RFC 8252 section 7.3): one of `KEYFOB_LOOPBACK_...`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_guide_accepts_loopback(guide: Option<&keyfob_guide>) -> keyfob_loopback {
    read(guide, |guide| loopback(guide.guide.accepts_loopback()))
}

/// Whether the registration's own redirect URI is of a form that the provider takes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_guide_redirect_uri_accepted(guide: Option<&keyfob_guide>) -> keyfob_answer {
    read(guide, |guide| answer(guide.guide.redirect_uri_accepted()))
}

/// How many steps there are to do.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_guide_steps_len(guide: Option<&keyfob_guide>) -> usize {
    read(guide, |guide| guide.steps.len())
}

/// What to do, a sentence of English for a person to read; NULL for an index that is too large.
///
/// Ownership: borrowed until the keyfob_guide is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_guide_steps_at(guide: Option<&keyfob_guide>, index: usize) -> *const c_char {
    read(guide, |guide| guide.steps.get(index).map_or(std::ptr::null(), |(step, text)| text.of(step)))
}

/// Frees a guide; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_guide_free(guide: Option<Box<keyfob_guide>>) {
    free(guide);
}
