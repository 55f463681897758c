//! What is checked before anything runs: format, lints, documentation, that generated files are what they would be now, and that every rule of the
//! security checklist has a test.

use anyhow::Result;

use super::Suite;
use crate::bindings::bindings;
use crate::checklist;
use crate::drift::Mode;
use crate::header::header;
use crate::run::Run;
use crate::setup::{DIFF, NM};
use crate::symbols::symbols;
use crate::table::Score;
use crate::workspace::Workspace;

pub(super) const SUITE: Suite = Suite {
    name: "checks",
    what: "format, lints, documentation, generated files, the security checklist",
    long: false,
    needs: || vec![&NM, &DIFF],
    prepare: None,
    run,
};

fn run(workspace: &Workspace, score: &mut Score) -> Result<()> {
    let cargo = |args: &[&str]| workspace.cargo().args(args);
    let done = |run: Run| run.run()?.must("cargo").map(|_| ());

    score.item("format", done(cargo(&["fmt", "--all", "--check"])));
    score.item("lints", done(cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])));
    let doc = cargo(&["doc", "--workspace", "--no-deps"]);
    score.item("documentation", done(doc.env("RUSTDOCFLAGS", "-D warnings")));
    // What no other crate of the workspace switches on. With the whole workspace, so that its dependencies are those that were built above.
    let keyring = ["--workspace", "--features", "keyfob/keyring"];
    let lints = cargo(&["clippy"]).args(keyring).args(["--lib", "--test", "os_keyring", "--", "-D", "warnings"]);
    score.item("lints of the feature keyring", done(lints));
    let doc = cargo(&["doc"]).args(keyring).arg("--no-deps");
    score.item("documentation of the feature keyring", done(doc.env("RUSTDOCFLAGS", "-D warnings")));
    score.item("header", header(workspace, Mode::Check));
    score.item("symbols", symbols(workspace, Mode::Check));
    score.item("bindings", bindings(workspace, Mode::Check));
    score.item("checklist", checklist::check(workspace));
    Ok(())
}
