//! Swift: the tests of `bindings/swift`, on the release library and with the test provider as a program; the example; and what is
//! for Apple's systems, as far as that goes without them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::Suite;
use crate::counting::swift_testing;
use crate::run::Run;
use crate::setup::{self, MMDEBSTRAP, Tool, on_path};
use crate::stage::{REGISTRATION, Stage};
use crate::swift_root::Swift;
use crate::table::Score;
use crate::vectors;
use crate::workspace::{Workspace, files};

pub(super) const SUITE: Suite = Suite {
    name: "swift",
    what: "swift test of bindings/swift, examples/swift, the code for Apple's systems",
    long: false,
    needs,
    prepare: Some(|| Swift::ready(true).map(|_| ())),
    run,
};

const PACKAGE: &str = "bindings/swift";
const EXAMPLE: &str = "examples/swift/login";
const CATALOGUE: &str = "bindings/swift/Sources/Keyfob/Keyfob.docc";
const XCFRAMEWORK: &str = "bindings/swift/build-xcframework.sh";

/// What stands for Apple's modules, in the order in which they need each other.
const STUBS: &[&str] = &["AppAuth", "Security", "UIKit", "AuthenticationServices", "BackgroundTasks", "SwiftUI"];

/// Where there is a Swift already, or no Debian, the tool that unpacks one would not help.
pub(crate) fn needs() -> Vec<&'static Tool> {
    let unpacks = on_path("swift").is_none() && setup::is_root_on_debian();
    if unpacks { vec![&MMDEBSTRAP] } else { Vec::new() }
}

fn run(workspace: &Workspace, score: &mut Score) -> Result<()> {
    let swift = Swift::ready(false)?;
    let built = workspace.target.join("xtask/swift-build");
    let requests = vectors::folder(workspace, "swift")?;
    // Without XCTest, which has nothing to run here and says so in a line that reads like a result.
    let args = ["test", "--disable-xctest", "--scratch-path", &built.to_string_lossy()].map(str::to_owned);
    let tests =
        in_package(workspace, &swift, &workspace.root.join(PACKAGE), "swift", &args)?.env(vectors::OUT, &requests);
    let tests = tests.limit(Duration::from_secs(15 * 60)).run()?;
    score.count("swift test", &tests, swift_testing);
    vectors::compare(&requests, "swift", score);

    score.item(EXAMPLE, example(workspace, &swift));
    if cfg!(target_vendor = "apple") {
        // Its own modules are there, and the tests were built with them.
        score.skip("examples/ios", "it wants Xcode: see its README");
        score.skip(CATALOGUE, "Xcode converts it: Product, Build Documentation");
    } else {
        let symbols = workspace.scratch("swift-symbols")?;
        let checked = apple(workspace, &swift, &built, &symbols);
        score.item("the code for Apple's systems, and examples/ios, against stubs", checked);
        documentation(workspace, &swift, &symbols, score);
    }
    framework(workspace, score);
    Ok(())
}

/// Builds the example and makes a login with it, as the examples of C do.
fn example(workspace: &Workspace, swift: &Swift) -> Result<()> {
    let built = workspace.target.join("xtask/swift-example");
    let args = ["build", "--product", "login", "--scratch-path", &built.to_string_lossy()].map(str::to_owned);
    let package = workspace.root.join(EXAMPLE);
    let run = in_package(workspace, swift, &package, "swift", &args)?.limit(Duration::from_secs(15 * 60));
    run.run()?.must("swift build")?;
    let program = built.join("debug/login");
    let folder = workspace.scratch("stores/swift-login")?;
    let mut stage = Stage::new()?;
    stage.follows = true;
    let config = folder.join("keyfob.json");
    fs::write(&config, stage.config(&folder.join("store")))?;
    let args = [config.to_string_lossy().into_owned(), REGISTRATION.to_owned()];
    let run = in_package(workspace, swift, &package, &program.to_string_lossy(), &args)?;
    let finished = run.limit(Duration::from_secs(120)).talk(|line| stage.answer(line))?;
    stage.no_token_in(&finished.text)?;
    if let Some(trouble) = stage.trouble {
        bail!(trouble);
    }
    let text = finished.must("it failed")?;
    for said in
        ["Hello, ", "Refreshed: true", "Logged out, and the provider knows it", "the session is over: LoggedOut"]
    {
        if !text.contains(said) {
            bail!("it did not say {said:?}");
        }
    }
    Ok(())
}

