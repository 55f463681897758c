//! Who waits for whom, for how long, and what they get: limits of their own, budgets, policies, clocks that jump, observers.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use keyfob::{
    Config, ConfigBuilder, EndSession, ErrorKind, HttpRequest, HttpResponse, Keyfob, MinValidity, Observer, Reason,
    RefreshPolicy, Registration, Transport, TransportError,
};
use keyfob_idp::{Endpoint, Fault};
use serde_json::json;
use support::eventful::plain;
use support::{Bench, REDIRECT_URI, SSO, elsewhere};

fn any() -> MinValidity {
    MinValidity::secs(60)
}

fn builder(bench: &Bench) -> ConfigBuilder {
    Config::builder(bench.temp.store()).coherence(Duration::ZERO)
}

fn registration(bench: &Bench) -> Registration {
    let registration = Registration::new(SSO, "oidc", "demo", REDIRECT_URI).variable("issuer", bench.idp.issuer());
    registration.scope("openid").scope("email").scope("offline_access")
}

fn open(bench: &Bench, builder: ConfigBuilder) -> Keyfob {
    Keyfob::open(elsewhere(support::sealed(builder)).with_clock(bench.clock.clone())).unwrap()
}

fn refreshes(bench: &Bench) -> usize {
    bench.requests("/token").iter().filter(|request| request.grant_type.as_deref() == Some("refresh_token")).count()
}

/// A session whose token is over, or will be so many seconds from now.
fn due(in_seconds: u64) -> (Bench, String) {
    let bench = Bench::new(|script| script.tokens.access_token_seconds = 3600.0);
    let id = bench.log_in().id().to_owned();
    bench.clock.pass(Duration::from_secs(3600 - in_seconds));
    (bench, id)
}

/// A transport whose token requests do not return before they are told to.
struct Stuck {
    begun: Sender<()>,
    go: Mutex<Receiver<()>>,
}

impl Transport for Stuck {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        if request.url().ends_with("/token") {
            self.begun.send(()).unwrap();
            let _ = self.go.lock().unwrap().recv();
        }
        plain(request)
    }
}

fn stuck() -> (Arc<Stuck>, Receiver<()>, Sender<()>) {
    let ((begun, has_begun), (go, may_go)) = (mpsc::channel(), mpsc::channel());
    (Arc::new(Stuck { begun, go: Mutex::new(may_go) }), has_begun, go)
}

#[test]
fn a_transport_that_never_returns_keeps_nobody_longer_than_they_like() {
    for (left, served) in [(0, false), (30, true)] {
        let (bench, id) = due(left);
        let (transport, begun, go) = stuck();
        let config = elsewhere(support::sealed(builder(&bench).registration(registration(&bench))));
        let keyfob = Keyfob::open(config.with_clock(bench.clock.clone()).with_transport(transport)).unwrap();
        std::thread::scope(|scope| {
            let leader = scope.spawn(|| keyfob.access_token(&id, any()));
            begun.recv().unwrap();
            for other in [keyfob.clone(), bench.another()] {
                let answer = other.access_token_within(&id, any(), Duration::from_millis(60));
                match (answer, served) {
                    // Not good for as long as they wished, but good.
                    (Ok(token), true) => assert!(!token.secret().is_empty()),
                    (Err(error), false) => {
                        assert!(matches!(error.kind(), ErrorKind::Timeout | ErrorKind::RefreshBusy), "{error}");
                    }
                    (answer, _) => panic!("{left} s left: {answer:?}"),
                }
            }
            drop(go);
            leader.join().unwrap().unwrap();
        });
        assert_eq!(refreshes(&bench), 1);
    }
}

#[test]
fn a_leader_with_little_time_leaves_the_others_theirs() {
    let (bench, id) = due(0);
    let (transport, begun, go) = stuck();
    let config = elsewhere(support::sealed(builder(&bench).registration(registration(&bench))));
    let holder = Keyfob::open(config.with_clock(bench.clock.clone()).with_transport(transport)).unwrap();
    std::thread::scope(|scope| {
        let holding = scope.spawn(|| holder.access_token(&id, any()).unwrap());
        begun.recv().unwrap();
        // In another process one thread has a tenth of a second, and others follow it that have much more.
        let hasty = scope.spawn(|| bench.keyfob.access_token_within(&id, any(), Duration::from_millis(100)));
        support::let_others_wait();
        let patient: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| bench.keyfob.access_token_within(&id, any(), Duration::from_secs(30)).unwrap()))
            .collect();
        assert_eq!(hasty.join().unwrap().unwrap_err().kind(), ErrorKind::RefreshBusy);
        go.send(()).unwrap();
        let token = holding.join().unwrap();
        for waiting in patient {
            assert_eq!(waiting.join().unwrap().secret(), token.secret());
        }
    });
    assert_eq!(refreshes(&bench), 1);
}

