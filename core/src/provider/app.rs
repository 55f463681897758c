//! What an app does with a provider: reads one, writes one, shows one.

use std::collections::BTreeMap;

use super::definition::{
    Authorize, BasicRules, DeviceRules, EndSessionRules, Endpoints, Loopback, Provider, ProviderKind, RedirectRules,
    Scopes,
};
use super::issuer::IssuerRule;
use super::profile_map::{EmailPlace, Place, Places, ProfileMap};
use super::requests::Userinfo;
use super::token_rules::{IdTokenRules, RefreshRules, TokenAnswerRules, TokenRequest};
use crate::config::parse_json;
use crate::error::Result;

impl Provider {
    /// Reads a provider from JSON, in the format of the catalogue's files.
    ///
    /// # Errors
    /// [`Configuration`](crate::ErrorKind::Configuration): not JSON, an unknown key, a missing or malformed value; the detail names the key.
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
            aliases: Vec::new(),
            name: None,
            kind: ProviderKind::Oauth2,
            _notes: None,
            variables: BTreeMap::new(),
            issuer: None,
            issuer_rule: IssuerRule::Exact,
            discovery: None,
            endpoints: Endpoints {
                authorization: Some(authorization_endpoint.into()),
                token: Some(token_endpoint.into()),
                userinfo: Some(userinfo_endpoint.into()),
                ..Endpoints::default()
            },
            scopes: Scopes::default(),
            authorize: Authorize::default(),
            redirect: RedirectRules::default(),
            client_auth: Vec::new(),
            basic: BasicRules::default(),
            client_assertion: None,
            token_request: TokenRequest::default(),
            token_answer: TokenAnswerRules::default(),
            id_token: IdTokenRules::default(),
            refresh: RefreshRules::default(),
            userinfo: Userinfo::default(),
            profile: ProfileMap { uid: Places(vec![Place::of(uid)]), ..ProfileMap::default() },
            revocation: None,
            device: DeviceRules::default(),
            end_session: EndSessionRules::default(),
            relaxes: Vec::new(),
        }
    }

    /// Sets the name to show to people.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Where the userinfo answer keeps the user's name: a JSON pointer. Said again, it is the next to look at.
    pub fn name_at(mut self, pointer: impl Into<String>) -> Self {
        self.profile.name.0.push(Place::of(pointer));
        self
    }

    /// Where the userinfo answer keeps the e-mail address: a JSON pointer.
    pub fn email_at(mut self, pointer: impl Into<String>) -> Self {
        self.profile.email = EmailPlace::In(Places(vec![Place::of(pointer)]));
        self
    }

    /// Where the userinfo answer keeps the picture's URL: a JSON pointer.
    pub fn avatar_url_at(mut self, pointer: impl Into<String>) -> Self {
        self.profile.avatar_url.0.push(Place::of(pointer));
        self
    }

    /// Adds a scope to ask for when neither registration nor call names one.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.default.push(scope.into());
        self
    }

    /// Sets the revocation endpoint (RFC 7009).
    pub fn revocation_endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoints.revocation = Some(url.into());
        self
    }

    /// Sets the device authorization endpoint (RFC 8628 section 3.1), for [`Keyfob::begin_device_login`](crate::Keyfob::begin_device_login).
    pub fn device_authorization_endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoints.device_authorization = Some(url.into());
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

    /// Other names that a registration may use for it.
    #[must_use]
    pub fn aliases(&self) -> &[String] {
        &self.aliases
    }

    /// The variables that a registration has to fill in.
    #[must_use]
    pub fn required_variables(&self) -> Vec<&str> {
        self.variables.iter().filter(|(_, variable)| variable.is_required()).map(|(name, _)| name.as_str()).collect()
    }

    /// The scopes that are asked for when neither registration nor call names one.
    #[must_use]
    pub fn default_scopes(&self) -> &[String] {
        &self.scopes.default
    }

    /// Whether the provider takes redirect URIs with a private-use scheme (RFC 8252 section 7.1); `None` where that is not known.
    #[must_use]
    pub fn accepts_custom_scheme(&self) -> Option<bool> {
        self.redirect.custom_scheme
    }

    /// What the provider takes of loopback redirect URIs (RFC 8252 section 7.3); `None` where that is not known.
    #[must_use]
    pub fn accepts_loopback(&self) -> Option<Loopback> {
        self.redirect.loopback
    }
}
