//! One store on a disk that may fail, its provider, and what the library has promised of it so far.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use keyfob::{Clock, Config, Error, Keyfob, LoginOptions, Reason, StoreKey};
use keyfob_vfs::Disk;
use ring::signature::EcdsaKeyPair;
use rusqlite::{Connection, OpenFlags};

use crate::provider::{ISSUER, Provider, State};
use crate::support::{SSO, Temp, TestClock, bare_config, config, elsewhere, plain_config};

/// A device's clock. What survives a power cut is another boot's.
pub struct DeviceClock {
    pub clock: TestClock,
    boot_id: &'static str,
}

impl Clock for DeviceClock {
    fn wall(&self) -> SystemTime {
        self.clock.wall()
    }

    fn boot(&self) -> Duration {
        self.clock.boot()
    }

    fn boot_id(&self) -> Option<String> {
        Some(self.boot_id.to_owned())
    }
}

/// What a call of the library has said when it came back, and what therefore holds whatever happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// A login has begun.
    Begun,
    /// Its session is there.
    LoggedIn,
    /// The session of a user that another library had is there.
    Imported,
    /// A token of that generation was served as saved.
    Token(u64),
    /// The session is over.
    LoggedOut,
}

/// What the flows work on.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// ada's session.
    pub ada: Option<String>,
    /// A session that nobody touches, and its token.
    pub bystander: Option<(String, String)>,
    /// A grant of another library's that is to be imported.
    pub foreign: Option<usize>,
    /// The redirect of a login that is under way.
    pub redirect: Option<String>,
}

/// How long the file is that keeps space for new tokens.
const SPARE: usize = 256 * 1024;

/// Files by name, with what is in them.
type Files = BTreeMap<String, Vec<u8>>;

/// How a scene begins.
#[derive(Clone)]
pub struct Beginning {
    pub files: Files,
    pub provider: State,
    pub facts: Facts,
    pub key: Arc<EcdsaKeyPair>,
    /// How far the clock is on.
    pub later: Duration,
    pub boot_id: &'static str,
}

/// The key that a flow changes the store's to.
pub fn other_key() -> StoreKey {
    StoreKey::new([9; 32])
}

pub struct Scene {
    pub temp: Temp,
    pub disk: Disk,
    pub provider: Arc<Provider>,
    pub clock: Arc<DeviceClock>,
    pub facts: Mutex<Facts>,
    /// What was said, and at which moment of the disk.
    pub said: Mutex<Vec<(usize, Said)>>,
    pub key: Arc<EcdsaKeyPair>,
}

impl Scene {
    pub fn new(beginning: &Beginning) -> Self {
        let temp = Temp::new();
        let disk = Disk::at(&temp.store());
        lay_out(&beginning.files, &temp.store());
        let clock = Arc::new(DeviceClock { clock: TestClock::default(), boot_id: beginning.boot_id });
        clock.clock.pass(beginning.later);
        let provider = Provider::new(&beginning.key, clock.clone(), disk.clone(), beginning.provider.clone());
        let facts = Mutex::new(beginning.facts.clone());
        let key = Arc::clone(&beginning.key);
        Self { temp, disk, provider: Arc::new(provider), clock, facts, said: Mutex::default(), key }
    }

    /// Opens the store as a process of its own, with whichever of the two keys is the right one by now.
    pub fn open(&self) -> Result<Keyfob, Error> {
        let with = |config: Config| {
            let config = config.with_clock(self.clock.clone()).with_transport(self.provider.clone());
            Keyfob::open(elsewhere(config))
        };
        match with(config(ISSUER, &self.temp.store())) {
            Err(error) if error.reason() == Reason::WrongStoreKey => {
                with(bare_config(ISSUER, &self.temp.store()).with_store_key(other_key()))
            }
            opened => opened,
        }
    }

    /// The same of a store that is not sealed.
    pub fn open_plain(&self) -> Keyfob {
        let config = plain_config(ISSUER, &self.temp.store()).with_clock(self.clock.clone());
        Keyfob::open(elsewhere(config.with_transport(self.provider.clone()))).unwrap()
    }

    /// The whole login of a user.
    pub fn log_in(&self, keyfob: &Keyfob, uid: &str) -> Result<String, Error> {
        let login = keyfob.begin_login(SSO, LoginOptions::new())?;
        self.say(Said::Begun);
        let redirect = self.provider.log_in(login.authorization_url(), uid);
        self.facts().redirect = Some(redirect.clone());
        Ok(keyfob.complete_login(&redirect)?.session().id().to_owned())
    }

    pub fn facts(&self) -> std::sync::MutexGuard<'_, Facts> {
        self.facts.lock().unwrap()
    }

    /// ada's session.
    pub fn ada(&self) -> String {
        self.facts().ada.clone().unwrap()
    }

    pub fn say(&self, said: Said) {
        let moment = self.disk.moment();
        self.said.lock().unwrap().push((moment, said));
    }

    pub fn was_said(&self, wanted: Said) -> bool {
        self.said.lock().unwrap().iter().any(|(_, said)| *said == wanted)
    }

    /// The newest token that was served as saved.
    pub fn newest_said(&self) -> u64 {
        let said = self.said.lock().unwrap();
        said.iter()
            .filter_map(|(_, said)| if let Said::Token(number) = said { Some(*number) } else { None })
            .max()
            .unwrap_or(0)
    }

    /// What is in the store's folder, as a process that is killed now leaves it.
    pub fn files(&self) -> Files {
        let mut files = Files::new();
        for entry in fs::read_dir(self.temp.store()).into_iter().flatten().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if !name.ends_with("-shm") && name != "keyfob.spare" {
                files.insert(name, fs::read(entry.path()).unwrap());
            }
        }
        files
    }

    /// SQLite's own check, once nobody has the store open.
    pub fn check_integrity(&self) {
        let path = self.temp.store().join("keyfob.db");
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        let said: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(said, "ok");
    }

    /// That nobody holds a lock among processes.
    pub fn check_locks(&self) {
        for entry in fs::read_dir(self.temp.store()).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if name.starts_with("refresh-") || name.starts_with("grant-") {
                let file = fs::File::open(entry.path()).unwrap();
                let free = rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive);
                assert!(free.is_ok(), "{name} is held");
            }
        }
    }
}

fn lay_out(files: &Files, store: &Path) {
    if files.is_empty() {
        return;
    }
    fs::create_dir(store).unwrap();
    fs::set_permissions(store, fs::Permissions::from_mode(0o700)).unwrap();
    // To make it waits for the real disk, ten thousand times.
    let spare = ("keyfob.spare".to_owned(), vec![1; SPARE]);
    for (name, content) in files.iter().chain([(&spare.0, &spare.1)]) {
        fs::write(store.join(name), content).unwrap();
        fs::set_permissions(store.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
}
