//! Apple: a generated secret in the form, no userinfo.

use std::sync::Arc;

use keyfob::{Config, EndSession, Freshness, Keyfob, LoginOptions, Reason, Registration, Revocation};
use keyfob_idp::{ClientAuth, ClientJwt, Rotation};
use serde_json::json;

use crate::bench::{CLIENT, ID, SECRET, same};
use crate::support::{Temp, parameter, signer};
use crate::vendor::{App, Vendor, metadata};

const ISSUER: &str = "https://appleid.apple.com";
const TEAM: &str = "DEF123GHIJ";
const KEY: &str = "ABC123DEFG";
const REDIRECT: &str = "https://notes.example/callback";

fn apple() -> Arc<Vendor> {
    let metadata = metadata(
        ISSUER,
        &[
            ("authorization_endpoint", "https://appleid.apple.com/auth/authorize"),
            ("token_endpoint", "https://appleid.apple.com/auth/token"),
            ("revocation_endpoint", "https://appleid.apple.com/auth/revoke"),
            ("jwks_uri", "https://appleid.apple.com/auth/keys"),
        ],
    );
    let apple = Vendor::new("https://appleid.apple.com/.well-known/openid-configuration", metadata, ISSUER);
    apple.metadata("token_endpoint_auth_methods_supported", json!(["client_secret_post"]));
    apple.client(ClientAuth::Post, REDIRECT);
    apple.script(|script| script.tokens.rotation = Rotation::None);
    apple.claim("email", json!("relay@privaterelay.appleid.com"));
    apple.claim("email_verified", json!("true"));
    apple
}

/// An app whose own team's key makes the secret.
fn signing_app() -> App {
    let apple = apple();
    let mut rules = ClientJwt::new(signer::jwk(signer::P256, KEY));
    rules.issuer = Some(TEAM.to_owned());
    rules.audiences = vec![ISSUER.to_owned()];
    let client = keyfob_idp::Registration::new(CLIENT, REDIRECT).signing(ClientAuth::SignedSecret, rules);
    apple.script(|script| script.registrations = vec![client]);
    let registration = Registration::new(ID, "apple", CLIENT, REDIRECT)
        .variable("team_id", TEAM)
        .private_key(signer::P256)
        .key_id(KEY);
    App::new(apple, registration)
}

#[test]
fn s32_the_team_s_key_makes_a_secret_for_each_request() {
    let app = signing_app();
    let session = log_in(&app).unwrap();
    let refreshed = app.keyfob.refresh_session(session.id()).unwrap();
    let ended = app.keyfob.end_session(refreshed.id(), EndSession::default()).unwrap();
    assert!(matches!(ended.revocation(), Revocation::Done), "{ended:?}");
    let mut asked = app.vendor.take("POST https://appleid.apple.com/auth/token");
    asked.extend(app.vendor.take("POST https://appleid.apple.com/auth/revoke"));
    assert_eq!(asked.len(), 3);
    let mut secrets: Vec<String> = asked.iter().map(|asked| asked.field("client_secret").unwrap()).collect();
    for (asked, secret) in asked.iter().zip(&secrets) {
        assert_eq!(asked.header("authorization"), None);
        assert!(asked.field("client_assertion").is_none() && asked.field("client_assertion_type").is_none());
        assert_eq!(asked.form().iter().filter(|(name, _)| name.starts_with("client_")).count(), 2);
        assert_eq!(asked.field("client_id").as_deref(), Some(CLIENT));
        let header = signer::part(secret, 0);
        assert_eq!((&header["alg"], &header["kid"]), (&json!("ES256"), &json!(KEY)));
        let claims = signer::part(secret, 1);
        let said = ["iss", "sub", "aud"].map(|name| claims[name].as_str().unwrap());
        assert_eq!(said, [TEAM, CLIENT, "https://appleid.apple.com"]);
        let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert!((60..=600).contains(&life), "minutes, where Apple takes half a year: {life}");
    }
    secrets.dedup();
    assert_eq!(secrets.len(), 3);
}

#[test]
fn apple_wants_the_key_s_id_and_the_team_s() {
    let temp = Temp::new();
    let refused = |registration: Registration| {
        let config = Config::builder(temp.store()).plaintext(true).registration(registration).build().unwrap();
        Keyfob::open(config).unwrap_err().detail().unwrap().to_owned()
    };
    let registration = || Registration::new(ID, "apple", CLIENT, REDIRECT).private_key(signer::P256);
    assert_eq!(refused(registration()), "key_id is missing: the provider finds the private_key by it");
    assert_eq!(refused(registration().key_id(KEY)), "variables.team_id is missing");
    let other = registration().key_id(KEY).variable("team_id", "a team");
    assert_eq!(refused(other), "variables.team_id is not of the form that the provider needs");
}

/// With a secret that the app's back end has made.
fn app() -> App {
    App::new(apple(), Registration::new(ID, "apple", CLIENT, REDIRECT).client_secret(SECRET))
}

fn log_in(app: &App) -> keyfob::Result<keyfob::Session> {
    let login = app.keyfob.begin_login(ID, LoginOptions::new())?;
    assert_eq!(parameter(login.authorization_url(), "scope").unwrap(), "openid");
    Ok(app.keyfob.complete_login(&app.vendor.log_in(&login))?.into_session())
}

#[test]
fn the_whole_way_with_apple() {
    let app = app();
    let session = log_in(&app).unwrap();
    assert_eq!((session.provider(), session.provider_uid()), ("apple", "u-1"));
    let profile = session.profile();
    assert_eq!(profile.email(), Some("relay@privaterelay.appleid.com"));
    assert!(profile.email_verified(), "Apple writes it as text");
    assert_eq!((profile.name(), profile.avatar_url()), (None, None));
    // What the ID token said is all there is.
    assert_eq!(app.keyfob.profile(session.id(), Freshness::default()).unwrap().email(), profile.email());
    let error = app.keyfob.profile(session.id(), Freshness::secs(0)).unwrap_err();
    assert_eq!(error.reason(), Reason::NoUserInfo);

    let token = session.provider_refresh_token().unwrap().to_owned();
    let refreshed = app.keyfob.refresh_session(session.id()).unwrap();
    assert_eq!(refreshed.provider_refresh_token(), Some(token.as_str()));
    let ended = app.keyfob.end_session(session.id(), EndSession::default()).unwrap();
    assert!(matches!(ended.revocation(), Revocation::Done), "{ended:?}");
    let [exchange, refresh] = <[_; 2]>::try_from(app.vendor.take("POST https://appleid.apple.com/auth/token")).unwrap();
    assert_eq!(exchange.field("redirect_uri").as_deref(), Some(REDIRECT));
    let own = [("client_id", CLIENT), ("client_secret", SECRET)];
    same(&refresh.form(), &[own[0], own[1], ("grant_type", "refresh_token"), ("refresh_token", &token)]);
    let revoked = app.vendor.take("POST https://appleid.apple.com/auth/revoke");
    same(&revoked[0].form(), &[own[0], own[1], ("token", &token), ("token_type_hint", "refresh_token")]);
    assert!([exchange, refresh].iter().all(|asked| asked.header("authorization").is_none()));
}

#[test]
fn apple_s_other_issuer_is_taken_and_a_third_is_not() {
    let app = app();
    let session = log_in(&app).unwrap();
    app.vendor.claim("iss", json!("https://account.apple.com"));
    assert_eq!(log_in(&app).unwrap().id(), session.id());
    app.vendor.claim("iss", json!("https://appleid.apple.com/"));
    assert_eq!(log_in(&app).unwrap_err().reason(), Reason::IdTokenIssuer);
}
