//! The handle.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use keyfob::{Config, Freshness, MinValidity};
use zeroize::Zeroizing;

use crate::clock::{self, HostClock};
use crate::executor::{self, HostExecutor};
use crate::observer::{self, HostObserver};
use crate::store_key::{StoreKey, StoreKeyOrigin};
use crate::token;
use crate::transport::{self, HostTransport};
use crate::{
    AccessToken, Completed, EndSession, Ended, Health, ImportedTokens, JournalEntry, KeyfobError, LoggedOut, Login,
    LoginOptions, Maintained, PendingLogin, Profile, RegistrationGuide, RegistrationInfo, Result, Session,
};

/// The login library, opened on one store.
#[derive(uniffi::Object)]
#[uniffi::export(Debug, Display)]
pub struct Keyfob {
    /// `None` once closed. Calls that are under way hold a clone, so closing waits for nobody.
    core: RwLock<Option<keyfob::Keyfob>>,
}

impl Keyfob {
    pub(crate) fn core(&self) -> Result<keyfob::Keyfob> {
        let core = self.core.read().unwrap_or_else(PoisonError::into_inner);
        core.clone().ok_or_else(KeyfobError::closed)
    }
}

#[uniffi::export]
impl Keyfob {
    /// Opens the store that the configuration names.
    #[uniffi::constructor]
    pub fn open(
        config_json: &str,
        transport: Option<Arc<dyn HostTransport>>,
        clock: Option<Arc<dyn HostClock>>,
        executor: Option<Arc<dyn HostExecutor>>,
        observer: Option<Arc<dyn HostObserver>>,
        store_key: Option<StoreKeyOrigin>,
        device_binding: Option<Vec<u8>>,
    ) -> Result<Arc<Self>> {
        let mut config = Config::from_json(config_json)?;
        if let Some(host) = transport {
            config = config.with_transport(Arc::new(transport::Adapter(host)));
        }
        if let Some(host) = clock {
            config = config.with_clock(Arc::new(clock::Adapter(host)));
        }
        if let Some(host) = executor {
            config = config.with_executor(Arc::new(executor::Adapter(host)));
        }
        if let Some(host) = observer {
            config = config.with_observer(Arc::new(observer::Adapter(host)));
        }
        if let Some(origin) = store_key {
            config = origin.configure(config);
        }
        if let Some(bytes) = device_binding.map(Zeroizing::new) {
            config = config.with_device_binding(&*bytes);
        }
        let core = keyfob::Keyfob::open(config)?;
        Ok(Arc::new(Self { core: RwLock::new(Some(core)) }))
    }

    /// Lets go of the store as soon as the calls that are under way have ended. (In Kotlin `close` is the name of what
    /// frees the object itself.)
    pub fn close_store(&self) -> Result<()> {
        let core = self.core.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(core);
        Ok(())
    }

    /// The registrations, in the order of the configuration.
    pub fn registrations(&self) -> Result<Vec<RegistrationInfo>> {
        Ok(self.core()?.registrations().iter().map(RegistrationInfo::from).collect())
    }

    /// Begins a login and gives the URL to open.
    pub fn begin_login(&self, registration: &str, options: LoginOptions) -> Result<Login> {
        Ok((&self.core()?.begin_login(registration, options.into())?).into())
    }

    /// Hands the redirect back.
    pub fn complete_login(&self, redirect_url: &str) -> Result<Completed> {
        Ok((&self.core()?.complete_login(redirect_url)?).into())
    }

    /// The logins that wait for their redirect, oldest first.
    pub fn pending_logins(&self) -> Result<Vec<PendingLogin>> {
        Ok(self.core()?.pending_logins()?.iter().map(PendingLogin::from).collect())
    }

    /// Ends a login that waits for its redirect.
    pub fn cancel_login(&self, login_id: &str) -> Result<()> {
        Ok(self.core()?.cancel_login(login_id)?)
    }

    /// Gives an access token that is good for so long, waiting for others' refreshes as long as configured or as said.
    pub fn access_token(
        &self,
        session_id: &str,
        min_validity_millis: u64,
        wait_millis: Option<u64>,
    ) -> Result<AccessToken> {
        let min_validity = MinValidity::millis(min_validity_millis);
        let core = self.core()?;
        let token = match wait_millis {
            Some(wait) => core.access_token_within(session_id, min_validity, Duration::from_millis(wait))?,
            None => core.access_token(session_id, min_validity)?,
        };
        Ok((&token).into())
    }

    /// The token that `access_token` would give from memory, at once and without blocking; an empty text where it would do anything more. One text, because
    /// a record takes a multiple of its time to cross: when it is over, in seconds and nanoseconds since 1970 (both 0 where the provider did
    /// not say), and the token, with spaces between them.
    pub fn cached_access_token(&self, session_id: &str, min_validity_millis: u64) -> Result<String> {
        let token = self.core()?.cached_access_token(session_id, MinValidity::millis(min_validity_millis));
        Ok(token.as_ref().map(token::packed).unwrap_or_default())
    }

