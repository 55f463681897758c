//! Signed userinfo (OpenID Connect Core section 5.3.2).

use super::*;

/// What becomes of these claims, signed.
fn read(claims: &Value) -> std::result::Result<Value, Reason> {
    let login = Login::new();
    let token = login.signer.token(&json!({}), claims);
    verify_userinfo(&token, &login.keys, &login.expected()).map(Value::Object).map_err(|error| error.reason())
}

#[test]
fn signed_userinfo_gives_its_claims() {
    let bare = json!({ "sub": "alice", "email": "a@example.org" });
    assert_eq!(read(&bare), Ok(bare.clone()), "who speaks and to whom may be left out, and so may its times");
    let whole = with(&bare, &json!({ "iss": ISSUER, "aud": CLIENT, "exp": NOW + 300 }));
    assert_eq!(read(&whole), Ok(whole.clone()));
}

#[test]
fn s42_s43_signed_userinfo_of_or_for_somebody_else_or_too_old_is_refused() {
    let with = |changes: Value| read(&with(&json!({ "sub": "alice" }), &changes));
    assert_eq!(with(json!({ "iss": "https://other.example" })), Err(Reason::IdTokenIssuer));
    assert_eq!(with(json!({ "aud": "client-2" })), Err(Reason::IdTokenAudience));
    assert_eq!(with(json!({ "aud": [CLIENT, "client-2"] })), Err(Reason::IdTokenAudience));
    assert_eq!(with(json!({ "exp": NOW - LEEWAY - 1 })), Err(Reason::IdTokenExpired));
}

#[test]
fn s45_userinfo_that_somebody_else_signed_is_refused() {
    let (login, other) = (Login::new(), Signer::es256());
    let token = other.token(&json!({}), &json!({ "sub": "alice" }));
    assert_eq!(reason(verify_userinfo(&token, &login.keys, &login.expected())), Some(Reason::IdTokenSignature));
}
