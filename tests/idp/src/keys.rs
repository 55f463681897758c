//! The signing keys and what signs with them.
//!
//! Keys are made when first needed and kept for the whole process, whichever provider asks: an RSA key takes
//! longer to make than everything else that a start does. A key is known by its kind and its generation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair, RsaPublicKeyComponents};
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The generation of the keys that are in no key set.
const UNPUBLISHED: u32 = u32::MAX;

static KEYS: Mutex<BTreeMap<(Kind, u32), Arc<Key>>> = Mutex::new(BTreeMap::new());

/// What can sign an ID token (RFC 7518 §3.1, RFC 8037).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519.
    EdDSA,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    Ed25519,
    P256,
    P384,
    Rsa,
}

#[derive(Debug)]
enum Pair {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// One key pair.
#[derive(Debug)]
struct Key {
    pair: Pair,
    /// The public half as a SubjectPublicKeyInfo.
    public_der: Vec<u8>,
}

impl Algorithm {
    /// The name that headers and metadata use.
    pub fn name(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        serde_json::from_value(Value::from(name)).ok()
    }

    fn kind(self) -> Kind {
        match self {
            Self::ES256 => Kind::P256,
            Self::ES384 => Kind::P384,
            Self::EdDSA => Kind::Ed25519,
            Self::PS256 | Self::PS384 | Self::PS512 | Self::RS256 | Self::RS384 | Self::RS512 => Kind::Rsa,
        }
    }

    /// Half of the hash of a token, as `at_hash` wants it (OpenID Connect Core 3.1.3.6).
    pub(crate) fn half_hash(self, token: &str) -> String {
        let algorithm = match self {
            Self::ES256 | Self::PS256 | Self::RS256 => &digest::SHA256,
            Self::ES384 | Self::PS384 | Self::RS384 => &digest::SHA384,
            // EdDSA names no hash; Ed25519 has SHA-512 inside, and everybody takes that.
            Self::EdDSA | Self::PS512 | Self::RS512 => &digest::SHA512,
        };
        let hash = digest::digest(algorithm, token.as_bytes());
        let half = hash.as_ref().len() / 2;
        base64url(hash.as_ref().get(..half).unwrap_or_default())
    }

    /// Signs with the published key of that generation.
    pub(crate) fn sign(self, generation: u32, message: &str) -> Result<Vec<u8>, Unspecified> {
        key(self.kind(), generation)?.sign(self, message.as_bytes())
    }

    /// Signs with a key that nobody was told about.
    pub(crate) fn sign_unpublished(self, message: &str) -> Result<Vec<u8>, Unspecified> {
        key(self.kind(), UNPUBLISHED)?.sign(self, message.as_bytes())
    }

    /// The key id in headers and key sets. It comes from the key, so that no two keys ever share one.
    pub(crate) fn key_id(self, generation: u32) -> Result<String, Unspecified> {
        let key = key(self.kind(), generation)?;
        let hash = digest::digest(&digest::SHA256, &key.public_der);
        Ok(format!("{}-{}", self.name(), base64url(hash.as_ref().get(..6).unwrap_or_default())))
    }

    /// The public key as DER, which a forger would take for an HMAC secret.
    pub(crate) fn public_der(self, generation: u32) -> Result<Vec<u8>, Unspecified> {
        Ok(key(self.kind(), generation)?.public_der.clone())
    }

    /// The public key as PEM.
    pub(crate) fn public_pem(self, generation: u32) -> Result<Vec<u8>, Unspecified> {
        let text = BASE64_STANDARD.encode(self.public_der(generation)?);
        let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
        for (index, character) in text.chars().enumerate() {
            if index > 0 && index % 64 == 0 {
                pem.push('\n');
            }
            pem.push(character);
        }
        pem.push_str("\n-----END PUBLIC KEY-----\n");
        Ok(pem.into_bytes())
    }

