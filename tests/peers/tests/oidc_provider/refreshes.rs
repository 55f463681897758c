//! What ends a session at the provider, and how that shows.

use std::time::Duration;

use keyfob::{ErrorKind, Freshness, MinValidity, Reason, SessionState};
use keyfob_peers::{Bench, Client, Signature};
use serde_json::Value;

/// The session has ended for this reason, in every call.
fn ended(bench: &Bench, session: &str, reason: Reason) {
    let error = bench.keyfob.refresh_session(session).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::LoginRequired, reason), "{error}");
    assert_eq!(bench.keyfob.session(session).unwrap().state(), SessionState::Ended(reason));
    let asked = bench.peer.count("/token").unwrap();
    assert_eq!(bench.keyfob.access_token(session, MinValidity::default()).unwrap_err().reason(), reason);
    assert_eq!(bench.keyfob.profile(session, Freshness::secs(0)).unwrap_err().reason(), reason);
    assert_eq!(bench.peer.count("/token").unwrap(), asked, "a dead refresh token is not tried again");
}

fn refuses_grant(answer: &(u16, Value)) {
    let code = answer.1.get("error").and_then(Value::as_str);
    assert_eq!((answer.0, code), (400, Some("invalid_grant")));
}

#[test]
fn a_replayed_refresh_token_revokes_the_family_and_the_session_ends() {
    for client in [Client::public(Signature::Es256), Client::basic(Signature::Rs256)] {
        let bench = Bench::new(client).unwrap();
        let session = bench.log_in().unwrap();
        let old = session.provider_refresh_token().unwrap();
        let refreshed = bench.keyfob.refresh_session(session.id()).unwrap();
        let new = refreshed.provider_refresh_token().unwrap();
        assert!(bench.peer.honours(new).unwrap());

        let thief = [("grant_type", "refresh_token"), ("refresh_token", old)];
        refuses_grant(&bench.peer.ask("/token", &thief).unwrap());
        assert!(!bench.peer.honours(new).unwrap(), "the provider revoked the family");
        ended(&bench, session.id(), Reason::Revoked);
    }
}

#[test]
fn a_stolen_code_is_worth_nothing_without_the_verifier_and_the_session_lives_on() {
    let bench = Bench::new(Client::post(Signature::Rs256)).unwrap();
    let redirect = bench.redirect().unwrap();
    let session = bench.keyfob.complete_login(&redirect).unwrap().into_session();

    let (code, guess) = (super::parameter(&redirect, "code").unwrap(), "x".repeat(43));
    let thief = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", Client::REDIRECT_URI),
        ("code_verifier", &guess),
    ];
    refuses_grant(&bench.peer.ask("/token", &thief).unwrap());
    bench.keyfob.refresh_session(session.id()).unwrap();
}

#[test]
fn a_provider_that_forgot_everything_ends_the_session_and_takes_a_new_login() {
    let mut bench = Bench::new(Client::public(Signature::Rs256)).unwrap();
    let session = bench.log_in().unwrap();
    bench.peer.restart().unwrap();
    ended(&bench, session.id(), Reason::Revoked);

    // It has new keys; those in the store may be fetched again by now.
    bench.clock.pass(Duration::from_secs(31));
    let again = bench.log_in().unwrap();
    assert_eq!((again.id(), again.state()), (session.id(), SessionState::Active));
    assert_eq!(bench.peer.count("/jwks").unwrap(), 1);
    bench.keyfob.refresh_session(again.id()).unwrap();
}

#[test]
fn a_token_that_is_due_is_refreshed_by_itself() {
    let bench = Bench::new(Client::public(Signature::Rs256)).unwrap();
    let session = bench.log_in().unwrap();
    bench.clock.pass(Duration::from_secs(590));
    let token = bench.keyfob.access_token(session.id(), MinValidity::secs(60)).unwrap();
    assert_ne!(token.secret(), session.provider_access_token());
    assert!(bench.peer.honours(token.secret()).unwrap());
}
