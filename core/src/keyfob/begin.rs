//! Begin a login: what it asks for, its secrets, its row in the store, its URL.

use super::login::hash;
use super::{Known, Shared, millis};
use crate::clock::from_millis;
use crate::config::{RedirectUri, is_scope_token};
use crate::error::{Error, Reason, Result};
use crate::login::{Login, LoginOptions, authorize};
use crate::provider::{Metadata, NOTHING_KEPT, ProviderKind, Relaxed, with_query};
use crate::random;
use crate::secret::Secret;
use crate::store::{JournalEvent, LoginSecrets, NewLogin, Note, Pinned, Stage};

impl Shared {
    pub(super) fn begin_login(&self, registration: &str, options: &LoginOptions) -> Result<Login> {
        let known = self.enabled(registration)?;
        let redirect_uri = RedirectUri::parse(known.registration.redirect_uri())
            .and_then(|uri| uri.with_port(options.redirect_port))
            .map_err(|problem| {
                invalid_argument(&format!("redirect_port: the registration's redirect URI {problem}"))
            })?;
        let scopes = self.scopes(known, options)?;
        let filling = known.registration.filling();
        let parameters = parameters(known, options)?;
        let (max_age, acr_values) = asked_of_id_token(&parameters)?;
        let metadata = self.metadata(known, &NOTHING_KEPT)?;
        self.check_mix_up(known, &metadata)?;
        let secrets = LoginSecrets {
            state: Secret::new(random::secret_text()?),
            nonce: if asks_for_id_token(known, &scopes) && known.provider.id_token().nonce {
                Some(Secret::new(random::secret_text()?))
            } else {
                None
            },
            verifier: Secret::new(random::secret_text()?),
            device: None,
        };
        let redirect_uri = if known.provider.authorize().state_in_redirect_uri {
            with_query(redirect_uri, &format!("state={}", secrets.state.expose()))
        } else {
            redirect_uri
        };
        let alias = known.provider.redirect_alias(&filling)?;
        let authorization_url = authorize::url(&authorize::Request {
            authorization_endpoint: &metadata.authorization_endpoint,
            client_id: known.registration.client_id(),
            redirect_uri: &redirect_uri,
            redirect_alias: alias.as_deref(),
            scopes: &scopes,
            separator: known.provider.scope_separator(),
            state: &secrets.state,
            nonce: secrets.nonce.as_ref(),
            verifier: (!known.provider.relaxes(Relaxed::S01)).then_some(&secrets.verifier),
            parameters: &parameters,
            rules: known.provider.authorize(),
        })?;
        let authorization_url = self.pushed_if_wanted(known, &metadata, authorization_url)?;
        let id = random::id()?;
        let created_at = self.wall_millis();
        let expires_at = created_at.saturating_add(millis(self.settings.login_lifetime()));
        self.common.store.begin_login(
            &NewLogin {
                id: &id,
                state_hash: hash(secrets.state.expose()).as_ref(),
                registration,
                created_at,
                expires_at,
                success: options.success.as_deref(),
                failure: options.failure.as_deref(),
                app_data: options.app_data.as_deref(),
                for_session: options.for_session.as_deref(),
                pinned: &Pinned { metadata, redirect_uri, scopes, device: None, max_age, acr_values },
                secrets: &secrets,
            },
            &Note::new(JournalEvent::LoginBegun, registration),
        )?;
        Ok(Login { id, registration: registration.to_owned(), authorization_url, expires_at: from_millis(expires_at) })
    }

    /// A registration whose logins may begin.
    pub(super) fn enabled(&self, registration: &str) -> Result<&Known> {
        let known = self.known(registration)?;
        if known.registration.is_enabled() {
            Ok(known)
        } else {
            Err(Error::new(Reason::RegistrationDisabled).with_detail(registration.to_owned()))
        }
    }

    /// Security S25: where redirects do not name their issuer (RFC 9207), two providers are told apart by where they come to.
    fn check_mix_up(&self, known: &Known, metadata: &Metadata) -> Result<()> {
        let here = &known.registration;
        let mixed_up = self.registrations.iter().find(|other| {
            let there = &other.registration;
            there.is_enabled()
                && there.redirect_uri() == here.redirect_uri()
                && (other.provider.id() != known.provider.id() || there.variables() != here.variables())
        });
        match mixed_up {
            Some(other) if !metadata.iss_parameter => Err(Error::new(Reason::MixUpRisk).with_detail(format!(
                "{} and {} have one redirect_uri",
                here.id(),
                other.registration.id()
            ))),
            _ => Ok(()),
        }
    }

