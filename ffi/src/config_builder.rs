//! `keyfob_config_builder`.

use std::ffi::c_char;
use std::mem::{MaybeUninit, replace};

use keyfob::{Config, ConfigBuilder, RefreshPolicy};

use crate::boundary::{Outcome, Output, free, given, guard, span, text};
use crate::config::keyfob_config;
use crate::error::{Failure, keyfob_error, keyfob_status};
use crate::provider_builder::keyfob_provider_builder;
use crate::registration_builder::keyfob_registration_builder;

/// When a process refreshes tokens.
pub type keyfob_refresh_policy = i32;

/// Early, so that nobody has to wait, and when a token is over.
pub const KEYFOB_REFRESH_POLICY_NORMAL: keyfob_refresh_policy = 1;
/// Only when a call needs it: for a provider where a refresh makes the token before it invalid at once.
pub const KEYFOB_REFRESH_POLICY_ON_DEMAND: keyfob_refresh_policy = 2;
/// Never: for an extension or a widget that may be frozen at any moment. It uses what the app's own process keeps fresh.
pub const KEYFOB_REFRESH_POLICY_NEVER: keyfob_refresh_policy = 3;

/// A configuration in the making, for an app that does not want to write it as JSON. Made by
/// `keyfob_config_builder_new`, consumed by `keyfob_config_builder_build` or freed by `keyfob_config_builder_free`.
/// What it is told is checked when it is built.
///
/// Threads: one thread at a time.
#[derive(Debug)]
pub struct keyfob_config_builder {
    builder: ConfigBuilder,
}

impl keyfob_config_builder {
    fn change(&mut self, change: impl FnOnce(ConfigBuilder) -> ConfigBuilder) {
        self.builder = change(replace(&mut self.builder, Config::builder("")));
    }
}

/// Begins a configuration.
///
/// @param store        the path of a folder of Keyfob's own, made when missing; copied; caller may free after return
/// @param builder_out  caller owns; free with keyfob_config_builder_free
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_builder_new(
    store: *const c_char,
    builder_out: Option<&mut MaybeUninit<*mut keyfob_config_builder>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let builder_out = Output::new("builder_out", builder_out)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let store = unsafe { text("store", store) }?;
        builder_out.give(keyfob_config_builder { builder: Config::builder(store) });
        Ok(())
    })
}

/// Leaves the secrets in the store as they are, for anybody to read who gets at the file (default false). For tests: an
/// app gives a store key, by `keyfob_config_set_store_key` or `keyfob_config_set_store_key_source`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_builder_set_plaintext(
    builder: Option<&mut keyfob_config_builder>,
    plaintext: bool,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let builder = given("builder", builder)?;
        builder.change(|builder| builder.plaintext(plaintext));
        Ok(())
    })
}

/// Adds a registration: this app as one provider knows it. The order is the order of the login buttons.
///
/// @param registration  consumed, even on error
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_builder_add_registration(
    builder: Option<&mut keyfob_config_builder>,
    registration: Option<Box<keyfob_registration_builder>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let builder = given("builder", builder)?;
        let registration = given("registration", registration)?.registration;
        builder.change(|builder| builder.registration(registration));
        Ok(())
    })
}

/// Adds a provider that the catalogue does not have.
///
/// @param provider  consumed, even on error
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_builder_add_provider(
    builder: Option<&mut keyfob_config_builder>,
    provider: Option<Box<keyfob_provider_builder>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let builder = given("builder", builder)?;
        let provider = given("provider", provider)?.provider;
        builder.change(|builder| builder.provider(provider));
        Ok(())
    })
}

/// How long connecting may take, and a whole request.
///
/// @param connect_ms  in milliseconds; 1 to 600000; default 10000
/// @param total_ms    in milliseconds; 1 to 600000; default 30000
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_builder_set_http_timeouts_ms(
    builder: Option<&mut keyfob_config_builder>,
    connect_ms: i64,
    total_ms: i64,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let builder = given("builder", builder)?;
        let connect = span("connect_ms", connect_ms)?;
        let total = span("total_ms", total_ms)?;
        builder.change(|builder| builder.http_timeouts(connect, total));
        Ok(())
    })
}

/// Authorities to trust beside those that are built in, such as a company's own. A host's own transport has its own.
///
/// @param pem  PEM (RFC 7468), one certificate after the other; copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_builder_set_ca_certificates(
    builder: Option<&mut keyfob_config_builder>,
    pem: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let builder = given("builder", builder)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let pem = unsafe { text("pem", pem) }?;
        builder.change(|builder| builder.ca_certificates(pem));
        Ok(())
    })
}

