//! A sealed store as an application lives with it: the right key, a wrong one, one that is not there yet, one that is gone; another device; another key.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use keyfob::{
    Config, EndSession, Error, ErrorKind, Freshness, ImportedTokens, Keyfob, LoginOptions, MinValidity, Reason,
    Revocation, Sealing, SessionState, StoreKey, StoreKeyAnswer, StoreKeySource, WantedKey,
};
use rusqlite::Connection;
use support::{Bench, SSO, Temp, bare_config, config, elsewhere, let_others_wait, log_in, plain_config, store_key};

/// A keystore that answers as it is told, and keeps what it was asked.
struct Keystore {
    answers: Mutex<Box<dyn FnMut(WantedKey) -> StoreKeyAnswer + Send>>,
    asked: Mutex<Vec<WantedKey>>,
}

impl Keystore {
    fn new(answers: impl FnMut(WantedKey) -> StoreKeyAnswer + Send + 'static) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(Box::new(answers)), asked: Mutex::default() })
    }

    fn holding(key: [u8; 32]) -> Arc<Self> {
        Self::new(move |_| StoreKeyAnswer::Key(StoreKey::new(key)))
    }

    fn now_answers(&self, answers: impl FnMut(WantedKey) -> StoreKeyAnswer + Send + 'static) {
        *self.answers.lock().unwrap() = Box::new(answers);
    }

    fn asked(&self) -> Vec<WantedKey> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl StoreKeySource for Keystore {
    fn store_key(&self, wanted: WantedKey) -> StoreKeyAnswer {
        self.asked.lock().unwrap().push(wanted);
        (self.answers.lock().unwrap())(wanted)
    }
}

fn with_keystore(keystore: &Arc<Keystore>) -> impl FnOnce(&str, &Path) -> Config {
    let keystore = Arc::clone(keystore);
    move |issuer, store| bare_config(issuer, store).with_store_key_source(keystore)
}

impl Bench {
    /// The store opened anew, as after a restart.
    fn open(&self, config: impl FnOnce(&str, &Path) -> Config) -> Result<Keyfob, Error> {
        Keyfob::open(elsewhere(config(self.idp.issuer(), &self.temp.store()).with_clock(self.clock.clone())))
    }

    fn with_key(&self, key: [u8; 32]) -> Result<Keyfob, Error> {
        self.open(|issuer, store| bare_config(issuer, store).with_store_key(StoreKey::new(key)))
    }

    /// Every file of the store.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let files = std::fs::read_dir(self.temp.store()).unwrap().map(|file| file.unwrap().path());
        files
            .map(|file| (file.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&file).unwrap()))
            .collect()
    }

    /// Whether a text lies anywhere in the store.
    fn holds(&self, text: &str) -> bool {
        self.files().values().any(|file| file.windows(text.len()).any(|part| part == text.as_bytes()))
    }

    /// The database, for a test that does to it what it likes.
    fn database(&self) -> Connection {
        Connection::open(self.temp.store().join("keyfob.db")).unwrap()
    }

    /// A column of a row of the table, as it lies there.
    fn cell(&self, column: &str, table: &str, id: &str) -> Vec<u8> {
        let sql = format!("SELECT {column} FROM {table} WHERE id = ?1");
        self.database().query_row(&sql, [id], |row| row.get(0)).unwrap()
    }

    fn set_cell(&self, column: &str, table: &str, id: &str, value: &[u8]) {
        let sql = format!("UPDATE {table} SET {column} = ?1 WHERE id = ?2");
        assert_eq!(self.database().execute(&sql, rusqlite::params![value, id]).unwrap(), 1);
    }
}

fn token(keyfob: &Keyfob, id: &str) -> Result<String, Error> {
    keyfob.access_token(id, MinValidity::default()).map(|token| token.secret().to_owned())
}

#[track_caller]
fn refused<T>(done: Result<T, Error>, kind: ErrorKind, reason: Reason) {
    let error = done.map(|_| ()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (kind, reason), "{error}");
}

