//! Private keys of test clients, and what their provider is told of them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Map, Value, json};

pub const RSA: &str = include_str!("../../src/oidc/testdata/rsa-test-key.pem");
pub const P256: &str = include_str!("../../src/http/signing_key/testdata/p256-test-key.pem");
pub const P384: &str = include_str!("../../src/http/signing_key/testdata/p384-test-key.pem");
pub const ED25519: &str = include_str!("../../src/http/signing_key/testdata/ed25519-test-key.pem");

/// The base64 of a PEM text.
pub fn body(pem: &str) -> String {
    pem.lines().skip_while(|line| !line.starts_with("-----BEGIN")).filter(|line| !line.starts_with('-')).collect()
}

/// The public half as a JWK, with that `kid`.
pub fn jwk(pem: &str, kid: &str) -> Map<String, Value> {
    let der = STANDARD.decode(body(pem)).unwrap();
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let random = SystemRandom::new();
    let ec = |algorithm| EcdsaKeyPair::from_pkcs8(algorithm, &der, &random).ok();
    let point = |curve: &str, point: &[u8]| {
        let (x, y) = point[1..].split_at(point.len() / 2);
        json!({ "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y) })
    };
    let mut jwk = if let Some(pair) = ec(&ECDSA_P256_SHA256_FIXED_SIGNING) {
        point("P-256", pair.public_key().as_ref())
    } else if let Some(pair) = ec(&ECDSA_P384_SHA384_FIXED_SIGNING) {
        point("P-384", pair.public_key().as_ref())
    } else if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der) {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) })
    } else {
        let public = RsaPublicKeyComponents::<Vec<u8>>::from(RsaKeyPair::from_pkcs8(&der).unwrap().public());
        json!({ "kty": "RSA", "n": encode(&public.n), "e": encode(&public.e) })
    };
    jwk["kid"] = kid.into();
    jwk.as_object().unwrap().clone()
}

/// A part of a token, 0 the header and 1 the claims.
pub fn part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
}
