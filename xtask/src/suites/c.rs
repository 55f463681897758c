//! C: the header alone under every standard that it promises, what is shipped, and then every program of `examples/c` and
//! `tests/c`, without a warning, on the files that `cargo xtask install` installs.
//!
//! | folder | is built by | is run as | and must |
//! |---|---|---|---|
//! | `examples/c/*.c` | CMake, `find_package(keyfob)` | `NAME CONFIG_JSON_FILE REGISTRATION` | make a login and exit with 0 |
//! | `tests/c/*.c` | pkg-config | `NAME ISSUER EMPTY_FOLDER`, under Valgrind and again with sanitizers | print Test Anything Protocol lines, which are counted |
//! | `tests/c/static/*.c` | the static library, and another SQLite | the same, under Valgrind | the same |
//! | `tests/c/tools/*.c` | pkg-config | not here: other suites run them | compile |
//!
//! How a program reaches the browser and the provider's log is told in [`crate::stage`].

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::Suite;
use super::native::{self, SANITIZERS, WARNINGS, Watch, build, count, name_of, pkg_config};
use crate::run::Run;
use crate::setup::{self, CMAKE, CURL, GCC, GXX, PKG_CONFIG, SQLITE, VALGRIND, on_path};
use crate::table::Score;
use crate::vectors;
use crate::workspace::{FFI, UNIFFI, Workspace, files};

pub(super) const SUITE: Suite = Suite {
    name: "c",
    what: "the header, the C examples and tests on the installed library, under Valgrind and sanitizers",
    long: false,
    needs: || vec![&GCC, &GXX, &VALGRIND, &PKG_CONFIG, &CMAKE],
    prepare: None,
    run,
};

fn run(workspace: &Workspace, score: &mut Score) -> Result<()> {
    header_alone(workspace, score)?;
    score.item("ffi/README.md", readme(workspace));
    score.item("nothing of the tests' in the release", nothing_of_the_tests(workspace));
    let tests = files(&workspace.root.join("tests/c"), "c");
    if tests.is_empty() {
        bail!("tests/c holds no program");
    }
    let prefix = native::installed(workspace)?;
    let shared = native::shared(&prefix)?;
    score.item("libkeyfob.a: only keyfob_ is to be seen", only_ours(&prefix));
    examples(workspace, &prefix, score)?;
    let vectors = vectors::folder(workspace, "c")?;
    for source in &tests {
        let name = name_of(workspace, source);
        let program = build(workspace, compiler(), source, "programs", &shared);
        count(workspace, score, &name, program, Watch::Valgrind);
        let program = build(workspace, compiler().args(SANITIZERS), source, "sanitized", &shared);
        count(workspace, score, &format!("{name} (sanitizers)"), program, Watch::Sanitizers);
    }
    vectors::compare(&vectors, "c", score);
    static_programs(workspace, &prefix, score)?;
    for source in files(&workspace.root.join("tests/c/tools"), "c") {
        let program = build(workspace, compiler(), &source, "programs", &shared);
        score.item(&name_of(workspace, &source), program.map(drop));
    }
    Ok(())
}

/// The program that completes a login from a store which another language began: `NAME CONFIG_JSON_FILE [REDIRECT]`; without
/// the redirect it is a line on its standard input.
pub(super) fn complete_program(workspace: &Workspace) -> Result<PathBuf> {
    let libraries = workspace.release()?;
    let words = [format!("-L{}", libraries.display()), "-lkeyfob".to_owned(), native::rpath(libraries)];
    let source = workspace.root.join("tests/c/tools/complete.c");
    build(workspace, compiler().args(["-I", "include"]), &source, "complete", &words)
}

