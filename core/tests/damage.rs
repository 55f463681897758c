//! Damaged databases: moved aside, kept as they were, never under somebody who has them open; and a thousand random ones, of which none brings anything but a
//! defined error.
#![cfg(feature = "ureq")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that fails should say where"
)]

mod support;

use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use keyfob::{
    EndSession, Error, ErrorKind, HttpRequest, HttpResponse, ImportedTokens, Keyfob, LoginOptions, MinValidity, Reason,
    Sent, Transport, TransportError, TransportFailure,
};
use rusqlite::Connection;
use support::{SSO, Temp, config, elsewhere};

/// Nobody is there: what these tests are about lies in the store.
struct Offline;

impl Transport for Offline {
    fn send(&self, _: &HttpRequest) -> Result<HttpResponse, TransportError> {
        Err(TransportError::new(Sent::NotSent, TransportFailure::Network, "offline"))
    }
}

const ISSUER: &str = "http://127.0.0.1:4011";

fn open(store: &Path) -> Result<Keyfob, Error> {
    Keyfob::open(elsewhere(config(ISSUER, store).with_transport(Arc::new(Offline))))
}

/// A store with some sessions, closed; gives their ids.
fn made(store: &Path) -> Vec<String> {
    let keyfob = open(store).unwrap();
    let import = |number: usize| {
        let tokens = ImportedTokens::new(SSO, format!("user-{number}"))
            // Long enough for pages of its own.
            .access_token(format!("token-{number}-{}", "x".repeat(3000)), None)
            .refresh_token("refresh");
        keyfob.import_session(tokens).unwrap().id().to_owned()
    };
    let ids = (0..12).map(import).collect();
    // The log goes into the database.
    keyfob.suspend(Duration::from_secs(1)).unwrap();
    ids
}

fn token(keyfob: &Keyfob, id: &str) -> Result<String, Error> {
    keyfob.access_token(id, MinValidity::default()).map(|token| token.secret().to_owned())
}

fn database(store: &Path) -> PathBuf {
    store.join("keyfob.db")
}

/// What lies aside, the newest last.
fn aside(store: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(store).unwrap().map(|file| file.unwrap().path());
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut found: Vec<PathBuf> =
        files.filter(|path| name(path).starts_with("damaged-") && name(path).ends_with(".db")).collect();
    found.sort();
    found
}

fn overwrite(store: &Path, at: u64, bytes: &[u8]) {
    let file = std::fs::File::options().write(true).open(database(store)).unwrap();
    file.write_all_at(bytes, at).unwrap();
}

#[test]
fn a_damaged_database_is_moved_aside_and_a_fresh_one_takes_its_place() {
    let temp = Temp::new();
    let ids = made(&temp.store());
    overwrite(&temp.store(), 0, b"no header of SQLite's");
    let damaged = std::fs::read(database(&temp.store())).unwrap();
    let fresh = open(&temp.store()).unwrap();
    assert!(fresh.sessions().unwrap().is_empty());
    assert_eq!(token(&fresh, &ids[0]).unwrap_err().reason(), Reason::UnknownSession);
    assert_eq!(fresh.health().unwrap().moved_aside(), 1);
    let line = &fresh.journal(1).unwrap()[0];
    assert_eq!((line.event(), line.reason()), ("StoreMovedAside", Some("StoreCorrupt")));
    assert_eq!(std::fs::read(&aside(&temp.store())[0]).unwrap(), damaged, "it is kept as it was");
    let tokens = ImportedTokens::new(SSO, "user").access_token("token", None);
    let id = fresh.import_session(tokens).unwrap().id().to_owned();
    drop(fresh);
    // Once, and not at each start.
    assert_eq!(token(&open(&temp.store()).unwrap(), &id).unwrap(), "token");
    assert_eq!(aside(&temp.store()).len(), 1);
}

#[test]
fn the_newest_two_are_kept() {
    let temp = Temp::new();
    let mut kept = Vec::new();
    for number in 0..4_u8 {
        made(&temp.store());
        overwrite(&temp.store(), 0, &[number; 100]);
        kept.push(std::fs::read(database(&temp.store())).unwrap());
        drop(open(&temp.store()).unwrap());
    }
    let found: Vec<Vec<u8>> = aside(&temp.store()).iter().map(|file| std::fs::read(file).unwrap()).collect();
    assert_eq!(found, kept[2..]);
}

