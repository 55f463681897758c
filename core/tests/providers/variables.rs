//! What a registration fills into a provider's URLs cannot lead elsewhere.

use keyfob::{Config, Error, Keyfob, Reason, Registration};

use crate::bench::registration;
use crate::support::Temp;

fn refused(registration: Registration) -> Error {
    let temp = Temp::new();
    let config = Config::builder(temp.store()).plaintext(true).registration(registration).build().unwrap();
    let error = Keyfob::open(config).unwrap_err();
    assert!(!temp.store().exists(), "said before there is a store");
    error
}

/// (provider, variable, what the others need)
const HOSTS: &[(&str, &str)] = &[("gitlab", "host"), ("github", "host"), ("auth0", "domain")];

const BAD_HOSTS: &[&str] = &[
    "",
    " ",
    "evil.com/",
    "evil.com/x",
    "evil.com#",
    "evil.com?",
    "a@evil.com",
    "gitlab.com@evil.com",
    "..",
    "a..b",
    ".a",
    "a.",
    "a b",
    "a\tb",
    "a\nb",
    "a\\b",
    "evil.com\\",
    "%65vil.com",
    "a%2fb",
    "a:b",
    "a:+80",
    "a:",
    "a:99999",
    "https://evil.com",
    "//evil.com",
    "{host}",
    "{client_id}",
    "bücher.example",
    "аpple.com",
    "gitlab。com",
    "gitlab.com\u{200b}",
    "0x7f.1",
    "2130706433",
    "[::1]",
    "-a.com",
];

const BAD_SEGMENTS: &[&str] =
    &["", ".", "..", "a/b", "../x", "a\\b", "a b", "a%2fb", "%2e%2e", "a?b", "a#b", "a@b", "ä", "{tid}", "a\n"];

const BAD_URLS: &[&str] = &[
    "",
    "login.example.com",
    "ftp://login.example.com",
    "javascript:alert(1)",
    "https://",
    "https:///x",
    "https://a@login.example.com",
    "https://login.example.com@evil.com",
    "https://login.example.com\\@evil.com",
    "https://login.example.com?x=y",
    "https://login.example.com#x",
    "https://login.example.com/../x",
    "https://login.example.com/%2e%2e/x",
    "https://login.example.com/a b",
    " https://login.example.com",
    "https://login.example.com ",
    "https://bücher.example",
    "https://аpple.com",
    "https://login.example.com//x",
    "https://{host}",
];

fn check(provider: &str, variable: &str, bad: &[&str], all: &dyn Fn(Registration) -> Registration) {
    for value in bad {
        let error = refused(all(registration(provider)).variable(variable, *value));
        assert_eq!(error.reason(), Reason::InvalidVariable, "{provider} {value:?}: {error:?}");
        let detail = error.detail().unwrap();
        assert!(detail.starts_with(&format!("variables.{variable} ")), "{provider} {value:?}: {detail}");
        assert!(value.len() < 6 || !detail.contains(value), "{detail} quotes the value");
    }
}

#[test]
fn a_host_that_is_more_or_less_than_one_is_refused_by_the_variable_s_name() {
    for (provider, variable) in HOSTS {
        check(provider, variable, BAD_HOSTS, &|registration| registration);
    }
    let bad: Vec<&str> = BAD_HOSTS.iter().copied().filter(|value| *value != "evil.com/x").collect();
    check("github", "api_base", &bad, &|registration| registration);
}

#[test]
fn a_segment_that_leaves_its_place_is_refused_by_the_variable_s_name() {
    check("microsoft", "tenant", BAD_SEGMENTS, &|registration| registration);
    check("keycloak", "realm", BAD_SEGMENTS, &|registration| registration.variable("base_url", "https://sso.example"));
}

#[test]
fn an_address_that_a_parser_would_rewrite_is_refused_by_the_variable_s_name() {
    check("oidc", "issuer", BAD_URLS, &|registration| registration);
    check("keycloak", "base_url", BAD_URLS, &|registration| registration);
    check("keycloak", "base_url", &["https://sso.example/"], &|registration| registration);
}

#[test]
fn an_address_without_tls_a_variable_too_many_and_one_too_few_are_errors_of_their_own() {
    let error = refused(registration("oidc").variable("issuer", "http://login.example.com"));
    assert_eq!((error.reason(), error.detail()), (Reason::InsecureEndpoint, Some("issuer")));
    let error = refused(registration("google").variable("tenant", "x"));
    assert_eq!(error.reason(), Reason::InvalidVariable);
    assert_eq!(error.detail(), Some("variables.tenant is not a variable of this provider"));
    for (provider, variable) in [("auth0", "domain"), ("oidc", "issuer"), ("keycloak", "base_url")] {
        let error = refused(registration(provider));
        assert_eq!(error.detail(), Some(format!("variables.{variable} is missing").as_str()));
    }
}
