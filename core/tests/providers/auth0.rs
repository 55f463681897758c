//! Auth0: an issuer that ends in a slash, a logout page that its metadata does not name.

use std::sync::Arc;

use keyfob::{Reason, Revocation, SessionState};
use keyfob_idp::{ClientAuth, Endpoint, Fault};
use serde_json::json;

use crate::bench::{LOOPBACK, SECRET, begin, registration};
use crate::support::parameter;
use crate::vendor::{App, Vendor, metadata};

const ISSUER: &str = "https://acme.eu.auth0.com/";

fn auth0(issuer_in_tokens: &str) -> Arc<Vendor> {
    let metadata = metadata(
        ISSUER,
        &[
            ("authorization_endpoint", "https://acme.eu.auth0.com/authorize"),
            ("token_endpoint", "https://acme.eu.auth0.com/oauth/token"),
            ("userinfo_endpoint", "https://acme.eu.auth0.com/userinfo"),
            ("revocation_endpoint", "https://acme.eu.auth0.com/oauth/revoke"),
            ("jwks_uri", "https://acme.eu.auth0.com/.well-known/jwks.json"),
        ],
    );
    let auth0 = Vendor::new("https://acme.eu.auth0.com/.well-known/openid-configuration", metadata, issuer_in_tokens);
    auth0.client(ClientAuth::Post, LOOPBACK);
    auth0
}

fn app(issuer_in_tokens: &str) -> App {
    let registration = registration("auth0").client_secret(SECRET).variable("domain", "acme.eu.auth0.com");
    App::new(auth0(issuer_in_tokens), registration)
}

#[test]
fn the_whole_way_with_auth0() {
    let app = app(ISSUER);
    assert_eq!(
        parameter(begin(&app.keyfob).authorization_url(), "scope").unwrap(),
        "openid profile email offline_access"
    );
    let done = app.journey();
    assert_eq!((done.session.provider(), done.profile.email_verified()), ("auth0", true));
    assert!(matches!(done.ended.revocation(), Revocation::Done), "{:?}", done.ended);
    let logout = done.ended.logout_url().unwrap();
    assert!(logout.starts_with("https://acme.eu.auth0.com/oidc/logout?id_token_hint="), "{logout}");
    let revoked = app.vendor.take("POST https://acme.eu.auth0.com/oauth/revoke");
    assert_eq!(revoked[0].field("token").as_deref(), done.refreshed.provider_refresh_token());
    assert_eq!(revoked[0].field("client_secret").as_deref(), Some(SECRET));
}

#[test]
fn the_slash_belongs_to_auth0_s_issuer() {
    assert_eq!(app("https://acme.eu.auth0.com").log_in().unwrap_err().reason(), Reason::IdTokenIssuer);
    let app = app(ISSUER);
    app.vendor.metadata("issuer", json!("https://acme.eu.auth0.com"));
    let options = keyfob::LoginOptions::new();
    assert_eq!(app.keyfob.begin_login("login", options).unwrap_err().reason(), Reason::DiscoveryIssuerMismatch);
}

#[test]
fn auth0_s_403_for_a_dead_refresh_token_ends_the_session() {
    let app = app(ISSUER);
    let session = app.log_in().unwrap();
    app.vendor.script(|script| {
        let body = json!({ "error": "invalid_grant", "error_description": "Unknown or invalid refresh token." });
        let mut fault = Fault::on(Endpoint::Token).grant_type("refresh_token").status(403);
        fault.body = Some(body);
        script.faults = vec![fault];
    });
    assert_eq!(app.keyfob.refresh_session(session.id()).unwrap_err().reason(), Reason::Revoked);
    assert_eq!(app.keyfob.session(session.id()).unwrap().state(), SessionState::Ended(Reason::Revoked));
}
