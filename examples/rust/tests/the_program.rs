//! The program as a person runs it: what it prints, what it leaves behind, how it fails.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    reason = "tests"
)]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use common::{Place, Waiting, assert_nothing_looks_secret, demo, row, run, unwrapped};
use keyfob::SessionState;
use keyfob_idp::browser;

const STEPS: [&str; 11] = [
    " 1  Open the store",
    " 2  Begin a login",
    " 3  Sign in",
    " 4  Complete the login",
    " 5  Ask who the user is",
    " 6  Get an access token",
    " 7  Get one when that is nearly over",
    " 8  Close the app, start it again",
    " 9  Hand in redirects that are not right",
    "10  Log out",
    "11  Read the journal",
];

/// The lines of one step, its heading included.
fn step(output: &str, number: usize) -> &str {
    let from = output.find(&format!("\n{}", STEPS[number - 1])).unwrap();
    let to = STEPS.get(number).and_then(|next| output.find(&format!("\n{next}"))).unwrap_or(output.len());
    &output[from..to]
}

#[test]
fn every_step_is_shown_with_its_requests_and_without_a_token() {
    let (status, output, errors) = run(&[]);
    assert!(status.success(), "{output}{errors}");
    assert_eq!(errors, "");
    let found: Vec<_> =
        STEPS.iter().map(|step| output.find(&format!("\n{step}")).unwrap_or_else(|| panic!("no {step}"))).collect();
    assert!(found.is_sorted());

    for number in [1, 5, 6, 8, 9] {
        assert_eq!(row(step(&output, number), "on the wire"), "0 requests", "step {number}");
    }
    assert!(row(step(&output, 4), "on the wire").starts_with("POST  /token (authorization_code)"));
    let refresh = step(&output, 7);
    assert!(row(refresh, "on the wire").starts_with("POST  /token (refresh_token)"));
    assert_eq!(refresh.matches("POST").count() + refresh.matches("GET").count(), 1);
    assert_eq!(row(step(&output, 4), "provider uid"), "u-1");
    assert_eq!(row(step(&output, 4), "scopes"), "openid profile email offline_access");
    assert_eq!(row(step(&output, 4), "app goes to"), "app:/home");
    assert_eq!(row(step(&output, 5), "email"), "ada@example.com (verified)");
    assert_eq!(row(step(&output, 9), "guessed state"), "RedirectRejected, StateUnknown");
    let log_out = step(&output, 10);
    assert_eq!(log_out.matches("POST").count() + log_out.matches("GET").count(), 1);
    assert_eq!(row(log_out, "on the wire").split_whitespace().collect::<Vec<_>>(), ["POST", "/revoke", "200"]);
    assert!(row(log_out, "revocation").starts_with("done"));
    assert_eq!(row(step(&output, 10), "a token now"), "LoginRequired, LoggedOut");
    for event in ["LoginBegun", "LoginCompleted", "Refreshed", "SessionEnded"] {
        assert_eq!(step(&output, 11).matches(event).count(), 1, "{event}");
    }

    assert!(!output.contains('\x1b'), "colour without a terminal");
    let folder = row(step(&output, 1), "store");
    assert!(!Path::new(folder).parent().unwrap().exists(), "{folder} was left behind");
    assert_eq!(row(step(&output, 1), "its key"), format!("{folder}.key"));
    // Where the system keeps its temporary folders is not the demo's business.
    let own = output.replace(folder, "");
    assert_nothing_looks_secret(&own);
    assert!(own.lines().all(|line| line.chars().count() <= 80), "{output}");
}

#[test]
fn a_kept_store_holds_the_session_whose_tokens_were_not_printed() {
    let place = Place::new("kept");
    // As `cargo demo -- --store DIR` passes it on.
    let (status, output, errors) = run(&["--", "--store", place.text()]);
    assert!(status.success(), "{output}{errors}");
    let sessions = place.sessions();
    assert_eq!(sessions.len(), 1);
    for session in &sessions {
        assert_eq!(session.state(), SessionState::Active);
        assert_eq!(session.id(), row(step(&output, 4), "session"));
        let secrets = [session.provider_access_token(), session.provider_refresh_token().unwrap()];
        assert!(secrets.iter().all(|secret| secret.len() > 30 && !output.contains(secret)));
    }

    let (status, again, _) = run(&["--store", place.text()]);
    assert!(status.success(), "a second demo on the same store: {again}");
    assert_eq!(step(&again, 11).matches("LoginCompleted").count(), 2);
}

