//! Userinfo (OpenID Connect Core section 5.3), and the profile made of it.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::documents::{expect_json, expect_success, is_repeatable, json_object};
use super::login::expected;
use super::refresh::same_provider;
use super::{Event, Known, Shared};
use crate::clock::from_millis;
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::http::{HttpRequest, HttpResponse};
use crate::oidc::id_token::{Expected, verify_userinfo};
use crate::provider::{EmailRequest, Metadata, ProviderKind};
use crate::session::{
    ASKED_EMAIL, ASKED_VERIFIED, Freshness, MinValidity, Profile, choose_email, from_claims, overlay,
};
use crate::store::{Received, SessionRow};

/// Longest userinfo answer.
const MAX_USERINFO: usize = 512 * 1024;

/// What an answer may be.
const JSON: &str = "application/json";
const JSON_OR_JWT: &str = "application/json, application/jwt";

/// What userinfo is asked with.
pub(super) struct Question<'a> {
    pub(super) known: &'a Known,
    pub(super) metadata: &'a Metadata,
    pub(super) endpoint: &'a str,
    pub(super) access_token: &'a str,
    /// Of the ID token, where one came: the answer must be about that subject before any claim of it is used.
    pub(super) subject: Option<&'a str>,
    /// Of the answer that is here already.
    pub(super) etag: Option<&'a str>,
    /// When the tokens came, by this device's clock and the provider's.
    pub(super) received: &'a Received,
}

/// What userinfo said.
pub(super) enum Userinfo {
    Claims {
        claims: Map<String, Value>,
        etag: Option<String>,
    },
    /// Nothing new since the answer with the `ETag` that was sent.
    Unchanged,
}

impl Shared {
    pub(super) fn profile(self: &Arc<Self>, id: &str, freshness: Freshness) -> Result<Profile> {
        let row = self.recalled(id)?;
        if let Some(cause) = row.cause {
            return Err(Error::new(cause));
        }
        let Some(limit) = freshness.0 else { return Ok(row.profile.clone()) };
        let age = self.wall_millis().saturating_sub(row.profile_at);
        let limit = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        if (0..limit).contains(&age) {
            return Ok(row.profile.clone());
        }
        let known = self.known(&row.registration)?;
        let metadata = self.metadata(known)?;
        same_provider(&row, known, &metadata)?;
        let endpoint = metadata.userinfo_endpoint.as_deref().ok_or_else(|| Error::new(Reason::NoUserInfo))?;
        let row = self.access_token(id, MinValidity::secs(10), None)?;
        let ask = |row: &SessionRow| {
            self.userinfo(&Question {
                known,
                metadata: &metadata,
                endpoint,
                access_token: row.tokens.access_token.expose(),
                subject: subject(row),
                etag: row.profile_etag.as_deref(),
                received: &row.received,
            })
        };
        let fetched = match ask(&row) {
            // The token was revoked before its time: one new one is worth a try.
            Err(error) if error.http_status() == Some(401) && self.is_renewable(&row) => {
                ask(&*self.refresh_if_current(id, row.tokens.access_token.expose())?)
            }
            other => other,
        }?;
        let (profile, etag) = match fetched {
            Userinfo::Unchanged => (row.profile.clone(), row.profile_etag.clone()),
            Userinfo::Claims { claims, etag } => {
                // What the ID token told stays, save where userinfo now says otherwise.
                let claims = overlay(row.profile.raw().clone(), claims);
                let profile =
                    from_claims(known.provider.profile(), claims).ok_or_else(|| Error::new(Reason::UidMissing))?;
                (profile, etag)
            }
        };
        if profile.uid() != row.uid {
            return Err(Error::new(Reason::UserInfoSubMismatch));
        }
        let saved = self.remembering(|| {
            let saved = self.common.store.save_profile(id, &profile, etag.as_deref(), self.wall_millis())?;
            saved.map(Arc::new).ok_or_else(super::unknown_session)
        })?;
        if profile.raw_json() != row.profile.raw_json() {
            self.tell(Event::Changed(id.to_owned()));
        }
        saved.cause.map_or(Ok(profile), |cause| Err(Error::new(cause)))
    }

