//! Logins: begun, exchanged, answered, done or failed. Each step is committed before the next one is taken.

use std::borrow::Cow;

use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::seal::Place;
use super::sessions::{NewSession, Received, SessionRow, put_session};
use super::vault::Sealer;
use super::{Note, Store, journal, tampered};
use crate::error::{Reason, Result};
use crate::login::PendingLogin;
use crate::provider::Metadata;
use crate::refresh::pause::Pause;
use crate::secret::Secret;
use crate::token::answer::TokenAnswer;

/// How long an ended login is remembered, to answer a late redirect by name: a week.
const REMEMBERED_MILLIS: i64 = 7 * 86_400_000;

/// How far a login has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Waits for its redirect.
    Pending,
    /// The code is being sent, or was and nobody lived to save the answer.
    Exchanging,
    /// The token answer is saved; ID token and profile are still to be had.
    Answered,
    /// It has become a session.
    Done,
    /// It ended without one.
    Failed,
}

impl Stage {
    pub(super) const fn number(self) -> i64 {
        self as i64
    }

    fn from_number(number: i64) -> Option<Self> {
        [Self::Pending, Self::Exchanging, Self::Answered, Self::Done, Self::Failed]
            .into_iter()
            .find(|stage| stage.number() == number)
    }
}

/// What is known when a login begins and must be the same when it ends.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Pinned {
    pub(crate) metadata: Metadata,
    /// Byte for byte as it was sent.
    pub(crate) redirect_uri: String,
    pub(crate) scopes: Vec<String>,
    /// There for a login on another device (RFC 8628).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<Polling>,
    /// Seconds since the user last signed in that the login asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_age: Option<u64>,
    /// The authentication contexts that it asked for; empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) acr_values: Vec<String>,
}

/// Where a login on another device stands. It changes with each poll, for whichever process polls next.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Polling {
    pub(crate) verification_uri: String,
    pub(crate) interval_millis: i64,
    /// Nobody polls before it is over.
    pub(crate) pause: Pause,
    /// How many polls in a row got no answer.
    #[serde(default)]
    pub(crate) unanswered: u32,
    /// The answer to a poll was lost, and it may have had the tokens.
    #[serde(default)]
    pub(crate) in_doubt: bool,
}

/// The secrets of a login.
pub(crate) struct LoginSecrets {
    pub(crate) state: Secret,
    pub(crate) nonce: Option<Secret>,
    pub(crate) verifier: Secret,
    pub(crate) device: Option<DeviceSecrets>,
}

/// What a login on another device must not tell: with the user's code anybody could confirm it as somebody else.
pub(crate) struct DeviceSecrets {
    pub(crate) device_code: Secret,
    pub(crate) user_code: Secret,
    pub(crate) verification_uri_complete: Option<Secret>,
}

#[derive(Serialize, Deserialize)]
struct DeviceOnDisk<'a> {
    // The provider's own texts may have characters that JSON escapes, and those cannot be borrowed.
    #[serde(borrow)]
    device_code: Cow<'a, str>,
    #[serde(borrow)]
    user_code: Cow<'a, str>,
    #[serde(borrow)]
    verification_uri_complete: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
struct SecretsOnDisk<'a> {
    state: &'a str,
    nonce: Option<&'a str>,
    verifier: &'a str,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    device: Option<DeviceOnDisk<'a>>,
}

impl LoginSecrets {
    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let on_disk = SecretsOnDisk {
            state: self.state.expose(),
            nonce: self.nonce.as_ref().map(Secret::expose),
            verifier: self.verifier.expose(),
            device: self.device.as_ref().map(|device| DeviceOnDisk {
                device_code: Cow::Borrowed(device.device_code.expose()),
                user_code: Cow::Borrowed(device.user_code.expose()),
                verification_uri_complete: device
                    .verification_uri_complete
                    .as_ref()
                    .map(|uri| Cow::Borrowed(uri.expose())),
            }),
        };
        // Plain strings always serialise.
        Zeroizing::new(serde_json::to_vec(&on_disk).unwrap_or_default())
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let on_disk: SecretsOnDisk<'_> = serde_json::from_slice(bytes).map_err(|_| tampered("login.secrets"))?;
        Ok(Self {
            state: Secret::new(on_disk.state),
            nonce: on_disk.nonce.map(Secret::new),
            verifier: Secret::new(on_disk.verifier),
            device: on_disk.device.map(|device| DeviceSecrets {
                device_code: Secret::new(device.device_code),
                user_code: Secret::new(device.user_code),
                verification_uri_complete: device.verification_uri_complete.map(Secret::new),
            }),
        })
    }
}

