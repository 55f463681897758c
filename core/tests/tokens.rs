//! Access tokens: from memory while fresh, refreshed when due, once, whoever asks; and what ends a session and what does not.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::sync::{Arc, Barrier};
use std::time::Duration;

use keyfob::{
    EndSession, ErrorKind, Freshness, HttpRequest, HttpResponse, Keyfob, MinValidity, Reason, SessionState, Transport,
    TransportError,
};
use keyfob_idp::{Close, Endpoint, Fault, Reuse};
use serde_json::json;
use support::{Bench, config, tamper};

const HOUR: Duration = Duration::from_secs(3600);

/// Tokens of an hour, so that only the test's clock makes them due.
fn bench() -> Bench {
    Bench::new(|script| script.tokens.access_token_seconds = 3600.0)
}

fn refreshes(bench: &Bench) -> usize {
    bench.requests("/token").iter().filter(|request| request.grant_type.as_deref() == Some("refresh_token")).count()
}

fn any() -> MinValidity {
    MinValidity::secs(60)
}

#[test]
fn a_due_token_is_refreshed_once_and_the_new_pair_is_saved() {
    let bench = bench();
    let session = bench.log_in();
    bench.clock.pass(HOUR);
    let token = bench.keyfob.access_token(session.id(), any()).unwrap();
    assert_ne!(token.secret(), session.provider_access_token());
    assert_eq!(refreshes(&bench), 1);
    assert_eq!(bench.keyfob.access_token(session.id(), any()).unwrap().secret(), token.secret());
    assert_eq!(refreshes(&bench), 1);
    let stored = bench.another().session(session.id()).unwrap();
    assert_eq!(stored.provider_access_token(), token.secret());
    assert_ne!(stored.provider_refresh_token(), session.provider_refresh_token(), "it rotates");
    // The next one is made with the new refresh token.
    bench.clock.pass(HOUR);
    bench.keyfob.access_token(session.id(), any()).unwrap();
    assert_eq!(refreshes(&bench), 2);
}

