//! Browser: logins in Chromium, from the provider's page to the loopback receiver's (`tests/browser`).

use anyhow::Result;

use super::Suite;
use super::peers::install;
use crate::counting::libtest;
use crate::setup::{CHROMIUM, NODE, NPM};
use crate::table::Score;
use crate::workspace::Workspace;

pub(super) const SUITE: Suite = Suite {
    name: "browser",
    what: "logins in Chromium, and axe-core on the pages",
    long: false,
    needs: || vec![&CHROMIUM, &NODE, &NPM],
    prepare: None,
    run,
};

fn run(workspace: &Workspace, score: &mut Score) -> Result<()> {
    // The browser, and the provider that we did not write.
    for folder in ["tests/browser", "tests/peers"] {
        if let Err(error) = install(&workspace.root.join(folder)) {
            score.skip("browser", &format!("{folder}: {error:#}"));
            return Ok(());
        }
    }
    let done = workspace.test(&["--test", "browser"]).run()?;
    score.count("cargo test --test browser", &done, libtest);
    Ok(())
}
