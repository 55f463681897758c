//! `{name}` in a provider's URLs: filled in from the registration's variables, and checked before it gets there.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::Deserialize;

use crate::error::{Error, Reason, Result};

/// What may be put in for one `{name}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    #[serde(default)]
    default: Option<String>,
    form: Form,
    /// The only values that the provider has.
    #[serde(default)]
    one_of: Vec<String>,
}

/// What a value must look like.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    /// A host name, perhaps with a port.
    Host,
    /// A host name, perhaps with a port, and perhaps a path.
    HostPath,
    /// One path segment.
    Segment,
    /// Some path segments or none, and then the slash before them goes too.
    OptionalPath,
    /// A URL of scheme, host and path.
    Url,
    /// Printable text, for anything but a URL.
    Text,
}

/// Longest text, in bytes.
const MAX_TEXT: usize = 4096;

impl Form {
    fn accepts(self, value: &str) -> bool {
        match self {
            Self::Host => is_host(value),
            Self::HostPath => {
                let (host, path) = value.split_once('/').unwrap_or((value, "x"));
                is_host(host) && path.split('/').all(is_segment)
            }
            Self::Segment => is_segment(value),
            Self::OptionalPath => value.is_empty() || value.split('/').all(is_segment),
            Self::Url => is_url(value),
            Self::Text => !value.is_empty() && value.len() <= MAX_TEXT && !value.contains(char::is_control),
        }
    }
}

/// Nothing that could end the host early (`evil.com/`, `@`, `#`) or that a parser might rewrite (IDN, spaces, `0x7f.1`).
fn is_host(value: &str) -> bool {
    let (host, port) = value.rsplit_once(':').map_or((value, None), |(host, port)| (host, Some(port)));
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // No top-level domain begins with a digit: this is an address, and then one that everybody reads in the same way.
    let is_address = host.rsplit('.').next().is_some_and(|last| last.starts_with(|first: char| first.is_ascii_digit()));
    host.split('.').all(is_label)
        && (!is_address || host.parse::<Ipv4Addr>().is_ok())
        && port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

fn is_segment(value: &str) -> bool {
    !matches!(value, "" | "." | "..")
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

/// Scheme, host and path, with no character in it that a parser would take for something else. Whether the scheme will do is said with
/// the whole URL. A slash at the end may belong to an issuer.
fn is_url(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once("://") else { return false };
    let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let is_ipv6 = |host: &str| {
        let address = host.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        address.is_some_and(|(address, port)| {
            // The port as a host would have it.
            address.parse::<Ipv6Addr>().is_ok()
                && (port.is_empty() || (port.starts_with(':') && is_host(&format!("x{port}"))))
        })
    };
    matches!(scheme, "http" | "https")
        && (is_host(host) || is_ipv6(host))
        && path.is_none_or(|path| {
            let path = path.strip_suffix('/').unwrap_or(path);
            path.is_empty() || path.split('/').all(is_path_segment)
        })
}

/// As much of RFC 3986's `pchar` as issuers are made of.
fn is_path_segment(segment: &str) -> bool {
    segment.split([':', '@', '+', '=', ',', '$', '!']).all(|part| part.is_empty() || is_segment(part))
        && !matches!(segment, "" | "." | "..")
}

impl Variable {
    /// Whether a registration has to give it.
    pub(crate) fn is_required(&self) -> bool {
        self.default.is_none()
    }

    /// Whether it may stand in a URL.
    pub(super) fn is_for_urls(&self) -> bool {
        !matches!(self.form, Form::Text)
    }

    /// What is wrong with the declaration itself.
    pub(super) fn problem(&self) -> Option<&'static str> {
        let mut values = self.default.iter().chain(&self.one_of);
        if !values.all(|value| self.form.accepts(value)) {
            return Some("has a value that is not of its form");
        }
        self.default
            .as_ref()
            .is_some_and(|default| !self.one_of.is_empty() && !self.one_of.contains(default))
            .then_some("has a default that is none of its values")
    }

    pub(super) fn takes(&self, value: &str) -> bool {
        self.form.accepts(value) && (self.one_of.is_empty() || self.one_of.iter().any(|one| one == value))
    }
}

/// The names that a template uses; an empty one for a brace that is not closed.
pub(crate) fn names(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).map(|part| part.split_once('}').map_or("", |(name, _)| name))
}

/// Refuses a value for a variable that the provider does not have.
pub(crate) fn check_given(declared: &BTreeMap<String, Variable>, given: &BTreeMap<String, String>) -> Result<()> {
    given
        .keys()
        .find(|name| !declared.contains_key(*name))
        .map_or(Ok(()), |name| Err(problem(name, "is not a variable of this provider")))
}

/// The value of one variable, of the form that the provider needs.
pub(crate) fn value<'a>(
    name: &str,
    declared: &'a BTreeMap<String, Variable>,
    given: &'a BTreeMap<String, String>,
) -> Result<&'a str> {
    let variable = declared.get(name).ok_or_else(|| problem(name, "is not declared"))?;
    let value = given.get(name).or(variable.default.as_ref()).ok_or_else(|| problem(name, "is missing"))?;
    if !variable.form.accepts(value) {
        return Err(problem(name, "is not of the form that the provider needs"));
    }
    if !variable.takes(value) {
        return Err(problem(name, &format!("is none of {}", variable.one_of.join(", "))));
    }
    Ok(value)
}

