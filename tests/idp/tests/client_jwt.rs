//! Clients that sign tokens (RFC 7523), and each thing that can be wrong with one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "tests")]

mod common;

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use common::{App, Got, form, parameter};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use keyfob_idp::{ClientAuth, ClientJwt, Idp, Registration, Script};
use serde_json::{Map, Value, json};

const REDIRECT_URI: &str = "http://127.0.0.1/callback/work-sso";
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// P-256 keys, made for this test.
const KEY: &str = include_str!("client_jwt/p256-test-key.pem");
const OTHER: &str = include_str!("client_jwt/other-test-key.pem");

fn jwk() -> Map<String, Value> {
    let text = include_str!("client_jwt/p256-test-key.jwk.json");
    serde_json::from_str(text).unwrap()
}

fn start(auth: ClientAuth, change: impl FnOnce(&mut ClientJwt)) -> (Idp, App) {
    let mut rules = ClientJwt::new(jwk());
    change(&mut rules);
    let mut script = Script::default();
    script.registrations = vec![Registration::new("conf", REDIRECT_URI).signing(auth, rules)];
    let idp = Idp::start(script).unwrap();
    let app = App::client(&idp, "conf");
    (idp, app)
}

#[expect(clippy::disallowed_methods, reason = "an app signs by its own clock, which here is the machine's")]
fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// A good token's claims.
fn claims(idp: &Idp, id: &str) -> Value {
    json!({ "iss": "conf", "sub": "conf", "aud": idp.issuer(), "jti": id, "iat": now(), "exp": now() + 60 })
}

fn signed(claims: &Value, pem: &str, kid: &str) -> String {
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(kid.to_owned());
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    encode(&header, claims, &EncodingKey::from_ec_der(&BASE64_STANDARD.decode(base64).unwrap())).unwrap()
}

/// What the token endpoint says of a code that is none: `invalid_grant` means that the client was believed.
fn ask(app: &App, proof: &[(&str, &str)]) -> Got {
    let mut asked = form(&[("grant_type", "refresh_token"), ("refresh_token", "x")]);
    asked.extend(form(proof));
    app.post("/token", &asked)
}

fn ask_with(app: &App, token: &str) -> (u16, String) {
    let got = ask(app, &[("client_id", "conf"), ("client_assertion_type", TYPE), ("client_assertion", token)]);
    (got.status, got.json()["error"].as_str().unwrap().to_owned())
}

fn believed() -> (u16, String) {
    (400, "invalid_grant".to_owned())
}

fn refused() -> (u16, String) {
    (401, "invalid_client".to_owned())
}

#[test]
fn a_client_that_signs_logs_in_and_each_token_works_once() {
    let (idp, app) = start(ClientAuth::PrivateKeyJwt, |_| {});
    let redirect = app.log_in("openid");
    let mut exchange = app.exchange_form(&parameter(&redirect, "code").unwrap());
    let token = signed(&claims(&idp, "t-1"), KEY, "k-1");
    exchange.extend(form(&[("client_assertion_type", TYPE), ("client_assertion", &token)]));
    assert_eq!(app.post("/token", &exchange).status, 200);
    assert_eq!(ask_with(&app, &token), refused(), "it came before");
    assert_eq!(ask_with(&app, &signed(&claims(&idp, "t-2"), KEY, "k-1")), believed());
}

#[test]
fn the_token_alone_names_the_client() {
    let (idp, app) = start(ClientAuth::PrivateKeyJwt, |_| {});
    let token = signed(&claims(&idp, "t-1"), KEY, "k-1");
    let got = ask(&app, &[("client_assertion_type", TYPE), ("client_assertion", &token)]);
    assert_eq!(got.json()["error"], "invalid_grant");
    let token = signed(&claims(&idp, "t-2"), KEY, "k-1");
    let got = ask(&app, &[("client_id", "demo"), ("client_assertion_type", TYPE), ("client_assertion", &token)]);
    assert_eq!(got.json()["error"], "invalid_client");
}

#[test]
fn a_token_that_is_wrong_in_one_place_is_refused() {
    let (idp, app) = start(ClientAuth::PrivateKeyJwt, |_| {});
    let with = |name: &str, value: Value| {
        let mut claims = claims(&idp, name);
        claims[name] = value;
        ask_with(&app, &signed(&claims, KEY, "k-1"))
    };
    assert_eq!(with("more", json!("is no harm")), believed());
    assert_eq!(with("aud", json!(format!("{}/token", idp.issuer()))), believed());
    assert_eq!(with("iat", json!(now() + 5)), believed());
    for (name, wrong) in [
        ("iss", json!("other")),
        ("sub", json!("other")),
        ("aud", json!("https://other.example")),
        ("aud", json!(format!("{}/", idp.issuer()))),
        ("aud", Value::Null),
        ("jti", Value::Null),
        ("jti", json!("")),
        ("exp", json!(now() - 1)),
        ("exp", json!(now() + 3700)),
        ("exp", Value::Null),
        ("exp", json!("soon")),
        ("iat", json!(now() + 60)),
        ("nbf", json!(now() + 60)),
    ] {
        assert_eq!(with(name, wrong.clone()), refused(), "{name} {wrong}");
    }
    let good = claims(&idp, "good");
    assert_eq!(ask_with(&app, &signed(&good, OTHER, "k-1")), refused(), "another key");
    assert_eq!(ask_with(&app, &signed(&good, KEY, "k-2")), refused(), "another name of the key");
    let token = signed(&good, KEY, "k-1");
    let parts: Vec<&str> = token.split('.').collect();
    let forged = BASE64_URL_SAFE_NO_PAD.encode(claims(&idp, "forged").to_string());
    let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"k-1"}"#);
    for wrong in [
        format!("{}.{forged}.{}", parts[0], parts[2]),
        format!("{header}.{}.", parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        "x".to_owned(),
    ] {
        assert_eq!(ask_with(&app, &wrong), refused(), "{wrong}");
    }
    assert_eq!(ask_with(&app, &token), believed(), "what was refused is not spent");
}

