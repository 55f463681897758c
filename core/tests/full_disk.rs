//! The disk is full, before a token is sent or when its successor comes. A process that may write nothing more to any file (RLIMIT_FSIZE) plays it: the
//! system refuses its writes for real, and lets them through again when the limit is lifted.
//!
//! This file has a `main` of its own: as `full_disk worker …` it is that process.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that fails should say where"
)]

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keyfob::{
    EndSession, ErrorKind, HttpRequest, HttpResponse, ImportedTokens, Keyfob, MinValidity, Reason, SessionState,
    Transport, TransportError,
};
use keyfob_idp::{Endpoint, Fault, Reuse};
use libtest_mimic::{Arguments, Trial};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::eventful::plain;
use support::{Bench, SSO, TestClock, config};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, issuer, store, id] = &arguments[..]
        && word == "worker"
    {
        return worker(issuer, Path::new(store), id);
    }
    let trials: [(&str, fn()); 10] = [
        ("full_before_the_token_is_sent_nothing_is_sent_and_nothing_lost", full_at_the_attempt),
        ("full_when_the_new_tokens_come_they_are_served_from_memory_and_saved_when_there_is_room", full_at_the_save),
        ("tokens_in_memory_only_are_checked_before_they_are_served", unsaved_and_unverified),
        ("tokens_in_memory_only_of_somebody_else_end_the_session_once_that_can_be_stored", unsaved_and_somebody_else_s),
        ("suspended_with_tokens_in_memory_only_it_says_so_loudly_and_nobody_sends_the_spent_one", full_then_suspended),
        ("killed_with_tokens_in_memory_only_the_next_process_asks_at_once_while_the_server_forgives", full_then_killed),
        ("a_resource_server_that_refuses_a_token_gets_no_other_refused_one", full_then_rejected),
        ("room_again_any_session_s_refresh_saves_what_others_have_in_memory_only", full_then_another_session),
        ("the_last_handle_saves_them_when_there_is_room_again", full_then_closed),
        ("logged_out_meanwhile_the_tokens_in_memory_are_revoked", full_then_logged_out),
    ];
    let trials = trials.into_iter().map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}

/// Lets this process write so many bytes into a file.
fn limit(bytes: Option<u64>) {
    let now = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, Rlimit { current: bytes.or(now.maximum), maximum: now.maximum }).unwrap();
}

/// A transport after whose token answers the disk is full.
#[derive(Default)]
struct Filling(AtomicBool);

impl Transport for Filling {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let answer = plain(request);
        if request.url().ends_with("/token") && self.0.load(Ordering::SeqCst) {
            limit(Some(1));
        }
        answer
    }
}

/// Does what it is told, a line each.
fn worker(issuer: &str, store: &Path, id: &str) {
    let (transport, clock) = (Arc::new(Filling::default()), Arc::new(TestClock::default()));
    let config = config(issuer, store).with_clock(clock.clone()).with_transport(transport.clone());
    let mut open = Some(Keyfob::open(config).unwrap());
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        if line == "close" {
            drop(open.take());
            println!("done");
            continue;
        }
        let keyfob = open.as_ref().unwrap();
        let said = match line.as_str() {
            "full" => {
                limit(Some(1));
                Ok("done".to_owned())
            }
            "full at the save" => {
                transport.0.store(true, Ordering::SeqCst);
                Ok("done".to_owned())
            }
            "room" => {
                transport.0.store(false, Ordering::SeqCst);
                limit(None);
                Ok("done".to_owned())
            }
            // Keys are fetched again after half a minute.
            "later" => {
                clock.pass(Duration::from_secs(31));
                Ok("done".to_owned())
            }
            "refresh" => keyfob.refresh_session(id).map(|session| session.provider_access_token().to_owned()),
            "token" => keyfob.access_token(id, MinValidity::secs(0)).map(|token| {
                // Each call for it tries to save it, which a call that only looks into memory does not.
                assert!(!token.is_unsaved() || keyfob.cached_access_token(id, MinValidity::secs(0)).is_none());
                format!("{} {}", if token.is_unsaved() { "unsaved" } else { "saved" }, token.secret())
            }),
            "suspend" => keyfob.suspend(Duration::from_secs(5)).map(|()| "done".to_owned()),
            "resume" => keyfob.resume().map(|()| "done".to_owned()),
            "unsaved" => keyfob.health().map(|health| health.unsaved_sessions().to_string()),
            "another session" => {
                let tokens = ImportedTokens::new(SSO, "grace").access_token("at", None).refresh_token("rt");
                let other = keyfob.import_session(tokens).unwrap();
                keyfob.refresh_session(other.id()).map(|_| "done".to_owned())
            }
            "maintain" => keyfob.maintain(Duration::from_secs(5)).map(|_| "done".to_owned()),
            other => match other.strip_prefix("rejected ") {
                Some(rejected) => keyfob.refresh_if_current(id, rejected).map(|token| token.secret().to_owned()),
                None => unreachable!("no such order: {other}"),
            },
        };
        println!("{}", said.unwrap_or_else(|error| format!("error {:?} {:?}", error.kind(), error.reason())));
    }
}

