//! Logins on another device (RFC 8628), on real HTTP, with a clock that the test moves.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that fails should say where")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use keyfob::{
    Clock as _, Completed, DeviceLogin, DevicePoll, ErrorKind, Keyfob, LoginControl, LoginOptions, Reason, Result,
    SessionState,
};
use keyfob_idp::{Close, Endpoint, Fault, Script, browser};
use serde_json::json;
use support::{Bench, SSO, config, let_others_wait, tamper};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A provider that does not measure the time between polls: the tests' clock is not its own.
fn bench(change: impl FnOnce(&mut Script)) -> Bench {
    Bench::new(|script| {
        script.device.enforce_interval = false;
        change(script);
    })
}

fn begin(bench: &Bench) -> DeviceLogin {
    bench.keyfob.begin_device_login(SSO, LoginOptions::new()).unwrap()
}

fn connect(login: &DeviceLogin) {
    browser::connect_device(login.verification_uri(), login.user_code(), "ada", "lovelace").unwrap();
}

fn wait(poll: Result<DevicePoll>) -> Duration {
    match poll.unwrap() {
        DevicePoll::Wait(wait) => wait,
        other => panic!("{other:?}"),
    }
}

fn done(poll: Result<DevicePoll>) -> Completed {
    match poll.unwrap() {
        DevicePoll::Done(completed) => completed,
        other => panic!("{other:?}"),
    }
}

fn reason(poll: Result<DevicePoll>) -> Reason {
    poll.unwrap_err().reason()
}

fn polls(bench: &Bench) -> usize {
    bench.requests("/token").iter().filter(|request| request.grant_type.as_deref() == Some(GRANT)).count()
}

/// Polls as an app does, waiting as long as it is told by the test's clock. Gives the seconds at which a request was sent, and how it ended.
fn drive(bench: &Bench, login: &DeviceLogin) -> (Vec<u64>, Result<DevicePoll>) {
    // What the test lets pass; the time that the machine takes beside it is none of the protocol's.
    let mut passed = Duration::ZERO;
    let mut sent_at = Vec::new();
    loop {
        let before = polls(bench);
        let outcome = bench.keyfob.poll_device_login(login.id());
        if polls(bench) > before {
            sent_at.push((passed + Duration::from_millis(500)).as_secs());
        }
        match outcome {
            Ok(DevicePoll::Wait(wait)) => {
                passed += wait;
                // Before the time nobody is asked, where a busy machine does not take the rest of it by itself.
                let last = if wait < Duration::from_secs(4) { Duration::ZERO } else { wait / 2 };
                bench.clock.pass(wait - last);
                if !last.is_zero() {
                    assert!(matches!(bench.keyfob.poll_device_login(login.id()), Ok(DevicePoll::Wait(_))));
                    assert_eq!(polls(bench), before.max(sent_at.len()));
                    bench.clock.pass(last);
                }
            }
            other => return (sent_at, other),
        }
    }
}

/// A script in which the nth polls are answered so.
fn answered(script: &mut Script, answers: &[(u64, u16, &str)]) {
    script.faults = answers
        .iter()
        .map(|(nth, status, code)| {
            Fault::on(Endpoint::Token).grant_type(GRANT).nth(*nth).status(*status).body(json!({ "error": code }))
        })
        .collect();
}

