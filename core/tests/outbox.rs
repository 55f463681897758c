//! What a logout owes to the provider: told at once where it can be, kept where it cannot, and never at the cost of a session that the user has by then.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use keyfob::{Config, EndSession, Keyfob, LoginOptions, MinValidity, Provider, Reason, Registration, Revocation};
use keyfob_idp::{Endpoint, Fault};
use serde_json::json;
use support::eventful::{Eventful, Switch, with};
use support::{Bench, elsewhere, log_in};

const SOON: Duration = Duration::from_secs(10);
const WEEK: Duration = Duration::from_secs(7 * 86_400);

#[test]
fn an_offline_logout_is_told_to_the_provider_later_by_whichever_process_comes() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    let token = session.provider_refresh_token().unwrap().to_owned();
    let switch = Arc::new(Switch::default());
    let phone = with(&bench, switch.clone());
    switch.offline(true);
    let ended = phone.end_session(session.id(), EndSession::default()).unwrap();
    assert!(matches!(ended.revocation(), Revocation::Owed(error) if error.reason() == Reason::NotSent));
    assert_eq!(phone.session(session.id()).unwrap().provider_refresh_token(), None);
    assert_eq!(phone.health().unwrap().owed_revocations(), 1);
    // Not at every turn.
    assert_eq!(phone.maintain(SOON).unwrap().owed(), 1);
    bench.clock.pass(Duration::from_secs(60));
    let done = bench.another().maintain(SOON).unwrap();
    assert_eq!((done.revoked(), done.owed()), (1, 0));
    assert_eq!(bench.requests("/revoke")[0].parameter("token"), Some(token.as_str()));
    assert_eq!(phone.maintain(SOON).unwrap().revoked(), 0);
    assert_eq!(bench.count("/revoke"), 1);
    assert_eq!(phone.journal(1).unwrap()[0].event(), "TokensRevoked");
    // And then no token is left.
    let left: Vec<u8> = std::fs::read_dir(bench.temp.store())
        .unwrap()
        .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect();
    assert!(!left.windows(token.len()).any(|window| window == token.as_bytes()));
}

#[test]
fn a_provider_that_does_not_answer_for_a_week_is_not_told_any_more() {
    let bench = Bench::new(|script| script.faults = vec![Fault::on(Endpoint::Revoke).status(503)]);
    let session = bench.log_in();
    let ended = bench.keyfob.end_session(session.id(), EndSession::default()).unwrap();
    assert!(matches!(ended.revocation(), Revocation::Owed(_)));
    for _ in 0..3 {
        bench.clock.pass(Duration::from_secs(86_400));
        assert_eq!(bench.keyfob.maintain(SOON).unwrap().owed(), 1);
    }
    assert_eq!(bench.count("/revoke"), 4);
    bench.clock.pass(WEEK);
    assert_eq!(bench.keyfob.maintain(SOON).unwrap().owed(), 0);
    assert_eq!(bench.count("/revoke"), 4);
    assert_eq!(bench.keyfob.health().unwrap().owed_revocations(), 0);
}

#[test]
fn a_firewall_s_page_is_no_answer_of_the_provider_s() {
    let bench = Bench::new(|script| {
        script.faults = vec![Fault::on(Endpoint::Revoke).process(false).status(403).body("<h1>blocked</h1>")];
    });
    let session = bench.log_in();
    let ended = bench.keyfob.end_session(session.id(), EndSession::default()).unwrap();
    assert!(matches!(ended.revocation(), Revocation::Owed(_)), "{:?}", ended.revocation());
    bench.script(|script| script.faults.clear());
    bench.clock.pass(Duration::from_secs(60));
    assert_eq!(bench.keyfob.maintain(SOON).unwrap().revoked(), 1);
}

/// A provider of which is known what a revocation hits.
fn acme(bench: &Bench, whole_grant: bool) -> Config {
    let at = |path: &str| format!("{}{path}", bench.idp.issuer());
    let provider = json!({
        "id": "acme", "kind": "oauth2", "profile": { "uid": "/sub" }, "revocation": { "whole_grant": whole_grant },
        "endpoints": { "authorization": at("/authorize"), "token": at("/token"), "userinfo": at("/userinfo"),
                       "revocation": at("/revoke") }
    });
    let registration = Registration::new("acme", "acme", "demo", support::REDIRECT_URI).scope("profile");
    let config = Config::builder(bench.temp.store())
        .coherence(Duration::ZERO)
        .provider(Provider::from_json(&provider.to_string()).unwrap())
        .registration(registration);
    elsewhere(support::sealed(config)).with_clock(bench.clock.clone())
}

