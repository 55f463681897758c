//! Kotlin: Maven's tests of the modules below `bindings`, on the release library and with the test provider as a program; then
//! the example of the command line, from the jars as they are shipped; and the style of all of it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::Suite;
use super::c::complete_program;
use crate::counting::surefire;
use crate::run::Run;
use crate::setup::{GCC, JDK, MAVEN};
use crate::stage::{REGISTRATION, Stage};
use crate::table::Score;
use crate::vectors;
use crate::workspace::{UNIFFI, Workspace};

pub(super) const SUITE: Suite = Suite {
    name: "kotlin",
    what: "Maven's tests of bindings/kotlin and bindings/kotlin-android, the example, ktlint",
    long: false,
    needs: || vec![&JDK, &MAVEN, &GCC],
    prepare: None,
    run,
};

/// The example, and what it needs: a file that Maven writes when it builds it.
const CLASSES: &str = "examples/kotlin/target/classes";
const CLASS_PATH: &str = "examples/kotlin/target/classpath";

fn run(workspace: &Workspace, score: &mut Score) -> Result<()> {
    let libraries = workspace.release()?;
    let natives = natives(workspace, libraries)?;
    let vectors = vectors::folder(workspace, "kotlin")?;
    // What an earlier run left must not stand in for what this one could not build.
    let _ = fs::remove_file(workspace.root.join(CLASS_PATH));
    let run = maven(workspace)
        // All modules, though one failed. Not -q: that would hide the line that is counted.
        .args(["--fail-at-end", "package"])
        .arg(property("keyfob.native.dir", libraries))
        .arg(property("keyfob.natives", &natives))
        .arg(property("keyfob.idp", workspace.idp()?))
        .arg(property("keyfob.c.complete", &complete_program(workspace)?))
        .arg(property("keyfob.vectors.out", &vectors));
    score.count("mvn package", &run.run()?, surefire);
    vectors::compare(&vectors, "kotlin", score);
    score.item("examples/kotlin, the library out of the jar", example(workspace));
    score.item("ktlint", ktlint(workspace));
    ndk(workspace, score);
    Ok(())
}

/// The benchmark beside the tests; what it says.
pub(crate) fn bench(workspace: &Workspace) -> Result<String> {
    let run = maven(workspace).args(["--projects", "kotlin", "-Dtest=CrossingBench", "test"]);
    run.arg(property("keyfob.native.dir", workspace.release()?)).run()?.must("mvn test")
}

fn maven(workspace: &Workspace) -> Run {
    let run = Run::new("mvn").args(["-B", "-ntp"]).dir(&workspace.root.join("bindings"));
    run.limit(Duration::from_secs(30 * 60))
}

/// The library of this machine in a folder of the form that JNA looks for in jars.
fn natives(workspace: &Workspace, libraries: &Path) -> Result<PathBuf> {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x86-64",
        other => other,
    };
    let folder = workspace.scratch("kotlin-natives")?;
    let place = folder.join(format!("{system}-{machine}"));
    fs::create_dir_all(&place)?;
    let library = workspace.dynamic_library(UNIFFI)?;
    fs::copy(libraries.join(&library), place.join(&library)).with_context(|| format!("cannot copy {library}"))?;
    Ok(folder)
}

/// The command-line login as a user runs it: the browser follows the redirect to its port, and no token is printed.
fn example(workspace: &Workspace) -> Result<()> {
    let class_path = workspace.root.join(CLASS_PATH);
    let needed = fs::read_to_string(&class_path).context("Maven did not build it")?;
    let mut class_path = workspace.root.join(CLASSES).into_os_string();
    class_path.push(if cfg!(windows) { ";" } else { ":" });
    class_path.push(needed.trim());
    let folder = workspace.scratch("kotlin-example")?;
    let mut stage = Stage::new()?;
    stage.follows = true;
    let config = folder.join("keyfob.json");
    fs::write(&config, stage.config(&folder.join("store")))?;
    let run = Run::new("java").arg("-cp").arg(&class_path).arg("dev.keyfob.examples.LoginKt").arg(&config);
    let run = run
        .args([REGISTRATION, "--print-url"])
        .shown_as("java dev.keyfob.examples.LoginKt keyfob.json work-sso --print-url");
    let finished = run.limit(Duration::from_secs(120)).talk(|line| stage.answer(line))?;
    stage.no_token_in(&finished.text)?;
    if let Some(trouble) = stage.trouble {
        bail!(trouble);
    }
    let said = finished.must("it failed")?;
    if stage.browsed != 1 || !said.contains("u-1") {
        bail!("it made no login");
    }
    Ok(())
}

fn ktlint(workspace: &Workspace) -> Result<()> {
    maven(workspace).args(["-q", "-N", "-P", "ktlint", "validate"]).run()?.must("ktlint").map(drop)
}

/// The libraries for Android need its NDK, which no registry has. Where one is here, they are built.
fn ndk(workspace: &Workspace, score: &mut Score) {
    const WHAT: &str = "bindings/kotlin-android/build-ndk.sh";
    if std::env::var_os("ANDROID_NDK_HOME").is_none() {
        return score.skip(WHAT, "no ANDROID_NDK_HOME, so nobody has built the libraries for Android, or run them");
    }
    let run = Run::new("sh").arg(workspace.root.join(WHAT)).dir(&workspace.root);
    score.item(WHAT, run.run().and_then(|done| done.must("it failed").map(drop)));
}

fn property(name: &str, path: &Path) -> OsString {
    let mut word = OsString::from(format!("-D{name}="));
    word.push(path);
    word
}
