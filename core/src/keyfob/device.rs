//! A login on another device (RFC 8628): begin it, ask whether the user has confirmed, and wait until that is so.
//!
//! It is a row like any other login's. A poll is to it what the code exchange is to a redirect: it takes the one right to send, and what comes is saved
//! before it is looked at. What a poll brought, and how long to wait for the next, is in the row, so that another process goes on with it.

use std::time::Duration;

use super::begin::{asked_of_id_token, check_parameters, invalid_argument};
use super::client::{Asking, For};
use super::login::{MAX_TOKEN_ANSWER, hash};
use super::{Known, Shared, millis};
use crate::clock::from_millis;
use crate::desktop::{DeviceLogin, DevicePoll, LoginControl};
use crate::error::{Error, Reason, Result};
use crate::http::oauth::{authorize_device, poll_device};
use crate::login::{Completed, LoginOptions};
use crate::provider::NOTHING_KEPT;
use crate::random;
use crate::refresh::flight::Seat;
use crate::refresh::owner::is_running;
use crate::refresh::pause::Pause;
use crate::secret::Secret;
use crate::store::{DeviceSecrets, JournalEvent, LoginRow, LoginSecrets, NewLogin, Note, Pinned, Polling, Stage};
use crate::token::device::{PollVerdict, authorization, back_off, poll_verdict, slowed_down};

/// Longest answer of the device authorization endpoint (security S76).
const MAX_AUTHORIZATION: usize = 64 * 1024;

/// What a poll asks for (RFC 8628 section 3.4).
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// How often a wait looks at the clock: a device that was asleep meanwhile does not sleep on.
const LOOK: Duration = Duration::from_millis(200);

impl Shared {
    pub(super) fn begin_device_login(&self, registration: &str, options: &LoginOptions) -> Result<DeviceLogin> {
        let known = self.enabled(registration)?;
        if options.redirect_port.is_some() {
            return Err(invalid_argument("redirect_port: a login on another device has no redirect"));
        }
        check_parameters(options)?;
        let (max_age, acr_values) = asked_of_id_token(&options.parameters)?;
        let scopes = self.scopes(known, options)?;
        let _running = self.common.gate.begin()?;
        let metadata = self.metadata(known, &NOTHING_KEPT)?;
        let endpoint = metadata
            .device_authorization_endpoint
            .clone()
            .ok_or_else(|| Error::new(Reason::DeviceGrantUnsupported).with_detail(known.provider.id().to_owned()))?;
        // Before the request: the code's life begins no later than this.
        let begun = self.moment();
        let rules = known.provider.device();
        let mut scope = scopes.join(known.provider.scope_separator().text());
        let mut parameters = known.provider.filled(&rules.parameters, &known.registration.filling())?;
        if let Some(name) = rules.scope_parameter.as_ref().filter(|_| !scope.is_empty()) {
            parameters.push((name.clone(), std::mem::take(&mut scope)));
        }
        parameters.extend(options.parameters.iter().cloned());
        let asking = Asking { known, metadata: &metadata, redirect_uri: "", kept: &NOTHING_KEPT, what: For::Device };
        let (outcome, asked) = self.as_client(asking, &|| false, &|client| {
            let limits = self.limits(MAX_AUTHORIZATION);
            authorize_device(client, &endpoint, &scope, &parameters, &*self.transport, limits)
        })?;
        self.note_skew(&asked, &outcome);
        let answer = authorization(outcome)?;
        let secrets = LoginSecrets {
            // Never sent, so no redirect belongs to this login; nor has this grant a nonce or a verifier.
            state: Secret::new(random::secret_text()?),
            nonce: None,
            verifier: Secret::new(""),
            device: Some(DeviceSecrets {
                device_code: answer.device_code,
                user_code: answer.user_code,
                verification_uri_complete: answer.verification_uri_complete,
            }),
        };
        let interval_millis = millis(answer.interval);
        let polling = Polling {
            verification_uri: answer.verification_uri,
            interval_millis,
            // Nobody types so fast.
            pause: Pause::of(interval_millis, self.moment()),
            unanswered: 0,
            in_doubt: false,
        };
        let id = random::id()?;
        let expires_at = begun.wall.saturating_add(millis(answer.life));
        let pinned =
            Pinned { metadata, redirect_uri: String::new(), scopes, device: Some(polling), max_age, acr_values };
        self.common.store.begin_login(
            &NewLogin {
                id: &id,
                state_hash: hash(secrets.state.expose()).as_ref(),
                registration,
                created_at: begun.wall,
                expires_at,
                success: options.success.as_deref(),
                failure: options.failure.as_deref(),
                app_data: options.app_data.as_deref(),
                for_session: options.for_session.as_deref(),
                pinned: &pinned,
                secrets: &secrets,
            },
            &Note::new(JournalEvent::LoginBegun, registration),
        )?;
        self.device_login(&id)
    }

