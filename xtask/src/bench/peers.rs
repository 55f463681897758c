//! `cargo xtask bench peers`: other libraries at the same provider, each as its users run it, beside Keyfob.

use std::fs;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use keyfob_idp::{LoggedRequest, Script};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::libraries::PEERS;
use super::metrics::Laboratory;
use super::scene;
use crate::run::Run;
use crate::stage::Stage;
use crate::workspace::Workspace;

/// How many callers meet one expiry.
pub(super) const CALLERS: usize = 64;

/// How long the first token of a race lives, in seconds, and how long until it is surely over.
const LIFE: f64 = 2.0;
const OVER: Duration = Duration::from_millis(2500);

/// How often a cached token is asked for while a clock runs: so seldom that the machine may leave a fast library alone meanwhile.
const TIMES: usize = 4_000;

/// How often that is done.
const RUNS: u32 = 9;

/// How long processes wait for each other.
const PATIENCE: Duration = Duration::from_secs(120);

/// A row of the table. What is absent was not measured, or is nothing that this library does.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) language: String,
    pub(super) version: String,
    pub(super) cold: Option<Login>,
    pub(super) warm: Option<Login>,
    /// How many times as long as Keyfob's a cached token takes.
    pub(super) cached_ratio: Option<f64>,
    pub(super) one_process: Option<Race>,
    pub(super) four_processes: Option<Race>,
    /// Why something was not measured.
    pub(super) note: Option<String>,
}

/// What the provider saw of a login.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    pub(super) requests: usize,
    pub(super) connections: usize,
    pub(super) bytes: usize,
}

/// What came of callers who met one expiry.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Race {
    pub(super) token_requests: usize,
    /// Callers that got no token.
    pub(super) without_token: usize,
    /// The provider saw a spent refresh token and ended the session.
    pub(super) session_lost: bool,
}

/// The programs of one library, and where they keep things.
struct Runner<'a> {
    workspace: &'a Workspace,
    folder: &'static str,
    words: Vec<PathBuf>,
    tls: bool,
    /// Keyfob's own program reads a configuration.
    ours: bool,
}

impl<'a> Runner<'a> {
    fn ours(lab: &'a Laboratory<'_>) -> Self {
        let words = vec![lab.program.clone()];
        Self { workspace: lab.workspace, folder: "keyfob", words, tls: false, ours: true }
    }
}

/// Measures them, or only those of these folders; Keyfob is the first row.
pub(super) fn measure(lab: &Laboratory<'_>, folders: &[String]) -> Result<Vec<Row>> {
    if let Some(unknown) = folders.iter().find(|name| !PEERS.iter().any(|peer| peer.folder == name.as_str())) {
        bail!("bench/peers has no {unknown}");
    }
    let ours = Runner::ours(lab);
    let (mut keyfob, own) = measured(&ours, true, None)?;
    keyfob.name = "**Keyfob**".to_owned();
    keyfob.language = "Rust".to_owned();
    keyfob.version.clone_from(&lab.workspace.version);
    let mut rows = vec![keyfob];
    for peer in PEERS {
        println!("--- {} ({})", peer.name, peer.language);
        let ready = if folders.is_empty() || folders.iter().any(|name| name == peer.folder) {
            peer.ready(lab.workspace)
        } else {
            Err(anyhow!("left out"))
        };
        let mut row = match ready {
            Ok(words) => {
                let runner =
                    Runner { workspace: lab.workspace, folder: peer.folder, words, tls: peer.tls, ours: false };
                let row = measured(&runner, peer.gives_tokens, own);
                row.map_or_else(|why| failed(&why), |(row, _)| row)
            }
            Err(why) => failed(&why),
        };
        row.name = peer.name.to_owned();
        row.language = peer.language.to_owned();
        row.version = peer.version(lab.workspace)?;
        rows.push(row);
    }
    Ok(rows)
}

/// The row of a peer that was not measured. Why is told whole on the terminal; what is kept is the first line, which knows nothing of this machine.
fn failed(why: &anyhow::Error) -> Row {
    let why = format!("{why:#}");
    println!("not measured: {why}");
    Row::empty(format!("not measured: {}", why.lines().next().unwrap_or_default()))
}

