//! `/userinfo`: who an access token speaks for.

use serde_json::Value;

use crate::id_token;
use crate::message::{Answer, Asked};
use crate::state::{State, visible_claims};

const CHALLENGE: &str = "Bearer realm=\"keyfob-idp\"";

/// `GET` or `POST /userinfo` (OpenID Connect Core 5.3). The token is taken from the header only.
pub(crate) fn userinfo(state: &mut State, asked: &Asked) -> Answer {
    let token = match bearer(asked) {
        Ok(token) => token,
        Err(refusal) => return refusal,
    };
    let found = state.grants.access(token).and_then(|consent| {
        let user = state.user(&consent.username).ok_or("the user is gone")?;
        Ok((visible_claims(user, &consent.scopes), consent.clone()))
    });
    let (mut claims, consent) = match found {
        Ok(found) => found,
        Err(why) => return refused(401, "invalid_token", why),
    };
    state.script.tamper.userinfo.apply(&mut claims);
    if state.script.userinfo_signed {
        return match id_token::userinfo(state, &consent, claims) {
            Ok(token) => Answer::empty(200).with("content-type", "application/jwt").uncached().body(token),
            Err(_) => Answer::oauth_error(500, "server_error", "it could not be signed"),
        };
    }
    let answer = Answer::json(200, &Value::Object(claims)).with("cache-control", "private, no-cache");
    if !state.script.userinfo_etag {
        return answer;
    }
    answer.tagged(asked)
}

/// The token that the request shows, or the answer to one that shows none, or shows it wrongly.
fn bearer(asked: &Asked) -> Result<&str, Answer> {
    // Into a URL a token never belongs; in a form it is allowed, but this provider does as most do (RFC 6750 §2.2).
    if asked.query.get("access_token").is_some() || asked.form.get("access_token").is_some() {
        return Err(refused(400, "invalid_request", "the access token belongs into the Authorization header"));
    }
    let shown = asked.header("authorization").and_then(|value| value.split_once(' '));
    let Some((_, token)) = shown.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
        // Without a token there is no error to name (RFC 6750 §3.1).
        return Err(Answer::empty(401).with("www-authenticate", CHALLENGE).uncached());
    };
    let token = token.trim();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || !token.bytes().all(fits) {
        return Err(refused(400, "invalid_request", "this is not an access token"));
    }
    Ok(token)
}

/// An error in the body and, the same, in the challenge (RFC 6750 §3).
fn refused(status: u16, code: &str, description: &str) -> Answer {
    let challenge = format!("{CHALLENGE}, error=\"{code}\", error_description=\"{description}\"");
    Answer::oauth_error(status, code, description).with("www-authenticate", &challenge)
}
