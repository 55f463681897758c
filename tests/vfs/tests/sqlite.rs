//! The shim under real SQLite: it fails where it is told to, leaves others alone, and its cuts are those that SQLite is made for.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;
use keyfob_vfs::{Disk, Fault, Files, Method, Recording, When};
use rusqlite::{Connection, ErrorCode};

/// A folder of one test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("keyfob-vfs-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(self.0.join("a.db"))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        Ok(connection)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn fill(connection: &Connection, rows: usize) -> rusqlite::Result<()> {
    connection.execute_batch("CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, text TEXT)")?;
    for _ in 0..rows {
        connection.execute("INSERT INTO t (text) VALUES (hex(randomblob(2000)))", [])?;
    }
    Ok(())
}

fn rows(connection: &Connection) -> usize {
    connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, isize>(0)).unwrap_or(0).unsigned_abs()
}

fn is_whole(connection: &Connection) -> bool {
    connection.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).is_ok_and(|said| said == "ok")
}

#[test]
fn a_call_fails_as_planned_once_or_from_then_on_and_others_do_not() {
    let (watched, other) = (Folder::new(), Folder::new());
    let disk = Disk::at(&watched.0);
    let (here, there) = (watched.open().unwrap(), other.open().unwrap());
    fill(&here, 1).unwrap();
    for (fault, code) in [
        (Fault::Io, ErrorCode::SystemIoFailure),
        (Fault::Full, ErrorCode::DiskFull),
        (Fault::ShortWrite, ErrorCode::DiskFull),
        // Refused shared memory's locks for good, a log is taken for one that does not keep to the protocol.
        (Fault::Busy, ErrorCode::FileLockingProtocolFailed),
    ] {
        disk.fail(fault, When::From(1));
        for _ in 0..2 {
            assert_eq!(fill(&here, 1).unwrap_err().sqlite_error_code(), Some(code), "{fault:?}");
        }
        fill(&there, 1).unwrap();
        let (able, failed) = disk.heal();
        assert!(able == failed && failed >= 2, "{fault:?}");
        let before = rows(&here);
        fill(&here, 1).unwrap();
        assert_eq!(rows(&here), before + 1);
    }
    disk.fail(Fault::Io, When::Once(3));
    let _ = fill(&here, 10);
    let (able, failed) = disk.heal();
    assert!(able >= 3 && failed == 1);
    disk.fail(Fault::Io, When::Never);
    fill(&here, 1).unwrap();
    let (able, failed) = disk.heal();
    assert!(able > 3 && failed == 0);
    assert!(is_whole(&here) && disk.count(Method::Write) > 0 && disk.count(Method::Sync) > 0);
}

#[test]
fn every_method_that_sqlite_uses_can_fail_and_is_on_the_way_of_something() {
    let folder = Folder::new();
    let disk = Disk::at(&folder.0);
    let connection = folder.open().unwrap();
    fill(&connection, 3).unwrap();
    drop(connection);
    let connection = folder.open().unwrap();
    fill(&connection, 1).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(connection);
    for method in Method::ALL {
        // Who writes without a lock is asked only where a rollback journal lies about.
        if method != Method::CheckReservedLock {
            assert!(disk.count(method) > 0, "{method:?}");
        }
        assert!(Fault::ALL.iter().any(|fault| fault.code(method).is_some()), "{method:?}");
    }
}

#[test]
fn a_lock_that_a_plan_refuses_is_not_waited_for() {
    let folder = Folder::new();
    let disk = Disk::at(&folder.0);
    let connection = folder.open().unwrap();
    fill(&connection, 1).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(600)).unwrap();
    disk.fail(Fault::Busy, When::From(1));
    assert!(fill(&connection, 1).is_err());
}

/// Every moment at which the power may go while rows are written and the log is emptied, and what is lost with it.
fn lost_rows(synchronous: &str) -> usize {
    let folder = Folder::new();
    let disk = Disk::at(&folder.0);
    disk.record(&["a.db"]);
    let connection = folder.open().unwrap();
    connection.pragma_update(None, "synchronous", synchronous).unwrap();
    let mut committed = vec![(0, 0)];
    for row in 1..=7 {
        fill(&connection, 1).unwrap();
        if row % 3 == 0 {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        }
        committed.push((disk.moment(), row));
    }
    drop(connection);
    let recording = disk.recorded();
    let mut lost = 0;
    for at in 0..=recording.len() {
        for seed in 0..3 {
            let files: Files = recording.cut(at, &mut Rng::with_seed(seed));
            let after = Folder::new();
            let _faster = Disk::at(&after.0);
            Recording::lay_out(&files, &after.0).unwrap();
            let connection = after.open().unwrap();
            assert!(is_whole(&connection), "at {at}, seed {seed}");
            let certain = committed.iter().rev().find(|(moment, _)| *moment <= at).unwrap().1;
            lost += certain - rows(&connection).min(certain);
        }
    }
    lost
}

#[test]
fn no_power_cut_loses_what_sqlite_promises_and_where_it_promises_less_that_is_seen() {
    assert_eq!(lost_rows("full"), 0);
    assert!(lost_rows("normal") > 0);
}

#[test]
fn without_syncs_a_power_cut_breaks_the_database() {
    let broken = std::panic::catch_unwind(|| lost_rows("off"));
    assert!(!matches!(broken, Ok(0)));
}
