//! libkeyfob: the C ABI of Keyfob, a thin adapter over the crate `keyfob` with no decision in it.
//!
//! One file for each C type; [`boundary`] holds every idiom that the others share. `cargo xtask header`
//! makes `include/keyfob.h` of it: the documentation of the exported items is the manual that C programmers
//! read, in the order of the modules below.
#![expect(non_camel_case_types, reason = "types have their C names")]
#![expect(
    clippy::missing_safety_doc,
    reason = "a `# Safety` heading would be copied into the C header, whose preamble has the rules"
)]

mod boundary;
pub mod browser;
pub mod callback;
pub mod clock;
pub mod config;
pub mod config_builder;
pub mod control;
pub mod device;
pub mod end;
pub mod error;
pub mod executor;
pub mod guide;
pub mod handle;
pub mod health;
pub mod import;
pub mod journal;
pub mod listing;
pub mod log;
pub mod logged_out;
pub mod login;
pub mod maintain;
pub mod observer;
pub mod pending;
pub mod profile;
pub mod provider;
pub mod provider_builder;
pub mod registration;
pub mod registration_builder;
pub mod session;
pub mod store_key;
pub mod suspend;
pub mod token;
pub mod transport;
pub mod version;
