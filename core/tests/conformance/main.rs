//! The OpenID Foundation's conformance suite for relying parties, played by keyfob-idp: one test a module, named as the module. `modules.txt` is the list.
//!
//! The suite passes a client by what it does *not* ask for any more after something bad came. So the witness is the provider's log, compared with the
//! exact list of requests; and the error has to name what was wrong. Every module of the plan Basic is played twice, for Form-post is the same
//! plan with the redirect in a form.
#![cfg(feature = "ureq")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "a test that fails should say where; its modules share with each other"
)]

#[path = "../support/mod.rs"]
mod support;

mod basic;
mod config;
mod fapi;
mod form_post;
mod logout;
mod refresh;

use keyfob::{Completed, LoginOptions, Reason, Result, Session};
use keyfob_idp::{Script, browser};
use support::{Bench, SSO};

/// What a login asks for, in order. A client that believes what it should not goes on along this list.
const WHOLE: [&str; 4] = ["GET /.well-known/openid-configuration", "POST /token", "GET /jwks", "GET /userinfo"];
/// As far as a bad ID token lets it come.
const TO_THE_ID_TOKEN: &[&str] = &[WHOLE[0], WHOLE[1], WHOLE[2]];
/// As far as a bad redirect lets it come.
const TO_THE_REDIRECT: &[&str] = &[WHOLE[0]];

/// How the redirect brings its parameters.
#[derive(Clone, Copy, Debug)]
enum Mode {
    Query,
    FormPost,
}

impl Mode {
    const ALL: [Self; 2] = [Self::Query, Self::FormPost];
}

/// A provider whose ID tokens tell no more than who it is, as the suite's, so that a client that is content with one goes on to userinfo.
fn provider(change: impl FnOnce(&mut Script)) -> Bench {
    Bench::new(|script| {
        script.tamper.id_token.remove.push("email".to_owned());
        change(script);
    })
}

/// A login to its end, whatever it is.
fn log_in(bench: &Bench, mode: Mode, options: LoginOptions) -> Result<Completed> {
    match mode {
        Mode::Query => {
            let login = bench.keyfob.begin_login(SSO, options)?;
            bench.keyfob.complete_login(&support::log_in(login.authorization_url()))
        }
        Mode::FormPost => {
            let login = bench.keyfob.begin_login(SSO, options.form_post())?;
            let (url, body) = browser::log_in_by_form(login.authorization_url(), "ada", "lovelace").unwrap();
            bench.keyfob.complete_login_form(&url, &body)
        }
    }
}

/// What the library asked for; what the browser did is not its doing.
fn asked(bench: &Bench) -> Vec<String> {
    let requests = bench.idp.requests().into_iter().filter(|request| request.path != "/authorize");
    requests.map(|request| format!("{} {}", request.method, request.path)).collect()
}

/// A module that a client has to finish: gives each mode's session, and the provider's log to look at.
#[track_caller]
fn finishes(change: impl Fn(&mut Script)) -> Vec<(Bench, Session)> {
    let play = |mode: Mode| {
        let bench = provider(&change);
        let done = log_in(&bench, mode, LoginOptions::new()).unwrap_or_else(|error| panic!("{mode:?}: {error}"));
        assert_eq!(asked(&bench), WHOLE, "{mode:?}");
        let session = done.into_session();
        assert_eq!((session.provider_uid(), session.profile().email()), ("u-1", Some("ada@example.com")), "{mode:?}");
        (bench, session)
    };
    Mode::ALL.map(play).into()
}

/// A module that a client has to stop in: for this reason, after these requests and no other, not even later.
#[track_caller]
fn stops(change: impl Fn(&mut Script), reason: Reason, after: &[&str]) {
    for mode in Mode::ALL {
        let bench = provider(&change);
        let error = log_in(&bench, mode, LoginOptions::new()).unwrap_err();
        assert_eq!(error.reason(), reason, "{mode:?}: {error}");
        assert_eq!(asked(&bench), after, "{mode:?}");
        assert!(bench.keyfob.sessions().unwrap().is_empty(), "{mode:?}");
        bench.keyfob.maintain(std::time::Duration::from_secs(5)).unwrap();
        assert_eq!(asked(&bench), after, "{mode:?}, later");
    }
}

const LIST: &str = include_str!("modules.txt");

const SOURCES: [&str; 6] = [
    include_str!("basic.rs"),
    include_str!("config.rs"),
    include_str!("fapi.rs"),
    include_str!("form_post.rs"),
    include_str!("logout.rs"),
    include_str!("refresh.rs"),
];

#[test]
fn every_module_of_the_list_is_a_test_or_excused_and_every_test_is_on_it() {
    let tests: Vec<&str> = SOURCES
        .iter()
        .flat_map(|source| source.split("#[test]\nfn ").skip(1))
        .filter_map(|rest| rest.split_once("()").map(|(name, _)| name))
        .collect();
    let mut played = Vec::new();
    for line in LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.split_once(": ") {
            None => played.push(line.replace('-', "_")),
            Some((name, why)) => {
                assert!(!why.trim().is_empty(), "{name} is excused without a reason");
                assert!(!tests.contains(&name.replace('-', "_").as_str()), "{name} is played, and needs no excuse");
            }
        }
    }
    for name in &played {
        assert!(tests.contains(&name.as_str()), "nobody plays {name}");
    }
    for test in tests {
        assert!(played.iter().any(|name| name == test), "{test} is not on the list");
    }
}
