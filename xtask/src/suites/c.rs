//! C: the header alone under every standard that it promises, that what is shipped has no test feature, then every
//! program of `examples/c` and `tests/c`, without a warning and under Valgrind, on the release library.
//!
//! | folder | is run as | and must |
//! |---|---|---|
//! | `examples/c/*.c` | `NAME CONFIG_JSON_FILE REGISTRATION` | make a login and exit with 0 |
//! | `tests/c/*.c` | `NAME ISSUER EMPTY_FOLDER` | print Test Anything Protocol lines, which are counted |
//! | `tests/c/tools/*.c` | not here: other suites run them | compile |
//!
//! How a program reaches the browser and the provider's log is told in [`crate::stage`].

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::Suite;
use crate::counting::tap;
use crate::run::{Finished, Run};
use crate::setup::{GCC, GXX, VALGRIND, on_path};
use crate::stage::{REGISTRATION, Stage};
use crate::table::Score;
use crate::workspace::{FFI, UNIFFI, Workspace, files};

pub(super) const SUITE: Suite = Suite {
    name: "c",
    what: "the header, the C examples and tests, under Valgrind",
    long: false,
    needs: || vec![&GCC, &GXX, &VALGRIND],
    prepare: None,
    run,
};

const WARNINGS: &[&str] = &["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// What Valgrind exits with when it found something; no program of ours does.
const FOUND: i32 = 99;

fn run(workspace: &Workspace, score: &mut Score) -> Result<()> {
    header_alone(workspace, score)?;
    score.item("ffi/README.md", readme(workspace));
    score.item("nothing of the tests' in the release", nothing_of_the_tests(workspace));
    let examples = files(&workspace.root.join("examples/c"), "c");
    let tests = files(&workspace.root.join("tests/c"), "c");
    if examples.is_empty() || tests.is_empty() {
        bail!("examples/c and tests/c hold no program");
    }
    for source in &examples {
        score.item(&name_of(workspace, source), example(workspace, source));
    }
    for source in &tests {
        let name = name_of(workspace, source);
        match test(workspace, source) {
            Ok((finished, trouble)) => {
                score.count(&name, &finished, tap);
                if let Some(trouble) = trouble {
                    score.fail(&name, &trouble);
                }
            }
            Err(error) => score.fail(&name, &format!("{error:#}")),
        }
    }
    for source in files(&workspace.root.join("tests/c/tools"), "c") {
        score.item(&name_of(workspace, &source), compile(workspace, &source).map(|_| ()));
    }
    Ok(())
}

/// The program that completes a login from a store which another language began: `NAME CONFIG_JSON_FILE [REDIRECT]`; without
/// the redirect it is a line on its standard input.
pub(super) fn complete_program(workspace: &Workspace) -> Result<PathBuf> {
    compile(workspace, &workspace.root.join("tests/c/tools/complete.c"))
}

fn header_alone(workspace: &Workspace, score: &mut Score) -> Result<()> {
    const C: &[&str] = &["c99", "c11", "c17"];
    const CXX: &[&str] = &["c++11", "c++14", "c++17", "c++20"];
    // Clang is welcome, not needed: its warnings differ.
    for (compiler, language, standards) in
        [("gcc", "c", C), ("g++", "c++", CXX), ("clang", "c", C), ("clang++", "c++", CXX)]
    {
        if on_path(compiler).is_none() {
            continue;
        }
        for standard in standards {
            let run = Run::new(compiler).arg(format!("-std={standard}")).args(WARNINGS);
            let done =
                run.args(["-fsyntax-only", "-x", language, "include/keyfob.h"]).dir(&workspace.root).quiet().run()?;
            if !done.success {
                print!("{}", done.text);
            }
            score.item(&format!("keyfob.h alone: {compiler} {standard}"), done.must(compiler).map(|_| ()));
        }
    }
    Ok(())
}

/// What the README shows compiles: its one block of C is the body of a function whose surroundings are made up here.
fn readme(workspace: &Workspace) -> Result<()> {
    const BEFORE: &str = "#include \"keyfob.h\"
int failed(keyfob_error *error);
keyfob_store_key_answer ask_keystore(void *context, keyfob_wanted_store_key wanted, uint8_t *key);
void open_in_browser(const char *url);
void send_with_bearer(const char *token);
int readme(const char *json, const char *redirect_url);
int readme(const char *json, const char *redirect_url) {
";
    const AFTER: &str = "    keyfob_completed_free(completed);
    keyfob_free(keyfob);
    return 0;
}
";
    let text = fs::read_to_string(workspace.root.join("ffi/README.md"))?;
    let block = text.split_once("```c\n").and_then(|(_, rest)| rest.split_once("```"));
    let (block, _) = block.context("it has no block of C")?;
    let source = workspace.scratch("readme")?.join("readme.c");
    fs::write(&source, format!("{BEFORE}{block}{AFTER}"))?;
    let run = Run::new("gcc").arg("-std=c11").args(WARNINGS).args(["-fsyntax-only", "-I", "include"]).arg(&source);
    run.dir(&workspace.root).run()?.must("it does not compile").map(|_| ())
}

/// The core's features `simulation`, with points where a process kills itself, and `fuzzing`, with an entrance to its insides, are for its own tests: nothing that
/// is shipped asks for them, and the variable that names a point stands in no library that is.
fn nothing_of_the_tests(workspace: &Workspace) -> Result<()> {
    for package in [FFI, UNIFFI] {
        let tree = workspace.cargo().args(["tree", "-p", package, "-e", "normal", "--prefix", "none", "-f", "{p} {f}"]);
        let tree = tree.quiet().run()?.must("cargo tree")?;
        let core = tree.lines().find(|line| line.starts_with("keyfob v")).context("the core is not in it")?;
        let mut features = core.rsplit(' ').next().unwrap_or_default().split(',');
        if let Some(feature) = features.find(|feature| ["simulation", "fuzzing"].contains(feature)) {
            bail!("{package} has the core's feature {feature}");
        }
    }
    const VARIABLE: &[u8] = b"KEYFOB_CRASH_AT";
    let libraries = workspace.release()?;
    for package in [FFI, UNIFFI] {
        let dynamic = libraries.join(workspace.dynamic_library(package)?);
        let archive = dynamic.with_extension("a");
        for library in [dynamic, archive] {
            let bytes = fs::read(&library).with_context(|| format!("cannot read {}", library.display()))?;
            if bytes.windows(VARIABLE.len()).any(|at| at == VARIABLE) {
                bail!("{} has the feature simulation", library.display());
            }
        }
    }
    Ok(())
}

fn example(workspace: &Workspace, source: &Path) -> Result<()> {
    let program = compile(workspace, source)?;
    let folder = store_folder(workspace, &program)?;
    let mut stage = Stage::new()?;
    let config = folder.join("keyfob.json");
    // A folder that Keyfob makes itself: one that others can look into it refuses.
    fs::write(&config, stage.config(&folder.join("store")))?;
    let finished = under_valgrind(workspace, &mut stage, &program, &[config.as_ref(), REGISTRATION.as_ref()])?;
    stage.no_token_in(&finished.text)?;
    if let Some(trouble) = stage.trouble {
        bail!(trouble);
    }
    finished.must("it failed")?;
    if stage.browsed == 0 {
        bail!("it asked for no login");
    }
    Ok(())
}

fn test(workspace: &Workspace, source: &Path) -> Result<(Finished, Option<String>)> {
    let program = compile(workspace, source)?;
    let store = store_folder(workspace, &program)?;
    let mut stage = Stage::new()?;
    let issuer = stage.issuer();
    let finished = under_valgrind(workspace, &mut stage, &program, &[issuer.as_ref(), store.as_ref()])?;
    stage.no_token_in(&finished.text)?;
    Ok((finished, stage.trouble))
}

fn compile(workspace: &Workspace, source: &Path) -> Result<PathBuf> {
    let libraries = workspace.release()?;
    // By its place in the project: examples/c/login.c and tests/c/login.c are two programs.
    let place = source.strip_prefix(&workspace.root)?.with_extension("");
    let program = workspace.target.join("xtask/programs").join(place);
    fs::create_dir_all(program.parent().context("a program without a folder")?)?;
    let run = Run::new("gcc").arg("-std=c11").args(WARNINGS).args(["-g", "-O1", "-pthread"]);
    let run = run.args(["-I", "include", "-I", "tests/c"]).arg(source).arg("-o").arg(&program);
    // Of the old kind, which is searched before LD_LIBRARY_PATH: cargo sets that to the folders of the debug libraries.
    let mut rpath = std::ffi::OsString::from("-Wl,--disable-new-dtags,-rpath,");
    rpath.push(libraries);
    let run = run.arg("-L").arg(libraries).arg("-lkeyfob").arg(rpath).dir(&workspace.root);
    run.run()?.must("it does not compile")?;
    Ok(program)
}

fn under_valgrind(workspace: &Workspace, stage: &mut Stage, program: &Path, args: &[&OsStr]) -> Result<Finished> {
    let run = Run::new("valgrind").args(["-q", "--leak-check=full", "--errors-for-leak-kinds=definite,possible"]);
    let mut run = run.arg(format!("--error-exitcode={FOUND}"));
    let suppressions = workspace.root.join("tests/c/valgrind.supp");
    if suppressions.exists() {
        run = run.arg(format!("--suppressions={}", suppressions.display()));
    }
    let run = run.arg(program).args(args).limit(Duration::from_secs(300));
    let mut finished = run.talk(|line| stage.answer(line))?;
    if finished.code == Some(FOUND) {
        finished.how = "Valgrind found the errors or leaks above".to_owned();
    }
    Ok(finished)
}

fn store_folder(workspace: &Workspace, program: &Path) -> Result<PathBuf> {
    let name = program.file_name().context("a program without a name")?.to_string_lossy().into_owned();
    workspace.scratch(&format!("stores/{name}"))
}

fn name_of(workspace: &Workspace, source: &Path) -> String {
    source.strip_prefix(&workspace.root).unwrap_or(source).display().to_string()
}
