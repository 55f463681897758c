//! A login in the browser of this machine: listen, open the browser, wait, complete, show how it went.

use std::time::Duration;

use url::Url;

use super::Shared;
use super::begin::{asks_for_id_token, invalid_argument};
use crate::config::{RedirectUri, invalid, is_loopback};
use crate::desktop::loopback::{Received, Receiver};
use crate::desktop::pages::Page;
use crate::desktop::request::{Came, Expected};
use crate::desktop::{BrowserLogin, open_browser};
use crate::error::{Error, Reason, Result};
use crate::login::{Completed, Login, LoginOptions};
use crate::secret::Secret;

/// The first wait before a login that could not be completed for now is tried again, and how many tries there are: the browser waits for its page
/// meanwhile, and so does the user.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const TRIES: u32 = 4;

/// The longest wait that a provider may ask for while the browser waits.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

impl Shared {
    pub(super) fn login_in_browser(&self, registration: &str, wanted: &BrowserLogin) -> Result<Completed> {
        let cancelled = || Error::new(Reason::Cancelled).with_return_to(wanted.options.failure.clone());
        if wanted.control.is_cancelled() {
            return Err(cancelled());
        }
        let (receiver, options) = self.listen(registration, &wanted.options)?;
        let login = self.begin_login(registration, &options)?;
        let outcome = self.receive(receiver, &login, wanted);
        wanted.control.expect(None);
        match outcome {
            // Nobody listens any more, so no redirect can come.
            Err(error) => Err(self.no_longer(&login, error)?),
            Ok((came, sender)) => {
                let outcome = self.complete_patiently(&came, wanted);
                if let Some(sender) = sender {
                    sender.answer(&match &outcome {
                        Ok(completed) => Page::success(&wanted.pages, completed.return_to()),
                        Err(error) => Page::failure(&wanted.pages, wanted.options.failure.as_deref(), error),
                    });
                }
                outcome
            }
        }
    }

    /// Listens where the registration's redirect URI says; gives the options with the port in them.
    fn listen(&self, registration: &str, options: &LoginOptions) -> Result<(Receiver, LoginOptions)> {
        let known = self.enabled(registration)?;
        let text = known.registration.redirect_uri();
        let uri = Url::parse(text).ok().filter(|uri| uri.scheme() == "http" && is_loopback(uri));
        let uri = uri.ok_or_else(|| {
            invalid(
                "redirect_uri",
                "is not http://127.0.0.1/\u{2026} or http://[::1]/\u{2026}, where a login in the browser comes back to",
            )
        })?;
        let own = uri.port();
        // Said before a socket is opened.
        RedirectUri::parse(text).and_then(|uri| uri.with_port(options.redirect_port)).map_err(|problem| {
            invalid_argument(&format!("redirect_port: the registration's redirect URI {problem}"))
        })?;
        let receiver = Receiver::bind(&uri, options.redirect_port.or(own)).map_err(|error| {
            Error::new(Reason::LoopbackUnavailable).with_detail(format!("{:?}", error.kind())).with_source(error)
        })?;
        let port = own.is_none().then(|| receiver.port());
        Ok((receiver, LoginOptions { redirect_port: port, ..options.clone() }))
    }

    /// Opens the browser and waits for the redirect.
    fn receive(
        &self,
        receiver: Receiver,
        login: &Login,
        wanted: &BrowserLogin,
    ) -> Result<(Came, Option<crate::desktop::loopback::Sender>)> {
        let control = &wanted.control;
        let row = self.common.store.login(&login.id)?.ok_or_else(|| Error::new(Reason::UnknownLogin))?;
        let missing = || Error::new(Reason::StoreTampered).with_detail("login.secrets");
        let state = row.secrets.map(|secrets| secrets.state).ok_or_else(missing)?;
        control.expect(Some(state.duplicate()));
        let redirect_uri = Url::parse(&row.pinned.redirect_uri).map_err(|_| missing())?;
        let expected = Expected { redirect_uri, state };
        let opened = match &wanted.browser {
            Some(browser) => browser.open(login.authorization_url()),
            None => open_browser(login.authorization_url()),
        };
        if !opened {
            return Err(Error::new(Reason::BrowserUnavailable));
        }
        let until = self.clock.boot() + wanted.time_limit;
        if asks_for_id_token(self.known(&login.registration)?, &row.pinned.scopes) {
            self.fetch_keys_ahead(&row.pinned.metadata);
        }
        let is_late = || self.clock.boot() >= until || self.clock.wall() >= login.expires_at();
        let handed_over = std::cell::RefCell::new(None::<Secret>);
        let goes_on = || {
            if handed_over.borrow().is_none() {
                handed_over.replace(control.take_handed_over());
            }
            handed_over.borrow().is_none() && !control.is_cancelled() && !is_late() && self.common.gate.check().is_ok()
        };
        let received = receiver.wait(&expected, &*self.clock, &goes_on);
        match received {
            Ok(Received::Redirect(came, sender)) => Ok((came, Some(sender))),
            Ok(Received::Stopped) => match handed_over.into_inner() {
                Some(url) => Ok((Came::Url(url), None)),
                None if control.is_cancelled() => Err(Error::new(Reason::Cancelled)),
                None if is_late() => Err(Error::new(Reason::WaitTimeout).with_detail("the redirect")),
                None => Err(Error::new(Reason::Suspended)),
            },
            Err(error) => Err(Error::new(Reason::LoopbackUnavailable)
                .with_detail(format!("{:?}", error.kind()))
                .with_source(error)),
        }
    }

    /// Ends a login that nobody waits for any more. One that was suspended stays: its redirect can still be handed in.
    fn no_longer(&self, login: &Login, error: Error) -> Result<Error> {
        if error.reason() == Reason::Suspended {
            return Ok(error);
        }
        match self.common.store.login(&login.id)? {
            Some(row) => self.failed(&row, error),
            None => Ok(error),
        }
    }

    /// Completes the login, and tries again what fails for now: the redirect is here, and the app has no way to bring it a second time.
    fn complete_patiently(&self, came: &Came, wanted: &BrowserLogin) -> Result<Completed> {
        let mut wait = FIRST_WAIT;
        for left in (0..TRIES).rev() {
            let outcome = self.telling(|| match came {
                Came::Url(url) => self.complete_login(url.expose()),
                Came::Form(url, body) => self.complete_login_form(url, body.expose()),
            });
            match outcome {
                Err(error) if error.is_retryable() && left > 0 && !wanted.control.is_cancelled() => {
                    log::debug!("a login could not be completed yet: {error}");
                    self.wait_for(error.retry_after().unwrap_or(wait).min(LONGEST_WAIT), &wanted.control);
                    wait *= 2;
                }
                outcome => return outcome,
            }
        }
        Err(Error::new(Reason::Internal))
    }
}
