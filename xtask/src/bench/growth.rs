//! `cargo xtask bench growth`: what calls cost with one session, a thousand and a million; with many threads; with many processes.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use keyfob_idp::Script;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::baseline::number;
use super::metrics::{Laboratory, float};
use super::peers::{self, CALLERS, Race};
use super::scene::Scene;
use crate::table::Score;
use crate::workspace::Workspace;

const PATH: &str = "bench/growth.json";

/// How many sessions.
const SESSIONS: [u32; 3] = [1, 1_000, 1_000_000];

/// What is measured with them.
const OPEN: &str = "open";
const CACHED: &str = "a cached token";
const A_PAGE: &str = "a page of 50";
const REFRESH: &str = "a refresh";
const WHATS: [&str; 4] = [OPEN, CACHED, A_PAGE, REFRESH];

/// How many threads ask at once, and how often each.
const THREADS: [u32; 4] = [1, 4, 16, 64];
const TIMES: u32 = 50_000;

/// How many processes ask at once.
const PROCESSES: [u32; 4] = [1, 2, 4, 16];

/// How often a clock runs: the fastest counts, for whatever else the machine did only adds.
const TURNS: u32 = 15;

/// How many more instructions a million sessions may cost than few: a tree of so many rows is a little deeper.
const FACTOR: f64 = 1.1;

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Growth {
    pub(super) sessions: Vec<Point>,
    threads: Vec<Together>,
    processes: Vec<Processes>,
}

/// What a call costs in a store of so many sessions.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Point {
    pub(super) what: String,
    pub(super) sessions: f64,
    pub(super) instructions: f64,
}

/// How many times as long as alone a cached token takes, by the clock of all of them: one below 1 says that threads help each other.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Together {
    threads: u32,
    ratio: f64,
}

/// So many processes on one store.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Processes {
    processes: u32,
    /// As [`Together::ratio`].
    ratio: f64,
    /// How many requests for tokens [`CALLERS`] callers make who meet one expiry, and how many of them get no token.
    token_requests: usize,
    without_token: usize,
}

impl Growth {
    /// What was measured last.
    pub(super) fn read(workspace: &Workspace) -> Result<Self> {
        let text = fs::read_to_string(workspace.root.join(PATH)).context(PATH)?;
        serde_json::from_str(&text).context(PATH)
    }

    /// How many times as much each call costs in the largest store as in the smallest that it fits: a page of fifty is none of one session.
    fn ratios(&self) -> Vec<(&str, f64)> {
        let of = |what: &str, sessions: u32| {
            let mut points = self.sessions.iter().filter(|point| point.what == what);
            points.find(|point| point.sessions >= f64::from(sessions)).map(|point| point.instructions)
        };
        let [one, page, most] = SESSIONS;
        let ratio = |what: &&str| {
            let few = of(what, if *what == A_PAGE { page } else { one })?;
            Some(of(what, most)? / few)
        };
        WHATS.iter().filter_map(|what| Some((*what, ratio(what)?))).collect()
    }

    /// As Markdown: a table each for sessions, threads and processes.
    pub(super) fn tables(&self) -> String {
        let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let heads = |name: &str, counts: Vec<String>| {
            let rule = "|---".repeat(counts.len() + 1);
            row([vec![name.to_owned()], counts].concat()) + &rule + "|\n"
        };
        let mut text = heads("instructions, by sessions in the store", SESSIONS.map(f64::from).map(number).to_vec());
        for what in WHATS {
            let values = self.sessions.iter().filter(|point| point.what == what);
            let values = values.map(|point| number(point.instructions.round()));
            text += &row([what.to_owned()].into_iter().chain(values).collect());
        }
        text += "\n";
        text += &heads("by threads", self.threads.iter().map(|it| it.threads.to_string()).collect());
        let values = self.threads.iter().map(|it| format!("{} ×", number(it.ratio)));
        text += &row(["the time of a cached token".to_owned()].into_iter().chain(values).collect());
        text += "\n";
        text += &heads("by processes", self.processes.iter().map(|it| it.processes.to_string()).collect());
        let values = self.processes.iter().map(|it| format!("{} ×", number(it.ratio)));
        text += &row(["the time of a cached token".to_owned()].into_iter().chain(values).collect());
        let requests = self.processes.iter().map(|it| number(float(it.token_requests as u64)));
        let what = format!("requests of {CALLERS} callers who meet one expiry");
        text += &row([what].into_iter().chain(requests).collect());
        let without = self.processes.iter().map(|it| number(float(it.without_token as u64)));
        text + &row(["callers without a token then".to_owned()].into_iter().chain(without).collect())
    }
}

/// Measures it, and writes what came of it.
pub(super) fn write(lab: &Laboratory<'_>) -> Result<()> {
    let growth = measure(lab)?;
    let text = serde_json::to_string_pretty(&growth)? + "\n";
    println!("{text}");
    fs::write(lab.workspace.root.join(PATH), text).context(PATH)
}