#[test]
fn what_is_sealed_is_read_by_every_process_that_has_the_key_and_seen_by_nobody_else() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    let before = session.provider_refresh_token().unwrap().to_owned();
    let session = bench.keyfob.refresh_session(session.id()).unwrap();
    bench.keyfob.profile(session.id(), Freshness::secs(0)).unwrap();
    let waiting = bench.redirect();
    let there = bench.another();
    assert_eq!(token(&there, session.id()).unwrap(), session.provider_access_token());
    assert_eq!(there.session(session.id()).unwrap().profile().email(), Some("ada@example.com"));
    assert_eq!(there.health().unwrap().sealing(), Sealing::Sealed);
    for secret in [
        &before,
        session.provider_refresh_token().unwrap(),
        session.provider_access_token(),
        session.id_token().unwrap(),
        "ada@example.com",
    ] {
        assert!(!bench.holds(secret));
    }
    assert!(bench.holds(session.id()), "the search can see");
    there.complete_login(&waiting).unwrap();
}

#[test]
fn s70_a_wrong_key_is_told_and_changes_no_byte() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    bench.keyfob.suspend(std::time::Duration::from_secs(1)).unwrap();
    let before = bench.files();
    refused(bench.with_key([7; 32]), ErrorKind::StoreKey, Reason::WrongStoreKey);
    assert_eq!(bench.files()["keyfob.db"], before["keyfob.db"]);
    // Nor does one who forgot the key.
    refused(bench.open(plain_config), ErrorKind::StoreKey, Reason::StoreSealed);
    refused(bench.open(bare_config), ErrorKind::Configuration, Reason::InvalidConfiguration);
    assert_eq!(bench.files()["keyfob.db"], before["keyfob.db"]);
    let again = bench.with_key([42; 32]).unwrap();
    assert_eq!(token(&again, session.id()).unwrap(), session.provider_access_token());
    let both = bench.open(|issuer, store| plain_config(issuer, store).with_store_key(store_key()));
    refused(both, ErrorKind::Configuration, Reason::InvalidConfiguration);
}

#[test]
fn s71_a_key_that_is_not_there_yet_logs_nobody_out() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    let redirect = bench.redirect();
    let keystore = Keystore::new(|_| StoreKeyAnswer::NotNow);
    let locked = bench.open(with_keystore(&keystore)).unwrap();
    assert_eq!(locked.health().unwrap().sealing(), Sealing::Locked);
    let id = session.id();
    for done in [
        token(&locked, id).map(drop),
        locked.session(id).map(drop),
        locked.sessions().map(drop),
        locked.current_session().map(drop),
        locked.refresh_session(id).map(drop),
        locked.complete_login(&redirect).map(drop),
        locked.begin_login(SSO, LoginOptions::new()).map(drop),
        locked.rekey(&StoreKey::new([9; 32])),
    ] {
        let error = done.unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::StoreUnavailable, Reason::StoreKeyUnavailable));
        assert!(error.is_retryable() && !error.is_login_required());
    }
    // Nothing of it needs a secret.
    assert_eq!(locked.pending_logins().unwrap().len(), 1);
    assert!(!locked.journal(10).unwrap().is_empty());
    // It was to be an old one each time: a host that makes a new one now would lose everything.
    assert!(keystore.asked().iter().all(|wanted| *wanted == WantedKey::Existing));
    keystore.now_answers(|_| StoreKeyAnswer::Key(store_key()));
    assert_eq!(token(&locked, id).unwrap(), session.provider_access_token());
    locked.complete_login(&redirect).unwrap();
    assert_eq!(locked.health().unwrap().sealing(), Sealing::Sealed);
    assert_eq!(keystore.asked(), [WantedKey::Existing], "once it is there, nobody is asked again");
}

