//! `doctor` as a support engineer runs it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "tests")]

mod common;

use std::fs;
use std::path::PathBuf;

use common::{Place, assert_nothing_looks_secret, row, run, unwrapped};
use keyfob::{Config, ImportedTokens, Keyfob, MinValidity, Provider, Registration, StoreKey};

const KEY: [u8; 32] = [7; 32];

/// A store with one session that ended because nothing was there to renew it with, and one that lives.
fn store(place: &Place, keep: impl FnOnce(Config) -> Config) {
    let at = |path: &str| format!("https://acme.example{path}");
    let config = Config::builder(&place.0)
        .provider(Provider::oauth2("acme", at("/authorize"), at("/token"), at("/me"), "/id"))
        .registration(Registration::new("acme", "acme", "app", "com.example.app:/cb"));
    let keyfob = Keyfob::open(keep(config.build().unwrap())).unwrap();
    let over = Some(std::time::SystemTime::UNIX_EPOCH);
    let ended = keyfob.import_session(ImportedTokens::new("acme", "u-1").access_token("at-1", over)).unwrap();
    keyfob.access_token(ended.id(), MinValidity::secs(0)).unwrap_err();
    keyfob.import_session(ImportedTokens::new("acme", "u-2").access_token("at-2", None)).unwrap();
}

#[test]
fn the_doctor_says_why_a_session_ended_and_shows_no_secret() {
    let place = Place::new("doctor");
    store(&place, |config| config.with_store_key(StoreKey::new(KEY)));
    let key_file = key_file(&place, &KEY);
    let key_file = key_file.to_str().unwrap();
    let (status, output, errors) = run(&["doctor", place.text(), "--key-file", key_file]);
    assert!(status.success() && errors.is_empty(), "{errors}");
    assert_nothing_looks_secret(&output);
    assert!(!output.contains("at-1") && !output.contains("u-1"), "{output}");
    assert_eq!(row(&output, "sessions"), "1 active, 1 waiting for a login");
    let text = unwrapped(&output);
    assert!(text.contains("ended: Expired. The provider gave nothing to renew the token with"), "{output}");
    assert!(text.contains("SessionEnded acme session"), "{output}");
    assert_eq!((row(&output, "secrets"), row(&output, "damaged")), ("sealed, and the key fits", "never"));
    assert!(output.lines().all(|line| line.chars().count() <= 80), "{output}");

    let (_, output, _) = run(&["doctor", place.text(), "--json", "--lines", "2", "--key-file", key_file]);
    let shown: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!(shown["journal"].as_array().unwrap().len(), 2);
    assert_eq!((&shown["active_sessions"], &shown["ended_sessions"]), (&1.into(), &1.into()));
    assert_eq!(shown["sessions"][0]["cause"], "Expired");
    assert_eq!((&shown["sealing"], &shown["moved_aside"]), (&"sealed".into(), &0.into()));
}

#[test]
fn a_sealed_store_stays_locked_without_its_key_and_is_not_changed() {
    let place = Place::new("locked");
    store(&place, |config| config.with_store_key(StoreKey::new(KEY)));
    let (status, output, errors) = run(&["doctor", place.text()]);
    assert!(status.success() && errors.is_empty(), "{errors}");
    assert_eq!(row(&output, "secrets"), "sealed, and locked: the key is not here");
    assert_eq!(row(&output, "sessions"), "1 active, 1 waiting for a login");
    assert!(unwrapped(&output).contains("cannot be told") && output.contains("SessionEnded acme session"), "{output}");
    assert!(output.lines().all(|line| line.chars().count() <= 80), "{output}");
    let (_, output, _) = run(&["doctor", place.text(), "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!(
        (&shown["sealing"], &shown["sessions"], &shown["interrupted"]),
        (&"locked".into(), &().into(), &().into())
    );

    let other = key_file(&place, &[8; 32]);
    let (status, _, errors) = run(&["doctor", place.text(), "--key-file", other.to_str().unwrap()]);
    assert_eq!(status.code(), Some(1));
    assert!(errors.starts_with("error: StoreKey: WrongStoreKey: "), "{errors}");
    let short = key_file(&place, &[8; 31]);
    let (_, _, errors) = run(&["doctor", place.text(), "--key-file", short.to_str().unwrap()]);
    assert!(errors.contains("a store key has 32 bytes"), "{errors}");
    let good = key_file(&place, &KEY);
    assert!(run(&["doctor", place.text(), "--key-file", good.to_str().unwrap()]).0.success());
    #[cfg(unix)]
    {
        fs::set_permissions(&good, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        let (_, _, errors) = run(&["doctor", place.text(), "--key-file", good.to_str().unwrap()]);
        assert!(errors.contains("others may use the file"), "{errors}");
    }
}

#[test]
fn a_store_that_is_not_sealed_is_told_loudly() {
    let place = Place::new("plain");
    let at = |path: &str| format!("https://acme.example{path}");
    let config = Config::builder(&place.0).plaintext(true).provider(Provider::oauth2(
        "acme",
        at("/a"),
        at("/t"),
        at("/me"),
        "/id",
    ));
    drop(Keyfob::open(config.build().unwrap()).unwrap());
    let (status, output, _) = run(&["doctor", place.text()]);
    assert!(status.success() && row(&output, "secrets").starts_with("NOT SEALED"), "{output}");
}

/// A file with a key, beside the store.
fn key_file(place: &Place, key: &[u8]) -> PathBuf {
    let file = place.key_file();
    fs::write(&file, key).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    file
}

#[test]
fn a_folder_without_a_store_stays_without_one() {
    let place = Place::new("no-store");
    let (status, _, errors) = run(&["doctor", place.text()]);
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains("there is no store"), "{errors}");
    assert!(!place.0.exists());
    assert_eq!(run(&["doctor"]).0.code(), Some(2));
    assert!(run(&["doctor", "--help"]).1.contains("doctor DIR"));
}
