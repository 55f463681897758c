//! The token answer (RFC 6749 section 5), made strict where providers are not.
//!
//! The body alone decides whether it is JSON: providers that send tokens as `text/html` exist, and to refuse what
//! was paid for with a refresh token would end the session.

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::{Zeroize as _, Zeroizing};

use crate::error::{Error, OAuthError, Reason, Result};
use crate::http::HttpResponse;
use crate::json::{self, JsonFault, at, first_of};
use crate::provider::{
    AnswerFormat, ErrorRules, Fields, Kept, Pointers, Provider, Relaxed, Separator, TokenAnswerRules, Zero,
};
use crate::secret::Secret;

/// No access token is believed to live longer.
const MAX_LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How a provider's file wants its answers read; without one as the standard has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct AnswerRules(Option<Arc<Provider>>);

impl AnswerRules {
    pub(crate) fn of(provider: &Arc<Provider>) -> Self {
        Self(Some(Arc::clone(provider)))
    }

    fn own(&self) -> Option<&TokenAnswerRules> {
        self.0.as_ref().map(|provider| provider.token_answer())
    }

    /// Whether a response calls itself something that the provider's answers are.
    pub(crate) fn may_be_answer(&self, response: &HttpResponse) -> bool {
        let kind = response.header("content-type").and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        let is_form = |kind: &str| {
            ["application/x-www-form-urlencoded", "text/plain"].iter().any(|form| form.eq_ignore_ascii_case(kind))
        };
        response.may_be_json()
            || self.0.as_ref().is_some_and(|provider| provider.relaxes(Relaxed::S77))
            || (self.own().is_some_and(|own| own.format == AnswerFormat::Form) && is_form(kind))
    }

    /// No `token_type` means Bearer (the provider relaxes S33).
    fn assume_bearer(&self) -> bool {
        self.0.as_ref().is_some_and(|provider| provider.relaxes(Relaxed::S33))
    }
}

/// What a body of the token endpoint says, whatever the status was.
#[derive(Debug)]
pub(crate) enum Reading {
    Tokens(TokenAnswer),
    /// It has an `error`, and then nothing else in it is believed (security S36).
    Error(OAuthError),
    /// JSON, but neither tokens nor an `error`.
    Malformed(Reason),
    NotJson,
}

/// The tokens of one answer.
#[derive(Debug)]
pub(crate) struct TokenAnswer {
    pub(crate) access_token: Secret,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) id_token: Option<Secret>,
    /// How long the access token lives, in whole milliseconds; zero is over already, `None` is unknown: neither
    /// "never" nor "now".
    pub(crate) lifetime: Option<Duration>,
    /// What was granted; `None` is what was asked for.
    pub(crate) scope: Option<Vec<String>>,
    /// The members that the standard does not name.
    pub(crate) other: Members,
    /// What the login's redirect brought beside the code.
    pub(crate) kept: Kept,
}

/// Reads a body of the token endpoint.
pub(crate) fn normalise(body: &[u8], rules: &AnswerRules) -> Reading {
    let members = match members(body, rules.own()) {
        Ok(members) => Members(members),
        Err(JsonFault::NotJson) => return Reading::NotJson,
        Err(_) => return Reading::Malformed(Reason::MalformedTokenResponse),
    };
    let own = rules.own().and_then(|own| own.error.as_ref());
    if let Some(error) = own.and_then(|own| own_error(&members, own)).or_else(|| oauth_error(&members)) {
        return Reading::Error(error);
    }
    match tokens(members, rules) {
        Ok(tokens) => Reading::Tokens(tokens),
        Err(reason) => Reading::Malformed(reason),
    }
}

/// The members of an answer, of whatever form the provider's file allows beside a JSON object.
fn members(body: &[u8], own: Option<&TokenAnswerRules>) -> std::result::Result<Map<String, Value>, JsonFault> {
    let prefix = own.and_then(|own| own.prefix.as_ref());
    let body = prefix.and_then(|prefix| body.strip_prefix(prefix.as_bytes())).unwrap_or(body);
    match json::parse(body) {
        Ok(Value::Object(members)) => Ok(members),
        // A pointer to an element of it is `/0/access_token`.
        Ok(Value::Array(items)) if own.is_some_and(|own| !own.fields.access_token.0.is_empty()) => {
            Ok(items.into_iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect())
        }
        Ok(_) => Err(JsonFault::TooDeep),
        Err(JsonFault::NotJson) if own.is_some_and(|own| own.format == AnswerFormat::Form) => {
            form(body).ok_or(JsonFault::NotJson)
        }
        Err(fault) => Err(fault),
    }
}

/// A form-encoded answer; a page or a text that is none has neither a token nor an error in it.
fn form(body: &[u8]) -> Option<Map<String, Value>> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let mut members = Map::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        if members.insert(name.into_owned(), Value::String(value.into_owned())).is_some() {
            return None;
        }
    }
    ["access_token", "error"].iter().any(|name| members.contains_key(*name)).then_some(members)
}

