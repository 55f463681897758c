//! Scripts, clients, the program and its own paths.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "tests")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use common::{App, Got, REDIRECT, form, parameter};
use keyfob_idp::{ClientAuth, Close, Endpoint, Fault, Idp, LoggedRequest, Registration, Script, browser};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_keyfob-idp");

#[test]
fn a_wrong_script_is_refused_by_the_name_of_its_key() {
    let demo = json!({ "client_id": "demo", "redirect_uris": [REDIRECT] });
    for (script, key) in [
        (json!({ "users": [{ "username": "ada", "password": "x", "claims": {}, "age": 36 }] }), "users[0].age"),
        (json!({ "users": [{ "username": "ada", "password": "x", "claims": {} }] }), "users[0].claims"),
        (json!({ "tokens": { "grace": 1 } }), "tokens.grace"),
        (json!({ "tokens": { "grace_seconds": -1 } }), "tokens.grace_seconds"),
        (json!({ "tokens": { "in_grace": "both" } }), "tokens.in_grace"),
        (json!({ "algorithms": ["RS256", "HS256"] }), "algorithms[1]"),
        (json!({ "algorithms": [] }), "algorithms"),
        (json!({ "faults": [{ "endpoint": "token", "nth": 0 }] }), "faults[0].nth"),
        (json!({ "faults": [{ "endpoint": "token", "headers": { "a b": "c" } }] }), "faults[0].headers.a b"),
        (json!({ "tamper": { "userinfo": { "on": "login" } } }), "tamper.userinfo.on"),
        (json!({ "tls": { "certificate": "bad" } }), "tls.certificate"),
        (json!({ "registrations": [demo, demo] }), "registrations[1].client_id"),
        (
            json!({ "registrations": [{ "client_id": "a", "client_auth": "basic", "redirect_uris": [] }] }),
            "registrations[0].client_secret",
        ),
        (
            json!({ "registrations": [{ "client_id": "a", "redirect_uris": ["/callback"] }] }),
            "registrations[0].redirect_uris[0]",
        ),
    ] {
        let error = Script::from_json(&script.to_string()).unwrap_err();
        assert_eq!(error.key, key, "{error}");
        assert!(error.to_string().contains(key));
    }
    Script::from_json("{").unwrap_err();
    Script::from_json("{} {}").unwrap_err();
}

#[test]
fn a_script_survives_being_written_and_read() {
    let text = serde_json::to_string(&Script::default()).unwrap();
    let again = Script::from_json(&text).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), text);
    assert_eq!(serde_json::to_string(&Script::from_json("{}").unwrap()).unwrap(), text);
}

#[test]
fn the_readme_names_every_key_and_its_script_is_valid() {
    let readme = include_str!("../README.md");
    let example = readme.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let mut script = Script::from_json(example).unwrap();
    script.tokens.grant_scopes = Some(Vec::new());
    let fault = Fault::on(Endpoint::Token).nth(1).grant_type("x").process(true).status(200).body("x");
    script.faults = vec![fault.close(Close::MidBody)];
    let mut keys = Vec::new();
    collect_keys(&serde_json::to_value(&script).unwrap(), &mut keys);
    assert!(keys.len() > 50, "{keys:?}");
    for key in keys.iter().filter(|key| !["sub", "email", "email_verified", "nonce"].contains(&key.as_str())) {
        assert!(readme.contains(&format!("`{key}`")), "{key}");
    }
}

#[test]
fn the_readmes_c_starts_the_program() {
    let code = include_str!("../README.md").split("```c\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = std::env::temp_dir().join(format!("keyfob-idp-c-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let (source, program) = (folder.join("start.c"), folder.join("start"));
    fs::write(&source, code).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-Wall", "-Wextra", "-Werror", "-o"]).args([&program, &source]);
    let compiled = compiler.status().unwrap().success();
    // The snippet looks for keyfob-idp where everything is looked for.
    let path = std::path::Path::new(PROGRAM).parent().unwrap();
    let said = Command::new(&program).env("PATH", path).stdin(Stdio::null()).output();
    fs::remove_dir_all(&folder).unwrap();
    assert!(compiled);
    let said = String::from_utf8(said.unwrap().stdout).unwrap();
    assert!(said.starts_with("the issuer is http://127.0.0.1:"), "{said}");
}

fn collect_keys(value: &Value, into: &mut Vec<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        into.push(key.clone());
        collect_keys(value, into);
    }
    value.as_array().into_iter().flatten().for_each(|value| collect_keys(value, into));
}

