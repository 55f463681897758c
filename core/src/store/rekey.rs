//! Another store key, and sealing a store that was not sealed.
//!
//! One transaction makes a new seal and puts every data key under the new store key: before it the old key opened the store, from then on the new one does.
//! Then each value is sealed anew, some in a transaction; then the old seals go. A process that dies anywhere in between leaves a store that one of the
//! two keys opens whole, and the next one to open it goes on.

use std::sync::Arc;

use rusqlite::{Transaction, params};

use super::seal::{DataKey, Place, Seal};
use super::sessions::LOGGED_OUT;
use super::vault::{Protection, Sealer, add, ask, find, rewrap};
use super::{JournalEvent, Note, Store, journal};
use crate::error::{Error, Reason, Result};
use crate::store_key::{FixedKey, StoreKey, StoreKeyAnswer, WantedKey};

/// How many rows are sealed anew in one transaction: others may write in between.
const AT_ONCE: i64 = 64;

impl Store {
    /// Puts the store under another key, and seals everything anew.
    pub(crate) fn rekey(&self, key: &StoreKey) -> Result<()> {
        let Protection::Key { fixed, .. } = self.vault.protection() else {
            let why = "the store is kept in plaintext: open it with a key, and it is sealed";
            return Err(Error::new(Reason::InvalidConfiguration).with_detail(why));
        };
        let now = self.vault.now();
        self.with_seals(|sealer| {
            let keys = || {
                sealer.seals().all.iter().filter_map(|(row, seal)| match seal {
                    Seal::Key(key) => Some((*row, key)),
                    Seal::Plain | Seal::Lost(_) => None,
                })
            };
            let new = DataKey::generate(keys().any(|(_, key)| key.after_plain))?;
            self.write(|transaction| {
                sealer.check(transaction)?;
                for (row, old) in keys() {
                    rewrap(transaction, row, old, key)?;
                }
                add(transaction, Some((&new, key)), now)?;
                journal::write(transaction, now, &Note::new(JournalEvent::StoreRekeyed, ""))?;
                crash_point!("R1");
                Ok(())
            })
        })?;
        crash_point!("R2");
        if fixed {
            let source = Arc::new(FixedKey(key.duplicate()));
            self.vault.set_protection(Protection::Key { source, fixed });
        }
        // A host's keystore may still give the old one: what this process has open, it opens with the new one that it was given.
        self.opened(self.read(find)?, Some(key))?;
        self.seal_through(Some(key))
    }

    /// Seals anew what is still under an older seal, as a process that was interrupted leaves it, and takes those seals away.
    pub(crate) fn seal_through(&self, key: Option<&StoreKey>) -> Result<()> {
        if self.vault.known().is_none_or(|known| known.seals.old().next().is_none()) {
            return Ok(());
        }
        // In this order: what a logout moves to the outbox meanwhile is found there.
        for seal_some in [sessions, logins, outbox] {
            let mut last = 0;
            while let Some(row) = self.with_seals(|sealer| {
                self.write_lightly(|transaction| {
                    sealer.check(transaction)?;
                    seal_some(transaction, sealer, last)
                })
            })? {
                last = row;
                crash_point!("R3");
            }
        }
        match (key, self.vault.protection()) {
            (Some(key), _) => self.drop_old_seals(key)?,
            (None, Protection::Key { source, .. }) => match ask(&*source, WantedKey::Existing)? {
                StoreKeyAnswer::Key(key) => self.drop_old_seals(&key)?,
                // The old seals stay until somebody has the key again.
                StoreKeyAnswer::NotNow | StoreKeyAnswer::Gone => {}
            },
            (None, Protection::Plain) => {}
        }
        self.forget_old_pages();
        Ok(())
    }

    /// Nothing is under them any more; and from now on nothing that is not sealed is taken for ours.
    fn drop_old_seals(&self, key: &StoreKey) -> Result<()> {
        self.with_seals(|sealer| {
            let seals = sealer.seals();
            self.write(|transaction| {
                sealer.check(transaction)?;
                for row in seals.old() {
                    transaction.prepare_cached("DELETE FROM seal WHERE row = ?1")?.execute([row])?;
                }
                if let Some(Seal::Key(current)) = seals.of(seals.current) {
                    rewrap(transaction, seals.current, &current.after_all(), key)?;
                }
                crash_point!("R4");
                Ok(())
            })
        })?;
        self.opened(self.read(find)?, Some(key)).map(drop)
    }
}

