use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::Barrier;
use std::thread;

use rusqlite::config::DbConfig;

use super::*;

/// A folder of this test's own, gone with it.
struct Temp(PathBuf);

impl Temp {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("keyfob-store-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn refused(path: &Path) -> Reason {
    Store::open(path, Keeping::plain()).map(|_| ()).unwrap_err().reason()
}

#[test]
fn s67_the_folder_is_ours_alone_and_so_is_every_file_in_it() {
    let temp = Temp::new("modes");
    let store = Store::open(&temp.0.join("a/store"), Keeping::plain()).unwrap();
    assert_eq!(mode(store.folder()), 0o700);
    for file in ["keyfob.db", "keyfob.db-wal", "keyfob.db-shm"] {
        assert_eq!(mode(&store.folder().join(file)), 0o600, "{file}");
    }
}

#[test]
fn s67_a_folder_open_to_others_and_a_symbolic_link_are_refused() {
    let temp = Temp::new("unsafe");
    let open = temp.0.join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(refused(&open), Reason::UnsafeStorePath);
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o700)).unwrap();
    drop(Store::open(&open, Keeping::plain()).unwrap());
    symlink(&open, temp.0.join("link")).unwrap();
    assert_eq!(refused(&temp.0.join("link")), Reason::UnsafeStorePath);
    // The path above it may hold links: the system's own do.
    symlink(&temp.0, temp.0.join("above")).unwrap();
    drop(Store::open(&temp.0.join("above/open"), Keeping::plain()).unwrap());
    let elsewhere = temp.0.join("elsewhere.db");
    std::fs::rename(open.join("keyfob.db"), &elsewhere).unwrap();
    symlink(&elsewhere, open.join("keyfob.db")).unwrap();
    assert_eq!(refused(&open), Reason::UnsafeStorePath);
}

#[test]
fn every_setting_that_the_store_relies_on_is_on() {
    let temp = Temp::new("settings");
    let store = Store::open(&temp.0.join("store"), Keeping::plain()).unwrap();
    let mut held = store.hold();
    let connection = held.connection().unwrap();
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).unwrap();
    let text = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, String>(0)).unwrap();
    let config = |config| connection.db_config(config).unwrap();
    assert!(config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE));
    assert!(config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG));
    assert!(!config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER) && !config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW));
    assert_eq!(text("journal_mode"), "wal");
    assert_eq!(number("synchronous"), 2);
    assert_eq!(number("secure_delete"), 1);
    assert_eq!(number("trusted_schema"), 0);
    assert_eq!(number("cell_size_check"), 1);
    assert_eq!((number("mmap_size"), number("temp_store")), (0, 2));
    assert_eq!(number("application_id"), 0x4b66_6f62);
    assert_eq!(number("user_version"), 5);
    // Asked, and not set.
    let mut keeps_log = -1;
    connection.file_control(Some(rusqlite::MAIN_DB), rusqlite::FileControl::PersistWal(&mut keeps_log)).unwrap();
    assert_eq!(keeps_log, 1);
}

#[test]
fn a_store_that_many_make_at_once_is_made_for_each() {
    for round in 0..40 {
        let temp = Temp::new(&format!("at-once-{round}"));
        let path = temp.0.join("store");
        let together = Barrier::new(8);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    together.wait();
                    Store::open(&path, Keeping::plain()).unwrap();
                });
            }
        });
    }
}

