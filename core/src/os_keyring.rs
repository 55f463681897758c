//! The store key in the keyring of a desktop: Keychain, Credential Manager, Secret Service.
//!
//! By `keyring-core` and its stores, not by `keyring` above them: that one connects once in a process and keeps the outcome, also a failure. Here each
//! question has a connection of its own, so a keyring that comes late, or comes again, is found.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyring_core::{Entry, Error as KeyringError};
use zeroize::{Zeroize as _, Zeroizing};

use crate::error::{Error, Reason, Result};
use crate::store_key::{StoreKey, StoreKeyAnswer, StoreKeySource, WantedKey};

/// The longest service or account, in bytes: what every system takes.
const LONGEST_NAME: usize = 255;

/// The store key in the keyring of the user's desktop: the Keychain (macOS), the Credential Manager (Windows), or the Secret Service of D-Bus (GNOME Keyring,
/// KWallet, KeePassXC, on Linux and the BSDs). For [`Config::with_store_key_source`](crate::Config::with_store_key_source). On these systems only, and
/// with the feature `keyring`.
///
/// ```
/// # use std::sync::Arc;
/// # use keyfob::{Config, OsKeyring};
/// let keyring = OsKeyring::new("com.example.notes", "store key")?;
/// let config = Config::builder("/home/ada/notes/keyfob").build()?.with_store_key_source(Arc::new(keyring));
/// # Ok::<(), keyfob::Error>(())
/// ```
///
/// The key is one entry, 43 characters of base64url: not every Secret Service keeps bytes that are no text. It is made when a new store needs one and the keyring
/// has none, and never changed or deleted from here. Each store should have an entry of its own; all processes that open the store name the same one.
///
/// | the keyring | answers |
/// |---|---|
/// | has a key in the entry | that key |
/// | has no such entry, and a new store asks | a new key, which it has kept and gave back when it was read again |
/// | has no such entry, and a store asks for its own key | [`NotNow`](StoreKeyAnswer::NotNow); [`Gone`](StoreKeyAnswer::Gone) after [`OsKeyring::missing_is_gone`] |
/// | has something else in the entry, or several entries of that name | `NotNow`; all is left as it is |
/// | is locked, does not run, does not answer well; the user dismissed its dialog | `NotNow` |
///
/// Why it was not a key is logged as a warning. No key is logged.
///
/// **Blocks** as long as the keyring takes, and that is as long as its dialog is open when it asks the user to unlock it. On D-Bus, whose
/// address is in the environment (`DBUS_SESSION_BUS_ADDRESS`), the client has threads of its own. So a process that was forked from one that has asked must not
/// ask before it has called `exec`.
///
/// For [`Keyfob::rekey`](crate::Keyfob::rekey) name another account: its source makes the new key and keeps it
/// ([`StoreKeySource::store_key`] with [`WantedKey::New`]), and the old one is still there until the call has returned.
#[derive(Clone, Debug)]
pub struct OsKeyring {
    service: String,
    account: String,
    missing_is_gone: bool,
}

impl OsKeyring {
    /// The entry of this name. Nothing is asked yet.
    ///
    /// - `service`: who keeps it there, as the user sees it; the app's id (`com.example.notes`) by custom.
    /// - `account`: which of the app's entries; `store key`, or the profile that the store is for.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument): one of them is empty, longer than 255 bytes, or has a control character.
    pub fn new(service: impl Into<String>, account: impl Into<String>) -> Result<Self> {
        let (service, account) = (service.into(), account.into());
        for (what, name) in [("service", &service), ("account", &account)] {
            if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
                let why = format!("the keyring's {what} has 1 to {LONGEST_NAME} bytes and no control character");
                return Err(Error::new(Reason::InvalidArgument).with_detail(why));
            }
        }
        Ok(Self { service, account, missing_is_gone: false })
    }

    /// What it means that the keyring, unlocked as far as it tells, has no entry for a store that was sealed. `false`, the default: wait for it.
    /// The user may have another keyring today, or put the entry back from a backup. `true`: the key is gone for good, and the sessions end as
    /// [`KeyLost`](crate::Reason::KeyLost). For an app that would rather have the user log in again than wait for what may never come.
    #[must_use]
    pub fn missing_is_gone(mut self, gone: bool) -> Self {
        self.missing_is_gone = gone;
        self
    }

    /// What is answered to what was found.
    fn answer(&self, found: Found, wanted: WantedKey) -> StoreKeyAnswer {
        let Self { service, account, .. } = self;
        match found {
            Found::Key(key) => return StoreKeyAnswer::Key(key),
            Found::Nothing if wanted == WantedKey::Existing && self.missing_is_gone => {
                log::warn!("the keyring has no entry {service:?}, {account:?}: the store key is gone");
                return StoreKeyAnswer::Gone;
            }
            Found::Nothing => {
                log::warn!("the keyring has no entry {service:?}, {account:?}; the store waits for its key");
            }
            Found::Foreign(what) => {
                log::warn!("the keyring's entry {service:?}, {account:?} is left alone: {what}");
            }
            Found::Failed(why) => log::warn!("the keyring gives no store key now: {why}"),
        }
        StoreKeyAnswer::NotNow
    }
}

