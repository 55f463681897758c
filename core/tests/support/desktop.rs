//! A desktop session of a test's own: a home, a D-Bus bus that starts nothing by itself, and the keyring that the test starts on it.
#![allow(unreachable_pub, reason = "a file of the test's own")]

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use keyring_core::{CredentialStore, Entry};
use secret_service::EncryptionType;
use secret_service::blocking::SecretService;
use zbus_secret_service_keyring_store::Store;

use crate::support::{Temp, let_others_wait};

/// The app, as the keyring knows it.
pub const SERVICE: &str = "com.example.notes";

/// What unlocks the keyring.
const PASSWORD: &[u8] = b"correct horse battery staple";

/// A bus without services: who is not running is not started by a question, and nothing can show a dialog.
const BUS: &str = r#"<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>"#;

/// How long a session may take: a test that waits for ever fails.
const LIMIT: &str = "180";

/// Whether the programs are there.
pub fn is_here() -> bool {
    let runs = |program: &str| Command::new(program).arg("--version").output().is_ok();
    runs("dbus-run-session") && runs("gnome-keyring-daemon")
}

/// Runs this executable as `session NAME` on a new desktop.
pub fn in_session(name: &str) {
    let temp = Temp::new();
    let home = temp.store();
    let run = home.join("run");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&run).unwrap();
    let bus = home.join("bus.conf");
    std::fs::write(&bus, BUS).unwrap();
    let done = Command::new("timeout")
        .args([LIMIT, "dbus-run-session", "--config-file"])
        .arg(&bus)
        .arg("--")
        .arg(std::env::current_exe().unwrap())
        .args(["session", name])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", &home)
        .env("XDG_RUNTIME_DIR", &run)
        .output()
        .unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(done.status.success(), "{}\n{}{}", done.status, said(&done.stdout), said(&done.stderr));
}

/// The running keyring; it stops when this goes.
pub struct Keyring(Child);

impl Keyring {
    pub fn unlocked() -> Self {
        let mut daemon = Self::start(&["--unlock"]);
        daemon.0.stdin.take().unwrap().write_all(PASSWORD).unwrap();
        until("the keyring is unlocked", || is_locked() == Some(false));
        daemon
    }

    /// With what an earlier one has kept. Nobody unlocks it, for there is nothing to ask the user with.
    pub fn locked() -> Self {
        let daemon = Self::start(&[]);
        until("the keyring is there, locked", || is_locked() == Some(true));
        daemon
    }

    fn start(more: &[&str]) -> Self {
        let mut command = Command::new("gnome-keyring-daemon");
        command.args(["--foreground", "--components=secrets"]).args(more);
        Self(command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    pub fn stop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
        until("the keyring is gone", || SecretService::connect(EncryptionType::Plain).is_err());
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether the user's own collection is locked; `None` while there is none.
fn is_locked() -> Option<bool> {
    let service = SecretService::connect(EncryptionType::Plain).ok()?;
    service.get_default_collection().ok()?.is_locked().ok()
}

/// An entry of the app's, as any other program would get at it.
pub fn entry(account: &str) -> Entry {
    let store: Arc<CredentialStore> = Store::new().unwrap();
    Entry::new_in_store(&store, SERVICE, account).unwrap()
}

/// A second entry that has the same name, and something else besides.
pub fn write_another(account: &str, value: &[u8]) {
    let service = SecretService::connect(EncryptionType::Plain).unwrap();
    let collection = service.get_default_collection().unwrap();
    let names = HashMap::from([("service", SERVICE), ("username", account), ("note", "another")]);
    collection.create_item("another", names, value, false, "text/plain").unwrap();
}

/// This process's threads and open files.
pub fn open_things() -> usize {
    let count = |folder: &str| std::fs::read_dir(folder).unwrap().count();
    count("/proc/self/task") + count("/proc/self/fd")
}

/// Waits for what has to come in a few seconds.
#[track_caller]
pub fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        let_others_wait();
    }
    panic!("it never came to be that {what}");
}

/// Another process of this session.
pub struct Worker(Child);

impl Worker {
    pub fn start(task: &str, account: &str, store: &Path) -> Self {
        Self::run(&mut Self::command(task, account, store))
    }

    /// It finds no bus.
    pub fn without_a_bus(task: &str, account: &str, store: &Path) -> Self {
        let mut command = Self::command(task, account, store);
        Self::run(command.env_remove("DBUS_SESSION_BUS_ADDRESS").env_remove("XDG_RUNTIME_DIR"))
    }

    fn command(task: &str, account: &str, store: &Path) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["worker", task, account]).arg(store);
        command
    }

    fn run(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Lets it begin.
    pub fn go(&mut self) {
        self.0.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// What it says in the end.
    #[track_caller]
    pub fn line(self) -> String {
        let done = self.0.wait_with_output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        BufReader::new(&done.stdout[..]).lines().next().unwrap().unwrap()
    }

    /// Why it panicked.
    #[track_caller]
    pub fn failure(self) -> String {
        let done = self.0.wait_with_output().unwrap();
        assert!(!done.status.success());
        String::from_utf8_lossy(&done.stderr).into_owned()
    }
}

/// In a worker: until it is told to begin.
pub fn wait_for_go() {
    std::io::stdin().read_exact(&mut [0]).unwrap();
}
