//! The store: a folder of Keyfob's own with one SQLite database. All SQL is in this room, behind the few verbs that the
//! driver needs; every write is one short transaction, and none is open across the network or a callback.

mod documents;
mod folder;
mod journal;
mod logins;
mod schema;
mod sessions;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

pub(crate) use self::journal::Note;
pub use self::journal::{JournalEntry, JournalEvent};
pub(crate) use self::logins::{LoginRow, LoginSecrets, NewLogin, Pinned, Stage};
pub(crate) use self::sessions::{Identity, NewSession, Received, SessionRow};
use crate::error::{Error, Reason, Result};

/// The open store. One connection, used by one thread at a time: writes take microseconds.
pub(crate) struct Store {
    connection: Mutex<Connection>,
    folder: PathBuf,
}

impl Store {
    /// Opens the store in a folder, making both when they are missing.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let folder = folder::prepare(path)?;
        let database = folder::prepare_database(&folder)?;
        let connection = schema::open(&database)?;
        Ok(Self { connection: Mutex::new(connection), folder })
    }

    /// Where the store is, with every symbolic link above it resolved.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A number that changes when another connection, so another process, has committed.
    pub(crate) fn others_version(&self) -> Result<i64> {
        Ok(self.lock().pragma_query_value(None, "data_version", |row| row.get(0))?)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A thread that panicked left no transaction open (they roll back on drop), so the connection is still good.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, body: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        body(&self.lock())
    }

    /// Runs a write. It takes the write lock at once, so that it never has to be repeated half-way.
    fn write<T>(&self, body: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = body(&transaction)?;
        transaction.commit()?;
        Ok(value)
    }
}

impl Store {
    /// Empties the write-ahead log, which still has the pages as they were. A reader in another process may keep it from
    /// happening now; then the next one does it.
    fn forget_old_pages(&self) {
        let emptied = self.lock().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        if emptied != Ok(0) {
            log::debug!("the write-ahead log could not be emptied now");
        }
    }
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
