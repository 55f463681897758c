//! Discovery documents and key sets, kept so that a warm login needs one request only. Public data, not sealed.

use rusqlite::{OptionalExtension as _, params};

use super::Store;
use crate::error::Result;

impl Store {
    /// A document and when it was fetched (milliseconds since 1970).
    pub(crate) fn document(&self, url: &str) -> Result<Option<(Vec<u8>, i64)>> {
        self.read(|connection| {
            let sql = "SELECT body, fetched_at FROM document WHERE url = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            Ok(statement.query_row([url], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
        })
    }

    pub(crate) fn save_document(&self, url: &str, body: &[u8], now: i64) -> Result<()> {
        self.write(|transaction| {
            let sql = "INSERT INTO document (url, fetched_at, body) VALUES (?1, ?2, ?3)
                       ON CONFLICT (url) DO UPDATE SET fetched_at = excluded.fetched_at, body = excluded.body";
            transaction.prepare_cached(sql)?.execute(params![url, now, body])?;
            Ok(())
        })
    }
}
