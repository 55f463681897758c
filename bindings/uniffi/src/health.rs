//! How a store is.

use std::time::{Duration, SystemTime};

/// How a store keeps its secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Sealing {
    /// As they are.
    Plaintext,
    /// Sealed, and the key is here.
    Sealed,
    /// Sealed, and the key was not to be had yet.
    Locked,
}

impl From<keyfob::Sealing> for Sealing {
    fn from(sealing: keyfob::Sealing) -> Self {
        match sealing {
            keyfob::Sealing::Plaintext => Self::Plaintext,
            keyfob::Sealing::Locked => Self::Locked,
            // The enum of the core may grow, and then so must this one.
            _ => Self::Sealed,
        }
    }
}

/// How a store is. Holds no secret.
#[derive(Clone, Debug, uniffi::Record)]
pub struct Health {
    /// The version of the store's schema.
    pub schema_version: i32,
    /// The version of SQLite.
    pub sqlite_version: String,
    /// How the secrets in the store are kept.
    pub sealing: Sealing,
    /// How many damaged databases lie in the folder, moved aside.
    pub moved_aside: u64,
    /// How many sessions are active.
    pub active_sessions: u32,
    /// How many have ended by themselves and wait for a new login.
    pub ended_sessions: u32,
    /// The sessions whose refresh is not settled.
    pub interrupted: Vec<Interrupted>,
    /// How many sessions of this process have tokens that could not be saved.
    pub unsaved_sessions: u64,
    /// How many logged-out sessions the provider is still to be told of.
    pub owed_revocations: u32,
    /// How many seconds a provider's clock was ahead of this device's, or behind, when that was last far off.
    pub clock_skew_seconds: Option<i64>,
    /// When that was seen.
    pub clock_skew_at: Option<SystemTime>,
}

impl From<&keyfob::Health> for Health {
    fn from(health: &keyfob::Health) -> Self {
        Self {
            schema_version: health.schema_version(),
            sqlite_version: health.sqlite_version().to_owned(),
            sealing: health.sealing().into(),
            moved_aside: u64::try_from(health.moved_aside()).unwrap_or(u64::MAX),
            active_sessions: health.active_sessions(),
            ended_sessions: health.ended_sessions(),
            interrupted: health.interrupted().iter().map(Interrupted::from).collect(),
            unsaved_sessions: u64::try_from(health.unsaved_sessions()).unwrap_or(u64::MAX),
            owed_revocations: health.owed_revocations(),
            clock_skew_seconds: health.clock_skew_seconds(),
            clock_skew_at: health.clock_skew_at(),
        }
    }
}

/// A refresh that was cut off or is in doubt.
#[derive(Clone, Debug, uniffi::Record)]
pub struct Interrupted {
    /// The id of the session.
    pub session: String,
    /// The process that sent the refresh token; 0 where none did.
    pub pid: u32,
    /// Whether that process is still there.
    pub alive: bool,
    /// When it began.
    pub begun_at: SystemTime,
    /// Whether the provider may have acted on it without our having its answer.
    pub in_doubt: bool,
    /// Whether the tokens that the session has were checked.
    pub verified: bool,
    /// How long it is left alone yet.
    pub retry_after: Option<Duration>,
}

impl From<&keyfob::Interrupted> for Interrupted {
    fn from(refresh: &keyfob::Interrupted) -> Self {
        Self {
            session: refresh.session().to_owned(),
            pid: refresh.pid(),
            alive: refresh.is_alive(),
            begun_at: refresh.begun_at(),
            in_doubt: refresh.is_in_doubt(),
            verified: refresh.is_verified(),
            retry_after: refresh.retry_after(),
        }
    }
}
