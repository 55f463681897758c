//! Tokens that a client signs to say who it is (RFC 7523 §3), and what they are held against.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::script::{ClientAuth, Registration, ScriptError};
use crate::state::State;

/// What may sign such a token.
pub(crate) const ASSERTION_ALGORITHMS: [&str; 9] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

/// The longest life of a token that is used once.
const LONGEST_ASSERTION: i64 = 3_600;
/// The longest life of a secret that the app makes itself: half a year, as Apple has it.
const LONGEST_SECRET: i64 = 15_777_000;
/// How far in the future a token may have been made, in seconds (FAPI 2.0 §5.3.2.1).
const EARLY: i64 = 10;

/// What the signed tokens of an app are held against.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ClientJwt {
    /// The public key as a JWK (RFC 7517): RSA, P-256, P-384 or Ed25519. With a `kid` the token's header must name it; with an `alg` it must be that.
    pub key: Map<String, Value>,
    /// What `iss` must say; the `client_id` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// What `aud` may say, alone; the issuer or the token endpoint if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
}

impl ClientJwt {
    /// Tokens of that key by RFC 7523.
    pub fn new(key: Map<String, Value>) -> Self {
        Self { key, issuer: None, audiences: Vec::new() }
    }

    pub(crate) fn check(&self, place: &str) -> Result<(), ScriptError> {
        match PublicKey::read(&self.key) {
            Some(_) => Ok(()),
            None => Err(ScriptError::new(&format!("{place}.key"), "no public key of RSA, P-256, P-384 or Ed25519")),
        }
    }
}

/// The tokens that came, by client and `jti`, and until when each of them is good.
#[derive(Debug, Default)]
pub(crate) struct SeenTokens(BTreeMap<(String, String), i64>);

impl SeenTokens {
    /// Notes a token; false if it came before.
    fn note(&mut self, client_id: &str, id: &str, expires: i64, now: i64) -> bool {
        self.0.retain(|_, expires| *expires > now);
        self.0.insert((client_id.to_owned(), id.to_owned()), expires).is_none()
    }
}

/// Whose a token says that it is, before anything in it is believed.
pub(crate) fn subject(token: &str) -> Option<String> {
    let claims = part(token.split('.').nth(1)?)?;
    claims.get("sub")?.as_str().map(str::to_owned)
}

/// Whether the token is that client's and good now, or what is wrong with it.
pub(crate) fn verify(state: &mut State, registration: &Registration, token: &str) -> Result<(), &'static str> {
    let rules = registration.client_jwt.as_ref().ok_or("this client signs nothing")?;
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("the token is no JWT");
    };
    let message = format!("{header}.{claims}");
    let (Some(header), Some(claims)) = (part(header), part(claims)) else { return Err("the token is not readable") };
    let text = |object: &Map<String, Value>, name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    let algorithm = text(&header, "alg").unwrap_or_default();
    if !ASSERTION_ALGORITHMS.contains(&algorithm.as_str()) {
        return Err("the token's alg is none of ours");
    }
    for name in ["kid", "alg"] {
        if rules.key.contains_key(name) && rules.key.get(name) != header.get(name) {
            return Err("the token names another key or alg than the registered one");
        }
    }
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| "the token is not readable")?;
    let key = PublicKey::read(&rules.key).ok_or("the registered key is none")?;
    if !key.verifies(&algorithm, message.as_bytes(), &signature) {
        return Err("the token's signature is wrong");
    }
    if text(&claims, "iss").as_deref() != Some(rules.issuer.as_deref().unwrap_or(&registration.client_id)) {
        return Err("the token's iss is wrong");
    }
    if text(&claims, "sub").as_deref() != Some(registration.client_id.as_str()) {
        return Err("the token's sub is wrong");
    }
    let usual = [state.issuer.clone(), state.address("/token")];
    let audiences = if rules.audiences.is_empty() { usual.as_slice() } else { rules.audiences.as_slice() };
    if !text(&claims, "aud").is_some_and(|audience| audiences.contains(&audience)) {
        return Err("the token's aud is wrong");
    }
    let seconds = |name: &str| claims.get(name).and_then(Value::as_i64);
    let now = i64::try_from(state.unix()).unwrap_or(i64::MAX);
    let longest = if registration.client_auth == ClientAuth::SignedSecret { LONGEST_SECRET } else { LONGEST_ASSERTION };
    let expires = seconds("exp").ok_or("the token's exp is missing")?;
    if expires <= now {
        return Err("the token is over");
    }
    if expires.saturating_sub(now) > longest {
        return Err("the token is good for too long");
    }
    if ["iat", "nbf"].iter().any(|name| seconds(name).is_some_and(|from| from > now.saturating_add(EARLY))) {
        return Err("the token is not good yet");
    }
    if registration.client_auth == ClientAuth::SignedSecret {
        return Ok(());
    }
    let id = text(&claims, "jti").filter(|id| !id.is_empty()).ok_or("the token's jti is missing")?;
    if state.seen_tokens.note(&registration.client_id, &id, expires, now) {
        Ok(())
    } else {
        Err("the token came before")
    }
}

fn part(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

enum PublicKey {
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl PublicKey {
    fn read(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(text(name)?).ok();
        let point = |length: usize| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            (x.len() == length && y.len() == length).then(|| [vec![4], x, y].concat())
        };
        match (text("kty")?, text("crv")) {
            ("RSA", None) => Some(Self::Rsa(RsaPublicKeyComponents { n: bytes("n")?, e: bytes("e")? })),
            ("EC", Some("P-256")) => point(32).map(Self::P256),
            ("EC", Some("P-384")) => point(48).map(Self::P384),
            ("OKP", Some("Ed25519")) => bytes("x").filter(|x| x.len() == 32).map(Self::Ed25519),
            _ => None,
        }
    }

    fn verifies(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        let unparsed = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok()
        };
        match (self, algorithm) {
            (Self::Rsa(key), name) => {
                rsa(name).is_some_and(|parameters| key.verify(parameters, message, signature).is_ok())
            }
            (Self::P256(key), "ES256") => unparsed(&signature::ECDSA_P256_SHA256_FIXED, key),
            (Self::P384(key), "ES384") => unparsed(&signature::ECDSA_P384_SHA384_FIXED, key),
            (Self::Ed25519(key), "EdDSA") => unparsed(&signature::ED25519, key),
            _ => false,
        }
    }
}

fn rsa(algorithm: &str) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        "RS256" => &signature::RSA_PKCS1_2048_8192_SHA256,
        "RS384" => &signature::RSA_PKCS1_2048_8192_SHA384,
        "RS512" => &signature::RSA_PKCS1_2048_8192_SHA512,
        "PS256" => &signature::RSA_PSS_2048_8192_SHA256,
        "PS384" => &signature::RSA_PSS_2048_8192_SHA384,
        "PS512" => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}
