//! A damaged database: moved aside, never deleted, never written over, and never while anybody has it open. Then there is a fresh one, so that an app does not
//! fail at every start.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::folder::{BESIDE, DATABASE, cannot};
use super::lock::{FileLock, Hold, patiently, try_lock_store};
use super::{Store, folder, journal, schema, vault};
use crate::error::{Error, Reason, Result};
use crate::store::{JournalEvent, Note};

/// How many databases that were moved aside are kept.
const KEPT: usize = 2;

/// What the name of one begins with; the time in milliseconds follows.
const ASIDE: &str = "damaged-";

/// Says that somebody saw damage: the next one to open the store looks at all of it.
const SUSPECT: &str = "keyfob.suspect";

/// The database, open, and the lock that says so.
pub(super) struct Opened {
    pub(super) connection: Connection,
    lock: FileLock,
}

impl Opened {
    /// Closes the database, and lets go of the lock after that.
    pub(super) fn close(self) -> std::result::Result<(), Box<(Self, rusqlite::Error)>> {
        let Self { connection, lock } = self;
        match connection.close() {
            Ok(()) => {
                drop(lock);
                Ok(())
            }
            Err((connection, error)) => Err(Box::new((Self { connection, lock }, error))),
        }
    }
}

/// Opens the database of a folder; a damaged one is moved aside first.
pub(super) fn open(folder: &Path, now: i64) -> Result<Opened> {
    let lock = shared(folder)?;
    match open_sound(folder) {
        Err(error) if error.reason() == Reason::StoreCorrupt => drop(lock),
        other => return Ok(Opened { connection: other?, lock }),
    }
    let Some(alone) = try_lock_store(folder, Hold::Alone)? else {
        return Err(Error::new(Reason::StoreCorrupt).with_detail("another process has the store open"));
    };
    // Somebody else may have been quicker.
    let connection = match open_sound(folder) {
        Err(error) if error.reason() == Reason::StoreCorrupt => {
            if !is_damaged(folder)? {
                return Err(error);
            }
            move_aside(folder, now).map_err(cannot)?;
            let mut connection = open_sound(folder)?;
            let transaction = connection.transaction()?;
            let note = Note::new(JournalEvent::StoreMovedAside, "").reason(error.reason());
            journal::write(&transaction, now, &note)?;
            transaction.commit()?;
            log::error!(
                "the store was damaged ({error}): the database was moved aside, and the sessions in it are gone"
            );
            connection
        }
        other => other?,
    };
    match alone.share()? {
        Some(lock) => Ok(Opened { connection, lock }),
        None => Err(Error::new(Reason::StoreBusy)),
    }
}

/// Whoever moves a database aside is done in a moment.
fn shared(folder: &Path) -> Result<FileLock> {
    patiently(|| try_lock_store(folder, Hold::Shared))?
        .ok_or_else(|| Error::new(Reason::StoreBusy).with_detail("another process is moving the database aside"))
}

/// Opens it, and looks at all of it where somebody saw damage before.
fn open_sound(folder: &Path) -> Result<Connection> {
    let database = folder::prepare_database(folder)?;
    crash_point!("K16");
    let connection = schema::open(&database).map_err(|error| match error.reason() {
        // What a system that protects its files says of one that is locked looks like a broken disk. It passes.
        Reason::StoreNotWritable => {
            Error::new(Reason::StoreUnavailable).with_detail(error.detail().unwrap_or_default().to_owned())
        }
        _ => error,
    })?;
    vault::find(&connection)?;
    let suspect = folder.join(SUSPECT);
    if fs::symlink_metadata(&suspect).is_ok() {
        check(&connection)?;
        let _ = fs::remove_file(suspect);
    }
    Ok(connection)
}

/// Whether the database is what SQLite says of it. An error that has another reason, be it a bug of ours, costs nobody their sessions.
fn is_damaged(folder: &Path) -> Result<bool> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(folder.join(DATABASE), flags)?;
    match check(&connection) {
        Ok(()) => Ok(false),
        Err(error) if error.reason() == Reason::StoreCorrupt => Ok(true),
        Err(error) => Err(error),
    }
}

/// Looks at every page and every definition.
fn check(connection: &Connection) -> Result<()> {
    let verdict: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if verdict != "ok" || (version == schema::VERSION && schema::text(connection)? != schema::expected()?) {
        return Err(Error::new(Reason::StoreCorrupt).with_detail("the database does not pass its check"));
    }
    Ok(())
}

/// Leaves word for the next one to open the store. A store that cannot be written has other troubles.
pub(super) fn suspect(folder: &Path) {
    #[cfg(unix)]
    let made = std::os::unix::fs::OpenOptionsExt::mode(File::options().write(true).create_new(true), 0o600)
        .open(folder.join(SUSPECT));
    #[cfg(not(unix))]
    let made = File::options().write(true).create_new(true).open(folder.join(SUSPECT));
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            log::debug!("that the store may be damaged could not be noted: {:?}", error.kind());
        }
        _ => log::warn!("the store may be damaged: it is looked at when it is opened next"),
    }
}

/// All three files under a new name, and the oldest of those that were moved before deleted.
fn move_aside(folder: &Path, now: i64) -> io::Result<()> {
    let mut number = now;
    // A name that is taken is somebody's database.
    while fs::symlink_metadata(folder.join(format!("{ASIDE}{number}.db"))).is_ok() {
        number += 1;
    }
    let to = |ending: &str| folder.join(format!("{ASIDE}{number}.db{ending}"));
    // The log before the database: in between a crash leaves a database without its log and no log without a database.
    for ending in BESIDE.into_iter().chain([""]) {
        match fs::rename(folder.join(format!("{DATABASE}{ending}")), to(ending)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    let _ = fs::remove_file(folder.join(SUSPECT));
    let mut all = aside(folder)?;
    all.sort_unstable();
    all.reverse();
    for old in all.into_iter().skip(KEPT) {
        for ending in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(folder.join(format!("{ASIDE}{old}.db{ending}")));
        }
    }
    Ok(())
}

impl Store {
    /// How many databases lie aside.
    pub(crate) fn moved_aside(&self) -> Result<usize> {
        Ok(aside(self.folder()).map_err(cannot)?.len())
    }
}

/// The times in the names of the databases that were moved aside.
fn aside(folder: &Path) -> io::Result<Vec<i64>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let time = name.to_str().and_then(|name| name.strip_prefix(ASIDE)?.strip_suffix(".db"));
        all.extend(time.and_then(|time| time.parse::<i64>().ok()));
    }
    Ok(all)
}
