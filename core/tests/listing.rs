//! Sessions looked for by their user, and listed a page at a time.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::time::Duration;

use keyfob::{
    Clock as _, Config, EndSession, ErrorKind, ImportedTokens, Keyfob, Reason, Registration, Session, SessionState,
    SystemClock,
};
use keyfob_idp::{Endpoint, Fault};
use serde_json::json;
use support::{Bench, REDIRECT_URI, SSO, Temp, config};

const ISSUER: &str = "https://login.example.com";

fn tokens(registration: &str, uid: &str) -> ImportedTokens {
    let end = SystemClock::new().wall() + Duration::from_secs(3600);
    ImportedTokens::new(registration, uid).access_token("at", Some(end)).refresh_token("rt")
}

fn import(keyfob: &Keyfob, uid: &str) -> String {
    keyfob.import_session(tokens(SSO, uid)).unwrap().id().to_owned()
}

fn ids(sessions: &[Session]) -> Vec<&str> {
    sessions.iter().map(Session::id).collect()
}

#[test]
fn a_session_is_found_by_its_user_until_the_app_ends_it() {
    let bench = Bench::new(|_| {});
    assert!(bench.keyfob.find_session(SSO, "u-1").unwrap().is_none());
    let id = bench.log_in().id().to_owned();
    let other = import(&bench.keyfob, "u-2");
    let found = |uid: &str| bench.another().find_session(SSO, uid).unwrap();
    assert_eq!(found("u-1").unwrap().id(), id);
    assert_eq!(found("u-2").unwrap().id(), other);
    assert!(found("u-3").is_none() && found("").is_none());
    // One that ended by itself is still the user's.
    bench.script(|script| {
        let dead = Fault::on(Endpoint::Token).status(400).body(json!({"error": "invalid_grant"}));
        script.faults = vec![dead];
    });
    bench.keyfob.refresh_session(&id).unwrap_err();
    assert_eq!(found("u-1").unwrap().state(), SessionState::Ended(Reason::Revoked));
    bench.script(|script| script.faults.clear());
    bench.keyfob.end_session(&id, EndSession::local_only()).unwrap();
    assert!(found("u-1").is_none());
    let next = bench.log_in();
    assert_eq!(found("u-1").unwrap().id(), next.id());
    assert_ne!(next.id(), id);
    let unknown = bench.keyfob.find_session("nobody's", "u-1").unwrap_err();
    assert_eq!(unknown.reason(), Reason::UnknownRegistration);
}

#[test]
fn who_is_found_is_the_user_of_the_issuer_that_the_registration_names() {
    let temp = Temp::new();
    let open = |issuer: &str| Keyfob::open(config(issuer, &temp.store())).unwrap();
    let first = import(&open(ISSUER), "ada");
    assert!(open("https://other.example.com").find_session(SSO, "ada").unwrap().is_none());
    let second = import(&open("https://other.example.com"), "ada");
    assert_ne!(first, second);
    assert_eq!(open(ISSUER).find_session(SSO, "ada").unwrap().unwrap().id(), first);
    assert_eq!(open("https://other.example.com").find_session(SSO, "ada").unwrap().unwrap().id(), second);
}

#[test]
fn a_provider_without_an_issuer_or_with_a_template_for_one_has_its_users_found() {
    let temp = Temp::new();
    let config = Config::builder(temp.store())
        .plaintext(true)
        .registration(Registration::new("code", "github", "c", REDIRECT_URI).client_secret("s"))
        .registration(Registration::new("work", "microsoft", "c", "http://127.0.0.1/callback/work"))
        .build()
        .unwrap();
    let keyfob = Keyfob::open(config).unwrap();
    for registration in ["code", "work"] {
        let imported = keyfob.import_session(tokens(registration, "7")).unwrap();
        assert_eq!(keyfob.find_session(registration, "7").unwrap().unwrap().id(), imported.id());
    }
}

#[test]
fn pages_are_all_sessions_in_their_order_and_each_once() {
    let temp = Temp::new();
    let keyfob = Keyfob::open(config(ISSUER, &temp.store())).unwrap();
    assert!(keyfob.sessions_page(None, 3).unwrap().is_empty());
    let all: Vec<String> = (0..8).map(|number| import(&keyfob, &number.to_string())).collect();
    let end = |id: &str| keyfob.end_session(id, EndSession::local_only()).unwrap();
    end(&all[1]);
    end(&all[2]);
    let page = |after: Option<&str>| keyfob.sessions_page(after, 3).unwrap();
    let first = page(None);
    assert_eq!(ids(&first), [&all[0], &all[3], &all[4]]);
    // What happens between two pages: the last one seen is logged out, one ahead too, one behind logs in again, and somebody new comes.
    end(&all[4]);
    end(&all[6]);
    assert_eq!(import(&keyfob, "0"), all[0]);
    let new = import(&keyfob, "new");
    let second = page(Some(&all[4]));
    assert_eq!(ids(&second), [&all[5], &all[7], &new]);
    assert!(page(Some(&new)).is_empty());
    assert_eq!(ids(&page(Some(&all[7]))), [&new]);
    // A tombstone of long ago still has its place.
    assert_eq!(ids(&page(Some(&all[1]))), [&all[3], &all[5], &all[7]]);
    assert_eq!(ids(&keyfob.sessions().unwrap()), ids(&keyfob.sessions_page(None, 1000).unwrap()));
}

#[test]
fn a_page_of_no_length_or_too_long_and_one_after_nobody_are_refused() {
    let temp = Temp::new();
    let keyfob = Keyfob::open(config(ISSUER, &temp.store())).unwrap();
    let id = import(&keyfob, "ada");
    for limit in [0, 1001, usize::MAX] {
        let error = keyfob.sessions_page(None, limit).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::InvalidArgument, Reason::InvalidArgument));
    }
    assert_eq!(keyfob.sessions_page(None, 1).unwrap().len(), 1);
    for after in ["", "no such session", &format!("{id}x")] {
        assert_eq!(keyfob.sessions_page(Some(after), 10).unwrap_err().reason(), Reason::UnknownSession);
    }
}

#[test]
fn what_is_due_is_found_however_far_behind_it_is() {
    let bench = Bench::new(|script| {
        let answer =
            json!({"access_token": "next", "refresh_token": "next", "token_type": "Bearer", "expires_in": 3600});
        script.faults = vec![Fault::on(Endpoint::Token).grant_type("refresh_token").body(answer)];
    });
    // More than are looked at at once, and the due ones at either end of the second look and of the last.
    let due = [256, 511, 600];
    for number in 0..=600 {
        let uid = number.to_string();
        let session =
            if due.contains(&number) { ImportedTokens::new(SSO, &uid).refresh_token("rt") } else { tokens(SSO, &uid) };
        bench.keyfob.import_session(session).unwrap();
    }
    let done = bench.keyfob.maintain(Duration::from_secs(60)).unwrap();
    assert_eq!((done.refreshed(), done.failed(), done.owed()), (3, 0, 0));
    for number in due {
        let session = bench.keyfob.find_session(SSO, &number.to_string()).unwrap().unwrap();
        assert_eq!(session.provider_access_token(), "next");
    }
}
