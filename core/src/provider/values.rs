//! What may stand in braces in a provider's texts, and what is put there for one session.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::definition::Provider;
use super::template;
use crate::json::at;
use crate::secret::Secret;

/// What a login's redirect brought for the life of its session. `Debug` shows how much: a state and a name may be in it.
#[derive(Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Parameters of the redirect, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) redirect: BTreeMap<String, String>,
    /// Variables that it decided.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) variables: BTreeMap<String, String>,
    /// The tokens come from a renewal and no longer from the login itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) renewed: bool,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} redacted]", self.redirect.len().saturating_add(self.variables.len()))
    }
}

/// Nothing.
pub(crate) static NOTHING_KEPT: Kept = Kept { redirect: BTreeMap::new(), variables: BTreeMap::new(), renewed: false };

impl Kept {
    pub(crate) fn is_empty(&self) -> bool {
        *self == NOTHING_KEPT
    }
}

/// What a registration says for the provider's variables, and what a redirect made of it.
#[derive(Clone, Debug)]
pub(crate) struct Filling<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) variables: Cow<'a, BTreeMap<String, String>>,
}

impl Filling<'_> {
    /// The same for a session that keeps this.
    pub(crate) fn with(mut self, kept: &Kept) -> Self {
        if !kept.variables.is_empty() {
            self.variables.to_mut().extend(kept.variables.clone());
        }
        self
    }
}

/// What is put into the texts of one request.
pub(crate) struct Values<'a> {
    pub(crate) provider: &'a Provider,
    pub(crate) filling: &'a Filling<'a>,
    pub(crate) client_secret: Option<&'a Secret>,
    /// The access token, or the one to revoke.
    pub(crate) token: Option<&'a str>,
    /// The token answer's other members.
    pub(crate) answer: Option<&'a Map<String, Value>>,
    /// What is known of the user so far.
    pub(crate) claims: Option<&'a Map<String, Value>>,
    /// The user's id, where a session has one.
    pub(crate) uid: Option<&'a str>,
    pub(crate) kept: &'a Kept,
}

/// What stands in a pair of braces.
enum Word {
    Value(Zeroizing<String>),
    /// A word of ours that has no value here.
    Missing,
    /// Nothing of ours: it stays as it is.
    Other,
}

impl Values<'_> {
    fn word(&self, name: &str) -> Word {
        let of = |value: Option<Zeroizing<String>>| value.map_or(Word::Missing, Word::Value);
        let plain = |text: Option<&str>| of(text.map(|text| Zeroizing::new(text.to_owned())));
        match name {
            "client_id" => plain(Some(self.filling.client_id)),
            "client_secret" => plain(self.client_secret.map(Secret::expose)),
            "token" => plain(self.token),
            "uid" => plain(self.uid),
            // Etsy: the user's number stands before the token.
            "token|before_dot" => plain(self.token.and_then(|token| token.split_once('.')).map(|(before, _)| before)),
            "token|hmac_sha256" => of(self.proof()),
            _ => match name.split_once(':') {
                Some(("answer", pointer)) => of(self.answer.and_then(|answer| text_at(answer, pointer))),
                Some(("claims", pointer)) => of(self.claims.and_then(|claims| text_at(claims, pointer))),
                Some(("redirect", name)) => plain(self.kept.redirect.get(name).map(String::as_str)),
                _ if self.provider.variables.contains_key(name) => {
                    // Checked when the registration was.
                    of(template::value(name, &self.provider.variables, &self.filling.variables)
                        .ok()
                        .map(|text| Zeroizing::new(text.to_owned())))
                }
                _ => Word::Other,
            },
        }
    }

    /// That whoever has the token also has the client's secret (Facebook's `appsecret_proof`).
    fn proof(&self) -> Option<Zeroizing<String>> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.client_secret?.expose().as_bytes());
        Some(Zeroizing::new(hex(hmac::sign(&key, self.token?.as_bytes()).as_ref())))
    }

    /// A text with everything put in; `None` where something of it is not there.
    pub(crate) fn fill(&self, text: &str) -> Option<Zeroizing<String>> {
        self.put_in(text, false)
    }

    /// A URL with everything put in, each value as one segment of a path or one value of a query, whatever characters it has.
    pub(crate) fn fill_url(&self, url: &str) -> Option<Zeroizing<String>> {
        self.put_in(url, true)
    }

    fn put_in(&self, text: &str, is_url: bool) -> Option<Zeroizing<String>> {
        let mut filled = Zeroizing::new(String::new());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let braced = after.split_once('}').filter(|(name, _)| !name.contains('{'));
            match braced.map(|(name, after)| (self.word(name), name, after)) {
                Some((Word::Value(value), name, after)) => {
                    // A variable is of a form that was checked for its place.
                    if is_url && !self.provider.variables.contains_key(name) {
                        filled.push_str(&percent_encoded(&value));
                    } else {
                        filled.push_str(&value);
                    }
                    rest = after;
                }
                Some((Word::Missing, ..)) => return None,
                Some((Word::Other, ..)) | None => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled.push_str(rest);
        Some(filled)
    }

    /// The texts of a JSON object with everything put in; one that something is missing for is null.
    pub(crate) fn fill_json(&self, members: &Map<String, Value>) -> Value {
        Value::Object(members.iter().map(|(name, value)| (name.clone(), self.fill_value(value))).collect())
    }

    fn fill_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.fill(text).map_or(Value::Null, |text| Value::String(text.to_string())),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.fill_value(item)).collect()),
            Value::Object(members) => self.fill_json(members),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }
}

/// Whether a word in braces is one that a request's URL may have, beside variables.
pub(super) fn is_word(name: &str) -> bool {
    matches!(name, "client_id" | "token" | "token|before_dot" | "uid")
        || name.strip_prefix("answer:").or_else(|| name.strip_prefix("claims:")).is_some_and(|at| at.starts_with('/'))
}

/// A text or a whole number at a pointer.
fn text_at(members: &Map<String, Value>, pointer: &str) -> Option<Zeroizing<String>> {
    match at(members, pointer)? {
        Value::String(text) if !text.is_empty() => Some(Zeroizing::new(text.clone())),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(Zeroizing::new(number.to_string())),
        _ => None,
    }
}

/// As hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whatever characters a text has, it stays one segment.
pub(super) fn percent_encoded(text: &str) -> String {
    let mut url = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url
}