#[test]
fn a_process_that_hangs_in_a_write_keeps_nobody_from_a_token_that_is_good() {
    for (left, served) in [(30, true), (0, false)] {
        let (bench, id) = due(left);
        let hanging = rusqlite::Connection::open(bench.temp.store().join("keyfob.db")).unwrap();
        hanging.execute_batch("BEGIN IMMEDIATE").unwrap();
        match (bench.another().access_token(&id, any()), served) {
            (Ok(token), true) => assert!(!token.is_unsaved()),
            (Err(error), false) => {
                assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::StoreUnavailable, true), "{error}");
            }
            (answer, _) => panic!("{left} s left: {answer:?}"),
        }
        assert_eq!(refreshes(&bench), 0);
        hanging.execute_batch("ROLLBACK").unwrap();
        bench.another().access_token(&id, any()).unwrap();
        assert_eq!(refreshes(&bench), 1);
    }
}

#[test]
fn who_waits_for_another_process_hears_of_a_logout_in_their_own() {
    let (bench, id) = due(30);
    let (transport, begun, go) = stuck();
    let config = elsewhere(support::sealed(builder(&bench).registration(registration(&bench))));
    let holder = Keyfob::open(config.with_clock(bench.clock.clone()).with_transport(transport)).unwrap();
    std::thread::scope(|scope| {
        let go = go;
        let holding = scope.spawn(|| holder.access_token(&id, any()));
        begun.recv().unwrap();
        // The token is good for less than they wish, so they wait; at the end of it they would take what there is.
        let waiting = scope.spawn(|| bench.keyfob.access_token_within(&id, any(), Duration::from_secs(2)));
        support::let_others_wait();
        bench.keyfob.end_session(&id, EndSession::local_only()).unwrap();
        assert_eq!(waiting.join().unwrap().map(drop).unwrap_err().reason(), Reason::LoggedOut);
        go.send(()).unwrap();
        holding.join().unwrap().unwrap_err();
    });
}

#[test]
fn who_follows_a_refresh_that_fails_gets_the_good_token_all_the_same() {
    let (bench, id) = due(30);
    let (transport, begun, go) = stuck();
    let config = elsewhere(support::sealed(builder(&bench).registration(registration(&bench))));
    let keyfob = Keyfob::open(config.with_clock(bench.clock.clone()).with_transport(transport)).unwrap();
    bench.script(|script| {
        script.faults = vec![Fault::on(Endpoint::Token).grant_type("refresh_token").process(false).status(429)];
    });
    std::thread::scope(|scope| {
        let go = go;
        let asking = scope.spawn(|| keyfob.refresh_session(&id));
        begun.recv().unwrap();
        let following = scope.spawn(|| keyfob.access_token(&id, any()));
        support::let_others_wait();
        go.send(()).unwrap();
        assert_eq!(asking.join().unwrap().unwrap_err().kind(), ErrorKind::RateLimited);
        following.join().unwrap().unwrap();
    });
}

#[test]
fn tries_that_sent_nothing_do_not_count_against_the_budget() {
    let (bench, id) = due(0);
    let switch = Arc::new(support::eventful::Switch::default());
    let registration = registration(&bench).refresh_budget(2, Duration::from_secs(3600));
    let config = elsewhere(support::sealed(builder(&bench).registration(registration)));
    let keyfob = Keyfob::open(config.with_clock(bench.clock.clone()).with_transport(switch.clone())).unwrap();
    switch.offline(true);
    for _ in 0..5 {
        assert_eq!(keyfob.access_token(&id, any()).unwrap_err().reason(), Reason::NotSent);
        bench.clock.pass(Duration::from_secs(20));
    }
    switch.offline(false);
    keyfob.access_token(&id, any()).unwrap();
    keyfob.refresh_session(&id).unwrap();
    assert_eq!(keyfob.refresh_session(&id).unwrap_err().reason(), Reason::BudgetSpent);
}