#[test]
fn sixty_four_threads_at_one_expiry_cause_one_request_and_all_get_the_new_token() {
    let bench = bench();
    let session = bench.log_in();
    bench.clock.pass(HOUR);
    // The answer takes its time, so that everybody is there before it comes.
    bench.script(|script| script.faults = vec![Fault::on(Endpoint::Token).delay(0.3)]);
    let start = Barrier::new(64);
    let tokens: Vec<String> = std::thread::scope(|scope| {
        let ask = || {
            start.wait();
            bench.keyfob.access_token(session.id(), any()).unwrap().secret().to_owned()
        };
        let all: Vec<_> = (0..64).map(|_| scope.spawn(ask)).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(refreshes(&bench), 1);
    assert!(tokens.iter().all(|token| *token == tokens[0] && token != session.provider_access_token()));
}

#[test]
fn refreshing_by_hand_makes_one_request_and_shares_it() {
    let bench = bench();
    let session = bench.log_in();
    let refreshed = bench.keyfob.refresh_session(session.id()).unwrap();
    assert_ne!(refreshed.provider_access_token(), session.provider_access_token());
    assert_eq!(refreshed.id(), session.id());
    assert_eq!(refreshes(&bench), 1);
}

#[test]
fn a_token_shorter_than_the_wish_is_given_as_it_is_and_refreshed_once() {
    let bench = Bench::new(|script| script.tokens.access_token_seconds = 30.0);
    let session = bench.log_in();
    for _ in 0..5 {
        let token = bench.keyfob.access_token(session.id(), MinValidity::secs(600)).unwrap();
        assert!(token.expires_at().is_some());
    }
    assert_eq!(refreshes(&bench), 0);
    bench.clock.pass(Duration::from_secs(28));
    for _ in 0..5 {
        bench.keyfob.access_token(session.id(), MinValidity::secs(600)).unwrap();
    }
    assert_eq!(refreshes(&bench), 1);
}

#[test]
fn a_fractional_life_is_believed() {
    let bench = Bench::new(|script| script.tokens.access_token_seconds = 0.3);
    let session = bench.log_in();
    let first = bench.keyfob.access_token(session.id(), MinValidity::secs(0)).unwrap();
    bench.clock.pass(Duration::from_millis(300));
    let second = bench.keyfob.access_token(session.id(), MinValidity::secs(0)).unwrap();
    assert_ne!(first.secret(), second.secret());
}

#[test]
fn without_an_expiry_a_token_is_used_until_somebody_refuses_it() {
    let bench = Bench::new(|script| script.tamper.token = tamper(json!({"remove": ["expires_in"]})));
    let session = bench.log_in();
    assert_eq!(session.provider_access_token_expiry(), None);
    bench.clock.pass(HOUR * 1000);
    let token = bench.keyfob.access_token(session.id(), any()).unwrap();
    assert_eq!(token.secret(), session.provider_access_token());
    assert_eq!(refreshes(&bench), 0);
}

#[test]
fn a_refresh_that_brings_no_new_refresh_token_keeps_the_old_one() {
    for left_out in [json!({"remove": ["refresh_token"]}), json!({"set": {"refresh_token": ""}})] {
        let bench = Bench::new(|script| script.tokens.rotation = keyfob_idp::Rotation::None);
        let session = bench.log_in();
        bench.script(|script| script.tamper.token = tamper(left_out));
        let refreshed = bench.keyfob.refresh_session(session.id()).unwrap();
        assert_eq!(refreshed.provider_refresh_token(), session.provider_refresh_token());
        bench.keyfob.refresh_session(session.id()).unwrap();
    }
}

#[test]
fn a_dead_refresh_token_ends_the_session_and_is_never_sent_again() {
    let bench = Bench::new(|script| {
        script.tokens.access_token_seconds = 3600.0;
        script.tokens.reuse = Reuse::RevokeFamily;
    });
    let session = bench.log_in();
    // Somebody else uses the refresh token: the provider sees reuse and revokes the family.
    let stolen = session.provider_refresh_token().unwrap().to_owned();
    for _ in 0..2 {
        let body = format!("grant_type=refresh_token&client_id=demo&refresh_token={stolen}");
        let url = format!("{}/token", bench.idp.issuer());
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        agent.post(&url).content_type("application/x-www-form-urlencoded").send(body).unwrap();
    }
    bench.idp.clear_requests();
    bench.clock.pass(HOUR);
    for _ in 0..3 {
        let error = bench.keyfob.access_token(session.id(), any()).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::LoginRequired, Reason::Revoked));
        assert!(error.is_login_required());
    }
    assert_eq!(refreshes(&bench), 1);
    let other = bench.another();
    assert_eq!(other.access_token(session.id(), any()).unwrap_err().reason(), Reason::Revoked);
    let ended = &other.sessions().unwrap()[0];
    assert_eq!(ended.state(), SessionState::Ended(Reason::Revoked));
    assert_eq!(
        (ended.provider_uid(), ended.provider_access_token()),
        ("u-1", ""),
        "the identity is kept, dead tokens are not given out"
    );
    assert_eq!(refreshes(&bench), 1);
    // The way on is a new login; the user keeps their session's id.
    assert_eq!(bench.log_in().id(), session.id());
    bench.keyfob.access_token(session.id(), any()).unwrap();
}

