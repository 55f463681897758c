//! An access token is over, and every thread of every process asks for the next one at the same moment: the provider gets one request.
//!
//! Nobody waits for a token to be over. The driver moves everybody's clock by a token's life, then lets them ask: that is a round.
//!
//! This file has a `main` of its own: as `one_request worker …` it is one of the processes.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that fails should say where")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, SystemTime};

use keyfob::{Clock, Config, Keyfob, LoginOptions, MinValidity, Registration, StoreKey, SystemClock};
use keyfob_chaos::{Folder, end_with_parent};
use keyfob_idp::{Algorithm, Endpoint, Fault, Idp, Script, browser};
use libtest_mimic::{Arguments, Trial};

const PROCESSES: usize = 8;
const THREADS: usize = 16;
const ROUNDS: u64 = 100;
/// The life of an access token, and the length of a round.
const LIFE: Duration = Duration::from_secs(600);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, issuer, store, session] = &arguments[..]
        && word == "worker"
    {
        return worker(issuer, Path::new(store), session);
    }
    let trial = Trial::test("one_request_leaves_when_every_thread_of_every_process_finds_the_token_over", || {
        one_request_a_round();
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit();
}

fn one_request_a_round() {
    let mut script = Script::default();
    script.algorithms = vec![Algorithm::ES256];
    script.tokens.access_token_seconds = LIFE.as_secs_f64();
    // Long enough for everybody to come while the one request is under way.
    script.faults = vec![Fault::on(Endpoint::Token).grant_type("refresh_token").delay(0.01)];
    let idp = Idp::start(script).unwrap();
    let folder = Folder::new().unwrap();
    let store = folder.path().join("store");

    let keyfob = open(idp.issuer(), &store, Arc::default());
    let login = keyfob.begin_login("sso", LoginOptions::new()).unwrap();
    let redirect = browser::log_in(login.authorization_url(), "ada", "lovelace").unwrap();
    let session = keyfob.complete_login(&redirect).unwrap().into_session();
    drop(keyfob);

    let mut workers: Vec<Worker> = (0..PROCESSES).map(|_| Worker::start(idp.issuer(), &store, session.id())).collect();
    for round in 1..=ROUNDS {
        idp.clear_requests();
        // The provider's clock goes with theirs.
        let mut script = idp.script();
        script.clock_offset_seconds = after(round).as_secs_f64();
        idp.set_script(script).unwrap();
        for worker in &mut workers {
            writeln!(worker.to, "{round}").unwrap();
        }
        let said: BTreeSet<String> = workers.iter_mut().map(|worker| worker.from.next().unwrap().unwrap()).collect();
        let log = idp.requests();
        let refreshes: Vec<_> =
            log.iter().filter(|request| request.grant_type.as_deref() == Some("refresh_token")).collect();
        assert_eq!(refreshes.len(), 1, "round {round}: {said:?}");
        let issued = refreshes.first().unwrap().answer_json();
        let issued = issued.get("access_token").and_then(|token| token.as_str()).unwrap();
        assert_eq!(said, BTreeSet::from([issued.to_owned()]), "round {round}: everybody has the new token");
    }
}

/// One of the processes: at each round that it is told, all its threads ask at once, and it says what they got.
fn worker(issuer: &str, store: &Path, session: &str) {
    end_with_parent().unwrap();
    let clock = Arc::new(Rounds::default());
    let keyfob = open(issuer, store, Arc::clone(&clock));
    for line in std::io::stdin().lines() {
        clock.0.store(line.unwrap().parse().unwrap(), Ordering::SeqCst);
        let together = Barrier::new(THREADS);
        let ask = || {
            together.wait();
            match keyfob.access_token(session, MinValidity::default()) {
                Ok(token) => token.secret().to_owned(),
                Err(error) => error.to_string(),
            }
        };
        let got: BTreeSet<String> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        println!("{}", got.into_iter().collect::<Vec<_>>().join(" | "));
    }
}

fn open(issuer: &str, store: &Path, clock: Arc<Rounds>) -> Keyfob {
    let registration = Registration::new("sso", "oidc", "demo", "http://127.0.0.1/callback/work-sso")
        .variable("issuer", issuer)
        .scope("openid")
        .scope("email")
        .scope("offline_access");
    let config = Config::builder(store).registration(registration).build().unwrap();
    Keyfob::open(config.with_store_key(StoreKey::new([7; 32])).with_clock(clock)).unwrap()
}

/// The system's clocks, so many rounds ahead.
#[derive(Default)]
struct Rounds(AtomicU64);

impl Rounds {
    fn ahead(&self) -> Duration {
        after(self.0.load(Ordering::SeqCst))
    }
}

fn after(round: u64) -> Duration {
    LIFE * u32::try_from(round).unwrap()
}

impl Clock for Rounds {
    fn wall(&self) -> SystemTime {
        SystemClock::new().wall() + self.ahead()
    }

    fn boot(&self) -> Duration {
        SystemClock::new().boot() + self.ahead()
    }

    fn boot_id(&self) -> Option<String> {
        SystemClock::new().boot_id()
    }
}

/// A process, gone with this value.
struct Worker {
    child: Child,
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    fn start(issuer: &str, store: &Path, session: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["worker", issuer])
            .arg(store)
            .arg(session)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let to = child.stdin.take().unwrap();
        let from = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, to, from }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
