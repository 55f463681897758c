//! A provider that is played at its own URLs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "tests")]

mod common;

use common::Got;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use keyfob_idp::{Idp, Script};
use serde_json::{Value, json};

fn playing(vendor: Value) -> Idp {
    let mut script = Script::default();
    script.vendor = serde_json::from_value(vendor).unwrap();
    Idp::start(script).unwrap()
}

/// Sends a request that is really for that URL.
fn ask(idp: &Idp, method: &str, url: &str, body: Option<(&str, &str)>) -> Got {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true).build().into();
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{}/_vendor", idp.issuer()))
        .header("X-Vendor-Url", url)
        .header("X-Api-Key", "k-1");
    let answer = match body {
        None => agent.run(request.body(()).unwrap()),
        Some((kind, body)) => agent.run(request.header("Content-Type", kind).body(body.to_owned()).unwrap()),
    };
    let mut answer = answer.unwrap();
    let headers = answer.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    Got { status: answer.status().as_u16(), headers, body: answer.body_mut().read_to_string().unwrap() }
}

#[test]
fn each_place_answers_in_turn_and_the_last_answer_stays() {
    let idp = playing(json!({ "routes": [
        { "method": "GET", "url": "https://api.acme.example/me", "answers": [{ "json": { "id": 1 } }, { "status": 503 }] },
        { "method": "POST", "url": "https://api.acme.example/me", "answers": [{ "text": "&&&START&&&{}", "content_type": "text/html" }] },
        { "method": "POST", "url": "https://acme.example/token", "answers": [{ "form": { "access_token": "a b", "expires_in": 60 } }] },
        { "method": "DELETE", "url": "https://acme.example/grant", "answers": [{ "status": 204, "headers": { "X-Request": "7" } }] }
    ] }));
    let me = "https://api.acme.example/me?fields=id%20name&fields=mail";
    assert_eq!(ask(&idp, "GET", me, None).json(), json!({ "id": 1 }));
    let text = ask(&idp, "POST", me, None);
    assert_eq!((text.body.as_str(), text.header("content-type").as_deref()), ("&&&START&&&{}", Some("text/html")));
    assert_eq!(ask(&idp, "GET", me, None).status, 503, "the other route has turns of its own");
    assert_eq!(ask(&idp, "GET", me, None).status, 503);
    let form = ask(&idp, "POST", "https://acme.example/token", None);
    assert_eq!(form.header("content-type").as_deref(), Some("application/x-www-form-urlencoded"));
    assert_eq!(form.body, "access_token=a+b&expires_in=60");
    let gone = ask(&idp, "DELETE", "https://acme.example/grant", None);
    assert_eq!((gone.status, gone.header("x-request").as_deref(), gone.body.as_str()), (204, Some("7"), ""));

    let mut script = idp.script();
    script.vendor.routes.truncate(1);
    idp.set_script(script).unwrap();
    assert_eq!(ask(&idp, "GET", me, None).status, 200, "another script begins anew");
    let stranger = ask(&idp, "POST", me, None);
    assert_eq!(stranger.status, 404);
    assert_eq!(stranger.json()["error_description"], "nobody answers POST https://api.acme.example/me");
}

