//! The store key: given by the host, or asked of its keystore.

use std::fmt;
use std::sync::Arc;

use keyfob::{Config, StoreKeySource};
use zeroize::Zeroizing;

use crate::Result;

/// 32 bytes that seal the secrets in a store. They stay on this side of the border and are wiped with it. Prints redacted.
#[derive(uniffi::Object)]
#[uniffi::export(Debug, Display)]
pub struct StoreKey {
    key: keyfob::StoreKey,
}

#[uniffi::export]
impl StoreKey {
    /// A key that the host has kept.
    #[uniffi::constructor]
    pub fn new(bytes: Vec<u8>) -> Result<Arc<Self>> {
        let bytes = Zeroizing::new(bytes);
        Ok(Arc::new(Self { key: keyfob::StoreKey::from_slice(&bytes)? }))
    }

    /// A new key, from the system's random generator.
    #[uniffi::constructor]
    pub fn generate() -> Result<Arc<Self>> {
        Ok(Arc::new(Self { key: keyfob::StoreKey::generate()? }))
    }

    /// The bytes, for the keystore.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        Ok(self.key.as_bytes().to_vec())
    }
}

impl StoreKey {
    pub(crate) fn core(&self) -> &keyfob::StoreKey {
        &self.key
    }

    /// The core takes a key for itself.
    fn copied(&self) -> keyfob::StoreKey {
        keyfob::StoreKey::new(*self.key.as_bytes())
    }
}

impl fmt::Display for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey([redacted])")
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Which key is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum WantedKey {
    /// The one that this store was sealed with.
    Existing,
    /// Any: nothing in the store needs an older one.
    New,
}

impl From<keyfob::WantedKey> for WantedKey {
    fn from(wanted: keyfob::WantedKey) -> Self {
        match wanted {
            keyfob::WantedKey::New => Self::New,
            // The enum of the core may grow, and then so must this one. Who is asked for this one makes no new key.
            _ => Self::Existing,
        }
    }
}

/// What the keystore says.
#[derive(Clone, Debug, uniffi::Enum)]
pub enum StoreKeyAnswer {
    /// Here it is.
    Key {
        /// The key.
        key: Arc<StoreKey>,
    },
    /// Not now.
    NotNow,
    /// Gone for good.
    Gone,
}

impl From<StoreKeyAnswer> for keyfob::StoreKeyAnswer {
    fn from(answer: StoreKeyAnswer) -> Self {
        match answer {
            StoreKeyAnswer::Key { key } => Self::Key(key.copied()),
            StoreKeyAnswer::NotNow => Self::NotNow,
            StoreKeyAnswer::Gone => Self::Gone,
        }
    }
}

/// The host's store key source threw. What it threw is dropped.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum StoreKeyError {
    /// The host's store key source threw.
    #[error("the host's store key source failed")]
    Failed,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for StoreKeyError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed
    }
}

/// Asks the host's keystore. Called on the thread of the call that needs the key, on several at once.
#[uniffi::export(foreign)]
pub trait HostStoreKeySource: Send + Sync {
    /// Gives the key, or says why not.
    fn store_key(&self, wanted: WantedKey) -> Result<StoreKeyAnswer, StoreKeyError>;
}

/// Makes a source of the core out of the host's. What the host's threw may be anything, so nothing is lost by it: it is asked again.
pub(crate) struct Adapter(Arc<dyn HostStoreKeySource>);

impl StoreKeySource for Adapter {
    fn store_key(&self, wanted: keyfob::WantedKey) -> keyfob::StoreKeyAnswer {
        self.0.store_key(wanted.into()).map_or_else(
            |error| {
                log::warn!("{error}: the store key is taken to be not available now");
                keyfob::StoreKeyAnswer::NotNow
            },
            keyfob::StoreKeyAnswer::from,
        )
    }
}

/// Where a store has its key from.
#[derive(uniffi::Enum)]
pub enum StoreKeyOrigin {
    /// The host has it.
    Key {
        /// The key.
        key: Arc<StoreKey>,
    },
    /// The host's keystore has it.
    Source {
        /// Who asks it.
        source: Arc<dyn HostStoreKeySource>,
    },
}

impl StoreKeyOrigin {
    pub(crate) fn configure(self, config: Config) -> Config {
        match self {
            Self::Key { key } => config.with_store_key(key.copied()),
            Self::Source { source } => config.with_store_key_source(Arc::new(Adapter(source))),
        }
    }
}

impl fmt::Debug for StoreKeyOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKeyOrigin")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Answers what it is told to, and remembers what it was asked for.
    struct Host(Mutex<Vec<WantedKey>>, fn() -> Result<StoreKeyAnswer, StoreKeyError>);

    impl HostStoreKeySource for Host {
        fn store_key(&self, wanted: WantedKey) -> Result<StoreKeyAnswer, StoreKeyError> {
            self.0.lock().unwrap().push(wanted);
            (self.1)()
        }
    }

    fn asked(answer: fn() -> Result<StoreKeyAnswer, StoreKeyError>) -> (keyfob::StoreKeyAnswer, Vec<WantedKey>) {
        let host = Arc::new(Host(Mutex::default(), answer));
        let adapter = Adapter(Arc::<Host>::clone(&host));
        adapter.store_key(keyfob::WantedKey::Existing);
        let answer = adapter.store_key(keyfob::WantedKey::New);
        let wanted = host.0.lock().unwrap().clone();
        (answer, wanted)
    }

    #[test]
    fn each_answer_is_passed_on_and_a_failure_is_not_now() {
        let key = || Ok(StoreKeyAnswer::Key { key: StoreKey::new(vec![7; 32]).unwrap() });
        let (answer, wanted) = asked(key);
        assert!(matches!(answer, keyfob::StoreKeyAnswer::Key(key) if *key.as_bytes() == [7; 32]));
        assert_eq!(wanted, [WantedKey::Existing, WantedKey::New]);
        assert!(matches!(asked(|| Ok(StoreKeyAnswer::NotNow)).0, keyfob::StoreKeyAnswer::NotNow));
        assert!(matches!(asked(|| Ok(StoreKeyAnswer::Gone)).0, keyfob::StoreKeyAnswer::Gone));
        assert!(matches!(asked(|| Err(StoreKeyError::Failed)).0, keyfob::StoreKeyAnswer::NotNow));
    }

    #[test]
    fn a_key_has_32_bytes_and_prints_redacted() {
        let key = StoreKey::new(vec![7; 32]).unwrap();
        assert_eq!(key.bytes().unwrap(), [7; 32]);
        let answer = StoreKeyAnswer::Key { key: Arc::clone(&key) };
        assert_eq!(format!("{key:?} {key} {answer:?}").matches("[redacted]").count(), 3);
        assert!(!format!("{key:?} {key} {answer:?}").contains("7, 7"));
        for length in [0, 31, 33] {
            assert_eq!(StoreKey::new(vec![7; length]).unwrap_err().info().reason, "InvalidArgument");
        }
        assert_eq!(StoreKey::new(vec![0; 32]).unwrap_err().info().reason, "InvalidArgument");
        assert_ne!(StoreKey::generate().unwrap().bytes().unwrap(), StoreKey::generate().unwrap().bytes().unwrap());
    }
}
