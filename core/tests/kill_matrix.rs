//! The kill matrix: a process dies at each point where it matters, by a real SIGKILL, and other processes go on with what it left.
//!
//! This file has a `main` of its own: as `kill_matrix worker …` it is one of those processes. The provider runs in the test's process and is the witness: what was
//! sent, and what was not. It takes a refresh token once and ends the session when one comes again; with a grace it takes the last one again for so
//! long. Without a grace a session is lost that dies between the provider's answer and the save, and only there.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that fails should say where"
)]

#[path = "support/children.rs"]
mod children;
mod support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use children::{End, Place, check_copy, until, work_if_child};
use keyfob::{ImportedTokens, JournalEntry, Keyfob, LoginOptions, MinValidity, Reason, SessionState, StoreKey};
use keyfob_idp::{Endpoint, Fault, Idp, InGrace, LoggedRequest, Reuse, Script};
use libtest_mimic::{Arguments, Trial};
use rusqlite::Connection;
use support::{SSO, Temp, bare_config, log_in, plain_config, store_key};

/// After it every access token is over.
const OVER: Duration = Duration::from_secs(7200);

/// How many processes go on at once, where more than one does.
const CROWD: usize = 4;

fn main() {
    work_if_child();
    let mut trials = Vec::new();
    let mut add = |name: String, test: Box<dyn FnOnce() + Send>| {
        trials.push(Trial::test(name, move || {
            test();
            Ok(())
        }));
    };
    for grace in [Grace::None, Grace::Long] {
        for row in REFRESHING {
            for next in [Next::Token, Next::LookThenToken, Next::Maintain, Next::Crowd] {
                let name = format!("{}::{}::{}", row.name, grace.name(), next.name());
                add(name, Box::new(move || killed_in_a_refresh(row, grace, next)));
            }
        }
        for point in ["K12", "K13"] {
            for size in [1, CROWD] {
                let name = format!("{}_killed_in_a_logout::{}::{size}_go_on", point.to_lowercase(), grace.name());
                add(name, Box::new(move || killed_in_a_logout(point, grace, size)));
            }
        }
        for size in [1, CROWD] {
            let name = |what: &str| format!("{what}::{}::{size}_go_on", grace.name());
            add(name("k14_killed_with_the_tokens_of_a_login"), Box::new(move || killed_in_a_login(grace, size)));
            add(
                name("k14_killed_with_the_tokens_of_a_login_and_not_waited_for"),
                Box::new(move || killed_in_a_login_and_not_waited_for(grace, size)),
            );
            add(name("k15_killed_in_a_migration"), Box::new(move || killed_in_a_migration(grace, size)));
            add(
                name("k15_killed_while_the_tables_are_made"),
                Box::new(move || killed_at_the_first_start("K15", grace, size)),
            );
            add(
                name("k16_killed_before_the_tables_are_made"),
                Box::new(move || killed_at_the_first_start("K16", grace, size)),
            );
        }
        add(
            format!("those_who_come_to_mend_are_killed_too::{}", grace.name()),
            Box::new(move || killed_again_and_again(grace)),
        );
    }
    for point in REKEYING {
        add(
            format!("{}_killed_while_the_key_is_changed", point.to_lowercase()),
            Box::new(move || killed_while_rekeying(point)),
        );
    }
    for point in ["R3", "R4"] {
        let name = format!("{}_killed_while_a_store_in_plaintext_is_sealed", point.to_lowercase());
        add(name, Box::new(move || killed_while_sealing(point)));
    }
    add("every_point_of_the_core_is_in_the_matrix".to_owned(), Box::new(every_point_is_here));
    let no_strace = Command::new("strace").arg("--version").output().is_err();
    for task in ["token", "end"] {
        // `cargo xtask test` installs strace; without it these are counted as skipped.
        let trial = Trial::test(format!("killed_at_each_write_to_the_disk::{task}"), move || {
            killed_at_each_write(task);
            Ok(())
        });
        trials.push(trial.with_ignored_flag(no_strace));
    }
    let trial = Trial::test("killed_at_each_write_to_the_disk::rekey", || {
        killed_at_each_write_of_another_key();
        Ok(())
    });
    trials.push(trial.with_ignored_flag(no_strace));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Whether the provider takes the refresh token that was used last once more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grace {
    None,
    /// For thirty seconds, and then gives another pair.
    Long,
}

impl Grace {
    const fn name(self) -> &'static str {
        match self {
            Self::None => "grace_0",
            Self::Long => "grace_30",
        }
    }
}

