//! The seals of the store: which there are, which one is used, and the key that opens them.
//!
//! The store key never seals a secret itself. It wraps a random data key, a row of the table `seal`; a value in a column names the row that it is under. So a
//! wrong key shows at once, two stores under one store key have different data keys, and to change the store key is one transaction
//! (`store/rekey.rs`). What is lost stays as it is: its row only says why.

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest::{SHA256, digest};
use rusqlite::{Connection, Transaction, params};
use zeroize::Zeroizing;

use super::lock::{FileLock, patiently, try_lock_new_key};
use super::seal::{DataKey, Place, Seal, Seals, Value};
use super::sessions::end_all;
use super::{JournalEvent, Note, Store, journal, logins, tampered};
use crate::clock::{Clock, to_millis};
use crate::error::{Error, Reason, Result};
use crate::store_key::{StoreKey, StoreKeyAnswer, StoreKeySource, WantedKey};

/// How often another process may get in between before it is called busy.
const TRIES: usize = 5;

/// How the configuration wants secrets to be kept.
#[derive(Clone)]
pub(crate) enum Protection {
    /// As they are.
    Plain,
    /// Under a key. One that the configuration itself holds is `fixed`: a new one takes its place.
    Key { source: Arc<dyn StoreKeySource>, fixed: bool },
}

/// What a store is opened with.
pub(crate) struct Keeping {
    pub(crate) protection: Protection,
    /// Bytes of this device that no backup carries.
    pub(crate) device: Option<Zeroizing<Vec<u8>>>,
    pub(crate) clock: Arc<dyn Clock>,
}

#[cfg(test)]
impl Keeping {
    /// As tests have it that are about something else.
    pub(crate) fn plain() -> Self {
        Self { protection: Protection::Plain, device: None, clock: Arc::new(crate::clock::SystemClock::new()) }
    }
}

/// The seals, and how to come by them.
pub(super) struct Vault {
    protection: Mutex<Protection>,
    /// The digest of the device's bytes.
    device: Option<Vec<u8>>,
    clock: Arc<dyn Clock>,
    known: Mutex<Option<Arc<Known>>>,
}

/// The seals as they were found, opened.
pub(super) struct Known {
    found: Found,
    pub(super) seals: Seals,
}

/// What the database says of its seals.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Found {
    current: Option<u32>,
    device: Option<Vec<u8>>,
    seals: Vec<FoundSeal>,
}

#[derive(Clone, PartialEq, Eq)]
struct FoundSeal {
    row: u32,
    /// Why what is under it is lost.
    lost: Option<Reason>,
    /// The data key under the store key; `None` where values are kept as they are.
    wrapped: Option<Vec<u8>>,
}

impl Found {
    fn current(&self) -> Option<&FoundSeal> {
        self.seals.iter().find(|seal| Some(seal.row) == self.current)
    }
}

/// How a store keeps its secrets, for who looks after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sealing {
    /// As they are.
    Plaintext,
    /// Sealed, and the key is here.
    Sealed,
    /// Sealed, and the key was not to be had yet.
    Locked,
}

thread_local! {
    /// This thread is in the host's key source.
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

pub(super) fn ask(source: &dyn StoreKeySource, wanted: WantedKey) -> Result<StoreKeyAnswer> {
    struct Asked;
    impl Drop for Asked {
        fn drop(&mut self) {
            ASKING.set(false);
        }
    }
    if ASKING.replace(true) {
        return Err(Error::new(Reason::Reentered));
    }
    let _asked = Asked;
    Ok(source.store_key(wanted))
}

impl Vault {
    pub(super) fn new(keeping: Keeping) -> Self {
        Self {
            protection: Mutex::new(keeping.protection),
            device: keeping.device.map(|device| digest(&SHA256, &device).as_ref().to_vec()),
            clock: keeping.clock,
            known: Mutex::new(None),
        }
    }

    pub(super) fn known(&self) -> Option<Arc<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn remember(&self, known: &Arc<Known>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(known));
    }

    pub(super) fn protection(&self) -> Protection {
        self.protection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_protection(&self, protection: Protection) {
        *self.protection.lock().unwrap_or_else(PoisonError::into_inner) = protection;
    }

    pub(super) fn now(&self) -> i64 {
        to_millis(self.clock.wall())
    }

    /// The store was written on another device: what is in it was copied, and is not this one's to use.
    fn is_from_elsewhere(&self, found: &Found) -> bool {
        matches!((&self.device, &found.device), (Some(ours), Some(theirs)) if ours != theirs)
    }
}

/// What one call opens and seals with.
pub(super) struct Sealer<'a> {
    seals: &'a Seals,
    /// Something did not fit: perhaps another process has changed the key.
    stale: Cell<bool>,
}

