//! Rust: every test of the workspace that Rust alone can run, then the core without its default features.

use anyhow::Result;

use super::Suite;
use crate::counting::libtest;
use crate::setup::{self, STRACE};
use crate::table::Score;
use crate::workspace::{BROWSER, CHAOS, PEERS, Workspace};

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

/// What its tests' names begin with.
const WIDE: &str = "wide_";

fn run_model(workspace: &Workspace, score: &mut Score) -> Result<()> {
    let args = ["-p", "keyfob", "--lib", "--release"];
    let done = workspace.cargo().arg("test").args(args).args(["--", "--include-ignored", WIDE]).run()?;
    score.count("the model check, wide", &done, libtest);
    Ok(())
}

fn run(workspace: &Workspace, score: &mut Score) -> Result<()> {
    // For the one test that counts system calls; without it that test is skipped, and the rest is as good.
    setup::install(&[&STRACE]);
    // Peers and chaos are suites of their own.
    let workspace_alone = ["--workspace", "--exclude", PEERS, "--exclude", CHAOS, "--exclude", BROWSER];
    for args in [workspace_alone.as_slice(), &["-p", "keyfob", "--no-default-features"]] {
        // All of them, though one failed: the table counts what passed, too. The model's wide searches take minutes, and are a suite of their own.
        let done = workspace.cargo().args(["test", "--no-fail-fast"]).args(args).args(["--", "--skip", WIDE]).run()?;
        score.count(&format!("cargo test {}", args.join(" ")), &done, libtest);
    }
    Ok(())
}
