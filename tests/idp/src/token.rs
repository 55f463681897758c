//! `/token`: a code becomes tokens, a refresh token becomes newer ones.

use serde_json::{Value, json};

use crate::client::authenticate;
use crate::clock;
use crate::device::{self, Polled};
use crate::grants::{Consent, FamilyId, Presented, TokenSet};
use crate::id_token;
use crate::keys;
use crate::message::{Answer, Asked};
use crate::script::{RefreshTokens, Rotation};
use crate::state::State;

/// `POST /token` (RFC 6749 §3.2).
pub(crate) fn token(state: &mut State, asked: &Asked) -> Answer {
    let client_id = match authenticate(state, asked) {
        Ok(client_id) => client_id,
        Err(answer) => return answer,
    };
    let answer = match asked.form.get("grant_type") {
        Some("authorization_code") => exchange(state, asked, &client_id),
        Some("refresh_token") => refresh(state, asked, &client_id),
        Some(device::GRANT_TYPE) => poll(state, asked, &client_id),
        Some(_) => {
            Err(Answer::oauth_error(400, "unsupported_grant_type", "codes, refresh tokens and device codes only"))
        }
        None => Err(missing("grant_type")),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

fn exchange(state: &mut State, asked: &Asked, client_id: &str) -> Result<Answer, Answer> {
    let text = asked.form.get("code").ok_or_else(|| missing("code"))?;
    let verifier = asked.form.get("code_verifier").ok_or_else(|| missing("code_verifier"))?;
    let code = state.grants.take_code(text).ok_or_else(|| dead("the code is not known or was used before"))?;
    // From here on the code is spent whatever comes: a client that got this far wrong is not to guess again.
    if code.consent.client_id != client_id {
        return Err(dead("the code is another client's"));
    }
    if clock::now() >= code.expires {
        return Err(dead("the code is too old"));
    }
    if asked.form.get("redirect_uri") != Some(code.redirect_uri.as_str()) {
        return Err(dead("the redirect_uri is not the one that the code was sent to"));
    }
    if keys::s256(verifier) != code.challenge {
        return Err(dead("the code_verifier does not fit the code_challenge"));
    }
    for_what_was_agreed(asked, &code.consent)?;
    let with_refresh = brings_refresh_token(state, &code.consent);
    let family = state.grants.begin(text, code.consent.clone());
    issue(state, family, &code.consent, &code.consent.scopes, with_refresh, false)
}

fn brings_refresh_token(state: &State, consent: &Consent) -> bool {
    match state.script.tokens.refresh_token {
        RefreshTokens::Always => true,
        RefreshTokens::Never => false,
        RefreshTokens::OfflineAccess => consent.scopes.iter().any(|scope| scope == "offline_access"),
    }
}

/// A device asks whether its user has decided (RFC 8628 §3.4).
fn poll(state: &mut State, asked: &Asked, client_id: &str) -> Result<Answer, Answer> {
    let text = asked.form.get("device_code").ok_or_else(|| missing("device_code"))?;
    match state.devices.poll(text, client_id, state.script.device.enforce_interval) {
        Polled::Refused(code) => Err(Answer::oauth_error(400, code, "the device code brings no tokens now")),
        Polled::Tokens(consent) => {
            for_what_was_agreed(asked, &consent)?;
            let with_refresh = brings_refresh_token(state, &consent);
            let family = state.grants.begin(text, consent.clone());
            issue(state, family, &consent, &consent.scopes, with_refresh, false)
        }
    }
}

fn refresh(state: &mut State, asked: &Asked, client_id: &str) -> Result<Answer, Answer> {
    let text = asked.form.get("refresh_token").ok_or_else(|| missing("refresh_token"))?;
    let rules = state.script.tokens.clone();
    match state.grants.present(text, client_id, &rules) {
        Presented::Refused(why) => Err(dead(why)),
        Presented::Reused => {
            state.saw_reuse = true;
            Err(dead("the refresh token was used before"))
        }
        Presented::Repeats(consent, tokens) => {
            let left = tokens.access_expires.saturating_duration_since(clock::now());
            Ok(give(state, &tokens, left.as_secs_f64(), &consent.scopes, true))
        }
        Presented::Renews(family, consent) => {
            let scopes = narrowed(asked.form.get("scope"), &consent)?;
            for_what_was_agreed(asked, &consent)?;
            if state.user(&consent.username).is_none() {
                return Err(dead("the user is gone"));
            }
            let rotates = rules.rotation == Rotation::SingleUse;
            if rotates {
                state.grants.spend(text, &rules);
            }
            issue(state, family, &consent, &scopes, rotates, true)
        }
    }
}

/// A token is asked for the resources that the user agreed to, or for some of them (RFC 8707 §2.2).
fn for_what_was_agreed(asked: &Asked, consent: &Consent) -> Result<(), Answer> {
    match asked.form.all("resource").iter().find(|resource| !consent.resources.contains(resource)) {
        None => Ok(()),
        Some(resource) => Err(Answer::oauth_error(400, "invalid_target", &format!("{resource} was never agreed to"))),
    }
}

/// The scopes of a refresh: those asked for, and never more than were granted (RFC 6749 §6).
fn narrowed(asked: Option<&str>, consent: &Consent) -> Result<Vec<String>, Answer> {
    let Some(asked) = asked else { return Ok(consent.scopes.clone()) };
    let scopes: Vec<String> = asked.split_whitespace().map(str::to_owned).collect();
    match scopes.iter().find(|scope| !consent.scopes.contains(scope)) {
        None => Ok(scopes),
        Some(scope) => Err(Answer::oauth_error(400, "invalid_scope", &format!("{scope} was never granted"))),
    }
}

fn issue(
    state: &mut State,
    family: FamilyId,
    consent: &Consent,
    scopes: &[String],
    with_refresh: bool,
    refresh: bool,
) -> Result<Answer, Answer> {
    let broken = |_| Answer::oauth_error(500, "server_error", "the machine gave no key or no random bytes");
    let access_token = keys::random_text("at-").map_err(broken)?;
    let refresh_token = with_refresh.then(|| keys::random_text("rt-")).transpose().map_err(broken)?;
    let wants_id_token = scopes.iter().any(|scope| scope == "openid");
    let id_token = if wants_id_token && (!refresh || state.script.tokens.id_token_on_refresh) {
        Some(id_token::issue(state, consent, &access_token, refresh).map_err(broken)?)
    } else {
        None
    };
    let access_expires = clock::now() + clock::seconds(state.script.tokens.access_token_seconds);
    let tokens = TokenSet { access_token, refresh_token, id_token, access_expires };
    state.grants.add_tokens(family, &tokens);
    Ok(give(state, &tokens, state.script.tokens.access_token_seconds, scopes, refresh))
}

/// The answer that gives tokens (RFC 6749 §5.1).
fn give(state: &State, tokens: &TokenSet, left_seconds: f64, scopes: &[String], refresh: bool) -> Answer {
    let mut answer = json!({
        "access_token": tokens.access_token,
        "token_type": "Bearer",
        "expires_in": expires_in(left_seconds, state.script.tokens.access_token_seconds),
        "scope": scopes.join(" "),
    });
    if let Some(members) = answer.as_object_mut() {
        for (name, token) in [("refresh_token", &tokens.refresh_token), ("id_token", &tokens.id_token)] {
            if let Some(token) = token {
                members.insert(name.to_owned(), json!(token));
            }
        }
        let tamper = &state.script.tamper.token;
        if tamper.on.covers(refresh) {
            tamper.apply(members);
        }
    }
    Answer::json(200, &answer).uncached()
}

/// What is left of a life, without a fraction if the whole of it has none.
pub(crate) fn expires_in(left_seconds: f64, whole_seconds: f64) -> Value {
    if whole_seconds.fract() == 0.0 { json!(clock::seconds(left_seconds).as_secs()) } else { json!(left_seconds) }
}

fn missing(name: &str) -> Answer {
    Answer::oauth_error(400, "invalid_request", &format!("{name} is missing"))
}

fn dead(description: &str) -> Answer {
    Answer::oauth_error(400, "invalid_grant", description)
}
