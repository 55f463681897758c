//! Faults and lies, as the script orders them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "tests")]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use common::{App, parameter};
use keyfob_idp::{Algorithm, Close, Endpoint, Fault, Idp, Script};
use serde_json::{Value, json};

fn playing(script: Value) -> (Idp, App) {
    let idp = Idp::start(Script::from_json(&script.to_string()).unwrap()).unwrap();
    let app = App::new(&idp);
    (idp, app)
}

/// An ID token of a login under this script, taken apart but not checked.
fn id_token(script: Value) -> (App, String, Value, Value) {
    let (idp, app) = playing(script);
    let tokens = app.exchange(&app.log_in("openid")).json();
    let token = tokens["id_token"].as_str().unwrap().to_owned();
    std::mem::forget(idp); // the key set is still to be asked for
    let part = |index: usize| {
        let part = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let (header, claims) = (part(0), part(1));
    (app, token, header, claims)
}

fn raw(idp: &Idp, path: &str) -> String {
    let address = idp.issuer().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[test]
fn a_connection_is_cut_where_the_script_says() {
    let idp = Idp::start(Script::default()).unwrap();
    let cut = |close: Close| {
        let mut script = Script::default();
        script.faults = vec![Fault::on(Endpoint::Discovery).close(close)];
        idp.set_script(script).unwrap();
        raw(&idp, "/.well-known/openid-configuration")
    };
    assert_eq!(cut(Close::BeforeHeaders), "");

    let headers = cut(Close::AfterHeaders);
    assert!(headers.starts_with("HTTP/1.1 200 OK\r\n") && headers.ends_with("\r\n\r\n"), "{headers}");

    let half = cut(Close::MidBody);
    let (headers, body) = half.split_once("\r\n\r\n").unwrap();
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert_eq!(body.len(), length.parse::<usize>().unwrap() / 2);
    assert_eq!(idp.requests().last().unwrap().closed, Some(Close::MidBody));
}

#[test]
fn a_lost_answer_spent_the_refresh_token() {
    let (idp, app) = playing(json!({ "faults": [
        { "endpoint": "token", "grant_type": "refresh_token", "nth": 1, "close": "before_headers" } ] }));
    let tokens = app.exchange(&app.log_in("openid")).json();
    let form = app.refresh_form(tokens["refresh_token"].as_str().unwrap());
    app.try_post("/token", &form, &[]).unwrap_err();
    let lost = idp.requests().pop().unwrap();
    assert_eq!((lost.status, lost.closed), (Some(200), Some(Close::BeforeHeaders)));
    assert!(lost.answer_json()["refresh_token"].is_string(), "the log knows what was lost");
    assert_eq!(app.post("/token", &form).json()["error"], "invalid_grant");
}

#[test]
fn a_request_that_was_not_processed_spent_nothing() {
    let (_idp, app) = playing(json!({ "faults": [
        { "endpoint": "token", "grant_type": "refresh_token", "nth": 1, "close": "mid_body", "process": false } ] }));
    let tokens = app.exchange(&app.log_in("openid")).json();
    let form = app.refresh_form(tokens["refresh_token"].as_str().unwrap());
    app.try_post("/token", &form, &[]).unwrap_err();
    assert_eq!(app.post("/token", &form).status, 200);
}

#[test]
fn a_status_a_body_and_headers_replace_the_answer() {
    let (_idp, app) = playing(json!({ "faults": [
        { "endpoint": "token", "nth": 1, "status": 503, "headers": { "Retry-After": "7", "Date": "Thu, 01 Jan 1970 00:00:00 GMT" } },
        { "endpoint": "token", "nth": 2, "body": "<html>", "headers": { "content-type": "text/html" } },
        { "endpoint": "token", "nth": 3, "status": 400, "body": { "error": "slow_down" } } ] }));
    let redirect = app.log_in("openid");
    let busy = app.exchange(&redirect);
    assert_eq!((busy.status, busy.header("retry-after").as_deref()), (503, Some("7")));
    assert_eq!(busy.header("date").as_deref(), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
    let html = app.exchange(&redirect);
    assert_eq!(
        (html.status, html.body.as_str(), html.header("content-type").as_deref()),
        (200, "<html>", Some("text/html"))
    );
    let slow = app.exchange(&redirect);
    assert_eq!((slow.status, slow.json()), (400, json!({ "error": "slow_down" })));
    assert_eq!(app.exchange(&redirect).status, 200, "none of the three was processed");
}

#[test]
fn an_answer_is_late_but_its_work_is_done_before() {
    let mut script = Script::default();
    script.faults = vec![Fault::on(Endpoint::Jwks).nth(1).delay(0.3)];
    let idp = Idp::start(script).unwrap();
    let app = App::new(&idp);
    app.get_path("/jwks");
    app.get_path("/jwks");
    let log = idp.requests();
    assert!(log[1].at_seconds - log[0].at_seconds >= 0.3);
}

#[test]
fn a_request_whose_client_is_gone_is_worked_on_all_the_same() {
    let mut script = Script::default();
    script.faults = vec![Fault::on(Endpoint::Jwks).lag(0.2)];
    let idp = Idp::start(script).unwrap();
    let mut client = TcpStream::connect(idp.issuer().trim_start_matches("http://")).unwrap();
    client.write_all(b"GET /jwks HTTP/1.1\r\nhost: idp\r\n\r\n").unwrap();
    let status = || idp.requests().first().map(|request| request.status);
    while status().is_none() {
        thread::yield_now();
    }
    drop(client);
    assert_eq!(status(), Some(None), "it is in the log before it is worked on");
    while status() == Some(None) {
        thread::yield_now();
    }
    assert!(idp.seconds() - idp.requests()[0].at_seconds >= 0.2);
}

#[test]
fn claims_are_changed_and_signed_all_the_same() {
    let (app, token, _, claims) = id_token(json!({ "tamper": { "id_token": {
        "set": { "acr": "high" }, "remove": ["at_hash"], "append": { "nonce": "1" }, "shift": { "iat": -60 } } } }));
    assert_eq!(app.verified_claims(&token), claims);
    assert_eq!((&claims["acr"], claims.get("at_hash"), &claims["nonce"]), (&json!("high"), None, &json!("the-nonce1")));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3660);
}

#[test]
fn a_claim_may_stand_there_twice() {
    let (app, token, ..) = id_token(json!({ "tamper": { "id_token": { "splice": ",\"sub\":\"u-2\"" } } }));
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    assert_eq!(String::from_utf8(payload).unwrap().matches("\"sub\"").count(), 2);
    app.verify(&token).unwrap_err(); // only because of what it says; no library takes it
}

#[test]
fn a_signature_may_be_wrong_in_each_way() {
    for wrong in [json!({ "corrupt_signature": true }), json!({ "key": "unpublished" })] {
        let (app, token, ..) = id_token(json!({ "tamper": { "id_token": wrong } }));
        let error = app.verify(&token).unwrap_err();
        assert_eq!(*error.kind(), jsonwebtoken::errors::ErrorKind::InvalidSignature, "{wrong}");
    }
    for none in ["none", "nOnE"] {
        let (_, token, header, _) = id_token(json!({ "tamper": { "id_token": { "alg": none } } }));
        assert!(token.ends_with('.') && header["alg"] == none);
    }
    let (app, token, header, _) =
        id_token(json!({ "tamper": { "id_token": { "alg": "HS256", "hmac_key": "public_key_der" } } }));
    assert_eq!(header["alg"], "HS256");
    app.verify(&token).unwrap_err();
    let (_, token, header, _) =
        id_token(json!({ "tamper": { "id_token": { "header": { "kid": null, "typ": "at+jwt" } } } }));
    assert_eq!((header.get("kid"), &header["typ"]), (None, &json!("at+jwt")));
    assert_eq!(token.split('.').count(), 3);
    let (idp, app) = playing(json!({ "tamper": { "id_token": { "raw": "not a token" } } }));
    assert_eq!(app.exchange(&app.log_in("openid")).json()["id_token"], "not a token");
    drop(idp);
}

#[test]
fn an_honest_hs256_is_signed_with_the_clients_secret() {
    let (_idp, _) = playing(json!({
        "registrations": [{ "client_id": "demo", "client_auth": "post", "client_secret": "s3cret", "redirect_uris": [common::REDIRECT] }],
        "tamper": { "id_token": { "alg": "HS256", "hmac_key": "client_secret" } } }));
    let app = App::new(&_idp);
    let mut form = app.exchange_form(&parameter(&app.log_in("openid"), "code").unwrap());
    form.push(("client_secret".to_owned(), "s3cret".to_owned()));
    let token = app.post("/token", &form).json()["id_token"].as_str().unwrap().to_owned();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    validation.set_audience(&["demo"]);
    jsonwebtoken::decode::<Value>(&token, &jsonwebtoken::DecodingKey::from_secret(b"s3cret"), &validation).unwrap();
}

#[test]
fn a_lie_may_wait_for_the_refresh() {
    let (_idp, app) = playing(json!({ "tamper": {
        "id_token": { "set": { "sub": "u-2" }, "on": "refresh" }, "token": { "remove": ["expires_in"], "on": "login" } } }));
    let first = app.exchange(&app.log_in("openid")).json();
    let second = app.refresh(first["refresh_token"].as_str().unwrap()).json();
    assert_eq!(app.verified_claims(first["id_token"].as_str().unwrap())["sub"], "u-1");
    assert_eq!(app.verified_claims(second["id_token"].as_str().unwrap())["sub"], "u-2");
    assert_eq!((first.get("expires_in"), &second["expires_in"]), (None, &json!(3600)));
}

#[test]
fn redirects_metadata_keys_and_userinfo_lie_too() {
    let (_idp, app) = playing(json!({ "tamper": {
        "redirect": { "set": { "iss": "https://evil.example" }, "remove": ["state"] },
        "discovery": { "append": { "issuer": "INVALID" } }, "jwks": { "set": { "keys": [] } },
        "userinfo": { "set": { "sub": "u-2" } } } }));
    let redirect = app.log_in("openid");
    assert_eq!(parameter(&redirect, "iss").as_deref(), Some("https://evil.example"));
    assert_eq!(parameter(&redirect, "state"), None);
    let metadata = app.get_path("/.well-known/openid-configuration").json();
    assert!(metadata["issuer"].as_str().unwrap().ends_with("INVALID"));
    assert_eq!(app.get_path("/jwks").json(), json!({ "keys": [] }));
    let tokens = app.exchange(&redirect).json();
    assert_eq!(app.userinfo(tokens["access_token"].as_str().unwrap()).json()["sub"], "u-2");
}

#[test]
fn every_algorithm_signs_when_it_is_the_first() {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    for algorithm in [ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512] {
        let mut script = Script::default();
        script.algorithms = vec![algorithm, RS256];
        script.algorithms.dedup();
        let idp = Idp::start(script).unwrap();
        let app = App::new(&idp);
        let token = app.exchange(&app.log_in("openid")).json()["id_token"].as_str().unwrap().to_owned();
        assert_eq!(app.verified_claims(&token)["sub"], "u-1", "{algorithm:?}");
    }
}

#[test]
fn keys_change_with_their_generation() {
    let (idp, app) = playing(json!({}));
    let before = app.get_path("/jwks").json();
    let mut script = Script::default();
    script.keys.generation = 1;
    idp.set_script(script).unwrap();
    let after = app.get_path("/jwks").json();
    assert_ne!(before["keys"][0]["kid"], after["keys"][0]["kid"]);
    assert_ne!(before["keys"][0]["n"], after["keys"][0]["n"]);
}

#[test]
fn keys_may_change_right_before_each_signature() {
    let (_idp, app) = playing(json!({ "algorithms": ["ES256"], "keys": { "rotate_before_signing": true } }));
    let before = app.get_path("/jwks").json();
    let token = app.exchange(&app.log_in("openid")).json()["id_token"].as_str().unwrap().to_owned();
    let kid = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
    assert_ne!(before["keys"][0]["kid"], json!(kid));
    app.verified_claims(&token); // asks for the keys anew
}

#[test]
fn the_providers_clock_may_be_off() {
    let (_idp, app) = playing(json!({ "clock_offset_seconds": -7200 }));
    let (_right_idp, right) = playing(json!({}));
    let date = |app: &App| httpdate::parse_http_date(&app.get_path("/jwks").header("date").unwrap()).unwrap();
    let behind = date(&right).duration_since(date(&app)).unwrap().as_secs();
    assert!((7195..=7205).contains(&behind), "{behind}");
    let tokens = app.exchange(&app.log_in("openid")).json();
    let payload = tokens["id_token"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    let now = date(&right).duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!((7195..=7205).contains(&(now - claims["iat"].as_u64().unwrap())));
    assert_eq!(app.userinfo(tokens["access_token"].as_str().unwrap()).status, 200, "lifetimes do not follow it");
}
