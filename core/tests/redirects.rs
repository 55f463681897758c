//! Redirects that must not be believed: each has its own reason, and nothing is sent. The provider's log is the witness.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::time::Duration;

use keyfob::{Config, EndSession, ErrorKind, Keyfob, LoginOptions, Reason, Registration};
use keyfob_idp::browser;
use serde_json::json;
use support::{Bench, SSO, tamper};

/// Hands a redirect back, and makes sure that nothing was sent for it.
#[track_caller]
fn refused(bench: &Bench, redirect: &str) -> (ErrorKind, Reason) {
    bench.idp.clear_requests();
    let error = bench.keyfob.complete_login(redirect).unwrap_err();
    assert_eq!(bench.idp.requests().len(), 0, "{error}");
    (error.kind(), error.reason())
}

fn rejected(reason: Reason) -> (ErrorKind, Reason) {
    (ErrorKind::RedirectRejected, reason)
}

/// The redirect with one parameter changed.
fn with(redirect: &str, name: &str, value: Option<&str>) -> String {
    let mut url = url::Url::parse(redirect).unwrap();
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(key, _)| key != name).collect();
    url.query_pairs_mut().clear().extend_pairs(pairs).extend_pairs(value.map(|value| (name, value)));
    url.into()
}

#[test]
fn s06_a_wrong_state_sends_nothing_and_the_login_waits_on() {
    let bench = Bench::new(|_| {});
    let redirect = bench.redirect();
    assert_eq!(refused(&bench, &with(&redirect, "state", Some("wrong"))), rejected(Reason::StateUnknown));
    assert_eq!(refused(&bench, &with(&redirect, "state", None)), rejected(Reason::StateMissing));
    assert_eq!(refused(&bench, &with(&redirect, "code", None)), rejected(Reason::AmbiguousResponse));
    assert_eq!(refused(&bench, &with(&redirect, "error", Some("access_denied"))), rejected(Reason::AmbiguousResponse));
    assert_eq!(refused(&bench, &redirect.replace("work-sso", "work-sso/")), rejected(Reason::RedirectUriMismatch));
    assert_eq!(refused(&bench, &format!("{redirect}&code=x")), rejected(Reason::DuplicateParameter));
    assert_eq!(refused(&bench, &format!("{redirect}#access_token=x")), rejected(Reason::UnexpectedParameter));
    bench.keyfob.complete_login(&redirect).unwrap();
}

#[test]
fn s04_the_state_of_one_login_does_not_open_another() {
    let bench = Bench::new(|_| {});
    let (first, second) = (bench.redirect(), bench.redirect());
    let state = |redirect: &str| support::parameter(redirect, "state").unwrap();
    assert_ne!(state(&first), state(&second));
    let mixed = with(&first, "state", Some(&state(&second)));
    // The code is another login's: the verifier does not fit, and the provider says so.
    let error = bench.keyfob.complete_login(&mixed).unwrap_err();
    assert_eq!((error.kind(), error.oauth().unwrap().code()), (ErrorKind::OAuth, "invalid_grant"));
    bench.keyfob.complete_login(&first).unwrap_err();
}

#[test]
fn s06_a_redirect_that_made_a_session_answers_with_it_and_sends_nothing() {
    let bench = Bench::new(|_| {});
    let redirect = bench.redirect();
    let session = bench.keyfob.complete_login(&redirect).unwrap().into_session();
    bench.idp.clear_requests();
    for keyfob in [&bench.keyfob, &bench.another()] {
        assert_eq!(keyfob.complete_login(&redirect).unwrap().session().id(), session.id());
    }
    assert_eq!(bench.idp.requests().len(), 0);
    assert_eq!(refused(&bench, &with(&redirect, "code", Some("another"))), rejected(Reason::RedirectUsed));
    bench.keyfob.end_session(session.id(), EndSession::local_only()).unwrap();
    assert_eq!(refused(&bench, &redirect), (ErrorKind::LoginRequired, Reason::LoggedOut));
}

