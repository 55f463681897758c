//! GitHub, as its documentation shows its answers.

use std::sync::Arc;

use keyfob::{
    EndSession, ErrorKind, Freshness, Keyfob, MinValidity, Reason, Registration, Revocation, Session, SessionState,
};
use serde_json::{Value, json};

use crate::bench::{
    CALLBACK, CLIENT, SECRET, basic, begin, challenge, open, redirect, registration, same, taken_apart,
};
use crate::scripted::Scripted;
use crate::support::{Temp, parameter};

const TOKEN: &str = "POST https://github.com/login/oauth/access_token";
const USER: &str = "GET https://api.github.com/user";
const EMAILS: &str = "GET https://api.github.com/user/emails";
const REVOKE: &str = "DELETE https://api.github.com/applications/notes/token";

fn tokens(number: u32) -> Value {
    json!({
        "access_token": format!("ghu_{number}"), "expires_in": 28800, "refresh_token": format!("ghr_{number}"),
        "refresh_token_expires_in": 15_897_600, "scope": "read:user,user:email", "token_type": "bearer"
    })
}

fn user() -> Value {
    json!({
        "login": "octocat", "id": 583_231, "node_id": "MDQ6VXNlcjU4MzIzMQ==", "name": "The Octocat", "email": null,
        "avatar_url": "https://avatars.githubusercontent.com/u/583231?v=4", "company": "@github", "type": "User"
    })
}

fn emails() -> Value {
    json!([
        { "email": "old@example.com", "verified": true, "primary": false, "visibility": null },
        { "email": "octocat@github.com", "verified": true, "primary": true, "visibility": "private" },
        { "email": "583231+octocat@users.noreply.github.com", "verified": true, "primary": false, "visibility": null }
    ])
}

fn confidential() -> Registration {
    registration("github").client_secret(SECRET)
}

/// A login whose three answers are there.
fn logged_in(github: &Arc<Scripted>, emails: (u16, Value)) -> (Keyfob, Session, Temp) {
    let (keyfob, temp) = open(confidential(), None, github.clone());
    github.on(TOKEN, 200, &tokens(1)).on(USER, 200, &user()).on(EMAILS, emails.0, &emails.1);
    let session = keyfob.complete_login(&redirect(&begin(&keyfob), "c-1")).unwrap().into_session();
    (keyfob, session, temp)
}

#[test]
fn github_is_sent_what_it_wants_and_nothing_else() {
    let github = Arc::new(Scripted::default());
    let (keyfob, _temp) = open(confidential(), None, github.clone());
    let login = begin(&keyfob);
    assert!(github.take().is_empty(), "there is nothing to discover");
    let url = login.authorization_url();
    let (page, names) = taken_apart(url);
    assert_eq!(page, "https://github.com/login/oauth/authorize");
    assert_eq!(
        names,
        ["client_id", "code_challenge", "code_challenge_method", "redirect_uri", "response_type", "scope", "state"]
    );
    assert_eq!(parameter(url, "scope").unwrap(), "read:user user:email");

    github.on(TOKEN, 200, &tokens(1)).on(USER, 200, &user()).on(EMAILS, 200, &emails());
    let session = keyfob.complete_login(&redirect(&login, "c-1")).unwrap().into_session();
    let asked = github.take();
    assert_eq!(asked.iter().map(|asked| asked.line.as_str()).collect::<Vec<_>>(), [TOKEN, USER, EMAILS]);
    same(
        &asked[0].headers,
        &[
            ("accept", "application/json"),
            ("authorization", &basic()),
            ("content-type", "application/x-www-form-urlencoded"),
        ],
    );
    let verifier = asked[0].field("code_verifier").unwrap();
    same(
        &asked[0].form(),
        &[
            ("code", "c-1"),
            ("code_verifier", &verifier),
            ("grant_type", "authorization_code"),
            ("redirect_uri", CALLBACK),
        ],
    );
    assert_eq!(challenge(&verifier), parameter(url, "code_challenge").unwrap());
    for asked in &asked[1..] {
        same(&asked.headers, &[("accept", "application/json"), ("authorization", "Bearer ghu_1")]);
        assert_eq!(asked.body, "");
    }

    assert_eq!((session.provider(), session.provider_uid()), ("github", "583231"));
    assert_eq!(session.scopes(), ["read:user", "user:email"], "GitHub puts commas between");
    let profile = session.profile();
    assert_eq!((profile.name(), profile.email()), (Some("The Octocat"), Some("octocat@github.com")));
    assert!(profile.email_verified(), "primary and verified, though not the first of the list");
    assert_eq!(profile.avatar_url(), Some("https://avatars.githubusercontent.com/u/583231?v=4"));
    assert_eq!(serde_json::from_str::<Value>(&profile.raw_json()).unwrap(), user(), "nothing of ours among it");
    assert_eq!(session.provider_refresh_token(), Some("ghr_1"));
}

