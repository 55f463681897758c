//! What is owed to a provider: that it revokes the tokens of a session that was logged out (RFC 7009). An entry of the outbox goes once the provider was
//! told, and waits where it could not be.

use std::collections::BTreeMap;

use serde_json::Value;

use super::end::Revocation;
use super::gate::Locked;
use super::login::issuer_name;
use super::{Known, Shared};
use crate::error::{Error, OAuthError, Reason, Result};
use crate::http::oauth::retry_after_of;
use crate::http::{HttpRequest, HttpResponse};
use crate::provider::{Metadata, Parts, RequestAuth, RequestMethod, RevokedToken, Sender, Values, check_endpoint};
use crate::refresh::decide::{Owed, Revocation as Decision, before_revoking};
use crate::refresh::pause::{Failure, Pause};
use crate::store::{Hold, JournalEvent, Note, OwedRow, Purpose};

/// Longest answer that is read.
const MAX_ANSWER: usize = 64 * 1024;

/// What stands between a revocation and the sessions that it must not end.
enum Peace<'a> {
    /// It may be sent while this is held; no lock is needed where it ends nothing but its own token.
    Kept { _lock: Option<Locked<'a>> },
    /// It would end a session that the user has by now.
    NotToBeSent,
}

impl Shared {
    /// Sends what is owed for a session; what became of the last of it, `None` where nothing is.
    pub(super) fn send_owed_of(&self, session: &str) -> Option<Revocation> {
        let owed = match self.common.store.owed(self.wall_millis()) {
            Ok(owed) => owed,
            Err(error) => return Some(Revocation::Owed(error)),
        };
        // What somebody else has dealt with meanwhile is done.
        let send = |owed: &OwedRow| self.send_owed(owed).unwrap_or(Revocation::Done);
        owed.iter().filter(|owed| owed.session == session).map(send).last()
    }

    /// Sends one entry, and writes what became of it; `None` where somebody else has done so meanwhile.
    pub(super) fn send_owed(&self, owed: &OwedRow) -> Option<Revocation> {
        // Held until that is written: the next one who gets the lock finds nothing to do.
        let mut peace = Peace::NotToBeSent;
        let sent = self.try_to_send(owed, &mut peace)?;
        let note = Note::new(JournalEvent::RevocationFailed, &owed.registration).session(&owed.session);
        let noted = match &sent {
            Revocation::Done => {
                let note = Note::new(JournalEvent::TokensRevoked, &owed.registration).session(&owed.session);
                self.common.store.settle(owed, Some(&note), self.wall_millis())
            }
            Revocation::NotAsked | Revocation::NotSupported => self.common.store.settle(owed, None, 0),
            Revocation::Failed(error) => self.common.store.settle(owed, Some(&note.error(error)), self.wall_millis()),
            Revocation::Owed(error) => {
                let wait = error.retry_after();
                let pause = Pause::after(Failure::TurnedAway, wait, owed.pause.as_ref(), self.moment());
                self.common.store.postpone(owed, &pause)
            }
        };
        if let Err(error) = noted {
            log::debug!("what became of a revocation could not be written: {error}");
        }
        Some(sent)
    }

