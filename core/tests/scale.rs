//! A store of a million sessions opens, finds one, and lists a page in the instructions of one of a hundred, within a factor of two. Making a million takes
//! a minute or two and two gigabytes, so that is for `cargo xtask test scale` and `all`; each run does it with a hundred thousand.
//!
//! Instructions, not time: they are the same on a busy machine. Callgrind counts them for a program that does one thing; this file has a `main` of its own, and as
//! `scale worker …` it is that program. What an operation costs is what the program needs more than one that only opens the store.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that fails should say where; what was measured is to be seen"
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use keyfob::{Clock as _, ImportedTokens, Keyfob, SystemClock};
use libtest_mimic::{Arguments, Failed, Trial};
use rusqlite::Connection;
use support::{SSO, plain_config};

const ISSUER: &str = "https://login.example.com";

/// How many more instructions the large store may cost.
const FACTOR: f64 = 2.0;

/// How many sessions the small store has.
const FEW: u32 = 100;

/// How many sessions a page has; the small store has two pages.
const PAGE: usize = 50;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, store, task, rest @ ..] = &arguments[..]
        && word == "worker"
    {
        return work(Path::new(store), task, rest);
    }
    let no_valgrind = Command::new("valgrind").arg("--version").output().is_err();
    if no_valgrind {
        println!("SKIPPED: there is no valgrind, so nobody counts what a million sessions cost");
    }
    // `cargo xtask test` installs it; without it these are counted as skipped.
    let trials = [
        ("a_hundred_thousand_sessions_cost_what_a_hundred_do", 100_000, no_valgrind),
        ("wide_a_million_sessions_cost_what_a_hundred_do", 1_000_000, true),
    ];
    let trials =
        trials.map(|(name, many, ignored)| Trial::test(name, move || compare(many)).with_ignored_flag(ignored));
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit();
}

/// The program whose instructions are counted.
fn work(store: &Path, task: &str, rest: &[String]) {
    let config = plain_config(ISSUER, store);
    if task == "nothing" {
        return;
    }
    let keyfob = Keyfob::open(config).unwrap();
    let page = |after: Option<&str>| assert_eq!(keyfob.sessions_page(after, PAGE).unwrap().len(), PAGE);
    match task {
        "open" => {}
        "find by id" => rest.iter().for_each(|id| assert_eq!(keyfob.session(id).unwrap().id(), id)),
        "find by user" => rest.iter().for_each(|uid| {
            assert_eq!(keyfob.find_session(SSO, uid).unwrap().unwrap().provider_uid(), uid);
        }),
        "first page" => page(None),
        "page beyond tombstones" => page(Some(&rest[0])),
        // What no operation of the library does: to see that growth is seen.
        "scan" => drop(ask(store, "SELECT count(*) FROM session WHERE id > ''")),
        other => unreachable!("no such task: {other}"),
    }
}

fn ask(store: &Path, sql: &str) -> Vec<String> {
    let connection = Connection::open(store.join("keyfob.db")).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
    rows.map(|value| match value.unwrap() {
        rusqlite::types::Value::Text(text) => text,
        other => format!("{other:?}"),
    })
    .collect()
}

/// A store of so many sessions, in a folder that goes with it.
struct Store(PathBuf);