#[test]
fn a_new_store_waits_for_its_first_key_and_asks_for_a_new_one() {
    let keystore = Keystore::new(|_| StoreKeyAnswer::NotNow);
    let bench = Bench::with(with_keystore(&keystore));
    refused(
        bench.keyfob.begin_login(SSO, LoginOptions::new()),
        ErrorKind::StoreUnavailable,
        Reason::StoreKeyUnavailable,
    );
    assert!(keystore.asked().iter().all(|wanted| *wanted == WantedKey::New));
    keystore.now_answers(|_| StoreKeyAnswer::Key(store_key()));
    let session = bench.log_in();
    assert_eq!(token(&bench.with_key([42; 32]).unwrap(), session.id()).unwrap(), session.provider_access_token());
}

/// A keystore as systems have them: it cannot be told to keep a key only if it has none.
#[derive(Default)]
struct Entry(Mutex<Option<[u8; 32]>>);

impl StoreKeySource for Entry {
    fn store_key(&self, wanted: WantedKey) -> StoreKeyAnswer {
        let kept = *self.0.lock().unwrap();
        let key = kept.unwrap_or_else(|| {
            assert_eq!(wanted, WantedKey::New);
            let_others_wait();
            let made = *StoreKey::generate().unwrap().as_bytes();
            *self.0.lock().unwrap() = Some(made);
            made
        });
        StoreKeyAnswer::Key(StoreKey::new(key))
    }
}

#[test]
fn processes_that_make_one_store_at_once_ask_for_its_key_one_after_the_other() {
    let (temp, entry) = (Temp::new(), Arc::new(Entry::default()));
    let open = || {
        let config = bare_config("http://127.0.0.1:9", &temp.store());
        Keyfob::open(elsewhere(config.with_store_key_source(entry.clone()))).unwrap()
    };
    std::thread::scope(|scope| {
        for uid in ["u-1", "u-2", "u-3", "u-4"] {
            scope.spawn(move || {
                open().import_session(ImportedTokens::new(SSO, uid).access_token("a token", None)).unwrap();
            });
        }
    });
    assert_eq!(open().sessions().unwrap().len(), 4);
}

#[test]
fn who_waits_for_a_new_key_that_another_process_asks_for_waits_five_seconds_and_can_try_again() {
    let temp = Temp::new();
    let config = || elsewhere(bare_config("http://127.0.0.1:9", &temp.store()));
    // Its dialog is open until the test closes it.
    let (closed, dialog) = std::sync::mpsc::channel();
    let (shown, seen) = std::sync::mpsc::channel();
    let asking = Keystore::new(move |_| {
        shown.send(()).unwrap();
        dialog.recv().unwrap();
        StoreKeyAnswer::Key(store_key())
    });
    std::thread::scope(|scope| {
        let first = scope.spawn(|| Keyfob::open(config().with_store_key_source(asking.clone())).unwrap());
        seen.recv().unwrap();
        let second = Keystore::holding([42; 32]);
        let waiting = Keyfob::open(config().with_store_key_source(second.clone())).unwrap();
        assert_eq!((waiting.health().unwrap().sealing(), second.asked()), (Sealing::Locked, Vec::new()));
        closed.send(()).unwrap();
        assert_eq!(first.join().unwrap().health().unwrap().sealing(), Sealing::Sealed);
        waiting.import_session(ImportedTokens::new(SSO, "u-1").access_token("a token", None)).unwrap();
        assert_eq!(second.asked(), [WantedKey::Existing]);
    });
}

#[test]
fn a_session_is_logged_out_while_the_key_is_not_there() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    let keystore = Keystore::new(|_| StoreKeyAnswer::NotNow);
    let locked = bench.open(with_keystore(&keystore)).unwrap();
    bench.idp.clear_requests();
    let ended = locked.end_session(session.id(), EndSession::default()).unwrap();
    assert!(matches!(ended.revocation(), Revocation::Owed(error) if error.reason() == Reason::StoreKeyUnavailable));
    assert_eq!(bench.idp.requests().len(), 0);
    refused(token(&bench.keyfob, session.id()), ErrorKind::LoginRequired, Reason::LoggedOut);
    refused(locked.end_session("nobody", EndSession::default()), ErrorKind::InvalidArgument, Reason::UnknownSession);
    // Who has the key tells the provider.
    keystore.now_answers(|_| StoreKeyAnswer::Key(store_key()));
    assert_eq!(locked.maintain(std::time::Duration::from_secs(5)).unwrap().revoked(), 1);
    let revoked = &bench.requests("/revoke")[0];
    assert_eq!(revoked.parameter("token"), session.provider_refresh_token());
}

