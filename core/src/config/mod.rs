//! What an app says once: where the store is, which registrations it has, how long things may take.
//!
//! [`Config::from_json`] and [`Config::builder`] fill the same structure and pass through the same checks.

mod http;
mod parse;
mod redirect_uri;
mod registration;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use zeroize::Zeroizing;

pub(crate) use self::http::HttpSettings;
#[cfg(feature = "ureq")]
pub(crate) use self::http::{ENVIRONMENT, environment, proxy_url};
pub(crate) use self::parse::parse_json;
pub(crate) use self::redirect_uri::{RedirectUri, came_to, is_loopback};
pub use self::registration::Registration;
pub(crate) use self::registration::{RefreshBudget, is_scope_token};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Reason, Result};
use crate::executor::Executor;
use crate::http::Transport;
use crate::keyfob::Observer;
use crate::provider::Provider;
use crate::secret::Secret;
use crate::store::{Keeping, Protection};
use crate::store_key::{FixedKey, StoreKey, StoreKeySource};

/// The configuration of one [`Keyfob`](crate::Keyfob).
pub struct Config {
    pub(crate) settings: Settings,
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) executor: Option<Arc<dyn Executor>>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    key: Option<Protection>,
    device: Option<Zeroizing<Vec<u8>>>,
    #[cfg(feature = "simulation")]
    pub(crate) played: Option<u32>,
}

/// The part that JSON can say. Its field names are the keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) store: StoreSettings,
    #[serde(default)]
    pub(crate) registrations: Vec<Registration>,
    #[serde(default)]
    pub(crate) providers: Vec<Provider>,
    #[serde(default)]
    pub(crate) http: HttpSettings,
    #[serde(default = "default_login_seconds")]
    login_seconds: f64,
    #[serde(default = "default_coherence_seconds")]
    coherence_seconds: f64,
    #[serde(default = "default_leeway_seconds")]
    leeway_seconds: f64,
    #[serde(default = "default_wait_seconds")]
    wait_seconds: f64,
    #[serde(default)]
    refresh_policy: RefreshPolicy,
}

/// When this process refreshes tokens.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefreshPolicy {
    /// Early, so that nobody has to wait, and when a token is over.
    #[default]
    Normal,
    /// Only when a call needs it: for a provider where a refresh makes the token before it invalid at once.
    OnDemand,
    /// Never: for an extension or a widget that may be frozen at any moment. It uses what the app's own process keeps fresh.
    Never,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoreSettings {
    pub(crate) path: PathBuf,
    #[serde(default)]
    pub(crate) plaintext: bool,
}

const fn default_login_seconds() -> f64 {
    3600.0
}

const fn default_coherence_seconds() -> f64 {
    1.0
}

const fn default_leeway_seconds() -> f64 {
    60.0
}

const fn default_wait_seconds() -> f64 {
    30.0
}

impl Settings {
    /// How long a login may take from `begin_login` to its redirect.
    pub(crate) fn login_lifetime(&self) -> Duration {
        Duration::from_secs_f64(self.login_seconds)
    }

    /// How old the view of other processes' commits may be.
    pub(crate) fn coherence(&self) -> Duration {
        Duration::from_secs_f64(self.coherence_seconds)
    }

    /// How far the provider's clock and this device's may differ.
    pub(crate) fn leeway(&self) -> Duration {
        Duration::from_secs_f64(self.leeway_seconds)
    }

    /// How long a call waits for another's refresh.
    pub(crate) fn wait(&self) -> Duration {
        Duration::from_secs_f64(self.wait_seconds)
    }

    pub(crate) fn refresh_policy(&self) -> RefreshPolicy {
        self.refresh_policy
    }

    /// Everything that is not a matter of one key's type.
    fn check(&self) -> Result<()> {
        if self.store.path.as_os_str().is_empty() {
            return Err(invalid("store.path", "is empty"));
        }
        for (key, seconds, least, most) in [
            ("login_seconds", self.login_seconds, 0.001, 30.0 * 86_400.0),
            ("coherence_seconds", self.coherence_seconds, 0.0, 3600.0),
            ("leeway_seconds", self.leeway_seconds, 0.0, 300.0),
            ("wait_seconds", self.wait_seconds, 0.0, 600.0),
        ] {
            within(key, seconds, least, most)?;
        }
        self.http.check()?;
        for (index, provider) in self.providers.iter().enumerate() {
            provider.check().map_err(|error| at(error, &format!("providers[{index}]")))?;
            if self.providers.iter().take(index).any(|earlier| earlier.id() == provider.id()) {
                return Err(invalid(&format!("providers[{index}].id"), "stands twice"));
            }
        }
        for (index, registration) in self.registrations.iter().enumerate() {
            registration.check().map_err(|error| at(error, &format!("registrations[{index}]")))?;
            if self.registrations.iter().take(index).any(|earlier| earlier.id() == registration.id()) {
                return Err(invalid(&format!("registrations[{index}].id"), "stands twice"));
            }
        }
        Ok(())
    }
}

