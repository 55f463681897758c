//! Metadata and key sets in the store: how long they are used, how they are asked for again, and what rotates them.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::time::Duration;

use keyfob::{ErrorKind, LoginOptions, MinValidity, Reason};
use keyfob_idp::{Endpoint, Fault, LoggedRequest};
use serde_json::json;
use support::{Bench, SSO, tamper};

const DISCOVERY: &str = "/.well-known/openid-configuration";

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A provider that says this of its metadata's and keys' lives.
fn says(cache_control: &str) -> Bench {
    let on = |endpoint| Fault::on(endpoint).header("cache-control", cache_control);
    Bench::new(|script| script.faults = vec![on(Endpoint::Discovery), on(Endpoint::Jwks)])
}

fn begin(bench: &Bench) {
    let _ = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
}

fn answered(request: &LoggedRequest) -> (Option<&str>, Option<u16>, usize) {
    (request.header("if-none-match"), request.status, request.answer.len())
}

#[test]
fn a_document_is_good_for_as_long_as_its_server_says_within_reason() {
    for (cache_control, life) in [
        ("public, max-age=120", 120),
        ("MAX-AGE=\"7200\"", 7200),
        ("max-age=1", 60),
        ("max-age=0", 60),
        ("no-store", 60),
        ("max-age=600, no-cache", 60),
        ("max-age=9999999999999999", 86_400),
        ("max-age=99999999999999999999999999", 86_400),
        ("max-age=-5", 3600),
        ("max-age=soon", 3600),
        ("public", 3600),
        ("", 3600),
    ] {
        let bench = says(cache_control);
        begin(&bench);
        bench.clock.pass(secs(life - 5));
        begin(&bench);
        assert_eq!(bench.count(DISCOVERY), 1, "{cache_control}: young");
        bench.clock.pass(secs(5));
        begin(&bench);
        assert_eq!(bench.count(DISCOVERY), 2, "{cache_control}: old");
    }
}

#[test]
fn an_old_document_that_has_not_changed_is_young_again_and_not_sent_again() {
    let bench = Bench::new(|script| script.document_etag = true);
    let session = bench.log_in();
    let tag = bench.requests(DISCOVERY)[0].answer_headers.iter().find(|(name, _)| name == "etag").unwrap().1.clone();
    bench.idp.clear_requests();
    bench.clock.pass(secs(3601));
    bench.keyfob.refresh_session(session.id()).unwrap();
    let asked = bench.requests(DISCOVERY);
    assert_eq!(answered(&asked[0]), (Some(tag.as_str()), Some(304), 0));
    assert_eq!(answered(&bench.requests("/jwks")[0]).1, Some(304));
    // As good as new, in every process.
    bench.clock.pass(secs(3590));
    let _ = bench.another().begin_login(SSO, LoginOptions::new()).unwrap();
    assert_eq!(bench.count(DISCOVERY), 1);
    // And asked for by the same name again; another document has another.
    bench.clock.pass(secs(20));
    begin(&bench);
    assert_eq!(answered(&bench.requests(DISCOVERY)[1]).1, Some(304));
    bench.script(|script| script.tamper.discovery = tamper(json!({"set": {"x": "y"}})));
    bench.clock.pass(secs(3601));
    begin(&bench);
    assert_eq!(answered(&bench.requests(DISCOVERY)[2]).1, Some(200));
}

#[test]
fn keys_that_rotated_are_found_behind_an_etag_too() {
    let bench = Bench::new(|script| script.document_etag = true);
    let session = bench.log_in();
    bench.script(|script| script.keys.generation += 1);
    bench.clock.pass(secs(31));
    bench.keyfob.refresh_session(session.id()).unwrap();
    let asked = bench.requests("/jwks");
    assert!(asked[1].header("if-none-match").is_some());
    assert_eq!((asked.len(), asked[1].status), (2, Some(200)));
}

#[test]
fn an_answer_that_nothing_has_changed_is_none_to_who_has_nothing() {
    let unasked = |endpoint| Fault::on(endpoint).status(304);
    let bench = Bench::new(|script| script.faults = vec![unasked(Endpoint::Discovery)]);
    let error = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::BadResponse, Reason::UnexpectedStatus));
    assert_eq!(error.http_status(), Some(304));

    let bench = Bench::new(|script| script.faults = vec![unasked(Endpoint::Jwks)]);
    let redirect = bench.redirect();
    assert_eq!(bench.keyfob.complete_login(&redirect).unwrap_err().reason(), Reason::UnexpectedStatus);
    // One that is there without a name was not asked for by one; it is better than none, as with any other failure.
    let bench = Bench::new(|_| {});
    begin(&bench);
    bench.clock.pass(secs(3601));
    bench.script(|script| script.faults = vec![unasked(Endpoint::Discovery)]);
    begin(&bench);
    assert_eq!(answered(&bench.requests(DISCOVERY)[1]), (None, Some(304), 0));
}

#[test]
fn a_name_that_would_be_two_headers_is_not_sent_back() {
    let bench = Bench::new(|script| {
        script.faults = vec![Fault::on(Endpoint::Discovery).header("etag", "\"\u{e4}\"")];
    });
    begin(&bench);
    bench.clock.pass(secs(3601));
    begin(&bench);
    assert_eq!(bench.requests(DISCOVERY)[1].header("if-none-match"), None);
}

#[test]
fn s57_a_storm_of_tokens_with_unknown_keys_costs_one_key_set_in_half_a_minute() {
    for etag in [false, true] {
        let bench = Bench::new(|script| script.document_etag = etag);
        let session = bench.log_in();
        bench.script(|script| script.tamper.id_token.header = tamper(json!({"kid": "nobody's"})));
        // The tokens of the login are over, so nothing but these can be served.
        bench.clock.pass(secs(3601));
        bench.idp.clear_requests();
        bench.keyfob.refresh_session(session.id()).unwrap_err();
        for _ in 0..1000 {
            bench.keyfob.access_token(session.id(), MinValidity::secs(0)).unwrap_err();
        }
        assert_eq!(bench.count("/jwks"), 1, "{etag}");
        // A process that has seen nothing of it asks no sooner.
        bench.another().access_token(session.id(), MinValidity::secs(0)).unwrap_err();
        assert_eq!(bench.count("/jwks"), 1, "{etag}");
        bench.clock.pass(secs(31));
        bench.keyfob.access_token(session.id(), MinValidity::secs(0)).unwrap_err();
        bench.keyfob.access_token(session.id(), MinValidity::secs(0)).unwrap_err();
        assert_eq!(bench.count("/jwks"), 2, "{etag}");
    }
}
