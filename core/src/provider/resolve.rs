//! What a provider's file says for one registration: variables filled in, endpoints.

use std::collections::BTreeMap;

use super::check::has_words;
use super::definition::{
    AssertionParameter, Audience, AuthMethod, Authorize, BasicRules, DeviceRules, EndSessionRules, Provider,
    RedirectRules, Relaxed, Separator,
};
use super::issuer::{Issuer, IssuerRule};
use super::metadata::{Metadata, check_endpoint, discovery_url};
use super::profile_map::{EmailList, EmailPlace, ProfileMap, Source};
use super::requests::{Revocation, Userinfo};
use super::template;
use super::token_rules::{IdTokenRules, RefreshRules, TokenAnswerRules, TokenRequest};
use super::values::{Filling, percent_encoded};
use crate::config::{Registration, invalid};
use crate::error::{Error, Reason, Result};

impl Provider {
    pub(crate) fn profile(&self) -> &ProfileMap {
        &self.profile
    }

    pub(crate) fn scope_separator(&self) -> Separator {
        self.scopes.separator
    }

    pub(crate) fn authorize(&self) -> &Authorize {
        &self.authorize
    }

    /// The provider's own authorization parameters, filled in.
    pub(crate) fn authorize_parameters(&self, filling: &Filling<'_>) -> Result<Vec<(String, String)>> {
        self.filled(&self.authorize.parameters, filling)
    }

    /// Texts with the registration's variables filled in.
    pub(crate) fn filled(
        &self,
        texts: &BTreeMap<String, String>,
        filling: &Filling<'_>,
    ) -> Result<Vec<(String, String)>> {
        texts.iter().map(|(name, text)| Ok((name.clone(), self.text_for(filling, text)?))).collect()
    }

    /// A text with the registration's variables filled in.
    pub(crate) fn text_for(&self, filling: &Filling<'_>, text: &str) -> Result<String> {
        // JSON has braces of its own: what names no variable stays.
        let mut filled = text.replace("{client_id}", filling.client_id);
        for name in self.variables.keys() {
            let braced = format!("{{{name}}}");
            if filled.contains(&braced) {
                filled = filled.replace(&braced, template::value(name, &self.variables, &filling.variables)?);
            }
        }
        Ok(filled)
    }

    /// What stands in requests for the redirect URI.
    pub(crate) fn redirect_alias(&self, filling: &Filling<'_>) -> Result<Option<String>> {
        self.authorize.redirect_uri.as_deref().map(|alias| self.text_for(filling, alias)).transpose()
    }

    pub(crate) fn wants_pushed_requests(&self) -> bool {
        self.authorize.pushed
    }

    pub(crate) fn device(&self) -> &DeviceRules {
        &self.device
    }

    pub(crate) fn end_session(&self) -> &EndSessionRules {
        &self.end_session
    }

    pub(crate) fn basic(&self) -> BasicRules {
        self.basic
    }

    pub(crate) fn userinfo(&self) -> &Userinfo {
        &self.userinfo
    }

    /// Whether claims are taken from there.
    pub(crate) fn takes_from(&self, source: Source) -> bool {
        match &self.profile.sources {
            None => matches!(source, Source::IdToken | Source::Userinfo),
            Some(sources) => sources.contains(&source),
        }
    }

    pub(crate) fn id_token(&self) -> &IdTokenRules {
        &self.id_token
    }

    pub(crate) fn redirect_rules(&self) -> &RedirectRules {
        &self.redirect
    }

    pub(crate) fn client_auth(&self) -> &[AuthMethod] {
        &self.client_auth
    }

    /// Where the client's token stands.
    pub(crate) fn assertion_parameter(&self) -> AssertionParameter {
        self.client_assertion.as_ref().map(|rule| rule.parameter).unwrap_or_default()
    }

    /// Who signs the client's token: the client, save where the file names somebody else.
    pub(crate) fn assertion_issuer(&self, registration: &Registration) -> Result<String> {
        match self.client_assertion.as_ref().and_then(|rule| rule.issuer.as_deref()) {
            Some(issuer) => {
                template::check_given(&self.variables, registration.variables())?;
                self.text_for(&registration.filling(), issuer)
            }
            None => Ok(registration.client_id().to_owned()),
        }
    }

