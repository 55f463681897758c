//! What each answer of a keyring means, on the systems that the tests do not run on too; and what is done about it, at a keyring in memory.

use std::any::Any;
use std::sync::Arc;

use keyring_core::api::CredentialApi;
use keyring_core::{Credential, CredentialStore, mock};

use super::*;

fn failed() -> Box<dyn std::error::Error + Send + Sync> {
    "the dialog was dismissed".into()
}

/// Every error that the crate has; those of the Keychain, the Credential Manager and the Secret Service come as these.
fn errors() -> Vec<(KeyringError, &'static str)> {
    vec![
        (KeyringError::NoEntry, "nothing"),
        (KeyringError::NoStorageAccess(failed()), "failed"),
        (KeyringError::PlatformFailure(failed()), "failed"),
        (KeyringError::NoDefaultStore, "failed"),
        (KeyringError::BadStoreFormat("no".to_owned()), "failed"),
        (KeyringError::TooLong("user".to_owned(), 3), "failed"),
        (KeyringError::Invalid("user".to_owned(), "empty".to_owned()), "failed"),
        (KeyringError::NotSupportedByStore("no".to_owned()), "failed"),
        (KeyringError::BadEncoding(vec![0xff; 32]), "foreign"),
        (KeyringError::BadDataFormat(vec![0xff; 32], failed()), "foreign"),
        (KeyringError::Ambiguous(Vec::new()), "foreign"),
    ]
}

fn name(found: &Found) -> &'static str {
    match found {
        Found::Key(_) => "key",
        Found::Nothing => "nothing",
        Found::Foreign(_) => "foreign",
        Found::Failed(_) => "failed",
    }
}

fn entry() -> Entry {
    let store: Arc<CredentialStore> = mock::Store::new().unwrap();
    Entry::new_in_store(&store, "com.example.notes", "store key").unwrap()
}

/// The next call on the entry fails so.
fn fail_next(entry: &Entry, error: KeyringError) {
    entry.as_any().downcast_ref::<mock::Cred>().unwrap().set_error(error);
}

fn unlocked() -> keyring_core::Result<()> {
    Ok(())
}

fn keyring() -> OsKeyring {
    OsKeyring::new("com.example.notes", "store key").unwrap()
}

#[test]
fn only_no_entry_means_that_there_is_none() {
    for (error, expected) in errors() {
        let words = format!("{error:?}");
        assert_eq!(name(&judge(Err(error))), expected, "{words}");
    }
}

#[test]
fn a_key_is_32_bytes_in_base64url_and_nothing_else_is_one() {
    let text = URL_SAFE_NO_PAD.encode([7; 32]);
    let Found::Key(key) = judge(Ok(text.clone())) else { panic!("no key") };
    assert_eq!(key.as_bytes(), &[7; 32]);
    let (short, long) = (URL_SAFE_NO_PAD.encode([7; 31]), URL_SAFE_NO_PAD.encode([7; 33]));
    for other in ["", "hunter2", &short, &long, &format!("{text}="), &format!("{text}\n"), &"7".repeat(32)] {
        assert_eq!(name(&judge(Ok(other.to_owned()))), "foreign", "{other:?}");
    }
}

#[test]
fn only_a_missing_entry_of_a_sealed_store_is_gone_and_only_if_the_app_says_so() {
    let found = || {
        let errors = errors().into_iter().map(|(error, _)| judge(Err(error)));
        errors.chain([judge(Ok("hunter2".to_owned()))])
    };
    for wanted in [WantedKey::Existing, WantedKey::New] {
        for found in found() {
            let words = format!("{found:?}, {wanted:?}");
            assert!(matches!(keyring().answer(found, wanted), StoreKeyAnswer::NotNow), "{words}");
        }
        for found in found() {
            let gone = matches!(found, Found::Nothing) && wanted == WantedKey::Existing;
            let words = format!("{found:?}, {wanted:?}");
            let answer = keyring().missing_is_gone(true).answer(found, wanted);
            assert_eq!(matches!(answer, StoreKeyAnswer::Gone), gone, "{words}: {answer:?}");
        }
    }
}

