//! Rotation, grace, reuse, revocation.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "tests")]

mod common;

use std::thread;

use common::{App, form};
use keyfob_idp::{Idp, InGrace, RefreshTokens, Reuse, Revocation, Rotation, Script, Tokens};
use serde_json::Value;

/// A provider with these rules, and the tokens of a first login.
fn logged_in(change: impl FnOnce(&mut Tokens)) -> (Idp, App, Value) {
    let mut script = Script::default();
    change(&mut script.tokens);
    let idp = Idp::start(script).unwrap();
    let app = App::new(&idp);
    let tokens = app.exchange(&app.log_in("openid email")).json();
    (idp, app, tokens)
}

fn refresh_token(tokens: &Value) -> &str {
    tokens["refresh_token"].as_str().unwrap()
}

fn access_token(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

#[test]
fn a_refresh_brings_new_tokens_of_each_kind() {
    let (_idp, app, first) = logged_in(|_| {});
    let second = app.refresh(refresh_token(&first)).json();
    for name in ["access_token", "refresh_token", "id_token"] {
        assert!(second[name].is_string() && second[name] != first[name], "{name}");
    }
    let old = app.verified_claims(first["id_token"].as_str().unwrap());
    let new = app.verified_claims(second["id_token"].as_str().unwrap());
    for claim in ["iss", "sub", "aud", "auth_time", "nonce"] {
        assert_eq!(old[claim], new[claim], "{claim}");
    }
    assert_eq!(app.userinfo(access_token(&first)).status, 200, "the older access token lives out its life");
}

#[test]
fn a_reused_refresh_token_revokes_the_family() {
    let (idp, app, first) = logged_in(|_| {});
    let second = app.refresh(refresh_token(&first)).json();
    let again = app.refresh(refresh_token(&first));
    assert_eq!((again.status, again.json()["error"].as_str()), (400, Some("invalid_grant")));
    assert_eq!(app.refresh(refresh_token(&second)).json()["error"], "invalid_grant");
    let noticed: Vec<_> = idp.requests().iter().skip(3).map(|request| request.reused).collect();
    assert_eq!(noticed, [false, true, false], "only the token that was spent is a reuse");
    assert_eq!(app.userinfo(access_token(&second)).status, 401);
}

#[test]
fn another_login_survives_the_end_of_a_family() {
    let (_idp, app, first) = logged_in(|_| {});
    let other = app.exchange(&app.log_in("openid")).json();
    app.refresh(refresh_token(&first));
    app.refresh(refresh_token(&first));
    assert_eq!(app.refresh(refresh_token(&other)).status, 200);
}

#[test]
fn a_provider_may_punish_the_user_instead_of_the_family() {
    let (_idp, app, first) = logged_in(|tokens| tokens.reuse = Reuse::RevokeGrant);
    let other = app.exchange(&app.log_in("openid")).json();
    app.refresh(refresh_token(&first));
    app.refresh(refresh_token(&first));
    assert_eq!(app.refresh(refresh_token(&other)).json()["error"], "invalid_grant");
}

#[test]
fn a_reused_refresh_token_may_just_be_refused() {
    let (_idp, app, first) = logged_in(|tokens| tokens.reuse = Reuse::Reject);
    let second = app.refresh(refresh_token(&first)).json();
    assert_eq!(app.refresh(refresh_token(&first)).status, 400);
    assert_eq!(app.refresh(refresh_token(&second)).status, 200);
}

#[test]
fn in_grace_a_spent_token_brings_a_new_pair_beside_the_first() {
    let (_idp, app, first) = logged_in(|tokens| tokens.grace_seconds = 60.0);
    let second = app.refresh(refresh_token(&first)).json();
    let third = app.refresh(refresh_token(&first)).json();
    assert_ne!(refresh_token(&second), refresh_token(&third));
    assert_eq!(app.refresh(refresh_token(&second)).status, 200);
    assert_eq!(app.refresh(refresh_token(&third)).status, 200);
}

#[test]
fn in_grace_a_new_pair_may_replace_the_first() {
    let (_idp, app, first) = logged_in(|tokens| {
        tokens.grace_seconds = 60.0;
        tokens.in_grace = InGrace::NewPairReplaces;
        tokens.reuse = Reuse::Reject;
    });
    let second = app.refresh(refresh_token(&first)).json();
    let third = app.refresh(refresh_token(&first)).json();
    assert_eq!(app.refresh(refresh_token(&second)).status, 400);
    assert_eq!(app.refresh(refresh_token(&third)).status, 200);
}

#[test]
fn in_grace_a_spent_token_may_bring_the_same_pair_again() {
    let (_idp, app, first) = logged_in(|tokens| {
        tokens.grace_seconds = 60.0;
        tokens.in_grace = InGrace::SamePair;
    });
    let second = app.refresh(refresh_token(&first)).json();
    let third = app.refresh(refresh_token(&first)).json();
    assert_eq!(refresh_token(&second), refresh_token(&third));
    assert_eq!(access_token(&second), access_token(&third));
    assert_eq!(app.refresh(refresh_token(&second)).status, 200);
}

#[test]
fn grace_covers_only_the_token_that_was_spent_last() {
    let (_idp, app, first) = logged_in(|tokens| tokens.grace_seconds = 60.0);
    let second = app.refresh(refresh_token(&first)).json();
    let third = app.refresh(refresh_token(&second)).json();
    assert_eq!(app.refresh(refresh_token(&first)).status, 400);
    assert_eq!(app.refresh(refresh_token(&third)).status, 400, "the family is gone");
}

#[test]
fn grace_ends() {
    let (_idp, app, first) = logged_in(|tokens| tokens.grace_seconds = 0.05);
    app.refresh(refresh_token(&first));
    #[allow(clippy::disallowed_methods, reason = "the provider counts real time, so the test must let it pass")]
    thread::sleep(std::time::Duration::from_millis(80));
    assert_eq!(app.refresh(refresh_token(&first)).status, 400);
}

#[test]
fn without_rotation_the_refresh_token_stays_good_and_is_not_repeated() {
    let (_idp, app, first) = logged_in(|tokens| tokens.rotation = Rotation::None);
    for _ in 0..3 {
        let answer = app.refresh(refresh_token(&first));
        assert_eq!((answer.status, answer.json().get("refresh_token")), (200, None));
    }
}

#[test]
fn one_of_many_at_once_wins_a_single_use_token() {
    let (_idp, app, first) = logged_in(|tokens| tokens.reuse = Reuse::Reject);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| app.refresh(refresh_token(&first)).status)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
}

