//! The requests that are expected, and what is wrong with those that came.

use std::collections::BTreeMap;

use keyfob_idp::LoggedRequest;
use serde_json::Value;

use crate::contract::Request;
use crate::masks::{ANY, Masks};

type List = Vec<(String, String)>;

/// One request as it has to be, compared whole; of the headers only those that are named, and `Authorization`.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub method: String,
    /// Without a query.
    pub url: String,
    pub query: List,
    pub form: List,
    pub json: Option<Value>,
    pub headers: BTreeMap<String, String>,
}

impl Wanted {
    pub fn new(method: &str, url: &str) -> Self {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        Self { method: method.to_owned(), url: base.to_owned(), query: decoded(query), ..Self::default() }
    }

    /// A request of the contract's.
    pub fn of(request: &Request, masks: &Masks) -> Self {
        let body = request.form.is_some() || request.json.is_some();
        let method = request.method.as_deref().unwrap_or(if body { "POST" } else { "GET" });
        let mut wanted = Self::new(method, &masks.fill(&request.url));
        wanted.query.extend(masks.pairs(&request.query));
        wanted.form = request.form.as_ref().map(|form| masks.pairs(form)).unwrap_or_default();
        wanted.json = request.json.as_ref().map(|json| masks.fill_in(json));
        wanted.headers = request.headers.iter().map(|(name, value)| (name.clone(), masks.fill(value))).collect();
        wanted
    }

    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.url)
    }
}

/// What a query or a form says.
pub fn decoded(text: &str) -> List {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// Method and URL of a request that came, without the query.
pub fn line(came: &LoggedRequest) -> String {
    let url = came.vendor_url.as_deref().unwrap_or(&came.path);
    format!("{} {}", came.method, url.split('?').next().unwrap_or_default())
}

/// What differs, a line each.
pub fn compare(wanted: &[Wanted], came: &[LoggedRequest]) -> Vec<String> {
    let mut found = Vec::new();
    for (index, wanted) in wanted.iter().enumerate() {
        let place = format!("request {}, {}", index + 1, wanted.line());
        let Some(came) = came.get(index) else {
            found.push(format!("{place}: expected, and did not come"));
            continue;
        };
        if line(came) != wanted.line() {
            found.push(format!("{place}: got {}", line(came)));
            continue;
        }
        found.extend(differences(wanted, came).into_iter().map(|difference| format!("{place}: {difference}")));
    }
    for came in came.iter().skip(wanted.len()) {
        found.push(format!("a request that nobody expects: {}{}", line(came), with_what(came)));
    }
    found
}

/// A request's parameters, for one that was not expected at all.
fn with_what(came: &LoggedRequest) -> String {
    let names: Vec<&str> = came.query.iter().chain(&came.form).map(|(name, _)| name.as_str()).collect();
    if names.is_empty() { String::new() } else { format!(" with {}", names.join(", ")) }
}

fn differences(wanted: &Wanted, came: &LoggedRequest) -> Vec<String> {
    let mut found = in_pairs("query", &wanted.query, &came.query);
    let kind = came.header("content-type").unwrap_or_default();
    match &wanted.json {
        Some(json) => {
            let body: Value = serde_json::from_str(&came.body).unwrap_or_default();
            if !kind.starts_with("application/json") {
                found.push(format!("expected a JSON body, got the type {kind:?}"));
            }
            in_json("json", json, &body, &mut found);
        }
        None => {
            found.extend(in_pairs("form", &wanted.form, &came.form));
            if wanted.form.is_empty() && !came.body.is_empty() && came.form.is_empty() {
                found.push(format!("expected no body, got one of the type {kind:?}"));
            }
        }
    }
    for (name, value) in &wanted.headers {
        let there = came.header(name);
        if !there.is_some_and(|there| fits(value, there)) {
            found.push(differs(&format!("header {name}"), Some(value), there));
        }
    }
    if !wanted.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization"))
        && let Some(there) = came.header("authorization")
    {
        found.push(differs("header Authorization", None, Some(there)));
    }
    found
}

/// Compares queries or forms, in whatever order.
pub fn in_pairs(what: &str, wanted: &[(String, String)], came: &[(String, String)]) -> Vec<String> {
    let mut found = Vec::new();
    let mut left: List = came.to_vec();
    for (name, value) in wanted {
        let same = left.iter().position(|(key, there)| key == name && fits(value, there));
        if let Some(at) = same.or_else(|| left.iter().position(|(key, _)| key == name)) {
            let (_, there) = left.remove(at);
            if same.is_none() {
                found.push(differs(&format!("{what} {name}"), Some(value), Some(&there)));
            }
        } else {
            found.push(differs(&format!("{what} {name}"), Some(value), None));
        }
    }
    found.extend(left.iter().map(|(name, value)| differs(&format!("{what} {name}"), None, Some(value))));
    found
}

fn in_json(place: &str, wanted: &Value, came: &Value, found: &mut Vec<String>) {
    match (wanted, came) {
        (Value::Object(wanted), Value::Object(came)) => {
            for (name, value) in wanted {
                in_json(&format!("{place} {name}"), value, came.get(name).unwrap_or(&Value::Null), found);
            }
            for (name, value) in came.iter().filter(|(name, _)| !wanted.contains_key(*name)) {
                found.push(format!("{place} {name}: expected nothing, got {value}"));
            }
        }
        (Value::String(wanted), Value::String(came)) if fits(wanted, came) => {}
        _ if wanted == came => {}
        _ => found.push(format!("{place}: expected {wanted}, got {came}")),
    }
}

fn fits(wanted: &str, came: &str) -> bool {
    wanted == came || (wanted == ANY && !came.is_empty())
}

pub fn differs(what: &str, wanted: Option<&str>, came: Option<&str>) -> String {
    let shown = |value: Option<&str>| value.map_or_else(|| "nothing".to_owned(), |value| format!("{value:?}"));
    format!("{what}: expected {}, got {}", shown(wanted), shown(came))
}