#[test]
fn a_new_key_is_kept_and_found_again_and_an_existing_one_is_never_made() {
    let entry = entry();
    assert_eq!(name(&look(&entry, WantedKey::Existing, unlocked)), "nothing");
    assert!(matches!(entry.get_password(), Err(KeyringError::NoEntry)), "it was made");
    let Found::Key(made) = look(&entry, WantedKey::New, unlocked) else { panic!("no key") };
    assert_eq!(entry.get_password().unwrap(), URL_SAFE_NO_PAD.encode(made.as_bytes()));
    for wanted in [WantedKey::Existing, WantedKey::New] {
        let Found::Key(found) = look(&entry, wanted, unlocked) else { panic!("no key") };
        assert_eq!(found.as_bytes(), made.as_bytes());
    }
}

#[test]
fn nothing_is_made_over_what_is_there_or_may_be_there() {
    for (error, expected) in errors().into_iter().filter(|(_, expected)| *expected != "nothing") {
        let entry = entry();
        let words = format!("{error:?}");
        fail_next(&entry, error);
        assert_eq!(name(&look(&entry, WantedKey::New, unlocked)), expected, "{words}");
        assert!(matches!(entry.get_password(), Err(KeyringError::NoEntry)), "{words}: it was made");
    }
    let entry = entry();
    entry.set_password("hunter2").unwrap();
    assert_eq!(name(&look(&entry, WantedKey::New, unlocked)), "foreign");
    assert_eq!(entry.get_password().unwrap(), "hunter2");
}

#[test]
fn a_keyring_that_hides_what_it_has_while_it_is_locked_is_unlocked_before_anything_is_made() {
    for wanted in [WantedKey::Existing, WantedKey::New] {
        let entry = entry();
        let text = URL_SAFE_NO_PAD.encode([7; 32]);
        let Found::Key(key) = look(&entry, wanted, || entry.set_password(&text)) else { panic!("no key") };
        assert_eq!(key.as_bytes(), &[7; 32]);
    }
    let entry = entry();
    let dismissed = || Err(KeyringError::NoStorageAccess(failed()));
    assert_eq!(name(&look(&entry, WantedKey::Existing, dismissed)), "failed", "that is not `Gone`");
    assert_eq!(name(&look(&entry, WantedKey::New, dismissed)), "failed");
    assert!(matches!(entry.get_password(), Err(KeyringError::NoEntry)), "it was made");
}

#[test]
fn a_key_that_the_keyring_does_not_take_is_none() {
    let entry = entry();
    fail_next(&entry, KeyringError::NoStorageAccess(failed()));
    assert_eq!(name(&make(&entry)), "failed");
    assert!(matches!(entry.get_password(), Err(KeyringError::NoEntry)));
}

/// A keyring that takes everything and keeps nothing.
#[derive(Debug)]
struct Forgetful;

impl CredentialApi for Forgetful {
    fn set_secret(&self, _: &[u8]) -> keyring_core::Result<()> {
        Ok(())
    }

    fn get_secret(&self) -> keyring_core::Result<Vec<u8>> {
        Err(KeyringError::NoEntry)
    }

    fn delete_credential(&self) -> keyring_core::Result<()> {
        Err(KeyringError::NoEntry)
    }

    fn get_credential(&self) -> keyring_core::Result<Option<Arc<Credential>>> {
        Err(KeyringError::NoEntry)
    }

    fn get_specifiers(&self) -> Option<(String, String)> {
        None
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[test]
fn a_key_that_the_keyring_does_not_give_back_is_none() {
    let entry = Entry::new_with_credential(Arc::new(Forgetful));
    assert_eq!(name(&look(&entry, WantedKey::New, unlocked)), "nothing");
}

#[test]
fn an_entry_has_a_name_that_every_system_takes() {
    let long = "n".repeat(LONGEST_NAME);
    OsKeyring::new(long.as_str(), long.as_str()).unwrap();
    for bad in ["", "two\nlines", "zero\0", &format!("{long}n")] {
        for (service, account) in [(bad, "store key"), ("com.example.notes", bad)] {
            let error = OsKeyring::new(service, account).unwrap_err();
            assert_eq!(error.reason(), Reason::InvalidArgument, "{service:?}, {account:?}");
        }
    }
}
