//! A provider's file: pure data, from the catalogue or written by the app.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::metadata::{Metadata, check_endpoint};
use super::template;
use crate::config::{Registration, invalid, parse_json};
use crate::error::{Error, Reason, Result};

/// What a provider speaks.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ProviderKind {
    /// OpenID Connect: an issuer, discovery, ID tokens.
    Oidc,
    /// Plain OAuth 2: explicit endpoints, the user's identity from userinfo.
    Oauth2,
}

/// An identity provider: endpoints, defaults and where its profile keeps things. Pure data.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use]
pub struct Provider {
    id: String,
    #[serde(default)]
    name: Option<String>,
    kind: ProviderKind,
    #[serde(default)]
    variables: BTreeMap<String, template::Variable>,
    #[serde(default)]
    issuer: Option<String>,
    #[serde(default)]
    endpoints: Option<Endpoints>,
    #[serde(default)]
    scopes: Scopes,
    #[serde(default)]
    refresh: RefreshRules,
    profile: ProfileMap,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Endpoints {
    authorization: String,
    token: String,
    userinfo: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scopes {
    #[serde(default)]
    default: Vec<String>,
}

/// Error codes of the token endpoint that mean more than RFC 6749 says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshRules {
    /// Codes beside `invalid_grant` that mean: the refresh token is dead.
    #[serde(default)]
    pub(crate) dead: Vec<String>,
    /// Codes that mean: not now, nothing was spent.
    #[serde(default)]
    pub(crate) transient: Vec<String>,
}

/// Where the profile keeps things: JSON pointers (RFC 6901); of several the first that is not empty counts.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileMap {
    pub(crate) uid: Pointers,
    #[serde(default)]
    pub(crate) name: Pointers,
    #[serde(default)]
    pub(crate) email: Pointers,
    #[serde(default)]
    pub(crate) email_verified: Pointers,
    #[serde(default)]
    pub(crate) avatar_url: Pointers,
    #[serde(default)]
    pub(crate) locale: Pointers,
}

