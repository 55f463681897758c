//! A scriptable OAuth 2 / OpenID Connect provider for testing logins.
//!
//! It speaks real HTTP on a loopback port, shows a real sign-in page, signs real ID tokens, rotates
//! refresh tokens and notices when one is used twice. A [`Script`] says who may log in and how the
//! provider misbehaves: a token that is wrong in one place, an answer that is lost on the way, a clock
//! that is two hours off. A log of every request is the witness of what a client did and did not send.
//!
//! ```
//! use keyfob_idp::{Idp, Script, browser};
//!
//! let idp = Idp::start(Script::default())?;
//! let url = format!(
//!     "{}/authorize?response_type=code&client_id=demo&scope=openid&state=s&code_challenge_method=S256\
//!      &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&redirect_uri={}",
//!     idp.issuer(),
//!     "http://127.0.0.1:7777/callback/work-sso",
//! );
//! let redirect = browser::log_in(&url, "ada", "lovelace")?;
//! assert!(redirect.starts_with("http://127.0.0.1:7777/callback/work-sso?code="));
//! assert_eq!(idp.requests().len(), 2); // the page, and the form that was sent
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The way of a request: [`Idp`] owns a thread, on it `server` reads and logs the request, `faults` decides
//! whether something goes wrong, one endpoint (`authorize`, `token`, …) works on the one `state`, `tamper`
//! changes what it says, and `connection` sends the answer, or half of it.

#![forbid(unsafe_code)]

mod authorize;
pub mod browser;
mod client;
mod client_jwt;
mod clock;
mod connection;
mod control;
mod device;
mod discovery;
mod faults;
mod grants;
mod id_token;
mod idp;
mod keys;
mod log;
mod logout;
mod masked;
mod message;
mod pages;
mod pushed;
mod revoke;
mod script;
mod server;
mod state;
mod tamper;
mod tls;
mod token;
mod userinfo;
mod vendor;

/// Its snippets compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use client_jwt::ClientJwt;
pub use faults::{Close, Endpoint, Fault};
pub use idp::Idp;
pub use keys::Algorithm;
pub use log::LoggedRequest;
pub use masked::MaskedRequest;
pub use script::{
    ClientAuth, Device, InGrace, Keys, Pushed, RefreshTokens, Registration, Reuse, Revocation, Rotation, Script,
    ScriptError, Tokens, User,
};
pub use tamper::{Edit, HmacKey, IdTokenTamper, On, SigningKey, Tamper};
pub use tls::{Certificate, Tls};
pub use vendor::{Vendor, VendorAnswer, VendorRoute};
