//! Answers that are too much, or not what they should be, over real HTTP: too long, too deep, packed, a page, a redirect.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use keyfob::{ErrorKind, Freshness, Keyfob, LoginOptions, MinValidity, Reason, SessionState};
use keyfob_idp::{Endpoint, Fault};
use serde_json::{Value, json};
use support::{Bench, SSO, Temp, builder, sealed, tamper};

/// What a login's beginning makes of a discovery document that was changed.
fn discovery(part: Value) -> Result<(), Reason> {
    let bench = Bench::new(|script| script.tamper.discovery = tamper(part));
    bench.keyfob.begin_login(SSO, LoginOptions::new()).map(|_| ()).map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::BadResponse, "{error}");
        error.reason()
    })
}

/// Objects in each other, so many.
fn nested(depth: usize) -> Value {
    (1..depth).fold(json!({}), |inner, _| json!({ "x": inner }))
}

fn members(count: usize) -> Value {
    (0..count).map(|index| (format!("m{index}"), json!(index))).collect::<serde_json::Map<_, _>>().into()
}

const LARGE: Result<(), Reason> = Err(Reason::ResponseTooLarge);

#[test]
fn s76_metadata_is_bounded_in_bytes_depth_and_members() {
    assert_eq!(discovery(json!({"set": {"x": "x".repeat(500 * 1024)}})), Ok(()));
    assert_eq!(discovery(json!({"set": {"x": "x".repeat(512 * 1024)}})), LARGE);
    // The document itself is the first of the 32.
    assert_eq!(discovery(json!({"set": {"x": nested(31)}})), Ok(()));
    assert_eq!(discovery(json!({"set": {"x": nested(32)}})), LARGE);
    assert_eq!(discovery(json!({"set": {"x": members(256)}})), Ok(()));
    assert_eq!(discovery(json!({"set": {"x": members(257)}})), LARGE);
}

#[test]
fn s76_headers_are_bounded() {
    let with = |bytes: usize| {
        let fault = Fault::on(Endpoint::Discovery).header("x-filler", &"x".repeat(bytes));
        let bench = Bench::new(|script| script.faults = vec![fault]);
        bench.keyfob.begin_login(SSO, LoginOptions::new()).map(|_| ()).map_err(|error| error.reason())
    };
    assert_eq!(with(60 * 1024), Ok(()));
    assert_eq!(with(64 * 1024), LARGE);
}

#[test]
fn s76_a_key_set_is_bounded_in_bytes_and_keys() {
    for (part, reason) in [
        (json!({"set": {"x": "x".repeat(512 * 1024)}}), Reason::ResponseTooLarge),
        (json!({"set": {"keys": vec![json!({"kty": "?"}); 257]}}), Reason::ResponseTooLarge),
        (json!({"set": {"x": nested(32)}}), Reason::ResponseTooLarge),
        (json!({"set": {"x": members(257)}}), Reason::ResponseTooLarge),
        // At the limit the set is read, and has no key that fits.
        (json!({"set": {"keys": vec![json!({"kty": "?"}); 256]}}), Reason::IdTokenKeyNotFound),
    ] {
        let bench = Bench::new(|script| script.tamper.jwks = tamper(part));
        let redirect = bench.redirect();
        let error = bench.keyfob.complete_login(&redirect).unwrap_err();
        assert_eq!(error.reason(), reason);
        assert!(bench.keyfob.sessions().unwrap().is_empty());
    }
    Bench::new(|script| script.tamper.jwks = tamper(json!({"set": {"x": "x".repeat(500 * 1024)}}))).log_in();
}

#[test]
fn s76_a_token_answer_is_bounded_in_bytes_depth_and_members() {
    Bench::new(|script| script.tamper.token = tamper(json!({"set": {"x": "x".repeat(1000 * 1024)}}))).log_in();
    for (part, kind, reason) in [
        // Nobody has read it to its end.
        (json!({"set": {"x": "x".repeat(1024 * 1024)}}), ErrorKind::LoginRequired, Reason::CodeExchangeInDoubt),
        (json!({"set": {"x": nested(32)}}), ErrorKind::BadResponse, Reason::MalformedTokenResponse),
        (json!({"set": {"x": members(257)}}), ErrorKind::BadResponse, Reason::MalformedTokenResponse),
    ] {
        let bench = Bench::new(|script| script.tamper.token = tamper(part));
        let error = bench.keyfob.complete_login(&bench.redirect()).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (kind, reason));
        assert_eq!(bench.count("/token"), 1);
    }
}

