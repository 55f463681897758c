//! Why things happened.

use std::time::{Duration, SystemTime};

/// One line of the journal. Holds no secret.
#[derive(Clone, Debug, uniffi::Record)]
pub struct JournalEntry {
    /// When it happened, by this device's wall clock.
    pub at: SystemTime,
    /// The process it happened in.
    pub pid: u32,
    /// The name of the event.
    pub event: String,
    /// The registration.
    pub registration: Option<String>,
    /// The id of the session.
    pub session: Option<String>,
    /// The name of the reason, where something went wrong or ended.
    pub reason: Option<String>,
    /// The HTTP status of the provider's answer.
    pub http_status: Option<u16>,
    /// Why a refresh was wanted.
    pub wish: Option<String>,
    /// How long the refresh took, waiting for others included.
    pub waited: Option<Duration>,
    /// How many seconds the provider's clock was ahead of this device's, or behind.
    pub clock_skew_seconds: Option<i64>,
}

impl From<&keyfob::JournalEntry> for JournalEntry {
    fn from(entry: &keyfob::JournalEntry) -> Self {
        Self {
            at: entry.at(),
            pid: entry.pid(),
            event: entry.event().to_owned(),
            registration: entry.registration().map(str::to_owned),
            session: entry.session().map(str::to_owned),
            reason: entry.reason().map(str::to_owned),
            http_status: entry.http_status(),
            wish: entry.wish().map(str::to_owned),
            waited: entry.waited(),
            clock_skew_seconds: entry.clock_skew_seconds(),
        }
    }
}