    /// Whom the client's token is for, at whichever of the provider's endpoints.
    pub(crate) fn assertion_audience(&self, registration: &Registration, metadata: &Metadata) -> Result<String> {
        let issuer = metadata.issuer.as_ref().map(|issuer| &issuer.name).filter(|name| !name.contains('{'));
        match (self.client_assertion.as_ref().map(|rule| &rule.audience), issuer) {
            (Some(Audience::Url(url)), _) => {
                self.url_for(&registration.filling(), "client_assertion.audience.url", url)
            }
            (None | Some(Audience::Issuer), Some(issuer)) => Ok(issuer.clone()),
            (None | Some(Audience::Issuer | Audience::TokenEndpoint), _) => Ok(metadata.token_endpoint.clone()),
        }
    }

    /// Whether a private key is what this provider takes.
    fn check_private_key(&self, registration: &Registration) -> Result<()> {
        let Some(key) = registration.signing_key()? else { return Ok(()) };
        let rule = self.client_assertion.as_ref();
        if rule.is_none() && !self.client_auth.is_empty() && !self.client_auth.contains(&AuthMethod::PrivateKeyJwt) {
            return Err(invalid("private_key", &format!("is nothing that the provider {} takes", self.id)));
        }
        let algorithm = registration.signs_with(&key);
        if let Some(wanted) = rule.and_then(|rule| rule.algorithm).filter(|wanted| *wanted != algorithm) {
            return Err(invalid("private_key", &format!("is not for {}, which the provider wants", wanted.name())));
        }
        if rule.is_some_and(|rule| rule.needs_key_id) && registration.kid().is_none() {
            return Err(invalid("key_id", "is missing: the provider finds the private_key by it"));
        }
        self.assertion_issuer(registration).map(drop)
    }

    pub(crate) fn token_request(&self) -> &TokenRequest {
        &self.token_request
    }

    pub(crate) fn token_answer(&self) -> &TokenAnswerRules {
        &self.token_answer
    }

    pub(crate) fn refresh_rules(&self) -> &RefreshRules {
        &self.refresh
    }

    /// Whether revoking one token may end every session of that user with this app.
    pub(crate) fn revokes_whole_grant(&self) -> bool {
        self.revocation.as_ref().is_none_or(|revocation| revocation.whole_grant)
    }

    pub(crate) fn revocation(&self) -> Option<&Revocation> {
        self.revocation.as_ref()
    }

    pub(crate) fn relaxes(&self, rule: Relaxed) -> bool {
        self.relaxes.contains(&rule)
    }

    /// The list of addresses that is asked for by a request of its own, and where.
    pub(crate) fn email_request(&self) -> Option<(&EmailList, &str)> {
        match &self.profile.email {
            EmailPlace::Listed(list) => list.request.as_deref().map(|url| (list, url)),
            EmailPlace::In(_) => None,
        }
    }

    pub(crate) fn has_issuer_template(&self) -> bool {
        matches!(self.issuer_rule, IssuerRule::Template(_))
    }

    pub(crate) fn answers_to(&self, name: &str) -> bool {
        self.id == name || self.aliases.iter().any(|alias| alias == name)
    }

    /// A URL of the file with the registration's variables filled in.
    pub(crate) fn url_for(&self, filling: &Filling<'_>, key: &str, url: &str) -> Result<String> {
        // The client id is a variable that every registration has.
        let url = url.replace("{client_id}", &percent_encoded(filling.client_id));
        let url = template::expand(&url, &self.variables, &filling.variables)?;
        check_endpoint(key, &url)?;
        Ok(url)
    }

    /// The issuer, with the registration's variables filled in.
    pub(crate) fn issuer_for(&self, filling: &Filling<'_>) -> Result<Option<Issuer>> {
        let Some(issuer) = &self.issuer else { return Ok(None) };
        let name = self.url_for(filling, "issuer", issuer)?;
        if name.contains(['?', '#']) {
            return Err(Error::new(Reason::InvalidVariable).with_detail("issuer has a query or a fragment"));
        }
        let rule = match &self.issuer_rule {
            IssuerRule::OneOf(names) => {
                IssuerRule::OneOf(names.iter().map(|name| self.text_for(filling, name)).collect::<Result<_>>()?)
            }
            // A template's own placeholder is a claim, and no variable: the rule stays as it is.
            other => other.clone(),
        };
        Ok(Some(Issuer { name, rule }))
    }

