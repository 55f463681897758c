//! Log out: here first, then at the provider (RFC 7009; OpenID Connect RP-Initiated Logout).

use std::sync::Arc;

use url::Url;

use super::token::same_provider;
use super::{Known, Shared};
use crate::error::{Error, OAuthError, Reason, Result};
use crate::http::oauth::ClientAuth;
use crate::http::{HttpRequest, HttpResponse, Limits, Method};
use crate::keyfob::login::client;
use crate::provider::{AuthMethod, Metadata, RevocationMethod, RevokedToken, with_token};
use crate::secret::Secret;
use crate::store::{JournalEvent, Note, SessionRow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Longest answer that is read.
const MAX_ANSWER: usize = 64 * 1024;

/// How a session is to end.
#[derive(Clone, Debug)]
#[must_use]
pub struct EndSession {
    revoke: bool,
    post_logout_redirect_uri: Option<String>,
}

/// Here, and at the provider where it offers revocation.
impl Default for EndSession {
    fn default() -> Self {
        Self { revoke: true, post_logout_redirect_uri: None }
    }
}

impl EndSession {
    /// Here only: no network is touched, and the provider's tokens live on until they are over.
    pub fn local_only() -> Self {
        Self { revoke: false, ..Self::default() }
    }

    /// Where the provider's logout page sends the browser afterwards, for [`Ended::logout_url`]. Has to be registered at the provider.
    pub fn post_logout_redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.post_logout_redirect_uri = Some(uri.into());
        self
    }
}

/// What became of the token at the provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Revocation {
    /// The provider says that the token is good for nothing any more.
    Done,
    /// Nobody asked it to: the options said so, or there was no token left.
    NotAsked,
    /// The provider offers no revocation for this token.
    NotSupported,
    /// It could not be asked, or did not do it. The token lives on until it is over.
    Failed(Error),
}

/// A session that has ended. `Debug` does not show the logout URL: it holds the ID token.
#[derive(Clone)]
pub struct Ended {
    revocation: Revocation,
    logout_url: Option<Arc<Secret>>,
}

impl Ended {
    /// What became of the token at the provider.
    #[must_use]
    pub fn revocation(&self) -> &Revocation {
        &self.revocation
    }

    /// A page to open in the browser, where the user is to be logged out of the provider too (OpenID Connect RP-Initiated Logout section 2);
    /// `None` where the provider has none, or is not known to have one. Holds the ID token: do not log it.
    #[must_use]
    pub fn logout_url(&self) -> Option<&str> {
        self.logout_url.as_ref().map(|url| url.expose())
    }
}

impl std::fmt::Debug for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ended").field("revocation", &self.revocation).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn end_session(&self, id: &str, options: &EndSession) -> Result<Ended> {
        let row = self.stored(id)?;
        let note = Note::new(JournalEvent::SessionEnded, &row.registration).session(id).reason(Reason::LoggedOut);
        // The tombstone is remembered: it is newer than any row that another thread is about to remember.
        self.remembering(|| {
            self.store.log_out(id, self.wall_millis(), &note)?;
            self.stored(id)
        })?;
        // A registration that is no longer configured leaves nobody to ask, a tombstone nothing to ask about.
        let known = self.known(&row.registration).ok().filter(|_| row.cause != Some(Reason::LoggedOut));
        let Some(known) = known else {
            return Ok(Ended { revocation: Revocation::NotAsked, logout_url: None });
        };
        // The tokens of a session that ended by itself are dead; its user may still be logged in at the provider.
        if !options.revoke || row.cause.is_some() {
            // The session has ended: metadata that cannot be read is no failure of this call.
            let metadata = self.stored_metadata(known).ok().flatten();
            let metadata = metadata.filter(|metadata| same_provider(&row, known, metadata).is_ok());
            let logout_url = metadata.and_then(|metadata| logout_url(known, &metadata, &row, options));
            return Ok(Ended { revocation: Revocation::NotAsked, logout_url });
        }
        let metadata = self.metadata(known).and_then(|metadata| {
            same_provider(&row, known, &metadata)?;
            Ok(metadata)
        });
        Ok(match metadata {
            Ok(metadata) => Ended {
                revocation: self.revoke(known, &metadata, &row),
                logout_url: logout_url(known, &metadata, &row, options),
            },
            Err(error) => Ended { revocation: Revocation::Failed(error), logout_url: None },
        })
    }

    /// Asks once.
    fn revoke(&self, known: &Known, metadata: &Metadata, row: &Arc<SessionRow>) -> Revocation {
        let request = match revocation(known, metadata, row, self.limits(MAX_ANSWER)) {
            Ok(Some(request)) => request,
            Ok(None) => return Revocation::NotSupported,
            Err(error) => return Revocation::Failed(error),
        };
        match self.send(&request) {
            Ok(response) => judge(&response),
            Err(error) => Revocation::Failed(error.into()),
        }
    }
}

