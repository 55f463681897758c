//! Other processes: the test's own executable, started again. Each opens the store, waits until it is told to go, does one thing with it, and says in one
//! line how that ended; unless it is killed first.
#![allow(dead_code, unreachable_pub, reason = "no test file uses all of it")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use keyfob::{EndSession, Error, Keyfob, LoginOptions, MinValidity, StoreKey};
use rusqlite::{Connection, OpenFlags};

use crate::support::{SSO, TestClock, config};

/// The word that makes a worker of this executable.
const WORKER: &str = "worker";

/// What a worker says when it has opened the store.
const OPEN: &str = "open";

/// How long a call waits for another process, where it is the test's business that it does not wait for ever.
pub const SHORT: Duration = Duration::from_millis(300);

/// Does the work of a child and ends, where this process was started as one.
pub fn work_if_child() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, issuer, store, later, task, rest @ ..] = &arguments[..]
        && word == WORKER
    {
        let later = Duration::from_secs(later.parse().unwrap());
        work(issuer, Path::new(store), later, task, rest);
        std::process::exit(0);
    }
}

fn work(issuer: &str, store: &Path, later: Duration, task: &str, rest: &[String]) {
    match open(issuer, store, later) {
        Ok(keyfob) => {
            println!("{OPEN}");
            std::io::stdin().read_exact(&mut [0]).unwrap();
            println!("{}", outcome(&keyfob, task, rest));
        }
        Err(error) => println!("{}", words(&error)),
    }
}

/// The key that a worker changes the store's to.
pub fn other_key() -> StoreKey {
    StoreKey::new([9; 32])
}

/// A handle for which so much time has passed.
pub fn open(issuer: &str, store: &Path, later: Duration) -> Result<Keyfob, Error> {
    let clock = Arc::new(TestClock::default());
    clock.pass(later);
    Keyfob::open(config(issuer, store).with_clock(clock))
}

fn outcome(keyfob: &Keyfob, task: &str, rest: &[String]) -> String {
    let token = MinValidity::default();
    let done = match (task, rest) {
        ("open", []) => keyfob.health().map(|health| {
            format!(
                "schema {} interrupted {} owed {}",
                health.schema_version(),
                health.interrupted().len(),
                health.owed_revocations()
            )
        }),
        ("token", [id]) => keyfob.access_token(id, token).map(|token| token.secret().to_owned()),
        ("token-soon", [id]) => keyfob.access_token_within(id, token, SHORT).map(|token| token.secret().to_owned()),
        ("refresh", [id]) => keyfob.refresh_session(id).map(|session| session.provider_access_token().to_owned()),
        ("maintain", []) => keyfob.maintain(Duration::from_secs(30)).map(|done| {
            format!(
                "refreshed {} revoked {} failed {} owed {}",
                done.refreshed(),
                done.revoked(),
                done.failed(),
                done.owed()
            )
        }),
        ("end", [id]) => keyfob.end_session(id, EndSession::default()).map(|ended| format!("{:?}", ended.revocation())),
        ("begin", []) => keyfob.begin_login(SSO, LoginOptions::new()).map(|login| login.authorization_url().to_owned()),
        ("rekey", []) => keyfob.rekey(&other_key()).map(|()| "rekeyed".to_owned()),
        ("complete", [redirect]) => keyfob.complete_login(redirect).map(|done| done.session().id().to_owned()),
        _ => unreachable!("no such task: {task}"),
    };
    done.unwrap_or_else(|error| words(&error))
}

fn words(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{} {}: {detail}", error.kind().name(), error.reason().name()),
        None => format!("{} {}", error.kind().name(), error.reason().name()),
    }
}

/// Where children work.
#[derive(Clone, Debug)]
pub struct Place {
    pub issuer: String,
    pub store: PathBuf,
    /// How far their clocks are ahead.
    pub later: Duration,
}

/// Another process.
pub struct Child {
    child: std::process::Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// How one ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It did what it was to do, and says so.
    Said(String),
    /// It was killed (signal 9), and what it had said by then.
    Killed(String),
}

impl Place {
    /// The same, so much later.
    pub fn after(&self, time: Duration) -> Self {
        Self { later: self.later + time, ..self.clone() }
    }

    /// The command that starts a child; the test may put another in front of it.
    pub fn arguments(&self, task: &[&str]) -> Vec<String> {
        let later = self.later.as_secs().to_string();
        let program = std::env::current_exe().unwrap();
        let fixed = [program.to_str().unwrap(), WORKER, &self.issuer, self.store.to_str().unwrap(), &later];
        fixed.iter().chain(task).map(|part| (*part).to_owned()).collect()
    }

