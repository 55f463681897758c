//! Keyfob: embeddable OAuth 2 / OpenID Connect login.
#![forbid(unsafe_code)]

mod clock;
mod config;
mod error;
mod http;
mod json;
mod keyfob;
mod login;
mod oidc;
mod provider;
mod random;
mod refresh;
mod secret;
mod session;
mod store;
mod token;

pub use clock::{Clock, SystemClock};
pub use config::{Config, ConfigBuilder, Registration};
pub use error::{Error, ErrorKind, OAuthError, Reason, Result};
pub use http::{HttpRequest, HttpResponse, Method, Sent, Transport, TransportError, TransportFailure};
pub use keyfob::{Keyfob, RegistrationInfo};
pub use login::{Completed, Login, LoginOptions};
pub use provider::{Provider, ProviderKind};
pub use session::{AccessToken, Freshness, MinValidity, Profile, Session, SessionState};
pub use store::{JournalEntry, JournalEvent};
