use std::ffi::CStr;

use super::*;

/// Every constant of the header beside its name in the core.
const STATUSES: &[(keyfob_status, ErrorKind)] = &[
    (KEYFOB_INVALID_ARGUMENT, ErrorKind::InvalidArgument),
    (KEYFOB_INVALID_STATE, ErrorKind::InvalidState),
    (KEYFOB_CONFIGURATION, ErrorKind::Configuration),
    (KEYFOB_NETWORK, ErrorKind::Network),
    (KEYFOB_TIMEOUT, ErrorKind::Timeout),
    (KEYFOB_CANCELLED, ErrorKind::Cancelled),
    (KEYFOB_ACCESS_DENIED, ErrorKind::AccessDenied),
    (KEYFOB_REDIRECT_REJECTED, ErrorKind::RedirectRejected),
    (KEYFOB_OAUTH, ErrorKind::OAuth),
    (KEYFOB_LOGIN_REQUIRED, ErrorKind::LoginRequired),
    (KEYFOB_BAD_RESPONSE, ErrorKind::BadResponse),
    (KEYFOB_TOKEN_REJECTED, ErrorKind::TokenRejected),
    (KEYFOB_TLS, ErrorKind::Tls),
    (KEYFOB_RATE_LIMITED, ErrorKind::RateLimited),
    (KEYFOB_REFRESH_BUSY, ErrorKind::RefreshBusy),
    (KEYFOB_STORE_NOT_WRITABLE, ErrorKind::StoreNotWritable),
    (KEYFOB_STORE_UNAVAILABLE, ErrorKind::StoreUnavailable),
    (KEYFOB_STORE_KEY, ErrorKind::StoreKey),
    (KEYFOB_STORE_DAMAGED, ErrorKind::StoreDamaged),
    (KEYFOB_STORE_UNSUPPORTED, ErrorKind::StoreUnsupported),
    (KEYFOB_RANDOM, ErrorKind::Random),
    (KEYFOB_INTERNAL, ErrorKind::Internal),
];

fn name(status: keyfob_status) -> &'static str {
    // SAFETY: any number will do.
    let name = unsafe { keyfob_status_name(status) };
    // SAFETY: the names are static.
    unsafe { CStr::from_ptr(name) }.to_str().unwrap()
}

#[test]
fn every_kind_of_the_core_has_its_constant() {
    for kind in ErrorKind::ALL {
        let found = STATUSES.iter().find(|(_, listed)| listed == kind);
        assert_eq!(found.map(|(status, _)| *status), Some(kind.number()), "{kind:?}");
        assert_eq!(name(kind.number()), kind.name());
    }
    assert_eq!(STATUSES.len(), ErrorKind::ALL.len());
}

#[test]
fn a_number_that_nobody_knows_has_a_name_all_the_same() {
    assert_eq!(name(KEYFOB_OK), "Ok");
    assert_eq!(name(-1), "Unknown");
    assert_eq!(name(98), "Unknown");
}
