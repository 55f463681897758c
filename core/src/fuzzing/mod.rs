//! For this project's fuzz targets only (the feature `fuzzing`): everything that reads bytes from outside, one function for each.
//!
//! Each takes any bytes, does with them what the library does, and panics where something comes out that must not: each function's words say what holds. The
//! targets in `fuzz/` call one each, and `core/tests/corpora.rs` calls them with every file of the committed corpora.

mod answers;
mod files;
mod login;
mod strict;
mod tokens;

use std::net::Ipv4Addr;

pub use self::answers::{device, metadata, retry_after, token_answer, userinfo};
pub use self::files::{config, provider};
#[cfg(feature = "loopback")]
pub use self::login::loopback;
pub use self::login::redirect;
pub use self::tokens::{id_token, jwks, jws};

/// A target: any bytes go in, and it returns.
pub type Target = fn(&[u8]);

/// Every target, by the name of its file in `fuzz/fuzz_targets` and of its folder in `fuzz/corpus`.
pub const TARGETS: &[(&str, Target)] = &[
    ("config", config),
    ("device", device),
    ("id_token", id_token),
    ("jwks", jwks),
    ("jws", jws),
    #[cfg(feature = "loopback")]
    ("loopback", loopback),
    ("metadata", metadata),
    ("provider", provider),
    ("redirect", redirect),
    ("retry_after", retry_after),
    ("token_answer", token_answer),
    ("userinfo", userinfo),
];

/// Whether a URL may be sent a secret: by its text alone, as somebody reads it who has no parser of the web's kind. What is not plainly good is not.
fn is_safe(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    // RFC 3986 section 3.2.2, without percent signs, which not everybody decodes there.
    let is_host = |host: &str| {
        let may_stand = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=[]:".contains(&byte);
        !host.is_empty() && host.bytes().all(may_stand)
    };
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => authority,
    };
    let is_loopback = host == "[::1]" || (host.starts_with("127.") && host.parse::<Ipv4Addr>().is_ok());
    url.bytes().all(|byte| matches!(byte, b'!'..=b'~') && byte != b'\\' && byte != b'#')
        && is_host(host)
        && (scheme.eq_ignore_ascii_case("https") || (scheme.eq_ignore_ascii_case("http") && is_loopback))
}
