//! The JWS, the keys that sign it, and the claims in it.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::hmac;
use serde_json::{Map, Value, json};

use super::strict::strict;
use crate::oidc::id_token::{Allowed, Claims, Expected, Original, verify_login, verify_refreshed, verify_userinfo};
use crate::oidc::jwks::KeySet;
use crate::oidc::jws::{Algorithm, Jws, base64url, verify};
use crate::provider::{Issuer, IssuerRule};
use crate::secret::Secret;

/// Public keys whose private halves nobody has any more. They have signed tokens of one payload, which are in the corpus.
const KEYS: &[u8] = include_bytes!("keys.json");

/// A token.
///
/// One that is taken apart has exactly three segments in canonical base64url, of strict JSON objects, and is no JWE; nothing is signed by keys that did not.
pub fn jws(data: &[u8]) {
    let Ok(token) = std::str::from_utf8(data) else { return };
    let Ok(read) = Jws::parse(token) else { return };
    assert!(token.len() <= 64 * 1024);
    let segments: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = segments.as_slice() else { return assert_eq!(segments.len(), 3) };
    let bytes = |segment: &str| {
        let bytes = base64url(segment).unwrap_or_default();
        assert_eq!(canonical(&bytes), segment, "one string of bytes has one spelling");
        bytes
    };
    let _ = bytes(signature);
    let header = strict(&bytes(header)).unwrap_or_default();
    assert_eq!(header.get("alg").and_then(Value::as_str), Some(read.alg.as_str()));
    assert_eq!(header.get("kid").and_then(Value::as_str), read.kid.as_deref());
    assert!(header.get("enc").is_none() && header.get("crit").is_none(), "not understood");
    let typ = header.get("typ").map(|typ| typ.as_str().unwrap_or("?").to_ascii_lowercase());
    assert_eq!(read.is_plain_jwt(), typ.is_none_or(|typ| typ == "jwt" || typ == "application/jwt"));
    assert_eq!(strict(&bytes(payload)), Some(Value::Object(read.payload.clone())));

    static SET: OnceLock<KeySet> = OnceLock::new();
    let set = SET.get_or_init(|| KeySet::parse(KEYS).unwrap_or_default());
    for algorithm in Algorithm::ALL {
        for key in set.candidates(*algorithm, None) {
            if read.is_signed_by(*algorithm, key) {
                assert_eq!(Value::Object(read.payload.clone()), json!({ "sub": "signed" }), "nobody has signed this");
                assert_eq!(read.alg, algorithm.name());
            }
        }
    }
    assert!(!read.is_authenticated_by(b"what nobody has ever signed with"));
}

/// Base64url, written by hand (RFC 4648 section 5).
fn canonical(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_usize, |word, byte| word << 8 | usize::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            let value = word >> (18 - 6 * digit) & 63;
            text.extend(DIGITS.get(value).map(|digit| char::from(*digit)));
        }
    }
    text
}

/// A key set.
///
/// No key in it is weaker than it must be, private, for something else than signatures, or of another type than the algorithm's; one that cannot be used
/// harms no other.
pub fn jwks(data: &[u8]) {
    let written = strict(data);
    let Ok(set) = KeySet::parse(data) else { return };
    let keys = written.as_ref().and_then(|written| written.get("keys")?.as_array()).map(Vec::as_slice);
    let Some(keys) = keys else { return assert!(written.is_none(), "what is no set was read") };
    assert!(keys.len() <= 256);
    for algorithm in Algorithm::ALL {
        let usable = keys.iter().filter(|key| key.as_object().is_some_and(|key| may_verify(key, *algorithm)));
        assert_eq!(set.candidates(*algorithm, None).count(), usable.clone().count(), "{}", algorithm.name());
        for kid in keys.iter().filter_map(|key| key.get("kid")?.as_str()) {
            let of_the_kid = usable.clone().filter(|key| key.get("kid").is_some_and(|own| own == kid));
            assert_eq!(set.candidates(*algorithm, Some(kid)).count(), of_the_kid.count(), "{kid}");
        }
        for key in set.candidates(*algorithm, None) {
            // Whatever the numbers are: it answers.
            let _ = verify(*algorithm, key, b"message", &[7; 64]);
        }
    }
}

/// Whether a key may verify signatures of an algorithm, as S56 and S58 of the checklist have it.
fn may_verify(jwk: &Map<String, Value>, algorithm: Algorithm) -> bool {
    let is_text_or_absent = |name: &str| jwk.get(name).is_none_or(Value::is_string);
    let number = |name: &str| {
        let bytes = jwk.get(name).and_then(Value::as_str).and_then(base64url)?;
        Some(bytes.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>())
    };
    let length = |name: &str| jwk.get(name).and_then(Value::as_str).and_then(base64url).map(|bytes| bytes.len());
    let says = |name: &str, text: &str| jwk.get(name).is_some_and(|value| value == text);
    let for_signatures = jwk.get("use").is_none_or(|usage| usage == "sig")
        && jwk.get("key_ops").is_none_or(|operations| {
            operations.as_array().is_some_and(|operations| operations.iter().any(|operation| operation == "verify"))
        });
    let right_alg = jwk.get("alg").is_none_or(|alg| alg == algorithm.name());
    let point = |kty: &str, crv: &str, coordinates: &[&str], bytes: usize| {
        says("kty", kty) && says("crv", crv) && coordinates.iter().all(|name| length(name) == Some(bytes))
    };
    let right_type = match algorithm {
        Algorithm::Es256 => point("EC", "P-256", &["x", "y"], 32),
        Algorithm::Es384 => point("EC", "P-384", &["x", "y"], 48),
        Algorithm::EdDsa => point("OKP", "Ed25519", &["x"], 32),
        _ => says("kty", "RSA") && number("n").zip(number("e")).is_some_and(|(n, e)| is_strong(&n, &e)),
    };
    !jwk.contains_key("d") && is_text_or_absent("kid") && for_signatures && right_alg && right_type
}

