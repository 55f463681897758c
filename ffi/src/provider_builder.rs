//! `keyfob_provider_builder`.

use std::ffi::c_char;
use std::mem::{MaybeUninit, replace};

use keyfob::Provider;

use crate::boundary::{Output, free, given, guard, text};
use crate::error::{keyfob_error, keyfob_status};

/// A provider in the making, which the catalogue does not have. Made by `keyfob_provider_builder_from_json` or
/// `keyfob_provider_builder_new_oauth2`, consumed by `keyfob_config_builder_add_provider` or freed by
/// `keyfob_provider_builder_free`; what it was told is checked by `keyfob_config_builder_build`.
///
/// Threads: one thread at a time.
#[derive(Debug)]
pub struct keyfob_provider_builder {
    pub(crate) provider: Provider,
}

impl keyfob_provider_builder {
    fn change(&mut self, change: impl FnOnce(Provider) -> Provider) {
        self.provider = change(replace(&mut self.provider, Provider::oauth2("", "", "", "", "")));
    }
}

/// Reads a provider from JSON, in the format of a provider file: the way to use everything that one can say.
///
/// @param json          copied; caller may free after return
/// @param provider_out  caller owns; free with keyfob_provider_builder_free
/// @return `KEYFOB_CONFIGURATION`: not JSON, an unknown key, a missing or malformed value; the error's
///         detail names the key.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_builder_from_json(
    json: *const c_char,
    provider_out: Option<&mut MaybeUninit<*mut keyfob_provider_builder>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let provider_out = Output::new("provider_out", provider_out)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let provider = Provider::from_json(unsafe { text("json", json) }?)?;
        provider_out.give(keyfob_provider_builder { provider });
        Ok(())
    })
}

/// A plain OAuth 2 provider by its endpoints (RFC 6749 section 3).
///
/// @param id                      for the `provider` of a registration; copied; caller may free after return
/// @param authorization_endpoint  a URL; copied; caller may free after return
/// @param token_endpoint          a URL; copied; caller may free after return
/// @param userinfo_endpoint       a URL; copied; caller may free after return
/// @param uid                     a JSON pointer (RFC 6901) to the user's lasting id in the userinfo answer, for instance
///                                "/id"; copied; caller may free after return
/// @param provider_out            caller owns; free with keyfob_provider_builder_free
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_builder_new_oauth2(
    id: *const c_char,
    authorization_endpoint: *const c_char,
    token_endpoint: *const c_char,
    userinfo_endpoint: *const c_char,
    uid: *const c_char,
    provider_out: Option<&mut MaybeUninit<*mut keyfob_provider_builder>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let provider_out = Output::new("provider_out", provider_out)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let id = unsafe { text("id", id) }?;
        // SAFETY: as above.
        let authorization = unsafe { text("authorization_endpoint", authorization_endpoint) }?;
        // SAFETY: as above.
        let token = unsafe { text("token_endpoint", token_endpoint) }?;
        // SAFETY: as above.
        let userinfo = unsafe { text("userinfo_endpoint", userinfo_endpoint) }?;
        // SAFETY: as above.
        let uid = unsafe { text("uid", uid) }?;
        provider_out
            .give(keyfob_provider_builder { provider: Provider::oauth2(id, authorization, token, userinfo, uid) });
        Ok(())
    })
}

/// The name to show to people.
///
/// @param name  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_builder_set_name(
    provider: Option<&mut keyfob_provider_builder>,
    name: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let provider = given("provider", provider)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let name = unsafe { text("name", name) }?;
        provider.change(|provider| provider.name(name));
        Ok(())
    })
}

/// Where the userinfo answer keeps the user's name. Said again, it is the next place to look at.
///
/// @param pointer  a JSON pointer (RFC 6901), for instance "/name"; copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_builder_add_name_at(
    provider: Option<&mut keyfob_provider_builder>,
    pointer: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let provider = given("provider", provider)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let pointer = unsafe { text("pointer", pointer) }?;
        provider.change(|provider| provider.name_at(pointer));
        Ok(())
    })
}

/// Where the userinfo answer keeps the e-mail address.
///
/// @param pointer  a JSON pointer (RFC 6901), for instance "/email"; copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_builder_set_email_at(
    provider: Option<&mut keyfob_provider_builder>,
    pointer: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let provider = given("provider", provider)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let pointer = unsafe { text("pointer", pointer) }?;
        provider.change(|provider| provider.email_at(pointer));
        Ok(())
    })
}

/// Where the userinfo answer keeps the picture's URL. Said again, it is the next place to look at.
///
/// @param pointer  a JSON pointer (RFC 6901), for instance "/picture"; copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_builder_add_avatar_url_at(
    provider: Option<&mut keyfob_provider_builder>,
    pointer: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let provider = given("provider", provider)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let pointer = unsafe { text("pointer", pointer) }?;
        provider.change(|provider| provider.avatar_url_at(pointer));
        Ok(())
    })
}

/// Adds a scope to ask for when neither registration nor login names one.
///
/// @param scope  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_builder_add_scope(
    provider: Option<&mut keyfob_provider_builder>,
    scope: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let provider = given("provider", provider)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let scope = unsafe { text("scope", scope) }?;
        provider.change(|provider| provider.scope(scope));
        Ok(())
    })
}

/// The revocation endpoint (RFC 7009).
///
/// @param url  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_builder_set_revocation_endpoint(
    provider: Option<&mut keyfob_provider_builder>,
    url: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let provider = given("provider", provider)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let url = unsafe { text("url", url) }?;
        provider.change(|provider| provider.revocation_endpoint(url));
        Ok(())
    })
}

/// The device authorization endpoint (RFC 8628 section 3.1), for `keyfob_begin_device_login`.
///
/// @param url  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_builder_set_device_authorization_endpoint(
    provider: Option<&mut keyfob_provider_builder>,
    url: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let provider = given("provider", provider)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let url = unsafe { text("url", url) }?;
        provider.change(|provider| provider.device_authorization_endpoint(url));
        Ok(())
    })
}

/// Frees a provider that was not added; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_builder_free(provider: Option<Box<keyfob_provider_builder>>) {
    free(provider);
}
