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

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::Suite;
use super::native::{self, Build, WARNINGS, name_of};
use crate::counting::tap;
use crate::run::Run;
use crate::setup::{GCC, GXX, VALGRIND, on_path};
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

fn run(workspace: &Workspace, score: &mut Score) -> Result<()> {
    header_alone(workspace, score)?;
    score.item("ffi/README.md", readme(workspace));
    score.item("no simulation in the release", no_simulation(workspace));
    let examples = files(&workspace.root.join("examples/c"), "c");
    let tests = files(&workspace.root.join("tests/c"), "c");
    if examples.is_empty() || tests.is_empty() {
        bail!("examples/c and tests/c hold no program");
    }
    for source in &examples {
        let ran = compile(workspace, source).and_then(|program| native::example(workspace, &program));
        score.item(&name_of(workspace, source), ran);
    }
    for source in &tests {
        let name = name_of(workspace, source);
        match compile(workspace, source).and_then(|program| native::test(workspace, &program)) {
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

/// The core's feature `simulation`, with points where a process kills itself, is for its own tests: the variable that
/// names a point stands in no library that is shipped.
fn no_simulation(workspace: &Workspace) -> Result<()> {
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

fn compile(workspace: &Workspace, source: &Path) -> Result<PathBuf> {
    let mut flags = vec!["-std=c11"];
    flags.extend(WARNINGS);
    let headers = ["include".as_ref(), "tests/c".as_ref()];
    let libraries = workspace.release()?;
    let build = Build { compiler: "gcc", flags: &flags, headers: &headers, libraries, folder: "programs" };
    native::compile(workspace, &build, source)
}