/// How a process dies that is refreshing a token which is over.
#[derive(Clone, Copy)]
enum Death {
    /// At a point of the core.
    At(&'static str),
    /// While it waits for the answer.
    Waiting {
        /// Whether the provider has done its part by then.
        processed: bool,
    },
}

/// One row of the matrix.
struct Row {
    name: &'static str,
    death: Death,
    /// How many refresh requests were sent when it dies, and how many the next process sends.
    sent: usize,
    resent: usize,
    /// The token is spent and its successor is not in the store: what only a grace can mend.
    spent: bool,
    /// Whether the store says that something was cut off.
    cut_off: bool,
}

const REFRESHING: &[Row] = &[
    Row { name: "k1_before_the_lock", death: Death::At("K1"), sent: 0, resent: 1, spent: false, cut_off: false },
    Row { name: "k2_with_the_lock", death: Death::At("K2"), sent: 0, resent: 1, spent: false, cut_off: false },
    Row { name: "k3_after_reading_again", death: Death::At("K3"), sent: 0, resent: 1, spent: false, cut_off: false },
    Row {
        name: "k4_while_writing_the_attempt",
        death: Death::At("K4"),
        sent: 0,
        resent: 1,
        spent: false,
        cut_off: false,
    },
    Row { name: "k5_before_sending", death: Death::At("K5"), sent: 0, resent: 1, spent: false, cut_off: true },
    Row {
        name: "k6_waiting_while_the_provider_has_done_nothing_yet",
        death: Death::Waiting { processed: false },
        sent: 1,
        resent: 1,
        spent: false,
        cut_off: true,
    },
    Row {
        name: "k6_waiting_when_the_provider_is_done",
        death: Death::Waiting { processed: true },
        sent: 1,
        resent: 1,
        spent: true,
        cut_off: true,
    },
    Row { name: "k7_with_the_answer", death: Death::At("K7"), sent: 1, resent: 1, spent: true, cut_off: true },
    Row { name: "k8_while_saving", death: Death::At("K8"), sent: 1, resent: 1, spent: true, cut_off: true },
    // Saved and not checked: that is for the next one to do, and takes no token.
    Row { name: "k9_after_saving", death: Death::At("K9"), sent: 1, resent: 0, spent: false, cut_off: true },
    Row { name: "k10_after_the_lock", death: Death::At("K10"), sent: 1, resent: 0, spent: false, cut_off: false },
];

/// What goes on after the death.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// A process that needs a token.
    Token,
    /// The same; but first one only looks at the store.
    LookThenToken,
    /// A process that does what is owed, whoever needs it.
    Maintain,
    /// Several that need a token, at once.
    Crowd,
}

impl Next {
    const fn name(self) -> &'static str {
        match self {
            Self::Token => "one_asks_for_a_token",
            Self::LookThenToken => "one_looks_and_one_asks_for_a_token",
            Self::Maintain => "one_maintains",
            Self::Crowd => "four_ask_for_a_token",
        }
    }
}

const LOST: &str = "LoginRequired RotationLost";

/// A provider, and a store that only other processes have open.
struct World {
    idp: Idp,
    place: Place,
    temp: Temp,
}

impl World {
    fn new(grace: Grace) -> Self {
        let mut script = Script::default();
        script.tokens.reuse = Reuse::RevokeFamily;
        script.tokens.in_grace = InGrace::NewPair;
        script.tokens.grace_seconds = if grace == Grace::Long { 30.0 } else { 0.0 };
        let idp = Idp::start(script).unwrap();
        let temp = Temp::new();
        let place = Place { issuer: idp.issuer().to_owned(), store: temp.store(), later: Duration::ZERO };
        Self { idp, place, temp }
    }

    /// Does something with the store in this process, and closes it again.
    fn with<T>(&self, body: impl FnOnce(&Keyfob) -> T) -> T {
        body(&children::open(&self.place.issuer, &self.place.store, OVER * 2).unwrap())
    }

