//! Requests whose outcome nobody knows: repeated, remembered, obeyed by every process, and never taken for an ending.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use keyfob::{
    ErrorKind, HttpRequest, HttpResponse, Keyfob, MinValidity, Provider, Reason, SessionState, Transport,
    TransportError,
};
use keyfob_idp::{Endpoint, Fault, Rotation};
use serde_json::json;
use support::eventful::{Switch, plain, with};
use support::{Bench, elsewhere};

fn any() -> MinValidity {
    MinValidity::secs(60)
}

/// A session whose token is over, at a provider that spends each refresh token once and forgives nothing.
fn overdue() -> (Bench, String) {
    let bench = Bench::new(|script| {
        script.tokens.rotation = Rotation::SingleUse;
        script.tokens.grace_seconds = 0.0;
    });
    let id = bench.log_in().id().to_owned();
    bench.clock.pass(Duration::from_secs(7200));
    (bench, id)
}

fn refreshes(bench: &Bench) -> usize {
    bench.requests("/token").iter().filter(|request| request.grant_type.as_deref() == Some("refresh_token")).count()
}

/// The provider loses every answer, and does not act on any request.
fn broken() -> Fault {
    Fault::on(Endpoint::Token).grant_type("refresh_token").process(false).status(500)
}

#[test]
fn a_request_that_was_not_spent_leaves_nothing_behind_that_looks_like_a_crash() {
    for fault in [broken().status(429), broken().status(400).body(json!({"error": "invalid_scope"}))] {
        let (bench, id) = overdue();
        bench.script(|script| script.faults = vec![fault]);
        bench.keyfob.access_token(&id, any()).unwrap_err();
        assert!(bench.keyfob.health().unwrap().interrupted().is_empty());
        bench.script(|script| script.faults.clear());
        // A crash would be mended at once, whatever the back-off.
        assert_eq!(bench.another().access_token(&id, any()).unwrap_err().kind(), ErrorKind::RateLimited);
        assert_eq!(bench.another().maintain(Duration::from_secs(5)).unwrap().refreshed(), 0);
        assert_eq!(refreshes(&bench), 1);
    }
}

#[test]
fn after_a_doubt_every_process_waits_until_it_is_due_and_then_one_asks() {
    let (bench, id) = overdue();
    bench.script(|script| script.faults = vec![broken()]);
    assert_eq!(bench.keyfob.access_token(&id, any()).unwrap_err().reason(), Reason::InDoubt);
    assert_eq!(refreshes(&bench), 4, "0, 0.5, 2 and 5 seconds");
    let interrupted = bench.another().health().unwrap().interrupted()[0].clone();
    assert!(interrupted.is_in_doubt() && interrupted.is_alive() && interrupted.retry_after().is_some());
    for _ in 0..5 {
        let error = bench.another().access_token(&id, any()).unwrap_err();
        assert_eq!(error.reason(), Reason::InDoubt);
        assert!(error.retry_after().unwrap() > Duration::ZERO);
    }
    assert_eq!(refreshes(&bench), 4, "no storm");
    bench.script(|script| script.faults.clear());
    bench.clock.pass(Duration::from_secs(3));
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| bench.another().access_token(&id, any()).unwrap());
        }
    });
    assert_eq!(refreshes(&bench), 5);
    assert!(bench.keyfob.health().unwrap().interrupted().is_empty());
}

/// Refuses whatever refresh token comes.
fn dead() -> Fault {
    broken().status(400).body(json!({"error": "invalid_grant"}))
}

#[test]
fn a_dead_token_was_revoked_unless_a_request_of_ours_was_ever_in_doubt() {
    let (bench, id) = overdue();
    bench.script(|script| script.faults = vec![dead()]);
    assert_eq!(bench.keyfob.access_token(&id, any()).unwrap_err().reason(), Reason::Revoked);

    let (bench, id) = overdue();
    // In doubt once, then all is well for a while: the grant may have suffered all the same.
    bench.script(|script| script.faults = vec![broken().nth(1)]);
    bench.keyfob.access_token(&id, any()).unwrap();
    bench.clock.pass(Duration::from_secs(7200));
    bench.script(|script| script.faults = vec![dead()]);
    assert_eq!(bench.another().access_token(&id, any()).unwrap_err().reason(), Reason::RotationLost);
    // A login makes a new grant, and a doubt of the old one is nothing to it.
    bench.script(|script| script.faults.clear());
    assert_eq!(bench.log_in().id(), id);
    bench.script(|script| script.faults = vec![dead()]);
    bench.clock.pass(Duration::from_secs(7200));
    assert_eq!(bench.keyfob.access_token(&id, any()).unwrap_err().reason(), Reason::Revoked);
}

