//! C++: the header alone under every standard that it promises, with and without exceptions; that it covers the C ABI and
//! leaks no macro; then every program of `examples/cpp` and `tests/cpp`, on the files that `cargo xtask install` installs.
//!
//! | folder | is built by | is run as | and must |
//! |---|---|---|---|
//! | `examples/cpp/*.cpp` | CMake, `find_package(keyfob)` | `NAME CONFIG_JSON_FILE REGISTRATION` | make a login and exit with 0 |
//! | `tests/cpp/*.cpp` | pkg-config | `NAME ISSUER EMPTY_FOLDER`, under Valgrind and again with sanitizers | print Test Anything Protocol lines, which are counted |
//! | `tests/cpp/linked/*.cpp` | pkg-config | one program, of files with and without exceptions | the same |
//!
//! How a program reaches the browser and the provider's log is told in [`crate::stage`].

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::Suite;
use super::native::{self, SANITIZERS, WARNINGS, Watch, build, count, name_of};
use crate::run::Run;
use crate::setup::{CMAKE, GXX, PKG_CONFIG, VALGRIND, on_path};
use crate::table::Score;
use crate::workspace::{Workspace, files};

pub(super) const SUITE: Suite = Suite {
    name: "cpp",
    what: "the C++ header, its examples and tests on the installed library, under Valgrind and sanitizers",
    long: false,
    needs: || vec![&GXX, &VALGRIND, &PKG_CONFIG, &CMAKE],
    prepare: None,
    run,
};

const HEADER: &str = "include/keyfob.hpp";

/// Beyond what C is held to.
const STRICTER: &[&str] = &["-Wshadow", "-Wconversion"];

const WITHOUT: &[&str] = &["-fno-exceptions", "-fno-rtti"];

/// Functions of C that C++ has no use for, and why.
const NOT_CALLED: &[(&str, &str)] = &[];

fn run(workspace: &Workspace, score: &mut Score) -> Result<()> {
    header_alone(workspace, score)?;
    score.item("keyfob.hpp covers the C ABI", covers(workspace));
    score.item("keyfob.hpp leaks no macro", leaks_no_macro(workspace));
    score.item("ffi/README.md", readme(workspace));
    let tests = files(&workspace.root.join("tests/cpp"), "cpp");
    if tests.is_empty() {
        bail!("tests/cpp holds no program");
    }
    let prefix = native::installed(workspace)?;
    let shared = native::shared(&prefix)?;
    examples(workspace, &prefix, score)?;
    for source in &tests {
        let name = name_of(workspace, source);
        count(workspace, score, &name, build(workspace, compiler(), source, "programs", &shared), Watch::Valgrind);
        let program = build(workspace, compiler().args(SANITIZERS), source, "sanitized", &shared);
        count(workspace, score, &format!("{name} (sanitizers)"), program, Watch::Sanitizers);
    }
    // One of them once more as a whole program without exceptions: what of it needs them says so.
    let result = workspace.root.join("tests/cpp/result.cpp");
    let program = build(workspace, compiler().args(WITHOUT), &result, "without-exceptions", &shared);
    count(workspace, score, "tests/cpp/result.cpp without exceptions", program, Watch::Valgrind);
    count(workspace, score, "tests/cpp/linked", linked(workspace, &shared), Watch::Valgrind);
    Ok(())
}

fn compiler() -> Run {
    Run::new("g++").arg("-std=c++17").args(WARNINGS).args(STRICTER).args(["-I", "tests/cpp"])
}

/// By CMake, as their `CMakeLists.txt` says.
fn examples(workspace: &Workspace, prefix: &Path, score: &mut Score) -> Result<()> {
    let built = workspace.scratch("cmake/cpp")?;
    let source = workspace.root.join("examples/cpp");
    let run = Run::new("cmake").arg("-S").arg(&source).arg("-B").arg(&built);
    let run = run.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()));
    run.arg(format!("-DCMAKE_CXX_FLAGS=-g -O1 {}", WARNINGS.join(" "))).run()?.must("cmake")?;
    Run::new("cmake").arg("--build").arg(&built).run()?.must("cmake --build")?;
    let examples = files(&source, "cpp");
    if examples.is_empty() {
        bail!("examples/cpp holds no program");
    }
    for source in &examples {
        let program = built.join(source.file_stem().context("a source without a name")?);
        score.item(&name_of(workspace, source), native::example(workspace, &program));
    }
    Ok(())
}

fn header_alone(workspace: &Workspace, score: &mut Score) -> Result<()> {
    for compiler in ["g++", "clang++"] {
        // Clang is welcome, not needed: its warnings differ.
        if on_path(compiler).is_none() {
            continue;
        }
        for standard in ["c++17", "c++20", "c++23"] {
            for (flags, words) in [(&[][..], ""), (WITHOUT, " without exceptions and RTTI")] {
                let run = Run::new(compiler).arg(format!("-std={standard}")).args(WARNINGS).args(STRICTER).args(flags);
                let run =
                    run.args(["-fsyntax-only", "-I", "include", "-include", "keyfob.hpp", "-x", "c++", "/dev/null"]);
                let done = run.dir(&workspace.root).quiet().run()?;
                if !done.success {
                    print!("{}", done.text);
                }
                score.item(&format!("keyfob.hpp alone: {compiler} {standard}{words}"), done.must(compiler).map(|_| ()));
            }
        }
    }
    Ok(())
}

