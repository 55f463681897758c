//! What an app does, as often as it is told.

use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use keyfob::{Browser, BrowserLogin, Clock, Keyfob, LoginOptions, MinValidity, Session, SystemClock};
use serde_json::{Value, json};

use crate::{Given, ask, bench_measured, recorded};

/// The registration of every configuration here.
pub(crate) const REGISTRATION: &str = "work-sso";

fn log_in(keyfob: &Keyfob) -> Result<Session> {
    let login = keyfob.begin_login(REGISTRATION, LoginOptions::new())?;
    let redirect = ask(login.authorization_url())?;
    Ok(keyfob.complete_login(&redirect)?.into_session())
}

/// The session of a store that somebody logged in to.
pub(crate) fn session(keyfob: &Keyfob) -> Result<Session> {
    keyfob.current_session()?.context("nobody has logged in")
}

/// One login. What it cost stands in the provider's log.
pub(crate) fn login(given: &Given) -> Result<Value> {
    let session = log_in(&given.open()?)?;
    Ok(json!({ "id_token": session.id_token() }))
}

/// The same in the browser of this machine.
pub(crate) fn browser_login(given: &Given) -> Result<Value> {
    let keyfob = given.open()?;
    keyfob.login_in_browser(REGISTRATION, BrowserLogin::new().browser(Arc::new(Somebody)))?;
    Ok(json!({}))
}

/// A browser, and a user who takes a moment, as they all do.
struct Somebody;

impl Browser for Somebody {
    fn open(&self, url: &str) -> bool {
        let url = url.to_owned();
        thread::spawn(move || {
            thread::sleep(Duration::from_secs(1));
            if let Err(error) = follow(&url) {
                eprintln!("the browser: {error:#}");
            }
        });
        true
    }
}

/// Goes where the provider sends it, which is to this process.
fn follow(url: &str) -> Result<()> {
    let redirect = ask(url)?;
    let (address, target) = redirect
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .with_context(|| format!("not a loopback redirect: {redirect}"))?;
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET /{target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut page = Vec::new();
    stream.read_to_end(&mut page)?;
    Ok(())
}

/// A cached token, so many times.
pub(crate) fn token(given: &Given) -> Result<Value> {
    let keyfob = given.open()?;
    let id = session(&keyfob)?.id().to_owned();
    let times = given.count(0)?;
    let ask_for_it = || keyfob.access_token(&id, MinValidity::secs(60));
    black_box(ask_for_it()?);
    recorded(|| (0..times).try_for_each(|_| ask_for_it().map(|token| drop(black_box(token)))))?;
    Ok(json!({ "times": times }))
}

/// Refreshes, one after the other: each is enclosed by itself, the first of them with a new connection. With the word `checkpoint` the write-ahead log is
/// emptied before the last one.
pub(crate) fn refresh(given: &Given) -> Result<Value> {
    let keyfob = given.open()?;
    let id = session(&keyfob)?.id().to_owned();
    let times = given.count(0)?;
    for time in 1..=times {
        if time == times && given.word(1).is_ok_and(|word| word == "checkpoint") {
            let database = rusqlite::Connection::open(given.store()?.join("keyfob.db"))?;
            database.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get::<_, i64>(0))?;
        }
        recorded(|| keyfob.refresh_session(&id).map(|session| drop(black_box(session))))?;
    }
    Ok(json!({ "times": times }))
}

/// Opens a store that is there.
pub(crate) fn open(given: &Given) -> Result<Value> {
    let config = given.config()?;
    let keyfob = recorded(|| Keyfob::open(config))?;
    // There may be a million more.
    Ok(json!({ "has_session": !keyfob.sessions_page(None, 1)?.is_empty() }))
}

/// Logins whose ID tokens name keys that nobody published, each tried so often: what that costs in fetches of the keys stands in the provider's log. The
/// first fetch is allowed: by this process's clock the stored keys are old enough. Then no time passes.
pub(crate) fn storm(given: &Given) -> Result<Value> {
    let still = Still { wall: SystemTime::now() + MINUTE, boot: SystemClock::new().boot() + MINUTE };
    let keyfob = Keyfob::open(given.config()?.with_clock(Arc::new(still)))?;
    let (logins, tries) = (given.count(0)?, given.count(1)?);
    let mut refused = 0;
    for number in 0..logins {
        let kid = json!({ "id_token": { "header": { "kid": format!("unknown-{number}") } } });
        ask(&format!("# script {}", json!({ "tamper": kid })))?;
        let login = keyfob.begin_login(REGISTRATION, LoginOptions::new())?;
        let redirect = ask(login.authorization_url())?;
        for _ in 0..tries {
            refused += u32::from(keyfob.complete_login(&redirect).is_err());
        }
    }
    Ok(json!({ "refused": refused }))
}

/// After this the keys of the store may be fetched again, should a token name another one.
const MINUTE: Duration = Duration::from_secs(60);

/// A clock that stands still.
struct Still {
    wall: SystemTime,
    boot: Duration,
}

impl Clock for Still {
    fn wall(&self) -> SystemTime {
        self.wall
    }

    fn boot(&self) -> Duration {
        self.boot
    }

    fn boot_id(&self) -> Option<String> {
        SystemClock::new().boot_id()
    }
}

/// What a login leaves in memory, and whether calls after it leave more: anonymous memory of the process, in bytes.
pub(crate) fn memory(given: &Given) -> Result<Value> {
    let before = anonymous_memory()?;
    let keyfob = given.open()?;
    let id = log_in(&keyfob)?.id().to_owned();
    let after_login = anonymous_memory()?;
    let times = given.count(0)?;
    let ask_for_it = |times: u32| {
        bench_measured(|| {
            (0..times)
                .try_for_each(|_| keyfob.access_token(&id, MinValidity::secs(60)).map(|token| drop(black_box(token))))
        })
    };
    // The first calls may still fill what is filled once.
    ask_for_it(times / 10)?;
    let warm = anonymous_memory()?;
    ask_for_it(times)?;
    let end = anonymous_memory()?;
    Ok(json!({ "login": after_login.saturating_sub(before), "growth": end.saturating_sub(warm) }))
}

/// `RssAnon` of `/proc/self/status`: what the program wrote to, its libraries' text not among it.
fn anonymous_memory() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("the system tells no RssAnon")?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024)
}
