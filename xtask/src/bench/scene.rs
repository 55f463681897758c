//! Where a program is measured: a provider with its browser, a store, and a configuration that joins them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use keyfob_idp::{LoggedRequest, Script};
use serde_json::Value;

use super::probe::{self, Counted, Part};
use crate::run::{Finished, Run};
use crate::stage::Stage;
use crate::workspace::Workspace;

/// No scenario takes so long, under whatever it runs.
const LIMIT: Duration = Duration::from_secs(300);

pub(super) struct Scene {
    pub(super) stage: Stage,
    pub(super) folder: PathBuf,
    config: PathBuf,
    program: PathBuf,
    /// The number of the provider's last request when the browser was sent back the last time.
    redirected: u64,
}

impl Scene {
    /// A scene of its own for a program, with the configuration changed by `change`.
    pub(super) fn new(
        workspace: &Workspace,
        name: &str,
        program: &Path,
        script: Script,
        change: impl FnOnce(&mut Value),
    ) -> Result<Self> {
        let folder = workspace.scratch(&format!("bench/{name}"))?;
        let stage = Stage::with(script)?;
        let scene =
            Self { config: folder.join("keyfob.json"), program: program.to_owned(), folder, stage, redirected: 0 };
        scene.configure(change)?;
        Ok(scene)
    }

    /// Writes the configuration anew, changed in another way.
    pub(super) fn configure(&self, change: impl FnOnce(&mut Value)) -> Result<()> {
        let mut config: Value = serde_json::from_str(&self.stage.config(&self.folder.join("store")))?;
        change(&mut config);
        fs::write(&self.config, config.to_string()).context("the configuration")
    }

    /// Another program on the same scene.
    pub(super) fn play(&mut self, program: &Path) {
        self.program = program.to_owned();
    }

    /// Runs a scenario by itself; what it says of it.
    pub(super) fn run(&mut self, scenario: &str, words: &[&str]) -> Result<Value> {
        self.run_under(&[], scenario, words)
    }

    /// What Callgrind counts in what is measured.
    pub(super) fn counted(&mut self, scenario: &str, words: &[&str]) -> Result<Counted> {
        self.counted_in(probe::MEASURED, scenario, words)
    }

    /// The same in a function of this name.
    pub(super) fn counted_in(&mut self, function: &str, scenario: &str, words: &[&str]) -> Result<Counted> {
        let record = self.folder.join("callgrind.out");
        self.run_under(&probe::callgrind(&record, function), scenario, words)?;
        Counted::read(&record)
    }

    /// What Callgrind counts in the whole program, in parts.
    pub(super) fn counted_in_parts(&mut self, ends: &[&str], scenario: &str, words: &[&str]) -> Result<Vec<Part>> {
        let record = self.folder.join("callgrind.part");
        self.run_under(&probe::callgrind_in_parts(&record, ends), scenario, words)?;
        probe::parts(&record)
    }

    /// The system calls in what is measured, each time.
    pub(super) fn recorded(&mut self, scenario: &str, words: &[&str]) -> Result<Vec<Vec<String>>> {
        let record = self.folder.join("strace.out");
        self.run_under(&probe::strace(&record), scenario, words)?;
        probe::recorded(&record)
    }

    fn run_under(&mut self, under: &[String], scenario: &str, words: &[&str]) -> Result<Value> {
        let program = self.program.clone();
        let run = match under {
            [] => Run::new(&program),
            [first, rest @ ..] => Run::new(first).args(rest).arg(&program),
        };
        let run = run.arg(scenario).arg(&self.config).args(words).quiet().limit(LIMIT);
        let Finished { success, text, how, .. } = run.talk(|line| {
            let answer = self.stage.answer(line);
            if answer.is_some() {
                self.redirected = self.stage.requests().last().map_or(0, |request| request.number);
            }
            answer
        })?;
        let result = text.lines().rev().find_map(|line| line.strip_prefix("result "));
        match result {
            Some(result) if success => serde_json::from_str(result).context("what the program says"),
            _ => anyhow::bail!("{scenario}: {how}\n{text}"),
        }
    }

    /// What the provider was asked since the log was last emptied, by the app and not by the browser.
    pub(super) fn requests(&self) -> Vec<LoggedRequest> {
        self.stage.requests().into_iter().filter(|request| request.path != "/authorize").collect()
    }

    /// Those of them that came after the browser was sent back.
    pub(super) fn requests_after_the_redirect(&self) -> Vec<LoggedRequest> {
        self.requests().into_iter().filter(|request| request.number > self.redirected).collect()
    }

    /// Empties the provider's log.
    pub(super) fn forget_requests(&self) {
        self.stage.forget_requests();
    }
}

/// How many connections some requests took.
pub(super) fn connections(requests: &[LoggedRequest]) -> usize {
    let mut numbers: Vec<_> = requests.iter().map(|request| request.connection).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.len()
}

/// Bytes of HTTP that requests and their answers are, as they stand on the wire before TLS: sent, and received.
pub(super) fn bytes(requests: &[LoggedRequest]) -> (usize, usize) {
    let headers = |headers: &[(String, String)]| -> usize {
        headers.iter().map(|(name, value)| name.len() + value.len() + ": \r\n".len()).sum::<usize>() + "\r\n".len()
    };
    let sent = |request: &LoggedRequest| {
        let query: usize = request.query.iter().map(|(name, value)| encoded(name) + encoded(value) + "&=".len()).sum();
        let line = request.method.len() + request.path.len() + query + "  HTTP/1.1\r\n".len();
        line + headers(&request.headers) + request.body.len()
    };
    let received =
        |request: &LoggedRequest| "HTTP/1.1 200 OK\r\n".len() + headers(&request.answer_headers) + request.answer.len();
    (requests.iter().map(sent).sum(), requests.iter().map(received).sum())
}

/// The length of a text in a query.
fn encoded(text: &str) -> usize {
    text.bytes().map(|byte| if byte.is_ascii_alphanumeric() || b"-._~*".contains(&byte) { 1 } else { 3 }).sum()
}
