//! Two handles on one store, as two processes have them, one of which does something in the middle of what the other does.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::time::Duration;

use keyfob::{EndSession, ErrorKind, MinValidity, Reason, SessionState};
use keyfob_idp::{Endpoint, Fault, Reuse};
use serde_json::json;
use support::eventful::{Eventful, with};
use support::{Bench, tamper};

/// Userinfo is needed, so that there is something between the saved answer and the session.
fn bench_with_userinfo() -> Bench {
    Bench::new(|script| script.tamper.id_token = tamper(json!({"remove": ["email"]})))
}

#[test]
fn a_login_that_two_finish_gives_the_session_of_the_first_and_does_not_bring_spent_tokens_back() {
    let bench = bench_with_userinfo();
    let redirect = bench.redirect();
    let (other, same) = (bench.another(), redirect.clone());
    // While the first waits for userinfo, another process finishes the login, and the session goes on.
    let transport = Eventful::before("/userinfo", move || {
        let session = other.complete_login(&same).unwrap().into_session();
        other.refresh_session(session.id()).unwrap();
    });
    let late = with(&bench, transport).complete_login(&redirect).unwrap().into_session();
    let sessions = bench.keyfob.sessions().unwrap();
    assert_eq!((sessions.len(), sessions[0].id()), (1, late.id()));
    let newest = bench.requests("/token")[1].answer_json();
    assert_eq!(sessions[0].provider_refresh_token().unwrap(), newest["refresh_token"]);
    bench.keyfob.refresh_session(late.id()).unwrap();
}

#[test]
fn a_login_that_is_finished_late_does_not_bring_a_logged_out_session_back() {
    let bench = bench_with_userinfo();
    let redirect = bench.redirect();
    let (other, same) = (bench.another(), redirect.clone());
    let transport = Eventful::before("/userinfo", move || {
        let session = other.complete_login(&same).unwrap().into_session();
        other.end_session(session.id(), EndSession::local_only()).unwrap();
    });
    let error = with(&bench, transport).complete_login(&redirect).unwrap_err();
    assert_eq!(error.reason(), Reason::LoggedOut);
    assert!(bench.keyfob.sessions().unwrap().is_empty());
}

#[test]
fn an_answer_that_comes_after_the_login_was_given_up_is_no_damage_to_the_store() {
    let bench = Bench::new(|_| {});
    let redirect = bench.redirect();
    let (other, same) = (bench.another(), redirect.clone());
    // The process that sends the code is away for so long that another one takes it for dead.
    let transport = Eventful::before("/token", move || {
        assert_eq!(other.complete_login(&same).unwrap_err().reason(), Reason::CodeExchangeInDoubt);
    });
    let error = with(&bench, transport).complete_login(&redirect).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::RedirectRejected, Reason::RedirectUsed));
    assert!(bench.keyfob.sessions().unwrap().is_empty());
}

#[test]
fn while_one_process_sends_another_waits_as_long_as_it_likes_and_sends_nothing() {
    let bench = Bench::new(|script| script.tokens.reuse = Reuse::RevokeFamily);
    let session = bench.log_in();
    bench.clock.pass(Duration::from_secs(7200));
    let (other, id) = (bench.another(), session.id().to_owned());
    let transport = Eventful::before("/token", move || {
        let busy = other.access_token_within(&id, MinValidity::secs(60), Duration::from_millis(100)).unwrap_err();
        assert_eq!((busy.kind(), busy.is_retryable()), (ErrorKind::RefreshBusy, true));
        assert!(busy.detail().unwrap().starts_with("process 10000000"), "{busy}");
    });
    let token = with(&bench, transport).access_token(session.id(), MinValidity::secs(60)).unwrap();
    assert_eq!(bench.count("/token"), 2, "the login's and one");
    assert_eq!(bench.another().access_token(session.id(), MinValidity::secs(60)).unwrap().secret(), token.secret());
    assert_eq!(bench.count("/token"), 2);
}

#[test]
fn tokens_that_nobody_checked_are_served_by_no_process() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    bench.clock.pass(Duration::from_secs(7200));
    bench.script(|script| {
        script.keys.generation += 1;
        script.faults = vec![Fault::on(Endpoint::Jwks).status(503)];
    });
    let other = bench.another();
    assert_eq!(other.refresh_session(session.id()).unwrap_err().http_status(), Some(503));
    assert_eq!(bench.keyfob.access_token(session.id(), MinValidity::secs(60)).unwrap_err().http_status(), Some(503));
    let stored = bench.keyfob.session(session.id()).unwrap();
    assert_eq!((stored.state(), stored.provider_access_token()), (SessionState::Active, ""));
    bench.script(|script| script.faults.clear());
    bench.keyfob.access_token(session.id(), MinValidity::secs(60)).unwrap();
    assert_eq!(bench.count("/token"), 2, "they were checked, not replaced");
}
