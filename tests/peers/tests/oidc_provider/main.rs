//! Logins at npm's `oidc-provider`, through the public API.
#![allow(clippy::unwrap_used, reason = "a test that fails should say where")]

mod logins;
mod logout;
mod refreshes;
mod refusals;

use url::Url;

/// The value of a parameter in a URL's query.
fn parameter(url: &str, name: &str) -> Option<String> {
    Url::parse(url).unwrap().query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// The URL with a parameter changed, or without it.
fn with_parameter(url: &str, name: &str, change: impl Fn(&str) -> Option<String>) -> String {
    let mut changed = Url::parse(url).unwrap();
    let pairs: Vec<_> = changed.query_pairs().into_owned().collect();
    let pairs = pairs.into_iter().filter_map(|(key, value)| {
        let value = if key == name { change(&value)? } else { value };
        Some((key, value))
    });
    let pairs: Vec<_> = pairs.collect();
    changed.query_pairs_mut().clear().extend_pairs(pairs);
    changed.into()
}