    fn spawn(arguments: &[String], crash_at: Option<&str>) -> Child {
        let mut command = Command::new(&arguments[0]);
        command.args(&arguments[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).env_remove("KEYFOB_CRASH_AT");
        if let Some(point) = crash_at {
            command.env("KEYFOB_CRASH_AT", point);
        }
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Child { child, input, output }
    }

    /// Starts a child that has opened the store and waits.
    pub fn start(&self, task: &[&str]) -> Child {
        let mut child = Self::spawn(&self.arguments(task), None);
        assert_eq!(child.line(), OPEN, "{task:?}");
        child
    }

    /// A child from its start to its end.
    pub fn run(&self, task: &[&str]) -> String {
        match self.start(task).end() {
            End::Said(line) => line,
            End::Killed(_) => panic!("nobody was to kill {task:?}"),
        }
    }

    /// A child that is to die at a point, and has not done its task.
    pub fn killed_at(&self, point: &str, task: &[&str]) {
        let end = Self::spawn(&self.arguments(task), Some(point)).end();
        assert_eq!(end, End::Killed(String::new()), "{point} is not on the way of {task:?}");
    }

    /// A child that has died at a point, and that nobody has waited for.
    pub fn left_dead_at(&self, point: &str, task: &[&str]) -> Child {
        let mut child = Self::spawn(&self.arguments(task), Some(point));
        child.go();
        let mut said = String::new();
        child.output.read_to_string(&mut said).unwrap();
        assert_eq!(said.trim(), OPEN, "{point} is not on the way of {task:?}");
        child
    }

    /// A child that another program runs.
    pub fn run_under(&self, program: &[&str], task: &[&str]) -> End {
        let mut arguments: Vec<String> = program.iter().map(|part| (*part).to_owned()).collect();
        arguments.extend(self.arguments(task));
        Self::spawn(&arguments, None).end()
    }

    /// Several at once: all have opened the store before the first one goes.
    pub fn crowd(&self, size: usize, task: &[&str]) -> Vec<String> {
        let mut children: Vec<Child> = (0..size).map(|_| self.start(task)).collect();
        for child in &mut children {
            child.go();
        }
        let ends = children.into_iter().map(Child::end);
        ends.map(|end| if let End::Said(line) = end { line } else { panic!("nobody was to kill {task:?}") }).collect()
    }
}

impl Child {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets it do its task.
    pub fn go(&mut self) {
        // One that dies while it opens the store is not there any more.
        let _ = self.input.write_all(b"\n");
    }

    /// Lets it do its task, and waits for what it says.
    pub fn end(mut self) -> End {
        self.go();
        let mut said = String::new();
        self.output.read_to_string(&mut said).unwrap();
        let said = said.trim();
        let said = said.strip_prefix(OPEN).unwrap_or(said).trim_start();
        let status = self.child.wait().unwrap();
        match (status.signal(), said) {
            (Some(9), said) => End::Killed(said.to_owned()),
            (None, said) if status.success() => End::Said(said.to_owned()),
            _ => panic!("{status}, and it said: {said}"),
        }
    }

    /// SIGKILL: no destructor runs, nothing is flushed.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.signal(), Some(9), "it was not the signal that ended it");
    }

    /// SIGSTOP or SIGCONT.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

/// A test that fails leaves nobody behind, stopped or waiting.
impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for something that another process brings about, and not for ever.
#[expect(clippy::disallowed_methods, reason = "what happens in another process wakes nobody here")]
pub fn until(what: &str, mut happened: impl FnMut() -> bool) {
    for _ in 0..4000 {
        if happened() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("it did not happen: {what}");
}

/// What SQLite thinks of the database. A copy is asked, with its log, as the dead left both: the first one to recover them is to be another process
/// of the library, not the test.
pub fn check_copy<T>(store: &Path, look: impl FnOnce(&Connection) -> T) -> T {
    let copy = store.with_extension("copy");
    let _ = std::fs::remove_dir_all(&copy);
    std::fs::create_dir(&copy).unwrap();
    for name in ["keyfob.db", "keyfob.db-wal"] {
        if store.join(name).exists() {
            std::fs::copy(store.join(name), copy.join(name)).unwrap();
        }
    }
    let connection = Connection::open_with_flags(copy.join("keyfob.db"), OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    let said: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(said, "ok");
    let seen = look(&connection);
    drop(connection);
    std::fs::remove_dir_all(&copy).unwrap();
    seen
}
