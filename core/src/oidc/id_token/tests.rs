use serde_json::json;

use super::*;
use crate::oidc::testing::{Signer, encode, key_set, reason, with};

mod claims;
mod differential;
mod refreshed;
mod userinfo;

const NOW: u64 = 1_800_000_000;
const LEEWAY: u64 = 60;
const ISSUER: &str = "https://idp.example/realm";
const CLIENT: &str = "client-1";
const NONCE: &str = "n-0S6_WzA2Mj";
const ACCESS_TOKEN: &str = "2YotnFZFEjr1zCsicMWpAA";
const WEEK: u64 = 7 * 24 * 3600;

/// One login: a key, what was asked for, and a right answer to it. Each test changes one thing.
struct Login {
    issuer: Issuer,
    signer: Signer,
    keys: KeySet,
    nonce: Option<Secret>,
    access_token: Option<&'static str>,
    max_age: Option<Duration>,
    acr_values: Vec<String>,
    allowed: Vec<Algorithm>,
    client_secret: Option<Secret>,
    now: SystemTime,
    leeway: Duration,
}

impl Login {
    fn new() -> Self {
        Self::signed_by(Signer::es256())
    }

    fn signed_by(signer: Signer) -> Self {
        Self {
            issuer: Issuer::exact(ISSUER),
            keys: key_set(&[signer.jwk()]),
            signer,
            nonce: Some(Secret::new(NONCE)),
            access_token: Some(ACCESS_TOKEN),
            max_age: None,
            acr_values: Vec::new(),
            allowed: Algorithm::ALL.to_vec(),
            client_secret: None,
            now: UNIX_EPOCH + Duration::from_secs(NOW),
            leeway: Duration::from_secs(LEEWAY),
        }
    }

    fn expected(&self) -> Expected<'_> {
        Expected {
            issuer: &self.issuer,
            client_id: CLIENT,
            nonce: self.nonce.as_ref(),
            access_token: self.access_token,
            max_age: self.max_age,
            acr_values: &self.acr_values,
            allowed: Allowed { algorithms: self.allowed.clone(), client_secret: self.client_secret.as_ref() },
            now: self.now,
            leeway: self.leeway,
        }
    }

    fn verify(&self, token: &str) -> Option<Reason> {
        reason(verify_login(token, &self.keys, &self.expected()))
    }

    /// What becomes of a token whose claims differ from the right ones so.
    fn claims(&self, changes: &Value) -> Option<Reason> {
        self.verify(&self.signer.token(&json!({}), &with(&right(), changes)))
    }

    /// The same with a claim that `json!` cannot write: the text of its value.
    fn claim_text(&self, name: &str, text: &str) -> Option<Reason> {
        let payload = with(&right(), &json!({ name: "@@" })).to_string().replace("\"@@\"", text);
        self.verify(&self.signer.raw(&json!({ "alg": self.signer.alg() }).to_string(), &payload))
    }

    fn header(&self, changes: &Value) -> Option<Reason> {
        self.verify(&self.signer.token(changes, &right()))
    }
}

fn right() -> Value {
    json!({ "iss": ISSUER, "sub": "alice", "aud": CLIENT, "exp": NOW + 300, "iat": NOW - 5, "nonce": NONCE })
}

#[test]
fn a_right_token_gives_its_claims_in_every_algorithm() {
    for signer in Algorithm::ALL.iter().map(|algorithm| Signer::new(*algorithm)) {
        let login = Login::signed_by(signer);
        let payload = with(&right(), &json!({ "auth_time": NOW - 9, "email": "a@example.org", "https://x/y": [1] }));
        let token = login.signer.token(&json!({ "typ": "JWT" }), &payload);
        let claims = verify_login(&token, &login.keys, &login.expected()).ok().unwrap();
        assert_eq!((claims.subject.as_str(), claims.issuer.as_str()), ("alice", ISSUER));
        assert_eq!(claims.auth_time, Some(NOW - 9));
        assert_eq!(Value::Object(claims.all), payload);
    }
}

#[test]
fn s41_alg_none_is_refused_however_it_is_written() {
    let login = Login::new();
    let (header, payload) = (|alg: &str| encode(json!({ "alg": alg }).to_string()), encode(right().to_string()));
    for alg in ["none", "None", "nOnE", "NONE", "none ", "", "null"] {
        for signature in ["", "AAAA", &encode(login.signer.sign(b"x"))] {
            let token = format!("{}.{payload}.{signature}", header(alg));
            assert_eq!(login.verify(&token), Some(Reason::IdTokenAlgNotAllowed), "{alg:?} {signature}");
        }
        // A right signature does not help a token that says it has none.
        assert_eq!(login.header(&json!({ "alg": alg })), Some(Reason::IdTokenAlgNotAllowed), "{alg:?}");
    }
    assert_eq!(login.verify(&format!("{}.{payload}", header("none"))), Some(Reason::MalformedJwt));
}

