//! `/logout`: the app sends the browser here to end the user's session (OpenID Connect RP-Initiated Logout).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::authorize::with_parameters;
use crate::message::{Answer, Asked, Parameters};
use crate::pages;
use crate::state::State;
use crate::tamper::text;

/// `GET` or `POST /logout`. This provider asks for the password at every login and so has no session to end:
/// it checks where the browser wants to go, and lets it.
pub(crate) fn logout(state: &mut State, asked: &Asked) -> Answer {
    let parameters = if asked.method == "POST" { &asked.form } else { &asked.query };
    if let Some(name) = parameters.duplicate() {
        return pages::failure(&format!("The parameter {name} is there twice."));
    }
    let Some(target) = parameters.get("post_logout_redirect_uri") else {
        return pages::signed_out();
    };
    let registered = client_id(parameters)
        .and_then(|client_id| state.registration(&client_id))
        .is_some_and(|registration| registration.post_logout_redirect_uris.iter().any(|uri| uri == target));
    if !registered {
        return pages::failure("The app asked to be called back at an address that is not registered for it.");
    }
    let state_sent = parameters.get("state").map(|sent| ("state".to_owned(), Value::from(sent)));
    let mut answer: Map<String, Value> = state_sent.into_iter().collect();
    state.script.tamper.logout.apply(&mut answer);
    let answer: Vec<_> = answer.into_iter().map(|(name, value)| (name, text(&value))).collect();
    Answer::redirect(&with_parameters(target, &answer))
}

/// The client that the request names, itself or by its ID token. The token's signature does not matter: with
/// nobody signed in here, a forged hint gains its forger nothing.
fn client_id(parameters: &Parameters) -> Option<String> {
    if let Some(client_id) = parameters.get("client_id") {
        return Some(client_id.to_owned());
    }
    let payload = parameters.get("id_token_hint")?.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    claims.get("aud")?.as_str().map(str::to_owned)
}
