//! Keys that sign, and tokens made by hand: right ones, and wrong ones in one place each.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value, json};

use super::jwks::KeySet;
use crate::error::{Reason, Result};

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A private key that knows the `alg` it signs with.
pub(crate) enum Signer {
    Rsa(Box<RsaKeyPair>),
    Es(Box<EcdsaKeyPair>),
}

impl Signer {
    /// A new key for ES256.
    pub(crate) fn es256() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self::Es(Box::new(EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap()))
    }

    /// The key of `testdata`, for RS256.
    pub(crate) fn rs256() -> Self {
        let pem = include_str!("testdata/rsa-test-key.pem");
        let (_, body) = pem.split_once("-----BEGIN PRIVATE KEY-----").unwrap();
        let (body, _) = body.split_once("-----END").unwrap();
        let der = STANDARD.decode(body.split_whitespace().collect::<String>()).unwrap();
        Self::Rsa(Box::new(RsaKeyPair::from_pkcs8(&der).unwrap()))
    }

    pub(crate) fn alg(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Es(_) => "ES256",
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Es(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
        }
    }

    /// Modulus and exponent, or the two coordinates.
    pub(crate) fn numbers(&self) -> (Vec<u8>, Vec<u8>) {
        match self {
            Self::Rsa(pair) => {
                let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                (n, e)
            }
            Self::Es(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                (x.to_vec(), y.to_vec())
            }
        }
    }

    /// The public half as a JWK without `kid`, `alg` and `use`.
    pub(crate) fn jwk(&self) -> Value {
        let (first, second) = self.numbers();
        match self {
            Self::Rsa(_) => json!({ "kty": "RSA", "n": encode(first), "e": encode(second) }),
            Self::Es(_) => json!({ "kty": "EC", "crv": "P-256", "x": encode(first), "y": encode(second) }),
        }
    }

    pub(crate) fn jwk_with(&self, members: &Value) -> Value {
        with(&self.jwk(), members)
    }

    /// A token of this payload, its header changed by `header` (see [`with`]).
    pub(crate) fn token(&self, header: &Value, payload: &Value) -> String {
        let header = with(&json!({ "alg": self.alg() }), header);
        self.raw(&header.to_string(), &payload.to_string())
    }

    /// A token of these very texts, validly signed.
    pub(crate) fn raw(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", encode(header), encode(payload));
        let signature = encode(self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

/// The object with these members set; those that are null are taken out.
pub(crate) fn with(object: &Value, changes: &Value) -> Value {
    let mut object = object.clone();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            object.as_object_mut().unwrap().remove(name);
        } else {
            object[name] = value.clone();
        }
    }
    object
}

pub(crate) fn key_set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

/// The reason of a refusal; `None` when there was none. (What is refused may hold a person's claims, so it
/// has no `Debug`, and `unwrap_err` does not do.)
pub(crate) fn reason<T>(result: Result<T>) -> Option<Reason> {
    result.err().map(|error| error.reason())
}
