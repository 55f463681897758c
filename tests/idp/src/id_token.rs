//! ID tokens: what they say, what signs them, and what is wrong with them.

use aws_lc_rs::error::Unspecified;
use serde_json::{Map, Value, json};

use crate::grants::Consent;
use crate::keys::{self, Algorithm};
use crate::state::{State, visible_claims};
use crate::tamper::{HmacKey, IdTokenTamper, SigningKey};

/// Makes the ID token that goes with an access token.
pub(crate) fn issue(
    state: &mut State,
    consent: &Consent,
    access_token: &str,
    refresh: bool,
) -> Result<String, Unspecified> {
    if state.script.keys.rotate_before_signing {
        state.key_generation += 1;
    }
    let algorithm = state.script.algorithms.first().copied().unwrap_or(Algorithm::RS256);
    let honest = IdTokenTamper::default();
    let tamper = Some(&state.script.tamper.id_token).filter(|tamper| tamper.on.covers(refresh)).unwrap_or(&honest);
    if let Some(raw) = &tamper.raw {
        return Ok(raw.clone());
    }
    let signer = signer(tamper, algorithm);
    let claims = claims(state, consent, access_token, signer);
    encode(state, consent, tamper, claims)
}

/// A userinfo answer as a JWT (OpenID Connect Core 5.3.2): whom it is from and for beside the claims.
pub(crate) fn userinfo(
    state: &State,
    consent: &Consent,
    mut claims: Map<String, Value>,
) -> Result<String, Unspecified> {
    let tamper = &state.script.tamper.userinfo_jwt;
    if let Some(raw) = &tamper.raw {
        return Ok(raw.clone());
    }
    claims.insert("iss".to_owned(), json!(state.issuer));
    claims.insert("aud".to_owned(), json!(consent.client_id));
    encode(state, consent, tamper, claims)
}

fn signer(tamper: &IdTokenTamper, algorithm: Algorithm) -> Algorithm {
    tamper.alg.as_deref().and_then(Algorithm::from_name).unwrap_or(algorithm)
}

/// Changes the claims as the script says, and signs them.
fn encode(
    state: &State,
    consent: &Consent,
    tamper: &IdTokenTamper,
    mut claims: Map<String, Value>,
) -> Result<String, Unspecified> {
    let generation = state.key_generation;
    let algorithm = state.script.algorithms.first().copied().unwrap_or(Algorithm::RS256);
    let signer = signer(tamper, algorithm);
    tamper.apply(&mut claims);
    let mut payload = Value::Object(claims).to_string();
    if payload.pop() == Some('}') {
        payload.push_str(&tamper.splice);
        payload.push('}');
    }
    let mut header = Map::from_iter([
        ("typ".to_owned(), json!("JWT")),
        ("alg".to_owned(), json!(tamper.alg.as_deref().unwrap_or_else(|| algorithm.name()))),
        ("kid".to_owned(), json!(signer.key_id(generation)?)),
    ]);
    for (name, value) in &tamper.header {
        if value.is_null() {
            header.remove(name);
        } else {
            header.insert(name.clone(), value.clone());
        }
    }
    let header = keys::base64url(Value::Object(header).to_string().as_bytes());
    let message = format!("{header}.{}", keys::base64url(payload.as_bytes()));
    let mut signature = sign(state, consent, tamper, signer, &message)?;
    if tamper.corrupt_signature
        && let Some(last) = signature.last_mut()
    {
        *last ^= 1;
    }
    Ok(format!("{message}.{}", keys::base64url(&signature)))
}

/// The honest claims (OpenID Connect Core 2 and 3.1.3.6).
fn claims(state: &State, consent: &Consent, access_token: &str, algorithm: Algorithm) -> Map<String, Value> {
    let now = state.unix();
    let mut claims =
        state.user(&consent.username).map(|user| visible_claims(user, &consent.scopes)).unwrap_or_default();
    let life = crate::clock::seconds(state.script.tokens.id_token_seconds).as_secs();
    claims.insert("iss".to_owned(), json!(state.issuer));
    claims.insert("aud".to_owned(), json!(consent.client_id));
    claims.insert("iat".to_owned(), json!(now));
    claims.insert("exp".to_owned(), json!(now.saturating_add(life)));
    claims.insert("auth_time".to_owned(), json!(consent.auth_time));
    claims.insert("at_hash".to_owned(), json!(algorithm.half_hash(access_token)));
    if let Some(nonce) = &consent.nonce {
        claims.insert("nonce".to_owned(), json!(nonce));
    }
    claims
}

fn sign(
    state: &State,
    consent: &Consent,
    tamper: &IdTokenTamper,
    signer: Algorithm,
    message: &str,
) -> Result<Vec<u8>, Unspecified> {
    let name = tamper.alg.as_deref().unwrap_or_else(|| signer.name());
    if name.eq_ignore_ascii_case("none") {
        return Ok(Vec::new());
    }
    let secret = match tamper.hmac_key {
        HmacKey::ClientSecret => state
            .registration(&consent.client_id)
            .and_then(|registration| registration.client_secret.clone())
            .unwrap_or_default()
            .into_bytes(),
        HmacKey::PublicKeyDer => signer.public_der(state.key_generation)?,
        HmacKey::PublicKeyPem => signer.public_pem(state.key_generation)?,
    };
    if let Some(code) = keys::hmac(name, &secret, message) {
        return Ok(code);
    }
    match tamper.key {
        SigningKey::Published => signer.sign(state.key_generation, message),
        SigningKey::Unpublished => signer.sign_unpublished(message),
    }
}