#[test]
fn nothing_but_the_table_s_endings_ends_a_session() {
    let fault = |fault: Fault| vec![fault.grant_type("refresh_token")];
    let on = || Fault::on(Endpoint::Token).process(false);
    let cases: Vec<(&str, Vec<Fault>, ErrorKind, Reason)> = vec![
        ("500", fault(on().status(500)), ErrorKind::Network, Reason::InDoubt),
        ("502 HTML", fault(on().status(502).body("<html>")), ErrorKind::Network, Reason::InDoubt),
        ("503", fault(on().status(503)), ErrorKind::Network, Reason::ProviderUnavailable),
        ("429", fault(on().status(429).header("Retry-After", "7")), ErrorKind::RateLimited, Reason::BackOff),
        (
            "captive portal",
            fault(on().status(302).header("Location", "http://127.0.0.1:1/")),
            ErrorKind::Network,
            Reason::CaptivePortal,
        ),
        ("firewall", fault(on().status(403).body("<html>blocked</html>")), ErrorKind::Network, Reason::CaptivePortal),
        ("HTML", fault(on().status(200).body("<html>")), ErrorKind::Network, Reason::InDoubt),
        ("closed", fault(on().close(Close::BeforeHeaders)), ErrorKind::Network, Reason::InDoubt),
        ("cut", fault(on().close(Close::MidBody)), ErrorKind::Network, Reason::InDoubt),
        (
            "invalid_client",
            fault(on().status(401).body(json!({"error": "invalid_client"}))),
            ErrorKind::Configuration,
            Reason::InvalidClient,
        ),
        (
            "invalid_scope",
            fault(on().status(400).body(json!({"error": "invalid_scope"}))),
            ErrorKind::OAuth,
            Reason::ServerError,
        ),
        (
            "200 with an error",
            fault(on().status(200).body(json!({"error": "server_error"}))),
            ErrorKind::OAuth,
            Reason::ServerError,
        ),
    ];
    let try_one = |(name, faults, kind, reason): (&str, Vec<Fault>, ErrorKind, Reason)| {
        let bench = bench();
        let session = bench.log_in();
        bench.clock.pass(HOUR);
        bench.script(|script| script.faults = faults);
        let error = bench.keyfob.access_token(session.id(), any()).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (kind, reason), "{name}");
        assert!(
            error.retry_after().is_some() && error.is_retryable() || kind != ErrorKind::Network,
            "{name}: says when"
        );
        // What is in doubt is repeated after 0.5, 2 and 5 seconds; what was not spent is sent once.
        assert_eq!(refreshes(&bench), if reason == Reason::InDoubt { 4 } else { 1 }, "{name}");
        assert_eq!(bench.keyfob.session(session.id()).unwrap().state(), SessionState::Active, "{name}");
        assert_eq!(bench.keyfob.journal(1).unwrap()[0].reason(), Some(reason.name()), "{name}");
        bench.script(|script| script.faults.clear());
        // And it is left alone for a while, by every process.
        let asked = refreshes(&bench);
        let waits = bench.another().access_token(session.id(), any()).unwrap_err();
        assert!(matches!(waits.reason(), Reason::BackOff | Reason::InDoubt) && waits.is_retryable(), "{name}: {waits}");
        assert_eq!(refreshes(&bench), asked, "{name}");
        bench.clock.pass(Duration::from_secs(60));
        bench.keyfob.access_token(session.id(), any()).unwrap_or_else(|error| panic!("{name}: {error}"));
    };
    std::thread::scope(|scope| {
        let tries: Vec<_> = cases.into_iter().map(|case| scope.spawn(move || try_one(case))).collect();
        tries.into_iter().for_each(|one| one.join().unwrap());
    });
}

#[test]
fn an_asked_for_wait_is_kept_by_every_handle() {
    let bench = bench();
    let session = bench.log_in();
    bench.clock.pass(HOUR);
    bench.script(|script| {
        script.faults = vec![Fault::on(Endpoint::Token).nth(1).status(429).header("Retry-After", "120")]
    });
    let error = bench.keyfob.access_token(session.id(), any()).unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(120)));
    for keyfob in [&bench.keyfob, &bench.another()] {
        let error = keyfob.access_token(session.id(), any()).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::RateLimited, Reason::BackOff));
        assert!(error.retry_after().unwrap() <= Duration::from_secs(120));
    }
    bench.clock.pass(Duration::from_secs(100));
    assert_eq!(bench.keyfob.access_token(session.id(), any()).unwrap_err().reason(), Reason::BackOff);
    assert_eq!(refreshes(&bench), 1);
    bench.clock.pass(Duration::from_secs(21));
    bench.keyfob.access_token(session.id(), any()).unwrap();
}

