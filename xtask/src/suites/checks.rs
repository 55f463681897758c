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
use crate::workspace::{EVERYTHING, Workspace};

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
    // By the star also the tests that only their own suites run.
    let lints = cargo(&["clippy"]).args(EVERYTHING).args(["--all-targets", "--test", "*", "--", "-D", "warnings"]);
    score.item("lints", done(lints));
    let doc = cargo(&["doc"]).args(EVERYTHING).arg("--no-deps");
    score.item("documentation", done(doc.env("RUSTDOCFLAGS", "-D warnings")));
    score.item("header", header(workspace, Mode::Check));
    score.item("symbols", symbols(workspace, Mode::Check));
    score.item("bindings", bindings(workspace, Mode::Check));
    score.item("checklist", checklist::check(workspace));
    Ok(())
}
