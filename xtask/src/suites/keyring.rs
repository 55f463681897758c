//! The feature `keyring` of the core, at a real GNOME Keyring: each test has a D-Bus session of its own.

use anyhow::Result;

use super::Suite;
use crate::counting::libtest;
use crate::setup::{DBUS, KEYRING};
use crate::table::Score;
use crate::workspace::Workspace;

pub(super) const SUITE: Suite = Suite {
    name: "keyring",
    what: "the store key in a desktop's keyring",
    long: false,
    needs: || vec![&DBUS, &KEYRING],
    prepare: None,
    run,
};

/// What the feature adds, by target and by name; the rest of the core does not know of it.
const TESTS: &[&[&str]] =
    &[&["--lib", "--", "os_keyring::"], &["--doc", "--", "os_keyring"], &["--test", "os_keyring"]];

fn run(workspace: &Workspace, score: &mut Score) -> Result<()> {
    for tests in TESTS {
        let run = workspace.cargo().args(["test", "-p", "keyfob", "--features", "keyring", "--no-fail-fast"]);
        let done = run.args(*tests).run()?;
        score.count(&format!("cargo test {}", tests.join(" ")), &done, libtest);
    }
    Ok(())
}
