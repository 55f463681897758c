//! ID tokens that lie, over real HTTP: after the bad one nothing further is sent, and each lie has its name.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use keyfob::{ErrorKind, Reason};
use keyfob_idp::Algorithm;
use serde_json::{Value, json};
use support::{Bench, tamper};

/// Logs in at a provider whose ID token is changed as told: gives what came of it.
fn lie(part: &Value) -> Option<Reason> {
    let bench = Bench::new(|script| script.tamper.id_token = tamper(part.clone()));
    let redirect = bench.redirect();
    let outcome = bench.keyfob.complete_login(&redirect);
    if let Err(error) = &outcome {
        assert_eq!(error.kind(), ErrorKind::TokenRejected, "{part}: {error}");
        let last = bench.idp.requests().pop().unwrap();
        assert!(["/token", "/jwks"].contains(&last.path.as_str()), "{part}: {} was sent", last.path);
        // The login is over: neither the code nor the tokens can be tried again.
        let again = bench.keyfob.complete_login(&redirect).unwrap_err();
        // Save where a key may still be published.
        let waits = error.reason() == Reason::IdTokenKeyNotFound;
        assert_eq!(again.reason(), if waits { Reason::BackOff } else { Reason::RedirectUsed }, "{part}");
        assert!(bench.keyfob.sessions().unwrap().is_empty(), "{part}");
        assert_eq!(bench.count("/token"), 1, "{part}");
    }
    outcome.err().map(|error| error.reason())
}

#[test]
fn each_lie_is_refused_by_its_name() {
    for (part, reason) in [
        (json!({"alg": "none"}), Reason::IdTokenAlgNotAllowed),
        (json!({"alg": "nOnE"}), Reason::IdTokenAlgNotAllowed),
        (json!({"alg": "HS256", "hmac_key": "public_key_pem"}), Reason::IdTokenAlgNotAllowed),
        (json!({"alg": "HS256", "hmac_key": "public_key_der"}), Reason::IdTokenAlgNotAllowed),
        (json!({"append": {"iss": "1"}}), Reason::IdTokenIssuer),
        (json!({"remove": ["iss"]}), Reason::IdTokenIssuer),
        (json!({"append": {"aud": "1"}}), Reason::IdTokenAudience),
        (json!({"remove": ["aud"]}), Reason::IdTokenAudience),
        (json!({"set": {"aud": ["demo", "other"]}}), Reason::IdTokenAudience),
        (json!({"set": {"azp": "other"}}), Reason::IdTokenAzp),
        (json!({"corrupt_signature": true}), Reason::IdTokenSignature),
        (json!({"key": "unpublished"}), Reason::IdTokenSignature),
        (json!({"header": {"kid": "nobody-s"}}), Reason::IdTokenKeyNotFound),
        (json!({"shift": {"exp": -86_400}}), Reason::IdTokenExpired),
        (json!({"remove": ["exp"]}), Reason::IdTokenExpired),
        (json!({"remove": ["iat"]}), Reason::IdTokenIat),
        (json!({"shift": {"iat": 86_400}}), Reason::IdTokenIat),
        (json!({"append": {"nonce": "1"}}), Reason::IdTokenNonce),
        (json!({"remove": ["nonce"]}), Reason::IdTokenNonce),
        (json!({"remove": ["sub"]}), Reason::IdTokenSub),
        (json!({"set": {"sub": ""}}), Reason::IdTokenSub),
        (json!({"append": {"at_hash": "1"}}), Reason::IdTokenAtHash),
        (json!({"header": {"typ": "at+jwt"}}), Reason::IdTokenTyp),
        (json!({"header": {"crit": ["b64"]}}), Reason::MalformedJwt),
        (json!({"splice": ",\"sub\":\"u-2\""}), Reason::MalformedJwt),
        (json!({"raw": "a.b.c.d.e"}), Reason::UnsupportedJwe),
        (json!({"raw": "not a token"}), Reason::MalformedJwt),
    ] {
        assert_eq!(lie(&part), Some(reason), "{part}");
    }
}

#[test]
fn what_only_looks_strange_is_accepted() {
    for part in [
        json!({"set": {"aud": ["demo"]}}),
        json!({"set": {"azp": "demo"}}),
        json!({"remove": ["at_hash"]}),
        json!({"shift": {"iat": -604_800}}),
        json!({"header": {"typ": null}}),
        json!({"header": {"jku": "http://127.0.0.1:1/keys"}}),
    ] {
        assert_eq!(lie(&part), None, "{part}");
    }
}

