//! Why things happened.

use std::time::SystemTime;

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
        }
    }
}
