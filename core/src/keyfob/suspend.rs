//! Suspension: a phone's system freezes an app, and kills one that holds a lock or an open database while frozen.

use std::time::Duration;

use super::Shared;
use crate::error::{Reason, Result};
use crate::refresh::pause::Pause;
use crate::store::{JournalEvent, Note};

impl Shared {
    pub(super) fn suspend(&self, deadline: Duration) -> Result<()> {
        // Resumed before it came to that: there is nothing to close.
        let Some((_closing, idle)) = self.common.gate.shut(deadline) else { return Ok(()) };
        if !idle {
            // A request that is still on its way is given up, and recorded as in doubt while its lock is still held: whoever comes next repeats it at once.
            for row in self.common.gate.abandon() {
                let note = Note::new(JournalEvent::RefreshFailed, &row.registration)
                    .session(&row.id)
                    .reason(Reason::Suspended);
                let pause = Pause::over(self.moment());
                if let Err(error) = self.common.store.keep_doubt(&row, &pause, self.wall_millis(), &note) {
                    // The attempt stays as it is, without an outcome, and says the same once this process is gone.
                    log::warn!("a request that is given up could not be recorded: {error}");
                }
            }
        }
        let mut saved = Ok(());
        for id in self.common.unsaved.ids() {
            if let Err(error) = self.save_unsaved(&id) {
                log::error!("tokens of session {id} are in memory only, and lost if this process ends: {error}");
                saved = Err(error);
            }
        }
        self.common.gate.release_all();
        self.common.store.close()?;
        saved
    }

    pub(super) fn resume(&self) -> Result<()> {
        self.common.gate.open(|| {
            self.common.store.reopen()?;
            // Another process may have done anything meanwhile, and the new connection does not tell.
            let version = self.common.store.others_version()?;
            self.memory().start_over(version);
            Ok(())
        })
    }
}
