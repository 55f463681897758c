//! Token answers that are not quite right, over real HTTP: each has its defined outcome.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::time::Duration;

use keyfob::{Clock as _, ErrorKind, MinValidity, Reason, SystemClock};
use keyfob_idp::{Close, Endpoint, Fault};
use serde_json::{Value, json};
use support::{Bench, tamper};

/// Logs in at a provider whose token answer is changed as told.
fn changed(part: Value) -> Bench {
    Bench::new(|script| script.tamper.token = tamper(part))
}

/// How many seconds the provider's word makes of the access token's life; `None` for "nobody knows".
fn life(expires_in: Value) -> Option<u64> {
    let session = changed(json!({"set": {"expires_in": expires_in}})).log_in();
    let end = session.provider_access_token_expiry()?;
    Some((end.duration_since(SystemClock::new().wall()).unwrap_or_default() + Duration::from_millis(500)).as_secs())
}

#[test]
fn s34_every_spelling_of_a_life_has_its_meaning() {
    for (expires_in, seconds) in [
        (json!(3600), Some(3600)),
        (json!("3600"), Some(3600)),
        (json!(3599.6), Some(3599)),
        (json!(0), Some(0)),
        (json!("0"), Some(0)),
        (json!(1e99), Some(365 * 86_400)),
        (json!("99999999999999999999"), Some(365 * 86_400)),
        (json!(null), None),
        (json!(-1), None),
        (json!("soon"), None),
        (json!({"seconds": 5}), None),
        (json!([3600]), None),
    ] {
        let life = life(expires_in.clone());
        // A slow machine may take a second off.
        let near = match (life, seconds) {
            (Some(life), Some(seconds)) => life.abs_diff(seconds) <= 5,
            (life, seconds) => life == seconds,
        };
        assert!(near, "{expires_in}: {life:?}");
    }
    assert_eq!(changed(json!({"remove": ["expires_in"]})).log_in().provider_access_token_expiry(), None);
}

#[test]
fn s34_a_life_of_nothing_is_refreshed_before_it_is_served() {
    let bench = changed(json!({"set": {"expires_in": 0}, "on": "login"}));
    let session = bench.log_in();
    let token = bench.keyfob.access_token(session.id(), MinValidity::secs(0)).unwrap();
    assert_ne!(token.secret(), session.provider_access_token());
}

#[test]
fn s33_the_token_s_type_is_bearer_in_any_case_and_nothing_else() {
    for good in ["bearer", "Bearer", "bEaReR"] {
        changed(json!({"set": {"token_type": good}})).log_in();
    }
    for (part, reason) in [
        (json!({"remove": ["token_type"]}), Reason::MalformedTokenResponse),
        (json!({"set": {"token_type": "mac"}}), Reason::UnsupportedTokenType),
        (json!({"set": {"token_type": 7}}), Reason::MalformedTokenResponse),
        (json!({"remove": ["access_token"]}), Reason::MalformedTokenResponse),
        (json!({"set": {"access_token": ""}}), Reason::MalformedTokenResponse),
    ] {
        let bench = changed(part.clone());
        let redirect = bench.redirect();
        let error = bench.keyfob.complete_login(&redirect).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::BadResponse, reason), "{part}");
        assert_eq!(bench.keyfob.complete_login(&redirect).unwrap_err().reason(), Reason::RedirectUsed, "{part}");
        assert_eq!(bench.count("/token"), 1, "{part}");
    }
}

#[test]
fn s35_the_granted_scopes_are_the_provider_s_word_or_what_was_asked_for() {
    for (part, scopes) in [
        (json!({"set": {"scope": ["openid", "email"]}}), vec!["openid", "email"]),
        (json!({"set": {"scope": "openid"}}), vec!["openid"]),
        (json!({"set": {"scope": null}}), vec!["openid", "email", "offline_access"]),
        (json!({"remove": ["scope"]}), vec!["openid", "email", "offline_access"]),
    ] {
        assert_eq!(changed(part.clone()).log_in().scopes(), scopes, "{part}");
    }
}

#[test]
fn s38_an_empty_refresh_token_is_none() {
    for part in [
        json!({"set": {"refresh_token": ""}}),
        json!({"set": {"refresh_token": null}}),
        json!({"remove": ["refresh_token"]}),
    ] {
        assert_eq!(changed(part).log_in().provider_refresh_token(), None);
    }
}

#[test]
fn what_stands_in_for_an_answer_is_told_by_its_name_and_the_code_is_sent_once() {
    let instead = || Fault::on(Endpoint::Token).process(false);
    for (name, fault, kind, reason, usable) in [
        (
            "200 with an error",
            instead().status(200).body(json!({"error": "invalid_grant"})),
            ErrorKind::OAuth,
            Reason::ServerError,
            false,
        ),
        (
            "400 invalid_client",
            instead().status(400).body(json!({"error": "invalid_client"})),
            ErrorKind::Configuration,
            Reason::InvalidClient,
            false,
        ),
        (
            "302",
            instead().status(302).header("Location", "http://127.0.0.1:1/"),
            ErrorKind::Network,
            Reason::CaptivePortal,
            true,
        ),
        (
            "307",
            instead().status(307).header("Location", "http://127.0.0.1:1/"),
            ErrorKind::Network,
            Reason::CaptivePortal,
            true,
        ),
        (
            "403 HTML",
            instead().status(403).body("<html>sign in to the Wi-Fi</html>"),
            ErrorKind::Network,
            Reason::CaptivePortal,
            true,
        ),
        ("429", instead().status(429).header("Retry-After", "3"), ErrorKind::RateLimited, Reason::BackOff, true),
        ("503", instead().status(503), ErrorKind::Network, Reason::ProviderUnavailable, true),
        (
            "200 HTML",
            instead().status(200).body("<html>"),
            ErrorKind::LoginRequired,
            Reason::CodeExchangeInDoubt,
            false,
        ),
        (
            "truncated JSON",
            instead().status(200).body("{\"access_token\": \"abc"),
            ErrorKind::LoginRequired,
            Reason::CodeExchangeInDoubt,
            false,
        ),
        (
            "5 MiB",
            instead().status(200).body("x".repeat(5 << 20)),
            ErrorKind::LoginRequired,
            Reason::CodeExchangeInDoubt,
            false,
        ),
        ("500", instead().status(500), ErrorKind::LoginRequired, Reason::CodeExchangeInDoubt, false),
        (
            "cut after the headers",
            Fault::on(Endpoint::Token).close(Close::AfterHeaders),
            ErrorKind::LoginRequired,
            Reason::CodeExchangeInDoubt,
            false,
        ),
        (
            "cut in the body",
            Fault::on(Endpoint::Token).close(Close::MidBody),
            ErrorKind::LoginRequired,
            Reason::CodeExchangeInDoubt,
            false,
        ),
    ] {
        let bench = Bench::new(|script| script.faults = vec![fault]);
        let redirect = bench.redirect();
        let error = bench.keyfob.complete_login(&redirect).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (kind, reason), "{name}");
        assert_eq!(bench.count("/token"), 1, "{name}");
        bench.script(|script| script.faults.clear());
        let again = bench.keyfob.complete_login(&redirect);
        if usable {
            assert_eq!(again.unwrap_or_else(|error| panic!("{name}: {error}")).session().provider_uid(), "u-1");
        } else {
            assert_eq!(again.unwrap_err().reason(), Reason::RedirectUsed, "{name}");
            assert_eq!(bench.count("/token"), 1, "{name}");
        }
    }
}