#[test]
fn an_early_refresh_that_fails_is_nobody_s_business_while_the_token_is_good() {
    let bench = bench();
    let session = bench.log_in();
    bench.clock.pass(HOUR - Duration::from_secs(120));
    bench.script(|script| script.faults = vec![Fault::on(Endpoint::Token).process(false).status(503)]);
    let token = bench.keyfob.access_token(session.id(), any()).unwrap();
    assert_eq!(token.secret(), session.provider_access_token());
    assert_eq!(refreshes(&bench), 1, "it was tried early");
    bench.script(|script| script.faults.clear());
    bench.clock.pass(Duration::from_secs(31));
    let token = bench.keyfob.access_token(session.id(), any()).unwrap();
    assert_ne!(token.secret(), session.provider_access_token());
}

#[test]
fn without_a_refresh_token_the_session_lives_as_long_as_its_token() {
    let bench = Bench::new(|script| {
        script.tokens.access_token_seconds = 3600.0;
        script.tokens.refresh_token = keyfob_idp::RefreshTokens::Never;
    });
    let session = bench.log_in();
    assert_eq!(session.provider_refresh_token(), None);
    assert_eq!(bench.keyfob.refresh_session(session.id()).unwrap_err().reason(), Reason::NoRefreshToken);
    bench.clock.pass(HOUR - Duration::from_secs(30));
    bench.keyfob.access_token(session.id(), any()).unwrap();
    // Somebody sets the wall clock forward: the token is not given out as good, and the session does not end on it.
    bench.clock.set_wall(86_400_000);
    assert_eq!(bench.keyfob.access_token(session.id(), any()).unwrap_err().reason(), Reason::Expired);
    bench.clock.set_wall(-86_400_000);
    bench.keyfob.access_token(session.id(), any()).unwrap();
    bench.clock.pass(Duration::from_secs(31));
    let error = bench.keyfob.access_token(session.id(), any()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::LoginRequired, Reason::Expired));
    assert_eq!(bench.keyfob.session(session.id()).unwrap().state(), SessionState::Ended(Reason::Expired));
}

#[test]
fn s59_a_refreshed_id_token_about_somebody_else_ends_the_session_and_its_tokens_are_not_given_out() {
    for lie in [json!({"append": {"sub": "1"}, "on": "refresh"}), json!({"append": {"iss": "1"}, "on": "refresh"})] {
        let bench = bench();
        let session = bench.log_in();
        bench.script(|script| script.tamper.id_token = tamper(lie));
        let error = bench.keyfob.refresh_session(session.id()).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::LoginRequired, Reason::IdentityMismatch));
        let error = bench.keyfob.access_token(session.id(), any()).unwrap_err();
        assert_eq!(error.reason(), Reason::IdentityMismatch);
        assert_eq!(bench.keyfob.session(session.id()).unwrap().provider_access_token(), "");
        assert_eq!(bench.count("/userinfo"), 0);
    }
}

