//! Keycloak: an address and a realm of one's own, and the issuer in every redirect.

use std::sync::Arc;

use keyfob::{Keyfob, Reason, Registration, Revocation};
use keyfob_idp::ClientAuth;
use serde_json::json;

use crate::bench::{LOOPBACK, SECRET, basic, begin, open, registration};
use crate::scripted::Scripted;
use crate::vendor::{App, Vendor, metadata};

const ISSUER: &str = "https://sso.example/auth/realms/notes";

fn at(path: &str) -> String {
    format!("{ISSUER}/protocol/openid-connect/{path}")
}

fn keycloak() -> Arc<Vendor> {
    let metadata = metadata(
        ISSUER,
        &[
            ("authorization_endpoint", &at("auth")),
            ("token_endpoint", &at("token")),
            ("userinfo_endpoint", &at("userinfo")),
            ("revocation_endpoint", &at("revoke")),
            ("end_session_endpoint", &at("logout")),
            ("jwks_uri", &at("certs")),
        ],
    );
    let keycloak = Vendor::new(&format!("{ISSUER}/.well-known/openid-configuration"), metadata, ISSUER);
    keycloak.metadata("code_challenge_methods_supported", json!(["plain", "S256"]));
    keycloak.metadata("authorization_response_iss_parameter_supported", json!(true));
    keycloak.client(ClientAuth::Basic, LOOPBACK);
    keycloak.script(|script| {
        script.tamper.redirect.remove.clear();
        script.tamper.redirect.set.insert("iss".to_owned(), json!(ISSUER));
    });
    keycloak
}

fn with(base_url: &str, realm: &str) -> Registration {
    registration("keycloak").client_secret(SECRET).variable("base_url", base_url).variable("realm", realm)
}

#[test]
fn the_whole_way_with_keycloak() {
    let app = App::new(keycloak(), with("https://sso.example/auth", "notes"));
    let done = app.journey();
    assert_eq!((done.session.provider(), done.session.provider_uid()), ("keycloak", "u-1"));
    assert_eq!((done.profile.email(), done.profile.email_verified()), (Some("ada@example.com"), true));
    assert_ne!(done.refreshed.provider_refresh_token(), done.session.provider_refresh_token());
    assert!(matches!(done.ended.revocation(), Revocation::Done), "{:?}", done.ended);
    let logout = url::Url::parse(done.ended.logout_url().unwrap()).unwrap();
    assert!(logout.as_str().starts_with(&at("logout?id_token_hint=")));
    let parameters: Vec<_> = logout.query_pairs().skip(1).collect();
    assert_eq!(parameters[0], ("client_id".into(), "notes".into()));
    assert_eq!(parameters[1], ("post_logout_redirect_uri".into(), "https://notes.example/bye".into()));
    for asked in app.vendor.take(&format!("POST {}", at("token"))) {
        assert_eq!(asked.header("authorization"), Some(basic().as_str()));
        assert_eq!(asked.field("client_secret"), None);
    }
}

#[test]
fn keycloak_s_redirects_name_the_realm_or_are_not_believed() {
    let app = App::new(keycloak(), with("https://sso.example/auth", "notes"));
    let login = begin(&app.keyfob);
    let redirect = app.vendor.log_in(&login);
    for (iss, reason) in [
        ("", Reason::IssuerMissing),
        ("https://sso.example/auth/realms/other", Reason::IssuerMismatch),
        ("https://sso.example/auth/realms/notes/", Reason::IssuerMismatch),
    ] {
        let mut url = url::Url::parse(&redirect).unwrap();
        let kept: Vec<_> = url.query_pairs().into_owned().filter(|(name, _)| name != "iss").collect();
        url.query_pairs_mut().clear().extend_pairs(kept).append_pair("iss", iss);
        assert_eq!(app.keyfob.complete_login(url.as_str()).unwrap_err().reason(), reason, "{iss}");
    }
    app.keyfob.complete_login(&redirect).unwrap();
}

#[test]
fn a_realm_has_a_default_and_an_address_has_none() {
    let silent = Arc::new(Scripted::default());
    let (keyfob, _temp) =
        open(registration("keycloak").variable("base_url", "https://sso.example"), None, silent.clone());
    keyfob.begin_login("login", keyfob::LoginOptions::new()).unwrap_err();
    assert_eq!(silent.take()[0].line, "GET https://sso.example/realms/master/.well-known/openid-configuration");
    let temp = crate::support::Temp::new();
    let config = keyfob::Config::builder(temp.store()).plaintext(true).registration(registration("keycloak"));
    let error = Keyfob::open(config.build().unwrap()).unwrap_err();
    assert_eq!((error.reason(), error.detail()), (Reason::InvalidVariable, Some("variables.base_url is missing")));
}
