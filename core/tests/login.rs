//! A whole login, as an application lives it, on real HTTP and a real store.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use keyfob::{
    Config, EndSession, ErrorKind, Freshness, HttpRequest, HttpResponse, Keyfob, LoginOptions, MinValidity, Provider,
    Reason, Registration, Sent, SessionState, Transport, TransportError, TransportFailure,
};
use keyfob_idp::{Endpoint, Fault, Idp, Script};
use serde_json::json;
use support::{Bench, REDIRECT_URI, SSO, Temp, config, log_in, parameter, tamper};

#[test]
fn a_login_makes_a_session_with_the_provider_s_four_attributes() {
    let bench = Bench::new(|_| {});
    let options = LoginOptions::new().scope("profile").success("app:/home").failure("app:/login");
    let login = bench.keyfob.begin_login(SSO, options).unwrap();
    let url = login.authorization_url();
    assert_eq!(parameter(url, "scope").unwrap(), "openid email offline_access profile");
    assert_eq!(parameter(url, "code_challenge_method").unwrap(), "S256");
    assert_eq!(parameter(url, "response_type").unwrap(), "code");
    assert_eq!(parameter(url, "redirect_uri").unwrap(), REDIRECT_URI);
    assert!(!url.contains("app:"), "return links are the app's own business");

    let done = bench.keyfob.complete_login(&log_in(url)).unwrap();
    assert_eq!(done.return_to(), Some("app:/home"));
    let session = done.session();
    assert_eq!((session.registration(), session.provider(), session.provider_uid()), (SSO, "oidc", "u-1"));
    assert_eq!(session.state(), SessionState::Active);
    assert!(session.provider_access_token_expiry().is_some());
    let token = &bench.requests("/token")[0].answer_json();
    assert_eq!(session.provider_access_token(), token["access_token"]);
    assert_eq!(session.provider_refresh_token().unwrap(), token["refresh_token"]);
    assert_eq!(session.profile().email(), Some("ada@example.com"));

    assert_eq!(bench.keyfob.current_session().unwrap().unwrap().id(), session.id());
    assert_eq!(bench.keyfob.sessions().unwrap().len(), 1);
    let served = bench.keyfob.access_token(session.id(), MinValidity::default()).unwrap();
    assert_eq!(served.secret(), session.provider_access_token());
    assert_eq!(bench.count("/token"), 1, "a fresh token costs no request");
}

#[test]
fn a_warm_login_costs_one_request() {
    let bench = Bench::new(|_| {});
    bench.log_in();
    bench.idp.clear_requests();
    let redirect = bench.redirect();
    let before = bench.idp.requests().iter().filter(|request| request.path != "/authorize").count();
    assert_eq!(before, 0, "metadata comes from the store");
    bench.keyfob.complete_login(&redirect).unwrap();
    let paths: Vec<_> =
        bench.idp.requests().into_iter().map(|request| request.path).filter(|path| path != "/authorize").collect();
    assert_eq!(paths, ["/token"]);
}

#[test]
fn logging_in_again_as_the_same_user_keeps_the_session_s_id_until_it_is_ended() {
    let bench = Bench::new(|_| {});
    let first = bench.log_in();
    let again = bench.log_in();
    assert_eq!(first.id(), again.id());
    assert_ne!(first.provider_access_token(), again.provider_access_token());
    assert_eq!(bench.keyfob.sessions().unwrap().len(), 1);
    bench.keyfob.end_session(first.id(), EndSession::local_only()).unwrap();
    assert_ne!(bench.log_in().id(), first.id());
}

