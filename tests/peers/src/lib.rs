//! Logins through Keyfob at providers that we did not write: a [`Peer`] runs npm's `oidc-provider`, which the OpenID
//! Foundation certified, a [`Browser`] is the user, and the tests drive Keyfob's public API between them.
//!
//! `cargo xtask test peers` installs what is needed (node 20 or later, `npm ci` in this folder) and runs them.

mod bench;
mod browser;
mod client;
mod peer;

pub use bench::{Bench, Later, SSO};
pub use browser::{Browser, Page};
pub use client::{Client, Signature};
pub use peer::{Peer, Request};