    /// Logs ada in; gives the session's id.
    fn log_in(&self) -> String {
        let keyfob = children::open(&self.place.issuer, &self.place.store, self.place.later).unwrap();
        let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
        keyfob.complete_login(&log_in(login.authorization_url())).unwrap().session().id().to_owned()
    }

    /// The same in a store that is not sealed.
    fn log_in_in_plaintext(&self) -> String {
        let keyfob = Keyfob::open(plain_config(&self.place.issuer, &self.place.store)).unwrap();
        let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
        keyfob.complete_login(&log_in(login.authorization_url())).unwrap().session().id().to_owned()
    }

    fn requests(&self, path: &str) -> Vec<LoggedRequest> {
        self.idp.requests().into_iter().filter(|request| request.path == path).collect()
    }

    fn refreshes(&self) -> Vec<LoggedRequest> {
        let is_refresh = |request: &LoggedRequest| request.grant_type.as_deref() == Some("refresh_token");
        self.requests("/token").into_iter().filter(is_refresh).collect()
    }

    /// The tokens of the provider's last answer.
    fn newest(&self, kind: &str) -> String {
        let answers = self.requests("/token").into_iter().rev().filter(|request| request.status == Some(200));
        answers.map(|answer| answer.answer_json()[kind].as_str().unwrap().to_owned()).next().unwrap()
    }

    /// What has to be true whatever happened: the database is whole, a refresh token that has a successor in the store is not sent, a session ends
    /// at most once and for the right cause, and who it belonged to stays known.
    fn check(&self, session: &str, ended: Option<Reason>) {
        check_copy(&self.place.store, |_| {});
        let mut sent: Vec<String> =
            self.refreshes().iter().map(|request| request.parameter("refresh_token").unwrap().to_owned()).collect();
        sent.dedup();
        let all = sent.len();
        sent.sort();
        sent.dedup();
        assert_eq!(sent.len(), all, "a token was sent after its successor");
        self.with(|keyfob| {
            let lines = keyfob.journal(1000).unwrap();
            let ends: Vec<_> =
                lines.iter().filter(|line| line.event() == "SessionEnded").map(|line| line.reason()).collect();
            assert_eq!(ends, ended.iter().map(|cause| Some(cause.name())).collect::<Vec<_>>());
            let there = keyfob.session(session).unwrap();
            assert_eq!(there.state(), ended.map_or(SessionState::Active, SessionState::Ended));
            assert_eq!(there.provider_uid(), "u-1");
            let email = (ended != Some(Reason::LoggedOut)).then_some("ada@example.com");
            assert_eq!(there.profile().email(), email);
            assert!(keyfob.health().unwrap().interrupted().is_empty());
        });
    }
}

impl Death {
    fn befall(self, place: &Place, world: &World, session: &str) {
        let task = ["token", session];
        let processed = match self {
            Self::At(point) => return place.killed_at(point, &task),
            Self::Waiting { processed } => processed,
        };
        let mut script = world.idp.script();
        let fault = Fault::on(Endpoint::Token).grant_type("refresh_token").nth(1).process(processed).delay(60.0);
        // What is not processed needs another answer, which nobody gets to see.
        script.faults = vec![if processed { fault } else { fault.status(503) }];
        world.idp.set_script(script).unwrap();
        let mut child = place.start(&task);
        child.go();
        until("the provider has the request", || {
            world.refreshes().iter().any(|request| request.status == Some(if processed { 200 } else { 503 }))
        });
        child.kill();
    }
}

