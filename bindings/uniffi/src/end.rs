//! Logging out.

use std::fmt;

use crate::KeyfobError;

/// How a session is to end. Prints without the link.
#[derive(Clone, Default, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct EndSession {
    /// Here only: the provider is not asked to revoke the token.
    pub local_only: bool,
    /// Where the provider's logout page sends the browser afterwards.
    pub post_logout_redirect_uri: Option<String>,
}

impl From<EndSession> for keyfob::EndSession {
    fn from(options: EndSession) -> Self {
        let core = if options.local_only { Self::local_only() } else { Self::default() };
        match options.post_logout_redirect_uri {
            Some(uri) => core.post_logout_redirect_uri(uri),
            None => core,
        }
    }
}

impl fmt::Display for EndSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndSession(local_only: {})", self.local_only)
    }
}

impl fmt::Debug for EndSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What became of the token at the provider.
#[derive(Clone, Debug, uniffi::Enum)]
pub enum Revocation {
    /// It is good for nothing any more.
    Done,
    /// Nobody asked the provider.
    NotAsked,
    /// The provider offers no revocation for it.
    NotSupported,
    /// The provider could not be asked now, and is asked again by `maintain`.
    Owed {
        /// Why.
        error: KeyfobError,
    },
    /// The provider was asked and did not do it.
    Failed {
        /// Why.
        error: KeyfobError,
    },
}

impl From<&keyfob::Revocation> for Revocation {
    fn from(revocation: &keyfob::Revocation) -> Self {
        match revocation {
            keyfob::Revocation::Done => Self::Done,
            keyfob::Revocation::NotAsked => Self::NotAsked,
            keyfob::Revocation::Owed(error) => Self::Owed { error: error.clone().into() },
            keyfob::Revocation::Failed(error) => Self::Failed { error: error.clone().into() },
            // The enum of the core may grow: whatever it says then, the token was not revoked.
            _ => Self::NotSupported,
        }
    }
}

/// A session that has ended. Prints without the logout URL: it holds the ID token.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct Ended {
    /// What became of the token at the provider.
    pub revocation: Revocation,
    /// The provider's logout page, where it has one.
    pub logout_url: Option<String>,
}

impl From<&keyfob::Ended> for Ended {
    fn from(ended: &keyfob::Ended) -> Self {
        Self { revocation: ended.revocation().into(), logout_url: ended.logout_url().map(str::to_owned) }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.revocation {
            Revocation::Owed { error } => write!(f, "Ended(Owed: {error})"),
            Revocation::Failed { error } => write!(f, "Ended(Failed: {error})"),
            other => write!(f, "Ended({other:?})"),
        }
    }
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A logout whose browser came back from the provider's page.
#[derive(Clone, Debug, uniffi::Record)]
pub struct LoggedOut {
    /// The session that was logged out of.
    pub session_id: String,
    /// The registration that it was a session of.
    pub registration: String,
}

impl From<&keyfob::LoggedOut> for LoggedOut {
    fn from(logged_out: &keyfob::LoggedOut) -> Self {
        Self { session_id: logged_out.session_id().to_owned(), registration: logged_out.registration().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logout_and_its_options_print_redacted() {
        let options = EndSession { local_only: true, post_logout_redirect_uri: Some("app:/CANARY".to_owned()) };
        let url = || Some("https://idp.example/?id_token_hint=CANARY".to_owned());
        let ended = Ended { revocation: Revocation::Done, logout_url: url() };
        let error = KeyfobError::closed();
        let failed = Ended { revocation: Revocation::Failed { error: error.clone() }, logout_url: url() };
        let owed = Ended { revocation: Revocation::Owed { error }, logout_url: url() };
        let printed = format!("{options} {options:?} {ended} {ended:?} {failed} {failed:?} {:?}", failed.revocation);
        let printed = format!("{printed} {owed} {owed:?} {:?}", owed.revocation);
        assert!(!printed.contains("CANARY"), "{printed}");
        assert!(printed.contains("Ended(Done)") && printed.contains("Ended(Failed: Closed: "), "{printed}");
        assert!(printed.contains("Ended(Owed: Closed: "), "{printed}");
    }
}