#[test]
fn unverified_tokens_are_saved_but_not_served_until_they_are_verified() {
    let bench = bench();
    let session = bench.log_in();
    // The keys rotate and cannot be fetched: the new tokens are there, whom they are about is not known.
    bench.clock.pass(HOUR * 2);
    bench.script(|script| {
        script.keys.generation += 1;
        script.faults = vec![Fault::on(Endpoint::Jwks).status(503)];
    });
    let error = bench.keyfob.access_token(session.id(), any()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert_eq!(bench.keyfob.session(session.id()).unwrap().provider_access_token(), "");
    bench.keyfob.access_token(session.id(), any()).unwrap_err();
    assert_eq!(refreshes(&bench), 1, "an unverified row is verified, never refreshed");
    bench.script(|script| script.faults.clear());
    let token = bench.another().access_token(session.id(), any()).unwrap();
    assert_eq!(refreshes(&bench), 1);
    assert_ne!(token.secret(), session.provider_access_token());
}

#[test]
fn a_late_refresh_does_not_bring_a_session_back_that_was_logged_out_meanwhile() {
    let bench = bench();
    let session = bench.log_in();
    bench.script(|script| script.faults = vec![Fault::on(Endpoint::Token).delay(0.3)]);
    std::thread::scope(|scope| {
        let refreshing = scope.spawn(|| bench.keyfob.refresh_session(session.id()));
        while refreshes(&bench) == 0 && !refreshing.is_finished() {
            std::thread::yield_now();
        }
        bench.another().end_session(session.id(), EndSession::local_only()).unwrap();
        assert_eq!(refreshing.join().unwrap().unwrap_err().reason(), Reason::LoggedOut);
    });
    assert!(bench.keyfob.sessions().unwrap().is_empty());
    assert_eq!(bench.keyfob.access_token(session.id(), any()).unwrap_err().reason(), Reason::LoggedOut);
}

/// A transport that asks the library for the very token it is fetching.
struct Reentering {
    keyfob: std::sync::OnceLock<Keyfob>,
    session: String,
    seen: std::sync::Mutex<Option<Reason>>,
}

impl Transport for Reentering {
    fn send(&self, _request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let again = self.keyfob.get().unwrap().refresh_session(&self.session);
        *self.seen.lock().unwrap() = again.err().map(|error| error.reason());
        Ok(HttpResponse::new(503, Vec::new(), Vec::new()))
    }
}

#[test]
fn calling_back_from_the_transport_is_answered_and_not_deadlocked() {
    let bench = bench();
    let session = bench.log_in();
    let transport = Arc::new(Reentering {
        keyfob: std::sync::OnceLock::new(),
        session: session.id().to_owned(),
        seen: std::sync::Mutex::new(None),
    });
    let keyfob =
        Keyfob::open(config(bench.idp.issuer(), &bench.temp.store()).with_transport(transport.clone())).unwrap();
    transport.keyfob.set(keyfob.clone()).unwrap();
    keyfob.refresh_session(session.id()).unwrap_err();
    assert_eq!(*transport.seen.lock().unwrap(), Some(Reason::Reentered));
}

#[test]
fn threads_that_do_everything_at_once_leave_every_session_good() {
    let bench = Bench::new(|script| script.tokens.access_token_seconds = 0.2);
    let ids: Vec<String> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8)
            .map(|number| {
                let bench = &bench;
                scope.spawn(move || {
                    let session = bench.log_in();
                    for round in 0..20 {
                        match (number + round) % 4 {
                            0 => drop(bench.keyfob.refresh_session(session.id()).unwrap()),
                            1 => drop(bench.keyfob.sessions().unwrap()),
                            2 => drop(bench.log_in()),
                            _ => drop(bench.keyfob.access_token(session.id(), MinValidity::secs(0)).unwrap()),
                        }
                    }
                    session.id().to_owned()
                })
            })
            .collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "one user, one session");
    bench.keyfob.refresh_session(&ids[0]).unwrap();
}

#[test]
fn s61_a_registration_that_names_another_issuer_later_sends_it_no_token_and_ends_no_session() {
    let bench = bench();
    let session = bench.log_in();
    let elsewhere = Bench::new(|_| {});
    let moved = || {
        let config = config(elsewhere.idp.issuer(), &bench.temp.store());
        Keyfob::open(config.with_clock(bench.clock.clone())).unwrap()
    };
    let configuration = |error: keyfob::Error| assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    configuration(moved().refresh_session(session.id()).unwrap_err());
    configuration(moved().profile(session.id(), Freshness::secs(0)).unwrap_err());
    // Tokens that are still to be verified are this session's all the same.
    bench.script(|script| {
        script.keys.generation += 1;
        script.faults = vec![Fault::on(Endpoint::Jwks).status(503)];
    });
    bench.clock.pass(HOUR * 2);
    bench.keyfob.access_token(session.id(), any()).unwrap_err();
    configuration(moved().access_token(session.id(), any()).unwrap_err());
    assert_eq!(bench.keyfob.session(session.id()).unwrap().state(), SessionState::Active);
    bench.script(|script| script.faults.clear());
    bench.keyfob.access_token(session.id(), any()).unwrap();
    let ended = moved().end_session(session.id(), EndSession::default()).unwrap();
    assert_eq!(ended.logout_url(), None);
    let asked: Vec<_> = elsewhere.idp.requests().into_iter().map(|request| request.path).collect();
    assert!(asked.iter().all(|path| path.starts_with("/.well-known")), "{asked:?}");
}