#[test]
fn a_client_proves_itself_in_its_own_way_only() {
    let mut script = Script::default();
    script.registrations.push(Registration::new("by-header", REDIRECT).secret(ClientAuth::Basic, "p%s:w"));
    script.registrations.push(Registration::new("by-form", REDIRECT).secret(ClientAuth::Post, "secret"));
    let idp = Idp::start(script).unwrap();
    let basic = |id: &str, secret: &str| format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")));
    let right = basic("by-header", "p%25s%3Aw");
    for (client, header, secret, status, error) in [
        ("demo", None, None, 200, None),
        ("demo", None, Some("secret"), 401, Some("invalid_client")),
        ("by-header", Some(right.clone()), None, 200, None),
        ("by-header", Some(basic("by-header", "wrong")), None, 401, Some("invalid_client")),
        ("by-header", Some(basic("by-form", "secret")), None, 401, Some("invalid_client")),
        ("by-header", None, Some("p%s:w"), 401, Some("invalid_client")),
        ("by-header", Some(right), Some("p%s:w"), 400, Some("invalid_request")),
        ("by-header", None, None, 401, Some("invalid_client")),
        ("by-form", None, Some("secret"), 200, None),
        ("by-form", Some(basic("by-form", "secret")), None, 401, Some("invalid_client")),
        ("nobody", None, None, 401, Some("invalid_client")),
    ] {
        let known = if client == "nobody" { "demo" } else { client };
        let code = parameter(&App::client(&idp, known).log_in("openid"), "code").unwrap();
        let app = App::client(&idp, client);
        let mut form = app.exchange_form(&code);
        form.extend(secret.map(|secret| ("client_secret".to_owned(), secret.to_owned())));
        let headers: Vec<(&str, &str)> = header.iter().map(|value| ("authorization", value.as_str())).collect();
        let answer = app.post_with("/token", &form, &headers);
        let case = format!("{client} {header:?} {secret:?}: {answer:?}");
        assert_eq!((answer.status, answer.json()["error"].as_str()), (status, error), "{case}");
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401, "{case}");
    }
}

#[test]
fn tokens_belong_to_their_client() {
    let mut script = Script::default();
    script.registrations.push(Registration::new("other", REDIRECT));
    let idp = Idp::start(script).unwrap();
    let (app, other) = (App::new(&idp), App::client(&idp, "other"));
    let code = parameter(&app.log_in("openid"), "code").unwrap();
    assert_eq!(other.post("/token", &other.exchange_form(&code)).json()["error"], "invalid_grant");
    let tokens = app.exchange(&app.log_in("openid")).json();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(other.refresh(refresh).json()["error"], "invalid_grant");
    let revoked = other.post("/revoke", &form(&[("client_id", "other"), ("token", refresh)]));
    assert_eq!(revoked.status, 400);
    assert_eq!(app.refresh(refresh).status, 200, "another client's attempts cost nothing");
}

#[test]
fn userinfo_is_not_sent_twice_to_one_who_knows_it() {
    let idp = Idp::start(Script::default()).unwrap();
    let app = App::new(&idp);
    let tokens = app.exchange(&app.log_in("openid email")).json();
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let url = format!("{}/userinfo", idp.issuer());
    let tag = app.get_with(&url, &[("authorization", &bearer)]).header("etag").unwrap();
    let second = app.get_with(&url, &[("authorization", &bearer), ("if-none-match", &tag)]);
    assert_eq!((second.status, second.body.as_str()), (304, ""));
}

#[test]
fn documents_are_not_sent_twice_to_one_who_knows_them_where_the_script_says_so() {
    for tagged in [true, false] {
        let mut script = Script::default();
        script.document_etag = tagged;
        let idp = Idp::start(script.clone()).unwrap();
        let app = App::new(&idp);
        for path in ["/.well-known/openid-configuration", "/jwks"] {
            let url = format!("{}{path}", idp.issuer());
            let Some(tag) = app.get(&url).header("etag").filter(|_| tagged) else {
                assert!(!tagged && app.get(&url).header("etag").is_none(), "{path}");
                continue;
            };
            let second = app.get_with(&url, &[("if-none-match", &tag)]);
            assert_eq!((second.status, second.body.as_str()), (304, ""));
            // Another document has another.
            let mut other = script.clone();
            other.keys.generation += 1;
            other.tamper.discovery.set.insert("x".to_owned(), "y".into());
            idp.set_script(other).unwrap();
            assert_eq!(app.get_with(&url, &[("if-none-match", &tag)]).status, 200, "{path}");
            idp.set_script(script.clone()).unwrap();
        }
    }
}