#[test]
fn a_key_that_is_gone_ends_the_sessions_keeps_who_they_were_and_deletes_nothing() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    let redirect = bench.redirect();
    let sealed = bench.cell("tokens", "session", session.id());
    let mut gone = true;
    let keystore = Keystore::new(move |wanted| match wanted {
        WantedKey::Existing if std::mem::take(&mut gone) => StoreKeyAnswer::Gone,
        _ => StoreKeyAnswer::Key(StoreKey::new([9; 32])),
    });
    let after = bench.open(with_keystore(&keystore)).unwrap();
    assert_eq!(keystore.asked(), [WantedKey::Existing, WantedKey::New,]);
    refused(token(&after, session.id()), ErrorKind::LoginRequired, Reason::KeyLost);
    let lost = after.session(session.id()).unwrap();
    assert_eq!(lost.state(), SessionState::Ended(Reason::KeyLost));
    assert_eq!((lost.provider_uid(), lost.profile().uid(), lost.profile().email()), ("u-1", "u-1", None));
    assert_eq!((lost.provider_access_token(), lost.provider_refresh_token()), ("", None));
    assert_eq!(after.sessions().unwrap().len(), 1);
    assert_eq!(bench.cell("tokens", "session", session.id()), sealed, "it stays as it was");
    let line = &after.journal(1).unwrap()[0];
    assert_eq!((line.event(), line.reason(), line.registration()), ("StoreQuarantined", Some("KeyLost"), None));
    refused(after.complete_login(&redirect), ErrorKind::LoginRequired, Reason::KeyLost);
    // A process that still has the old key in memory finds out, and cannot write under it.
    refused(token(&bench.keyfob, session.id()), ErrorKind::LoginRequired, Reason::KeyLost);
    refused(bench.keyfob.begin_login(SSO, LoginOptions::new()), ErrorKind::StoreKey, Reason::WrongStoreKey);
    // A new login is the way on, and finds the same session.
    let login = after.begin_login(SSO, LoginOptions::new()).unwrap();
    let again = after.complete_login(&log_in(login.authorization_url())).unwrap();
    assert_eq!(again.session().id(), session.id());
    assert_eq!(
        token(&bench.with_key([9; 32]).unwrap(), session.id()).unwrap(),
        again.session().provider_access_token()
    );
    refused(bench.with_key([42; 32]), ErrorKind::StoreKey, Reason::WrongStoreKey);
}

#[test]
fn a_lost_key_without_a_new_one_leaves_a_store_that_waits() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    let keystore = Keystore::new(|_| StoreKeyAnswer::Gone);
    let after = bench.open(with_keystore(&keystore)).unwrap();
    refused(token(&after, session.id()), ErrorKind::StoreUnavailable, Reason::StoreKeyUnavailable);
    keystore.now_answers(|_| StoreKeyAnswer::Key(StoreKey::new([9; 32])));
    refused(token(&after, session.id()), ErrorKind::LoginRequired, Reason::KeyLost);
    assert_eq!(after.journal(100).unwrap().iter().filter(|line| line.event() == "StoreQuarantined").count(), 1);
}

