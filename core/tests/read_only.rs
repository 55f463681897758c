//! A store that cannot be written: its folder or its database is read-only, or cannot be entered at all. Root may write everywhere, so that the library works as another
//! user here, in a process of its own.
//!
//! This file has a `main` of its own: as `read_only worker …` it is that process.
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

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use children::{Place, check_copy, work_if_child};
use keyfob::LoginOptions;
use keyfob_idp::{Idp, Reuse, Script};
use libtest_mimic::{Arguments, Trial};
use support::{SSO, Temp, log_in};

/// After it every access token is over.
const OVER: Duration = Duration::from_secs(7200);

/// nobody, whom no file mode lets through.
const NOBODY: u32 = 65534;

fn main() {
    work_if_child();
    let program = Program::new();
    let cases: [Case; 5] = [
        Case { name: "a_folder_that_cannot_be_written", folder: 0o500, database: 0o600, lock_files: true },
        Case {
            name: "a_folder_without_lock_files_that_cannot_be_written",
            folder: 0o500,
            database: 0o600,
            lock_files: false,
        },
        Case { name: "a_database_that_cannot_be_written", folder: 0o700, database: 0o400, lock_files: true },
        Case { name: "neither_can_be_written", folder: 0o500, database: 0o400, lock_files: true },
        Case { name: "a_folder_that_cannot_be_entered", folder: 0o000, database: 0o600, lock_files: true },
    ];
    let mut trials = Vec::new();
    for case in cases {
        for (left, killed) in [("closed", false), ("left_by_a_dead_process", true)] {
            let program = program.path.clone();
            trials.push(Trial::test(format!("{}::{left}", case.name), move || {
                nothing_is_sent_and_nothing_lost(case, &program, killed);
                Ok(())
            }));
        }
    }
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    drop(program);
    conclusion.exit();
}

#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    folder: u32,
    database: u32,
    lock_files: bool,
}

/// This program, where every user can start it.
struct Program {
    path: PathBuf,
    _temp: Temp,
}

impl Program {
    /// Made before there is a second thread: a child that is being started has every open file of this process for a moment, and nobody can run a program
    /// that is open for writing.
    fn new() -> Self {
        let temp = Temp::new();
        let path = temp.store().with_file_name("program");
        // Where the executable lies may be closed to that user.
        fs::copy(std::env::current_exe().unwrap(), &path).unwrap();
        Self { path, _temp: temp }
    }
}

/// The user that the library works as.
struct Guest {
    place: Place,
    program: PathBuf,
    drops: bool,
}

impl Guest {
    /// Gives everything in the store to that user.
    fn of(place: Place, temp: &Temp, program: &Path) -> Self {
        let drops = rustix::process::geteuid().is_root();
        let guest = Self { place, program: program.to_owned(), drops };
        if !drops {
            return guest;
        }
        let store = temp.store();
        for path in fs::read_dir(&store).unwrap().map(|entry| entry.unwrap().path()).chain([store]) {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        guest
    }

    /// Does one thing, and says how that ended.
    fn run(&self, task: &[&str]) -> String {
        let mut command = Command::new(&self.program);
        command.args(&self.place.arguments(task)[1..]).stdin(Stdio::piped()).stdout(Stdio::piped());
        if self.drops {
            command.uid(NOBODY).gid(NOBODY);
        }
        let mut child = command.spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(b"\n");
        let mut said = String::new();
        child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(child.wait().unwrap().success(), "{task:?}: {said}");
        said.lines().last().unwrap().to_owned()
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn nothing_is_sent_and_nothing_lost(case: Case, program: &Path, killed: bool) {
    let mut script = Script::default();
    script.tokens.reuse = Reuse::RevokeFamily;
    let idp = Idp::start(script).unwrap();
    let temp = Temp::new();
    let place = Place { issuer: idp.issuer().to_owned(), store: temp.store(), later: OVER };
    let keyfob = children::open(&place.issuer, &place.store, Duration::ZERO).unwrap();
    let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    let id = keyfob.complete_login(&log_in(login.authorization_url())).unwrap().session().id().to_owned();
    if case.lock_files {
        keyfob.refresh_session(&id).unwrap();
    }
    if killed {
        // What is there now is what a death would leave: closing it would empty the log.
        let left = temp.store().with_file_name("left");
        fs::create_dir(&left).unwrap();
        for name in ["keyfob.db", "keyfob.db-wal"] {
            fs::copy(temp.store().join(name), left.join(name)).unwrap();
        }
        drop(keyfob);
        for name in ["keyfob.db", "keyfob.db-wal"] {
            fs::copy(left.join(name), temp.store().join(name)).unwrap();
            mode(&temp.store().join(name), 0o600);
        }
    } else {
        drop(keyfob);
    }
    let refreshes = || idp.requests().iter().filter(|one| one.grant_type.as_deref() == Some("refresh_token")).count();
    let before = refreshes();
    let content = |name: &str| fs::read(temp.store().join(name)).ok();

    // As a copy has it: with the log that a closed store leaves, no new file is needed, and the folder need not be writable.
    let beside: &[&str] = if killed { &["keyfob.db-shm"] } else { &["keyfob.db-shm", "keyfob.db-wal"] };
    for name in beside {
        let _ = fs::remove_file(temp.store().join(name));
    }
    let guest = Guest::of(place, &temp, program);
    let database = temp.store().join("keyfob.db");
    let files = (content("keyfob.db"), content("keyfob.db-wal"));
    mode(&database, case.database);
    mode(&temp.store(), case.folder);
    for task in [["token", &id], ["refresh", &id], ["end", &id]] {
        let said = guest.run(&task);
        let fits = said.starts_with("StoreNotWritable ") || said.starts_with("StoreUnavailable ");
        assert!(fits, "{task:?}: {said}");
    }
    assert_eq!(refreshes(), before, "something was sent");
    mode(&temp.store(), 0o700);
    mode(&database, 0o600);
    assert!(files == (content("keyfob.db"), content("keyfob.db-wal")), "something was written");

    let token = guest.run(&["token", &id]);
    let newest = idp.requests().into_iter().rfind(|one| one.path == "/token").unwrap();
    assert_eq!(Some(token.as_str()), newest.answer_json()["access_token"].as_str());
    assert_eq!(refreshes(), before + 1);
    check_copy(&temp.store(), |_| ());
}