    /// What to show for a login on another device that waits, as any process has it.
    pub(super) fn device_login(&self, id: &str) -> Result<DeviceLogin> {
        let (login, polling) = self.device_row(id)?;
        let over = || Error::new(Reason::UnknownLogin).with_detail("it no longer waits");
        let secrets = login.secrets.and_then(|secrets| secrets.device).ok_or_else(over)?;
        Ok(DeviceLogin {
            id: login.id,
            registration: login.registration,
            user_code: secrets.user_code,
            verification_uri: polling.verification_uri,
            verification_uri_complete: secrets.verification_uri_complete,
            expires_at: from_millis(login.expires_at),
            interval: span(polling.interval_millis),
        })
    }

    pub(super) fn poll_device_login(&self, id: &str) -> Result<DevicePoll> {
        match self.common.polls.join(id) {
            // Never two at once (security S65): who comes meanwhile gets the same outcome.
            Seat::Follow(flight) => flight.wait(self.patience()),
            Seat::Lead(lead) => {
                let outcome = self.common.gate.begin().and_then(|_running| self.poll(id));
                lead.land(outcome)
            }
        }
    }

    /// Begins a login, shows it, and polls until it is over.
    pub(super) fn login_on_another_device(
        &self,
        registration: &str,
        options: &LoginOptions,
        show: &dyn Fn(&DeviceLogin),
        control: &LoginControl,
    ) -> Result<Completed> {
        if control.is_cancelled() {
            return Err(Error::new(Reason::Cancelled));
        }
        let login = self.begin_device_login(registration, options)?;
        show(&login);
        let mut interval = login.interval;
        loop {
            if control.is_cancelled() {
                self.cancel_login(&login.id)?;
                return Err(Error::new(Reason::Cancelled).with_return_to(options.failure.clone()));
            }
            let wait = match self.telling(|| self.poll_device_login(&login.id)) {
                Ok(DevicePoll::Done(completed)) => return Ok(completed),
                Ok(DevicePoll::Wait(wait)) => wait,
                // The tokens are saved and something on the way to the session failed for now: the next poll goes on from there.
                Err(error) if error.is_retryable() && self.clock.wall() < login.expires_at => {
                    interval = (interval * 2).min(Duration::from_secs(60));
                    error.retry_after().unwrap_or(interval)
                }
                Err(error) => return Err(error),
            };
            self.wait_for(wait, control);
        }
    }

    /// Waits for so long by the handle's own clock, or until somebody cancels.
    pub(super) fn wait_for(&self, time: Duration, control: &LoginControl) {
        let until = self.clock.boot() + time;
        while !control.is_cancelled() {
            let left = until.saturating_sub(self.clock.boot());
            if left.is_zero() {
                return;
            }
            control.pause(left.min(LOOK));
        }
    }

    fn device_row(&self, id: &str) -> Result<(LoginRow, Polling)> {
        let unknown = || Error::new(Reason::UnknownLogin);
        let login = self.common.store.login(id)?.ok_or_else(unknown)?;
        let polling = login.pinned.device.clone().ok_or_else(|| unknown().with_detail("not on another device"))?;
        Ok((login, polling))
    }

    fn poll(&self, id: &str) -> Result<DevicePoll> {
        let (login, polling) = self.device_row(id)?;
        let known = self.known(&login.registration)?;
        match login.stage {
            Stage::Done => self.session_of(&login).map(DevicePoll::Done),
            Stage::Failed => Err(ended(&login)),
            Stage::Answered => {
                let _peace = self.no_revocations(known)?;
                self.finish_device(&login, known)
            }
            Stage::Exchanging if self.is_polled_elsewhere(&login) => {
                Ok(DevicePoll::Wait(span(polling.interval_millis)))
            }
            Stage::Exchanging => {
                // Whoever polled is gone, and perhaps the tokens came to them. Unlike a code, a device code may be shown again: at worst it is spent.
                let pause = Pause::of(polling.interval_millis, self.moment());
                self.wait_on(&login, &Polling { pause, in_doubt: true, ..polling })
            }
            Stage::Pending => self.poll_pending(&login, polling, known),
        }
    }

