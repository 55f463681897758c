//! Why things happened: a bounded table without secrets.

use std::fmt;
use std::time::{Duration, SystemTime};

use rusqlite::{Transaction, params};

use super::Store;
use crate::clock::from_millis;
use crate::error::{Error, Reason, Result};

/// Rows that are kept.
const MAX_ROWS: i64 = 1000;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalEvent {
    /// A login began.
    LoginBegun,
    /// A login became a session.
    LoginCompleted,
    /// A login ended without a session.
    LoginFailed,
    /// New tokens came and were saved.
    Refreshed,
    /// A refresh brought no tokens; the session lives on.
    RefreshFailed,
    /// A session ended, by itself or by the app.
    SessionEnded,
    /// A session of another library was taken over.
    SessionImported,
    /// The provider was told that a session's tokens are not needed any more.
    TokensRevoked,
    /// It could not be told, or did not want to hear it.
    RevocationFailed,
    /// The store key was changed, and every secret sealed anew.
    StoreRekeyed,
    /// What was sealed in the store cannot be used any more: the key is lost, or it was written on another device. Its sessions ended; nothing was deleted.
    StoreQuarantined,
    /// The database was damaged, and was moved aside. This is a fresh one.
    StoreMovedAside,
}

impl JournalEvent {
    /// Every event.
    pub const ALL: &'static [Self] = &[
        Self::LoginBegun,
        Self::LoginCompleted,
        Self::LoginFailed,
        Self::Refreshed,
        Self::RefreshFailed,
        Self::SessionEnded,
        Self::SessionImported,
        Self::TokensRevoked,
        Self::RevocationFailed,
        Self::StoreRekeyed,
        Self::StoreQuarantined,
        Self::StoreMovedAside,
    ];

    /// The stable name, as written in this enum.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoginBegun => "LoginBegun",
            Self::LoginCompleted => "LoginCompleted",
            Self::LoginFailed => "LoginFailed",
            Self::Refreshed => "Refreshed",
            Self::RefreshFailed => "RefreshFailed",
            Self::SessionEnded => "SessionEnded",
            Self::SessionImported => "SessionImported",
            Self::TokensRevoked => "TokensRevoked",
            Self::RevocationFailed => "RevocationFailed",
            Self::StoreRekeyed => "StoreRekeyed",
            Self::StoreQuarantined => "StoreQuarantined",
            Self::StoreMovedAside => "StoreMovedAside",
        }
    }
}

/// One line of the journal. Holds no secret.
#[derive(Clone, Debug)]
pub struct JournalEntry {
    at: i64,
    pid: u32,
    event: String,
    registration: Option<String>,
    session: Option<String>,
    reason: Option<String>,
    http_status: Option<u16>,
    wish: Option<String>,
    waited: Option<i64>,
    skew: Option<i64>,
}

impl JournalEntry {
    /// When it happened, by this device's wall clock.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        from_millis(self.at)
    }

    /// The process it happened in.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The name of a [`JournalEvent`]; one that this version does not know where a newer one wrote it.
    #[must_use]
    pub fn event(&self) -> &str {
        &self.event
    }

    /// The registration.
    #[must_use]
    pub fn registration(&self) -> Option<&str> {
        self.registration.as_deref()
    }

    /// The id of the session, where there is one.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// The name of a [`Reason`], where something went wrong or ended.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// The HTTP status that the provider answered with, where one decided.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.http_status
    }

    /// Why a refresh was wanted: `token` (a call needed a token), `early` (before one does), `asked` (the app called for a refresh), `rejected` (a
    /// resource server refused the token), `interrupted` (a refresh that was cut off is mended).
    #[must_use]
    pub fn wish(&self) -> Option<&str> {
        self.wish.as_deref()
    }

    /// How long the refresh took, waiting for others included.
    #[must_use]
    pub fn waited(&self) -> Option<Duration> {
        self.waited.and_then(|millis| u64::try_from(millis).ok()).map(Duration::from_millis)
    }

    /// How far the provider's clock was ahead of this device's (behind, where it is negative), in seconds, where the answer told.
    #[must_use]
    pub fn clock_skew_seconds(&self) -> Option<i64> {
        self.skew.map(|millis| millis / 1000)
    }
}