/// That a million sessions cost what one does, and that processes ask once.
pub(super) fn check(lab: &Laboratory<'_>, score: &mut Score) -> Result<()> {
    let growth = measure(lab)?;
    for (what, ratio) in growth.ratios() {
        let what = format!("{what} with {} sessions costs {ratio:.2} times what it costs with few", SESSIONS[2]);
        if ratio > FACTOR { score.fail(&what, "that is growth") } else { score.pass(&what) }
    }
    for it in &growth.processes {
        let what = format!("{CALLERS} callers in {} processes who meet one expiry send one request", it.processes);
        if it.token_requests == 1 && it.without_token == 0 {
            score.pass(&what)
        } else {
            score.fail(&what, &format!("{it:?}"))
        }
    }
    Ok(())
}

fn plain(config: &mut Value) {
    if let Some(store) = config.pointer_mut("/store") {
        store["plaintext"] = json!(true);
    }
    config["coherence_seconds"] = json!(3600);
}

fn measure(lab: &Laboratory<'_>) -> Result<Growth> {
    let mut sessions = Vec::new();
    for count in SESSIONS {
        let mut scene = lab.logged_in(&format!("growth-{count}"), Script::default(), plain)?;
        if count > 1 {
            scene.run("multiply", &[&count.to_string()])?;
        }
        let once = |scene: &mut Scene, scenario: &str, words: &[&str]| -> Result<f64> {
            Ok(float(scene.counted(scenario, words)?.instructions))
        };
        let mut point = |what: &str, instructions: f64| {
            sessions.push(Point { what: what.to_owned(), sessions: f64::from(count), instructions });
        };
        point(OPEN, once(&mut scene, "open", &[])?);
        point(CACHED, once(&mut scene, "token", &["100"])? / 100.0);
        point(A_PAGE, once(&mut scene, "page", &[])?);
        point(REFRESH, once(&mut scene, "refresh", &["2"])? / 2.0);
        remove(&scene.folder)?;
    }
    sessions.sort_by(|one, other| one.what.cmp(&other.what).then(one.sessions.total_cmp(&other.sessions)));
    let mut scene = lab.logged_in("growth-threads", Script::default(), plain)?;
    let mut threads = Vec::new();
    for count in THREADS {
        let said = scene.run("threads", &[&count.to_string(), &TIMES.to_string()])?;
        let number = |key: &str| said.get(key).and_then(Value::as_f64).with_context(|| format!("no {key}"));
        threads.push(Together { threads: count, ratio: hundredths(number("together")? / number("alone")?) });
    }
    Ok(Growth { sessions, threads, processes: processes(lab)? })
}

fn processes(lab: &Laboratory<'_>) -> Result<Vec<Processes>> {
    let nanoseconds = peers::own_cached(lab, &PROCESSES, TIMES, TURNS)?;
    let alone = *nanoseconds.first().context("no process")?;
    let beside = |(count, nanoseconds)| {
        let Race { token_requests, without_token, .. } = peers::own_race(lab, count)?;
        Ok(Processes { processes: count, ratio: hundredths(nanoseconds / alone), token_requests, without_token })
    };
    PROCESSES.into_iter().zip(nanoseconds).map(beside).collect()
}

fn hundredths(value: f64) -> f64 {
    (100.0 * value).round() / 100.0
}

/// A million sessions are gigabytes.
fn remove(folder: &Path) -> Result<()> {
    let store = folder.join("store");
    if !store.starts_with(folder) {
        bail!("not ours: {}", store.display());
    }
    fs::remove_dir_all(store).context("the store")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_have_a_column_for_each_count() {
        let point = |what: &str, sessions| Point { what: what.to_owned(), sessions, instructions: 1234.4 };
        let sessions = [OPEN, A_PAGE].iter().flat_map(|what| SESSIONS.map(|n| point(what, f64::from(n))));
        let growth = Growth {
            sessions: sessions.collect(),
            threads: vec![Together { threads: 64, ratio: 0.5 }],
            processes: vec![Processes { processes: 16, ratio: 1.25, token_requests: 1, without_token: 0 }],
        };
        let text = growth.tables();
        assert!(
            text.starts_with("| instructions, by sessions in the store | 1 | 1,000 | 1,000,000 |\n|---|---|---|---|\n")
        );
        assert!(text.contains("\n| a page of 50 | 1,234 | 1,234 | 1,234 |\n"), "{text}");
        assert!(text.contains("| by threads | 64 |\n|---|---|\n| the time of a cached token | 0.5 × |\n"), "{text}");
        assert!(
            text.ends_with(
                "| requests of 64 callers who meet one expiry | 1 |\n| callers without a token then | 0 |\n"
            )
        );
    }

    #[test]
    fn growth_is_seen_and_a_page_is_held_against_a_full_one() {
        let point = |what: &str, sessions, instructions| Point { what: what.to_owned(), sessions, instructions };
        let sessions = vec![
            point(A_PAGE, 1.0, 10.0),
            point(A_PAGE, 1000.0, 100.0),
            point(A_PAGE, 1_000_000.0, 110.0),
            point(REFRESH, 1.0, 10.0),
            point(REFRESH, 1000.0, 20.0),
            point(REFRESH, 1_000_000.0, 50.0),
        ];
        let growth = Growth { sessions, threads: Vec::new(), processes: Vec::new() };
        assert_eq!(growth.ratios(), [(A_PAGE, 1.1), (REFRESH, 5.0)]);
    }
}
