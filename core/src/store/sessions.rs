//! Sessions. Every change of a session's tokens or state gives it a new generation, and happens only if the generation is
//! still the one that the caller read.

use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::attempts::{AttemptRow, forget_attempt, holds, standing};
use super::outbox::owe_row;
use super::seal::Place;
use super::vault::Sealer;
use super::{Note, Store, journal, json, next_generation, parse_json, tampered};
use crate::error::{Reason, Result};
use crate::refresh::decide::{Standing, counts_as_verified};
use crate::refresh::pause::{Moment, Pause};
use crate::session::Profile;
use crate::token::answer::TokenAnswer;

/// The states as they are stored.
pub(super) const ACTIVE: i64 = 0;
pub(super) const ENDED: i64 = 1;
pub(super) const LOGGED_OUT: i64 = 2;

/// Whom an ID token must go on naming (OpenID Connect Core section 12.2).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) auth_time: Option<u64>,
}

/// When tokens came, by every clock there is. Milliseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Received {
    pub(crate) wall: i64,
    pub(crate) boot: i64,
    pub(crate) boot_id: Option<String>,
    /// The provider's clock, where its answer told and it is far from ours: what ID tokens are checked against.
    pub(crate) server: i64,
}

/// A session as stored.
#[derive(Debug)]
pub(crate) struct SessionRow {
    pub(crate) id: String,
    pub(crate) registration: String,
    pub(crate) provider: String,
    /// The issuer that the registration named when the user logged in, empty where the provider has none.
    pub(crate) issuer: String,
    pub(crate) uid: String,
    /// Why it has ended; `None` while it is active.
    pub(crate) cause: Option<Reason>,
    pub(crate) generation: i64,
    /// The ID token that came with these tokens was checked, or none came.
    pub(crate) verified: bool,
    pub(crate) created_at: i64,
    pub(crate) received: Received,
    /// The access token's life in milliseconds, where the provider told it.
    pub(crate) lifetime: Option<i64>,
    /// Since when and for how long the provider is not to be asked for a refresh.
    pub(crate) pause: Option<Pause>,
    /// A request of ours was in doubt since the login.
    pub(crate) doubted: bool,
    /// A refresh of this generation that is under way, was interrupted or is in doubt.
    pub(crate) attempt: Option<AttemptRow>,
    /// The tokens are in memory only: they could not be saved.
    pub(crate) unsaved: bool,
    pub(crate) scopes: Vec<String>,
    pub(crate) identity: Option<Identity>,
    pub(crate) profile_at: i64,
    /// The userinfo answer's `ETag`.
    pub(crate) profile_etag: Option<String>,
    pub(crate) profile: Profile,
    pub(crate) tokens: TokenAnswer,
}

impl SessionRow {
    /// The tokens, as long as they may be given out: not of an ended session, not before the ID token was checked.
    pub(crate) fn live_tokens(&self) -> Option<&TokenAnswer> {
        (self.cause.is_none() && self.verified).then_some(&self.tokens)
    }

    /// A second one, for a change that only memory has.
    pub(crate) fn duplicate(&self) -> Self {
        Self {
            id: self.id.clone(),
            registration: self.registration.clone(),
            provider: self.provider.clone(),
            issuer: self.issuer.clone(),
            uid: self.uid.clone(),
            received: self.received.clone(),
            pause: self.pause.clone(),
            attempt: self.attempt.clone(),
            scopes: self.scopes.clone(),
            identity: self.identity.clone(),
            profile_etag: self.profile_etag.clone(),
            profile: self.profile.clone(),
            tokens: self.tokens.duplicate(),
            ..*self
        }
    }

    /// When the access token is over by the wall clock, in milliseconds since 1970.
    pub(crate) fn expires_at(&self) -> Option<i64> {
        self.lifetime.map(|lifetime| self.received.wall.saturating_add(lifetime))
    }
}

/// New tokens, and what they were got for.
pub(crate) struct Rotation<'a> {
    pub(crate) read_before: &'a SessionRow,
    pub(crate) tokens: &'a TokenAnswer,
    pub(crate) received: &'a Received,
    /// An ID token came with them, and is still to be checked.
    pub(crate) brought_id_token: bool,
    /// A request of that generation was in doubt.
    pub(crate) in_doubt: bool,
}

