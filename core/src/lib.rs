//! Keyfob: embeddable OAuth 2 / OpenID Connect login.
#![forbid(unsafe_code)]
#![expect(dead_code, reason = "the driver that calls these rooms is being built on them")]

mod clock;
mod error;
mod http;
mod json;
mod oidc;
mod secret;
mod token;

pub use clock::{Clock, SystemClock};
pub use error::{Error, ErrorKind, OAuthError, Reason, Result};
pub use http::{HttpRequest, HttpResponse, Method, Sent, Transport, TransportError, TransportFailure};
