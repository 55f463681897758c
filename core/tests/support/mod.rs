//! What the tests share: a provider, a store of one's own, a clock that can be set, a log-in.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "no test file uses all of it; a test that fails should say where"
)]

#[cfg(feature = "ureq")]
pub mod eventful;
pub mod signer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use keyfob::{Clock, Config, ConfigBuilder, Keyfob, LoginOptions, Registration, Session, StoreKey, SystemClock};
use keyfob_idp::{Idp, LoggedRequest, Script, browser};

/// The id of the registration that every test uses.
pub const SSO: &str = "work-sso";
/// Its redirect URI.
pub const REDIRECT_URI: &str = "http://127.0.0.1/callback/work-sso";

/// A folder of one test's own, gone with it.
pub struct Temp(PathBuf);

impl Temp {
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("keyfob-test-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn store(&self) -> PathBuf {
        self.0.join("store")
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The system's clocks, moved by what a test says.
#[derive(Default)]
pub struct TestClock {
    wall: AtomicI64,
    boot: AtomicI64,
}

impl TestClock {
    /// Time passes: both clocks go on.
    pub fn pass(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.set_wall(millis);
        self.boot.fetch_add(millis, Ordering::SeqCst);
    }

    /// Somebody sets the wall clock, by so many milliseconds.
    pub fn set_wall(&self, by: i64) {
        self.wall.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn wall(&self) -> SystemTime {
        let by = self.wall.load(Ordering::SeqCst);
        let span = Duration::from_millis(by.unsigned_abs());
        if by < 0 { SystemClock::new().wall() - span } else { SystemClock::new().wall() + span }
    }

    fn boot(&self) -> Duration {
        SystemClock::new().boot() + Duration::from_millis(self.boot.load(Ordering::SeqCst).unsigned_abs())
    }

    fn boot_id(&self) -> Option<String> {
        Some("this boot".to_owned())
    }
}

/// A provider, a store and the library between them.
pub struct Bench {
    pub idp: Idp,
    pub clock: Arc<TestClock>,
    pub keyfob: Keyfob,
    pub temp: Temp,
}

impl Bench {
    /// With the demo script changed by the test.
    pub fn new(change: impl FnOnce(&mut Script)) -> Self {
        let mut script = Script::default();
        change(&mut script);
        let idp = Idp::start(script).unwrap();
        let temp = Temp::new();
        let clock = Arc::new(TestClock::default());
        let keyfob = Keyfob::open(config(idp.issuer(), &temp.store()).with_clock(clock.clone())).unwrap();
        Self { idp, clock, keyfob, temp }
    }

    /// The demo script, and a store in plaintext.
    pub fn plain() -> Self {
        Self::with(plain_config)
    }

    /// The demo script, and another configuration than the usual one.
    pub fn with(config: impl FnOnce(&str, &Path) -> Config) -> Self {
        let idp = Idp::start(Script::default()).unwrap();
        let temp = Temp::new();
        let clock = Arc::new(TestClock::default());
        let keyfob = Keyfob::open(config(idp.issuer(), &temp.store()).with_clock(clock.clone())).unwrap();
        Self { idp, clock, keyfob, temp }
    }

    /// Another handle on the same store, as another process would have it.
    pub fn another(&self) -> Keyfob {
        Keyfob::open(elsewhere(config(self.idp.issuer(), &self.temp.store()).with_clock(self.clock.clone()))).unwrap()
    }

    /// Begins a login and lets ada log in; gives the redirect.
    pub fn redirect(&self) -> String {
        let login = self.keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
        log_in(login.authorization_url())
    }

    /// The whole login.
    pub fn log_in(&self) -> Session {
        self.keyfob.complete_login(&self.redirect()).unwrap().into_session()
    }

    /// How many requests the provider got at a path since the log was last emptied.
    pub fn count(&self, path: &str) -> usize {
        self.requests(path).len()
    }

    pub fn requests(&self, path: &str) -> Vec<LoggedRequest> {
        self.idp.requests().into_iter().filter(|request| request.path == path).collect()
    }

    /// Changes the script in the running provider.
    pub fn script(&self, change: impl FnOnce(&mut Script)) {
        let mut script = self.idp.script();
        change(&mut script);
        self.idp.set_script(script).unwrap();
    }
}

/// A configuration whose handle counts as another process's: it shares nothing with the others of this one.
pub fn elsewhere(config: Config) -> Config {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // No system gives out such a number.
    config.as_another_process(1_000_000_000 + NEXT.fetch_add(1, Ordering::SeqCst))
}

/// Lets other threads come to where they wait. What follows holds without it too, and then shows less.
#[expect(clippy::disallowed_methods, reason = "that a thread waits is nothing that can be waited for")]
pub fn let_others_wait() {
    std::thread::sleep(Duration::from_millis(30));
}

/// The user at the browser.
pub fn log_in(authorization_url: &str) -> String {
    browser::log_in(authorization_url, "ada", "lovelace").unwrap()
}

/// The store key of every test that has no other. Test stores are sealed, as an app's are.
pub fn store_key() -> StoreKey {
    StoreKey::new([42; 32])
}

/// One registration at an issuer, and a sealed store. Every call looks for other handles' changes.
pub fn config(issuer: &str, store: &Path) -> Config {
    builder(issuer, store).coherence(Duration::ZERO).build().unwrap().with_store_key(store_key())
}

/// The same, looking once an hour.
pub fn patient_config(issuer: &str, store: &Path) -> Config {
    builder(issuer, store).coherence(Duration::from_secs(3600)).build().unwrap().with_store_key(store_key())
}

/// The same in plaintext, where a test looks at what lies in the store.
pub fn plain_config(issuer: &str, store: &Path) -> Config {
    builder(issuer, store).coherence(Duration::ZERO).plaintext(true).build().unwrap()
}

/// The same with no word on keys, for a test to add its own.
pub fn bare_config(issuer: &str, store: &Path) -> Config {
    builder(issuer, store).coherence(Duration::ZERO).build().unwrap()
}

/// A configuration of a test's own, with the key of every test.
pub fn sealed(builder: ConfigBuilder) -> Config {
    builder.build().unwrap().with_store_key(store_key())
}

/// One registration at an issuer, for a test to add to.
pub fn builder(issuer: &str, store: &Path) -> ConfigBuilder {
    Config::builder(store).registration(
        Registration::new(SSO, "oidc", "demo", REDIRECT_URI)
            .variable("issuer", issuer)
            .scope("openid")
            .scope("email")
            .scope("offline_access"),
    )
}

/// A part of the provider's script, in the words of its README.
pub fn tamper<T: serde::de::DeserializeOwned>(part: serde_json::Value) -> T {
    serde_json::from_value(part).unwrap()
}

/// The value of a parameter in a URL's query.
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(url).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