#[test]
fn s76_a_profile_is_bounded_and_its_session_stays() {
    for part in [
        json!({"set": {"x": "x".repeat(1024 * 1024)}}),
        json!({"set": {"x": nested(32)}}),
        json!({"set": {"x": members(257)}}),
    ] {
        let bench = Bench::new(|_| {});
        let session = bench.log_in();
        bench.script(|script| script.tamper.userinfo = tamper(part));
        let error = bench.keyfob.profile(session.id(), Freshness::secs(0)).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::BadResponse, Reason::ResponseTooLarge));
        assert_eq!(bench.keyfob.session(session.id()).unwrap().state(), SessionState::Active);
    }
}

/// One block of gzip that is stored as it is (RFC 1952).
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    let checksum = !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 })
    });
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    packed.extend([length.to_le_bytes(), (!length).to_le_bytes()].concat());
    packed.extend(bytes);
    packed.extend([checksum.to_le_bytes(), u32::from(length).to_le_bytes()].concat());
    packed
}

/// An issuer with a discovery document and nothing else, which it packs or not. What it is asked is noted.
fn issuer(packs: bool) -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let at = |path: &str| format!("{issuer}{path}");
    let document = json!({
        "issuer": issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"), "jwks_uri": at("/jwks")
    });
    let asked = Arc::new(Mutex::new(String::new()));
    let heard = Arc::clone(&asked);
    thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        *heard.lock().unwrap() = head.join("\n").to_lowercase();
        let body = document.to_string().into_bytes();
        let (body, encoding) = if packs { (gzip(&body), "content-encoding: gzip\r\n") } else { (body, "") };
        let length = body.len();
        let kind = "content-type: application/json";
        write!(stream, "HTTP/1.1 200 OK\r\n{kind}\r\n{encoding}content-length: {length}\r\n\r\n").unwrap();
        stream.write_all(&body).unwrap();
    });
    (issuer, asked)
}

#[test]
fn s76_nothing_is_unpacked_nor_asked_for_packed() {
    for packs in [false, true] {
        let (issuer, asked) = issuer(packs);
        let temp = Temp::new();
        let keyfob = Keyfob::open(sealed(builder(&issuer, &temp.store()))).unwrap();
        let begun = keyfob.begin_login(SSO, LoginOptions::new()).map(|_| ()).map_err(|error| error.reason());
        assert_eq!(begun, if packs { Err(Reason::NotJson) } else { Ok(()) });
        let asked = asked.lock().unwrap();
        assert!(
            asked.starts_with("get /.well-known/openid-configuration") && !asked.contains("accept-encoding"),
            "{asked}"
        );
    }
}

#[test]
fn s77_documents_are_json_by_their_own_word_or_by_what_servers_say_of_it() {
    for (endpoint, kind) in [
        (Endpoint::Discovery, "application/json; charset=UTF-8"),
        (Endpoint::Discovery, "text/plain"),
        (Endpoint::Jwks, "application/jwk-set+json"),
        (Endpoint::Jwks, "application/octet-stream"),
        (Endpoint::Userinfo, "text/javascript"),
    ] {
        Bench::new(|script| script.faults = vec![Fault::on(endpoint).header("content-type", kind)]).log_in();
    }
    let page = |endpoint| Fault::on(endpoint).header("content-type", "text/html; charset=utf-8");
    let bench = Bench::new(|script| script.faults = vec![page(Endpoint::Discovery)]);
    let error = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::BadResponse, Reason::NotJson));
    assert!(error.detail().unwrap().contains("captive portal"), "{error}");

    let bench = Bench::new(|script| script.faults = vec![page(Endpoint::Jwks)]);
    assert_eq!(bench.keyfob.complete_login(&bench.redirect()).unwrap_err().reason(), Reason::NotJson);

    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    bench.script(|script| script.faults = vec![page(Endpoint::Userinfo)]);
    assert_eq!(bench.keyfob.profile(session.id(), Freshness::secs(0)).unwrap_err().reason(), Reason::NotJson);
}