/// A row without its names, and the nanoseconds of a cached token.
fn measured(runner: &Runner<'_>, gives_tokens: bool, own: Option<f64>) -> Result<(Row, Option<f64>)> {
    let mut row = Row::empty(String::new());
    row.note = None;
    let mut world = World::new(runner, Script::default())?;
    (row.cold, row.warm) = world.logins()?;
    if !gives_tokens {
        return Ok((row, None));
    }
    let mut nanoseconds = f64::INFINITY;
    // The fastest of them: whatever else the machine did only adds.
    for _ in 0..RUNS {
        let times = TIMES.to_string();
        let said = if runner.ours { world.run("threads", &["1", &times])? } else { world.run("cached", &[&times])? };
        let told =
            said.get("nanoseconds").or_else(|| said.get("alone")).and_then(Value::as_f64).context("no nanoseconds")?;
        nanoseconds = nanoseconds.min(told);
    }
    row.cached_ratio = Some((10.0 * nanoseconds / own.unwrap_or(nanoseconds)).round() / 10.0);
    row.one_process = Some(race(runner, 1)?);
    row.four_processes = Some(race(runner, 4)?);
    Ok((row, Some(nanoseconds)))
}

impl Row {
    /// One request for a token in each race, and a token for everybody.
    pub(super) fn asked_once(&self) -> bool {
        let once =
            |race: &Option<Race>| race.as_ref().is_some_and(|it| it.token_requests == 1 && it.without_token == 0);
        once(&self.one_process) && once(&self.four_processes)
    }

    fn empty(note: String) -> Self {
        Self {
            name: String::new(),
            language: String::new(),
            version: String::new(),
            cold: None,
            warm: None,
            cached_ratio: None,
            one_process: None,
            four_processes: None,
            note: Some(note),
        }
    }
}

/// A provider, and the files of a program at it.
struct World<'a> {
    runner: &'a Runner<'a>,
    stage: Stage,
    folder: PathBuf,
}

impl<'a> World<'a> {
    fn new(runner: &'a Runner<'a>, script: Script) -> Result<Self> {
        let stage = if runner.tls { Stage::with_tls(script)? } else { Stage::with(script)? };
        let folder = runner.workspace.scratch(&format!("bench/peers/{}", runner.folder))?;
        fs::write(folder.join("ca.pem"), stage.ca_certificate().unwrap_or_default())?;
        fs::write(folder.join("keyfob.json"), stage.config(&folder.join("store")))?;
        Ok(Self { runner, stage, folder })
    }

    fn command(&self, scenario: &str, words: &[&str]) -> Result<Run> {
        let [program, rest @ ..] = self.runner.words.as_slice() else { bail!("no program") };
        let run = Run::new(program).args(rest).arg(scenario).quiet().limit(PATIENCE * 2);
        // In Python these win over what the program says.
        let run = run.without_env("REQUESTS_CA_BUNDLE").without_env("CURL_CA_BUNDLE");
        Ok(if self.runner.ours {
            run.arg(self.folder.join("keyfob.json")).args(words)
        } else {
            let [file, ca] = ["tokens.json", "ca.pem"].map(|name| self.folder.join(name));
            run.arg(self.stage.issuer()).arg(file).arg(ca).args(words)
        })
    }

    fn run(&mut self, scenario: &str, words: &[&str]) -> Result<Value> {
        let run = self.command(scenario, words)?;
        said(scenario, run.talk(|line| self.stage.answer(line))?)
    }

    /// Two logins, one after the other: Keyfob's in two processes, the others' in one, which is all that they remember.
    fn logins(&mut self) -> Result<(Option<Login>, Option<Login>)> {
        let mut first = 0;
        if self.runner.ours {
            self.run("login", &[])?;
            first = last(&self.stage.requests());
            self.run("login", &[])?;
        } else {
            let run = self.command("login", &[])?;
            let stage = &mut self.stage;
            let finished = run.talk(|line| {
                // Between the two the program asks for something.
                if line.starts_with("# count") {
                    first = last(&stage.requests());
                }
                stage.answer(line)
            })?;
            said("login", finished)?;
        }
        let all = self.stage.requests();
        let (cold, warm): (Vec<_>, Vec<_>) =
            all.into_iter().filter(|request| request.path != "/authorize").partition(|request| request.number <= first);
        Ok((Some(Login::of(&cold)), Some(Login::of(&warm))))
    }
}