    /// Where the metadata document is; `None` where the file names every endpoint itself.
    pub(crate) fn discovery_for(&self, filling: &Filling<'_>) -> Result<Option<(Issuer, String)>> {
        if self.endpoints.authorization.is_some() && self.endpoints.token.is_some() {
            return Ok(None);
        }
        let Some(issuer) = self.issuer_for(filling)? else { return Ok(None) };
        let url = match &self.discovery {
            Some(url) => self.url_for(filling, "discovery", url)?,
            None => discovery_url(&issuer.name),
        };
        Ok(Some((issuer, url)))
    }

    /// Lays the file's own endpoints over what discovery brought, or makes the metadata of them alone.
    pub(crate) fn metadata_for(&self, filling: &Filling<'_>, discovered: Option<Metadata>) -> Result<Metadata> {
        let endpoint = |key: &str, url: &Option<String>| -> Result<Option<String>> {
            url.as_deref().map(|url| self.url_for(filling, key, url)).transpose()
        };
        let own = &self.endpoints;
        let missing = |key: &str| invalid(key, "is missing");
        let mut metadata = match discovered {
            Some(discovered) => discovered,
            None => Metadata {
                issuer: self.issuer_for(filling)?,
                authorization_endpoint: endpoint("endpoints.authorization", &own.authorization)?
                    .ok_or_else(|| missing("endpoints.authorization"))?,
                token_endpoint: endpoint("endpoints.token", &own.token)?.ok_or_else(|| missing("endpoints.token"))?,
                userinfo_endpoint: None,
                jwks_uri: None,
                revocation_endpoint: None,
                end_session_endpoint: None,
                device_authorization_endpoint: None,
                pushed_authorization_request_endpoint: None,
                require_pushed_authorization_requests: false,
                iss_parameter: false,
                token_auth_methods: Vec::new(),
                id_token_algorithms: Vec::new(),
            },
        };
        if let Some(url) = endpoint("endpoints.authorization", &own.authorization)? {
            metadata.authorization_endpoint = url;
        }
        if let Some(url) = endpoint("endpoints.token", &own.token)? {
            metadata.token_endpoint = url;
        }
        match own.userinfo.as_deref() {
            // What is of a session is put in when there is one.
            Some(url) if has_words(url) => metadata.userinfo_endpoint = Some(self.text_for(filling, url)?),
            _ => {
                if let Some(url) = endpoint("endpoints.userinfo", &own.userinfo)? {
                    metadata.userinfo_endpoint = Some(url);
                }
            }
        }
        for (slot, key, url) in [
            (&mut metadata.jwks_uri, "endpoints.jwks", &own.jwks),
            (&mut metadata.revocation_endpoint, "endpoints.revocation", &own.revocation),
            (&mut metadata.end_session_endpoint, "endpoints.end_session", &own.end_session),
            (&mut metadata.device_authorization_endpoint, "endpoints.device_authorization", &own.device_authorization),
            (
                &mut metadata.pushed_authorization_request_endpoint,
                "endpoints.pushed_authorization_request",
                &own.pushed_authorization_request,
            ),
        ] {
            if let Some(url) = endpoint(key, url)? {
                *slot = Some(url);
            }
        }
        Ok(metadata)
    }

    /// Says now what would otherwise fail at the first login: a missing or malformed variable.
    pub(crate) fn check_registration(&self, registration: &Registration) -> Result<()> {
        let filling = registration.filling();
        template::check_given(&self.variables, registration.variables())?;
        self.issuer_for(&filling)?;
        for (key, url) in self.urls() {
            self.url_for(&filling, key, url)?;
        }
        // Those that stand in texts alone; what only a key's token says is checked with the key.
        let of_key = self.client_assertion.as_ref().and_then(|rule| rule.issuer.as_deref()).unwrap_or_default();
        for name in self.variables.keys().filter(|name| !of_key.contains(&format!("{{{name}}}"))) {
            template::value(name, &self.variables, registration.variables())?;
        }
        self.check_private_key(registration)
    }
}