/// What became of a save.
pub(crate) enum Saved {
    Row(Box<SessionRow>),
    /// The row says something newer: the tokens lost.
    Lost(Standing),
}

impl Received {
    pub(crate) fn moment(&self) -> Moment {
        Moment { wall: self.wall, boot: self.boot, boot_id: self.boot_id.clone() }
    }
}

/// A session that a login has made.
pub(crate) struct NewSession {
    pub(crate) id: String,
    pub(crate) registration: String,
    pub(crate) provider: String,
    pub(crate) issuer: String,
    pub(crate) received: Received,
    pub(crate) scopes: Vec<String>,
    pub(crate) identity: Option<Identity>,
    pub(crate) profile_at: i64,
    pub(crate) profile_etag: Option<String>,
    pub(crate) profile: Profile,
    pub(crate) tokens: TokenAnswer,
}

/// Of a session `s` and the attempt `a` of its generation.
pub(super) const COLUMNS: &str =
    "s.id, s.registration, s.provider, s.uid, s.state, s.cause, s.generation, s.verified, s.created_at,
    s.received_wall, s.received_boot, s.boot_id, s.received_server, s.lifetime, s.pause, s.scopes, s.identity,
    s.profile_at, s.profile, s.tokens, s.issuer, s.profile_etag, s.doubted, a.owner, a.begun, a.in_doubt, a.pause";

pub(super) const FROM: &str = "session AS s LEFT JOIN attempt AS a ON a.session = s.id AND a.generation = s.generation";

/// The columns whose content has to be parsed, beside the others.
pub(super) struct RawSession {
    state: i64,
    cause: Option<String>,
    scopes: String,
    identity: Option<String>,
    profile: Zeroizing<Vec<u8>>,
    tokens: Zeroizing<Vec<u8>>,
    pause: Option<String>,
    attempt: Option<RawAttempt>,
    row: SessionRow,
}

