//! What the outcome of a token request means: the table of the refresh protocol, as pure functions.

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::{Map, Value};

use super::answer::{Reading, TokenAnswer, normalise};
use crate::error::{Error, OAuthError, Reason, Result};
use crate::http::oauth::{Answer, Outcome};
use crate::http::{Sent, TransportError};
use crate::json;

/// What became of a refresh token that was sent, or was to be.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Save first.
    Tokens(TokenAnswer),
    /// The provider no longer accepts it. Nothing else ends a session.
    Dead { oauth: OAuthError, status: u16 },
    /// It is as good as before: the request did not arrive, or was turned away.
    NotSpent { error: Error, retry_after: Option<Duration> },
    /// Nobody knows. `error` is always [`Reason::InDoubt`]; its source says more.
    InDoubt { error: Error },
}

/// What became of a code that was sent, or was to be.
#[derive(Debug)]
pub(crate) enum ExchangeVerdict {
    Tokens(TokenAnswer),
    /// The provider answered, and not with tokens that can be used: this login will have none.
    Over {
        error: Error,
    },
    /// The code is as good as before: completing the login may be tried again.
    Usable {
        error: Error,
    },
    /// Nobody knows. A code works once, and to send it twice may revoke what the first one brought.
    InDoubt {
        error: Error,
    },
}

/// Judges a refresh. `dead_codes` and `transient_codes` are the provider file's own, beside `invalid_grant` and
/// `temporarily_unavailable`.
pub(crate) fn classify(outcome: &Outcome, dead_codes: &[&str], transient_codes: &[&str]) -> Verdict {
    match reply(outcome, transient_codes) {
        Reply::Tokens(tokens) => Verdict::Tokens(tokens),
        Reply::OAuth(oauth, status) if oauth.code() == "invalid_grant" || dead_codes.contains(&oauth.code()) => {
            Verdict::Dead { oauth, status }
        }
        Reply::OAuth(oauth, status) => Verdict::NotSpent { error: refusal(oauth, status), retry_after: None },
        Reply::TurnedAway { error, retry_after } => Verdict::NotSpent { error, retry_after },
        Reply::Unreadable(error) => Verdict::InDoubt { error: in_doubt(Reason::InDoubt, error) },
        Reply::Unknown(error) => Verdict::InDoubt { error },
    }
}

/// Judges a code exchange.
pub(crate) fn exchange_verdict(outcome: &Outcome, transient_codes: &[&str]) -> ExchangeVerdict {
    match reply(outcome, transient_codes) {
        Reply::Tokens(tokens) => ExchangeVerdict::Tokens(tokens),
        Reply::OAuth(oauth, status) => ExchangeVerdict::Over { error: refusal(oauth, status) },
        Reply::TurnedAway { error, .. } => ExchangeVerdict::Usable { error },
        // Not JSON may be somebody between here and the provider; malformed tokens are the provider's own.
        Reply::Unreadable(error) if error.reason() != Reason::NotJson => ExchangeVerdict::Over { error },
        Reply::Unreadable(error) | Reply::Unknown(error) => {
            ExchangeVerdict::InDoubt { error: in_doubt(Reason::CodeExchangeInDoubt, error) }
        }
    }
}

/// The rows that both tables have.
pub(super) enum Reply {
    Tokens(TokenAnswer),
    OAuth(OAuthError, u16),
    /// Not sent, or answered by somebody who did not act on it.
    TurnedAway {
        error: Error,
        retry_after: Option<Duration>,
    },
    /// A success that cannot be read.
    Unreadable(Error),
    Unknown(Error),
}

pub(super) fn reply(outcome: &Outcome, transient_codes: &[&str]) -> Reply {
    match outcome {
        Outcome::Answered(answer) => answered(answer, transient_codes),
        Outcome::Failed(error) => {
            let error = TransportError::new(error.sent, error.failure, error.detail.clone());
            match error.sent {
                Sent::NotSent => Reply::TurnedAway { error: error.into(), retry_after: None },
                Sent::Unknown => {
                    let detail = error.detail.clone();
                    Reply::Unknown(Error::new(Reason::InDoubt).with_detail(detail).with_source(error))
                }
            }
        }
    }
}

