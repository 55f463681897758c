//! The store: a folder of Keyfob's own with one SQLite database. All SQL is in this room, behind the few verbs that the
//! driver needs; every write is one short transaction, and none is open across the network or a callback.

mod attempts;
mod damage;
mod documents;
mod file_system;
mod folder;
mod health;
mod journal;
mod listing;
mod lock;
mod logins;
mod logouts;
mod outbox;
mod rekey;
mod schema;
mod seal;
mod sessions;
mod spare;
mod vault;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::attempts::{Budget, Permitted, Sending};
use self::damage::Opened;
pub(crate) use self::documents::Document;
pub(crate) use self::journal::Note;
pub use self::journal::{JournalEntry, JournalEvent};
pub(crate) use self::lock::{FileLock, Hold, Purpose};
pub(crate) use self::logins::{DeviceSecrets, LoginRow, LoginSecrets, NewLogin, Pinned, Polling, Stage};
pub(crate) use self::logouts::LogoutRow;
pub(crate) use self::outbox::OwedRow;
pub(crate) use self::sessions::{Identity, NewSession, Received, Rotation, Saved, SessionRow};
pub use self::vault::Sealing;
pub(crate) use self::vault::{Keeping, Protection};
use self::vault::{Sealer, Vault};
use crate::error::{Error, Reason, Result};

/// The open store. One connection, used by one thread at a time: writes take microseconds.
pub(crate) struct Store {
    /// None while suspended.
    opened: Mutex<Option<Opened>>,
    folder: PathBuf,
    vault: Vault,
    /// The process that opened it: SQLite's connections and the kernel's locks do not survive a fork.
    pid: u32,
}

/// The connection, held by this thread.
struct Held<'a>(MutexGuard<'a, Option<Opened>>);

impl Held<'_> {
    fn connection(&mut self) -> Result<&mut Connection> {
        self.0.as_mut().map(|opened| &mut opened.connection).ok_or_else(|| Error::new(Reason::Suspended))
    }
}

impl Store {
    /// Opens the store in a folder, making both when they are missing. Nobody is asked for a key yet: see [`Store::unseal`].
    pub(crate) fn open(path: &Path, keeping: Keeping) -> Result<Self> {
        let folder = folder::prepare(path)?;
        let vault = Vault::new(keeping);
        let opened = damage::open(&folder, vault.now())?;
        Ok(Self { opened: Mutex::new(Some(opened)), folder, vault, pid: std::process::id() })
    }

