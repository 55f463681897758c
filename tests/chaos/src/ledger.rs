//! The provider's request log, read as accounts of refresh tokens: which came when, from whom, what it brought, and whether that came
//! back. What the library says of itself is not asked here.

use std::collections::{HashMap, HashSet};

use keyfob_idp::LoggedRequest;
use serde::Serialize;

use crate::stage::{LAG, WORKER};

/// Two clocks are read one after the other.
const SLACK: f64 = 0.01;

/// All refreshes of a run.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// The number of the last request that was read.
    read: u64,
    families: usize,
    /// Which login a refresh token comes of.
    family: HashMap<String, usize>,
    refreshes: Vec<Refresh>,
    /// The refresh tokens that somebody sent.
    came: HashSet<String>,
    /// The logins that somebody revoked, and after how many refreshes of all.
    revoked: HashMap<usize, usize>,
}

#[derive(Debug)]
struct Refresh {
    spent: String,
    family: usize,
    worker: String,
    at: f64,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    /// This refresh token.
    Successor(String),
    /// The provider saw a spent token, and ended the family.
    Reused,
    Refused,
}

/// A refresh token that came when it was over: how that came about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Late {
    /// Seconds since it came first.
    pub(crate) after: f64,
    /// How often it had come before.
    pub(crate) times: usize,
    /// Another token of the login had been spent meanwhile: a grace covers only the one that was spent last.
    pub(crate) overtaken: bool,
    /// Every request of the login since it came first, a line each.
    pub(crate) story: Vec<String>,
}

/// What a run did to refresh tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) refreshes: usize,
    pub(crate) reuse_detections: usize,
    /// Kills that took an answer with them: see [`Ledger::account`].
    pub(crate) kills_in_window: usize,
    /// How often a refresh token came again, in its grace or not, and no kill explains it.
    pub(crate) unexplained: usize,
}

impl Ledger {
    /// The number of the last request that was read.
    pub(crate) fn read_to(&self) -> u64 {
        self.read
    }

    /// How many refreshes brought tokens, as far as it has read.
    pub(crate) fn refreshes(&self) -> usize {
        self.refreshes.iter().filter(|refresh| matches!(refresh.outcome, Outcome::Successor(_))).count()
    }

    /// Reads on in the log. A request that is still being worked on is read the next time, with all that came after it.
    pub(crate) fn read(&mut self, log: &[LoggedRequest]) {
        let read = self.read;
        for request in log.iter().filter(|request| request.number > read) {
            let Some(status) = request.status else { return };
            self.read = request.number;
            match (request.path.as_str(), request.grant_type.as_deref()) {
                ("/token", Some("refresh_token")) => self.note(request, status),
                ("/token", _) => {
                    if let Some(token) = successor(request, status) {
                        self.family.insert(token, self.families);
                        self.families += 1;
                    }
                }
                ("/revoke", _) => {
                    if let Some(family) = request.parameter("token").and_then(|token| self.family.get(token)) {
                        self.revoked.entry(*family).or_insert(self.refreshes.len());
                    }
                }
                _ => {}
            }
        }
    }

    fn note(&mut self, request: &LoggedRequest, status: u16) {
        let spent = request.parameter("refresh_token").unwrap_or_default().to_owned();
        let Some(family) = self.family.get(&spent).copied() else { return };
        let outcome = match successor(request, status) {
            Some(token) => {
                self.family.insert(token.clone(), family);
                Outcome::Successor(token)
            }
            None if request.reused => Outcome::Reused,
            None => Outcome::Refused,
        };
        let worker = request.headers.iter().find(|(name, _)| name == WORKER).map(|(_, value)| value.clone());
        self.came.insert(spent.clone());
        let worker = worker.unwrap_or_default();
        self.refreshes.push(Refresh { spent, family, worker, at: request.at_seconds, outcome });
    }

