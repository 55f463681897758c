//! Sessions looked for by their user, and listed. What is here costs the same in a store of a hundred sessions and of a million, save where all of them are asked for.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::Store;
use super::sessions::{COLUMNS, FROM, LOGGED_OUT, SessionRow, parse, read, readable};
use super::vault::Sealer;
use crate::error::Result;

/// The session of a user. At most one: the index is unique.
fn found() -> String {
    format!(
        "SELECT {COLUMNS} FROM {FROM}
         WHERE s.registration = ?1 AND s.issuer = ?2 AND s.uid = ?3 AND s.state <> {LOGGED_OUT}"
    )
}

/// Sessions after a row, oldest first: from that row on, and not by counting those before it, in an index that has no tombstones.
fn listed() -> String {
    format!("SELECT {COLUMNS} FROM {FROM} WHERE s.row > ?1 AND s.state <> {LOGGED_OUT} ORDER BY s.row")
}

/// The first so many that can be read: one that cannot keeps nobody from the others, and makes no page look like the last.
fn list(connection: &Connection, sealer: &Sealer<'_>, after: i64, limit: usize) -> Result<Vec<SessionRow>> {
    let mut statement = connection.prepare_cached(&listed())?;
    let mut rows = statement.query_map([after], read)?;
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(raw) = rows.next()
    {
        found.extend(readable(raw?, sealer));
    }
    Ok(found)
}

impl Store {
    /// Every session that the app has not ended, oldest first.
    pub(crate) fn sessions(&self) -> Result<Vec<SessionRow>> {
        self.read_sealed(|connection, sealer| list(connection, sealer, 0, usize::MAX))
    }

    /// At most so many of them, after one that may have been ended meanwhile: its tombstone keeps its place. `None` where there is no such session.
    pub(crate) fn sessions_page(&self, after: Option<&str>, limit: usize) -> Result<Option<Vec<SessionRow>>> {
        self.read_sealed(|connection, sealer| {
            let place = match after {
                Some(id) => connection
                    .prepare_cached("SELECT row FROM session WHERE id = ?1")?
                    .query_row([id], |row| row.get(0))
                    .optional()?,
                None => Some(0),
            };
            place.map(|row| list(connection, sealer, row, limit)).transpose()
        })
    }

    /// The session that a user has at an issuer, unless the app has ended it.
    pub(crate) fn find_session(&self, registration: &str, issuer: &str, uid: &str) -> Result<Option<SessionRow>> {
        self.read_sealed(|connection, sealer| {
            let key = params![registration, issuer, uid];
            let raw = connection.prepare_cached(&found())?.query_row(key, read).optional()?;
            raw.map(|raw| parse(raw, sealer)).transpose()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Keeping, attempts, health, outbox};
    use super::*;

    /// How SQLite goes about a statement, a step a line.
    fn plan(connection: &Connection, sql: &str) -> Vec<String> {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = statement.raw_query().mapped(|row| row.get(3)).collect::<rusqlite::Result<_>>();
        steps.unwrap()
    }

    #[test]
    fn nothing_that_is_done_every_day_reads_the_whole_table_of_sessions() {
        let folder = std::env::temp_dir().join(format!("keyfob-listing-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let store = Store::open(&folder, Keeping::plain()).unwrap();
        store
            .read(|connection| {
                for (sql, step) in [
                    (found(), "SEARCH s USING INDEX session_by_user (registration=? AND issuer=? AND uid=?)"),
                    (listed(), "SEARCH s USING INDEX session_listed (row>?)"),
                    (
                        outbox::has_session(),
                        "SEARCH session USING INDEX session_by_user (registration=? AND issuer=? AND uid=?)",
                    ),
                    (health::counted(), "SCAN session USING COVERING INDEX session_listed"),
                    (attempts::unsettled(), "SCAN session USING INDEX session_unverified"),
                    (attempts::unsettled(), "SEARCH s USING INDEX sqlite_autoindex_session_1 (id=?)"),
                ] {
                    let steps = plan(connection, &sql);
                    assert!(steps.iter().any(|at| at == step), "{sql}\n{steps:#?}");
                    assert!(!steps.iter().any(|at| at == "SCAN s" || at == "SCAN session"), "{sql}\n{steps:#?}");
                    assert!(
                        !steps.iter().any(|at| at == "USE TEMP B-TREE FOR ORDER BY") || sql == attempts::unsettled()
                    );
                }
                Ok(())
            })
            .unwrap();
        drop(store);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
