//! The store: a folder of Keyfob's own with one SQLite database. All SQL is in this room, behind the few verbs that the
//! driver needs; every write is one short transaction, and none is open across the network or a callback.

mod attempts;
mod documents;
mod folder;
mod health;
mod journal;
mod lock;
mod logins;
mod outbox;
mod schema;
mod sessions;
mod spare;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::attempts::{Budget, Permitted, Sending};
pub(crate) use self::journal::Note;
pub use self::journal::{JournalEntry, JournalEvent};
pub(crate) use self::lock::{FileLock, Hold, Purpose};
pub(crate) use self::logins::{DeviceSecrets, LoginRow, LoginSecrets, NewLogin, Pinned, Polling, Stage};
pub(crate) use self::outbox::OwedRow;
pub(crate) use self::sessions::{Identity, NewSession, Received, Rotation, Saved, SessionRow};
use crate::error::{Error, Reason, Result};

/// The open store. One connection, used by one thread at a time: writes take microseconds.
pub(crate) struct Store {
    /// None while suspended.
    connection: Mutex<Option<Connection>>,
    folder: PathBuf,
    /// The process that opened it: SQLite's connections and the kernel's locks do not survive a fork.
    pid: u32,
}

/// The connection, held by this thread.
struct Held<'a>(MutexGuard<'a, Option<Connection>>);

impl Held<'_> {
    fn connection(&mut self) -> Result<&mut Connection> {
        self.0.as_mut().ok_or_else(|| Error::new(Reason::Suspended))
    }
}

impl Store {
    /// Opens the store in a folder, making both when they are missing.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let folder = folder::prepare(path)?;
        let connection = open_in(&folder)?;
        Ok(Self { connection: Mutex::new(Some(connection)), folder, pid: std::process::id() })
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
        self.read(|connection| Ok(connection.pragma_query_value(None, "data_version", |row| row.get(0))?))
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
        if let Some(connection) = held.0.take()
            && let Err((connection, error)) = connection.close()
        {
            *held.0 = Some(connection);
            return Err(error.into());
        }
        Ok(())
    }

    /// Opens it again.
    pub(crate) fn reopen(&self) -> Result<()> {
        self.check_process()?;
        let mut held = self.hold();
        if held.0.is_none() {
            *held.0 = Some(open_in(&self.folder)?);
        }
        Ok(())
    }

    /// A child of `fork` has its parent's connection and must not touch it.
    fn check_process(&self) -> Result<()> {
        if std::process::id() == self.pid { Ok(()) } else { Err(Error::new(Reason::UsedAfterFork)) }
    }

    fn hold(&self) -> Held<'_> {
        // A thread that panicked left no transaction open (they roll back on drop), so the connection is still good.
        Held(self.connection.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn read<T>(&self, body: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.check_process()?;
        body(self.hold().connection()?)
    }

    /// Runs a write. It takes the write lock at once, so that it never has to be repeated half-way.
    fn write<T>(&self, body: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        self.check_process()?;
        let mut held = self.hold();
        let transaction = held.connection()?.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = body(&transaction)?;
        transaction.commit()?;
        Ok(value)
    }
}

impl Store {
    /// Runs a write that may be lost when the power is, and that nobody waits for the disk for.
    fn write_lightly<T>(&self, body: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        self.check_process()?;
        let mut held = self.hold();
        let connection = held.connection()?;
        connection.pragma_update(None, "synchronous", "normal")?;
        let written = (|| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = body(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })();
        connection.pragma_update(None, "synchronous", "full")?;
        written
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
            std::mem::forget(self.connection.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}

fn open_in(folder: &Path) -> Result<Connection> {
    let database = folder::prepare_database(folder)?;
    crash_point!("K16");
    schema::open(&database)
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
            Some(ErrorCode::DatabaseCorrupt) => Reason::StoreCorrupt,
            Some(ErrorCode::NotADatabase) => Reason::NotAStore,
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
