//! What a program can show of the catalogue.

use keyfob::{Loopback, ProviderKind, providers};

#[test]
fn the_catalogue_is_listed_with_what_a_program_shows_of_it() {
    let all = providers();
    assert!(all.is_sorted_by_key(keyfob::Provider::id));
    for provider in &all {
        assert!(!provider.display_name().is_empty() && !provider.display_name().contains('_'), "a name for people");
    }
    let of = |id: &str| all.iter().find(|provider| provider.id() == id).unwrap();
    assert_eq!(of("paypal_sandbox").aliases(), ["paypalSandbox"], "Appwrite's names are names here too");
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
