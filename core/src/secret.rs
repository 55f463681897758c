//! Text that must not be seen: wiped from memory when dropped, redacted when printed.

use std::fmt;

use zeroize::Zeroizing;

/// A token, secret, verifier or nonce. Its memory is overwritten on drop, `Debug` prints `[redacted]`,
/// and it has neither `Display` nor `Clone`: who needs a second one says so with [`Secret::duplicate`].
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Whoever calls this answers for where it goes.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn duplicate(&self) -> Self {
        Self::new(self.expose())
    }

    /// Compares in a time that does not depend on where the two differ (security S75).
    pub(crate) fn matches(&self, other: &str) -> bool {
        constant_time_eq(self.expose().as_bytes(), other.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// Compares two byte strings in a time that depends on their lengths only.
pub(crate) fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // `black_box` keeps the compiler from turning the fold into an early return.
    let difference = a.iter().zip(b).fold(0_u8, |sum, (x, y)| sum | std::hint::black_box(x ^ y));
    std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_redacted_and_compares_by_content() {
        let secret = Secret::new("CANARY");
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "[redacted] Some([redacted])");
        assert!(secret.matches("CANARY"));
        assert!(!secret.matches("CANARZ") && !secret.matches("CANAR") && !secret.matches(""));
    }
}
