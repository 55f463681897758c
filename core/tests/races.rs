//! Two handles on one store, as two processes have them, one of which does something in the middle of what the other does.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyfob::{
    EndSession, ErrorKind, HttpRequest, HttpResponse, Keyfob, Method, MinValidity, Reason, Sent, SessionState,
    Transport, TransportError, TransportFailure,
};
use keyfob_idp::{Endpoint, Fault, Reuse};
use serde_json::json;
use support::{Bench, config, elsewhere, tamper};

type Event = Box<dyn FnOnce() + Send>;

/// A transport on which something happens once, before the first request to a path is sent.
struct Eventful {
    path: &'static str,
    before: Mutex<Option<Event>>,
}

impl Eventful {
    fn before(path: &'static str, event: impl FnOnce() + Send + 'static) -> Arc<Self> {
        Arc::new(Self { path, before: Mutex::new(Some(Box::new(event))) })
    }
}

impl Transport for Eventful {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let event = if request.url().ends_with(self.path) { self.before.lock().unwrap().take() } else { None };
        if let Some(event) = event {
            event();
        }
        plain(request)
    }
}

fn plain(request: &HttpRequest) -> Result<HttpResponse, TransportError> {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
    let mut builder = http::Request::builder().method(request.method().as_str()).uri(request.url());
    for (name, value) in request.headers() {
        builder = builder.header(name, value);
    }
    let answer = match request.method() {
        Method::Get => agent.run(builder.body(()).unwrap()),
        _ => agent.run(builder.body(request.body()).unwrap()),
    };
    let mut answer = answer.map_err(|_| TransportError::new(Sent::Unknown, TransportFailure::Network, "broken"))?;
    let headers = answer
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let body = answer.body_mut().read_to_vec().unwrap();
    Ok(HttpResponse::new(answer.status().as_u16(), headers, body))
}

/// A handle with that transport.
fn with(bench: &Bench, transport: Arc<dyn Transport>) -> Keyfob {
    let config = config(bench.idp.issuer(), &bench.temp.store());
    Keyfob::open(elsewhere(config).with_clock(bench.clock.clone()).with_transport(transport)).unwrap()
}

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
fn unverified_tokens_of_another_process_are_not_served_when_our_own_refresh_token_was_dead() {
    let bench = Bench::new(|script| {
        script.tokens.access_token_seconds = 3600.0;
        script.tokens.grace_seconds = 0.0;
        script.tokens.reuse = Reuse::Reject;
    });
    let session = bench.log_in();
    bench.clock.pass(Duration::from_secs(7200));
    // Another process is quicker, and cannot fetch the keys to find out whose tokens it got.
    bench.script(|script| {
        script.keys.generation += 1;
        script.faults = vec![Fault::on(Endpoint::Jwks).status(503)];
    });
    let (other, id) = (bench.another(), session.id().to_owned());
    let transport = Eventful::before("/token", move || {
        assert_eq!(other.refresh_session(&id).unwrap_err().http_status(), Some(503));
    });
    let error = with(&bench, transport).access_token(session.id(), MinValidity::secs(60)).unwrap_err();
    assert_eq!(error.reason(), Reason::RefreshBusy);
    let session = bench.keyfob.session(session.id()).unwrap();
    assert_eq!((session.state(), session.provider_access_token()), (SessionState::Active, ""));
    bench.script(|script| script.faults.clear());
    bench.keyfob.access_token(session.id(), MinValidity::secs(60)).unwrap();
}