/// Fills in every `{name}`.
pub(crate) fn expand(
    template: &str,
    declared: &BTreeMap<String, Variable>,
    given: &BTreeMap<String, String>,
) -> Result<String> {
    check_given(declared, given)?;
    let mut expanded = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(|| problem(after, "has no closing brace"))?;
        let value = value(name, declared, given)?;
        if value.ends_with('/') && after.starts_with('/') {
            return Err(problem(name, "ends with a slash too many"));
        }
        // Nothing between two slashes is no segment.
        expanded.push_str(if value.is_empty() { before.strip_suffix('/').unwrap_or(before) } else { before });
        expanded.push_str(value);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn problem(name: &str, what: &str) -> Error {
    Error::new(Reason::InvalidVariable).with_detail(format!("variables.{name} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_could_change_the_host_is_refused() {
        for good in ["example.com", "login.example.com:8443", "a-b.c", "127.0.0.1:8443", "xn--bcher-kva.de", "3m.com"] {
            assert!(Form::Host.accepts(good), "{good}");
        }
        for bad in [
            "evil.com/",
            "a@b",
            "..",
            "a..b",
            "a b",
            "bücher.de",
            "",
            "a:b",
            "-a.com",
            "a%2fb",
            "a#b",
            "a?b",
            "[::1]",
            "a:+80",
            "a:",
            "0x7f.1",
            "127.1",
            "2130706433",
            "1.2.3.256",
        ] {
            assert!(!Form::Host.accepts(bad), "{bad}");
        }
        for bad in ["..", ".", "a/b", "a%2fb", "a b", "", "a?b"] {
            assert!(!Form::Segment.accepts(bad), "{bad}");
        }
        for good in ["", "oauth2/default", "a"] {
            assert!(Form::OptionalPath.accepts(good), "{good}");
        }
        for bad in ["/", "a/", "a//b", "a/../b", "a?b"] {
            assert!(!Form::OptionalPath.accepts(bad), "{bad}");
        }
        assert!(Form::HostPath.accepts("ghe.example.com/api/v3") && Form::HostPath.accepts("api.github.com"));
        for bad in ["ghe.example.com/", "ghe.example.com//x", "ghe.example.com/../x", "a@b/x", "/x"] {
            assert!(!Form::HostPath.accepts(bad), "{bad}");
        }
        for good in [
            "https://a.example",
            "http://127.0.0.1:4011",
            "http://[::1]:4011/x/",
            "https://a.example/t/",
            "https://a.example:443/realms/a_b",
        ] {
            assert!(Form::Url.accepts(good), "{good}");
        }
        for bad in [
            "https://user@example.com",
            "example.com",
            "mailto:a@b",
            "",
            "https://",
            "https:///x",
            "https://a.example/../b",
            "https://a.example/x?y",
            "https://a.example/#x",
            "https://a.example\\@b.example",
            "https://a example",
            "https://a.example/a b",
            "https://bücher.example",
            "https://a.example//b",
            "https://a.example/%2e%2e/b",
            "javascript://a.example/x",
            "https://[::1",
            "https://[::1]x",
            "https://a.example/{b}",
        ] {
            assert!(!Form::Url.accepts(bad), "{bad}");
        }
    }

    #[test]
    fn an_undeclared_missing_or_unknown_variable_is_named() {
        let declared =
            BTreeMap::from([("host".to_owned(), Variable { default: None, form: Form::Host, one_of: Vec::new() })]);
        let none = BTreeMap::new();
        let detail = |result: Result<String>| result.unwrap_err().detail().unwrap_or_default().to_owned();
        assert_eq!(detail(expand("https://{host}/", &declared, &none)), "variables.host is missing");
        assert_eq!(detail(expand("https://{tenant}/", &declared, &none)), "variables.tenant is not declared");
        let given = BTreeMap::from([("hots".to_owned(), "x".to_owned())]);
        assert_eq!(
            detail(expand("https://{host}/", &declared, &given)),
            "variables.hots is not a variable of this provider"
        );
        let given = BTreeMap::from([("host".to_owned(), "example.com".to_owned())]);
        assert_eq!(expand("https://{host}/a", &declared, &given).unwrap(), "https://example.com/a");
        let declared =
            BTreeMap::from([("base".to_owned(), Variable { default: None, form: Form::Url, one_of: Vec::new() })]);
        let optional = Variable { default: Some("a/b".to_owned()), form: Form::OptionalPath, one_of: Vec::new() };
        let with_path = BTreeMap::from([("path".to_owned(), optional)]);
        let empty = BTreeMap::from([("path".to_owned(), String::new())]);
        assert_eq!(expand("https://x/{path}/c", &with_path, &none).unwrap(), "https://x/a/b/c");
        assert_eq!(expand("https://x/{path}", &with_path, &empty).unwrap(), "https://x");
        let given = BTreeMap::from([("base".to_owned(), "https://example.com/".to_owned())]);
        assert_eq!(expand("{base}", &declared, &given).unwrap(), "https://example.com/");
        assert_eq!(detail(expand("{base}/realms", &declared, &given)), "variables.base ends with a slash too many");
    }
}
