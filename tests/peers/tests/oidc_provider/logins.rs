//! From discovery to a session that lives through three rotations, for every kind of client.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyfob::{EndSession, ErrorKind, Freshness, LoginOptions, MinValidity, Revocation, SessionState};
use keyfob_peers::{Bench, Browser, Client, Page, SSO, Signature};
use serde_json::Value;

use super::parameter;

#[test]
fn a_public_client_with_rs256_lives_through_the_whole_story() {
    the_whole_story(Client::public(Signature::Rs256));
}

#[test]
fn a_public_client_with_es256_lives_through_the_whole_story() {
    the_whole_story(Client::public(Signature::Es256));
}

#[test]
fn a_client_with_basic_and_rs256_lives_through_the_whole_story() {
    the_whole_story(Client::basic(Signature::Rs256));
}

#[test]
fn a_client_with_post_and_es256_lives_through_the_whole_story() {
    the_whole_story(Client::post(Signature::Es256));
}

fn the_whole_story(client: Client) {
    let bench = Bench::new(client).unwrap();
    let keyfob = &bench.keyfob;

    let options = LoginOptions::new().success("app:/home");
    let login = keyfob.begin_login(SSO, options).unwrap();
    assert_eq!(bench.peer.count("/.well-known/openid-configuration").unwrap(), 1);
    assert_eq!(parameter(login.authorization_url(), "code_challenge_method").unwrap(), "S256");
    let redirect = Browser::new().log_in(login.authorization_url(), "ada").unwrap();
    assert!(redirect.starts_with(Client::REDIRECT_URI), "{redirect}");
    assert_eq!(parameter(&redirect, "iss").unwrap(), bench.peer.issuer());

    let done = keyfob.complete_login(&redirect).unwrap();
    assert_eq!(done.return_to(), Some("app:/home"));
    let session = done.into_session();
    assert_eq!((session.state(), session.provider_uid()), (SessionState::Active, "ada"));
    assert!(session.provider_access_token_expiry().is_some());
    assert_eq!(bench.peer.count("/jwks").unwrap(), 1, "the ID token was checked with the provider's keys");
    assert_eq!(algorithm(session.id_token().unwrap()), bench.peer.client().algorithm());
    assert_eq!(session.profile().email(), Some("ada@example.com"));
    assert!(bench.peer.honours(session.provider_access_token()).unwrap());

    let served = keyfob.access_token(session.id(), MinValidity::default()).unwrap();
    assert_eq!(served.secret(), session.provider_access_token());
    assert_eq!(bench.peer.count("/token").unwrap(), 1, "a fresh token costs no request");
    let before = bench.peer.count("/me").unwrap();
    let profile = keyfob.profile(session.id(), Freshness::secs(0)).unwrap();
    assert_eq!((profile.uid(), profile.name()), ("ada", Some("ada of the peers")));
    assert_eq!((profile.email_verified(), profile.locale()), (true, Some("en")));
    assert_eq!(bench.peer.count("/me").unwrap(), before + 1);

    let mut seen = HashSet::from([session.provider_refresh_token().unwrap().to_owned()]);
    let (mut last, mut newest) = (session.provider_access_token().to_owned(), String::new());
    for _ in 0..3 {
        let refreshed = keyfob.refresh_session(session.id()).unwrap();
        assert_eq!(refreshed.id(), session.id());
        newest = refreshed.provider_refresh_token().unwrap().to_owned();
        assert!(seen.insert(newest.clone()), "a refresh token came twice");
        assert_ne!(refreshed.provider_access_token(), last);
        last = refreshed.provider_access_token().to_owned();
        assert!(bench.peer.honours(&last).unwrap());
        keyfob.profile(session.id(), Freshness::secs(0)).unwrap();
    }
    let grants: Vec<_> = bench.peer.requests().unwrap().into_iter().filter_map(|request| request.grant).collect();
    assert_eq!(grants, ["authorization_code", "refresh_token", "refresh_token", "refresh_token"]);

    let ended = keyfob.end_session(session.id(), EndSession::default()).unwrap();
    assert!(matches!(ended.revocation(), Revocation::Done), "{ended:?}");
    assert!(!bench.peer.honours(&last).unwrap(), "the provider took the access token back");
    assert!(!bench.peer.honours(&newest).unwrap(), "and the refresh token");
    assert!(keyfob.current_session().unwrap().is_none());
    assert!(keyfob.access_token(session.id(), MinValidity::default()).unwrap_err().is_login_required());
}

