//! Keys that sign, and tokens made by hand: right ones, and wrong ones in one place each.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
    RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value, json};

use super::jwks::KeySet;
use super::jws::{Algorithm, PublicKey};
use crate::error::{Reason, Result};

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A private key, and the algorithm that it signs by.
pub(crate) struct Signer {
    pub(crate) algorithm: Algorithm,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>),
    Ed(Box<Ed25519KeyPair>),
}

impl Signer {
    /// A new key for ES256.
    pub(crate) fn es256() -> Self {
        Self::new(Algorithm::Es256)
    }

    /// The key of `testdata`, for RS256.
    pub(crate) fn rs256() -> Self {
        Self::new(Algorithm::Rs256)
    }

    /// A new key, save for RSA: `ring` makes none, so that it is the one of `testdata`.
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let random = SystemRandom::new();
        let ec = |how| {
            let document = EcdsaKeyPair::generate_pkcs8(how, &random).unwrap();
            Pair::Ec(Box::new(EcdsaKeyPair::from_pkcs8(how, document.as_ref(), &random).unwrap()))
        };
        let pair = match algorithm {
            Algorithm::Es256 => ec(&ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::Es384 => ec(&ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::EdDsa => {
                let document = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
                Pair::Ed(Box::new(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap()))
            }
            _ => {
                let pem = include_str!("testdata/rsa-test-key.pem");
                let (_, body) = pem.split_once("-----BEGIN PRIVATE KEY-----").unwrap();
                let (body, _) = body.split_once("-----END").unwrap();
                let der = STANDARD.decode(body.split_whitespace().collect::<String>()).unwrap();
                Pair::Rsa(Box::new(RsaKeyPair::from_pkcs8(&der).unwrap()))
            }
        };
        Self { algorithm, pair }
    }

    pub(crate) fn alg(&self) -> &'static str {
        self.algorithm.name()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let pair = match &self.pair {
            Pair::Ec(pair) => return pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => return pair.sign(message).as_ref().to_vec(),
            Pair::Rsa(pair) => pair,
        };
        let padding: &dyn RsaEncoding = match self.algorithm {
            Algorithm::Rs384 => &RSA_PKCS1_SHA384,
            Algorithm::Rs512 => &RSA_PKCS1_SHA512,
            Algorithm::Ps256 => &RSA_PSS_SHA256,
            Algorithm::Ps384 => &RSA_PSS_SHA384,
            Algorithm::Ps512 => &RSA_PSS_SHA512,
            _ => &RSA_PKCS1_SHA256,
        };
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(padding, &random, message, &mut signature).unwrap();
        signature
    }

    /// Modulus and exponent, or the two coordinates, or the one and nothing.
    pub(crate) fn numbers(&self) -> (Vec<u8>, Vec<u8>) {
        match &self.pair {
            Pair::Rsa(pair) => {
                let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                (n, e)
            }
            Pair::Ec(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                (x.to_vec(), y.to_vec())
            }
            Pair::Ed(pair) => (pair.public_key().as_ref().to_vec(), Vec::new()),
        }
    }

    pub(crate) fn public(&self) -> PublicKey {
        let (first, second) = self.numbers();
        match self.algorithm {
            Algorithm::Es256 => PublicKey::ec("P-256", &first, &second),
            Algorithm::Es384 => PublicKey::ec("P-384", &first, &second),
            Algorithm::EdDsa => PublicKey::okp("Ed25519", &first),
            _ => PublicKey::rsa(&first, &second),
        }
        .unwrap()
    }

    /// The public half as DER, and its first number: what a forger takes for the secret of a symmetric algorithm.
    pub(crate) fn public_bytes(&self) -> [Vec<u8>; 2] {
        let whole = match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
        };
        [whole, self.numbers().0]
    }

    /// The public half as a JWK without `kid`, `alg` and `use`.
    pub(crate) fn jwk(&self) -> Value {
        let (first, second) = self.numbers();
        match self.algorithm {
            Algorithm::Es256 => json!({ "kty": "EC", "crv": "P-256", "x": encode(first), "y": encode(second) }),
            Algorithm::Es384 => json!({ "kty": "EC", "crv": "P-384", "x": encode(first), "y": encode(second) }),
            Algorithm::EdDsa => json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(first) }),
            _ => json!({ "kty": "RSA", "n": encode(first), "e": encode(second) }),
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
