//! `cargo demo -- doctor DIR`: what a store tells about itself, for whoever is asked "why was I logged out?". Shows no secret.

use std::path::PathBuf;
use std::time::SystemTime;

use keyfob::{Config, Health, JournalEntry, Keyfob, Reason, Session, SessionState};
use lexopt::prelude::*;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::paper::Paper;

pub(crate) const HELP: &str = "\
cargo demo -- doctor: what a store tells about itself

Usage: cargo demo -- doctor DIR [--lines N] [--json]

  DIR        the store's folder; it is opened as any app opens it, and nothing is
             sent to anybody
  --lines N  so many lines of the journal, the newest (default 20)
  --json     for programs: one object
  --help     this text

No token and no personal data is shown.
Exit codes: 0 shown, 1 it could not be opened, 2 wrong arguments.
";

/// What the command line says.
pub(crate) struct Options {
    folder: PathBuf,
    lines: usize,
    json: bool,
}

/// Reads the rest of the command line; nothing if it asks for help.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let (mut folder, mut lines, mut json) = (None, 20, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Long("json") => json = true,
            Long("lines") => lines = parser.value()?.parse()?,
            Value(path) if folder.is_none() => folder = Some(PathBuf::from(path)),
            other => return Err(other.unexpected()),
        }
    }
    let folder = folder.ok_or("doctor needs the folder of a store")?;
    Ok(Some(Options { folder, lines, json }))
}

pub(crate) fn run(options: &Options, paper: &mut Paper) -> Result<(), Failure> {
    // To open is to make what is missing, and a doctor makes no patients.
    if !options.folder.join("keyfob.db").is_file() {
        return Err(Failure::Stage(format!("there is no store in {}", options.folder.display())));
    }
    let keyfob = Keyfob::open(Config::builder(&options.folder).plaintext(true).build()?)?;
    let (health, sessions, journal) = (keyfob.health()?, keyfob.sessions()?, keyfob.journal(options.lines)?);
    if options.json {
        paper.as_it_is(&format!("{}\n", as_json(&health, &sessions, &journal)));
        return Ok(());
    }
    paper.title("Doctor", "What the store tells about itself.");
    paper.as_it_is("\n");
    show_health(&health, paper);
    for session in &sessions {
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

fn show_health(health: &Health, paper: &mut Paper) {
    paper.row("schema", health.schema_version());
    paper.row("SQLite", health.sqlite_version());
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
        Reason::IdentityMismatch => "The provider's new tokens named another user.",
        _ => "Keyfob's documentation of this reason says more.",
    }
}

fn as_json(health: &Health, sessions: &[Session], journal: &[JournalEntry]) -> Value {
    json!({
        "schema": health.schema_version(),
        "sqlite": health.sqlite_version(),
        "active_sessions": health.active_sessions(),
        "ended_sessions": health.ended_sessions(),
        "owed_revocations": health.owed_revocations(),
        "clock_skew_seconds": health.clock_skew_seconds(),
        "interrupted": health.interrupted().iter().map(|one| json!({
            "session": one.session(), "pid": one.pid(), "alive": one.is_alive(), "in_doubt": one.is_in_doubt(),
            "verified": one.is_verified(),
        })).collect::<Vec<_>>(),
        "sessions": sessions.iter().map(|session| json!({
            "id": session.id(), "registration": session.registration(), "provider": session.provider(),
            "cause": match session.state() { SessionState::Ended(cause) => Some(cause.name()), _ => None },
            "updated_at": time(session.updated_at()),
        })).collect::<Vec<_>>(),
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