#[test]
fn a_request_that_could_not_be_sent_does_not_erase_the_doubt_of_the_one_before() {
    let (bench, id) = overdue();
    bench.script(|script| script.faults = vec![broken()]);
    bench.keyfob.access_token(&id, any()).unwrap_err();
    let switch = Arc::new(Switch::default());
    let phone = with(&bench, switch.clone());
    bench.clock.pass(Duration::from_secs(3));
    switch.offline(true);
    let offline = phone.access_token(&id, any()).unwrap_err();
    assert_eq!((offline.kind(), offline.reason()), (ErrorKind::Network, Reason::NotSent));
    assert!(phone.health().unwrap().interrupted()[0].is_in_doubt());
    switch.offline(false);
    bench.script(|script| script.faults = vec![dead()]);
    bench.clock.pass(Duration::from_secs(60));
    assert_eq!(phone.access_token(&id, any()).unwrap_err().reason(), Reason::RotationLost);
}

#[test]
fn a_thousand_failures_end_no_session() {
    let (bench, id) = overdue();
    let faults = [
        broken().status(500),
        broken().status(502).body("<html>"),
        broken().status(429),
        broken().status(503).header("Retry-After", "1"),
        broken().status(200).body("<html>Welcome to the hotel"),
        broken().status(302).header("Location", "http://127.0.0.1:1/"),
        broken().close(keyfob_idp::Close::BeforeHeaders),
    ];
    // No time for a repetition: that would only make this test longer.
    let keyfob = hasty(&bench, Duration::from_millis(450));
    for round in 0..1000 {
        bench.script(|script| script.faults = vec![faults[round % faults.len()].clone()]);
        let error = keyfob.access_token(&id, any()).unwrap_err();
        assert!(!error.is_login_required(), "{error}");
        bench.clock.pass(Duration::from_secs(601));
    }
    assert!(refreshes(&bench) >= 1000);
    bench.script(|script| script.faults.clear());
    keyfob.access_token(&id, any()).unwrap();
    assert_eq!(keyfob.session(&id).unwrap().state(), SessionState::Active);
}

/// A handle whose requests may take so long.
fn hasty(bench: &Bench, total: Duration) -> Keyfob {
    let registration = keyfob::Registration::new(support::SSO, "oidc", "demo", support::REDIRECT_URI)
        .variable("issuer", bench.idp.issuer());
    let config = keyfob::Config::builder(bench.temp.store()).http_timeouts(total, total).registration(registration);
    Keyfob::open(elsewhere(support::sealed(config)).with_clock(bench.clock.clone())).unwrap()
}

#[test]
fn a_provider_that_punishes_the_user_is_not_asked_twice_while_there_is_a_token_to_lose() {
    let bench = Bench::new(|script| script.tokens.access_token_seconds = 3600.0);
    let at = |path: &str| format!("{}{path}", bench.idp.issuer());
    let provider = json!({
        "id": "acme", "kind": "oauth2", "refresh": { "resend": "when_over" }, "profile": { "uid": "/sub" },
        "endpoints": { "authorization": at("/authorize"), "token": at("/token"), "userinfo": at("/userinfo") }
    });
    let registration = keyfob::Registration::new("acme", "acme", "demo", support::REDIRECT_URI).scope("profile");
    let config = keyfob::Config::builder(bench.temp.store())
        .coherence(Duration::ZERO)
        .provider(Provider::from_json(&provider.to_string()).unwrap())
        .registration(registration);
    let keyfob = Keyfob::open(elsewhere(support::sealed(config)).with_clock(bench.clock.clone())).unwrap();
    let login = keyfob.begin_login("acme", keyfob::LoginOptions::new()).unwrap();
    let id = keyfob.complete_login(&support::log_in(login.authorization_url())).unwrap().session().id().to_owned();
    bench.script(|script| script.faults = vec![broken()]);
    keyfob.refresh_session(&id).unwrap_err();
    bench.clock.pass(Duration::from_secs(300));
    keyfob.refresh_session(&id).unwrap_err();
    assert_eq!(refreshes(&bench), 1);
    bench.script(|script| script.faults.clear());
    bench.clock.pass(Duration::from_secs(3600));
    keyfob.access_token(&id, any()).unwrap();
    assert_eq!(refreshes(&bench), 2);
}

/// A transport that tells when a refresh is on its way, and sends it on when it is told to.
struct Held {
    begun: mpsc::Sender<()>,
    go: std::sync::Mutex<mpsc::Receiver<()>>,
}

impl Transport for Held {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        if request.url().ends_with("/token") {
            self.begun.send(()).unwrap();
            self.go.lock().unwrap().recv().unwrap();
        }
        plain(request)
    }
}

fn held(bench: &Bench) -> (Keyfob, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let ((begun, has_begun), (go, may_go)) = (mpsc::channel(), mpsc::channel());
    (with(bench, Arc::new(Held { begun, go: std::sync::Mutex::new(may_go) })), has_begun, go)
}

