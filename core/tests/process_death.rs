//! The process dies while the user is in the browser, by a real SIGKILL; another one completes the login from the store.
//!
//! This file has a `main` of its own: as `process_death worker …` it is the process that dies.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that fails should say where"
)]

mod support;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use keyfob::{HttpRequest, HttpResponse, Keyfob, LoginOptions, MinValidity, Reason, Transport, TransportError};
use libtest_mimic::{Arguments, Trial};
use support::{Bench, SSO, config, log_in};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, task, issuer, store, rest @ ..] = &arguments[..]
        && word == "worker"
    {
        return worker(task, issuer, Path::new(store), rest);
    }
    let trials = vec![
        Trial::test("killed_between_begin_and_complete_another_process_completes_the_login", || {
            killed_between_begin_and_complete();
            Ok(())
        }),
        Trial::test("killed_while_the_code_is_under_way_the_login_is_in_doubt_and_the_code_is_not_sent_again", || {
            killed_while_the_code_is_under_way();
            Ok(())
        }),
        Trial::test("an_exchange_that_takes_longer_than_any_request_is_given_up_although_its_process_lives", || {
            an_exchange_that_takes_too_long();
            Ok(())
        }),
        Trial::test("killed_after_a_login_the_session_is_there", || {
            killed_after_a_login();
            Ok(())
        }),
        // `cargo xtask test` installs strace; without it this one is counted as skipped.
        Trial::test("a_token_from_memory_makes_no_system_call", || {
            a_token_from_memory_makes_no_system_call();
            Ok(())
        })
        .with_ignored_flag(Command::new("strace").arg("--version").output().is_err()),
        Trial::test("a_refresh_is_one_request_and_waits_for_the_disk_twice", || {
            a_refresh_waits_for_the_disk_twice();
            Ok(())
        })
        .with_ignored_flag(Command::new("strace").arg("--version").output().is_err()),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// The process that dies: does its task, says so, and waits for its end.
fn worker(task: &str, issuer: &str, store: &Path, rest: &[String]) {
    let mut config = config(issuer, store);
    if task == "ask" {
        config = support::patient_config(issuer, store);
    }
    if task == "send-the-code" {
        config = config.with_transport(Arc::new(NoWayBack));
    }
    let keyfob = Keyfob::open(config).unwrap();
    match (task, rest) {
        ("begin", []) => {
            let options = LoginOptions::new().success("app:/home").failure("app:/login");
            println!("{}", keyfob.begin_login(SSO, options).unwrap().authorization_url());
        }
        ("ask" | "ask-and-look", [id]) => {
            let ask = || keyfob.access_token(id, MinValidity::default()).unwrap();
            ask();
            println!("{BETWEEN}");
            for _ in 0..1000 {
                ask();
            }
            println!("{BETWEEN}");
            return;
        }
        ("refresh-twice", [id]) => {
            // The first one makes what is there once: the lock file, the spare space, the keys.
            keyfob.refresh_session(id).unwrap();
            println!("{BETWEEN}");
            keyfob.refresh_session(id).unwrap();
            println!("{BETWEEN}");
            return;
        }
        ("complete" | "send-the-code", [redirect]) => {
            println!("{}", keyfob.complete_login(redirect).unwrap().session().id())
        }
        _ => unreachable!("no such task: {task}"),
    }
    // Until killed; or until the test that started it is gone.
    let _ = std::io::stdin().read(&mut [0]);
}

/// A transport that sends the request and never returns: its process dies with the answer in its hands.
struct NoWayBack;

impl Transport for NoWayBack {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let mut post = ureq::post(request.url());
        for (name, value) in request.headers() {
            post = post.header(name, value);
        }
        println!("{}", post.send(request.body()).unwrap().status());
        let _ = std::io::stdin().read(&mut [0]);
        unreachable!("killed before")
    }
}

fn start(bench: &Bench, task: &str, rest: &[&str]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["worker", task, bench.idp.issuer()])
        .arg(bench.temp.store())
        .args(rest)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line.trim().to_owned()
}

/// SIGKILL: no destructor runs, nothing is flushed.
fn kill(mut child: Child) {
    use std::os::unix::process::ExitStatusExt as _;
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9), "it was not the signal that ended it");
}

