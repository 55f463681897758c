//! The plan Config: what the provider publishes, and when it is asked for again.

use std::time::Duration;

use keyfob::{LoginOptions, Reason};
use serde_json::{Value, json};

use crate::support::Bench;
use crate::{Mode, TO_THE_REDIRECT, WHOLE, asked, finishes, log_in, provider};

/// Writes endpoints into the metadata as the provider knows them, with something behind them that only a reader of the metadata can know.
fn publish(bench: &Bench, endpoints: &[(&str, &str)], run: &str) {
    bench.script(|script| {
        for (member, path) in endpoints {
            let url = format!("{}{path}?run={run}", bench.idp.issuer());
            script.tamper.discovery.set.insert((*member).to_owned(), json!(url));
        }
    });
}

#[test]
fn oidcc_client_test_discovery_openid_config() {
    // The token endpoint as well, but for this provider no query belongs there: s26_… sends a code to another one.
    let endpoints =
        [("authorization_endpoint", "/authorize"), ("jwks_uri", "/jwks"), ("userinfo_endpoint", "/userinfo")];
    for mode in Mode::ALL {
        let bench = provider(|_| {});
        publish(&bench, &endpoints, "a7");
        log_in(&bench, mode, LoginOptions::new()).unwrap();
        assert_eq!(asked(&bench), WHOLE, "{mode:?}");
        for (_, path) in endpoints {
            assert_eq!(bench.requests(path)[0].parameter("run"), Some("a7"), "{path}");
        }
    }
}

#[test]
fn oidcc_client_test_discovery_jwks_uri_keys() {
    for run in ["first", "second"] {
        let bench = provider(|_| {});
        publish(&bench, &[("jwks_uri", "/jwks")], run);
        log_in(&bench, Mode::Query, LoginOptions::new()).unwrap();
        assert_eq!(asked(&bench), WHOLE);
        assert_eq!(bench.requests("/jwks")[0].parameter("run"), Some(run));
    }
}

#[test]
fn oidcc_client_test_discovery_issuer_mismatch() {
    let bench = provider(|script| {
        script.tamper.discovery.append.insert("issuer".to_owned(), "INVALID".to_owned());
    });
    for _ in 0..2 {
        bench.idp.clear_requests();
        let error = log_in(&bench, Mode::Query, LoginOptions::new()).unwrap_err();
        assert_eq!(error.reason(), Reason::DiscoveryIssuerMismatch);
        assert_eq!(asked(&bench), TO_THE_REDIRECT, "and no document of that kind is kept");
    }
    assert!(bench.requests("/authorize").is_empty());
}

#[test]
fn oidcc_client_test_signing_key_rotation() {
    for (bench, _) in finishes(|_| {}) {
        bench.clock.pass(Duration::from_secs(60));
        bench.script(|script| script.keys.generation += 1);
        bench.idp.clear_requests();
        log_in(&bench, Mode::Query, LoginOptions::new()).unwrap();
        assert_eq!(asked(&bench), WHOLE[1..], "the keys once more, the rest of the metadata not");
    }
}

#[test]
fn oidcc_client_test_signing_key_rotation_just_before_signing() {
    for (bench, _) in finishes(|_| {}) {
        bench.clock.pass(Duration::from_secs(60));
        let key = |bench: &Bench| -> Value { bench.requests("/jwks").pop().unwrap().answer_json()["keys"][0].clone() };
        let before = key(&bench);
        bench.script(|script| script.keys.rotate_before_signing = true);
        bench.idp.clear_requests();
        log_in(&bench, Mode::Query, LoginOptions::new()).unwrap();
        assert_eq!(asked(&bench), WHOLE[1..], "one more fetch, and the ID token is taken");
        assert_ne!(key(&bench)["kid"], before["kid"]);
    }
}