    /// Sums up. `kills` says when each killed worker was killed, in the provider's seconds; `held` are the refresh tokens that the
    /// store holds in the end.
    ///
    /// A kill was *in the window* if the provider had the worker's refresh, and what that brought was never seen again: nobody sent
    /// the new refresh token later, and the store does not hold it. It is counted for each session, for one kill may hit several; and
    /// only if the session had not been refreshed again when the worker was killed, for then it was not the kill that lost the
    /// answer. It is also in the window if the dead worker's request was worked on after that of the worker that came next, and so
    /// was the one that came too late. An answer that nobody missed before the user logged out is left out.
    pub(crate) fn account(&self, kills: &HashMap<String, f64>, held: &HashSet<String>) -> Account {
        let in_window = |(index, refresh): &(usize, &Refresh)| {
            let Some(killed) = kills.get(&refresh.worker) else { return false };
            let mut later = self.refreshes.iter().skip(index + 1).filter(|later| later.family == refresh.family);
            let went_on = later.any(|later| later.at < *killed);
            match &refresh.outcome {
                Outcome::Successor(token) => !went_on && !self.came.contains(token) && !held.contains(token),
                Outcome::Reused => refresh.at + LAG + SLACK >= *killed,
                Outcome::Refused => false,
            }
        };
        let lost: Vec<(usize, &Refresh)> = self.refreshes.iter().enumerate().filter(in_window).collect();
        let missed = |(index, refresh): &&(usize, &Refresh)| {
            let Some(end) = self.revoked.get(&refresh.family) else { return true };
            let mut until = self.refreshes.iter().take(*end).skip(index + 1);
            matches!(refresh.outcome, Outcome::Reused) || until.any(|later| later.family == refresh.family)
        };
        let reused = self.refreshes.iter().filter(|refresh| matches!(refresh.outcome, Outcome::Reused));
        Account {
            refreshes: self.refreshes(),
            reuse_detections: reused.count(),
            kills_in_window: lost.iter().filter(missed).count(),
            unexplained: self.unexplained(kills),
        }
    }

    /// Each refresh token that came when it was over, with all that had happened to it.
    pub(crate) fn late(&self, kills: &HashMap<String, f64>) -> Vec<Late> {
        let reused =
            self.refreshes.iter().enumerate().filter(|(_, refresh)| matches!(refresh.outcome, Outcome::Reused));
        let late = reused.filter_map(|(index, refresh)| {
            let all = self.refreshes.iter().take(index + 1).filter(|other| other.family == refresh.family);
            let since: Vec<_> = all.skip_while(|other| other.spent != refresh.spent).collect();
            let first = since.first()?.at;
            let mut names = Vec::new();
            let story = since.iter().map(|it| it.told(first, kills.get(&it.worker).copied(), &mut names)).collect();
            Some(Late {
                after: refresh.at - first,
                times: since.iter().filter(|other| other.spent == refresh.spent).count() - 1,
                overtaken: since.iter().any(|other| other.spent != refresh.spent),
                story,
            })
        });
        late.collect()
    }

    /// A refresh token may come again after the worker that had sent it was killed, or from a worker that was dead by then. Nobody else
    /// sends it twice.
    fn unexplained(&self, kills: &HashMap<String, f64>) -> usize {
        let dead = |refresh: &Refresh, at: f64| kills.get(&refresh.worker).is_some_and(|killed| *killed <= at + SLACK);
        let mut sent: HashMap<&str, &Refresh> = HashMap::new();
        let again = self.refreshes.iter().filter(|refresh| match sent.insert(&refresh.spent, refresh) {
            Some(before) => !dead(before, refresh.at) && !dead(refresh, refresh.at + LAG),
            None => false,
        });
        again.count()
    }
}

impl Refresh {
    /// In a line: seconds since the first of them, tokens by the order in which they came up.
    fn told<'a>(&'a self, first: f64, killed: Option<f64>, names: &mut Vec<&'a str>) -> String {
        let mut name = |token: &'a str| {
            let known = names.iter().position(|name| *name == token);
            known.unwrap_or_else(|| {
                names.push(token);
                names.len() - 1
            })
        };
        let spent = name(&self.spent);
        let outcome = match &self.outcome {
            Outcome::Successor(token) => format!("brought r{}", name(token)),
            Outcome::Reused => "was over".to_owned(),
            Outcome::Refused => "was refused".to_owned(),
        };
        let killed = killed.map_or_else(|| "never killed".to_owned(), |at| format!("killed at {:.3}", at - first));
        format!("{:.3} {}, {killed}, sent r{spent}, which {outcome}", self.at - first, self.worker)
    }
}