impl Drop for Store {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Store {
    fn of(count: u32) -> Self {
        // Not the system's folder for temporary files, which may be in memory: two gigabytes are a lot there.
        let store = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("scale-{count}-{}", std::process::id())));
        let _ = std::fs::remove_dir_all(&store.0);
        import_one(&store.0);
        multiply(&store.0, count);
        store
    }

    /// What callgrind counts for a task.
    fn instructions(&self, task: &str, rest: &[String]) -> f64 {
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(std::env::current_exe().unwrap());
        let done = command.arg("worker").arg(&self.0).arg(task).args(rest).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{task}: {said}");
        let counted = said.lines().find_map(|line| line.split_once("Collected : "));
        counted.unwrap().1.trim().parse().unwrap()
    }

    /// What each operation costs by itself.
    fn costs(&self) -> Vec<(&'static str, f64)> {
        // From one end to the other.
        let some = |column: &str| {
            let from = "FROM session WHERE state <> 2 AND row % max(1, (SELECT max(row) FROM session) / 12) = 0";
            ask(&self.0, &format!("SELECT {column} {from}"))
        };
        let before =
            ask(&self.0, "SELECT id FROM session WHERE row = (SELECT min(row) - 1 FROM session WHERE state = 2)");
        let opened = self.instructions("open", &[]);
        let operation = |task, rest: Vec<String>, times: usize| {
            assert!(times > 0, "{task}");
            (task, (self.instructions(task, &rest) - opened) / f64::from(u32::try_from(times).unwrap()))
        };
        let (ids, uids) = (some("id"), some("uid"));
        let times = ids.len();
        vec![
            ("open", opened - self.instructions("nothing", &[])),
            operation("find by id", ids, times),
            operation("find by user", uids, times),
            operation("first page", Vec::new(), 1),
            operation("page beyond tombstones", before, 1),
            operation("scan", Vec::new(), 1),
        ]
    }
}

/// A session as large as those of a provider with signed access tokens are.
fn import_one(store: &Path) {
    let keyfob = Keyfob::open(plain_config(ISSUER, store)).unwrap();
    let end = SystemClock::new().wall() + Duration::from_secs(3600);
    let tokens = ImportedTokens::new(SSO, "first").access_token("a".repeat(1100), Some(end));
    keyfob.import_session(tokens.refresh_token("r".repeat(300)).scope("openid").scope("email")).unwrap();
}

/// Copies that session under other ids and of other users: as many as are wanted, and in their middle as many that were logged out.
fn multiply(store: &Path, count: u32) {
    let connection = Connection::open(store.join("keyfob.db")).unwrap();
    // Nothing that may be lost: the fastest there is.
    connection
        .execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;")
        .unwrap();
    let mut statement =
        connection.prepare("SELECT name FROM pragma_table_info('session') WHERE name <> 'row'").unwrap();
    let columns: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let copied = |name: &String| match name.as_str() {
        "id" => "lower(hex(randomblob(11)))".to_owned(),
        "uid" => "'user-' || lower(hex(randomblob(10)))".to_owned(),
        "state" => "iif(n > :half AND n <= :half + :gone, 2, 0)".to_owned(),
        "cause" => "iif(n > :half AND n <= :half + :gone, 'LoggedOut', NULL)".to_owned(),
        "tokens" => "iif(n > :half AND n <= :half + :gone, x'', tokens)".to_owned(),
        "generation" => "generation + n".to_owned(),
        name => name.to_owned(),
    };
    let sql = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count + :gone)
         INSERT INTO session ({}) SELECT {} FROM numbers, (SELECT * FROM session WHERE row = 1)",
        columns.join(", "),
        columns.iter().map(copied).collect::<Vec<_>>().join(", "),
    );
    let values = rusqlite::named_params! { ":count": count, ":half": count / 2, ":gone": count };
    connection.execute(&sql, values).unwrap();
    connection.execute_batch("DELETE FROM session WHERE row = 1; PRAGMA journal_mode = WAL;").unwrap();
}

fn compare(many: u32) -> Result<(), Failed> {
    let (small, large) = (Store::of(FEW), Store::of(many));
    let size = std::fs::metadata(large.0.join("keyfob.db")).unwrap().len();
    println!("{many} sessions and as many tombstones: {} MB", size / 1_000_000);
    let mut failed = Vec::new();
    for ((task, little), (_, much)) in small.costs().into_iter().zip(large.costs()) {
        let ratio = much / little;
        println!("{task}: {little:.0} instructions with {FEW} sessions, {much:.0} with {many}: {ratio:.2}");
        let grows = ratio > FACTOR;
        // Fewer than that is no work, and then the ratio says nothing.
        if little < 1000.0 || grows != (task == "scan") {
            failed.push(task);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("not within {FACTOR}: {}", failed.join(", ")).into()) }
}
