//! Discovery documents and key sets, kept so that a warm login needs one request only. Public data, not sealed.

use rusqlite::{OptionalExtension as _, params};

use super::Store;
use crate::error::Result;

/// A document as it was fetched, or found unchanged, last.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) body: Vec<u8>,
    /// In milliseconds since 1970.
    pub(crate) fetched_at: i64,
    /// What its server knows this version of it by.
    pub(crate) etag: Option<String>,
    /// For how long its server said that it is good, in milliseconds.
    pub(crate) lifetime: Option<i64>,
}

impl Store {
    pub(crate) fn document(&self, url: &str) -> Result<Option<Document>> {
        self.read(|connection| {
            let sql = "SELECT body, fetched_at, etag, lifetime FROM document WHERE url = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let read = |row: &rusqlite::Row<'_>| {
                Ok(Document { body: row.get(0)?, fetched_at: row.get(1)?, etag: row.get(2)?, lifetime: row.get(3)? })
            };
            Ok(statement.query_row([url], read).optional()?)
        })
    }

    pub(crate) fn save_document(&self, url: &str, document: &Document) -> Result<()> {
        self.write(|transaction| {
            let sql = "INSERT INTO document (url, fetched_at, body, etag, lifetime) VALUES (?1, ?2, ?3, ?4, ?5)
                       ON CONFLICT (url) DO UPDATE SET fetched_at = excluded.fetched_at, body = excluded.body,
                           etag = excluded.etag, lifetime = excluded.lifetime";
            let Document { body, fetched_at, etag, lifetime } = document;
            transaction.prepare_cached(sql)?.execute(params![url, fetched_at, body, etag, lifetime])?;
            Ok(())
        })
    }
}
