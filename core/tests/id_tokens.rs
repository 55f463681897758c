//! ID tokens that lie, over real HTTP: after the bad one nothing further is sent, and each lie has its name.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use keyfob::{Config, ErrorKind, Freshness, Keyfob, LoginOptions, Provider, Reason, Registration};
use keyfob_idp::{Algorithm, ClientAuth, Idp, Script};
use serde_json::{Value, json};
use support::{Bench, REDIRECT_URI, SSO, Temp, sealed, tamper};

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
fn s41_every_algorithm_that_the_metadata_names_is_verified_and_no_other() {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    for algorithm in [RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA] {
        let bench = Bench::new(|script| script.algorithms = vec![algorithm]);
        let session = bench.log_in();
        assert_eq!(session.provider_uid(), "u-1", "{algorithm:?}");
        bench.keyfob.refresh_session(session.id()).unwrap();
        // Rightly signed, by an algorithm that this provider does not say it uses.
        let other = if algorithm == RS256 { "ES256" } else { "RS256" };
        bench.script(|script| script.tamper.id_token = tamper(json!({ "alg": other })));
        let error = bench.keyfob.complete_login(&bench.redirect()).unwrap_err();
        assert_eq!(error.reason(), Reason::IdTokenAlgNotAllowed, "{algorithm:?}");
    }
}

/// A confidential client whose provider's file names these algorithms, at a provider that signs with HS256 and the client's secret.
fn by_secret(algorithms: &[&str], secret: Option<&str>) -> (Idp, Temp, Keyfob) {
    let mut script = Script::default();
    if let Some(secret) = secret {
        script.registrations[0].client_auth = ClientAuth::Basic;
        script.registrations[0].client_secret = Some(secret.to_owned());
    }
    script.tamper.id_token = tamper(json!({"alg": "HS256", "hmac_key": "client_secret"}));
    let idp = Idp::start(script).unwrap();
    let temp = Temp::new();
    let provider = json!({
        "id": "by-secret", "kind": "oidc", "issuer": idp.issuer(), "scopes": {"default": ["openid", "email"]},
        "id_token": {"algorithms": algorithms}, "profile": {"uid": "/sub"},
    });
    let mut registration = Registration::new(SSO, "by-secret", "demo", REDIRECT_URI);
    if let Some(secret) = secret {
        registration = registration.client_secret(secret);
    }
    let builder = Config::builder(temp.store())
        .provider(Provider::from_json(&provider.to_string()).unwrap())
        .registration(registration);
    let keyfob = Keyfob::open(sealed(builder)).unwrap();
    (idp, temp, keyfob)
}

#[test]
fn s41_hs256_is_taken_of_a_confidential_client_where_the_provider_s_file_says_so() {
    const LONG: &str = "a secret of thirty-two characters";
    let log_in = |algorithms: &[&str], secret| {
        let (idp, _temp, keyfob) = by_secret(algorithms, secret);
        let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
        let outcome = keyfob.complete_login(&support::log_in(login.authorization_url()));
        let fetched = idp.requests().iter().any(|request| request.path == "/jwks");
        outcome.map(|done| (done.session().provider_uid().to_owned(), fetched)).map_err(|error| error.reason())
    };
    assert_eq!(log_in(&["ES256", "HS256"], Some(LONG)), Ok(("u-1".to_owned(), false)), "and no key is fetched");
    assert_eq!(log_in(&["ES256"], Some(LONG)), Err(Reason::IdTokenAlgNotAllowed), "the file does not say so");
    assert_eq!(log_in(&["ES256", "HS256"], None), Err(Reason::IdTokenAlgNotAllowed), "a public client");
    assert_eq!(log_in(&["ES256", "HS256"], Some("short")), Err(Reason::IdTokenAlgNotAllowed), "RFC 7518 section 3.2");
}

