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

fn run(workspace: &Workspace, score: &mut Score) -> Result<()> {
    let done = workspace.test(&["--test", "os_keyring"]).run()?;
    score.count("cargo test --test os_keyring", &done, libtest);
    Ok(())
}
