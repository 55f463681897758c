//! A login on another device (RFC 8628): what to show, and what a poll brings.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::qr;
use crate::login::Completed;
use crate::secret::Secret;

/// A login that waits for the user on another device (RFC 8628). It is already stored: the process may end before the user confirms.
///
/// Show [`DeviceLogin::user_code`] and [`DeviceLogin::verification_uri`]; a QR code spares the typing. The code is shown also beside a QR code that holds
/// it: the user compares it with what the provider's page says, which tells this login from somebody else's (RFC 8628 section 3.3.1).
#[must_use = "show the user's code and the verification URI"]
pub struct DeviceLogin {
    pub(crate) id: String,
    pub(crate) registration: String,
    pub(crate) user_code: Secret,
    pub(crate) verification_uri: String,
    pub(crate) verification_uri_complete: Option<Secret>,
    pub(crate) expires_at: SystemTime,
    pub(crate) interval: Duration,
}

impl DeviceLogin {
    /// The id of this login in this store, for [`Keyfob::poll_device_login`](crate::Keyfob::poll_device_login).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The registration it was begun for.
    #[must_use]
    pub fn registration(&self) -> &str {
        &self.registration
    }

    /// What the user types in on the other device. Not for a log: who has it can confirm this login as somebody else.
    #[must_use]
    pub fn user_code(&self) -> &str {
        self.user_code.expose()
    }

    /// Where: https, and short enough to be typed.
    #[must_use]
    pub fn verification_uri(&self) -> &str {
        &self.verification_uri
    }

    /// The same with the code in it, where the provider has that: for a QR code or a link. Not for a log.
    #[must_use]
    pub fn verification_uri_complete(&self) -> Option<&str> {
        self.verification_uri_complete.as_ref().map(Secret::expose)
    }

    /// When the code is no longer good.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }

    /// How long to wait between two polls, as it is now. [`Keyfob::poll_device_login`](crate::Keyfob::poll_device_login) says each time how long to wait,
    /// and counts itself.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// A QR code of the verification URI, with the user's code in it where the provider has such a URI: lines of half blocks, for a terminal
    /// that writes light on dark. `None` for a URI that is too long for one.
    #[must_use]
    pub fn qr_code_text(&self) -> Option<String> {
        qr::text(self.scanned())
    }

    /// The same as an SVG image of black on white, for a window or a television.
    #[must_use]
    pub fn qr_code_svg(&self) -> Option<String> {
        qr::svg(self.scanned())
    }

    fn scanned(&self) -> &str {
        self.verification_uri_complete().unwrap_or(&self.verification_uri)
    }
}

impl Clone for DeviceLogin {
    fn clone(&self) -> Self {
        Self {
            id: self.id.clone(),
            registration: self.registration.clone(),
            user_code: self.user_code.duplicate(),
            verification_uri: self.verification_uri.clone(),
            verification_uri_complete: self.verification_uri_complete.as_ref().map(Secret::duplicate),
            expires_at: self.expires_at,
            interval: self.interval,
        }
    }
}

impl fmt::Debug for DeviceLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceLogin")
            .field("id", &self.id)
            .field("registration", &self.registration)
            .finish_non_exhaustive()
    }
}

/// What came of asking whether the user has confirmed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DevicePoll {
    /// Not yet: ask again after so long. Asked sooner, it says how long is left, and nobody is asked.
    Wait(Duration),
    /// The login has become a session.
    Done(Completed),
}
