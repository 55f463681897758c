//! For this project's fuzz targets only (the feature `fuzzing`): everything that reads bytes from outside, one function for each.
//!
//! Each takes any bytes, does with them what the library does, and panics where something comes out that must not: each function's words say what holds. The
//! targets in `fuzz/` call one each, and `core/tests/corpora.rs` calls them with every file of the committed corpora.

mod answers;
mod files;
mod login;
mod strict;
mod tokens;

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

/// Whether a URL may be sent a secret: judged by its text, as somebody would who has no parser of URLs. What is not plainly good is not.
fn is_safe(url: &str) -> bool {
    let plain = |text: &str| text.bytes().all(|byte| matches!(byte, b'!'..=b'~') && byte != b'\\' && byte != b'#');
    let lower = url.to_ascii_lowercase();
    if !plain(url) {
        return false;
    }
    // The web's parser takes any number of slashes for two.
    let after = |scheme: &str| lower.strip_prefix(scheme).map(|rest| rest.trim_start_matches('/').to_owned());
    let authority = |rest: &str| rest.split(['/', '?']).next().unwrap_or_default().to_owned();
    match (after("https:"), after("http:")) {
        (Some(rest), _) => !authority(&rest).contains('@'),
        (None, Some(rest)) => !authority(&rest).contains('@'),
        (None, None) => false,
    }
}
