//! Logins in the browser of this machine: a real loopback port, a real provider, and everybody else who comes to the port.
#![cfg(all(feature = "ureq", feature = "loopback"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that fails should say where")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use keyfob::{
    Browser, BrowserLogin, Completed, Config, ErrorKind, Keyfob, LoginControl, LoginOptions, LoginPages, Reason,
    Registration, Result,
};
use keyfob_idp::{Endpoint, Fault, Idp, Script, browser};
use support::{Bench, SSO, Temp, let_others_wait, log_in, parameter};

/// A browser that gives the test the URL.
struct Opened(Mutex<Sender<String>>);

impl Browser for Opened {
    fn open(&self, url: &str) -> bool {
        self.0.lock().unwrap().send(url.to_owned()).unwrap();
        true
    }
}

/// A login that waits on a thread of its own.
struct Waiting {
    url: String,
    thread: thread::JoinHandle<Result<Completed>>,
}

fn opened() -> (Arc<Opened>, Receiver<String>) {
    let (sender, receiver) = channel();
    (Arc::new(Opened(Mutex::new(sender))), receiver)
}

fn start(keyfob: &Keyfob, login: BrowserLogin) -> Waiting {
    let (browser, urls) = opened();
    let keyfob = keyfob.clone();
    let thread = thread::spawn(move || keyfob.login_in_browser(SSO, login.browser(browser)));
    match urls.recv() {
        Ok(url) => Waiting { url, thread },
        Err(_) => panic!("{:?}", thread.join().unwrap()),
    }
}

impl Waiting {
    fn address(&self) -> SocketAddr {
        let uri = url::Url::parse(&parameter(&self.url, "redirect_uri").unwrap()).unwrap();
        uri.socket_addrs(|| None).unwrap()[0]
    }

    fn end(self) -> Result<Completed> {
        self.thread.join().unwrap()
    }
}

/// Sends bytes and reads to the end. What the other side closes meanwhile is no failure of the sender's.
fn say(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// What a browser sends that is redirected there.
fn get(url: &str) -> Vec<u8> {
    let url = url::Url::parse(url).unwrap();
    let target = url.as_str().split_once(url.authority()).unwrap().1.to_owned();
    format!("GET {target} HTTP/1.1\r\nHost: {}\r\nAccept: text/html\r\nConnection: keep-alive\r\n\r\n", url.authority())
        .into_bytes()
}

fn follow(waiting: &Waiting, redirect: &str) -> String {
    say(waiting.address(), &get(redirect))
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap_or("0").parse().unwrap()
}

#[test]
fn a_login_in_the_browser_makes_a_session_and_shows_the_success_page() {
    let bench = Bench::new(|_| {});
    let waiting = start(&bench.keyfob, BrowserLogin::new().pages(LoginPages::new("Notes")));
    let answer = follow(&waiting, &log_in(&waiting.url));
    assert_eq!(status(&answer), 200);
    assert!(answer.contains("You are signed in") && answer.contains("go back to Notes"), "{answer}");
    assert_eq!(waiting.end().unwrap().session().provider_uid(), "u-1");
    assert!(bench.keyfob.pending_logins().unwrap().is_empty());
}

#[test]
fn s13_the_port_is_open_on_both_loopback_addresses_and_only_while_the_login_waits() {
    let bench = Bench::new(|_| {});
    let waiting = start(&bench.keyfob, BrowserLogin::new());
    let address = waiting.address();
    assert!(address.ip().is_loopback());
    let sixth = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), address.port());
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        let right_state = get(&format!("http://[::1]:{}/callback/work-sso?code=c&state=x", address.port()));
        assert_eq!(status(&say(sixth, &right_state)), 421, "it listens there, and the redirect does not go there");
    }
    // Listening on every address would have taken this one.
    drop(TcpListener::bind(("127.0.0.2", address.port())).unwrap());
    let redirect = log_in(&waiting.url);
    let answer = follow(&waiting, &redirect);
    assert_eq!(status(&answer), 200);
    waiting.end().unwrap();
    assert!(TcpStream::connect(address).is_err(), "a second redirect is refused");
    assert!(TcpStream::connect(sixth).is_err());
}

