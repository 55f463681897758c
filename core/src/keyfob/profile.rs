//! Userinfo (OpenID Connect Core section 5.3), and the profile made of it.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Shared;
use super::documents::{accept_json, expect_success, json_object};
use crate::error::{Error, Reason, Result};
use crate::http::HttpRequest;
use crate::session::{Freshness, MinValidity, Profile, from_claims, overlay};
use crate::store::SessionRow;

/// Longest userinfo answer.
const MAX_USERINFO: usize = 512 * 1024;

impl Shared {
    pub(super) fn profile(&self, id: &str, freshness: Freshness) -> Result<Profile> {
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
        let endpoint = self.metadata(known)?.userinfo_endpoint.ok_or_else(|| Error::new(Reason::NoUserInfo))?;
        let row = self.access_token(id, MinValidity::secs(10))?;
        let fetched = match self.userinfo(&endpoint, row.tokens.access_token.expose(), subject(&row)) {
            // The token was revoked before its time: one new one is worth a try.
            Err(error) if error.http_status() == Some(401) && row.tokens.refresh_token.is_some() => {
                let row = self.refresh_now(id)?;
                self.userinfo(&endpoint, row.tokens.access_token.expose(), subject(&row))
            }
            other => other,
        }?;
        // What the ID token told stays, save where userinfo now says otherwise.
        let claims = overlay(row.profile.raw().clone(), fetched);
        let profile = from_claims(known.provider.profile(), claims).ok_or_else(|| Error::new(Reason::UidMissing))?;
        if profile.uid() != row.uid {
            return Err(Error::new(Reason::UserInfoSubMismatch));
        }
        let saved = self.remembering(|| {
            let saved = self.store.save_profile(id, &profile, self.wall_millis())?;
            saved.map(Arc::new).ok_or_else(super::unknown_session)
        })?;
        saved.cause.map_or(Ok(profile), |cause| Err(Error::new(cause)))
    }

    /// Asks userinfo. With a subject (an ID token came), the answer must be about that subject before any claim of it is used.
    pub(super) fn userinfo(
        &self,
        endpoint: &str,
        access_token: &str,
        subject: Option<&str>,
    ) -> Result<Map<String, Value>> {
        let headers = vec![accept_json(), ("Authorization".to_owned(), format!("Bearer {access_token}"))];
        let request = HttpRequest::get(endpoint, headers, self.limits(MAX_USERINFO));
        let response = self.transport.send(&request)?;
        expect_success(&response)
            .map_err(|reason| Error::new(reason).with_status(response.status).with_detail("userinfo"))?;
        let claims = json_object(&response.body, "userinfo")?;
        if subject.is_some_and(|subject| claims.get("sub").and_then(Value::as_str) != Some(subject)) {
            return Err(Error::new(Reason::UserInfoSubMismatch));
        }
        Ok(claims)
    }
}

fn subject(row: &SessionRow) -> Option<&str> {
    row.identity.as_ref().map(|identity| identity.subject.as_str())
}