fn killed_in_a_refresh(row: &Row, grace: Grace, next: Next) {
    let world = World::new(grace);
    let session = world.log_in();
    let now = world.place.after(OVER);
    row.death.befall(&now, &world, &session);
    assert_eq!(world.refreshes().len(), row.sent);
    check_copy(&now.store, |_| {});

    if next == Next::LookThenToken {
        let cut_off = usize::from(row.cut_off);
        assert_eq!(now.run(&["open"]), format!("schema 5 interrupted {cut_off} owed 0"));
        assert_eq!(world.refreshes().len(), row.sent, "to open it only tells");
    }
    let lost = row.spent && grace == Grace::None;
    let told = match next {
        Next::Token | Next::LookThenToken => vec![now.run(&["token", &session])],
        Next::Crowd => now.crowd(CROWD, &["token", &session]),
        Next::Maintain => {
            let (refreshed, failed) = match (lost, row.name) {
                (true, _) => (0, 1),
                // There is nothing left to do.
                (false, "k10_after_the_lock") => (0, 0),
                (false, _) => (1, 0),
            };
            let done = format!("refreshed {refreshed} revoked 0 failed {failed} owed 0");
            assert_eq!(now.run(&["maintain"]), done);
            Vec::new()
        }
    };
    let all = row.sent + row.resent;
    assert_eq!(world.refreshes().len(), all, "{told:?}");
    let token = if lost { LOST.to_owned() } else { world.newest("access_token") };
    assert!(told.iter().all(|told| *told == token), "{told:?}");
    assert_eq!(now.run(&["token", &session]), token);
    assert_eq!(now.run(&["maintain"]), "refreshed 0 revoked 0 failed 0 owed 0");
    assert_eq!(world.refreshes().len(), all, "it is settled");

    let later = now.after(OVER);
    if lost {
        assert_eq!(later.run(&["token", &session]), LOST);
        assert_eq!(later.run(&["refresh", &session]), LOST);
        assert_eq!(later.run(&["maintain"]), "refreshed 0 revoked 0 failed 0 owed 0");
        assert_eq!(world.refreshes().len(), all, "a dead token is not sent again");
    } else {
        let renewed_with = world.newest("refresh_token");
        let token = later.run(&["token", &session]);
        assert_eq!(token, world.newest("access_token"));
        assert_eq!(world.refreshes().len(), all + 1);
        assert_eq!(world.refreshes().last().unwrap().parameter("refresh_token"), Some(&*renewed_with));
    }
    world.check(&session, lost.then_some(Reason::RotationLost));
}

fn killed_again_and_again(grace: Grace) {
    let world = World::new(grace);
    let session = world.log_in();
    let now = world.place.after(OVER);
    for point in ["K7", "K4", "K5", "K3", "K7", "K1", "K7"] {
        now.killed_at(point, &["token", &session]);
        check_copy(&now.store, |_| {});
    }
    now.killed_at("K7", &["maintain"]);
    if grace == Grace::Long {
        now.killed_at("K8", &["token", &session]);
        now.killed_at("K9", &["token", &session]);
    }
    let lost = grace == Grace::None;
    let token = if lost { LOST.to_owned() } else { world.newest("access_token") };
    assert_eq!(now.crowd(CROWD, &["token", &session]), vec![token; CROWD]);
    assert_eq!(world.refreshes().len(), if lost { 5 } else { 6 });
    world.check(&session, lost.then_some(Reason::RotationLost));
}

fn killed_in_a_logout(point: &str, grace: Grace, size: usize) {
    let world = World::new(grace);
    let session = world.log_in();
    let secrets = ["access_token", "refresh_token", "id_token"].map(|kind| world.newest(kind));
    let place = &world.place;
    place.killed_at(point, &["end", &session]);
    check_copy(&place.store, |_| {});
    assert_eq!(world.requests("/revoke").len(), 0);
    assert_eq!(place.run(&["token", &session]), "LoginRequired LoggedOut");
    assert_eq!(place.run(&["open"]), "schema 5 interrupted 0 owed 1");
    assert_eq!(world.requests("/revoke").len(), 0);

    let mut done = place.crowd(size, &["maintain"]);
    done.sort();
    // Those who come while one is at it find nothing to do, or something to do later.
    assert_eq!(done.iter().filter(|done| done.contains("revoked 1")).count(), 1, "{done:?}");
    assert_eq!(place.run(&["maintain"]), "refreshed 0 revoked 0 failed 0 owed 0");
    let revoked: Vec<_> = world.requests("/revoke");
    assert_eq!(revoked.len(), 1);
    assert_eq!((revoked[0].parameter("token"), revoked[0].status), (Some(&*secrets[1]), Some(200)));
    assert_eq!(world.refreshes().len(), 0);
    assert_eq!(place.run(&["end", &session]), "NotAsked");
    let files = std::fs::read_dir(&place.store).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let all: Vec<u8> = files.flatten().collect();
    assert!(secrets.iter().all(|secret| !all.windows(secret.len()).any(|window| window == secret.as_bytes())));
    world.check(&session, Some(Reason::LoggedOut));
}