#[test]
fn the_app_s_own_links_are_where_the_browser_is_sent() {
    let bench = Bench::new(|_| {});
    let links = || LoginOptions::new().success("notes-app:/home").failure("https://notes.example/sorry");
    let waiting = start(&bench.keyfob, BrowserLogin::new().options(links()));
    let answer = follow(&waiting, &log_in(&waiting.url));
    assert!(status(&answer) == 303 && answer.contains("\r\nLocation: notes-app:/home\r\n"), "{answer}");
    assert_eq!(waiting.end().unwrap().return_to(), Some("notes-app:/home"));

    let waiting = start(&bench.keyfob, BrowserLogin::new().options(links()));
    let answer = follow(&waiting, &browser::deny(&waiting.url).unwrap());
    assert!(status(&answer) == 303 && answer.contains("\r\nLocation: https://notes.example/sorry\r\n"), "{answer}");
    let error = waiting.end().unwrap_err();
    assert_eq!((error.kind(), error.return_to()), (ErrorKind::AccessDenied, Some("https://notes.example/sorry")));
}

#[test]
fn s78_a_failure_is_shown_without_a_word_of_what_came() {
    let bench = Bench::new(|_| {});
    let waiting = start(&bench.keyfob, BrowserLogin::new());
    let state = parameter(&waiting.url, "state").unwrap();
    let uri = parameter(&waiting.url, "redirect_uri").unwrap();
    let issuer = bench.idp.issuer();
    let redirect = format!(
        "{uri}?error=server_error&error_description=%3Cscript%3ECANARY%3C/script%3E&error_uri=https://evil.example&state={state}&iss={issuer}"
    );
    let answer = follow(&waiting, &redirect);
    assert_eq!(status(&answer), 400);
    assert!(answer.contains("ServerError") && !answer.contains("CANARY") && !answer.contains("evil"), "{answer}");
    for header in
        ["Referrer-Policy: no-referrer", "Cache-Control: no-store", "Content-Security-Policy: default-src 'none'"]
    {
        assert!(answer.contains(header), "{header}");
    }
    assert_eq!(waiting.end().unwrap_err().reason(), Reason::ServerError);

    let waiting = start(&bench.keyfob, BrowserLogin::new());
    let answer = follow(&waiting, &browser::deny(&waiting.url).unwrap());
    assert!(status(&answer) == 403 && answer.contains("You are not signed in"), "{answer}");
    assert_eq!(waiting.end().unwrap_err().kind(), ErrorKind::AccessDenied);
}

#[test]
fn a_form_post_comes_to_the_receiver_too() {
    let bench = Bench::new(|_| {});
    let waiting = start(&bench.keyfob, BrowserLogin::new().options(LoginOptions::new().form_post()));
    let (action, body) = browser::log_in_by_form(&waiting.url, "ada", "lovelace").unwrap();
    assert_eq!(parameter(&waiting.url, "response_mode").as_deref(), Some("form_post"));
    let address = url::Url::parse(&action).unwrap();
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nOrigin: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        address.path(),
        address.authority(),
        bench.idp.issuer(),
        body.len()
    );
    // In two pieces, as a body of its own packet comes.
    let mut stream = TcpStream::connect(waiting.address()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let_others_wait();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(status(&answer), 200);
    assert_eq!(waiting.end().unwrap().session().provider_uid(), "u-1");
}

#[test]
fn a_form_is_completed_without_a_receiver_as_well() {
    let bench = Bench::new(|_| {});
    let login = bench.keyfob.begin_login(SSO, LoginOptions::new().redirect_port(7777).form_post()).unwrap();
    let (action, body) = browser::log_in_by_form(login.authorization_url(), "ada", "lovelace").unwrap();
    let elsewhere = bench.keyfob.complete_login_form("http://127.0.0.1:7777/other", &body).unwrap_err();
    assert_eq!(elsewhere.reason(), Reason::RedirectUriMismatch);
    let mixed = bench.keyfob.complete_login_form(&format!("{action}?state=x"), &body).unwrap_err();
    assert_eq!(mixed.reason(), Reason::UnexpectedParameter);
    let session = bench.keyfob.complete_login_form(&action, &body).unwrap().into_session();
    assert_eq!(bench.keyfob.complete_login_form(&action, &body).unwrap().session().id(), session.id());
    assert_eq!(bench.count("/token"), 1);
}

