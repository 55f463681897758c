//! The store key in a real keyring: GNOME Keyring on a D-Bus session of each test's own, with a home of its own. Unlocked, locked, not there; another
//! process; an entry that somebody deleted or wrote over.
//!
//! This file has a `main` of its own: as `os_keyring session …` it is what runs in such a session, as `os_keyring worker …` another process there. Without
//! `dbus-run-session` and `gnome-keyring-daemon` (Debian: dbus, gnome-keyring) all of it is skipped.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test that fails should say where")]

#[path = "support/desktop.rs"]
mod desktop;
mod support;

use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use desktop::{Keyring, SERVICE, Worker, entry, in_session, is_here, write_another};
use keyfob::{
    Error, ErrorKind, ImportedTokens, Keyfob, OsKeyring, Reason, Result, Sealing, Session, SessionState,
    StoreKeyAnswer, StoreKeySource as _, WantedKey,
};
use keyring_core::Error as KeyringError;
use libtest_mimic::{Arguments, Trial};
use support::{SSO, Temp, bare_config, elsewhere};

/// The entry of the tests that need only one.
const ACCOUNT: &str = "store key";

/// Nobody is there, and nobody is asked.
const ISSUER: &str = "http://127.0.0.1:9";

/// How many processes begin at once.
const AT_ONCE: usize = 4;

const SCENARIOS: &[(&str, fn())] = &[
    ("a_new_key_is_made_kept_and_found_by_another_process", made_and_found),
    ("processes_that_make_one_store_at_once_end_with_one_key", made_at_once),
    ("a_locked_keyring_is_waited_for_and_ends_nothing", locked),
    ("a_keyring_that_does_not_run_is_waited_for_and_ends_nothing", not_running),
    ("a_deleted_key_is_waited_for_unless_the_app_says_that_it_is_gone", deleted),
    ("what_somebody_else_has_kept_there_is_left_alone", foreign),
    ("no_key_is_logged", logged),
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match &arguments[..] {
        [_, word, name] if word == "session" => {
            let (_, scenario) = SCENARIOS.iter().find(|(known, _)| known == name).unwrap();
            return scenario();
        }
        [_, word, task, account, store] if word == "worker" => return work(task, account, Path::new(store)),
        _ => {}
    }
    let trial = |name: &'static str| {
        Trial::test(name, move || {
            in_session(name);
            Ok(())
        })
        .with_ignored_flag(!is_here())
    };
    let trials = SCENARIOS.iter().map(|(name, _)| trial(name)).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// The other process: says one line.
fn work(task: &str, account: &str, store: &Path) {
    if task == "key" {
        println!("{}", text(&keyring(account), WantedKey::Existing).unwrap());
        return;
    }
    desktop::wait_for_go();
    let keyfob = open(store, keyring(account)).unwrap();
    match task {
        "import" => println!("{}", import(&keyfob, &format!("u-{}", std::process::id())).unwrap().id()),
        "count" => {
            let sessions = keyfob.sessions().unwrap();
            println!("{}", sessions.iter().filter(|session| is_whole(session)).count());
        }
        _ => unreachable!("no such task: {task}"),
    }
}

fn keyring(account: &str) -> OsKeyring {
    OsKeyring::new(SERVICE, account).unwrap()
}

/// The key as the entry holds it.
fn text(keyring: &OsKeyring, wanted: WantedKey) -> Option<String> {
    match keyring.store_key(wanted) {
        StoreKeyAnswer::Key(key) => Some(URL_SAFE_NO_PAD.encode(key.as_bytes())),
        _ => None,
    }
}

#[track_caller]
fn not_now(keyring: &OsKeyring, wanted: WantedKey) {
    let answer = keyring.store_key(wanted);
    assert!(matches!(answer, StoreKeyAnswer::NotNow), "{wanted:?}: {answer:?}");
}

fn open(store: &Path, keyring: OsKeyring) -> Result<Keyfob> {
    Keyfob::open(elsewhere(bare_config(ISSUER, store).with_store_key_source(Arc::new(keyring))))
}

fn import(keyfob: &Keyfob, uid: &str) -> Result<Session> {
    keyfob.import_session(ImportedTokens::new(SSO, uid).access_token(format!("token of {uid}"), None))
}

