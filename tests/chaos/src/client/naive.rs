//! The two protocols that many apps have, to be measured beside Keyfob's. Both share the tokens through a table in SQLite.
//!
//! - `mutex-only`: each process lets one of its threads refresh at a time, and knows nothing of the other processes.
//! - `lease`: a row says which process may refresh, for half a second. Nobody checks, when the tokens are written, whether the lease
//!   was still held: a process that was stopped in between does not know that it was taken for dead.
//!
//! They are given every advantage that costs them nothing: the row is read again before each request, and a refusal ends a session
//! only if nobody has stored newer tokens.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use serde_json::Value;

use super::library::Library;
use super::{Client, LOGGED_OUT, Protocol, Refusal, Seen, agent};
use crate::options::Errand;
use crate::report::now;
use crate::stage::{CLIENT, WORKER};

/// How long a lease is good.
const LEASE_MILLIS: i64 = 500;
/// How often somebody without the lease looks again.
const POLL: Duration = Duration::from_millis(5);
/// How long it looks.
const PATIENCE_MILLIS: i64 = 10_000;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS session (
        id TEXT PRIMARY KEY, user TEXT NOT NULL, access TEXT NOT NULL, refresh TEXT NOT NULL,
        expires INTEGER NOT NULL, cause TEXT) STRICT;
    CREATE TABLE IF NOT EXISTS lease (id TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL) STRICT;";

/// One process's view of the table.
pub(crate) struct Naive {
    errand: Errand,
    connection: Mutex<Connection>,
    agent: ureq::Agent,
    /// A mutex for each session.
    gates: Mutex<HashMap<String, Arc<Mutex<()>>>>,
}

struct Row {
    access: String,
    refresh: String,
    expires: i64,
    cause: Option<String>,
}

/// Where the table is.
pub(crate) fn database(folder: &Path) -> PathBuf {
    folder.join("naive.db")
}

impl Naive {
    pub(crate) fn open(errand: &Errand) -> Result<Self, Refusal> {
        let connection = Connection::open(database(&errand.folder))?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self {
            errand: errand.clone(),
            connection: Mutex::new(connection),
            agent: agent(),
            gates: Mutex::new(HashMap::new()),
        })
    }

    fn sql(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gate(&self, session: &str) -> Arc<Mutex<()>> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(session.to_owned()).or_default())
    }

    fn row(&self, session: &str) -> Result<Row, Refusal> {
        let sql = "SELECT access, refresh, expires, cause FROM session WHERE id = ?1";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Row { access: row.get(0)?, refresh: row.get(1)?, expires: row.get(2)?, cause: row.get(3)? })
        };
        let row = self.sql().query_row(sql, [session], read).optional()?;
        let row = row.ok_or_else(|| Refusal::Wrong("no such session".to_owned()))?;
        match row.cause {
            Some(cause) => Err(Refusal::Ended(cause)),
            None => Ok(row),
        }
    }

    /// A token for which `good` holds, by a refresh where there is none.
    fn token(&self, session: &str, good: impl Fn(&Row) -> bool) -> Result<String, Refusal> {
        let gate = self.gate(session);
        let _inside = gate.lock().unwrap_or_else(PoisonError::into_inner);
        let started = now();
        loop {
            let row = self.row(session)?;
            if good(&row) {
                return Ok(row.access);
            }
            if self.errand.protocol == Protocol::Lease && !self.take_lease(session)? {
                if now() > started + PATIENCE_MILLIS {
                    return Err(Refusal::Passing("somebody else has the lease".to_owned()));
                }
                std::thread::sleep(POLL);
                continue;
            }
            // Whoever had the lease before may have refreshed.
            let row = self.row(session)?;
            let token = if good(&row) { Ok(row.access) } else { self.send(session, &row) };
            if self.errand.protocol == Protocol::Lease {
                let sql = "DELETE FROM lease WHERE id = ?1 AND holder = ?2";
                self.sql().execute(sql, [session, &self.errand.name])?;
            }
            return token;
        }
    }

    fn take_lease(&self, session: &str) -> Result<bool, Refusal> {
        let sql = "INSERT INTO lease (id, holder, until) VALUES (?1, ?2, ?3)
                   ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, until = excluded.until WHERE until < ?4";
        let mut connection = self.sql();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let taken = transaction.execute(sql, params![session, self.errand.name, now() + LEASE_MILLIS, now()])? == 1;
        transaction.commit()?;
        Ok(taken)
    }

    /// The request, and what comes of it.
    fn send(&self, session: &str, row: &Row) -> Result<String, Refusal> {
        let form = [("grant_type", "refresh_token"), ("client_id", CLIENT), ("refresh_token", &row.refresh)];
        let post = self.agent.post(format!("{}/token", self.errand.issuer)).header(WORKER, &self.errand.name);
        let passing = |error: ureq::Error| Refusal::Passing(error.to_string());
        let mut answer = post.send_form(form).map_err(passing)?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().read_to_string().map_err(passing)?;
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        match status {
            200 => {
                let life = body.get("expires_in").and_then(Value::as_f64).unwrap_or(0.0);
                let expires = now() + millis(Duration::from_secs_f64(life));
                let sql = "UPDATE session SET access = ?2, refresh = ?3, expires = ?4 WHERE id = ?1 AND cause IS NULL";
                let access = text("access_token");
                self.sql().execute(sql, params![session, access, text("refresh_token"), expires])?;
                Ok(access)
            }
            400 => {
                let sql = "UPDATE session SET cause = 'Revoked' WHERE id = ?1 AND refresh = ?2 AND cause IS NULL";
                self.sql().execute(sql, [session, &row.refresh])?;
                self.row(session).map(|row| row.access)
            }
            other => Err(Refusal::Passing(format!("HTTP {other}"))),
        }
    }
}

