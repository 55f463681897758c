//! A login in the browser of this machine.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use keyfob::Browser;

use crate::{Completed, Keyfob, LoginOptions, Result};

/// The other end of a login that blocks.
#[derive(uniffi::Object)]
#[uniffi::export(Debug)]
pub struct LoginControl {
    pub(crate) core: keyfob::LoginControl,
}

#[uniffi::export]
impl LoginControl {
    /// A control for one login.
    #[uniffi::constructor]
    pub fn make() -> Result<Arc<Self>> {
        Ok(Arc::new(Self { core: keyfob::LoginControl::new() }))
    }

    /// Ends the login that waits.
    pub fn cancel(&self) -> Result<()> {
        self.core.cancel();
        Ok(())
    }

    /// Whether somebody has cancelled.
    pub fn is_cancelled(&self) -> Result<bool> {
        Ok(self.core.is_cancelled())
    }

    /// Hands the redirect over to a login in the browser that waits.
    pub fn hand_over(&self, redirect_url: &str) -> Result<()> {
        Ok(self.core.hand_over(redirect_url)?)
    }
}

impl fmt::Debug for LoginControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.core)
    }
}

/// Title and text of a page.
#[derive(Clone, Debug, uniffi::Record)]
pub struct PageText {
    /// The title.
    pub title: String,
    /// The text below it.
    pub words: String,
}

/// What the pages at the end of a login in the browser say.
#[derive(Clone, Debug, Default, uniffi::Record)]
pub struct LoginPages {
    /// What they call the app.
    pub app: Option<String>,
    /// The language of the texts (BCP 47).
    pub language: Option<String>,
    /// Whether the texts are written from right to left.
    pub right_to_left: bool,
    /// After a login.
    pub success: Option<PageText>,
    /// After somebody said no.
    pub denied: Option<PageText>,
    /// After any other failure.
    pub failure: Option<PageText>,
}

impl From<LoginPages> for keyfob::LoginPages {
    fn from(pages: LoginPages) -> Self {
        let core = match pages.app {
            Some(app) => Self::new(app),
            None => Self::default(),
        };
        let mut core = core.right_to_left(pages.right_to_left);
        if let Some(tag) = pages.language {
            core = core.language(tag);
        }
        if let Some(PageText { title, words }) = pages.success {
            core = core.success(title, words);
        }
        if let Some(PageText { title, words }) = pages.denied {
            core = core.denied(title, words);
        }
        if let Some(PageText { title, words }) = pages.failure {
            core = core.failure(title, words);
        }
        core
    }
}

/// What a login in the browser is to be like.
#[derive(Clone, Debug, uniffi::Record)]
pub struct BrowserLogin {
    /// What the login asks for.
    pub options: LoginOptions,
    /// What the pages say.
    pub pages: LoginPages,
    /// How long to wait for the redirect; else five minutes.
    pub time_limit_millis: Option<u64>,
}

impl BrowserLogin {
    fn with(self, browser: Option<Arc<dyn HostBrowser>>, control: &LoginControl) -> keyfob::BrowserLogin {
        let mut core = keyfob::BrowserLogin::new().options(self.options.into()).pages(self.pages.into());
        if let Some(limit) = self.time_limit_millis {
            core = core.time_limit(Duration::from_millis(limit));
        }
        if let Some(host) = browser {
            core = core.browser(Arc::new(Adapter(host)));
        }
        core.control(&control.core)
    }
}

/// The host's browser threw. What it threw is dropped.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum BrowserError {
    /// The host's browser threw.
    #[error("the host's browser failed")]
    Failed,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for BrowserError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed
    }
}

/// Opens URLs, or shows them.
#[uniffi::export(foreign)]
pub trait HostBrowser: Send + Sync {
    /// Opens the URL and returns at once; false where that cannot be done. (`open` is a keyword of Swift's, which its C header would be given.)
    fn open_url(&self, url: String) -> Result<bool, BrowserError>;
}

/// Makes a browser of the core out of the host's: one that throws has opened nothing.
struct Adapter(Arc<dyn HostBrowser>);

impl Browser for Adapter {
    fn open(&self, url: &str) -> bool {
        self.0.open_url(url.to_owned()).unwrap_or(false)
    }
}

#[uniffi::export]
impl Keyfob {
    /// The whole login in the browser.
    pub fn login_in_browser(
        &self,
        registration: &str,
        login: BrowserLogin,
        browser: Option<Arc<dyn HostBrowser>>,
        control: Arc<LoginControl>,
    ) -> Result<Completed> {
        Ok((&self.core()?.login_in_browser(registration, login.with(browser, &control))?).into())
    }

    /// Hands back the form that the browser posted.
    pub fn complete_login_form(&self, url: &str, body: &str) -> Result<Completed> {
        Ok((&self.core()?.complete_login_form(url, body)?).into())
    }
}

/// Opens a URL in the system's browser; false where there is none.
#[uniffi::export]
pub fn open_browser(url: &str) -> Result<bool> {
    Ok(keyfob::open_browser(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Host(Result<bool, ()>);

    impl HostBrowser for Host {
        fn open_url(&self, _url: String) -> Result<bool, BrowserError> {
            self.0.map_err(|()| BrowserError::Failed)
        }
    }

    #[test]
    fn a_browser_that_throws_has_opened_nothing() {
        for (host, opened) in [(Host(Ok(true)), true), (Host(Ok(false)), false), (Host(Err(())), false)] {
            assert_eq!(Adapter(Arc::new(host)).open("http://127.0.0.1/"), opened);
        }
    }
}