#[test]
fn userinfo_says_what_is_wrong_with_the_token() {
    let mut script = Script::default();
    script.tokens.access_token_seconds = 0.0;
    let idp = Idp::start(script).unwrap();
    let app = App::new(&idp);
    let challenge = |query: &str, authorization: Option<&str>| {
        let headers: Vec<(&str, &str)> = authorization.iter().map(|value| ("authorization", *value)).collect();
        let answer = app.get_with(&format!("{}/userinfo{query}", idp.issuer()), &headers);
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer realm=\"keyfob-idp\""), "{challenge}");
        let error = challenge.split_once("error=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(code, _)| code);
        assert_eq!(error, serde_json::from_str::<Value>(&answer.body).unwrap_or_default()["error"].as_str());
        (answer.status, error.map(str::to_owned), challenge)
    };
    let bare = (401, None, "Bearer realm=\"keyfob-idp\"".to_owned());
    assert_eq!(challenge("", None), bare, "who shows no token is told no error");
    assert_eq!(challenge("", Some("Basic ZGVtbzp4")), bare);

    let login = || app.exchange(&app.log_in("openid")).json()["access_token"].as_str().unwrap().to_owned();
    let (over, revoked) = (login(), login());
    app.post("/revoke", &form(&[("client_id", "demo"), ("token", &revoked)]));
    for (token, why) in [(over.as_str(), "over"), (&revoked, "revoked"), ("at-unknown", "not known")] {
        let (status, error, challenge) = challenge("", Some(&format!("Bearer {token}")));
        assert_eq!((status, error.as_deref()), (401, Some("invalid_token")));
        assert!(challenge.ends_with(&format!("{why}\"")), "{challenge}");
    }
    for (query, authorization) in [("?access_token=at-unknown", None), ("", Some("Bearer two words"))] {
        let (status, error, _) = challenge(query, authorization);
        assert_eq!((status, error.as_deref()), (400, Some("invalid_request")), "{query} {authorization:?}");
    }
}

