//! What the suites of C and C++ share: a program is built against the files that `cargo xtask install` installs, and runs on a
//! [`Stage`], under Valgrind or with sanitizers.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::counting::tap;
use crate::install;
use crate::run::{Finished, Run};
use crate::stage::{REGISTRATION, Stage};
use crate::table::Score;
use crate::vectors;
use crate::workspace::Workspace;

pub(super) const WARNINGS: &[&str] = &["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// What Valgrind and the sanitizers exit with when they found something; no program of ours does.
const FOUND: i32 = 99;

/// What finds every wrong access and every undefined act of the program itself; the library is not built with it.
pub(super) const SANITIZERS: &[&str] =
    &["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];

/// What looks for wrong accesses and leaks while a program runs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Watch {
    Valgrind,
    /// What the program was built with: AddressSanitizer, which looks for leaks too, and UBSan.
    Sanitizers,
    Nothing,
}

/// Runs an example, `NAME CONFIG_JSON_FILE REGISTRATION`, under Valgrind: it makes a login and exits with 0.
pub(super) fn example(workspace: &Workspace, program: &Path) -> Result<()> {
    example_under(workspace, program, Watch::Valgrind).map(drop)
}

/// The same under something else; what the provider was asked can be looked at afterwards.
pub(super) fn example_under(workspace: &Workspace, program: &Path, watch: Watch) -> Result<Stage> {
    let folder = store_folder(workspace, program)?;
    let mut stage = Stage::new()?;
    stage.follows = true;
    let config = folder.join("keyfob.json");
    // A folder that Keyfob makes itself: one that others can look into it refuses.
    fs::write(&config, stage.config(&folder.join("store")))?;
    let finished = watched(workspace, &mut stage, program, &[config.as_ref(), REGISTRATION.as_ref()], watch)?;
    stage.no_token_in(&finished.text)?;
    if let Some(trouble) = stage.trouble {
        bail!(trouble);
    }
    finished.must("it failed")?;
    if stage.browsed == 0 {
        bail!("it asked for no login");
    }
    Ok(stage)
}

/// Runs a test, `NAME ISSUER EMPTY_FOLDER`: it prints Test Anything Protocol lines. And what it asked for in vain.
fn test_under(workspace: &Workspace, program: &Path, watch: Watch) -> Result<(Finished, Option<String>)> {
    let store = store_folder(workspace, program)?;
    let mut stage = Stage::new()?;
    let issuer = stage.issuer();
    let finished = watched(workspace, &mut stage, program, &[issuer.as_ref(), store.as_ref()], watch)?;
    stage.no_token_in(&finished.text)?;
    if let Some(sent) = &stage.sent {
        vectors::keep(workspace, "c", sent)?;
    }
    Ok((finished, stage.trouble))
}

/// The same, counted; or why there is no program.
pub(super) fn count(workspace: &Workspace, score: &mut Score, name: &str, program: Result<PathBuf>, watch: Watch) {
    match program.and_then(|program| test_under(workspace, &program, watch)) {
        Ok((finished, trouble)) => {
            score.count(name, &finished, tap);
            if let Some(trouble) = trouble {
                score.fail(name, &trouble);
            }
        }
        Err(error) => score.fail(name, &format!("{error:#}")),
    }
}

/// What both suites work on: installed, and then moved to another place, since nothing in it may know where it lies.
pub(super) fn installed(workspace: &Workspace) -> Result<PathBuf> {
    let made = workspace.scratch("installed")?;
    install::install(workspace, &made)?;
    let prefix = workspace.scratch("prefix")?;
    fs::remove_dir(&prefix)?;
    fs::rename(&made, &prefix)?;
    Ok(prefix)
}

/// What pkg-config says.
pub(super) fn pkg_config(prefix: &Path, args: &[&str]) -> Result<Vec<String>> {
    let run = Run::new("pkg-config").env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")).args(args).quiet();
    Ok(run.run()?.must("pkg-config")?.split_whitespace().map(str::to_owned).collect())
}

/// What it says of the shared library, and where the program finds that when it runs.
pub(super) fn shared(prefix: &Path) -> Result<Vec<String>> {
    let mut words = pkg_config(prefix, &["--cflags", "--libs", "keyfob"])?;
    words.push(rpath(&prefix.join("lib")));
    Ok(words)
}

/// Of the old kind, which is searched before LD_LIBRARY_PATH: cargo sets that to the folders of the debug libraries.
pub(super) fn rpath(libraries: &Path) -> String {
    format!("-Wl,--disable-new-dtags,-rpath,{}", libraries.display())
}

/// Builds one program in a folder below `target/xtask`; `words` come behind its source.
pub(super) fn build(
    workspace: &Workspace,
    compiler: Run,
    source: &Path,
    folder: &str,
    words: &[String],
) -> Result<PathBuf> {
    // By its place in the project: examples/c/login.c and tests/c/login.c are two programs.
    let place = source.strip_prefix(&workspace.root)?.with_extension("");
    let program = workspace.target.join("xtask").join(folder).join(place);
    fs::create_dir_all(program.parent().context("a program without a folder")?)?;
    let run = compiler.args(["-g", "-O1", "-pthread"]).arg(source).arg("-o").arg(&program).args(words);
    run.dir(&workspace.root).run()?.must("it does not compile")?;
    Ok(program)
}

fn watched(
    workspace: &Workspace,
    stage: &mut Stage,
    program: &Path,
    args: &[&OsStr],
    watch: Watch,
) -> Result<Finished> {
    let run = match watch {
        Watch::Valgrind => valgrind(workspace).arg(program),
        // A return from a function that still lends what was in it, too, which Valgrind cannot see.
        Watch::Sanitizers => Run::new(program)
            .env("ASAN_OPTIONS", format!("exitcode={FOUND}:detect_stack_use_after_return=1"))
            .env("UBSAN_OPTIONS", format!("exitcode={FOUND}:print_stacktrace=1")),
        Watch::Nothing => Run::new(program),
    };
    let mut finished = run.args(args).limit(Duration::from_secs(300)).talk(|line| stage.answer(line))?;
    if finished.code == Some(FOUND) {
        finished.how = format!("{watch:?} found the errors or leaks above");
    }
    Ok(finished)
}

fn valgrind(workspace: &Workspace) -> Run {
    let run = Run::new("valgrind").args(["-q", "--leak-check=full", "--errors-for-leak-kinds=definite,possible"]);
    let run = run.arg(format!("--error-exitcode={FOUND}"));
    let suppressions = workspace.root.join("tests/c/valgrind.supp");
    if suppressions.exists() { run.arg(format!("--suppressions={}", suppressions.display())) } else { run }
}

fn store_folder(workspace: &Workspace, program: &Path) -> Result<PathBuf> {
    let name = program.file_name().context("a program without a name")?.to_string_lossy().into_owned();
    workspace.scratch(&format!("stores/{name}"))
}

/// A source's name in the table.
pub(super) fn name_of(workspace: &Workspace, source: &Path) -> String {
    source.strip_prefix(&workspace.root).unwrap_or(source).display().to_string()
}
