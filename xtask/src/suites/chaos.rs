//! Chaos: processes on one store that are killed and stopped at random (`tests/chaos`), for a minute, and for as long as one likes by
//! its command or in the long suite.

use std::env::consts::EXE_SUFFIX;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use super::Suite;
use crate::counting::libtest;
use crate::run::Run;
use crate::table::Score;
use crate::workspace::{EVERYTHING, Workspace};

pub(super) const SUITE: Suite = Suite {
    name: "chaos",
    what: "processes killed and stopped on one store, for a minute",
    long: false,
    needs: Vec::new,
    prepare: None,
    run,
};

pub(super) const LONG: Suite = Suite {
    name: "chaos-long",
    what: "the same for a quarter of an hour",
    long: true,
    needs: Vec::new,
    prepare: None,
    run: run_long,
};

/// What is claimed, how long it is tried, and the driver's words.
type Trial = (&'static str, u64, &'static [&'static str]);

const TRIALS: &[Trial] = &[
    ("with 5 s of grace nobody is logged out", 30, &["--grace", "5"]),
    ("without grace only a kill in the window logs out", 20, &["--grace", "0"]),
    (
        "without kills nobody is logged out",
        10,
        &["--grace", "0", "--chaos", "stop,logout", "--processes", "2", "--threads", "16"],
    ),
];

const LONG_TRIALS: &[Trial] = &[
    ("with 5 s of grace nobody is logged out", 240, &["--grace", "5", "--sessions", "5"]),
    (
        "with 5 s of grace that ends what was lost nobody is logged out",
        120,
        &["--grace", "5", "--in-grace", "new_pair_replaces"],
    ),
    ("without grace only a kill in the window logs out", 360, &["--grace", "0", "--processes", "8"]),
    ("without kills nobody is logged out", 180, &["--grace", "0", "--chaos", "stop,logout", "--threads", "16"]),
];

fn run(workspace: &Workspace, score: &mut Score) -> Result<()> {
    let done = workspace.test(&["--test", "one_request"]).run()?;
    score.count("cargo test --test one_request", &done, libtest);
    try_all(workspace, score, TRIALS)
}

fn run_long(workspace: &Workspace, score: &mut Score) -> Result<()> {
    try_all(workspace, score, LONG_TRIALS)
}

/// Each is one test. Its seed is in the line of JSON that it ends with.
fn try_all(workspace: &Workspace, score: &mut Score, trials: &[Trial]) -> Result<()> {
    let driver = driver(workspace)?;
    for (claim, seconds, words) in trials {
        let run =
            Run::new(&driver).dir(&workspace.root).args(*words).args(["--seconds", &seconds.to_string(), "--json"]);
        // Beyond its time it only waits for what is under way.
        let done = run.limit(Duration::from_secs(seconds + 180)).run()?;
        score.item(claim, done.must("the driver").map(|_| ()));
    }
    Ok(())
}

/// `cargo xtask chaos`: the driver with these words, on this terminal.
pub(crate) fn by_hand(workspace: &Workspace, words: &[OsString]) -> Result<bool> {
    Ok(Run::new(driver(workspace)?).dir(&workspace.root).args(words).by_hand()?.success())
}

/// The driver as a program, built.
pub(crate) fn driver(workspace: &Workspace) -> Result<PathBuf> {
    let name = "keyfob-chaos";
    // With a test it has the features that everything else was built with.
    let build = workspace.cargo().args(["build", "--quiet"]).args(EVERYTHING);
    build.args(["--bin", name, "--test", "one_request"]).run()?.must("the driver does not build")?;
    Ok(workspace.target.join("debug").join(format!("{name}{EXE_SUFFIX}")))
}