#[test]
fn s61_a_registration_that_names_another_provider_later_sends_it_no_token() {
    let idp = keyfob_idp::Idp::start(keyfob_idp::Script::default()).unwrap();
    let elsewhere = keyfob_idp::Idp::start(keyfob_idp::Script::default()).unwrap();
    let temp = support::Temp::new();
    let open = |id: &str, idp: &keyfob_idp::Idp| {
        let at = |path: &str| format!("{}{path}", idp.issuer());
        let provider = keyfob::Provider::oauth2(id, at("/authorize"), at("/token"), at("/userinfo"), "/sub");
        let registration = keyfob::Registration::new("login", id, "demo", support::REDIRECT_URI).scope("profile");
        let config =
            keyfob::Config::builder(temp.store()).plaintext(true).provider(provider).registration(registration);
        Keyfob::open(config.build().unwrap()).unwrap()
    };
    let keyfob = open("acme", &idp);
    let login = keyfob.begin_login("login", keyfob::LoginOptions::new()).unwrap();
    let session = keyfob.complete_login(&support::log_in(login.authorization_url())).unwrap().into_session();
    let moved = open("other", &elsewhere);
    assert_eq!(moved.refresh_session(session.id()).unwrap_err().kind(), ErrorKind::Configuration);
    assert_eq!(moved.profile(session.id(), Freshness::secs(0)).unwrap_err().kind(), ErrorKind::Configuration);
    assert!(elsewhere.requests().is_empty());
    keyfob.refresh_session(session.id()).unwrap();
}

#[test]
fn a_refreshed_id_token_of_another_time_sticks_nobody_in_it() {
    for lie in [json!({"shift": {"exp": -86_400}, "on": "refresh"}), json!({"shift": {"iat": 86_400}, "on": "refresh"})]
    {
        let bench = bench();
        let session = bench.log_in();
        bench.script(|script| script.tamper.id_token = tamper(lie.clone()));
        assert_eq!(bench.keyfob.refresh_session(session.id()).unwrap_err().kind(), ErrorKind::TokenRejected);
        assert_eq!(bench.keyfob.session(session.id()).unwrap().state(), SessionState::Active, "{lie}");
        let served = bench.keyfob.access_token(session.id(), any()).unwrap();
        assert_eq!(served.secret(), session.provider_access_token(), "{lie}: the one that was checked is still good");
        let error = bench.another().access_token(session.id(), any()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited, "{lie}: not a refresh for each call");
        assert_eq!(refreshes(&bench), 1);
        // It would be refused for ever: the next refresh brings another.
        bench.script(|script| script.tamper = keyfob_idp::Tamper::default());
        bench.clock.pass(Duration::from_secs(31));
        bench.another().access_token(session.id(), any()).unwrap();
        assert_eq!(refreshes(&bench), 2);
    }
}

#[test]
fn a_back_off_of_a_wrong_clock_does_not_outlast_its_correction() {
    let bench = bench();
    let session = bench.log_in();
    bench.clock.pass(HOUR);
    let years = 20 * 365 * 86_400_000;
    bench.clock.set_wall(years);
    bench.script(|script| {
        script.faults = vec![Fault::on(Endpoint::Token).nth(1).status(429).header("Retry-After", "60")]
    });
    assert_eq!(bench.keyfob.access_token(session.id(), any()).unwrap_err().kind(), ErrorKind::RateLimited);
    assert_eq!(bench.keyfob.access_token(session.id(), any()).unwrap_err().kind(), ErrorKind::RateLimited);
    assert_eq!(refreshes(&bench), 1);
    // The wait is counted by the clock that nobody can set.
    bench.clock.set_wall(-years);
    assert_eq!(bench.keyfob.access_token(session.id(), any()).unwrap_err().kind(), ErrorKind::RateLimited);
    bench.clock.pass(Duration::from_secs(60));
    bench.keyfob.access_token(session.id(), any()).unwrap();
}

