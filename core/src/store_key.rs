//! The store key: what seals the secrets in the store, and how the host gives it.

use std::fmt;

use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use crate::error::{Error, Reason, Result};

/// How long a store key is, in bytes.
pub(crate) const LENGTH: usize = 32;

/// 32 random bytes that seal the secrets in the store. They belong into the system's keystore (Keychain, Android Keystore, DPAPI, Secret Service)
/// and nowhere else: whoever has them and the store has the tokens. Wiped from memory when dropped; `Debug` shows nothing.
pub struct StoreKey(Zeroizing<[u8; LENGTH]>);

impl StoreKey {
    /// A key that the host has kept.
    #[must_use]
    pub fn new(bytes: [u8; LENGTH]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The same from a slice.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument): not exactly 32 bytes, or nothing but zeros: a buffer that nobody filled.
    pub fn from_slice(bytes: &[u8]) -> Result<Self> {
        let wrong = |detail: &'static str| Error::new(Reason::InvalidArgument).with_detail(detail);
        let key: Zeroizing<[u8; LENGTH]> =
            Zeroizing::new(bytes.try_into().map_err(|_| wrong("a store key has 32 bytes"))?);
        if *key == [0; LENGTH] {
            return Err(wrong("a store key is not all zeros"));
        }
        Ok(Self(key))
    }

    /// A new key, from the system's random generator: for the host to keep.
    ///
    /// # Errors
    /// [`Random`](crate::ErrorKind::Random): the system gave no random bytes.
    pub fn generate() -> Result<Self> {
        let mut bytes = Zeroizing::new([0_u8; LENGTH]);
        SystemRandom::new().fill(&mut *bytes).map_err(|_| Error::new(Reason::RngFailure))?;
        Ok(Self(bytes))
    }

    /// The bytes, for the keystore. Whoever calls this answers for where they go.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// A second one, for the places that each keep theirs.
    pub(crate) fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey([redacted])")
    }
}

/// Which key is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WantedKey {
    /// The one that this store was sealed with. It must not be made anew, whatever the keystore says of it.
    Existing,
    /// Any: nothing in the store needs an older one. Give the one that the keystore has, or make one and keep it there.
    New,
}

/// What the keystore says.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreKeyAnswer {
    /// Here it is.
    Key(StoreKey),
    /// Not now: the device is locked, the keystore does not answer, the user did not unlock it. Also for "not found" where that can mean "locked".
    /// Nothing is lost; the call fails as [`StoreUnavailable`](crate::ErrorKind::StoreUnavailable), and the next one asks again.
    NotNow,
    /// The key is gone for good, and the keystore is sure of it (it was invalidated, or deleted by the user). The sessions that it sealed end as
    /// [`KeyLost`](crate::Reason::KeyLost); what they were stays in the store, sealed. Then a [`WantedKey::New`] one is asked for.
    Gone,
}

/// Where the store key comes from, when it does not lie in the app's memory anyway: the system's keystore.
///
/// Asked when the store is opened; again by each call that needs a secret as long as it answered [`StoreKeyAnswer::NotNow`]; and when another process has
/// changed the key. It runs on the thread of that call, which waits for it. For [`WantedKey::Existing`] several threads and processes may ask at the same time,
/// and no lock of this library is held. For [`WantedKey::New`] one at a time asks for a store, so that a keystore that has none makes only one;
/// the others wait 5 seconds for it, and then fail as [`StoreUnavailable`](crate::ErrorKind::StoreUnavailable). A
/// call from inside it into the same store that needs the key is [`InvalidState`](crate::ErrorKind::InvalidState).
pub trait StoreKeySource: Send + Sync {
    /// Gives the key, or says why not.
    fn store_key(&self, wanted: WantedKey) -> StoreKeyAnswer;
}

/// A key that does not change.
pub(crate) struct FixedKey(pub(crate) StoreKey);

impl StoreKeySource for FixedKey {
    fn store_key(&self, _wanted: WantedKey) -> StoreKeyAnswer {
        StoreKeyAnswer::Key(self.0.duplicate())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_key_has_32_bytes_prints_redacted_and_is_new_each_time() {
        let key = StoreKey::from_slice(&[7; 32]).unwrap();
        assert_eq!((key.as_bytes(), format!("{key:?}")), (&[7; 32], "StoreKey([redacted])".to_owned()));
        for length in [0, 31, 33] {
            assert_eq!(StoreKey::from_slice(&vec![7; length]).unwrap_err().reason(), Reason::InvalidArgument);
        }
        assert_ne!(StoreKey::generate().unwrap().as_bytes(), StoreKey::generate().unwrap().as_bytes());
    }
}