/// A value under the current seal, where it is under an older one. What cannot be opened stays as it is.
fn anew(sealer: &Sealer<'_>, place: Place<'_>, stored: Option<&[u8]>) -> Result<Option<Vec<u8>>> {
    let Some(stored) = stored.filter(|stored| sealer.seals().is_old(stored)) else { return Ok(None) };
    match sealer.open(place, stored) {
        Ok(value) => sealer.seal(place, &value).map(Some),
        Err(error) => {
            log::warn!("a value in the store cannot be opened, and stays as it is: {error}");
            Ok(None)
        }
    }
}

/// Row, id, state, profile and tokens.
type SessionValues = (i64, String, i64, Vec<u8>, Vec<u8>);

/// Row, id, secrets and answer.
type LoginValues = (i64, String, Option<Vec<u8>>, Option<Vec<u8>>);

/// Seals some sessions after row `last` anew, and says how far it came; `None` at the end. So do the two after it.
fn sessions(transaction: &Transaction<'_>, sealer: &Sealer<'_>, last: i64) -> Result<Option<i64>> {
    let sql = "SELECT row, id, state, profile, tokens FROM session WHERE row > ?1 ORDER BY row LIMIT ?2";
    let mut statement = transaction.prepare_cached(sql)?;
    let rows: Vec<SessionValues> = statement
        .query_map([last, AT_ONCE], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (row, id, state, profile, tokens) in &rows {
        // Of a tombstone nothing is left to be sealed.
        let profile = if *state == LOGGED_OUT && !profile.is_empty() {
            Some(Vec::new())
        } else {
            anew(sealer, Place::session_profile(id), Some(profile))?
        };
        let tokens = anew(sealer, Place::session_tokens(id), Some(tokens))?;
        if profile.is_some() || tokens.is_some() {
            let sql =
                "UPDATE session SET profile = coalesce(?1, profile), tokens = coalesce(?2, tokens) WHERE row = ?3";
            transaction.prepare_cached(sql)?.execute(params![profile, tokens, row])?;
        }
    }
    Ok(rows.last().map(|(row, ..)| *row))
}

fn logins(transaction: &Transaction<'_>, sealer: &Sealer<'_>, last: i64) -> Result<Option<i64>> {
    let sql = "SELECT row, id, secrets, answer FROM login WHERE row > ?1 ORDER BY row LIMIT ?2";
    let mut statement = transaction.prepare_cached(sql)?;
    let rows: Vec<LoginValues> = statement
        .query_map([last, AT_ONCE], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (row, id, secrets, answer) in &rows {
        let secrets = anew(sealer, Place::login_secrets(id), secrets.as_deref())?;
        let answer = anew(sealer, Place::login_answer(id), answer.as_deref())?;
        if secrets.is_some() || answer.is_some() {
            let sql = "UPDATE login SET secrets = coalesce(?1, secrets), answer = coalesce(?2, answer) WHERE row = ?3";
            transaction.prepare_cached(sql)?.execute(params![secrets, answer, row])?;
        }
    }
    Ok(rows.last().map(|(row, ..)| *row))
}

fn outbox(transaction: &Transaction<'_>, sealer: &Sealer<'_>, last: i64) -> Result<Option<i64>> {
    let sql = "SELECT row, session, tokens FROM outbox WHERE row > ?1 ORDER BY row LIMIT ?2";
    let mut statement = transaction.prepare_cached(sql)?;
    let rows: Vec<(i64, String, Vec<u8>)> = statement
        .query_map([last, AT_ONCE], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (row, session, tokens) in &rows {
        if let Some(tokens) = anew(sealer, Place::session_tokens(session), Some(tokens))? {
            let sql = "UPDATE outbox SET tokens = ?1 WHERE row = ?2";
            transaction.prepare_cached(sql)?.execute(params![tokens, row])?;
        }
    }
    Ok(rows.last().map(|(row, ..)| *row))
}
