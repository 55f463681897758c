//! `keyfob-bench SCENARIO CONFIG [WORD…]`: one scenario of Keyfob's public API a process, for `cargo xtask bench` to count.
//!
//! What is counted is what [`bench_measured`] encloses: Callgrind counts between its entry and its return, and strace's
//! record has the two lines that it writes. Everything else, such as opening the store first, is outside. What only a
//! browser or the provider can do is asked for by a line on standard output, in the words of `xtask/src/stage.rs`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a program that is started by another one, which reads what it prints; ratios of times are taken here"
)]

mod bare;
mod grow;
mod scenarios;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use keyfob::{Config, Keyfob, StoreKey};
use serde_json::Value;

/// The key of every store that is measured: stores are sealed, as an app's are.
const STORE_KEY: [u8; 32] = [42; 32];

fn main() -> ExitCode {
    match run() {
        Ok(result) => {
            println!("result {result}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("keyfob-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<Value> {
    let mut words = std::env::args().skip(1);
    let scenario = words.next().context("keyfob-bench SCENARIO CONFIG [WORD…]")?;
    let config = PathBuf::from(words.next().context("which configuration?")?);
    let given = Given { config, words: words.collect() };
    match scenario.as_str() {
        "login" => scenarios::login(&given),
        "browser-login" => scenarios::browser_login(&given),
        "token" => scenarios::token(&given),
        "refresh" => scenarios::refresh(&given),
        "open" => scenarios::open(&given),
        "storm" => scenarios::storm(&given),
        "memory" => scenarios::memory(&given),
        "bare-open" => bare::open(&given),
        "bare-verify" => bare::verify(&given),
        "multiply" => grow::multiply(&given),
        "page" => grow::page(&given),
        "threads" => grow::threads(&given),
        "cached" => grow::cached(&given),
        "race" => grow::race(&given),
        other => bail!("there is no scenario {other:?}"),
    }
}

/// What the command line gives a scenario.
struct Given {
    config: PathBuf,
    words: Vec<String>,
}

impl Given {
    fn config(&self) -> Result<Config> {
        let text = std::fs::read_to_string(&self.config).context("the configuration")?;
        let config = Config::from_json(&text)?;
        let plaintext = serde_json::from_str::<Value>(&text)?.pointer("/store/plaintext") == Some(&Value::Bool(true));
        Ok(if plaintext { config } else { config.with_store_key(StoreKey::new(STORE_KEY)) })
    }

    fn open(&self) -> Result<Keyfob> {
        Ok(Keyfob::open(self.config()?)?)
    }

    /// The folder of the store.
    fn store(&self) -> Result<PathBuf> {
        let config: Value = serde_json::from_str(&std::fs::read_to_string(&self.config)?)?;
        let path = config.pointer("/store/path").and_then(Value::as_str).context("no store in the configuration")?;
        Ok(path.into())
    }

    fn word(&self, place: usize) -> Result<&str> {
        self.words.get(place).map(String::as_str).with_context(|| format!("word {place} is missing"))
    }

    /// A word that is a number, such as how often.
    fn count(&self, place: usize) -> Result<u32> {
        self.word(place)?.parse().context("a number")
    }
}

/// What is counted. By this name Callgrind knows where it begins and ends.
#[inline(never)]
fn bench_measured<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// The same with a line before and after it, for strace's record of all threads.
fn recorded<T>(work: impl FnOnce() -> T) -> T {
    eprintln!("bench: begin");
    let done = bench_measured(work);
    eprintln!("bench: end");
    done
}

/// Asks whoever started this: a line, and the line that answers it.
fn ask(line: &str) -> Result<String> {
    println!("{line}");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    let answer = answer.trim();
    if answer.is_empty() {
        bail!("nobody answers {line:?}");
    }
    Ok(answer.to_owned())
}
