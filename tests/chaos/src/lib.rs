//! The chaos driver: several processes ask for access tokens on one store, and are killed and stopped at random, while users log
//! out and in. What came of it is told by the provider's request log, not by the library.
//!
//! ```text
//!            ┌ signals   SIGKILL and a new process, SIGSTOP … SIGCONT          (fleet)
//!  driver ───┼ people    logouts, logins, a look at which sessions ended       (people)
//!            └ ledger    which refresh token came when, from whom, and whether its successor came back
//!               ▲
//!          keyfob-idp ◄── refreshes ── worker × P, each of T threads ──► one store folder
//! ```
//!
//! Two naive protocols, which live here only, and other libraries' programs (`bench/peers`) get the same chaos, so that a measurement says what
//! each one is worth.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a program for a person at a terminal, which waits for real time to pass"
)]

mod client;
mod driver;
mod fleet;
mod folder;
mod ledger;
mod options;
mod people;
mod report;
mod stage;
mod summary;
mod worker;

use std::process::ExitCode;

use anyhow::Result;

pub use folder::Folder;
pub use worker::end_with_parent;

use crate::client::Protocol;
use crate::options::{Command, Options};

/// The program: does what its command line says.
#[must_use]
pub fn main() -> ExitCode {
    match command() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("keyfob-chaos: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// False if what was expected did not hold.
fn command() -> Result<bool> {
    match Command::from_command_line()? {
        Command::Help => {
            println!("{}", options::HELP);
            Ok(true)
        }
        Command::Work(errand) => worker::work(&errand).map(|()| true),
        Command::Run(options) => run(&options),
    }
}

fn run(options: &Options) -> Result<bool> {
    let summary = driver::run(options)?;
    let failures = summary.failures();
    if !options.json {
        println!("{}", summary.text());
    }
    for failure in &failures {
        println!("FAILED {failure}");
    }
    if options.json {
        println!("{}", serde_json::to_string(&summary)?);
    }
    // The others are here to be measured.
    Ok(failures.is_empty() || options.protocol != Protocol::Keyfob)
}