#[test]
fn a_login_on_another_device_makes_a_session() {
    let bench = bench(|_| {});
    let options = LoginOptions::new().scope("profile").success("app:/home").app_data("42").parameter("audience", "api");
    let login = bench.keyfob.begin_device_login(SSO, options).unwrap();
    let asked = &bench.requests("/device_authorization")[0];
    assert_eq!(asked.parameter("client_id"), Some("demo"));
    assert_eq!(asked.parameter("scope"), Some("openid email offline_access profile"));
    assert_eq!(asked.parameter("audience"), Some("api"));
    assert!(login.verification_uri_complete().unwrap().contains(login.user_code()));
    assert_eq!(login.interval(), Duration::from_secs(5));
    let left = login.expires_at().duration_since(bench.clock.wall()).unwrap();
    assert!(left > Duration::from_secs(590) && left <= Duration::from_secs(600), "{left:?}");
    let pending = bench.keyfob.pending_logins().unwrap();
    assert!(pending.len() == 1 && pending[0].is_on_another_device() && pending[0].id() == login.id());

    assert!(wait(bench.keyfob.poll_device_login(login.id())) > Duration::from_secs(4), "nobody types so fast");
    assert_eq!(polls(&bench), 0);
    connect(&login);
    bench.clock.pass(Duration::from_secs(5));
    let completed = done(bench.keyfob.poll_device_login(login.id()));
    let session = completed.session();
    assert_eq!((session.registration(), session.provider_uid()), (SSO, "u-1"));
    assert_eq!((completed.return_to(), completed.app_data()), (Some("app:/home"), Some("42")));
    assert_eq!(session.state(), SessionState::Active);
    assert!(session.id_token().is_some() && session.provider_refresh_token().is_some());
    assert_eq!(bench.keyfob.current_session().unwrap().unwrap().id(), session.id());

    let again = done(bench.keyfob.poll_device_login(login.id()));
    assert_eq!(again.session().id(), session.id(), "asked again, it answers with the session");
    assert_eq!(polls(&bench), 1);
    assert!(bench.keyfob.pending_logins().unwrap().is_empty());
    let over = bench.keyfob.device_login(login.id()).unwrap_err();
    assert_eq!(over.reason(), Reason::UnknownLogin);
}

#[test]
fn s65_polls_come_at_the_interval_and_slow_down_adds_five_seconds_for_good() {
    let bench = bench(|script| {
        answered(script, &[(3, 400, "slow_down"), (5, 400, "slow_down")]);
    });
    let login = begin(&bench);
    // After two more polls at the slowest interval the user gets to it.
    let mut passed = Duration::ZERO;
    let mut sent_at = Vec::new();
    let completed = loop {
        let before = polls(&bench);
        let outcome = bench.keyfob.poll_device_login(login.id());
        if polls(&bench) > before {
            sent_at.push((passed + Duration::from_millis(500)).as_secs());
        }
        match outcome.unwrap() {
            DevicePoll::Wait(wait) => {
                passed += wait;
                bench.clock.pass(wait);
            }
            DevicePoll::Done(completed) => break completed,
            other => panic!("{other:?}"),
        }
        if sent_at.len() == 7 {
            connect(&login);
        }
    };
    assert_eq!(sent_at, [5, 10, 15, 25, 35, 50, 65, 80]);
    assert_eq!(completed.session().provider_uid(), "u-1");
}

#[test]
fn s65_without_an_interval_it_is_five_seconds_and_the_provider_s_own_counts() {
    for (interval, expected) in [(None, [5, 10, 15]), (Some(8.0), [8, 16, 24]), (Some(0.0), [1, 2, 3])] {
        let bench = bench(|script| {
            script.device.interval_seconds = interval;
            answered(script, &[(3, 400, "access_denied")]);
        });
        let (sent_at, outcome) = drive(&bench, &begin(&bench));
        assert_eq!(sent_at, expected);
        assert_eq!(reason(outcome), Reason::AccessDenied);
    }
}

#[test]
fn s65_an_answer_that_does_not_come_doubles_the_wait_until_one_comes() {
    let bench = bench(|script| {
        let poll = || Fault::on(Endpoint::Token).grant_type(GRANT);
        script.faults = vec![
            poll().nth(2).process(false).close(Close::BeforeHeaders),
            poll().nth(3).status(500),
            poll().nth(4).status(503).header("retry-after", "90"),
            poll().nth(6).status(400).body(json!({ "error": "access_denied" })),
        ];
    });
    let (sent_at, outcome) = drive(&bench, &begin(&bench));
    assert_eq!(sent_at, [5, 10, 20, 40, 130, 135]);
    assert_eq!(reason(outcome), Reason::AccessDenied);
}