fn answered(answer: &Answer, transient_codes: &[&str]) -> Reply {
    let status = answer.status;
    let error = |reason| Error::new(reason).with_status(status);
    let turned_away = |reason| Reply::TurnedAway { error: error(reason), retry_after: None };
    let busy = |error: Error| {
        let retry_after = answer.retry_after;
        Reply::TurnedAway { error: error.with_retry_after(retry_after), retry_after }
    };
    let reading = match normalise(&answer.body, &answer.rules) {
        // An error that comes as a page was not said by the token endpoint, and ends nothing (security S77). Tokens are tokens: nobody else has them to give.
        Reading::Error(_) if answer.is_page => Reading::NotJson,
        reading => reading,
    };
    match (status, reading) {
        (429, _) => busy(error(Reason::BackOff)),
        (503, _) => busy(error(Reason::ProviderUnavailable)),
        (_, Reading::Error(oauth)) if is_transient(oauth.code(), transient_codes) => {
            busy(error(Reason::ProviderUnavailable).with_oauth(oauth))
        }
        (200..=299, Reading::Tokens(tokens)) if answer.accepted => Reply::Tokens(tokens),
        (200..=299, Reading::Tokens(_)) => Reply::Unreadable(error(Reason::MalformedTokenResponse)),
        (200..=299, Reading::Malformed(reason)) => Reply::Unreadable(error(reason)),
        (200..=299, Reading::NotJson) => Reply::Unreadable(error(Reason::NotJson)),
        // Not 400 and 401 alone: Auth0 says invalid_grant with a 403.
        (200..=299 | 400..=499, Reading::Error(oauth)) => Reply::OAuth(oauth, status),
        // The token endpoint redirects nobody (security S31).
        (300..=399, _) => {
            let redirect = error(Reason::UnexpectedRedirect);
            Reply::TurnedAway { error: error(Reason::CaptivePortal).with_source(redirect), retry_after: None }
        }
        (400..=499, Reading::NotJson) => turned_away(Reason::CaptivePortal),
        // A gateway of the provider's, in its own words (413, 415, a wrong path): whoever says 4xx did not do it.
        (400..=499, Reading::Tokens(_) | Reading::Malformed(_)) => turned_away(Reason::UnexpectedStatus),
        _ => Reply::Unknown(error(Reason::InDoubt)),
    }
}

fn is_transient(code: &str, transient_codes: &[&str]) -> bool {
    code == "temporarily_unavailable" || transient_codes.contains(&code)
}

/// What an endpoint answers that gives no tokens, and refuses in the token endpoint's words: the members of its object.
pub(super) fn object(outcome: Outcome, what: &'static str) -> Result<Map<String, Value>> {
    let answer = match outcome {
        Outcome::Answered(answer) => answer,
        Outcome::Failed(error) => return Err(error.into()),
    };
    let error = |reason| Error::new(reason).with_status(answer.status).with_detail(what);
    match (answer.status, json::parse(&answer.body)) {
        (200..=299, Ok(Value::Object(members))) if !has_error(&members) => Ok(members),
        (429, _) => Err(error(Reason::BackOff).with_retry_after(answer.retry_after)),
        (500..=599, _) => Err(error(Reason::ProviderUnavailable).with_retry_after(answer.retry_after)),
        (300..=399, _) => Err(error(Reason::UnexpectedRedirect)),
        (200..=299 | 400..=499, Ok(Value::Object(members))) if has_error(&members) => Err(refused(&answer)),
        (400..=499, Err(_)) => Err(error(Reason::CaptivePortal)),
        (200..=299, Err(_)) => Err(error(Reason::NotJson)),
        (200..=299, Ok(_)) => Err(error(Reason::MalformedResponse)),
        _ => Err(error(Reason::UnexpectedStatus)),
    }
}

fn has_error(members: &Map<String, Value>) -> bool {
    members.get("error").and_then(Value::as_str).is_some_and(|code| !code.is_empty())
}

fn refused(answer: &Answer) -> Error {
    match normalise(&answer.body, &answer.rules) {
        Reading::Error(oauth) if oauth.code() == "temporarily_unavailable" => {
            Error::new(Reason::ProviderUnavailable).with_status(answer.status).with_retry_after(answer.retry_after)
        }
        Reading::Error(oauth) => refusal(oauth, answer.status),
        _ => Error::new(Reason::MalformedResponse).with_status(answer.status),
    }
}

pub(super) fn refusal(oauth: OAuthError, status: u16) -> Error {
    let reason = match oauth.code() {
        "invalid_client" | "unauthorized_client" => Reason::InvalidClient,
        _ => Reason::ServerError,
    };
    Error::new(reason).with_oauth(oauth).with_status(status)
}

pub(super) fn in_doubt(reason: Reason, cause: Error) -> Error {
    let error = Error::new(reason);
    let error = match cause.http_status() {
        Some(status) => error.with_status(status),
        None => error,
    };
    match cause.detail() {
        Some(detail) => error.with_detail(detail.to_owned()).with_source(cause),
        None => error.with_source(cause),
    }
}
