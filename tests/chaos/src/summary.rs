//! What a run came to, and whether it is what was promised.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::ledger::{Account, Late};
use crate::options::Options;
use crate::people::Tally;

/// The last line of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) protocol: &'static str,
    pub(crate) seed: u64,
    pub(crate) seconds: f64,
    pub(crate) processes: usize,
    pub(crate) threads: usize,
    pub(crate) sessions: usize,
    pub(crate) grace: f64,
    /// Successful refreshes, by the provider's log.
    pub(crate) refreshes: usize,
    /// How often the provider saw a spent refresh token and revoked the family.
    pub(crate) reuse_detections: usize,
    /// How many of them came again only after the grace: nobody lived long enough to send them in time.
    pub(crate) too_late: usize,
    /// How they came about: the first of them, where there was a grace that might have covered them.
    pub(crate) late: Vec<Late>,
    /// How often a refresh token came again, in its grace or not, and no kill explains it.
    pub(crate) unexplained_repeats: usize,
    /// Sessions that ended though nobody logged them out, and why.
    pub(crate) forced_logouts: u64,
    pub(crate) causes: BTreeMap<String, u64>,
    pub(crate) kills: usize,
    /// Kills that took an answer with them, by session.
    pub(crate) kills_in_window: usize,
    pub(crate) stops: usize,
    pub(crate) logins: u64,
    pub(crate) logouts: u64,
    /// Access tokens that the provider refused just after they were given out.
    pub(crate) refused_tokens: u64,
    /// Errors that pass, by reason.
    pub(crate) passing: BTreeMap<String, u64>,
    pub(crate) longest_wait_ms: i64,
    pub(crate) integrity: String,
    /// What should not be, and how often.
    pub(crate) wrong: BTreeMap<String, u64>,
    #[serde(skip)]
    expected: Expected,
}

#[derive(Debug)]
struct Expected {
    refreshes: usize,
    kills: bool,
}

/// What was measured.
pub(crate) struct Measured {
    pub(crate) account: Account,
    pub(crate) late: Vec<Late>,
    pub(crate) tally: Tally,
    pub(crate) kills: usize,
    pub(crate) lasted: Duration,
    pub(crate) stops: usize,
    pub(crate) refused_tokens: u64,
    pub(crate) passing: BTreeMap<String, u64>,
    pub(crate) longest_wait_ms: i64,
    pub(crate) integrity: String,
}

/// Runs of a few seconds may end before the first kill.
const SECONDS_WITH_A_KILL: f64 = 3.0;
/// How many stories are told.
const STORIES: usize = 20;
/// What a session ends for when an answer was lost.
const LOST: &str = "RotationLost";
/// From this grace on every interrupted refresh can be mended.
const ENOUGH_GRACE: f64 = 5.0;

impl Summary {
    pub(crate) fn new(options: &Options, measured: Measured) -> Self {
        let Measured { account, tally, .. } = measured;
        Self {
            protocol: options.protocol.name(),
            seed: options.seed,
            seconds: (measured.lasted.as_secs_f64() * 10.0).round() / 10.0,
            processes: options.processes,
            threads: options.threads,
            sessions: options.sessions,
            grace: options.grace,
            refreshes: account.refreshes,
            reuse_detections: account.reuse_detections,
            too_late: measured.late.iter().filter(|late| late.after >= options.grace).count(),
            late: measured.late.into_iter().filter(|_| options.grace > 0.0).take(STORIES).collect(),
            unexplained_repeats: account.unexplained,
            forced_logouts: tally.forced_logouts(),
            causes: tally.forced,
            kills: measured.kills,
            kills_in_window: account.kills_in_window,
            stops: measured.stops,
            logins: tally.logins,
            logouts: tally.logouts,
            refused_tokens: measured.refused_tokens,
            passing: measured.passing,
            longest_wait_ms: measured.longest_wait_ms,
            integrity: measured.integrity,
            wrong: tally.wrong,
            expected: Expected {
                refreshes: options.refreshes.max(1),
                kills: options.kills && options.seconds >= SECONDS_WITH_A_KILL,
            },
        }
    }