#[test]
fn s65_it_stops_at_the_end_of_the_code_s_life_and_at_any_other_error() {
    let bench = bench(|script| script.device.code_seconds = 12.0);
    let login = begin(&bench);
    let (sent_at, outcome) = drive(&bench, &login);
    assert_eq!(sent_at, [5, 10]);
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::LoginRequired, Reason::DeviceCodeExpired));
    assert_eq!(reason(bench.keyfob.poll_device_login(login.id())), Reason::DeviceCodeExpired, "and says so again");
    assert_eq!(polls(&bench), 2);

    for (status, code, expected) in [
        (400, "expired_token", Reason::DeviceCodeExpired),
        (400, "access_denied", Reason::AccessDenied),
        (401, "invalid_client", Reason::InvalidClient),
        (400, "unsupported_grant_type", Reason::ServerError),
        (200, "access_denied", Reason::AccessDenied),
    ] {
        let bench = self::bench(|script| answered(script, &[(1, status, code)]));
        let options = LoginOptions::new().failure("app:/login");
        let login = bench.keyfob.begin_device_login(SSO, options).unwrap();
        let (sent_at, outcome) = drive(&bench, &login);
        let error = outcome.unwrap_err();
        assert_eq!((sent_at.len(), error.reason(), error.return_to()), (1, expected, Some("app:/login")), "{code}");
        bench.clock.pass(Duration::from_secs(60));
        let again = bench.keyfob.poll_device_login(login.id()).unwrap_err();
        assert_eq!((again.reason(), again.return_to()), (expected, Some("app:/login")));
        assert_eq!(polls(&bench), 1, "nothing is sent any more");
    }
}

#[test]
fn a_code_that_was_spent_in_a_lost_answer_is_told_from_one_that_nobody_confirmed() {
    let bench = bench(|script| {
        script.faults = vec![Fault::on(Endpoint::Token).grant_type(GRANT).nth(1).close(Close::BeforeHeaders)];
    });
    let login = begin(&bench);
    connect(&login);
    let (sent_at, outcome) = drive(&bench, &login);
    assert_eq!(sent_at, [5, 15]);
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::LoginRequired, Reason::CodeExchangeInDoubt));
}

#[test]
fn s65_two_polls_never_overlap() {
    let bench = bench(|script| {
        script.faults = vec![Fault::on(Endpoint::Token).grant_type(GRANT).nth(1).delay(0.3)];
    });
    let login = begin(&bench);
    let other = bench.another();
    bench.clock.pass(Duration::from_secs(5));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| wait(bench.keyfob.poll_device_login(login.id())));
        let_others_wait();
        let second = scope.spawn(|| wait(bench.keyfob.poll_device_login(login.id())));
        assert!(first.join().unwrap() <= Duration::from_secs(5));
        assert!(second.join().unwrap() <= Duration::from_secs(5));
    });
    assert!(wait(other.poll_device_login(login.id())) > Duration::from_secs(3), "another process waits too");
    assert_eq!(polls(&bench), 1);
}

#[test]
fn a_login_that_was_begun_is_shown_and_polled_on_by_another_process() {
    let bench = bench(|_| {});
    let begun = begin(&bench);
    bench.clock.pass(Duration::from_secs(5));
    wait(bench.keyfob.poll_device_login(begun.id()));
    let other = bench.another();
    let pending = other.pending_logins().unwrap().remove(0);
    let login = other.device_login(pending.id()).unwrap();
    assert_eq!((login.user_code(), login.verification_uri()), (begun.user_code(), begun.verification_uri()));
    assert_eq!(login.verification_uri_complete(), begun.verification_uri_complete());
    connect(&login);
    assert!(wait(other.poll_device_login(login.id())) > Duration::from_secs(4), "it knows when the last poll was");
    bench.clock.pass(Duration::from_secs(5));
    let session = done(other.poll_device_login(login.id())).into_session();
    assert_eq!(done(bench.keyfob.poll_device_login(login.id())).session().id(), session.id());
}

