//! Apple: a generated secret in the form, no userinfo.

use std::sync::Arc;

use keyfob::{EndSession, Freshness, LoginOptions, Reason, Registration, Revocation};
use keyfob_idp::{ClientAuth, Rotation};
use serde_json::json;

use crate::bench::{CLIENT, ID, SECRET, same};
use crate::support::parameter;
use crate::vendor::{App, Vendor, metadata};

const ISSUER: &str = "https://appleid.apple.com";
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