#[test]
fn s69_a_store_from_another_device_refreshes_nothing_here() {
    let bound =
        |device: &'static str| move |issuer: &str, store: &Path| config(issuer, store).with_device_binding(device);
    let bench = Bench::with(bound("this one"));
    let session = bench.log_in();
    let here = bench.open(bound("this one")).unwrap();
    assert_eq!(token(&here, session.id()).unwrap(), session.provider_access_token());
    drop(here);
    // The backup is restored on another phone; the key came with it.
    let copied = bench.temp.store().with_file_name("restored");
    bench.keyfob.suspend(std::time::Duration::from_secs(1)).unwrap();
    std::process::Command::new("cp").arg("-a").arg(bench.temp.store()).arg(&copied).status().unwrap();
    bench.keyfob.resume().unwrap();
    bench.idp.clear_requests();
    let there = Keyfob::open(elsewhere(bound("another one")(bench.idp.issuer(), &copied))).unwrap();
    refused(there.refresh_session(session.id()), ErrorKind::LoginRequired, Reason::OtherDevice);
    assert_eq!(there.session(session.id()).unwrap().provider_uid(), "u-1");
    assert_eq!(bench.count("/token"), 0);
    let login = there.begin_login(SSO, LoginOptions::new()).unwrap();
    there.complete_login(&log_in(login.authorization_url())).unwrap();
    drop(there);
    let there = Keyfob::open(elsewhere(bound("another one")(bench.idp.issuer(), &copied))).unwrap();
    token(&there, session.id()).unwrap();
    // The first device goes on.
    assert_eq!(token(&bench.keyfob, session.id()).unwrap(), session.provider_access_token());
}

#[test]
fn a_store_in_plaintext_is_bound_to_its_device_too() {
    let bound = |device: &'static str| {
        move |issuer: &str, store: &Path| plain_config(issuer, store).with_device_binding(device)
    };
    // Bound from the moment on that somebody says so.
    let bench = Bench::with(plain_config);
    let session = bench.log_in();
    drop(bench.open(bound("this one")).unwrap());
    drop(bench.open(plain_config).unwrap());
    let there = bench.open(bound("another one")).unwrap();
    refused(token(&there, session.id()), ErrorKind::LoginRequired, Reason::OtherDevice);
}

#[test]
fn a_store_that_was_in_plaintext_is_sealed_when_it_gets_a_key() {
    let bench = Bench::with(plain_config);
    let session = bench.log_in();
    let redirect = bench.redirect();
    let secrets = [session.provider_access_token(), session.provider_refresh_token().unwrap(), "ada@example.com"];
    assert!(secrets.iter().all(|secret| bench.holds(secret)), "the search can see");
    let sealed = bench.with_key([42; 32]).unwrap();
    assert_eq!(secrets.iter().filter(|secret| bench.holds(secret)).count(), 0);
    assert_eq!(token(&sealed, session.id()).unwrap(), session.provider_access_token());
    sealed.complete_login(&redirect).unwrap();
    // The process that has it open in plaintext writes nothing more into it.
    refused(bench.keyfob.begin_login(SSO, LoginOptions::new()), ErrorKind::StoreKey, Reason::StoreSealed);
    refused(bench.open(plain_config), ErrorKind::StoreKey, Reason::StoreSealed);
}

#[test]
fn another_store_key_opens_everything_and_the_old_one_nothing() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    let redirect = bench.redirect();
    let sealed = bench.cell("tokens", "session", session.id());
    let keystore = Keystore::holding([42; 32]);
    let other_process = bench.open(with_keystore(&keystore)).unwrap();
    token(&other_process, session.id()).unwrap();
    let old_key = bench.another();
    token(&old_key, session.id()).unwrap();

    bench.keyfob.rekey(&StoreKey::new([9; 32])).unwrap();
    let anew = bench.cell("tokens", "session", session.id());
    assert_ne!(
        (&anew[1..5], &anew[17..]),
        (&sealed[1..5], &sealed[17..]),
        "sealed anew, not only the key wrapped anew"
    );
    assert_eq!(token(&bench.keyfob, session.id()).unwrap(), session.provider_access_token());
    let seals: i64 = bench.database().query_row("SELECT count(*) FROM seal", [], |row| row.get(0)).unwrap();
    assert_eq!(seals, 1);
    assert_eq!(bench.keyfob.journal(1).unwrap()[0].event(), "StoreRekeyed");

    // A process whose keystore has the new key asks it again; one that holds the old key itself is told.
    keystore.now_answers(|_| StoreKeyAnswer::Key(StoreKey::new([9; 32])));
    keystore.asked();
    other_process.refresh_session(session.id()).unwrap();
    assert_eq!(keystore.asked(), [WantedKey::Existing]);
    refused(old_key.refresh_session(session.id()), ErrorKind::StoreKey, Reason::WrongStoreKey);
    refused(bench.with_key([42; 32]), ErrorKind::StoreKey, Reason::WrongStoreKey);
    bench.with_key([9; 32]).unwrap().complete_login(&redirect).unwrap();
    refused(
        Bench::plain().keyfob.rekey(&StoreKey::new([9; 32])),
        ErrorKind::Configuration,
        Reason::InvalidConfiguration,
    );
}