#[test]
fn a_failed_profile_loses_no_login() {
    let bench = bench(|script| script.faults = vec![Fault::on(Endpoint::Jwks).nth(1).status(503)]);
    let login = begin(&bench);
    connect(&login);
    bench.clock.pass(Duration::from_secs(5));
    let error = bench.keyfob.poll_device_login(login.id()).unwrap_err();
    assert!(error.is_retryable(), "{error}");
    // The code's life is over, the tokens are there.
    bench.clock.pass(Duration::from_secs(700));
    assert_eq!(done(bench.keyfob.poll_device_login(login.id())).session().provider_uid(), "u-1");
    assert_eq!(polls(&bench), 1);
}

#[test]
fn a_cancelled_login_stays_cancelled_also_when_a_poll_is_on_its_way() {
    let bench = bench(|script| {
        script.faults = vec![Fault::on(Endpoint::Token).grant_type(GRANT).nth(1).delay(0.3)];
    });
    let waiting = begin(&bench);
    bench.keyfob.cancel_login(waiting.id()).unwrap();
    assert_eq!(reason(bench.keyfob.poll_device_login(waiting.id())), Reason::Cancelled);
    assert_eq!(polls(&bench), 0);

    let login = begin(&bench);
    connect(&login);
    bench.clock.pass(Duration::from_secs(5));
    std::thread::scope(|scope| {
        let poll = scope.spawn(|| bench.keyfob.poll_device_login(login.id()));
        while polls(&bench) == 0 {
            let_others_wait();
        }
        bench.keyfob.cancel_login(login.id()).unwrap();
        assert_eq!(poll.join().unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    });
    assert!(bench.keyfob.sessions().unwrap().is_empty());
}

#[test]
fn the_blocking_call_shows_the_code_once_and_comes_back_with_the_session() {
    let bench = Bench::new(|script| script.device.interval_seconds = Some(1.0));
    let shown = AtomicUsize::new(0);
    let show = |login: &DeviceLogin| {
        shown.fetch_add(1, Ordering::SeqCst);
        connect(login);
    };
    let completed =
        bench.keyfob.login_on_another_device(SSO, LoginOptions::new(), &show, &LoginControl::new()).unwrap();
    assert_eq!((completed.session().provider_uid(), shown.load(Ordering::SeqCst)), ("u-1", 1));
    assert_eq!(polls(&bench), 1, "the provider, whose clock is the real one, saw no poll too soon");
}

#[test]
fn the_blocking_call_ends_when_somebody_cancels_and_when_the_user_says_no() {
    let bench = bench(|_| {});
    let control = LoginControl::new();
    let id = std::sync::Mutex::new(String::new());
    let outcome = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let show = |login: &DeviceLogin| login.id().clone_into(&mut id.lock().unwrap());
            bench.keyfob.login_on_another_device(SSO, LoginOptions::new(), &show, &control)
        });
        let_others_wait();
        control.cancel();
        waiting.join().unwrap()
    });
    assert_eq!(outcome.unwrap_err().reason(), Reason::Cancelled);
    assert_eq!(reason(bench.keyfob.poll_device_login(&id.lock().unwrap())), Reason::Cancelled);
    let show = |_: &DeviceLogin| panic!("it was cancelled before");
    let error = bench.keyfob.login_on_another_device(SSO, LoginOptions::new(), &show, &control).unwrap_err();
    assert_eq!(error.reason(), Reason::Cancelled);

    let show = |login: &DeviceLogin| {
        browser::deny_device(login.verification_uri(), login.user_code()).unwrap();
        bench.clock.pass(Duration::from_secs(5));
    };
    let error =
        bench.keyfob.login_on_another_device(SSO, LoginOptions::new(), &show, &LoginControl::new()).unwrap_err();
    assert_eq!((error.kind(), error.oauth().unwrap().code()), (ErrorKind::AccessDenied, "access_denied"));
}