/// A login to be stored.
pub(crate) struct NewLogin<'a> {
    pub(crate) id: &'a str,
    pub(crate) state_hash: &'a [u8],
    pub(crate) registration: &'a str,
    pub(crate) created_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) success: Option<&'a str>,
    pub(crate) failure: Option<&'a str>,
    pub(crate) app_data: Option<&'a str>,
    pub(crate) for_session: Option<&'a str>,
    pub(crate) pinned: &'a Pinned,
    pub(crate) secrets: &'a LoginSecrets,
}

/// A login as stored.
pub(crate) struct LoginRow {
    pub(crate) row: i64,
    pub(crate) id: String,
    pub(crate) registration: String,
    pub(crate) stage: Stage,
    pub(crate) expires_at: i64,
    pub(crate) owner_pid: Option<u32>,
    pub(crate) exchange_at: Option<i64>,
    pub(crate) code_hash: Option<Vec<u8>>,
    pub(crate) session: Option<String>,
    pub(crate) success: Option<String>,
    pub(crate) failure: Option<String>,
    pub(crate) app_data: Option<String>,
    pub(crate) for_session: Option<String>,
    /// Why it failed, where it did.
    pub(crate) reason: Option<String>,
    pub(crate) pinned: Pinned,
    /// When the answer came; there while [`Stage::Answered`].
    pub(crate) received: Option<Received>,
    /// Gone once the login has ended.
    pub(crate) secrets: Option<LoginSecrets>,
    /// There while [`Stage::Answered`].
    pub(crate) answer: Option<TokenAnswer>,
}

const COLUMNS: &str = "row, id, registration, stage, expires_at, owner_pid, exchange_at, code_hash, session, success,
    failure, pinned, received, secrets, answer, app_data, for_session, reason";

/// The columns as SQLite has them; what is in them is checked in `parse`, where our own errors can be told.
struct RawLogin {
    stage: i64,
    pinned: String,
    secrets: Option<Zeroizing<Vec<u8>>>,
    answer: Option<Zeroizing<Vec<u8>>>,
    rest: LoginRowHead,
}

struct LoginRowHead {
    row: i64,
    id: String,
    registration: String,
    expires_at: i64,
    owner_pid: Option<u32>,
    exchange_at: Option<i64>,
    code_hash: Option<Vec<u8>>,
    session: Option<String>,
    success: Option<String>,
    failure: Option<String>,
    app_data: Option<String>,
    for_session: Option<String>,
    reason: Option<String>,
    received: Option<String>,
}

fn read(row: &Row<'_>) -> rusqlite::Result<RawLogin> {
    Ok(RawLogin {
        stage: row.get(3)?,
        pinned: row.get(11)?,
        secrets: row.get::<_, Option<Vec<u8>>>(13)?.map(Zeroizing::new),
        answer: row.get::<_, Option<Vec<u8>>>(14)?.map(Zeroizing::new),
        rest: LoginRowHead {
            row: row.get(0)?,
            id: row.get(1)?,
            registration: row.get(2)?,
            expires_at: row.get(4)?,
            owner_pid: row.get(5)?,
            exchange_at: row.get(6)?,
            code_hash: row.get(7)?,
            session: row.get(8)?,
            success: row.get(9)?,
            failure: row.get(10)?,
            received: row.get(12)?,
            app_data: row.get(15)?,
            for_session: row.get(16)?,
            reason: row.get(17)?,
        },
    })
}

fn parse(raw: RawLogin, sealer: &Sealer<'_>) -> Result<LoginRow> {
    let head = raw.rest;
    let secrets = raw.secrets.map(|sealed| sealer.open(Place::login_secrets(&head.id), &sealed)).transpose()?;
    let answer = raw.answer.map(|sealed| sealer.open(Place::login_answer(&head.id), &sealed)).transpose()?;
    Ok(LoginRow {
        stage: Stage::from_number(raw.stage).ok_or_else(|| tampered("login.stage"))?,
        pinned: serde_json::from_str(&raw.pinned).map_err(|_| tampered("login.pinned"))?,
        secrets: secrets.map(|bytes| LoginSecrets::from_bytes(&bytes)).transpose()?,
        answer: answer.map(|bytes| TokenAnswer::from_bytes(&bytes)).transpose()?,
        row: head.row,
        id: head.id,
        registration: head.registration,
        expires_at: head.expires_at,
        owner_pid: head.owner_pid,
        exchange_at: head.exchange_at,
        code_hash: head.code_hash,
        session: head.session,
        success: head.success,
        failure: head.failure,
        app_data: head.app_data,
        for_session: head.for_session,
        reason: head.reason,
        received: head
            .received
            .map(|text| serde_json::from_str(&text).map_err(|_| tampered("login.received")))
            .transpose()?,
    })
}