    /// Which promises were not kept.
    pub(crate) fn failures(&self) -> Vec<String> {
        let in_window = u64::try_from(self.kills_in_window).unwrap_or(u64::MAX);
        let (lost, reuses, repeats) = (self.forced_logouts, self.reuse_detections, self.unexplained_repeats);
        let enough = self.grace >= ENOUGH_GRACE;
        let in_grace = self.late.iter().find(|late| late.after < self.grace);
        let strange: Vec<_> = self.causes.keys().filter(|cause| *cause != LOST).collect();
        let broken = [
            (enough && lost > 0, format!("{lost} forced logouts, with a grace that mends every refresh")),
            (
                enough && reuses > self.too_late,
                format!(
                    "{} reuses in a grace that mends every refresh, such as {:?}",
                    reuses - self.too_late,
                    in_grace
                ),
            ),
            (
                enough && self.too_late > 0,
                format!(
                    "{} tokens came again only after the grace: this machine is too slow for so much chaos",
                    self.too_late
                ),
            ),
            (lost > in_window, format!("{lost} forced logouts, and only {in_window} kills took an answer with them")),
            (repeats > 0, format!("{repeats} refresh tokens were sent again, and no kill explains it")),
            (
                !strange.is_empty(),
                format!("sessions ended for {strange:?}, and all that can be lost here is a rotation"),
            ),
            (self.integrity != "ok", format!("the database is damaged: {}", self.integrity)),
            (
                self.refreshes < self.expected.refreshes,
                format!("{} refreshes, and {} were wanted", self.refreshes, self.expected.refreshes),
            ),
            (self.expected.kills && self.kills == 0, "nobody was killed".to_owned()),
        ];
        let broken = broken.into_iter().filter(|(is_broken, _)| *is_broken).map(|(_, text)| text);
        broken.chain(self.wrong.iter().map(|(text, count)| format!("{count} times: {text}"))).collect()
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        format!(
            "{}: {} processes of {} threads, {} sessions, {} s, grace {} s, seed {}\n\
             {} refreshes, {} reuses seen, {} tokens sent again without a kill that explains it, {} forced logouts {:?}\n\
             {} kills ({} with an answer under way), {} stops, {} logouts, {} logins\n\
             {} tokens refused, passing errors {:?}, longest wait {} ms, integrity {}",
            self.protocol,
            self.processes,
            self.threads,
            self.sessions,
            self.seconds,
            self.grace,
            self.seed,
            self.refreshes,
            self.reuse_detections,
            self.unexplained_repeats,
            self.forced_logouts,
            self.causes,
            self.kills,
            self.kills_in_window,
            self.stops,
            self.logouts,
            self.logins,
            self.refused_tokens,
            self.passing,
            self.longest_wait_ms,
            self.integrity,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every reuse came so long after the first use.
    fn summary(grace: f64, account: Account, forced: u64, after: f64) -> Summary {
        let late = Late { after, times: 1, overtaken: false, story: Vec::new() };
        let mut tally = Tally::default();
        (0..forced).for_each(|number| tally.forced(&number.to_string(), LOST));
        Summary::new(
            &Options { grace, seed: 1, ..Options::default() },
            Measured {
                account,
                late: vec![late; account.reuse_detections],
                tally,
                kills: 3,
                lasted: Duration::from_secs(30),
                stops: 1,
                refused_tokens: 0,
                passing: BTreeMap::new(),
                longest_wait_ms: 1,
                integrity: "ok".to_owned(),
            },
        )
    }

    #[test]
    fn without_grace_as_many_may_be_lost_as_were_killed_in_the_window() {
        let account = Account { refreshes: 9, reuse_detections: 2, kills_in_window: 2, unexplained: 0 };
        assert_eq!(summary(0.0, account, 2, 0.1).failures(), [""; 0]);
        assert_eq!(summary(0.0, account, 3, 0.1).failures().len(), 1);
        assert_eq!(summary(0.0, Account { unexplained: 1, ..account }, 2, 0.1).failures().len(), 1);
    }

    #[test]
    fn with_grace_none_may_be_lost() {
        let account = Account { refreshes: 9, kills_in_window: 2, ..Account::default() };
        assert_eq!(summary(5.0, account, 0, 0.1).failures(), [""; 0]);
        assert_eq!(summary(5.0, account, 1, 0.1).failures().len(), 1);
    }
    #[test]
    fn what_came_again_in_its_grace_is_told_apart_from_what_came_too_late() {
        let account = Account { refreshes: 9, reuse_detections: 2, kills_in_window: 2, unexplained: 0 };
        let said = |after| summary(5.0, account, 2, after).failures().join("\n");
        assert!(said(0.4).contains("2 reuses in a grace") && !said(0.4).contains("too slow"), "{}", said(0.4));
        assert!(said(5.1).contains("2 tokens came again only after") && !said(5.1).contains("in a grace"));
        assert!(said(5.1).contains("2 forced logouts"), "too late is a forced logout all the same");
    }
}