#[test]
fn an_ended_session_gives_nothing_and_says_so_in_every_handle() {
    let bench = Bench::new(|_| {});
    let other = bench.another();
    let session = bench.log_in();
    other.access_token(session.id(), MinValidity::default()).unwrap();
    bench.keyfob.end_session(session.id(), EndSession::local_only()).unwrap();
    bench.keyfob.end_session(session.id(), EndSession::local_only()).unwrap();
    for keyfob in [&bench.keyfob, &other] {
        let error = keyfob.access_token(session.id(), MinValidity::default()).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::LoginRequired, Reason::LoggedOut));
        assert_eq!(keyfob.refresh_session(session.id()).unwrap_err().reason(), Reason::LoggedOut);
        assert_eq!(keyfob.profile(session.id(), Freshness::default()).unwrap_err().reason(), Reason::LoggedOut);
        assert!(keyfob.current_session().unwrap().is_none());
        assert!(keyfob.sessions().unwrap().is_empty());
        assert_eq!(keyfob.session(session.id()).unwrap().provider_access_token(), "");
    }
    let unknown = bench.keyfob.access_token("no-such-session", MinValidity::default()).unwrap_err();
    assert_eq!((unknown.kind(), unknown.reason()), (ErrorKind::InvalidArgument, Reason::UnknownSession));
}

#[test]
fn a_provider_of_explicit_endpoints_knows_the_user_from_userinfo() {
    let idp = Idp::start(Script::default()).unwrap();
    let temp = Temp::new();
    let at = |path: &str| format!("{}{path}", idp.issuer());
    let provider = Provider::oauth2("acme", at("/authorize"), at("/token"), at("/userinfo"), "/sub")
        .name("Acme")
        .name_at("/name")
        .email_at("/email");
    let config = Config::builder(temp.store())
        .plaintext(true)
        .provider(provider)
        .registration(Registration::new("acme", "acme", "demo", REDIRECT_URI).scope("profile").scope("email"))
        .build()
        .unwrap();
    let keyfob = Keyfob::open(config).unwrap();
    assert_eq!(keyfob.registrations()[0].provider_name(), "Acme");
    let login = keyfob.begin_login("acme", LoginOptions::new()).unwrap();
    assert_eq!(parameter(login.authorization_url(), "nonce"), None, "a nonce belongs to an ID token");
    let session = keyfob.complete_login(&log_in(login.authorization_url())).unwrap().into_session();
    assert_eq!((session.provider(), session.provider_uid()), ("acme", "u-1"));
    assert_eq!(session.profile().email(), Some("ada@example.com"));
    assert!(idp.requests().iter().all(|request| !request.path.starts_with("/.well-known")));
    let refreshed = keyfob.refresh_session(session.id()).unwrap();
    assert_ne!(refreshed.provider_access_token(), session.provider_access_token());
}

#[test]
fn the_profile_is_fetched_when_it_is_old_and_merged_with_what_is_known() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    bench.idp.clear_requests();
    assert_eq!(bench.keyfob.profile(session.id(), Freshness::default()).unwrap().email(), Some("ada@example.com"));
    assert_eq!(bench.count("/userinfo"), 0, "it came with the login");
    bench.script(|script| {
        script.users[0].claims.insert("email".to_owned(), "countess@example.com".into());
    });
    let fetched = bench.keyfob.profile(session.id(), Freshness::secs(0)).unwrap();
    assert_eq!(fetched.email(), Some("countess@example.com"));
    assert_eq!(bench.count("/userinfo"), 1);
    let authorization = bench.requests("/userinfo")[0].header("authorization").unwrap().to_owned();
    assert!(authorization.starts_with("Bearer "));
    bench.clock.pass(Duration::from_secs(60));
    bench.keyfob.profile(session.id(), Freshness::default()).unwrap();
    assert_eq!(bench.count("/userinfo"), 1);
    bench.clock.pass(Duration::from_secs(61));
    bench.keyfob.profile(session.id(), Freshness::default()).unwrap();
    assert_eq!(bench.count("/userinfo"), 2);
    assert_eq!(bench.another().session(session.id()).unwrap().profile().email(), Some("countess@example.com"));
}

#[test]
fn a_userinfo_about_somebody_else_is_refused_and_changes_nothing() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    bench.script(|script| script.tamper.userinfo = tamper(json!({"append": {"sub": "1"}})));
    let error = bench.keyfob.profile(session.id(), Freshness::secs(0)).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::TokenRejected, Reason::UserInfoSubMismatch));
    assert_eq!(bench.keyfob.session(session.id()).unwrap().profile().email(), Some("ada@example.com"));
}

