//! Opening the database: settings, schema, versions.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, FileControl, MAIN_DB, OpenFlags, TransactionBehavior};

use super::lock::patiently;
use crate::error::{Error, Reason, Result};

/// "Kfob": says that a database is ours.
const APPLICATION_ID: i32 = 0x4b66_6f62;

/// The newest schema that this version knows.
pub(super) const VERSION: i32 = 5;

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

/// What schema 2 adds: refreshing across processes. An attempt has a table of its own, for a session's row is long (tokens, claims) and would be
/// written anew for it.
const SCHEMA_2: &str = "
-- A request of ours was in doubt since the login.
ALTER TABLE session ADD COLUMN doubted INTEGER NOT NULL DEFAULT 0;
-- Since when and for how long the provider is left alone; it takes the place of retry_at, which knows one clock only.
ALTER TABLE session ADD COLUMN pause TEXT;

CREATE TABLE attempt (
    row INTEGER PRIMARY KEY,
    session TEXT NOT NULL UNIQUE,
    generation INTEGER NOT NULL,
    owner TEXT NOT NULL,
    begun TEXT NOT NULL,
    in_doubt INTEGER NOT NULL DEFAULT 0,
    pause TEXT
) STRICT;

-- The tries that count against a registration's budget.
CREATE TABLE spent (
    row INTEGER PRIMARY KEY,
    registration TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;

-- What is still to be revoked at a provider.
CREATE TABLE outbox (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    registration TEXT NOT NULL,
    provider TEXT NOT NULL,
    issuer TEXT NOT NULL,
    uid TEXT NOT NULL,
    session TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    pause TEXT,
    tokens BLOB NOT NULL
) STRICT;

ALTER TABLE journal ADD COLUMN wish TEXT;
ALTER TABLE journal ADD COLUMN waited INTEGER;
ALTER TABLE journal ADD COLUMN skew INTEGER;

-- How far this device's clock was from a provider's when that was last seen, in milliseconds.
ALTER TABLE meta ADD COLUMN skew INTEGER;
ALTER TABLE meta ADD COLUMN skew_at INTEGER;
";

/// What schema 3 adds: sealing.
const SCHEMA_3: &str = "
-- The keys that secrets are sealed with, each under the store key; one without a key leaves them as they are. A cause says why one is lost.
CREATE TABLE seal (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at INTEGER NOT NULL,
    cause TEXT,
    wrapped BLOB
) STRICT;

-- The seal that new values come under, and a digest of what the host says of its device.
ALTER TABLE meta ADD COLUMN seal INTEGER;
ALTER TABLE meta ADD COLUMN device BLOB;

-- Pages of sessions pass no tombstones, and counting them reads no row; those that are to be checked are found among a million.
CREATE INDEX session_listed ON session (row, state) WHERE state <> 2;
CREATE INDEX session_unverified ON session (row) WHERE state = 0 AND verified = 0;
-- Each login that begins forgets those that ended long ago.
CREATE INDEX login_expiry ON login (expires_at);
";

/// What schema 4 adds: documents are good for as long as their server says, and asked for by what it knows them by.
const SCHEMA_4: &str = "
ALTER TABLE document ADD COLUMN etag TEXT;
-- In milliseconds; none where the server said nothing.
ALTER TABLE document ADD COLUMN lifetime INTEGER;
";

/// What schema 5 adds: logouts at the provider's page, by the hash of their state.
const SCHEMA_5: &str = "
CREATE TABLE logout (
    row INTEGER PRIMARY KEY,
    state_hash BLOB NOT NULL UNIQUE,
    session TEXT NOT NULL,
    registration TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
";

/// What a store of schema 1 or 2 has is not sealed: the seal without a key, as which values without a head count.
const NOT_SEALED: &str = "
INSERT INTO seal (row, created_at) VALUES (1, 0);
UPDATE meta SET seal = 1;
";

/// Opens the database with every setting that the store relies on, and brings its schema up to date.
pub(super) fn open(database: &Path) -> Result<Connection> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(Error::new(Reason::Internal).with_detail("SQLite is older than 3.51.3"));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = Connection::open_with_flags(database, flags)?;
    // All that this room says.
    connection.set_prepared_statement_cache_capacity(64);
    for (config, on) in CONFIGURED {
        if connection.set_db_config(config, on)? != on {
            return Err(refused("a configuration of SQLite"));
        }
    }
    // Of those who turn the log on at once, in a store that is being made, all but one hear at once that it is busy, whatever the timeout says. So there
    // is none yet: it would be waited for at each of many looks.
    connection.busy_timeout(Duration::ZERO)?;
    let turn_on =
        || match connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0)) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(None),
            other => Ok(Some(other?)),
        };
    let mode = patiently(turn_on)?.ok_or_else(|| Error::new(Reason::StoreBusy).with_detail("the write-ahead log"))?;
    connection.busy_timeout(BUSY)?;
    if mode != "wal" {
        return Err(Error::new(Reason::NotAStore).with_detail("the file system does not support a write-ahead log"));
    }
    for &(pragma, value) in SETTINGS {
        connection.pragma_update(None, pragma, value)?;
        // SQLite says nothing when it does not do as it was told.
        if connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0))? != value {
            return Err(refused(pragma));
        }
    }
    // The log stays when the last one closes: who may only read can open the store all the same, and nobody frozen loses it under its hands.
    let mut keep_log = 1;
    connection.file_control(Some(MAIN_DB), FileControl::PersistWal(&mut keep_log))?;
    if keep_log != 1 {
        return Err(refused("the persistent log"));
    }
    migrate(&mut connection)?;
    Ok(connection)
}

