//! `keyfob_registration_builder`.

use std::ffi::c_char;
use std::mem::{MaybeUninit, replace};

use keyfob::{KeyAlgorithm, Registration};

use crate::boundary::{Outcome, Output, free, given, guard, span, text};
use crate::error::{Failure, keyfob_error, keyfob_status};

/// What a client's private key signs with.
pub type keyfob_key_algorithm = i32;

/// RSASSA-PKCS1-v1_5 with SHA-256: what an RSA key signs with where nothing else is said.
pub const KEYFOB_KEY_ALGORITHM_RS256: keyfob_key_algorithm = 1;
/// RSASSA-PSS with SHA-256, by an RSA key.
pub const KEYFOB_KEY_ALGORITHM_PS256: keyfob_key_algorithm = 2;
/// ECDSA on P-256 with SHA-256.
pub const KEYFOB_KEY_ALGORITHM_ES256: keyfob_key_algorithm = 3;
/// ECDSA on P-384 with SHA-384.
pub const KEYFOB_KEY_ALGORITHM_ES384: keyfob_key_algorithm = 4;
/// Ed25519.
pub const KEYFOB_KEY_ALGORITHM_EDDSA: keyfob_key_algorithm = 5;

/// A registration in the making: this app as one provider will know it. Made by `keyfob_registration_builder_new`,
/// consumed by `keyfob_config_builder_add_registration` or freed by `keyfob_registration_builder_free`; what it was
/// told is checked by `keyfob_config_builder_build`.
///
/// Threads: one thread at a time.
#[derive(Debug)]
pub struct keyfob_registration_builder {
    pub(crate) registration: Registration,
}

impl keyfob_registration_builder {
    fn change(&mut self, change: impl FnOnce(Registration) -> Registration) {
        self.registration = change(replace(&mut self.registration, Registration::new("", "", "", "")));
    }
}

/// A public client without scopes of its own, to which the rest is added next.
///
/// @param id                an id that the app chooses, such as "work-sso"; copied; caller may free after return
/// @param provider          the id of its provider: "oidc", one of `keyfob_providers`, or the app's own; copied;
///                          caller may free after return
/// @param client_id         what the provider gave out; copied; caller may free after return
/// @param redirect_uri      the one that is registered there (RFC 8252 section 7): an https app link, a private-use scheme
///                          with a dot in it ("com.example.notes:/callback"), or a loopback address
///                          ("http://127.0.0.1/callback"; without a port any port will do); copied; caller may free after
///                          return
/// @param registration_out  caller owns; free with keyfob_registration_builder_free
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_builder_new(
    id: *const c_char,
    provider: *const c_char,
    client_id: *const c_char,
    redirect_uri: *const c_char,
    registration_out: Option<&mut MaybeUninit<*mut keyfob_registration_builder>>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let registration_out = Output::new("registration_out", registration_out)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let id = unsafe { text("id", id) }?;
        // SAFETY: as above.
        let provider = unsafe { text("provider", provider) }?;
        // SAFETY: as above.
        let client_id = unsafe { text("client_id", client_id) }?;
        // SAFETY: as above.
        let redirect_uri = unsafe { text("redirect_uri", redirect_uri) }?;
        let registration = Registration::new(id, provider, client_id, redirect_uri);
        registration_out.give(keyfob_registration_builder { registration });
        Ok(())
    })
}

/// The client secret, where the provider gave one out. A secret that ships inside an app is no secret (RFC 8252
/// section 8.5): some providers want it nevertheless.
///
/// @param secret  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_builder_set_client_secret(
    registration: Option<&mut keyfob_registration_builder>,
    secret: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let registration = given("registration", registration)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let secret = unsafe { text("secret", secret) }?;
        registration.change(|registration| registration.client_secret(secret));
        Ok(())
    })
}

/// Sends the client secret in the body of the token request ("client_secret_post") instead of as the provider's file
/// or metadata say, else in the Authorization header, which RFC 6749 section 2.3.1 prefers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_builder_set_client_secret_post(
    registration: Option<&mut keyfob_registration_builder>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let registration = given("registration", registration)?;
        registration.change(|registration| registration.client_secret_post());
        Ok(())
    })
}

/// The private key that the client proves itself with, in place of a secret: for each request it signs a token of its
/// own ("private_key_jwt", RFC 7523 section 2.2), or a client secret where the provider wants one made so (Apple).
///
/// @param pem  PEM with one unencrypted PKCS#8 key (RFC 7468): RSA of 2048 to 4096 bits, EC on P-256 or P-384 with its
///             public half in it, or Ed25519; kept in memory only, and never sent; copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_builder_set_private_key(
    registration: Option<&mut keyfob_registration_builder>,
    pem: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let registration = given("registration", registration)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let pem = unsafe { text("pem", pem) }?;
        registration.change(|registration| registration.private_key(pem));
        Ok(())
    })
}