#[test]
fn a_userinfo_that_fails_loses_no_login() {
    let bench = Bench::new(|script| {
        // An ID token that tells nothing makes userinfo necessary.
        script.tamper.id_token = tamper(json!({"remove": ["email"]}));
        script.faults = vec![Fault::on(Endpoint::Userinfo).nth(1).status(503)];
    });
    let redirect = bench.redirect();
    let error = bench.keyfob.complete_login(&redirect).unwrap_err();
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::Network, Some(503)));
    assert!(error.is_retryable());
    assert!(bench.keyfob.sessions().unwrap().is_empty());
    let another = redirect.replace(&parameter(&redirect, "code").unwrap(), "another");
    assert_eq!(bench.keyfob.complete_login(&another).unwrap_err().reason(), Reason::RedirectUsed);
    // Another process goes on from there.
    let session = bench.another().complete_login(&redirect).unwrap().into_session();
    assert_eq!(session.profile().email(), Some("ada@example.com"));
    assert_eq!(bench.count("/token"), 1, "the code was exchanged once");
}

/// A transport that is offline.
struct Offline;

impl Transport for Offline {
    fn send(&self, _request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        Err(TransportError::new(Sent::NotSent, TransportFailure::Network, "no network"))
    }
}

#[test]
fn offline_the_login_stays_usable() {
    let bench = Bench::new(|_| {});
    let redirect = bench.redirect();
    let offline = config(bench.idp.issuer(), &bench.temp.store()).with_transport(Arc::new(Offline));
    let offline = Keyfob::open(offline).unwrap();
    for _ in 0..3 {
        let error = offline.complete_login(&redirect).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Network, Reason::NotSent));
    }
    bench.keyfob.complete_login(&redirect).unwrap();
}

#[test]
fn s29_a_code_whose_answer_was_lost_is_never_sent_again() {
    let bench = Bench::new(|script| {
        script.faults = vec![Fault::on(Endpoint::Token).nth(1).close(keyfob_idp::Close::BeforeHeaders)];
    });
    let redirect = bench.redirect();
    let error = bench.keyfob.complete_login(&redirect).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::LoginRequired, Reason::CodeExchangeInDoubt));
    let again = bench.keyfob.complete_login(&redirect).unwrap_err();
    assert_eq!((again.kind(), again.reason()), (ErrorKind::RedirectRejected, Reason::RedirectUsed));
    assert_eq!(bench.count("/token"), 1);
}

#[test]
fn sixteen_threads_with_one_redirect_make_one_session_and_one_exchange() {
    let bench = Bench::new(|_| {});
    let redirect = bench.redirect();
    let ids: Vec<String> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| bench.keyfob.complete_login(&redirect).unwrap().session().id().to_owned()))
            .collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(bench.count("/token"), 1);
}

#[test]
fn an_app_s_listener_port_goes_into_a_loopback_redirect_uri() {
    let bench = Bench::new(|_| {});
    let login = bench.keyfob.begin_login(SSO, LoginOptions::new().redirect_port(51_234)).unwrap();
    let sent = parameter(login.authorization_url(), "redirect_uri").unwrap();
    assert_eq!(sent, "http://127.0.0.1:51234/callback/work-sso");
    let redirect = log_in(login.authorization_url());
    assert!(redirect.starts_with(&sent));
    bench.keyfob.complete_login(&redirect).unwrap();
    assert_eq!(bench.requests("/token")[0].parameter("redirect_uri"), Some(sent.as_str()));
}

#[test]
fn the_journal_tells_the_story_without_secrets() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    bench.keyfob.refresh_session(session.id()).unwrap();
    bench.keyfob.end_session(session.id(), EndSession::local_only()).unwrap();
    let journal = bench.keyfob.journal(10).unwrap();
    let events: Vec<_> = journal.iter().rev().map(|entry| entry.event().to_owned()).collect();
    assert_eq!(events, ["LoginBegun", "LoginCompleted", "Refreshed", "SessionEnded"]);
    assert_eq!(journal[0].reason(), Some("LoggedOut"));
    assert_eq!((journal[0].session(), journal[0].pid()), (Some(session.id()), std::process::id()));
}