#[test]
fn a_request_that_a_suspension_does_not_wait_for_is_repeated_at_once_by_whoever_comes_next() {
    let (bench, id) = overdue();
    bench.script(|script| script.tokens.grace_seconds = 30.0);
    let (phone, begun, go) = held(&bench);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| phone.access_token(&id, any()).unwrap_err());
        begun.recv().unwrap();
        phone.suspend(Duration::from_millis(50)).unwrap();
        // Its lock is free, and what it left says that nobody knows.
        let interrupted = bench.keyfob.health().unwrap().interrupted()[0].clone();
        assert!(interrupted.is_in_doubt() && interrupted.retry_after().is_none());
        let token = bench.keyfob.access_token(&id, any()).unwrap();
        go.send(()).unwrap();
        assert_eq!(asking.join().unwrap().reason(), Reason::Suspended);
        assert_eq!(phone.session(&id).unwrap_err().reason(), Reason::Suspended);
        assert_eq!(phone.refresh_session(&id).unwrap_err().kind(), ErrorKind::InvalidState);
        phone.resume().unwrap();
        let again = phone.access_token(&id, any()).unwrap();
        assert_eq!(again.secret(), token.secret(), "what came too late was not looked at");
    });
}

#[test]
fn a_suspension_waits_for_what_is_on_its_way() {
    let (bench, id) = overdue();
    let (phone, begun, go) = held(&bench);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| phone.access_token(&id, any()).unwrap());
        begun.recv().unwrap();
        let suspending = scope.spawn(|| phone.suspend(Duration::from_secs(20)).unwrap());
        support::let_others_wait();
        go.send(()).unwrap();
        let token = asking.join().unwrap();
        suspending.join().unwrap();
        assert_eq!(bench.keyfob.access_token(&id, any()).unwrap().secret(), token.secret());
    });
    assert_eq!(refreshes(&bench), 1);
    let left = || std::fs::read_dir(bench.temp.store()).unwrap().count();
    assert!(left() > 0);
    phone.resume().unwrap();
    phone.suspend(Duration::ZERO).unwrap();
    phone.suspend(Duration::ZERO).unwrap();
    phone.resume().unwrap();
    phone.resume().unwrap();
    phone.access_token(&id, any()).unwrap();
}

#[test]
fn a_doubt_that_is_older_than_a_login_never_spends_the_new_token() {
    let (bench, id) = overdue();
    bench.script(|script| script.faults = vec![broken()]);
    bench.keyfob.access_token(&id, any()).unwrap_err();
    bench.script(|script| script.faults.clear());
    let asked = refreshes(&bench);
    assert_eq!(bench.another().complete_login(&bench.redirect()).unwrap().session().id(), id);
    bench.clock.pass(Duration::from_secs(60));
    for keyfob in [&bench.keyfob, &bench.another()] {
        assert!(keyfob.health().unwrap().interrupted().is_empty());
        keyfob.access_token(&id, any()).unwrap();
        keyfob.maintain(Duration::from_secs(5)).unwrap();
    }
    assert_eq!(refreshes(&bench), asked);
}

#[test]
fn while_the_keys_cannot_be_had_the_token_before_is_served_by_the_process_that_has_it() {
    let bench = Bench::new(|script| script.tokens.access_token_seconds = 3600.0);
    let session = bench.log_in();
    bench.clock.pass(Duration::from_secs(3400));
    bench.script(|script| {
        script.keys.generation += 1;
        script.faults = vec![Fault::on(Endpoint::Jwks).status(503)];
    });
    // An early refresh: new tokens are saved, and nobody can say whose they are.
    for _ in 0..3 {
        let token = bench.keyfob.access_token(session.id(), MinValidity::secs(10)).unwrap();
        assert_eq!(token.secret(), session.provider_access_token());
    }
    assert_eq!(refreshes(&bench), 1);
    bench.keyfob.access_token(session.id(), MinValidity::secs(0)).unwrap();
    // Another process never had it.
    assert_eq!(bench.another().access_token(session.id(), any()).unwrap_err().http_status(), Some(503));
    bench.clock.pass(Duration::from_secs(200));
    assert_eq!(bench.keyfob.access_token(session.id(), any()).unwrap_err().http_status(), Some(503), "it is over");
    bench.script(|script| script.faults.clear());
    let newer = bench.another().access_token(session.id(), any()).unwrap();
    assert_ne!(newer.secret(), session.provider_access_token());
    assert_eq!(refreshes(&bench), 1);
}

#[test]
fn the_configured_time_for_a_request_bounds_how_often_it_is_repeated() {
    let (bench, id) = overdue();
    bench.script(|script| script.faults = vec![broken()]);
    hasty(&bench, Duration::from_secs(1)).access_token(&id, any()).unwrap_err();
    assert_eq!(refreshes(&bench), 2, "the second is begun within a second, the third would not be");
}
