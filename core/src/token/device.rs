//! A login on another device (RFC 8628): what the provider answers, as pure functions.

use std::time::Duration;

use serde_json::{Map, Value};

use super::answer::TokenAnswer;
use super::verdict::{Reply, in_doubt, object, refusal, reply};
use crate::error::{Error, Reason, Result};
use crate::http::oauth::Outcome;
use crate::provider::check_endpoint;
use crate::secret::Secret;

/// How long to wait between two polls where the provider does not say (section 3.2).
const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);
/// What `slow_down` adds to that, for good (section 3.5).
const SLOW_DOWN: Duration = Duration::from_secs(5);
/// A provider that says "at once" is not stormed, and one that says "tomorrow" would not be asked while its code lives.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
const LONGEST_INTERVAL: Duration = Duration::from_secs(300);
/// However long a provider says that its code lives, nobody types one in a day later.
const LONGEST_LIFE: Duration = Duration::from_secs(86_400);
/// Longest device code, in bytes. It goes into a form, and nobody has to read it.
const MAX_DEVICE_CODE: usize = 16 * 1024;
/// Longest code for people, in characters.
const MAX_USER_CODE: usize = 64;
/// The longest wait that unanswered polls add up to.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);

/// The answer of the device authorization endpoint (section 3.2).
#[derive(Debug)]
pub(crate) struct DeviceAuthorization {
    pub(crate) device_code: Secret,
    pub(crate) user_code: Secret,
    pub(crate) verification_uri: String,
    pub(crate) verification_uri_complete: Option<Secret>,
    pub(crate) life: Duration,
    pub(crate) interval: Duration,
}

/// What one poll means.
#[derive(Debug)]
pub(crate) enum PollVerdict {
    Tokens(TokenAnswer),
    /// The user has not decided yet; wait as long again.
    Pending,
    /// The same, and from now on wait five seconds more each time.
    SlowDown,
    /// Nothing to go by; ask again, and not so soon.
    Later {
        error: Error,
        retry_after: Option<Duration>,
        /// The tokens may have been in the answer that was lost.
        in_doubt: bool,
    },
    /// This login will have no tokens.
    Over {
        error: Error,
    },
}

/// Reads the answer of the device authorization endpoint.
pub(crate) fn authorization(outcome: Outcome) -> Result<DeviceAuthorization> {
    read(&object(outcome, "device authorization")?)
}

fn read(members: &Map<String, Value>) -> Result<DeviceAuthorization> {
    let malformed =
        |key: &str| Error::new(Reason::MalformedResponse).with_detail(format!("device authorization: {key}"));
    let text = |key: &str| members.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let device_code = text("device_code").filter(|code| code.len() <= MAX_DEVICE_CODE);
    // It is shown to people, beside words of the app's: no control character, and nothing that turns the line round.
    let user_code =
        text("user_code").filter(|code| code.chars().count() <= MAX_USER_CODE && code.chars().all(is_plain));
    // Google's own name for it is older than the standard.
    let uri =
        text("verification_uri").or_else(|| text("verification_url")).ok_or_else(|| malformed("verification_uri"))?;
    check_endpoint("verification_uri", uri).map_err(|error| match error.reason() {
        Reason::InvalidConfiguration => malformed("verification_uri"),
        _ => error,
    })?;
    let complete =
        text("verification_uri_complete").filter(|uri| check_endpoint("verification_uri_complete", uri).is_ok());
    let life = members.get("expires_in").and_then(seconds).ok_or_else(|| malformed("expires_in"))?;
    Ok(DeviceAuthorization {
        device_code: Secret::new(device_code.ok_or_else(|| malformed("device_code"))?),
        user_code: Secret::new(user_code.ok_or_else(|| malformed("user_code"))?),
        verification_uri: uri.to_owned(),
        verification_uri_complete: complete.map(Secret::new),
        life: life.min(LONGEST_LIFE),
        interval: members
            .get("interval")
            .and_then(seconds)
            .unwrap_or(DEFAULT_INTERVAL)
            .clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL),
    })
}

fn is_plain(c: char) -> bool {
    c == ' ' || c.is_alphanumeric() || c.is_ascii_punctuation()
}

/// A number of seconds, as a number or as text.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().ok()?
        }
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

/// Judges one poll (sections 3.4 and 3.5). `was_in_doubt`: an earlier answer was lost, and may have had the tokens.
pub(crate) fn poll_verdict(outcome: &Outcome, transient_codes: &[&str], was_in_doubt: bool) -> PollVerdict {
    match reply(outcome, transient_codes) {
        Reply::Tokens(tokens) => PollVerdict::Tokens(tokens),
        Reply::OAuth(oauth, status) => match oauth.code() {
            "authorization_pending" => PollVerdict::Pending,
            "slow_down" => PollVerdict::SlowDown,
            "access_denied" => {
                PollVerdict::Over { error: Error::new(Reason::AccessDenied).with_oauth(oauth).with_status(status) }
            }
            // A device code works once: it is gone with the answer that did not come.
            "invalid_grant" | "expired_token" if was_in_doubt => {
                PollVerdict::Over { error: in_doubt(Reason::CodeExchangeInDoubt, refusal(oauth, status)) }
            }
            "expired_token" => {
                PollVerdict::Over { error: Error::new(Reason::DeviceCodeExpired).with_oauth(oauth).with_status(status) }
            }
            _ => PollVerdict::Over { error: refusal(oauth, status) },
        },
        Reply::TurnedAway { error, retry_after } => PollVerdict::Later { error, retry_after, in_doubt: false },
        Reply::Unreadable(error) if error.reason() != Reason::NotJson => PollVerdict::Over { error },
        Reply::Unreadable(error) | Reply::Unknown(error) => {
            PollVerdict::Later { error, retry_after: None, in_doubt: true }
        }
    }
}

/// The interval after `slow_down`.
pub(crate) fn slowed_down(interval: Duration) -> Duration {
    interval + SLOW_DOWN
}

/// How long to wait after so many polls in a row without an answer: twice as long each time (section 3.5), and what the provider asks for at least.
pub(crate) fn back_off(interval: Duration, unanswered: u32, retry_after: Option<Duration>) -> Duration {
    let doubled = interval.saturating_mul(2_u32.saturating_pow(unanswered.min(16)));
    doubled.min(LONGEST_BACK_OFF.max(interval)).max(retry_after.unwrap_or_default())
}