#[test]
fn a_call_that_cannot_work_says_what_is_wrong_with_it() {
    let bench = Bench::new(|_| {});
    let error = bench.keyfob.begin_login("nobody", LoginOptions::new()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::InvalidArgument, Reason::UnknownRegistration));
    let error = bench.keyfob.begin_login(SSO, LoginOptions::new().scope("two words")).unwrap_err();
    assert_eq!(
        (error.kind(), error.detail()),
        (ErrorKind::InvalidArgument, Some("scope: not of RFC 6749 section 3.3"))
    );
    let temp = Temp::new();
    let open = |registration: Registration| {
        Config::builder(temp.store()).plaintext(true).registration(registration).build().and_then(Keyfob::open)
    };
    let error = open(Registration::new("a", "nowhere", "demo", REDIRECT_URI)).unwrap_err();
    assert_eq!((error.reason(), error.detail()), (Reason::UnknownProvider, Some("registrations[0].provider")));
    let error = open(Registration::new("a", "oidc", "demo", REDIRECT_URI)).unwrap_err();
    assert_eq!((error.reason(), error.detail()), (Reason::InvalidVariable, Some("variables.issuer is missing")));
    let insecure = Registration::new("a", "oidc", "demo", REDIRECT_URI).variable("issuer", "http://idp.example.com");
    assert_eq!(open(insecure).unwrap_err().reason(), Reason::InsecureEndpoint);
    let disabled =
        Registration::new("a", "oidc", "demo", REDIRECT_URI).variable("issuer", bench.idp.issuer()).enabled(false);
    let keyfob = open(disabled).unwrap();
    assert!(!keyfob.registrations()[0].enabled());
    assert_eq!(keyfob.begin_login("a", LoginOptions::new()).unwrap_err().reason(), Reason::RegistrationDisabled);
}

/// A transport that answers everything with more than was asked for.
struct Endless;

impl Transport for Endless {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        Ok(HttpResponse::new(200, Vec::new(), vec![b' '; request.max_body_bytes() + 1]))
    }
}

#[test]
fn s76_a_host_s_transport_is_held_to_the_limits_too() {
    let bench = Bench::new(|_| {});
    let temp = Temp::new();
    let keyfob = Keyfob::open(config(bench.idp.issuer(), &temp.store()).with_transport(Arc::new(Endless))).unwrap();
    let error = keyfob.begin_login(SSO, LoginOptions::new()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::BadResponse, Reason::ResponseTooLarge));
}

#[test]
fn a_user_id_that_cannot_be_written_down_makes_no_session() {
    for uid in ["a\u{0}b".to_owned(), "a\nb".to_owned(), "x".repeat(256)] {
        let bench = Bench::new(|script| script.tamper.userinfo = tamper(json!({"set": {"sub": uid}})));
        let temp = Temp::new();
        let at = |path: &str| format!("{}{path}", bench.idp.issuer());
        let provider = Provider::oauth2("acme", at("/authorize"), at("/token"), at("/userinfo"), "/sub");
        let registration = Registration::new("acme", "acme", "demo", REDIRECT_URI);
        let config = Config::builder(temp.store()).plaintext(true).provider(provider).registration(registration);
        let keyfob = Keyfob::open(config.build().unwrap()).unwrap();
        let login = keyfob.begin_login("acme", LoginOptions::new()).unwrap();
        let error = keyfob.complete_login(&log_in(login.authorization_url())).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::BadResponse, Reason::UidMissing));
    }
}

#[test]
fn a_userinfo_that_refuses_the_token_is_asked_again_with_a_new_one_once() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    bench.script(|script| script.faults = vec![Fault::on(Endpoint::Userinfo).nth(1).status(401)]);
    bench.keyfob.profile(session.id(), Freshness::secs(0)).unwrap();
    assert_eq!((bench.count("/userinfo"), bench.count("/token")), (2, 2));
    bench.script(|script| script.faults = vec![Fault::on(Endpoint::Userinfo).status(401)]);
    let error = bench.keyfob.profile(session.id(), Freshness::secs(0)).unwrap_err();
    assert_eq!(error.http_status(), Some(401));
    assert_eq!((bench.count("/userinfo"), bench.count("/token")), (4, 3), "not for ever");
}