#[test]
fn a_refresh_may_ask_for_less_but_never_for_more() {
    let (_idp, app, first) = logged_in(|_| {});
    let mut form = app.refresh_form(refresh_token(&first));
    form.push(("scope".to_owned(), "openid admin".to_owned()));
    assert_eq!(app.post("/token", &form).json()["error"], "invalid_scope");
    form.pop();
    form.push(("scope".to_owned(), "email".to_owned()));
    let less = app.post("/token", &form).json();
    assert_eq!((&less["scope"], less.get("id_token")), (&Value::from("email"), None), "the refusal spent nothing");
}

#[test]
fn refresh_tokens_come_as_the_script_says() {
    let (_idp, app, never) = logged_in(|tokens| tokens.refresh_token = RefreshTokens::Never);
    assert_eq!(never.get("refresh_token"), None);
    assert_eq!(app.refresh("rt-unknown").json()["error"], "invalid_grant");

    let (_idp, app, without) = logged_in(|tokens| tokens.refresh_token = RefreshTokens::OfflineAccess);
    assert_eq!(without.get("refresh_token"), None);
    let with = app.exchange(&app.log_in("openid offline_access")).json();
    assert!(with["refresh_token"].is_string());
}

#[test]
fn a_refresh_brings_no_id_token_when_the_script_says_so() {
    let (_idp, app, first) = logged_in(|tokens| tokens.id_token_on_refresh = false);
    assert_eq!(app.refresh(refresh_token(&first)).json().get("id_token"), None);
}

#[test]
fn an_access_token_ends_after_a_fraction_of_a_second() {
    let (_idp, app, first) = logged_in(|tokens| tokens.access_token_seconds = 0.25);
    assert_eq!(first["expires_in"], 0.25);
    #[allow(clippy::disallowed_methods, reason = "the provider counts real time, so the test must let it pass")]
    thread::sleep(std::time::Duration::from_millis(300));
    let answer = app.userinfo(access_token(&first));
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
}

#[test]
fn a_revocation_ends_the_family_and_is_never_surprised() {
    let (_idp, app, first) = logged_in(|_| {});
    let revoke = |token: &str| app.post("/revoke", &form(&[("client_id", "demo"), ("token", token)])).status;
    assert_eq!(revoke(refresh_token(&first)), 200);
    assert_eq!(app.userinfo(access_token(&first)).status, 401);
    assert_eq!(app.refresh(refresh_token(&first)).status, 400);
    assert_eq!(revoke(refresh_token(&first)), 200);
    assert_eq!(revoke("unknown"), 200);
}

#[test]
fn a_revocation_reaches_as_far_as_the_script_says() {
    for (reach, access_left, other_left) in
        [(Revocation::Token, 200, 200), (Revocation::Family, 401, 200), (Revocation::Grant, 401, 401)]
    {
        let (_idp, app, first) = logged_in(|tokens| tokens.revocation = reach);
        let other = app.exchange(&app.log_in("openid")).json();
        app.post("/revoke", &form(&[("client_id", "demo"), ("token", refresh_token(&first))]));
        assert_eq!(app.refresh(refresh_token(&first)).status, 400, "{reach:?}");
        assert_eq!(app.userinfo(access_token(&first)).status, access_left, "{reach:?}");
        assert_eq!(app.userinfo(access_token(&other)).status, other_left, "{reach:?}");
    }
}
