//! Who is asking: client authentication at the token and revocation endpoints (RFC 6749 §2.3).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::message::{Answer, Asked};
use crate::script::ClientAuth;
use crate::state::State;

/// Reads a form request and says whose it is, or the answer that refuses it.
pub(crate) fn authenticate(state: &State, asked: &Asked) -> Result<String, Answer> {
    if !asked.is_form() {
        return Err(Answer::oauth_error(400, "invalid_request", "the body must be a form"));
    }
    if let Some(name) = asked.form.duplicate() {
        return Err(Answer::oauth_error(400, "invalid_request", &format!("{name} is there twice")));
    }
    if !asked.query.pairs().is_empty() {
        return Err(Answer::oauth_error(400, "invalid_request", "parameters belong into the body, not into the URL"));
    }
    let by_header = asked.header("authorization").map(basic);
    let by_form = asked.form.get("client_secret");
    if by_header.is_some() && by_form.is_some() {
        return Err(Answer::oauth_error(400, "invalid_request", "a client proves itself in one way only"));
    }
    let named = asked.form.get("client_id");
    let (client_id, used, secret) = match &by_header {
        None => {
            let used = if by_form.is_some() { ClientAuth::Post } else { ClientAuth::None };
            (named.unwrap_or_default(), used, by_form)
        }
        Some(Some((id, secret))) if named.is_none_or(|named| named == id) => {
            (id.as_str(), ClientAuth::Basic, Some(secret.as_str()))
        }
        Some(_) => return Err(refused("the Authorization header does not name the client")),
    };
    let Some(registration) = state.registration(client_id) else {
        return Err(refused("no such client"));
    };
    if registration.client_auth != used {
        return Err(refused("this client proves itself in another way"));
    }
    // A test provider keeps no secret worth a comparison in constant time.
    if registration.client_secret.as_deref() != secret {
        return Err(refused("the secret is wrong"));
    }
    Ok(registration.client_id.clone())
}

fn refused(description: &str) -> Answer {
    Answer::oauth_error(401, "invalid_client", description)
        .with("www-authenticate", "Basic realm=\"keyfob-idp\", charset=\"UTF-8\"")
}

/// The name and the secret of a Basic header, each of which is form-encoded inside (RFC 6749 §2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, code) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(code.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decode(id), form_decode(secret)))
}

/// Decodes one value; the characters that would split a form are not special here.
fn form_decode(text: &str) -> String {
    let escaped = text.replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(escaped.as_bytes()).next().map(|(key, _)| key.into_owned()).unwrap_or_default()
}
