//! Logins as a person has them: Chromium, a provider's pages, the loopback receiver, and what is shown in the end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that fails should say where"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use keyfob::{
    Browser, BrowserLogin, Completed, Config, ErrorKind, Keyfob, LoginOptions, LoginPages, Registration, Result,
};
use keyfob_browser::Chromium;
use keyfob_idp::{Idp, Script};
use keyfob_peers::{Bench, Client, Signature};
use serde_json::Value;

const SSO: &str = "work-sso";

struct Told(Mutex<std::sync::mpsc::Sender<String>>);

impl Browser for Told {
    fn open(&self, url: &str) -> bool {
        self.0.lock().unwrap().send(url.to_owned()).is_ok()
    }
}

/// A login that waits for its redirect on a thread of its own, and the URL that it wants opened.
fn begin(keyfob: &Keyfob, registration: &'static str, login: BrowserLogin) -> (String, JoinHandle<Result<Completed>>) {
    let (sender, urls) = channel();
    let keyfob = keyfob.clone();
    let login = login.browser(Arc::new(Told(Mutex::new(sender))));
    let thread = thread::spawn(move || keyfob.login_in_browser(registration, login));
    (urls.recv().unwrap(), thread)
}

struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("keyfob-browser-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn idp(name: &str) -> (Idp, Keyfob, Place) {
    let idp = Idp::start(Script::default()).unwrap();
    let place = Place::new(name);
    let registration = Registration::new(SSO, "oidc", "demo", "http://127.0.0.1/callback/work-sso");
    let registration = registration.variable("issuer", idp.issuer()).scope("openid").scope("email");
    let config = Config::builder(&place.0).plaintext(true).registration(registration).build().unwrap();
    let keyfob = Keyfob::open(config).unwrap();
    (idp, keyfob, place)
}

const ADA: &[(&str, &str)] = &[("username", "ada"), ("password", "lovelace")];
const ALLOW: &str = "Sign in and allow";

fn text(shown: &Value, key: &str) -> String {
    shown[key].as_str().unwrap_or_default().to_owned()
}

/// Looks at what a tab shows in every light: pictures into `target/`, and axe-core.
fn look(chromium: &mut Chromium, tab: &str, name: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    fs::create_dir_all(&folder).unwrap();
    for (light, scheme, width) in
        [("light", "light", 1000), ("dark", "dark", 1000), ("narrow", "light", 320), ("narrow-dark", "dark", 320)]
    {
        let file = folder.join(format!("{name}-{light}.png"));
        let overflow = chromium.shoot(tab, &file, scheme, width).unwrap();
        assert!(!overflow, "{name} is wider than {width} pixels");
        let violations = chromium.violations(tab, scheme).unwrap();
        assert!(violations.is_empty(), "{name}, {light}: {violations:#?}");
    }
    println!("pictures of {name}: {}", folder.display());
}

#[test]
fn a_login_at_keyfob_idp_ends_at_the_success_page_and_a_second_redirect_is_refused() {
    let (_idp, keyfob, _place) = idp("success");
    let mut chromium = Chromium::start().unwrap();
    let (url, login) = begin(&keyfob, SSO, BrowserLogin::new().pages(LoginPages::new("Notes")));
    let page = chromium.open("a", &url).unwrap();
    assert!(text(&page, "title").starts_with("Sign in to"), "{page}");
    look(&mut chromium, "a", "idp-sign-in");
    let wrong = chromium.fill("a", &[("username", "ada"), ("password", "babbage")], ALLOW).unwrap();
    assert!(text(&wrong, "title").starts_with("Problem"), "{wrong}");
    look(&mut chromium, "a", "idp-problem");
    let shown = chromium.fill("a", ADA, ALLOW).unwrap();
    assert_eq!(shown["status"], 200, "{shown}");
    assert!(text(&shown, "url").starts_with("http://127.0.0.1:"), "{shown}");
    assert_eq!(text(&shown, "title"), "You are signed in \u{2013} Notes");
    assert!(text(&shown, "text").contains("You can close this window"), "{shown}");
    assert_eq!(shown["headers"]["referrer-policy"], "no-referrer");
    assert_eq!(shown["headers"]["cache-control"], "no-store");
    let complaints = &shown["complaints"];
    assert!(!complaints.to_string().contains("Content Security Policy"), "{complaints}");
    let session = login.join().unwrap().unwrap().into_session();
    assert_eq!((session.provider_uid(), session.profile().email()), ("u-1", Some("ada@example.com")));
    look(&mut chromium, "a", "success");
    let again = chromium.open("b", &text(&shown, "url")).unwrap_err().to_string();
    assert!(again.contains("ERR_CONNECTION_REFUSED"), "{again}");
}

