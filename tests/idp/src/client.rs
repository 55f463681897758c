//! Who is asking: client authentication at the endpoints that apps ask by themselves (RFC 6749 §2.3, RFC 7523 §2.2).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::client_jwt;
use crate::message::{Answer, Asked};
use crate::script::ClientAuth;
use crate::state::State;

/// What a `client_assertion` has to be.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Reads a form request and says whose it is, or the answer that refuses it.
pub(crate) fn authenticate(state: &mut State, asked: &Asked) -> Result<String, Answer> {
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
    let by_token = asked.form.get("client_assertion");
    if usize::from(by_header.is_some()) + usize::from(by_form.is_some()) + usize::from(by_token.is_some()) > 1 {
        return Err(Answer::oauth_error(400, "invalid_request", "a client proves itself in one way only"));
    }
    if by_token.is_some() != asked.form.get("client_assertion_type").is_some() {
        return Err(Answer::oauth_error(400, "invalid_request", "client_assertion and its type belong together"));
    }
    let named = asked.form.get("client_id");
    let (client_id, used, proof) = match (&by_header, by_token) {
        (None, Some(token)) => {
            if asked.form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
                return Err(refused("no such client_assertion_type"));
            }
            // The token names the client too (RFC 7521 §4.2); whether that is true is seen below.
            let client_id = named.map(str::to_owned).or_else(|| client_jwt::subject(token)).unwrap_or_default();
            (client_id, ClientAuth::PrivateKeyJwt, Some(token))
        }
        (None, None) => {
            let used = if by_form.is_some() { ClientAuth::Post } else { ClientAuth::None };
            (named.unwrap_or_default().to_owned(), used, by_form)
        }
        (Some(Some((id, secret))), _) if named.is_none_or(|named| named == id) => {
            (id.clone(), ClientAuth::Basic, Some(secret.as_str()))
        }
        (Some(_), _) => return Err(refused("the Authorization header does not name the client")),
    };
    let Some(registration) = state.registration(&client_id).cloned() else {
        return Err(refused("no such client"));
    };
    match (registration.client_auth, used, proof) {
        (ClientAuth::PrivateKeyJwt, ClientAuth::PrivateKeyJwt, Some(token))
        | (ClientAuth::SignedSecret, ClientAuth::Post, Some(token)) => {
            client_jwt::verify(state, &registration, token).map_err(refused)?;
        }
        (registered, used, _) if registered != used => return Err(refused("this client proves itself in another way")),
        // A test provider keeps no secret worth a comparison in constant time.
        (_, _, secret) if registration.client_secret.as_deref() != secret => {
            return Err(refused("the secret is wrong"));
        }
        _ => {}
    }
    Ok(registration.client_id)
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
