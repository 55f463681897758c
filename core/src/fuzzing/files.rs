//! What an app writes: its configuration and its own providers' files.

use std::error::Error as _;

use serde_json::{Value, json};

use super::is_safe;
use super::strict::strict;
use crate::config::{Config, Registration};
use crate::error::{Error, ErrorKind};
use crate::provider::{Provider, check_endpoint};
use crate::session::from_claims;

/// What is put at the end of a text, and must be seen nowhere.
const CANARY: &str = "CANARY7Q";
/// How many texts of one document get it.
const TEXTS: usize = 24;

/// A configuration in JSON.
///
/// What is refused is a configuration error whose words have no value of the text in them, and what is taken prints no secret.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = Config::from_json(text);
    let tree = strict(data);
    assert!(read.is_err() || tree.is_some(), "what is no strict JSON was read");
    if let Err(error) = &read {
        is_about_the_configuration(error);
    }
    let secret = |place: &str| ["/client_secret", "/private_key", "/proxy"].iter().any(|key| place.ends_with(key));
    marked(tree, |place, text| match Config::from_json(text) {
        Ok(config) if secret(place) => assert!(!format!("{config:?} {config:#?}").contains(CANARY), "{place}"),
        Ok(_) => {}
        Err(error) => has_no_value(&error),
    });
}

/// A provider's file.
///
/// What is refused is a configuration error whose words have no value of the text in them; what is taken names, with whatever variables, only URLs that a
/// secret may be sent to, and reads a profile out of whatever claims.
pub fn provider(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let tree = strict(data);
    let read = Provider::from_json(text);
    assert!(read.is_err() || tree.is_some(), "what is no strict JSON was read");
    marked(tree, |_, text| {
        if let Err(error) = Provider::from_json(text) {
            has_no_value(&error);
        }
    });
    match read {
        Ok(provider) => is_usable(&provider),
        Err(error) => is_about_the_configuration(&error),
    }
}

fn is_usable(provider: &Provider) {
    let _ = (provider.display_name(), provider.default_scopes(), provider.aliases());
    for value in ["idp.example", "idp.example:8443/realms/one", "one", "https://idp.example/one", "evil.example/#@", ""]
    {
        let mut registration = Registration::new("r", provider.id(), "client/id?ä#", "com.example.app:/cb");
        for name in provider.required_variables() {
            registration = registration.variable(name, value);
        }
        let checked = provider.check_registration(&registration);
        let discovery = provider.discovery_for(&registration.filling());
        if let Ok(Some((issuer, url))) = &discovery {
            assert!(is_safe(&issuer.name) && check_endpoint("discovery", url).is_ok(), "{url}");
        }
        if let Ok(metadata) = provider.metadata_for(&registration.filling(), None) {
            for endpoint in [Some(&metadata.authorization_endpoint), Some(&metadata.token_endpoint)]
                .into_iter()
                .chain(
                    [&metadata.userinfo_endpoint, &metadata.jwks_uri, &metadata.revocation_endpoint]
                        .map(Option::as_ref),
                )
                .flatten()
            {
                assert!(is_safe(endpoint) && !endpoint.contains("client/id"), "{endpoint}");
            }
        }
        if checked.is_ok() {
            assert!(discovery.is_ok(), "what is wrong is said when the store is opened");
        }
    }
    let claims = json!({
        "sub": "ada", "id": 7, "email": "ada@example.com", "email_verified": "true", "name": "", "a": [{ "": "x" }], "~/": "y"
    });
    if let Value::Object(claims) = claims {
        let profile =
            from_claims(provider, &Registration::new("r", provider.id(), "c", "com.example.app:/cb").filling(), claims);
        assert!(profile.is_none_or(|profile| (1..=255).contains(&profile.uid().len())));
    }
}

fn is_about_the_configuration(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    assert!(!error.is_retryable() && error.oauth().is_none());
}

/// Gives the document again and again, each time with one text in it marked, and the place of that.
fn marked(tree: Option<Value>, mut look: impl FnMut(&str, &str)) {
    let Some(mut tree) = tree else { return };
    let mut places = Vec::new();
    texts(&tree, String::new(), &mut places);
    for place in places.into_iter().take(TEXTS) {
        let Some(Value::String(text)) = tree.pointer_mut(&place) else { continue };
        text.push_str(CANARY);
        let document = tree.to_string();
        if let Some(Value::String(text)) = tree.pointer_mut(&place) {
            text.truncate(text.len() - CANARY.len());
        }
        look(&place, &document);
    }
}

/// The JSON pointers of every text.
fn texts(tree: &Value, at: String, places: &mut Vec<String>) {
    match tree {
        Value::String(_) => places.push(at),
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                texts(element, format!("{at}/{index}"), places);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                texts(value, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), places);
            }
        }
        _ => {}
    }
}

fn has_no_value(error: &Error) {
    is_about_the_configuration(error);
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(&format!("{inner} {inner:?}"));
        source = inner.source();
    }
    assert!(!text.contains(CANARY), "a value is repeated: {text}");
}
