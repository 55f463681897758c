//! The outbox: tokens that are to be revoked at their provider, kept until it was told, or for a week.

use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use zeroize::Zeroizing;

use super::logins::Stage;
use super::seal::Place;
use super::sessions::{ACTIVE, LOGGED_OUT, SessionRow};
use super::vault::Sealer;
use super::{Note, Store, journal, json, parse_json};
use crate::error::{Error, Result};
use crate::refresh::pause::Pause;
use crate::token::answer::TokenAnswer;

/// How long a provider is tried that does not answer: a week.
const KEPT_MILLIS: i64 = 7 * 86_400_000;

/// Tokens to be revoked, and whose they are.
pub(crate) struct OwedRow {
    pub(crate) row: i64,
    pub(crate) registration: String,
    pub(crate) provider: String,
    pub(crate) issuer: String,
    pub(crate) uid: String,
    pub(crate) session: String,
    pub(crate) pause: Option<Pause>,
    pub(crate) tokens: TokenAnswer,
}

struct RawOwed {
    pause: Option<String>,
    tokens: Zeroizing<Vec<u8>>,
    owed: OwedRow,
}

const COLUMNS: &str = "row, registration, provider, issuer, uid, session, pause, tokens";

fn read(row: &Row<'_>) -> rusqlite::Result<RawOwed> {
    Ok(RawOwed {
        pause: row.get(6)?,
        tokens: Zeroizing::new(row.get(7)?),
        owed: OwedRow {
            row: row.get(0)?,
            registration: row.get(1)?,
            provider: row.get(2)?,
            issuer: row.get(3)?,
            uid: row.get(4)?,
            session: row.get(5)?,
            pause: None,
            tokens: TokenAnswer::blank(),
        },
    })
}

fn parse(raw: RawOwed, sealer: &Sealer<'_>) -> Result<OwedRow> {
    let pause = raw.pause.map(|text| parse_json(&text, "outbox.pause")).transpose()?;
    // They are the session's, moved here as they were: a logout needs no key.
    let tokens = sealer.open(Place::session_tokens(&raw.owed.session), &raw.tokens)?;
    Ok(OwedRow { pause, tokens: TokenAnswer::from_bytes(&tokens)?, ..raw.owed })
}

/// Puts a session's tokens as they are in its row into the outbox, in the transaction that ends it.
pub(super) fn owe_row(transaction: &Transaction<'_>, id: &str, now: i64) -> Result<()> {
    let sql = format!(
        "INSERT INTO outbox (registration, provider, issuer, uid, session, created_at, tokens)
         SELECT registration, provider, issuer, uid, id, ?2, tokens FROM session WHERE id = ?1 AND state = {ACTIVE}"
    );
    transaction.prepare_cached(&sql)?.execute(params![id, now])?;
    Ok(())
}

/// The index has no tombstones, and SQLite does not conclude from one state that it is not another.
pub(super) fn has_session() -> String {
    format!(
        "SELECT 1 FROM session WHERE registration = ?1 AND issuer = ?2 AND uid = ?3
             AND state <> {LOGGED_OUT} AND state = {ACTIVE}"
    )
}

impl Store {
    /// Tokens that came after their session was logged out.
    pub(crate) fn owe(&self, row: &SessionRow, tokens: &TokenAnswer, now: i64) -> Result<()> {
        self.write_sealed(|transaction, sealer| {
            let sql = "INSERT INTO outbox (registration, provider, issuer, uid, session, created_at, tokens)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            transaction.prepare_cached(sql)?.execute(params![
                row.registration,
                row.provider,
                row.issuer,
                row.uid,
                row.id,
                now,
                sealer.seal(Place::session_tokens(&row.id), &tokens.to_bytes()?)?,
            ])?;
            Ok(())
        })
    }

    /// What is owed, oldest first. What nobody could be told for a week is forgotten, but not without having been tried: the clock may have been wrong when it
    /// was written. An entry that cannot be read keeps nobody from the others.
    pub(crate) fn owed(&self, now: i64) -> Result<Vec<OwedRow>> {
        let long_ago = now.saturating_sub(KEPT_MILLIS);
        let some = self.read(|connection| {
            Ok(connection
                .prepare_cached("SELECT 1 FROM outbox WHERE created_at < ?1 AND pause IS NOT NULL")?
                .exists([long_ago])?)
        })?;
        if some {
            self.write(|transaction| {
                let sql = "DELETE FROM outbox WHERE created_at < ?1 AND pause IS NOT NULL";
                Ok(transaction.prepare_cached(sql)?.execute([long_ago]).map(drop)?)
            })?;
            self.forget_old_pages();
        }
        self.read_sealed(|connection, sealer| {
            let sql = format!("SELECT {COLUMNS} FROM outbox ORDER BY row");
            let mut statement = connection.prepare_cached(&sql)?;
            let rows: Vec<RawOwed> = statement.query_map([], read)?.collect::<rusqlite::Result<_>>()?;
            let unreadable = |error: &Error| log::warn!("an entry of the outbox cannot be read: {error}");
            Ok(rows.into_iter().filter_map(|raw| parse(raw, sealer).inspect_err(unreadable).ok()).collect())
        })
    }

    /// An entry, unless somebody else has dealt with it.
    pub(crate) fn owed_row(&self, row: i64) -> Result<Option<OwedRow>> {
        self.read_sealed(|connection, sealer| {
            let sql = format!("SELECT {COLUMNS} FROM outbox WHERE row = ?1");
            let raw = connection.prepare_cached(&sql)?.query_row([row], read).optional()?;
            raw.map(|raw| parse(raw, sealer)).transpose()
        })
    }

    /// The provider was told, or is not to be.
    pub(crate) fn settle(&self, owed: &OwedRow, note: Option<&Note<'_>>, now: i64) -> Result<()> {
        self.write(|transaction| {
            transaction.prepare_cached("DELETE FROM outbox WHERE row = ?1")?.execute([owed.row])?;
            note.map_or(Ok(()), |note| journal::write(transaction, now, note))
        })?;
        self.forget_old_pages();
        Ok(())
    }

    /// It could not be told now.
    pub(crate) fn postpone(&self, owed: &OwedRow, pause: &Pause) -> Result<()> {
        self.write(|transaction| {
            let sql = "UPDATE outbox SET pause = ?1 WHERE row = ?2";
            transaction.prepare_cached(sql)?.execute(params![json(pause), owed.row])?;
            Ok(())
        })
    }

    /// Whether a login of a registration has sent its code and is not saved yet.
    pub(crate) fn has_login_under_way(&self, registration: &str, now: i64) -> Result<bool> {
        self.read(|connection| {
            let sql = "SELECT 1 FROM login WHERE registration = ?1 AND stage IN (?2, ?3) AND expires_at > ?4";
            let key = params![registration, Stage::Exchanging.number(), Stage::Answered.number(), now];
            Ok(connection.prepare_cached(sql)?.exists(key)?)
        })
    }

    /// Whether the account that an entry is about has an active session.
    pub(crate) fn has_session(&self, owed: &OwedRow) -> Result<bool> {
        self.read(|connection| {
            let key = params![owed.registration, owed.issuer, owed.uid];
            Ok(connection.prepare_cached(&has_session())?.exists(key)?)
        })
    }
}
