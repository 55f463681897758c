//! The vectors of `tests/vectors`, which every language reads: what an app gives, and what it must see. Their README has the format.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that fails should say where")]

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use keyfob::{Config, Error, Freshness, Keyfob, LoginOptions, MinValidity};
use keyfob_idp::{Idp, MaskedRequest, Script};
use serde_json::{Value, json};
use support::{SSO, Temp, TestClock, log_in};

fn vectors(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of[key].as_str().unwrap_or_else(|| panic!("{key} of {of}"))
}

fn seconds(of: &Value, key: &str) -> Duration {
    Duration::from_secs_f64(of[key].as_f64().unwrap_or_else(|| panic!("{key} of {of}")))
}

fn script(of: &Value) -> Script {
    Script::from_json(&of.to_string()).unwrap()
}

/// An error as the vectors write it.
fn as_written(error: &Error) -> Value {
    json!({ "kind": error.kind().name(), "number": error.kind().number(), "reason": error.reason().name() })
}

/// A provider, and a store of one's own.
struct Stage {
    idp: Idp,
    clock: Arc<TestClock>,
    keyfob: Keyfob,
    _temp: Temp,
}

impl Stage {
    fn new(vectors: &Value, played: &Value) -> Self {
        let idp = Idp::start(script(played)).unwrap();
        let temp = Temp::new();
        let clock = Arc::new(TestClock::default());
        let config = text(vectors, "config")
            .replace("{store}", temp.store().to_str().unwrap())
            .replace("{issuer}", idp.issuer());
        let keyfob = Keyfob::open(Config::from_json(&config).unwrap().with_clock(clock.clone())).unwrap();
        Self { idp, clock, keyfob, _temp: temp }
    }

    fn token_requests(&self) -> usize {
        self.idp.requests().iter().filter(|request| request.path == "/token").count()
    }
}

#[test]
fn configurations_are_taken_or_refused_as_the_vectors_say() {
    for case in vectors("configuration.json")["cases"].as_array().unwrap() {
        let temp = Temp::new();
        let config = text(case, "text").replace("{store}", temp.store().to_str().unwrap());
        let error = Config::from_json(&config).and_then(Keyfob::open).err();
        assert_eq!(error.as_ref().map_or(Value::Null, as_written), case["error"], "{}: {error:?}", case["name"]);
    }
}

#[test]
fn tokens_are_served_or_refreshed_as_the_vectors_say() {
    let vectors = vectors("tokens.json");
    for case in vectors["cases"].as_array().unwrap() {
        let name = &case["name"];
        let stage = Stage::new(&vectors, &case["script"]);
        let login = stage.keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
        let session = stage.keyfob.complete_login(&log_in(login.authorization_url())).unwrap().into_session();
        if let Some(played) = case.get("script_at_call") {
            stage.idp.set_script(script(played)).unwrap();
        }
        stage.idp.clear_requests();
        stage.clock.pass(seconds(case, "elapsed_seconds"));
        let wanted = MinValidity::secs(case["min_validity_seconds"].as_u64().unwrap());
        let outcome = stage.keyfob.access_token(session.id(), wanted);
        match outcome {
            Ok(token) => {
                let same = token.secret() == session.provider_access_token();
                assert_eq!(case["token"], if same { "same" } else { "new" }, "{name}");
            }
            Err(error) => assert_eq!(as_written(&error), case["error"], "{name}: {error:?}"),
        }
        assert_eq!(case["token_requests"], stage.token_requests(), "{name}");
    }
}

#[test]
fn redirects_are_refused_as_the_vectors_say() {
    let vectors = vectors("redirects.json");
    let stage = Stage::new(&vectors, &json!({}));
    let port = u16::try_from(vectors["redirect_port"].as_u64().unwrap()).unwrap();
    for case in vectors["cases"].as_array().unwrap() {
        let name = &case["name"];
        let login = stage.keyfob.begin_login(SSO, LoginOptions::new().redirect_port(port)).unwrap();
        let good = log_in(login.authorization_url());
        stage.idp.clear_requests();
        let redirect = ["code", "state", "iss"].iter().fold(text(case, "redirect").to_owned(), |redirect, key| {
            redirect.replace(&format!("{{{key}}}"), &as_it_stands(&good, key))
        });
        let error = stage.keyfob.complete_login(&redirect).unwrap_err();
        assert_eq!(as_written(&error), case["error"], "{name}: {error:?}");
        assert_eq!(stage.idp.requests().len(), 0, "{name} sends nothing");
        let waits = stage.keyfob.complete_login(&good);
        assert_eq!(case["waits"], waits.is_ok(), "{name}: {waits:?}");
    }
}

