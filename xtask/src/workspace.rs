//! Where things are: the project's root, Cargo's target folder, and the libraries that every language's tests load.

use std::cell::OnceCell;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;

use crate::run::Run;

/// Names of the packages that suites build or read.
pub(crate) const FFI: &str = "keyfob-ffi";
pub(crate) const UNIFFI: &str = "keyfob-uniffi";
pub(crate) const IDP: &str = "keyfob-idp";

/// What every suite tells Cargo, and then which of the tests it wants: chosen package by package, the dependencies would get other features
/// each time, and some hundred of them would be built again.
pub(crate) const EVERYTHING: [&str; 3] = ["--workspace", "--features", "keyfob/keyring"];

/// The project, as `cargo metadata` describes it.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) version: String,
    packages: Vec<Value>,
    release: OnceCell<PathBuf>,
    idp: OnceCell<PathBuf>,
}

impl Workspace {
    pub(crate) fn find() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let text = cargo()
            .args(["metadata", "--format-version=1", "--no-deps", "--manifest-path"])
            .arg(&manifest)
            .quiet()
            .run()?
            .must("cargo metadata")?;
        // Cargo may say something (a lock file made anew) before the one line of JSON.
        let json = text.lines().find(|line| line.starts_with('{')).context("cargo metadata printed no JSON")?;
        let metadata: Value = serde_json::from_str(json).context("cannot read cargo metadata")?;
        let path = |key: &str| {
            let text = metadata.get(key).and_then(Value::as_str);
            text.map(PathBuf::from).with_context(|| format!("cargo metadata has no {key}"))
        };
        let packages = list(&metadata, "packages").to_vec();
        let version = packages.iter().find(|it| is(it, "name", FFI)).and_then(|it| it.get("version")?.as_str());
        Ok(Self {
            root: path("workspace_root")?,
            target: path("target_directory")?,
            version: version.with_context(|| format!("the workspace has no package {FFI}"))?.to_owned(),
            packages,
            release: OnceCell::new(),
            idp: OnceCell::new(),
        })
    }

    /// Cargo, at the root of the project.
    pub(crate) fn cargo(&self) -> Run {
        cargo().dir(&self.root)
    }

    /// An empty folder under Cargo's target folder for what a suite makes.
    pub(crate) fn scratch(&self, name: &str) -> Result<PathBuf> {
        let dir = self.target.join("xtask").join(name);
        if dir.exists() {
            fs::remove_dir_all(&dir).with_context(|| format!("cannot empty {}", dir.display()))?;
        }
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(dir)
    }

    /// The folder with the release libraries, built once. Every language is tested on what is shipped:
    /// fat LTO and opt-level z have hidden and shown bugs that a debug build did not.
    pub(crate) fn release(&self) -> Result<&Path> {
        if let Some(dir) = self.release.get() {
            return Ok(dir);
        }
        // One after the other: built together, each would get the features that only the other asks for.
        for package in [FFI, UNIFFI] {
            self.build_release(package)?;
        }
        let release = self.target.join("release");
        self.link_by_soname(&release)?;
        Ok(self.release.get_or_init(|| release))
    }

    /// libkeyfob under the name that programs look for when they run, which has the ABI's number in it.
    fn link_by_soname(&self, release: &Path) -> Result<()> {
        let source = fs::read_to_string(self.root.join("ffi/src/version.rs"))?;
        let number = source.split_once("KEYFOB_ABI_VERSION: u32 = ").and_then(|(_, rest)| rest.split(';').next());
        let abi = number.context("ffi/src/version.rs says no ABI version")?;
        let library = self.dynamic_library(FFI)?;
        let name = if cfg!(target_vendor = "apple") {
            format!("libkeyfob.{abi}.dylib")
        } else if cfg!(unix) {
            format!("{library}.{abi}")
        } else {
            return Ok(());
        };
        let run = Run::new("ln").args(["-sfn", &library]).arg(release.join(name));
        run.quiet().run()?.must("ln").map(drop)
    }

    /// `cargo test` of the tests that `words` choose, all of them though one fails: the table counts what passed, too.
    pub(crate) fn test(&self, words: &[&str]) -> Run {
        self.cargo().args(["test", "--no-fail-fast"]).args(EVERYTHING).args(words)
    }

    /// One package as it is shipped; the folder that it was built to.
    pub(crate) fn build_release(&self, package: &str) -> Result<PathBuf> {
        self.cargo().args(["build", "--release", "-p", package]).run()?.must("cargo build --release")?;
        Ok(self.target.join("release"))
    }

    /// The test provider as a program, for the languages that cannot link it.
    pub(crate) fn idp(&self) -> Result<&Path> {
        if let Some(program) = self.idp.get() {
            return Ok(program);
        }
        self.cargo().args(["build", "-p", IDP, "--bins"]).run()?.must("cargo build")?;
        let program = self.target.join("debug").join(format!("{IDP}{}", env::consts::EXE_SUFFIX));
        if !program.is_file() {
            bail!("{IDP} has no program {}", program.display());
        }
        Ok(self.idp.get_or_init(|| program))
    }

    /// The file name of a package's dynamic library.
    pub(crate) fn dynamic_library(&self, package: &str) -> Result<String> {
        let found = self.packages.iter().find(|it| is(it, "name", package));
        let mut targets = found.map(|it| list(it, "targets")).unwrap_or_default().iter();
        let cdylib = targets.find(|target| list(target, "kind").iter().any(|kind| kind == "cdylib"));
        let name = cdylib.and_then(|target| target.get("name")?.as_str());
        let name = name.ok_or_else(|| anyhow!("{package} declares no cdylib"))?.replace('-', "_");
        Ok(format!("{}{name}{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX))
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn is(value: &Value, key: &str, text: &str) -> bool {
    value.get(key).is_some_and(|found| found == text)
}

/// The Cargo that runs us, without what it told us about the package xtask: build scripts that watch such a
/// variable (ring's do) would run again each time the caller changes between `cargo xtask` and `cargo`.
pub(crate) fn cargo() -> Run {
    let mut run = Run::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let about_us =
            name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
        if about_us {
            run = run.without_env(name);
        }
    }
    run
}

/// Files of a folder with an ending, sorted; none where there is no such folder.
pub(crate) fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == ending)).collect();
    found.sort();
    found
}