#[test]
fn a_client_proves_itself_in_its_own_way_and_in_no_second_one() {
    let (idp, app) = start(ClientAuth::PrivateKeyJwt, |_| {});
    let token = |id: &str| signed(&claims(&idp, id), KEY, "k-1");
    let error = |proof: &[(&str, &str)]| ask(&app, proof).json()["error"].clone();
    let by_token = |token: &str| {
        let pairs = [("client_id", "conf"), ("client_assertion_type", TYPE), ("client_assertion", token)];
        pairs.map(|(name, value)| (name, value.to_owned()))
    };
    let with = |token: &str, more: (&str, &str)| {
        let pairs = by_token(token);
        let mut all: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        all.push(more);
        error(&all)
    };
    assert_eq!(with(&token("1"), ("client_secret", "s")), "invalid_request");
    assert_eq!(error(&[("client_id", "conf")]), "invalid_client");
    assert_eq!(error(&[("client_id", "conf"), ("client_secret", &token("2"))]), "invalid_client");
    assert_eq!(error(&[("client_id", "conf"), ("client_assertion", &token("3"))]), "invalid_request");
    let other = [("client_id", "conf"), ("client_assertion_type", "x"), ("client_assertion", &token("4"))];
    assert_eq!(error(&other), "invalid_client");
    let mut asked = form(&[("grant_type", "refresh_token"), ("refresh_token", "x")]);
    asked.extend(by_token(&token("5")).map(|(name, value)| (name.to_owned(), value)));
    let got = app.post_with("/token", &asked, &[("authorization", "Basic Y29uZjpz")]);
    assert_eq!(got.json()["error"], "invalid_request");
}

#[test]
fn a_secret_that_the_client_makes_names_the_team_and_may_come_again() {
    let (idp, app) = start(ClientAuth::SignedSecret, |rules| {
        rules.issuer = Some("TEAM".to_owned());
        rules.audiences = vec!["https://apple.example".to_owned()];
    });
    let secret = |issuer: &str, audience: &str, life: i64| {
        let claims = json!({ "iss": issuer, "sub": "conf", "aud": audience, "iat": now(), "exp": now() + life });
        signed(&claims, KEY, "k-1")
    };
    let error = |secret: &str| ask(&app, &[("client_id", "conf"), ("client_secret", secret)]).json()["error"].clone();
    let good = secret("TEAM", "https://apple.example", 15_770_000);
    assert_eq!((error(&good), error(&good)), (json!("invalid_grant"), json!("invalid_grant")));
    assert_eq!(error(&secret("conf", "https://apple.example", 60)), "invalid_client");
    assert_eq!(error(&secret("TEAM", idp.issuer(), 60)), "invalid_client");
    assert_eq!(error(&secret("TEAM", "https://apple.example", 15_778_000)), "invalid_client");
    assert_eq!(ask_with(&app, &good), refused(), "it is no assertion");
}

#[test]
fn a_script_says_what_a_client_signs_with_exactly_where_it_signs() {
    let script = |client: Value| {
        let mut registration = json!({ "client_id": "c", "redirect_uris": [REDIRECT_URI] });
        registration.as_object_mut().unwrap().extend(client.as_object().unwrap().clone());
        Script::from_json(&json!({ "registrations": [registration] }).to_string()).map_err(|error| error.key)
    };
    let key = || json!({ "key": jwk() });
    assert!(script(json!({ "client_auth": "private_key_jwt", "client_jwt": key() })).is_ok());
    assert!(script(json!({ "client_auth": "signed_secret", "client_jwt": key() })).is_ok());
    for (client, place) in [
        (json!({ "client_auth": "private_key_jwt" }), "client_jwt"),
        (json!({ "client_auth": "none", "client_jwt": key() }), "client_jwt"),
        (json!({ "client_auth": "signed_secret", "client_jwt": key(), "client_secret": "s" }), "client_secret"),
        (json!({ "client_auth": "private_key_jwt", "client_jwt": { "key": { "kty": "oct" } } }), "client_jwt.key"),
    ] {
        assert_eq!(script(client).unwrap_err(), format!("registrations[0].{place}"));
    }
}