/// Ends every login that has not ended: nobody can use its secrets any more.
pub(super) fn fail_all(transaction: &Transaction<'_>, reason: Reason) -> Result<()> {
    let sql = "UPDATE login SET stage = ?1, reason = ?2 WHERE stage NOT IN (?1, ?3)";
    let ended = params![Stage::Failed.number(), reason.name(), Stage::Done.number()];
    transaction.prepare_cached(sql)?.execute(ended)?;
    Ok(())
}

impl Store {
    /// Forgets logins that ended long ago.
    pub(crate) fn tidy(&self, now: i64) -> Result<()> {
        let sql = "DELETE FROM login WHERE expires_at < ?1";
        let long_ago = now.saturating_sub(REMEMBERED_MILLIS);
        let some: bool = self.read(|connection| {
            Ok(connection.prepare_cached("SELECT 1 FROM login WHERE expires_at < ?1")?.exists([long_ago])?)
        })?;
        if some {
            self.write(|transaction| Ok(transaction.prepare_cached(sql)?.execute([long_ago]).map(drop)?))?;
        }
        Ok(())
    }

    /// Stores a login that begins, and forgets those that ended long ago.
    pub(crate) fn begin_login(&self, login: &NewLogin<'_>, note: &Note<'_>) -> Result<()> {
        let pinned = serde_json::to_string(login.pinned).map_err(|_| tampered("login.pinned"))?;
        self.write_sealed(|transaction, sealer| {
            transaction
                .prepare_cached("DELETE FROM login WHERE expires_at < ?1")?
                .execute([login.created_at.saturating_sub(REMEMBERED_MILLIS)])?;
            let sql =
                "INSERT INTO login (id, state_hash, registration, stage, created_at, expires_at, success, failure,
                           pinned, secrets, app_data, for_session)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
            transaction.prepare_cached(sql)?.execute(params![
                login.id,
                login.state_hash,
                login.registration,
                Stage::Pending.number(),
                login.created_at,
                login.expires_at,
                login.success,
                login.failure,
                pinned,
                sealer.seal(Place::login_secrets(login.id), &login.secrets.to_bytes())?,
                login.app_data,
                login.for_session,
            ])?;
            journal::write(transaction, login.created_at, note)
        })
    }

    /// The login that a state belongs to.
    pub(crate) fn login_by_state(&self, state_hash: &[u8]) -> Result<Option<LoginRow>> {
        self.read_sealed(|connection, sealer| {
            let sql = format!("SELECT {COLUMNS} FROM login WHERE state_hash = ?1");
            let raw = connection.prepare_cached(&sql)?.query_row([state_hash], read).optional()?;
            raw.map(|raw| parse(raw, sealer)).transpose()
        })
    }

    /// The login of that id.
    pub(crate) fn login(&self, id: &str) -> Result<Option<LoginRow>> {
        self.read_sealed(|connection, sealer| {
            let sql = format!("SELECT {COLUMNS} FROM login WHERE id = ?1");
            let raw = connection.prepare_cached(&sql)?.query_row([id], read).optional()?;
            raw.map(|raw| parse(raw, sealer)).transpose()
        })
    }

    /// The logins that wait for their redirect, oldest first.
    pub(crate) fn pending_logins(&self, now: i64) -> Result<Vec<PendingLogin>> {
        self.read(|connection| {
            let sql = "SELECT id, registration, created_at, expires_at, pinned FROM login
                       WHERE stage = ?1 AND expires_at > ?2 ORDER BY row";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![Stage::Pending.number(), now], |row| {
                Ok(PendingLogin {
                    id: row.get(0)?,
                    registration: row.get(1)?,
                    created_at: row.get(2)?,
                    expires_at: row.get(3)?,
                    on_another_device: serde_json::from_str(&row.get::<_, String>(4)?)
                        .is_ok_and(|pinned: Pinned| pinned.device.is_some()),
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Takes the one right to send the code; false when somebody else has it.
    pub(crate) fn start_exchange(&self, login: &LoginRow, code_hash: &[u8], now: i64) -> Result<bool> {
        self.write(|transaction| {
            let sql = "UPDATE login SET stage = ?1, code_hash = ?2, exchange_at = ?3, owner_pid = ?4
                       WHERE row = ?5 AND stage = ?6";
            let changed = transaction.prepare_cached(sql)?.execute(params![
                Stage::Exchanging.number(),
                code_hash,
                now,
                std::process::id(),
                login.row,
                Stage::Pending.number(),
            ])?;
            Ok(changed == 1)
        })
    }

    /// The code was not spent: the login waits on.
    pub(crate) fn put_back(&self, login: &LoginRow) -> Result<()> {
        self.write(|transaction| {
            let sql = "UPDATE login SET stage = ?1, code_hash = NULL, exchange_at = NULL, owner_pid = NULL
                       WHERE row = ?2 AND stage = ?3";
            transaction.prepare_cached(sql)?.execute(params![
                Stage::Pending.number(),
                login.row,
                Stage::Exchanging.number()
            ])?;
            Ok(())
        })
    }

    /// A poll brought nothing yet: the login on another device waits on; false when it was ended meanwhile.
    pub(crate) fn put_back_device(&self, login: &LoginRow, polling: &Polling) -> Result<bool> {
        let pinned = Pinned { device: Some(polling.clone()), ..login.pinned.clone() };
        let pinned = serde_json::to_string(&pinned).map_err(|_| tampered("login.pinned"))?;
        self.write(|transaction| {
            let sql = "UPDATE login SET stage = ?1, code_hash = NULL, exchange_at = NULL, owner_pid = NULL, pinned = ?2
                       WHERE row = ?3 AND stage = ?4";
            let key = params![Stage::Pending.number(), pinned, login.row, Stage::Exchanging.number()];
            Ok(transaction.prepare_cached(sql)?.execute(key)? == 1)
        })
    }

    /// Saves the token answer, before anything is done with it; false when the login was ended while the answer was on its way.
    pub(crate) fn save_answer(&self, login: &LoginRow, answer: &TokenAnswer, received: &Received) -> Result<bool> {
        let received = serde_json::to_string(received).map_err(|_| tampered("login.received"))?;
        self.write_sealed(|transaction, sealer| {
            let sql = "UPDATE login SET stage = ?1, answer = ?2, received = ?3 WHERE row = ?4 AND stage = ?5";
            let changed = transaction.prepare_cached(sql)?.execute(params![
                Stage::Answered.number(),
                sealer.seal(Place::login_answer(&login.id), &answer.to_bytes()?)?,
                received,
                login.row,
                Stage::Exchanging.number()
            ])?;
            Ok(changed == 1)
        })
    }

    /// Ends a login without a session, if it is still in the stage that it was judged in.
    pub(crate) fn fail_login(
        &self,
        login: &LoginRow,
        judged_in: Stage,
        reason: Reason,
        now: i64,
        note: &Note<'_>,
    ) -> Result<()> {
        self.write(|transaction| {
            let sql = "UPDATE login SET stage = ?1, reason = ?2, secrets = NULL, answer = NULL
                       WHERE row = ?3 AND stage = ?4";
            let changed = transaction.prepare_cached(sql)?.execute(params![
                Stage::Failed.number(),
                reason.name(),
                login.row,
                judged_in.number()
            ])?;
            if changed == 1 { journal::write(transaction, now, note) } else { Ok(()) }
        })
    }

    /// Makes the session that a login was for, or replaces the tokens of the one that the same user already has; makes it
    /// the current one; ends the login. One transaction: there is never one without the other. `None` when another process has ended the
    /// login meanwhile: the answer has been used, and its tokens may be spent.
    pub(crate) fn finish_login(
        &self,
        login: &LoginRow,
        session: NewSession,
        now: i64,
        note: &Note<'_>,
    ) -> Result<Option<SessionRow>> {
        self.write_sealed(|transaction, sealer| {
            let sql = "UPDATE login SET stage = ?1, secrets = NULL, answer = NULL WHERE row = ?2 AND stage = ?3";
            let changed = transaction.prepare_cached(sql)?.execute(params![
                Stage::Done.number(),
                login.row,
                Stage::Answered.number()
            ])?;
            if changed == 0 {
                return Ok(None);
            }
            let row = put_session(transaction, sealer, &session)?;
            transaction.prepare_cached("UPDATE meta SET current_session = ?1")?.execute([&row.id])?;
            let sql = "UPDATE login SET session = ?1 WHERE row = ?2";
            transaction.prepare_cached(sql)?.execute(params![row.id, login.row])?;
            journal::write(transaction, now, &note.session(&row.id))?;
            Ok(Some(row))
        })
    }
}