#[test]
fn nobody_moves_a_database_that_somebody_has_open() {
    let temp = Temp::new();
    let ids = made(&temp.store());
    let user = open(&temp.store()).unwrap();
    token(&user, &ids[0]).unwrap();
    overwrite(&temp.store(), 0, b"no header of SQLite's");
    let damaged = std::fs::read(database(&temp.store())).unwrap();
    let error = open(&temp.store()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::StoreDamaged, Reason::StoreCorrupt));
    assert!(error.detail().unwrap().contains("another process"), "{error}");
    assert_eq!(std::fs::read(database(&temp.store())).unwrap(), damaged);
    assert!(aside(&temp.store()).is_empty());
    drop(user);
    open(&temp.store()).unwrap();
    assert_eq!(aside(&temp.store()).len(), 1);
}

#[test]
fn damage_that_shows_late_is_looked_for_at_the_next_start() {
    let temp = Temp::new();
    let ids = made(&temp.store());
    let pages = std::fs::metadata(database(&temp.store())).unwrap().len() / 4096;
    let root: u32 = Connection::open(database(&temp.store()))
        .unwrap()
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'session'", [], |row| row.get(0))
        .unwrap();
    let root = u64::from(root);
    assert!(pages > root);
    overwrite(&temp.store(), (root - 1) * 4096, &[0xff; 4096]);
    let user = open(&temp.store()).unwrap();
    let error = token(&user, &ids[0]).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::StoreDamaged, Reason::StoreCorrupt));
    assert!(!error.is_login_required());
    drop(user);
    let fresh = open(&temp.store()).unwrap();
    assert_eq!((fresh.sessions().unwrap().len(), fresh.health().unwrap().moved_aside()), (0, 1));
}

#[test]
fn s79_a_schema_that_was_altered_is_found_out_and_one_that_fits_is_kept() {
    let temp = Temp::new();
    let ids = made(&temp.store());
    Connection::open(database(&temp.store())).unwrap().execute_batch("DROP TABLE attempt").unwrap();
    let user = open(&temp.store()).unwrap();
    assert_eq!(token(&user, &ids[0]).unwrap_err().kind(), ErrorKind::StoreDamaged);
    drop(user);
    assert_eq!(open(&temp.store()).unwrap().health().unwrap().moved_aside(), 1);
    // A suspicion that proves wrong costs nothing.
    let other = Temp::new();
    let ids = made(&other.store());
    std::fs::write(other.store().join("keyfob.suspect"), "").unwrap();
    let user = open(&other.store()).unwrap();
    assert!(token(&user, &ids[0]).unwrap().starts_with("token-0"));
    assert!(aside(&other.store()).is_empty() && !other.store().join("keyfob.suspect").exists());
}

#[test]
fn s79_a_trigger_that_somebody_planted_does_not_run() {
    let temp = Temp::new();
    let ids = made(&temp.store());
    let planted = "CREATE TRIGGER planted AFTER UPDATE ON meta BEGIN UPDATE session SET uid = 'eve'; END";
    Connection::open(database(&temp.store())).unwrap().execute_batch(planted).unwrap();
    let user = open(&temp.store()).unwrap();
    user.set_current_session(&ids[1]).unwrap();
    assert_eq!(user.session(&ids[0]).unwrap().provider_uid(), "user-0");
}