#[test]
fn who_asks_for_a_new_token_gets_one_although_another_was_content_with_the_old() {
    let bench = bench();
    let session = bench.log_in();
    // A refresh that could not be verified: whoever comes next verifies it, slowly.
    bench.clock.pass(HOUR * 2);
    bench.script(|script| {
        script.keys.generation += 1;
        script.faults = vec![Fault::on(Endpoint::Jwks).status(503)];
    });
    bench.keyfob.refresh_session(session.id()).unwrap_err();
    let unverified = bench.requests("/token")[1].answer_json();
    bench.script(|script| script.faults = vec![Fault::on(Endpoint::Jwks).delay(0.4)]);
    let asked = bench.count("/jwks");
    std::thread::scope(|scope| {
        let content = scope.spawn(|| bench.keyfob.access_token(session.id(), any()).unwrap());
        while bench.count("/jwks") == asked && !content.is_finished() {
            std::thread::yield_now();
        }
        let newer = bench.keyfob.refresh_session(session.id()).unwrap();
        assert_ne!(newer.provider_access_token(), unverified["access_token"]);
        assert_eq!(content.join().unwrap().secret(), unverified["access_token"]);
    });
    assert_eq!(refreshes(&bench), 2);
}

/// A transport that is offline, and keeps how long each request would have waited to connect.
#[derive(Default)]
struct Offline(std::sync::Mutex<Vec<Duration>>);

impl Transport for Offline {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        self.0.lock().unwrap().push(request.connect_timeout());
        Err(TransportError::new(keyfob::Sent::NotSent, keyfob::TransportFailure::Network, "no network"))
    }
}

#[test]
fn offline_an_early_refresh_keeps_nobody_long_and_is_not_tried_at_every_call() {
    let bench = Bench::new(|script| script.tokens.access_token_seconds = 7200.0);
    let session = bench.log_in();
    // Metadata is looked for again too.
    bench.clock.pass(HOUR * 2 - Duration::from_secs(120));
    let offline = Arc::new(Offline::default());
    let config = config(bench.idp.issuer(), &bench.temp.store());
    let keyfob = Keyfob::open(config.with_clock(bench.clock.clone()).with_transport(offline.clone())).unwrap();
    for _ in 0..5 {
        let token = keyfob.access_token(session.id(), any()).unwrap();
        assert_eq!(token.secret(), session.provider_access_token());
    }
    let waits = std::mem::take(&mut *offline.0.lock().unwrap());
    assert_eq!(waits, [Duration::from_secs(2), Duration::from_secs(2)], "one for metadata, one for the token");
    bench.clock.pass(Duration::from_secs(31));
    keyfob.access_token(session.id(), any()).unwrap();
    assert!(!offline.0.lock().unwrap().is_empty());
}

#[test]
fn a_discovery_document_that_is_out_of_order_keeps_no_session_from_its_refresh() {
    for (fault, refused) in [
        (Fault::on(Endpoint::Discovery).status(404), false),
        (Fault::on(Endpoint::Discovery).status(500), false),
        (Fault::on(Endpoint::Discovery).status(200).body("<html>Welcome to the hotel"), false),
        (Fault::on(Endpoint::Discovery).status(302).header("Location", "http://127.0.0.1:1/"), false),
        (Fault::on(Endpoint::Discovery).close(Close::BeforeHeaders), false),
        // But what is the issuer's own word counts.
        (Fault::on(Endpoint::Discovery).status(200).body(json!({"issuer": "https://evil.example"})), true),
    ] {
        let bench = bench();
        let session = bench.log_in();
        bench.clock.pass(HOUR);
        bench.script(|script| script.faults = vec![fault.clone()]);
        let token = bench.keyfob.access_token(session.id(), any());
        assert_eq!(token.is_err(), refused, "{fault:?}");
        assert_eq!(refreshes(&bench), usize::from(!refused));
    }
}

#[test]
fn unverified_tokens_are_not_served_in_the_window_of_an_early_refresh_either() {
    let bench = bench();
    let session = bench.log_in();
    bench.clock.pass(HOUR * 2);
    bench.script(|script| {
        script.keys.generation += 1;
        script.faults = vec![Fault::on(Endpoint::Jwks).status(503)];
    });
    bench.keyfob.access_token(session.id(), any()).unwrap_err();
    bench.clock.pass(HOUR - Duration::from_secs(120));
    bench.keyfob.access_token(session.id(), any()).unwrap_err();
    assert_eq!(refreshes(&bench), 1);
}

