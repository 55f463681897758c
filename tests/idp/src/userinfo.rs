//! `/userinfo`: who an access token speaks for.

use aws_lc_rs::digest;
use serde_json::Value;

use crate::keys;
use crate::message::{Answer, Asked};
use crate::state::{State, visible_claims};

/// `GET` or `POST /userinfo` (OpenID Connect Core 5.3). The token is taken from the header only.
pub(crate) fn userinfo(state: &mut State, asked: &Asked) -> Answer {
    let token = asked.header("authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let Some(token) = token else {
        // Without a token there is no error to name (RFC 6750 §3.1).
        return Answer::empty(401).with("www-authenticate", "Bearer realm=\"keyfob-idp\"").uncached();
    };
    let found = state.grants.access(token).and_then(|consent| {
        let user = state.user(&consent.username)?;
        Some(visible_claims(user, &consent.scopes))
    });
    let Some(mut claims) = found else {
        let challenge = "Bearer realm=\"keyfob-idp\", error=\"invalid_token\", error_description=\"over or revoked\"";
        return Answer::oauth_error(401, "invalid_token", "over or revoked").with("www-authenticate", challenge);
    };
    state.script.tamper.userinfo.apply(&mut claims);
    let answer = Answer::json(200, &Value::Object(claims)).with("cache-control", "private, no-cache");
    if !state.script.userinfo_etag {
        return answer;
    }
    let tag = format!("\"{}\"", keys::base64url(digest::digest(&digest::SHA256, answer.body.as_bytes()).as_ref()));
    let unchanged = asked
        .header("if-none-match")
        .is_some_and(|tags| tags.split(',').any(|known| known.trim().trim_start_matches("W/") == tag));
    if unchanged {
        return Answer::empty(304).with("etag", &tag);
    }
    answer.with("etag", &tag)
}