/// It is alive, and its token can be read.
fn is_whole(session: &Session) -> bool {
    session.state() == SessionState::Active
        && session.provider_access_token() == format!("token of {}", session.provider_uid())
}

/// A store with a session, sealed under the key in the keyring, as an earlier run of the app left it.
fn sealed_store(temp: &Temp) -> String {
    let keyfob = open(&temp.store(), keyring(ACCOUNT)).unwrap();
    assert_eq!(keyfob.health().unwrap().sealing(), Sealing::Sealed);
    import(&keyfob, "u-1").unwrap().id().to_owned()
}

/// The key is not there: nothing else happens.
#[track_caller]
fn waits_for_its_key(keyfob: &Keyfob, id: &str) {
    assert_eq!(keyfob.health().unwrap().sealing(), Sealing::Locked);
    for done in [keyfob.session(id).map(drop), import(keyfob, "u-2").map(drop)] {
        let error: Error = done.unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::StoreUnavailable, Reason::StoreKeyUnavailable));
    }
}

fn made_and_found() {
    let _daemon = Keyring::unlocked();
    not_now(&keyring(ACCOUNT), WantedKey::Existing);
    assert!(matches!(entry(ACCOUNT).get_password(), Err(KeyringError::NoEntry)), "an existing one was made");
    let made = text(&keyring(ACCOUNT), WantedKey::New).unwrap();
    assert_eq!(entry(ACCOUNT).get_password().unwrap(), made);
    assert_eq!(text(&keyring(ACCOUNT), WantedKey::New).unwrap(), made);
    assert_eq!(Worker::start("key", ACCOUNT, Path::new("none")).line(), made);
    assert_ne!(text(&keyring("another"), WantedKey::New).unwrap(), made);
    // However often it is asked: what a question opens is closed again.
    let before = desktop::open_things();
    for _ in 0..20 {
        assert_eq!(text(&keyring(ACCOUNT), WantedKey::Existing).unwrap(), made);
    }
    desktop::until("threads and connections are gone", || desktop::open_things() <= before);
}

fn made_at_once() {
    let _daemon = Keyring::unlocked();
    for round in 0..5 {
        let (temp, account) = (Temp::new(), format!("round {round}"));
        let mut workers: Vec<_> = (0..AT_ONCE).map(|_| Worker::start("import", &account, &temp.store())).collect();
        workers.iter_mut().for_each(Worker::go);
        for worker in workers {
            worker.line();
        }
        let mut after = Worker::start("count", &account, &temp.store());
        after.go();
        assert_eq!(after.line(), AT_ONCE.to_string());
    }
}

fn locked() {
    let mut daemon = Keyring::unlocked();
    let temp = Temp::new();
    let id = sealed_store(&temp);
    daemon.stop();
    let mut daemon = Keyring::locked();
    let keyfob = open(&temp.store(), keyring(ACCOUNT).missing_is_gone(true)).unwrap();
    waits_for_its_key(&keyfob, &id);
    not_now(&keyring(ACCOUNT), WantedKey::New);
    not_now(&keyring("another"), WantedKey::New);
    daemon.stop();
    let _daemon = Keyring::unlocked();
    assert!(is_whole(&keyfob.session(&id).unwrap()));
    assert!(matches!(entry("another").get_password(), Err(KeyringError::NoEntry)));
}

fn not_running() {
    let mut daemon = Keyring::unlocked();
    let temp = Temp::new();
    let id = sealed_store(&temp);
    daemon.stop();
    let keyfob = open(&temp.store(), keyring(ACCOUNT).missing_is_gone(true)).unwrap();
    waits_for_its_key(&keyfob, &id);
    not_now(&keyring(ACCOUNT), WantedKey::New);
    let new = Temp::new();
    let empty = open(&new.store(), keyring("another")).unwrap();
    waits_for_its_key(&empty, "nobody");
    // Not even a bus: the answer is the same.
    let mut worker = Worker::without_a_bus("count", ACCOUNT, &temp.store());
    worker.go();
    assert!(worker.failure().contains("StoreKeyUnavailable"));
    let _daemon = Keyring::unlocked();
    assert!(is_whole(&keyfob.session(&id).unwrap()));
    assert!(is_whole(&import(&empty, "u-1").unwrap()));
}