#[test]
fn s49_what_a_login_asks_of_the_id_token_is_what_it_must_say() {
    let log_in = |parameters: &[(&str, &str)], change: &dyn Fn(&mut Script)| {
        let bench = Bench::new(change);
        let mut options = LoginOptions::new();
        for (name, value) in parameters {
            options = options.parameter(*name, *value);
        }
        let login = bench.keyfob.begin_login(SSO, options).unwrap();
        let sent = support::parameter(login.authorization_url(), parameters[0].0);
        assert_eq!(sent.as_deref(), Some(parameters[0].1));
        let redirect = support::log_in(login.authorization_url());
        // What was asked for is kept with the login: any process completes it.
        bench.another().complete_login(&redirect).map(drop).map_err(|error| error.reason())
    };
    let claim = |part: Value| move |script: &mut Script| script.tamper.id_token = tamper(part.clone());
    let nothing = |_: &mut Script| {};
    assert_eq!(log_in(&[("max_age", "300")], &nothing), Ok(()));
    let old = claim(json!({"shift": {"auth_time": -3600}}));
    assert_eq!(log_in(&[("max_age", "300")], &old), Err(Reason::IdTokenAuthTime));
    assert_eq!(log_in(&[("prompt", "login")], &old), Ok(()), "nobody asked");
    let none = claim(json!({"remove": ["auth_time"]}));
    assert_eq!(log_in(&[("max_age", "300")], &none), Err(Reason::IdTokenAuthTime));
    let strong = claim(json!({"set": {"acr": "urn:strong"}}));
    assert_eq!(log_in(&[("acr_values", "urn:stronger urn:strong")], &strong), Ok(()));
    assert_eq!(log_in(&[("acr_values", "urn:stronger")], &strong), Err(Reason::IdTokenAcr));
    assert_eq!(log_in(&[("acr_values", "urn:stronger")], &nothing), Err(Reason::IdTokenAcr));

    let bench = Bench::new(|_| {});
    let error = bench.keyfob.begin_login(SSO, LoginOptions::new().parameter("max_age", "soon")).unwrap_err();
    assert_eq!(error.reason(), Reason::InvalidArgument);
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

#[test]
fn s60_a_signed_userinfo_is_verified_as_an_id_token_is() {
    let ask = |part: Value, change: &dyn Fn(&mut Script)| {
        let bench = Bench::new(|script| {
            script.userinfo_signed = true;
            script.tamper.id_token = tamper(json!({"remove": ["email"]}));
            script.tamper.userinfo_jwt = tamper(part.clone());
            change(script);
        });
        let redirect = bench.redirect();
        let mut outcome = bench.keyfob.complete_login(&redirect);
        if outcome.as_ref().is_err_and(|error| error.reason() == Reason::BackOff) {
            // Its key may have been published since the keys were fetched, a moment ago.
            bench.clock.pass(std::time::Duration::from_secs(60));
            outcome = bench.keyfob.complete_login(&redirect);
            assert_eq!(bench.count("/token"), 1, "{part}");
        }
        let last = bench.idp.requests().pop().unwrap();
        assert!(["/userinfo", "/jwks"].contains(&last.path.as_str()), "{part}: {} was sent", last.path);
        if let Ok(done) = &outcome {
            // Asked again, later, by the session.
            let profile = bench.keyfob.profile(done.session().id(), Freshness::secs(0));
            assert_eq!(profile.unwrap().email(), Some("ada@example.com"), "{part}");
        }
        outcome.map(|done| done.session().profile().email().map(str::to_owned)).map_err(|error| error.reason())
    };
    let nothing = |_: &mut Script| {};
    for good in [
        json!({}),
        json!({"remove": ["iss", "aud"]}),
        json!({"header": {"typ": null}}),
        json!({"set": {"aud": ["demo"]}}),
        json!({"set": {"exp": 4_000_000_000_u64}}),
        json!({"alg": "ES256"}),
    ] {
        assert_eq!(ask(good.clone(), &nothing), Ok(Some("ada@example.com".to_owned())), "{good}");
    }
    for (bad, reason) in [
        (json!({"corrupt_signature": true}), Reason::IdTokenSignature),
        (json!({"key": "unpublished"}), Reason::IdTokenSignature),
        (json!({"alg": "none"}), Reason::IdTokenAlgNotAllowed),
        (json!({"alg": "HS256"}), Reason::IdTokenAlgNotAllowed),
        (json!({"append": {"iss": "1"}}), Reason::IdTokenIssuer),
        (json!({"append": {"aud": "1"}}), Reason::IdTokenAudience),
        (json!({"append": {"sub": "1"}}), Reason::UserInfoSubMismatch),
        (json!({"remove": ["sub"]}), Reason::UserInfoSubMismatch),
        (json!({"set": {"exp": 1}}), Reason::IdTokenExpired),
        (json!({"header": {"typ": "at+jwt"}}), Reason::IdTokenTyp),
        (json!({"splice": ",\"sub\":\"u-2\""}), Reason::MalformedJwt),
        (json!({"raw": "a.b.c.d.e"}), Reason::UnsupportedJwe),
        (json!({"raw": "{\"sub\":\"u-1\"}"}), Reason::MalformedJwt),
    ] {
        assert_eq!(ask(bad.clone(), &nothing), Err(reason), "{bad}");
    }
    let plain = |script: &mut Script| script.userinfo_signed = false;
    assert_eq!(ask(json!({}), &plain), Ok(Some("ada@example.com".to_owned())));
}
