//! `cargo xtask bench chaos`: the runs of the chaos driver (`tests/chaos`) that README.md tells of. One long one with a grace, for the number of
//! forced logouts and its bound; one without, in which only a kill in the window costs a session; and short ones of everybody, side by side.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::baseline::number;
use super::libraries;
use super::metrics::float;
use super::readme::versioned;
use crate::run::Run;
use crate::suites::chaos_driver;
use crate::workspace::Workspace;

const PATH: &str = "bench/chaos.json";

/// Where everything random comes from.
const SEED: &str = "12";

/// The long runs: the driver's words.
const LONG: &[&[&str]] = &[
    &["--grace", "5", "--sessions", "16", "--refreshes", "20000"],
    &["--grace", "0", "--sessions", "16", "--refreshes", "5000"],
];

/// How long each of them may take.
const LONGEST: Duration = Duration::from_secs(3 * 3600);

/// What everybody goes through: a name, and the driver's words.
///
/// A process lives for three seconds on average: those of some languages take one of them to begin.
const TRIALS: [(&str, &[&str]); 4] = [
    (
        "one process, killed; 5 s of grace",
        &["--processes", "1", "--kill-within", "6000", "--chaos", "kill", "--grace", "5"],
    ),
    ("four processes; no grace", &["--chaos", "none", "--grace", "0"]),
    ("four, killed and stopped; no grace", &["--kill-within", "1500", "--chaos", "kill,stop", "--grace", "0"]),
    (
        "four, killed and stopped; 5 s of grace, replacing",
        &["--kill-within", "1500", "--chaos", "kill,stop", "--grace", "5", "--in-grace", "new_pair_replaces"],
    ),
];

/// How long each of these takes, in seconds.
const SECONDS: u32 = 40;

/// How long an access token is used before it is refreshed, in seconds: whole ones, for some libraries read no others.
const USED: f64 = 1.0;

/// How long the provider takes for an answer, in seconds: as one far away.
const DELAY: &str = "0.25";

/// The protocols of the driver itself, and what they are called.
const OWN: [(&str, &str); 3] =
    [("keyfob", "**Keyfob**"), ("mutex-only", "a mutex in each process"), ("lease", "a lease in the database")];

/// All of it.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Published {
    long: Vec<Trial>,
    beside: Vec<Client>,
}

/// What the driver says of a run, as far as it is told.
#[derive(Debug, Deserialize, Serialize)]
struct Trial {
    seed: u64,
    seconds: f64,
    processes: u32,
    threads: u32,
    sessions: u32,
    grace: f64,
    refreshes: u64,
    forced_logouts: u64,
    reuse_detections: u64,
    too_late: u64,
    unexplained_repeats: u64,
    kills: u64,
    kills_in_window: u64,
    stops: u64,
    longest_wait_ms: i64,
}

/// A client in each of the trials.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Client {
    name: String,
    version: Option<String>,
    /// In the order of [`TRIALS`].
    trials: Vec<Trial>,
    /// Why it was not measured.
    note: Option<String>,
}

impl Published {
    pub(super) fn read(workspace: &Workspace) -> Result<Self> {
        let Ok(text) = fs::read_to_string(workspace.root.join(PATH)) else { return Ok(Self::default()) };
        serde_json::from_str(&text).context(PATH)
    }

    /// The long runs as a Markdown table.
    pub(super) fn bound(&self) -> String {
        let mut rows = vec![
            "| grace | refreshes | killed | in the window | stopped | tokens sent twice without a kill | forced logouts | at most |".to_owned(),
            "|---|---|---|---|---|---|---|---|".to_owned(),
        ];
        for run in &self.long {
            let count = |value: u64| number(float(value));
            rows.push(format!(
                "| {} s | {} | {} | {} | {} | {} | **{}** | {} |",
                number(run.grace),
                count(run.refreshes),
                count(run.kills),
                count(run.kills_in_window),
                count(run.stops),
                count(run.unexplained_repeats),
                count(run.forced_logouts),
                run.at_most(),
            ));
        }
        rows.join("\n") + "\n"
    }

