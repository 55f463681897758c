//! The tokens of a refresh: saved first, then checked, then handed out.

use std::sync::Arc;

use super::gate::Locked;
use super::login::expected;
use super::refresh::{Wish, busy};
use super::send::Flying;
use super::unsaved::Kept;
use super::{Known, Shared};
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::oidc::id_token::{Original, verify_refreshed};
use crate::provider::Metadata;
use crate::refresh::decide::{Loser, Standing, after_losing};
use crate::refresh::pause::{Failure, Pause};
use crate::store::{JournalEvent, Note, Received, Rotation, Saved, SessionRow};
use crate::token::answer::TokenAnswer;

impl Shared {
    /// Save first; then verify; then hand out.
    pub(super) fn save(
        &self,
        flying: &Flying<'_>,
        tokens: TokenAnswer,
        received: Received,
        skew: Option<i64>,
        locked: &mut Option<Locked<'_>>,
    ) -> Result<Arc<SessionRow>> {
        let brought_id_token = tokens.id_token.is_some() && flying.row.identity.is_some();
        let tokens = Self::completed_by(flying.row, tokens);
        let rotation = Rotation {
            read_before: flying.row,
            tokens: &tokens,
            received: &received,
            brought_id_token,
            in_doubt: flying.in_doubt,
        };
        let note = self.refreshed_note(flying, skew);
        let saved = match self.save_rotation(&rotation, &note) {
            Ok(saved) => saved,
            Err(error) => {
                // The token that was sent is spent: these are all there is, and they stay here, with the lock, until they can be saved.
                let Some(locked) = locked.take() else { return Err(error) };
                let kept = Kept::new(flying.row, tokens, received, brought_id_token, flying.in_doubt, locked.keep());
                self.common.unsaved.keep(kept);
                self.memory().forget(&flying.row.id);
                log::warn!(
                    "new tokens of session {} could not be saved, and are kept in memory: {error}",
                    flying.row.id
                );
                return self.serve_unsaved(&flying.row.id, flying.known, flying.metadata, flying.wish, error);
            }
        };
        crash_point!("K9");
        match saved {
            Saved::Row(row) => {
                let row = Arc::new(*row);
                self.set_previous(flying.row, &row);
                let row = self.remembering(|| Ok(row))?;
                match row.cause {
                    Some(cause) => Err(Error::new(cause)),
                    None if row.verified => Ok(row),
                    None => match self.verify(flying.known, flying.metadata, &row, flying.wish) {
                        Ok(row) => Ok(row),
                        Err(error) => self.unverified(&row, flying.wish, error),
                    },
                }
            }
            Saved::Lost(now) => self.lost(flying.row, &tokens, now, flying.wish),
        }
    }

    /// Saves, giving up the spare space when the disk is full.
    pub(super) fn save_rotation(&self, rotation: &Rotation<'_>, note: &Note<'_>) -> Result<Saved> {
        let saved = self.common.store.save_rotation(rotation, note);
        match saved {
            Err(error) if error.kind() == ErrorKind::StoreNotWritable => {
                self.common.store.use_spare();
                self.common.store.save_rotation(rotation, note)
            }
            saved => saved,
        }
    }

    /// The tokens came too late: the row's word counts.
    pub(super) fn lost(
        &self,
        read_before: &SessionRow,
        tokens: &TokenAnswer,
        now: Standing,
        wish: Wish,
    ) -> Result<Arc<SessionRow>> {
        if after_losing(now) == Loser::Revoke {
            self.common.store.owe(read_before, tokens, self.wall_millis())?;
            self.send_owed_of(&read_before.id);
        }
        let row = self.remembering(|| self.stored(&read_before.id))?;
        self.word_of(&row, wish)
    }

    /// What a row says to somebody who came to change it and was too late.
    fn word_of(&self, row: &Arc<SessionRow>, wish: Wish) -> Result<Arc<SessionRow>> {
        match row.cause {
            Some(cause) => Err(Error::new(cause)),
            None if row.verified => Ok(Arc::clone(row)),
            // Whoever replaced the tokens has still to find out whose they are.
            None => self.instead(row, wish, busy(None)),
        }
    }

