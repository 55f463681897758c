//! Swift: the tests of `bindings/swift`, on the release library and with the test provider as a program.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::Suite;
use crate::counting::swift_testing;
use crate::setup::{self, MMDEBSTRAP, Tool};
use crate::swift_root::Swift;
use crate::table::Score;
use crate::workspace::Workspace;

pub(super) const SUITE: Suite = Suite {
    name: "swift",
    what: "swift test of bindings/swift",
    long: false,
    needs,
    prepare: Some(|| Swift::ready(true).map(|_| ())),
    run,
};

/// Where there is a Swift already, or no Debian, the tool that unpacks one would not help.
fn needs() -> Vec<&'static Tool> {
    let unpacks = setup::on_path("swift").is_none() && setup::is_root_on_debian();
    if unpacks { vec![&MMDEBSTRAP] } else { Vec::new() }
}

fn run(workspace: &Workspace, score: &mut Score) -> Result<()> {
    let scratch = workspace.target.join("xtask/swift-build");
    // Without XCTest, which has nothing to run here and says so in a line that reads like a result.
    let args = ["test", "--disable-xctest", "--scratch-path", &scratch.to_string_lossy()].map(str::to_owned);
    let swift = in_package(workspace, &Swift::ready(false)?, &workspace.root.join("bindings/swift"), &args)?;
    score.count("swift test", &swift.limit(Duration::from_secs(15 * 60)).run()?, swift_testing);
    Ok(())
}

/// `cargo xtask swift ARGS…`: the same Swift with the same surroundings, for a person.
pub(crate) fn by_hand(workspace: &Workspace, args: &[String]) -> Result<bool> {
    let here = std::env::current_dir()?;
    let package = if here.join("Package.swift").exists() { here } else { workspace.root.join("bindings/swift") };
    setup::install(&needs());
    Ok(in_package(workspace, &Swift::ready(false)?, &package, args)?.by_hand()?.success())
}

fn in_package(workspace: &Workspace, swift: &Swift, package: &Path, args: &[String]) -> Result<crate::run::Run> {
    Ok(swift.command(workspace, package, workspace.release()?, args).env("KEYFOB_IDP", workspace.idp()?))
}