#[test]
fn the_log_has_each_request_as_it_was_for_its_own_url() {
    let idp = playing(json!({}));
    let form = ("application/x-www-form-urlencoded", "token=a%2Bb&token=c");
    ask(&idp, "POST", "https://acme.example/revoke?x=1&y=a%26b", Some(form));
    ask(&idp, "PATCH", "https://acme.example/json", Some(("application/json", r#"{"token":"t"}"#)));
    let log = idp.requests();
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    assert_eq!((log[0].method.as_str(), log[0].path.as_str()), ("POST", "/_vendor"));
    assert_eq!(log[0].vendor_url.as_deref(), Some("https://acme.example/revoke?x=1&y=a%26b"));
    assert_eq!(log[0].query, pairs(&[("x", "1"), ("y", "a&b")]));
    assert_eq!(log[0].form, pairs(&[("token", "a+b"), ("token", "c")]));
    assert_eq!((log[0].header("x-api-key"), log[0].status), (Some("k-1"), Some(404)));
    assert_eq!((log[1].method.as_str(), log[1].body.as_str()), ("PATCH", r#"{"token":"t"}"#));
    // Elsewhere that header is any other.
    let other = ureq::get(format!("{}/jwks", idp.issuer())).header("X-Vendor-Url", "https://acme.example/").call();
    assert_eq!(other.unwrap().status(), 200);
    assert_eq!(idp.requests()[2].vendor_url, None);
}

/// Checks a token by the keys that the vendor publishes.
fn claims(token: &str, keys: &Got, audience: &str) -> Value {
    let set: JwkSet = serde_json::from_str(&keys.body).unwrap();
    let header = decode_header(token).unwrap();
    let key = DecodingKey::from_jwk(set.find(header.kid.as_deref().unwrap()).unwrap()).unwrap();
    let mut rules = Validation::new(header.alg);
    rules.set_audience(&[audience]);
    decode::<Value>(token, &key, &rules).unwrap().claims
}

#[test]
fn what_it_signs_holds_by_its_keys_and_says_what_it_is_told() {
    let vendor = json!({
        "issuer": "https://acme.example", "client_id": "notes", "nonce": "n-1", "algorithm": "ES256",
        "routes": [
            { "method": "POST", "url": "https://acme.example/token", "answers": [{ "json": { "tokens": [{
                "access_token": "at-1", "id_token": { "id_token": { "sub": "u-1", "tid": "t", "iss": "https://acme.example/t" } },
                "other": { "jwt": { "sub": "u-1", "aud": "api" } } }] } },
                { "json": { "id_token": { "id_token": { "sub": "u-1", "nonce": null } } } }] },
            { "method": "GET", "url": "https://acme.example/me", "answers": [{ "jwt": { "name": "Ada" } }] },
            { "method": "GET", "url": "https://acme.example/keys", "answers": [{ "jwks": true }] }
        ]
    });
    let idp = playing(vendor);
    let keys = ask(&idp, "GET", "https://acme.example/keys", None);
    let answer = ask(&idp, "POST", "https://acme.example/token", None).json();
    let tokens = &answer["tokens"][0];
    let id_token = claims(tokens["id_token"].as_str().unwrap(), &keys, "notes");
    assert_eq!(
        (&id_token["iss"], &id_token["tid"]),
        (&json!("https://acme.example/t"), &json!("t")),
        "what is given wins"
    );
    assert_eq!((&id_token["nonce"], &id_token["at_hash"]), (&json!("n-1"), &json!("R8PYaIQdcYEdkSc9TeGyiQ")));
    assert!(id_token["exp"].as_u64().unwrap() > id_token["iat"].as_u64().unwrap());
    let other = claims(tokens["other"].as_str().unwrap(), &keys, "api");
    assert_eq!(
        (&other["iss"], &other["nonce"], &other["at_hash"]),
        (&json!("https://acme.example"), &Value::Null, &Value::Null)
    );
    // No access token beside it, and a claim that is null.
    let second = ask(&idp, "POST", "https://acme.example/token", None).json();
    let second = claims(second["id_token"].as_str().unwrap(), &keys, "notes");
    assert_eq!((second.get("nonce"), second.get("at_hash")), (None, None));
    let me = ask(&idp, "GET", "https://acme.example/me", None);
    assert_eq!(me.header("content-type").as_deref(), Some("application/jwt"));
    assert_eq!(claims(&me.body, &keys, "notes")["name"], "Ada");
}

#[test]
fn hs256_is_keyed_by_the_client_s_secret() {
    let secret = "a secret of thirty-two bytes, or more";
    let idp = playing(json!({
        "client_id": "notes", "client_secret": secret, "algorithm": "HS256",
        "routes": [{ "method": "GET", "url": "https://acme.example/me", "answers": [{ "jwt": { "sub": "u-1" } }] }]
    }));
    let token = ask(&idp, "GET", "https://acme.example/me", None).body;
    let mut rules = Validation::new(jsonwebtoken::Algorithm::HS256);
    rules.set_audience(&["notes"]);
    assert_eq!(decode_header(&token).unwrap().kid, None);
    let decoded = decode::<Value>(&token, &DecodingKey::from_secret(secret.as_bytes()), &rules).unwrap();
    assert_eq!(decoded.claims["sub"], "u-1");
    assert!(decode::<Value>(&token, &DecodingKey::from_secret(b"another"), &rules).is_err());
}

#[test]
fn a_script_that_cannot_be_played_names_its_key() {
    let refused = |vendor: Value| Script::from_json(&json!({ "vendor": vendor }).to_string()).unwrap_err();
    let route = |more: Value| {
        let mut route = json!({ "method": "GET", "url": "https://acme.example/me", "answers": [{}] });
        route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "routes": [route] })
    };
    for (vendor, key) in [
        (route(json!({ "url": "me" })), "vendor.routes[0].url"),
        (route(json!({ "url": "https://acme.example/me?x=1" })), "vendor.routes[0].url"),
        (route(json!({ "answers": [] })), "vendor.routes[0].answers"),
        (route(json!({ "answers": [{ "json": {}, "text": "" }] })), "vendor.routes[0].answers[0]"),
        (route(json!({ "answers": [{ "xml": "" }] })), "vendor.routes[0].answers[0].xml"),
        (json!({ "algorithm": "none" }), "vendor.algorithm"),
    ] {
        assert_eq!(refused(vendor.clone()).key, key, "{vendor}");
    }
}