/// Asks a proxy for every https connection (RFC 9110 section 9.3.6, CONNECT). Without it there is none, whatever the
/// environment says. A host's own transport has its own.
///
/// @param proxy  "http://user:password@host:port" or https, with user and password percent-encoded where need be; or
///               "environment" for what `HTTPS_PROXY`, else `ALL_PROXY`, say, save for the hosts of `NO_PROXY` and this machine's
///               own, as they are when `keyfob_open` reads them; copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_builder_set_proxy(
    builder: Option<&mut keyfob_config_builder>,
    proxy: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let builder = given("builder", builder)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let proxy = unsafe { text("proxy", proxy) }?;
        builder.change(|builder| builder.proxy(proxy));
        Ok(())
    })
}

/// The app's name for the providers' logs (RFC 9110 section 10.1.5). It is sent with every request, with the library's
/// own behind it.
///
/// @param user_agent  such as "Notes/1.2"; copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_builder_set_user_agent(
    builder: Option<&mut keyfob_config_builder>,
    user_agent: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let builder = given("builder", builder)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let user_agent = unsafe { text("user_agent", user_agent) }?;
        builder.change(|builder| builder.user_agent(user_agent));
        Ok(())
    })
}

/// How long a login stays open, from `keyfob_begin_login` to its redirect.
///
/// @param lifetime_ms  in milliseconds; at most 30 days; default one hour
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_builder_set_login_lifetime_ms(
    builder: Option<&mut keyfob_config_builder>,
    lifetime_ms: i64,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let builder = given("builder", builder)?;
        let lifetime = span("lifetime_ms", lifetime_ms)?;
        builder.change(|builder| builder.login_lifetime(lifetime));
        Ok(())
    })
}

/// How old the view of other processes' changes may be.
///
/// @param coherence_ms  in milliseconds; at most one hour; default 1000; 0 looks at every call
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_builder_set_coherence_ms(
    builder: Option<&mut keyfob_config_builder>,
    coherence_ms: i64,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let builder = given("builder", builder)?;
        let coherence = span("coherence_ms", coherence_ms)?;
        builder.change(|builder| builder.coherence(coherence));
        Ok(())
    })
}

/// How far the provider's clock and this device's may differ.
///
/// @param leeway_ms  in milliseconds; at most 300000; default 60000
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_builder_set_leeway_ms(
    builder: Option<&mut keyfob_config_builder>,
    leeway_ms: i64,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let builder = given("builder", builder)?;
        let leeway = span("leeway_ms", leeway_ms)?;
        builder.change(|builder| builder.leeway(leeway));
        Ok(())
    })
}

/// How long a call waits for a refresh that another thread or process is making. A request that was sent is waited for
/// in any case, up to the limit of `keyfob_config_builder_set_http_timeouts_ms`.
///
/// @param wait_ms  in milliseconds; at most 600000; default 30000
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_builder_set_wait_ms(
    builder: Option<&mut keyfob_config_builder>,
    wait_ms: i64,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let builder = given("builder", builder)?;
        let wait = span("wait_ms", wait_ms)?;
        builder.change(|builder| builder.wait(wait));
        Ok(())
    })
}

/// When this process refreshes tokens.
///
/// @param policy  one of `KEYFOB_REFRESH_POLICY_...`; default `KEYFOB_REFRESH_POLICY_NORMAL`
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_builder_set_refresh_policy(
    builder: Option<&mut keyfob_config_builder>,
    policy: keyfob_refresh_policy,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let builder = given("builder", builder)?;
        let policy = refresh_policy(policy)?;
        builder.change(|builder| builder.refresh_policy(policy));
        Ok(())
    })
}

/// Checks everything and makes the configuration. Touches neither network nor store.
///
/// @param builder     consumed, even on error
/// @param config_out  caller owns; free with keyfob_config_free
/// @return `KEYFOB_CONFIGURATION`: a missing or malformed value; the error's detail names it by its key in the
///         JSON of `keyfob_config_from_json`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_builder_build(
    builder: Option<Box<keyfob_config_builder>>,
    config_out: Option<&mut MaybeUninit<*mut keyfob_config>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let config_out = Output::new("config_out", config_out)?;
        config_out.give(given("builder", builder)?.builder.build()?.into());
        Ok(())
    })
}

/// Frees a builder that was not built; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_config_builder_free(builder: Option<Box<keyfob_config_builder>>) {
    free(builder);
}

fn refresh_policy(number: keyfob_refresh_policy) -> Outcome<RefreshPolicy> {
    Ok(match number {
        KEYFOB_REFRESH_POLICY_NORMAL => RefreshPolicy::Normal,
        KEYFOB_REFRESH_POLICY_ON_DEMAND => RefreshPolicy::OnDemand,
        KEYFOB_REFRESH_POLICY_NEVER => RefreshPolicy::Never,
        _ => return Err(Failure::Argument { name: "policy", problem: "is not a KEYFOB_REFRESH_POLICY" }),
    })
}