#[test]
fn a_policy_says_when_this_process_refreshes() {
    let (bench, id) = due(120);
    let with = |policy| open(&bench, builder(&bench).registration(registration(&bench)).refresh_policy(policy));
    let (never, on_demand) = (with(RefreshPolicy::Never), with(RefreshPolicy::OnDemand));
    // It is time for an early refresh; neither makes one.
    let old = never.access_token(&id, any()).unwrap();
    assert_eq!(on_demand.access_token(&id, any()).unwrap().secret(), old.secret());
    assert_eq!(on_demand.maintain(Duration::from_secs(5)).unwrap().refreshed(), 0);
    assert_eq!(never.refresh_session(&id).unwrap_err().reason(), Reason::RefreshNotAllowed);
    assert_eq!(never.refresh_if_current(&id, old.secret()).unwrap_err().kind(), ErrorKind::InvalidState);
    assert_eq!(refreshes(&bench), 0);
    bench.clock.pass(Duration::from_secs(300));
    assert_eq!(never.access_token(&id, any()).unwrap_err().reason(), Reason::RefreshNotAllowed);
    let new = on_demand.access_token(&id, any()).unwrap();
    assert_ne!(new.secret(), old.secret());
    assert_eq!(never.access_token(&id, any()).unwrap().secret(), new.secret(), "what another process keeps fresh");
    assert_eq!(refreshes(&bench), 1);
}

#[test]
fn a_budget_is_kept_by_thirty_two_impatient_threads_of_four_processes() {
    let (bench, id) = due(3600);
    let budgeted =
        || open(&bench, builder(&bench).registration(registration(&bench).refresh_budget(5, Duration::from_secs(60))));
    for window in 1..=2 {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let keyfob = budgeted();
                for _ in 0..8 {
                    let (keyfob, id) = (keyfob.clone(), id.clone());
                    scope.spawn(move || {
                        let mut refused = 0;
                        for _ in 0..10 {
                            if let Err(error) = keyfob.refresh_session(&id) {
                                assert_eq!(
                                    (error.kind(), error.reason()),
                                    (ErrorKind::RateLimited, Reason::BudgetSpent)
                                );
                                assert!(error.retry_after().unwrap() <= Duration::from_secs(60));
                                refused += 1;
                            }
                        }
                        assert!(refused >= 5, "only {} of ten were refused", refused);
                    });
                }
            }
        });
        assert_eq!(refreshes(&bench), 5 * window);
        // The token that is there is served all the same.
        budgeted().access_token(&id, any()).unwrap();
        bench.clock.pass(Duration::from_secs(61));
    }
}

#[test]
fn a_budget_of_the_provider_s_file_counts_where_the_registration_has_none() {
    let bench = Bench::new(|_| {});
    let at = |path: &str| format!("{}{path}", bench.idp.issuer());
    let provider = json!({
        "id": "acme", "kind": "oauth2", "profile": { "uid": "/sub" }, "refresh": { "budget": { "refreshes": 1, "seconds": 3600 } },
        "endpoints": { "authorization": at("/authorize"), "token": at("/token"), "userinfo": at("/userinfo") }
    });
    let provider = keyfob::Provider::from_json(&provider.to_string()).unwrap();
    let registration = Registration::new("acme", "acme", "demo", REDIRECT_URI).scope("profile");
    let keyfob = open(&bench, builder(&bench).provider(provider).registration(registration));
    let login = keyfob.begin_login("acme", keyfob::LoginOptions::new()).unwrap();
    let session = keyfob.complete_login(&support::log_in(login.authorization_url())).unwrap().into_session();
    keyfob.refresh_session(session.id()).unwrap();
    assert_eq!(keyfob.refresh_session(session.id()).unwrap_err().reason(), Reason::BudgetSpent);
}

#[test]
fn clocks_that_jump_cost_a_refresh_at_most() {
    let day = 86_400_000;
    for jump in [-10 * 365 * day, -day, -3_600_000, 3_600_000, day, 10 * 365 * day] {
        let (bench, id) = due(3000);
        bench.clock.set_wall(jump);
        for _ in 0..5 {
            bench.keyfob.access_token(&id, any()).unwrap_or_else(|error| panic!("{jump}: {error}"));
            bench.another().access_token(&id, any()).unwrap_or_else(|error| panic!("{jump}: {error}"));
        }
        assert!(refreshes(&bench) <= 1, "{jump}: {}", refreshes(&bench));
        bench.clock.set_wall(-jump);
        bench.keyfob.access_token(&id, any()).unwrap_or_else(|error| panic!("{jump} and back: {error}"));
        assert!(refreshes(&bench) <= 2, "{jump} and back");
        assert_eq!(bench.keyfob.session(&id).unwrap().state(), keyfob::SessionState::Active);
    }
}