impl StoreKeySource for OsKeyring {
    fn store_key(&self, wanted: WantedKey) -> StoreKeyAnswer {
        let found = match desktop::entry(&self.service, &self.account) {
            Ok(entry) => look(&entry, wanted, desktop::unlock),
            Err(error) => judge(Err(error)),
        };
        self.answer(found, wanted)
    }
}

/// What the keyring has.
#[derive(Debug)]
enum Found {
    Key(StoreKey),
    Nothing,
    /// Not a key of ours.
    Foreign(&'static str),
    /// Nobody knows.
    Failed(String),
}

/// Reads the entry; makes it where there is none and any key will do.
///
/// Two processes that both find nothing would both make a key. The store sees to it that they do not: it asks for a new key in one process at a time.
fn look(entry: &Entry, wanted: WantedKey, unlock: impl Fn() -> keyring_core::Result<()>) -> Found {
    match judge(entry.get_password()) {
        // A locked keyring may hide what it has. Only an unlocked one that shows nothing has nothing.
        Found::Nothing => match unlock().map(|()| judge(entry.get_password())) {
            Ok(Found::Nothing) if wanted == WantedKey::New => make(entry),
            Ok(found) => found,
            Err(error) => judge(Err(error)),
        },
        found => found,
    }
}

/// Makes a key and keeps it. What the keyring gives back counts: a key that it does not keep must not seal anything.
fn make(entry: &Entry) -> Found {
    let Ok(key) = StoreKey::generate() else {
        return Found::Failed("the system gave no random bytes".to_owned());
    };
    let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(key.as_bytes()));
    match entry.set_password(&text) {
        Ok(()) => judge(entry.get_password()),
        Err(error) => judge(Err(error)),
    }
}

/// What an answer of the keyring means, on any system.
fn judge(read: keyring_core::Result<String>) -> Found {
    const NO_KEY: Found = Found::Foreign("what it holds is no store key");
    match read {
        Ok(text) => {
            let text = Zeroizing::new(text);
            let bytes = URL_SAFE_NO_PAD.decode(text.as_bytes()).map(Zeroizing::new);
            bytes.ok().and_then(|bytes| StoreKey::from_slice(&bytes).ok()).map_or(NO_KEY, Found::Key)
        }
        Err(KeyringError::NoEntry) => Found::Nothing,
        Err(KeyringError::BadEncoding(mut bytes) | KeyringError::BadDataFormat(mut bytes, _)) => {
            bytes.zeroize();
            NO_KEY
        }
        Err(KeyringError::Ambiguous(_)) => Found::Foreign("there are several of that name"),
        Err(error) => Found::Failed(error.to_string()),
    }
}

#[cfg(target_os = "macos")]
mod desktop {
    use std::sync::Arc;

    use apple_native_keyring_store::keychain::Store;
    use keyring_core::{CredentialStore, Entry, Result};

    pub(super) fn entry(service: &str, account: &str) -> Result<Entry> {
        let store: Arc<CredentialStore> = Store::new()?;
        Entry::new_in_store(&store, service, account)
    }

    /// A locked Keychain still tells what it has.
    pub(super) fn unlock() -> Result<()> {
        Ok(())
    }
}

#[cfg(windows)]
mod desktop {
    use std::collections::HashMap;
    use std::sync::Arc;

    use keyring_core::{CredentialStore, Entry, Result};
    use windows_native_keyring_store::Store;

    pub(super) fn entry(service: &str, account: &str) -> Result<Entry> {
        let store: Arc<CredentialStore> = Store::new()?;
        // Not `Enterprise`, its default: the key of a store on this machine has no business on others.
        let here = HashMap::from([("persistence", "Local")]);
        Entry::new_in_store_with_modifiers(&store, service, account, &here)
    }

    /// Open for as long as the user is logged in.
    pub(super) fn unlock() -> Result<()> {
        Ok(())
    }
}

#[cfg(not(any(target_os = "macos", windows)))]
mod desktop {
    use std::collections::HashMap;
    use std::sync::Arc;

    use keyring_core::{CredentialStore, Entry, Result};
    use secret_service::EncryptionType;
    use secret_service::blocking::SecretService;
    use zbus_secret_service_keyring_store::Store;
    use zbus_secret_service_keyring_store::errors::decode_error;

    pub(super) fn entry(service: &str, account: &str) -> Result<Entry> {
        let store: Arc<CredentialStore> = Store::new()?;
        let label = format!("{service}: {account}");
        Entry::new_in_store_with_modifiers(&store, service, account, &HashMap::from([("label", label.as_str())]))
    }

    /// Opens the collection where new entries are made; the user may be asked. Some services show nothing of a locked one. No secret goes this way.
    pub(super) fn unlock() -> Result<()> {
        let service = SecretService::connect(EncryptionType::Plain).map_err(decode_error)?;
        let collection = service.get_default_collection().map_err(decode_error)?;
        if collection.is_locked().map_err(decode_error)? {
            collection.unlock().map_err(decode_error)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
