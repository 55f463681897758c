//! Any OpenID provider, by its issuer alone.

use keyfob::{Reason, Revocation};
use serde_json::json;

use crate::bench::{CLIENT, registration, same};
use crate::vendor::{App, Vendor, metadata};

const ISSUER: &str = "https://login.example.com/tenant";

fn app(issuer_in_tokens: &str) -> App {
    let metadata = metadata(
        ISSUER,
        &[
            ("authorization_endpoint", "https://login.example.com/a"),
            ("token_endpoint", "https://tokens.example.com/t"),
            ("userinfo_endpoint", "https://login.example.com/u"),
            ("revocation_endpoint", "https://login.example.com/r"),
            ("end_session_endpoint", "https://login.example.com/l"),
            ("jwks_uri", "https://keys.example.com/k"),
        ],
    );
    let vendor =
        Vendor::new("https://login.example.com/tenant/.well-known/openid-configuration", metadata, issuer_in_tokens);
    App::new(vendor, registration("oidc").variable("issuer", ISSUER))
}

#[test]
fn the_whole_way_with_a_public_client_of_any_provider() {
    let app = app(ISSUER);
    let done = app.journey();
    assert_eq!((done.session.provider(), done.profile.email_verified()), ("oidc", true));
    assert!(matches!(done.ended.revocation(), Revocation::Done), "{:?}", done.ended);
    assert!(done.ended.logout_url().unwrap().starts_with("https://login.example.com/l?id_token_hint="));
    let [_, refresh] = <[_; 2]>::try_from(app.vendor.take("POST https://tokens.example.com/t")).unwrap();
    let token = done.session.provider_refresh_token().unwrap();
    same(&refresh.form(), &[("client_id", CLIENT), ("grant_type", "refresh_token"), ("refresh_token", token)]);
    assert_eq!(refresh.header("authorization"), None);
}

#[test]
fn a_token_in_another_name_is_refused() {
    for other in ["https://login.example.com/tenant/", "https://login.example.com", "https://LOGIN.example.com/tenant"]
    {
        assert_eq!(app(other).log_in().unwrap_err().reason(), Reason::IdTokenIssuer, "{other}");
    }
    let app = app(ISSUER);
    let session = app.log_in().unwrap();
    app.vendor.claim("iss", json!("https://login.example.com"));
    assert_eq!(app.keyfob.refresh_session(session.id()).unwrap_err().reason(), Reason::IdentityMismatch);
}
