//! A process that hangs (Ctrl-Z, a debugger, a machine that sleeps) while its refresh is under way: the others wait as long as they like, and take nothing
//! from it.
//!
//! This file has a `main` of its own: as `two_processes worker …` it is one of those processes.
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

use std::time::Duration;

use children::{Child, End, Place, check_copy, until, work_if_child};
use keyfob::LoginOptions;
use keyfob_idp::{Endpoint, Fault, Idp, LoggedRequest, Reuse, Script};
use libtest_mimic::{Arguments, Trial};
use rustix::process::Signal;
use support::{SSO, Temp, log_in};

/// After it every access token is over.
const OVER: Duration = Duration::from_secs(7200);

/// How long the provider takes for an answer.
const SLOW: f64 = 1.0;

/// How many wait at once.
const WAITING: usize = 4;

fn main() {
    work_if_child();
    let trial = |name: &str, test: fn()| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    };
    let trials = vec![
        trial("one_stops_in_mid_refresh_and_another_goes_on_with_a_token_that_is_good", a_good_token),
        trial("one_stops_in_mid_refresh_and_another_without_a_token_is_told_who_it_waits_for", an_over_token),
        trial("one_stops_in_mid_refresh_and_is_killed_and_another_repeats_its_request", killed_while_stopped),
        trial("one_stops_in_mid_refresh_and_the_user_logs_out_elsewhere", logged_out_meanwhile),
        trial("many_that_need_a_token_at_once_send_one_request", many_at_once),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

struct World {
    idp: Idp,
    place: Place,
    session: String,
    _temp: Temp,
}

impl World {
    fn new(grace: f64) -> Self {
        let mut script = Script::default();
        script.tokens.reuse = Reuse::RevokeFamily;
        script.tokens.grace_seconds = grace;
        script.faults = vec![Fault::on(Endpoint::Token).grant_type("refresh_token").delay(SLOW)];
        let idp = Idp::start(script).unwrap();
        let temp = Temp::new();
        let place = Place { issuer: idp.issuer().to_owned(), store: temp.store(), later: Duration::ZERO };
        let keyfob = children::open(&place.issuer, &place.store, place.later).unwrap();
        let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
        let session = keyfob.complete_login(&log_in(login.authorization_url())).unwrap().session().id().to_owned();
        Self { idp, place, session, _temp: temp }
    }

    fn refreshes(&self) -> Vec<LoggedRequest> {
        let is_refresh = |request: &LoggedRequest| request.grant_type.as_deref() == Some("refresh_token");
        self.idp.requests().into_iter().filter(is_refresh).collect()
    }

    /// The access token of the last answer that the provider gave.
    fn newest(&self) -> String {
        let answers = self.idp.requests().into_iter().rev().filter(|request| request.path == "/token");
        let answer = answers.map(|request| request.answer_json()).next().unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// A process that has sent its refresh token, has the lock, and is stopped before the answer comes.
    fn stopped(&self, place: &Place, task: &str) -> Child {
        let mut child = place.start(&[task, &self.session]);
        child.go();
        until("the provider has the request", || self.refreshes().iter().any(|request| request.status.is_some()));
        child.signal(Signal::STOP);
        child
    }
}

fn a_good_token() {
    let world = World::new(0.0);
    let good = world.newest();
    let stopped = world.stopped(&world.place, "refresh");
    let fresh = world.newest();
    assert_ne!(good, fresh);
    for task in ["token", "token-soon"] {
        assert_eq!(world.place.run(&[task, &world.session]), good);
    }
    assert_eq!(world.place.run(&["maintain"]), "refreshed 0 revoked 0 failed 0 owed 0");
    assert_eq!(world.refreshes().len(), 1);
    stopped.signal(Signal::CONT);
    assert_eq!(stopped.end(), End::Said(fresh.clone()));
    assert_eq!(world.place.run(&["token", &world.session]), fresh);
    assert_eq!(world.refreshes().len(), 1);
}

fn an_over_token() {
    let world = World::new(0.0);
    let now = world.place.after(OVER);
    let stopped = world.stopped(&now, "token");
    let fresh = world.newest();
    let busy = format!("RefreshBusy RefreshBusy: process {} has been at it for ", stopped.pid());
    for told in now.crowd(3, &["token-soon", &world.session]) {
        assert!(told.starts_with(&busy), "{told}");
    }
    // However long it takes: a lock has no time limit, and a process that hangs may still send.
    let told = now.after(OVER).run(&["token-soon", &world.session]);
    assert!(told.starts_with(&busy) && told.contains(" 72"), "{told}");
    assert_eq!(now.run(&["maintain"]), "refreshed 0 revoked 0 failed 0 owed 0");
    assert_eq!(world.refreshes().len(), 1);
    let mut waiting = now.start(&["token", &world.session]);
    waiting.go();
    stopped.signal(Signal::CONT);
    assert_eq!(stopped.end(), End::Said(fresh.clone()));
    assert_eq!(waiting.end(), End::Said(fresh.clone()));
    assert_eq!(now.run(&["token", &world.session]), fresh);
    assert_eq!(world.refreshes().len(), 1);
}

fn killed_while_stopped() {
    // A process lets go of its lock a moment before it is gone: those who wait are to come in that moment too. They look
    // most often when they have just begun to wait.
    for _ in 0..8 {
        let world = World::new(30.0);
        let mut script = world.idp.script();
        script.faults = vec![Fault::on(Endpoint::Token).grant_type("refresh_token").nth(1).delay(60.0)];
        world.idp.set_script(script).unwrap();
        let now = world.place.after(OVER);
        let mut stopped = world.stopped(&now, "token");
        let mut waiting: Vec<Child> = (0..WAITING).map(|_| now.start(&["token", &world.session])).collect();
        for child in &mut waiting {
            child.go();
        }
        stopped.kill();
        let told: Vec<End> = waiting.into_iter().map(Child::end).collect();
        assert_eq!(told, vec![End::Said(world.newest()); WAITING]);
        assert_eq!(world.refreshes().len(), 2);
        check_copy(&now.store, |_| {});
    }
}

fn logged_out_meanwhile() {
    let world = World::new(0.0);
    let now = world.place.after(OVER);
    let stopped = world.stopped(&now, "token");
    // A logout waits for nobody.
    assert_eq!(now.run(&["end", &world.session]), "Done");
    stopped.signal(Signal::CONT);
    assert_eq!(stopped.end(), End::Said("LoginRequired LoggedOut".to_owned()));
    now.run(&["maintain"]);
    let revoked: Vec<_> = world.idp.requests().into_iter().filter(|request| request.path == "/revoke").collect();
    assert_eq!(revoked.len(), 2, "the tokens that came too late are nobody's, and are revoked");
    let answered = world.refreshes()[0].answer_json();
    assert_eq!(revoked[1].parameter("token"), answered["refresh_token"].as_str());
    check_copy(&now.store, |_| {});
}

fn many_at_once() {
    let world = World::new(0.0);
    let now = world.place.after(OVER);
    let told = now.crowd(6, &["token", &world.session]);
    assert_eq!(told, vec![world.newest(); 6]);
    assert_eq!(world.refreshes().len(), 1);
}
