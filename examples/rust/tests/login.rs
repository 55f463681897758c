//! `login` as a person runs it, at a provider of the test's own: what it prints, keeps and sends, and how it fails.

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
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;

use common::{Place, Waiting, assert_nothing_looks_secret, row, run, unwrapped};
use keyfob::{Session, SessionState};
use keyfob_idp::{ClientAuth, Endpoint, Fault, Idp, LoggedRequest, Registration, Script, browser};
use serde_json::json;

const REDIRECT_URI: &str = "http://127.0.0.1/callback/work-sso";
const SECRET: &str = "a secret that is printed nowhere";

/// A provider, and a configuration that knows it.
struct Bench {
    idp: Idp,
    place: Place,
    config: PathBuf,
}

impl Bench {
    fn new(name: &str) -> Self {
        Self::with(name, Script::default(), &format!(r#""client_id": "demo", "redirect_uri": "{REDIRECT_URI}""#))
    }

    /// With those keys in the registration, beside what every one has.
    fn with(name: &str, script: Script, keys: &str) -> Self {
        let idp = Idp::start(script).unwrap();
        let place = Place::new(name);
        let config = place.0.with_extension("json");
        let text = format!(
            r#"{{ "store": {{ "path": "{}" }},
                  "registrations": [ {{ "id": "work-sso", "provider": "oidc", "variables": {{ "issuer": "{}" }}, {keys} }},
                                     {{ "id": "other", "provider": "github", "client_id": "x",
                                        "redirect_uri": "http://127.0.0.1/cb" }} ] }}"#,
            place.text(),
            idp.issuer()
        );
        fs::write(&config, text).unwrap();
        Self { idp, place, config }
    }

    fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        ["login", "work-sso", "--config", self.config.to_str().unwrap()].iter().chain(more).copied().collect()
    }

    fn start(&self) -> Waiting {
        Waiting::start(&self.arguments(&[]))
    }

    /// The whole login; gives what was printed.
    fn log_in(&self) -> String {
        let waiting = self.start();
        let redirect = log_in(&waiting);
        let (status, output, errors) = waiting.paste(&[&redirect]);
        assert!(status.success() && errors.is_empty(), "{output}{errors}");
        output
    }

    fn session(&self) -> Session {
        let mut sessions = self.place.sessions();
        assert_eq!(sessions.len(), 1);
        sessions.remove(0)
    }

    fn requests(&self, path: &str) -> Vec<LoggedRequest> {
        self.idp.requests().into_iter().filter(|request| request.path == path).collect()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.config);
    }
}

fn log_in(waiting: &Waiting) -> String {
    browser::log_in(&waiting.url, "ada", "lovelace").unwrap()
}

/// What was printed once the redirect was there.
fn after_paste(output: &str) -> &str {
    &output[output.find("Logged in.").unwrap_or_else(|| panic!("not logged in: {output}"))..]
}

#[test]
fn a_login_tells_who_logged_in_and_keeps_the_session() {
    let bench = Bench::new("public");
    let output = bench.log_in();
    let session = bench.session();
    let shown = after_paste(&output);
    assert_eq!(row(shown, "session"), session.id());
    assert_eq!(row(shown, "provider uid"), "u-1");
    assert_eq!(row(shown, "name"), "Ada Lovelace");
    assert_eq!(row(shown, "email"), "ada@example.com (verified)");
    assert_eq!(row(shown, "scopes"), "openid profile email");
    assert!(row(shown, "access token").starts_with("over in 60 min ("), "{shown}");
    assert_eq!((row(shown, "refresh token"), row(shown, "ID token")), ("yes", "yes"));
    assert_eq!(session.state(), SessionState::Active);
    let own = shown.replace(bench.config.to_str().unwrap(), "");
    assert_nothing_looks_secret(&own);
    for request in bench.requests("/token") {
        assert_eq!((request.parameter("client_id"), request.header("authorization")), (Some("demo"), None));
        // A port that nobody listens on, for the registration leaves it open.
        let sent_to = request.parameter("redirect_uri").unwrap();
        assert!(sent_to.starts_with("http://127.0.0.1:") && sent_to.ends_with("/callback/work-sso"), "{sent_to}");
    }
    assert_eq!(bench.requests("/token").len(), 1);
}

