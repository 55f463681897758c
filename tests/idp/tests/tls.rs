//! HTTPS with certificates of the provider's own making, and clients that must refuse the wrong ones.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs, reason = "tests")]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;

use common::{App, parameter};
use keyfob_idp::{Certificate, Close, Endpoint, Fault, Idp, Script, browser};

const JWKS: &str = "/jwks";

fn showing(certificate: Certificate) -> Script {
    let mut script = Script::default();
    script.tls.certificate = certificate;
    script
}

#[test]
fn a_whole_login_works_over_tls() {
    let idp = Idp::start_tls(Script::default()).unwrap();
    assert!(idp.issuer().starts_with("https://127.0.0.1:"), "{}", idp.issuer());
    let app = App::new(&idp);
    let metadata = app.get_path("/.well-known/openid-configuration").json();
    assert_eq!(metadata["token_endpoint"], format!("{}/token", idp.issuer()));

    let redirect = app.log_in("openid email");
    assert_eq!(parameter(&redirect, "iss").as_deref(), Some(idp.issuer()));
    let tokens = app.exchange(&redirect).json();
    assert_eq!(app.verified_claims(tokens["id_token"].as_str().unwrap())["iss"], idp.issuer());
    assert_eq!(app.userinfo(tokens["access_token"].as_str().unwrap()).json()["email"], "ada@example.com");
    assert_eq!(app.refresh(tokens["refresh_token"].as_str().unwrap()).status, 200);
}

#[test]
fn requests_of_one_tls_connection_have_one_number() {
    let idp = Idp::start_tls(Script::default()).unwrap();
    let (first, second) = (App::new(&idp), App::new(&idp));
    first.get_path(JWKS);
    second.get_path(JWKS);
    first.get_path(JWKS);
    let connections: Vec<u64> = idp.requests().iter().map(|request| request.connection).collect();
    assert_eq!(connections, [1, 2, 1]);
}

#[test]
fn each_wrong_certificate_is_refused_for_its_own_reason() {
    for (certificate, reason) in [
        (Certificate::Expired, "expired"),
        (Certificate::NotYetValid, "not valid yet"),
        (Certificate::WrongHost, "not valid for name"),
        (Certificate::SelfSigned, "UnknownIssuer"),
    ] {
        let idp = Idp::start_tls(showing(certificate)).unwrap();
        let error = App::new(&idp).try_get_path(JWKS).unwrap_err().to_string();
        assert!(error.contains(reason), "{certificate:?}: {error}");
        assert!(idp.requests().is_empty(), "{certificate:?}: a client that refuses sends no request");
        let url = App::new(&idp).authorization_url("openid");
        browser::log_in(&url, "ada", "lovelace").unwrap_err();
    }
}

#[test]
fn a_client_that_does_not_know_the_authority_refuses_it() {
    let idp = Idp::start_tls(Script::default()).unwrap();
    let error = App::at(idp.issuer()).try_get_path(JWKS).unwrap_err().to_string();
    assert!(error.contains("UnknownIssuer"), "{error}");
}

#[test]
fn a_certificate_changes_with_the_next_connection() {
    let idp = Idp::start_tls(Script::default()).unwrap();
    let app = App::new(&idp);
    assert_eq!(app.get_path(JWKS).status, 200);
    idp.set_script(showing(Certificate::Expired)).unwrap();
    assert_eq!(app.get_path(JWKS).status, 200, "the open connection stays good");
    App::new(&idp).try_get_path(JWKS).unwrap_err();
    idp.set_script(Script::default()).unwrap();
    assert_eq!(App::new(&idp).get_path(JWKS).status, 200);
}

#[test]
fn a_provider_that_comes_back_is_still_trusted() {
    let idp = Idp::start_tls(Script::default()).unwrap();
    let app = App::new(&idp);
    let port = idp.issuer().rsplit(':').next().unwrap().parse().unwrap();
    drop(idp);
    app.try_get_path(JWKS).unwrap_err();
    let _back = Idp::start_tls_on(port, Script::default()).unwrap();
    assert_eq!(app.get_path(JWKS).status, 200);
}

#[test]
fn faults_happen_over_tls_too() {
    let mut script = Script::default();
    script.faults = vec![
        Fault::on(Endpoint::Jwks).nth(1).close(Close::BeforeHeaders),
        Fault::on(Endpoint::Jwks).nth(2).close(Close::AfterHeaders),
        Fault::on(Endpoint::Jwks).nth(3).close(Close::MidBody),
        Fault::on(Endpoint::Jwks).nth(4).delay(0.3),
        Fault::on(Endpoint::Jwks).nth(5).status(503).header("retry-after", "7"),
    ];
    let idp = Idp::start_tls(script).unwrap();
    // A connection each, for a client may try again by itself on one that it kept.
    for _ in 0..3 {
        App::new(&idp).try_get_path(JWKS).unwrap_err();
    }
    App::new(&idp).get_path(JWKS);
    let busy = App::new(&idp).get_path(JWKS);
    assert_eq!((busy.status, busy.header("retry-after").as_deref()), (503, Some("7")));
    let log = idp.requests();
    let closed: Vec<Option<Close>> = log.iter().map(|request| request.closed).collect();
    assert_eq!(
        closed,
        [Some(Close::BeforeHeaders), Some(Close::AfterHeaders), Some(Close::MidBody), None, None],
        "nobody asked twice"
    );
    assert!(log[4].at_seconds - log[3].at_seconds >= 0.3);
}

#[test]
fn what_was_sent_before_the_cut_arrives_over_tls() {
    let mut script = Script::default();
    // Several records of TLS, and more than a socket takes at once.
    let body = "x".repeat(3_000_000);
    script.faults = vec![Fault::on(Endpoint::Userinfo).body(body.clone()).close(Close::MidBody)];
    let idp = Idp::start_tls(script).unwrap();
    let pem = idp.ca_certificate().unwrap();
    let roots = ureq::tls::RootCerts::from([ureq::tls::Certificate::from_pem(pem.as_bytes()).unwrap()]);
    let tls = ureq::tls::TlsConfig::builder().root_certs(roots).build();
    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).tls_config(tls).build().into();
    let answer = agent.get(format!("{}/userinfo", idp.issuer())).call().unwrap();
    let mut arrived = Vec::new();
    answer.into_body().into_reader().read_to_end(&mut arrived).unwrap_err();
    assert_eq!(arrived.len(), body.len() / 2);
}

#[test]
fn who_speaks_plain_http_to_it_or_nothing_at_all_disturbs_nobody() {
    let idp = Idp::start_tls(Script::default()).unwrap();
    let address = idp.issuer().strip_prefix("https://").unwrap();
    let _silent = TcpStream::connect(address).unwrap();
    let mut plain = TcpStream::connect(address).unwrap();
    write!(plain, "GET {JWKS} HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
    assert_eq!(App::new(&idp).get_path(JWKS).status, 200);
    assert_eq!(idp.requests().len(), 1);
}

#[test]
fn a_wrong_certificate_without_tls_is_a_mistake_of_the_script() {
    let error = Idp::start(showing(Certificate::Expired)).unwrap_err().to_string();
    assert!(error.contains("tls.certificate"), "{error}");
    let idp = Idp::start(Script::default()).unwrap();
    assert_eq!(idp.ca_certificate(), None);
    assert_eq!(idp.set_script(showing(Certificate::WrongHost)).unwrap_err().key, "tls.certificate");
}
