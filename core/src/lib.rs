//! Keyfob: embeddable OAuth 2 / OpenID Connect login.
//!
//! An app names its providers, opens a URL in the browser, hands the redirect back, and from then on asks for an access token and
//! gets a good one: after a process death in mid-login, with other processes on the same store, offline, with a wrong clock. The whole
//! thing lives in one private folder with one SQLite file. No daemon, no async runtime, no thread of its own.
//!
//! ```text
//!  Config ─► open ─► begin_login ─► authorization URL ─► (browser, provider) ─► redirect URL ─► complete_login ─► Session
//!                         │ login row                                             │ checks, code exchange,          │
//!                         ▼                                                       ▼ SAVE, ID token, profile         ▼
//!                      [ store ] ◄───────────────────────────────────────────── [ store ] ◄──────────────── access_token
//!                                                                                                fresh → from memory, no I/O
//!                                                                                                due   → refreshed once
//! ```
//!
//! # Getting started
//!
//! ```no_run
//! use keyfob::{Config, Freshness, Keyfob, LoginOptions, MinValidity, Registration};
//!
//! # fn open_in_browser(_: &str) {}
//! # fn wait_for_redirect() -> String { String::new() }
//! # fn main() -> keyfob::Result<()> {
//! let config = Config::builder("/home/ada/notes/keyfob")
//!     .plaintext(true)
//!     .registration(
//!         Registration::new("work-sso", "oidc", "notes", "com.example.notes:/callback/work-sso")
//!             .variable("issuer", "https://login.example.com"),
//!     )
//!     .build()?;
//! let keyfob = Keyfob::open(config)?;
//!
//! let login = keyfob.begin_login("work-sso", LoginOptions::new().success("app:/home"))?;
//! open_in_browser(login.authorization_url()); // the process may die here
//! let done = keyfob.complete_login(&wait_for_redirect())?;
//!
//! let token = keyfob.access_token(done.session().id(), MinValidity::secs(60))?;
//! let me = keyfob.profile(done.session().id(), Freshness::default())?;
//! # let _ = (token.secret(), me.name());
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! Every fallible call returns an [`Error`]: its [`ErrorKind`] says what to do, its [`Reason`] why. Only
//! [`ErrorKind::LoginRequired`] means that the user has to log in again; nothing else ends a session.
//!
//! # Logs
//!
//! Through the [`log`](https://docs.rs/log) facade, without secrets at `DEBUG` and above. At `TRACE` the HTTP crate underneath prints every byte that
//! it sends and receives, tokens included: keep its targets (`ureq`, `ureq_proto`) below that in a log that others can read.
//!
//! # Features
//!
//! - `loopback` (default): [`Keyfob::login_in_browser`], with a receiver for the redirect on a loopback port.
//! - `webbrowser` (default): [`open_browser`] opens the system's browser; without it the host does ([`Browser`]).
//! - `ureq` (default): the built-in transport on ureq 3 and rustls. Without it the host brings its own [`Transport`].
//! - `keyring`: `OsKeyring`, the store key in the keyring of a desktop (Keychain, Credential Manager, Secret Service).
#![forbid(unsafe_code)]

// First, for its macro.
#[macro_use]
mod simulation;

mod clock;
mod config;
mod desktop;
mod error;
mod executor;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod json;
mod keyfob;
mod login;
mod oidc;
#[cfg(all(feature = "keyring", any(not(target_vendor = "apple"), target_os = "macos"), not(target_os = "android")))]
mod os_keyring;
mod provider;
mod random;
mod refresh;
mod secret;
mod session;
mod store;
mod store_key;
mod token;

pub use clock::{Clock, SystemClock};
pub use config::{Config, ConfigBuilder, RefreshPolicy, Registration};
#[cfg(feature = "loopback")]
pub use desktop::{Browser, BrowserLogin, LoginPages, open_browser};
pub use desktop::{DeviceLogin, DevicePoll, LoginControl};
pub use error::{Error, ErrorKind, OAuthError, Reason, Result};
pub use executor::Executor;
pub use http::signing_key::KeyAlgorithm;
pub use http::{HttpRequest, HttpResponse, Method, Sent, Transport, TransportError, TransportFailure};
pub use keyfob::{
    EndSession, Ended, Health, ImportedTokens, Interrupted, Keyfob, LoggedOut, Maintained, Observer, RegistrationGuide,
    RegistrationInfo, Revocation,
};
pub use login::{Completed, Login, LoginOptions, PendingLogin};
#[cfg(all(
    feature = "keyring",
    any(not(target_vendor = "apple"), target_os = "macos"),
    not(target_os = "android")
))]
pub use os_keyring::OsKeyring;
pub use provider::{Loopback, Provider, ProviderKind, providers};
pub use session::{AccessToken, Freshness, MinValidity, Profile, Session, SessionState};
pub use store::{JournalEntry, JournalEvent, Sealing};
pub use store_key::{StoreKey, StoreKeyAnswer, StoreKeySource, WantedKey};

/// The README's examples are compiled and run.
#[cfg(all(doctest, feature = "loopback"))]
#[doc = include_str!("../../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_shared_between_threads_can_be() {
        fn shared<T: Send + Sync + Clone>() {}
        shared::<Keyfob>();
        shared::<Session>();
        shared::<AccessToken>();
        shared::<Error>();
        shared::<Completed>();
    }
}
