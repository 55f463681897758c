//! Modules of the FAPI plans that ask for no more than OpenID Connect. Their provider signs with ES256, for FAPI forbids RS256.

use keyfob::{LoginOptions, Reason};
use keyfob_idp::{Algorithm, Endpoint, Fault, Script};
use serde_json::{Value, json};

use crate::support::{Bench, tamper};
use crate::{Mode, TO_THE_ID_TOKEN, TO_THE_REDIRECT, asked, finishes, log_in, provider, stops};

/// The script of a FAPI provider whose ID token is changed so, on top of what [`provider`] does.
fn id_token(change: Value) -> impl Fn(&mut Script) {
    move |script| {
        script.algorithms = vec![Algorithm::ES256];
        let mut remove = std::mem::take(&mut script.tamper.id_token.remove);
        script.tamper.id_token = tamper(change.clone());
        script.tamper.id_token.remove.append(&mut remove);
    }
}

fn token_answer(change: Value) -> impl Fn(&mut Script) {
    move |script| {
        script.algorithms = vec![Algorithm::ES256];
        script.tamper.token = tamper(change.clone());
    }
}

/// A redirect that must not be believed: nothing is sent for it, and the login waits on for the right one.
fn redirect_is_refused(change: Value, reason: Reason) {
    let changed = |script: &mut Script| {
        script.algorithms = vec![Algorithm::ES256];
        script.tamper.redirect = tamper(change.clone());
    };
    stops(changed, reason, TO_THE_REDIRECT);
    let bench = provider(changed);
    log_in(&bench, Mode::Query, LoginOptions::new()).unwrap_err();
    assert_eq!(bench.keyfob.pending_logins().unwrap().len(), 1);
}

#[test]
fn fapi2_security_profile_final_client_test_happy_path() {
    finishes(id_token(json!({})));
}

#[test]
fn fapi2_security_profile_final_client_test_discovery_issuer_mismatch() {
    let bench = provider(|script| {
        script.algorithms = vec![Algorithm::ES256];
        script.tamper.discovery = tamper(json!({"append": {"issuer": "/1"}}));
    });
    let error = log_in(&bench, Mode::Query, LoginOptions::new()).unwrap_err();
    assert_eq!(error.reason(), Reason::DiscoveryIssuerMismatch);
    assert_eq!(asked(&bench), TO_THE_REDIRECT);
}

#[test]
fn fapi2_security_profile_final_client_test_invalid_iss() {
    stops(id_token(json!({"append": {"iss": "1"}})), Reason::IdTokenIssuer, TO_THE_ID_TOKEN);
}

#[test]
fn fapi2_security_profile_final_client_test_invalid_aud() {
    stops(id_token(json!({"append": {"aud": "1"}})), Reason::IdTokenAudience, TO_THE_ID_TOKEN);
}

#[test]
fn fapi2_security_profile_final_client_test_invalid_secondary_aud() {
    stops(id_token(json!({"set": {"aud": ["demo", "demo1"]}})), Reason::IdTokenAudience, TO_THE_ID_TOKEN);
}

#[test]
fn fapi2_security_profile_final_client_test_invalid_null_alg() {
    stops(id_token(json!({"alg": "none"})), Reason::IdTokenAlgNotAllowed, TO_THE_ID_TOKEN);
}

#[test]
fn fapi2_security_profile_final_client_test_invalid_alternate_alg() {
    // One that the provider does not publish for its ID tokens.
    stops(id_token(json!({"alg": "PS256"})), Reason::IdTokenAlgNotAllowed, TO_THE_ID_TOKEN);
}

#[test]
fn fapi2_security_profile_final_client_test_invalid_expired_exp() {
    // It lives for an hour: it has been over for more than the five minutes that a clock may be off.
    stops(id_token(json!({"shift": {"exp": -3600 - 301}})), Reason::IdTokenExpired, TO_THE_ID_TOKEN);
}

#[test]
fn fapi2_security_profile_final_client_test_invalid_missing_exp() {
    stops(id_token(json!({"remove": ["exp"]})), Reason::IdTokenExpired, TO_THE_ID_TOKEN);
}

#[test]
fn fapi2_security_profile_final_client_test_invalid_missing_aud() {
    stops(id_token(json!({"remove": ["aud"]})), Reason::IdTokenAudience, TO_THE_ID_TOKEN);
}

#[test]
fn fapi2_security_profile_final_client_test_invalid_missing_iss() {
    stops(id_token(json!({"remove": ["iss"]})), Reason::IdTokenIssuer, TO_THE_ID_TOKEN);
}