#[test]
fn two_logins_at_once_do_not_mix() {
    let bench = Bench::new(|_| {});
    let first = start(&bench.keyfob, BrowserLogin::new().options(LoginOptions::new().app_data("first")));
    let second = start(&bench.keyfob, BrowserLogin::new().options(LoginOptions::new().app_data("second")));
    assert_ne!(first.address(), second.address());
    let (to_first, to_second) = (log_in(&first.url), log_in(&second.url));
    // The first one's answer at the second one's port, with that one's address in it too.
    let port = |waiting: &Waiting| waiting.address().port().to_string();
    let strayed = to_first.replace(&port(&first), &port(&second));
    assert_eq!(status(&follow(&second, &strayed)), 400);
    assert_eq!(status(&follow(&second, &to_first)), 421);
    assert_eq!(status(&follow(&second, &to_second)), 200);
    assert_eq!(second.end().unwrap().app_data(), Some("second"));
    assert_eq!(status(&follow(&first, &to_first)), 200);
    assert_eq!(first.end().unwrap().app_data(), Some("first"));
}

#[test]
fn a_time_limit_and_another_thread_end_the_wait_and_the_login() {
    let bench = Bench::new(|_| {});
    let waiting = start(&bench.keyfob, BrowserLogin::new());
    let (address, redirect) = (waiting.address(), log_in(&waiting.url));
    bench.clock.pass(Duration::from_secs(301));
    assert_eq!(waiting.end().unwrap_err().reason(), Reason::WaitTimeout);
    assert!(TcpStream::connect(address).is_err());
    assert_eq!(bench.keyfob.complete_login(&redirect).unwrap_err().reason(), Reason::RedirectUsed);

    let control = LoginControl::new();
    let waiting = start(&bench.keyfob, BrowserLogin::new().control(&control));
    control.cancel();
    assert_eq!(waiting.end().unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(bench.keyfob.pending_logins().unwrap().is_empty());
    let before = bench.keyfob.login_in_browser(SSO, BrowserLogin::new().control(&control)).unwrap_err();
    assert_eq!(before.kind(), ErrorKind::Cancelled);
    assert_eq!(bench.count("/token"), 0);
}

#[test]
fn a_pasted_redirect_completes_the_login_and_a_wrong_one_does_not_disturb_it() {
    let bench = Bench::new(|_| {});
    let control = LoginControl::new();
    assert_eq!(control.hand_over("http://127.0.0.1/cb?state=x&code=c").unwrap_err().reason(), Reason::StateUnknown);
    let waiting = start(&bench.keyfob, BrowserLogin::new().control(&control));
    for (wrong, reason) in [
        ("garbage", Reason::MalformedRedirect),
        ("http://127.0.0.1/callback/work-sso", Reason::StateMissing),
        ("http://127.0.0.1/callback/work-sso?code=c&state=guessed", Reason::StateUnknown),
    ] {
        assert_eq!(control.hand_over(wrong).unwrap_err().reason(), reason);
    }
    control.hand_over(&format!("  {}\n", log_in(&waiting.url))).unwrap();
    assert_eq!(waiting.end().unwrap().session().provider_uid(), "u-1");
}

struct NoBrowser;

impl Browser for NoBrowser {
    fn open(&self, _url: &str) -> bool {
        false
    }
}

#[test]
fn what_cannot_begin_says_why_and_leaves_no_login_behind() {
    let bench = Bench::new(|_| {});
    let error = bench.keyfob.login_in_browser(SSO, BrowserLogin::new().browser(Arc::new(NoBrowser))).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::InvalidState, Reason::BrowserUnavailable));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let options = LoginOptions::new().redirect_port(taken.local_addr().unwrap().port());
    let error = bench.keyfob.login_in_browser(SSO, BrowserLogin::new().options(options)).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::InvalidState, Reason::LoopbackUnavailable));
    let zero = BrowserLogin::new().options(LoginOptions::new().redirect_port(0));
    assert_eq!(bench.keyfob.login_in_browser(SSO, zero).unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert!(bench.keyfob.pending_logins().unwrap().is_empty());

    let temp = Temp::new();
    let registration = Registration::new("app", "oidc", "demo", "com.example.notes:/cb");
    let config = Config::builder(temp.store())
        .plaintext(true)
        .registration(registration.variable("issuer", bench.idp.issuer()))
        .build()
        .unwrap();
    let keyfob = Keyfob::open(config).unwrap();
    let error = keyfob.login_in_browser("app", BrowserLogin::new()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Configuration, Reason::InvalidConfiguration));
}

