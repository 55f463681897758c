//! The private key of a registration, and the tokens that it signs to say who the client is (RFC 7523 section 2.2).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, RsaEncoding, RsaKeyPair};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::error::{Error, Reason, Result};
use crate::secret::Secret;

/// What a private key signs with (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256: what an RSA key signs with where nothing else is said.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PSS with SHA-256, by an RSA key.
    #[serde(rename = "PS256")]
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl KeyAlgorithm {
    /// The name in a token's header.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// A private key, ready to sign. Made for one signature and dropped again: what stays in memory is the text of the configuration, which is
/// wiped. No `Debug`.
pub(crate) enum SigningKey {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Why a text is no key, in words that go behind its name in the configuration. They quote nothing of it.
type Problem = &'static str;

impl SigningKey {
    /// From a PEM text with one unencrypted PKCS#8 key (RFC 7468 section 10).
    pub(crate) fn from_pem(pem: &str) -> std::result::Result<Self, Problem> {
        let der = der(pem)?;
        let random = SystemRandom::new();
        let ec = |algorithm: &'static EcdsaSigningAlgorithm| EcdsaKeyPair::from_pkcs8(algorithm, &der, &random).ok();
        // Each reader takes keys of its own type only.
        if let Some(pair) = ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING) {
            Ok(Self::P256(pair))
        } else if let Some(pair) = ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING) {
            Ok(Self::P384(pair))
        } else if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der) {
            Ok(Self::Ed25519(pair))
        } else if let Ok(pair) = RsaKeyPair::from_pkcs8(&der) {
            Ok(Self::Rsa(pair))
        } else {
            Err("holds no key of RSA (2048 to 4096 bits), P-256 or P-384 (with its public half) or Ed25519")
        }
    }

    /// What it signs with where nothing is said.
    pub(crate) const fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::Rsa(_) => KeyAlgorithm::Rs256,
            Self::P256(_) => KeyAlgorithm::Es256,
            Self::P384(_) => KeyAlgorithm::Es384,
            Self::Ed25519(_) => KeyAlgorithm::EdDsa,
        }
    }

    /// Whether it can sign with that.
    pub(crate) fn fits(&self, algorithm: KeyAlgorithm) -> bool {
        algorithm == self.algorithm() || matches!((self, algorithm), (Self::Rsa(_), KeyAlgorithm::Ps256))
    }

    fn sign(&self, algorithm: KeyAlgorithm, message: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        let failed = |_| Error::new(Reason::RngFailure);
        match self {
            Self::Rsa(pair) => {
                let padding: &'static dyn RsaEncoding = match algorithm {
                    KeyAlgorithm::Ps256 => &signature::RSA_PSS_SHA256,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(padding, &random, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Self::P256(pair) | Self::P384(pair) => Ok(pair.sign(&random, message).map_err(failed)?.as_ref().to_vec()),
            Self::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

/// The bytes between the two lines of a PEM text.
fn der(pem: &str) -> std::result::Result<Zeroizing<Vec<u8>>, Problem> {
    const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
    const END: &str = "-----END PRIVATE KEY-----";
    // What stands before the first line is for people (RFC 7468 section 2).
    let pem = pem.find("-----BEGIN ").and_then(|begin| pem.get(begin..)).unwrap_or_default();
    let Some(rest) = pem.strip_prefix(BEGIN) else {
        return Err(if pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
            "is encrypted"
        } else if !pem.is_empty() {
            "is not PKCS#8, which begins with \"-----BEGIN PRIVATE KEY-----\""
        } else {
            "is no PEM text, which begins with \"-----BEGIN PRIVATE KEY-----\""
        });
    };
    let Some(text) = rest.trim_end().strip_suffix(END) else {
        return Err("does not end with \"-----END PRIVATE KEY-----\"");
    };
    // As long as it can get, for a buffer that grows leaves a copy behind.
    let mut base64 = Zeroizing::new(String::with_capacity(text.len()));
    base64.extend(text.chars().filter(|c| !c.is_ascii_whitespace()));
    let mut der = Zeroizing::new(Vec::with_capacity(base64.len()));
    STANDARD.decode_vec(base64.as_bytes(), &mut der).map_err(|_| "is damaged: no base64 between its two lines")?;
    Ok(der)
}

/// What a token says.
pub(crate) struct Assertion<'a> {
    pub(crate) key: &'a SigningKey,
    pub(crate) algorithm: KeyAlgorithm,
    pub(crate) key_id: Option<&'a str>,
    pub(crate) issuer: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) audience: &'a str,
    /// Used once.
    pub(crate) id: &'a str,
    /// In seconds since 1970.
    pub(crate) issued_at: i64,
    /// In seconds since 1970.
    pub(crate) expires_at: i64,
}

impl Assertion<'_> {
    /// The token, signed.
    pub(crate) fn sign(&self) -> Result<Secret> {
        let mut header = Map::from_iter([
            ("alg".to_owned(), Value::from(self.algorithm.name())),
            ("typ".to_owned(), Value::from("JWT")),
        ]);
        if let Some(key_id) = self.key_id {
            header.insert("kid".to_owned(), Value::from(key_id));
        }
        let claims = json!({
            "iss": self.issuer, "sub": self.subject, "aud": self.audience, "jti": self.id,
            "iat": self.issued_at, "exp": self.expires_at,
        });
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&Value::Object(header)), encode(&claims));
        let signature = self.key.sign(self.algorithm, signed.as_bytes())?;
        Ok(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

#[cfg(test)]
mod tests;
