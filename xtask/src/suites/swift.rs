//! Swift: the tests of `bindings/swift`, on the release library and with the test provider as a program.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::Suite;
use crate::counting::swift_testing;
use crate::setup::{self, MMDEBSTRAP};
use crate::swift_root::Swift;
use crate::table::Score;
use crate::workspace::Workspace;

pub(super) const SUITE: Suite = Suite {
    name: "swift",
    what: "swift test of bindings/swift",
    long: false,
    needs: &[],
    prepare: Some(|| prepare(true).map(|_| ())),
    run,
};

/// The tool is no need of the suite's: where there is a Swift already, or no Debian, it would not help.
fn prepare(quiet: bool) -> Result<Swift> {
    if setup::on_path("swift").is_none() {
        setup::install(&[&MMDEBSTRAP]);
    }
    Swift::ready(quiet)
}

fn run(workspace: &Workspace, score: &mut Score) -> Result<()> {
    let scratch = workspace.target.join("xtask/swift-build");
    let args = ["test".to_owned(), "--scratch-path".to_owned(), scratch.to_string_lossy().into_owned()];
    let swift = in_package(workspace, &prepare(false)?, &workspace.root.join("bindings/swift"), &args)?;
    score.count("swift test", &swift.limit(Duration::from_secs(15 * 60)).run()?, swift_testing);
    Ok(())
}

/// `cargo xtask swift ARGS…`: the same Swift with the same surroundings, for a person.
pub(crate) fn by_hand(workspace: &Workspace, args: &[String]) -> Result<bool> {
    let here = std::env::current_dir()?;
    let package = if here.join("Package.swift").exists() { here } else { workspace.root.join("bindings/swift") };
    Ok(in_package(workspace, &prepare(false)?, &package, args)?.by_hand()?.success())
}

fn in_package(workspace: &Workspace, swift: &Swift, package: &Path, args: &[String]) -> Result<crate::run::Run> {
    Ok(swift.command(workspace, package, workspace.release()?, args).env("KEYFOB_IDP", workspace.idp()?))
}