/// The refresh token that an answer brought.
fn successor(request: &LoggedRequest, status: u16) -> Option<String> {
    if status != 200 {
        return None;
    }
    request.answer_json().get("refresh_token")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A log, a line for each request: who, which token, and what came of it.
    fn ledger(lines: &[(&str, &str, &str)]) -> Ledger {
        let entry = |number: usize, path: &str, form: Value, worker: &str, status: Option<u16>, brought: &str| {
            let answer = json!({ "refresh_token": brought }).to_string();
            let grant = form.get(0).and_then(|pair| pair.get(1)).filter(|_| path == "/token").cloned();
            serde_json::from_value::<LoggedRequest>(json!({
                "number": number, "connection": 1, "at_seconds": number, "method": "POST", "path": path,
                "endpoint": "token", "query": [], "form": form, "headers": [[WORKER, worker]], "body": "",
                "grant_type": grant, "status": status, "answer_headers": [],
                "answer": if status == Some(200) { answer } else { String::new() },
                "reused": brought == "reused", "closed": null
            }))
            .unwrap()
        };
        let login = json!([["grant_type", "authorization_code"]]);
        let mut log = vec![entry(1, "/token", login, "", Some(200), "r0")];
        for (line, (worker, token, brought)) in lines.iter().enumerate() {
            let number = line + 2;
            log.push(match *brought {
                "revoked" => entry(number, "/revoke", json!([["token", token]]), worker, Some(200), ""),
                "reused" | "refused" => {
                    let form = json!([["grant_type", "refresh_token"], ["refresh_token", token]]);
                    entry(number, "/token", form, worker, Some(400), brought)
                }
                _ => {
                    let form = json!([["grant_type", "refresh_token"], ["refresh_token", token]]);
                    entry(number, "/token", form, worker, Some(200), brought)
                }
            });
        }
        let mut ledger = Ledger::default();
        ledger.read(&log[..1]);
        ledger.read(&log);
        ledger
    }

    fn account(lines: &[(&str, &str, &str)], killed: &[(&str, f64)], held: &[&str]) -> Account {
        let kills = killed.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect();
        ledger(lines).account(&kills, &held.iter().map(|token| (*token).to_owned()).collect())
    }

    #[test]
    fn an_answer_that_was_lost_with_its_worker_explains_a_reuse() {
        let account = account(&[("a", "r0", "r1"), ("b", "r0", "reused")], &[("a", 2.01)], &[]);
        let expected = Account { refreshes: 1, reuse_detections: 1, kills_in_window: 1, unexplained: 0 };
        assert_eq!(account, expected);
    }

    #[test]
    fn in_its_grace_a_token_comes_again_after_a_kill_only() {
        let lines = [("a", "r0", "r1"), ("b", "r0", "r1b")];
        let after_a_kill = account(&lines, &[("a", 2.01)], &["r1b"]);
        assert_eq!((after_a_kill.kills_in_window, after_a_kill.unexplained), (1, 0));
        assert_eq!(account(&lines, &[], &["r1b"]).unexplained, 1);
    }

    #[test]
    fn an_answer_that_came_back_or_is_stored_was_not_lost() {
        assert_eq!(account(&[("a", "r0", "r1"), ("b", "r1", "r2")], &[("a", 2.01)], &["r2"]).kills_in_window, 0);
        assert_eq!(account(&[("a", "r0", "r1")], &[("a", 2.01)], &["r1"]).kills_in_window, 0);
        assert_eq!(account(&[("a", "r0", "r1")], &[("a", 2.01)], &[]).kills_in_window, 1);
    }

    #[test]
    fn a_token_that_comes_again_without_a_kill_is_not_explained() {
        assert_eq!(account(&[("a", "r0", "r1"), ("b", "r0", "reused")], &[], &[]).unexplained, 1);
        // Killed, but after it had thrown an answer away: somebody else had refreshed.
        let lines = [("a", "r0", "r1"), ("b", "r0", "r1b"), ("b", "r1b", "r2"), ("c", "r0", "reused")];
        let account = account(&lines, &[("a", 4.5)], &["r2"]);
        assert_eq!((account.kills_in_window, account.unexplained), (0, 2));
    }

    #[test]
    fn a_dead_workers_request_may_be_worked_on_last() {
        let lines = [("b", "r0", "r1"), ("a", "r0", "reused")];
        let explained = account(&lines, &[("a", 3.001)], &["r1"]);
        assert_eq!((explained.kills_in_window, explained.unexplained), (1, 0));
        // Killed, but long after it had been answered.
        let unexplained = account(&lines, &[("a", 3.5)], &["r1"]);
        assert_eq!((unexplained.kills_in_window, unexplained.unexplained), (0, 1));
    }

    #[test]
    fn what_came_late_is_told_from_its_first_use_on() {
        let kills = HashMap::from([("a".to_owned(), 3.01)]);
        let lines = [("a", "r0", "r1"), ("a", "r1", "r2"), ("b", "r1", "reused")];
        let late = ledger(&lines).late(&kills);
        let [late] = late.as_slice() else { panic!("{late:?}") };
        assert_eq!((late.after, late.times, late.overtaken), (1.0, 1, false));
        let story =
            ["0.000 a, killed at 0.010, sent r0, which brought r1", "1.000 b, never killed, sent r0, which was over"];
        assert_eq!(late.story, story);
        let overtaken = ledger(&[("a", "r0", "r1"), ("b", "r1", "r2"), ("a", "r0", "reused")]).late(&kills);
        assert!(overtaken[0].overtaken && overtaken[0].after > 1.9, "{overtaken:?}");
    }

    #[test]
    fn whoever_logs_out_loses_nothing() {
        let lost = ("a", "r0", "r1");
        let logout = ("", "r0", "revoked");
        assert_eq!(account(&[lost, logout], &[("a", 2.01)], &[]).kills_in_window, 0);
        assert_eq!(account(&[lost, ("b", "r0", "r1b"), logout], &[("a", 2.01)], &[]).kills_in_window, 1);
    }
}