/// RSA of 2048 to 8192 bits, whose exponent is odd, more than 1 and of at most 33 bits.
fn is_strong(n: &[u8], e: &[u8]) -> bool {
    let bits = |number: &[u8]| {
        number.first().map_or(0, |first| number.len() * 8 - usize::try_from(first.leading_zeros()).unwrap_or(0))
    };
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    (2048..=8192).contains(&bits(n)) && is_odd(n) && is_odd(e) && (2..=33).contains(&bits(e))
}

const NOW: u64 = 1_800_000_000;
const LEEWAY: u64 = 60;
const MAX_AGE: u64 = 3600;
/// At least 32 bytes, as HS256 wants.
const CLIENT_SECRET: &str = "a client secret of the fuzz targets";
/// Of the access token `token`, by SHA-256: its left half.
const AT_HASH: &str = "PEaenWxYddN6Q_NT1PiOYQ";

/// The claims of an ID token, signed here.
///
/// Those that are believed are from the issuer, for this client alone, about somebody, of now, and have the login's nonce; a refreshed token is about the same
/// person.
pub fn id_token(data: &[u8]) {
    let payload = canonical(data);
    if payload.len() > 60 * 1024 {
        return;
    }
    let signed = format!("{}.{payload}", canonical(br#"{"alg":"HS256"}"#));
    let key = hmac::Key::new(hmac::HMAC_SHA256, CLIENT_SECRET.as_bytes());
    let token = format!("{signed}.{}", canonical(hmac::sign(&key, signed.as_bytes()).as_ref()));

    let secret = Secret::new(CLIENT_SECRET);
    let nonce = Secret::new("n-1");
    let acr_values = ["gold".to_owned()];
    let no_keys = KeySet::default();
    let written = strict(data);
    let rules = [IssuerRule::Exact, IssuerRule::Template("https://idp.example/{tid}".to_owned())];
    for rule in rules {
        let issuer = Issuer { name: "https://idp.example/t".to_owned(), rule };
        let expected = Expected {
            issuer: &issuer,
            client_id: "notes",
            nonce: Some(&nonce),
            access_token: Some("token"),
            max_age: Some(Duration::from_secs(MAX_AGE)),
            acr_values: &acr_values,
            allowed: Allowed { algorithms: Vec::new(), client_secret: Some(&secret) },
            now: now(),
            leeway: Duration::from_secs(LEEWAY),
        };
        let original = Original { subject: "ada", issuer: "https://idp.example/t", auth_time: Some(NOW) };
        if let Ok(claims) = verify_login(&token, &no_keys, &expected) {
            is_believable(&claims, &written, &issuer, true);
        }
        if let Ok(claims) = verify_refreshed(&token, &no_keys, &expected, &original) {
            is_believable(&claims, &written, &issuer, false);
            assert_eq!((claims.subject.as_str(), claims.issuer.as_str()), ("ada", "https://idp.example/t"));
            assert!(claims.auth_time.is_none_or(|time| time == NOW));
        }
        if let Ok(claims) = verify_userinfo(&token, &no_keys, &expected) {
            assert_eq!(Some(Value::Object(claims)), written);
        }
        let other = Allowed { algorithms: Algorithm::ALL.to_vec(), client_secret: None };
        let by_keys = Expected { allowed: other, ..expected };
        assert!(verify_login(&token, &no_keys, &by_keys).is_err(), "nobody said that the secret signs");
    }
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn is_believable(claims: &Claims, written: &Option<Value>, issuer: &Issuer, at_login: bool) {
    let all = Value::Object(claims.all.clone());
    assert_eq!(Some(&all), written.as_ref());
    let text = |name: &str| all.get(name).and_then(Value::as_str);
    let wanted = match issuer.rule {
        IssuerRule::Template(_) => format!("https://idp.example/{}", text("tid").unwrap_or("/")),
        _ => issuer.name.clone(),
    };
    assert_eq!((text("iss"), claims.issuer.as_str()), (Some(wanted.as_str()), wanted.as_str()));
    assert!(!wanted.trim_start_matches("https://idp.example/").contains('/'), "the claim reaches further");
    let ours = match all.get("aud") {
        Some(Value::Array(audiences)) => !audiences.is_empty() && audiences.iter().all(|audience| audience == "notes"),
        audience => audience.is_some_and(|audience| audience == "notes"),
    };
    assert!(ours && all.get("azp").is_none_or(|party| party == "notes"), "for somebody else");
    let subject = text("sub").unwrap_or_default();
    assert!(subject == claims.subject && subject.is_ascii() && (1..=255).contains(&subject.len()));
    // As JSON readers of other languages have it. A fraction is dropped, so that a second more or less is within it.
    let time = |name: &str| all.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN);
    let seconds = |number: u64| Duration::from_secs(number).as_secs_f64();
    assert!(time("exp") > seconds(NOW - LEEWAY) && time("exp") <= seconds((1 << 53) + 1), "it is over");
    assert!(time("iat") >= 0.0 && time("iat") < seconds(NOW + LEEWAY + 1), "it is of the future");
    assert!(text("nonce") == Some("n-1") || (!at_login && all.get("nonce").is_none()), "of another login");
    assert_eq!(text("acr"), Some("gold"));
    assert!(text("at_hash") == Some(AT_HASH) || all.get("at_hash").is_none(), "of another access token");
    if at_login {
        assert!(time("auth_time") >= seconds(NOW - MAX_AGE - LEEWAY) && time("auth_time") < seconds(NOW + LEEWAY + 1));
    }
}
