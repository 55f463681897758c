//! `/par`: an app sends its authorization request here, and the browser brings no more than its name (RFC 9126).

use std::collections::HashMap;
use std::time::Instant;

use serde_json::json;

use crate::authorize;
use crate::client::authenticate;
use crate::clock;
use crate::keys;
use crate::message::{Answer, Asked, Parameters};
use crate::state::State;
use crate::token::expires_in;

/// What every name of a request begins with (§2.2).
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// What proves the client: no part of the authorization request.
const PROOFS: [&str; 3] = ["client_assertion", "client_assertion_type", "client_secret"];

/// The requests that wait for their browser, by name.
#[derive(Debug, Default)]
pub(crate) struct PushedRequests(HashMap<String, PushedRequest>);

#[derive(Debug)]
struct PushedRequest {
    client_id: String,
    /// As a query.
    parameters: String,
    expires: Instant,
}

impl PushedRequests {
    /// The request of that name, once.
    pub(crate) fn take(&mut self, request_uri: &str, client_id: &str) -> Option<String> {
        let now = clock::now();
        self.0.retain(|_, request| now < request.expires);
        if self.0.get(request_uri)?.client_id != client_id {
            return None;
        }
        self.0.remove(request_uri).map(|request| request.parameters)
    }
}

/// `POST /par` (§2.1).
pub(crate) fn push(state: &mut State, asked: &Asked) -> Answer {
    let client_id = match authenticate(state, asked) {
        Ok(client_id) => client_id,
        Err(answer) => return answer,
    };
    if asked.form.get("request_uri").is_some() {
        return Answer::oauth_error(400, "invalid_request", "a request_uri is what this endpoint gives");
    }
    let pairs = asked.form.pairs().iter().filter(|(name, _)| !PROOFS.contains(&name.as_str()) && name != "client_id");
    let parameters = form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", &client_id)
        .extend_pairs(pairs)
        .finish();
    if let Some((code, description)) = authorize::fault(state, &Parameters::parse(&parameters)) {
        return Answer::oauth_error(400, code, &description);
    }
    let Ok(request_uri) = keys::random_text(PREFIX) else {
        return Answer::oauth_error(500, "server_error", "the machine gave no random bytes");
    };
    let seconds = state.script.pushed.request_seconds;
    let expires = clock::now() + clock::seconds(seconds);
    state.pushed.0.insert(request_uri.clone(), PushedRequest { client_id, parameters, expires });
    let answer = json!({ "request_uri": request_uri, "expires_in": expires_in(seconds, seconds) });
    Answer::json(201, &answer).uncached()
}