    fn poll_pending(&self, login: &LoginRow, mut polling: Polling, known: &Known) -> Result<DevicePoll> {
        let left = login.expires_at.saturating_sub(self.wall_millis());
        if left <= 0 {
            let reason = if polling.in_doubt { Reason::CodeExchangeInDoubt } else { Reason::DeviceCodeExpired };
            return Err(self.failed(login, Error::new(reason))?);
        }
        if let Some(wait) = polling.pause.left(&self.now()) {
            return Ok(DevicePoll::Wait(wait.min(span(left))));
        }
        let missing = || Error::new(Reason::StoreTampered).with_detail("login.secrets");
        let secrets = login.secrets.as_ref().and_then(|secrets| secrets.device.as_ref()).ok_or_else(missing)?;
        let _peace = self.no_revocations(known)?;
        let code_hash = hash(secrets.device_code.expose());
        if !self.common.store.start_exchange(login, code_hash.as_ref(), self.wall_millis())? {
            // Another process was faster, or ended it.
            return Ok(DevicePoll::Wait(span(polling.interval_millis)));
        }
        let rules = known.provider.device();
        let grant_type = rules.grant_type.as_deref().unwrap_or(DEVICE_GRANT);
        let parameter = rules.code_parameter.as_deref().unwrap_or("device_code");
        let metadata = &login.pinned.metadata;
        let asking = Asking { known, metadata, redirect_uri: "", kept: &NOTHING_KEPT, what: For::Poll };
        let sent = self.as_client(asking, &|| false, &|client| {
            let limits = self.limits(MAX_TOKEN_ANSWER);
            poll_device(client, &secrets.device_code, grant_type, parameter, &*self.transport, limits)
        });
        let (outcome, received) = match sent {
            Ok(outcome) => outcome,
            Err(error) => {
                // The request could not even be built.
                self.common.store.put_back(login)?;
                return Err(error);
            }
        };
        self.note_skew(&received, &outcome);
        let transient: Vec<&str> = known.provider.refresh_rules().transient.iter().map(String::as_str).collect();
        let interval = span(polling.interval_millis);
        let wait = match poll_verdict(&outcome, &transient, polling.in_doubt) {
            PollVerdict::Tokens(answer) => {
                let received = self.seen_by_server(self.received(), &outcome);
                if !self.save_answer(login, &answer, &received)? {
                    return self.device_row(&login.id).and_then(|(login, _)| Err(ended(&login)));
                }
                let (login, _) = self.device_row(&login.id)?;
                return self.finish_device(&login, known);
            }
            PollVerdict::Over { error } => return Err(self.failed_in(login, Stage::Exchanging, error)?),
            PollVerdict::Pending => {
                polling.unanswered = 0;
                interval
            }
            PollVerdict::SlowDown => {
                polling.unanswered = 0;
                let slower = slowed_down(interval);
                polling.interval_millis = millis(slower);
                slower
            }
            PollVerdict::Later { error, retry_after, in_doubt } => {
                log::debug!("a poll of the login {} brought nothing: {error}", login.id);
                polling.unanswered = polling.unanswered.saturating_add(1);
                polling.in_doubt |= in_doubt;
                back_off(interval, polling.unanswered, retry_after)
            }
        };
        polling.pause = Pause::of(millis(wait), self.moment());
        self.wait_on(login, &polling)
    }

    /// Puts the login back to where it waits.
    fn wait_on(&self, login: &LoginRow, polling: &Polling) -> Result<DevicePoll> {
        if !self.common.store.put_back_device(login, polling)? {
            let (login, _) = self.device_row(&login.id)?;
            // It was cancelled while the poll was on its way.
            return if login.stage == Stage::Failed {
                Err(ended(&login))
            } else {
                Ok(DevicePoll::Wait(span(polling.interval_millis)))
            };
        }
        let left = span(login.expires_at.saturating_sub(self.wall_millis()));
        let wait = polling.pause.left(&self.now()).unwrap_or_default();
        Ok(DevicePoll::Wait(wait.min(left)))
    }

    fn finish_device(&self, login: &LoginRow, known: &Known) -> Result<DevicePoll> {
        match self.finish(login, known)? {
            Some(completed) => Ok(DevicePoll::Done(completed)),
            None => {
                // Another process finished it, or ended it.
                let (login, _) = self.device_row(&login.id)?;
                if login.stage == Stage::Done {
                    self.session_of(&login).map(DevicePoll::Done)
                } else {
                    Err(ended(&login))
                }
            }
        }
    }

    /// Whether another process is polling. We hold this process's one right to, so an owner with our number is an earlier process.
    fn is_polled_elsewhere(&self, login: &LoginRow) -> bool {
        let longest = millis(self.patience());
        let age = self.wall_millis().saturating_sub(login.exchange_at.unwrap_or(0));
        (0..longest).contains(&age) && login.owner_pid.is_some_and(|pid| pid != std::process::id() && is_running(pid))
    }
}

/// Why a login that is over is over.
fn ended(login: &LoginRow) -> Error {
    let reason = login.reason.as_deref().and_then(Reason::from_name).unwrap_or(Reason::Cancelled);
    Error::new(reason).with_return_to(login.failure.clone())
}

fn span(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
