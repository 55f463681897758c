//! `cargo xtask bench peers`: other libraries at the same provider, each as its users run it, beside Keyfob.
//!
//! A peer is a program in `bench/peers` that takes `SCENARIO ISSUER FILE CA COUNT`, keeps its tokens in FILE, speaks with whoever started it in the
//! words of `stage.rs`, and ends with a line `result {…}`. Its version stands in a file that pins it, with a lock file beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use keyfob_idp::{LoggedRequest, Script};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::metrics::Laboratory;
use super::scene;
use crate::run::Run;
use crate::setup::{self, GO, NODE, NPM, PYTHON, Tool};
use crate::stage::Stage;
use crate::suites::install_npm;
use crate::workspace::Workspace;

/// How many callers meet one expiry.
const CALLERS: usize = 64;

/// How long the first token of a race lives, in seconds, and how long until it is surely over.
const LIFE: f64 = 2.0;
const OVER: Duration = Duration::from_millis(2500);

/// How often a cached token is asked for while a clock runs: so seldom that the machine may leave a fast library alone meanwhile.
const TIMES: usize = 4_000;

/// How often that is done.
const RUNS: u32 = 9;

/// How long processes wait for each other.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) struct Peer {
    pub(super) name: &'static str,
    language: &'static str,
    folder: &'static str,
    /// The file that pins its version, and what stands before the version there.
    pin: (&'static str, &'static str),
    needs: &'static [&'static Tool],
    /// It speaks HTTPS only.
    pub(super) tls: bool,
    /// How many seconds before its end it takes a token for over.
    pub(super) early: f64,
    /// It gives tokens again, or its users' loop does: else only its logins are measured.
    gives_tokens: bool,
    /// Makes it ready; the words that start it.
    prepare: fn(&Workspace, &Path) -> Result<Vec<PathBuf>>,
}

const PEERS: &[Peer] = &[
    Peer {
        name: "openidconnect",
        language: "Rust",
        folder: "openidconnect-rust",
        pin: ("Cargo.toml", "openidconnect = { version = \"="),
        needs: &[],
        tls: false,
        early: 0.0,
        gives_tokens: false,
        prepare: cargo,
    },
    Peer {
        name: "oauth2, with a loop round it",
        language: "Rust",
        folder: "oauth2-rust",
        pin: ("Cargo.toml", "oauth2 = { version = \"="),
        needs: &[],
        tls: false,
        early: 0.0,
        gives_tokens: true,
        prepare: cargo,
    },
    Peer {
        name: "MSAL",
        language: "Python",
        folder: "msal-python",
        pin: ("requirements.in", "msal=="),
        needs: &[&PYTHON],
        tls: true,
        early: 300.0,
        gives_tokens: true,
        prepare: python,
    },
    Peer {
        name: "openid-client, with a look at the clock",
        language: "JavaScript",
        folder: "openid-client",
        pin: ("package.json", "\"openid-client\": \""),
        needs: &[&NODE, &NPM],
        tls: false,
        early: 0.0,
        gives_tokens: true,
        prepare: npm,
    },
    Peer {
        name: "golang.org/x/oauth2",
        language: "Go",
        folder: "go-oauth2",
        pin: ("go.mod", "golang.org/x/oauth2 v"),
        needs: &[&GO],
        tls: false,
        early: 10.0,
        gives_tokens: true,
        prepare: go,
    },
];

impl Peer {
    fn folder(&self, workspace: &Workspace) -> PathBuf {
        workspace.root.join("bench/peers").join(self.folder)
    }

    /// Makes it ready to run; the words that start it.
    pub(super) fn ready(&self, workspace: &Workspace) -> Result<Vec<PathBuf>> {
        setup::install(self.needs);
        setup::require(self.needs)?;
        (self.prepare)(workspace, &self.folder(workspace))
    }

    /// The version that is pinned.
    pub(super) fn version(&self, workspace: &Workspace) -> Result<String> {
        pinned(&self.folder(workspace), self.pin)
    }
}

/// Those that give tokens again.
pub(super) fn with_tokens() -> impl Iterator<Item = &'static Peer> {
    PEERS.iter().filter(|peer| peer.gives_tokens)
}

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

/// Measures them, or only those of these folders; Keyfob is the first row.
pub(super) fn measure(lab: &Laboratory<'_>, folders: &[String]) -> Result<Vec<Row>> {
    if let Some(unknown) = folders.iter().find(|name| !PEERS.iter().any(|peer| peer.folder == name.as_str())) {
        bail!("bench/peers has no {unknown}");
    }
    let ours =
        Runner { workspace: lab.workspace, folder: "keyfob", words: vec![lab.program.clone()], tls: false, ours: true };
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
    let all = Meeting { arrived: Mutex::new(0), changed: Condvar::new(), wanted: processes };
    let done: Vec<Result<Value>> = thread::scope(|scope| {
        let runs: Vec<_> = (0..processes)
            .map(|_| {
                let run = world.command("race", &[&callers]);
                let all = &all;
                scope.spawn(move || said("race", run?.talk(|line| (line == "# ready now").then(|| all.wait()))?))
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap_or_else(|_| bail!("a thread died"))).collect()
    });
    let mut without_token = 0;
    for said in done {
        without_token += usize::try_from(said?.get("failed").and_then(Value::as_u64).unwrap_or_default())?;
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

/// The version behind some text in the file that pins it.
fn pinned(folder: &Path, (file, before): (&str, &str)) -> Result<String> {
    let text = fs::read_to_string(folder.join(file)).with_context(|| format!("cannot read {file}"))?;
    let (_, rest) = text.split_once(before).with_context(|| format!("{file} pins nothing"))?;
    Ok(rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect())
}

/// A crate of its own, outside the workspace: built from its own lock file, beside our target folder.
fn cargo(workspace: &Workspace, folder: &Path) -> Result<Vec<PathBuf>> {
    let target = workspace.target.join("peers");
    let run = crate::workspace::cargo().args(["build", "--release", "--locked"]).env("CARGO_TARGET_DIR", &target);
    run.dir(folder).run()?.must("cargo build")?;
    let name = folder.file_name().context("a folder without a name")?;
    Ok(vec![target.join("release").join(name)])
}

/// A virtual environment, filled by the hashes of the lock file.
fn python(workspace: &Workspace, folder: &Path) -> Result<Vec<PathBuf>> {
    let home = workspace.target.join("peers/msal-python");
    let lock = fs::read_to_string(folder.join("requirements.txt"))?;
    let stamp = home.join("installed.txt");
    if fs::read_to_string(&stamp).ok().as_ref() != Some(&lock) {
        Run::new("python3").args(["-m", "venv", "--clear"]).arg(&home).run()?.must("python3 -m venv")?;
        let pip = Run::new(home.join("bin/pip")).args(["install", "--quiet", "--require-hashes", "-r"]);
        pip.arg(folder.join("requirements.txt")).run()?.must("pip install")?;
        fs::write(&stamp, lock)?;
    }
    Ok(vec![home.join("bin/python"), folder.join("peer.py")])
}

fn npm(_: &Workspace, folder: &Path) -> Result<Vec<PathBuf>> {
    install_npm(folder)?;
    let node = setup::on_path("node").context("there is no node")?;
    Ok(vec![node, folder.join("peer.mjs")])
}

fn go(workspace: &Workspace, folder: &Path) -> Result<Vec<PathBuf>> {
    let program = workspace.target.join("peers/go-oauth2");
    Run::new("go").args(["build", "-mod=readonly", "-o"]).arg(&program).arg(".").dir(folder).run()?.must("go build")?;
    Ok(vec![program])
}
