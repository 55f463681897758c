//! Each provider of the catalogue as it is: at its real URLs, with the requests it wants and the answers it gives.
#![cfg(feature = "ureq")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test that fails should say where; its modules share with each other"
)]

#[path = "../support/mod.rs"]
mod support;

mod apple;
mod auth0;
mod bench;
mod catalogue;
mod discord;
mod exchange;
mod github;
mod gitlab;
mod google;
mod keycloak;
mod microsoft;
mod oidc;
mod relaxed;
mod scripted;
mod variables;
mod vendor;
