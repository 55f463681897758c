//! Pushed authorization requests (RFC 9126).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "tests")]

mod common;

use common::{App, Got, REDIRECT, form, parameter};
use keyfob_idp::{ClientAuth, Endpoint, Fault, Idp, Registration, Script, browser};

fn start(change: impl FnOnce(&mut Script)) -> (Idp, App) {
    let mut script = Script::default();
    change(&mut script);
    let idp = Idp::start(script).unwrap();
    let app = App::new(&idp);
    (idp, app)
}

/// The parameters of the URL that would be opened otherwise.
fn request(app: &App) -> Vec<(String, String)> {
    let url = app.authorization_url("openid");
    let (_, query) = url.split_once('?').unwrap();
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn url(idp: &Idp, client_id: &str, pushed: &Got) -> String {
    let body = pushed.json();
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", client_id)
        .append_pair("request_uri", body["request_uri"].as_str().unwrap())
        .finish();
    format!("{}/authorize?{query}", idp.issuer())
}

#[test]
fn a_pushed_request_is_a_login_like_any_other() {
    let (idp, app) = start(|_| {});
    let pushed = app.post("/par", &request(&app));
    assert_eq!((pushed.status, pushed.header("cache-control").as_deref()), (201, Some("no-store")));
    let body = pushed.json();
    assert!(body["request_uri"].as_str().unwrap().starts_with("urn:ietf:params:oauth:request_uri:"));
    assert_eq!(body["expires_in"], 60);
    let redirect = browser::log_in(&url(&idp, "demo", &pushed), "ada", "lovelace").unwrap();
    assert!(redirect.starts_with(REDIRECT));
    assert_eq!(parameter(&redirect, "state").as_deref(), Some("the-state"));
    assert_eq!(app.exchange(&redirect).status, 200);
    assert_eq!(idp.requests()[0].endpoint, Some(Endpoint::PushedAuthorizationRequest));
}

#[test]
fn its_name_works_once_for_its_own_client_and_for_its_time() {
    let (idp, app) = start(|script| script.registrations.push(Registration::new("other", REDIRECT)));
    let pushed = app.post("/par", &request(&app));
    let page = |client: &str| app.get(&url(&idp, client, &pushed)).status;
    assert_eq!(page("other"), 400);
    assert_eq!(page(""), 400);
    assert_eq!(page("demo"), 200);
    assert_eq!(page("demo"), 400, "it was used");
    let mut script = idp.script();
    script.pushed.request_seconds = 0.0;
    idp.set_script(script).unwrap();
    let pushed = app.post("/par", &request(&app));
    assert_eq!(app.get(&url(&idp, "demo", &pushed)).status, 400, "it is over");
    assert_eq!(app.get_path("/authorize?client_id=demo&request_uri=urn%3Ax").status, 400);
}

#[test]
fn what_the_browser_adds_does_not_count() {
    let (idp, app) = start(|_| {});
    let pushed = app.post("/par", &request(&app));
    let url = format!("{}&state=other&redirect_uri=https%3A%2F%2Fevil.example", url(&idp, "demo", &pushed));
    let redirect = browser::log_in(&url, "ada", "lovelace").unwrap();
    assert!(redirect.starts_with(REDIRECT));
    assert_eq!(parameter(&redirect, "state").as_deref(), Some("the-state"));
}

#[test]
fn where_it_is_required_the_metadata_says_so_and_no_other_request_is_taken() {
    let (idp, app) = start(|script| script.pushed.required = true);
    let metadata = app.get_path("/.well-known/openid-configuration").json();
    assert_eq!(metadata["require_pushed_authorization_requests"], true);
    assert_eq!(metadata["pushed_authorization_request_endpoint"], format!("{}/par", idp.issuer()));
    assert_eq!(app.open_page("openid").status, 400);
    let pushed = app.post("/par", &request(&app));
    browser::log_in(&url(&idp, "demo", &pushed), "ada", "lovelace").unwrap();
    let (_idp, app) = start(|_| {});
    let metadata = app.get_path("/.well-known/openid-configuration").json();
    assert_eq!(metadata["require_pushed_authorization_requests"], false);
}

#[test]
fn a_request_that_is_wrong_is_refused_when_it_is_pushed() {
    let (_idp, app) = start(|_| {});
    let with = |name: &str, value: Option<&str>| {
        let mut request = request(&app);
        request.retain(|(key, _)| key != name);
        request.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        let got = app.post("/par", &request);
        (got.status, got.json()["error"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(with("login_hint", Some("ada")).0, 201);
    for (name, value, code) in [
        ("redirect_uri", Some("https://evil.example"), "invalid_request"),
        ("redirect_uri", None, "invalid_request"),
        ("response_type", Some("token"), "unsupported_response_type"),
        ("code_challenge", None, "invalid_request"),
        ("code_challenge_method", Some("plain"), "invalid_request"),
        ("response_mode", Some("fragment"), "invalid_request"),
        ("request_uri", Some("urn:x"), "invalid_request"),
    ] {
        assert_eq!(with(name, value), (400, code.to_owned()), "{name}");
    }
    assert_eq!(with("client_id", Some("nobody")), (401, "invalid_client".to_owned()));
    let twice = [request(&app), form(&[("state", "again")])].concat();
    assert_eq!(app.post("/par", &twice).json()["error"], "invalid_request");
}

#[test]
fn a_client_proves_itself_here_too_and_its_proof_goes_no_further() {
    let (idp, _) = start(|script| {
        script.registrations.push(Registration::new("conf", REDIRECT).secret(ClientAuth::Post, "s"));
    });
    let app = App::client(&idp, "conf");
    assert_eq!(app.post("/par", &request(&app)).json()["error"], "invalid_client");
    let pushed = app.post("/par", &[request(&app), form(&[("client_secret", "s")])].concat());
    let page = app.get(&url(&idp, "conf", &pushed));
    assert!(page.status == 200 && !page.body.contains("client_secret"));
}

#[test]
fn a_fault_hits_the_endpoint_by_its_name() {
    let (_idp, app) = start(|script| {
        script.faults = vec![Fault::on(Endpoint::PushedAuthorizationRequest).nth(1).status(503)];
    });
    let statuses = [1, 2].map(|_| app.post("/par", &request(&app)).status);
    assert_eq!(statuses, [503, 201]);
    let text =
        r#"{ "faults": [{ "endpoint": "pushed_authorization_request", "nth": 1 }], "pushed": { "required": true } }"#;
    assert!(Script::from_json(text).is_ok());
    let error = Script::from_json(r#"{ "pushed": { "request_seconds": -1 } }"#).unwrap_err();
    assert_eq!(error.key, "pushed.request_seconds");
}
