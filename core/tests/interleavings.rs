//! A logout, a login or another process's refresh at every moment of a refresh. The library looks at its clock between any two steps, so a clock on
//! which something happens at the nth look puts it there, for every n.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use keyfob::{EndSession, Error, Keyfob, MinValidity, Reason, SessionState};
use keyfob_idp::{Endpoint, Fault, LoggedRequest, Reuse, Rotation};
use serde_json::json;
use support::eventful::{Eventful, EventfulClock, with};
use support::{Bench, config, elsewhere, log_in};

fn any() -> MinValidity {
    MinValidity::secs(60)
}

/// A session whose token is over, at a provider that spends each refresh token once, forgives nothing and revokes the family.
fn overdue(faults: Vec<Fault>) -> (Bench, String) {
    let bench = Bench::new(|script| {
        script.tokens.rotation = Rotation::SingleUse;
        script.tokens.reuse = Reuse::RevokeFamily;
        script.tokens.grace_seconds = 0.0;
    });
    let id = bench.log_in().id().to_owned();
    bench.clock.pass(Duration::from_secs(7200));
    bench.script(|script| script.faults = faults);
    (bench, id)
}

fn refreshes(bench: &Bench) -> Vec<LoggedRequest> {
    let is_refresh = |request: &LoggedRequest| request.grant_type.as_deref() == Some("refresh_token");
    bench.requests("/token").into_iter().filter(is_refresh).collect()
}

fn at_look(bench: &Bench, n: usize, event: impl FnOnce() + Send + 'static) -> (Keyfob, Arc<EventfulClock>) {
    let clock = EventfulClock::at(&bench.clock, n, event);
    let config = elsewhere(config(bench.idp.issuer(), &bench.temp.store()));
    (Keyfob::open(config.with_clock(clock.clone())).unwrap(), clock)
}

/// Runs `check` with the event at the first look, the second, and so on, until it does not come any more.
fn everywhere(check: impl Fn(usize) -> bool) {
    let looks = (0..500).find(|n| !check(*n)).unwrap();
    assert!(looks > 8, "the clock is looked at {looks} times");
}

#[test]
fn a_logout_at_any_moment_holds_and_nothing_is_sent_after_it_was_seen() {
    everywhere(|n| {
        let (bench, id) = overdue(Vec::new());
        let (other, ending) = (bench.another(), id.clone());
        let (keyfob, clock) = at_look(&bench, n, move || {
            other.end_session(&ending, EndSession::local_only()).unwrap();
        });
        let token = keyfob.access_token(&id, any());
        if !clock.has_fired() {
            return false;
        }
        // Either the token was had before, or the call says what happened.
        if let Err(error) = token {
            assert_eq!(error.reason(), Reason::LoggedOut, "at {n}");
        }
        assert_eq!(keyfob.access_token(&id, any()).unwrap_err().reason(), Reason::LoggedOut, "at {n}");
        assert!(bench.another().sessions().unwrap().is_empty(), "at {n}: no resurrection");
        assert!(refreshes(&bench).len() <= 1, "at {n}");
        let before = refreshes(&bench).len();
        keyfob.maintain(Duration::from_secs(5)).unwrap();
        assert_eq!(refreshes(&bench).len(), before, "at {n}");
        true
    });
}

#[test]
fn a_login_at_any_moment_wins_and_its_token_is_not_spent_by_mistake() {
    everywhere(|n| {
        let (bench, id) = overdue(Vec::new());
        let redirect = bench.redirect();
        let other = bench.another();
        let (keyfob, clock) = at_look(&bench, n, move || {
            other.complete_login(&redirect).unwrap();
        });
        let token = keyfob.access_token(&id, any());
        if !clock.has_fired() {
            return false;
        }
        let token = token.unwrap_or_else(|error| panic!("at {n}: {error}"));
        let stored = bench.another().session(&id).unwrap();
        assert_eq!(stored.state(), SessionState::Active, "at {n}");
        // What the login brought is what counts, unless it came first and was refreshed after.
        let sent = refreshes(&bench);
        assert!(sent.len() <= 1, "at {n}");
        let again = bench.another().access_token(&id, any()).unwrap();
        assert_eq!(again.secret(), stored.provider_access_token(), "at {n}");
        assert!(token.expires_at().is_some());
        bench.clock.pass(Duration::from_secs(7200));
        bench.another().access_token(&id, any()).unwrap_or_else(|error| panic!("at {n}: the login's token: {error}"));
        true
    });
}

