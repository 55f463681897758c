//! Pushed authorization requests (RFC 9126), on real HTTP.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::collections::BTreeSet;

use keyfob::{Config, ErrorKind, Keyfob, LoginOptions, Provider, Reason, Registration};
use keyfob_idp::{ClientAuth, ClientJwt, Endpoint, Fault, Idp, Script, browser};
use serde_json::json;
use support::signer::{P256, jwk};
use support::{Bench, REDIRECT_URI, SSO, Temp, log_in, sealed, tamper};

fn bench() -> Bench {
    Bench::new(|script| script.pushed.required = true)
}

/// The parameters of a URL's query, in order.
fn query(url: &str) -> Vec<(String, String)> {
    url::Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

fn names(url: &str) -> Vec<String> {
    query(url).into_iter().map(|(name, _)| name).collect()
}

/// A library with that registration and nothing else.
fn open(registration: Registration, own: Option<Provider>) -> (Keyfob, Temp) {
    let temp = Temp::new();
    let mut config = Config::builder(temp.store()).registration(registration);
    if let Some(own) = own {
        config = config.provider(own);
    }
    (Keyfob::open(sealed(config)).unwrap(), temp)
}

#[test]
fn s01_where_the_provider_requires_it_the_request_is_pushed_and_the_browser_brings_its_name() {
    let bench = bench();
    let options = LoginOptions::new().parameter("login_hint", "ada").form_post();
    let login = bench.keyfob.begin_login(SSO, options).unwrap();
    assert_eq!(names(login.authorization_url()), ["client_id", "request_uri"]);
    assert!(login.authorization_url().starts_with(&format!("{}/authorize?", bench.idp.issuer())));
    let [pushed] = <[_; 1]>::try_from(bench.requests("/par")).unwrap();
    assert_eq!((pushed.method.as_str(), pushed.status), ("POST", Some(201)));
    assert!(pushed.query.is_empty() && pushed.header("authorization").is_none());
    let mut sent: Vec<&str> = pushed.form.iter().map(|(name, _)| name.as_str()).collect();
    sent.sort_unstable();
    let all = [
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "login_hint",
        "nonce",
        "redirect_uri",
        "response_mode",
        "response_type",
        "scope",
        "state",
    ];
    assert_eq!(sent, all);
    assert_eq!(pushed.parameter("code_challenge_method"), Some("S256"));
    assert_eq!(pushed.parameter("redirect_uri"), Some(REDIRECT_URI));
    assert_eq!(pushed.parameter("login_hint"), Some("ada"));

    let (url, body) = browser::log_in_by_form(login.authorization_url(), "ada", "lovelace").unwrap();
    let session = bench.keyfob.complete_login_form(&url, &body).unwrap().into_session();
    assert_eq!(session.provider_uid(), "u-1");
    bench.keyfob.refresh_session(session.id()).unwrap();
    assert_eq!(bench.count("/par"), 1);
}

#[test]
fn s32_the_client_proves_itself_once_in_its_own_way() {
    let ways = [ClientAuth::None, ClientAuth::Basic, ClientAuth::Post, ClientAuth::PrivateKeyJwt];
    for way in ways {
        let mut script = Script::default();
        let client = keyfob_idp::Registration::new("conf", REDIRECT_URI);
        script.registrations = vec![match way {
            ClientAuth::None => client,
            ClientAuth::PrivateKeyJwt => client.signing(way, ClientJwt::new(jwk(P256, "k"))),
            _ => client.secret(way, "s e&c"),
        }];
        script.pushed.required = true;
        let idp = Idp::start(script).unwrap();
        let registration = Registration::new(SSO, "oidc", "conf", REDIRECT_URI).variable("issuer", idp.issuer());
        let (keyfob, _temp) = open(
            match way {
                ClientAuth::Basic => registration.client_secret("s e&c"),
                ClientAuth::Post => registration.client_secret("s e&c").client_secret_post(),
                ClientAuth::PrivateKeyJwt => registration.private_key(P256).key_id("k"),
                _ => registration,
            },
            None,
        );
        let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
        keyfob.complete_login(&log_in(login.authorization_url())).unwrap();
        let pushed = idp.requests().into_iter().find(|request| request.path == "/par").unwrap();
        let count = |name: &str| pushed.form.iter().filter(|(key, _)| key == name).count();
        assert_eq!(count("client_id"), 1, "{way:?}");
        assert_eq!(pushed.header("authorization").is_some(), way == ClientAuth::Basic);
        assert_eq!(count("client_secret"), usize::from(way == ClientAuth::Post));
        assert_eq!(count("client_assertion"), usize::from(way == ClientAuth::PrivateKeyJwt));
        let shown: BTreeSet<String> = query(login.authorization_url()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(shown, BTreeSet::from(["client_id".to_owned(), "request_uri".to_owned()]));
    }
}

#[test]
fn a_registration_or_a_provider_s_file_may_want_it_where_the_metadata_does_not() {
    let bench = Bench::new(|_| {});
    let login = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    assert!(names(login.authorization_url()).contains(&"code_challenge".to_owned()));
    assert_eq!(bench.count("/par"), 0, "nobody has asked for it");

    let registration = Registration::new(SSO, "oidc", "demo", REDIRECT_URI).variable("issuer", bench.idp.issuer());
    let (keyfob, _temp) = open(registration.require_pushed_authorization_requests(), None);
    let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    assert_eq!(names(login.authorization_url()), ["client_id", "request_uri"]);
    keyfob.complete_login(&log_in(login.authorization_url())).unwrap();

    let at = |path: &str| format!("{}{path}", bench.idp.issuer());
    let own = |more: serde_json::Value| {
        let mut file = json!({
            "id": "acme", "kind": "oauth2", "profile": { "uid": "/sub" }, "authorize": { "pushed": true },
            "endpoints": { "authorization": at("/authorize?tenant=1"), "token": at("/token"), "userinfo": at("/userinfo") }
        });
        file["endpoints"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Provider::from_json(&file.to_string()).unwrap()
    };
    let registration = || Registration::new(SSO, "acme", "demo", REDIRECT_URI).scope("email");
    let (keyfob, _temp) = open(registration(), Some(own(json!({ "pushed_authorization_request": at("/par") }))));
    let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    assert_eq!(names(login.authorization_url()), ["tenant", "client_id", "request_uri"], "the endpoint's own stays");
    assert_eq!(bench.requests("/par").last().unwrap().parameter("tenant"), None);
    keyfob.complete_login(&log_in(login.authorization_url())).unwrap();

    let (keyfob, _temp) = open(registration(), Some(own(json!({}))));
    let error = keyfob.begin_login(SSO, LoginOptions::new()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Configuration, Reason::InvalidConfiguration));
}

#[test]
fn a_push_that_fails_leaves_nothing_behind_and_may_be_tried_again() {
    let bench = bench();
    let fault = |status: u16| Fault::on(Endpoint::PushedAuthorizationRequest).status(status).process(false);
    let refusal = |code: &str| json!({ "error": code, "error_description": "words" });
    for (fault, kind, reason) in [
        (fault(400).body(refusal("invalid_request")), ErrorKind::OAuth, Reason::ServerError),
        (fault(401).body(refusal("invalid_client")), ErrorKind::Configuration, Reason::InvalidClient),
        (fault(403).body(refusal("unauthorized_client")), ErrorKind::Configuration, Reason::InvalidClient),
        (fault(429), ErrorKind::RateLimited, Reason::BackOff),
        (fault(503), ErrorKind::Network, Reason::ProviderUnavailable),
        (fault(400).body("<html>"), ErrorKind::Network, Reason::CaptivePortal),
        (fault(201).body("<html>"), ErrorKind::BadResponse, Reason::NotJson),
        (fault(201).body(json!({ "expires_in": 60 })), ErrorKind::BadResponse, Reason::MalformedResponse),
        (
            fault(201).body(json!({ "request_uri": "urn:x", "expires_in": 0 })),
            ErrorKind::BadResponse,
            Reason::MalformedResponse,
        ),
    ] {
        bench.script(|script| script.faults = vec![fault.clone()]);
        let error = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (kind, reason), "{fault:?}");
        assert!(!format!("{error:?} {error}").contains("words"));
        assert!(bench.keyfob.pending_logins().unwrap().is_empty());
    }
    bench.script(|script| script.faults.clear());
    bench.log_in();
}

#[test]
fn s31_the_endpoint_sends_nobody_on() {
    let bench = bench();
    let elsewhere = Idp::start(Script::default()).unwrap();
    for status in [301, 302, 303, 307, 308] {
        let location = format!("{}/par", elsewhere.issuer());
        let fault = Fault::on(Endpoint::PushedAuthorizationRequest).process(false).status(status);
        bench.script(|script| script.faults = vec![fault.header("location", &location)]);
        let error = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap_err();
        assert_eq!(error.reason(), Reason::UnexpectedRedirect, "{status}");
    }
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn s16_an_endpoint_without_tls_is_refused_before_anything_is_sent() {
    let bench = Bench::new(|script| {
        script.pushed.required = true;
        script.tamper.discovery =
            tamper(json!({ "set": { "pushed_authorization_request_endpoint": "http://par.example/par" } }));
    });
    let error = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Configuration, Reason::InsecureEndpoint));
    assert_eq!(bench.count("/par"), 0);
}

