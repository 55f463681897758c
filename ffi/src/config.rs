//! `keyfob_config`.

use std::ffi::{c_char, c_void};
use std::fmt;
use std::mem::MaybeUninit;
use std::sync::Arc;

use keyfob::{Clock, Config, Executor, Observer, Transport};
use zeroize::Zeroizing;

use crate::boundary::{Context, Output, bytes, free, given, guard, optional_text, text};
use crate::callback::keyfob_release_fn;
use crate::clock::{HostClock, keyfob_clock_fn};
use crate::error::{keyfob_error, keyfob_status};
use crate::executor::{HostExecutor, keyfob_executor_fn};
use crate::observer::{HostObserver, keyfob_clock_skew_fn, keyfob_login_required_fn, keyfob_session_changed_fn};
use crate::store_key::{HostStoreKeySource, Protection, keyfob_store_key_fn, store_key};
use crate::transport::{HostTransport, keyfob_transport_fn};

/// What an app says once: where the store is, which registrations it has, how long things may take. Made by
/// `keyfob_config_from_json` or `keyfob_config_builder_build`, consumed by `keyfob_open` or freed by `keyfob_config_free`.
///
/// Threads: one thread at a time.
pub struct keyfob_config {
    config: Config,
    transport: Option<Arc<dyn Transport>>,
    clock: Option<Arc<dyn Clock>>,
    executor: Option<Arc<dyn Executor>>,
    observer: Option<Arc<dyn Observer>>,
    protection: Option<Protection>,
    device: Option<Zeroizing<Vec<u8>>>,
}

impl keyfob_config {
    pub(crate) fn into_config(self) -> Config {
        let mut config = self.config;
        if let Some(transport) = self.transport {
            config = config.with_transport(transport);
        }
        if let Some(clock) = self.clock {
            config = config.with_clock(clock);
        }
        if let Some(executor) = self.executor {
            config = config.with_executor(executor);
        }
        if let Some(observer) = self.observer {
            config = config.with_observer(observer);
        }
        if let Some(protection) = self.protection {
            config = protection.configure(config);
        }
        if let Some(device) = self.device {
            config = config.with_device_binding(&*device);
        }
        config
    }
}

impl From<Config> for keyfob_config {
    fn from(config: Config) -> Self {
        Self { config, transport: None, clock: None, executor: None, observer: None, protection: None, device: None }
    }
}

impl fmt::Debug for keyfob_config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("keyfob_config").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Reads a configuration from JSON.
///
/// Its keys: `store` (`path`: a folder of Keyfob's own, made when missing; `plaintext`: true keeps the secrets
/// in it as they are, which is for tests; otherwise a store key is due, see `keyfob_config_set_store_key` and
/// `keyfob_config_set_store_key_source`), `registrations` (`id`, `provider`, `client_id`, `client_secret`, `client_auth`: "basic",
/// "post" or "none" for another way than the provider's; `private_key` (PEM, PKCS#8) in place of a secret, with its `key_id` and
/// `key_algorithm`; `redirect_uri`, `scopes`, `resources` (what tokens are for, RFC 8707), `variables`, `enabled`,
/// `require_pushed_authorization_requests` (RFC 9126),
/// `refresh_budget`: at most so many `refreshes` in so many `seconds`, over all its sessions and every process),
/// `providers` (the app's own, in the format of a provider file: `id`, `name`, `kind`, `endpoints`, ...),
/// `http` (`connect_seconds`, `total_seconds`; `ca_certificates`: authorities to trust beside the built-in ones, in
/// PEM; `proxy`: its URL, or "environment"; `user_agent`: the app's name, such as "Notes/1.2"), `login_seconds`, `coherence_seconds`, `leeway_seconds`,
/// `wait_seconds` (for a refresh that another thread or process is making), `refresh_policy` ("normal";
/// "on_demand": not before a call needs it; "never": this process leaves refreshing to others). Touches
/// neither network nor store.
///
/// @param json        copied; caller may free after return
/// @param config_out  caller owns; free with keyfob_config_free
/// @return `KEYFOB_CONFIGURATION`: not JSON, an unknown key, a missing or malformed value; the error's
///         detail names the key.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_from_json(
    json: *const c_char,
    config_out: Option<&mut MaybeUninit<*mut keyfob_config>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let config_out = Output::new("config_out", config_out)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let json = unsafe { text("json", json) }?;
        config_out.give(Config::from_json(json)?.into());
        Ok(())
    })
}

/// Sends every HTTP request through the host's own transport instead of the built-in one.
///
/// @param send     sends one request; see `keyfob_transport_fn`
/// @param context  given to `send`; may be NULL; consumed, even on error
/// @param release  gives `context` back when Keyfob is done with it; may be NULL
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_set_transport(
    config: Option<&mut keyfob_config>,
    send: keyfob_transport_fn,
    context: *mut c_void,
    release: keyfob_release_fn,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let context = Context::new(context, release);
        let config = given("config", config)?;
        config.transport = Some(Arc::new(HostTransport::new(given("send", send)?, context)));
        Ok(())
    })
}

