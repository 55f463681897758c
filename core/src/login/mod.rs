//! One attempt to log in: what it asks for, the URL it opens, the redirect that comes back.

pub(crate) mod authorize;
mod options;
pub(crate) mod redirect;

use std::fmt;
use std::time::SystemTime;

pub use self::options::LoginOptions;
use crate::clock::from_millis;
use crate::session::Session;

/// A login that has begun. It is already stored: the process may end before the redirect comes.
#[must_use = "open the authorization URL in the browser"]
pub struct Login {
    pub(crate) id: String,
    pub(crate) registration: String,
    pub(crate) authorization_url: String,
    pub(crate) expires_at: SystemTime,
}

impl Login {
    /// The id of this login in this store.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The registration it was begun for.
    #[must_use]
    pub fn registration(&self) -> &str {
        &self.registration
    }

    /// The URL to open in the system's browser, never in an embedded web view (RFC 8252 section 8.12). Its query holds the login's
    /// `state`: do not log it.
    ///
    /// Where the request was pushed (RFC 9126) the provider keeps it for a short time only, often a minute: open the URL at once. Later the provider shows an
    /// error of its own, and the login waits on until it expires; begin another.
    #[must_use]
    pub fn authorization_url(&self) -> &str {
        &self.authorization_url
    }

    /// When the login stops waiting for its redirect.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("id", &self.id).field("registration", &self.registration).finish_non_exhaustive()
    }
}

/// A login that has become a session.
#[derive(Clone, Debug)]
pub struct Completed {
    pub(crate) session: Session,
    pub(crate) return_to: Option<String>,
    pub(crate) app_data: Option<String>,
}

impl Completed {
    /// The session.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The session, by value.
    #[must_use]
    pub fn into_session(self) -> Session {
        self.session
    }

    /// The success link that the login was begun with.
    #[must_use]
    pub fn return_to(&self) -> Option<&str> {
        self.return_to.as_deref()
    }

    /// What the app gave the login to keep.
    #[must_use]
    pub fn app_data(&self) -> Option<&str> {
        self.app_data.as_deref()
    }
}

/// A login that waits for its redirect.
#[derive(Clone, Debug)]
pub struct PendingLogin {
    pub(crate) id: String,
    pub(crate) registration: String,
    pub(crate) created_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) on_another_device: bool,
}

impl PendingLogin {
    /// The id of the login in this store.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The registration it was begun for.
    #[must_use]
    pub fn registration(&self) -> &str {
        &self.registration
    }

    /// When it was begun.
    #[must_use]
    pub fn created_at(&self) -> SystemTime {
        from_millis(self.created_at)
    }

    /// When it stops waiting.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        from_millis(self.expires_at)
    }

    /// Whether it waits for the user on another device, and not for a redirect: [`Keyfob::device_login`](crate::Keyfob::device_login) gives what to show,
    /// [`Keyfob::poll_device_login`](crate::Keyfob::poll_device_login) goes on with it.
    #[must_use]
    pub fn is_on_another_device(&self) -> bool {
        self.on_another_device
    }
}