/// Whether a number of seconds is one that makes sense.
fn within(key: &str, seconds: f64, least: f64, most: f64) -> Result<()> {
    if (least..=most).contains(&seconds) {
        return Ok(());
    }
    Err(invalid(key, &format!("must be {least} to {most} seconds")))
}

/// A configuration error that names the key.
pub(crate) fn invalid(key: &str, problem: &str) -> Error {
    Error::new(Reason::InvalidConfiguration).with_detail(format!("{key} {problem}"))
}

/// Puts the place of the inner key before an error's detail.
fn at(error: Error, place: &str) -> Error {
    let detail = error.detail().map_or_else(|| place.to_owned(), |detail| format!("{place}.{detail}"));
    Error::new(error.reason()).with_detail(detail)
}

impl Config {
    fn of(settings: Settings) -> Self {
        Self {
            settings,
            transport: None,
            clock: Arc::new(SystemClock::new()),
            executor: None,
            observer: None,
            key: None,
            device: None,
            #[cfg(feature = "simulation")]
            played: None,
        }
    }

    /// What the store is opened with. Secrets are sealed, or somebody has said that they are not to be.
    pub(crate) fn keeping(&mut self) -> Result<Keeping> {
        let protection = match (self.key.take(), self.settings.store.plaintext) {
            (Some(key), false) => key,
            (None, true) => {
                log::warn!("the secrets in the store are not sealed: the configuration says \"plaintext\"");
                Protection::Plain
            }
            (None, false) => {
                return Err(invalid(
                    "store",
                    "has no key: give a store key in code, or say \"plaintext\": true for tests",
                ));
            }
            (Some(_), true) => return Err(invalid("store.plaintext", "is true, and there is a store key too")),
        };
        // An app that could not read its bytes today would find its sessions to be another device's.
        if self.device.as_ref().is_some_and(|bytes| bytes.is_empty()) {
            return Err(invalid("device_binding", "is empty"));
        }
        Ok(Keeping { protection, device: self.device.take(), clock: Arc::clone(&self.clock) })
    }