    /// Everybody in each of the trials, as a Markdown table.
    pub(super) fn side_by_side(&self) -> String {
        let names: Vec<_> = TRIALS.iter().map(|(name, _)| *name).collect();
        let mut rows = vec![format!("| client | {} |", names.join(" | ")), "|---|---|---|---|---|".to_owned()];
        for client in &self.beside {
            let cell = |place: usize| match client.trials.get(place) {
                Some(run) => run.told(),
                None => client.note.clone().unwrap_or_else(|| "not measured".to_owned()),
            };
            let cells: Vec<_> = (0..TRIALS.len()).map(cell).collect();
            let name = match &client.version {
                Some(version) => versioned(&client.name, version),
                None => client.name.clone(),
            };
            rows.push(format!("| {name} | {} |", cells.join(" | ")));
        }
        rows.join("\n") + "\n"
    }
}

impl Published {
    /// What is drawn: the forced logouts of everybody where processes were killed and stopped. A label, how many in 100 refreshes, and whether it is
    /// Keyfob.
    pub(super) fn logouts(&self) -> impl Iterator<Item = (String, f64, bool)> {
        self.beside.iter().flat_map(|client| {
            let name = client.name.split(',').next().unwrap_or_default().trim_matches('*');
            let drawn = client.trials.iter().filter(|run| run.processes > 1 && run.kills > 0);
            drawn.map(move |run| {
                let grace =
                    if run.grace > 0.0 { format!("{} s of grace", number(run.grace)) } else { "no grace".to_owned() };
                let percent = (100.0 * float(run.forced_logouts) / float(run.refreshes.max(1))).round();
                (format!("{name}, {grace}"), percent, client.name.starts_with("**"))
            })
        })
    }
}

impl Trial {
    /// Of none in N, with 95 % confidence at most three in N are forced (the rule of three).
    fn at_most(&self) -> String {
        if self.forced_logouts == 0 && self.refreshes > 0 {
            format!("1 in {} refreshes", number((float(self.refreshes) / 3.0).floor()))
        } else {
            "–".to_owned()
        }
    }

    fn told(&self) -> String {
        let window = match self.kills_in_window {
            0 => String::new(),
            kills => format!(", {kills} killed in the window"),
        };
        format!("**{}** in {}{window}", self.forced_logouts, number(float(self.refreshes)))
    }
}

/// Runs all of it, or one part by its name, and writes what came of it.
pub(super) fn write(workspace: &Workspace, names: &[String]) -> Result<()> {
    let wanted = |name: &str| names.is_empty() || names.iter().any(|it| it == name);
    if let Some(unknown) = names.iter().find(|name| !["long", "beside"].contains(&name.as_str())) {
        anyhow::bail!("bench chaos knows long and beside, not {unknown:?}");
    }
    let mut long = None;
    let mut beside = None;
    let driver = chaos_driver(workspace)?;
    if wanted("long") {
        let runs = LONG.iter().map(|words| run(&driver, words, &[])).collect::<Result<_>>()?;
        long = Some(runs);
    }
    if wanted("beside") {
        beside = Some(everybody(workspace, &driver)?);
    }
    // Another part may have been measured meanwhile.
    let mut published = Published::read(workspace)?;
    published.long = long.unwrap_or(published.long);
    published.beside = beside.unwrap_or(published.beside);
    fs::write(workspace.root.join(PATH), serde_json::to_string_pretty(&published)? + "\n").context(PATH)
}

/// One run of the driver. One that did not keep its promises is told on the terminal, and its numbers are as good as any.
fn run(driver: &Path, words: &[&str], more: &[String]) -> Result<Trial> {
    let driver = Run::new(driver).args(words).args(more).args(["--seed", SEED, "--json"]).limit(LONGEST);
    let finished = driver.run()?;
    let last = finished.text.lines().rev().find(|line| line.starts_with('{'));
    serde_json::from_str(last.with_context(|| format!("the driver: {}\n{}", finished.how, finished.text))?)
        .context("what the driver says")
}

