//! What a provider's file must be, beyond what the types of its keys say. Details begin with the key.

use std::collections::BTreeMap;

use super::definition::{Audience, CodeChallenge, Provider, ProviderKind, Relaxed};
use super::issuer::IssuerRule;
use super::metadata::{check_characters, check_endpoint};
use super::profile_map::{EmailPlace, EntryVouched, Place, Places, Source, Vouched};
use super::template;
use super::token_rules::{Fields, TokenMethod};
use super::values::is_word;
use crate::config::{invalid, is_scope_token};
use crate::error::Result;
use crate::http::oauth::OWN_PARAMETERS as TOKEN_PARAMETERS;
use crate::login::authorize::OWN_PARAMETERS as AUTHORIZE_PARAMETERS;
use crate::oidc::jws::{Algorithm, HS256};

impl Provider {
    /// Everything that one key's type does not say.
    pub(crate) fn check(&self) -> Result<()> {
        if self.id.is_empty() {
            return Err(invalid("id", "is empty"));
        }
        for (name, variable) in &self.variables {
            if let Some(problem) = variable.problem() {
                return Err(invalid(&format!("variables.{name}"), problem));
            }
        }
        self.check_profile()?;
        if let Some(problem) = self.refresh.budget.and_then(|budget| budget.problem()) {
            return Err(invalid("refresh.budget", problem));
        }
        self.check_answers()?;
        self.check_requests()?;
        self.check_redirect()?;
        self.check_relaxed()?;
        let known = |name: &String| name == HS256 || Algorithm::from_name(name).is_some();
        if !self.id_token.algorithms.iter().all(known) {
            return Err(invalid("id_token.algorithms", "names an algorithm that is not verified here"));
        }
        self.check_endpoints()?;
        for (key, url) in [
            ("endpoints.userinfo", self.endpoints.userinfo.as_deref()),
            ("revocation.url", self.revocation.as_ref().and_then(|own| own.url.as_deref())),
        ] {
            url.map_or(Ok(()), |url| self.check_request_url(key, url))?;
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

    fn check_endpoints(&self) -> Result<()> {
        let endpoints = &self.endpoints;
        let both = endpoints.authorization.is_some() && endpoints.token.is_some();
        match (self.kind, &self.issuer) {
            (ProviderKind::Oidc, None) => Err(invalid("issuer", "is missing: an oidc provider is found by it")),
            (ProviderKind::Oidc, Some(_)) if both && endpoints.jwks.is_none() => {
                Err(invalid("endpoints.jwks", "is missing: without discovery nothing else names the keys"))
            }
            (ProviderKind::Oidc, Some(_)) => Ok(()),
            (ProviderKind::Oauth2, issuer) => {
                let userinfo = self.takes_from(Source::Userinfo);
                for (key, is_there, is_needed) in [
                    ("authorization", endpoints.authorization.is_some(), true),
                    ("token", endpoints.token.is_some(), true),
                    ("userinfo", endpoints.userinfo.is_some(), userinfo),
                ] {
                    if is_needed && !is_there {
                        let detail = "is missing: an oauth2 provider has no discovery";
                        return Err(invalid(&format!("endpoints.{key}"), detail));
                    }
                }
                if self.takes_from(Source::AccessToken) && (issuer.is_none() || endpoints.jwks.is_none()) {
                    let detail = "has access_token, which needs an issuer and endpoints.jwks to be verified";
                    return Err(invalid("profile.sources", detail));
                }
                Ok(())
            }
        }
    }

    fn check_profile(&self) -> Result<()> {
        let profile = &self.profile;
        let (email, verified) = match &profile.email {
            EmailPlace::In(places) => (places.clone(), None),
            EmailPlace::Listed(list) => {
                if let Some(url) = &list.request {
                    self.check_template("profile.email.request", url)?;
                }
                if !list.array.is_empty() {
                    check_pointer("profile.email.array", &list.array)?;
                }
                check_pointer("profile.email.value", &list.value)?;
                (Places::default(), list.verified.as_ref())
            }
        };
        match verified {
            Some(EntryVouched::Said(at) | EntryVouched::Is { at, .. }) => check_pointer("profile.email.verified", at)?,
            None => {}
        }
        let vouched = match &profile.email_verified {
            Vouched::Said(places) => places.clone(),
            Vouched::Always => Places::default(),
            Vouched::All(pointers) => Places(vec![Place::Join(pointers.clone())]),
            Vouched::Present(pointer) | Vouched::Is { at: pointer, .. } => Places(vec![Place::At(pointer.clone())]),
        };
        for (key, list) in [
            ("profile.uid", &profile.uid),
            ("profile.name", &profile.name),
            ("profile.email", &email),
            ("profile.email_verified", &vouched),
            ("profile.avatar_url", &profile.avatar_url),
            ("profile.locale", &profile.locale),
        ] {
            list.0.iter().try_for_each(|place| check_place(key, place))?;
        }
        if profile.uid.0.is_empty() {
            return Err(invalid("profile.uid", "is empty"));
        }
        if profile.sources.as_ref().is_some_and(Vec::is_empty) {
            return Err(invalid("profile.sources", "is empty"));
        }
        for request in &profile.requests {
            self.check_request_url("profile.requests.url", &request.url)?;
        }
        Ok(())
    }

    fn check_answers(&self) -> Result<()> {
        let Fields { access_token, token_type, expires_in, refresh_token, scope, id_token } = &self.token_answer.fields;
        for own in [access_token, token_type, expires_in, refresh_token, scope, id_token] {
            own.0.iter().try_for_each(|pointer| check_pointer("token_answer.fields", pointer))?;
        }
        let requests = self.profile.requests.iter().map(|request| ("profile.requests.error", &request.error));
        let errors = [("token_answer.error", &self.token_answer.error), ("userinfo.error", &self.userinfo.error)];
        for (key, rules) in errors.into_iter().chain(requests) {
            let pointers = rules.iter().flat_map(|rules| rules.code.0.iter().chain(&rules.description.0));
            pointers.into_iter().try_for_each(|pointer| check_pointer(key, pointer))?;
        }
        Ok(())
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
        if let Some(name) = own(&self.refresh.parameters, TOKEN_PARAMETERS) {
            return taken("refresh.parameters", &name);
        }
        for (key, renamed, standard) in [
            ("authorize.rename", &self.authorize.rename, &AUTHORIZE_RENAMED[..]),
            ("token_request.rename", &self.token_request.rename, &TOKEN_RENAMED[..]),
        ] {
            if let Some(name) = renamed.keys().find(|name| !standard.contains(&name.as_str())) {
                return Err(invalid(&format!("{key}.{name}"), "is no parameter that can have another name"));
            }
        }
        let omitted = self.token_request.omit.iter().chain(&self.refresh.omit);
        if omitted.into_iter().any(|name| !TOKEN_OMITTED.contains(&name.as_str())) {
            return Err(invalid("omit", "names a parameter that cannot be left out"));
        }
        if self.authorize.fragment.as_ref().is_some_and(|fragment| {
            fragment.is_empty() || !fragment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        }) {
            return Err(invalid("authorize.fragment", "is not of letters, digits, - and _"));
        }
        match &self.issuer_rule {
            IssuerRule::Template(template) if !template.contains('{') => {
                Err(invalid("issuer_rule.template", "names no claim"))
            }
            IssuerRule::OneOf(names) if names.is_empty() => Err(invalid("issuer_rule.one_of", "is empty")),
            _ => Ok(()),
        }
    }

    fn check_redirect(&self) -> Result<()> {
        let Some(selects) = &self.redirect.selects else { return Ok(()) };
        let Some(variable) = self.variables.get(&selects.variable) else {
            return Err(invalid("redirect.selects.variable", "is not declared"));
        };
        if !selects.values.values().all(|value| variable.takes(value)) {
            return Err(invalid("redirect.selects.values", "has one that the variable does not take"));
        }
        Ok(())
    }

    /// A rule of the security checklist is relaxed by its number, or kept.
    fn check_relaxed(&self) -> Result<()> {
        let is_get = |method: TokenMethod| method == TokenMethod::Get;
        for (key, weakens, rule) in [
            ("authorize.code_challenge", self.authorize.code_challenge == CodeChallenge::Plain, Relaxed::S02),
            ("token_request.method", is_get(self.token_request.method), Relaxed::S31),
            ("refresh.method", self.refresh.method.is_some_and(is_get), Relaxed::S31),
            ("id_token.nonce", !self.id_token.nonce, Relaxed::S48),
        ] {
            if weakens && !self.relaxes(rule) {
                return Err(invalid(key, &format!("needs {rule:?} among relaxes")));
            }
        }
        Ok(())
    }

    pub(super) fn urls(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let endpoints = &self.endpoints;
        let exchange = self.refresh.exchange.as_ref();
        let first = exchange.and_then(|exchange| exchange.first.as_ref());
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
            ("refresh.url", &self.refresh.url),
            ("device.token_url", &self.device.token_url),
        ]
        .into_iter()
        .filter_map(|(key, url)| Some((key, url.as_deref()?)))
        .filter(|(key, url)| *key != "endpoints.userinfo" || !has_words(url))
        .chain(exchange.and_then(|own| Some(("refresh.exchange.url", own.url.as_deref()?))))
        .chain(first.and_then(|own| Some(("refresh.exchange.first.url", own.url.as_deref()?))))
        .chain(self.email_request().map(|(_, url)| ("profile.email.request", url)))
        .chain(self.client_assertion.as_ref().and_then(|rule| match &rule.audience {
            Audience::Url(url) => Some(("client_assertion.audience.url", url.as_str())),
            Audience::Issuer | Audience::TokenEndpoint => None,
        }))
        // Those with something of a session in them are made when it is there.
        .chain(
            self.revocation
                .as_ref()
                .and_then(|own| Some(("revocation.url", own.url.as_deref()?)))
                .filter(|(_, url)| !has_words(url)),
        )
        .chain(
            self.profile
                .requests
                .iter()
                .map(|request| ("profile.requests.url", request.url.as_str()))
                .filter(|(_, url)| !has_words(url)),
        )
    }

    /// A URL without variables can be judged now; one with them when they are known, but they must be declared.
    fn check_template(&self, key: &str, url: &str) -> Result<()> {
        if !url.contains('{') {
            return check_endpoint(key, url);
        }
        self.check_names(key, url)?;
        if template::names(url).any(|name| self.variables.get(name).is_some_and(|variable| !variable.is_for_urls())) {
            return Err(invalid(key, "uses a variable that is not for URLs"));
        }
        // The names, and what stands between them.
        url.split(['{', '}']).try_for_each(|part| check_characters(key, part))
    }

    /// The same for a URL that may also have words of a session in it, which cannot be its host.
    fn check_request_url(&self, key: &str, url: &str) -> Result<()> {
        let mut plain = url.to_owned();
        for name in template::names(url).filter(|name| is_word(name)) {
            plain = plain.replace(&format!("{{{name}}}"), "x");
        }
        let authority = url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?']).next()).unwrap_or_default();
        if template::names(authority).any(|name| is_word(name) && name != "client_id") {
            return Err(invalid(key, "has a word of a session in its host"));
        }
        self.check_template(key, &plain)
    }

    /// Every variable that a text uses is declared.
    fn check_names(&self, key: &str, text: &str) -> Result<()> {
        match template::names(text).find(|name| *name != "client_id" && !self.variables.contains_key(*name)) {
            None => Ok(()),
            Some("") => Err(invalid(key, "has a brace without a name")),
            Some(name) => Err(invalid(key, &format!("uses the variable {name}, which is not declared"))),
        }
    }
}

/// Parameters that a provider may have another name for.
const AUTHORIZE_RENAMED: [&str; 4] = ["client_id", "redirect_uri", "response_type", "scope"];
const TOKEN_RENAMED: [&str; 8] =
    ["client_id", "client_secret", "code", "code_verifier", "grant_type", "redirect_uri", "refresh_token", "scope"];

/// Parameters that a provider may not bear.
const TOKEN_OMITTED: [&str; 5] = ["client_id", "client_secret", "grant_type", "redirect_uri", "scope"];

/// Whether a URL has something of a session in it.
pub(super) fn has_words(url: &str) -> bool {
    template::names(url).any(|name| is_word(name) && name != "client_id")
}

fn check_place(key: &str, place: &Place) -> Result<()> {
    match place {
        Place::At(pointer) | Place::AfterLast { at: pointer, .. } | Place::Trim { at: pointer, .. } => {
            check_pointer(key, pointer)
        }
        Place::Text(text) if text.contains("{/") => Ok(()),
        Place::Text(_) => Err(invalid(key, "is not a JSON pointer (RFC 6901)")),
        Place::Join(pointers) if pointers.is_empty() => Err(invalid(key, "joins nothing")),
        Place::Join(pointers) => pointers.iter().try_for_each(|pointer| check_pointer(key, pointer)),
    }
}

fn check_pointer(key: &str, pointer: &str) -> Result<()> {
    if pointer.starts_with('/') { Ok(()) } else { Err(invalid(key, "is not a JSON pointer (RFC 6901)")) }
}
