//! `cargo xtask bench growth`: what calls cost with one session, a thousand and a million; with many threads; with many processes.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use keyfob_idp::Script;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::metrics::{Laboratory, float};
use super::peers::{self, CALLERS, Race};
use super::scene::Scene;
use crate::table::Score;
use crate::workspace::Workspace;

const PATH: &str = "bench/growth.json";

/// How many sessions.
const SESSIONS: [u32; 3] = [1, 1_000, 1_000_000];

/// How many threads ask at once, and how often each.
const THREADS: [u32; 4] = [1, 4, 16, 64];
const TIMES: u32 = 20_000;

/// How many processes ask at once.
const PROCESSES: [u32; 4] = [1, 2, 4, 16];

/// How many more instructions a million sessions may cost than one.
const FACTOR: f64 = 2.0;

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Growth {
    sessions: Vec<Point>,
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

/// What was measured last.
pub(super) fn read(workspace: &Workspace) -> Result<Option<Vec<Point>>> {
    let Ok(text) = fs::read_to_string(workspace.root.join(PATH)) else { return Ok(None) };
    let growth: Growth = serde_json::from_str(&text).context(PATH)?;
    Ok(Some(growth.sessions))
}

/// Measures it, and writes what came of it.
pub(super) fn write(lab: &Laboratory<'_>) -> Result<()> {
    let growth = measure(lab)?;
    let text = serde_json::to_string_pretty(&growth)? + "\n";
    println!("{text}");
    fs::write(lab.workspace.root.join(PATH), text).context(PATH)
}

/// That a million sessions cost what one does.
pub(super) fn check(lab: &Laboratory<'_>, score: &mut Score) -> Result<()> {
    let growth = measure(lab)?;
    for point in growth.sessions.iter().filter(|point| point.sessions > 1.0) {
        let alone = growth.sessions.iter().find(|one| one.what == point.what && one.sessions <= 1.0);
        let ratio = point.instructions / alone.context("no single session")?.instructions;
        let what =
            format!("{} with {} sessions costs {ratio:.2} times what it costs with one", point.what, point.sessions);
        // One session fills no page: a list of fifty is no list of one.
        if ratio > FACTOR && point.what != "a page of 50" {
            score.fail(&what, "that is growth")
        } else {
            score.pass(&what)
        }
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
        point("open", once(&mut scene, "open", &[])?);
        point("a cached token", once(&mut scene, "token", &["100"])? / 100.0);
        point("a page of 50", once(&mut scene, "page", &[])?);
        point("a refresh", once(&mut scene, "refresh", &["2"])? / 2.0);
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
    let alone = peers::own_cached(lab, 1, TIMES)?;
    let beside = |count| {
        let ratio = hundredths(peers::own_cached(lab, count, TIMES)? / alone);
        let Race { token_requests, without_token, .. } = peers::own_race(lab, count)?;
        Ok(Processes { processes: count, ratio, token_requests, without_token })
    };
    PROCESSES.into_iter().map(beside).collect()
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