#[test]
fn a_refresh_of_github_s_is_used_once_and_its_own_word_for_a_dead_one_ends_the_session() {
    let github = Arc::new(Scripted::default());
    let (keyfob, session, _temp) = logged_in(&github, (200, emails()));
    github.take();
    github.on(TOKEN, 200, &tokens(2));
    let refreshed = keyfob.refresh_session(session.id()).unwrap();
    assert_eq!((refreshed.provider_access_token(), refreshed.provider_refresh_token()), ("ghu_2", Some("ghr_2")));
    let asked = github.take();
    same(&asked[0].form(), &[("grant_type", "refresh_token"), ("refresh_token", "ghr_1")]);
    assert_eq!(asked[0].header("authorization"), Some(basic().as_str()));
    assert_eq!(asked[0].header("accept"), Some("application/json"));

    // HTTP 200, as GitHub does.
    github.on(
        TOKEN,
        200,
        &json!({
            "error": "bad_refresh_token",
            "error_description": "The refresh token passed is incorrect or expired.",
            "error_uri": "https://docs.github.com/apps"
        }),
    );
    let error = keyfob.refresh_session(session.id()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::LoginRequired, Reason::Revoked));
    assert_eq!(error.oauth().unwrap().code(), "bad_refresh_token");
    assert_eq!(keyfob.session(session.id()).unwrap().state(), SessionState::Ended(Reason::Revoked));
    assert_eq!(
        keyfob.access_token(session.id(), MinValidity::default()).unwrap_err().reason(),
        Reason::Revoked,
        "and says so ever after"
    );
}

#[test]
fn github_s_error_with_http_200_at_the_code_exchange_ends_the_login() {
    let github = Arc::new(Scripted::default());
    let (keyfob, _temp) = open(confidential(), None, github.clone());
    github.on(
        TOKEN,
        200,
        &json!({ "error": "bad_verification_code", "error_description": "The code passed is incorrect or expired." }),
    );
    let redirect = redirect(&begin(&keyfob), "c-1");
    let error = keyfob.complete_login(&redirect).unwrap_err();
    assert_eq!((error.kind(), error.oauth().unwrap().code()), (ErrorKind::OAuth, "bad_verification_code"));
    assert_eq!(keyfob.complete_login(&redirect).unwrap_err().reason(), Reason::RedirectUsed);
    assert_eq!(github.take().len(), 1);
}

#[test]
fn an_address_that_the_token_may_not_see_is_a_profile_without_one() {
    for status in [403, 404] {
        let github = Arc::new(Scripted::default());
        let message = json!({ "message": "Resource not accessible by integration", "status": status.to_string() });
        let (_, session, _temp) = logged_in(&github, (status, message));
        assert_eq!((session.profile().email(), session.profile().email_verified()), (None, false), "{status}");
        assert_eq!(session.profile().name(), Some("The Octocat"));
    }
}