struct Worker {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    fn start(bench: &Bench, id: &str) -> Self {
        // The signal that comes with the limit is ignored, and a program inherits that.
        let mut child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["worker", bench.idp.issuer()])
            .arg(bench.temp.store())
            .arg(id)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (orders, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, orders, answers }
    }

    fn order(&mut self, order: &str) -> String {
        writeln!(self.orders, "{order}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn bench(grace: f64) -> (Bench, String) {
    let bench = Bench::new(|script| {
        script.tokens.access_token_seconds = 3600.0;
        script.tokens.reuse = Reuse::RevokeFamily;
        script.tokens.grace_seconds = grace;
    });
    let id = bench.log_in().id().to_owned();
    (bench, id)
}

fn refreshes(bench: &Bench) -> usize {
    bench.requests("/token").len() - 1
}

/// What the provider gave last.
fn newest(bench: &Bench) -> String {
    bench.requests("/token").last().unwrap().answer_json()["access_token"].as_str().unwrap().to_owned()
}

/// A worker with tokens that it could not save.
fn with_unsaved(grace: f64) -> (Bench, String, Worker) {
    let (bench, id) = bench(grace);
    let mut worker = Worker::start(&bench, &id);
    assert_eq!(worker.order("full at the save"), "done");
    let token = worker.order("refresh");
    assert_eq!(token, newest(&bench));
    (bench, id, worker)
}

fn full_at_the_attempt() {
    let (bench, id) = bench(0.0);
    let mut worker = Worker::start(&bench, &id);
    assert_eq!(worker.order("full"), "done");
    assert!(worker.order("refresh").starts_with("error StoreNotWritable"));
    assert_eq!(refreshes(&bench), 0);
    assert!(worker.order("token").starts_with("saved "), "the one that is there is good");
    worker.order("room");
    assert_eq!(worker.order("refresh"), newest(&bench));
    assert_eq!(refreshes(&bench), 1);
}

fn full_at_the_save() {
    let (bench, id, mut worker) = with_unsaved(0.0);
    for _ in 0..3 {
        assert_eq!(worker.order("token"), format!("unsaved {}", newest(&bench)));
    }
    assert_eq!(worker.order("unsaved"), "1");
    // Another process has to wait for it, and knows for whom.
    let other = bench.another();
    other.session(&id).unwrap();
    bench.clock.pass(Duration::from_secs(7200));
    let busy = other.access_token_within(&id, MinValidity::secs(60), Duration::from_millis(100)).unwrap_err();
    assert_eq!(busy.kind(), ErrorKind::RefreshBusy);
    assert!(busy.detail().unwrap().contains(&format!("process {}", worker.child.id())), "{busy}");
    assert_eq!(refreshes(&bench), 1, "nobody sends the spent token");
    worker.order("room");
    assert_eq!(worker.order("token"), format!("saved {}", newest(&bench)));
    assert_eq!(worker.order("unsaved"), "0");
    assert_eq!(bench.another().session(&id).unwrap().provider_access_token(), newest(&bench));
    assert_eq!(refreshes(&bench), 1);
    bench.another().refresh_session(&id).unwrap();
}

fn unsaved_and_unverified() {
    let (bench, id) = bench(0.0);
    bench.script(|script| {
        script.keys.generation += 1;
        script.faults = vec![Fault::on(Endpoint::Jwks).status(503)];
    });
    let mut worker = Worker::start(&bench, &id);
    worker.order("later");
    worker.order("full at the save");
    assert!(worker.order("refresh").starts_with("error Network"));
    assert!(worker.order("token").starts_with("error Network"), "nobody knows whose they are");
    bench.script(|script| script.faults.clear());
    assert_eq!(worker.order("token"), format!("unsaved {}", newest(&bench)), "the keys need no room");
    worker.order("room");
    assert_eq!(worker.order("token"), format!("saved {}", newest(&bench)));
    assert_eq!(refreshes(&bench), 1);
}

fn unsaved_and_somebody_else_s() {
    let (bench, id) = bench(0.0);
    bench.script(|script| {
        script.tamper.id_token = support::tamper(serde_json::json!({"set": {"sub": "u-2"}, "on": "refresh"}));
    });
    let mut worker = Worker::start(&bench, &id);
    worker.order("full at the save");
    assert!(worker.order("refresh").starts_with("error StoreNotWritable"), "no ending is told that is not stored");
    assert!(worker.order("token").starts_with("error StoreNotWritable"), "and nothing is served");
    assert_eq!(bench.keyfob.session(&id).unwrap().state(), SessionState::Active);
    worker.order("room");
    assert_eq!(worker.order("token"), "error LoginRequired IdentityMismatch");
    let ended = SessionState::Ended(Reason::IdentityMismatch);
    assert_eq!((bench.keyfob.session(&id).unwrap().state(), refreshes(&bench)), (ended, 1));
}

fn full_then_suspended() {
    let (bench, id, mut worker) = with_unsaved(0.0);
    assert!(worker.order("suspend").starts_with("error StoreNotWritable"));
    // Its lock is free now, and its process alive: it has what nobody else has.
    let busy = bench.another().access_token_within(&id, MinValidity::secs(0), Duration::from_millis(100));
    assert!(busy.is_ok(), "the token before is good yet");
    bench.clock.pass(Duration::from_secs(500));
    let other = bench.another();
    let refused = other.refresh_session(&id).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::RefreshBusy);
    assert!(refused.detail().unwrap().contains(&format!("process {}", worker.child.id())), "{refused}");
    assert_eq!(refreshes(&bench), 1);
    // Asked while it is suspended, it does not take the lock again: a system that freezes it would kill it for that.
    assert!(worker.order("token").starts_with("error InvalidState"));
    for file in std::fs::read_dir(bench.temp.store()).unwrap().map(Result::unwrap) {
        let name = file.file_name().to_string_lossy().into_owned();
        // That of the whole store is held, with each other, by the processes that have it open.
        if name.ends_with(".lock") && name != "keyfob.lock" {
            let file = std::fs::File::open(file.path()).unwrap();
            rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        }
    }
    worker.order("room");
    assert_eq!(worker.order("resume"), "done");
    assert_eq!(worker.order("token"), format!("saved {}", newest(&bench)));
    assert_eq!(other.session(&id).unwrap().provider_access_token(), newest(&bench));
    assert_eq!(refreshes(&bench), 1);
}

