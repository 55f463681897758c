//! What a provider's file says for one registration: checks, variables filled in, endpoints.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::definition::{
    AssertionParameter, Audience, AuthMethod, EmailPlace, EmailRequest, Places, ProfileMap, Provider, ProviderKind,
    RedirectRules, RefreshRules, Relaxed, Revocation, Separator, TokenAnswerRules, TokenRequest,
};
use super::issuer::{Issuer, IssuerRule};
use super::metadata::{Metadata, check_characters, check_endpoint, discovery_url};
use super::template;
use crate::config::{Registration, invalid, is_scope_token};
use crate::error::{Error, Reason, Result};
use crate::http::oauth::OWN_PARAMETERS as TOKEN_PARAMETERS;
use crate::login::authorize::OWN_PARAMETERS as AUTHORIZE_PARAMETERS;
use crate::oidc::jws::{Algorithm, HS256};

impl Provider {
    pub(crate) fn profile(&self) -> &ProfileMap {
        &self.profile
    }

    pub(crate) fn scope_separator(&self) -> Separator {
        self.scopes.separator
    }

    pub(crate) fn authorize_parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.authorize.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn wants_pushed_requests(&self) -> bool {
        self.authorize.pushed
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
                let issuer = issuer.replace("{client_id}", registration.client_id());
                template::expand(&issuer, &self.variables, registration.variables())
            }
            None => Ok(registration.client_id().to_owned()),
        }
    }

    /// Whom the client's token is for, at whichever of the provider's endpoints.
    pub(crate) fn assertion_audience(&self, registration: &Registration, metadata: &Metadata) -> Result<String> {
        let issuer = metadata.issuer.as_ref().map(|issuer| &issuer.name).filter(|name| !name.contains('{'));
        match (self.client_assertion.as_ref().map(|rule| &rule.audience), issuer) {
            (Some(Audience::Url(url)), _) => self.url_for(registration, "client_assertion.audience.url", url),
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

    /// What its ID tokens may be signed with; empty where the metadata says it.
    pub(crate) fn id_token_algorithms(&self) -> &[String] {
        &self.id_token.algorithms
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

    pub(crate) fn email_request(&self) -> Option<&EmailRequest> {
        match &self.profile.email {
            EmailPlace::Asked(request) => Some(request),
            EmailPlace::In(_) => None,
        }
    }

    pub(crate) fn has_issuer_template(&self) -> bool {
        matches!(self.issuer_rule, IssuerRule::Template(_))
    }

    pub(crate) fn answers_to(&self, name: &str) -> bool {
        self.id == name || self.aliases.iter().any(|alias| alias == name)
    }

    /// Everything that one key's type does not say. Details begin with the key.
    pub(crate) fn check(&self) -> Result<()> {
        if self.id.is_empty() {
            return Err(invalid("id", "is empty"));
        }
        let email = match &self.profile.email {
            EmailPlace::In(places) => places.clone(),
            EmailPlace::Asked(request) => {
                self.check_template("profile.email.request", &request.request)?;
                Places(std::iter::once(&request.value).chain(&request.verified).cloned().collect())
            }
        };
        for (key, list) in [
            ("profile.uid", &self.profile.uid),
            ("profile.name", &self.profile.name),
            ("profile.email", &email),
            ("profile.email_verified", &self.profile.email_verified),
            ("profile.avatar_url", &self.profile.avatar_url),
            ("profile.locale", &self.profile.locale),
        ] {
            if list.0.iter().any(|place| !place.starts_with('/') && !place.contains("{/")) {
                return Err(invalid(key, "is not a JSON pointer (RFC 6901)"));
            }
        }
        if self.profile.uid.0.is_empty() {
            return Err(invalid("profile.uid", "is empty"));
        }
        if let Some(problem) = self.refresh.budget.and_then(|budget| budget.problem()) {
            return Err(invalid("refresh.budget", problem));
        }
        self.check_requests()?;
        let known = |name: &String| name == HS256 || Algorithm::from_name(name).is_some();
        if !self.id_token.algorithms.iter().all(known) {
            return Err(invalid("id_token.algorithms", "names an algorithm that is not verified here"));
        }
        let endpoints = &self.endpoints;
        match (self.kind, &self.issuer) {
            (ProviderKind::Oidc, None) => return Err(invalid("issuer", "is missing: an oidc provider is found by it")),
            (ProviderKind::Oauth2, _) => {
                for (key, url) in [
                    ("authorization", &endpoints.authorization),
                    ("token", &endpoints.token),
                    ("userinfo", &endpoints.userinfo),
                ] {
                    if url.is_none() {
                        return Err(invalid(
                            &format!("endpoints.{key}"),
                            "is missing: an oauth2 provider has no discovery",
                        ));
                    }
                }
            }
            (ProviderKind::Oidc, Some(_)) => {
                let both = endpoints.authorization.is_some() && endpoints.token.is_some();
                if both && endpoints.jwks.is_none() {
                    return Err(invalid("endpoints.jwks", "is missing: without discovery nothing else names the keys"));
                }
            }
        }
        for (key, url) in self.urls() {
            self.check_template(key, url)?;
        }
        match self.client_assertion.as_ref().and_then(|rule| rule.issuer.as_deref()) {
            Some("") => Err(invalid("client_assertion.issuer", "is empty")),
            Some(issuer) => self.check_names("client_assertion.issuer", issuer),
            None => Ok(()),
        }
    }

    /// What a file adds to the requests is added: what makes a login safe stays Keyfob's own.
    fn check_requests(&self) -> Result<()> {
        if self.scopes.default.iter().any(|scope| !is_scope_token(scope)) {
            return Err(invalid("scopes.default", "holds a scope that is not of RFC 6749 section 3.3"));
        }
        let own = |names: &BTreeMap<String, String>, own: &[&str]| {
            names.keys().find(|name| name.is_empty() || own.contains(&name.as_str())).cloned()
        };
        let taken = |key: &str, name: &str| Err(invalid(&format!("{key}.{name}"), "is set by Keyfob itself"));
        if let Some(name) = own(&self.authorize.parameters, AUTHORIZE_PARAMETERS) {
            return taken("authorize.parameters", &name);
        }
        if let Some(name) = own(&self.token_request.parameters, TOKEN_PARAMETERS) {
            return taken("token_request.parameters", &name);
        }
        match &self.issuer_rule {
            IssuerRule::Template(template) if !template.contains('{') => {
                Err(invalid("issuer_rule.template", "names no claim"))
            }
            IssuerRule::OneOf(names) if names.is_empty() => Err(invalid("issuer_rule.one_of", "is empty")),
            _ => Ok(()),
        }
    }

    fn urls(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let endpoints = &self.endpoints;
        [
            ("issuer", &self.issuer),
            ("discovery", &self.discovery),
            ("endpoints.authorization", &endpoints.authorization),
            ("endpoints.token", &endpoints.token),
            ("endpoints.userinfo", &endpoints.userinfo),
            ("endpoints.jwks", &endpoints.jwks),
            ("endpoints.revocation", &endpoints.revocation),
            ("endpoints.end_session", &endpoints.end_session),
            ("endpoints.device_authorization", &endpoints.device_authorization),
            ("endpoints.pushed_authorization_request", &endpoints.pushed_authorization_request),
        ]
        .into_iter()
        .filter_map(|(key, url)| Some((key, url.as_deref()?)))
        .chain(self.revocation.as_ref().and_then(|revocation| Some(("revocation.url", revocation.url.as_deref()?))))
        .chain(self.refresh.exchange.as_ref().and_then(|own| Some(("refresh.exchange.url", own.url.as_deref()?))))
        .chain(self.client_assertion.as_ref().and_then(|rule| match &rule.audience {
            Audience::Url(url) => Some(("client_assertion.audience.url", url.as_str())),
            Audience::Issuer | Audience::TokenEndpoint => None,
        }))
    }

    /// A URL without variables can be judged now; one with them when they are known, but they must be declared.
    fn check_template(&self, key: &str, url: &str) -> Result<()> {
        if !url.contains('{') {
            return check_endpoint(key, url);
        }
        self.check_names(key, url)?;
        // The names, and what stands between them.
        url.split(['{', '}']).try_for_each(|part| check_characters(key, part))
    }

    /// Every variable that a text uses is declared.
    fn check_names(&self, key: &str, text: &str) -> Result<()> {
        match template::names(text).find(|name| *name != "client_id" && !self.variables.contains_key(*name)) {
            None => Ok(()),
            Some("") => Err(invalid(key, "has a brace without a name")),
            Some(name) => Err(invalid(key, &format!("uses the variable {name}, which is not declared"))),
        }
    }

    /// A URL of the file with the registration's variables filled in.
    pub(crate) fn url_for(&self, registration: &Registration, key: &str, url: &str) -> Result<String> {
        // The client id is a variable that every registration has.
        let url = url.replace("{client_id}", &percent_encoded(registration.client_id()));
        let url = template::expand(&url, &self.variables, registration.variables())?;
        check_endpoint(key, &url)?;
        Ok(url)
    }

    /// The issuer, with the registration's variables filled in.
    pub(crate) fn issuer_for(&self, registration: &Registration) -> Result<Option<Issuer>> {
        let Some(issuer) = &self.issuer else { return Ok(None) };
        let name = self.url_for(registration, "issuer", issuer)?;
        if name.contains(['?', '#']) {
            return Err(Error::new(Reason::InvalidVariable).with_detail("issuer has a query or a fragment"));
        }
        // A template's own placeholder is a claim, and no variable: the rule stays as it is.
        Ok(Some(Issuer { name, rule: self.issuer_rule.clone() }))
    }

    /// Where the metadata document is; `None` where the file names every endpoint itself.
    pub(crate) fn discovery_for(&self, registration: &Registration) -> Result<Option<(Issuer, String)>> {
        if self.endpoints.authorization.is_some() && self.endpoints.token.is_some() {
            return Ok(None);
        }
        let Some(issuer) = self.issuer_for(registration)? else { return Ok(None) };
        let url = match &self.discovery {
            Some(url) => self.url_for(registration, "discovery", url)?,
            None => discovery_url(&issuer.name),
        };
        Ok(Some((issuer, url)))
    }

    /// Lays the file's own endpoints over what discovery brought, or makes the metadata of them alone.
    pub(crate) fn metadata_for(&self, registration: &Registration, discovered: Option<Metadata>) -> Result<Metadata> {
        let endpoint = |key: &str, url: &Option<String>| -> Result<Option<String>> {
            url.as_deref().map(|url| self.url_for(registration, key, url)).transpose()
        };
        let own = &self.endpoints;
        let missing = |key: &str| invalid(key, "is missing");
        let mut metadata = match discovered {
            Some(discovered) => discovered,
            None => Metadata {
                issuer: self.issuer_for(registration)?,
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
        for (slot, key, url) in [
            (&mut metadata.userinfo_endpoint, "endpoints.userinfo", &own.userinfo),
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
        self.issuer_for(registration)?;
        for (key, url) in self.urls() {
            self.url_for(registration, key, url)?;
        }
        self.check_private_key(registration)?;
        if let Some(request) = self.email_request() {
            self.url_for(registration, "profile.email.request", &request.request)?;
        }
        template::check_given(&self.variables, registration.variables())
    }
}

/// The body of a JSON revocation: `{token}` in its texts becomes the token.
pub(crate) fn with_token(members: &Map<String, Value>, token: &str) -> Value {
    let put = |value: &Value| match value {
        Value::String(text) => Value::String(text.replace("{token}", token)),
        other => other.clone(),
    };
    Value::Object(members.iter().map(|(name, value)| (name.clone(), put(value))).collect())
}

/// A client id in a path: whatever characters it has, it stays one segment.
fn percent_encoded(text: &str) -> String {
    let mut url = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url
}
