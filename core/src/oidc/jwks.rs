//! The issuer's keys (RFC 7517): those of them that we can use.

use serde_json::{Map, Value};

use super::jws::{Algorithm, PublicKey, base64url};
use crate::error::{Error, Reason, Result};
use crate::json;

#[cfg(test)]
mod tests;

/// More keys than any issuer has: each may cost one verification a token (security S76).
const MAX_KEYS: usize = 256;

/// What an issuer publishes at its `jwks_uri`.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    kid: Option<String>,
    /// `alg`, where the issuer keeps the key to one algorithm.
    alg: Option<String>,
    public: PublicKey,
}

impl KeySet {
    /// Reads a set. A key that we cannot use is passed over (RFC 7517 section 5): an issuer that adds a key
    /// of a new type must not lock out those who do not know it yet.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let set = json::parse(bytes).map_err(|fault| refused(fault.reason()))?;
        let Some(Value::Array(keys)) = set.get("keys") else {
            return Err(refused(Reason::MalformedResponse));
        };
        if keys.len() > MAX_KEYS {
            return Err(refused(Reason::ResponseTooLarge));
        }
        Ok(Self { keys: keys.iter().filter_map(|key| Key::read(key.as_object()?)).collect() })
    }

    /// The keys that may have signed a token of this algorithm and key id. With an id only the keys of that
    /// id, of which there may be several; without one every key of the algorithm (security S56).
    pub(crate) fn candidates(&self, algorithm: Algorithm, kid: Option<&str>) -> impl Iterator<Item = &PublicKey> {
        self.keys
            .iter()
            .filter(move |key| kid.is_none() || key.kid.as_deref() == kid)
            .filter(move |key| key.alg.as_deref().is_none_or(|alg| alg == algorithm.name()))
            .map(|key| &key.public)
            .filter(move |public| public.fits(algorithm))
    }
}

impl Key {
    /// `None` for a key that we cannot, or must not, use.
    fn read(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        // `None` inside: not there. `None` outside: there, and not text.
        let optional = |name: &str| match jwk.get(name) {
            None => Some(None),
            Some(value) => value.as_str().map(Some),
        };
        // Whoever finds the private half published can sign with it.
        if jwk.contains_key("d") || optional("use")?.is_some_and(|usage| usage != "sig") {
            return None;
        }
        if let Some(operations) = jwk.get("key_ops")
            && !operations.as_array()?.iter().any(|operation| operation == "verify")
        {
            return None;
        }
        let number = |name: &str| text(name).and_then(base64url);
        let public = match text("kty")? {
            "RSA" => PublicKey::rsa(&number("n")?, &number("e")?)?,
            "EC" => PublicKey::ec(text("crv")?, &number("x")?, &number("y")?)?,
            "OKP" => PublicKey::okp(text("crv")?, &number("x")?)?,
            _ => return None,
        };
        Some(Self { kid: optional("kid")?.map(str::to_owned), alg: optional("alg")?.map(str::to_owned), public })
    }
}

fn refused(reason: Reason) -> Error {
    Error::new(reason).with_detail("JWKS")
}
