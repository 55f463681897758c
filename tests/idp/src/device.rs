//! A login on another device (RFC 8628): the device asks for two codes and polls with the one, the user types in the other.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::client::authenticate;
use crate::clock;
use crate::grants::Consent;
use crate::keys;
use crate::message::{Answer, Asked};
use crate::pages;
use crate::state::State;

/// The grant type of a poll.
pub(crate) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Letters of the codes that people type: no vowels, so that no word comes about, and nothing that looks like a digit (section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// The logins that wait, by device code.
#[derive(Debug, Default)]
pub(crate) struct Devices(HashMap<String, Device>);

#[derive(Debug)]
struct Device {
    client_id: String,
    user_code: String,
    scopes: Vec<String>,
    resources: Vec<String>,
    expires: Instant,
    interval: Duration,
    polled: Option<Instant>,
    decision: Decision,
}

#[derive(Clone, Debug)]
enum Decision {
    None,
    Denied,
    Allowed(Consent),
    /// The tokens were given.
    Used,
}

/// What a poll is answered with.
pub(crate) enum Polled {
    Tokens(Consent),
    Refused(&'static str),
}

impl Devices {
    fn waiting(&mut self, user_code: &str) -> Option<&mut Device> {
        let typed = plain(user_code);
        self.0.values_mut().find(|device| {
            plain(&device.user_code) == typed
                && matches!(device.decision, Decision::None)
                && clock::now() < device.expires
        })
    }

    /// Decides about a poll (section 3.5).
    pub(crate) fn poll(&mut self, device_code: &str, client_id: &str, enforce: bool) -> Polled {
        let now = clock::now();
        let Some(device) = self.0.get_mut(device_code).filter(|device| device.client_id == client_id) else {
            return Polled::Refused("invalid_grant");
        };
        let too_soon = device.polled.is_some_and(|last| now.duration_since(last) < device.interval);
        device.polled = Some(now);
        if now >= device.expires {
            return Polled::Refused("expired_token");
        }
        if too_soon && enforce {
            device.interval += Duration::from_secs(5);
            return Polled::Refused("slow_down");
        }
        match device.decision.clone() {
            Decision::None => Polled::Refused("authorization_pending"),
            Decision::Denied => Polled::Refused("access_denied"),
            Decision::Used => Polled::Refused("invalid_grant"),
            Decision::Allowed(consent) => {
                device.decision = Decision::Used;
                Polled::Tokens(consent)
            }
        }
    }
}

/// As people type it: in any case, with or without what stands between the letters.
fn plain(user_code: &str) -> String {
    user_code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// `POST /device_authorization` (section 3.1).
pub(crate) fn authorization(state: &mut State, asked: &Asked) -> Answer {
    let client_id = match authenticate(state, asked) {
        Ok(client_id) => client_id,
        Err(answer) => return answer,
    };
    let (Ok(device_code), Ok(random)) = (keys::random_text("dc-"), keys::random_text("")) else {
        return Answer::oauth_error(500, "server_error", "the machine gave no random bytes");
    };
    let letters: String = random
        .bytes()
        .filter_map(|byte| LETTERS.get(usize::from(byte) % LETTERS.len()))
        .map(|b| char::from(*b))
        .collect();
    let user_code: String =
        letters.chars().take(4).chain(std::iter::once('-')).chain(letters.chars().skip(4).take(4)).collect();
    let rules = state.script.device.clone();
    let device = Device {
        client_id,
        user_code: user_code.clone(),
        scopes: asked.form.get("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        resources: asked.form.all("resource"),
        expires: clock::now() + clock::seconds(rules.code_seconds),
        // The standard's, where the answer names none.
        interval: clock::seconds(rules.interval_seconds.unwrap_or(5.0)),
        polled: None,
        decision: Decision::None,
    };
    state.devices.0.insert(device_code.clone(), device);
    let mut members = Map::from_iter([
        ("device_code".to_owned(), json!(device_code)),
        ("user_code".to_owned(), json!(user_code)),
        ("verification_uri".to_owned(), json!(state.address("/device"))),
        ("verification_uri_complete".to_owned(), json!(state.address(&format!("/device?user_code={user_code}")))),
        ("expires_in".to_owned(), whole(rules.code_seconds)),
    ]);
    if let Some(interval) = rules.interval_seconds {
        members.insert("interval".to_owned(), whole(interval));
    }
    state.script.tamper.device.apply(&mut members);
    Answer::json(200, &Value::Object(members)).uncached()
}

/// Without a fraction where there is none.
fn whole(seconds: f64) -> Value {
    if seconds.fract() == 0.0 { json!(clock::seconds(seconds).as_secs()) } else { json!(seconds) }
}

/// `GET /device`: where the user types in the code, or finds it typed in.
pub(crate) fn page(state: &mut State, asked: &Asked) -> Answer {
    let code = asked.query.get("user_code").unwrap_or_default();
    show(state, code, "", None, 200)
}

/// `POST /device`: the form of that page.
pub(crate) fn form(state: &mut State, asked: &Asked) -> Answer {
    let code = asked.form.get("user_code").unwrap_or_default();
    let username = asked.form.get("username").unwrap_or_default();
    if state.devices.waiting(code).is_none() {
        return show(state, code, username, Some("No device waits with this code."), 404);
    }
    let allows = asked.form.get("decision") == Some("allow");
    let password = asked.form.get("password").unwrap_or_default();
    if allows && state.user(username).is_none_or(|user| user.password != password) {
        return show(state, code, username, Some("This user name and password do not go together."), 401);
    }
    let auth_time = state.unix();
    let granted = state.script.tokens.grant_scopes.clone();
    let Some(device) = state.devices.waiting(code) else {
        return show(state, code, username, Some("No device waits with this code."), 404);
    };
    device.decision = if allows {
        let allowed = |scope: &&String| granted.as_ref().is_none_or(|list| list.contains(scope));
        Decision::Allowed(Consent {
            client_id: device.client_id.clone(),
            username: username.to_owned(),
            scopes: device.scopes.iter().filter(allowed).cloned().collect(),
            resources: device.resources.clone(),
            nonce: None,
            auth_time,
        })
    } else {
        Decision::Denied
    };
    pages::device_decided(allows)
}

fn show(state: &State, user_code: &str, username: &str, problem: Option<&str>, status: u16) -> Answer {
    let page = pages::DevicePage { user_code, username, problem, users: &state.script.users };
    page.answer(status)
}
