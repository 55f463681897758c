//! `doctor` as a support engineer runs it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "tests")]

mod common;

use common::{Place, assert_nothing_looks_secret, row, run, unwrapped};
use keyfob::{Config, ImportedTokens, Keyfob, MinValidity, Provider, Registration};

/// A store with one session that ended because nothing was there to renew it with, and one that lives.
fn store(place: &Place) {
    let at = |path: &str| format!("https://acme.example{path}");
    let config = Config::builder(&place.0)
        .plaintext(true)
        .provider(Provider::oauth2("acme", at("/authorize"), at("/token"), at("/me"), "/id"))
        .registration(Registration::new("acme", "acme", "app", "com.example.app:/cb"));
    let keyfob = Keyfob::open(config.build().unwrap()).unwrap();
    let over = Some(std::time::SystemTime::UNIX_EPOCH);
    let ended = keyfob.import_session(ImportedTokens::new("acme", "u-1").access_token("at-1", over)).unwrap();
    keyfob.access_token(ended.id(), MinValidity::secs(0)).unwrap_err();
    keyfob.import_session(ImportedTokens::new("acme", "u-2").access_token("at-2", None)).unwrap();
}

#[test]
fn the_doctor_says_why_a_session_ended_and_shows_no_secret() {
    let place = Place::new("doctor");
    store(&place);
    let (status, output, errors) = run(&["doctor", place.text()]);
    assert!(status.success() && errors.is_empty(), "{errors}");
    assert_nothing_looks_secret(&output);
    assert!(!output.contains("at-1") && !output.contains("u-1"), "{output}");
    assert_eq!(row(&output, "sessions"), "1 active, 1 waiting for a login");
    let text = unwrapped(&output);
    assert!(text.contains("ended: Expired. The provider gave nothing to renew the token with"), "{output}");
    assert!(text.contains("SessionEnded acme session"), "{output}");
    assert!(output.lines().all(|line| line.chars().count() <= 80), "{output}");

    let (_, output, _) = run(&["doctor", place.text(), "--json", "--lines", "2"]);
    let shown: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!(shown["journal"].as_array().unwrap().len(), 2);
    assert_eq!((&shown["active_sessions"], &shown["ended_sessions"]), (&1.into(), &1.into()));
    assert_eq!(shown["sessions"][0]["cause"], "Expired");
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
