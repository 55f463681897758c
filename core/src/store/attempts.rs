//! Attempts: that a refresh token is being sent, by whom, and what is known of it. Written before it is sent, so that whoever comes after a
//! process that died knows that it may be spent.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::sessions::{ACTIVE, LOGGED_OUT, SessionRow, by_id};
use super::{Note, Store, journal, json, parse_json};
use crate::error::Result;
use crate::refresh::decide::{BeforeSending, Permit, Standing, State, before_sending, still_ours};
use crate::refresh::owner::Process;
use crate::refresh::pause::{Moment, Pause};
use crate::refresh::window::Now;

/// An attempt of the generation that the session's row has.
#[derive(Clone, Debug)]
pub(crate) struct AttemptRow {
    pub(crate) owner: Process,
    pub(crate) begun: Moment,
    /// Its outcome is known to be unknown; and until when it is left alone.
    pub(crate) in_doubt: bool,
    pub(crate) pause: Option<Pause>,
}

/// How many refreshes a registration may try in how many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) tries: u32,
    pub(crate) millis: i64,
}

/// One request that is to be sent.
pub(crate) struct Sending<'a> {
    pub(crate) row: &'a SessionRow,
    pub(crate) owner: &'a Process,
    pub(crate) at: &'a Moment,
    /// An earlier request of this generation is in doubt.
    pub(crate) in_doubt: bool,
    /// No back-off holds it up.
    pub(crate) at_once: bool,
    pub(crate) budget: Option<Budget>,
}

/// Whether it may be sent, and how long to wait where it may not.
#[derive(Debug)]
pub(crate) struct Permitted {
    pub(crate) permit: Permit,
    pub(crate) wait: Option<std::time::Duration>,
}

impl Moment {
    pub(super) fn now(&self) -> Now<'_> {
        Now { wall: self.wall, boot: self.boot, boot_id: self.boot_id.as_deref() }
    }
}

