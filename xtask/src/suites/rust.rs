//! Rust: every test of the workspace that Rust alone can run, then the core without its default features.

use std::time::Duration;

use anyhow::Result;

use super::Suite;
use crate::counting::libtest;
use crate::setup::{self, STRACE, VALGRIND};
use crate::table::Score;
use crate::vectors;
use crate::workspace::Workspace;

pub(super) const SUITE: Suite = Suite {
    name: "rust",
    what: "cargo test of the workspace, and of the core without default features",
    long: false,
    needs: Vec::new,
    prepare: None,
    run,
};

/// The model check of the refresh protocol at its full width.
pub(super) const MODEL: Suite = Suite {
    name: "model",
    what: "the refresh protocol's model check, wide: a quarter of an hour",
    long: true,
    needs: Vec::new,
    prepare: None,
    run: run_model,
};

/// What a million sessions cost.
pub(super) const SCALE: Suite = Suite {
    name: "scale",
    what: "a store of a million sessions beside one of a hundred: two minutes",
    long: true,
    needs: || vec![&VALGRIND],
    prepare: None,
    run: run_scale,
};

/// The store on a disk that fails, everywhere.
pub(super) const TORTURE: Suite = Suite {
    name: "torture",
    what: "every call of the disk fails once, and the power goes at every moment: some minutes",
    long: true,
    needs: Vec::new,
    prepare: None,
    run: run_torture,
};

/// The providers' files, each with each single thing in it changed.
pub(super) const FLIPS: Suite = Suite {
    name: "flips",
    what: "each provider's file and the schemas with each single thing in them changed: an hour",
    long: true,
    needs: Vec::new,
    prepare: None,
    run: run_flips,
};

/// Some two hundred files with some forty things each.
const FLIPS_LIMIT: Duration = Duration::from_secs(2 * 60 * 60);

/// What the names of the long suites' tests begin with.
const WIDE: &str = "wide_";

fn run_model(workspace: &Workspace, score: &mut Score) -> Result<()> {
    let args = ["-p", "keyfob", "--lib", "--release"];
    let done = workspace.cargo().arg("test").args(args).args(["--", "--include-ignored", WIDE]).run()?;
    score.count("the model check, wide", &done, libtest);
    Ok(())
}

fn run_scale(workspace: &Workspace, score: &mut Score) -> Result<()> {
    let done = workspace.test(&["--test", "scale", "--", "--include-ignored", "--nocapture", WIDE]).run()?;
    score.count("a million sessions", &done, libtest);
    Ok(())
}

fn run_torture(workspace: &Workspace, score: &mut Score) -> Result<()> {
    let done = workspace.test(&["--test", "torture", "--test", "damage", "--", "--include-ignored", WIDE]).run()?;
    score.count("the torture of the store, everywhere", &done, libtest);
    Ok(())
}

fn run_flips(workspace: &Workspace, score: &mut Score) -> Result<()> {
    // The contracts themselves, and some of these, are in the suite above.
    let done = workspace.test(&["--test", "contracts", "--", "flip "]).limit(FLIPS_LIMIT).run()?;
    score.count("every provider's file, changed", &done, libtest);
    let done = workspace.test(&["--test", "schemas", "--", "--include-ignored", WIDE]).limit(FLIPS_LIMIT).run()?;
    score.count("everything in the schemas, taken out", &done, libtest);
    Ok(())
}

fn run(workspace: &Workspace, score: &mut Score) -> Result<()> {
    // For the tests that count system calls and instructions; without them those are skipped, and the rest is as good.
    setup::install(&[&STRACE, &VALGRIND]);
    let vectors = vectors::folder(workspace, "rust")?;
    // What takes minutes is in the long suites.
    let done = workspace.test(&["--", "--skip", WIDE]).env(vectors::OUT, &vectors).run()?;
    score.count("cargo test --workspace", &done, libtest);
    vectors::compare(&vectors, "rust", score);
    run_bare(workspace, score)
}

/// The core as an app has it that brings its own transport. Nearly every other test is a login over the built-in one.
fn run_bare(workspace: &Workspace, score: &mut Score) -> Result<()> {
    let bare = ["test", "--no-fail-fast", "-p", "keyfob", "--no-default-features", "--lib", "--test", "torture"];
    // Of the store's torture, which has a transport of its own, what a refresh does; and not the model, which knows nothing of features.
    let run = workspace.cargo().args(bare).args(["--", "--skip", WIDE, "--skip", "refresh::model::"]);
    let done = run.env("KEYFOB_TORTURE_FLOW", "refresh").run()?;
    score.count("cargo test --no-default-features", &done, libtest);
    Ok(())
}
