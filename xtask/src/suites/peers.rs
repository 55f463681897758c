//! Peers: logins through the core's public API at providers that we did not write, which npm brings (`tests/peers`).

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Result;

use super::Suite;
use crate::counting::libtest;
use crate::run::Run;
use crate::setup::{NODE, NPM};
use crate::table::Score;
use crate::workspace::Workspace;

pub(super) const SUITE: Suite = Suite {
    name: "peers",
    what: "logins at a certified provider from npm",
    long: false,
    needs: || vec![&NODE, &NPM],
    prepare: None,
    run,
};

fn run(workspace: &Workspace, score: &mut Score) -> Result<()> {
    install(&workspace.root.join("tests/peers"))?;
    let done = workspace.test(&["--test", "oidc_provider"]).run()?;
    score.count("cargo test --test oidc_provider", &done, libtest);
    Ok(())
}

/// Fills `node_modules` by the lock file, where that is newer.
pub(crate) fn install(folder: &Path) -> Result<()> {
    if !is_installed(folder) {
        let install = Run::new("npm").args(["ci", "--no-audit", "--no-fund"]).dir(folder);
        install.limit(Duration::from_secs(300)).run()?.must("npm ci")?;
    }
    Ok(())
}

/// Whether `node_modules` is what the lock file says: npm notes there at the end what it installed.
fn is_installed(folder: &Path) -> bool {
    let written = |file: &str| -> Option<SystemTime> { fs::metadata(folder.join(file)).ok()?.modified().ok() };
    match (written("node_modules/.package-lock.json"), written("package-lock.json")) {
        (Some(installed), Some(locked)) => installed >= locked,
        _ => false,
    }
}