impl World<'_> {
    /// So many processes that all begin when the last of them is ready.
    fn at_once(&self, processes: usize, scenario: &str, words: &[&str]) -> Result<Vec<Value>> {
        let all = Meeting { arrived: Mutex::new(0), changed: Condvar::new(), wanted: processes };
        thread::scope(|scope| {
            let runs: Vec<_> = (0..processes)
                .map(|_| {
                    let run = self.command(scenario, words);
                    let all = &all;
                    scope.spawn(move || said(scenario, run?.talk(|line| (line == "# ready now").then(|| all.wait()))?))
                })
                .collect();
            runs.into_iter().map(|run| run.join().unwrap_or_else(|_| bail!("a thread died"))).collect()
        })
    }
}

/// Callers of so many processes of Keyfob who meet one expiry.
pub(super) fn own_race(lab: &Laboratory<'_>, processes: u32) -> Result<Race> {
    race(&Runner::ours(lab), usize::try_from(processes)?)
}

/// How long a cached token of Keyfob takes in so many processes at once, by the clock of all of them, in nanoseconds. The fastest of so many turns each.
pub(super) fn own_cached(lab: &Laboratory<'_>, counts: &[u32], times: u32, turns: u32) -> Result<Vec<f64>> {
    let runner = Runner::ours(lab);
    let mut world = World::new(&runner, Script::default())?;
    world.run("login", &[])?;
    let mut fastest = vec![f64::INFINITY; counts.len()];
    for _ in 0..turns {
        for (count, best) in counts.iter().zip(&mut fastest) {
            let spans = world.at_once(usize::try_from(*count)?, "cached", &[&times.to_string()])?;
            let told = |key: &str| -> Result<Vec<f64>> {
                spans.iter().map(|span| span.get(key).and_then(Value::as_f64).context("no span")).collect()
            };
            let first = told("begun")?.into_iter().fold(f64::INFINITY, f64::min);
            let last = told("ended")?.into_iter().fold(0.0, f64::max);
            *best = best.min((last - first) / (f64::from(*count) * f64::from(times)));
        }
    }
    Ok(fastest)
}

impl Login {
    fn of(requests: &[LoggedRequest]) -> Self {
        let (sent, received) = scene::bytes(requests);
        Self { requests: requests.len(), connections: scene::connections(requests), bytes: sent + received }
    }
}

fn last(requests: &[LoggedRequest]) -> u64 {
    requests.last().map_or(0, |request| request.number)
}

fn said(scenario: &str, finished: crate::run::Finished) -> Result<Value> {
    let result = finished.text.lines().rev().find_map(|line| line.strip_prefix("result "));
    match result {
        Some(result) if finished.success => serde_json::from_str(result).context("what the program says"),
        _ => bail!("{scenario}: {}\n{}", finished.how, finished.text),
    }
}

/// So many processes with together [`CALLERS`] callers, who meet the end of one token.
#[expect(clippy::disallowed_methods, reason = "a program of another language has no clock that could be moved")]
fn race(runner: &Runner<'_>, processes: usize) -> Result<Race> {
    let mut script = Script::default();
    script.tokens.access_token_seconds = LIFE;
    let mut world = World::new(runner, script)?;
    world.logins()?;
    let logged_in = Instant::now();
    world.stage.play(Script::default())?;
    world.stage.forget_requests();
    thread::sleep(OVER.saturating_sub(logged_in.elapsed()));

    let callers = (CALLERS / processes).to_string();
    let mut without_token = 0;
    for said in world.at_once(processes, "race", &[&callers])? {
        without_token += usize::try_from(said.get("failed").and_then(Value::as_u64).unwrap_or_default())?;
    }
    let requests = world.stage.requests();
    let refreshes: Vec<_> =
        requests.iter().filter(|request| request.grant_type.as_deref() == Some("refresh_token")).collect();
    let session_lost = refreshes.iter().any(|request| request.reused);
    Ok(Race { token_requests: refreshes.len(), without_token, session_lost })
}

/// Where processes wait until all are there, or one has waited for too long.
struct Meeting {
    arrived: Mutex<usize>,
    changed: Condvar,
    wanted: usize,
}

impl Meeting {
    fn wait(&self) -> String {
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        *arrived += 1;
        self.changed.notify_all();
        // Whoever is alone after that runs alone: the count tells.
        drop(self.changed.wait_timeout_while(arrived, PATIENCE, |arrived| *arrived < self.wanted));
        "go".to_owned()
    }
}
