//! Tokens that came and could not be saved: the disk was full after all. The token before them is spent, so they stay in memory with the lock
//! kept, are served as unsaved, and every call tries to save them again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::gate::Held;
use super::refresh::{Wish, busy};
use super::verify::is_for_good;
use super::{Known, Shared};
use crate::error::{Error, Result};
use crate::provider::Metadata;
use crate::refresh::window::Need;
use crate::session::MinValidity;
use crate::store::{JournalEvent, Note, Received, Rotation, Saved, SessionRow};
use crate::token::answer::TokenAnswer;

/// The sessions that have such tokens.
#[derive(Default)]
pub(super) struct Unsaved {
    kept: Mutex<HashMap<String, Arc<Kept>>>,
}

/// Such tokens.
pub(super) struct Kept {
    /// The row that they were got with.
    read_before: Arc<SessionRow>,
    brought_id_token: bool,
    in_doubt: bool,
    held: Arc<Held>,
    /// The row as it would be, had it been saved.
    row: Mutex<Arc<SessionRow>>,
}

impl Kept {
    pub(super) fn new(
        read_before: &Arc<SessionRow>,
        tokens: TokenAnswer,
        received: Received,
        brought_id_token: bool,
        in_doubt: bool,
        held: Arc<Held>,
    ) -> Self {
        let row = SessionRow {
            id: read_before.id.clone(),
            registration: read_before.registration.clone(),
            provider: read_before.provider.clone(),
            issuer: read_before.issuer.clone(),
            uid: read_before.uid.clone(),
            cause: None,
            generation: read_before.generation,
            verified: read_before.verified && !brought_id_token,
            created_at: read_before.created_at,
            received,
            lifetime: tokens.lifetime.map(super::millis),
            pause: None,
            doubted: read_before.doubted || in_doubt,
            attempt: None,
            unsaved: true,
            scopes: tokens.scope.clone().unwrap_or_else(|| read_before.scopes.clone()),
            identity: read_before.identity.clone(),
            profile_at: read_before.profile_at,
            profile_etag: read_before.profile_etag.clone(),
            profile: read_before.profile.clone(),
            tokens,
        };
        Self { read_before: Arc::clone(read_before), brought_id_token, in_doubt, held, row: Mutex::new(Arc::new(row)) }
    }

    fn row(&self) -> Arc<SessionRow> {
        Arc::clone(&self.row.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn mark_verified(&self) {
        let mut row = self.row.lock().unwrap_or_else(PoisonError::into_inner);
        let verified = SessionRow { verified: true, ..row.duplicate() };
        *row = Arc::new(verified);
    }
}

impl Unsaved {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Kept>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn keep(&self, kept: Kept) {
        self.lock().insert(kept.read_before.id.clone(), Arc::new(kept));
    }

    pub(super) fn holds(&self, id: &str) -> bool {
        self.lock().contains_key(id)
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    fn get(&self, id: &str) -> Option<Arc<Kept>> {
        self.lock().get(id).cloned()
    }

    fn remove(&self, kept: &Arc<Kept>) {
        let mut all = self.lock();
        if all.get(&kept.read_before.id).is_some_and(|there| Arc::ptr_eq(there, kept)) {
            all.remove(&kept.read_before.id);
        }
    }
}

impl Shared {
    /// For a session whose tokens are in memory only: tries to save them, and serves them as they are where that fails. `None` when there are none, or none
    /// any more.
    pub(super) fn unsaved_tokens(&self, id: &str, min_validity: MinValidity) -> Result<Option<Arc<SessionRow>>> {
        if !self.common.unsaved.holds(id) {
            return Ok(None);
        }
        let Err(error) = self.save_unsaved(id) else { return Ok(None) };
        let Some(kept) = self.common.unsaved.get(id) else { return Ok(None) };
        let row = kept.row();
        let known = self.known(&row.registration)?;
        let metadata = self.metadata(known, &row.tokens.kept)?;
        self.serve_unsaved(id, known, &metadata, Wish::Token(min_validity), error).map(Some)
    }

    /// Serves tokens that could not be saved, if they are checked and good. To renew them takes a disk that can be written: `error` says why not.
    pub(super) fn serve_unsaved(
        &self,
        id: &str,
        known: &Known,
        metadata: &Metadata,
        wish: Wish,
        error: Error,
    ) -> Result<Arc<SessionRow>> {
        let Some(kept) = self.common.unsaved.get(id) else { return Err(error) };
        let row = kept.row();
        if !row.verified {
            match self.check_id_token(known, metadata, &row) {
                Ok(()) => kept.mark_verified(),
                // Not served, and not told as an ending either before it can be stored: saved, they are checked again, and end the session then.
                Err(refused) if is_for_good(&refused) => {
                    log::warn!("tokens of session {id} that could not be saved are refused: {refused}");
                    return Err(error);
                }
                Err(refused) => return Err(refused),
            }
        }
        let row = kept.row();
        match wish {
            // It is newer than what the caller had: that is all there can be.
            Wish::Early(_) | Wish::Asked(_) | Wish::Rejected(_) | Wish::Interrupted => Ok(row),
            Wish::Token(_) if self.need(&row, MinValidity::secs(0)) != Need::Mandatory => Ok(row),
            Wish::Token(_) => Err(error),
        }
    }

    /// Tries to save such tokens. `None` when there are none. When the row says something newer by now, that counts.
    pub(super) fn save_unsaved(&self, id: &str) -> Result<Option<Arc<SessionRow>>> {
        let Some(kept) = self.common.unsaved.get(id) else { return Ok(None) };
        // After a suspension the lock is gone, and has to be had again before anything is written under it.
        if !kept.held.is_locked() {
            match self.try_refresh_lock(id)? {
                Some(lock) => self.common.gate.hold_again(&kept.held, lock)?,
                None => return Err(busy(None)),
            }
        }
        let row = kept.row();
        let rotation = Rotation {
            read_before: &kept.read_before,
            tokens: &row.tokens,
            received: &row.received,
            // What was checked in memory is checked again from the store: a mark that is not there cannot be wrong.
            brought_id_token: kept.brought_id_token,
            in_doubt: kept.in_doubt,
        };
        let note = Note::new(JournalEvent::Refreshed, &row.registration).session(&row.id);
        let saved = self.save_rotation(&rotation, &note)?;
        self.common.unsaved.remove(&kept);
        self.common.gate.release(&kept.held);
        match saved {
            Saved::Row(saved) => {
                log::info!("the tokens of session {id} that could not be saved are saved now");
                let saved = Arc::new(*saved);
                if row.verified {
                    self.set_previous(&row, &saved);
                }
                self.remembering(|| Ok(saved)).map(Some)
            }
            Saved::Lost(now) => self.lost(&kept.read_before, &row.tokens, now, Wish::Interrupted).map(Some),
        }
    }
}
