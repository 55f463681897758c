//! The provider's metadata and its key set.

use aws_lc_rs::error::Unspecified;
use serde_json::{Value, json};

use crate::client_jwt::ASSERTION_ALGORITHMS;
use crate::device;
use crate::keys::Algorithm;
use crate::message::{Answer, Asked};
use crate::state::State;

/// How clients may prove themselves, as metadata names it.
const AUTH_METHODS: [&str; 4] = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"];

/// `GET /.well-known/openid-configuration` (OpenID Connect Discovery 4, RFC 8414).
pub(crate) fn discovery(state: &mut State, asked: &Asked) -> Answer {
    let algorithms: Vec<&str> = state.script.algorithms.iter().map(|algorithm| algorithm.name()).collect();
    let mut metadata = json!({
        "issuer": state.issuer,
        "authorization_endpoint": state.address("/authorize"),
        "token_endpoint": state.address("/token"),
        "userinfo_endpoint": state.address("/userinfo"),
        "jwks_uri": state.address("/jwks"),
        "revocation_endpoint": state.address("/revoke"),
        "device_authorization_endpoint": state.address("/device_authorization"),
        "end_session_endpoint": state.address("/logout"),
        "scopes_supported": ["openid", "profile", "email", "address", "phone", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": ["authorization_code", "refresh_token", device::GRANT_TYPE],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
        "pushed_authorization_request_endpoint": state.address("/par"),
        "require_pushed_authorization_requests": state.script.pushed.required,
        "token_endpoint_auth_methods_supported": AUTH_METHODS,
        "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
        "revocation_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "name", "email",
            "email_verified", "picture", "locale"],
        "authorization_response_iss_parameter_supported": true,
    });
    if let Some(members) = metadata.as_object_mut() {
        state.script.tamper.discovery.apply(members);
    }
    document(state, asked, &metadata)
}

/// `GET /jwks` (RFC 7517): the keys of the present generation.
pub(crate) fn jwks(state: &mut State, asked: &Asked) -> Answer {
    let Ok(mut set) = key_set(state) else {
        return Answer::oauth_error(500, "server_error", "the machine gave no key");
    };
    if let Some(members) = set.as_object_mut() {
        state.script.tamper.jwks.apply(members);
    }
    document(state, asked, &set)
}

pub(crate) fn key_set(state: &State) -> Result<Value, Unspecified> {
    let jwk = |algorithm: &Algorithm| algorithm.jwk(state.key_generation);
    let keys: Vec<Value> = state.script.algorithms.iter().map(jwk).collect::<Result<_, _>>()?;
    Ok(json!({ "keys": keys }))
}

fn document(state: &State, asked: &Asked, document: &Value) -> Answer {
    let answer = Answer::json(200, document);
    if state.script.document_etag { answer.tagged(asked) } else { answer }
}
