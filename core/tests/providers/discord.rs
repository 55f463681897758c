//! Discord, as its documentation shows its answers.

use std::sync::Arc;

use keyfob::{EndSession, ErrorKind, Freshness, Reason, Revocation, SessionState};
use serde_json::{Value, json};

use crate::bench::{
    CALLBACK, CLIENT, SECRET, basic, begin, challenge, open, redirect, registration, same, taken_apart,
};
use crate::scripted::Scripted;
use crate::support::parameter;

const TOKEN: &str = "POST https://discord.com/api/oauth2/token";
const ME: &str = "GET https://discord.com/api/users/@me";
const REVOKE: &str = "POST https://discord.com/api/oauth2/token/revoke";

fn tokens(number: u32) -> Value {
    json!({
        "access_token": format!("access-{number}"), "token_type": "Bearer", "expires_in": 604_800,
        "refresh_token": format!("refresh-{number}"), "scope": "identify email"
    })
}

fn user() -> Value {
    json!({
        "id": "80351110224678912", "username": "nelly", "discriminator": "0", "global_name": "Nelly",
        "avatar": "8342729096ea3675442027381ff50dfe", "verified": true, "email": "nelly@discord.com",
        "locale": "en-US", "flags": 64, "banner": null, "premium_type": 1
    })
}

#[test]
fn the_whole_way_with_discord() {
    let discord = Arc::new(Scripted::default());
    let (keyfob, _temp) = open(registration("discord").client_secret(SECRET), None, discord.clone());
    let login = begin(&keyfob);
    let url = login.authorization_url();
    let (page, names) = taken_apart(url);
    assert_eq!(page, "https://discord.com/oauth2/authorize");
    assert_eq!(
        names,
        ["client_id", "code_challenge", "code_challenge_method", "redirect_uri", "response_type", "scope", "state"]
    );
    assert_eq!(parameter(url, "scope").unwrap(), "identify email");

    discord.on(TOKEN, 200, &tokens(1)).on(ME, 200, &user());
    // Discord names itself in its redirects; there is no issuer to hold that against.
    let redirected = format!("{}&iss=https%3A%2F%2Fdiscord.com", redirect(&login, "c-1"));
    let session = keyfob.complete_login(&redirected).unwrap().into_session();
    let asked = discord.take();
    assert_eq!(asked.iter().map(|asked| asked.line.as_str()).collect::<Vec<_>>(), [TOKEN, ME]);
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
    same(&asked[1].headers, &[("accept", "application/json"), ("authorization", "Bearer access-1")]);

    assert_eq!(session.provider_uid(), "80351110224678912");
    let profile = session.profile();
    assert_eq!((profile.name(), profile.email()), (Some("Nelly"), Some("nelly@discord.com")));
    assert!(profile.email_verified());
    assert_eq!(
        profile.avatar_url(),
        Some("https://cdn.discordapp.com/avatars/80351110224678912/8342729096ea3675442027381ff50dfe.png")
    );
    assert_eq!(profile.locale(), Some("en-US"));

    discord.on(TOKEN, 200, &tokens(2));
    let refreshed = keyfob.refresh_session(session.id()).unwrap();
    assert_eq!(refreshed.provider_refresh_token(), Some("refresh-2"));
    same(&discord.take()[0].form(), &[("grant_type", "refresh_token"), ("refresh_token", "refresh-1")]);

    discord.on(REVOKE, 200, &json!({}));
    let ended = keyfob.end_session(session.id(), EndSession::default()).unwrap();
    assert!(matches!(ended.revocation(), Revocation::Done), "{ended:?}");
    let asked = discord.take();
    same(&asked[0].form(), &[("token", "refresh-2"), ("token_type_hint", "refresh_token")]);
    assert_eq!((asked.len(), asked[0].header("authorization")), (1, Some(basic().as_str())));
}

#[test]
fn what_discord_leaves_empty_is_left_out_or_taken_from_elsewhere() {
    let discord = Arc::new(Scripted::default());
    let (keyfob, _temp) = open(registration("discord").client_secret(SECRET), None, discord.clone());
    let mut plain = user();
    for name in ["global_name", "avatar", "email"] {
        plain[name] = Value::Null;
    }
    plain["verified"] = json!(false);
    discord.on(TOKEN, 200, &tokens(1)).on(ME, 200, &plain);
    let session = keyfob.complete_login(&redirect(&begin(&keyfob), "c-1")).unwrap().into_session();
    let profile = session.profile();
    assert_eq!((profile.name(), profile.avatar_url()), (Some("nelly"), None));
    assert_eq!((profile.email(), profile.email_verified()), (None, false));
    // They come later, and are taken then.
    discord.take();
    discord.on(ME, 200, &user());
    let profile = keyfob.profile(session.id(), Freshness::secs(0)).unwrap();
    assert_eq!((profile.name(), profile.email_verified()), (Some("Nelly"), true));
    assert_eq!(discord.take()[0].header("if-none-match"), Some("\"e-1\""));
}

#[test]
fn a_public_client_of_discord_s_is_named_in_the_form() {
    let discord = Arc::new(Scripted::default());
    let (keyfob, _temp) = open(registration("discord"), None, discord.clone());
    discord.on(TOKEN, 200, &tokens(1)).on(ME, 200, &user()).on(REVOKE, 200, &json!({}));
    let session = keyfob.complete_login(&redirect(&begin(&keyfob), "c-1")).unwrap().into_session();
    keyfob.end_session(session.id(), EndSession::default()).unwrap();
    for asked in discord.take().iter().filter(|asked| asked.line != ME) {
        assert_eq!(asked.field("client_id").as_deref(), Some(CLIENT), "{}", asked.line);
        assert_eq!((asked.header("authorization"), asked.field("client_secret")), (None, None));
    }
}

#[test]
fn discord_s_refusal_of_a_refresh_token_ends_the_session() {
    let discord = Arc::new(Scripted::default());
    let (keyfob, _temp) = open(registration("discord").client_secret(SECRET), None, discord.clone());
    discord.on(TOKEN, 200, &tokens(1)).on(ME, 200, &user());
    let session = keyfob.complete_login(&redirect(&begin(&keyfob), "c-1")).unwrap().into_session();
    discord.on(TOKEN, 400, &json!({ "error": "invalid_grant" }));
    let error = keyfob.refresh_session(session.id()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::LoginRequired, Reason::Revoked));
    assert_eq!(keyfob.session(session.id()).unwrap().state(), SessionState::Ended(Reason::Revoked));
}
