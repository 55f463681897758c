//! A login that the user confirms on another device (RFC 8628).

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::{Completed, Keyfob, LoginControl, LoginOptions, Result};

/// A login that waits for the user on another device. Prints without its codes.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct DeviceLogin {
    /// The id of this login in this store.
    pub id: String,
    /// The registration it was begun for.
    pub registration: String,
    /// What the user types in.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: Option<String>,
    /// When the code is no longer good.
    pub expires_at: SystemTime,
    /// How long to wait between two polls.
    pub interval_millis: u64,
    /// A QR code for a terminal.
    pub qr_code_text: Option<String>,
    /// The same as an SVG image.
    pub qr_code_svg: Option<String>,
}

impl From<&keyfob::DeviceLogin> for DeviceLogin {
    fn from(login: &keyfob::DeviceLogin) -> Self {
        Self {
            id: login.id().to_owned(),
            registration: login.registration().to_owned(),
            user_code: login.user_code().to_owned(),
            verification_uri: login.verification_uri().to_owned(),
            verification_uri_complete: login.verification_uri_complete().map(str::to_owned),
            expires_at: login.expires_at(),
            interval_millis: u64::try_from(login.interval().as_millis()).unwrap_or(u64::MAX),
            qr_code_text: login.qr_code_text(),
            qr_code_svg: login.qr_code_svg(),
        }
    }
}

impl fmt::Display for DeviceLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceLogin({}, {})", self.id, self.registration)
    }
}

impl fmt::Debug for DeviceLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What came of asking whether the user has confirmed.
#[expect(clippy::large_enum_variant, reason = "it crosses to the other language by value, once a login")]
#[derive(Clone, Debug, uniffi::Enum)]
pub enum DevicePoll {
    /// Not yet: ask again after so long.
    Wait {
        /// In milliseconds.
        millis: u64,
    },
    /// The login has become a session.
    Done {
        /// What it became.
        completed: Completed,
    },
}

impl From<&keyfob::DevicePoll> for DevicePoll {
    fn from(poll: &keyfob::DevicePoll) -> Self {
        match poll {
            keyfob::DevicePoll::Done(completed) => Self::Done { completed: completed.into() },
            keyfob::DevicePoll::Wait(wait) => {
                Self::Wait { millis: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX) }
            }
            // The core is built with this adapter, and has no third answer.
            _ => Self::Wait { millis: 1000 },
        }
    }
}

/// The host's screen threw. What it threw is dropped.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum ScreenError {
    /// The host's screen threw.
    #[error("the host's screen failed")]
    Failed,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for ScreenError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed
    }
}

/// Shows the code of a login to the user.
#[uniffi::export(foreign)]
pub trait HostScreen: Send + Sync {
    /// Shows it, and returns at once.
    fn show(&self, login: DeviceLogin) -> Result<(), ScreenError>;
}

#[uniffi::export]
impl Keyfob {
    /// Begins a login that the user confirms on another device.
    pub fn begin_device_login(&self, registration: &str, options: LoginOptions) -> Result<DeviceLogin> {
        Ok((&self.core()?.begin_device_login(registration, options.into())?).into())
    }

    /// What to show for one that waits.
    pub fn device_login(&self, login_id: &str) -> Result<DeviceLogin> {
        Ok((&self.core()?.device_login(login_id)?).into())
    }

    /// Asks the provider once whether the user has confirmed, if it is time to ask.
    pub fn poll_device_login(&self, login_id: &str) -> Result<DevicePoll> {
        Ok((&self.core()?.poll_device_login(login_id)?).into())
    }

    /// Begins a login, has it shown, and polls until it is over. One that could not be shown is cancelled.
    pub fn login_on_another_device(
        &self,
        registration: &str,
        options: LoginOptions,
        screen: Arc<dyn HostScreen>,
        control: Arc<LoginControl>,
    ) -> Result<Completed> {
        let show = |login: &keyfob::DeviceLogin| {
            if screen.show(login.into()).is_err() {
                control.core.cancel();
            }
        };
        let completed = self.core()?.login_on_another_device(registration, options.into(), &show, &control.core)?;
        Ok((&completed).into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_login_on_another_device_prints_without_its_codes() {
        let login = DeviceLogin {
            id: "l-1".to_owned(),
            registration: "work-sso".to_owned(),
            user_code: "CANARY".to_owned(),
            verification_uri: "https://idp.example/device".to_owned(),
            verification_uri_complete: Some("https://idp.example/device?user_code=CANARY".to_owned()),
            expires_at: UNIX_EPOCH,
            interval_millis: 5000,
            qr_code_text: Some("CANARY".to_owned()),
            qr_code_svg: Some("CANARY".to_owned()),
        };
        assert_eq!(format!("{login} {login:?}"), "DeviceLogin(l-1, work-sso) DeviceLogin(l-1, work-sso)");
    }
}
