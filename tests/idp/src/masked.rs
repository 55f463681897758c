//! The request log without what differs from one run to the next: two clients that do the same have the same one.

use serde::{Deserialize, Serialize};

use crate::faults::Endpoint;
use crate::log::LoggedRequest;

/// What stands for a value that differs.
const MASK: &str = "*";

/// Parameters that are random, or were given out by a provider.
const RANDOM: [&str; 12] = [
    "access_token",
    "client_assertion",
    "code",
    "code_challenge",
    "code_verifier",
    "device_code",
    "id_token_hint",
    "nonce",
    "refresh_token",
    "request_uri",
    "state",
    "token",
];

/// Headers that are a matter of the connection, or as long as the tokens are.
const CONNECTION: [&str; 4] = ["connection", "content-length", "host", "keep-alive"];

/// What one request asked, with `*` for every token, code, state, nonce, verifier, port and version. Two clients that do the
/// same have equal ones, so they can be compared, and kept in a file.
///
/// The forms that a browser posts are left out, and so are its headers: they are the browser's, not the client's.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MaskedRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The parameters of the query, in order.
    pub query: Vec<(String, String)>,
    /// The parameters of the form, in order.
    pub form: Vec<(String, String)>,
    /// The headers in order, without those of the connection.
    pub headers: Vec<(String, String)>,
}

/// The entries of a log, masked.
pub(crate) fn masked(log: &[LoggedRequest]) -> Vec<MaskedRequest> {
    log.iter().filter_map(MaskedRequest::of).collect()
}

impl MaskedRequest {
    /// Nothing for a form of the provider's own pages.
    fn of(request: &LoggedRequest) -> Option<Self> {
        let by_browser =
            matches!(request.endpoint, Some(Endpoint::Authorize | Endpoint::Device | Endpoint::Logout) | None);
        if by_browser && request.method != "GET" {
            return None;
        }
        let headers = if by_browser { &[][..] } else { &request.headers };
        Some(Self {
            method: request.method.clone(),
            path: request.path.clone(),
            query: parameters(&request.query),
            form: parameters(&request.form),
            headers: headers.iter().filter(|(name, _)| !CONNECTION.contains(&name.as_str())).map(header).collect(),
        })
    }
}

fn parameters(list: &[(String, String)]) -> Vec<(String, String)> {
    let value = |name: &str, value: &str| {
        if RANDOM.contains(&name) { MASK.to_owned() } else { without_ports(value) }
    };
    list.iter().map(|(name, text)| (name.clone(), value(name, text))).collect()
}

fn header((name, value): &(String, String)) -> (String, String) {
    let value = match name.as_str() {
        // The scheme stays: `Bearer *`.
        "authorization" => masked_after(value, ' '),
        // The program stays, its version does not: `keyfob/*`.
        "user-agent" => masked_after(value, '/'),
        _ => without_ports(value),
    };
    (name.clone(), value)
}

fn masked_after(value: &str, separator: char) -> String {
    value.split_once(separator).map_or_else(|| MASK.to_owned(), |(kept, _)| format!("{kept}{separator}{MASK}"))
}

/// `http://127.0.0.1:4011/callback` → `http://127.0.0.1:*/callback`.
fn without_ports(value: &str) -> String {
    const LOOPBACK: &str = "127.0.0.1:";
    let mut parts = value.split(LOOPBACK);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(LOOPBACK);
        text.push_str(MASK);
        text.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_random_is_masked_and_the_rest_stays() {
        let asked = pairs(&[
            ("client_id", "demo"),
            ("state", "s3cret"),
            ("redirect_uri", "http://127.0.0.1:4100/callback/work-sso"),
            ("resource", "http://127.0.0.1:1/a http://127.0.0.1:22/b"),
        ]);
        let masked = pairs(&[
            ("client_id", "demo"),
            ("state", "*"),
            ("redirect_uri", "http://127.0.0.1:*/callback/work-sso"),
            ("resource", "http://127.0.0.1:*/a http://127.0.0.1:*/b"),
        ]);
        assert_eq!(parameters(&asked), masked);
    }

    #[test]
    fn of_a_token_in_a_header_the_scheme_stays() {
        let headers = pairs(&[("authorization", "Bearer t0ken"), ("user-agent", "keyfob/0.1.0"), ("accept", "*/*")]);
        let masked = pairs(&[("authorization", "Bearer *"), ("user-agent", "keyfob/*"), ("accept", "*/*")]);
        assert_eq!(headers.iter().map(header).collect::<Vec<_>>(), masked);
    }
}
