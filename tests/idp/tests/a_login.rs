//! A whole login, step by step, and each step done wrong.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs, reason = "tests")]

mod common;

use common::{App, REDIRECT, form, parameter};
use keyfob_idp::{Endpoint, Idp, Script, browser};
use serde_json::json;

#[test]
fn a_login_brings_tokens_and_userinfo() {
    let idp = Idp::start(Script::default()).unwrap();
    let app = App::new(&idp);
    let redirect = app.log_in("openid email profile");
    assert!(redirect.starts_with(REDIRECT), "{redirect}");
    assert_eq!(parameter(&redirect, "state").as_deref(), Some("the-state"));
    assert_eq!(parameter(&redirect, "iss").as_deref(), Some(idp.issuer()));

    let tokens = app.exchange(&redirect).json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 3600);
    assert_eq!(tokens["scope"], "openid email profile");

    let claims = app.verified_claims(tokens["id_token"].as_str().unwrap());
    assert_eq!(claims["iss"], idp.issuer());
    assert_eq!(claims["aud"], "demo");
    assert_eq!(claims["sub"], "u-1");
    assert_eq!(claims["nonce"], "the-nonce");
    assert_eq!(claims["email"], "ada@example.com");
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3600);

    let userinfo = app.userinfo(tokens["access_token"].as_str().unwrap());
    assert_eq!(userinfo.status, 200);
    assert_eq!(userinfo.json()["name"], "Ada Lovelace");

    let paths: Vec<String> = idp.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/authorize", "/authorize", "/token", "/jwks", "/userinfo"]);
}