/// Bytes changed, ranges overwritten, ends cut off, pages exchanged: in the database, or in a log that lies beside it.
fn mutate(file: &mut Vec<u8>, random: &mut fastrand::Rng) {
    let length = file.len();
    match random.u8(0..6) {
        0 => {
            for _ in 0..random.usize(1..4) {
                file[random.usize(0..length)] ^= 1 << random.u8(0..8);
            }
        }
        1 => file[random.usize(0..100.min(length))] = random.u8(..),
        2 => {
            let at = random.usize(0..length);
            let end = (at + random.usize(1..2000)).min(length);
            let value = if random.bool() { 0 } else { random.u8(..) };
            file[at..end].fill(value);
        }
        3 => file.truncate(random.usize(0..length)),
        4 => {
            let (one, two) = (random.usize(0..length / 4096), random.usize(0..length / 4096));
            let page = file[one * 4096..(one + 1) * 4096].to_vec();
            file[two * 4096..(two + 1) * 4096].copy_from_slice(&page);
        }
        _ => {
            // A cell's own place: the head of a page, where its pointers are.
            let at = random.usize(0..length / 4096) * 4096 + random.usize(0..40);
            file[at] = random.u8(..);
        }
    }
}

/// What may come of it.
#[track_caller]
fn defined<T>(what: &str, done: Result<T, Error>) -> Option<T> {
    match done {
        Ok(value) => Some(value),
        Err(error) => {
            let kind = error.kind();
            assert!(
                matches!(
                    kind,
                    ErrorKind::StoreDamaged
                        | ErrorKind::StoreUnsupported
                        | ErrorKind::StoreKey
                        | ErrorKind::StoreNotWritable
                        | ErrorKind::StoreUnavailable
                        // Nobody is there to be asked.
                        | ErrorKind::Network
                        | ErrorKind::RateLimited
                        | ErrorKind::RefreshBusy
                        // A row that is not found, or says that it has ended.
                        | ErrorKind::InvalidArgument
                        | ErrorKind::InvalidState
                        | ErrorKind::Configuration
                        | ErrorKind::LoginRequired
                ),
                "{what}: {kind:?} {error}"
            );
            None
        }
    }
}

#[test]
fn a_database_changed_at_random_brings_defined_errors_only_and_is_never_written_over_when_it_is_given_up() {
    change_at_random(0..150);
}

#[test]
#[ignore = "some minutes: `cargo xtask test torture`"]
fn wide_ten_thousand_databases_changed_at_random() {
    change_at_random(0..10_000);
}

fn change_at_random(seeds: std::ops::Range<u64>) {
    let temp = Temp::new();
    let base = temp.store().with_file_name("base");
    let ids = made(&base);
    let sound = std::fs::read(database(&base)).unwrap();
    let rounds = seeds.clone().count();
    let (mut moved, mut refused, mut whole) = (0, 0, 0);
    for seed in seeds {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut file = sound.clone();
        mutate(&mut file, &mut random);
        let store = temp.store().with_file_name(format!("mutated-{seed}"));
        std::fs::DirBuilder::new().mode(0o700).create(&store).unwrap();
        let made = std::fs::File::options().write(true).create_new(true).mode(0o600).open(database(&store)).unwrap();
        made.write_all_at(&file, 0).unwrap();
        let what = format!("seed {seed}");
        // Twice: what the first one noticed the second one may act on.
        for time in 0..2 {
            let Some(keyfob) = defined(&what, open(&store)) else {
                refused += 1;
                continue;
            };
            if let (0, [first]) = (time, aside(&store).as_slice()) {
                assert_eq!(std::fs::read(first).unwrap(), file, "{what}: it was written over");
            }
            let id = &ids[random.usize(0..ids.len())];
            for id in [id, "nobody"] {
                defined(&what, token(&keyfob, id));
            }
            defined(&what, keyfob.sessions());
            defined(&what, keyfob.health());
            defined(&what, keyfob.pending_logins());
            defined(&what, keyfob.begin_login(SSO, LoginOptions::new()).map(drop));
            defined(&what, keyfob.maintain(Duration::from_secs(1)));
            defined(&what, keyfob.end_session(id, EndSession::local_only()));
            let tokens = ImportedTokens::new(SSO, "another").access_token("token", None);
            if let Some(session) = defined(&what, keyfob.import_session(tokens)) {
                defined(&what, token(&keyfob, session.id()));
            }
        }
        if aside(&store).is_empty() {
            whole += 1
        } else {
            moved += 1
        }
        std::fs::remove_dir_all(&store).unwrap();
    }
    println!("{rounds} mutated databases: {moved} moved aside, {refused} opens refused, {whole} used as they were");
    assert!(moved > 0 && whole > 0);
}
