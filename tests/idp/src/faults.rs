//! What is wrong with how the provider answers: too late, with another status, or not to the end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::message::{Answer, Asked};
use crate::script::ScriptError;

/// A fault: which requests it hits, and what happens to them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fault {
    /// The endpoint that it hits.
    pub endpoint: Endpoint,
    /// Only requests of that `grant_type`, if given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<String>,
    /// Only the nth fitting request since the script was set, from 1; every one if absent. Each fault counts
    /// for itself, and counts also the requests that another fault took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// Whether the endpoint does its work all the same. If absent: no when `status` or `body` replace the
    /// answer, else yes, so that a closed connection means a lost answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<bool>,
    /// Works on the request that much later, also when its client is gone by then. It is logged when it comes.
    #[serde(default)]
    pub lag_seconds: f64,
    /// Answers that much later. The work is done before the wait.
    #[serde(default)]
    pub delay_seconds: f64,
    /// Answers with this status; if absent the endpoint's own, or 500 when it did not work and 200 when there is a `body`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Answers with this body: a text as it is (`text/plain`), anything else as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Headers to set or replace, `content-type`, `retry-after` and `date` among them.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Cuts the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close: Option<Close>,
}

/// What a path is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Endpoint {
    /// `/authorize`, the page and its form alike.
    Authorize,
    /// `/device`, where the user types in the code: the page and its form alike.
    Device,
    /// `/device_authorization`
    DeviceAuthorization,
    /// `/.well-known/openid-configuration`
    Discovery,
    /// `/jwks`
    Jwks,
    /// `/logout`
    Logout,
    /// `/par`
    PushedAuthorizationRequest,
    /// `/revoke`
    Revoke,
    /// `/token`
    Token,
    /// `/userinfo`
    Userinfo,
}

/// Where an answer stops.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Close {
    /// After the headers, before the body.
    AfterHeaders,
    /// Before its first byte.
    BeforeHeaders,
    /// After half of the body.
    MidBody,
}

impl Fault {
    /// A fault that hits every request of an endpoint and does nothing yet.
    pub fn on(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            grant_type: None,
            nth: None,
            process: None,
            lag_seconds: 0.0,
            delay_seconds: 0.0,
            status: None,
            body: None,
            headers: BTreeMap::new(),
            close: None,
        }
    }

    /// Hits only requests of that grant type.
    #[must_use]
    pub fn grant_type(mut self, grant_type: &str) -> Self {
        self.grant_type = Some(grant_type.to_owned());
        self
    }

    /// Hits only the nth fitting request, from 1.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.nth = Some(nth);
        self
    }

    /// Says whether the endpoint does its work.
    #[must_use]
    pub fn process(mut self, process: bool) -> Self {
        self.process = Some(process);
        self
    }

    /// Works on the request that much later.
    #[must_use]
    pub fn lag(mut self, seconds: f64) -> Self {
        self.lag_seconds = seconds;
        self
    }

    /// Answers that much later.
    #[must_use]
    pub fn delay(mut self, seconds: f64) -> Self {
        self.delay_seconds = seconds;
        self
    }

    /// Answers with that status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Answers with that body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Value>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Cuts the connection.
    #[must_use]
    pub fn close(mut self, close: Close) -> Self {
        self.close = Some(close);
        self
    }

    pub(crate) fn check(&self, index: usize) -> Result<(), ScriptError> {
        let wrong = |key: &str, problem: &str| Err(ScriptError::new(&format!("faults[{index}].{key}"), problem));
        if self.nth == Some(0) {
            return wrong("nth", "the first is 1");
        }
        if self.status.is_some_and(|status| !(200..=599).contains(&status)) {
            return wrong("status", "a final status is from 200 to 599");
        }
        for (key, seconds) in [("lag_seconds", self.lag_seconds), ("delay_seconds", self.delay_seconds)] {
            if !(0.0..=1e6).contains(&seconds) {
                return wrong(key, "seconds are from 0 to 1e6");
            }
        }
        // Said here, for the HTTP library would refuse the whole answer when it is too late.
        for (name, value) in &self.headers {
            let ok = axum::http::HeaderName::try_from(name).is_ok() && axum::http::HeaderValue::try_from(value).is_ok();
            if !ok {
                return wrong(&format!("headers.{name}"), "this is not a header");
            }
        }
        Ok(())
    }

    pub(crate) fn processes(&self) -> bool {
        self.process.unwrap_or_else(|| self.status.is_none() && self.body.is_none())
    }

    /// Puts the fault over the endpoint's answer, or makes one where the endpoint did not work.
    pub(crate) fn overlay(&self, own: Option<Answer>) -> Answer {
        let fallback = if self.body.is_some() { 200 } else { 500 };
        let mut answer = own.unwrap_or_else(|| Answer::empty(fallback));
        answer.status = self.status.unwrap_or(answer.status);
        answer = match &self.body {
            None => answer,
            Some(Value::String(text)) => answer.with("content-type", "text/plain").body(text.clone()),
            Some(json) => answer.with("content-type", "application/json").body(json.to_string()),
        };
        self.headers.iter().fold(answer, |answer, (name, value)| answer.with(name, value))
    }

    fn fits(&self, endpoint: Endpoint, asked: &Asked) -> bool {
        let grant = self.grant_type.as_deref();
        self.endpoint == endpoint && (grant.is_none() || grant == asked.form.get("grant_type"))
    }
}

/// How often each fault of the script fitted so far.
#[derive(Debug, Default)]
pub(crate) struct FaultCounts(Vec<u64>);

impl FaultCounts {
    /// Counts a request and says which fault hits it.
    pub(crate) fn next<'a>(&mut self, faults: &'a [Fault], endpoint: Endpoint, asked: &Asked) -> Option<&'a Fault> {
        self.0.resize(faults.len(), 0);
        let mut hit = None;
        for (fault, count) in faults.iter().zip(&mut self.0) {
            if fault.fits(endpoint, asked) {
                *count += 1;
                if fault.nth.is_none_or(|nth| nth == *count) {
                    hit = hit.or(Some(fault));
                }
            }
        }
        hit
    }
}