impl Sealer<'_> {
    /// All seals.
    pub(super) fn seals(&self) -> &Seals {
        self.seals
    }

    /// The value as it goes into its column.
    pub(super) fn seal(&self, place: Place<'_>, value: &[u8]) -> Result<Vec<u8>> {
        self.seals.seal(place, value)
    }

    /// The value in a column. Where its key is lost, the error is the ending that this is.
    pub(super) fn open(&self, place: Place<'_>, stored: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        match self.seals.open(place, stored)? {
            Value::Open(value) => Ok(value),
            Value::Lost(cause) => Err(Error::new(cause)),
            Value::Unknown => {
                self.stale.set(true);
                Err(tampered(place.name()))
            }
            Value::Tampered => Err(tampered(place.name())),
        }
    }

    /// In the transaction that writes a value: that its seal is still the one for new values.
    pub(super) fn check(&self, transaction: &Transaction<'_>) -> Result<()> {
        let current: Option<u32> =
            transaction.prepare_cached("SELECT seal FROM meta")?.query_row([], |row| row.get(0))?;
        if current == Some(self.seals.current) {
            return Ok(());
        }
        self.stale.set(true);
        Err(Error::new(Reason::StoreBusy).with_detail("another process is changing the store key"))
    }
}

/// What the database says now.
pub(super) fn find(connection: &Connection) -> Result<Found> {
    let (current, device) = connection
        .prepare_cached("SELECT seal, device FROM meta")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut statement = connection.prepare_cached("SELECT row, cause, wrapped FROM seal ORDER BY row")?;
    let seals = statement.query_map([], |row| {
        let cause: Option<String> = row.get(1)?;
        // A cause that this version does not know is one all the same.
        let lost = cause.map(|name| Reason::from_name(&name).unwrap_or(Reason::KeyLost));
        Ok(FoundSeal { row: row.get(0)?, lost, wrapped: row.get(2)? })
    })?;
    Ok(Found { current, device, seals: seals.collect::<rusqlite::Result<_>>()? })
}

/// Adds a seal and makes it the one for new values: under `key`, or none.
pub(super) fn add(transaction: &Transaction<'_>, key: Option<(&DataKey, &StoreKey)>, now: i64) -> Result<u32> {
    let sql = "INSERT INTO seal (created_at) VALUES (?1) RETURNING row";
    let row: u32 = transaction.prepare_cached(sql)?.query_row([now], |row| row.get(0))?;
    if let Some((data_key, store_key)) = key {
        rewrap(transaction, row, data_key, store_key)?;
    }
    transaction.prepare_cached("UPDATE meta SET seal = ?1")?.execute([row])?;
    Ok(row)
}

/// Puts a data key under a store key.
pub(super) fn rewrap(transaction: &Transaction<'_>, row: u32, data_key: &DataKey, store_key: &StoreKey) -> Result<()> {
    let wrapped = data_key.wrap(store_key, row)?;
    transaction.prepare_cached("UPDATE seal SET wrapped = ?1 WHERE row = ?2")?.execute(params![wrapped, row])?;
    Ok(())
}

