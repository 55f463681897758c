//! `keyfob_provider` and `keyfob_provider_list`.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use keyfob::{Provider, ProviderKind};

use crate::boundary::{Output, Text, free, guard, read};
use crate::error::{keyfob_error, keyfob_status};
use crate::guide::{answer, keyfob_answer, keyfob_loopback, loopback};

/// What a provider speaks.
pub type keyfob_provider_kind = i32;

/// OpenID Connect: an issuer, discovery, ID tokens.
pub const KEYFOB_PROVIDER_KIND_OIDC: keyfob_provider_kind = 1;
/// Plain OAuth 2: explicit endpoints, the user's identity from userinfo.
pub const KEYFOB_PROVIDER_KIND_OAUTH2: keyfob_provider_kind = 2;

/// A provider that Keyfob knows. It belongs to its list.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_provider {
    provider: Provider,
    id: Text,
    name: Text,
    aliases: Vec<(String, Text)>,
    scopes: Vec<(String, Text)>,
    variables: Vec<(String, Text)>,
}

/// The providers that are built in, by id. Made by `keyfob_providers`, freed by
/// `keyfob_provider_list_free`.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_provider_list {
    providers: Vec<keyfob_provider>,
}

impl From<Provider> for keyfob_provider {
    fn from(provider: Provider) -> Self {
        Self {
            aliases: texts(provider.aliases()),
            scopes: texts(provider.default_scopes()),
            variables: texts(&provider.required_variables()),
            provider,
            id: Text::default(),
            name: Text::default(),
        }
    }
}

fn texts(texts: &[impl AsRef<str>]) -> Vec<(String, Text)> {
    texts.iter().map(|text| (text.as_ref().to_owned(), Text::default())).collect()
}

fn at(texts: &[(String, Text)], index: usize) -> *const c_char {
    texts.get(index).map_or(std::ptr::null(), |(text, crossing)| crossing.of(text))
}

/// The providers that are built in: for a program that lists them. An app names one by its id in its
/// configuration and needs no list. Touches neither network nor store.
///
/// @param list_out  caller owns; free with keyfob_provider_list_free
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_providers(
    list_out: Option<&mut MaybeUninit<*mut keyfob_provider_list>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let list_out = Output::new("list_out", list_out)?;
        let providers = keyfob::providers().into_iter().map(keyfob_provider::from).collect();
        list_out.give(keyfob_provider_list { providers });
        Ok(())
    })
}

/// How many providers there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_list_len(list: Option<&keyfob_provider_list>) -> usize {
    read(list, |list| list.providers.len())
}

/// One of the providers; NULL for an index that is too large.
///
/// Ownership: borrowed until the keyfob_provider_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_list_at(
    list: Option<&keyfob_provider_list>,
    index: usize,
) -> *const keyfob_provider {
    read(list, |list| list.providers.get(index).map_or(std::ptr::null(), std::ptr::from_ref))
}

/// Frees a list with its providers; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_list_free(list: Option<Box<keyfob_provider_list>>) {
    free(list);
}

/// The id, for the `provider` of a registration.
///
/// Ownership: borrowed until the keyfob_provider_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_id(provider: Option<&keyfob_provider>) -> *const c_char {
    read(provider, |provider| provider.id.of(provider.provider.id()))
}

/// The name, to show to people.
///
/// Ownership: borrowed until the keyfob_provider_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_name(provider: Option<&keyfob_provider>) -> *const c_char {
    read(provider, |provider| provider.name.of(provider.provider.display_name()))
}

/// What it speaks: one of `KEYFOB_PROVIDER_KIND_...`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_speaks(provider: Option<&keyfob_provider>) -> keyfob_provider_kind {
    read(provider, |provider| match provider.provider.kind() {
        ProviderKind::Oidc => KEYFOB_PROVIDER_KIND_OIDC,
        ProviderKind::Oauth2 => KEYFOB_PROVIDER_KIND_OAUTH2,
        // The core may grow one; the test of coverage says so.
        _ => 0,
    })
}

/// How many other names that a registration may use for it there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_aliases_len(provider: Option<&keyfob_provider>) -> usize {
    read(provider, |provider| provider.aliases.len())
}

/// One of the other names that a registration may use for it; NULL for an index that is too large.
///
/// Ownership: borrowed until the keyfob_provider_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_aliases_at(provider: Option<&keyfob_provider>, index: usize) -> *const c_char {
    read(provider, |provider| at(&provider.aliases, index))
}

/// How many variables that a registration has to fill in there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_variables_len(provider: Option<&keyfob_provider>) -> usize {
    read(provider, |provider| provider.variables.len())
}

/// One of the variables that a registration has to fill in; NULL for an index that is too large.
///
/// Ownership: borrowed until the keyfob_provider_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_variables_at(
    provider: Option<&keyfob_provider>,
    index: usize,
) -> *const c_char {
    read(provider, |provider| at(&provider.variables, index))
}

/// How many scopes that are asked for when nobody names one there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_scopes_len(provider: Option<&keyfob_provider>) -> usize {
    read(provider, |provider| provider.scopes.len())
}

/// One of the scopes that are asked for when nobody names one; NULL for an index that is too large.
///
/// Ownership: borrowed until the keyfob_provider_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_scopes_at(provider: Option<&keyfob_provider>, index: usize) -> *const c_char {
    read(provider, |provider| at(&provider.scopes, index))
}

/// Whether it takes redirect URIs with a private-use scheme (RFC 8252 section 7.1).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_accepts_custom_scheme(provider: Option<&keyfob_provider>) -> keyfob_answer {
    read(provider, |provider| answer(provider.provider.accepts_custom_scheme()))
}

/// What it takes of loopback redirect URIs (RFC 8252 section 7.3): one of `KEYFOB_LOOPBACK_...`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_provider_accepts_loopback(provider: Option<&keyfob_provider>) -> keyfob_loopback {
    read(provider, |provider| loopback(provider.provider.accepts_loopback()))
}