#[test]
fn a_caller_that_may_not_block_gets_the_token_that_is_in_memory_or_none() {
    let (bench, id) = due(1000);
    let seldom = builder(&bench).registration(registration(&bench)).coherence(Duration::from_secs(500));
    let keyfob = open(&bench, seldom);
    let cached = |min_validity| keyfob.cached_access_token(&id, min_validity).map(|token| token.secret().to_owned());
    assert_eq!(cached(any()), None, "it has not been read yet");
    let token = keyfob.access_token(&id, any()).unwrap();
    assert_eq!(cached(any()).as_deref(), Some(token.secret()));
    assert_eq!(cached(MinValidity::secs(1001)), None, "it is not good for so long");
    assert!(keyfob.cached_access_token("nobody", any()).is_none());
    bench.clock.pass(Duration::from_secs(500));
    assert_eq!(cached(any()), None, "others have to be looked for");
    keyfob.access_token(&id, any()).unwrap();
    assert_eq!(cached(any()).as_deref(), Some(token.secret()));
    // Good, and soon due: to refresh it takes time.
    bench.clock.pass(Duration::from_secs(300));
    assert_eq!((cached(any()), refreshes(&bench)), (None, 0));
    let newer = keyfob.access_token(&id, any()).unwrap();
    assert_ne!(newer.secret(), token.secret());
    assert_eq!(cached(any()).as_deref(), Some(newer.secret()));
    keyfob.end_session(&id, EndSession::local_only()).unwrap();
    assert_eq!(cached(any()), None, "to say why is for the call that may fail");
}

#[test]
fn a_cached_token_is_given_only_when_the_observer_has_heard_of_it() {
    let bench = Bench::with(support::patient_config);
    let id = bench.log_in().id().to_owned();
    let listener = Arc::new(Listener::default());
    // The same process, so the same memory.
    let config = support::patient_config(bench.idp.issuer(), &bench.temp.store()).with_clock(bench.clock.clone());
    let listening = Keyfob::open(config.with_observer(listener.clone())).unwrap();
    assert!(listening.cached_access_token(&id, any()).is_none());
    listening.access_token(&id, any()).unwrap();
    assert!(listening.cached_access_token(&id, any()).is_some());
    bench.keyfob.refresh_session(&id).unwrap();
    assert!(bench.keyfob.cached_access_token(&id, any()).is_some());
    assert!(listening.cached_access_token(&id, any()).is_none() && listener.heard().is_empty());
    listening.access_token(&id, any()).unwrap();
    assert_eq!(listener.heard(), [format!("changed {id}")]);
    assert!(listening.cached_access_token(&id, any()).is_some());
}

/// Notes what it is told, and calls back.
#[derive(Default)]
struct Listener {
    keyfob: OnceLock<Keyfob>,
    heard: Mutex<Vec<String>>,
    called_back: AtomicUsize,
}