#[test]
fn a_login_at_any_moment_of_a_doubt_wins_and_the_old_token_is_not_sent_after_it() {
    // In doubt twice, half a second and two seconds apart; on this clock every look takes no time.
    let broken = Fault::on(Endpoint::Token).grant_type("refresh_token").process(false).status(500);
    let check = |n: usize| {
        let (bench, id) = overdue(vec![broken.clone().nth(1)]);
        let redirect = bench.redirect();
        let (other, idp_faults) = (bench.another(), bench.idp.script());
        let _ = idp_faults;
        let (keyfob, clock) = at_look(&bench, n, move || {
            other.complete_login(&redirect).unwrap();
        });
        let token = keyfob.access_token(&id, any());
        if !clock.has_fired() {
            return false;
        }
        token.unwrap_or_else(|error| panic!("at {n}: {error}"));
        let requests = bench.requests("/token");
        let login = requests.iter().rposition(|request| request.grant_type.as_deref() == Some("authorization_code"));
        let spent: Vec<_> = requests.iter().filter_map(|request| request.parameter("refresh_token")).collect();
        // After the login's answer was there, at most the request that was on its way already.
        let after = requests.len() - 1 - login.unwrap();
        assert!(after <= 1, "at {n}: {spent:?}");
        bench.clock.pass(Duration::from_secs(7200));
        bench.another().access_token(&id, any()).unwrap_or_else(|error| panic!("at {n}: the login's token: {error}"));
        true
    };
    // Half a second for each: those around the repetition are enough.
    let looks: Vec<usize> = (0..60).collect();
    let fired = std::thread::scope(|scope| {
        let threads: Vec<_> = looks.iter().map(|n| scope.spawn(move || check(*n))).collect();
        threads.into_iter().filter(|_| true).map(|thread| thread.join().unwrap()).filter(|fired| *fired).count()
    });
    assert!(fired > 12, "{fired}");
}

#[test]
fn a_refresh_token_that_dies_while_the_user_logs_in_again_ends_nothing() {
    let dead = Fault::on(Endpoint::Token).grant_type("refresh_token").process(false);
    let (bench, id) = overdue(vec![dead.status(400).body(json!({"error": "invalid_grant"}))]);
    let redirect = bench.redirect();
    let other = bench.another();
    let transport = Eventful::before("/token", move || {
        other.complete_login(&redirect).unwrap();
    });
    let token = with(&bench, transport).access_token(&id, any()).unwrap();
    assert_eq!(bench.keyfob.session(&id).unwrap().provider_access_token(), token.secret());
    assert_eq!(bench.keyfob.session(&id).unwrap().state(), SessionState::Active);
}

#[test]
fn an_id_token_of_another_user_ends_no_session_that_has_had_a_login_since() {
    let (bench, id) = overdue(Vec::new());
    bench.script(|script| script.tamper.id_token = support::tamper(json!({"set": {"sub": "u-2"}, "on": "refresh"})));
    bench.script(|script| script.keys.generation += 1);
    let login = bench.keyfob.begin_login(support::SSO, keyfob::LoginOptions::new()).unwrap();
    let redirect = log_in(login.authorization_url());
    let other = bench.another();
    // The keys are fetched to check it; meanwhile the user logs in again.
    let transport = Eventful::before("/jwks", move || {
        other.complete_login(&redirect).unwrap();
    });
    let answer: Result<_, Error> = with(&bench, transport).access_token(&id, any());
    assert!(answer.is_ok(), "{answer:?}");
    assert_eq!(bench.keyfob.session(&id).unwrap().state(), SessionState::Active);
}

#[test]
fn what_another_process_made_is_not_served_when_it_is_over_already() {
    let (bench, id) = overdue(Vec::new());
    let keyfob = bench.another();
    // The caller looks at the old tokens; before it has the lock, another process gets new ones, and time passes.
    let (other, also, clock) = (bench.another(), id.clone(), bench.clock.clone());
    let transport = Eventful::before("/.well-known/openid-configuration", move || {
        other.access_token(&also, any()).unwrap();
        clock.pass(Duration::from_secs(7200));
    });
    drop(keyfob);
    let token = with(&bench, transport).access_token(&id, any()).unwrap();
    assert_eq!(refreshes(&bench).len(), 2, "the one that was over was refreshed");
    assert_eq!(bench.another().access_token(&id, any()).unwrap().secret(), token.secret());
}

#[test]
fn the_loser_of_a_race_revokes_nothing() {
    let (bench, id) = overdue(Vec::new());
    let redirect = bench.redirect();
    let other = bench.another();
    let transport = Eventful::before("/token", move || {
        other.complete_login(&redirect).unwrap();
    });
    let keyfob = with(&bench, transport);
    keyfob.access_token(&id, any()).unwrap();
    keyfob.maintain(Duration::from_secs(5)).unwrap();
    assert_eq!(bench.count("/revoke"), 0);
    assert_eq!(keyfob.health().unwrap().owed_revocations(), 0);
}
