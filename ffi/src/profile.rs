//! `keyfob_profile`.

use std::ffi::c_char;

use keyfob::{Freshness, Profile};

use crate::boundary::{Outcome, Text, free, read};
use crate::error::Failure;

/// For `keyfob_fetch_profile`: a profile of at most two minutes.
pub const KEYFOB_MAX_AGE_DEFAULT: i64 = -1;
/// For `keyfob_fetch_profile`: whatever is stored, without asking the provider.
pub const KEYFOB_MAX_AGE_STORED: i64 = -2;

/// The user, in one shape for every provider. Made by `keyfob_fetch_profile`, freed by
/// `keyfob_profile_free`; the one in a session belongs to the session.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_profile {
    profile: Profile,
    uid: Text,
    name: Text,
    email: Text,
    avatar_url: Text,
    locale: Text,
    raw_json: Text,
}

impl From<Profile> for keyfob_profile {
    fn from(profile: Profile) -> Self {
        Self {
            profile,
            uid: Text::default(),
            name: Text::default(),
            email: Text::default(),
            avatar_url: Text::default(),
            locale: Text::default(),
            raw_json: Text::default(),
        }
    }
}

/// How old a profile may be, in the header's words.
pub(crate) fn freshness(max_age_ms: i64) -> Outcome<Freshness> {
    match (max_age_ms, u64::try_from(max_age_ms)) {
        (_, Ok(milliseconds)) => Ok(Freshness::millis(milliseconds)),
        (KEYFOB_MAX_AGE_DEFAULT, _) => Ok(Freshness::default()),
        (KEYFOB_MAX_AGE_STORED, _) => Ok(Freshness::stored()),
        _ => Err(Failure::Argument { name: "max_age_ms", problem: "is negative" }),
    }
}

/// The user's lasting id at the provider.
///
/// Ownership: borrowed until the keyfob_profile is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_profile_uid(profile: Option<&keyfob_profile>) -> *const c_char {
    read(profile, |profile| profile.uid.of(profile.profile.uid()))
}

/// The name to show; NULL if the provider did not tell.
///
/// Ownership: borrowed until the keyfob_profile is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_profile_name(profile: Option<&keyfob_profile>) -> *const c_char {
    read(profile, |profile| profile.name.of_option(profile.profile.name()))
}

/// The e-mail address; NULL if the provider did not tell.
///
/// Ownership: borrowed until the keyfob_profile is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_profile_email(profile: Option<&keyfob_profile>) -> *const c_char {
    read(profile, |profile| profile.email.of_option(profile.profile.email()))
}

/// Whether the provider vouches for the e-mail address; false where it does not say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_profile_email_verified(profile: Option<&keyfob_profile>) -> bool {
    read(profile, |profile| profile.profile.email_verified())
}

/// The URL of a picture of the user; NULL if the provider did not tell.
///
/// Ownership: borrowed until the keyfob_profile is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_profile_avatar_url(profile: Option<&keyfob_profile>) -> *const c_char {
    read(profile, |profile| profile.avatar_url.of_option(profile.profile.avatar_url()))
}

/// The user's language and region, as the provider writes it; NULL if it did not tell.
///
/// Ownership: borrowed until the keyfob_profile is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_profile_locale(profile: Option<&keyfob_profile>) -> *const c_char {
    read(profile, |profile| profile.locale.of_option(profile.profile.locale()))
}

/// Every claim that the provider sent, as one JSON object (OpenID Connect Core section 5.1).
///
/// Ownership: borrowed until the keyfob_profile is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_profile_raw_json(profile: Option<&keyfob_profile>) -> *const c_char {
    read(profile, |profile| profile.raw_json.of(&profile.profile.raw_json()))
}

/// Frees a profile that `keyfob_fetch_profile` gave; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_profile_free(profile: Option<Box<keyfob_profile>>) {
    free(profile);
}