    /// Opens the seals, asking the host for the key; seals what was not sealed, and ends what an interrupted change of keys left. A key that cannot be had
    /// now is asked for again when it is needed.
    pub(crate) fn unseal(&self) -> Result<()> {
        match self.unlock() {
            Ok(_) => self.seal_through(None),
            Err(error) if error.reason() == Reason::StoreKeyUnavailable => {
                log::debug!("the store key cannot be had now");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The folder that a path means, made when it is missing.
    pub(crate) fn folder_of(path: &Path) -> Result<PathBuf> {
        folder::prepare(path)
    }

    /// Where the store is, with every symbolic link above it resolved.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A number that changes when another connection, so another process, has committed.
    pub(crate) fn others_version(&self) -> Result<i64> {
        // Prepared once: with no coherence to wait for it is asked at every call.
        self.read(|connection| Ok(connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?))
    }

    /// Takes a lock if nobody holds it against us.
    pub(crate) fn try_lock(&self, purpose: Purpose, of: &str, hold: Hold) -> Result<Option<FileLock>> {
        self.check_process()?;
        lock::try_lock(&self.folder, purpose, of, hold)
    }

    /// Writes everything into the one file and closes it, so that nothing of the folder is open or locked.
    pub(crate) fn close(&self) -> Result<()> {
        self.check_process()?;
        self.forget_old_pages();
        let mut held = self.hold();
        if let Some(opened) = held.0.take()
            && let Err(still_open) = opened.close()
        {
            let (opened, error) = *still_open;
            *held.0 = Some(opened);
            return Err(error.into());
        }
        Ok(())
    }

    /// Opens it again.
    pub(crate) fn reopen(&self) -> Result<()> {
        self.check_process()?;
        let mut held = self.hold();
        if held.0.is_none() {
            *held.0 = Some(damage::open(&self.folder, self.vault.now())?);
        }
        Ok(())
    }

    /// A child of `fork` has its parent's connection and must not touch it.
    fn check_process(&self) -> Result<()> {
        if std::process::id() == self.pid { Ok(()) } else { Err(Error::new(Reason::UsedAfterFork)) }
    }

    fn hold(&self) -> Held<'_> {
        // A thread that panicked left no transaction open (they roll back on drop), so the connection is still good.
        Held(self.opened.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does something with the connection. Damage that shows there is noted for the next one to open the store.
    fn with_connection<T>(&self, body: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        self.check_process()?;
        let done = body(self.hold().connection()?);
        if done.as_ref().is_err_and(|error| error.reason() == Reason::StoreCorrupt) {
            damage::suspect(&self.folder);
        }
        done
    }

    fn read<T>(&self, body: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.with_connection(|connection| body(connection))
    }

    /// Runs a write. It takes the write lock at once, so that it never has to be repeated half-way.
    fn write<T>(&self, body: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        self.with_connection(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = body(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })
    }

    /// Reads sealed values.
    fn read_sealed<T>(&self, body: impl Fn(&Connection, &Sealer<'_>) -> Result<T>) -> Result<T> {
        self.with_seals(|sealer| self.read(|connection| body(connection, sealer)))
    }

    /// Runs a write that seals values, or reads them in its transaction.
    fn write_sealed<T>(&self, body: impl Fn(&Transaction<'_>, &Sealer<'_>) -> Result<T>) -> Result<T> {
        self.with_seals(|sealer| {
            self.write(|transaction| {
                sealer.check(transaction)?;
                body(transaction, sealer)
            })
        })
    }
}

impl Store {
    /// Runs a write that may be lost when the power is, and that nobody waits for the disk for.
    fn write_lightly<T>(&self, body: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        self.with_connection(|connection| {
            connection.pragma_update(None, "synchronous", "normal")?;
            let written = (|| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let value = body(&transaction)?;
                transaction.commit()?;
                Ok(value)
            })();
            connection.pragma_update(None, "synchronous", "full")?;
            written
        })
    }

    /// Empties the write-ahead log, which still has the pages as they were. A reader in another process may keep it from
    /// happening now; then the next one does it.
    fn forget_old_pages(&self) {
        let emptied = self.read(|connection| {
            Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))?)
        });
        if !matches!(emptied, Ok(0)) {
            log::debug!("the write-ahead log could not be emptied now");
        }
        crash_point!("K12");
    }
}

/// A child of `fork` leaves its parent's connection as it is: to close it would take the parent's locks away.
impl Drop for Store {
    fn drop(&mut self) {
        if self.check_process().is_err() {
            std::mem::forget(self.opened.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}

/// Text that always serialises: lists of strings and plain structures.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The same read back.
fn parse_json<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| tampered(what))
}

/// The version of the SQLite that is built in.
pub(crate) fn sqlite_version() -> String {
    rusqlite::version().to_owned()
}

/// The next number of the store-wide counter that generations come from.
fn next_generation(transaction: &Transaction<'_>) -> Result<i64> {
    let sql = "UPDATE meta SET generation = generation + 1 RETURNING generation";
    Ok(transaction.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// What SQLite says, in our words. Its texts name tables and columns, never values.
impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let reason = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Reason::StoreFull,
            Some(ErrorCode::ReadOnly) => Reason::StoreReadOnly,
            Some(ErrorCode::SystemIoFailure) => Reason::StoreNotWritable,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
                Reason::StoreBusy
            }
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => {
                Reason::StoreUnavailable
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Reason::StoreCorrupt,
            // Our statements fit our schema and our values its conditions: what does not has been altered. A bug looks the same, and costs nobody anything:
            // before a database is moved aside, all of it is looked at.
            Some(
                ErrorCode::Unknown
                | ErrorCode::SchemaChanged
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch,
            ) => Reason::StoreCorrupt,
            Some(ErrorCode::OutOfMemory) => Reason::StoreUnavailable,
            Some(_) => Reason::Internal,
            // A value of another type than was written.
            None => Reason::StoreTampered,
        };
        let code = error.sqlite_error().map(|inner| inner.extended_code);
        let error = Self::new(reason);
        match code {
            Some(code) => error.with_detail(format!("SQLite result code {code}")),
            None => error,
        }
    }
}

/// A value in the store that is not of the form it was written in.
fn tampered(what: &'static str) -> Error {
    Error::new(Reason::StoreTampered).with_detail(what)
}

#[cfg(test)]
mod tests;