struct RawAttempt {
    owner: String,
    begun: String,
    in_doubt: bool,
    pause: Option<String>,
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<RawSession> {
    let attempt = match row.get::<_, Option<String>>(23)? {
        Some(owner) => Some(RawAttempt { owner, begun: row.get(24)?, in_doubt: row.get(25)?, pause: row.get(26)? }),
        None => None,
    };
    Ok(RawSession {
        state: row.get(4)?,
        cause: row.get(5)?,
        scopes: row.get(15)?,
        identity: row.get(16)?,
        profile: Zeroizing::new(row.get(18)?),
        tokens: Zeroizing::new(row.get(19)?),
        pause: row.get(14)?,
        attempt,
        row: SessionRow {
            id: row.get(0)?,
            registration: row.get(1)?,
            provider: row.get(2)?,
            uid: row.get(3)?,
            cause: None,
            generation: row.get(6)?,
            verified: row.get(7)?,
            created_at: row.get(8)?,
            received: Received { wall: row.get(9)?, boot: row.get(10)?, boot_id: row.get(11)?, server: row.get(12)? },
            lifetime: row.get(13)?,
            pause: None,
            doubted: row.get(22)?,
            attempt: None,
            unsaved: false,
            scopes: Vec::new(),
            identity: None,
            profile_at: row.get(17)?,
            issuer: row.get(20)?,
            profile_etag: row.get(21)?,
            profile: Profile::default(),
            tokens: TokenAnswer::blank(),
        },
    })
}

pub(super) fn parse(raw: RawSession, sealer: &Sealer<'_>) -> Result<SessionRow> {
    let mut row = raw.row;
    row.cause = match (raw.state, raw.cause) {
        (ACTIVE, None) => None,
        (ENDED | LOGGED_OUT, Some(name)) => Some(Reason::from_name(&name).ok_or_else(|| tampered("session.cause"))?),
        _ => return Err(tampered("session.state")),
    };
    row.scopes = parse_json(&raw.scopes, "session.scopes")?;
    row.identity = raw.identity.map(|text| parse_json(&text, "session.identity")).transpose()?;
    row.pause = raw.pause.map(|text| parse_json(&text, "session.pause")).transpose()?;
    row.attempt = raw.attempt.map(parse_attempt).transpose()?;
    if raw.state == LOGGED_OUT {
        // A tombstone has neither.
        return Ok(row);
    }
    let tokens = match sealer.open(Place::session_tokens(&row.id), &raw.tokens) {
        Err(lost) if lost.is_login_required() => {
            // It has ended for that, or for another cause before. Whose it was is all that is known.
            row.cause.get_or_insert_with(|| lost.reason());
            row.profile = Profile::of_uid(&row.uid);
            return Ok(row);
        }
        tokens => tokens?,
    };
    row.tokens = TokenAnswer::from_bytes(&tokens)?;
    let profile = sealer.open(Place::session_profile(&row.id), &raw.profile)?;
    row.profile = serde_json::from_slice(&profile).map_err(|_| tampered("session.profile"))?;
    Ok(row)
}

fn parse_attempt(raw: RawAttempt) -> Result<AttemptRow> {
    Ok(AttemptRow {
        owner: parse_json(&raw.owner, "attempt.owner")?,
        begun: parse_json(&raw.begun, "attempt.begun")?,
        in_doubt: raw.in_doubt,
        pause: raw.pause.map(|text| parse_json(&text, "attempt.pause")).transpose()?,
    })
}

/// The row, unless it cannot be read.
pub(super) fn readable(raw: RawSession, sealer: &Sealer<'_>) -> Option<SessionRow> {
    let unreadable = |error: &crate::error::Error| log::warn!("a session in the store cannot be read: {error}");
    parse(raw, sealer).inspect_err(unreadable).ok()
}

fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Inserts a session, or replaces that of the same user and keeps its id.
pub(super) fn put_session(transaction: &Transaction<'_>, sealer: &Sealer<'_>, new: &NewSession) -> Result<SessionRow> {
    let generation = next_generation(transaction)?;
    // Values are sealed into their place, so the id has to be known first.
    let sql = format!(
        "SELECT id FROM session WHERE registration = ?1 AND issuer = ?2 AND uid = ?3 AND state <> {LOGGED_OUT}"
    );
    let before: Option<String> = transaction
        .prepare_cached(&sql)?
        .query_row([&new.registration, &new.issuer, new.profile.uid()], |row| row.get(0))
        .optional()?;
    let id = before.as_ref().unwrap_or(&new.id);
    let profile = sealer.seal(Place::session_profile(id), &Zeroizing::new(json(&new.profile).into_bytes()))?;
    let tokens = sealer.seal(Place::session_tokens(id), &new.tokens.to_bytes()?)?;
    let sql = format!(
        "INSERT INTO session (id, registration, provider, uid, state, cause, generation, verified, created_at,
             received_wall, received_boot, boot_id, received_server, lifetime, scopes, identity, profile_at, profile,
             tokens, issuer, profile_etag)
         VALUES (?1, ?2, ?3, ?4, {ACTIVE}, NULL, ?5, 1, ?6, ?6, ?7, ?8, ?15, ?9, ?10, ?11, ?12, ?13, ?14, ?16, ?17)
         ON CONFLICT (registration, issuer, uid) WHERE state <> {LOGGED_OUT} DO UPDATE SET
             provider = excluded.provider, state = excluded.state, cause = NULL, generation = excluded.generation,
             verified = excluded.verified, received_wall = excluded.received_wall,
             received_boot = excluded.received_boot, boot_id = excluded.boot_id,
             received_server = excluded.received_server, lifetime = excluded.lifetime,
             pause = NULL, doubted = 0, scopes = excluded.scopes, identity = excluded.identity,
             profile_at = excluded.profile_at, profile_etag = excluded.profile_etag, profile = excluded.profile, tokens = excluded.tokens
         RETURNING id"
    );
    let id: String = transaction.prepare_cached(&sql)?.query_row(
        params![
            id,
            new.registration,
            new.provider,
            new.profile.uid(),
            generation,
            new.received.wall,
            new.received.boot,
            new.received.boot_id,
            new.tokens.lifetime.map(millis),
            json(&new.scopes),
            new.identity.as_ref().map(json),
            new.profile_at,
            profile,
            tokens,
            new.received.server,
            new.issuer,
            new.profile_etag,
        ],
        |row| row.get(0),
    )?;
    forget_attempt(transaction, &id)?;
    by_id(transaction, sealer, &id)?.ok_or_else(|| tampered("session.id"))
}

