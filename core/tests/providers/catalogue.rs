//! What a program can show of the catalogue.

use keyfob::{Loopback, ProviderKind, providers};

#[test]
fn the_catalogue_is_listed_with_what_a_program_shows_of_it() {
    let all = providers();
    let ids: Vec<&str> = all.iter().map(keyfob::Provider::id).collect();
    assert_eq!(ids, ["apple", "auth0", "discord", "github", "gitlab", "google", "keycloak", "microsoft", "oidc"]);
    for provider in &all {
        assert_ne!(provider.display_name(), provider.id(), "a name for people");
        assert!(!provider.default_scopes().is_empty(), "{}", provider.id());
        assert!(provider.accepts_loopback().is_some() || provider.id() == "oidc", "{}", provider.id());
        assert_eq!(provider.accepts_custom_scheme().is_some(), provider.accepts_loopback().is_some());
    }
    let of = |id: &str| all.iter().find(|provider| provider.id() == id).unwrap();
    assert_eq!(of("github").kind(), ProviderKind::Oauth2);
    assert_eq!(
        (of("google").accepts_custom_scheme(), of("google").accepts_loopback()),
        (Some(false), Some(Loopback::AnyPort))
    );
    assert_eq!(of("auth0").required_variables(), ["domain"]);
    assert_eq!(of("keycloak").required_variables(), ["base_url"], "a realm has a default");
    assert!(of("microsoft").required_variables().is_empty());
    assert_eq!(of("discord").default_scopes(), ["identify", "email"]);
}
