//! The profile of a session, asked for again.

use std::sync::Arc;

use super::claims::{Question, Userinfo};
use super::refresh::same_provider;
use super::{Event, Shared};
use crate::error::{Error, Reason, Result};
use crate::session::{Freshness, MinValidity, Profile, from_claims, overlay};
use crate::store::SessionRow;

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
        let metadata = self.metadata(known, &row.tokens.kept)?;
        same_provider(&row, known, &metadata)?;
        if !known.asks_about_user(&metadata) {
            return Err(Error::new(Reason::NoUserInfo));
        }
        let row = self.access_token(id, MinValidity::secs(10), None)?;
        let ask = |row: &SessionRow| {
            self.userinfo(&Question {
                known,
                metadata: &metadata,
                tokens: &row.tokens,
                claims: row.profile.raw(),
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
                let filling = known.registration.filling().with(&row.tokens.kept);
                let profile =
                    from_claims(&known.provider, &filling, claims).ok_or_else(|| Error::new(Reason::UidMissing))?;
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
}

fn subject(row: &SessionRow) -> Option<&str> {
    row.identity.as_ref().map(|identity| identity.subject.as_str())
}
