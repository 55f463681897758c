//! Logins without a callback server of the app's own: on another device (RFC 8628), and in the browser of this one (RFC 8252 section 7.3).

mod control;
mod device;
mod qr;

pub use self::control::LoginControl;
pub use self::device::{DeviceLogin, DevicePoll};
