//! The people: they log out and in while the workers work. And somebody who looks which sessions ended though nobody logged them out,
//! and logs those users in again, so that there is something left to ask for.
//!
//! On a thread of their own: a stopped worker may hold the store, and whoever lets it go on must not wait for the store.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::client::{Client, Refusal, Seen, patiently};

/// How often somebody looks.
const LOOK_AFTER: Duration = Duration::from_millis(50);
/// How long a user stays logged out at most, and how long there is between two logouts at most, in milliseconds.
const AWAY: u64 = 400;
const BETWEEN: u64 = 2500;
/// How long a call is tried again that fails in passing.
const PATIENCE: Duration = Duration::from_secs(20);

/// What happened to sessions.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) logins: u64,
    pub(crate) logouts: u64,
    /// Causes of endings that nobody wanted.
    pub(crate) forced: BTreeMap<String, u64>,
    /// The sessions whose ending was noticed, and those that were logged out.
    pub(crate) noticed: HashSet<String>,
    pub(crate) logged_out: HashSet<String>,
    /// What should not be, and how often.
    pub(crate) wrong: BTreeMap<String, u64>,
}

impl Tally {
    pub(crate) fn wrong(&mut self, text: String) {
        *self.wrong.entry(text).or_default() += 1;
    }

    pub(crate) fn forced_logouts(&self) -> u64 {
        self.forced.values().sum()
    }

    pub(crate) fn forced(&mut self, session: &str, cause: &str) {
        *self.forced.entry(cause.to_owned()).or_default() += 1;
        self.noticed.insert(session.to_owned());
    }

    pub(crate) fn log_in(&mut self, client: &dyn Client, user: &str) {
        match patiently(PATIENCE, || client.log_in(user)) {
            Ok(()) => self.logins += 1,
            Err(refusal) => self.wrong(format!("a login failed: {refusal}")),
        }
    }

    /// Goes on until it is over. `logouts`: whether anybody logs out.
    pub(crate) fn live(&mut self, client: &dyn Client, logouts: bool, over: &AtomicBool, rng: &mut Rng) {
        let mut next_logout = Instant::now() + Duration::from_millis(rng.u64(..BETWEEN));
        let mut away: Vec<(String, Instant)> = Vec::new();
        while !over.load(Ordering::Relaxed) {
            thread::sleep(LOOK_AFTER);
            let seen = self.look(client);
            if logouts && Instant::now() >= next_logout {
                next_logout = Instant::now() + Duration::from_millis(rng.u64(..BETWEEN));
                let active: Vec<&Seen> = seen.iter().filter(|seen| seen.active).collect();
                if let Some(session) = rng.choice(active) {
                    self.log_out(client, session);
                    away.push((session.user.clone(), Instant::now() + Duration::from_millis(rng.u64(..AWAY))));
                }
            }
            let back = |(_, until): &mut (String, Instant)| Instant::now() >= *until;
            for (user, _) in away.extract_if(.., back).collect::<Vec<_>>() {
                self.log_in(client, &user);
            }
        }
        for (user, _) in away {
            self.log_in(client, &user);
        }
    }

    /// Counts the sessions that ended by themselves, and logs their users in again.
    pub(crate) fn look(&mut self, client: &dyn Client) -> Vec<Seen> {
        let seen = match client.sessions() {
            Ok(seen) => seen,
            Err(Refusal::Passing(_)) => return Vec::new(),
            Err(refusal) => {
                self.wrong(format!("cannot list the sessions: {refusal}"));
                return Vec::new();
            }
        };
        for session in seen.iter().filter(|session| !session.active) {
            // Why it ended, the next call for a token says.
            let cause = match patiently(PATIENCE, || client.access_token(&session.id, Duration::ZERO)) {
                Err(Refusal::Ended(cause)) => cause,
                Err(refusal) => refusal.to_string(),
                Ok(_) => "none: it gives tokens again".to_owned(),
            };
            self.forced(&session.id, &cause);
            self.log_in(client, &session.user);
        }
        seen
    }

    fn log_out(&mut self, client: &dyn Client, session: &Seen) {
        // Before it is done: a worker may notice it at once.
        self.logged_out.insert(session.id.clone());
        match patiently(PATIENCE, || client.log_out(session)) {
            Ok(()) => self.logouts += 1,
            Err(refusal) => self.wrong(format!("a logout failed: {refusal}")),
        }
    }

    /// After the workers are gone: each session is refreshed once more. So what was interrupted last is mended or has ended, and the
    /// provider's log shows the refresh tokens that were stored.
    pub(crate) fn settle(&mut self, client: &dyn Client) {
        for session in self.look(client).into_iter().filter(|session| session.active) {
            match patiently(PATIENCE, || client.refresh(&session.id)) {
                Ok(()) => {}
                Err(Refusal::Ended(cause)) => self.forced(&session.id, &cause),
                Err(refusal) => self.wrong(format!("the last refresh failed: {refusal}")),
            }
        }
    }
}
