//! What the tests share: the program, what it printed, a place for a store.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    reason = "no test file uses all of it; a test that fails should say where"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use keyfob::{Config, Keyfob, Session, StoreKey};

pub fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyfob-demo"));
    // Without a screen: no browser opens on the machine of whoever runs the tests.
    for screen in ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"] {
        command.env_remove(screen);
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end; gives standard output and standard error.
pub fn run(arguments: &[&str]) -> (ExitStatus, String, String) {
    let Output { status, stdout, stderr } = demo(arguments).output().unwrap();
    (status, String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// The value of a row.
pub fn row<'a>(step: &'a str, name: &str) -> &'a str {
    let line = step.lines().find(|line| line.trim_start().starts_with(name));
    line.unwrap_or_else(|| panic!("no row {name} in {step}")).trim_start()[name.len()..].trim()
}

/// Sentences in one piece, wherever their lines ended.
pub fn unwrapped(output: &str) -> String {
    output.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Tokens, codes and verifiers are 32 random characters and longer, and JSON Web Tokens begin with `eyJ`. Nothing else here does.
pub fn assert_nothing_looks_secret(output: &str) {
    for word in output.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_') {
        assert!(word.len() < 32 && !word.starts_with("eyJ"), "{word} looks like a token");
    }
}

/// A place for a store, removed at the end of the test.
pub struct Place(pub PathBuf);

impl Place {
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let place = Self(path);
        place.remove();
        place
    }

    pub fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// The key that the program made, beside the store or the configuration of that name.
    pub fn key(&self) -> StoreKey {
        let files = [self.key_file(), self.0.with_extension("json.key")];
        let file = files.iter().find(|file| file.exists()).unwrap_or_else(|| panic!("no key beside {}", self.text()));
        #[cfg(unix)]
        {
            let permissions = file.metadata().unwrap().permissions();
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&permissions) & 0o777, 0o600);
        }
        StoreKey::from_slice(&fs::read(file).unwrap()).unwrap()
    }

    pub fn key_file(&self) -> PathBuf {
        self.0.with_extension("key")
    }

    pub fn sessions(&self) -> Vec<Session> {
        let config = Config::builder(&self.0).build().unwrap().with_store_key(self.key());
        Keyfob::open(config).unwrap().sessions().unwrap()
    }

    fn remove(&self) {
        let _ = fs::remove_dir_all(&self.0);
        let _ = fs::remove_file(self.key_file());
        let _ = fs::remove_file(self.0.with_extension("json.key"));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The program while it waits for a paste.
pub struct Waiting {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    pub printed: String,
    pub url: String,
}

impl Waiting {
    /// Runs it until it has printed the URL to open.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = demo(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut printed = String::new();
        let url = loop {
            let mut line = String::new();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "ended without a URL: {printed}");
            printed.push_str(&line);
            if line.starts_with("http://") {
                break line.trim().to_owned();
            }
        };
        Self { child, output, printed, url }
    }

    /// Pastes these lines, closes standard input, and waits for the end.
    pub fn paste(mut self, lines: &[&str]) -> (ExitStatus, String, String) {
        let mut input = self.child.stdin.take().unwrap();
        for line in lines {
            writeln!(input, "{line}").unwrap();
        }
        drop(input);
        self.output.read_to_string(&mut self.printed).unwrap();
        let mut errors = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        (self.child.wait().unwrap(), self.printed, errors)
    }
}