#[test]
fn a_logout_leads_only_to_registered_places() {
    let idp = Idp::start(Script::default()).unwrap();
    let app = App::new(&idp);
    let tokens = app.exchange(&app.log_in("openid")).json();
    let hint = tokens["id_token"].as_str().unwrap();
    let there = app.get_path(&format!(
        "/logout?id_token_hint={hint}&state=s&post_logout_redirect_uri=http://127.0.0.1/signed-out"
    ));
    assert_eq!(there.header("location").as_deref(), Some("http://127.0.0.1/signed-out?state=s"));
    let elsewhere = app.get_path("/logout?client_id=demo&post_logout_redirect_uri=http://evil.example/");
    assert_eq!((elsewhere.status, elsewhere.header("location")), (400, None));
    assert_eq!(app.get_path("/logout").status, 200);

    let page =
        format!("{}/logout?client_id=demo&state=s&post_logout_redirect_uri=http://127.0.0.1/signed-out", idp.issuer());
    assert_eq!(browser::log_out(&page).unwrap(), "http://127.0.0.1/signed-out?state=s");
    for (tamper, back) in [
        (r#"{ "remove": ["state"] }"#, "http://127.0.0.1/signed-out"),
        (r#"{ "set": { "state": "other" } }"#, "http://127.0.0.1/signed-out?state=other"),
    ] {
        let script = serde_json::from_str(&format!(r#"{{ "tamper": {{ "logout": {tamper} }} }}"#)).unwrap();
        idp.set_script(script).unwrap();
        assert_eq!(browser::log_out(&page).unwrap(), back);
    }
    assert!(browser::log_out(&format!("{}/logout", idp.issuer())).is_err(), "a page that leads nowhere");
}

#[test]
fn the_metadata_names_what_is_there() {
    let idp = Idp::start(Script::default()).unwrap();
    let app = App::new(&idp);
    let metadata = app.get_path("/.well-known/openid-configuration").json();
    assert_eq!(metadata["issuer"], idp.issuer());
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    assert_eq!(metadata["id_token_signing_alg_values_supported"], json!(["RS256", "ES256"]));
    for (name, value) in metadata.as_object().unwrap().iter().filter(|(name, _)| name.ends_with("_endpoint")) {
        let answer = app.get(value.as_str().unwrap());
        assert_ne!(answer.status, 404, "{name}");
    }
    assert_eq!(app.get_path("/token").status, 405);
    assert_eq!(app.get_path("/nothing").status, 404);
}

#[test]
fn the_log_and_the_script_are_reached_over_http_and_leave_no_trace() {
    let idp = Idp::start(Script::default()).unwrap();
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
    let path = |path: &str| format!("{}{path}", idp.issuer());
    let put = |script: &Value| agent.put(path("/_idp/script")).send(script.to_string()).unwrap().status().as_u16();

    assert_eq!(put(&json!({ "tokens": { "access_token_seconds": 0.5 } })), 204);
    assert_eq!(idp.script().tokens.access_token_seconds, 0.5);
    let mut refused = agent.put(path("/_idp/script")).send("{\"user\":[]}").unwrap();
    let problem: Value = serde_json::from_str(&refused.body_mut().read_to_string().unwrap()).unwrap();
    assert_eq!((refused.status().as_u16(), &problem["key"]), (400, &json!("user")));
    assert_eq!(idp.script().tokens.access_token_seconds, 0.5, "a wrong script changes nothing");

    App::new(&idp).get_path("/jwks?a=1&a=2");
    let log = agent.get(path("/_idp/requests")).call().unwrap().body_mut().read_to_string().unwrap();
    let log: Vec<LoggedRequest> = serde_json::from_str(&log).unwrap();
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].query, [("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())]);
    assert_eq!(agent.delete(path("/_idp/requests")).call().unwrap().status().as_u16(), 204);
    assert!(idp.requests().is_empty());
}

#[test]
fn a_handle_may_be_shared_between_threads() {
    fn assert_shared<T: Send + Sync>() {}
    assert_shared::<Idp>();
}

#[test]
fn a_provider_that_was_dropped_is_gone_and_its_port_is_free() {
    let idp = Idp::start(Script::default()).unwrap();
    let issuer = idp.issuer().to_owned();
    App::new(&idp).get_path("/jwks"); // leaves a connection open
    let port = issuer.rsplit(':').next().unwrap().parse().unwrap();
    drop(idp);
    let again = Idp::start_on(port, Script::default()).unwrap();
    assert_eq!(again.issuer(), issuer);
}

fn start(arguments: &[&str]) -> (Child, String) {
    let mut child = Command::new(PROGRAM).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim_end().to_owned())
}

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn the_first_line_of_the_program_is_its_address() {
    let (mut child, address) = start(&["--port", "0", "--until-stdin-closes"]);
    let got: Got = App::at(&address).get_path("/.well-known/openid-configuration");
    assert_eq!(got.json()["issuer"], json!(address));
    let redirect = browser::log_in(&App::at(&address).authorization_url("openid"), "ada", "lovelace").unwrap();
    assert!(redirect.starts_with(REDIRECT));
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_program_speaks_tls_and_writes_down_whom_to_trust() {
    let file = std::env::temp_dir().join(format!("keyfob-idp-{}.pem", std::process::id()));
    let (mut child, address) = start(&["--tls", "--ca-file", file.to_str().unwrap(), "--until-stdin-closes"]);
    let pem = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    assert!(address.starts_with("https://127.0.0.1:"), "{address}");
    let trusting = || App::trusting(&address, Some(&pem));
    assert_eq!(trusting().get_path("/.well-known/openid-configuration").json()["issuer"], json!(address));
    trusting().put("/_idp/script", "{\"tls\":{\"certificate\":\"expired\"}}");
    trusting().try_get_path("/jwks").unwrap_err();
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_program_ends_when_it_is_told_to_and_not_before() {
    let (mut child, address) = start(&[]);
    drop(child.stdin.take());
    assert_eq!(App::at(&address).get_path("/jwks").status, 200, "a closed input alone is no reason");
    Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_program_refuses_what_it_does_not_understand() {
    let help = run(&["--help"]);
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("--script FILE"));
    assert_eq!(run(&["--prot", "1"]).status.code(), Some(2));
    assert_eq!(run(&["--port", "many"]).status.code(), Some(2));
    assert_eq!(run(&["--script", "/nowhere.json"]).status.code(), Some(2));
    assert_eq!(run(&["--ca-file", "/nowhere/ca.pem"]).status.code(), Some(2));
    assert_eq!(run(&["--tls", "--ca-file", "/nowhere/ca.pem"]).status.code(), Some(1));

    let file = std::env::temp_dir().join(format!("keyfob-idp-{}.json", std::process::id()));
    fs::write(&file, "{\"tokens\":{\"acess_token_seconds\":1}}").unwrap();
    let wrong = run(&["--script", file.to_str().unwrap()]);
    fs::remove_file(&file).unwrap();
    assert_eq!((wrong.status.code(), wrong.stdout.is_empty()), (Some(2), true));
    let message = String::from_utf8(wrong.stderr).unwrap();
    assert!(message.contains("tokens.acess_token_seconds"), "{message}");
}
