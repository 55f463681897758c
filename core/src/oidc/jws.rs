//! The compact JWS (RFC 7515 section 7.1), read strictly, and the one function that verifies a signature.
//!
//! Nothing in here decides whom to believe. The header members that offer a key (`jku`, `jwk`, `x5u`,
//! `x5c`) are not even read (security S55).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{digest, signature};
use serde_json::{Map, Value};

use crate::error::{Error, Reason, Result};
use crate::json::{self, JsonFault};

#[cfg(test)]
mod tests;

/// Longest token looked at. Real ID tokens are a few kilobytes.
const MAX_BYTES: usize = 64 * 1024;

/// A signature algorithm that we verify. There is no variant for `none`, and none for a symmetric key: what
/// cannot be named cannot be confused (RFC 8725 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Es256,
}

impl Algorithm {
    pub(crate) const ALL: &'static [Self] = &[Self::Rs256, Self::Es256];

    /// The name in `alg`, compared to the letter and the case.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.name() == name)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }

    /// The hash of the signature, which `at_hash` is made with too.
    pub(crate) fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Rs256 | Self::Es256 => &digest::SHA256,
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
    /// An uncompressed point: 4, x, y.
    P256(Vec<u8>),
}

impl PublicKey {
    const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
    const P256_COORDINATE: usize = 32;

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

    /// From the two coordinates, each in its full length (RFC 7518 section 6.2.1.2). Whether the point is on
    /// the curve is checked by `ring`, each time before it uses it.
    pub(crate) fn p256(x: &[u8], y: &[u8]) -> Option<Self> {
        let good = x.len() == Self::P256_COORDINATE && y.len() == Self::P256_COORDINATE;
        good.then(|| Self(Kind::P256([&[4], x, y].concat())))
    }

    /// Whether this is the type of key that the algorithm uses.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        match (algorithm, &self.0) {
            (Algorithm::Rs256, Kind::Rsa { .. }) | (Algorithm::Es256, Kind::P256(_)) => true,
            (Algorithm::Rs256, Kind::P256(_)) | (Algorithm::Es256, Kind::Rsa { .. }) => false,
        }
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
    match (algorithm, &key.0) {
        (Algorithm::Rs256, Kind::Rsa { n, e }) => signature::RsaPublicKeyComponents { n, e }
            .verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature)
            .is_ok(),
        (Algorithm::Es256, Kind::P256(point)) => {
            signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
                .verify(message, signature)
                .is_ok()
        }
        (Algorithm::Rs256, Kind::P256(_)) | (Algorithm::Es256, Kind::Rsa { .. }) => false,
    }
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