/// What the provider calls the private key: "kid" in the header of each token that it signs (RFC 7515 section 4.1.4).
/// Without it there is none.
///
/// @param key_id  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_builder_set_key_id(
    registration: Option<&mut keyfob_registration_builder>,
    key_id: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let registration = given("registration", registration)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let key_id = unsafe { text("key_id", key_id) }?;
        registration.change(|registration| registration.key_id(key_id));
        Ok(())
    })
}

/// What the private key signs with. Without it as its type says: RS256, ES256, ES384 or EdDSA.
///
/// @param algorithm  one of `KEYFOB_KEY_ALGORITHM_...`
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_builder_set_key_algorithm(
    registration: Option<&mut keyfob_registration_builder>,
    algorithm: keyfob_key_algorithm,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let registration = given("registration", registration)?;
        let algorithm = key_algorithm(algorithm)?;
        registration.change(|registration| registration.key_algorithm(algorithm));
        Ok(())
    })
}

/// Adds a default scope (RFC 6749 section 3.3). Without any, the provider's defaults are asked for.
///
/// @param scope  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_builder_add_scope(
    registration: Option<&mut keyfob_registration_builder>,
    scope: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let registration = given("registration", registration)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let scope = unsafe { text("scope", scope) }?;
        registration.change(|registration| registration.scope(scope));
        Ok(())
    })
}

/// Adds a resource that the tokens are for (RFC 8707), for instance the address of the app's own API. It is named in
/// each login, code exchange and refresh.
///
/// @param uri  absolute, without a fragment; copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_builder_add_resource(
    registration: Option<&mut keyfob_registration_builder>,
    uri: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let registration = given("registration", registration)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let uri = unsafe { text("uri", uri) }?;
        registration.change(|registration| registration.resource(uri));
        Ok(())
    })
}

/// Fills in a variable of the provider, for instance "issuer".
///
/// @param name   copied; caller may free after return
/// @param value  copied; caller may free after return
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_builder_set_variable(
    registration: Option<&mut keyfob_registration_builder>,
    name: *const c_char,
    value: *const c_char,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let registration = given("registration", registration)?;
        // SAFETY: the caller keeps the header's rule for strings.
        let name = unsafe { text("name", name) }?;
        // SAFETY: as above.
        let value = unsafe { text("value", value) }?;
        registration.change(|registration| registration.variable(name, value));
        Ok(())
    })
}

/// Whether logins may begin (default true). The sessions of a disabled registration stay.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_builder_set_enabled(
    registration: Option<&mut keyfob_registration_builder>,
    enabled: bool,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let registration = given("registration", registration)?;
        registration.change(|registration| registration.enabled(enabled));
        Ok(())
    })
}

/// At most so many refreshes of all this registration's sessions together in a window of time, counted over every
/// process of the store; a request that is repeated counts again. Without it the provider's own, or none. A call beyond
/// it gives `KEYFOB_RATE_LIMITED` while no token is good.
///
/// @param refreshes  at least 1
/// @param window_ms  in milliseconds, 1 to 86400000
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_builder_set_refresh_budget(
    registration: Option<&mut keyfob_registration_builder>,
    refreshes: u32,
    window_ms: i64,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let registration = given("registration", registration)?;
        let window = span("window_ms", window_ms)?;
        registration.change(|registration| registration.refresh_budget(refreshes, window));
        Ok(())
    })
}

/// Has each login's request sent to the provider by the app itself, and only its name by the browser (RFC 9126), where
/// neither the provider's metadata nor its file asks for that anyway. A provider that names no endpoint for it is then
/// `KEYFOB_CONFIGURATION`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_builder_require_pushed_authorization_requests(
    registration: Option<&mut keyfob_registration_builder>,
    error_out: Option<&mut MaybeUninit<*mut keyfob_error>>,
) -> keyfob_status {
    guard(error_out, || {
        let registration = given("registration", registration)?;
        registration.change(|registration| registration.require_pushed_authorization_requests());
        Ok(())
    })
}

/// Frees a registration that was not added; it may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn keyfob_registration_builder_free(registration: Option<Box<keyfob_registration_builder>>) {
    free(registration);
}

fn key_algorithm(number: keyfob_key_algorithm) -> Outcome<KeyAlgorithm> {
    Ok(match number {
        KEYFOB_KEY_ALGORITHM_RS256 => KeyAlgorithm::Rs256,
        KEYFOB_KEY_ALGORITHM_PS256 => KeyAlgorithm::Ps256,
        KEYFOB_KEY_ALGORITHM_ES256 => KeyAlgorithm::Es256,
        KEYFOB_KEY_ALGORITHM_ES384 => KeyAlgorithm::Es384,
        KEYFOB_KEY_ALGORITHM_EDDSA => KeyAlgorithm::EdDsa,
        _ => return Err(Failure::Argument { name: "algorithm", problem: "is not a KEYFOB_KEY_ALGORITHM" }),
    })
}