/// Type-checks what is behind `canImport` of Apple's modules, the iOS app, and the README's pieces for it, against stubs of those. Proves no more than that. Leaves
/// the public symbols of all of the package in a folder.
fn apple(workspace: &Workspace, swift: &Swift, built: &Path, symbols: &Path) -> Result<()> {
    let modules = workspace.scratch("apple-modules")?;
    let package = workspace.root.join(PACKAGE);
    let check = |module: &str, sources: &[PathBuf], library: bool| -> Result<()> {
        let mut args = ["-swift-version", "6", "-parse-as-library", "-module-name", module].map(str::to_owned).to_vec();
        if library {
            let made = modules.join(format!("{module}.swiftmodule"));
            args.extend(["-emit-module".to_owned(), "-o".to_owned(), made.to_string_lossy().into_owned()]);
            if module == "Keyfob" {
                let symbols = symbols.to_string_lossy().into_owned();
                args.extend(["-emit-symbol-graph".to_owned(), "-emit-symbol-graph-dir".to_owned(), symbols]);
            }
        } else {
            args.extend(["-typecheck".to_owned(), "-warnings-as-errors".to_owned()]);
        }
        for folder in [&modules, &built.join("debug/Modules"), &package.join("Sources/KeyfobFFI")] {
            args.extend(["-I".to_owned(), folder.to_string_lossy().into_owned()]);
        }
        args.extend(sources.iter().map(|source| source.to_string_lossy().into_owned()));
        let run = in_package(workspace, swift, &package, "swiftc", &args)?.shown_as(&format!("swiftc {module}"));
        run.run()?.must(module).map(drop)
    };
    for stub in STUBS {
        check(stub, &[package.join(format!("Tests/AppleStubs/{stub}.swift"))], true)?;
    }
    let mut sources = files(&package.join("Sources/Keyfob"), "swift");
    sources.extend(files(&package.join("Sources/Keyfob/Apple"), "swift"));
    check("Keyfob", &sources, true)?;
    let app = workspace.root.join("examples/ios");
    let of = |folders: &[&str]| folders.iter().flat_map(|it| files(&app.join(it), "swift")).collect::<Vec<_>>();
    check("Notes", &of(&["Shared", "Notes"]), false)?;
    check("NotesWidget", &of(&["Shared", "NotesWidget"]), false)?;
    check("Readme", &files(&package.join("Tests/AppleReadme"), "swift"), false)
}

/// Has DocC convert the catalogue and the comments of the public symbols: what it warns of, such as a link that leads nowhere, is a failure.
fn documentation(workspace: &Workspace, swift: &Swift, symbols: &Path, score: &mut Score) {
    if matches!(swift, Swift::OnPath) && on_path("docc").is_none() {
        return score.skip(CATALOGUE, "this Swift has no docc");
    }
    let convert = || -> Result<()> {
        let package = workspace.root.join(PACKAGE);
        let out = workspace.scratch("swift-documentation")?;
        let words = [
            "convert".to_owned(),
            workspace.root.join(CATALOGUE).to_string_lossy().into_owned(),
            "--additional-symbol-graph-dir".to_owned(),
            symbols.to_string_lossy().into_owned(),
            "--output-path".to_owned(),
            out.join("Keyfob.doccarchive").to_string_lossy().into_owned(),
            "--fallback-display-name=Keyfob".to_owned(),
            "--fallback-bundle-identifier=dev.keyfob.Keyfob".to_owned(),
            "--warnings-as-errors".to_owned(),
        ];
        in_package(workspace, swift, &package, "docc", &words)?.run()?.must("docc convert").map(drop)
    };
    score.item(CATALOGUE, convert());
}

/// The script for the XCFramework: run on a Mac; elsewhere no more than read.
fn framework(workspace: &Workspace, score: &mut Score) {
    let script = workspace.root.join(XCFRAMEWORK);
    if cfg!(target_os = "macos") && on_path("xcodebuild").is_some() {
        let made = Run::new("bash").arg(&script).dir(&workspace.root).run().and_then(|done| done.must("it failed"));
        score.item(XCFRAMEWORK, made.map(drop));
        return;
    }
    let read = || -> Result<()> {
        Run::new("bash").arg("-n").arg(&script).quiet().run()?.must("bash cannot read it")?;
        let refused = Run::new("bash").arg(&script).quiet().run()?;
        if refused.code != Some(3) {
            bail!("without a Mac it says {}", refused.how);
        }
        let source = fs::read_to_string(&script).context("cannot read it")?;
        let manifest = fs::read_to_string(workspace.root.join(PACKAGE).join("Package.swift"))?;
        let name = "KeyfobFFI.xcframework";
        if !source.contains(name) || !manifest.contains(name) {
            bail!("the script and Package.swift name another framework");
        }
        Ok(())
    };
    score.item(&format!("{XCFRAMEWORK}: bash reads it, and it wants a Mac"), read());
    score.skip(XCFRAMEWORK, "there is no Xcode here: no XCFramework was built");
}

/// The benchmark beside the tests, built as an app is that ships; what it says.
pub(crate) fn bench(workspace: &Workspace) -> Result<String> {
    let swift = Swift::ready(false)?;
    let built = workspace.target.join("xtask/swift-bench");
    let package = workspace.root.join(PACKAGE);
    let args = ["build", "-c", "release", "--product", "KeyfobBench", "--scratch-path", &built.to_string_lossy()];
    let run = in_package(workspace, &swift, &package, "swift", &args.map(str::to_owned))?;
    run.limit(Duration::from_secs(15 * 60)).run()?.must("swift build")?;
    let store = workspace.scratch("stores/swift-bench")?.join("store").to_string_lossy().into_owned();
    let program = built.join("release/KeyfobBench");
    in_package(workspace, &swift, &package, &program.to_string_lossy(), &[store])?.run()?.must("KeyfobBench")
}

/// `cargo xtask swift ARGS…`: the same Swift with the same surroundings, for a person.
pub(crate) fn by_hand(workspace: &Workspace, args: &[String]) -> Result<bool> {
    let here = std::env::current_dir()?;
    let package = if here.join("Package.swift").exists() { here } else { workspace.root.join(PACKAGE) };
    setup::install(&needs());
    Ok(in_package(workspace, &Swift::ready(false)?, &package, "swift", args)?.by_hand()?.success())
}

fn in_package(workspace: &Workspace, swift: &Swift, package: &Path, program: &str, args: &[String]) -> Result<Run> {
    let run = swift.command(workspace, package, workspace.release()?, program, args);
    Ok(run.env("KEYFOB_IDP", workspace.idp()?))
}
