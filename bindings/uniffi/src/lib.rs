//! What Kotlin and Swift see of Keyfob: its public types, mirrored one by one, and no decision of its own.
//!
//! UniFFI writes sources for both languages from these items (`cargo xtask bindings`). They are not API: the hand-written
//! layers in `bindings/kotlin` and `bindings/swift` are, and they hide everything that is generated. Three rules hold here:
//!
//! - every export returns `Result`: in Swift a panic behind a function that cannot throw would end the app;
//! - what holds a token, a URL or a person's data exports its own `Debug` and `Display`: a record would print its fields;
//! - callbacks into the host are synchronous and fallible, and what a host throws is never shown: it may be a stack trace.
#![expect(clippy::exhaustive_enums, clippy::exhaustive_structs, reason = "mirrors: no Rust code can name them")]
#![expect(clippy::result_large_err, reason = "an error crosses as bytes, and UniFFI knows no boxes")]

mod browser;
mod clock;
#[cfg(test)]
mod coverage;
mod device;
mod end;
mod error;
mod executor;
mod guide;
mod health;
mod import;
mod journal;
mod keyfob;
mod login;
mod maintained;
mod observer;
mod profile;
mod provider;
mod registration;
mod session;
mod store_key;
mod token;
mod transport;

pub use self::browser::{BrowserError, BrowserLogin, HostBrowser, LoginControl, LoginPages, PageText, open_browser};
pub use self::clock::{ClockError, HostClock};
pub use self::device::{DeviceLogin, DevicePoll, HostScreen, ScreenError};
pub use self::end::{EndSession, Ended, LoggedOut, Revocation};
pub use self::error::{ErrorInfo, KeyfobError};
pub use self::executor::{ExecutorError, HostExecutor, Work};
pub use self::guide::{Loopback, RegistrationGuide};
pub use self::health::{Health, Interrupted, Sealing};
pub use self::import::ImportedTokens;
pub use self::journal::JournalEntry;
pub use self::keyfob::Keyfob;
pub use self::login::{Completed, Login, LoginOptions, Parameter, PendingLogin};
pub use self::maintained::Maintained;
pub use self::observer::{HostObserver, ObserverError};
pub use self::profile::Profile;
pub use self::provider::{Provider, ProviderKind, providers};
pub use self::registration::RegistrationInfo;
pub use self::session::{Session, SessionState};
pub use self::store_key::{HostStoreKeySource, StoreKey, StoreKeyAnswer, StoreKeyError, StoreKeyOrigin, WantedKey};
pub use self::token::AccessToken;
pub use self::transport::{
    Header, HostTransport, HttpRequest, HttpResponse, Method, Sent, TransportError, TransportFailure,
};

uniffi::setup_scaffolding!();

/// What every export returns.
pub(crate) type Result<T, E = KeyfobError> = std::result::Result<T, E>;