/// What a session's row says at this moment of the transaction; `None` when there is none.
pub(super) fn standing(transaction: &Transaction<'_>, id: &str) -> Result<Option<Standing>> {
    let sql = "SELECT state, generation FROM session WHERE id = ?1";
    let found = transaction
        .prepare_cached(sql)?
        .query_row([id], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
        .optional()?;
    Ok(found.map(|(state, generation)| Standing {
        state: match state {
            ACTIVE => State::Active,
            LOGGED_OUT => State::LoggedOut,
            _ => State::Ended,
        },
        generation,
    }))
}

/// Whether what was read of a row still holds in this transaction.
pub(super) fn holds(transaction: &Transaction<'_>, row: &SessionRow) -> Result<bool> {
    Ok(standing(transaction, &row.id)?.is_some_and(|now| still_ours(now, row.generation)))
}

/// Every change of a session's generation goes with this.
pub(super) fn forget_attempt(transaction: &Transaction<'_>, id: &str) -> Result<()> {
    transaction.prepare_cached("DELETE FROM attempt WHERE session = ?1")?.execute([id])?;
    Ok(())
}

fn permitted(transaction: &Transaction<'_>, sending: &Sending<'_>) -> Result<Permitted> {
    let now = sending.at.now();
    let pause: Option<Option<String>> = transaction
        .prepare_cached("SELECT pause FROM session WHERE id = ?1")?
        .query_row([&sending.row.id], |row| row.get(0))
        .optional()?;
    let pause: Option<Pause> = pause.flatten().map(|text| parse_json(&text, "session.pause")).transpose()?;
    let pause = pause.and_then(|pause| pause.left(&now));
    let budget = match sending.budget {
        Some(budget) => over_budget(transaction, &sending.row.registration, budget, &now)?,
        None => None,
    };
    let now = standing(transaction, &sending.row.id)?;
    let permit = now.map_or(Permit::ReadAgain, |now| {
        before_sending(&BeforeSending {
            now,
            generation: sending.row.generation,
            waiting: pause.is_some(),
            at_once: sending.at_once,
            within_budget: budget.is_none(),
        })
    });
    let wait = match permit {
        Permit::AwaitBackOff => pause,
        Permit::AwaitBudget => budget,
        Permit::Send | Permit::ReadAgain => None,
    };
    Ok(Permitted { permit, wait })
}

/// How long until there is a try again; `None` while there is one.
fn over_budget(
    transaction: &Transaction<'_>,
    registration: &str,
    budget: Budget,
    now: &Now<'_>,
) -> Result<Option<std::time::Duration>> {
    let mut statement = transaction.prepare_cached("SELECT row, at FROM spent WHERE registration = ?1")?;
    let tries: Vec<(i64, String)> =
        statement.query_map([registration], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    let mut waits = Vec::new();
    for (row, at) in tries {
        let at: Moment = parse_json(&at, "spent.at")?;
        match at.left(budget.millis, now) {
            Some(left) => waits.push(left),
            None => {
                transaction.prepare_cached("DELETE FROM spent WHERE row = ?1")?.execute([row])?;
            }
        }
    }
    waits.sort_unstable();
    // With as many tries as are allowed in the window, the oldest has to leave it; with more (the budget was made smaller) several.
    let tries = usize::try_from(budget.tries).unwrap_or(usize::MAX);
    Ok(waits.len().checked_sub(tries).and_then(|excess| waits.get(excess)).copied())
}

fn spend(transaction: &Transaction<'_>, sending: &Sending<'_>) -> Result<()> {
    if sending.budget.is_some() {
        let sql = "INSERT INTO spent (registration, at) VALUES (?1, ?2)";
        transaction.prepare_cached(sql)?.execute(params![sending.row.registration, json(sending.at)])?;
    }
    Ok(())
}

impl Store {
    /// Writes the attempt and reserves a try, if the row is still the one that was read and may be refreshed now.
    pub(crate) fn begin_attempt(&self, sending: &Sending<'_>) -> Result<Permitted> {
        self.keep_spare()?;
        self.write(|transaction| {
            let permitted = permitted(transaction, sending)?;
            if permitted.permit == Permit::Send {
                forget_attempt(transaction, &sending.row.id)?;
                let sql = "INSERT INTO attempt (session, generation, owner, begun) VALUES (?1, ?2, ?3, ?4)";
                transaction.prepare_cached(sql)?.execute(params![
                    sending.row.id,
                    sending.row.generation,
                    json(sending.owner),
                    json(sending.at)
                ])?;
                if sending.in_doubt {
                    mark_doubted(transaction, &sending.row.id)?;
                }
                spend(transaction, sending)?;
            }
            crash_point!("K4");
            Ok(permitted)
        })
    }

    /// Asks the same before a request is repeated; the attempt is there already.
    pub(crate) fn repeat_attempt(&self, sending: &Sending<'_>) -> Result<Permitted> {
        self.write(|transaction| {
            let permitted = permitted(transaction, sending)?;
            if permitted.permit == Permit::Send {
                spend(transaction, sending)?;
            }
            Ok(permitted)
        })
    }

    /// Gives a reserved try back: nothing was sent.
    pub(crate) fn give_back(&self, sending: &Sending<'_>) -> Result<()> {
        if sending.budget.is_none() {
            return Ok(());
        }
        self.write(|transaction| {
            let sql = "DELETE FROM spent WHERE row = (SELECT max(row) FROM spent WHERE registration = ?1 AND at = ?2)";
            transaction.prepare_cached(sql)?.execute(params![sending.row.registration, json(sending.at)])?;
            Ok(())
        })
    }

    /// The request was not spent: the attempt goes, and the provider is left alone for a while.
    pub(crate) fn release_attempt(
        &self,
        row: &SessionRow,
        pause: Option<&Pause>,
        now: i64,
        note: &Note<'_>,
    ) -> Result<()> {
        self.write(|transaction| {
            if holds(transaction, row)? {
                forget_attempt(transaction, &row.id)?;
                let sql = "UPDATE session SET pause = ?1 WHERE id = ?2";
                transaction.prepare_cached(sql)?.execute(params![pause.map(json), row.id])?;
            }
            journal::write(transaction, now, note)
        })
    }

    /// Nobody knows what became of the request: that is kept, and until when it is left alone.
    pub(crate) fn keep_doubt(&self, row: &SessionRow, pause: &Pause, now: i64, note: &Note<'_>) -> Result<()> {
        self.write(|transaction| {
            if holds(transaction, row)? {
                let sql = "UPDATE attempt SET in_doubt = 1, pause = ?1 WHERE session = ?2 AND generation = ?3";
                transaction.prepare_cached(sql)?.execute(params![json(pause), row.id, row.generation])?;
                mark_doubted(transaction, &row.id)?;
            }
            journal::write(transaction, now, note)
        })
    }

    /// The sessions whose refresh was interrupted or whose tokens were not checked, so that somebody sees to them.
    pub(crate) fn unsettled(&self) -> Result<Vec<SessionRow>> {
        self.read_sealed(|connection, sealer| {
            let mut statement = connection.prepare_cached(&unsettled())?;
            let ids: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            ids.iter().filter_map(|id| by_id(connection, sealer, id).transpose()).collect()
        })
    }
}

/// Begins at the attempts, of which there are few, and at the index of unverified rows (the cross join is SQLite's word for: in this order).
pub(super) fn unsettled() -> String {
    format!(
        "SELECT id FROM (
             SELECT row, id FROM session WHERE state = {ACTIVE} AND verified = 0
             UNION
             SELECT s.row, s.id FROM attempt AS a CROSS JOIN session AS s
                 ON s.id = a.session AND s.generation = a.generation AND s.state = {ACTIVE}
         ) ORDER BY row"
    )
}

fn mark_doubted(transaction: &Transaction<'_>, id: &str) -> Result<()> {
    transaction.prepare_cached("UPDATE session SET doubted = 1 WHERE id = ?1")?.execute([id])?;
    Ok(())
}