/// An `error` that is null or empty stands in good answers too.
fn oauth_error(members: &Members) -> Option<OAuthError> {
    let text = |key| members.get(key).and_then(Value::as_str);
    let code = text("error").filter(|code| !code.is_empty())?;
    Some(OAuthError::new(code, text("error_description"), text("error_uri")))
}

/// An error where the provider's file says that errors are.
pub(crate) fn own_error(members: &Map<String, Value>, rules: &ErrorRules) -> Option<OAuthError> {
    let found = |pointers: &[String]| pointers.iter().find_map(|pointer| word_at(members, pointer));
    let (code, value) = found(&rules.code.0)?;
    if rules.ok.contains(value) {
        return None;
    }
    let description = found(&rules.description.0).map(|(text, _)| text);
    Some(OAuthError::new(&code, description.as_deref(), None))
}

/// A text that is not empty, a number or a boolean, as text and as it stands there.
fn word_at<'a>(members: &'a Map<String, Value>, pointer: &str) -> Option<(String, &'a Value)> {
    let value = at(members, pointer)?;
    match value {
        Value::String(text) if !text.is_empty() => Some((text.clone(), value)),
        Value::Number(_) | Value::Bool(_) => Some((value.to_string(), value)),
        _ => None,
    }
}

fn tokens(mut members: Members, rules: &AnswerRules) -> std::result::Result<TokenAnswer, Reason> {
    let fields = rules.own().map(|own| &own.fields);
    let mut take = |name: &str, own: fn(&Fields) -> &Pointers| match fields.map(own) {
        Some(own) if !own.0.is_empty() => own.0.iter().find_map(|pointer| members.take_at(pointer)),
        _ => members.0.remove(name),
    };
    let access_token = secret(take("access_token", |fields| &fields.access_token));
    let token_type = take("token_type", |fields| &fields.token_type);
    let refresh_token = secret(take("refresh_token", |fields| &fields.refresh_token));
    let id_token = secret(take("id_token", |fields| &fields.id_token));
    let expires_in = take("expires_in", |fields| &fields.expires_in);
    let granted = take("scope", |fields| &fields.scope);
    let access_token = access_token.ok_or(Reason::MalformedTokenResponse)?;
    // It is put into a header as it is: a line break would make two of it (RFC 6749 A.12 allows no such character).
    if access_token.expose().chars().any(char::is_control) {
        return Err(Reason::MalformedTokenResponse);
    }
    let token_type = match &token_type {
        None if rules.assume_bearer() => "bearer",
        other => other.as_ref().and_then(Value::as_str).ok_or(Reason::MalformedTokenResponse)?,
    };
    let means_bearer = |word: &String| word.eq_ignore_ascii_case(token_type);
    if !token_type.eq_ignore_ascii_case("bearer")
        && !rules.own().is_some_and(|own| own.token_types.iter().any(means_bearer))
    {
        return Err(Reason::UnsupportedTokenType);
    }
    let endless = rules.own().is_some_and(|own| own.zero_expires_in == Zero::Unknown);
    let separator = rules.own().map(|own| own.scope_separator).unwrap_or_default();
    Ok(TokenAnswer {
        access_token,
        // Of a strange kind or empty is absent: the access token beside it is good all the same.
        refresh_token,
        id_token,
        lifetime: expires_in.as_ref().and_then(lifetime).filter(|lifetime| !(endless && lifetime.is_zero())),
        scope: granted.as_ref().and_then(|value| scope(value, separator)),
        other: members,
        kept: Kept::default(),
    })
}

/// Seconds, as a number or as text, whole or not. What is none of these is unknown.
fn lifetime(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        // `f64` would take "inf" and "NaN" for numbers.
        Value::String(text) if text.bytes().all(|byte| b"0123456789.eE+- ".contains(&byte)) => {
            text.trim().parse().ok()?
        }
        _ => return None,
    };
    if seconds.is_nan() || seconds < 0.0 {
        return None;
    }
    let exact = Duration::try_from_secs_f64(seconds).map_or(MAX_LIFETIME, |exact| exact.min(MAX_LIFETIME));
    Some(Duration::from_millis(u64::try_from(exact.as_millis()).ok()?))
}

pub(crate) fn scope(value: &Value, separator: Separator) -> Option<Vec<String>> {
    // Spaces separate in any case: no scope has one in it (RFC 6749 section 3.3).
    let between = |c: char| c.is_whitespace() || separator.text().contains(c);
    let words = |text: &str| text.split(between).filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    match value {
        Value::String(text) => Some(words(text)),
        Value::Array(items) => Some(items.iter().filter_map(Value::as_str).flat_map(words).collect()),
        _ => None,
    }
}