    /// The registration's scopes, else the provider's; those of the session that is to get more; those of the call. Each once, in that order.
    pub(super) fn scopes(&self, known: &Known, options: &LoginOptions) -> Result<Vec<String>> {
        let granted = match &options.for_session {
            Some(id) => {
                let row = self.stored(id)?;
                if let Some(cause) = row.cause {
                    return Err(Error::new(cause));
                }
                if row.registration != known.registration.id() {
                    return Err(invalid_argument("for_session: a session of another registration"));
                }
                row.scopes.clone()
            }
            None => Vec::new(),
        };
        let defaults = default_scopes(known);
        let mut scopes: Vec<String> = Vec::new();
        for scope in defaults.iter().chain(&granted).chain(&options.scopes) {
            if !is_scope_token(scope) {
                return Err(invalid_argument("scope: not of RFC 6749 section 3.3"));
            }
            if !scopes.contains(scope) {
                scopes.push(scope.clone());
            }
        }
        Ok(scopes)
    }

    /// Ends a login that waits: its redirect is refused from now on.
    pub(super) fn cancel_login(&self, id: &str) -> Result<()> {
        // A poll may take the login on, or put it back, between the look and the end: then it is looked at again.
        for _ in 0..3 {
            let login = self.common.store.login(id)?.ok_or_else(|| Error::new(Reason::UnknownLogin))?;
            match login.stage {
                Stage::Pending | Stage::Answered => self.failed(&login, Error::new(Reason::Cancelled)).map(drop)?,
                // The user on the other device may take an hour: what a poll brings now is not wanted any more.
                Stage::Exchanging if login.pinned.device.is_some() => {
                    self.failed(&login, Error::new(Reason::Cancelled)).map(drop)?;
                }
                // Being completed, or over: nothing waits any more.
                Stage::Exchanging | Stage::Done | Stage::Failed => break,
            }
        }
        Ok(())
    }
}

/// The registration's scopes, else those of the provider's file.
pub(super) fn default_scopes(known: &Known) -> Vec<String> {
    let own = |scope: &String| match scope.as_str() {
        // A client that asks for tokens for itself (Azure AD B2C).
        "{client_id}" => known.registration.client_id().to_owned(),
        other => other.to_owned(),
    };
    match known.registration.scopes() {
        Some(scopes) => scopes.to_vec(),
        None => known.provider.default_scopes().iter().map(own).collect(),
    }
}

/// The provider's own authorization parameters, save where the call says otherwise; then the call's.
fn parameters(known: &Known, options: &LoginOptions) -> Result<Vec<(String, String)>> {
    check_parameters(options)?;
    let given = |name: &str| options.parameters.iter().any(|(given, _)| given == name);
    let mut parameters = known.provider.authorize_parameters(&known.registration.filling())?;
    parameters.retain(|(name, _)| !given(name));
    parameters.extend(options.parameters.iter().cloned());
    parameters.extend(known.registration.resources().iter().map(|uri| ("resource".to_owned(), uri.clone())));
    if options.form_post {
        parameters.push(("response_mode".to_owned(), "form_post".to_owned()));
    }
    Ok(parameters)
}

/// The call's parameters stand once each, and none of them is Keyfob's own.
pub(super) fn check_parameters(options: &LoginOptions) -> Result<()> {
    for (index, (name, _)) in options.parameters.iter().enumerate() {
        if name.is_empty() || authorize::OWN_PARAMETERS.contains(&name.as_str()) {
            return Err(invalid_argument(&format!("parameter: {name} is set by Keyfob itself")));
        }
        if options.parameters.iter().take(index).any(|(earlier, _)| earlier == name) {
            return Err(invalid_argument(&format!("parameter: {name} stands twice (RFC 6749 section 3.1)")));
        }
    }
    Ok(())
}

/// What the request asks of the ID token, whoever put it there: the answer is held to it (security S49).
pub(super) fn asked_of_id_token(parameters: &[(String, String)]) -> Result<(Option<u64>, Vec<String>)> {
    let asked = |name: &str| parameters.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
    let seconds = |text: &str| text.parse().map_err(|_| invalid_argument("max_age: not a number of seconds"));
    let max_age = asked("max_age").map(seconds).transpose()?;
    let acr_values = asked("acr_values").unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
    Ok((max_age, acr_values))
}

pub(super) fn asks_for_id_token(known: &Known, scopes: &[String]) -> bool {
    known.provider.kind() == ProviderKind::Oidc && scopes.iter().any(|scope| scope == "openid")
}

pub(super) fn invalid_argument(detail: &str) -> Error {
    Error::new(Reason::InvalidArgument).with_detail(detail.to_owned())
}