#[test]
fn a_confidential_client_with_a_port_of_its_own_proves_itself_and_keeps_its_secret() {
    let redirect_uri = "http://127.0.0.1:4117/callback";
    let mut script = Script::default();
    script.registrations = vec![Registration::new("notes", redirect_uri).secret(ClientAuth::Basic, SECRET)];
    let keys = format!(
        r#""client_id": "notes", "client_secret": "{SECRET}", "redirect_uri": "{redirect_uri}", "scopes": ["openid"]"#
    );
    let bench = Bench::with("confidential", script, &keys);
    let output = bench.log_in();
    assert_eq!(row(&output, "redirect URI"), redirect_uri);
    assert_eq!(row(after_paste(&output), "scopes"), "openid");
    let requests = bench.requests("/token");
    assert!(requests[0].header("authorization").unwrap().starts_with("Basic "));
    assert_eq!(requests[0].parameter("redirect_uri"), Some(redirect_uri));

    let (status, ended, errors) = run(&bench.arguments(&["--end"]));
    assert!(status.success(), "{ended}{errors}");
    assert!(row(&ended, "revocation").starts_with("done"), "{ended}");
    assert!(bench.requests("/revoke")[0].header("authorization").unwrap().starts_with("Basic "));
    assert!(![output, ended].concat().contains(SECRET));
}

#[test]
fn what_is_not_the_redirect_is_explained_and_asked_for_again() {
    let bench = Bench::new("garbage");
    let waiting = bench.start();
    let redirect = log_in(&waiting);
    let (address, _) = redirect.split_once('?').unwrap();
    let (guessed, url) = (format!("{address}?code=stolen&state=guessed"), waiting.url.clone());
    let (status, output, errors) = waiting.paste(&["", "garbage", address, &guessed, &url, "@/nowhere.txt", &redirect]);
    assert!(status.success(), "{output}{errors}");
    for reason in ["MalformedRedirect", "StateMissing", "StateUnknown", "RedirectUriMismatch"] {
        let said = format!("That was not it, and nothing was sent. RedirectRejected: {reason}:");
        assert!(unwrapped(&output).contains(&said), "{reason}: {output}");
    }
    assert!(output.contains("Cannot read /nowhere.txt: "), "{output}");
    assert_eq!(bench.requests("/token").len(), 1);
}

#[test]
fn a_long_redirect_may_come_from_a_file() {
    let bench = Bench::new("from-a-file");
    let waiting = bench.start();
    let file = bench.config.with_extension("txt");
    fs::write(&file, log_in(&waiting)).unwrap();
    let (status, output, errors) = waiting.paste(&[&format!("@{}", file.display())]);
    fs::remove_file(&file).unwrap();
    assert!(status.success(), "{output}{errors}");
    assert_eq!(bench.session().provider_uid(), "u-1");
}