#[test]
fn fapi2_security_profile_final_client_test_valid_aud_as_array() {
    finishes(id_token(json!({"set": {"aud": ["demo"]}})));
}

#[test]
fn fapi2_security_profile_final_client_test_invalid_nonce() {
    stops(id_token(json!({"append": {"nonce": "1"}})), Reason::IdTokenNonce, TO_THE_ID_TOKEN);
}

#[test]
fn fapi2_security_profile_final_client_test_invalid_missing_nonce() {
    stops(id_token(json!({"remove": ["nonce"]})), Reason::IdTokenNonce, TO_THE_ID_TOKEN);
}

#[test]
fn fapi2_security_profile_final_client_test_invalid_authorization_response_iss() {
    redirect_is_refused(json!({"append": {"iss": "1"}}), Reason::IssuerMismatch);
}

#[test]
fn fapi2_security_profile_final_client_test_remove_authorization_response_iss() {
    redirect_is_refused(json!({"remove": ["iss"]}), Reason::IssuerMissing);
}

#[test]
fn fapi2_security_profile_final_client_test_ensure_authorization_response_with_invalid_state_fails() {
    redirect_is_refused(json!({"append": {"state": "1"}}), Reason::StateUnknown);
}

#[test]
fn fapi2_security_profile_final_client_test_ensure_authorization_response_with_invalid_missing_state_fails() {
    redirect_is_refused(json!({"remove": ["state"]}), Reason::StateMissing);
}

#[test]
fn fapi2_security_profile_final_client_test_token_endpoint_response_without_expires_in() {
    for (_, session) in finishes(token_answer(json!({"remove": ["expires_in"]}))) {
        assert_eq!(session.provider_access_token_expiry(), None);
    }
}

#[test]
fn fapi2_security_profile_final_client_test_token_type_case_insensitivity() {
    finishes(token_answer(json!({"set": {"token_type": "bEARER"}})));
}

#[test]
fn fapi1_advanced_final_client_test_no_scope_in_token_endpoint_response() {
    for (_, session) in finishes(token_answer(json!({"remove": ["scope"]}))) {
        assert_eq!(session.scopes(), ["openid", "email", "offline_access"], "what was asked for");
    }
}

#[test]
fn fapi1_advanced_final_client_test_invalid_missing_athash() {
    finishes(id_token(json!({"remove": ["at_hash"]})));
}

#[test]
fn fapi1_advanced_final_client_test_iat_is_week_in_past() {
    finishes(id_token(json!({"shift": {"iat": -604_800}})));
}

/// The app asks the resource with a token: the status of the answer.
fn resource(bench: &Bench, token: &str) -> u16 {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = agent.get(format!("{}/userinfo", bench.idp.issuer()));
    request.header("authorization", format!("Bearer {token}")).call().unwrap().status().as_u16()
}

#[test]
fn fapi1_advanced_final_client_refresh_token_test() {
    for (bench, session) in finishes(id_token(json!({}))) {
        bench.script(|script| {
            script.faults = [1, 2].map(|nth| Fault::on(Endpoint::Userinfo).nth(nth).status(401)).into();
        });
        bench.idp.clear_requests();
        let mut token = session.provider_access_token().to_owned();
        let mut refused = Vec::new();
        while resource(&bench, &token) == 401 {
            assert!(refused.len() < 2, "the third token is good");
            refused.push(token.clone());
            token = bench.keyfob.refresh_if_current(session.id(), &token).unwrap().secret().to_owned();
        }
        let (get, post) = ("GET /userinfo", "POST /token");
        assert_eq!(asked(&bench), [get, post, get, post, get]);
        // The first refresh brought another refresh token, and the second one used that.
        let refreshes = bench.requests("/token");
        assert_eq!(refreshes[0].parameter("refresh_token"), session.provider_refresh_token());
        let rotated = refreshes[0].answer_json()["refresh_token"].as_str().unwrap().to_owned();
        assert_ne!(Some(rotated.as_str()), session.provider_refresh_token());
        assert_eq!(refreshes[1].parameter("refresh_token"), Some(rotated.as_str()));
        assert!(refreshes.iter().all(|request| !request.reused));
        // Nobody who was refused meanwhile costs another.
        for old in refused {
            assert_eq!(bench.keyfob.refresh_if_current(session.id(), &old).unwrap().secret(), token);
        }
        assert_eq!(bench.count("/token"), 2);
    }
}
