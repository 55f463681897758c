//! What the workers ask for tokens: Keyfob, one of the naive protocols, or another program.

mod library;
pub(crate) mod naive;
pub(crate) mod program;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, bail};

use self::library::Library;
use self::naive::Naive;
use self::program::Program;
use crate::options::Errand;

/// How the processes keep out of each other's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Keyfob's own.
    Keyfob,
    /// A mutex in each process, and nothing between them.
    MutexOnly,
    /// A row that says who may refresh, for half a second.
    Lease,
    /// As the program does it that was named.
    Program,
}

impl Protocol {
    /// Those that are here.
    const OWN: [Self; 3] = [Self::MutexOnly, Self::Lease, Self::Keyfob];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Keyfob => "keyfob",
            Self::MutexOnly => "mutex-only",
            Self::Lease => "lease",
            Self::Program => "program",
        }
    }
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::OWN.into_iter().find(|it| it.name() == word).ok_or_else(|| "keyfob, mutex-only or lease".to_owned())
    }
}

/// Why there is no token.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The session has ended, for this cause.
    Ended(String),
    /// It may work the next time.
    Passing(String),
    /// This should not be.
    Wrong(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(text) | Self::Passing(text) | Self::Wrong(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Refusal {}

/// The cause of a session that the app ended, in every protocol.
pub(crate) const LOGGED_OUT: &str = "LoggedOut";

/// A session that nobody logged out.
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) user: String,
    pub(crate) active: bool,
    /// As it is stored; nothing where it is not given out.
    pub(crate) refresh_token: Option<String>,
}

/// One process's view of the store.
pub(crate) trait Client: Send + Sync {
    fn sessions(&self) -> Result<Vec<Seen>, Refusal>;

    fn access_token(&self, session: &str, min_validity: Duration) -> Result<String, Refusal>;

    /// After the provider has refused that access token.
    fn another_token(&self, session: &str, refused: &str) -> Result<String, Refusal>;

    /// Refreshes now.
    fn refresh(&self, session: &str) -> Result<(), Refusal>;

    /// Does what is owed, where the protocol knows such a thing.
    fn maintain(&self) -> Result<(), Refusal> {
        Ok(())
    }

    fn log_in(&self, user: &str) -> Result<(), Refusal>;

    fn log_out(&self, session: &Seen) -> Result<(), Refusal>;
}

/// Opens the store.
pub(crate) fn open(errand: &Errand) -> Result<Box<dyn Client>, Refusal> {
    Ok(match errand.protocol {
        Protocol::Keyfob => Box::new(Library::open(errand)?),
        Protocol::MutexOnly | Protocol::Lease => Box::new(Naive::open(errand)?),
        Protocol::Program => Box::new(Program::new(errand)),
    })
}

/// Tries again what fails in passing.
pub(crate) fn patiently<T>(patience: Duration, mut attempt: impl FnMut() -> Result<T, Refusal>) -> Result<T, Refusal> {
    let started = std::time::Instant::now();
    loop {
        match attempt() {
            Err(Refusal::Passing(_)) if started.elapsed() < patience => {
                std::thread::sleep(Duration::from_millis(20));
            }
            done => return done,
        }
    }
}

/// Asks the provider whose access token that is: true if it is good, false if it is refused.
pub(crate) fn is_accepted(agent: &ureq::Agent, issuer: &str, token: &str) -> Result<bool> {
    let answer = agent.get(format!("{issuer}/userinfo")).header("authorization", format!("Bearer {token}")).call()?;
    match answer.status().as_u16() {
        200 => Ok(true),
        401 => Ok(false),
        status => bail!("userinfo answered {status}"),
    }
}

/// An HTTP client that makes no error of a status.
pub(crate) fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None);
    config.timeout_global(Some(Duration::from_secs(30))).build().into()
}