#[test]
fn s41_hs256_keyed_with_the_public_key_is_refused() {
    let login = Login::signed_by(Signer::rs256());
    let [der, n] = login.signer.public_bytes();
    let base64 = base64::engine::general_purpose::STANDARD.encode(&der);
    let pem = format!("-----BEGIN RSA PUBLIC KEY-----\n{base64}\n-----END RSA PUBLIC KEY-----\n");
    let jwk_n = encode(&n).into_bytes();
    for alg in ["HS256", "hs256", "HS384", "HS512"] {
        for secret in [n.clone(), der.clone(), pem.clone().into_bytes(), jwk_n.clone(), Vec::new()] {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret);
            let signed = format!("{}.{}", encode(json!({ "alg": alg }).to_string()), encode(right().to_string()));
            let token = format!("{signed}.{}", encode(ring::hmac::sign(&key, signed.as_bytes())));
            assert_eq!(login.verify(&token), Some(Reason::IdTokenAlgNotAllowed), "{alg}");
        }
    }
}

#[test]
fn s41_hs256_is_for_the_client_s_own_secret_where_that_is_allowed_and_nothing_else() {
    let mut login = Login::signed_by(Signer::rs256());
    let secret = "0123456789abcdef0123456789abcdef";
    let signed_with = |secret: &str, payload: &Value| {
        let signed = format!("{}.{}", encode(r#"{"alg":"HS256"}"#), encode(payload.to_string()));
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
        format!("{signed}.{}", encode(ring::hmac::sign(&key, signed.as_bytes())))
    };
    let token = signed_with(secret, &right());
    assert_eq!(login.verify(&token), Some(Reason::IdTokenAlgNotAllowed), "a public client");
    login.client_secret = Some(Secret::new(secret));
    login.keys = key_set(&[]);
    assert_eq!(login.verify(&token), None);
    assert!(login.expected().allowed.needs_no_keys(&token));
    assert!(!login.expected().allowed.needs_no_keys(&login.signer.token(&json!({}), &right())));
    assert_eq!(login.verify(&signed_with("another", &right())), Some(Reason::IdTokenSignature));
    let late = with(&right(), &json!({ "exp": NOW - WEEK }));
    assert_eq!(
        login.verify(&signed_with(secret, &late)),
        Some(Reason::IdTokenExpired),
        "the claims count all the same"
    );
    let hash = digest::digest(&digest::SHA256, ACCESS_TOKEN.as_bytes());
    let at_hash = encode(&hash.as_ref()[..16]);
    assert_eq!(login.verify(&signed_with(secret, &with(&right(), &json!({ "at_hash": at_hash })))), None);
    // The other algorithms of that family stay unknown.
    for alg in ["HS384", "HS512", "hs256"] {
        let signed = format!("{}.{}", encode(json!({ "alg": alg }).to_string()), encode(right().to_string()));
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
        let token = format!("{signed}.{}", encode(ring::hmac::sign(&key, signed.as_bytes())));
        assert_eq!(login.verify(&token), Some(Reason::IdTokenAlgNotAllowed), "{alg}");
    }
}

#[test]
fn s41_an_algorithm_that_is_known_but_not_allowed_is_refused() {
    let mut login = Login::new();
    login.allowed = vec![Algorithm::Rs256];
    assert_eq!(login.header(&json!({})), Some(Reason::IdTokenAlgNotAllowed));
    login.allowed = Vec::new();
    assert_eq!(login.header(&json!({})), Some(Reason::IdTokenAlgNotAllowed));
    for alg in ["ES512", "es256", "ES256K", "RS1", "Ed448", "A128KW"] {
        assert_eq!(Login::new().header(&json!({ "alg": alg })), Some(Reason::IdTokenAlgNotAllowed), "{alg}");
    }
}

#[test]
fn s41_a_key_of_another_type_is_no_key_for_the_algorithm() {
    let mut login = Login::new();
    assert_eq!(login.header(&json!({ "alg": "RS256" })), Some(Reason::IdTokenKeyNotFound));
    login.keys = key_set(&[Signer::rs256().jwk_with(&json!({ "kid": "k" }))]);
    assert_eq!(login.header(&json!({ "kid": "k" })), Some(Reason::IdTokenKeyNotFound));
    // A key that its issuer keeps to another algorithm.
    login.keys = key_set(&[login.signer.jwk_with(&json!({ "alg": "RS256" }))]);
    assert_eq!(login.header(&json!({})), Some(Reason::IdTokenKeyNotFound));
}

#[test]
fn s45_a_signature_that_does_not_fit_is_refused() {
    for signer in [Signer::rs256(), Signer::es256()] {
        let login = Login::signed_by(signer);
        let token = login.signer.token(&json!({}), &right());
        assert_eq!(login.verify(&token), None);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, _) = signed.split_once('.').unwrap();

        let mut bytes = crate::oidc::jws::base64url(signature).unwrap();
        bytes[20] ^= 1;
        let other_payload = encode(with(&right(), &json!({ "sub": "mallory" })).to_string());
        let other_header = encode(json!({ "alg": login.signer.alg(), "x": 1 }).to_string());
        let payload = encode(right().to_string());
        for bad in [
            format!("{signed}.{}", encode(&bytes)),
            format!("{signed}."),
            format!("{signed}.AAAA"),
            format!("{signed}.{}", encode(vec![0; bytes.len()])),
            format!("{header}.{other_payload}.{signature}"),
            format!("{other_header}.{payload}.{signature}"),
        ] {
            assert_eq!(login.verify(&bad), Some(Reason::IdTokenSignature), "{bad}");
        }
    }
    let mut login = Login::new();
    login.keys = key_set(&[Signer::es256().jwk()]);
    assert_eq!(login.header(&json!({})), Some(Reason::IdTokenSignature));
}

#[test]
fn s45_the_signature_is_judged_before_the_claims() {
    let login = Login::new();
    let forged =
        Signer::es256().token(&json!({}), &with(&right(), &json!({ "iss": "https://evil.example", "exp": 1 })));
    assert_eq!(login.verify(&forged), Some(Reason::IdTokenSignature));
}

#[test]
fn s52_a_signed_token_with_a_member_twice_is_refused() {
    let login = Login::new();
    let payload = right().to_string().replacen('{', r#"{"sub":"mallory","#, 1);
    assert_eq!(login.verify(&login.signer.raw(r#"{"alg":"ES256"}"#, &payload)), Some(Reason::MalformedJwt));
    let header = r#"{"alg":"none","alg":"ES256"}"#;
    assert_eq!(login.verify(&login.signer.raw(header, &right().to_string())), Some(Reason::MalformedJwt));
}

#[test]
fn s53_a_signed_token_with_crit_is_refused() {
    let login = Login::new();
    assert_eq!(login.header(&json!({ "crit": ["exp"], "exp": 1 })), Some(Reason::MalformedJwt));
}

#[test]
fn s54_a_signed_token_of_another_type_is_refused() {
    let login = Login::new();
    for typ in ["at+jwt", "logout+jwt", "dpop+jwt", "application/at+jwt", "JOSE"] {
        assert_eq!(login.header(&json!({ "typ": typ })), Some(Reason::IdTokenTyp), "{typ}");
    }
    assert_eq!(login.header(&json!({ "typ": "JWT" })), None);
}

#[test]
fn s55_a_key_offered_by_the_token_is_not_taken() {
    let login = Login::new();
    let mallory = Signer::es256();
    let offer = json!({
        "jku": "https://evil.example/jwks",
        "x5u": "https://evil.example/cert",
        "jwk": mallory.jwk(),
        "x5c": ["AAAA"],
    });
    let forged = |header: &Value| login.verify(&mallory.token(header, &right()));
    assert_eq!(forged(&offer), Some(Reason::IdTokenSignature));
    assert_eq!(forged(&with(&offer, &json!({ "kid": "mallory" }))), Some(Reason::IdTokenKeyNotFound));
    // Nor do they harm a token that our own key signed.
    assert_eq!(login.header(&offer), None);
}

#[test]
fn s56_the_key_id_chooses_the_key() {
    let mut login = Login::new();
    let other = Signer::es256();
    let (own, others) = (
        |kid: Value| login.signer.jwk_with(&json!({ "kid": kid })),
        |kid: &str| other.jwk_with(&json!({ "kid": kid })),
    );

    let named = key_set(&[others("a"), own(json!("b"))]);
    let twice = key_set(&[others("k"), own(json!("k"))]);
    let nameless = key_set(&[own(json!(null))]);

    login.keys = named;
    assert_eq!(login.header(&json!({ "kid": "b" })), None);
    assert_eq!(login.header(&json!({ "kid": "a" })), Some(Reason::IdTokenSignature), "the right key has another id");
    assert_eq!(login.header(&json!({ "kid": "c" })), Some(Reason::IdTokenKeyNotFound));
    assert_eq!(login.header(&json!({})), None, "without an id every key is tried");
    login.keys = twice;
    assert_eq!(login.header(&json!({ "kid": "k" })), None, "an id may stand twice");
    login.keys = nameless;
    assert_eq!(login.header(&json!({ "kid": "k" })), Some(Reason::IdTokenKeyNotFound));
    assert_eq!(login.header(&json!({})), None);
    login.keys = key_set(&[]);
    assert_eq!(login.header(&json!({})), Some(Reason::IdTokenKeyNotFound));
}

#[test]
fn errors_carry_nothing_of_the_token() {
    let login = Login::new();
    for name in ["iss", "aud", "azp", "sub", "exp", "iat", "nonce", "auth_time", "at_hash"] {
        let token = login.signer.token(&json!({}), &with(&right(), &json!({ name: "CANÄRY" })));
        let error = verify_login(&token, &login.keys, &login.expected()).err().unwrap();
        assert!(!format!("{error} {error:?}").contains("CAN"), "{error}");
    }
    for header in [
        json!({ "alg": "CANARY" }),
        json!({ "typ": "CANARY" }),
        json!({ "kid": "CANARY" }),
        json!({ "crit": "CANARY" }),
    ] {
        let token = login.signer.token(&header, &right());
        let error = verify_login(&token, &login.keys, &login.expected()).err().unwrap();
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{error}");
    }
}
