//! Which library this is.

use std::ffi::c_char;

/// The ABI of this header. It changes only when programs built with an older header must be built again.
pub const KEYFOB_ABI_VERSION: u32 = 1;

/// The library's `KEYFOB_ABI_VERSION`: a program built with this header works with the library if it is the
/// same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_abi_version() -> u32 {
    KEYFOB_ABI_VERSION
}

/// The library's `KEYFOB_VERSION_NUMBER`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_version_number() -> u32 {
    const MAJOR: u32 = number(env!("CARGO_PKG_VERSION_MAJOR"));
    const MINOR: u32 = number(env!("CARGO_PKG_VERSION_MINOR"));
    const PATCH: u32 = number(env!("CARGO_PKG_VERSION_PATCH"));
    const { MAJOR * 1_000_000 + MINOR * 1000 + PATCH }
}

/// The library's `KEYFOB_VERSION_STRING`.
///
/// Ownership: borrowed until the library is unloaded.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_version_string() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Cargo has checked that these are digits.
const fn number(digits: &str) -> u32 {
    let mut rest = digits.as_bytes();
    let mut number = 0;
    while let [digit, tail @ ..] = rest {
        number = number * 10 + (*digit - b'0') as u32;
        rest = tail;
    }
    number
}
