//! Random names and secrets, from the system's generator or not at all.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::error::Unspecified;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::error::{Error, Reason, Result};

/// 256 random bits in 43 base64url characters: fit for a state, a nonce and a code verifier (RFC 7636 section 4.1), and free of
/// characters that providers mangle.
pub(crate) fn secret_text() -> Result<String> {
    text::<32>(system)
}

/// A name that is never used again: 128 random bits in 22 characters.
pub(crate) fn id() -> Result<String> {
    text::<16>(system)
}

fn text<const BYTES: usize>(fill: fn(&mut [u8]) -> std::result::Result<(), Unspecified>) -> Result<String> {
    let mut bytes = [0_u8; BYTES];
    fill(&mut bytes).map_err(|_| Error::new(Reason::RngFailure))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn system(bytes: &mut [u8]) -> std::result::Result<(), Unspecified> {
    SystemRandom::new().fill(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    /// As many as a busy back end makes in a day.
    const MANY: usize = 1_000_000;

    #[test]
    fn s03_a_million_verifiers_are_of_the_right_form_and_none_comes_twice() {
        let mut all: Vec<[u8; 43]> =
            (0..MANY).map(|_| secret_text().unwrap().into_bytes().try_into().expect("43 characters")).collect();
        let unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
        assert!(all.iter().all(|verifier| verifier.iter().all(unreserved)));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), MANY);
    }

    #[test]
    fn s03_without_random_bytes_there_is_an_error_and_no_weak_secret() {
        let error = text::<32>(|_| Err(Unspecified)).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Random, Reason::RngFailure));
        // Nor where some had come before it failed.
        let some = |bytes: &mut [u8]| {
            bytes.fill(7);
            Err(Unspecified)
        };
        assert_eq!(text::<32>(some).unwrap_err().reason(), Reason::RngFailure);
    }
}
