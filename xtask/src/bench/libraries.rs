//! The other libraries that are measured beside Keyfob: a program each in `bench/peers`, its version in a file that pins it, with a lock file beside it.
//!
//! A program takes `SCENARIO ISSUER FILE CA COUNT`, keeps its tokens in FILE, speaks with whoever started it in the words of `stage.rs`, and ends with
//! a line `result {…}`. The scenarios are `login`, `cached` and `race`, and for the chaos driver `work`, which has a line for its name more.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::run::Run;
use crate::setup::{self, GO, NODE, NPM, PYTHON, Tool};
use crate::suites::install_npm;
use crate::workspace::Workspace;

pub(super) struct Peer {
    pub(super) name: &'static str,
    pub(super) language: &'static str,
    pub(super) folder: &'static str,
    /// The file that pins its version, and what stands before the version there.
    pin: (&'static str, &'static str),
    needs: &'static [&'static Tool],
    /// It speaks HTTPS only.
    pub(super) tls: bool,
    /// How many seconds before its end it takes a token for over.
    pub(super) early: f64,
    /// It gives tokens again, or its users' loop does: else only its logins are measured.
    pub(super) gives_tokens: bool,
    /// Makes it ready; the words that start it.
    prepare: fn(&Workspace, &Path) -> Result<Vec<PathBuf>>,
}

pub(super) const PEERS: &[Peer] = &[
    Peer {
        name: "openidconnect",
        language: "Rust",
        folder: "openidconnect-rust",
        pin: ("Cargo.toml", "openidconnect = { version = \"="),
        needs: &[],
        tls: false,
        early: 0.0,
        gives_tokens: false,
        prepare: cargo,
    },
    Peer {
        name: "oauth2, with a loop round it",
        language: "Rust",
        folder: "oauth2-rust",
        pin: ("Cargo.toml", "oauth2 = { version = \"="),
        needs: &[],
        tls: false,
        early: 0.0,
        gives_tokens: true,
        prepare: cargo,
    },
    Peer {
        name: "MSAL, with its Extensions",
        language: "Python",
        folder: "msal-python",
        pin: ("requirements.in", "msal=="),
        needs: &[&PYTHON],
        tls: true,
        early: 300.0,
        gives_tokens: true,
        prepare: python,
    },
    Peer {
        name: "openid-client, with a loop round it",
        language: "JavaScript",
        folder: "openid-client",
        pin: ("package.json", "\"openid-client\": \""),
        needs: &[&NODE, &NPM],
        tls: false,
        early: 0.0,
        gives_tokens: true,
        prepare: npm,
    },
    Peer {
        name: "golang.org/x/oauth2, with a loop round it",
        language: "Go",
        folder: "go-oauth2",
        pin: ("go.mod", "golang.org/x/oauth2 v"),
        needs: &[&GO],
        tls: false,
        early: 10.0,
        gives_tokens: true,
        prepare: go,
    },
];

impl Peer {
    fn folder(&self, workspace: &Workspace) -> PathBuf {
        workspace.root.join("bench/peers").join(self.folder)
    }

    /// Makes it ready to run; the words that start it.
    pub(super) fn ready(&self, workspace: &Workspace) -> Result<Vec<PathBuf>> {
        setup::install(self.needs);
        setup::require(self.needs)?;
        (self.prepare)(workspace, &self.folder(workspace))
    }

    /// The version that is pinned.
    pub(super) fn version(&self, workspace: &Workspace) -> Result<String> {
        pinned(&self.folder(workspace), self.pin)
    }
}

/// Those that give tokens again.
pub(super) fn with_tokens() -> impl Iterator<Item = &'static Peer> {
    PEERS.iter().filter(|peer| peer.gives_tokens)
}

/// The version behind some text in the file that pins it.
fn pinned(folder: &Path, (file, before): (&str, &str)) -> Result<String> {
    let text = fs::read_to_string(folder.join(file)).with_context(|| format!("cannot read {file}"))?;
    let (_, rest) = text.split_once(before).with_context(|| format!("{file} pins nothing"))?;
    Ok(rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect())
}

/// A crate of its own, outside the workspace: built from its own lock file, beside our target folder.
fn cargo(workspace: &Workspace, folder: &Path) -> Result<Vec<PathBuf>> {
    let target = workspace.target.join("peers");
    let run = crate::workspace::cargo().args(["build", "--release", "--locked"]).env("CARGO_TARGET_DIR", &target);
    run.dir(folder).run()?.must("cargo build")?;
    let name = folder.file_name().context("a folder without a name")?;
    Ok(vec![target.join("release").join(name)])
}

/// A virtual environment, filled by the hashes of the lock file.
fn python(workspace: &Workspace, folder: &Path) -> Result<Vec<PathBuf>> {
    let home = workspace.target.join("peers/msal-python");
    let lock = fs::read_to_string(folder.join("requirements.txt"))?;
    let stamp = home.join("installed.txt");
    if fs::read_to_string(&stamp).ok().as_ref() != Some(&lock) {
        Run::new("python3").args(["-m", "venv", "--clear"]).arg(&home).run()?.must("python3 -m venv")?;
        let pip = Run::new(home.join("bin/pip")).args(["install", "--quiet", "--require-hashes", "-r"]);
        pip.arg(folder.join("requirements.txt")).run()?.must("pip install")?;
        fs::write(&stamp, lock)?;
    }
    Ok(vec![home.join("bin/python"), folder.join("peer.py")])
}

fn npm(_: &Workspace, folder: &Path) -> Result<Vec<PathBuf>> {
    install_npm(folder)?;
    let node = setup::on_path("node").context("there is no node")?;
    Ok(vec![node, folder.join("peer.mjs")])
}

fn go(workspace: &Workspace, folder: &Path) -> Result<Vec<PathBuf>> {
    let program = workspace.target.join("peers/go-oauth2");
    Run::new("go").args(["build", "-mod=readonly", "-o"]).arg(&program).arg(".").dir(folder).run()?.must("go build")?;
    Ok(vec![program])
}