pub(super) fn by_id(connection: &rusqlite::Connection, sealer: &Sealer<'_>, id: &str) -> Result<Option<SessionRow>> {
    let sql = format!("SELECT {COLUMNS} FROM {FROM} WHERE s.id = ?1");
    let raw = connection.prepare_cached(&sql)?.query_row([id], read).optional()?;
    raw.map(|raw| parse(raw, sealer)).transpose()
}

/// Ends every active session for one cause: nobody can use what is in them any more.
pub(super) fn end_all(transaction: &Transaction<'_>, cause: Reason) -> Result<()> {
    let generation = next_generation(transaction)?;
    let sql = format!("UPDATE session SET state = {ENDED}, cause = ?1, generation = ?2 WHERE state = {ACTIVE}");
    transaction.prepare_cached(&sql)?.execute(params![cause.name(), generation])?;
    transaction.prepare_cached("DELETE FROM attempt")?.execute([])?;
    Ok(())
}

impl Store {
    pub(crate) fn session(&self, id: &str) -> Result<Option<SessionRow>> {
        self.read_sealed(|connection, sealer| by_id(connection, sealer, id))
    }

    /// The registration of a session: what can be known of one that is locked.
    pub(crate) fn registration_of(&self, id: &str) -> Result<Option<String>> {
        self.read(|connection| {
            let sql = "SELECT registration FROM session WHERE id = ?1";
            Ok(connection.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?)
        })
    }

    /// Stores a session that was not made by a login of this store; makes it the current one where there is none.
    pub(crate) fn import_session(&self, session: NewSession, now: i64, note: &Note<'_>) -> Result<SessionRow> {
        self.write_sealed(|transaction, sealer| {
            let row = put_session(transaction, sealer, &session)?;
            let sql = "UPDATE meta SET current_session = ?1 WHERE current_session IS NULL";
            transaction.prepare_cached(sql)?.execute([&row.id])?;
            journal::write(transaction, now, &note.session(&row.id))?;
            Ok(row)
        })
    }

    pub(crate) fn current_session(&self) -> Result<Option<SessionRow>> {
        self.read_sealed(|connection, sealer| {
            let sql = format!(
                "SELECT {COLUMNS} FROM {FROM}
                 WHERE s.id = (SELECT current_session FROM meta) AND s.state <> {LOGGED_OUT}"
            );
            let raw = connection.prepare_cached(&sql)?.query_row([], read).optional()?;
            raw.map(|raw| parse(raw, sealer)).transpose()
        })
    }

    /// False when there is no such session.
    pub(crate) fn set_current_session(&self, id: &str) -> Result<bool> {
        self.write(|transaction| {
            let sql = format!(
                "UPDATE meta SET current_session = ?1
                 WHERE EXISTS (SELECT 1 FROM session WHERE id = ?1 AND state <> {LOGGED_OUT})"
            );
            Ok(transaction.prepare_cached(&sql)?.execute([id])? == 1)
        })
    }

    /// Saves new tokens, if the session is still the one that was read and still active; else gives what it has become.
    pub(crate) fn save_rotation(&self, rotation: &Rotation<'_>, note: &Note<'_>) -> Result<Saved> {
        self.write_sealed(|transaction, sealer| {
            let Rotation { read_before, tokens, received, .. } = rotation;
            if !holds(transaction, read_before)? {
                // A session that is not there at all cannot lose anything either: it was logged out and forgotten.
                let gone = Standing { state: crate::refresh::decide::State::LoggedOut, generation: i64::MAX };
                return Ok(Saved::Lost(standing(transaction, &read_before.id)?.unwrap_or(gone)));
            }
            let generation = next_generation(transaction)?;
            let sql = "UPDATE session SET generation = ?1, verified = ?2, received_wall = ?3, received_boot = ?4, boot_id = ?5,
                           lifetime = ?6, pause = NULL, scopes = ?7, tokens = ?8, received_server = ?10,
                           doubted = doubted OR ?11
                       WHERE id = ?9";
            transaction.prepare_cached(sql)?.execute(params![
                generation,
                counts_as_verified(read_before.verified, rotation.brought_id_token),
                received.wall,
                received.boot,
                received.boot_id,
                tokens.lifetime.map(millis),
                json(&tokens.scope.as_ref().unwrap_or(&read_before.scopes)),
                sealer.seal(Place::session_tokens(&read_before.id), &tokens.to_bytes()?)?,
                read_before.id,
                received.server,
                rotation.in_doubt,
            ])?;
            forget_attempt(transaction, &read_before.id)?;
            journal::write(transaction, received.wall, note)?;
            crash_point!("K8");
            let row = by_id(transaction, sealer, &read_before.id)?.ok_or_else(|| tampered("session.id"))?;
            Ok(Saved::Row(Box::new(row)))
        })
    }

