//! The providers that are built in, for a program that lists them.

use crate::{Loopback, Result};

/// What a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum ProviderKind {
    /// OpenID Connect: an issuer, discovery, ID tokens.
    Oidc,
    /// Plain OAuth 2: explicit endpoints, the user's identity from userinfo.
    Oauth2,
}

impl From<keyfob::ProviderKind> for ProviderKind {
    fn from(kind: keyfob::ProviderKind) -> Self {
        match kind {
            keyfob::ProviderKind::Oidc => Self::Oidc,
            // The enum of the core may grow, and the test of coverage says so: plain OAuth 2 promises the least.
            _ => Self::Oauth2,
        }
    }
}

/// A provider that Keyfob knows. Holds no secret.
#[derive(Clone, Debug, uniffi::Record)]
pub struct Provider {
    /// The id, for the `provider` of a registration.
    pub id: String,
    /// The name, to show to people.
    pub display_name: String,
    /// What it speaks.
    pub kind: ProviderKind,
    /// Other names that a registration may use for it.
    pub aliases: Vec<String>,
    /// The variables that a registration has to fill in.
    pub required_variables: Vec<String>,
    /// The scopes that are asked for when nobody names one.
    pub default_scopes: Vec<String>,
    /// Whether it takes redirect URIs with a private-use scheme, where that is known.
    pub accepts_custom_scheme: Option<bool>,
    /// What it takes of loopback redirect URIs, where that is known.
    pub accepts_loopback: Option<Loopback>,
}

impl From<&keyfob::Provider> for Provider {
    fn from(provider: &keyfob::Provider) -> Self {
        Self {
            id: provider.id().to_owned(),
            display_name: provider.display_name().to_owned(),
            kind: provider.kind().into(),
            aliases: provider.aliases().to_vec(),
            required_variables: provider.required_variables().into_iter().map(str::to_owned).collect(),
            default_scopes: provider.default_scopes().to_vec(),
            accepts_custom_scheme: provider.accepts_custom_scheme(),
            accepts_loopback: provider.accepts_loopback().map(Loopback::from),
        }
    }
}

/// The providers that are built in, by id. Touches neither network nor store.
#[uniffi::export]
pub fn providers() -> Result<Vec<Provider>> {
    Ok(keyfob::providers().iter().map(Provider::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No built-in provider has other names, or says one thing about redirect URIs and not the other.
    #[test]
    fn other_names_and_what_is_known_in_part_cross_too() {
        let file = r#"{ "id": "acme", "aliases": ["acme-eu", "acme-us"], "kind": "oidc", "issuer": "https://acme.example",
            "redirect": { "loopback": "none" }, "profile": { "uid": "/sub" } }"#;
        let provider = Provider::from(&keyfob::Provider::from_json(file).unwrap());
        assert_eq!(provider.aliases, ["acme-eu", "acme-us"]);
        assert_eq!(provider.display_name, "acme");
        assert_eq!((provider.accepts_custom_scheme, provider.accepts_loopback), (None, Some(Loopback::None)));
    }
}