#[test]
fn s66_the_verification_uri_is_https_and_the_codes_are_readable() {
    let remove = |name: &str| json!({ "remove": [name] });
    for (change, expected) in [
        (json!({ "set": { "verification_uri": "http://evil.example/device" } }), Reason::InsecureEndpoint),
        (json!({ "set": { "verification_uri": "not a url" } }), Reason::MalformedResponse),
        (json!({ "set": { "user_code": "AB\u{202e}CD" } }), Reason::MalformedResponse),
        (json!({ "set": { "user_code": "X".repeat(65) } }), Reason::MalformedResponse),
        (json!({ "set": { "user_code": 7 } }), Reason::MalformedResponse),
        (remove("device_code"), Reason::MalformedResponse),
        (remove("user_code"), Reason::MalformedResponse),
        (remove("verification_uri"), Reason::MalformedResponse),
        (remove("expires_in"), Reason::MalformedResponse),
        (json!({ "set": { "error": "invalid_scope" } }), Reason::ServerError),
    ] {
        let bench = bench(|script| script.tamper.device = tamper(change.clone()));
        let error = bench.keyfob.begin_device_login(SSO, LoginOptions::new()).unwrap_err();
        assert_eq!(error.reason(), expected, "{change}");
        assert!(bench.keyfob.pending_logins().unwrap().is_empty());
    }
    // A complete URI that is no good is left out, and Google's older name is read.
    let bench = bench(|script| {
        script.tamper.device = tamper(json!({
            "set": { "verification_uri_complete": "http://evil.example/", "verification_url": "https://g.example/device" },
            "remove": ["verification_uri"]
        }));
    });
    let login = begin(&bench);
    assert_eq!((login.verification_uri(), login.verification_uri_complete()), ("https://g.example/device", None));
}

#[test]
fn s66_a_qr_code_holds_the_uri_and_nothing_prints_the_code() {
    let bench = bench(|_| {});
    let login = begin(&bench);
    let text = login.qr_code_text().unwrap();
    assert!(text.lines().count() > 10 && text.chars().all(|c| " \u{2580}\u{2584}\u{2588}\n".contains(c)), "{text}");
    let svg = login.qr_code_svg().unwrap();
    assert!(svg.contains("<svg") && !svg.contains("script"));
    assert!(!format!("{login:?}").contains(login.user_code()));
    assert!(!format!("{:?}", bench.keyfob.journal(100).unwrap()).contains(login.user_code()));
}

#[test]
fn a_provider_without_the_grant_and_a_login_with_a_redirect_are_refused_by_name() {
    let bench = bench(|script| {
        script.tamper.discovery = tamper(json!({ "remove": ["device_authorization_endpoint"] }));
    });
    let error = bench.keyfob.begin_device_login(SSO, LoginOptions::new()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Configuration, Reason::DeviceGrantUnsupported));
    let port = LoginOptions::new().redirect_port(7777);
    assert_eq!(bench.keyfob.begin_device_login(SSO, port).unwrap_err().kind(), ErrorKind::InvalidArgument);
    let login = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    assert_eq!(reason(bench.keyfob.poll_device_login(login.id())), Reason::UnknownLogin);
    assert_eq!(bench.keyfob.device_login(login.id()).unwrap_err().reason(), Reason::UnknownLogin);
    assert!(!bench.keyfob.pending_logins().unwrap()[0].is_on_another_device());
}

#[test]
fn offline_is_no_error_of_a_poll() {
    let temp = support::Temp::new();
    let clock = Arc::new(support::TestClock::default());
    let idp = keyfob_idp::Idp::start(Script::default()).unwrap();
    let keyfob = Keyfob::open(config(idp.issuer(), &temp.store()).with_clock(clock.clone())).unwrap();
    let login = keyfob.begin_device_login(SSO, LoginOptions::new()).unwrap();
    drop(idp);
    for expected in [10, 20, 40, 60, 60] {
        clock.pass(Duration::from_secs(60));
        let left = wait(keyfob.poll_device_login(login.id()));
        assert!(left <= Duration::from_secs(expected) && left > Duration::from_secs(expected - 2), "{left:?}");
    }
}
