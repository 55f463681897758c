//! Opening the database: settings, schema, versions.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::error::{Error, Reason, Result};

/// "Kfob": says that a database is ours.
const APPLICATION_ID: i32 = 0x4b66_6f62;

/// The newest schema that this version knows.
const VERSION: i32 = 1;

/// Below this SQLite can corrupt a WAL database that two processes write (fixed in 3.51.3).
const OLDEST_SQLITE: i32 = 3_051_003;

/// How long a statement waits for another process's write. Writes take a millisecond: longer means that somebody hangs.
const BUSY: Duration = Duration::from_secs(5);

/// The tables of schema 1. Secrets are in columns of their own, last in their rows, so that they can be sealed one by one.
const SCHEMA_1: &str = "
CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL,
    current_session TEXT
) STRICT;
INSERT INTO meta (one, generation) VALUES (1, 0);

CREATE TABLE login (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    state_hash BLOB NOT NULL UNIQUE,
    registration TEXT NOT NULL,
    stage INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    owner_pid INTEGER,
    exchange_at INTEGER,
    code_hash BLOB,
    session TEXT,
    reason TEXT,
    success TEXT,
    failure TEXT,
    app_data TEXT,
    for_session TEXT,
    pinned TEXT NOT NULL,
    received TEXT,
    secrets BLOB,
    answer BLOB
) STRICT;

CREATE TABLE session (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    registration TEXT NOT NULL,
    provider TEXT NOT NULL,
    issuer TEXT NOT NULL,
    uid TEXT NOT NULL,
    state INTEGER NOT NULL,
    cause TEXT,
    generation INTEGER NOT NULL,
    verified INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    received_wall INTEGER NOT NULL,
    received_boot INTEGER NOT NULL,
    boot_id TEXT,
    received_server INTEGER NOT NULL,
    lifetime INTEGER,
    retry_at INTEGER,
    scopes TEXT NOT NULL,
    identity TEXT,
    profile_at INTEGER NOT NULL,
    profile_etag TEXT,
    profile BLOB NOT NULL,
    tokens BLOB NOT NULL
) STRICT;
-- The same user of the same issuer has one session; one that the app logged out of stays behind as a tombstone.
CREATE UNIQUE INDEX session_by_user ON session (registration, issuer, uid) WHERE state <> 2;

CREATE TABLE document (
    row INTEGER PRIMARY KEY,
    url TEXT NOT NULL UNIQUE,
    fetched_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE journal (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    event TEXT NOT NULL,
    registration TEXT,
    session TEXT,
    reason TEXT,
    http_status INTEGER
) STRICT;
";

/// Opens the database with every setting that the store relies on, and brings its schema up to date.
pub(super) fn open(database: &Path) -> Result<Connection> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(Error::new(Reason::Internal).with_detail("SQLite is older than 3.51.3"));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "secure_delete", true)?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Error::new(Reason::NotAStore).with_detail("the file system does not support a write-ahead log"));
    }
    connection.pragma_update(None, "synchronous", "full")?;
    if cfg!(target_vendor = "apple") {
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    }
    migrate(&mut connection)?;
    Ok(connection)
}

/// Makes the schema, or checks that it is one this version knows. One transaction: a process that dies here changes nothing.
fn migrate(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let application: i32 = transaction.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match (application, version) {
        (APPLICATION_ID, VERSION) => return Ok(()),
        (APPLICATION_ID, newer) if newer > VERSION => {
            return Err(Error::new(Reason::StoreTooNew).with_detail(format!("schema {newer}, known up to {VERSION}")));
        }
        (0, 0) => {
            let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            if tables != 0 {
                return Err(Error::new(Reason::NotAStore));
            }
            transaction.execute_batch(SCHEMA_1)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        _ => return Err(Error::new(Reason::NotAStore)),
    }
    transaction.commit()?;
    Ok(())
}
