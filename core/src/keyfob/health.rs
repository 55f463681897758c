//! How the store is: for a support engineer, beside the journal.

use std::time::{Duration, SystemTime};

use super::Shared;
use crate::clock::from_millis;
use crate::error::Result;
use crate::refresh::decide::Owner;
use crate::store::Sealing;

/// How a store is. Holds no secret.
#[derive(Clone, Debug)]
pub struct Health {
    schema: i32,
    sqlite: String,
    sealing: Sealing,
    moved_aside: usize,
    active: u32,
    ended: u32,
    interrupted: Vec<Interrupted>,
    unsaved: usize,
    owed: u32,
    skew: Option<(i64, i64)>,
}

/// A refresh that was cut off or is in doubt. The next call for that session's token mends it, or [`Keyfob::maintain`](crate::Keyfob::maintain).
#[derive(Clone, Debug)]
pub struct Interrupted {
    session: String,
    pid: u32,
    alive: bool,
    begun: i64,
    in_doubt: bool,
    verified: bool,
    retry_after: Option<Duration>,
}

impl Health {
    /// The version of the store's schema.
    #[must_use]
    pub fn schema_version(&self) -> i32 {
        self.schema
    }

    /// The version of SQLite.
    #[must_use]
    pub fn sqlite_version(&self) -> &str {
        &self.sqlite
    }

    /// How the secrets in the store are kept.
    #[must_use]
    pub fn sealing(&self) -> Sealing {
        self.sealing
    }

    /// How many damaged databases lie in the folder, moved aside (`damaged-*.db`): each time the sessions in it were gone. The newest two are kept.
    #[must_use]
    pub fn moved_aside(&self) -> usize {
        self.moved_aside
    }

    /// How many sessions are active.
    #[must_use]
    pub fn active_sessions(&self) -> u32 {
        self.active
    }

    /// How many have ended by themselves and wait for a new login.
    #[must_use]
    pub fn ended_sessions(&self) -> u32 {
        self.ended
    }

    /// The sessions whose refresh is not settled: under way, cut off, in doubt, or not checked yet.
    #[must_use]
    pub fn interrupted(&self) -> &[Interrupted] {
        &self.interrupted
    }

    /// How many sessions of this process have tokens that could not be saved.
    #[must_use]
    pub fn unsaved_sessions(&self) -> usize {
        self.unsaved
    }

    /// How many logged-out sessions the provider is still to be told of.
    #[must_use]
    pub fn owed_revocations(&self) -> u32 {
        self.owed
    }

    /// How far a provider's clock was ahead of this device's (behind, where it is negative), in seconds, when that was last far off; `None` where it never was.
    #[must_use]
    pub fn clock_skew_seconds(&self) -> Option<i64> {
        self.skew.map(|(millis, _)| millis / 1000)
    }

    /// When that was seen, by this device's clock.
    #[must_use]
    pub fn clock_skew_at(&self) -> Option<SystemTime> {
        self.skew.map(|(_, at)| from_millis(at))
    }
}

impl Interrupted {
    /// The id of the session.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// The process that sent the refresh token; 0 where none did, and only the tokens' check is left.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether that process is still there.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.alive
    }

    /// When it began, by this device's wall clock.
    #[must_use]
    pub fn begun_at(&self) -> SystemTime {
        from_millis(self.begun)
    }

    /// Whether the provider may have acted on it without our having its answer.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// Whether the tokens that the session has were checked.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.verified
    }

    /// How long it is left alone yet.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl Shared {
    pub(super) fn health(&self) -> Result<Health> {
        let counts = self.common.store.counts()?;
        let now = self.now();
        // A store that is locked, or under another key by now, says the rest all the same.
        let unsettled = match self.common.store.unsettled() {
            Err(error) if error.is_unreadable() => Vec::new(),
            other => other?,
        };
        let interrupted = unsettled.into_iter().map(|row| {
            let attempt = row.attempt.as_ref();
            let owner = attempt.map(|attempt| attempt.owner.seen_from(&self.common.me, &attempt.begun, &now));
            Interrupted {
                pid: attempt.map_or(0, |attempt| attempt.owner.pid),
                alive: owner.is_some_and(|owner| owner != Owner::Gone),
                begun: attempt.map_or(row.received.wall, |attempt| attempt.begun.wall),
                in_doubt: attempt.is_some_and(|attempt| attempt.in_doubt),
                verified: row.verified,
                retry_after: attempt.and_then(|attempt| attempt.pause.as_ref()?.left(&now)),
                session: row.id,
            }
        });
        Ok(Health {
            schema: counts.schema,
            sqlite: crate::store::sqlite_version(),
            sealing: self.common.store.sealing(),
            moved_aside: self.common.store.moved_aside()?,
            active: counts.active,
            ended: counts.ended,
            interrupted: interrupted.collect(),
            unsaved: self.common.unsaved.ids().len(),
            owed: counts.owed,
            skew: counts.skew,
        })
    }
}