impl Client for Naive {
    fn sessions(&self) -> Result<Vec<Seen>, Refusal> {
        let connection = self.sql();
        let sql = "SELECT id, user, cause IS NULL, refresh FROM session WHERE cause IS NULL OR cause <> ?1";
        let mut statement = connection.prepare(sql)?;
        let seen = statement.query_map([LOGGED_OUT], |row| {
            Ok(Seen { id: row.get(0)?, user: row.get(1)?, active: row.get(2)?, refresh_token: row.get(3)? })
        })?;
        Ok(seen.collect::<rusqlite::Result<_>>()?)
    }

    fn access_token(&self, session: &str, min_validity: Duration) -> Result<String, Refusal> {
        self.token(session, |row| row.expires > now().saturating_add(millis(min_validity)))
    }

    fn another_token(&self, session: &str, refused: &str) -> Result<String, Refusal> {
        self.token(session, |row| row.access != refused)
    }

    fn refresh(&self, session: &str) -> Result<(), Refusal> {
        let old = self.row(session)?.access;
        self.another_token(session, &old).map(drop)
    }

    /// By Keyfob: the login is not what is measured.
    fn log_in(&self, user: &str) -> Result<(), Refusal> {
        let session = Library::open(&self.errand)?.session_of(user)?;
        let refresh = session.provider_refresh_token().unwrap_or_default();
        // Its tokens are refreshed at once: Keyfob may know no more than that they have a life.
        let sql = "INSERT INTO session VALUES (?1, ?2, ?3, ?4, 0, NULL)
                   ON CONFLICT (id) DO UPDATE SET access = excluded.access, refresh = excluded.refresh, expires = 0, cause = NULL";
        self.sql().execute(sql, [session.id(), user, session.provider_access_token(), refresh])?;
        Ok(())
    }

    fn log_out(&self, session: &Seen) -> Result<(), Refusal> {
        let sql = "UPDATE session SET cause = ?2 WHERE id = ?1";
        self.sql().execute(sql, [&session.id, LOGGED_OUT])?;
        // Revokes by a token that was spent long ago; the provider ends its whole family.
        Library::open(&self.errand)?.log_out(session)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseBusy) => Self::Passing(error.to_string()),
            _ => Self::Wrong(error.to_string()),
        }
    }
}