/// Every function that the library exports is called in the header, or has a reason not to be.
fn covers(workspace: &Workspace) -> Result<()> {
    let header = fs::read_to_string(workspace.root.join(HEADER))?;
    let symbols = fs::read_to_string(workspace.root.join("ffi/symbols.txt"))?;
    let called = called(&header);
    let exported: BTreeSet<_> = symbols.lines().filter(|line| line.starts_with("keyfob_")).collect();
    if exported.is_empty() {
        bail!("ffi/symbols.txt names no function");
    }
    let excused: BTreeSet<_> = NOT_CALLED.iter().map(|(name, _)| *name).collect();
    let missing: Vec<_> = exported.iter().filter(|it| !called.contains(**it) && !excused.contains(**it)).collect();
    let idle: Vec<_> = excused.iter().filter(|it| called.contains(**it) || !exported.contains(**it)).collect();
    if !missing.is_empty() || !idle.is_empty() {
        bail!("not called: {missing:?}; excused for nothing: {idle:?}");
    }
    Ok(())
}

/// The names in the code of a C++ text: its comments do not count.
fn called(text: &str) -> BTreeSet<&str> {
    let mut within = false;
    let code = text.lines().filter(|line| {
        let line = line.trim_start();
        let comment = within || line.starts_with("//");
        within = (within || line.starts_with("/*")) && !line.contains("*/");
        !comment && !line.starts_with("/*")
    });
    let words = code.flat_map(|line| line.split(|it: char| !it.is_ascii_alphanumeric() && it != '_'));
    words.filter(|word| word.starts_with("keyfob_")).collect()
}

/// After the header a program knows the macros of `keyfob.h`, of the standard headers that it includes, and its guard.
fn leaks_no_macro(workspace: &Workspace) -> Result<()> {
    let header = fs::read_to_string(workspace.root.join(HEADER))?;
    let without: String = header
        .lines()
        .filter(|line| line.starts_with("#include "))
        .fold(String::new(), |text, line| text + line + "\n");
    let before = macros(workspace, "without.cpp", &without)?;
    let after = macros(workspace, "with.cpp", "#include \"keyfob.hpp\"\n")?;
    let leaked: Vec<_> = after.difference(&before).filter(|name| *name != "KEYFOB_HPP").collect();
    if !leaked.is_empty() {
        bail!("it leaves behind: {leaked:?}");
    }
    Ok(())
}

/// The names of all macros at the end of a text.
fn macros(workspace: &Workspace, name: &str, text: &str) -> Result<BTreeSet<String>> {
    let source = workspace.scratch(&format!("macros/{name}"))?.join(name);
    fs::write(&source, text)?;
    let run = Run::new("g++").args(["-std=c++17", "-dM", "-E", "-I", "include"]).arg(&source).quiet();
    let found = run.dir(&workspace.root).run()?.must("g++ -dM")?;
    let names = found.lines().filter_map(|line| line.strip_prefix("#define ")?.split([' ', '(']).next());
    Ok(names.map(str::to_owned).collect())
}

/// What the README shows compiles: its one block of C++ is the body of a function whose surroundings are made up here.
fn readme(workspace: &Workspace) -> Result<()> {
    const BEFORE: &str = "#include \"keyfob.hpp\"
keyfob::store_key_answer ask_keystore(keyfob::wanted_store_key wanted, keyfob::store_key& key);
void open_in_browser(std::string_view url);
void send_with_bearer(std::string_view token);
void failed(const keyfob::error& error);
void readme(std::string_view json, std::string_view redirect_url);
void readme(std::string_view json, std::string_view redirect_url) {
";
    let text = fs::read_to_string(workspace.root.join("ffi/README.md"))?;
    let block = text.split_once("```cpp\n").and_then(|(_, rest)| rest.split_once("```"));
    let (block, _) = block.context("it has no block of C++")?;
    let source = workspace.scratch("readme-cpp")?.join("readme.cpp");
    fs::write(&source, format!("{BEFORE}{block}}}\n"))?;
    let run = Run::new("g++").arg("-std=c++17").args(WARNINGS).args(STRICTER).args(["-fsyntax-only", "-I", "include"]);
    run.arg(&source).dir(&workspace.root).run()?.must("it does not compile").map(|_| ())
}

/// Links files of one program that include the header, some of them without exceptions.
fn linked(workspace: &Workspace, shared: &[String]) -> Result<PathBuf> {
    let objects = workspace.scratch("linked")?;
    let mut link = Run::new("g++").arg("-pthread");
    for source in files(&workspace.root.join("tests/cpp/linked"), "cpp") {
        let stem = source.file_stem().context("a source without a name")?.to_string_lossy().into_owned();
        let object = objects.join(&stem).with_extension("o");
        let flags = if stem.ends_with("without_exceptions") { WITHOUT } else { &[] };
        let run = compiler().args(flags).args(["-g", "-O1", "-c"]).arg(&source).arg("-o").arg(&object);
        let headers = shared.iter().filter(|word| word.starts_with("-I"));
        run.args(headers).dir(&workspace.root).run()?.must("it does not compile")?;
        link = link.arg(&object);
    }
    let program = objects.join("linked");
    link.arg("-o").arg(&program).args(shared).run()?.must("it does not link")?;
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_comment_is_no_call() {
        let text = "/// As `keyfob_a`.\n/* keyfob_b\n * keyfob_c */\nkeyfob_d(keyfob_e_f, x); // fine\n";
        assert_eq!(called(text).into_iter().collect::<Vec<_>>(), ["keyfob_d", "keyfob_e_f"]);
    }
}