    /// Notes that the ID token of this generation was checked. Lost, it is checked again.
    pub(crate) fn mark_verified(&self, row: &SessionRow) -> Result<()> {
        self.write_lightly(|transaction| {
            if holds(transaction, row)? {
                transaction.prepare_cached("UPDATE session SET verified = 1 WHERE id = ?1")?.execute([&row.id])?;
            }
            Ok(())
        })
    }

    /// Keeps the provider from being asked again for a while.
    pub(crate) fn back_off(&self, row: &SessionRow, pause: &Pause, now: i64, note: &Note<'_>) -> Result<()> {
        self.write(|transaction| {
            if holds(transaction, row)? {
                let sql = "UPDATE session SET pause = ?1 WHERE id = ?2";
                transaction.prepare_cached(sql)?.execute(params![json(pause), row.id])?;
            }
            journal::write(transaction, now, note)
        })
    }

    /// Ends a session for a cause, if it is still the one that was read. Nothing is deleted; what an ended session still holds is not given out.
    pub(crate) fn end_for(&self, row: &SessionRow, cause: Reason, now: i64, note: &Note<'_>) -> Result<bool> {
        self.write(|transaction| {
            if !holds(transaction, row)? {
                return Ok(false);
            }
            let generation = next_generation(transaction)?;
            let sql = format!("UPDATE session SET state = {ENDED}, cause = ?1, generation = ?2 WHERE id = ?3");
            transaction.prepare_cached(&sql)?.execute(params![cause.name(), generation, row.id])?;
            forget_attempt(transaction, &row.id)?;
            journal::write(transaction, now, note)?;
            Ok(true)
        })
    }

    /// The app ends a session: whatever its state, nothing of it is left but a tombstone, and what is owed to the provider when that is to be told.
    /// False when it already was one.
    pub(crate) fn log_out(&self, id: &str, revoke: bool, now: i64, note: &Note<'_>) -> Result<bool> {
        let logged_out = self.write(|transaction| {
            if revoke {
                owe_row(transaction, id, now)?;
            }
            let generation = next_generation(transaction)?;
            let sql = format!(
                "UPDATE session SET state = {LOGGED_OUT}, cause = ?1, generation = ?2, tokens = x'', identity = NULL,
                     profile = x''
                 WHERE id = ?3 AND state <> {LOGGED_OUT}"
            );
            let changed =
                transaction.prepare_cached(&sql)?.execute(params![Reason::LoggedOut.name(), generation, id])?;
            if changed == 1 {
                forget_attempt(transaction, id)?;
                transaction
                    .prepare_cached("UPDATE meta SET current_session = NULL WHERE current_session = ?1")?
                    .execute([id])?;
                journal::write(transaction, now, note)?;
            }
            Ok(changed == 1)
        })?;
        crash_point!("K13");
        if logged_out {
            self.forget_old_pages();
        }
        Ok(logged_out)
    }

    /// Keeps a profile that was just fetched, if the session is still active. Not a change of generation: no token changed.
    pub(crate) fn save_profile(
        &self,
        id: &str,
        profile: &Profile,
        etag: Option<&str>,
        now: i64,
    ) -> Result<Option<SessionRow>> {
        self.write_sealed(|transaction, sealer| {
            let sql = format!(
                "UPDATE session SET profile = ?1, profile_at = ?2, profile_etag = ?4
                 WHERE id = ?3 AND state = {ACTIVE}"
            );
            let sealed = sealer.seal(Place::session_profile(id), &Zeroizing::new(json(profile).into_bytes()))?;
            transaction.prepare_cached(&sql)?.execute(params![sealed, now, id, etag])?;
            by_id(transaction, sealer, id)
        })
    }
}
