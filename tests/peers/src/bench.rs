//! A provider, a store and the library between them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use keyfob::{Clock, Keyfob, LoginOptions, Session, SystemClock};

use crate::browser::Browser;
use crate::client::Client;
use crate::peer::Peer;

/// The id of the registration that every test uses.
pub const SSO: &str = "peer";

/// A provider, a store and the library between them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Bench {
    /// The provider.
    pub peer: Peer,
    /// The library.
    pub keyfob: Keyfob,
    /// The library's clock.
    pub clock: Arc<Later>,
    _folder: Folder,
}

impl Bench {
    /// For one client.
    ///
    /// # Errors
    /// Those of [`Peer::start`] and [`Client::open`].
    pub fn new(client: Client) -> Result<Self> {
        Self::with(client.clone(), &client)
    }

    /// For a client whom Keyfob knows otherwise than the provider does.
    ///
    /// # Errors
    /// Those of [`Peer::start`] and [`Client::open`].
    pub fn with(provider_knows: Client, keyfob_knows: &Client) -> Result<Self> {
        let peer = Peer::start(provider_knows)?;
        let folder = Folder::new()?;
        let clock = Arc::new(Later::default());
        let keyfob = keyfob_knows.open(peer.issuer(), &folder.0.join("store"), clock.clone())?;
        Ok(Self { peer, keyfob, clock, _folder: folder })
    }

    /// Begins a login and lets ada log in, in a new browser; gives the redirect.
    ///
    /// # Errors
    /// Either does not work.
    pub fn redirect(&self) -> Result<String> {
        let login = self.keyfob.begin_login(SSO, LoginOptions::new())?;
        Browser::new().log_in(login.authorization_url(), "ada")
    }

    /// The whole login.
    ///
    /// # Errors
    /// It does not work.
    pub fn log_in(&self) -> Result<Session> {
        Ok(self.keyfob.complete_login(&self.redirect()?)?.into_session())
    }
}

/// The system's clocks, ahead by as much as a test let pass.
#[derive(Debug, Default)]
pub struct Later {
    millis: AtomicU64,
}

impl Later {
    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        self.millis.fetch_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    fn ahead(&self) -> Duration {
        Duration::from_millis(self.millis.load(Ordering::SeqCst))
    }
}

impl Clock for Later {
    fn wall(&self) -> SystemTime {
        SystemClock::new().wall() + self.ahead()
    }

    fn boot(&self) -> Duration {
        SystemClock::new().boot() + self.ahead()
    }

    fn boot_id(&self) -> Option<String> {
        SystemClock::new().boot_id()
    }
}

/// A folder of one test's own, gone with it.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("keyfob-peers-{}-{number}", process::id()));
        remove(&path);
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

fn remove(folder: &Path) {
    // It need not be there.
    let _ = fs::remove_dir_all(folder);
}
