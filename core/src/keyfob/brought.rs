//! What a login brings beside its code and its ID token, as far as the provider's file says that it counts: parameters of the redirect, and what stands
//! beside the tokens.

use serde_json::{Map, Value};

use super::login::expected;
use super::{Known, Shared};
use crate::error::{Error, Reason, Result};
use crate::login::redirect::Redirect;
use crate::oidc::id_token::verify_access_token;
use crate::provider::{Kept, Metadata, Source};
use crate::store::{LoginRow, Received};
use crate::token::answer::{TokenAnswer, scope};

/// What a redirect brings beside its code.
pub(super) struct Brought {
    pub(super) kept: Kept,
    /// The scopes, where it names them.
    pub(super) granted: Option<Vec<String>>,
}

/// Reads what the provider's file says that its redirects bring. A place that is none of the provider's is refused before anything is sent there.
pub(super) fn brought_by(known: &Known, redirect: &Redirect) -> Result<Brought> {
    let rules = known.provider.redirect_rules();
    let mut kept = Kept::default();
    for name in rules.keep.iter().chain(&rules.user) {
        let value = if name == "state" { Some(redirect.state.expose()) } else { redirect.parameter(name) };
        if let Some(value) = value {
            kept.redirect.insert(name.clone(), value.to_owned());
        }
    }
    if let Some(selects) = &rules.selects
        && let Some(said) = redirect.parameter(&selects.parameter)
    {
        let mismatch = || Error::new(Reason::RedirectParameterMismatch).with_detail(selects.parameter.clone());
        let value = selects.values.get(said).ok_or_else(mismatch)?;
        kept.variables.insert(selects.variable.clone(), value.clone());
    }
    let separator = known.provider.token_answer().scope_separator;
    let named = rules.scope.as_ref().and_then(|name| redirect.parameter(name));
    let granted = named.and_then(|text| scope(&Value::String(text.to_owned()), separator));
    Ok(Brought { kept, granted })
}

/// What the provider's file demands of a redirect before anything in it is believed: its signature, and what it must say.
pub(super) fn check_own_rules(known: &Known, redirect: &Redirect) -> Result<()> {
    let rules = known.provider.redirect_rules();
    if let Some(parameter) = &rules.hmac {
        // A public client has nothing to check it with.
        let secret = known.registration.secret();
        if secret.is_some_and(|secret| !redirect.is_signed(parameter, secret)) {
            return Err(Error::new(Reason::RedirectSignatureMismatch));
        }
    }
    let filling = known.registration.filling();
    for (name, wanted) in known.provider.filled(&rules.same, &filling)? {
        if redirect.parameter(&name) != Some(wanted.as_str()) {
            return Err(Error::new(Reason::RedirectParameterMismatch).with_detail(name));
        }
    }
    Ok(())
}

/// The metadata is pinned to the login, save for what its redirect may decide.
pub(super) fn metadata_elsewhere(known: &Known, kept: &Kept) -> Result<Option<Metadata>> {
    if kept.variables.is_empty() {
        return Ok(None);
    }
    known.provider.metadata_for(&known.registration.filling().with(kept), None).map(Some)
}

impl Shared {
    /// What came about the user together with the tokens, where the provider's file says that it counts.
    pub(super) fn told_with_tokens(
        &self,
        login: &LoginRow,
        known: &Known,
        answer: &TokenAnswer,
        received: &Received,
    ) -> Result<Map<String, Value>> {
        let mut claims = Map::new();
        let metadata = &login.pinned.metadata;
        for source in known.provider.profile().sources.iter().flatten() {
            match source {
                Source::AccessToken => {
                    let expected = expected(self, known, metadata, None, received);
                    let token = answer.access_token.expose();
                    claims.extend(self.with_keys(metadata, true, |keys| verify_access_token(token, keys, &expected))?);
                }
                Source::TokenAnswer => claims.extend((*answer.other).clone()),
                Source::IdToken | Source::Userinfo => {}
            }
        }
        if let Some(name) = &known.provider.redirect_rules().user
            && let Some(text) = answer.kept.redirect.get(name)
        {
            // Nobody signed it: it tells a name, and never whom the session belongs to.
            match crate::json::parse(text.as_bytes()) {
                Ok(user @ Value::Object(_)) => drop(claims.insert(name.clone(), user)),
                _ => log::debug!("the redirect's user is no JSON object"),
            }
        }
        Ok(claims)
    }
}