    /// Reads a configuration from JSON.
    ///
    /// # Errors
    /// [`Configuration`](crate::ErrorKind::Configuration): not JSON, an unknown key, a missing or malformed value; the detail names
    /// the key and its path.
    ///
    /// ```
    /// let config = keyfob::Config::from_json(r#"{
    ///   "store": { "path": "/home/ada/notes/keyfob", "plaintext": true },
    ///   "registrations": [
    ///     { "id": "work-sso", "provider": "oidc", "variables": { "issuer": "https://login.example.com" },
    ///       "client_id": "notes", "redirect_uri": "com.example.notes:/callback/work-sso" }
    ///   ]
    /// }"#)?;
    /// # Ok::<(), keyfob::Error>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self> {
        let settings: Settings = parse_json(text)?;
        settings.check()?;
        Ok(Self::of(settings))
    }

    /// Begins a configuration in code. `store` is a folder of Keyfob's own; it is created when missing.
    pub fn builder(store: impl AsRef<Path>) -> ConfigBuilder {
        ConfigBuilder {
            settings: Settings {
                store: StoreSettings { path: store.as_ref().to_owned(), plaintext: false },
                registrations: Vec::new(),
                providers: Vec::new(),
                http: HttpSettings::default(),
                login_seconds: default_login_seconds(),
                coherence_seconds: default_coherence_seconds(),
                leeway_seconds: default_leeway_seconds(),
                wait_seconds: default_wait_seconds(),
                refresh_policy: RefreshPolicy::default(),
            },
        }
    }

    /// Sends every HTTP request through the host's own transport instead of the built-in one.
    #[must_use]
    pub fn with_transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Asks the host's own clock instead of the operating system's.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Hands early refreshes to the host's own executor, so that no caller's thread is kept by one.
    #[must_use]
    pub fn with_executor(mut self, executor: Arc<dyn Executor>) -> Self {
        self.executor = Some(executor);
        self
    }

    /// Tells the host what happens to its sessions.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Seals the secrets in the store under this key. The host keeps it in the system's keystore; where that may be locked, or may lose it, give
    /// [`Config::with_store_key_source`] instead.
    ///
    /// ```
    /// # use keyfob::{Config, StoreKey};
    /// let key = StoreKey::generate()?; // once; then it lies in the keystore
    /// let config = Config::builder("/home/ada/notes/keyfob").build()?.with_store_key(key);
    /// # Ok::<(), keyfob::Error>(())
    /// ```
    #[must_use]
    pub fn with_store_key(mut self, key: StoreKey) -> Self {
        self.key = Some(Protection::Key { source: Arc::new(FixedKey(key)), fixed: true });
        self
    }

    /// Seals the secrets in the store under the key that `source` gives. The last of this and [`Config::with_store_key`] counts.
    #[must_use]
    pub fn with_store_key_source(mut self, source: Arc<dyn StoreKeySource>) -> Self {
        self.key = Some(Protection::Key { source, fixed: false });
        self
    }

    /// Binds the store to this device: some bytes (at least 16 random ones, say) that the host keeps where no backup carries them. A store that was written
    /// with other ones was copied from another device. To refresh its tokens on both would cost both, so its sessions end as
    /// [`OtherDevice`](crate::Reason::OtherDevice), with their users still known; nothing is deleted. Without the call nothing is checked.
    #[must_use]
    pub fn with_device_binding(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.device = Some(Zeroizing::new(bytes.as_ref().to_vec()));
        self
    }

    /// Makes a handle that shares nothing with the others of this process and counts as process `pid`, which lives as long as the handle.
    /// For this project's own tests.
    #[cfg(feature = "simulation")]
    #[doc(hidden)]
    #[must_use]
    pub fn as_another_process(mut self, pid: u32) -> Self {
        self.played = Some(pid);
        self
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Builds a [`Config`] in code.
///
/// ```
/// use keyfob::{Config, Registration};
/// let config = Config::builder("/home/ada/notes/keyfob")
///     .plaintext(true)
///     .registration(
///         Registration::new("work-sso", "oidc", "notes", "com.example.notes:/callback/work-sso")
///             .variable("issuer", "https://login.example.com")
///             .scope("email"),
///     )
///     .build()?;
/// # Ok::<(), keyfob::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "call build() to get the configuration"]
pub struct ConfigBuilder {
    settings: Settings,
}

impl ConfigBuilder {
    /// **Leaves the secrets in the store as they are**, for anybody to read who gets at the file. For tests: an app gives a store key
    /// ([`Config::with_store_key`]).
    pub fn plaintext(mut self, plaintext: bool) -> Self {
        self.settings.store.plaintext = plaintext;
        self
    }

    /// Adds a registration: this app as one provider knows it. The order is the order of the login buttons.
    pub fn registration(mut self, registration: Registration) -> Self {
        self.settings.registrations.push(registration);
        self
    }

    /// Adds a provider that the catalogue does not have.
    pub fn provider(mut self, provider: Provider) -> Self {
        self.settings.providers.push(provider);
        self
    }

    /// How long connecting may take (default 10 s), and a whole request (default 30 s); at most 600 s each.
    pub fn http_timeouts(mut self, connect: Duration, total: Duration) -> Self {
        self.settings.http.connect_seconds = connect.as_secs_f64();
        self.settings.http.total_seconds = total.as_secs_f64();
        self
    }

    /// Authorities to trust beside those that are built in, such as a company's own: certificates in PEM (RFC 7468), one after the other. A host's own
    /// transport has its own.
    pub fn ca_certificates(mut self, pem: impl Into<String>) -> Self {
        self.settings.http.ca_certificates = Some(pem.into());
        self
    }

    /// Asks a proxy for every https connection (RFC 9110 section 9.3.6, CONNECT): its URL, `http://user:password@host:port` or https, with user and password
    /// percent-encoded where need be. The word `environment` stands for what `HTTPS_PROXY`, else `ALL_PROXY`, say, save for the hosts of `NO_PROXY` and this
    /// machine's own; the environment is read once, by [`Keyfob::open`](crate::Keyfob::open). Without the call there is no proxy, whatever the environment
    /// says. A host's own transport has its own.
    pub fn proxy(mut self, proxy: impl Into<String>) -> Self {
        self.settings.http.proxy = Some(Secret::new(proxy));
        self
    }

    /// The app's name for the providers' logs, in the form of RFC 9110 section 10.1.5, `Notes/1.2`. Sent with every request, with the library's own behind it:
    /// `Notes/1.2 keyfob/0.1.0`; without the call that alone. A host's own transport gets it as a header where it is set here, and else sends what it likes.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.settings.http.user_agent = Some(user_agent.into());
        self
    }

    /// How long a login stays open, from `begin_login` to its redirect (default one hour, at most 30 days).
    pub fn login_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.login_seconds = lifetime.as_secs_f64();
        self
    }

    /// How old the view of other processes' changes may be (default 1 s). Zero looks at every call.
    pub fn coherence(mut self, coherence: Duration) -> Self {
        self.settings.coherence_seconds = coherence.as_secs_f64();
        self
    }

    /// How far the provider's clock and this device's may differ (default 60 s, at most 300 s).
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.settings.leeway_seconds = leeway.as_secs_f64();
        self
    }

    /// How long a call waits for a refresh that another thread or process is making (default 30 s, at most 600 s). A request that was sent is waited
    /// for in any case, up to the limit of [`Self::http_timeouts`].
    pub fn wait(mut self, wait: Duration) -> Self {
        self.settings.wait_seconds = wait.as_secs_f64();
        self
    }

    /// When this process refreshes tokens (default [`RefreshPolicy::Normal`]).
    pub fn refresh_policy(mut self, policy: RefreshPolicy) -> Self {
        self.settings.refresh_policy = policy;
        self
    }

    /// Checks everything and makes the configuration.
    ///
    /// # Errors
    /// [`Configuration`](crate::ErrorKind::Configuration), naming the key as [`Config::from_json`] would.
    pub fn build(self) -> Result<Config> {
        self.settings.check()?;
        Ok(Config::of(self.settings))
    }
}

#[cfg(test)]
mod tests;