    fn try_to_send<'a>(&'a self, owed: &OwedRow, peace: &mut Peace<'a>) -> Option<Revocation> {
        let later = |error| Some(Revocation::Owed(error));
        let _running = match self.common.gate.begin() {
            Ok(running) => running,
            Err(error) => return later(error),
        };
        // A registration that is not configured any more leaves nobody to ask: perhaps the next start of the app has it again.
        let known = match self.known(&owed.registration) {
            Ok(known) => known,
            Err(error) => return later(error),
        };
        let metadata = match self.metadata(known, &owed.tokens.kept) {
            Ok(metadata) => metadata,
            Err(error) => return later(error),
        };
        if owed.issuer != issuer_name(&metadata) || !known.provider.answers_to(&owed.provider) {
            // The registration names another provider by now, which is not to see these tokens (security S61).
            return Some(Revocation::NotSupported);
        }
        let request = match self.revocation(known, &metadata, owed) {
            Ok(Some(request)) => request,
            Ok(None) => return Some(Revocation::NotSupported),
            Err(error) => return Some(Revocation::Failed(error)),
        };
        match self.peace_for(owed, known) {
            Ok(kept @ Peace::Kept { .. }) => *peace = kept,
            Ok(Peace::NotToBeSent) => return Some(Revocation::NotAsked),
            Err(error) => return later(error),
        }
        // Another process may have sent it while this one was getting ready.
        match self.common.store.owed_row(owed.row) {
            Ok(found) => drop(found?),
            Err(error) => return later(error),
        }
        Some(match self.send(&request) {
            Ok(response) => judge(&response),
            Err(error) => Revocation::Owed(error.into()),
        })
    }

    /// Where revoking a token may end every session of the user: the registration's lock, held alone, so that no login is between its code exchange and its
    /// saving.
    fn peace_for(&self, owed: &OwedRow, known: &Known) -> Result<Peace<'_>> {
        let whole_grant = known.provider.revokes_whole_grant();
        let lock = if whole_grant {
            self.common.store.try_lock(Purpose::Grant, &owed.registration, Hold::Alone)?
        } else {
            None
        };
        let decision = before_revoking(&Owed {
            whole_grant,
            has_session: whole_grant && self.common.store.has_session(owed)?,
            login_under_way: whole_grant
                && (lock.is_none() || self.common.store.has_login_under_way(&owed.registration, self.wall_millis())?),
        });
        match decision {
            Decision::Send => Ok(Peace::Kept { _lock: lock.map(|lock| self.common.gate.hold(lock)).transpose()? }),
            Decision::Forget => Ok(Peace::NotToBeSent),
            Decision::Later => Err(Error::new(Reason::CompletionInProgress)),
        }
    }

    /// The request: RFC 7009's, or the one that the provider's file describes.
    fn revocation(&self, known: &Known, metadata: &Metadata, owed: &OwedRow) -> Result<Option<HttpRequest>> {
        let tokens = &owed.tokens;
        let own = known.provider.revocation();
        let wanted = own.map(|own| own.token).unwrap_or_default();
        let (hint, token) = match (&tokens.refresh_token, wanted) {
            (Some(token), RevokedToken::RefreshToken) => ("refresh_token", token.expose()),
            _ => ("access_token", tokens.access_token.expose()),
        };
        if token.is_empty() {
            return Ok(None);
        }
        let filling = known.registration.filling().with(&tokens.kept);
        let values = Values {
            provider: &known.provider,
            filling: &filling,
            client_secret: known.registration.secret(),
            token: Some(token),
            answer: Some(&tokens.other),
            claims: None,
            uid: Some(&owed.uid),
            kept: &tokens.kept,
        };
        let url = match own.and_then(|own| own.url.as_deref()) {
            Some(url) => match values.fill_url(url) {
                Some(url) => {
                    check_endpoint("revocation.url", &url)?;
                    url.to_string()
                }
                None => return Ok(None),
            },
            None => match &metadata.revocation_endpoint {
                Some(url) => url.clone(),
                None => return Ok(None),
            },
        };
        let nothing = BTreeMap::new();
        let parts = match own {
            Some(own) => own.parts(),
            None => Parts { method: None, auth: None, headers: &nothing, query: &nothing, form: &nothing, json: None },
        };
        let client = match parts.auth {
            None => Some(self.client_auth(known, metadata, None)?),
            Some(RequestAuth::Client(method)) => Some(self.client_auth(known, metadata, Some(*method))?),
            Some(_) => None,
        };
        // Where the token itself says who asks, nothing more is to be said.
        let names_token = parts.auth.is_some_and(RequestAuth::names_token);
        let standard = [("token", token), ("token_type_hint", hint)];
        let standard = if names_token { &[] } else { &standard[..] };
        let sender = Sender { values: &values, client, accept: "application/json", limits: self.limits(MAX_ANSWER) };
        Ok(Some(parts.request(parts.method.unwrap_or(RequestMethod::Post), url, standard, sender)))
    }
}

/// What the answer means (RFC 7009 sections 2.2 and 2.2.1).
fn judge(response: &HttpResponse) -> Revocation {
    if response.is_success() {
        // Also for a token that the provider does not know.
        return Revocation::Done;
    }
    let body = crate::json::parse(&response.body).ok();
    let is_json = body.is_some();
    let code = body.as_ref().and_then(|body| body.get("error")).and_then(Value::as_str);
    let retry_after = retry_after_of(response);
    let error = |reason| Error::new(reason).with_status(response.status).with_detail("revocation");
    match (response.status, code) {
        (_, Some("unsupported_token_type")) => Revocation::NotSupported,
        (_, Some("invalid_client" | "unauthorized_client")) => Revocation::Failed(error(Reason::InvalidClient)),
        (429, _) => Revocation::Owed(error(Reason::BackOff).with_retry_after(retry_after)),
        (500..=599, _) => Revocation::Owed(error(Reason::ProviderUnavailable).with_retry_after(retry_after)),
        (_, Some(code)) => Revocation::Failed(error(Reason::ServerError).with_oauth(OAuthError::new(code, None, None))),
        // Somebody between here and the provider, as it may be.
        (300..=399, None) => Revocation::Owed(error(Reason::UnexpectedRedirect)),
        (400..=499, None) if !is_json => Revocation::Owed(error(Reason::CaptivePortal)),
        _ => Revocation::Failed(error(Reason::UnexpectedStatus)),
    }
}
