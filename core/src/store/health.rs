//! What the store can say about itself.

use rusqlite::params;

use super::sessions::{ACTIVE, ENDED, LOGGED_OUT};
use super::{Store, schema};
use crate::error::Result;

/// Numbers that tell how a store is.
pub(crate) struct Counts {
    pub(crate) schema: i32,
    pub(crate) active: u32,
    pub(crate) ended: u32,
    pub(crate) owed: u32,
    /// How far this device's clock was from a provider's, and when that was seen. Milliseconds.
    pub(crate) skew: Option<(i64, i64)>,
}

/// Of the index of sessions that the app has not ended: it is short beside their rows.
pub(super) fn counted() -> String {
    format!("SELECT count(*) FROM session WHERE state <> {LOGGED_OUT} AND state = ?1")
}

impl Store {
    pub(crate) fn counts(&self) -> Result<Counts> {
        self.read(|connection| {
            let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u32>(0));
            let sessions = |state: i64| connection.query_row(&counted(), [state], |row| row.get::<_, u32>(0));
            let skew: (Option<i64>, Option<i64>) =
                connection.query_row("SELECT skew, skew_at FROM meta", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(Counts {
                schema: schema::VERSION,
                active: sessions(ACTIVE)?,
                ended: sessions(ENDED)?,
                owed: count("SELECT count(*) FROM outbox")?,
                skew: skew.0.zip(skew.1),
            })
        })
    }

    /// How far a provider's clock was ahead of this device's when that was written down last, in milliseconds.
    pub(crate) fn skew(&self) -> Result<Option<i64>> {
        self.read(|connection| Ok(connection.query_row("SELECT skew FROM meta", [], |row| row.get(0))?))
    }

    /// Keeps what a provider's clock said of this device's. False when it is what was known already.
    pub(crate) fn save_skew(&self, skew: i64, tolerance: i64, now: i64) -> Result<bool> {
        if self.skew()?.is_some_and(|known| known.abs_diff(skew) <= tolerance.unsigned_abs()) {
            return Ok(false);
        }
        self.write(|transaction| {
            transaction.prepare_cached("UPDATE meta SET skew = ?1, skew_at = ?2")?.execute(params![skew, now])?;
            Ok(true)
        })
    }
}
