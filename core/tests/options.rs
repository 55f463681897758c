//! What a login can ask for and carry along; logins that wait; sessions that get more scopes.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::time::Duration;

use keyfob::{Config, EndSession, ErrorKind, Keyfob, LoginOptions, Reason, Registration, SessionState};
use keyfob_idp::{Idp, Script, User, browser};
use support::{Bench, REDIRECT_URI, SSO, Temp, elsewhere, log_in, parameter, sealed};

#[test]
fn parameters_of_the_call_reach_the_provider_and_those_of_the_protocol_cannot_be_set() {
    let bench = Bench::new(|_| {});
    let options = LoginOptions::new().parameter("prompt", "login").parameter("login_hint", "ada+1@example.com");
    let login = bench.keyfob.begin_login(SSO, options).unwrap();
    assert_eq!(parameter(login.authorization_url(), "prompt").unwrap(), "login");
    assert_eq!(parameter(login.authorization_url(), "login_hint").unwrap(), "ada+1@example.com");
    for own in [
        "state",
        "redirect_uri",
        "code_challenge",
        "code_challenge_method",
        "client_id",
        "response_type",
        "nonce",
        "scope",
        "",
    ] {
        let error = bench.keyfob.begin_login(SSO, LoginOptions::new().parameter(own, "x")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{own}");
    }
    let twice = LoginOptions::new().parameter("prompt", "a").parameter("prompt", "b");
    assert_eq!(bench.keyfob.begin_login(SSO, twice).unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[test]
fn the_resources_of_a_registration_are_named_in_every_request_that_asks_for_tokens() {
    const API: &str = "https://api.example.com/notes?v=1";
    const FILES: &str = "urn:example:files";
    let idp = Idp::start(Script::default()).unwrap();
    let temp = Temp::new();
    let open = |resources: &[&str]| {
        let mut registration = Registration::new(SSO, "oidc", "demo", REDIRECT_URI).variable("issuer", idp.issuer());
        for scope in ["openid", "offline_access"] {
            registration = registration.scope(scope);
        }
        for resource in resources {
            registration = registration.resource(*resource);
        }
        Keyfob::open(elsewhere(sealed(Config::builder(temp.store()).registration(registration)))).unwrap()
    };
    let named = |path: &str| -> Vec<String> {
        let asked = idp.requests().into_iter().rfind(|request| request.path == path && request.method != "GET");
        let form = asked.unwrap().form;
        form.into_iter().filter(|(name, _)| name == "resource").map(|(_, value)| value).collect()
    };
    let keyfob = open(&[API, FILES]);
    let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    let url = url::Url::parse(login.authorization_url()).unwrap();
    let sent: Vec<String> =
        url.query_pairs().filter(|(name, _)| name == "resource").map(|(_, value)| value.into_owned()).collect();
    assert_eq!(sent, [API, FILES]);
    let session = keyfob.complete_login(&log_in(login.authorization_url())).unwrap().into_session();
    assert_eq!(named("/token"), [API, FILES]);
    keyfob.refresh_session(session.id()).unwrap();
    assert_eq!(named("/token"), [API, FILES]);
    let _waits = keyfob.begin_device_login(SSO, LoginOptions::new()).unwrap();
    assert_eq!(named("/device_authorization"), [API, FILES]);
    let own = keyfob.begin_login(SSO, LoginOptions::new().parameter("resource", API)).unwrap_err();
    assert_eq!(own.kind(), ErrorKind::InvalidArgument, "what tokens are for is said once, for all of them");
    drop(keyfob);

    // One that the user never agreed to: the provider says no, and the session lives on.
    let keyfob = open(&["https://other.example.com"]);
    let error = keyfob.refresh_session(session.id()).unwrap_err();
    assert_eq!(error.oauth().unwrap().code(), "invalid_target");
    assert_eq!(keyfob.session(session.id()).unwrap().state(), SessionState::Active);

    for bad in ["", "api", "/api", "https://api.example.com/#part"] {
        let registration =
            Registration::new(SSO, "oidc", "demo", REDIRECT_URI).variable("issuer", idp.issuer()).resource(bad);
        let error = Config::builder(temp.store()).registration(registration).build().map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{bad}");
    }
}

#[test]
fn s07_what_the_app_gave_to_keep_comes_back_in_another_process_and_never_leaves_the_device() {
    let bench = Bench::new(|_| {});
    let options = LoginOptions::new().app_data("CANARY-7 {\"tab\": 3}").success("app:/home");
    let login = bench.keyfob.begin_login(SSO, options).unwrap();
    let redirect = log_in(login.authorization_url());
    let done = bench.another().complete_login(&redirect).unwrap();
    assert_eq!((done.app_data(), done.return_to()), (Some("CANARY-7 {\"tab\": 3}"), Some("app:/home")));
    assert_eq!(bench.keyfob.complete_login(&redirect).unwrap().app_data(), Some("CANARY-7 {\"tab\": 3}"));
    let seen = serde_json::to_string(&bench.idp.requests()).unwrap();
    assert!(!seen.contains("CANARY-7") && !seen.contains("app:/home"));
}

#[test]
fn pending_logins_are_listed_and_can_be_cancelled() {
    let bench = Bench::new(|_| {});
    let first = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    let second = bench.keyfob.begin_login(SSO, LoginOptions::new().failure("app:/login")).unwrap();
    let ids =
        || bench.another().pending_logins().unwrap().iter().map(|login| login.id().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(), [first.id(), second.id()]);
    let redirect = log_in(second.authorization_url());
    bench.keyfob.cancel_login(second.id()).unwrap();
    bench.keyfob.cancel_login(second.id()).unwrap();
    assert_eq!(ids(), [first.id()]);
    bench.idp.clear_requests();
    let error = bench.keyfob.complete_login(&redirect).unwrap_err();
    assert_eq!((error.reason(), error.return_to()), (Reason::RedirectUsed, Some("app:/login")));
    assert_eq!(bench.idp.requests().len(), 0);
    bench.keyfob.complete_login(&log_in(first.authorization_url())).unwrap();
    assert!(ids().is_empty());
    let late = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    bench.clock.pass(Duration::from_secs(3601));
    assert!(!ids().contains(&late.id().to_owned()), "one that expired does not wait any more");
    assert_eq!(bench.keyfob.cancel_login("nobody").unwrap_err().reason(), Reason::UnknownLogin);
}

#[test]
fn a_session_gets_more_scopes_and_keeps_its_id() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    assert!(!session.scopes().contains(&"profile".to_owned()));
    let options = LoginOptions::new().for_session(session.id()).scope("profile");
    let login = bench.keyfob.begin_login(SSO, options).unwrap();
    assert_eq!(parameter(login.authorization_url(), "scope").unwrap(), "openid email offline_access profile");
    let more = bench.keyfob.complete_login(&log_in(login.authorization_url())).unwrap().into_session();
    assert_eq!(more.id(), session.id());
    assert!(more.scopes().contains(&"profile".to_owned()));
    // The next one asks for what the session has by now.
    let login = bench.keyfob.begin_login(SSO, LoginOptions::new().for_session(session.id())).unwrap();
    assert_eq!(parameter(login.authorization_url(), "scope").unwrap(), "openid email offline_access profile");
}

#[test]
fn a_session_s_more_scopes_are_refused_to_somebody_else_and_to_a_session_that_is_over() {
    let bench = Bench::new(|script| {
        script.users.push(User::new("bob", "builder", "u-2").claim("email", "bob@example.com"));
    });
    let session = bench.log_in();
    let login = bench.keyfob.begin_login(SSO, LoginOptions::new().for_session(session.id())).unwrap();
    let redirect = browser::log_in(login.authorization_url(), "bob", "builder").unwrap();
    let error = bench.keyfob.complete_login(&redirect).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::TokenRejected, Reason::AccountMismatch));
    let kept = bench.keyfob.session(session.id()).unwrap();
    assert_eq!((kept.state(), kept.provider_access_token()), (SessionState::Active, session.provider_access_token()));
    assert_eq!(bench.keyfob.sessions().unwrap().len(), 1);

    let login = bench.keyfob.begin_login(SSO, LoginOptions::new().for_session(session.id())).unwrap();
    let redirect = log_in(login.authorization_url());
    bench.keyfob.end_session(session.id(), EndSession::local_only()).unwrap();
    assert_eq!(bench.keyfob.complete_login(&redirect).unwrap_err().reason(), Reason::LoggedOut);
    let error = bench.keyfob.begin_login(SSO, LoginOptions::new().for_session(session.id())).unwrap_err();
    assert_eq!(error.reason(), Reason::LoggedOut);
    assert!(bench.keyfob.sessions().unwrap().is_empty());
}
