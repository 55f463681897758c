//! `keyfob_registration` and `keyfob_registration_list`.

use std::ffi::c_char;

use keyfob::RegistrationInfo;

use crate::boundary::{Text, free, read};

/// This app as one provider knows it, for the app to draw its login buttons from. It belongs to its list.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_registration {
    info: RegistrationInfo,
    id: Text,
    provider: Text,
    provider_name: Text,
}

/// Registrations, in the order of the configuration. Made by `keyfob_registrations`, freed by
/// `keyfob_registration_list_free`.
///
/// Threads: may be shared.
#[derive(Debug)]
pub struct keyfob_registration_list {
    registrations: Vec<keyfob_registration>,
}

impl From<Vec<RegistrationInfo>> for keyfob_registration_list {
    fn from(registrations: Vec<RegistrationInfo>) -> Self {
        let handle = |info| keyfob_registration {
            info,
            id: Text::default(),
            provider: Text::default(),
            provider_name: Text::default(),
        };
        Self { registrations: registrations.into_iter().map(handle).collect() }
    }
}

/// How many registrations there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_list_len(list: Option<&keyfob_registration_list>) -> usize {
    read(list, |list| list.registrations.len())
}

/// One of the registrations; NULL for an index that is too large.
///
/// Ownership: borrowed until the keyfob_registration_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_list_at(
    list: Option<&keyfob_registration_list>,
    index: usize,
) -> *const keyfob_registration {
    read(list, |list| list.registrations.get(index).map_or(std::ptr::null(), std::ptr::from_ref))
}

/// Frees a list with its registrations; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_list_free(list: Option<Box<keyfob_registration_list>>) {
    free(list);
}

/// The id, for `keyfob_begin_login` and `keyfob_registration_guide`.
///
/// Ownership: borrowed until the keyfob_registration_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_id(registration: Option<&keyfob_registration>) -> *const c_char {
    read(registration, |registration| registration.id.of(registration.info.id()))
}

/// The id of the provider.
///
/// Ownership: borrowed until the keyfob_registration_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_provider(registration: Option<&keyfob_registration>) -> *const c_char {
    read(registration, |registration| registration.provider.of(registration.info.provider()))
}

/// The name of the provider, to show to people.
///
/// Ownership: borrowed until the keyfob_registration_list is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_provider_name(
    registration: Option<&keyfob_registration>,
) -> *const c_char {
    read(registration, |registration| registration.provider_name.of(registration.info.provider_name()))
}

/// Whether logins may begin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_enabled(registration: Option<&keyfob_registration>) -> bool {
    read(registration, |registration| registration.info.enabled())
}
