//! `cargo demo -- doctor DIR`: what a store tells about itself, for whoever is asked "why was I logged out?". Shows no secret.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use keyfob::{
    Config, Health, JournalEntry, Keyfob, Reason, Sealing, Session, SessionState, StoreKeyAnswer, StoreKeySource,
    WantedKey,
};
use lexopt::prelude::*;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::key_file::KeyFile;
use crate::paper::Paper;

pub(crate) const HELP: &str = "\
cargo demo -- doctor: what a store tells about itself

Usage: cargo demo -- doctor DIR [--key-file FILE] [--lines N] [--json]

  DIR        the store's folder; it is opened as any app opens it, and nothing is
             sent to anybody
  --key-file FILE
             the 32 bytes of the store's key. Without it a sealed store stays
             locked: its journal and its numbers are shown, its sessions are not
  --lines N  so many lines of the journal, the newest (default 20)
  --json     for programs: one object
  --help     this text

No token and no personal data is shown.
Exit codes: 0 shown, 1 it could not be opened, 2 wrong arguments.
";

/// What the command line says.
pub(crate) struct Options {
    folder: PathBuf,
    key: Option<PathBuf>,
    lines: usize,
    json: bool,
}

/// Reads the rest of the command line; nothing if it asks for help.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let (mut folder, mut key, mut lines, mut json) = (None, None, 20, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Long("json") => json = true,
            Long("key-file") => key = Some(parser.value()?.into()),
            Long("lines") => lines = parser.value()?.parse()?,
            Value(path) if folder.is_none() => folder = Some(PathBuf::from(path)),
            other => return Err(other.unexpected()),
        }
    }
    let folder = folder.ok_or("doctor needs the folder of a store")?;
    Ok(Some(Options { folder, key, lines, json }))
}

pub(crate) fn run(options: &Options, paper: &mut Paper) -> Result<(), Failure> {
    // To open is to make what is missing, and a doctor makes no patients.
    if !options.folder.join("keyfob.db").is_file() {
        return Err(Failure::Stage(format!("there is no store in {}", options.folder.display())));
    }
    let keyfob = open(options)?;
    let (health, journal) = (keyfob.health()?, keyfob.journal(options.lines)?);
    // A locked store does not even say which sessions it has.
    let sessions = if health.sealing() == Sealing::Locked { None } else { Some(keyfob.sessions()?) };
    if options.json {
        paper.as_it_is(&format!("{}\n", as_json(&health, sessions.as_deref(), &journal)));
        return Ok(());
    }
    paper.title("Doctor", "What the store tells about itself.");
    paper.as_it_is("\n");
    show_health(&health, paper);
    if sessions.is_none() {
        paper.as_it_is("\n");
        paper.text(
            "The store is sealed, and its key is not here: who its sessions belong to, how they ended, and which refreshes were cut off cannot be \
             told. Its key, where it can be had, goes into --key-file.",
        );
    }
    for session in sessions.iter().flatten() {
        paper.as_it_is("\n");
        show_session(session, &health, paper);
    }
    paper.as_it_is("\n");
    paper.text("The journal, newest first (times are UTC):");
    for entry in &journal {
        paper.row(&time(entry.at()), format_args!("{entry} [process {}]", entry.pid()));
    }
    Ok(())
}

/// Opens the store as it is: neither seals it nor makes a key, whatever there is.
fn open(options: &Options) -> Result<Keyfob, Failure> {
    let key = options.key.as_deref().map(KeyFile::at);
    if let Some(Err(error)) = key.as_ref().map(KeyFile::read) {
        return Err(Failure::Stage(format!("cannot use the key file: {error}")));
    }
    let config = || Config::builder(&options.folder);
    match Keyfob::open(config().plaintext(true).build()?) {
        Err(error) if error.reason() == Reason::StoreSealed => {
            Ok(Keyfob::open(config().build()?.with_store_key_source(Arc::new(Visitor(key))))?)
        }
        opened => Ok(opened?),
    }
}

/// Has the key that it was given, if any, and no other.
struct Visitor(Option<KeyFile>);

impl StoreKeySource for Visitor {
    fn store_key(&self, wanted: WantedKey) -> StoreKeyAnswer {
        let key = self.0.as_ref().filter(|_| wanted == WantedKey::Existing).and_then(|file| file.read().ok());
        key.map_or(StoreKeyAnswer::NotNow, StoreKeyAnswer::Key)
    }
}

fn sealing(sealing: Sealing) -> &'static str {
    match sealing {
        Sealing::Plaintext => "plaintext",
        Sealing::Sealed => "sealed",
        Sealing::Locked => "locked",
        _ => "unknown",
    }
}