/// The `alg` of a signed token.
fn algorithm(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header.get("alg").and_then(Value::as_str).unwrap().to_owned()
}

#[test]
fn a_second_login_in_the_same_browser_asks_nothing_and_keeps_the_session() {
    let bench = Bench::new(Client::public(Signature::Rs256)).unwrap();
    let mut browser = Browser::new();
    let first = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    let first = bench.keyfob.complete_login(&browser.log_in(first.authorization_url(), "ada").unwrap()).unwrap();
    let again = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    // The user is not asked: nobody types this name.
    let redirect = browser.log_in(again.authorization_url(), "eve").unwrap();
    let again = bench.keyfob.complete_login(&redirect).unwrap();
    assert_eq!(again.session().id(), first.session().id());
    assert_eq!(again.session().provider_uid(), "ada");
    assert_ne!(again.session().provider_access_token(), first.session().provider_access_token());
}

#[test]
fn the_granted_scopes_are_the_provider_s_word() {
    let bench = Bench::new(Client::public(Signature::Rs256)).unwrap();
    // OpenID Connect Core section 11: offline_access without prompt=consent is ignored.
    for (options, granted) in [
        (LoginOptions::new(), ["openid", "profile", "email"].as_slice()),
        (LoginOptions::new().parameter("prompt", "consent"), &["openid", "profile", "email", "offline_access"]),
    ] {
        let login = bench.keyfob.begin_login(SSO, options).unwrap();
        assert_eq!(parameter(login.authorization_url(), "scope").unwrap(), "openid profile email offline_access");
        let redirect = Browser::new().log_in(login.authorization_url(), "ada").unwrap();
        let session = bench.keyfob.complete_login(&redirect).unwrap().into_session();
        assert_eq!(session.scopes(), granted);
    }
}

#[test]
fn a_session_gets_one_more_scope_and_keeps_its_id() {
    let bench = Bench::new(Client::public(Signature::Es256)).unwrap();
    let mut browser = Browser::new();
    let login = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    let redirect = browser.log_in(login.authorization_url(), "ada").unwrap();
    let session = bench.keyfob.complete_login(&redirect).unwrap().into_session();

    let options = LoginOptions::new().for_session(session.id()).scope("phone");
    let login = bench.keyfob.begin_login(SSO, options).unwrap();
    let Page::Shown { html, .. } = browser.open(login.authorization_url()).unwrap() else {
        panic!("nothing was asked")
    };
    assert!(html.contains("<li>phone</li>") && !html.contains("<li>email</li>"), "only the new one is asked for");
    let redirect = browser.log_in(login.authorization_url(), "ada").unwrap();
    let more = bench.keyfob.complete_login(&redirect).unwrap().into_session();
    assert_eq!(more.id(), session.id());
    assert_eq!(more.scopes(), ["openid", "profile", "email", "phone"]);
    let raw: Value =
        serde_json::from_str(&bench.keyfob.profile(more.id(), Freshness::secs(0)).unwrap().raw_json()).unwrap();
    assert_eq!(raw.get("phone_number").and_then(Value::as_str), Some("+44 20 7946 0815"));
}

#[test]
fn the_provider_is_told_what_the_app_wants_beside() {
    let bench = Bench::new(Client::public(Signature::Rs256)).unwrap();
    let options = LoginOptions::new().parameter("login_hint", "ada & co");
    let login = bench.keyfob.begin_login(SSO, options).unwrap();
    let Page::Shown { html, .. } = Browser::new().open(login.authorization_url()).unwrap() else { panic!("no page") };
    assert!(html.contains("value=\"ada &amp; co\""), "{html}");

    // Nobody has logged in, and nobody may be asked.
    let login = bench.keyfob.begin_login(SSO, LoginOptions::new().parameter("prompt", "none")).unwrap();
    let redirect = Browser::new().log_in(login.authorization_url(), "ada").unwrap();
    let error = bench.keyfob.complete_login(&redirect).unwrap_err();
    assert_eq!((error.kind(), error.oauth().unwrap().code()), (ErrorKind::OAuth, "login_required"));
}