/// What is switched on and off in SQLite: an altered schema can run nothing, and a statement is planned once and not for each value that is bound to it, which
/// would be most of what reading a session costs.
pub(super) const CONFIGURED: [(DbConfig, bool); 4] = [
    (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
    (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
];

/// The settings of a connection, as they read back.
pub(super) const SETTINGS: &[(&str, i64)] = &[
    ("trusted_schema", 0),
    ("cell_size_check", 1),
    // In memory.
    ("temp_store", 2),
    ("mmap_size", 0),
    // What is deleted is overwritten.
    ("secure_delete", 1),
    // A log that grew is cut when it begins anew, and emptied when the last one closes.
    ("journal_size_limit", 64 * 1024),
    // FULL: a commit is on the disk when it returns.
    ("synchronous", 2),
    // On Apple's systems only this reaches the disk.
    #[cfg(target_vendor = "apple")]
    ("fullfsync", 1),
    #[cfg(target_vendor = "apple")]
    ("checkpoint_fullfsync", 1),
];

fn refused(setting: &'static str) -> Error {
    Error::new(Reason::Internal).with_detail(format!("SQLite does not take a setting: {setting}"))
}

/// The schema as this version writes it, to hold a doubtful one against.
pub(super) fn expected() -> Result<String> {
    let connection = Connection::open_in_memory()?;
    create(&connection)?;
    text(&connection)
}

/// Every definition of a database.
pub(super) fn text(connection: &Connection) -> Result<String> {
    let sql = "SELECT coalesce(group_concat(coalesce(sql, name), char(10)), '') FROM (SELECT sql, name FROM sqlite_schema ORDER BY type, name)";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

fn create(connection: &Connection) -> Result<()> {
    connection.execute_batch(SCHEMA_1)?;
    connection.execute_batch(SCHEMA_2)?;
    connection.execute_batch(SCHEMA_3)?;
    connection.execute_batch(SCHEMA_4)?;
    connection.execute_batch(SCHEMA_5)?;
    Ok(())
}

/// Makes the schema, or checks that it is one this version knows. One transaction: a process that dies here changes nothing.
fn migrate(connection: &mut Connection) -> Result<()> {
    // Mostly there is nothing to do, and then nobody who hangs in a write keeps a store from being opened.
    if versions(connection)? == (APPLICATION_ID, VERSION) {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    match versions(&transaction)? {
        // Another process was quicker.
        (APPLICATION_ID, VERSION) => return Ok(()),
        (APPLICATION_ID, newer) if newer > VERSION => {
            return Err(Error::new(Reason::StoreTooNew).with_detail(format!("schema {newer}, known up to {VERSION}")));
        }
        (0, 0) => {
            let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            if tables != 0 {
                return Err(Error::new(Reason::NotAStore));
            }
            create(&transaction)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
        (APPLICATION_ID, older @ 1..VERSION) => {
            if older < 2 {
                transaction.execute_batch(SCHEMA_2)?;
            }
            if older < 3 {
                transaction.execute_batch(SCHEMA_3)?;
                transaction.execute_batch(NOT_SEALED)?;
            }
            if older < 4 {
                transaction.execute_batch(SCHEMA_4)?;
            }
            transaction.execute_batch(SCHEMA_5)?;
        }
        _ => return Err(Error::new(Reason::NotAStore)),
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    crash_point!("K15");
    transaction.commit()?;
    Ok(())
}

/// Whose database it is, and of which version.
fn versions(connection: &Connection) -> Result<(i32, i32)> {
    Ok((
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?,
        connection.pragma_query_value(None, "user_version", |row| row.get(0))?,
    ))
}