#[test]
fn s30_the_user_s_no_ends_the_login_with_its_failure_link() {
    let bench = Bench::new(|_| {});
    let login = bench.keyfob.begin_login(SSO, LoginOptions::new().failure("app:/login")).unwrap();
    let redirect = browser::deny(login.authorization_url()).unwrap();
    bench.idp.clear_requests();
    let error = bench.keyfob.complete_login(&redirect).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::AccessDenied, Reason::AccessDenied));
    assert_eq!((error.return_to(), error.oauth().unwrap().code()), (Some("app:/login"), "access_denied"));
    assert_eq!(bench.idp.requests().len(), 0);
    // Used up: neither the same redirect nor a code makes anything of it any more.
    assert_eq!(refused(&bench, &redirect), rejected(Reason::RedirectUsed));
    let forged = with(&with(&redirect, "error", None), "code", Some("x"));
    assert_eq!(refused(&bench, &with(&forged, "error_description", None)), rejected(Reason::RedirectUsed));
}

#[test]
fn an_error_of_the_provider_is_told_by_its_code() {
    let bench = Bench::new(|_| {});
    let redirect = with(&with(&bench.redirect(), "code", None), "error", Some("temporarily_unavailable"));
    bench.idp.clear_requests();
    let error = bench.keyfob.complete_login(&redirect).unwrap_err();
    assert_eq!((error.kind(), error.oauth().unwrap().code()), (ErrorKind::OAuth, "temporarily_unavailable"));
    assert_eq!(bench.idp.requests().len(), 0);
}

#[test]
fn s22_s23_s24_a_redirect_of_another_issuer_is_refused_and_the_login_waits_on() {
    let bench = Bench::new(|_| {});
    let redirect = bench.redirect();
    assert_eq!(
        refused(&bench, &with(&redirect, "iss", Some("https://evil.example"))),
        rejected(Reason::IssuerMismatch)
    );
    assert_eq!(refused(&bench, &with(&redirect, "iss", None)), rejected(Reason::IssuerMissing));
    let denial = with(&with(&redirect, "code", None), "error", Some("access_denied"));
    let foreign = with(&denial, "iss", Some("https://evil.example"));
    assert_eq!(refused(&bench, &foreign), rejected(Reason::IssuerMismatch));
    bench.keyfob.complete_login(&redirect).unwrap();
    bench.script(|script| script.tamper.redirect = tamper(json!({"set": {"iss": "https://evil.example"}})));
    let redirect = bench.redirect();
    assert_eq!(refused(&bench, &redirect), rejected(Reason::IssuerMismatch));
}

#[test]
fn a_redirect_that_comes_too_late_is_told_so() {
    let bench = Bench::new(|_| {});
    let redirect = bench.redirect();
    bench.clock.pass(Duration::from_secs(3601));
    assert_eq!(refused(&bench, &redirect), rejected(Reason::LoginExpired));
    assert_eq!(refused(&bench, &redirect), rejected(Reason::RedirectUsed));
}

#[test]
fn s27_a_discovery_document_of_another_issuer_begins_no_login() {
    let bench = Bench::new(|script| script.tamper.discovery = tamper(json!({"append": {"issuer": "INVALID"}})));
    let error = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::BadResponse, Reason::DiscoveryIssuerMismatch));
    bench.script(|script| {
        script.tamper.discovery = tamper(json!({"set": {"token_endpoint": "http://example.com/token"}}));
    });
    let error = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap_err();
    assert_eq!((error.reason(), error.detail()), (Reason::InsecureEndpoint, Some("token_endpoint")));
}