#[test]
fn a_user_who_says_no_is_told_to_the_app() {
    let idp = Idp::start(Script::default()).unwrap();
    let redirect = browser::deny(&App::new(&idp).authorization_url("openid")).unwrap();
    assert_eq!(parameter(&redirect, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(&redirect, "state").as_deref(), Some("the-state"));
    assert_eq!(parameter(&redirect, "iss").as_deref(), Some(idp.issuer()));
    assert_eq!(parameter(&redirect, "code"), None);
}

#[test]
fn a_wrong_password_shows_the_page_again() {
    let idp = Idp::start(Script::default()).unwrap();
    let error = browser::log_in(&App::new(&idp).authorization_url("openid"), "ada", "babbage").unwrap_err();
    let browser::BrowserError::Page { status, message, .. } = error else { panic!("{error}") };
    assert_eq!(status, 401);
    assert!(message.contains("do not go together"), "{message}");
}

#[test]
fn the_page_names_its_fields_and_keeps_what_was_typed() {
    let idp = Idp::start(Script::default()).unwrap();
    let app = App::new(&idp);
    let page = app.open_page("openid").body;
    assert!(page.contains("<html lang=\"en\">") && page.contains("<title>Sign in to Keyfob demo"));
    for field in ["username", "password"] {
        assert!(page.contains(&format!("<label for=\"{field}\">")) && page.contains(&format!("<input id=\"{field}\"")));
    }
    let url = app.authorization_url("openid");
    let (_, query) = url.split_once('?').unwrap();
    let typed = form(&[("request", query), ("username", "eve"), ("password", "x"), ("decision", "allow")]);
    let page = app.post("/authorize", &typed).body;
    assert!(page.contains("<title>Problem: sign in to Keyfob demo"), "a screen reader says this first");
    assert!(page.contains("value=\"eve\"") && page.contains("aria-describedby=\"problem\""));
}

#[test]
fn a_wrong_redirect_uri_shows_a_page_and_goes_nowhere() {
    let idp = Idp::start(Script::default()).unwrap();
    for wrong in [
        "http://127.0.0.1:7777/callback/other",
        "http://127.0.0.1:7777/callback/work-sso/",
        "http://127.0.0.1.evil.example/callback/work-sso",
        "http://127.0.0.1:7777@evil.example/callback/work-sso",
        "http://127.0.0.1:/callback/work-sso",
        "http://127.0.0.1:99999/callback/work-sso",
        "https://127.0.0.1:7777/callback/work-sso",
        "http://localhost:7777/callback/work-sso",
        "",
    ] {
        let page = App::new(&idp).to(wrong).open_page("openid");
        assert_eq!(page.status, 400, "{wrong}");
        assert_eq!(page.header("location"), None, "{wrong}");
        assert!(page.body.contains("not registered"), "{wrong}");
    }
}

#[test]
fn a_loopback_redirect_uri_without_a_port_stands_for_every_port() {
    let idp = Idp::start(Script::default()).unwrap();
    for right in ["http://127.0.0.1/callback/work-sso", "http://127.0.0.1:1/callback/work-sso", REDIRECT] {
        assert_eq!(App::new(&idp).to(right).open_page("openid").status, 200, "{right}");
    }
}

#[test]
fn a_repeated_parameter_is_refused() {
    let idp = Idp::start(Script::default()).unwrap();
    let app = App::new(&idp);
    let answer = app.get(&format!("{}&state=other", app.authorization_url("openid")));
    assert_eq!(answer.status, 303);
    let location = answer.header("location").unwrap();
    assert_eq!(parameter(&location, "error").as_deref(), Some("invalid_request"));

    let page = app.get(&format!("{}&client_id=demo", app.authorization_url("openid")));
    assert_eq!((page.status, page.header("location")), (400, None));

    let code = parameter(&app.log_in("openid"), "code").unwrap();
    let mut form = app.exchange_form(&code);
    form.push(("code".to_owned(), code));
    let answer = app.post("/token", &form);
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_request")));
}

#[test]
fn a_request_without_pkce_is_refused() {
    let idp = Idp::start(Script::default()).unwrap();
    let app = App::new(&idp);
    for (from, to) in [("code_challenge=", "no_challenge="), ("=S256", "=plain")] {
        let location = app.get(&app.authorization_url("openid").replace(from, to)).header("location").unwrap();
        assert_eq!(parameter(&location, "error").as_deref(), Some("invalid_request"));
    }
}

#[test]
fn a_wrong_verifier_is_refused_and_the_code_is_spent() {
    let idp = Idp::start(Script::default()).unwrap();
    let app = App::new(&idp);
    let redirect = app.log_in("openid");
    let code = parameter(&redirect, "code").unwrap();
    let mut form = app.exchange_form(&code);
    form.iter_mut().filter(|(name, _)| name == "code_verifier").for_each(|(_, value)| value.push('x'));
    let answer = app.post("/token", &form);
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_grant")));
    assert_eq!(app.exchange(&redirect).json()["error"], "invalid_grant");
}

#[test]
fn a_code_is_bound_to_its_redirect_uri() {
    let idp = Idp::start(Script::default()).unwrap();
    let app = App::new(&idp);
    let code = parameter(&app.log_in("openid"), "code").unwrap();
    let other = app.to("http://127.0.0.1:7778/callback/work-sso");
    assert_eq!(other.post("/token", &other.exchange_form(&code)).json()["error"], "invalid_grant");
}

#[test]
fn a_code_that_comes_again_ends_the_tokens_that_it_brought() {
    let idp = Idp::start(Script::default()).unwrap();
    let app = App::new(&idp);
    let redirect = app.log_in("openid");
    let tokens = app.exchange(&redirect).json();
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    assert_eq!(app.userinfo(access).status, 200);
    assert_eq!(app.exchange(&redirect).json()["error"], "invalid_grant");
    assert_eq!(app.userinfo(access).status, 401);
    assert_eq!(app.refresh(refresh).json()["error"], "invalid_grant");
}

#[test]
fn a_code_dies_young() {
    let mut script = Script::default();
    script.tokens.code_seconds = 0.0;
    let idp = Idp::start(script).unwrap();
    let app = App::new(&idp);
    assert_eq!(app.exchange(&app.log_in("openid")).json()["error"], "invalid_grant");
}

#[test]
fn prompt_none_is_answered_without_a_page() {
    let idp = Idp::start(Script::default()).unwrap();
    let app = App::new(&idp);
    let redirect = browser::log_in(&format!("{}&prompt=none", app.authorization_url("openid")), "ada", "lovelace");
    assert_eq!(parameter(&redirect.unwrap(), "error").as_deref(), Some("login_required"));
    // In a form, where the answer is to come in one.
    let by_form = format!("{}&response_mode=form_post&prompt=none", app.authorization_url("openid"));
    let (action, body) = browser::log_in_by_form(&by_form, "ada", "lovelace").unwrap();
    assert_eq!(parameter(&format!("{action}?{body}"), "error").as_deref(), Some("login_required"));
}

#[test]
fn scopes_decide_what_is_told() {
    let idp = Idp::start(Script::default()).unwrap();
    let app = App::new(&idp);
    let tokens = app.exchange(&app.log_in("openid email")).json();
    let claims = app.verified_claims(tokens["id_token"].as_str().unwrap());
    assert_eq!((&claims["email"], claims.get("name")), (&json!("ada@example.com"), None));

    let tokens = app.exchange(&app.log_in("read:user")).json();
    assert_eq!(tokens.get("id_token"), None);
    let userinfo = app.userinfo(tokens["access_token"].as_str().unwrap()).json();
    assert_eq!(userinfo["name"], "Ada Lovelace", "a plain OAuth 2 login has no such scopes");
}

#[test]
fn fewer_scopes_than_asked_for_are_granted_by_script() {
    let mut script = Script::default();
    script.tokens.grant_scopes = Some(vec!["openid".to_owned()]);
    let idp = Idp::start(script).unwrap();
    let app = App::new(&idp);
    assert_eq!(app.exchange(&app.log_in("openid email")).json()["scope"], "openid");
}

#[test]
fn what_the_user_types_cannot_break_the_page() {
    let idp = Idp::start(Script::default()).unwrap();
    let app = App::new(&idp);
    let page = app.get(&format!("{}&login_hint=%22%3E%3Cscript%3E", app.authorization_url("openid <b>")));
    assert!(page.body.contains("value=\"&quot;&gt;&lt;script&gt;\""));
    assert!(!page.body.contains("<script>") && !page.body.contains("<b>"));
}

#[test]
fn the_log_shows_both_sides_of_a_request() {
    let idp = Idp::start(Script::default()).unwrap();
    let app = App::new(&idp);
    let tokens = app.exchange(&app.log_in("openid")).json();
    let log = idp.requests();
    let exchange = log.last().unwrap();
    assert_eq!(exchange.endpoint, Some(Endpoint::Token));
    assert_eq!((exchange.method.as_str(), exchange.status), ("POST", Some(200)));
    assert_eq!(exchange.grant_type.as_deref(), Some("authorization_code"));
    assert_eq!(exchange.parameter("client_id"), Some("demo"));
    assert_eq!(exchange.header("Content-Type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(exchange.answer_json(), tokens);
    assert!(exchange.connection > 0 && exchange.closed.is_none());
    idp.clear_requests();
    assert!(idp.requests().is_empty());
}