    /// Asks userinfo.
    pub(super) fn userinfo(&self, question: &Question<'_>) -> Result<Userinfo> {
        let &Question { known, access_token, subject, .. } = question;
        // An unchanged profile says nothing about addresses that are kept elsewhere.
        let etag = question.etag.filter(|_| known.provider.email_request().is_none());
        let condition = etag.map(|etag| ("If-None-Match".to_owned(), etag.to_owned()));
        // Only OpenID Connect knows of a signed one.
        let accept = if known.provider.kind() == ProviderKind::Oidc { JSON_OR_JWT } else { JSON };
        let response = self.with_bearer(question.endpoint, access_token, accept, condition)?;
        if response.status == 304 && etag.is_some() {
            return Ok(Userinfo::Unchanged);
        }
        succeeded(&response, "userinfo")?;
        let mut claims = if is_jwt(&response) {
            self.signed_userinfo(question, &response.body)?
        } else {
            json_object(&response.body, "userinfo")?
        };
        if subject.is_some_and(|subject| claims.get("sub").and_then(Value::as_str) != Some(subject)) {
            return Err(Error::new(Reason::UserInfoSubMismatch));
        }
        if let Some(request) = known.provider.email_request() {
            self.ask_email(known, request, access_token, &mut claims)?;
        }
        let etag = response.header("etag").filter(|etag| is_repeatable(etag));
        Ok(Userinfo::Claims { claims, etag: etag.map(str::to_owned) })
    }

    /// An answer that the provider signed (OpenID Connect Core section 5.3.2).
    fn signed_userinfo(&self, question: &Question<'_>, body: &[u8]) -> Result<Map<String, Value>> {
        let &Question { known, metadata, received, .. } = question;
        let token = std::str::from_utf8(body).map_err(|_| Error::new(Reason::MalformedJwt))?.trim();
        let now = self.wall_millis().saturating_add(received.server.saturating_sub(received.wall));
        let expected = Expected { now: from_millis(now), ..expected(self, known, metadata, None, received) };
        let needed = !expected.allowed.needs_no_keys(token);
        self.with_keys(metadata, needed, |keys| verify_userinfo(token, keys, &expected)).map_err(|error| {
            if error.kind() == ErrorKind::TokenRejected { error.with_detail("userinfo") } else { error }
        })
    }

    /// The address in an answer of its own. One that the token may not see is a profile without address, and no failure.
    fn ask_email(
        &self,
        known: &Known,
        request: &EmailRequest,
        access_token: &str,
        claims: &mut Map<String, Value>,
    ) -> Result<()> {
        let url = known.provider.url_for(&known.registration, "profile.email.request", &request.request)?;
        let response = self.with_bearer(&url, access_token, JSON, None)?;
        if matches!(response.status, 403 | 404) {
            return Ok(());
        }
        succeeded(&response, "e-mail addresses")?;
        let entries = match crate::json::parse(&response.body) {
            Ok(Value::Array(entries)) => entries,
            Ok(_) => return Err(Error::new(Reason::MalformedResponse).with_detail("e-mail addresses")),
            Err(_) => return Err(Error::new(Reason::NotJson).with_detail("e-mail addresses")),
        };
        // No fitting entry is an answer too: it replaces the address of an earlier one.
        let (email, verified) = choose_email(request, &entries).unzip();
        claims.insert(ASKED_EMAIL.to_owned(), email.into());
        claims.insert(ASKED_VERIFIED.to_owned(), verified.into());
        Ok(())
    }

    fn with_bearer(
        &self,
        url: &str,
        access_token: &str,
        accept: &str,
        more: Option<(String, String)>,
    ) -> Result<HttpResponse> {
        let accept = ("Accept".to_owned(), accept.to_owned());
        let mut headers = vec![accept, ("Authorization".to_owned(), format!("Bearer {access_token}"))];
        headers.extend(more);
        Ok(self.send(&HttpRequest::get(url, headers, self.limits(MAX_USERINFO)))?)
    }
}

fn is_jwt(response: &HttpResponse) -> bool {
    let kind = response.header("content-type").and_then(|kind| kind.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/jwt"))
}

fn succeeded(response: &HttpResponse, what: &str) -> Result<()> {
    expect_success(response)
        .map_err(|reason| Error::new(reason).with_status(response.status).with_detail(what.to_owned()))?;
    expect_json(response, what)
}

fn subject(row: &SessionRow) -> Option<&str> {
    row.identity.as_ref().map(|identity| identity.subject.as_str())
}
