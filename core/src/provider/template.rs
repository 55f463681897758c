//! `{name}` in a provider's URLs: filled in from the registration's variables, and checked before it gets there.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{Error, Reason, Result};

/// What may be put in for one `{name}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    #[serde(default)]
    default: Option<String>,
    form: Form,
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
    /// An absolute URL.
    Url,
}

impl Form {
    fn accepts(self, value: &str) -> bool {
        match self {
            // Nothing that could end the host early (`evil.com/`, `@`, `#`) or that a parser might rewrite (IDN, spaces).
            Self::HostPath => {
                let (host, path) = value.split_once('/').unwrap_or((value, "x"));
                Self::Host.accepts(host) && path.split('/').all(|segment| Self::Segment.accepts(segment))
            }
            Self::Host => {
                let (host, port) = value.rsplit_once(':').map_or((value, None), |(host, port)| (host, Some(port)));
                !host.is_empty()
                    && host.split('.').all(|label| {
                        !label.is_empty()
                            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                            && !label.starts_with('-')
                            && !label.ends_with('-')
                    })
                    && port.is_none_or(|port| port.parse::<u16>().is_ok())
            }
            Self::Segment => {
                !value.is_empty()
                    && value != "."
                    && value != ".."
                    && value
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
            }
            Self::Url => url::Url::parse(value)
                .is_ok_and(|url| url.has_host() && url.username().is_empty() && url.password().is_none()),
        }
    }
}

impl Variable {
    /// Whether a registration has to give it.
    pub(crate) fn is_required(&self) -> bool {
        self.default.is_none()
    }
}

/// The names that a template uses.
pub(crate) fn names(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0))
}

/// Refuses a value for a variable that the provider does not have.
pub(crate) fn check_given(declared: &BTreeMap<String, Variable>, given: &BTreeMap<String, String>) -> Result<()> {
    given
        .keys()
        .find(|name| !declared.contains_key(*name))
        .map_or(Ok(()), |name| Err(problem(name, "is not a variable of this provider")))
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
        let variable = declared.get(name).ok_or_else(|| problem(name, "is not declared"))?;
        let value = given.get(name).or(variable.default.as_ref()).ok_or_else(|| problem(name, "is missing"))?;
        if !variable.form.accepts(value) {
            return Err(problem(name, "is not of the form that the provider needs"));
        }
        expanded.push_str(before);
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
        for good in ["example.com", "login.example.com:8443", "a-b.c"] {
            assert!(Form::Host.accepts(good), "{good}");
        }
        for bad in
            ["evil.com/", "a@b", "..", "a..b", "a b", "bücher.de", "", "a:b", "-a.com", "a%2fb", "a#b", "a?b", "[::1]"]
        {
            assert!(!Form::Host.accepts(bad), "{bad}");
        }
        for bad in ["..", ".", "a/b", "a%2fb", "a b", "", "a?b"] {
            assert!(!Form::Segment.accepts(bad), "{bad}");
        }
        assert!(Form::HostPath.accepts("ghe.example.com/api/v3") && Form::HostPath.accepts("api.github.com"));
        for bad in ["ghe.example.com/", "ghe.example.com//x", "ghe.example.com/../x", "a@b/x", "/x"] {
            assert!(!Form::HostPath.accepts(bad), "{bad}");
        }
        for bad in ["https://user@example.com", "example.com", "mailto:a@b", ""] {
            assert!(!Form::Url.accepts(bad), "{bad}");
        }
    }

    #[test]
    fn an_undeclared_missing_or_unknown_variable_is_named() {
        let declared = BTreeMap::from([("host".to_owned(), Variable { default: None, form: Form::Host })]);
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
    }
}