#[test]
fn s26_the_code_goes_to_the_endpoint_that_was_pinned_when_the_login_began() {
    let bench = Bench::new(|_| {});
    let begin = || drop(bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap());
    begin();
    bench.clock.pass(Duration::from_secs(1800));
    let redirect = bench.redirect();
    let elsewhere = Bench::new(|_| {});
    bench.script(|script| {
        script.tamper.discovery =
            tamper(json!({"set": {"token_endpoint": format!("{}/token", elsewhere.idp.issuer())}}));
    });
    // A login that begins now goes by the new document.
    bench.clock.pass(Duration::from_secs(1801));
    begin();
    assert_eq!(bench.count("/.well-known/openid-configuration"), 2);
    bench.keyfob.complete_login(&redirect).unwrap();
    assert_eq!((bench.count("/token"), elsewhere.count("/token")), (1, 0));
}

#[test]
fn another_redirect_of_a_login_that_is_being_completed_is_judged_by_itself() {
    let bench = Bench::new(|script| {
        script.faults = vec![keyfob_idp::Fault::on(keyfob_idp::Endpoint::Token).delay(0.4)];
    });
    let redirect = bench.redirect();
    std::thread::scope(|scope| {
        let completing = scope.spawn(|| bench.keyfob.complete_login(&redirect).unwrap());
        while bench.count("/token") == 0 && !completing.is_finished() {
            std::thread::yield_now();
        }
        let evil = scope.spawn(|| {
            let error = bench.keyfob.complete_login(&with(&redirect, "iss", Some("https://evil.example"))).unwrap_err();
            assert_eq!((error.kind(), error.reason()), rejected(Reason::IssuerMismatch));
        });
        let error = bench.keyfob.complete_login(&with(&redirect, "code", Some("another"))).unwrap_err();
        assert_eq!((error.kind(), error.reason()), rejected(Reason::RedirectUsed));
        evil.join().unwrap();
        completing.join().unwrap();
    });
    assert_eq!(bench.count("/token"), 1);
}

#[test]
fn s25_two_providers_with_one_redirect_uri_need_redirects_that_name_their_issuer() {
    let bench = Bench::new(|_| {});
    let elsewhere = Bench::new(|script| {
        script.tamper.discovery = tamper(json!({"remove": ["authorization_response_iss_parameter_supported"]}));
    });
    let open = |second: &str, redirect_uri: &str| {
        let temp = support::Temp::new();
        let registration = |id: &str, issuer: &str, redirect_uri: &str| {
            Registration::new(id, "oidc", "demo", redirect_uri).variable("issuer", issuer)
        };
        let config = Config::builder(temp.store())
            .plaintext(true)
            .registration(registration(SSO, bench.idp.issuer(), support::REDIRECT_URI))
            .registration(registration("second", second, redirect_uri))
            .build();
        (Keyfob::open(config.unwrap()).unwrap(), temp)
    };
    let (keyfob, _temp) = open(elsewhere.idp.issuer(), support::REDIRECT_URI);
    let _ = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    let error = keyfob.begin_login("second", LoginOptions::new()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Configuration, Reason::MixUpRisk));
    // One of its own is good; and so is the same one for two registrations at one provider.
    let (keyfob, _temp) = open(elsewhere.idp.issuer(), "http://127.0.0.1/callback/second");
    let _ = keyfob.begin_login("second", LoginOptions::new()).unwrap();
    bench.script(|script| {
        script.tamper.discovery = tamper(json!({"remove": ["authorization_response_iss_parameter_supported"]}));
    });
    let (keyfob, _temp) = open(bench.idp.issuer(), support::REDIRECT_URI);
    let _ = keyfob.begin_login("second", LoginOptions::new()).unwrap();
}

#[test]
fn s28_discovery_follows_no_redirect() {
    let elsewhere = Bench::new(|_| {});
    let document = format!("{}/.well-known/openid-configuration", elsewhere.idp.issuer());
    let bench = Bench::new(|script| {
        let fault = keyfob_idp::Fault::on(keyfob_idp::Endpoint::Discovery).status(302);
        script.faults = vec![fault.header("Location", &document)];
    });
    let error = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::BadResponse, Reason::UnexpectedRedirect));
    assert_eq!(elsewhere.idp.requests().len(), 0);
}
