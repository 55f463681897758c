//! S59: the ID token that comes with a refresh.

use super::*;

/// What becomes of a refreshed token with these changes in a session of Alice's.
fn refreshed(login: &Login, auth_time: Option<u64>, changes: &Value) -> Option<Reason> {
    let token = login.signer.token(&json!({}), &with(&right(), changes));
    let original = Original { subject: "alice", issuer: ISSUER, auth_time };
    reason(verify_refreshed(&token, &login.keys, &login.expected(), &original))
}

#[test]
fn s59_a_refreshed_token_about_the_same_person_passes() {
    let login = Login::new();
    assert_eq!(refreshed(&login, None, &json!({})), None);
    assert_eq!(refreshed(&login, Some(NOW - 9), &json!({ "auth_time": NOW - 9, "azp": CLIENT })), None);
}

#[test]
fn s59_another_subject_or_issuer_is_an_identity_mismatch() {
    let login = Login::new();
    for changes in [
        json!({ "sub": "alice1" }),
        json!({ "sub": "Alice" }),
        json!({ "iss": format!("{ISSUER}1") }),
        json!({ "iss": "https://evil.example", "sub": "mallory" }),
        // Another person's token differs in these as well, and they must not hide whose it is.
        json!({ "sub": "mallory", "nonce": "other", "auth_time": NOW - 1, "exp": NOW - WEEK }),
    ] {
        assert_eq!(refreshed(&login, Some(NOW - 9), &changes), Some(Reason::IdentityMismatch), "{changes}");
    }
    assert_eq!(refreshed(&login, None, &json!({ "sub": null })), Some(Reason::IdTokenSub));
    assert_eq!(refreshed(&login, None, &json!({ "sub": "" })), Some(Reason::IdTokenSub));
    assert_eq!(refreshed(&login, None, &json!({ "iss": null })), Some(Reason::IdTokenIssuer));
}

#[test]
fn s59_the_issuer_of_the_registration_counts_as_well() {
    let login = Login::new();
    let token = login.signer.token(&json!({}), &with(&right(), &json!({ "iss": "https://old.example" })));
    let original = Original { subject: "alice", issuer: "https://old.example", auth_time: None };
    let result = verify_refreshed(&token, &login.keys, &login.expected(), &original);
    assert_eq!(reason(result), Some(Reason::IdTokenIssuer));
}

#[test]
fn s59_the_nonce_is_absent_or_the_same() {
    let mut login = Login::new();
    assert_eq!(refreshed(&login, None, &json!({ "nonce": null })), None);
    assert_eq!(refreshed(&login, None, &json!({ "nonce": NONCE })), None);
    for nonce in [json!("other"), json!(""), json!(1)] {
        assert_eq!(refreshed(&login, None, &json!({ "nonce": nonce })), Some(Reason::IdTokenNonce), "{nonce}");
    }
    login.nonce = None;
    assert_eq!(refreshed(&login, None, &json!({ "nonce": "no longer known" })), None);
}

#[test]
fn s59_auth_time_is_the_logins() {
    let mut login = Login::new();
    let then = NOW - WEEK;
    // The login was a week ago: `max_age` was for the login, not for every refresh after it.
    login.max_age = Some(Duration::from_secs(600));
    assert_eq!(refreshed(&login, Some(then), &json!({ "auth_time": then })), None);
    assert_eq!(refreshed(&login, Some(then), &json!({})), None);
    assert_eq!(refreshed(&login, None, &json!({ "auth_time": then })), None);
    for auth_time in [json!(then + 1), json!(then - 1), json!(NOW), json!("then")] {
        let changes = json!({ "auth_time": auth_time });
        assert_eq!(refreshed(&login, Some(then), &changes), Some(Reason::IdTokenAuthTime), "{auth_time}");
    }
}

#[test]
fn s59_every_other_check_is_the_logins() {
    let mut login = Login::new();
    for (changes, reason) in [
        (json!({ "aud": [CLIENT, "other"] }), Reason::IdTokenAudience),
        (json!({ "azp": "other" }), Reason::IdTokenAzp),
        (json!({ "exp": NOW - LEEWAY }), Reason::IdTokenExpired),
        (json!({ "iat": null }), Reason::IdTokenIat),
        (json!({ "iat": NOW + LEEWAY + 1 }), Reason::IdTokenIat),
        (json!({ "at_hash": "wrong" }), Reason::IdTokenAtHash),
    ] {
        assert_eq!(refreshed(&login, None, &changes), Some(reason), "{changes}");
    }
    login.acr_values = vec!["gold".to_owned()];
    assert_eq!(refreshed(&login, None, &json!({})), Some(Reason::IdTokenAcr));
    login.keys = key_set(&[Signer::es256().jwk()]);
    assert_eq!(refreshed(&login, None, &json!({})), Some(Reason::IdTokenSignature));
}
