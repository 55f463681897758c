//! The compact JWS (RFC 7515 section 7.1), read strictly, and the one function that verifies a public key's signature.
//!
//! Nothing in here decides whom to believe. The header members that offer a key (`jku`, `jwk`, `x5u`,
//! `x5c`) are not even read (security S55).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{digest, hmac, signature};
use serde_json::{Map, Value};

use crate::error::{Error, Reason, Result};
use crate::json::{self, JsonFault};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

/// Longest token looked at. Real ID tokens are a few kilobytes.
const MAX_BYTES: usize = 64 * 1024;

/// A signature algorithm that we verify with an issuer's public key. There is no variant for `none`, and none for a symmetric key: what
/// cannot be named cannot be confused (RFC 8725 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

/// What a key must be for an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Algorithm {
    pub(crate) const ALL: &'static [Self] = &[
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// The name in `alg`, compared to the letter and the case.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.name() == name)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The hash of the signature, which `at_hash` is made with too. EdDSA names none; Ed25519 has SHA-512 inside, and everybody takes that.
    pub(crate) fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 => &digest::SHA256,
            Self::Rs384 | Self::Ps384 | Self::Es384 => &digest::SHA384,
            Self::Rs512 | Self::Ps512 | Self::EdDsa => &digest::SHA512,
        }
    }

    const fn family(self) -> Family {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => Family::Rsa,
            Self::Es256 => Family::P256,
            Self::Es384 => Family::P384,
            Self::EdDsa => Family::Ed25519,
        }
    }
}

/// A public key that is good enough to be believed: one that is not cannot be made (security S58).
#[derive(Debug)]
pub(crate) struct PublicKey(Kind);

#[derive(Debug)]
enum Kind {
    /// Modulus and exponent, big-endian, without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// A point of that curve as `ring` reads it: for P-256 and P-384 uncompressed (4, x, y), for Ed25519 its 32 bytes.
    Point(Family, Vec<u8>),
}

impl PublicKey {
    const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
    const ED25519_BYTES: usize = 32;

    /// From the big-endian modulus and exponent. Some issuers write a leading zero byte, against RFC 7518
    /// section 6.3.1.1; it changes nothing and is dropped.
    pub(crate) fn rsa(n: &[u8], e: &[u8]) -> Option<Self> {
        let (n, e) = (without_leading_zeros(n), without_leading_zeros(e));
        let bits = n.len() * 8 - usize::try_from(n.first()?.leading_zeros()).ok()?;
        let odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
        let good = Self::RSA_BITS.contains(&bits) && odd(n) && odd(e) && e != [1];
        // `ring` takes no larger exponent than 33 bits; this keeps a key that can verify nothing out of the set.
        let small = e.len() < 5 || (e.len() == 5 && e.first() == Some(&1));
        (good && small).then(|| Self(Kind::Rsa { n: n.to_vec(), e: e.to_vec() }))
    }

    /// From the curve's name and the two coordinates, each in its full length (RFC 7518 section 6.2.1.2). Whether the point is on
    /// the curve is checked by `ring`, each time before it uses it.
    pub(crate) fn ec(curve: &str, x: &[u8], y: &[u8]) -> Option<Self> {
        let (family, length) = match curve {
            "P-256" => (Family::P256, 32),
            "P-384" => (Family::P384, 48),
            _ => return None,
        };
        (x.len() == length && y.len() == length).then(|| Self(Kind::Point(family, [&[4], x, y].concat())))
    }

    /// From an octet key pair's curve and public key (RFC 8037 section 2).
    pub(crate) fn okp(curve: &str, x: &[u8]) -> Option<Self> {
        let good = curve == "Ed25519" && x.len() == Self::ED25519_BYTES;
        good.then(|| Self(Kind::Point(Family::Ed25519, x.to_vec())))
    }

    /// Whether this is the type of key that the algorithm uses.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        let family = match &self.0 {
            Kind::Rsa { .. } => Family::Rsa,
            Kind::Point(family, _) => *family,
        };
        family == algorithm.family()
    }
}

fn without_leading_zeros(mut number: &[u8]) -> &[u8] {
    while let Some((0, rest)) = number.split_first() {
        number = rest;
    }
    number
}