#[test]
fn a_profile_of_another_user_is_refused_where_no_id_token_says_whose_it_is() {
    let idp = Idp::start(Script::default()).unwrap();
    let temp = Temp::new();
    let at = |path: &str| format!("{}{path}", idp.issuer());
    let provider = Provider::oauth2("acme", at("/authorize"), at("/token"), at("/userinfo"), "/sub");
    let registration = Registration::new("acme", "acme", "demo", REDIRECT_URI).scope("profile");
    let config = Config::builder(temp.store()).plaintext(true).provider(provider).registration(registration);
    let keyfob = Keyfob::open(config.build().unwrap()).unwrap();
    let login = keyfob.begin_login("acme", LoginOptions::new()).unwrap();
    let session = keyfob.complete_login(&log_in(login.authorization_url())).unwrap().into_session();
    let mut script = idp.script();
    script.tamper.userinfo = tamper(json!({"append": {"sub": "1"}}));
    idp.set_script(script).unwrap();
    let error = keyfob.profile(session.id(), Freshness::secs(0)).unwrap_err();
    assert_eq!(error.reason(), Reason::UserInfoSubMismatch);
    assert_eq!(keyfob.session(session.id()).unwrap().profile().uid(), "u-1");
}

#[test]
fn a_login_asks_userinfo_for_the_name_that_the_id_token_does_not_tell() {
    let bench = Bench::new(|script| script.tamper.id_token = tamper(json!({"remove": ["name"]})));
    let login = bench.keyfob.begin_login(SSO, LoginOptions::new().scope("profile")).unwrap();
    let session = bench.keyfob.complete_login(&log_in(login.authorization_url())).unwrap().into_session();
    assert!(session.profile().name().is_some());
    assert_eq!(bench.count("/userinfo"), 1);
}

#[test]
fn a_user_without_an_id_makes_no_session_and_ends_the_login() {
    let idp = Idp::start(Script::default()).unwrap();
    let temp = Temp::new();
    let at = |path: &str| format!("{}{path}", idp.issuer());
    let provider = Provider::oauth2("acme", at("/authorize"), at("/token"), at("/userinfo"), "/no/such/place");
    let registration = Registration::new("acme", "acme", "demo", REDIRECT_URI).scope("profile");
    let config = Config::builder(temp.store()).plaintext(true).provider(provider).registration(registration);
    let keyfob = Keyfob::open(config.build().unwrap()).unwrap();
    let login = keyfob.begin_login("acme", LoginOptions::new().failure("app:/login")).unwrap();
    let redirect = log_in(login.authorization_url());
    let error = keyfob.complete_login(&redirect).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::BadResponse, Reason::UidMissing));
    assert_eq!(error.return_to(), Some("app:/login"));
    assert_eq!(keyfob.complete_login(&redirect).unwrap_err().reason(), Reason::RedirectUsed);
    // Why it ended is in the journal.
    let last = &keyfob.journal(1).unwrap()[0];
    assert_eq!((last.event(), last.reason()), ("LoginFailed", Some("UidMissing")));
}

#[test]
fn s32_a_secret_is_sent_in_the_one_way_that_the_provider_offers() {
    for (methods, in_form) in
        [(json!(["client_secret_post"]), true), (json!(["client_secret_basic", "client_secret_post"]), false)]
    {
        let bench = Bench::new(|script| {
            script.tamper.discovery = tamper(json!({"set": {"token_endpoint_auth_methods_supported": methods}}));
        });
        let registration = Registration::new(SSO, "oidc", "demo", REDIRECT_URI)
            .client_secret("s3cret")
            .variable("issuer", bench.idp.issuer());
        let config = Config::builder(bench.temp.store()).registration(registration);
        let keyfob = Keyfob::open(support::sealed(config)).unwrap();
        let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
        // This provider has no secret for the client and refuses it either way.
        keyfob.complete_login(&log_in(login.authorization_url())).unwrap_err();
        let request = &bench.requests("/token")[0];
        assert_eq!(request.parameter("client_secret").is_some(), in_form);
        assert_eq!(request.header("authorization").is_some(), !in_form);
    }
}
