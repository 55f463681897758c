//! A login in the browser of this machine: what it asks for, and who opens the browser.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{LoginControl, LoginPages};
use crate::login::LoginOptions;

/// Opens URLs for Keyfob, instead of the system's browser: a host with ways of its own, or a terminal that shows the URL to be opened elsewhere.
///
/// Called on the thread of the login, which waits for the redirect afterwards: an implementation returns at once. It may not call back into the same
/// login, save by the login's [`LoginControl`] from another thread.
pub trait Browser: Send + Sync {
    /// Opens the URL, or shows it; `false` where neither can be done. The URL's query holds the login's `state`: not for a log.
    fn open(&self, url: &str) -> bool;
}

/// What a login in the browser is to be like ([`Keyfob::login_in_browser`](crate::Keyfob::login_in_browser)).
///
/// ```
/// use keyfob::{BrowserLogin, LoginOptions, LoginPages};
/// let login = BrowserLogin::new()
///     .options(LoginOptions::new().scope("email"))
///     .pages(LoginPages::new("Notes"))
///     .time_limit(std::time::Duration::from_secs(180));
/// ```
#[derive(Clone)]
#[must_use]
pub struct BrowserLogin {
    pub(crate) options: LoginOptions,
    pub(crate) pages: LoginPages,
    pub(crate) time_limit: Duration,
    pub(crate) browser: Option<Arc<dyn Browser>>,
    pub(crate) control: LoginControl,
}

impl Default for BrowserLogin {
    fn default() -> Self {
        Self {
            options: LoginOptions::new(),
            pages: LoginPages::default(),
            time_limit: Duration::from_secs(300),
            browser: None,
            control: LoginControl::new(),
        }
    }
}

impl BrowserLogin {
    /// Five minutes, the system's browser, the built-in pages.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the login asks for. [`LoginOptions::success`] and [`LoginOptions::failure`] are where the browser is sent at the end (303), where they are
    /// absolute links; else it shows the built-in pages. [`LoginOptions::redirect_port`] is the port to listen on.
    pub fn options(mut self, options: LoginOptions) -> Self {
        self.options = options;
        self
    }

    /// What the built-in pages say.
    pub fn pages(mut self, pages: LoginPages) -> Self {
        self.pages = pages;
        self
    }

    /// How long to wait for the redirect (default 5 minutes). The configuration's limit for logins holds too.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Who opens the URL, instead of the system's browser.
    pub fn browser(mut self, browser: Arc<dyn Browser>) -> Self {
        self.browser = Some(browser);
        self
    }

    /// What another thread cancels the login with, or hands a pasted redirect over.
    pub fn control(mut self, control: &LoginControl) -> Self {
        self.control = control.clone();
        self
    }
}

impl fmt::Debug for BrowserLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrowserLogin")
            .field("options", &self.options)
            .field("time_limit", &self.time_limit)
            .finish_non_exhaustive()
    }
}

/// Opens a URL in the system's browser and returns at once; `false` where there is none to open: no screen (a terminal over SSH), no browser, or a build
/// without the feature `webbrowser`. Touches nothing else.
#[must_use]
pub fn open_browser(url: &str) -> bool {
    has_screen() && open(url)
}

#[cfg(feature = "webbrowser")]
fn open(url: &str) -> bool {
    let mut options = webbrowser::BrowserOptions::new();
    // What a browser says goes into nobody's terminal.
    options.with_suppress_output(true);
    webbrowser::open_browser_with_options(webbrowser::Browser::Default, url, &options).is_ok()
}

#[cfg(not(feature = "webbrowser"))]
fn open(_url: &str) -> bool {
    false
}

/// Whether a browser could show itself. Without a screen a browser of the terminal might be found, and would take the terminal over.
#[cfg(all(unix, not(any(target_os = "android", target_vendor = "apple"))))]
#[expect(clippy::disallowed_methods, reason = "where the screen is stands nowhere else")]
fn has_screen() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"]
        .iter()
        .any(|name| std::env::var(name).is_ok_and(|value| !value.is_empty()))
}

#[cfg(not(all(unix, not(any(target_os = "android", target_vendor = "apple")))))]
fn has_screen() -> bool {
    true
}