#[test]
fn many_sessions_are_sealed_anew_while_others_use_the_store() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    let mut ids = Vec::new();
    for number in 0..150 {
        let tokens =
            ImportedTokens::new(SSO, format!("imported-{number}")).access_token(format!("token-{number}"), None);
        ids.push(bench.keyfob.import_session(tokens).unwrap().id().to_owned());
    }
    let keystore = Keystore::new(|_| StoreKeyAnswer::NotNow);
    let key = Arc::new(Mutex::new([42_u8; 32]));
    let current = Arc::clone(&key);
    keystore.now_answers(move |_| StoreKeyAnswer::Key(StoreKey::new(*current.lock().unwrap())));
    let other = bench.open(with_keystore(&keystore)).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let busy = scope.spawn(|| {
            let mut done = 0;
            while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                match other.refresh_session(session.id()) {
                    Ok(_) => done += 1,
                    // Between the new key's first use and the host's keeping it: this host is slow.
                    Err(error) => assert_eq!(error.reason(), Reason::WrongStoreKey, "{error}"),
                }
            }
            done
        });
        for next in 1..=5_u8 {
            bench.keyfob.rekey(&StoreKey::new([next; 32])).unwrap();
            *key.lock().unwrap() = [next; 32];
            let_others_wait();
        }
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        assert!(busy.join().unwrap() > 0);
    });
    let after = bench.with_key([5; 32]).unwrap();
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(token(&after, id).unwrap(), format!("token-{number}"));
    }
    let latest = other.session(session.id()).unwrap();
    assert_eq!(token(&after, session.id()).unwrap(), latest.provider_access_token());
}

