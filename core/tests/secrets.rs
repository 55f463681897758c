//! No secret in any `Debug`, `Display`, error or log line: every flow runs, the failing ones too, and all that came out is searched for
//! all that the provider saw.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

#[path = "support/canaries.rs"]
mod canaries;
mod support;

use std::fmt::Debug;
use std::sync::Mutex;

use canaries::secrets;
use keyfob::{EndSession, Error, Freshness, LoginOptions, MinValidity, StoreKey};
use keyfob_idp::{Close, Endpoint, Fault, browser};
use serde_json::json;
use support::{Bench, SSO, bare_config, elsewhere, tamper};

/// Everything that the library let out.
static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Catcher;

impl log::Log for Catcher {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        SEEN.lock().unwrap().push(format!("log {} {}", record.target(), record.args()));
    }

    fn flush(&self) {}
}

fn show(what: impl Debug) {
    SEEN.lock().unwrap().push(format!("{what:?} {what:#?}"));
}

fn show_error(error: &Error) {
    show(error);
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        SEEN.lock().unwrap().push(format!("{error} {error:?}"));
        next = error.source();
    }
}

#[test]
fn s68_no_secret_comes_out_of_any_flow() {
    log::set_logger(&Catcher).unwrap();
    // At TRACE the HTTP crate prints every byte: SECURITY.md tells hosts not to log that.
    log::set_max_level(log::LevelFilter::Debug);
    let bench = Bench::new(|_| {});
    show(&bench.keyfob);
    show(bench.keyfob.registrations());

    let login = bench.keyfob.begin_login(SSO, LoginOptions::new().success("app:/home")).unwrap();
    show(&login);
    let redirect = support::log_in(login.authorization_url());
    let done = bench.keyfob.complete_login(&redirect).unwrap();
    show(&done);
    let id = done.session().id().to_owned();
    show(bench.keyfob.sessions().unwrap());
    show(bench.keyfob.access_token(&id, MinValidity::default()).unwrap());
    show(bench.keyfob.refresh_session(&id).unwrap());
    show(bench.keyfob.profile(&id, Freshness::secs(0)).unwrap());

    for fault in [
        Fault::on(Endpoint::Token).process(false).status(500).body("refresh_token=CANARY-BODY"),
        Fault::on(Endpoint::Token)
            .process(false)
            .status(400)
            .body(json!({"error": "invalid_scope", "error_description": "CANARY-BODY"})),
        Fault::on(Endpoint::Token).close(Close::MidBody),
        Fault::on(Endpoint::Token).process(false).status(302).header("Location", "https://CANARY-BODY.example/?code=x"),
        Fault::on(Endpoint::Token).process(false).status(200).body("{\"access_token\": CANARY-BODY"),
    ] {
        bench.script(|script| script.faults = vec![fault.clone()]);
        show_error(&bench.keyfob.refresh_session(&id).unwrap_err());
        show_error(&bench.keyfob.complete_login(&bench.redirect()).unwrap_err());
        bench.clock.pass(std::time::Duration::from_secs(60));
    }
    bench.script(|script| script.faults.clear());
    let denied = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    let denied = browser::deny(denied.authorization_url()).unwrap();
    show_error(&bench.keyfob.complete_login(&denied).unwrap_err());
    for bad in ["&code=x", "#access_token=CANARY-BODY", "x"] {
        show_error(&bench.keyfob.complete_login(&format!("{redirect}{bad}")).unwrap_err());
    }
    for lie in
        [json!({"append": {"nonce": "1"}}), json!({"corrupt_signature": true}), json!({"raw": "CANARY-BODY.x.y"})]
    {
        bench.script(|script| script.tamper.id_token = tamper(lie));
        show_error(&bench.keyfob.complete_login(&bench.redirect()).unwrap_err());
    }
    let device = bench.keyfob.begin_device_login(SSO, LoginOptions::new()).unwrap();
    show(&device);
    show(bench.keyfob.poll_device_login(device.id()).unwrap());
    let wrong = bare_config(bench.idp.issuer(), &bench.temp.store()).with_store_key(StoreKey::new([0x5a; 32]));
    show(&wrong);
    show_error(&keyfob::Keyfob::open(elsewhere(wrong)).unwrap_err());
    bench.keyfob.rekey(&StoreKey::new(*b"CANARY-BODY: a store key, in hex")).unwrap();
    show(bench.keyfob.health().unwrap());
    show(bench.keyfob.journal(1000).unwrap());
    bench.keyfob.end_session(&id, EndSession::local_only()).unwrap();

    let secrets = secrets(&bench);
    let seen = SEEN.lock().unwrap().join("\n");
    assert!(secrets.len() > 30, "the search knows what to look for: {}", secrets.len());
    assert!(seen.contains("log keyfob"), "the log was caught");
    assert!(seen.contains(&id), "the search can see");
    assert!(!seen.contains("CANARY-BODY"), "{}", excerpt(&seen, "CANARY-BODY"));
    for secret in secrets {
        assert!(!seen.contains(&secret), "{}", excerpt(&seen, &secret));
    }
}

/// Where it came out.
fn excerpt<'a>(seen: &'a str, secret: &str) -> &'a str {
    seen.lines().find(|line| line.contains(secret)).unwrap_or_default()
}