impl Listener {
    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    fn note(&self, what: String) {
        self.heard.lock().unwrap().push(what);
        if let Some(keyfob) = self.keyfob.get() {
            keyfob.sessions().unwrap();
            keyfob.health().unwrap();
            for session in keyfob.sessions().unwrap() {
                let _ = keyfob.access_token(session.id(), MinValidity::secs(0));
            }
            self.called_back.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Observer for Listener {
    fn session_changed(&self, session_id: &str) {
        self.note(format!("changed {session_id}"));
    }

    fn login_required(&self, session_id: &str, cause: Reason) {
        self.note(format!("{} {session_id}", cause.name()));
    }

    fn clock_skew(&self, seconds: i64) {
        // A whole second either way is noise.
        self.note(format!("skew of about {} minutes", (seconds as f64 / 60.0).round()));
    }
}

#[test]
fn an_observer_is_told_once_what_happened_and_may_call_back() {
    let bench = Bench::new(|_| {});
    let listener = Arc::new(Listener::default());
    let config = elsewhere(support::sealed(builder(&bench).registration(registration(&bench))));
    let keyfob = Keyfob::open(config.with_clock(bench.clock.clone()).with_observer(listener.clone())).unwrap();
    listener.keyfob.set(keyfob.clone()).unwrap();
    let login = keyfob.begin_login(SSO, keyfob::LoginOptions::new()).unwrap();
    let redirect = support::log_in(login.authorization_url());
    let id = keyfob.complete_login(&redirect).unwrap().session().id().to_owned();
    assert_eq!(listener.heard(), [format!("changed {id}")]);
    keyfob.access_token(&id, any()).unwrap();
    assert!(listener.heard().is_empty());
    keyfob.refresh_session(&id).unwrap();
    assert_eq!(listener.heard(), [format!("changed {id}")]);
    // Another process's change is noticed at the next look.
    bench.keyfob.refresh_session(&id).unwrap();
    assert!(listener.heard().is_empty());
    keyfob.access_token(&id, any()).unwrap();
    assert_eq!(listener.heard(), [format!("changed {id}")]);
    bench.script(|script| {
        let fault = Fault::on(Endpoint::Token).grant_type("refresh_token").process(false).status(400);
        script.faults = vec![fault.body(json!({"error": "invalid_grant"}))];
    });
    keyfob.refresh_session(&id).unwrap_err();
    assert_eq!(listener.heard(), [format!("changed {id}"), format!("Revoked {id}")]);
    keyfob.refresh_session(&id).unwrap_err();
    assert!(listener.heard().is_empty(), "once");
    bench.script(|script| script.faults.clear());
    bench.log_in();
    keyfob.access_token(&id, any()).unwrap();
    assert_eq!(listener.heard(), [format!("changed {id}")]);
    keyfob.end_session(&id, EndSession::local_only()).unwrap();
    assert_eq!(listener.heard(), [format!("changed {id}"), format!("LoggedOut {id}")]);
    assert!(listener.called_back.load(Ordering::SeqCst) >= 8);
}

#[test]
fn a_clock_that_is_off_is_measured_told_once_and_kept() {
    let bench = Bench::new(|_| {});
    let listener = Arc::new(Listener::default());
    let config = elsewhere(support::sealed(builder(&bench).registration(registration(&bench))));
    let keyfob = Keyfob::open(config.with_clock(bench.clock.clone()).with_observer(listener.clone())).unwrap();
    bench.clock.set_wall(-3_600_000);
    let session = bench.log_in();
    for _ in 0..3 {
        keyfob.refresh_session(session.id()).unwrap();
    }
    let told: Vec<String> = listener.heard().into_iter().filter(|what| what.starts_with("skew")).collect();
    assert!(told.len() <= 1, "{told:?}");
    let skew = bench.another().health().unwrap().clock_skew_seconds().unwrap();
    assert!((3590..=3610).contains(&skew), "{skew}");
    let entry = keyfob.journal(1).unwrap()[0].clone();
    assert!((3590..=3610).contains(&entry.clock_skew_seconds().unwrap()), "{entry}");
    bench.clock.set_wall(3_600_000);
    keyfob.refresh_session(session.id()).unwrap();
    assert!(bench.keyfob.health().unwrap().clock_skew_seconds().unwrap().abs() <= 2);
    assert_eq!(listener.heard().iter().filter(|what| *what == "skew of about 0 minutes").count(), 1);
}

#[test]
fn the_journal_says_who_refreshed_why_and_how_long_it_took() {
    let (bench, id) = due(0);
    bench.keyfob.access_token(&id, any()).unwrap();
    let entry = bench.keyfob.journal(1).unwrap()[0].clone();
    assert_eq!((entry.event(), entry.wish(), entry.session()), ("Refreshed", Some("token"), Some(id.as_str())));
    assert!(entry.waited().is_some() && entry.pid() == std::process::id());
    bench.keyfob.refresh_session(&id).unwrap();
    assert_eq!(bench.keyfob.journal(1).unwrap()[0].wish(), Some("asked"));
    let token = bench.keyfob.access_token(&id, any()).unwrap();
    bench.keyfob.refresh_if_current(&id, token.secret()).unwrap();
    assert_eq!(bench.keyfob.journal(1).unwrap()[0].wish(), Some("rejected"));
    bench.clock.pass(Duration::from_secs(3600 - 120));
    bench.keyfob.access_token(&id, any()).unwrap();
    let early = bench.keyfob.journal(1).unwrap()[0].clone();
    assert_eq!(early.wish(), Some("early"));
    assert!(early.to_string().contains("wanted: early"));
    bench.clock.pass(Duration::from_secs(3600 - 120));
    assert_eq!(bench.keyfob.maintain(Duration::from_secs(5)).unwrap().refreshed(), 1);
}

#[test]
fn a_new_refresh_token_is_kept_although_the_access_token_beside_it_is_shorter_than_the_wish() {
    let (bench, id) = due(0);
    bench.script(|script| script.tokens.access_token_seconds = 5.0);
    let token = bench.keyfob.access_token(&id, MinValidity::secs(600)).unwrap();
    assert!(token.expires_at().is_some() && refreshes(&bench) == 1);
    let answered = bench.requests("/token")[1].answer_json();
    let stored = bench.another().session(&id).unwrap();
    assert_eq!(stored.provider_refresh_token(), answered["refresh_token"].as_str());
}