impl Store {
    /// Runs what opens or seals values; once more with what is found then when another process has changed the key.
    pub(super) fn with_seals<T>(&self, body: impl Fn(&Sealer<'_>) -> Result<T>) -> Result<T> {
        let mut known = match self.vault.known() {
            Some(known) => known,
            None => self.unlock()?,
        };
        let mut tries = 0;
        loop {
            let sealer = Sealer { seals: &known.seals, stale: Cell::new(false) };
            let done = body(&sealer);
            tries += 1;
            if !sealer.stale.get() || tries == TRIES {
                return done;
            }
            let now = self.unlock()?;
            if Arc::ptr_eq(&now, &known) {
                // Nothing has changed: it really does not fit.
                return done;
            }
            known = now;
        }
    }

    /// The seals as they are now, opened. Asks the host for the key where that is needed, and makes the first seal.
    pub(super) fn unlock(&self) -> Result<Arc<Known>> {
        let mut key: Option<StoreKey> = None;
        for _ in 0..TRIES {
            let found = self.read(find)?;
            if let Some(known) = self.vault.known().filter(|known| known.found == found) {
                return Ok(known);
            }
            let lost = self.vault.is_from_elsewhere(&found).then_some(Reason::OtherDevice);
            let current = found.current().filter(|_| lost.is_none());
            match (self.vault.protection(), current) {
                (Protection::Plain, None) => self.begin(&found, lost, Some(&New::Plain))?,
                (Protection::Plain, Some(FoundSeal { wrapped: None, .. })) => return self.opened(found, None),
                (Protection::Plain, Some(_)) => return Err(Error::new(Reason::StoreSealed)),
                (Protection::Key { source, .. }, None | Some(FoundSeal { wrapped: None, .. })) => {
                    let _alone = self.alone()?;
                    if self.read(find)? != found {
                        continue;
                    }
                    let StoreKeyAnswer::Key(new) = ask(&*source, WantedKey::New)? else {
                        return Err(Error::new(Reason::StoreKeyUnavailable));
                    };
                    let after_plain = current.is_some();
                    self.begin(&found, lost, Some(&New::Under(&new, DataKey::generate(after_plain)?)))?;
                    key = Some(new);
                }
                (Protection::Key { source, .. }, Some(_)) => {
                    let answer = match key.take() {
                        Some(key) => StoreKeyAnswer::Key(key),
                        None => ask(&*source, WantedKey::Existing)?,
                    };
                    match answer {
                        StoreKeyAnswer::Key(key) => return self.opened(found, Some(&key)),
                        StoreKeyAnswer::NotNow => return Err(Error::new(Reason::StoreKeyUnavailable)),
                        StoreKeyAnswer::Gone => self.begin(&found, Some(Reason::KeyLost), None)?,
                    }
                }
            }
        }
        Err(Error::new(Reason::StoreBusy))
    }

    /// The right to ask the host for a new key, and to seal with it: one at a time has it. Of two that are asked and find none in the keystore each
    /// would make one, and the later one would take the place of that which the store is sealed under by then.
    fn alone(&self) -> Result<FileLock> {
        if ASKING.get() {
            return Err(Error::new(Reason::Reentered));
        }
        patiently(|| try_lock_new_key(&self.folder))?.ok_or_else(|| {
            Error::new(Reason::StoreKeyUnavailable).with_detail("somebody else is asking for the new store key")
        })
    }

    /// Makes the seal for new values, if the store is still as it was found; `lost` says why the older ones cannot be used any more. Of what is
    /// under them nothing is deleted, and their sessions are over for that reason.
    fn begin(&self, found: &Found, lost: Option<Reason>, new: Option<&New<'_>>) -> Result<()> {
        let now = self.vault.now();
        self.write(|transaction| {
            if find(transaction)? != *found {
                return Ok(());
            }
            if let Some(cause) = lost {
                log::warn!("what is sealed in the store cannot be used any more: {}", cause.name());
                let sql = "UPDATE seal SET cause = ?1 WHERE cause IS NULL";
                transaction.prepare_cached(sql)?.execute([cause.name()])?;
                transaction.prepare_cached("UPDATE meta SET seal = NULL")?.execute([])?;
                end_all(transaction, cause)?;
                logins::fail_all(transaction, cause)?;
                journal::write(transaction, now, &Note::new(JournalEvent::StoreQuarantined, "").reason(cause))?;
            }
            match new {
                Some(New::Plain) => add(transaction, None, now).map(drop)?,
                Some(New::Under(store_key, data_key)) => {
                    add(transaction, Some((data_key, store_key)), now).map(drop)?
                }
                None => {}
            }
            if self.vault.device.is_some() {
                transaction.prepare_cached("UPDATE meta SET device = ?1")?.execute([&self.vault.device])?;
            }
            Ok(())
        })
    }

    /// Opens the seals that were found.
    pub(super) fn opened(&self, found: Found, key: Option<&StoreKey>) -> Result<Arc<Known>> {
        let current = found.current.ok_or_else(|| tampered("meta.seal"))?;
        let mut all = Vec::new();
        let mut after_plain = key.is_none();
        // The current one is the newest: whether plain values may still be there is its word, which nobody can forge.
        for seal in found.seals.iter().rev() {
            if let Some(cause) = seal.lost {
                all.push((seal.row, Seal::Lost(cause)));
                continue;
            }
            let opened = match (&seal.wrapped, key) {
                (None, _) if after_plain => Seal::Plain,
                (Some(wrapped), Some(key)) => match DataKey::unwrap(wrapped, key, seal.row)? {
                    Some(data_key) => {
                        after_plain = data_key.after_plain;
                        Seal::Key(data_key)
                    }
                    None if seal.row == current => return Err(Error::new(Reason::WrongStoreKey)),
                    None => continue,
                },
                (None, _) | (Some(_), None) => continue,
            };
            all.push((seal.row, opened));
        }
        if self.vault.device.is_some() && found.device.is_none() {
            self.write(|transaction| {
                let sql = "UPDATE meta SET device = ?1 WHERE device IS NULL";
                Ok(transaction.prepare_cached(sql)?.execute([&self.vault.device]).map(drop)?)
            })?;
        }
        // What is remembered is compared with what is found: so it is what is there now.
        let device = found.device.clone().or_else(|| self.vault.device.clone());
        let known = Arc::new(Known { found: Found { device, ..found }, seals: Seals { current, all } });
        self.vault.remember(&known);
        Ok(known)
    }

    /// Checks what a further handle of this process wants against what the first one has opened.
    pub(crate) fn admit(&self, protection: &Protection) -> Result<()> {
        let found = self.read(find)?;
        match (protection, found.current()) {
            (_, None) => Ok(()),
            (Protection::Plain, Some(FoundSeal { wrapped: Some(_), .. })) => Err(Error::new(Reason::StoreSealed)),
            (Protection::Plain, Some(_)) => Ok(()),
            (Protection::Key { .. }, Some(FoundSeal { wrapped: None, .. })) => {
                Err(Error::new(Reason::InvalidConfiguration)
                    .with_detail("another handle of this process has the store open with \"plaintext\""))
            }
            (Protection::Key { source, .. }, Some(FoundSeal { row, wrapped: Some(wrapped), .. })) => {
                match ask(&**source, WantedKey::Existing)? {
                    StoreKeyAnswer::Key(key) if DataKey::unwrap(wrapped, &key, *row)?.is_none() => {
                        Err(Error::new(Reason::WrongStoreKey))
                    }
                    // The first handle has the key, whatever this one's source says.
                    _ => Ok(()),
                }
            }
        }
    }

    /// How the secrets are kept.
    pub(crate) fn sealing(&self) -> Sealing {
        match (self.vault.protection(), self.vault.known()) {
            (Protection::Plain, _) => Sealing::Plaintext,
            (Protection::Key { .. }, Some(_)) => Sealing::Sealed,
            (Protection::Key { .. }, None) => Sealing::Locked,
        }
    }
}

/// A seal to be made.
enum New<'a> {
    Plain,
    Under(&'a StoreKey, DataKey),
}
