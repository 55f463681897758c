//! Keyfob, through its public API and its built-in transport.

use std::time::Duration;

use keyfob::{
    Config, EndSession, Error, ErrorKind, Keyfob, LoginOptions, MinValidity, Provider, Registration, Session,
    SessionState, StoreKey,
};
use keyfob_idp::browser;
use serde_json::json;

use super::{Client, Refusal, Seen};
use crate::options::Errand;
use crate::stage::{CLIENT, PASSWORD, REDIRECT_URI, REGISTRATION, WORKER, store};

/// What seals the store, in every process that opens it.
const STORE_KEY: [u8; 32] = [7; 32];

/// A handle on the store.
pub(crate) struct Library {
    keyfob: Keyfob,
}

impl Library {
    pub(crate) fn open(errand: &Errand) -> Result<Self, Refusal> {
        // The provider's file is what puts a header into the token requests. So the log tells who sent them, and the transport is
        // still the built-in one.
        let provider = json!({
            "id": REGISTRATION,
            "name": "Chaos",
            "kind": "oidc",
            "variables": { "issuer": { "form": "url" } },
            "issuer": "{issuer}",
            "token_request": { "headers": { WORKER: errand.name } },
            "profile": { "uid": "/sub", "email": "/email" }
        });
        let registration = Registration::new(REGISTRATION, REGISTRATION, CLIENT, REDIRECT_URI)
            .variable("issuer", errand.issuer.as_str())
            .scope("openid")
            .scope("email")
            .scope("offline_access");
        // Some look for other processes' commits at every call, some as seldom as they do by default.
        let coherence = [0, 100, 1000].get(usize::try_from(errand.seed % 3).unwrap_or(0)).copied().unwrap_or(0);
        let config = Config::builder(store(&errand.folder))
            .provider(Provider::from_json(&provider.to_string())?)
            .registration(registration)
            .coherence(Duration::from_millis(coherence))
            .build()?;
        Ok(Self { keyfob: Keyfob::open(config.with_store_key(StoreKey::new(STORE_KEY)))? })
    }

    /// The whole login.
    pub(crate) fn session_of(&self, user: &str) -> Result<Session, Refusal> {
        let login = self.keyfob.begin_login(REGISTRATION, LoginOptions::new())?;
        let redirect = browser::log_in(login.authorization_url(), user, PASSWORD);
        let redirect = redirect.map_err(|error| Refusal::Wrong(error.to_string()))?;
        Ok(self.keyfob.complete_login(&redirect)?.into_session())
    }
}

impl Client for Library {
    fn sessions(&self) -> Result<Vec<Seen>, Refusal> {
        let sessions = self.keyfob.sessions()?;
        let seen = |session: &Session| Seen {
            id: session.id().to_owned(),
            user: session.provider_uid().to_owned(),
            active: session.state() == SessionState::Active,
            refresh_token: session.provider_refresh_token().map(str::to_owned),
        };
        Ok(sessions.iter().map(seen).collect())
    }

    fn access_token(&self, session: &str, min_validity: Duration) -> Result<String, Refusal> {
        let millis = u64::try_from(min_validity.as_millis()).unwrap_or(u64::MAX);
        Ok(self.keyfob.access_token(session, MinValidity::millis(millis))?.secret().to_owned())
    }

    fn another_token(&self, session: &str, refused: &str) -> Result<String, Refusal> {
        Ok(self.keyfob.refresh_if_current(session, refused)?.secret().to_owned())
    }

    fn refresh(&self, session: &str) -> Result<(), Refusal> {
        self.keyfob.refresh_session(session)?;
        Ok(())
    }

    fn maintain(&self) -> Result<(), Refusal> {
        self.keyfob.maintain(Duration::from_secs(1))?;
        Ok(())
    }

    fn log_in(&self, user: &str) -> Result<(), Refusal> {
        self.session_of(user).map(drop)
    }

    fn log_out(&self, session: &Seen) -> Result<(), Refusal> {
        self.keyfob.end_session(&session.id, EndSession::default())?;
        Ok(())
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::LoginRequired => Self::Ended(error.reason().name().to_owned()),
            ErrorKind::Network
            | ErrorKind::RateLimited
            | ErrorKind::RefreshBusy
            | ErrorKind::StoreUnavailable
            | ErrorKind::Timeout => Self::Passing(error.reason().name().to_owned()),
            _ => Self::Wrong(format!("{}: {error}", error.kind().name())),
        }
    }
}