#[test]
fn enter_tries_the_same_redirect_again() {
    let mut script = Script::default();
    script.faults = vec![
        Fault::on(Endpoint::Token).nth(1).status(429).header("retry-after", "7"),
        Fault::on(Endpoint::Jwks).nth(1).status(503),
    ];
    let bench = Bench::with("again", script, &format!(r#""client_id": "demo", "redirect_uri": "{REDIRECT_URI}""#));
    let waiting = bench.start();
    let redirect = log_in(&waiting);
    let (status, output, errors) = waiting.paste(&[&redirect, "", ""]);
    assert!(status.success(), "{output}{errors}");
    assert!(output.contains("Not now. RateLimited: BackOff: "), "{output}");
    assert!(unwrapped(&output).contains("(retry after 7 s)"), "{output}");
    assert_eq!(output.matches("Press Enter to try again").count(), 2, "{output}");
    assert_eq!((bench.requests("/token").len(), bench.requests("/jwks").len()), (2, 2));
    assert_eq!(bench.session().provider_uid(), "u-1");
}

#[test]
fn a_user_who_says_no_is_told_apart_from_the_providers_words() {
    let bench = Bench::new("denial");
    let waiting = bench.start();
    let redirect = browser::deny(&waiting.url).unwrap();
    let (status, output, errors) = waiting.paste(&[&redirect]);
    assert_eq!(status.code(), Some(1));
    let lines: Vec<_> = errors.lines().collect();
    assert!(lines[0].starts_with("error: AccessDenied: AccessDenied: "), "{errors}");
    assert_eq!(lines[1..], ["the provider's own words (untrusted): access_denied: the user said no"]);
    assert!(!output.contains("Logged in") && bench.place.sessions().is_empty());
}

#[test]
fn a_login_that_was_left_is_finished_by_a_later_run() {
    let bench = Bench::new("left");
    let left = bench.start();
    let redirect = log_in(&left);
    let (status, _, errors) = left.paste(&[]);
    assert_eq!(status.code(), Some(1));
    assert!(errors.starts_with("error: standard input ended before a redirect was pasted\n"), "{errors}");
    assert!(errors.contains("the login waits in the store; its time is over in 60 min"), "{errors}");

    let later = bench.start();
    assert!(later.printed.contains("Logins begun earlier that still wait: 1."), "{}", later.printed);
    let (status, output, errors) = later.paste(&[&redirect]);
    assert!(status.success(), "{output}{errors}");
    assert_eq!(row(after_paste(&output), "session"), bench.session().id());
    let last = bench.start();
    assert!(!last.printed.contains("still wait"), "a login that nobody will finish waits: {}", last.printed);
    last.paste(&[]);
}

#[test]
fn end_revokes_at_the_provider_and_names_its_logout_page() {
    let bench = Bench::new("end");
    bench.log_in();
    let session = bench.session();
    let (status, output, errors) = run(&bench.arguments(&["--end"]));
    assert!(status.success(), "{output}{errors}");
    assert_eq!(row(&output, "session"), session.id());
    assert!(row(&output, "revocation").starts_with("done"), "{output}");
    let logout = format!("{}/logout?id_token_hint=", bench.idp.issuer());
    assert!(output.lines().any(|line| line.starts_with(&logout)), "{output}");
    let requests = bench.requests("/revoke");
    assert_eq!((requests.len(), requests[0].status), (1, Some(200)));
    assert_eq!(requests[0].parameter("token"), session.provider_refresh_token());
    assert!(bench.place.sessions().is_empty());

    let (status, _, errors) = run(&bench.arguments(&["--end"]));
    assert_eq!((status.code(), errors.as_str()), (Some(1), "error: nobody is logged in with work-sso\n"));
}

#[test]
fn a_logout_holds_when_the_provider_does_not_revoke() {
    let bench = Bench::new("end-alone");
    bench.log_in();
    let mut script = bench.idp.script();
    script.faults = vec![Fault::on(Endpoint::Revoke).status(503)];
    bench.idp.set_script(script).unwrap();
    let (status, output, _) = run(&bench.arguments(&["--end"]));
    assert!(status.success(), "{output}");
    assert!(row(&output, "revocation").starts_with("owed"), "{output}");
    assert!(output.contains("ProviderUnavailable") && bench.place.sessions().is_empty());
    // One that says no is not asked again.
    bench.log_in();
    let mut script = bench.idp.script();
    script.faults = vec![Fault::on(Endpoint::Revoke).status(400).body(json!({"error": "invalid_client"}))];
    bench.idp.set_script(script).unwrap();
    let (status, output, _) = run(&bench.arguments(&["--end"]));
    assert!(status.success() && row(&output, "revocation").starts_with("failed"), "{output}");
}

#[test]
fn a_registration_that_is_not_there_is_answered_with_those_that_are() {
    let bench = Bench::new("unknown");
    for more in [&[] as &[_], &["--end"]] {
        let mut arguments = bench.arguments(more);
        arguments[1] = "work";
        let (status, output, errors) = run(&arguments);
        assert_eq!((status.code(), output.as_str()), (Some(1), ""));
        assert!(errors.starts_with("error: InvalidArgument: UnknownRegistration: "), "{errors}");
        assert!(errors.ends_with(": work-sso, other\n"), "{errors}");
    }
    assert!(bench.idp.requests().is_empty());
}

#[test]
fn a_wrong_configuration_is_refused_by_the_name_of_its_key() {
    let bench = Bench::new("wrong");
    let good = fs::read_to_string(&bench.config).unwrap();
    for (from, to, reason, key) in [
        ("\"client_id\": \"demo\"", "\"clientid\": \"demo\"", "UnknownKey", "registrations[0].clientid"),
        ("\"client_id\": \"demo\",", "", "InvalidConfiguration", "registrations[0] missing field `client_id`"),
        (REDIRECT_URI, "http://localhost/cb", "InvalidRedirectUri", "registrations[0].redirect_uri"),
        ("\"github\"", "\"nobody\"", "UnknownProvider", "registrations[1].provider"),
        ("\"store\": {", "\"store\": { \"plaintext\": true,", "InvalidConfiguration", "store.plaintext"),
    ] {
        assert!(good.contains(from), "{from}");
        fs::write(&bench.config, good.replacen(from, to, 1)).unwrap();
        let (status, output, errors) = run(&bench.arguments(&[]));
        assert_eq!((status.code(), output.as_str()), (Some(1), ""), "{key}");
        assert!(errors.starts_with(&format!("error: Configuration: {reason}: ")) && errors.contains(key), "{errors}");
    }
    let (status, _, errors) = run(&["login", "work-sso", "--config", "/nowhere/keyfob.json"]);
    assert_eq!(status.code(), Some(1));
    assert!(errors.starts_with("error: cannot read the configuration /nowhere/keyfob.json: "), "{errors}");
    assert!(!bench.place.0.exists(), "a store was made for a configuration that is wrong");
}

#[test]
fn a_login_on_another_device_shows_a_code_and_a_qr_code_and_waits() {
    let mut script = Script::default();
    script.device.interval_seconds = Some(1.0);
    let bench = Bench::with("device", script, &format!(r#""client_id": "demo", "redirect_uri": "{REDIRECT_URI}""#));
    let mut child = common::demo(&bench.arguments(&["--device"])).spawn().unwrap();
    let mut printed = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    while !printed.contains("Waiting for you") {
        assert_ne!(output.read_line(&mut printed).unwrap(), 0, "{printed}");
    }
    assert!(printed.lines().filter(|line| line.contains('\u{2588}')).count() > 10, "no QR code: {printed}");
    browser::connect_device(row(&printed, "page"), row(&printed, "code"), "ada", "lovelace").unwrap();
    output.read_to_string(&mut printed).unwrap();
    assert!(child.wait().unwrap().success() && row(after_paste(&printed), "provider uid") == "u-1", "{printed}");
    assert_eq!(bench.session().provider_uid(), "u-1");
}

#[test]
fn login_tells_how_it_is_used_and_names_wrong_arguments() {
    for arguments in [&["login", "--help"] as &[_], &["--", "login", "-h"]] {
        let (status, output, errors) = run(arguments);
        assert!(status.success() && errors.is_empty());
        assert!(
            output.contains("login REGISTRATION --config FILE")
                && output.contains("--device")
                && output.contains("--key-file"),
            "{output}"
        );
        assert!(output.lines().all(|line| line.chars().count() <= 80), "{output}");
    }
    for (arguments, named) in [
        (&["login"] as &[_], "REGISTRATION"),
        (&["login", "work-sso"], "--config"),
        (&["login", "work-sso", "--config"], "--config"),
        (&["login", "work-sso", "again"], "again"),
        (&["login", "--by-hand"], "--by-hand"),
    ] {
        let (status, output, errors) = run(arguments);
        assert_eq!((status.code(), output.as_str()), (Some(2), ""));
        assert!(errors.starts_with("error: ") && errors.contains(named), "{errors}");
    }
}

#[test]
fn a_store_without_its_key_is_told_by_the_name_of_the_key_file_and_keeps_its_session() {
    let bench = Bench::new("key");
    bench.log_in();
    let key = bench.place.0.with_extension("json.key");
    let elsewhere = bench.place.key_file();
    fs::rename(&key, &elsewhere).unwrap();
    let (status, output, errors) = run(&bench.arguments(&["--end"]));
    assert_eq!((status.code(), output.as_str()), (Some(1), ""));
    assert!(errors.starts_with(&format!("error: {} gives no store key: ", key.display())), "{errors}");
    assert!(!key.exists(), "a sealed store got a new key");

    let other = fs::write(&key, [1; 32]).map(|()| key.to_str().unwrap()).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (status, _, errors) = run(&bench.arguments(&["--end", "--key-file", other]));
    assert_eq!(status.code(), Some(1));
    assert!(errors.starts_with("error: StoreKey: WrongStoreKey: "), "{errors}");

    let (status, _, errors) = run(&bench.arguments(&["--end", "--key-file", elsewhere.to_str().unwrap()]));
    assert!(status.success(), "{errors}");
    fs::remove_file(&key).unwrap();
    fs::rename(&elsewhere, &key).unwrap();
    assert!(bench.place.sessions().is_empty());
}
