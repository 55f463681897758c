//! Providers that an app writes, for protocols that cannot keep a rule; and the same without saying so.

use std::sync::Arc;

use keyfob::{ErrorKind, LoginOptions, Provider, Reason};
use serde_json::{Value, json};

use crate::bench::{CALLBACK, CLIENT, ID, begin, open, redirect, registration, same};
use crate::scripted::Scripted;
use crate::support::parameter;
use crate::vendor::{Vendor, metadata};

const TOKEN: &str = "POST https://acme.example/token";
const ME: &str = "GET https://acme.example/me";

fn acme(relaxes: &Value) -> Provider {
    let text = json!({
        "id": "acme", "kind": "oauth2", "relaxes": relaxes, "profile": { "uid": "/data/id" },
        "endpoints": { "authorization": "https://acme.example/authorize", "token": "https://acme.example/token",
                       "userinfo": "https://acme.example/me" }
    });
    Provider::from_json(&text.to_string()).unwrap()
}

fn untyped() -> Value {
    json!({ "access_token": "t", "expires_in": 3600 })
}

#[test]
fn s01_a_provider_that_pkce_breaks_is_sent_none_of_it() {
    let scripted = Arc::new(Scripted::default());
    let (keyfob, _temp) = open(registration("acme"), Some(acme(&json!(["S01"]))), scripted.clone());
    let login = begin(&keyfob);
    for name in ["code_challenge", "code_challenge_method"] {
        assert_eq!(parameter(login.authorization_url(), name), None);
    }
    let answer = json!({ "access_token": "t", "token_type": "bearer" });
    scripted.on(TOKEN, 200, &answer).on(ME, 200, &json!({ "data": { "id": 7 } }));
    let session = keyfob.complete_login(&redirect(&login, "c-1")).unwrap().into_session();
    assert_eq!(session.provider_uid(), "7");
    same(
        &scripted.take()[0].form(),
        &[("client_id", CLIENT), ("code", "c-1"), ("grant_type", "authorization_code"), ("redirect_uri", CALLBACK)],
    );
}

#[test]
fn s01_metadata_without_s256_is_refused_unless_the_file_relaxes_it() {
    for relaxes in [json!([]), json!(["S01"])] {
        let metadata = metadata(
            "https://acme.example",
            &[
                ("authorization_endpoint", "https://acme.example/authorize"),
                ("token_endpoint", "https://acme.example/token"),
                ("jwks_uri", "https://acme.example/keys"),
            ],
        );
        let vendor =
            Vendor::new("https://acme.example/.well-known/openid-configuration", metadata, "https://acme.example");
        vendor.metadata("code_challenge_methods_supported", json!(["plain"]));
        let provider = json!({
            "id": "acme", "kind": "oidc", "issuer": "https://acme.example", "relaxes": relaxes, "profile": { "uid": "/sub" }
        });
        let provider = Provider::from_json(&provider.to_string()).unwrap();
        let (keyfob, _temp) = open(registration("acme").scope("openid"), Some(provider), vendor.clone());
        let begun = keyfob.begin_login(ID, LoginOptions::new());
        match begun {
            Ok(login) => {
                assert_eq!(relaxes, json!(["S01"]));
                assert_eq!(parameter(login.authorization_url(), "code_challenge"), None);
                assert!(parameter(login.authorization_url(), "nonce").is_some(), "what is left to hold on to");
            }
            Err(error) => {
                assert_eq!(relaxes, json!([]));
                assert_eq!((error.kind(), error.reason()), (ErrorKind::Configuration, Reason::PkceUnsupported));
            }
        }
    }
}

#[test]
fn s33_an_answer_without_a_token_type_is_refused_unless_the_file_relaxes_it() {
    for relaxes in [json!([]), json!(["S33"])] {
        let scripted = Arc::new(Scripted::default());
        let (keyfob, _temp) = open(registration("acme"), Some(acme(&relaxes)), scripted.clone());
        scripted.on(TOKEN, 200, &untyped()).on(ME, 200, &json!({ "data": { "id": "u" } }));
        match keyfob.complete_login(&redirect(&begin(&keyfob), "c-1")) {
            Ok(done) => {
                assert_eq!(relaxes, json!(["S33"]));
                assert_eq!(done.session().provider_access_token(), "t");
            }
            Err(error) => {
                assert_eq!(relaxes, json!([]));
                assert_eq!((error.kind(), error.reason()), (ErrorKind::BadResponse, Reason::MalformedTokenResponse));
            }
        }
    }
}

#[test]
fn s33_another_token_type_is_refused_in_any_case() {
    let scripted = Arc::new(Scripted::default());
    let (keyfob, _temp) = open(registration("acme"), Some(acme(&json!(["S33"]))), scripted.clone());
    scripted.on(TOKEN, 200, &json!({ "access_token": "t", "token_type": "mac" }));
    let error = keyfob.complete_login(&redirect(&begin(&keyfob), "c-1")).unwrap_err();
    assert_eq!(error.reason(), Reason::UnsupportedTokenType);
}

#[test]
fn an_app_s_own_file_of_a_catalogue_s_id_wins() {
    let metadata = metadata("https://accounts.google.com", &[]);
    let vendor = Vendor::new("https://unused.example", metadata, "x");
    let text = json!({
        "id": "google", "kind": "oauth2", "profile": { "uid": "/id" },
        "endpoints": { "authorization": "https://own.example/a", "token": "https://own.example/t",
                       "userinfo": "https://own.example/u" }
    });
    let (keyfob, _temp) =
        open(registration("google"), Some(Provider::from_json(&text.to_string()).unwrap()), vendor.clone());
    assert!(begin(&keyfob).authorization_url().starts_with("https://own.example/a?"));
    assert!(vendor.lines().is_empty());
}