/// Whether the signature is one of this message by this key. A key of another type than the algorithm's
/// verifies nothing.
pub(crate) fn verify(algorithm: Algorithm, key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    if !key.fits(algorithm) {
        return false;
    }
    let by_point = |how: &'static dyn signature::VerificationAlgorithm| match &key.0 {
        Kind::Point(_, point) => signature::UnparsedPublicKey::new(how, point).verify(message, signature).is_ok(),
        Kind::Rsa { .. } => false,
    };
    let by_modulus = |how| match &key.0 {
        Kind::Rsa { n, e } => signature::RsaPublicKeyComponents { n, e }.verify(how, message, signature).is_ok(),
        Kind::Point(..) => false,
    };
    match algorithm {
        Algorithm::Rs256 => by_modulus(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => by_modulus(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => by_modulus(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => by_modulus(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => by_modulus(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => by_modulus(&signature::RSA_PSS_2048_8192_SHA512),
        Algorithm::Es256 => by_point(&signature::ECDSA_P256_SHA256_FIXED),
        Algorithm::Es384 => by_point(&signature::ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDsa => by_point(&signature::ED25519),
    }
}

/// `HS256`: the one symmetric algorithm, for a confidential client whose provider's file says so. It is no [`Algorithm`], so that no issuer's
/// key can ever be taken for its secret.
pub(crate) const HS256: &str = "HS256";

/// Whether a secret is long enough to be the key of [`HS256`] (RFC 7518 section 3.2).
pub(crate) fn is_hs256_key(secret: &[u8]) -> bool {
    secret.len() >= digest::SHA256_OUTPUT_LEN
}

/// Base64url without padding. Refuses padding, white space and unused bits that are not zero, so that one
/// string of bytes has one spelling.
pub(crate) fn base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// A JWS taken apart. Its signature is **not** verified yet, so nothing in it may be believed.
///
/// Has no `Debug`: a payload names a person.
pub(crate) struct Jws<'a> {
    /// `alg`, as it was sent: naming it is not allowing it.
    pub(crate) alg: String,
    pub(crate) kid: Option<String>,
    pub(crate) payload: Map<String, Value>,
    typ: Option<Value>,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    pub(crate) fn parse(token: &'a str) -> Result<Self> {
        if token.len() > MAX_BYTES {
            return Err(malformed("larger than 64 KiB"));
        }
        let (header, payload, signature) = segments(token)?;
        let (signed, _) = token.rsplit_once('.').ok_or_else(|| malformed("segments"))?;

        let mut header = object(header, "header")?;
        if header.contains_key("enc") {
            return Err(Error::new(Reason::UnsupportedJwe));
        }
        // We understand no extension, so every list of extensions that must be understood is refused
        // (RFC 7515 section 4.1.11); an empty one is malformed by the same section.
        if header.contains_key("crit") {
            return Err(malformed("crit"));
        }
        let Some(Value::String(alg)) = header.remove("alg") else {
            return Err(malformed("alg"));
        };
        let kid = match header.remove("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid),
            Some(_) => return Err(malformed("kid")),
        };
        Ok(Self {
            alg,
            kid,
            payload: object(payload, "payload")?,
            typ: header.remove("typ"),
            signed,
            signature: base64url(signature).ok_or_else(|| malformed("signature is not base64url"))?,
        })
    }

    /// Whether `typ` leaves it a plain JWT. One that says what else it is (`at+jwt`, `logout+jwt`) was signed
    /// for other rules than ours (RFC 8725 section 3.11).
    pub(crate) fn is_plain_jwt(&self) -> bool {
        match &self.typ {
            None => true,
            // A media type: case does not count, and `application/` may be left out (RFC 7515 section 4.1.9).
            Some(Value::String(typ)) => ["JWT", "application/jwt"].iter().any(|plain| typ.eq_ignore_ascii_case(plain)),
            Some(_) => false,
        }
    }

    pub(crate) fn is_signed_by(&self, algorithm: Algorithm, key: &PublicKey) -> bool {
        verify(algorithm, key, self.signed.as_bytes(), &self.signature)
    }

    /// By [`HS256`]; compared in constant time.
    pub(crate) fn is_authenticated_by(&self, secret: &[u8]) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        hmac::verify(&key, self.signed.as_bytes(), &self.signature).is_ok()
    }
}

/// Header, payload, signature.
fn segments(token: &str) -> Result<(&str, &str, &str)> {
    let mut parts = token.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(payload), Some(signature), None, ..) => Ok((header, payload, signature)),
        (.., Some(_), None) => Err(Error::new(Reason::UnsupportedJwe)),
        _ => Err(malformed("segments")),
    }
}

/// One segment that holds a JSON object.
fn object(segment: &str, name: &'static str) -> Result<Map<String, Value>> {
    let bytes = base64url(segment).ok_or_else(|| malformed(&format!("{name} is not base64url")))?;
    let fault = match json::parse(&bytes) {
        Ok(Value::Object(members)) => return Ok(members),
        Ok(_) => "is not an object",
        Err(JsonFault::NotJson) => "is not JSON",
        Err(JsonFault::DuplicateMember) => "has a member twice",
        Err(JsonFault::TooDeep) => "is too deep",
        Err(JsonFault::TooManyMembers) => "has too many members",
    };
    Err(malformed(&format!("{name} {fault}")))
}

/// `what` is one of our own words, never the token's.
fn malformed(what: &str) -> Error {
    Error::new(Reason::MalformedJwt).with_detail(what)
}
