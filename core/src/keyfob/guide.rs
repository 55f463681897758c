//! What to enter at the provider's developer console.

use super::Shared;
use super::begin::default_scopes;
use crate::config::RedirectUri;
use crate::error::{Error, Reason, Result};
use crate::provider::{Localhost, Loopback, RefreshTokens};

/// What to enter at the provider's developer console for one registration, and what it accepts.
#[derive(Clone, Debug)]
pub struct RegistrationGuide {
    provider_name: String,
    redirect_uri: String,
    scopes: Vec<String>,
    custom_scheme: Option<bool>,
    loopback: Option<Loopback>,
    accepted: Option<bool>,
    localhost_only: bool,
    refresh_tokens: Option<RefreshTokens>,
}

impl RegistrationGuide {
    /// The name of the provider.
    #[must_use]
    pub fn provider_name(&self) -> &str {
        &self.provider_name
    }

    /// The redirect URI to enter there, character for character.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// The scopes that the app asks for, to be allowed there where the provider wants that.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// Whether the provider takes redirect URIs with a private-use scheme (RFC 8252 section 7.1); `None` where that is not known.
    #[must_use]
    pub fn accepts_custom_scheme(&self) -> Option<bool> {
        self.custom_scheme
    }

    /// What the provider takes of loopback redirect URIs (RFC 8252 section 7.3); `None` where that is not known.
    #[must_use]
    pub fn accepts_loopback(&self) -> Option<Loopback> {
        self.loopback
    }

    /// Whether the registration's own redirect URI is of a form that the provider takes; `None` where that is not known.
    #[must_use]
    pub fn redirect_uri_accepted(&self) -> Option<bool> {
        self.accepted
    }

    /// What to do, a sentence each, for a person to read.
    #[must_use]
    pub fn steps(&self) -> Vec<String> {
        let mut steps = vec![
            format!("Register an app of the kind “native” or “desktop” at {}.", self.provider_name),
            format!("Enter this redirect URI, character for character: {}", self.redirect_uri),
        ];
        if self.loopback == Some(Loopback::AnyPort) && self.redirect_uri.starts_with("http:") {
            steps.push("The port may be another one at each login.".to_owned());
        }
        if self.localhost_only {
            steps.push(
                "Of loopback addresses this provider takes http://localhost alone, which any program of the device can claim (RFC 8252 section 8.3): use another form."
                    .to_owned(),
            );
        }
        if self.accepted == Some(false) {
            steps.push(
                "Careful: as far as is known, this provider does not take redirect URIs of that form.".to_owned(),
            );
        }
        if !self.scopes.is_empty() {
            steps.push(format!("Allow these scopes, where the console asks for them: {}", self.scopes.join(" ")));
        }
        steps.extend(self.refresh_tokens.map(|given| {
            match given {
                RefreshTokens::Always => "Sessions are renewed: this provider gives a refresh token with each login.",
                RefreshTokens::Never => {
                    "Sessions end with their access token: this provider gives no refresh tokens to login apps."
                }
                RefreshTokens::Scope => "Sessions are renewed where the scopes ask for a refresh token.",
                RefreshTokens::Parameter => "Sessions are renewed: each login asks for a refresh token by a parameter.",
                RefreshTokens::Setting => "Whether sessions are renewed depends on how the app is set up there.",
            }
            .to_owned()
        }));
        if self.scopes.iter().any(|scope| scope == "offline_access") {
            steps.push(
                "If no refresh token comes, let the login also ask for prompt=consent (OpenID Connect Core section 11)."
                    .to_owned(),
            );
        }
        steps.push("Put the client id (and the client secret, where there is one) into the registration.".to_owned());
        steps
    }
}

impl Shared {
    pub(super) fn registration_guide(&self, id: &str) -> Result<RegistrationGuide> {
        let known = self.known(id)?;
        let rules = known.provider.redirect_rules();
        let redirect_uri = known.registration.redirect_uri();
        let parsed = RedirectUri::parse(redirect_uri)
            .map_err(|problem| Error::new(Reason::InvalidRedirectUri).with_detail(problem))?;
        let localhost_only = rules.localhost == Some(Localhost::Only);
        let accepted = match parsed.scheme() {
            "https" => Some(true),
            "http" if localhost_only => Some(false),
            "http" => rules.loopback.map(|loopback| loopback != Loopback::None),
            _ => rules.custom_scheme,
        };
        Ok(RegistrationGuide {
            provider_name: known.provider.display_name().to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            scopes: default_scopes(known),
            custom_scheme: rules.custom_scheme,
            loopback: rules.loopback,
            accepted,
            localhost_only,
            refresh_tokens: known.provider.refresh_rules().tokens,
        })
    }
}