impl fmt::Display for JournalEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.event)?;
        if let Some(registration) = &self.registration {
            write!(f, " {registration}")?;
        }
        if let Some(session) = &self.session {
            write!(f, " session {session}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, ": {reason}")?;
        }
        if let Some(status) = self.http_status {
            write!(f, " (HTTP {status})")?;
        }
        if let Some(wish) = &self.wish {
            write!(f, ", wanted: {wish}")?;
        }
        if let Some(waited) = self.waited {
            write!(f, ", took {waited} ms")?;
        }
        if let Some(skew) = self.clock_skew_seconds().filter(|seconds| *seconds != 0) {
            write!(f, ", clock off by {skew} s")?;
        }
        Ok(())
    }
}

/// A line to be written, beside the time and the process.
#[derive(Clone, Copy)]
pub(crate) struct Note<'a> {
    pub(crate) event: JournalEvent,
    pub(crate) registration: &'a str,
    pub(crate) session: Option<&'a str>,
    pub(crate) reason: Option<Reason>,
    pub(crate) http_status: Option<u16>,
    pub(crate) wish: Option<&'static str>,
    pub(crate) waited: Option<i64>,
    pub(crate) skew: Option<i64>,
}

impl<'a> Note<'a> {
    pub(crate) const fn new(event: JournalEvent, registration: &'a str) -> Self {
        Self {
            event,
            registration,
            session: None,
            reason: None,
            http_status: None,
            wish: None,
            waited: None,
            skew: None,
        }
    }

    pub(crate) const fn session(mut self, id: &'a str) -> Self {
        self.session = Some(id);
        self
    }

    pub(crate) const fn reason(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    pub(crate) fn error(mut self, error: &Error) -> Self {
        self.reason = Some(error.reason());
        self.http_status = error.http_status();
        self
    }
}

/// Writes a line in the transaction of what it tells about, so that neither is there without the other.
pub(super) fn write(transaction: &Transaction<'_>, now: i64, note: &Note<'_>) -> Result<()> {
    let sql = "INSERT INTO journal (at, pid, event, registration, session, reason, http_status, wish, waited, skew)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    transaction.prepare_cached(sql)?.execute(params![
        now,
        std::process::id(),
        note.event.name(),
        // What befalls the whole store is no registration's.
        Some(note.registration).filter(|registration| !registration.is_empty()),
        note.session,
        note.reason.map(Reason::name),
        note.http_status,
        note.wish,
        note.waited,
        note.skew,
    ])?;
    let oldest = transaction.last_insert_rowid() - MAX_ROWS;
    transaction.prepare_cached("DELETE FROM journal WHERE row <= ?1")?.execute([oldest])?;
    Ok(())
}

impl Store {
    /// The newest lines, newest first.
    pub(crate) fn journal(&self, limit: usize) -> Result<Vec<JournalEntry>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| {
            let sql = "SELECT at, pid, event, registration, session, reason, http_status, wish, waited, skew
                       FROM journal ORDER BY row DESC LIMIT ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let entries = statement.query_map([limit], |row| {
                Ok(JournalEntry {
                    at: row.get(0)?,
                    pid: row.get(1)?,
                    event: row.get(2)?,
                    registration: row.get(3)?,
                    session: row.get(4)?,
                    reason: row.get(5)?,
                    http_status: row.get(6)?,
                    wish: row.get(7)?,
                    waited: row.get(8)?,
                    skew: row.get(9)?,
                })
            })?;
            Ok(entries.collect::<rusqlite::Result<_>>()?)
        })
    }
}