#[test]
fn by_hand_a_wrong_paste_is_explained_and_the_true_redirect_logs_in() {
    let by_hand = Waiting::start(&["--by-hand"]);
    let redirect = browser::log_in(&by_hand.url, "ada", "lovelace").unwrap();
    let (address, query) = redirect.split_once('?').unwrap();
    let guessed = format!("{address}?code=stolen&state=guessed");
    let (status, output, errors) = by_hand.paste(&["", "not a redirect", address, &guessed, &redirect]);
    assert!(status.success(), "{output}{errors}");
    for reason in ["MalformedRedirect", "StateMissing", "StateUnknown"] {
        let said = format!("That was not it, and nothing was sent. RedirectRejected: {reason}:");
        assert!(unwrapped(&output).contains(&said), "{reason}: {output}");
    }
    assert!(row(step(&output, 3), "on the wire").starts_with("GET   /authorize"));
    assert_eq!(row(step(&output, 4), "provider uid"), "u-1");
    let code = query.split('&').find_map(|pair| pair.strip_prefix("code=")).unwrap();
    assert!(code.len() > 30 && !output.contains(code));
    assert_nothing_looks_secret(&output[output.find("\n 4  ").unwrap()..]);
}

#[test]
fn a_user_who_says_no_is_an_error_by_its_name() {
    let by_hand = Waiting::start(&["--by-hand"]);
    let redirect = browser::deny(&by_hand.url).unwrap();
    let (status, _, errors) = by_hand.paste(&[&redirect]);
    assert_eq!(status.code(), Some(1));
    assert!(errors.starts_with("error: AccessDenied: AccessDenied: "), "{errors}");
}

#[test]
fn the_end_of_standard_input_is_an_error_that_says_so() {
    let by_hand = Waiting::start(&["--by-hand"]);
    let folder = row(&by_hand.printed, "store").to_owned();
    assert!(Path::new(&folder).exists());
    let (status, _, errors) = by_hand.paste(&["nonsense"]);
    assert_eq!(status.code(), Some(1));
    assert_eq!(errors, "error: standard input ended before a redirect was pasted\n");
    assert!(!Path::new(&folder).exists(), "{folder} was left behind");
}

#[test]
fn a_place_that_cannot_be_a_store_is_refused_by_kind_and_reason() {
    let place = Place::new("file");
    fs::write(&place.0, "mine").unwrap();
    let (status, _, errors) = run(&["--store", place.text()]);
    assert_eq!(status.code(), Some(1));
    assert!(errors.starts_with("error: StoreUnsupported: UnsafeStorePath: "), "{errors}");
    assert_eq!(fs::read_to_string(&place.0).unwrap(), "mine");
    fs::remove_file(&place.0).unwrap();
}

#[test]
fn help_is_given_and_wrong_arguments_are_named() {
    for arguments in [&["--help"] as &[_], &["--", "--help"], &["-h"]] {
        let (status, output, errors) = run(arguments);
        assert!(status.success() && errors.is_empty());
        assert!(output.contains("--by-hand") && output.contains("--store DIR"));
    }
    for (arguments, named) in
        [(&["--nonsense"] as &[_], "--nonsense"), (&["--store"], "--store"), (&["somewhere"], "somewhere")]
    {
        let (status, output, errors) = run(arguments);
        assert_eq!((status.code(), output.as_str()), (Some(2), ""));
        assert!(errors.starts_with("error: ") && errors.contains(named), "{errors}");
    }
}

#[test]
fn with_browser_a_machine_without_a_screen_prints_the_url_and_takes_the_redirect() {
    // Pasted, after something that is not it.
    let waiting = Waiting::start(&["--browser"]);
    let redirect = browser::log_in(&waiting.url, "ada", "lovelace").unwrap();
    let (status, output, errors) = waiting.paste(&["garbage", &redirect]);
    assert!(status.success() && errors.is_empty(), "{output}{errors}");
    assert!(unwrapped(&output).contains("That was not it, and nothing was sent. MalformedRedirect"), "{output}");
    assert_eq!(row(&output, "provider uid"), "u-1");
    assert!(output.contains("All 8 steps went well"), "{output}");

    // Or brought by a browser that reaches the port.
    let waiting = Waiting::start(&["--browser"]);
    let redirect = browser::log_in(&waiting.url, "ada", "lovelace").unwrap();
    let (_, rest) = redirect.split_once("http://").unwrap();
    let (authority, target) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(authority).unwrap();
    write!(stream, "GET /{target} HTTP/1.1\r\nHost: {authority}\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    assert!(page.contains("You are signed in") && page.contains("Keyfob demo"), "{page}");
    let (status, output, errors) = waiting.paste(&[]);
    assert!(status.success(), "{output}{errors}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = demo(&[]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(child.wait().unwrap().success());
}
