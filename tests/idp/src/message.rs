//! A request and an answer as the endpoints see them: plain values, nothing of the HTTP library.

use aws_lc_rs::digest;
use serde_json::{Value, json};

use crate::keys;

/// Decoded parameters in the order they were sent. Duplicates stay, for a repeated parameter must be
/// refused and not silently picked from (RFC 6749 §3.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The parameter's value; one sent without a value counts as not sent (RFC 6749 §3.1).
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// All values of one name, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    }

    /// The first name that stands there more than once; of resources there may be several (RFC 8707 §2).
    pub(crate) fn duplicate(&self) -> Option<&str> {
        let repeated = |name: &str| name != "resource" && self.is_repeated(name);
        self.0.iter().map(|(key, _)| key.as_str()).find(|name| repeated(name))
    }

    pub(crate) fn is_repeated(&self, name: &str) -> bool {
        self.0.iter().filter(|(key, _)| key == name).count() > 1
    }

    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

/// A request that was read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) connection: u64,
    pub(crate) method: String,
    pub(crate) path: String,
    /// The query as it was sent, still encoded.
    pub(crate) raw_query: String,
    pub(crate) query: Parameters,
    /// The URL that it is really for, at `/_vendor`.
    pub(crate) vendor_url: Option<String>,
    /// Empty unless the body is a form.
    pub(crate) form: Parameters,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether the body claims to be a form. Anything else leaves `form` empty.
    pub(crate) fn is_form(&self) -> bool {
        self.header("content-type")
            .and_then(|value| value.split(';').next())
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
    }
}

/// What an endpoint answers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::empty(status).with("content-type", "application/json").body(body.to_string())
    }

    /// An OAuth error as every endpoint but `/authorize` says it (RFC 6749 §5.2).
    pub(crate) fn oauth_error(status: u16, code: &str, description: &str) -> Self {
        Self::json(status, &json!({ "error": code, "error_description": description })).uncached()
    }

    /// 303, so that the browser turns the form's POST into a GET and never sends the password on (RFC 9700 §4.12).
    pub(crate) fn redirect(location: &str) -> Self {
        Self::empty(303).with("location", location).uncached()
    }

    /// Sets a header; one of that name is replaced.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        let name = name.to_ascii_lowercase();
        self.headers.retain(|(key, _)| *key != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: String) -> Self {
        self.body = body;
        self
    }

    pub(crate) fn uncached(self) -> Self {
        self.with("cache-control", "no-store").with("pragma", "no-cache")
    }

    /// Names what is in it by an `ETag`; to those who have it already it says only that (RFC 9110 sections 8.8.3 and 13.1.2).
    pub(crate) fn tagged(self, asked: &Asked) -> Self {
        let tag = format!("\"{}\"", keys::base64url(digest::digest(&digest::SHA256, self.body.as_bytes()).as_ref()));
        let unchanged = asked
            .header("if-none-match")
            .is_some_and(|tags| tags.split(',').any(|known| known.trim().trim_start_matches("W/") == tag));
        if unchanged { Self::empty(304).with("etag", &tag) } else { self.with("etag", &tag) }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(key, _)| key == name)
    }
}