fn deleted() {
    let _daemon = Keyring::unlocked();
    let temp = Temp::new();
    let id = sealed_store(&temp);
    let kept = entry(ACCOUNT).get_password().unwrap();
    entry(ACCOUNT).delete_credential().unwrap();
    let keyfob = open(&temp.store(), keyring(ACCOUNT)).unwrap();
    waits_for_its_key(&keyfob, &id);
    assert!(matches!(entry(ACCOUNT).get_password(), Err(KeyringError::NoEntry)), "another one was made");
    // The user puts it back.
    entry(ACCOUNT).set_password(&kept).unwrap();
    assert!(is_whole(&keyfob.session(&id).unwrap()));
    drop(keyfob);
    entry(ACCOUNT).delete_credential().unwrap();
    let keyfob = open(&temp.store(), keyring(ACCOUNT).missing_is_gone(true)).unwrap();
    let lost = keyfob.session(&id).unwrap();
    assert_eq!((lost.state(), lost.provider_uid()), (SessionState::Ended(Reason::KeyLost), "u-1"));
    assert!(is_whole(&import(&keyfob, "u-2").unwrap()));
    assert_ne!(entry(ACCOUNT).get_password().unwrap(), kept);
}

fn foreign() {
    let _daemon = Keyring::unlocked();
    let temp = Temp::new();
    let id = sealed_store(&temp);
    let kept = entry(ACCOUNT).get_secret().unwrap();
    let (short, bytes) = (URL_SAFE_NO_PAD.encode([7; 31]), [0xff; 32]);
    for value in [b"hunter2".as_slice(), b"", short.as_bytes(), &bytes] {
        entry(ACCOUNT).set_secret(value).unwrap();
        let keyfob = open(&temp.store(), keyring(ACCOUNT).missing_is_gone(true)).unwrap();
        waits_for_its_key(&keyfob, &id);
        not_now(&keyring(ACCOUNT), WantedKey::New);
        assert_eq!(entry(ACCOUNT).get_secret().unwrap(), value);
    }
    entry(ACCOUNT).set_secret(&kept).unwrap();
    assert!(is_whole(&open(&temp.store(), keyring(ACCOUNT)).unwrap().session(&id).unwrap()));
    // Two entries that answer to the name: nobody knows which.
    write_another(ACCOUNT, b"hunter2");
    for wanted in [WantedKey::Existing, WantedKey::New] {
        not_now(&keyring(ACCOUNT).missing_is_gone(true), wanted);
    }
    assert!(matches!(entry(ACCOUNT).get_secret(), Err(KeyringError::Ambiguous(both)) if both.len() == 2));
}

/// Every line that is logged, at every level.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().unwrap().push(format!("{} {} {}", record.level(), record.target(), record.args()));
    }

    fn flush(&self) {}
}

fn logged() {
    let lines: &Lines = Box::leak(Box::default());
    log::set_logger(lines).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let _daemon = Keyring::unlocked();
    let temp = Temp::new();
    let id = sealed_store(&temp);
    let key = text(&keyring(ACCOUNT), WantedKey::Existing).unwrap();
    entry(ACCOUNT).delete_credential().unwrap();
    open(&temp.store(), keyring(ACCOUNT)).unwrap().session(&id).unwrap_err();
    entry(ACCOUNT).set_secret(b"hunter2 is what the user has there").unwrap();
    open(&temp.store(), keyring(ACCOUNT)).unwrap().session(&id).unwrap_err();
    let lines = lines.0.lock().unwrap().join("\n");
    for told in ["has no entry \"com.example.notes\", \"store key\"", "is left alone: what it holds is no store key"] {
        assert!(lines.contains(told), "not told: {told}\n{lines}");
    }
    let bytes = URL_SAFE_NO_PAD.decode(&key).unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    for secret in [key, hex, format!("{bytes:?}"), "hunter2".to_owned()] {
        assert!(!lines.contains(&secret), "{secret} in\n{lines}");
    }
}