fn killed_in_a_login(grace: Grace, size: usize) {
    let world = World::new(grace);
    let place = &world.place;
    let redirect = log_in(&place.run(&["begin"]));
    place.killed_at("K14", &["complete", &redirect]);
    check_copy(&place.store, |_| {});
    assert_eq!(world.requests("/token").len(), 1);
    let told = place.crowd(size, &["complete", &redirect]);
    let in_doubt = "LoginRequired CodeExchangeInDoubt";
    // Whoever was in time to see it says the same; to one who comes later it is a redirect that was used.
    assert!(told.iter().all(|told| told == in_doubt || told == "RedirectRejected RedirectUsed"), "{told:?}");
    assert!(told.iter().any(|told| told == in_doubt), "{told:?}");
    let failed = |line: &JournalEntry| line.event() == "LoginFailed";
    assert_eq!(world.with(|keyfob| keyfob.journal(1000).unwrap().into_iter().filter(failed).count()), 1);
    assert_eq!(place.run(&["complete", &redirect]), "RedirectRejected RedirectUsed");
    assert_eq!(world.requests("/token").len(), 1, "a code is sent once");

    let redirect = log_in(&place.run(&["begin"]));
    let session = place.run(&["complete", &redirect]);
    assert_eq!(place.run(&["token", &session]), world.newest("access_token"));
    assert_eq!(place.after(OVER).run(&["token", &session]), world.newest("access_token"));
    assert_eq!(world.refreshes().len(), 1);
    world.check(&session, None);
}

/// Its parent may take its time to wait for the dead, or never do.
fn killed_in_a_login_and_not_waited_for(grace: Grace, size: usize) {
    let world = World::new(grace);
    let place = &world.place;
    let redirect = log_in(&place.run(&["begin"]));
    let dead = place.left_dead_at("K14", &["complete", &redirect]);
    let told = place.crowd(size, &["complete", &redirect]);
    assert!(told.iter().any(|told| told == "LoginRequired CodeExchangeInDoubt"), "{told:?}");
    assert_eq!(world.requests("/token").len(), 1);
    drop(dead);
}

fn pragma(connection: &Connection, name: &str) -> i32 {
    connection.pragma_query_value(None, name, |row| row.get(0)).unwrap()
}

fn tables(connection: &Connection) -> i32 {
    connection.query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'table'", [], |row| row.get(0)).unwrap()
}

/// Makes of a store what the version before schema 2 would have left. The test holds it against one that such a version did leave.
fn as_schema_1(store: &Path) {
    let connection = Connection::open(store.join("keyfob.db")).unwrap();
    let undo = "
        DROP TABLE attempt; DROP TABLE spent; DROP TABLE outbox; DROP TABLE seal; DROP TABLE logout;
        DROP INDEX session_listed; DROP INDEX session_unverified; DROP INDEX login_expiry;
        ALTER TABLE document DROP COLUMN etag; ALTER TABLE document DROP COLUMN lifetime;
        ALTER TABLE meta DROP COLUMN seal; ALTER TABLE meta DROP COLUMN device;
        UPDATE session SET tokens = substr(tokens, 6), profile = substr(profile, 6);
        UPDATE login SET secrets = substr(secrets, 6), answer = substr(answer, 6);
        ALTER TABLE session DROP COLUMN doubted; ALTER TABLE session DROP COLUMN pause;
        ALTER TABLE journal DROP COLUMN wish; ALTER TABLE journal DROP COLUMN waited; ALTER TABLE journal DROP COLUMN skew;
        ALTER TABLE meta DROP COLUMN skew; ALTER TABLE meta DROP COLUMN skew_at;
        PRAGMA user_version = 1;";
    connection.execute_batch(undo).unwrap();
}