/// Members of an answer, wiped when dropped: which of them are secrets only the provider knows. `Debug` shows how many.
#[derive(Default)]
pub(crate) struct Members(Map<String, Value>);

impl Members {
    /// Takes out what a pointer names; nothing where it is null or an empty text.
    fn take_at(&mut self, pointer: &str) -> Option<Value> {
        let (name, rest) = first_of(pointer)?;
        let value = if rest.is_empty() { self.0.get_mut(&name)? } else { self.0.get_mut(&name)?.pointer_mut(rest)? };
        let is_there = !value.is_null() && value.as_str() != Some("");
        is_there.then(|| value.take())
    }
}

fn secret(value: Option<Value>) -> Option<Secret> {
    match value {
        Some(Value::String(text)) if !text.is_empty() => Some(Secret::new(text)),
        _ => None,
    }
}

impl Deref for Members {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} redacted]", self.0.len())
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

/// The parser's depth limit holds for this recursion too.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The answer as RFC 6749 section 5.1 has it, for `oauth2`'s parser.
#[derive(Serialize)]
struct Standard<'a> {
    access_token: &'a str,
    token_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// The answer as it lies, sealed, in the store.
#[derive(Serialize)]
struct Stored<'a> {
    access_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifetime_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a [String]>,
    other: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Kept::is_empty")]
    kept: &'a Kept,
}

/// [`Stored`], read. A member that a later version adds is no harm.
#[derive(Deserialize)]
struct Read {
    access_token: String,
    refresh_token: Option<String>,
    id_token: Option<String>,
    lifetime_ms: Option<u64>,
    scope: Option<Vec<String>>,
    other: Map<String, Value>,
    /// Of an older version: nothing.
    #[serde(default)]
    kept: Kept,
}

impl TokenAnswer {
    /// No tokens at all: what a tombstone has.
    pub(crate) fn blank() -> Self {
        Self {
            access_token: Secret::new(""),
            refresh_token: None,
            id_token: None,
            lifetime: None,
            scope: None,
            other: Members::default(),
            kept: Kept::default(),
        }
    }

    /// When the provider wants the next refresh (`refresh_in`, Microsoft's), in milliseconds after this one.
    pub(crate) fn refresh_in(&self) -> Option<i64> {
        let wait = self.other.get("refresh_in").and_then(lifetime)?;
        i64::try_from(wait.as_millis()).ok()
    }

    /// A second copy of the secrets, for the one place that needs it: a login's answer becomes a session's tokens.
    pub(crate) fn duplicate(&self) -> Self {
        Self {
            access_token: self.access_token.duplicate(),
            refresh_token: self.refresh_token.as_ref().map(Secret::duplicate),
            id_token: self.id_token.as_ref().map(Secret::duplicate),
            lifetime: self.lifetime,
            scope: self.scope.clone(),
            other: Members(self.other.0.clone()),
            kept: self.kept.clone(),
        }
    }

    pub(crate) fn standard_form(&self) -> Option<Vec<u8>> {
        let standard = Standard {
            access_token: self.access_token.expose(),
            token_type: "bearer",
            expires_in: self.lifetime.map(|lifetime| lifetime.as_secs()),
            refresh_token: self.refresh_token.as_ref().map(Secret::expose),
            scope: self.scope.as_ref().map(|scope| scope.join(" ")),
        };
        serde_json::to_vec(&standard).ok()
    }

    /// For the store, which seals it.
    pub(crate) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>> {
        let stored = Stored {
            access_token: self.access_token.expose(),
            refresh_token: self.refresh_token.as_ref().map(Secret::expose),
            id_token: self.id_token.as_ref().map(Secret::expose),
            lifetime_ms: self.lifetime.and_then(|lifetime| u64::try_from(lifetime.as_millis()).ok()),
            scope: self.scope.as_deref(),
            other: &self.other,
            kept: &self.kept,
        };
        let internal = |error| Error::new(Reason::Internal).with_source(error);
        // Counted first: a buffer that grows leaves copies of its beginning behind.
        let mut length = Length(0);
        serde_json::to_writer(&mut length, &stored).map_err(internal)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(length.0));
        serde_json::to_writer(&mut *bytes, &stored).map_err(internal)?;
        Ok(bytes)
    }

    /// What [`TokenAnswer::to_bytes`] wrote.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        // The parser's own error may quote what it read.
        let read: Read = serde_json::from_slice(bytes).map_err(|_| Error::new(Reason::StoreTampered))?;
        Ok(Self {
            access_token: Secret::new(read.access_token),
            refresh_token: read.refresh_token.map(Secret::new),
            id_token: read.id_token.map(Secret::new),
            lifetime: read.lifetime_ms.map(Duration::from_millis),
            scope: read.scope,
            other: Members(read.other),
            kept: read.kept,
        })
    }
}

struct Length(usize);

impl std::io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