#[test]
fn a_denial_ends_at_the_page_for_that_and_an_error_at_the_failure_page() {
    let (idp, keyfob, _place) = idp("denial");
    let mut chromium = Chromium::start().unwrap();
    let (url, login) = begin(&keyfob, SSO, BrowserLogin::new().pages(LoginPages::new("Notes")));
    chromium.open("a", &url).unwrap();
    let shown = chromium.fill("a", &[], "Deny").unwrap();
    assert_eq!(
        (shown["status"].as_u64(), text(&shown, "title")),
        (Some(403), "You are not signed in \u{2013} Notes".into())
    );
    assert_eq!(login.join().unwrap().unwrap_err().kind(), ErrorKind::AccessDenied);
    look(&mut chromium, "a", "denied");

    let mut script = idp.script();
    script.tamper.redirect.set.insert("error".to_owned(), "server_error".into());
    script.tamper.redirect.set.insert("error_description".to_owned(), "<b>CANARY</b>".into());
    script.tamper.redirect.remove.push("code".to_owned());
    idp.set_script(script).unwrap();
    let (url, login) = begin(&keyfob, SSO, BrowserLogin::new().pages(LoginPages::new("Notes")));
    chromium.open("c", &url).unwrap();
    let shown = chromium.fill("c", ADA, ALLOW).unwrap();
    assert_eq!(shown["status"], 400, "{shown}");
    let said = text(&shown, "text");
    assert!(
        said.contains("Signing in did not work") && said.contains("ServerError") && !said.contains("CANARY"),
        "{said}"
    );
    assert_eq!(login.join().unwrap().unwrap_err().kind(), ErrorKind::OAuth);
    look(&mut chromium, "c", "failure");
}

#[test]
fn two_logins_at_once_do_not_mix() {
    let (_idp, keyfob, _place) = idp("two");
    let mut chromium = Chromium::start().unwrap();
    let wanted = |data: &str| BrowserLogin::new().options(LoginOptions::new().app_data(data));
    let (first_url, first) = begin(&keyfob, SSO, wanted("first"));
    let (second_url, second) = begin(&keyfob, SSO, wanted("second"));
    chromium.open("first", &first_url).unwrap();
    chromium.open("second", &second_url).unwrap();
    // The later one is finished before the earlier one.
    assert_eq!(chromium.fill("second", ADA, ALLOW).unwrap()["status"], 200);
    assert_eq!(second.join().unwrap().unwrap().app_data(), Some("second"));
    assert_eq!(chromium.fill("first", ADA, ALLOW).unwrap()["status"], 200);
    assert_eq!(first.join().unwrap().unwrap().app_data(), Some("first"));
}

#[test]
fn a_form_that_the_browser_posts_by_itself_ends_at_the_success_page() {
    let (_idp, keyfob, _place) = idp("form");
    let mut chromium = Chromium::start().unwrap();
    let (url, login) = begin(&keyfob, SSO, BrowserLogin::new().options(LoginOptions::new().form_post()));
    chromium.open("a", &url).unwrap();
    let shown = chromium.fill("a", ADA, ALLOW).unwrap();
    assert_eq!(text(&shown, "title"), "You are signed in", "{shown}");
    assert!(!text(&shown, "url").contains("code="), "no code stands in the address: {shown}");
    assert_eq!(login.join().unwrap().unwrap().session().provider_uid(), "u-1");
}

#[test]
fn the_browser_goes_on_to_the_app_s_own_page() {
    let (idp, keyfob, _place) = idp("links");
    let mut chromium = Chromium::start().unwrap();
    // Somewhere that is there: the provider's page for devices.
    let home = format!("{}/device", idp.issuer());
    let (url, login) = begin(&keyfob, SSO, BrowserLogin::new().options(LoginOptions::new().success(&home)));
    chromium.open("a", &url).unwrap();
    let shown = chromium.fill("a", ADA, ALLOW).unwrap();
    assert_eq!((text(&shown, "url"), shown["status"].as_u64()), (home, Some(200)));
    login.join().unwrap().unwrap();
    let request = idp.requests().into_iter().rfind(|request| request.path == "/device").unwrap();
    assert_eq!(request.header("referer"), None, "the address with the code is told to nobody");
}

#[test]
fn a_device_is_connected_at_keyfob_idp_s_page() {
    let (_idp, keyfob, _place) = idp("device");
    let mut chromium = Chromium::start().unwrap();
    let login = keyfob.begin_device_login(SSO, LoginOptions::new()).unwrap();
    chromium.open("a", login.verification_uri_complete().unwrap()).unwrap();
    look(&mut chromium, "a", "idp-device");
    let shown = chromium.fill("a", ADA, "Sign in and connect").unwrap();
    assert!(text(&shown, "text").contains("Your device is connected"), "{shown}");
    look(&mut chromium, "a", "idp-device-connected");
}

#[test]
fn a_login_at_oidc_provider_ends_at_the_success_page_and_a_denial_at_its_own() {
    let bench = Bench::new(Client::public(Signature::Es256)).unwrap();
    let mut chromium = Chromium::start().unwrap();
    let (url, login) = begin(&bench.keyfob, "peer", BrowserLogin::new());
    chromium.open("a", &url).unwrap();
    chromium.fill("a", &[("login", "ada"), ("password", "any")], "Sign-in").unwrap();
    let shown = chromium.fill("a", &[], "Continue").unwrap();
    assert_eq!(text(&shown, "title"), "You are signed in", "{shown}");
    assert_eq!(login.join().unwrap().unwrap().session().provider_uid(), "ada");

    let (url, login) = begin(&bench.keyfob, "peer", BrowserLogin::new());
    chromium.open("b", &url).unwrap();
    let shown = chromium.fill("b", &[], "Cancel").unwrap();
    assert_eq!(text(&shown, "title"), "You are not signed in", "{shown}");
    assert_eq!(login.join().unwrap().unwrap_err().kind(), ErrorKind::AccessDenied);
}