#[test]
fn of_github_s_addresses_the_best_one_counts() {
    let address = |email: &str, primary: bool, verified: bool| json!({ "email": email, "primary": primary, "verified": verified });
    for (list, expected) in [
        (
            json!([address("a@x.example", true, false), address("b@x.example", false, true)]),
            Some(("b@x.example", true)),
        ),
        (
            json!([address("a@x.example", false, false), address("b@x.example", true, false)]),
            Some(("b@x.example", false)),
        ),
        (json!([address("a@x.example", false, false)]), None),
        (json!([]), None),
    ] {
        let github = Arc::new(Scripted::default());
        let (_, session, _temp) = logged_in(&github, (200, list.clone()));
        let profile = session.profile();
        assert_eq!(profile.email().map(|email| (email, profile.email_verified())), expected, "{list}");
    }
}

#[test]
fn a_later_profile_follows_github_also_when_the_address_is_gone() {
    let github = Arc::new(Scripted::default());
    let (keyfob, session, _temp) = logged_in(&github, (200, emails()));
    github.take();
    let renamed = json!({ "login": "octocat", "id": 583_231, "name": null });
    github.on(USER, 200, &renamed).on(EMAILS, 200, &json!([]));
    let profile = keyfob.profile(session.id(), Freshness::secs(0)).unwrap();
    assert_eq!((profile.name(), profile.email(), profile.email_verified()), (Some("octocat"), None, false));
    let asked = github.take();
    assert_eq!(asked[0].header("if-none-match"), None, "an unchanged user may have changed addresses");
    // Somebody else's id is not this session's.
    github.on(USER, 200, &json!({ "login": "hubot", "id": 1 })).on(EMAILS, 200, &json!([]));
    assert_eq!(keyfob.profile(session.id(), Freshness::secs(0)).unwrap_err().reason(), Reason::UserInfoSubMismatch);
}

#[test]
fn logging_out_revokes_the_access_token_in_github_s_own_way() {
    let github = Arc::new(Scripted::default());
    let (keyfob, session, _temp) = logged_in(&github, (200, emails()));
    github.take();
    github.on(REVOKE, 204, &Value::Null);
    let ended = keyfob.end_session(session.id(), EndSession::default()).unwrap();
    assert!(matches!(ended.revocation(), Revocation::Done), "{ended:?}");
    assert_eq!(ended.logout_url(), None);
    let asked = github.take();
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].line.as_str(), asked[0].body.as_str()), (REVOKE, r#"{"access_token":"ghu_1"}"#));
    same(
        &asked[0].headers,
        &[("accept", "application/json"), ("authorization", &basic()), ("content-type", "application/json")],
    );
}

#[test]
fn an_enterprise_server_is_asked_at_its_own_host_and_api() {
    let github = Arc::new(Scripted::default());
    let enterprise = confidential().variable("host", "ghe.example.com").variable("api_base", "ghe.example.com/api/v3");
    let (keyfob, _temp) = open(enterprise, None, github.clone());
    let login = begin(&keyfob);
    assert_eq!(taken_apart(login.authorization_url()).0, "https://ghe.example.com/login/oauth/authorize");
    assert_eq!(parameter(login.authorization_url(), "client_id").unwrap(), CLIENT);
    github
        .on("POST https://ghe.example.com/login/oauth/access_token", 200, &tokens(1))
        .on("GET https://ghe.example.com/api/v3/user", 200, &user())
        .on("GET https://ghe.example.com/api/v3/user/emails", 200, &emails())
        .on("DELETE https://ghe.example.com/api/v3/applications/notes/token", 204, &Value::Null);
    let session = keyfob.complete_login(&redirect(&login, "c-1")).unwrap().into_session();
    let ended = keyfob.end_session(session.id(), EndSession::default()).unwrap();
    assert!(matches!(ended.revocation(), Revocation::Done), "{ended:?}");
}