/// Asks the host's own clock instead of the operating system's.
///
/// @param boot_id  a name for this boot of the system, other after each restart; may be NULL where that is
///                 not known; copied; caller may free after return
/// @param wall     the wall clock, in milliseconds since 1970 (UTC); may be wrong, and may jump
/// @param boot     milliseconds since the system started, sleep included; never goes back
/// @param context  given to both; may be NULL; consumed, even on error
/// @param release  gives `context` back when Keyfob is done with it; may be NULL
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_set_clock(
    config: Option<&mut keyfob_config>,
    boot_id: *const c_char,
    wall: keyfob_clock_fn,
    boot: keyfob_clock_fn,
    context: *mut c_void,
    release: keyfob_release_fn,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let context = Context::new(context, release);
        let config = given("config", config)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let boot_id = unsafe { optional_text("boot_id", boot_id) }?.map(str::to_owned);
        let clock = HostClock::new(given("wall", wall)?, given("boot", boot)?, boot_id, context);
        config.clock = Some(Arc::new(clock));
        Ok(())
    })
}

/// Hands early refreshes to the host's own threads. Without an executor the caller that notices that one is
/// due makes it on its own thread, though its token is still good.
///
/// @param execute  takes work for another thread; see `keyfob_executor_fn`
/// @param context  given to `execute`; may be NULL; consumed, even on error
/// @param release  gives `context` back when Keyfob is done with it; may be NULL
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_set_executor(
    config: Option<&mut keyfob_config>,
    execute: keyfob_executor_fn,
    context: *mut c_void,
    release: keyfob_release_fn,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let context = Context::new(context, release);
        let config = given("config", config)?;
        config.executor = Some(Arc::new(HostExecutor::new(given("execute", execute)?, context)));
        Ok(())
    })
}

/// Tells the host what happens to its sessions.
///
/// @param session_changed  is told of other tokens and of endings; see `keyfob_session_changed_fn`; may be NULL
/// @param login_required   is told of endings; see `keyfob_login_required_fn`; may be NULL
/// @param clock_skew       is told of a clock that is off; see `keyfob_clock_skew_fn`; may be NULL
/// @param context          given to all three; may be NULL; consumed, even on error
/// @param release          gives `context` back when Keyfob is done with it; may be NULL
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_set_observer(
    config: Option<&mut keyfob_config>,
    session_changed: keyfob_session_changed_fn,
    login_required: keyfob_login_required_fn,
    clock_skew: keyfob_clock_skew_fn,
    context: *mut c_void,
    release: keyfob_release_fn,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let context = Context::new(context, release);
        let config = given("config", config)?;
        config.observer = Some(Arc::new(HostObserver::new(session_changed, login_required, clock_skew, context)));
        Ok(())
    })
}

/// Seals the secrets in the store under this key. The host keeps it in the system's keystore and nowhere else;
/// where that may be locked, or may lose it, give `keyfob_config_set_store_key_source` instead. The last of the
/// two counts.
///
/// @param key  the key; copied; caller may free after return, and should overwrite it before
/// @param len  its length: `KEYFOB_STORE_KEY_LEN`
/// @return `KEYFOB_INVALID_ARGUMENT`: another length, or nothing but zeros: a buffer that nobody filled.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_set_store_key(
    config: Option<&mut keyfob_config>,
    key: *const u8,
    len: usize,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let config = given("config", config)?;
        // SAFETY: the caller vouches for `len` readable bytes.
        config.protection = Some(Protection::Key(unsafe { store_key("key", key, len) }?));
        Ok(())
    })
}

/// Seals the secrets in the store under the key that the host gives when it is asked: the way to use a keystore
/// that may be locked.
///
/// @param store_key  gives the key; see `keyfob_store_key_fn`
/// @param context    given to `store_key`; may be NULL; consumed, even on error
/// @param release    gives `context` back when Keyfob is done with it; may be NULL
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_set_store_key_source(
    config: Option<&mut keyfob_config>,
    store_key: keyfob_store_key_fn,
    context: *mut c_void,
    release: keyfob_release_fn,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let context = Context::new(context, release);
        let config = given("config", config)?;
        let source = HostStoreKeySource::new(given("store_key", store_key)?, context);
        config.protection = Some(Protection::Source(Arc::new(source)));
        Ok(())
    })
}

/// Binds the store to this device: some bytes (16 random ones at least, say) that the host keeps where no
/// backup carries them. A store that was written with other ones was copied from another device. To refresh its
/// tokens on both would cost both, so its sessions end with the reason "OtherDevice", their users still known;
/// nothing is deleted. Without this call nothing is checked.
///
/// @param bytes  copied; caller may free after return; may be NULL if `len` is 0
/// @param len    how many
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_set_device_binding(
    config: Option<&mut keyfob_config>,
    bytes: *const u8,
    len: usize,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let config = given("config", config)?;
        // SAFETY: the caller vouches for `len` readable bytes.
        config.device = Some(Zeroizing::new(unsafe { self::bytes("bytes", bytes, len) }?.to_vec()));
        Ok(())
    })
}

/// Frees a configuration that was not opened; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_free(config: Option<Box<keyfob_config>>) {
    free(config);
}