fn killed_between_begin_and_complete() {
    let bench = Bench::new(|_| {});
    let mut child = start(&bench, "begin", &[]);
    let redirect = log_in(&first_line(&mut child));
    kill(child);
    let done = bench.keyfob.complete_login(&redirect).unwrap();
    assert_eq!((done.session().provider_uid(), done.return_to()), ("u-1", Some("app:/home")));
    bench.keyfob.access_token(done.session().id(), MinValidity::default()).unwrap();
}

fn killed_while_the_code_is_under_way() {
    let bench = Bench::new(|_| {});
    let redirect = bench.redirect();
    let mut child = start(&bench, "send-the-code", &[&redirect]);
    assert_eq!(first_line(&mut child), "200 OK");
    let error = bench.keyfob.complete_login(&redirect).unwrap_err();
    assert_eq!(error.reason(), Reason::CompletionInProgress, "the owner is alive: it is not for us to judge");
    kill(child);
    let error = bench.keyfob.complete_login(&redirect).unwrap_err();
    assert_eq!(error.reason(), Reason::CodeExchangeInDoubt);
    assert!(error.is_login_required());
    assert_eq!(bench.keyfob.complete_login(&redirect).unwrap_err().reason(), Reason::RedirectUsed);
    assert_eq!(bench.count("/token"), 1);
    assert_eq!(bench.log_in().provider_uid(), "u-1");
}

/// What the worker prints before and after its thousand calls.
const BETWEEN: &str = "== between ==";

/// The system calls of a task between its two marks.
fn traced(bench: &Bench, task: &str, id: &str) -> Vec<String> {
    let trace = bench.temp.store().with_file_name("trace");
    let status = Command::new("strace")
        .arg("-f")
        .arg("-o")
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["worker", task, bench.idp.issuer()])
        .arg(bench.temp.store())
        .arg(id)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let text = std::fs::read_to_string(&trace).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let marks: Vec<usize> = (0..lines.len()).filter(|line| lines[*line].contains(BETWEEN)).collect();
    assert_eq!(marks.len(), 2, "{text}");
    lines[marks[0] + 1..marks[1]].to_vec()
}

fn a_token_from_memory_makes_no_system_call() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    // An hour of coherence: with the tests' own zero, every call looks for other processes' commits.
    assert_eq!(traced(&bench, "ask", session.id()).len(), 0);
    assert!(traced(&bench, "ask-and-look", session.id()).len() >= 1000, "the count can see");
}

fn a_refresh_waits_for_the_disk_twice() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    bench.idp.clear_requests();
    let calls = traced(&bench, "refresh-twice", session.id());
    let count = |what: &str| calls.iter().filter(|call| call.contains(what)).count();
    // That it is about to be sent, and what came. That its ID token was checked need not be: lost, it is checked again.
    assert_eq!(count("fsync(") + count("fdatasync("), 2, "{calls:#?}");
    assert_eq!(count("flock("), 1);
    assert_eq!(bench.count("/token"), 2, "one for each");
}

fn an_exchange_that_takes_too_long() {
    let bench = Bench::new(|_| {});
    let redirect = bench.redirect();
    let mut child = start(&bench, "send-the-code", &[&redirect]);
    assert_eq!(first_line(&mut child), "200 OK");
    bench.clock.pass(std::time::Duration::from_secs(140));
    assert_eq!(bench.keyfob.complete_login(&redirect).unwrap_err().reason(), Reason::CompletionInProgress);
    bench.clock.pass(std::time::Duration::from_secs(11));
    assert_eq!(bench.keyfob.complete_login(&redirect).unwrap_err().reason(), Reason::CodeExchangeInDoubt);
    kill(child);
}

fn killed_after_a_login() {
    let bench = Bench::new(|_| {});
    let redirect = bench.redirect();
    let mut child = start(&bench, "complete", &[&redirect]);
    let id = first_line(&mut child);
    kill(child);
    bench.idp.clear_requests();
    assert_eq!(bench.keyfob.current_session().unwrap().unwrap().id(), id);
    assert_eq!(bench.keyfob.complete_login(&redirect).unwrap().session().id(), id);
    assert_eq!(bench.idp.requests().len(), 0);
    bench.keyfob.refresh_session(&id).unwrap();
}