fn everybody(workspace: &Workspace, driver: &Path) -> Result<Vec<Client>> {
    let mut clients = Vec::new();
    for (protocol, name) in OWN {
        let words = ["--protocol", protocol].map(str::to_owned).to_vec();
        clients.push(Client { name: name.to_owned(), version: None, trials: trials(driver, 0.0, &words)?, note: None });
    }
    for peer in libraries::with_tokens() {
        let ready = peer.ready(workspace).and_then(|ready| {
            let mut words: Vec<_> =
                ready.iter().flat_map(|word| ["--program".to_owned(), word.display().to_string()]).collect();
            words.extend(peer.tls.then(|| "--tls".to_owned()));
            trials(driver, peer.early, &words)
        });
        let (trials, note) = match ready {
            Ok(trials) => (trials, None),
            Err(why) => {
                println!("not measured: {why:#}");
                (Vec::new(), Some("not measured".to_owned()))
            }
        };
        clients.push(Client { name: peer.name.to_owned(), version: Some(peer.version(workspace)?), trials, note });
    }
    Ok(clients)
}

/// `early`: how many seconds before its end this client takes a token for over.
fn trials(driver: &Path, early: f64, words: &[String]) -> Result<Vec<Trial>> {
    let mut all: Vec<String> = ["--sessions", "1", "--delay", DELAY].map(str::to_owned).to_vec();
    all.extend(["--seconds".to_owned(), SECONDS.to_string(), "--life".to_owned(), (USED + early).to_string()]);
    all.extend_from_slice(words);
    TRIALS.iter().map(|(_, trial)| run(driver, trial, &all)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::baseline::Baseline;

    #[test]
    fn the_baseline_says_what_the_published_run_came_to() {
        let baseline: Baseline = serde_json::from_str(include_str!("../../../bench/baseline.json")).unwrap();
        let published: Published = serde_json::from_str(include_str!("../../../bench/chaos.json")).unwrap();
        let line = baseline.lines.iter().find(|line| line.id == "M11.logouts").unwrap();
        let run = published.long.first().unwrap();
        assert_eq!(line.value, Some(float(run.forced_logouts)));
        assert!(
            run.refreshes >= 10_000 && run.grace >= 5.0 && line.reason.contains(&number(float(run.refreshes))),
            "{run:?}"
        );
    }

    fn of(refreshes: u64, forced_logouts: u64, kills_in_window: u64) -> Trial {
        serde_json::from_value(serde_json::json!({
            "seed": 1, "seconds": 1.0, "processes": 4, "threads": 4, "sessions": 1, "grace": 5.0, "refreshes": refreshes,
            "forced_logouts": forced_logouts, "reuse_detections": 0, "too_late": 0, "unexplained_repeats": 0, "kills": 9,
            "kills_in_window": kills_in_window, "stops": 2, "longest_wait_ms": 5, "something_else": true,
        }))
        .unwrap()
    }

    #[test]
    fn the_bound_is_three_in_so_many_and_only_where_there_was_none() {
        assert_eq!(of(20_001, 0, 7).at_most(), "1 in 6,667 refreshes");
        assert_eq!(of(20_001, 1, 7).at_most(), "–");
    }

    #[test]
    fn the_tables_say_what_was_measured_and_what_was_not() {
        let client = |trials| Client {
            name: "x, with y".to_owned(),
            version: Some("1.2".to_owned()),
            trials,
            note: Some("not here".to_owned()),
        };
        let published =
            Published { long: vec![of(3000, 0, 7)], beside: vec![client(vec![of(40, 2, 2), of(40, 0, 0)])] };
        assert!(published.bound().ends_with("| 5 s | 3,000 | 9 | 7 | 2 | 0 | **0** | 1 in 1,000 refreshes |\n"));
        let row = "| x 1.2, with y | **2** in 40, 2 killed in the window | **0** in 40 | not here | not here |\n";
        assert!(published.side_by_side().ends_with(row), "{}", published.side_by_side());
    }
}
