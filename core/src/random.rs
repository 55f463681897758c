//! Random names and secrets, from the system's generator or not at all.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::error::{Error, Reason, Result};

/// 256 random bits in 43 base64url characters: fit for a state, a nonce and a code verifier (RFC 7636 section 4.1), and free of
/// characters that providers mangle.
pub(crate) fn secret_text() -> Result<String> {
    text::<32>()
}

/// A name that is never used again: 128 random bits in 22 characters.
pub(crate) fn id() -> Result<String> {
    text::<16>()
}

fn text<const BYTES: usize>() -> Result<String> {
    let mut bytes = [0_u8; BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::new(Reason::RngFailure))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