/// What the answer means (RFC 7009 sections 2.2 and 2.2.1).
fn judge(response: &HttpResponse) -> Revocation {
    if response.is_success() {
        // Also for a token that the provider does not know.
        return Revocation::Done;
    }
    let body = crate::json::parse(&response.body).ok();
    let code = body.as_ref().and_then(|body| body.get("error")).and_then(Value::as_str);
    let error = |reason| Error::new(reason).with_status(response.status).with_detail("revocation");
    Revocation::Failed(match (response.status, code) {
        (_, Some("unsupported_token_type")) => return Revocation::NotSupported,
        (_, Some("invalid_client" | "unauthorized_client")) => error(Reason::InvalidClient),
        (_, Some(code)) => error(Reason::ServerError).with_oauth(OAuthError::new(code, None, None)),
        (503, None) => error(Reason::ProviderUnavailable),
        (300..=399, None) => error(Reason::UnexpectedRedirect),
        _ => error(Reason::UnexpectedStatus),
    })
}

/// The request: RFC 7009's, or the one that the provider's file describes.
fn revocation(known: &Known, metadata: &Metadata, row: &SessionRow, limits: Limits) -> Result<Option<HttpRequest>> {
    let own = known.provider.revocation();
    let url = match own.and_then(|own| own.url.as_deref()) {
        Some(url) => known.provider.url_for(&known.registration, "revocation.url", url)?,
        None => match &metadata.revocation_endpoint {
            Some(url) => url.clone(),
            None => return Ok(None),
        },
    };
    let wanted = own.map(|own| own.token).unwrap_or_default();
    let (hint, token) = match (&row.tokens.refresh_token, wanted) {
        (Some(token), RevokedToken::RefreshToken) => ("refresh_token", token),
        _ => ("access_token", &row.tokens.access_token),
    };
    if token.expose().is_empty() {
        return Ok(None);
    }
    let client = client(known, metadata, known.registration.redirect_uri());
    let auth = match own.and_then(|own| own.auth) {
        Some(AuthMethod::Basic) => ClientAuth::Basic,
        Some(AuthMethod::Post) => ClientAuth::Post,
        Some(AuthMethod::None) => ClientAuth::None,
        None => client.auth,
    };
    let mut headers = vec![("Accept".to_owned(), "application/json".to_owned())];
    let mut form = vec![("token", token.expose()), ("token_type_hint", hint)];
    match (auth, client.client_secret) {
        (ClientAuth::Basic, Some(secret)) => {
            headers.push(("Authorization".to_owned(), basic(client.client_id, secret)));
        }
        (ClientAuth::Post, Some(secret)) => {
            form.push(("client_id", client.client_id));
            form.push(("client_secret", secret.expose()));
        }
        _ => form.push(("client_id", client.client_id)),
    }
    let (content_type, body) = match own.and_then(|own| own.json.as_ref()) {
        Some(json) => ("application/json", with_token(json, token.expose()).to_string()),
        None => (
            "application/x-www-form-urlencoded",
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish(),
        ),
    };
    headers.push(("Content-Type".to_owned(), content_type.to_owned()));
    let method = match own.map(|own| own.method).unwrap_or_default() {
        RevocationMethod::Post => Method::Post,
        RevocationMethod::Delete => Method::Delete,
    };
    Ok(Some(HttpRequest::new(method, url, headers, body.into_bytes(), limits)))
}

/// HTTP Basic with both parts form-encoded first (RFC 6749 section 2.3.1).
fn basic(client_id: &str, secret: &Secret) -> String {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(client_id), encode(secret.expose()))))
}

fn logout_url(known: &Known, metadata: &Metadata, row: &SessionRow, options: &EndSession) -> Option<Arc<Secret>> {
    let mut url = Url::parse(metadata.end_session_endpoint.as_deref()?).ok()?;
    {
        let mut query = url.query_pairs_mut();
        if let Some(token) = &row.tokens.id_token {
            query.append_pair("id_token_hint", token.expose());
        }
        query.append_pair("client_id", known.registration.client_id());
        if let Some(uri) = &options.post_logout_redirect_uri {
            query.append_pair("post_logout_redirect_uri", uri);
        }
    }
    Some(Arc::new(Secret::new(String::from(url))))
}
