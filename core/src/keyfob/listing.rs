//! Sessions looked for by their user, and a page at a time.

use std::sync::Arc;

use super::{Shared, unknown_session};
use crate::error::{Error, Reason, Result};
use crate::session::Session;
use crate::store::SessionRow;

/// The longest page: some megabytes of rows, read while no other thread can use the store.
const LONGEST: usize = 1000;

/// Sessions of rows that were just read.
pub(super) fn from_rows(rows: Vec<SessionRow>) -> Vec<Session> {
    rows.into_iter().map(|row| Session { row: Arc::new(row) }).collect()
}

impl Shared {
    pub(super) fn find_session(&self, registration: &str, uid: &str) -> Result<Option<Session>> {
        let issuer = self.known(registration)?.issuer_name()?;
        let row = self.common.store.find_session(registration, &issuer, uid)?;
        Ok(row.map(|row| Session { row: Arc::new(row) }))
    }

    pub(super) fn sessions_page(&self, after: Option<&str>, limit: usize) -> Result<Vec<Session>> {
        if !(1..=LONGEST).contains(&limit) {
            // None at all would be read as the end, and fewer than were asked for too.
            return Err(Error::new(Reason::InvalidArgument).with_detail(format!("limit is not from 1 to {LONGEST}")));
        }
        self.common.store.sessions_page(after, limit)?.map(from_rows).ok_or_else(unknown_session)
    }
}