#[test]
fn s77_a_page_that_says_invalid_grant_ends_no_session() {
    let refused = |kind: &str| {
        let fault = Fault::on(Endpoint::Token).grant_type("refresh_token").process(false).status(400);
        fault.body(json!({"error": "invalid_grant"})).header("content-type", kind)
    };
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    bench.script(|script| script.faults = vec![refused("text/html")]);
    let error = bench.keyfob.refresh_session(session.id()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Network, Reason::CaptivePortal));
    assert_eq!(bench.another().session(session.id()).unwrap().state(), SessionState::Active);
    bench.clock.pass(std::time::Duration::from_secs(60));
    bench.script(|script| script.faults.clear());
    bench.keyfob.refresh_session(session.id()).unwrap();
    // The endpoint itself, in JSON, is believed.
    bench.script(|script| script.faults = vec![refused("application/json")]);
    assert_eq!(bench.keyfob.refresh_session(session.id()).unwrap_err().reason(), Reason::Revoked);
}

#[test]
fn s77_tokens_are_not_thrown_away_for_what_the_answer_calls_them() {
    let fault = || Fault::on(Endpoint::Token).header("content-type", "text/html");
    let bench = Bench::new(|script| script.faults = vec![fault()]);
    let session = bench.log_in();
    bench.keyfob.refresh_session(session.id()).unwrap();
}

#[test]
fn s31_redirects_of_the_token_endpoint_are_not_followed_and_nothing_is_sent_twice() {
    let elsewhere = Bench::new(|_| {});
    let location = format!("{}/token", elsewhere.idp.issuer());
    for status in [301, 302, 303, 307, 308] {
        let moved = || Fault::on(Endpoint::Token).process(false).status(status).header("Location", &location);
        let bench = Bench::new(|script| script.faults = vec![moved()]);
        let redirect = bench.redirect();
        let error = bench.keyfob.complete_login(&redirect).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Network, Reason::CaptivePortal), "{status}");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.starts_with("UnexpectedRedirect:"), "{cause}");
        assert_eq!(bench.count("/token"), 1, "{status}");
        // Nobody took the code: the same redirect completes when the endpoint is back.
        bench.script(|script| script.faults.clear());
        let session = bench.keyfob.complete_login(&redirect).unwrap().into_session();
        bench.script(|script| script.faults = vec![moved()]);
        let error = bench.keyfob.refresh_session(session.id()).unwrap_err();
        assert_eq!(error.reason(), Reason::CaptivePortal, "{status}");
        assert_eq!(bench.count("/token"), 3, "{status}");
        bench.keyfob.access_token(session.id(), MinValidity::secs(0)).unwrap();
    }
    assert_eq!(elsewhere.idp.requests().len(), 0);
}

#[test]
fn s28_no_document_comes_from_where_a_redirect_leads() {
    let elsewhere = Bench::new(|_| {});
    for (endpoint, path) in [(Endpoint::Discovery, "/.well-known/openid-configuration"), (Endpoint::Jwks, "/jwks")] {
        for status in [301, 302, 303, 307, 308] {
            let location = format!("{}{path}", elsewhere.idp.issuer());
            let fault = Fault::on(endpoint).status(status).header("Location", &location);
            let bench = Bench::new(|_| {});
            let redirect = (endpoint == Endpoint::Jwks).then(|| bench.redirect());
            bench.script(|script| script.faults = vec![fault]);
            let error = match redirect {
                Some(redirect) => bench.keyfob.complete_login(&redirect).map(|_| ()).unwrap_err(),
                None => bench.keyfob.begin_login(SSO, LoginOptions::new()).map(|_| ()).unwrap_err(),
            };
            assert_eq!(
                (error.kind(), error.reason()),
                (ErrorKind::BadResponse, Reason::UnexpectedRedirect),
                "{status}"
            );
        }
    }
    assert_eq!(elsewhere.idp.requests().len(), 0);
}

#[test]
fn s16_an_insecure_endpoint_of_the_metadata_is_refused_before_anything_is_sent_to_it() {
    for key in [
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "userinfo_endpoint",
        "revocation_endpoint",
        "end_session_endpoint",
    ] {
        let bench =
            Bench::new(|script| script.tamper.discovery = tamper(json!({"set": {key: "http://idp.example/x"}})));
        let error = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Configuration, Reason::InsecureEndpoint), "{key}");
        assert_eq!(error.detail(), Some(key));
        assert_eq!(bench.idp.requests().len(), 1, "{key}");
    }
}