    /// Gives a text back and does nothing: what the benchmarks of the languages hold the cost of a call against.
    pub fn echo(&self, text: &str) -> Result<String> {
        Ok(text.to_owned())
    }

    /// Refreshes now, due or not.
    pub fn refresh_session(&self, session_id: &str) -> Result<Session> {
        Ok((&self.core()?.refresh_session(session_id)?).into())
    }

    /// After a resource server refused an access token: gives one that is not the refused one.
    pub fn refresh_if_current(&self, session_id: &str, rejected_token: &str) -> Result<AccessToken> {
        Ok((&self.core()?.refresh_if_current(session_id, rejected_token)?).into())
    }

    /// The user's profile, at most so old.
    pub fn profile(&self, session_id: &str, max_age_millis: u64) -> Result<Profile> {
        Ok((&self.core()?.profile(session_id, Freshness::millis(max_age_millis))?).into())
    }

    /// The session of that id.
    pub fn session(&self, session_id: &str) -> Result<Session> {
        Ok((&self.core()?.session(session_id)?).into())
    }

    /// The session of a user at the issuer that the registration names.
    pub fn find_session(&self, registration: &str, provider_uid: &str) -> Result<Option<Session>> {
        Ok(self.core()?.find_session(registration, provider_uid)?.as_ref().map(Session::from))
    }

    /// All sessions, oldest first.
    pub fn sessions(&self) -> Result<Vec<Session>> {
        Ok(self.core()?.sessions()?.iter().map(Session::from).collect())
    }

    /// At most so many of them, after one or from the first on.
    pub fn sessions_page(&self, after: Option<String>, limit: u32) -> Result<Vec<Session>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self.core()?.sessions_page(after.as_deref(), limit)?.iter().map(Session::from).collect())
    }

    /// The current session.
    pub fn current_session(&self) -> Result<Option<Session>> {
        Ok(self.core()?.current_session()?.as_ref().map(Session::from))
    }

    /// Makes a session the current one.
    pub fn set_current_session(&self, session_id: &str) -> Result<()> {
        Ok(self.core()?.set_current_session(session_id)?)
    }

    /// Logs out.
    pub fn end_session(&self, session_id: &str, options: EndSession) -> Result<Ended> {
        Ok((&self.core()?.end_session(session_id, options.into())?).into())
    }

    /// Takes the redirect from the provider's logout page.
    pub fn complete_logout(&self, redirect_url: &str) -> Result<LoggedOut> {
        Ok((&self.core()?.complete_logout(redirect_url)?).into())
    }

    /// Takes over a session from another library.
    pub fn import_session(&self, tokens: ImportedTokens) -> Result<Session> {
        Ok((&self.core()?.import_session(tokens.into())?).into())
    }

    /// What to enter at the provider's developer console.
    pub fn registration_guide(&self, registration: &str) -> Result<RegistrationGuide> {
        Ok((&self.core()?.registration_guide(registration)?).into())
    }

    /// The newest lines of the journal, newest first.
    pub fn journal(&self, limit: u32) -> Result<Vec<JournalEntry>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self.core()?.journal(limit)?.iter().map(JournalEntry::from).collect())
    }

    /// Puts the store under another key and seals every secret in it anew.
    pub fn rekey(&self, new_key: &StoreKey) -> Result<()> {
        Ok(self.core()?.rekey(new_key.core())?)
    }

    /// Does everything that is owed, and begins nothing new after the limit.
    pub fn maintain(&self, limit_millis: u64) -> Result<Maintained> {
        Ok((&self.core()?.maintain(Duration::from_millis(limit_millis))?).into())
    }

    /// Lets nothing new begin, waits so long for what is under way, and closes everything until `resume`.
    pub fn suspend(&self, deadline_millis: u64) -> Result<()> {
        Ok(self.core()?.suspend(Duration::from_millis(deadline_millis))?)
    }

    /// Opens everything again.
    pub fn resume(&self) -> Result<()> {
        Ok(self.core()?.resume()?)
    }

    /// How the store is.
    pub fn health(&self) -> Result<Health> {
        Ok((&self.core()?.health()?).into())
    }
}

impl fmt::Display for Keyfob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.core() {
            Ok(core) => write!(f, "{core:?}"),
            Err(_) => f.write_str("Keyfob(closed)"),
        }
    }
}

impl fmt::Debug for Keyfob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_handle_answers_every_call_with_the_same_error() {
        let folder = std::env::temp_dir().join(format!("keyfob-uniffi-{}", std::process::id()));
        let config = format!(r#"{{ "store": {{ "path": {folder:?}, "plaintext": true }} }}"#);
        let keyfob = Keyfob::open(&config, None, None, None, None, None, None).unwrap();
        assert!(keyfob.sessions().unwrap().is_empty());
        keyfob.close_store().unwrap();
        keyfob.close_store().unwrap();
        let error = keyfob.sessions().unwrap_err();
        assert!(matches!(error, KeyfobError::InvalidState { .. }));
        assert_eq!(error.info().reason, "Closed");
        assert_eq!(keyfob.to_string(), "Keyfob(closed)");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
