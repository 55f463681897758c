//! `/revoke`: a client gives a token back (RFC 7009).

use crate::client::authenticate;
use crate::message::{Answer, Asked};
use crate::script::Revocation;
use crate::state::State;

/// `POST /revoke`. A token that is not known is as good as revoked, so the answer is 200 (§2.2).
pub(crate) fn revoke(state: &mut State, asked: &Asked) -> Answer {
    let client_id = match authenticate(state, asked) {
        Ok(client_id) => client_id,
        Err(answer) => return answer,
    };
    let Some(token) = asked.form.get("token") else {
        return Answer::oauth_error(400, "invalid_request", "token is missing");
    };
    if let Some((family, owner)) = state.grants.owner(token) {
        if owner != client_id {
            return Answer::oauth_error(400, "unauthorized_client", "the token is another client's");
        }
        match state.script.tokens.revocation {
            Revocation::Token => state.grants.revoke_token(token),
            reach @ (Revocation::Family | Revocation::Grant) => state.grants.revoke(family, reach),
        }
    }
    Answer::empty(200).uncached()
}