fn show_health(health: &Health, paper: &mut Paper) {
    paper.row("schema", health.schema_version());
    paper.row("SQLite", health.sqlite_version());
    paper.row(
        "secrets",
        match health.sealing() {
            Sealing::Plaintext => "NOT SEALED: whoever can read the file has the tokens",
            Sealing::Sealed => "sealed, and the key fits",
            Sealing::Locked => "sealed, and locked: the key is not here",
            _ => "unknown",
        },
    );
    paper.row(
        "damaged",
        match health.moved_aside() {
            0 => "never".to_owned(),
            count => format!("{count} databases were moved aside (damaged-*.db), and what was in them is gone"),
        },
    );
    paper.row(
        "sessions",
        format_args!("{} active, {} waiting for a login", health.active_sessions(), health.ended_sessions()),
    );
    paper.row("owed", format_args!("{} logouts that a provider is still to be told of", health.owed_revocations()));
    paper.row(
        "clock",
        health.clock_skew_seconds().map_or_else(
            || "never seen to be off".to_owned(),
            |seconds| format!("off by {seconds} s when a provider last told"),
        ),
    );
}

fn show_session(session: &Session, health: &Health, paper: &mut Paper) {
    paper.row("session", session.id());
    paper.row("  registration", format_args!("{} at {}", session.registration(), session.provider()));
    match session.state() {
        SessionState::Active => paper.row("  state", "active"),
        SessionState::Ended(cause) => paper.row("  state", format_args!("ended: {}. {}", cause.name(), meaning(cause))),
        _ => paper.row("  state", "unknown"),
    }
    paper.row("  tokens of", time(session.updated_at()));
    for interrupted in health.interrupted().iter().filter(|interrupted| interrupted.session() == session.id()) {
        let what = match (interrupted.is_verified(), interrupted.is_in_doubt(), interrupted.is_alive()) {
            (false, ..) => "new tokens are saved and not checked yet".to_owned(),
            (_, true, _) => "a refresh is in doubt; it is repeated when its time comes".to_owned(),
            (_, _, true) => format!("process {} is at it, or has tokens that it could not save", interrupted.pid()),
            _ => format!("process {} died in it; the next call repeats it", interrupted.pid()),
        };
        paper.row("  refresh", what);
    }
}

/// What a cause means, and what led to it, in words for somebody who has a user on the telephone.
fn meaning(cause: Reason) -> &'static str {
    match cause {
        Reason::Revoked => {
            "The provider ended it: the user or an administrator took the permission back, the password was changed, or the grant was too old. \
             Nothing was lost on this side."
        }
        Reason::RotationLost => {
            "The provider had given the next refresh token, and it never arrived: the process died, or the connection broke, between the provider's \
             answer and its saving; the provider then refused the one before."
        }
        Reason::Expired => "The provider gave nothing to renew the token with, and it is over.",
        Reason::KeyLost => {
            "The device's keystore said that the store key is gone, so nobody can read the tokens any more."
        }
        Reason::OtherDevice => "The store was copied from another device, and may be used on one of them only.",
        Reason::IdentityMismatch => "The provider's new tokens named another user.",
        _ => "Keyfob's documentation of this reason says more.",
    }
}

fn as_json(health: &Health, sessions: Option<&[Session]>, journal: &[JournalEntry]) -> Value {
    json!({
        "schema": health.schema_version(),
        "sqlite": health.sqlite_version(),
        "sealing": sealing(health.sealing()),
        "moved_aside": health.moved_aside(),
        "active_sessions": health.active_sessions(),
        "ended_sessions": health.ended_sessions(),
        "owed_revocations": health.owed_revocations(),
        "clock_skew_seconds": health.clock_skew_seconds(),
        // Nobody knows them while the store is locked.
        "interrupted": sessions.map(|_| health.interrupted().iter().map(|one| json!({
            "session": one.session(), "pid": one.pid(), "alive": one.is_alive(), "in_doubt": one.is_in_doubt(),
            "verified": one.is_verified(),
        })).collect::<Vec<_>>()),
        "sessions": sessions.map(|sessions| sessions.iter().map(|session| json!({
            "id": session.id(), "registration": session.registration(), "provider": session.provider(),
            "cause": match session.state() { SessionState::Ended(cause) => Some(cause.name()), _ => None },
            "updated_at": time(session.updated_at()),
        })).collect::<Vec<_>>()),
        "journal": journal.iter().map(|entry| json!({
            "at": time(entry.at()), "pid": entry.pid(), "event": entry.event(), "registration": entry.registration(),
            "session": entry.session(), "reason": entry.reason(), "http_status": entry.http_status(),
            "wish": entry.wish(), "waited_ms": entry.waited().map(|waited| waited.as_millis()),
            "clock_skew_seconds": entry.clock_skew_seconds(),
        })).collect::<Vec<_>>(),
    })
}

/// Day and time, UTC.
fn time(time: SystemTime) -> String {
    let text = httpdate::fmt_http_date(time);
    // "Tue, 24 Nov 2026 03:04:05 GMT": without the day's name and the zone.
    let parts: Vec<&str> = text.split(' ').collect();
    match parts.as_slice() {
        [_, day, month, _, clock, _] => format!("{day} {month} {clock}"),
        _ => text,
    }
}