#[test]
fn an_id_token_that_was_asked_for_and_did_not_come_is_missed() {
    let bench = Bench::new(|script| script.tamper.token = tamper(json!({"remove": ["id_token"]})));
    let error = bench.keyfob.complete_login(&bench.redirect()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::TokenRejected, Reason::IdTokenMissing));
}

#[test]
fn both_algorithms_are_verified() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256] {
        let bench = Bench::new(|script| script.algorithms = vec![algorithm]);
        assert_eq!(bench.log_in().provider_uid(), "u-1");
    }
    let bench = Bench::new(|script| script.algorithms = vec![Algorithm::EdDSA]);
    let error = bench.keyfob.complete_login(&bench.redirect()).unwrap_err();
    assert_eq!(error.reason(), Reason::IdTokenAlgNotAllowed, "this version does not know EdDSA");
}

#[test]
fn keys_that_rotated_since_they_were_stored_are_fetched_once() {
    let bench = Bench::new(|_| {});
    bench.log_in();
    bench.clock.pass(std::time::Duration::from_secs(60));
    bench.script(|script| script.keys.generation += 1);
    bench.log_in();
    assert_eq!(bench.count("/jwks"), 2);
    // A key that nobody publishes does not cause a fetch for each token.
    bench.script(|script| script.tamper.id_token = tamper(json!({"header": {"kid": "nobody-s"}})));
    for _ in 0..5 {
        bench.keyfob.complete_login(&bench.redirect()).unwrap_err();
    }
    assert_eq!(bench.count("/jwks"), 2);
}

#[test]
fn keys_without_a_key_id_that_rotated_end_no_session() {
    let bench = Bench::new(|script| script.tamper.id_token = tamper(json!({"header": {"kid": null}})));
    let session = bench.log_in();
    bench.clock.pass(std::time::Duration::from_secs(60));
    bench.script(|script| script.keys.generation += 1);
    bench.keyfob.refresh_session(session.id()).unwrap();
    assert_eq!(bench.count("/jwks"), 2);
    // Once more at once: the keys may not be asked for again yet, and the session waits for them.
    bench.script(|script| script.keys.generation += 1);
    let error = bench.keyfob.refresh_session(session.id()).unwrap_err();
    assert_eq!(error.reason(), Reason::BackOff);
    bench.clock.pass(std::time::Duration::from_secs(31));
    bench.keyfob.access_token(session.id(), keyfob::MinValidity::secs(0)).unwrap();
    assert_eq!(bench.count("/jwks"), 3);
}

#[test]
fn s46_a_wrong_device_clock_is_measured_and_keeps_nobody_out() {
    for days in [-400, -1, 1, 400] {
        let bench = Bench::new(|_| {});
        bench.clock.set_wall(days * 86_400_000);
        assert_eq!(bench.log_in().provider_uid(), "u-1", "{days} days off");
    }
}

#[test]
fn keys_that_rotate_a_moment_after_they_were_fetched_cost_no_login() {
    let bench = Bench::new(|_| {});
    bench.log_in();
    bench.script(|script| script.keys.generation += 1);
    let redirect = bench.redirect();
    let error = bench.keyfob.complete_login(&redirect).unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::RateLimited, true));
    let wait = error.retry_after().unwrap();
    assert!(wait <= std::time::Duration::from_secs(30), "{wait:?}");
    bench.clock.pass(wait);
    bench.keyfob.complete_login(&redirect).unwrap();
    assert_eq!((bench.count("/jwks"), bench.count("/token")), (2, 2));
}

#[test]
fn keys_of_yesterday_are_fetched_anew_before_they_are_believed() {
    let bench = Bench::new(|_| {});
    bench.log_in();
    bench.clock.pass(std::time::Duration::from_secs(86_400));
    bench.log_in();
    assert_eq!(bench.count("/jwks"), 2, "an issuer may have withdrawn one");
}

#[test]
fn s60_a_userinfo_about_somebody_else_makes_no_session() {
    let bench = Bench::new(|script| {
        // An ID token that tells nothing makes userinfo necessary.
        script.tamper.id_token = tamper(json!({"remove": ["email"]}));
        script.tamper.userinfo = tamper(json!({"append": {"sub": "1"}}));
    });
    let redirect = bench.redirect();
    let error = bench.keyfob.complete_login(&redirect).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::TokenRejected, Reason::UserInfoSubMismatch));
    assert_eq!(bench.keyfob.complete_login(&redirect).unwrap_err().reason(), Reason::RedirectUsed);
    assert!(bench.keyfob.sessions().unwrap().is_empty());
}
