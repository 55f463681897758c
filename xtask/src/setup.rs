//! What the suites need on the machine, and how it gets there: as root on Debian it is installed, elsewhere it is named.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::run::Run;

/// A program that a suite cannot do without, or a library.
#[derive(Debug)]
pub(crate) struct Tool {
    program: &'static str,
    /// It is no program, but what pkg-config knows by that name.
    is_library: bool,
    /// The oldest version that will do, where that matters.
    at_least: Option<Version>,
    /// The Debian package that brings it.
    debian: &'static str,
}

/// A major version, and how a program tells its own.
#[derive(Debug)]
struct Version {
    major: u32,
    asked_by: &'static str,
    /// What comes before the number, at the beginning of a line.
    said_after: &'static str,
}

impl Tool {
    const fn new(program: &'static str, debian: &'static str) -> Self {
        Self { program, is_library: false, at_least: None, debian }
    }

    const fn library(name: &'static str, debian: &'static str) -> Self {
        Self { program: name, is_library: true, at_least: None, debian }
    }

    fn is_here(&self) -> bool {
        if self.is_library {
            let asked = Run::new("pkg-config").args(["--exists", self.program]).quiet().run();
            return asked.is_ok_and(|done| done.success);
        }
        match (on_path(self.program), &self.at_least) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(path), Some(wanted)) => wanted.of(&path).is_some_and(|found| found >= wanted.major),
        }
    }

    fn wish(&self) -> String {
        let version = self.at_least.as_ref().map(|wanted| format!(" {} or later", wanted.major)).unwrap_or_default();
        format!("{}{version} (Debian: {})", self.program, self.debian)
    }
}

pub(crate) const GCC: Tool = Tool::new("gcc", "gcc");
pub(crate) const GXX: Tool = Tool::new("g++", "g++");
pub(crate) const NM: Tool = Tool::new("nm", "binutils");
pub(crate) const DIFF: Tool = Tool::new("diff", "diffutils");
pub(crate) const VALGRIND: Tool = Tool::new("valgrind", "valgrind");
pub(crate) const PKG_CONFIG: Tool = Tool::new("pkg-config", "pkgconf");
pub(crate) const CMAKE: Tool = Tool::new("cmake", "cmake");
pub(crate) const CURL: Tool = Tool::library("libcurl", "libcurl4-openssl-dev");
pub(crate) const SQLITE: Tool = Tool::library("sqlite3", "libsqlite3-dev");
pub(crate) const MAVEN: Tool = Tool::new("mvn", "maven");
pub(crate) const JDK: Tool = Tool { at_least: Some(JAVAC_17), ..Tool::new("javac", "default-jdk-headless") };
pub(crate) const MMDEBSTRAP: Tool = Tool::new("mmdebstrap", "mmdebstrap");
pub(crate) const DBUS: Tool = Tool::new("dbus-run-session", "dbus");
pub(crate) const KEYRING: Tool = Tool::new("gnome-keyring-daemon", "gnome-keyring");
pub(crate) const NODE: Tool = Tool { at_least: Some(NODE_20), ..Tool::new("node", "nodejs") };
pub(crate) const STRACE: Tool = Tool::new("strace", "strace");
pub(crate) const CHROMIUM: Tool = Tool::new("chromium", "chromium");
pub(crate) const PYTHON: Tool = Tool::new("python3", "python3-venv");
pub(crate) const GO: Tool = Tool::new("go", "golang-go");
pub(crate) const NPM: Tool = Tool::new("npm", "npm");

const JAVAC_17: Version = Version { major: 17, asked_by: "-version", said_after: "javac " };
const NODE_20: Version = Version { major: 20, asked_by: "--version", said_after: "v" };

/// Installs what is missing, where that can be done. Whether it is there afterwards is for each suite to ask.
pub(crate) fn install(tools: &[&Tool]) {
    let missing: BTreeSet<_> = tools.iter().filter(|tool| !tool.is_here()).map(|tool| tool.debian).collect();
    if missing.is_empty() || !is_root_on_debian() {
        return;
    }
    let apt = || {
        let run = Run::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").limit(Duration::from_secs(900));
        run.args(["-o", "DPkg::Lock::Timeout=300"])
    };
    let install = || apt().args(["install", "-y", "--no-install-recommends"]).args(&missing).run();
    if install().is_ok_and(|done| done.success) {
        return;
    }
    // A new machine knows no package before its first update, an old one may know versions that are gone.
    let _ = apt().arg("update").run();
    let _ = install();
}

/// An error that names what is still missing.
pub(crate) fn require(tools: &[&Tool]) -> Result<()> {
    let missing: Vec<_> = tools.iter().filter(|tool| !tool.is_here()).map(|tool| tool.wish()).collect();
    if !missing.is_empty() {
        bail!("please install {}", missing.join(", "));
    }
    Ok(())
}

/// Where the shell would find a program.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// Whether things can be installed without asking anybody.
pub(crate) fn is_root_on_debian() -> bool {
    let root = || Run::new("id").arg("-u").quiet().run().is_ok_and(|done| done.text.trim() == "0");
    Path::new("/etc/debian_version").exists() && on_path("apt-get").is_some() && root()
}

impl Version {
    /// The major version of the program there.
    fn of(&self, program: &Path) -> Option<u32> {
        let said = Run::new(program).arg(self.asked_by).quiet().run().ok()?;
        self.in_text(&said.text)
    }

    /// `javac 17.0.2` → 17; what the JVM says about its options comes before that line.
    fn in_text(&self, said: &str) -> Option<u32> {
        let version = said.lines().find_map(|line| line.strip_prefix(self.said_after))?;
        version.split(|c: char| !c.is_ascii_digit()).find(|digits| !digits.is_empty())?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_past_the_jvms_notes() {
        assert_eq!(JAVAC_17.in_text("Picked up JAVA_TOOL_OPTIONS: -Xmx2g\njavac 17.0.16\n"), Some(17));
        assert_eq!(JAVAC_17.in_text("javac 1.8.0_392\n"), Some(1));
        assert_eq!(JAVAC_17.in_text("command not found\n"), None);
        assert_eq!(NODE_20.in_text("v20.19.2\n"), Some(20));
    }

    #[test]
    fn what_is_missing_is_named_with_its_package() {
        const NONE: Tool = Tool { at_least: Some(JAVAC_17), ..Tool::new("no-such-program-here", "nothing") };
        let error = require(&[&NONE]).unwrap_err().to_string();
        assert_eq!(error, "please install no-such-program-here 17 or later (Debian: nothing)");
    }
}
