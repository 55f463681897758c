//! The stage: a strict provider with a little latency, users, and a folder for the store.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use keyfob_idp::{Algorithm, Endpoint, Fault, Idp, Reuse, Rotation, Script, User};

use crate::client::{Protocol, naive, program};
use crate::folder::Folder;
use crate::options::Options;

/// The id of the only registration; also that of its provider.
pub(crate) const REGISTRATION: &str = "chaos";
/// The client that the provider's demo script knows, and its redirect URI.
pub(crate) const CLIENT: &str = "demo";
pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1/callback/work-sso";
/// Every user's password.
pub(crate) const PASSWORD: &str = "lovelace";
/// The header by which the provider's log tells the workers apart.
pub(crate) const WORKER: &str = "x-worker";

/// How long a refresh is on its way to the provider.
pub(crate) const LAG: f64 = 0.005;

/// Who logs in: the nth user's name, which is their subject as well.
pub(crate) fn user(number: usize) -> String {
    format!("u-{number}")
}

/// The provider and the folder.
pub(crate) struct Stage {
    pub(crate) idp: Idp,
    pub(crate) folder: Folder,
}

impl Stage {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let mut script = Script::default();
        script.users = (0..options.sessions)
            .map(|number| {
                User::new(&user(number), PASSWORD, &user(number)).claim("email", format!("{number}@example.com"))
            })
            .collect();
        // Its key is made in no time, and its signatures are quick.
        script.algorithms = vec![Algorithm::ES256];
        script.tokens.access_token_seconds = options.life;
        script.tokens.rotation = Rotation::SingleUse;
        script.tokens.reuse = Reuse::RevokeFamily;
        script.tokens.grace_seconds = options.grace;
        script.tokens.in_grace = options.in_grace;
        script.faults = vec![Fault::on(Endpoint::Token).grant_type("refresh_token").lag(LAG).delay(options.delay)];
        let idp = if options.tls { Idp::start_tls(script) } else { Idp::start(script) };
        let idp = idp.context("cannot start the provider")?;
        let folder = Folder::new().context("cannot make a folder for the store")?;
        std::fs::write(program::authority(folder.path()), idp.ca_certificate().unwrap_or_default())?;
        Ok(Self { idp, folder })
    }
}

/// The folder of Keyfob's store.
pub(crate) fn store(folder: &Path) -> PathBuf {
    folder.join("store")
}

/// What SQLite says of the database that the workers used.
pub(crate) fn integrity(protocol: Protocol, folder: &Path) -> Result<String> {
    let database = match protocol {
        Protocol::Keyfob => store(folder).join("keyfob.db"),
        Protocol::MutexOnly | Protocol::Lease => naive::database(folder),
        // What it keeps its tokens in is its own matter, and what it makes of a damaged one too.
        Protocol::Program => return Ok("ok".to_owned()),
    };
    let connection = rusqlite::Connection::open(database)?;
    Ok(connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?)
}
