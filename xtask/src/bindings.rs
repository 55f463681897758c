//! The Kotlin and Swift sources that UniFFI generates from `bindings/uniffi`, and the version that Maven is told.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::drift::{self, Mode};
use crate::run::Run;
use crate::workspace::{EVERYTHING, UNIFFI, Workspace};

const COMMAND: &str = "cargo xtask bindings";
const BINDGEN: &str = "keyfob-uniffi-bindgen";

/// Folders that hold generated files and nothing else.
const KOTLIN: &str = "bindings/kotlin/src/generated/kotlin";
const SWIFT: &str = "bindings/swift/Sources/KeyfobGenerated";
const SWIFT_FFI: &str = "bindings/swift/Sources/KeyfobFFI";

/// The lines outside generated files that hold the workspace's version: file, what stands before it, what after.
const VERSIONS: &[(&str, &str, &str)] = &[
    ("bindings/pom.xml", PARENT, "</version>"),
    ("bindings/kotlin/pom.xml", PARENT, "</version>"),
    ("bindings/kotlin-android/pom.xml", PARENT, "</version>"),
    ("bindings/kotlin-android/README.md", "`dev.keyfob:keyfob-android:", "`"),
    ("examples/kotlin/pom.xml", PARENT, "</version>"),
    ("examples/android/pom.xml", PARENT, "</version>"),
    ("examples/android/app/build.gradle.kts", "dev.keyfob:keyfob-android:", "@aar"),
    ("examples/android/app/build.gradle.kts", "dev.keyfob:keyfob:", "\""),
    ("bindings/kotlin/README.md", "`dev.keyfob:keyfob:", "`"),
];

/// What stands before the version in each `pom.xml`.
const PARENT: &str = "<artifactId>keyfob-parent</artifactId>";

pub(crate) fn bindings(workspace: &Workspace, mode: Mode) -> Result<()> {
    // A debug build: the generator reads the symbol table, which a stripped library has not, and both say the same. With everything that the tests
    // of the workspace are made of: of those two packages alone, SQLite and some sixty crates would be built again, with other features.
    workspace.cargo().args(["build", "--all-targets"]).args(EVERYTHING).run()?.must("cargo build")?;
    let library = workspace.target.join("debug").join(workspace.dynamic_library(UNIFFI)?);

    let kotlin = generate(workspace, "kotlin", &library)?;
    drift::settle_folder(workspace, KOTLIN, &kotlin, mode, COMMAND)?;

    let swift = generate(workspace, "swift", &library)?;
    // SwiftPM wants the C header and its module map in a target of their own.
    let ffi = workspace.scratch("bindings-swift-ffi")?;
    for entry in fs::read_dir(&swift)? {
        let file = entry?.path();
        let is_map = file.extension().is_some_and(|it| it == "modulemap");
        if is_map || file.extension().is_some_and(|it| it == "h") {
            // And it knows a module map by this name only.
            let name = if is_map {
                "module.modulemap".into()
            } else {
                file.file_name().context("a file without a name")?.to_owned()
            };
            fs::rename(&file, ffi.join(name))?;
        }
    }
    drift::settle_folder(workspace, SWIFT, &swift, mode, COMMAND)?;
    drift::settle_folder(workspace, SWIFT_FFI, &ffi, mode, COMMAND)?;
    versions(workspace, mode)
}

fn generate(workspace: &Workspace, language: &str, library: &Path) -> Result<std::path::PathBuf> {
    let out = workspace.scratch(&format!("bindings-{language}"))?;
    let program = workspace.target.join("debug").join(format!("{BINDGEN}{}", std::env::consts::EXE_SUFFIX));
    // At the root of the project: it asks Cargo where `uniffi.toml` is.
    Run::new(program).arg(language).arg(library).arg(&out).dir(&workspace.root).run()?.must(BINDGEN)?;
    Ok(out)
}

fn versions(workspace: &Workspace, mode: Mode) -> Result<()> {
    for (path, before, after) in VERSIONS {
        let text = fs::read_to_string(workspace.root.join(path)).with_context(|| format!("cannot read {path}"))?;
        let wanted = with_version(&text, before, after, &workspace.version).with_context(|| path.to_string())?;
        drift::settle(workspace, path, &wanted, mode, COMMAND)?;
    }
    Ok(())
}

/// The text with the first version behind `before` replaced.
fn with_version(text: &str, before: &str, after: &str, version: &str) -> Result<String> {
    let Some((head, rest)) = text.split_once(before) else { bail!("has no {before}") };
    let Some((found, tail)) = rest.split_once(after) else { bail!("has no {after} behind {before}") };
    // What is between the two, save the version itself, is the file's own layout.
    let layout = found.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || ".-+".contains(c));
    Ok(format!("{head}{before}{layout}{version}{after}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POM: &str = "<groupId>dev.keyfob</groupId>\n  <artifactId>keyfob</artifactId>\n  <version>0.0.9</version>\n<version>3</version>";

    #[test]
    fn only_the_version_of_the_module_itself_is_replaced() {
        let text = with_version(POM, "<artifactId>keyfob</artifactId>", "</version>", "1.2.3").unwrap();
        assert_eq!(text, POM.replace("0.0.9", "1.2.3"));
    }

    #[test]
    fn a_file_without_the_place_for_it_is_an_error() {
        assert!(with_version("<project/>", "<artifactId>keyfob</artifactId>", "</version>", "1.2.3").is_err());
    }
}
