//! Suspension and what may be in the middle of something then: a login, a refresh that nobody waits for any more, a user who is back at once.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, reason = "a test that fails should say where")]

mod support;

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyfob::{HttpRequest, HttpResponse, Keyfob, MinValidity, Transport, TransportError};
use support::Bench;
use support::eventful::{plain, with};

const LONG: Duration = Duration::from_secs(20);

/// A transport whose first token request does not return before it is told to.
struct Stuck {
    begun: Sender<()>,
    go: Mutex<Option<Receiver<()>>>,
}

impl Transport for Stuck {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let go = if request.url().ends_with("/token") { self.go.lock().unwrap().take() } else { None };
        let answer = plain(request);
        if let Some(go) = go {
            self.begun.send(()).unwrap();
            let _ = go.recv();
        }
        answer
    }
}

fn stuck(bench: &Bench) -> (Keyfob, Receiver<()>, Sender<()>) {
    let ((begun, has_begun), (go, may_go)) = (mpsc::channel(), mpsc::channel());
    let transport = Arc::new(Stuck { begun, go: Mutex::new(Some(may_go)) });
    (with(bench, transport), has_begun, go)
}

fn any() -> MinValidity {
    MinValidity::secs(60)
}

/// A session whose token is over.
fn overdue() -> (Bench, String) {
    let bench = Bench::new(|_| {});
    let id = bench.log_in().id().to_owned();
    bench.clock.pass(Duration::from_secs(7200));
    (bench, id)
}

#[test]
fn a_login_whose_code_is_on_its_way_is_waited_for() {
    let bench = Bench::new(|_| {});
    let (keyfob, begun, go) = stuck(&bench);
    let redirect = bench.redirect();
    std::thread::scope(|scope| {
        let go = go;
        let completing = scope.spawn(|| keyfob.complete_login(&redirect));
        begun.recv().unwrap();
        let suspending = scope.spawn(|| keyfob.suspend(LONG));
        support::let_others_wait();
        go.send(()).unwrap();
        completing.join().unwrap().unwrap();
        suspending.join().unwrap().unwrap();
    });
}

#[test]
fn who_is_back_before_the_suspension_is_done_is_not_suspended_after_it() {
    let (bench, id) = overdue();
    let (keyfob, begun, go) = stuck(&bench);
    std::thread::scope(|scope| {
        let go = go;
        let refreshing = scope.spawn(|| keyfob.access_token(&id, any()));
        begun.recv().unwrap();
        let suspending = scope.spawn(|| keyfob.suspend(LONG));
        support::let_others_wait();
        keyfob.resume().unwrap();
        go.send(()).unwrap();
        suspending.join().unwrap().unwrap();
        refreshing.join().unwrap().unwrap();
    });
    keyfob.access_token(&id, any()).unwrap();
    keyfob.refresh_session(&id).unwrap();
}

#[test]
fn a_request_that_was_given_up_fails_nobody_who_comes_after_the_resumption() {
    let (bench, id) = overdue();
    bench.script(|script| script.tokens.grace_seconds = 60.0);
    let (keyfob, begun, go) = stuck(&bench);
    std::thread::scope(|scope| {
        let go = go;
        let given_up = scope.spawn(|| keyfob.access_token(&id, any()));
        begun.recv().unwrap();
        keyfob.suspend(Duration::ZERO).unwrap();
        keyfob.resume().unwrap();
        let next = scope.spawn(|| keyfob.access_token(&id, any()));
        support::let_others_wait();
        go.send(()).unwrap();
        given_up.join().unwrap().unwrap_err();
        next.join().unwrap().unwrap();
    });
}