#[test]
fn s70_a_sealed_value_in_another_s_place_is_refused() {
    let bench = Bench::new(|_| {});
    let ada = bench.log_in();
    let tokens = ImportedTokens::new(SSO, "eve").access_token("eve's", None).refresh_token("eve's");
    let eve = bench.keyfob.import_session(tokens).unwrap();
    let (ada_tokens, ada_profile) =
        (bench.cell("tokens", "session", ada.id()), bench.cell("profile", "session", ada.id()));
    let eve_tokens = bench.cell("tokens", "session", eve.id());
    let tampered = || {
        let fresh = bench.another();
        refused(token(&fresh, ada.id()), ErrorKind::StoreDamaged, Reason::StoreTampered);
        refused(fresh.session(ada.id()), ErrorKind::StoreDamaged, Reason::StoreTampered);
        // The others are not touched, and listed.
        assert_eq!(token(&fresh, eve.id()).unwrap(), "eve's");
        assert_eq!(fresh.sessions().unwrap().len(), 1);
    };
    for (column, value) in [
        ("tokens", &eve_tokens),
        ("tokens", &ada_profile),
        ("profile", &ada_tokens),
        ("tokens", &br#"{"access_token":"eve's","other":{}}"#.to_vec()),
        ("tokens", &[&[0_u8, 1, 0, 0, 0][..], br#"{"access_token":"eve's","other":{}}"#].concat()),
        ("tokens", &Vec::new()),
    ] {
        bench.set_cell(column, "session", ada.id(), value);
        tampered();
        bench.set_cell("tokens", "session", ada.id(), &ada_tokens);
        bench.set_cell("profile", "session", ada.id(), &ada_profile);
        assert_eq!(token(&bench.another(), ada.id()).unwrap(), ada.provider_access_token());
    }
    // Somebody says that a part of the store is in plaintext, and puts a session there.
    bench.database().execute("INSERT INTO seal (created_at) VALUES (0)", []).unwrap();
    let forged: u8 = bench.database().query_row("SELECT max(row) FROM seal", [], |row| row.get(0)).unwrap();
    let plain = [&[0_u8, forged, 0, 0, 0][..], br#"{"access_token":"eve's","other":{}}"#].concat();
    bench.set_cell("tokens", "session", ada.id(), &plain);
    tampered();
    // Even one that cannot be read can be ended, and logged in to again.
    bench.another().end_session(ada.id(), EndSession::local_only()).unwrap();
    bench.log_in();
}

#[test]
fn s70_a_login_s_secrets_are_bound_to_it() {
    let bench = Bench::new(|_| {});
    let (mine, theirs) = (bench.redirect(), bench.redirect());
    let ids: Vec<String> = bench.keyfob.pending_logins().unwrap().iter().map(|login| login.id().to_owned()).collect();
    let theirs_sealed = bench.cell("secrets", "login", &ids[1]);
    bench.set_cell("secrets", "login", &ids[0], &theirs_sealed);
    bench.idp.clear_requests();
    refused(bench.another().complete_login(&mine), ErrorKind::StoreDamaged, Reason::StoreTampered);
    assert_eq!(bench.count("/token"), 0);
    bench.another().complete_login(&theirs).unwrap();
}

#[test]
fn a_key_source_that_calls_back_is_told_and_nothing_hangs() {
    struct Recursive(Mutex<Option<(Keyfob, String)>>, Mutex<Option<Error>>);
    impl StoreKeySource for Recursive {
        fn store_key(&self, _: WantedKey) -> StoreKeyAnswer {
            let back = self.0.lock().unwrap().take();
            if let Some((keyfob, id)) = back {
                *self.1.lock().unwrap() = token(&keyfob, &id).err();
            }
            StoreKeyAnswer::NotNow
        }
    }
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    let source = Arc::new(Recursive(Mutex::default(), Mutex::default()));
    let given = Arc::clone(&source);
    let locked = bench.open(|issuer, store| bare_config(issuer, store).with_store_key_source(given)).unwrap();
    *source.0.lock().unwrap() = Some((locked.clone(), session.id().to_owned()));
    refused(locked.session(session.id()), ErrorKind::StoreUnavailable, Reason::StoreKeyUnavailable);
    assert_eq!(source.1.lock().unwrap().take().unwrap().reason(), Reason::Reentered);
}

#[test]
fn handles_of_one_process_agree_on_the_key() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    let here = |config: Config| Keyfob::open(config);
    let (issuer, store) = (bench.idp.issuer().to_owned(), bench.temp.store());
    let second = here(config(&issuer, &store)).unwrap();
    assert_eq!(token(&second, session.id()).unwrap(), session.provider_access_token());
    let wrong = bare_config(&issuer, &store).with_store_key(StoreKey::new([7; 32]));
    refused(here(wrong), ErrorKind::StoreKey, Reason::WrongStoreKey);
    refused(here(plain_config(&issuer, &store)), ErrorKind::StoreKey, Reason::StoreSealed);
    // One whose keystore is locked uses what the first one has open.
    let locked = Keystore::new(|_| StoreKeyAnswer::NotNow);
    let third = here(with_keystore(&locked)(&issuer, &store)).unwrap();
    assert_eq!(token(&third, session.id()).unwrap(), session.provider_access_token());
    let plain = Bench::plain();
    let keyed = config(plain.idp.issuer(), &plain.temp.store());
    refused(here(keyed), ErrorKind::Configuration, Reason::InvalidConfiguration);
}