/// The columns of all tables.
fn columns(connection: &Connection) -> Vec<String> {
    let sql = "SELECT t.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\" FROM sqlite_schema t, pragma_table_info(t.name) c
               WHERE t.type = 'table' ORDER BY 1";
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn killed_in_a_migration(grace: Grace, size: usize) {
    let world = World::new(grace);
    let session = world.log_in_in_plaintext();
    as_schema_1(&world.place.store);
    let before = check_copy(&world.place.store, tables);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/schema-1");
    let copy = world.temp.store().with_file_name("golden");
    std::fs::create_dir(&copy).unwrap();
    std::fs::copy(golden.join("keyfob.db"), copy.join("keyfob.db")).unwrap();
    assert_eq!(check_copy(&world.place.store, columns), check_copy(&copy, columns));
    let now = world.place.after(OVER);
    now.killed_at("K15", &["token", &session]);
    check_copy(&now.store, |copy| {
        assert_eq!((pragma(copy, "user_version"), tables(copy)), (1, before));
    });
    assert_eq!(world.refreshes().len(), 0);
    let told = now.crowd(size, &["token", &session]);
    assert_eq!(told, vec![world.newest("access_token"); size]);
    assert_eq!(world.refreshes().len(), 1);
    check_copy(&now.store, |copy| assert_eq!((pragma(copy, "user_version"), tables(copy)), (5, before + 5)));
    world.check(&session, None);
}

fn killed_at_the_first_start(point: &str, grace: Grace, size: usize) {
    let world = World::new(grace);
    let place = &world.place;
    place.killed_at(point, &["open"]);
    check_copy(&place.store, |copy| {
        assert_eq!((pragma(copy, "application_id"), pragma(copy, "user_version"), tables(copy)), (0, 0, 0));
    });
    assert_eq!(place.crowd(size, &["open"]), vec!["schema 5 interrupted 0 owed 0"; size]);
    let session = world.log_in();
    assert_eq!(place.after(OVER).run(&["token", &session]), world.newest("access_token"));
    world.check(&session, None);
}

/// Where one dies that changes the store key: in the transaction that does it, after it, after some rows were sealed anew, as the old seals go.
const REKEYING: [&str; 4] = ["R1", "R2", "R3", "R4"];

/// Some sessions more than are sealed in one transaction.
fn import_many(keyfob: &Keyfob) -> Vec<(String, String)> {
    let import = |number: usize| {
        let token = format!("imported-token-{number}");
        let tokens = ImportedTokens::new(SSO, format!("imported-{number}")).access_token(token.as_str(), None);
        (keyfob.import_session(tokens).unwrap().id().to_owned(), token)
    };
    (0..100).map(import).collect()
}

/// Exactly one of two keys opens what is left, with everything in it; whoever opens it ends the work.
fn killed_while_rekeying(point: &str) {
    let world = World::new(Grace::None);
    let session = world.log_in();
    let all = world.with(import_many);
    world.place.killed_at(point, &["rekey"]);
    let open = |key: StoreKey| Keyfob::open(bare_config(&world.place.issuer, &world.place.store).with_store_key(key));
    let (first, second) = (open(store_key()), open(children::other_key()));
    let changed = point != "R1";
    assert_eq!((first.is_ok(), second.is_ok()), (!changed, changed), "{first:?} {second:?}");
    let error = first.as_ref().err().or_else(|| second.as_ref().err()).unwrap();
    assert_eq!(error.reason(), Reason::WrongStoreKey);
    let keyfob = first.or(second).unwrap();
    for (id, token) in &all {
        assert_eq!(keyfob.access_token(id, MinValidity::default()).unwrap().secret(), token);
    }
    keyfob.refresh_session(&session).unwrap();
    drop(keyfob);
    check_copy(&world.place.store, |copy| {
        let seals: Vec<u32> = numbers(copy, "SELECT row FROM seal");
        assert_eq!(seals.len(), 1, "nothing is left under an older one");
        let under = "SELECT DISTINCT unicode(substr(tokens, 2, 1)) FROM session";
        assert_eq!(numbers(copy, under), seals);
    });
    assert_eq!(world.refreshes().len(), 1);
}

/// A store that was in plaintext is sealed by the next one to open it, if not by this one; and what is in plaintext then is not ours.
fn killed_while_sealing(point: &str) {
    let world = World::new(Grace::None);
    let session = world.log_in_in_plaintext();
    let all = import_many(&Keyfob::open(plain_config(&world.place.issuer, &world.place.store)).unwrap());
    world.place.killed_at(point, &["open"]);
    let keyfob = children::open(&world.place.issuer, &world.place.store, Duration::ZERO).unwrap();
    for (id, token) in &all {
        assert_eq!(keyfob.access_token(id, MinValidity::default()).unwrap().secret(), token);
    }
    keyfob.refresh_session(&session).unwrap();
    drop(keyfob);
    let files = std::fs::read_dir(&world.place.store).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let files: Vec<u8> = files.flatten().collect();
    for (id, token) in &all {
        let finds = |text: &str| files.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(finds(id) && !finds(token), "it is sealed, and the search can see");
    }
}

fn numbers(connection: &Connection, sql: &str) -> Vec<u32> {
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// One that is added to the core is to be tried here too.
fn every_point_is_here() {
    fn search(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                search(&path, found);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let calls = text.split("crash_point!(\"").skip(1);
            found.extend(calls.filter_map(|rest| rest.split_once('"')).map(|(point, _)| point.to_owned()));
        }
    }
    let mut found = Vec::new();
    search(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found.sort_by_key(|point| {
        let (kind, number) = point.split_at(1);
        (kind.to_owned(), number.parse::<u32>().unwrap())
    });
    let refreshing = ["K1", "K2", "K3", "K4", "K5", "K7", "K8", "K9", "K10", "K12", "K13", "K14", "K15", "K16"];
    let here: Vec<&str> = refreshing.into_iter().chain(REKEYING).collect();
    assert_eq!(found, here);
}

/// The points between the points: the process dies as it enters each system call that changes a file, one after the other until it gets through.
fn killed_at_each_write(task: &str) {
    let mut deaths = 0;
    for call in ["pwrite64", "ftruncate", "fdatasync", "fsync", "unlink"] {
        for number in 1.. {
            let world = World::new(Grace::Long);
            let session = world.log_in();
            let now = world.place.after(OVER);
            let end = now.run_until(&world, call, number, &[task, &session]);
            check_copy(&now.store, |_| {});
            if let End::Said(said) = end {
                assert!(!said.contains(' '), "{call} {number}: {said}");
                break;
            }
            deaths += 1;
            let before = world.refreshes().len();
            if task == "token" {
                assert_eq!(now.run(&["token", &session]), world.newest("access_token"), "{call} {number}");
                assert!(world.refreshes().len() - before <= 1 && world.refreshes().len() <= 2);
                world.check(&session, None);
            } else {
                // It dies before the tombstone is there, or after.
                let told = now.run(&["end", &session]);
                assert!(["Done", "NotAsked"].contains(&&*told), "{call} {number}: {told}");
                now.run(&["maintain"]);
                // That it was told is not known to one who dies right then: it is told again, which does no harm.
                assert!((1..=2).contains(&world.requests("/revoke").len()), "{call} {number}");
                world.check(&session, Some(Reason::LoggedOut));
            }
        }
    }
    assert!(deaths > 10, "it died {deaths} times only");
}

impl Place {
    /// A child that is killed as it enters a system call for the so many-th time.
    fn run_until(&self, world: &World, call: &str, number: u32, task: &[&str]) -> End {
        let trace = world.temp.store().with_file_name("trace");
        let inject = format!("inject={call}:signal=KILL:when={number}");
        self.run_under(&["strace", "-f", "-q", "-o", trace.to_str().unwrap(), "-e", &inject], task)
    }
}

/// The same while the store key is changed: one of the two keys opens the store, and nothing is missing.
fn killed_at_each_write_of_another_key() {
    let mut deaths = 0;
    for call in ["pwrite64", "ftruncate", "fdatasync", "fsync"] {
        for number in 1.. {
            let world = World::new(Grace::None);
            let session = world.log_in();
            let token = world.newest("access_token");
            let end = world.place.run_until(&world, call, number, &["rekey"]);
            check_copy(&world.place.store, |_| {});
            let open = |key: StoreKey| {
                let keyfob = Keyfob::open(bare_config(&world.place.issuer, &world.place.store).with_store_key(key))?;
                keyfob.access_token(&session, MinValidity::default())
            };
            let found: Vec<_> = [open(store_key()), open(children::other_key())]
                .into_iter()
                .map(|found| found.map(|token| token.secret().to_owned()).map_err(|error| error.reason()))
                .collect();
            let (right, wrong) = (Ok(token), Err(Reason::WrongStoreKey));
            if let End::Said(said) = end {
                assert_eq!((said.as_str(), found), ("rekeyed", vec![wrong, right]));
                break;
            }
            deaths += 1;
            assert!(found == [right.clone(), wrong.clone()] || found == [wrong, right], "{call} {number}: {found:?}");
        }
    }
    assert!(deaths > 10, "it died {deaths} times only");
}