    /// While newer tokens cannot be checked, the ones before them go on being served from memory.
    pub(super) fn set_previous(&self, before: &Arc<SessionRow>, after: &SessionRow) {
        if before.verified && !after.verified {
            self.memory().previous.insert(before.id.clone(), Arc::clone(before));
        }
    }

    /// Checks the ID token that came with saved tokens (OpenID Connect Core section 12.2), and says so in the store.
    pub(super) fn verify(
        &self,
        known: &Known,
        metadata: &Metadata,
        row: &Arc<SessionRow>,
        wish: Wish,
    ) -> Result<Arc<SessionRow>> {
        match self.check_id_token(known, metadata, row) {
            Ok(()) => {
                let marked = self.remembering(|| {
                    self.common.store.mark_verified(row)?;
                    self.stored(&row.id)
                });
                match marked {
                    Ok(marked) => self.word_of(&marked, wish),
                    // Saved and checked: it is served. Not remembered so: the next call checks it again, and tries again to write that.
                    Err(error) => {
                        log::warn!("that the tokens of session {} were checked could not be written: {error}", row.id);
                        Ok(Arc::new(SessionRow { verified: true, ..row.duplicate() }))
                    }
                }
            }
            Err(error) if is_for_good(&error) => {
                log::warn!("session {} ends: the refreshed ID token is refused: {error}", row.id);
                self.end(row, wish, Error::new(Reason::IdentityMismatch).with_source(error))
            }
            Err(error) => Err(error),
        }
    }

    /// The check alone.
    pub(super) fn check_id_token(&self, known: &Known, metadata: &Metadata, row: &SessionRow) -> Result<()> {
        let (Some(token), Some(identity)) = (&row.tokens.id_token, &row.identity) else {
            return Err(Error::new(Reason::StoreTampered).with_detail("session.verified"));
        };
        let expected = expected(self, known, metadata, Some(&row.tokens), &row.received);
        let original = Original { subject: &identity.subject, issuer: &identity.issuer, auth_time: identity.auth_time };
        let needed = !expected.allowed.needs_no_keys(token.expose());
        self.with_keys(metadata, needed, |keys| verify_refreshed(token.expose(), keys, &expected, &original)).map(drop)
    }

    /// The tokens are there and cannot be checked now. Those before them are served while they are good.
    pub(super) fn unverified(&self, row: &Arc<SessionRow>, wish: Wish, error: Error) -> Result<Arc<SessionRow>> {
        if error.is_login_required() {
            return Err(error);
        }
        if is_about_time(&error) {
            // No clock of ours will make it good: the next refresh brings another, and not at once.
            let pause = Pause::after(Failure::Unverified, None, row.pause.as_ref(), self.moment());
            let note = Note::new(JournalEvent::RefreshFailed, &row.registration).session(&row.id).error(&error);
            self.common.store.back_off(row, &pause, self.wall_millis(), &note)?;
            self.memory().forget(&row.id);
        }
        self.failed_now(&row.id);
        self.instead(row, wish, error)
    }

    /// Ends the session for the error's reason, if it is still the one that was read; else its newer state counts.
    pub(super) fn end(&self, row: &SessionRow, wish: Wish, error: Error) -> Result<Arc<SessionRow>> {
        let note = Note::new(JournalEvent::SessionEnded, &row.registration).session(&row.id).error(&error);
        let mut ended = false;
        let now = self.remembering(|| {
            ended = self.common.store.end_for(row, error.reason(), self.wall_millis(), &note)?;
            self.stored(&row.id)
        })?;
        if ended { Err(error) } else { self.word_of(&now, wish) }
    }
}

/// Whether a refused ID token stays refused. A key may still be published, and a time is a matter of clocks, which end no session.
pub(super) fn is_for_good(error: &Error) -> bool {
    let passing = error.reason() == Reason::IdTokenKeyNotFound || is_about_time(error);
    error.reason() == Reason::IdentityMismatch || (error.kind() == ErrorKind::TokenRejected && !passing)
}

/// Whether an ID token is refused for its times alone: issuer, audience and subject are looked at before them.
pub(super) fn is_about_time(error: &Error) -> bool {
    matches!(error.reason(), Reason::IdTokenExpired | Reason::IdTokenIat)
}
