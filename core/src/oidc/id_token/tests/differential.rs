//! The same tokens before the `openidconnect` crate: it may differ from us only where the reason stands here.

use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKey};
use openidconnect::{ClientId, IssuerUrl, JsonWebKeySet, Nonce};

use super::*;

/// That crate asks the system for the time, so that these tokens are good, or over, by any clock.
const FAR: u64 = 4_000_000_000;

/// What is changed in a right token, and why the two may differ over it; empty: they may not.
struct Change {
    name: &'static str,
    claims: Value,
    header: Value,
    /// Why we refuse what that crate takes.
    stricter: &'static str,
    /// Why we take what that crate refuses.
    milder: &'static str,
}

fn change(name: &'static str, claims: Value) -> Change {
    Change { name, claims, header: json!({}), stricter: "", milder: "" }
}

fn changes() -> Vec<Change> {
    let header = |name, header: Value| Change { header, ..change(name, json!({})) };
    let stricter = |why, change: Change| Change { stricter: why, ..change };
    let milder = |why, change: Change| Change { milder: why, ..change };
    let long = "s".repeat(256);
    vec![
        change("nothing", json!({})),
        change("another issuer", json!({ "iss": format!("{ISSUER}1") })),
        change("a slash more", json!({ "iss": format!("{ISSUER}/") })),
        change("no issuer", json!({ "iss": null })),
        change("another audience", json!({ "aud": "client-2" })),
        change("a list of one audience", json!({ "aud": [CLIENT] })),
        change("a second audience", json!({ "aud": [CLIENT, "client-2"] })),
        change("no audience in the list", json!({ "aud": [] })),
        change("no audience", json!({ "aud": null })),
        change("another nonce", json!({ "nonce": format!("{NONCE}1") })),
        change("no nonce", json!({ "nonce": null })),
        change("over", json!({ "exp": 1_000_000_000 })),
        change("no end", json!({ "exp": null })),
        change("an end in text", json!({ "exp": FAR.to_string() })),
        change("no beginning", json!({ "iat": null })),
        change("a beginning in text", json!({ "iat": "1" })),
        change("no subject", json!({ "sub": null })),
        change("a subject of another type", json!({ "sub": 7 })),
        change("a profile", json!({ "name": "Ada", "email": "ada@example.org", "email_verified": true })),
        stricter("it leaves azp to its caller", change("another party", json!({ "azp": "client-2" }))),
        stricter("it leaves at_hash to its caller", change("another access token", json!({ "at_hash": "AAAA" }))),
        stricter("it takes any iat unless told otherwise", change("issued in the future", json!({ "iat": FAR - 1 }))),
        stricter("it takes any subject", change("an empty subject", json!({ "sub": "" }))),
        stricter("it takes any subject", change("a subject that is too long", json!({ "sub": long }))),
        milder("a claim that we do not use is the app's to judge", change("a number for a name", json!({ "name": 7 }))),
        milder(
            "a claim that we do not use is the app's to judge",
            change("an address that is none", json!({ "address": 7 })),
        ),
        header("a type", json!({ "typ": "JWT" })),
        header("an access token", json!({ "typ": "at+jwt" })),
        header("no signature", json!({ "alg": "none" })),
        header("the wrong algorithm", json!({ "alg": "HS256" })),
        header("a key that nobody published", json!({ "kid": "nobody-s" })),
        header("an extension that must be understood", json!({ "crit": ["b64"], "b64": true })),
    ]
}

/// What that crate makes of a token.
fn theirs(token: &str, signer: &Signer) -> bool {
    let key: CoreJsonWebKey = serde_json::from_value(signer.jwk_with(&json!({ "use": "sig", "kid": "k" }))).unwrap();
    let verifier = CoreIdTokenVerifier::new_public_client(
        ClientId::new(CLIENT.to_owned()),
        IssuerUrl::new(ISSUER.to_owned()).unwrap(),
        JsonWebKeySet::new(vec![key]),
    )
    .allow_any_alg();
    let nonce = Nonce::new(NONCE.to_owned());
    token.parse::<CoreIdToken>().is_ok_and(|token| token.claims(&verifier, &nonce).is_ok())
}

#[test]
fn another_library_judges_the_same_tokens_alike_save_where_it_is_said_why() {
    let changes = changes();
    let mut differed = vec![0; changes.len()];
    for algorithm in Algorithm::ALL {
        let mut login = Login::signed_by(Signer::new(*algorithm));
        login.keys = key_set(&[login.signer.jwk_with(&json!({ "kid": "k" }))]);
        for (index, one) in changes.iter().enumerate() {
            // Each alone by every algorithm, and by one each with every other: what one refuses the other must not save.
            let others = if *algorithm == Algorithm::Es256 { changes.len() } else { 1 };
            for other in changes.iter().take(others) {
                let payload = with(&with(&with(&right(), &json!({ "exp": FAR })), &one.claims), &other.claims);
                let header = with(&with(&json!({ "kid": "k" }), &one.header), &other.header);
                let token = login.signer.token(&header, &payload);
                let (ours, theirs) = (login.verify(&token).is_none(), theirs(&token, &login.signer));
                let what = format!("{} + {}, {algorithm:?}: ours {ours}, theirs {theirs}", one.name, other.name);
                if ours && !theirs {
                    assert!(!one.milder.is_empty() || !other.milder.is_empty(), "{what}");
                } else if theirs && !ours {
                    assert!(!one.stricter.is_empty() || !other.stricter.is_empty(), "{what}");
                }
                if ours != theirs && other.name == "nothing" {
                    differed[index] += 1;
                }
            }
            if one.name == "nothing" {
                let token = login.signer.token(&json!({ "kid": "k" }), &with(&right(), &json!({ "exp": FAR })));
                assert!(login.verify(&token).is_none() && theirs(&token, &login.signer), "{algorithm:?}");
            }
        }
    }
    // A reason that nothing needs any more goes.
    for (change, times) in changes.iter().zip(differed) {
        assert_eq!(times > 0, !(change.stricter.is_empty() && change.milder.is_empty()), "{}", change.name);
    }
}