#[test]
fn the_keys_are_fetched_while_the_user_is_at_the_provider() {
    let bench = Bench::new(|_| ());
    let waiting = start(&bench.keyfob, BrowserLogin::new());
    for _ in 0..300 {
        if bench.count("/jwks") == 1 {
            break;
        }
        let_others_wait();
    }
    let redirect = log_in(&waiting.url);
    let before = bench.idp.requests().len();
    assert_eq!(status(&follow(&waiting, &redirect)), 200);
    waiting.end().unwrap();
    let after: Vec<_> = bench.idp.requests().split_off(before).into_iter().map(|request| request.path).collect();
    assert_eq!(after, ["/token"]);

    // Nobody asks for those that are there.
    let waiting = start(&bench.keyfob, BrowserLogin::new());
    assert_eq!(status(&follow(&waiting, &log_in(&waiting.url))), 200);
    waiting.end().unwrap();
    assert_eq!(bench.count("/jwks"), 1);
}

#[test]
fn a_failure_that_passes_is_tried_again_while_the_browser_waits() {
    let bench = Bench::new(|script| {
        script.faults =
            vec![Fault::on(Endpoint::Token).nth(1).status(503), Fault::on(Endpoint::Jwks).nth(1).status(503)];
    });
    let waiting = start(&bench.keyfob, BrowserLogin::new());
    assert_eq!(status(&follow(&waiting, &log_in(&waiting.url))), 200);
    waiting.end().unwrap();
    assert_eq!((bench.count("/token"), bench.count("/jwks")), (2, 2));
}

#[test]
fn the_login_completes_when_the_browser_goes_away_before_its_page() {
    let bench = Bench::new(|_| {});
    let waiting = start(&bench.keyfob, BrowserLogin::new());
    let redirect = log_in(&waiting.url);
    let mut stream = TcpStream::connect(waiting.address()).unwrap();
    stream.write_all(&get(&redirect)).unwrap();
    drop(stream);
    assert_eq!(waiting.end().unwrap().session().provider_uid(), "u-1");
}

/// What this process has in memory, in KiB.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn hostile_clients_neither_stop_the_true_redirect_nor_fill_the_memory() {
    let idp = Idp::start(Script::default()).unwrap();
    let temp = Temp::new();
    let keyfob = Keyfob::open(support::config(idp.issuer(), &temp.store())).unwrap();
    let waiting = start(&keyfob, BrowserLogin::new());
    let address = waiting.address();
    let host = address.to_string();
    let before = resident();

    // Slow-loris: more than are listened to, each with a request that never ends.
    let mut slow: Vec<TcpStream> = (0..200).filter_map(|_| TcpStream::connect(address).ok()).collect();
    for stream in &mut slow {
        let _ = stream.write_all(format!("GET /callback/work-sso?code=x HTTP/1.1\r\nHost: {host}\r\nX: ").as_bytes());
    }
    // Early close, wrong names, huge headers, bodies that are promised and never come.
    let huge = format!("GET /callback/work-sso HTTP/1.1\r\nHost: {host}\r\nX: {}", "y".repeat(1024 * 1024));
    let headers = format!("GET / HTTP/1.1\r\nHost: {host}\r\n{}\r\n", "X: y\r\n".repeat(5000));
    let body = format!(
        "POST /callback/work-sso HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 262144\r\n\r\n"
    );
    let rebound = "GET /callback/work-sso?code=c&state=s HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned();
    let garbage: [&[u8]; 6] =
        [b"", b"\x16\x03\x01\x02\x00\x01", huge.as_bytes(), headers.as_bytes(), body.as_bytes(), rebound.as_bytes()];
    let mut most = 0;
    for number in 0..10_000 {
        let Ok(mut stream) = TcpStream::connect(address) else { continue };
        let _ = stream.set_write_timeout(Some(Duration::from_millis(50)));
        let piece = garbage[if number % 100 == 0 { 2 } else { number % 6 }];
        let _ = stream.write_all(if number % 100 != 0 && number % 6 == 2 { b"GET" } else { piece });
        if number % 500 == 0 {
            most = most.max(resident());
        }
    }
    for _ in 0..3 {
        assert_eq!(status(&say(address, rebound.as_bytes())), 421);
    }
    let answer = follow(&waiting, &log_in(&waiting.url));
    assert_eq!(status(&answer), 200, "{answer}");
    assert_eq!(waiting.end().unwrap().session().provider_uid(), "u-1");
    let grown = most.saturating_sub(before);
    println!("10,200 hostile connections: {grown} KiB more at most");
    assert!(grown < 24 * 1024, "{grown} KiB");
    drop(slow);
}
