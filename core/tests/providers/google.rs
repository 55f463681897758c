//! Google.

use std::sync::Arc;

use keyfob::{LoginOptions, Reason, Revocation};
use keyfob_idp::{ClientAuth, Rotation};
use serde_json::json;

use crate::bench::{CALLBACK, CLIENT, ID, LOOPBACK, PORT, SECRET, registration, same};
use crate::support::parameter;
use crate::vendor::{App, Vendor, metadata};

const ISSUER: &str = "https://accounts.google.com";
const TOKEN: &str = "POST https://oauth2.googleapis.com/token";

fn google(issuer_in_tokens: &str) -> Arc<Vendor> {
    let metadata = metadata(
        ISSUER,
        &[
            ("authorization_endpoint", "https://accounts.google.com/o/oauth2/v2/auth"),
            ("token_endpoint", "https://oauth2.googleapis.com/token"),
            ("userinfo_endpoint", "https://openidconnect.googleapis.com/v1/userinfo"),
            ("revocation_endpoint", "https://oauth2.googleapis.com/revoke"),
            ("jwks_uri", "https://www.googleapis.com/oauth2/v3/certs"),
        ],
    );
    let google =
        Vendor::new("https://accounts.google.com/.well-known/openid-configuration", metadata, issuer_in_tokens);
    google.metadata("code_challenge_methods_supported", json!(["plain", "S256"]));
    google.metadata("token_endpoint_auth_methods_supported", json!(["client_secret_post", "client_secret_basic"]));
    google.client(ClientAuth::Post, LOOPBACK);
    google.script(|script| script.tokens.rotation = Rotation::None);
    google
}

fn app(issuer_in_tokens: &str) -> App {
    App::new(google(issuer_in_tokens), registration("google").client_secret(SECRET))
}

#[test]
fn the_whole_way_with_google() {
    let app = app(ISSUER);
    let done = app.journey();
    assert_eq!((done.session.provider(), done.session.provider_uid()), ("google", "u-1"));
    assert_eq!((done.profile.name(), done.profile.email()), (Some("Ada Lovelace"), Some("ada@example.com")));
    assert!(done.profile.email_verified());
    assert_eq!(done.profile.locale(), Some("en-GB"));
    assert_eq!(done.refreshed.provider_refresh_token(), done.session.provider_refresh_token(), "it stays good");
    assert!(matches!(done.ended.revocation(), Revocation::Done), "{:?}", done.ended);
    assert_eq!(done.ended.logout_url(), None, "Google has no logout page");

    let [exchange, refresh] = <[_; 2]>::try_from(app.vendor.take(TOKEN)).unwrap();
    let (code, verifier) = (exchange.field("code").unwrap(), exchange.field("code_verifier").unwrap());
    same(
        &exchange.form(),
        &[
            ("client_id", CLIENT),
            ("client_secret", SECRET),
            ("code", &code),
            ("code_verifier", &verifier),
            ("grant_type", "authorization_code"),
            ("redirect_uri", CALLBACK),
        ],
    );
    assert_eq!(exchange.header("authorization"), None);
    let token = done.session.provider_refresh_token().unwrap();
    let own = [("client_id", CLIENT), ("client_secret", SECRET)];
    same(&refresh.form(), &[own[0], own[1], ("grant_type", "refresh_token"), ("refresh_token", token)]);
    let revoked = app.vendor.take("POST https://oauth2.googleapis.com/revoke");
    same(&revoked[0].form(), &[own[0], own[1], ("token", token), ("token_type_hint", "refresh_token")]);
    assert_eq!(
        app.vendor.take("GET https://openidconnect.googleapis.com/v1/userinfo").len(),
        1,
        "asked by profile() only"
    );
}

#[test]
fn google_is_asked_for_a_refresh_token_unless_the_call_says_otherwise() {
    let app = app(ISSUER);
    let url = |options: LoginOptions| {
        let login = app.keyfob.begin_login(ID, options.redirect_port(PORT)).unwrap();
        let value = |name| parameter(login.authorization_url(), name).unwrap();
        (value("access_type"), value("prompt"), value("scope"))
    };
    let all = |access_type: &str, prompt: &str| {
        (access_type.to_owned(), prompt.to_owned(), "openid profile email".to_owned())
    };
    assert_eq!(url(LoginOptions::new()), all("offline", "consent"));
    assert_eq!(url(LoginOptions::new().parameter("prompt", "select_account")), all("offline", "select_account"));
    assert_eq!(url(LoginOptions::new().parameter("access_type", "online")), all("online", "consent"));
}

#[test]
fn google_s_two_issuers_are_one_and_a_third_is_none() {
    let other = app("accounts.google.com");
    let session = other.log_in().unwrap();
    // The two may even change in the life of one session.
    other.vendor.claim("iss", json!(ISSUER));
    assert_eq!(other.keyfob.refresh_session(session.id()).unwrap().id(), session.id());
    assert_eq!(other.log_in().unwrap().id(), session.id(), "and it is the same user's session");
    for third in
        ["https://accounts.google.com.evil.example", "https://accounts.google.com/", "http://accounts.google.com", ""]
    {
        let app = app(third);
        assert_eq!(app.log_in().unwrap_err().reason(), Reason::IdTokenIssuer, "{third}");
        assert!(app.keyfob.sessions().unwrap().is_empty());
    }
}

#[test]
fn metadata_in_another_name_than_google_s_is_refused_before_anybody_is_sent_there() {
    let app = app(ISSUER);
    app.vendor.metadata("issuer", json!("https://accounts.google.com.evil.example"));
    let error = app.keyfob.begin_login(ID, LoginOptions::new().redirect_port(PORT)).unwrap_err();
    assert_eq!(error.reason(), Reason::DiscoveryIssuerMismatch);
    app.vendor.metadata("issuer", json!(ISSUER));
    assert!(app.keyfob.begin_login(ID, LoginOptions::new().redirect_port(PORT)).is_ok());
}