#[test]
fn a_database_that_somebody_keeps_locked_is_waited_for_once() {
    let temp = Temp::new("kept");
    let path = temp.0.join("store");
    drop(folder::prepare(&path).unwrap());
    let other = Connection::open(folder::prepare_database(&path).unwrap()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    // Not for as long at every look: that would be twenty minutes.
    assert_eq!(refused(&path), Reason::StoreBusy);
    drop(other);
    Store::open(&path, Keeping::plain()).unwrap();
}

#[test]
fn a_newer_store_and_a_foreign_database_are_refused_and_left_as_they_are() {
    let temp = Temp::new("versions");
    let path = temp.0.join("store");
    let store = Store::open(&path, Keeping::plain()).unwrap();
    store.hold().connection().unwrap().pragma_update(None, "user_version", schema::VERSION + 1).unwrap();
    drop(store);
    assert_eq!(refused(&path), Reason::StoreTooNew);
    let foreign = temp.0.join("foreign");
    drop(folder::prepare(&foreign).unwrap());
    let file = folder::prepare_database(&foreign).unwrap();
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert_eq!(refused(&foreign), Reason::NotAStore);
    let count = |sql| Connection::open(&file).unwrap().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM sqlite_schema"), 1);
    std::fs::write(&file, "not a database at all, but long enough to be looked at").unwrap();
    // What is no database at all may be one of ours, damaged from its first byte on: it is kept under another name.
    let store = Store::open(&foreign, Keeping::plain()).unwrap();
    assert_eq!(store.moved_aside().unwrap(), 1);
    assert_eq!(store.journal(1).unwrap()[0].event(), "StoreMovedAside");
    let files = std::fs::read_dir(&foreign).unwrap().map(|file| file.unwrap().path());
    let aside = files.filter(|file| file.file_name().unwrap().to_str().unwrap().starts_with("damaged-"));
    let aside: Vec<_> = aside.filter(|file| file.extension().unwrap() == "db").collect();
    assert_eq!(std::fs::read(&aside[0]).unwrap(), b"not a database at all, but long enough to be looked at");
}

#[test]
fn the_journal_is_bounded_and_newest_first() {
    let temp = Temp::new("journal");
    let store = Store::open(&temp.0.join("store"), Keeping::plain()).unwrap();
    for number in 0..1100 {
        let registration = number.to_string();
        let note = Note::new(JournalEvent::LoginBegun, &registration);
        store.write(|transaction| journal::write(transaction, number, &note)).unwrap();
    }
    let entries = store.journal(usize::MAX).unwrap();
    assert_eq!(entries.len(), 1000);
    assert_eq!(entries[0].registration(), Some("1099"));
    assert_eq!(entries[999].registration(), Some("100"));
    assert_eq!(store.journal(3).unwrap().len(), 3);
}

/// A login in the store, as read when it was pending.
fn pending(store: &Store, id: &str, created_at: i64) -> LoginRow {
    let metadata = serde_json::from_value(serde_json::json!({
        "issuer": null, "authorization_endpoint": "", "token_endpoint": "", "userinfo_endpoint": null, "jwks_uri": null,
        "revocation_endpoint": null, "end_session_endpoint": null, "iss_parameter": false, "token_auth_methods": []
    }));
    let secret = || crate::secret::Secret::new("");
    let login = NewLogin {
        id,
        state_hash: id.as_bytes(),
        registration: "r",
        created_at,
        expires_at: created_at + 1000,
        success: None,
        failure: None,
        app_data: None,
        for_session: None,
        pinned: &Pinned {
            metadata: metadata.unwrap(),
            redirect_uri: String::new(),
            scopes: Vec::new(),
            device: None,
            max_age: None,
            acr_values: Vec::new(),
        },
        secrets: &LoginSecrets { state: secret(), nonce: None, verifier: secret(), device: None },
    };
    store.begin_login(&login, &Note::new(JournalEvent::LoginBegun, "r")).unwrap();
    store.login(id).unwrap().unwrap()
}

#[test]
fn a_login_that_has_gone_on_is_not_ended_by_one_who_saw_it_waiting() {
    let temp = Temp::new("stages");
    let store = Store::open(&temp.0.join("store"), Keeping::plain()).unwrap();
    let note = Note::new(JournalEvent::LoginFailed, "r");
    let stage = || store.login("login").unwrap().unwrap().stage;
    let seen = pending(&store, "login", 0);
    assert!(store.start_exchange(&seen, b"code", 1).unwrap());
    assert!(!store.start_exchange(&seen, b"code", 1).unwrap(), "the right to send the code is one");
    store.fail_login(&seen, seen.stage, Reason::LoginExpired, 1, &note).unwrap();
    assert_eq!(stage(), Stage::Exchanging);
    store.fail_login(&seen, Stage::Exchanging, Reason::CodeExchangeInDoubt, 1, &note).unwrap();
    assert_eq!(stage(), Stage::Failed);
    store.put_back(&seen).unwrap();
    assert_eq!(stage(), Stage::Failed);
    assert!(store.login("login").unwrap().unwrap().secrets.is_none(), "it needs its secrets no longer");
}

#[test]
fn a_login_is_remembered_for_a_week_after_its_end() {
    let temp = Temp::new("week");
    let store = Store::open(&temp.0.join("store"), Keeping::plain()).unwrap();
    pending(&store, "first", 0);
    let week = 7 * 86_400_000;
    // Each expires a second after it began.
    pending(&store, "second", 1000 + week);
    assert!(store.login("first").unwrap().is_some());
    pending(&store, "third", 1001 + week);
    assert!(store.login("first").unwrap().is_none());
    assert!(store.login("second").unwrap().is_some());
}

#[test]
fn spare_space_is_there_before_it_is_needed_and_given_up_when_it_is() {
    let temp = Temp::new("spare");
    let store = Store::open(&temp.0.join("store"), Keeping::plain()).unwrap();
    let spare = store.folder().join("keyfob.spare");
    assert!(!spare.exists(), "not before a refresh");
    store.keep_spare().unwrap();
    assert_eq!((std::fs::metadata(&spare).unwrap().len(), mode(&spare)), (256 * 1024, 0o600));
    // Its blocks are really taken.
    assert!(std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(&spare).unwrap()) * 512 >= 256 * 1024);
    let made = std::fs::metadata(&spare).unwrap().modified().unwrap();
    store.keep_spare().unwrap();
    assert_eq!(std::fs::metadata(&spare).unwrap().modified().unwrap(), made, "once is enough");
    store.use_spare();
    assert!(!spare.exists());
    store.use_spare();
    // One that was cut short is made anew.
    std::fs::write(&spare, "x").unwrap();
    store.keep_spare().unwrap();
    assert_eq!(std::fs::metadata(&spare).unwrap().len(), 256 * 1024);
}

#[test]
fn a_lock_is_one_s_alone_or_shared_and_goes_with_its_holder() {
    let temp = Temp::new("locks");
    let store = Store::open(&temp.0.join("store"), Keeping::plain()).unwrap();
    let alone = || store.try_lock(Purpose::Grant, "r", Hold::Alone).unwrap();
    let shared = || store.try_lock(Purpose::Grant, "r", Hold::Shared).unwrap();
    let held = alone().unwrap();
    assert!(alone().is_none() && shared().is_none());
    assert!(store.try_lock(Purpose::Refresh, "r", Hold::Alone).unwrap().is_some(), "for another purpose");
    drop(held);
    let (one, two) = (shared().unwrap(), shared().unwrap());
    assert!(alone().is_none());
    drop((one, two));
    assert!(alone().is_some());
    let files: Vec<_> = std::fs::read_dir(store.folder()).unwrap().map(|file| file.unwrap().path()).collect();
    let locks: Vec<_> = files.iter().filter(|file| file.extension().is_some_and(|end| end == "lock")).collect();
    assert_eq!(locks.len(), 3, "and the one of the whole store: {files:?}");
    assert!(locks.iter().all(|file| mode(file) == 0o600));
}
