//! Logins without a callback server of the app's own: on another device (RFC 8628), and in the browser of this one (RFC 8252 section 7.3).

#[cfg(feature = "loopback")]
mod browser;
mod control;
mod device;
#[cfg(feature = "loopback")]
pub(crate) mod loopback;
#[cfg(feature = "loopback")]
pub(crate) mod pages;
mod qr;
#[cfg(feature = "loopback")]
pub(crate) mod request;

#[cfg(feature = "loopback")]
pub use self::browser::{Browser, BrowserLogin, open_browser};
pub use self::control::LoginControl;
pub use self::device::{DeviceLogin, DevicePoll};
#[cfg(feature = "loopback")]
pub use self::pages::LoginPages;