fn full_then_closed() {
    let (bench, id, mut worker) = with_unsaved(0.0);
    worker.order("room");
    assert_eq!(worker.order("close"), "done");
    let saved = bench.another().access_token(&id, MinValidity::secs(0)).unwrap();
    assert_eq!((saved.secret(), refreshes(&bench)), (newest(&bench).as_str(), 1));
    bench.another().refresh_session(&id).unwrap();
}

fn full_then_killed() {
    for (grace, cause) in [(30.0, None), (0.0, Some(Reason::RotationLost))] {
        let (bench, id, worker) = with_unsaved(grace);
        worker.kill();
        let answer = bench.keyfob.refresh_session(&id);
        assert_eq!(refreshes(&bench), 2, "at once");
        match (answer, cause) {
            (Ok(session), None) => assert_eq!(session.provider_access_token(), newest(&bench)),
            (Err(error), Some(cause)) => assert_eq!(error.reason(), cause),
            (answer, _) => panic!("grace {grace}: {answer:?}"),
        }
    }
}

fn full_then_rejected() {
    let (bench, id, mut worker) = with_unsaved(0.0);
    let old = bench.keyfob.session(&id).unwrap().provider_access_token().to_owned();
    assert_eq!(worker.order(&format!("rejected {old}")), newest(&bench));
    assert!(worker.order(&format!("rejected {}", newest(&bench))).starts_with("error StoreNotWritable"));
    assert_eq!(refreshes(&bench), 1);
}

fn full_then_another_session() {
    let (_bench, _id, mut worker) = with_unsaved(0.0);
    worker.order("room");
    worker.order("another session");
    assert_eq!(worker.order("unsaved"), "0", "they may share a lock");
}

fn full_then_logged_out() {
    let (bench, id, mut worker) = with_unsaved(0.0);
    let lost = bench.requests("/token").last().unwrap().answer_json()["refresh_token"].as_str().unwrap().to_owned();
    bench.keyfob.end_session(&id, EndSession::local_only()).unwrap();
    worker.order("room");
    assert_eq!(worker.order("token"), "error LoginRequired LoggedOut");
    assert_eq!(worker.order("unsaved"), "0");
    let revoked = bench.requests("/revoke");
    assert_eq!(revoked.len(), 1);
    assert_eq!(revoked[0].parameter("token"), Some(lost.as_str()));
    assert!(bench.keyfob.sessions().unwrap().is_empty());
}