/// A parameter as it stands in a URL, with its percent signs.
fn as_it_stands(url: &str, name: &str) -> String {
    let (_, query) = url.split_once('?').unwrap();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next().unwrap()
}

#[test]
fn the_whole_login_sends_the_requests_of_the_vectors() {
    let vectors = vectors("login.json");
    let stage = Stage::new(&vectors, &vectors["script"]);
    let mut redirect = String::new();
    let mut session = None;
    let mut token = String::new();
    for step in vectors["steps"].as_array().unwrap() {
        let id = session.as_ref().map(|session: &keyfob::Session| session.id().to_owned()).unwrap_or_default();
        let last = token.clone();
        // What a step that gives a token says of it, compared with the one before.
        let mut compare = |given: &str| {
            assert_eq!(step["token"], if given == token { "same" } else { "new" }, "{step}");
            token = given.to_owned();
        };
        match text(step, "do") {
            "begin_login" => {
                let login = stage.keyfob.begin_login(SSO, options(step)).unwrap();
                redirect = log_in(login.authorization_url());
            }
            "complete_login" => {
                let completed = stage.keyfob.complete_login(&redirect).unwrap();
                assert_eq!(completed.return_to(), step["return_to"].as_str());
                assert_eq!(completed.app_data(), step["app_data"].as_str());
                assert_eq!(completed.session().provider_uid(), text(step, "provider_uid"));
                token = completed.session().provider_access_token().to_owned();
                session = Some(completed.into_session());
            }
            "access_token" => {
                let wanted = MinValidity::secs(step["min_validity_seconds"].as_u64().unwrap());
                compare(stage.keyfob.access_token(&id, wanted).unwrap().secret());
            }
            "refresh_if_current" => compare(stage.keyfob.refresh_if_current(&id, &last).unwrap().secret()),
            "refresh_session" => compare(stage.keyfob.refresh_session(&id).unwrap().provider_access_token()),
            "profile" => {
                let profile =
                    stage.keyfob.profile(&id, Freshness::secs(step["max_age_seconds"].as_u64().unwrap())).unwrap();
                assert_eq!(profile.email(), step["email"].as_str());
            }
            "pass" => stage.clock.pass(seconds(step, "seconds")),
            "end_session" => drop(stage.keyfob.end_session(&id, keyfob::EndSession::default()).unwrap()),
            other => panic!("{other} is no step"),
        }
    }
    let sent = stage.idp.masked_requests();
    keep(&sent);
    let wanted: Vec<MaskedRequest> = serde_json::from_value(vectors["requests"].clone()).unwrap();
    assert_eq!(sent, wanted, "{}", serde_json::to_string_pretty(&sent).unwrap());
}

fn options(step: &Value) -> LoginOptions {
    let mut options = LoginOptions::new()
        .redirect_port(u16::try_from(step["redirect_port"].as_u64().unwrap()).unwrap())
        .success(text(step, "success"))
        .failure(text(step, "failure"))
        .app_data(text(step, "app_data"));
    for scope in step["scopes"].as_array().unwrap() {
        options = options.scope(scope.as_str().unwrap());
    }
    for pair in step["parameters"].as_array().unwrap() {
        options = options.parameter(pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
    }
    options
}

/// For who compares what the languages sent: a file `rust.json` in the folder that is named.
fn keep(sent: &[MaskedRequest]) {
    if let Some(folder) = std::env::var_os("KEYFOB_VECTORS_OUT") {
        fs::write(Path::new(&folder).join("rust.json"), json!(sent).to_string()).unwrap();
    }
}
