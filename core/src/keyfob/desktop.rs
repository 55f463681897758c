//! The public calls for logins without a callback server of the app's own.

use super::Keyfob;
#[cfg(feature = "loopback")]
use crate::desktop::BrowserLogin;
use crate::desktop::{DeviceLogin, DevicePoll, LoginControl};
use crate::error::Result;
use crate::login::{Completed, LoginOptions};

impl Keyfob {
    /// The whole login in one call, for an app of the desktop or the command line: listens on a loopback port (RFC 8252 section 7.3), begins the login, opens
    /// the browser, waits for the redirect, completes the login, and shows the user how it went. **Touches the network. Changes stored state. Blocks** until
    /// the user has logged in or said no, the time limit is over ([`BrowserLogin::time_limit`]), or somebody cancels ([`BrowserLogin::control`]).
    ///
    /// The registration's redirect URI is `http://127.0.0.1/…` or `http://[::1]/…`; without a port in it a free one is taken. The port is open only
    /// while the login waits, takes exactly one redirect (a GET, or a form with [`LoginOptions::form_post`]) of this login at this address, and answers everything
    /// else with a refusal. Several logins may wait at once. A failure that passes is tried again for some seconds before it is told.
    ///
    /// # Errors
    /// Those of [`Keyfob::begin_login`] and [`Keyfob::complete_login`], and:
    /// - [`Configuration`](crate::ErrorKind::Configuration): the redirect URI is not a loopback address;
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): nothing can listen on its port; no browser could be opened (`BrowserUnavailable`: show the URL by a
    ///   [`Browser`](crate::Browser) of your own, or use [`Keyfob::login_on_another_device`]);
    /// - [`Timeout`](crate::ErrorKind::Timeout): no redirect in time; [`Cancelled`](crate::ErrorKind::Cancelled): by the control. The login is over.
    #[cfg(feature = "loopback")]
    pub fn login_in_browser(&self, registration: &str, login: BrowserLogin) -> Result<Completed> {
        self.shared.login_in_browser(registration, &login)
    }

    /// Begins a login that the user confirms on another device (RFC 8628): for a television, a console, a terminal over SSH. **Touches the network**, within
    /// the configured time limits. **Changes stored state.** The store has been told before this returns, so any process that opens the same store can
    /// show it ([`Keyfob::device_login`]) and poll it ([`Keyfob::poll_device_login`]).
    ///
    /// Of the options, [`LoginOptions::parameter`] goes along with the request, and a redirect port is refused.
    ///
    /// # Errors
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): no such registration, a malformed scope, a redirect port;
    /// - [`Configuration`](crate::ErrorKind::Configuration): the registration is disabled, the provider has no such logins, it does not know the client;
    /// - [`Network`](crate::ErrorKind::Network), [`Timeout`](crate::ErrorKind::Timeout), [`Tls`](crate::ErrorKind::Tls),
    ///   [`RateLimited`](crate::ErrorKind::RateLimited): try later;
    /// - [`OAuth`](crate::ErrorKind::OAuth), [`BadResponse`](crate::ErrorKind::BadResponse): the provider refused, or its answer cannot be read;
    /// - [`Random`](crate::ErrorKind::Random) and the kinds of the store.
    pub fn begin_device_login(&self, registration: &str, options: LoginOptions) -> Result<DeviceLogin> {
        self.shared.begin_device_login(registration, &options)
    }

    /// What to show for a login on another device that waits, after a restart of the app for instance. Touches no network.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument): no such login, one with a redirect, or one that is over; and the kinds of the store.
    pub fn device_login(&self, login_id: &str) -> Result<DeviceLogin> {
        self.shared.device_login(login_id)
    }

    /// Asks the provider once whether the user has confirmed, if it is time to ask (RFC 8628 section 3.4). **May touch the network**, within the configured
    /// time limits. **Changes stored state.** The store has been told before this returns.
    ///
    /// It is time when the provider's interval is over since the last poll by any thread of any process; sooner, nobody is asked and
    /// [`DevicePoll::Wait`] says how long is left. The interval is 5 seconds where the provider names none, 5 seconds more for good after each `slow_down`, and
    /// doubled for each answer in a row that did not come. Being offline is no error: the login waits on.
    ///
    /// A login that is done answers with its session, one that is over with the reason why.
    ///
    /// # Errors
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): no such login, or one with a redirect;
    /// - [`AccessDenied`](crate::ErrorKind::AccessDenied), [`OAuth`](crate::ErrorKind::OAuth), [`Configuration`](crate::ErrorKind::Configuration): the user or
    ///   the provider said no; the login is over;
    /// - [`LoginRequired`](crate::ErrorKind::LoginRequired): nobody confirmed in time, or the answer with the tokens was lost; the login is over;
    /// - [`Cancelled`](crate::ErrorKind::Cancelled): [`Keyfob::cancel_login`] ended it;
    /// - [`TokenRejected`](crate::ErrorKind::TokenRejected), [`BadResponse`](crate::ErrorKind::BadResponse): the provider's answer cannot be believed or read;
    ///   the login is over;
    /// - [`Network`](crate::ErrorKind::Network), [`Timeout`](crate::ErrorKind::Timeout), [`Tls`](crate::ErrorKind::Tls),
    ///   [`RateLimited`](crate::ErrorKind::RateLimited): the tokens are there and the profile is not; poll again;
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): suspended; and the kinds of the store.
    pub fn poll_device_login(&self, login_id: &str) -> Result<DevicePoll> {
        self.shared.telling(|| self.shared.poll_device_login(login_id))
    }

    /// The whole login on another device in one call: begins it, calls `show` once, polls by the rules, and returns with the session. **Touches the
    /// network**, again and again. **Changes stored state. Blocks** until the user has decided, the code is over, or somebody cancels by `control`.
    ///
    /// `show` runs on this thread and before the first poll; it shows the code and returns at once.
    ///
    /// # Errors
    /// Those of [`Keyfob::begin_device_login`] and [`Keyfob::poll_device_login`].
    pub fn login_on_another_device(
        &self,
        registration: &str,
        options: LoginOptions,
        show: &dyn Fn(&DeviceLogin),
        control: &LoginControl,
    ) -> Result<Completed> {
        self.shared.login_on_another_device(registration, &options, show, control)
    }
}
