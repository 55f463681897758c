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
    fn s74_a_secret_prints_redacted() {
        let secret = Secret::new("CANARY");
        assert_eq!(format!("{secret:?} {:#?} {:?}", secret, Some(&secret)), "[redacted] [redacted] Some([redacted])");
    }

    /// What a type can do that has a trait, and a type that has it not: the first `CAN` that fits is the type's own.
    struct Of<T>(std::marker::PhantomData<T>);

    trait Cannot {
        const BE_COMPARED: bool = false;
        const BE_COPIED: bool = false;
        const BE_PRINTED: bool = false;
    }

    impl<T> Cannot for Of<T> {}

    impl<T: PartialEq> Of<T> {
        const BE_COMPARED: bool = true;
    }

    impl<T: Clone> Of<T> {
        const BE_COPIED: bool = true;
    }

    impl<T: fmt::Display> Of<T> {
        const BE_PRINTED: bool = true;
    }

    #[test]
    fn s74_a_secret_has_neither_clone_nor_display() {
        assert_eq!((Of::<String>::BE_COPIED, Of::<String>::BE_PRINTED), (true, true), "the question can be answered");
        assert_eq!((Of::<Secret>::BE_COPIED, Of::<Secret>::BE_PRINTED), (false, false));
    }

    /// The time itself is not measured: a busy machine would fail it, and a quiet one prove little.
    #[test]
    fn s75_a_secret_is_compared_in_one_way_only_and_to_its_last_byte() {
        assert_eq!((Of::<String>::BE_COMPARED, Of::<Secret>::BE_COMPARED), (true, false), "there is no `==`");
        let text = "CANARY-0123456789-0123456789-0123456789-abc";
        let secret = Secret::new(text);
        assert!(secret.matches(text));
        for at in 0..text.len() {
            let mut other = text.as_bytes().to_vec();
            other[at] ^= 1;
            assert!(!secret.matches(std::str::from_utf8(&other).unwrap()), "byte {at}");
            assert!(!secret.matches(text.get(..at).unwrap()), "{at} bytes");
        }
        assert!(!secret.matches(&format!("{text}x")) && !secret.matches(""));
        assert!(constant_time_eq(b"", b""));
    }
}