fn compiler() -> Run {
    Run::new("gcc").arg("-std=c11").args(WARNINGS).args(["-I", "tests/c"])
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

/// Nothing of SQLite, ring or Rust in the static library can meet what a program has under the same name.
fn only_ours(prefix: &Path) -> Result<()> {
    let nm =
        Run::new("nm").args(["--extern-only", "--defined-only", "--format=posix"]).arg(prefix.join("lib/libkeyfob.a"));
    let said = nm.quiet().run()?.must("nm")?;
    let names = said.lines().filter(|line| !line.ends_with(':')).filter_map(|line| line.split_whitespace().next());
    let (ours, foreign): (Vec<_>, Vec<_>) = names.partition(|name| name.starts_with("keyfob_"));
    if ours.is_empty() || !foreign.is_empty() {
        bail!("{} names are ours, and these are not: {}", ours.len(), foreign.join(", "));
    }
    Ok(())
}

/// By CMake, as their `CMakeLists.txt` says.
fn examples(workspace: &Workspace, prefix: &Path, score: &mut Score) -> Result<()> {
    setup::install(&[&CURL]);
    let built = workspace.scratch("cmake/c")?;
    let source = workspace.root.join("examples/c");
    let run = Run::new("cmake").arg("-S").arg(&source).arg("-B").arg(&built);
    let run = run.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()));
    run.arg(format!("-DCMAKE_C_FLAGS=-g -O1 {}", WARNINGS.join(" "))).run()?.must("cmake")?;
    Run::new("cmake").arg("--build").arg(&built).run()?.must("cmake --build")?;
    score.item("CMake: another version is not ours", other_version(workspace, prefix));
    for source in files(&source, "c") {
        let name = name_of(workspace, &source);
        let program = built.join(source.file_stem().context("a source without a name")?);
        if name.contains("http") {
            if let Err(why) = setup::require(&[&CURL]) {
                score.skip(&name, &format!("{why:#}"));
                continue;
            }
            let ran = native::example_under(workspace, &program, Watch::Valgrind);
            score.item(&name, ran.and_then(|stage| stage.every_token_came_to("libcurl/")));
        } else {
            score.item(&name, native::example(workspace, &program));
        }
    }
    let program = built.join("login_static");
    score.item("examples/c/login.c (keyfob::static)", native::example(workspace, &program));
    Ok(())
}

/// A wish for a version that this is not finds no package.
fn other_version(workspace: &Workspace, prefix: &Path) -> Result<()> {
    let project = workspace.scratch("cmake/version")?;
    for (wish, found) in [("0.1", true), ("0.0.1...0.5", true), ("0.99", false), ("1", false), ("0.0.1...<0.1", false)]
    {
        let text = format!(
            "cmake_minimum_required(VERSION 3.19)\nproject(version LANGUAGES NONE)\nfind_package(keyfob {wish} CONFIG QUIET)\n\
             if(keyfob_FOUND)\n  message(STATUS \"it is here\")\nendif()\n"
        );
        fs::write(project.join("CMakeLists.txt"), text)?;
        let run = Run::new("cmake").arg("-S").arg(&project).arg("-B").arg(project.join(wish));
        let said = run.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display())).quiet().run()?.must("cmake")?;
        if said.contains("it is here") != found {
            bail!("find_package(keyfob {wish}) is wrong about {}:\n{said}", workspace.version);
        }
    }
    Ok(())
}

/// The static library in programs that have what it has: SQLite, Rust, everything.
fn static_programs(workspace: &Workspace, prefix: &Path, score: &mut Score) -> Result<()> {
    setup::install(&[&SQLITE]);
    let archive = prefix.join("lib/libkeyfob.a").display().to_string();
    let mut needed = pkg_config(prefix, &["--static", "--libs", "keyfob"])?;
    needed.retain(|word| !word.starts_with("-L") && word != "-lkeyfob");
    let headers = pkg_config(prefix, &["--cflags", "keyfob"])?;
    let linked = |more: &[&str]| {
        let more = more.iter().map(|word| (*word).to_owned());
        headers.iter().cloned().chain([archive.clone()]).chain(more).chain(needed.clone()).collect::<Vec<_>>()
    };
    for source in files(&workspace.root.join("tests/c/static"), "c") {
        let name = name_of(workspace, &source);
        if let Err(why) = setup::require(&[&SQLITE]) {
            score.skip(&name, &format!("{why:#}"));
            continue;
        }
        let words = linked(&["-Wl,-Bstatic", "-lsqlite3", "-Wl,-Bdynamic"]);
        count(workspace, score, &name, build(workspace, compiler(), &source, "static", &words), Watch::Valgrind);
    }
    let panic = workspace.root.join("tests/c/panic.c");
    let program = build(workspace, compiler(), &panic, "static", &linked(&[]));
    count(workspace, score, "tests/c/panic.c (static)", program, Watch::Valgrind);

    // Another Rust library in the program, which has ring, SQLite and the standard library under their own names.
    let login = workspace.root.join("examples/c/login.c");
    let other = workspace.release()?.join(workspace.dynamic_library(UNIFFI)?).with_extension("a");
    let words = linked(&["-Wl,--whole-archive", &other.display().to_string(), "-Wl,--no-whole-archive"]);
    let program = build(workspace, compiler(), &login, "beside-rust", &words);
    score.item("login.c beside another Rust library", program.and_then(|it| native::example(workspace, &it)));

    // Not even a C library: what Valgrind cannot watch. The linker says of some functions that they would load another one.
    let words = pkg_config(prefix, &["--static", "--cflags", "--libs", "keyfob"])?;
    let program = build(workspace, compiler().arg("-static"), &login, "all-static", &words);
    let ran = program.and_then(|program| native::example_under(workspace, &program, Watch::Nothing));
    score.item("login.c, all of it static", ran.map(drop));
    Ok(())
}
