//! What counts as a provider's issuer: byte for byte one name, save where its file says otherwise.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A rule from the provider's file. What a metadata document and an ID token may call themselves.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IssuerRule {
    /// The issuer itself and nothing else.
    #[default]
    Exact,
    /// One of several spellings of the same issuer (Google, Apple).
    OneOf(Vec<String>),
    /// A text with one `{claim}`: the ID token's own claim of that name is put in before comparing (Microsoft's `{tid}`). A metadata document
    /// may have any placeholder, or a value, in that place.
    Template(String),
}

/// An issuer and its rule. Pinned to a login.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub(crate) struct Issuer {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) rule: IssuerRule,
}

impl Issuer {
    #[cfg(test)]
    pub(crate) fn exact(name: &str) -> Self {
        Self { name: name.to_owned(), rule: IssuerRule::Exact }
    }

    /// Whether a document or a redirect that calls itself so is this issuer's. What cannot be known without a token (which tenant) is left open.
    pub(crate) fn may_be(&self, claimed: &str) -> bool {
        match &self.rule {
            IssuerRule::Exact => self.name == claimed,
            IssuerRule::OneOf(names) => names.iter().any(|name| name == claimed),
            IssuerRule::Template(template) => match around_placeholder(template) {
                Some((before, _, after)) => claimed
                    .strip_prefix(before)
                    .and_then(|rest| rest.strip_suffix(after))
                    .is_some_and(|middle| !middle.is_empty() && !middle.contains(['/', '?', '#'])),
                None => template == claimed,
            },
        }
    }

    /// This issuer as a metadata document that may be its own names it: one without a placeholder is one tenant's, and then no other tenant counts.
    pub(crate) fn named_by(&self, document: &str) -> Self {
        let rule = match &self.rule {
            IssuerRule::Template(_) if !document.contains('{') => IssuerRule::OneOf(vec![document.to_owned()]),
            rule => rule.clone(),
        };
        Self { name: self.name.clone(), rule }
    }

    /// Whether two ID tokens that name these are of the same issuer.
    pub(crate) fn same(&self, one: &str, other: &str) -> bool {
        let spelling =
            |name: &str| matches!(&self.rule, IssuerRule::OneOf(names) if names.iter().any(|known| known == name));
        one == other || (spelling(one) && spelling(other))
    }

    /// Whether an ID token with these claims names this issuer.
    pub(crate) fn is(&self, claimed: &str, claims: &Map<String, Value>) -> bool {
        let IssuerRule::Template(template) = &self.rule else { return self.may_be(claimed) };
        let Some((before, claim, after)) = around_placeholder(template) else { return template == claimed };
        claims
            .get(claim)
            .and_then(Value::as_str)
            .is_some_and(|value| self.may_be(claimed) && format!("{before}{value}{after}") == claimed)
    }
}

fn around_placeholder(template: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = template.split_once('{')?;
    let (claim, after) = rest.split_once('}')?;
    Some((before, claim, after))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn an_exact_issuer_is_compared_byte_for_byte() {
        let issuer = Issuer::exact("https://idp.example/");
        assert!(issuer.may_be("https://idp.example/"));
        for other in ["https://idp.example", "https://IDP.example/", "https://idp.example//", ""] {
            assert!(!issuer.may_be(other) && !issuer.is(other, &Map::new()), "{other}");
        }
    }

    #[test]
    fn one_of_several_spellings_is_enough_and_no_other_is() {
        let rule = IssuerRule::OneOf(vec!["https://accounts.google.com".into(), "accounts.google.com".into()]);
        let issuer = Issuer { name: "https://accounts.google.com".into(), rule };
        assert!(issuer.is("accounts.google.com", &Map::new()));
        assert!(!issuer.is("https://accounts.google.com.evil.example", &Map::new()));
        assert!(issuer.same("accounts.google.com", "https://accounts.google.com"));
        assert!(!issuer.same("accounts.google.com", "https://evil.example"));
    }

    #[test]
    fn a_template_takes_the_token_s_own_tenant_and_nothing_that_reaches_further() {
        let rule = IssuerRule::Template("https://login.example/{tid}/v2.0".into());
        let issuer = Issuer { name: "https://login.example/common/v2.0".into(), rule };
        assert!(issuer.may_be("https://login.example/{tenantid}/v2.0"), "as the metadata has it");
        assert!(issuer.is("https://login.example/t-1/v2.0", &claims(&json!({"tid": "t-1"}))));
        for (claimed, tid) in [
            ("https://login.example/t-1/v2.0", json!({"tid": "t-2"})),
            ("https://login.example/t-1/v2.0", json!({})),
            ("https://login.example/a/b/v2.0", json!({"tid": "a/b"})),
            ("https://evil.example/t-1/v2.0", json!({"tid": "t-1"})),
            ("https://login.example//v2.0", json!({"tid": ""})),
        ] {
            assert!(!issuer.is(claimed, &claims(&tid)), "{claimed} {tid}");
        }
        let everybody = issuer.named_by("https://login.example/{tenantid}/v2.0");
        let one = issuer.named_by("https://login.example/t-1/v2.0");
        for (tenant, of_the_one) in [("t-1", true), ("t-2", false)] {
            let claimed = format!("https://login.example/{tenant}/v2.0");
            assert!(everybody.is(&claimed, &claims(&json!({ "tid": tenant }))));
            assert_eq!(one.is(&claimed, &claims(&json!({ "tid": tenant }))), of_the_one, "{tenant}");
        }
    }
}