    /// The public key as a member of a key set (RFC 7517).
    pub(crate) fn jwk(self, generation: u32) -> Result<Value, Unspecified> {
        let key = key(self.kind(), generation)?;
        let mut jwk = match &key.pair {
            Pair::Rsa(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({ "kty": "RSA", "n": base64url(&public.n), "e": base64url(&public.e) })
            }
            Pair::Ec(pair) => {
                // An uncompressed point: 4, x, y.
                let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
                let (x, y) = point.split_at_checked(point.len() / 2).unwrap_or_default();
                let curve = if self.kind() == Kind::P256 { "P-256" } else { "P-384" };
                json!({ "kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y) })
            }
            Pair::Ed(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url(pair.public_key().as_ref()) }),
        };
        if let Some(members) = jwk.as_object_mut() {
            members.insert("kid".to_owned(), self.key_id(generation)?.into());
            members.insert("alg".to_owned(), self.name().into());
            members.insert("use".to_owned(), "sig".into());
        }
        Ok(jwk)
    }
}

impl Key {
    fn generate(kind: Kind) -> Result<Self, Unspecified> {
        Ok(match kind {
            Kind::Rsa => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
                let public_der = pair.public_key().as_der()?.as_ref().to_vec();
                Self { pair: Pair::Rsa(pair), public_der }
            }
            Kind::P256 | Kind::P384 => {
                let algorithm = if kind == Kind::P256 {
                    &signature::ECDSA_P256_SHA256_FIXED_SIGNING
                } else {
                    &signature::ECDSA_P384_SHA384_FIXED_SIGNING
                };
                let pair = EcdsaKeyPair::generate(algorithm)?;
                let public_der = pair.public_key().as_der()?.as_ref().to_vec();
                Self { pair: Pair::Ec(pair), public_der }
            }
            Kind::Ed25519 => {
                let pair = Ed25519KeyPair::generate()?;
                let public_der = pair.public_key().as_der()?.as_ref().to_vec();
                Self { pair: Pair::Ed(pair), public_der }
            }
        })
    }

    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        let pair = match &self.pair {
            Pair::Ec(pair) => return Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Pair::Ed(pair) => return Ok(pair.try_sign(message)?.as_ref().to_vec()),
            Pair::Rsa(pair) => pair,
        };
        let encoding: &'static dyn signature::RsaEncoding = match algorithm {
            Algorithm::PS256 => &signature::RSA_PSS_SHA256,
            Algorithm::PS384 => &signature::RSA_PSS_SHA384,
            Algorithm::PS512 => &signature::RSA_PSS_SHA512,
            Algorithm::RS384 => &signature::RSA_PKCS1_SHA384,
            Algorithm::RS512 => &signature::RSA_PKCS1_SHA512,
            Algorithm::RS256 | Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA => &signature::RSA_PKCS1_SHA256,
        };
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &random, message, &mut signature)?;
        Ok(signature)
    }
}

/// Makes the keys that these algorithms will need. One that cannot be made is missed when it is asked for.
pub(crate) fn prepare(algorithms: &[Algorithm], generation: u32) {
    for algorithm in algorithms {
        let _ = key(algorithm.kind(), generation);
    }
}

/// HMAC for `HS256`, `HS384` and `HS512`; nothing for another name.
pub(crate) fn hmac(name: &str, secret: &[u8], message: &str) -> Option<Vec<u8>> {
    let algorithm = match name {
        "HS256" => hmac::HMAC_SHA256,
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => return None,
    };
    Some(hmac::sign(&hmac::Key::new(algorithm, secret), message.as_bytes()).as_ref().to_vec())
}

/// What PKCE's `S256` makes of a verifier (RFC 7636 §4.2).
pub(crate) fn s256(verifier: &str) -> String {
    base64url(digest::digest(&digest::SHA256, verifier.as_bytes()).as_ref())
}

/// A hash as a content security policy names an inline script by.
pub(crate) fn sha256_base64(text: &str) -> String {
    BASE64_STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// An unguessable text, with a prefix that says what it is when it turns up somewhere.
pub(crate) fn random_text(prefix: &str) -> Result<String, Unspecified> {
    let mut bytes = [0; 24];
    aws_lc_rs::rand::fill(&mut bytes)?;
    Ok(format!("{prefix}{}", base64url(&bytes)))
}

fn key(kind: Kind, generation: u32) -> Result<Arc<Key>, Unspecified> {
    let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(key) = keys.get(&(kind, generation)) {
        return Ok(Arc::clone(key));
    }
    let key = Arc::new(Key::generate(kind)?);
    keys.insert((kind, generation), Arc::clone(&key));
    Ok(key)
}
