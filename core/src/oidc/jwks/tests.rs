use serde_json::{Value, json};

use super::*;
use crate::oidc::testing::{Signer, encode, key_set, reason};

/// How many keys of a set with this one key may have signed a token of this algorithm without a key id.
fn usable(jwk: Value, algorithm: Algorithm) -> usize {
    key_set(&[jwk]).candidates(algorithm, None).count()
}

#[test]
fn s76_what_is_no_key_set_is_refused() {
    let refused = |text: &str| reason(KeySet::parse(text.as_bytes()));
    for text in ["", "<html>", "{", r#"{"keys":[]} x"#] {
        assert_eq!(refused(text), Some(Reason::NotJson), "{text}");
    }
    for text in ["[]", "null", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, r#"{"keys":[],"keys":[]}"#] {
        assert_eq!(refused(text), Some(Reason::MalformedResponse), "{text}");
    }
    assert_eq!(refused(r#"{"keys":[{"kid":"a","kid":"b"}]}"#), Some(Reason::MalformedResponse));
    assert_eq!(refused(&format!(r#"{{"keys":{}{}}}"#, "[".repeat(40), "]".repeat(40))), Some(Reason::ResponseTooLarge));
    let of = |keys: usize| format!(r#"{{"keys":[{}]}}"#, vec!["{}"; keys].join(","));
    assert_eq!(refused(&of(MAX_KEYS)), None);
    assert_eq!(refused(&of(MAX_KEYS + 1)), Some(Reason::ResponseTooLarge));
    assert_eq!(refused(r#"{"keys":[]}"#), None);
}

#[test]
fn s58_keys_we_cannot_use_are_passed_over_and_harm_no_other() {
    let rsa = Signer::rs256();
    let odd = [
        json!(1),
        json!(null),
        json!("RSA"),
        json!([]),
        json!({}),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA" }),
        json!({ "kty": "new", "x": 1 }),
        json!({ "kty": "RSA" }),
        json!({ "kty": "EC", "crv": "P-256" }),
        rsa.jwk(),
    ];
    let keys = key_set(&odd);
    assert_eq!(keys.candidates(Algorithm::Rs256, None).count(), 1);
    assert_eq!(keys.candidates(Algorithm::Es256, None).count(), 0);
}

#[test]
fn s56_a_key_that_is_not_for_verifying_signatures_is_passed_over() {
    let (rsa, es) = (Signer::rs256(), Signer::es256());
    for (signer, algorithm) in [(&rsa, Algorithm::Rs256), (&es, Algorithm::Es256)] {
        let usable_with = |members: Value| usable(signer.jwk_with(&members), algorithm);
        for good in [
            json!({}),
            json!({ "use": "sig" }),
            json!({ "key_ops": ["verify"] }),
            json!({ "key_ops": ["sign", "verify"] }),
            json!({ "alg": algorithm.name() }),
            json!({ "use": "sig", "alg": algorithm.name(), "kid": "k", "x5c": ["?"], "x5t": 1, "future": {} }),
        ] {
            assert_eq!(usable_with(good.clone()), 1, "{good}");
        }
        for bad in [
            json!({ "use": "enc" }),
            json!({ "use": "SIG" }),
            json!({ "use": "" }),
            json!({ "use": 1 }),
            json!({ "key_ops": [] }),
            json!({ "key_ops": ["sign"] }),
            json!({ "key_ops": ["encrypt", "wrapKey"] }),
            json!({ "key_ops": "verify" }),
            json!({ "alg": "RS512" }),
            json!({ "alg": "PS256" }),
            json!({ "alg": "HS256" }),
            json!({ "alg": "" }),
            json!({ "alg": 1 }),
            json!({ "kid": 1 }),
            json!({ "kty": "oct" }),
            json!({ "kty": "rsa" }),
            json!({ "kty": "OKP" }),
            json!({ "kty": 1 }),
        ] {
            assert_eq!(usable_with(bad.clone()), 0, "{bad}");
        }
    }
    for crv in [json!("P-384"), json!("p-256"), json!("secp256k1"), json!(""), json!(1)] {
        assert_eq!(usable(es.jwk_with(&json!({ "crv": crv })), Algorithm::Es256), 0, "{crv}");
    }
}

#[test]
fn s58_symmetric_and_private_and_weak_keys_are_passed_over() {
    let (rsa, es) = (Signer::rs256(), Signer::es256());
    let every = |jwk: Value| -> usize { Algorithm::ALL.iter().map(|algorithm| usable(jwk.clone(), *algorithm)).sum() };
    assert_eq!(every(json!({ "kty": "oct", "k": "c2VjcmV0" })), 0);
    assert_eq!(every(rsa.jwk_with(&json!({ "d": "AQAB" }))), 0);
    assert_eq!(every(es.jwk_with(&json!({ "d": "AQAB" }))), 0);
    assert_eq!(every(rsa.jwk_with(&json!({ "e": "AQ" }))), 0, "e = 1");
    assert_eq!(every(rsa.jwk_with(&json!({ "e": "Ag" }))), 0, "e = 2");
    assert_eq!(every(rsa.jwk_with(&json!({ "n": encode([0xff; 128]) }))), 0, "1024 bits");
    assert_eq!(every(es.jwk_with(&json!({ "x": "AAAA" }))), 0);
}

#[test]
fn s52_the_numbers_of_a_key_are_strict_base64url() {
    let (rsa, es) = (Signer::rs256(), Signer::es256());
    assert_eq!(usable(rsa.jwk(), Algorithm::Rs256), 1);
    for e in [json!("AQAB="), json!("AQAB\n"), json!("AQ+B"), json!(65537), json!(["AQAB"]), json!(null)] {
        let mut jwk = rsa.jwk();
        jwk["e"] = e.clone();
        assert_eq!(usable(jwk, Algorithm::Rs256), 0, "{e}");
    }
    let y = es.jwk()["y"].as_str().unwrap().to_owned();
    assert_eq!(usable(es.jwk_with(&json!({ "y": format!("{y}=") })), Algorithm::Es256), 0);
}

#[test]
fn s56_a_key_id_is_believed_alone() {
    let (rsa, one, two) = (Signer::rs256(), Signer::es256(), Signer::es256());
    let keys = key_set(&[
        rsa.jwk_with(&json!({ "kid": "r" })),
        rsa.jwk(),
        one.jwk_with(&json!({ "kid": "e" })),
        two.jwk_with(&json!({ "kid": "e" })),
        two.jwk_with(&json!({ "kid": "" })),
        two.jwk_with(&json!({ "kid": "pinned", "alg": "ES384" })),
    ]);
    let count = |algorithm, kid| keys.candidates(algorithm, kid).count();
    assert_eq!(count(Algorithm::Rs256, Some("r")), 1, "one without an id is not taken along");
    assert_eq!(count(Algorithm::Rs256, None), 2);
    assert_eq!(count(Algorithm::Es256, Some("e")), 2, "an id may stand twice");
    assert_eq!(count(Algorithm::Es256, None), 3);
    assert_eq!(count(Algorithm::Es256, Some("")), 1);
    assert_eq!(count(Algorithm::Es256, Some("r")), 0, "the type counts too");
    assert_eq!(count(Algorithm::Es256, Some("pinned")), 0);
    for unknown in ["R", "r ", "x"] {
        assert_eq!(count(Algorithm::Rs256, Some(unknown)), 0, "{unknown}");
    }
}