fn log_in_at(keyfob: &Keyfob) -> keyfob::Session {
    let login = keyfob.begin_login("acme", LoginOptions::new()).unwrap();
    keyfob.complete_login(&log_in(login.authorization_url())).unwrap().into_session()
}

#[test]
fn a_late_revocation_does_not_end_the_session_of_a_user_who_has_logged_in_again() {
    for (whole_grant, told) in [(true, 0), (false, 1)] {
        let bench = Bench::new(|_| {});
        let switch = Arc::new(Switch::default());
        let keyfob = Keyfob::open(acme(&bench, whole_grant).with_transport(switch.clone())).unwrap();
        let first = log_in_at(&keyfob);
        switch.offline(true);
        keyfob.end_session(first.id(), EndSession::default()).unwrap();
        switch.offline(false);
        let second = log_in_at(&keyfob);
        assert_ne!(first.id(), second.id(), "a session's id is never used again");
        bench.clock.pass(Duration::from_secs(3600));
        let done = keyfob.maintain(SOON).unwrap();
        assert_eq!(
            (done.revoked(), done.owed(), bench.count("/revoke")),
            (told, 0, told),
            "whole grant: {whole_grant}"
        );
        keyfob.refresh_session(second.id()).unwrap();
    }
}

#[test]
fn no_revocation_is_sent_between_a_login_s_code_and_its_session() {
    let bench = Bench::new(|_| {});
    let switch = Arc::new(Switch::default());
    let keyfob = Keyfob::open(acme(&bench, true).with_transport(switch.clone())).unwrap();
    let first = log_in_at(&keyfob);
    switch.offline(true);
    keyfob.end_session(first.id(), EndSession::default()).unwrap();
    bench.clock.pass(Duration::from_secs(3600));
    let login = keyfob.begin_login("acme", LoginOptions::new()).unwrap();
    let redirect = log_in(login.authorization_url());
    // The tokens are there, the profile is being fetched; another process comes to do what is owed.
    let other = Keyfob::open(acme(&bench, true)).unwrap();
    let transport = Eventful::before("/userinfo", move || {
        let done = other.maintain(SOON).unwrap();
        assert_eq!((done.revoked(), done.owed()), (0, 1));
    });
    let completing = Keyfob::open(acme(&bench, true).with_transport(transport)).unwrap();
    let second = completing.complete_login(&redirect).unwrap().into_session();
    bench.clock.pass(Duration::from_secs(3600));
    assert_eq!(completing.maintain(SOON).unwrap().owed(), 0);
    assert_eq!(bench.count("/revoke"), 0);
    completing.refresh_session(second.id()).unwrap();
}

#[test]
fn tokens_that_come_after_the_logout_are_revoked_and_bring_nothing_back() {
    let bench = Bench::new(|script| script.tokens.access_token_seconds = 3600.0);
    let session = bench.log_in();
    bench.clock.pass(Duration::from_secs(7200));
    let (other, id) = (bench.another(), session.id().to_owned());
    let transport = Eventful::before("/token", move || {
        other.end_session(&id, EndSession::local_only()).unwrap();
    });
    let keyfob = with(&bench, transport);
    let error = keyfob.access_token(session.id(), MinValidity::secs(60)).unwrap_err();
    assert_eq!(error.reason(), Reason::LoggedOut);
    assert!(bench.keyfob.sessions().unwrap().is_empty());
    let late = bench.requests("/token")[1].answer_json();
    assert_eq!(bench.requests("/revoke").len(), 1);
    assert_eq!(bench.requests("/revoke")[0].parameter("token"), late["refresh_token"].as_str());
    assert_eq!(keyfob.health().unwrap().owed_revocations(), 0);
}

#[test]
fn what_a_registration_owes_is_not_told_to_another_provider() {
    let bench = Bench::new(|_| {});
    let elsewhere_idp = Bench::new(|_| {});
    let switch = Arc::new(Switch::default());
    let phone = with(&bench, switch.clone());
    let session = bench.log_in();
    switch.offline(true);
    phone.end_session(session.id(), EndSession::default()).unwrap();
    bench.clock.pass(Duration::from_secs(3600));
    let moved = support::config(elsewhere_idp.idp.issuer(), &bench.temp.store());
    let moved = Keyfob::open(elsewhere(moved).with_clock(bench.clock)).unwrap();
    assert_eq!(moved.maintain(SOON).unwrap().revoked(), 0);
    assert_eq!(elsewhere_idp.count("/revoke"), 0);
}