#[derive(Debug, Default, Deserialize)]
#[serde(from = "OneOrMany")]
pub(crate) struct Pointers(pub(crate) Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for Pointers {
    fn from(either: OneOrMany) -> Self {
        match either {
            OneOrMany::One(pointer) => Self(vec![pointer]),
            OneOrMany::Many(pointers) => Self(pointers),
        }
    }
}

impl Provider {
    /// Reads a provider from JSON, in the format of the catalogue's files.
    ///
    /// # Errors
    /// [`Configuration`](crate::ErrorKind::Configuration): not JSON, an unknown key, a missing or malformed value.
    pub fn from_json(text: &str) -> Result<Self> {
        let provider: Self = parse_json(text)?;
        provider.check()?;
        Ok(provider)
    }

    /// A plain OAuth 2 provider by its endpoints. `uid` is a JSON pointer (RFC 6901) to the user's lasting id in the userinfo answer,
    /// for instance `/id`.
    pub fn oauth2(
        id: impl Into<String>,
        authorization_endpoint: impl Into<String>,
        token_endpoint: impl Into<String>,
        userinfo_endpoint: impl Into<String>,
        uid: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            name: None,
            kind: ProviderKind::Oauth2,
            variables: BTreeMap::new(),
            issuer: None,
            endpoints: Some(Endpoints {
                authorization: authorization_endpoint.into(),
                token: token_endpoint.into(),
                userinfo: userinfo_endpoint.into(),
            }),
            scopes: Scopes::default(),
            refresh: RefreshRules::default(),
            profile: ProfileMap { uid: Pointers(vec![uid.into()]), ..ProfileMap::default() },
        }
    }

    /// Sets the name to show to people.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Where the userinfo answer keeps the user's name: a JSON pointer. Said again, it is the next to look at.
    pub fn name_at(mut self, pointer: impl Into<String>) -> Self {
        self.profile.name.0.push(pointer.into());
        self
    }

    /// Where the userinfo answer keeps the e-mail address: a JSON pointer.
    pub fn email_at(mut self, pointer: impl Into<String>) -> Self {
        self.profile.email.0.push(pointer.into());
        self
    }

    /// Where the userinfo answer keeps the picture's URL: a JSON pointer.
    pub fn avatar_url_at(mut self, pointer: impl Into<String>) -> Self {
        self.profile.avatar_url.0.push(pointer.into());
        self
    }

    /// Adds a scope to ask for when neither registration nor call names one.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.default.push(scope.into());
        self
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name to show to people; the id where there is none.
    #[must_use]
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }

    /// What the provider speaks.
    #[must_use]
    pub fn kind(&self) -> ProviderKind {
        self.kind
    }

    pub(crate) fn profile(&self) -> &ProfileMap {
        &self.profile
    }

    pub(crate) fn default_scopes(&self) -> &[String] {
        &self.scopes.default
    }

    pub(crate) fn refresh_rules(&self) -> &RefreshRules {
        &self.refresh
    }

    /// The built-in providers, by id.
    pub(crate) fn built_in(id: &str) -> Option<Result<Self>> {
        match id {
            "oidc" => Some(Self::from_json(include_str!("../../providers/oidc.json"))),
            _ => None,
        }
    }

    /// Everything that one key's type does not say. Details begin with the key.
    pub(crate) fn check(&self) -> Result<()> {
        if self.id.is_empty() {
            return Err(invalid("id", "is empty"));
        }
        let pointers = [
            ("profile.uid", &self.profile.uid),
            ("profile.name", &self.profile.name),
            ("profile.email", &self.profile.email),
            ("profile.email_verified", &self.profile.email_verified),
            ("profile.avatar_url", &self.profile.avatar_url),
            ("profile.locale", &self.profile.locale),
        ];
        for (key, list) in pointers {
            if list.0.iter().any(|pointer| !pointer.starts_with('/')) {
                return Err(invalid(key, "is not a JSON pointer (RFC 6901)"));
            }
        }
        if self.profile.uid.0.is_empty() {
            return Err(invalid("profile.uid", "is empty"));
        }
        match (self.kind, &self.issuer, &self.endpoints) {
            (ProviderKind::Oidc, None, _) => Err(invalid("issuer", "is missing: an oidc provider is found by it")),
            (ProviderKind::Oidc, Some(_), Some(_)) => Err(invalid("endpoints", "are discovered for an oidc provider")),
            (ProviderKind::Oauth2, _, None) => {
                Err(invalid("endpoints", "are missing: an oauth2 provider has no discovery"))
            }
            (ProviderKind::Oauth2, _, Some(endpoints)) => {
                for (key, url) in [
                    ("endpoints.authorization", &endpoints.authorization),
                    ("endpoints.token", &endpoints.token),
                    ("endpoints.userinfo", &endpoints.userinfo),
                ] {
                    if !url.contains('{') {
                        check_endpoint(key, url)?;
                    }
                }
                Ok(())
            }
            (ProviderKind::Oidc, Some(_), None) => Ok(()),
        }
    }

    /// The issuer that discovery starts from, with the registration's variables filled in.
    pub(crate) fn issuer_for(&self, registration: &Registration) -> Result<Option<String>> {
        let Some(issuer) = &self.issuer else { return Ok(None) };
        let issuer = template::expand(issuer, &self.variables, registration.variables())?;
        check_endpoint("issuer", &issuer)?;
        if issuer.contains(['?', '#']) {
            return Err(Error::new(Reason::InvalidVariable).with_detail("issuer has a query or a fragment"));
        }
        Ok(Some(issuer))
    }

    /// The endpoints, where the file itself names them.
    pub(crate) fn explicit_metadata(&self, registration: &Registration) -> Result<Option<Metadata>> {
        let Some(endpoints) = &self.endpoints else { return Ok(None) };
        let expand = |key: &str, url: &str| {
            let url = template::expand(url, &self.variables, registration.variables())?;
            check_endpoint(key, &url)?;
            Ok::<_, Error>(url)
        };
        Ok(Some(Metadata {
            issuer: self.issuer_for(registration)?,
            authorization_endpoint: expand("endpoints.authorization", &endpoints.authorization)?,
            token_endpoint: expand("endpoints.token", &endpoints.token)?,
            userinfo_endpoint: Some(expand("endpoints.userinfo", &endpoints.userinfo)?),
            jwks_uri: None,
            iss_parameter: false,
            token_auth_methods: Vec::new(),
        }))
    }
}