#[test]
fn a_provider_that_requires_it_and_names_no_place_for_it_is_an_error() {
    let bench = Bench::new(|script| {
        script.pushed.required = true;
        script.tamper.discovery = tamper(json!({ "remove": ["pushed_authorization_request_endpoint"] }));
    });
    let error = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadResponse);
    assert!(bench.keyfob.pending_logins().unwrap().is_empty());
}

#[test]
fn nobody_there_is_a_network_error_and_the_next_try_goes_through() {
    // An address that nobody listens at: a provider that is gone.
    let gone = Idp::start(Script::default()).unwrap().issuer().to_owned();
    let bench = Bench::new(|script| {
        script.pushed.required = true;
        script.tamper.discovery =
            tamper(json!({ "set": { "pushed_authorization_request_endpoint": format!("{gone}/par") } }));
    });
    let error = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Network, Reason::NotSent));
    assert!(error.is_retryable() && bench.keyfob.pending_logins().unwrap().is_empty());
    bench.script(|script| script.tamper.discovery = tamper(json!({})));
    // The metadata is asked for again in an hour.
    bench.clock.pass(std::time::Duration::from_secs(3601));
    bench.log_in();
}

#[test]
fn a_request_that_the_provider_has_forgotten_is_begun_anew() {
    let bench = Bench::new(|script| {
        script.pushed.required = true;
        script.pushed.request_seconds = 0.001;
    });
    let login = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    support::let_others_wait();
    assert!(browser::log_in(login.authorization_url(), "ada", "lovelace").is_err(), "the provider shows its own page");
    assert_eq!(bench.keyfob.pending_logins().unwrap().len(), 1, "it waits until it is over, or cancelled");
    bench.keyfob.cancel_login(login.id()).unwrap();
    bench.script(|script| script.pushed.request_seconds = 60.0);
    bench.log_in();
}
