//! Microsoft: one endpoint for all tenants, and tokens in the name of each.

use std::sync::Arc;

use keyfob::{Freshness, Reason, Registration, Revocation};
use keyfob_idp::Rotation;
use serde_json::{Value, json};

use crate::bench::registration;
use crate::support::tamper;
use crate::vendor::{App, Vendor, metadata};

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const OTHER: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const SCOPES: &str = "openid profile email offline_access";

fn issuer(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/v2.0")
}

/// `tenant` is in the URLs, `named` in the metadata. Tokens are of `TENANT`.
fn microsoft(tenant: &str, named: &str) -> Arc<Vendor> {
    let at = |path: &str| format!("https://login.microsoftonline.com/{tenant}/{path}");
    let metadata = metadata(
        &issuer(named),
        &[
            ("authorization_endpoint", &at("oauth2/v2.0/authorize")),
            ("token_endpoint", &at("oauth2/v2.0/token")),
            ("userinfo_endpoint", "https://graph.microsoft.com/oidc/userinfo"),
            ("end_session_endpoint", &at("oauth2/v2.0/logout")),
            ("jwks_uri", &at("discovery/v2.0/keys")),
        ],
    );
    let microsoft = Vendor::new(&at("v2.0/.well-known/openid-configuration"), metadata, &issuer(TENANT));
    microsoft.claim("tid", json!(TENANT));
    microsoft.script(|script| script.tokens.rotation = Rotation::SingleUse);
    microsoft
}

fn app(tenant: &str, named: &str) -> App {
    let mut registration: Registration = registration("microsoft");
    if tenant != "common" {
        registration = registration.variable("tenant", tenant);
    }
    App::new(microsoft(tenant, named), registration)
}

#[test]
fn the_whole_way_with_microsoft() {
    let app = app("common", "{tenantid}");
    // As Microsoft does: offline_access is granted and not named.
    app.vendor.script(|script| script.tamper.token = tamper(json!({ "set": { "scope": "openid profile email" } })));
    let done = app.journey();
    assert_eq!((done.session.provider(), done.session.provider_uid()), ("microsoft", "u-1"));
    assert_eq!(done.profile.email(), Some("ada@example.com"));
    assert!(done.profile.raw_json().contains("email_verified"), "somebody said so");
    for profile in [&done.profile, done.session.profile()] {
        assert!(!profile.email_verified(), "an administrator can choose the address");
    }
    let url = "https://login.microsoftonline.com/common/oauth2/v2.0/";
    let [exchange, refresh] = <[_; 2]>::try_from(app.vendor.take(&format!("POST {url}token"))).unwrap();
    assert_eq!(exchange.field("scope"), None);
    let mut sent: Vec<String> = refresh.field("scope").unwrap().split(' ').map(str::to_owned).collect();
    let mut asked_for: Vec<&str> = SCOPES.split(' ').collect();
    sent.sort();
    asked_for.sort_unstable();
    assert_eq!(sent, asked_for, "without offline_access there may be no next refresh token");

    assert!(matches!(done.ended.revocation(), Revocation::NotSupported), "{:?}", done.ended);
    let logout = done.ended.logout_url().unwrap();
    assert!(logout.starts_with(&format!("{url}logout?id_token_hint=")), "{logout}");
    assert!(logout.contains("post_logout_redirect_uri=https%3A%2F%2Fnotes.example%2Fbye"));
}

#[test]
fn a_refresh_asks_for_no_more_than_the_login_did() {
    let vendor = microsoft("common", "{tenantid}");
    let app = App::new(vendor, registration("microsoft").scope("openid").scope("User.Read"));
    let session = app.log_in().unwrap();
    app.keyfob.refresh_session(session.id()).unwrap();
    let asked = app.vendor.take("POST https://login.microsoftonline.com/common/oauth2/v2.0/token");
    assert_eq!(asked[1].field("scope").unwrap(), "openid User.Read");
}

#[test]
fn a_token_has_to_be_of_the_tenant_that_it_names() {
    for (name, iss, tid) in [
        ("another tenant's number", issuer(TENANT), json!(OTHER)),
        ("no number", issuer(TENANT), Value::Null),
        ("a number that is none", issuer(TENANT), json!(7)),
        ("another tenant's name", issuer(OTHER), json!(TENANT)),
        ("the placeholder itself", issuer("{tenantid}"), json!(TENANT)),
        ("everybody's name", issuer("common"), json!(TENANT)),
        ("another host", format!("https://login.evil.example/{TENANT}/v2.0"), json!(TENANT)),
        ("the old endpoint's", format!("https://sts.windows.net/{TENANT}/"), json!(TENANT)),
    ] {
        let app = app("common", "{tenantid}");
        app.vendor.claim("iss", json!(iss));
        app.vendor.claim("tid", tid);
        assert_eq!(app.log_in().unwrap_err().reason(), Reason::IdTokenIssuer, "{name}");
    }
}

#[test]
fn an_app_of_one_tenant_takes_no_other_tenant_s_tokens() {
    for (tenant, named) in [(TENANT, TENANT), ("contoso.example", TENANT)] {
        let app = app(tenant, named);
        app.log_in().unwrap();
        app.vendor.claim("iss", json!(issuer(OTHER)));
        app.vendor.claim("tid", json!(OTHER));
        assert_eq!(app.log_in().unwrap_err().reason(), Reason::IdTokenIssuer, "{tenant}");
    }
}

#[test]
fn without_an_address_the_name_to_sign_in_with_is_shown() {
    let app = app("common", "{tenantid}");
    app.vendor.script(|script| {
        script.users[0].claims.remove("email");
        script.users[0].claims.insert("preferred_username".to_owned(), json!("ada@contoso.example"));
    });
    let session = app.log_in().unwrap();
    let profile = app.keyfob.profile(session.id(), Freshness::secs(0)).unwrap();
    assert_eq!((profile.email(), profile.email_verified()), (Some("ada@contoso.example"), false));
}
