//! Kotlin: Maven's tests of `bindings/kotlin`, on the release library and with the test provider as a program.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::Suite;
use super::c::complete_program;
use crate::counting::surefire;
use crate::run::Run;
use crate::setup::{GCC, JDK, MAVEN};
use crate::table::Score;
use crate::workspace::Workspace;

pub(super) const SUITE: Suite = Suite {
    name: "kotlin",
    what: "mvn test of bindings/kotlin",
    long: false,
    needs: || vec![&JDK, &MAVEN, &GCC],
    prepare: None,
    run,
};

fn run(workspace: &Workspace, score: &mut Score) -> Result<()> {
    let libraries = workspace.release()?;
    let run = Run::new("mvn")
        // Not -q: that would hide the line that is counted.
        .args(["-B", "-ntp", "test"])
        .arg(property("keyfob.native.dir", libraries))
        .arg(property("keyfob.idp", workspace.idp()?))
        .arg(property("keyfob.c.complete", &complete_program(workspace)?))
        .dir(&workspace.root.join("bindings/kotlin"))
        .limit(Duration::from_secs(15 * 60));
    score.count("mvn test", &run.run()?, surefire);
    Ok(())
}

fn property(name: &str, path: &Path) -> OsString {
    let mut word = OsString::from(format!("-D{name}="));
    word.push(path);
    word
}
