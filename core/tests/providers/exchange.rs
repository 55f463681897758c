//! Providers without refresh tokens, where the access token itself is traded for the next one (Facebook, Instagram, Threads).

use std::sync::Arc;

use keyfob::{ErrorKind, MinValidity, Provider, Reason};
use serde_json::{Value, json};

use crate::bench::{CLIENT, SECRET, begin, open, redirect, registration, same};
use crate::scripted::Scripted;

const TOKEN: &str = "POST https://acme.example/token";
const ME: &str = "GET https://acme.example/me";

fn acme(exchange: &Value) -> Provider {
    let text = json!({
        "id": "acme", "kind": "oauth2", "client_auth": ["post"], "profile": { "uid": "/id" },
        "refresh": { "exchange": exchange },
        "endpoints": { "authorization": "https://acme.example/authorize", "token": "https://acme.example/token",
                       "userinfo": "https://acme.example/me" }
    });
    Provider::from_json(&text.to_string()).unwrap()
}

#[test]
fn the_access_token_is_traded_for_the_next_one_while_it_is_good() {
    let exchange = json!({ "grant_type": "fb_exchange_token", "parameter": "fb_exchange_token", "method": "GET",
                           "url": "https://graph.acme.example/access_token" });
    let scripted = Arc::new(Scripted::default());
    let registration = registration("acme").client_secret(SECRET);
    let (keyfob, _temp) = open(registration, Some(acme(&exchange)), scripted.clone());
    let login = begin(&keyfob);
    let first = json!({ "access_token": "first", "token_type": "bearer", "expires_in": 3600 });
    scripted.on(TOKEN, 200, &first).on(ME, 200, &json!({ "id": 7 }));
    let session = keyfob.complete_login(&redirect(&login, "c-1")).unwrap().into_session();
    assert_eq!(session.provider_refresh_token(), None);
    scripted.take();

    let url = format!(
        "https://graph.acme.example/access_token?grant_type=fb_exchange_token&fb_exchange_token=first\
         &client_id={CLIENT}&client_secret={}",
        SECRET.replace('&', "%26").replace('+', "%2B")
    );
    let next = json!({ "access_token": "second", "token_type": "bearer", "expires_in": 5_183_944 });
    scripted.on(&format!("GET {url}"), 200, &next);
    assert_eq!(keyfob.refresh_session(session.id()).unwrap().provider_access_token(), "second");
    assert_eq!(keyfob.access_token(session.id(), MinValidity::secs(60)).unwrap().secret(), "second");
    let asked = scripted.take();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].header("content-type").is_none(), "a GET has no body");
}

#[test]
fn where_the_file_names_no_place_it_goes_to_the_token_endpoint_and_a_dead_one_ends_the_session() {
    let exchange = json!({ "grant_type": "th_refresh_token", "parameter": "access_token" });
    let scripted = Arc::new(Scripted::default());
    let (keyfob, _temp) = open(registration("acme"), Some(acme(&exchange)), scripted.clone());
    let login = begin(&keyfob);
    let first = json!({ "access_token": "first", "token_type": "bearer", "expires_in": 3600 });
    scripted.on(TOKEN, 200, &first).on(ME, 200, &json!({ "id": 7 }));
    let session = keyfob.complete_login(&redirect(&login, "c-1")).unwrap().into_session();
    scripted.take();
    scripted.on(TOKEN, 400, &json!({ "error": "invalid_grant" }));
    let error = keyfob.refresh_session(session.id()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::LoginRequired, Reason::Revoked));
    same(
        &scripted.take()[0].form(),
        &[("access_token", "first"), ("client_id", CLIENT), ("grant_type", "th_refresh_token")],
    );
}