#[test]
fn an_early_refresh_keeps_the_wait_that_the_provider_asked_another_process_for() {
    let bench = bench();
    let session = bench.log_in();
    bench.clock.pass(HOUR - Duration::from_secs(120));
    bench.script(|script| script.faults = vec![Fault::on(Endpoint::Token).status(429).header("Retry-After", "60")]);
    bench.keyfob.access_token(session.id(), any()).unwrap();
    bench.script(|script| script.faults.clear());
    let token = bench.another().access_token(session.id(), any()).unwrap();
    assert_eq!(token.secret(), session.provider_access_token());
    assert_eq!(refreshes(&bench), 1);
}

#[test]
fn a_refresh_that_brings_no_id_token_keeps_the_login_s() {
    let bench = bench();
    let session = bench.log_in();
    bench.script(|script| script.tamper.token = tamper(json!({"remove": ["id_token"]})));
    let refreshed = bench.keyfob.refresh_session(session.id()).unwrap();
    assert_eq!(refreshed.id_token(), session.id_token());
    assert!(refreshed.id_token().is_some());
}

#[test]
fn an_answer_that_repeating_would_only_make_worse_is_not_repeated_at_once() {
    for code in ["invalid_client", "invalid_scope"] {
        let bench = bench();
        let session = bench.log_in();
        let fault = Fault::on(Endpoint::Token).process(false).status(400).body(json!({"error": code}));
        bench.script(|script| script.faults = vec![fault]);
        bench.keyfob.refresh_session(session.id()).unwrap_err();
        for keyfob in [&bench.keyfob, &bench.another()] {
            let error = keyfob.refresh_session(session.id()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::RateLimited, "{code}");
        }
        assert_eq!(refreshes(&bench), 1, "{code}");
    }
}

#[test]
fn a_provider_s_own_codes_mean_what_its_file_says() {
    for (code, kind) in [("gone_for_good", ErrorKind::LoginRequired), ("come_back_later", ErrorKind::Network)] {
        let bench = Bench::new(|_| {});
        let at = |path: &str| format!("{}{path}", bench.idp.issuer());
        let provider = json!({
            "id": "acme", "kind": "oauth2",
            "endpoints": { "authorization": at("/authorize"), "token": at("/token"), "userinfo": at("/userinfo") },
            "refresh": { "dead": ["gone_for_good"], "transient": ["come_back_later"] },
            "profile": { "uid": "/sub" }
        });
        let registration = keyfob::Registration::new("acme", "acme", "demo", support::REDIRECT_URI).scope("profile");
        let config = keyfob::Config::builder(bench.temp.store())
            .provider(keyfob::Provider::from_json(&provider.to_string()).unwrap())
            .registration(registration);
        let keyfob = Keyfob::open(support::sealed(config)).unwrap();
        let login = keyfob.begin_login("acme", keyfob::LoginOptions::new()).unwrap();
        let session = keyfob.complete_login(&support::log_in(login.authorization_url())).unwrap().into_session();
        let fault = Fault::on(Endpoint::Token).process(false).status(400).body(json!({"error": code}));
        bench.script(|script| script.faults = vec![fault]);
        assert_eq!(keyfob.refresh_session(session.id()).unwrap_err().kind(), kind, "{code}");
    }
}

#[test]
fn s35_the_granted_scopes_are_those_of_the_answer_or_else_those_that_were_asked_for() {
    let scopes = |session: &keyfob::Session| session.scopes().to_vec();
    let bench = Bench::new(|script| script.tamper.token = tamper(json!({"remove": ["scope"]})));
    let session = bench.log_in();
    assert_eq!(scopes(&session), ["openid", "email", "offline_access"]);
    assert_eq!(scopes(&bench.keyfob.refresh_session(session.id()).unwrap()), scopes(&session));
    bench.script(|script| script.tamper.token = tamper(json!({"set": {"scope": "openid email"}})));
    assert_eq!(scopes(&bench.keyfob.refresh_session(session.id()).unwrap()), ["openid", "email"]);
}
