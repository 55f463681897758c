//! Browsers that were sent to a provider's logout page and are to come back (OpenID Connect RP-Initiated Logout section 3).

use rusqlite::{OptionalExtension as _, params};

use super::Store;
use crate::error::Result;

/// A logout at the provider's page.
#[derive(Debug)]
pub(crate) struct LogoutRow {
    /// The id of the session that was logged out of.
    pub(crate) session: String,
    pub(crate) registration: String,
    /// Where the browser is to come back to, byte for byte as it was sent.
    pub(crate) redirect_uri: String,
    /// In milliseconds since 1970.
    pub(crate) expires_at: i64,
}

impl Store {
    /// Remembers a logout by the hash of its state, and forgets those that nobody came back from in time.
    pub(crate) fn begin_logout(&self, state_hash: &[u8], logout: &LogoutRow, now: i64) -> Result<()> {
        let LogoutRow { session, registration, redirect_uri, expires_at } = logout;
        self.write(|transaction| {
            transaction.prepare_cached("DELETE FROM logout WHERE expires_at <= ?1")?.execute([now])?;
            let sql = "INSERT INTO logout (state_hash, session, registration, redirect_uri, expires_at)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            transaction.prepare_cached(sql)?.execute(params![
                state_hash,
                session,
                registration,
                redirect_uri,
                expires_at
            ])?;
            Ok(())
        })
    }

    /// The logout of that state. It stays until it is over: a browser may hand in the same redirect twice.
    pub(crate) fn logout(&self, state_hash: &[u8]) -> Result<Option<LogoutRow>> {
        self.read(|connection| {
            let sql = "SELECT session, registration, redirect_uri, expires_at FROM logout WHERE state_hash = ?1";
            let read = |row: &rusqlite::Row<'_>| {
                Ok(LogoutRow {
                    session: row.get(0)?,
                    registration: row.get(1)?,
                    redirect_uri: row.get(2)?,
                    expires_at: row.get(3)?,
                })
            };
            Ok(connection.prepare_cached(sql)?.query_row([state_hash], read).optional()?)
        })
    }
}
