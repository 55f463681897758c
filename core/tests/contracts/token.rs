//! The token requests that are expected.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyfob_idp::LoggedRequest;
use ring::digest;
use serde_json::{Map, Value};

use crate::contract::{Contract, Token};
use crate::masks::{ANY, Masks};
use crate::wanted::{Wanted, differs};
use crate::world::{CLIENT, SECRET, raw_basic};

/// What a token request is for.
#[derive(Clone, Copy, PartialEq)]
pub enum Grant {
    Code,
    Refresh,
}

/// How the client proves itself, where the contract does not say.
pub fn auth_of<'a>(contract: &'a Contract, token: &'a Token) -> &'a str {
    match &token.auth {
        Some(auth) => auth,
        None if contract.registration.private_key.is_some() => "private_key_jwt",
        None if contract.registration.client_secret == Value::Bool(false) => "none",
        None => "basic",
    }
}

/// How a client says who it is: parameters, and an `Authorization`.
pub struct Proof {
    pub parameters: Vec<(String, String)>,
    pub authorization: Option<String>,
}

pub fn client(auth: &str, masks: &Masks) -> Result<Proof, String> {
    const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let id = ("client_id", CLIENT);
    let (parameters, basic) = match auth {
        "basic" => (vec![], Some(masks.get("basic").to_owned())),
        "basic_raw" => (vec![], Some(raw_basic(CLIENT, SECRET))),
        "basic_public" => (vec![], Some(raw_basic(CLIENT, ""))),
        "post" | "query" => (vec![id, ("client_secret", SECRET)], None),
        "none" => (vec![id], None),
        "client_secret_jwt" => (vec![id, ("client_secret", ANY)], None),
        "private_key_jwt" => (vec![id, ("client_assertion", ANY), ("client_assertion_type", ASSERTION)], None),
        other => return Err(format!("token.auth: {other} is none")),
    };
    let parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(Proof { parameters: parameters.collect(), authorization: basic.map(|basic| format!("Basic {basic}")) })
}

/// The request, with the masks as they are before it is answered.
pub fn wanted(contract: &Contract, token: &Token, grant: Grant, masks: &Masks) -> Result<Wanted, String> {
    let text = str::to_owned;
    let mut sent: Vec<(String, String)> = match grant {
        Grant::Code => vec![
            (text("grant_type"), text("authorization_code")),
            (text("code"), text(masks.get("code"))),
            (text("redirect_uri"), text(masks.get("redirect_uri"))),
            (text("code_verifier"), text(ANY)),
        ],
        Grant::Refresh => {
            vec![(text("grant_type"), text("refresh_token")), (text("refresh_token"), text(masks.get("refresh_token")))]
        }
    };
    if contract.authorize.without.iter().any(|name| name == "code_challenge") {
        sent.retain(|(name, _)| name != "code_verifier");
    }
    let auth = auth_of(contract, token);
    let Proof { parameters: proof, authorization } = client(auth, masks)?;
    let method = token.method.as_deref().unwrap_or("POST");
    let mut wanted = Wanted::new(method, &masks.fill(&token.url));
    let mut in_query = Vec::new();
    if auth == "query" {
        in_query.extend(proof)
    } else {
        sent.extend(proof)
    }
    for list in [&mut sent, &mut in_query] {
        adapt(list, &token.rename, &token.without);
    }
    let more = masks.pairs(&token.more);
    sent.retain(|(name, _)| !token.more.contains_key(name));
    sent.extend(more);
    wanted.query.extend(in_query);
    if method == "GET" {
        wanted.query.extend(sent);
    } else if token.body.as_deref() == Some("json") {
        let members: Map<String, Value> = sent.into_iter().map(|(name, value)| (name, value.into())).collect();
        wanted.json = Some(members.into());
    } else {
        wanted.form = sent;
    }
    wanted.headers = token.headers.iter().map(|(name, value)| (name.clone(), masks.fill(value))).collect();
    if let Some(authorization) = authorization {
        wanted.headers.entry(text("Authorization")).or_insert(authorization);
    }
    Ok(wanted)
}

/// Takes away and renames, by the standard's names.
pub fn adapt(list: &mut Vec<(String, String)>, rename: &BTreeMap<String, String>, without: &[String]) {
    list.retain(|(name, _)| !without.contains(name));
    for (name, _) in list {
        if let Some(new) = rename.get(name) {
            name.clone_from(new);
        }
    }
}

/// The value of a parameter, wherever it stands.
pub fn parameter(came: &LoggedRequest, name: &str) -> Option<String> {
    let in_json = || serde_json::from_str::<Value>(&came.body).ok()?.get(name)?.as_str().map(str::to_owned);
    came.parameter(name).map(str::to_owned).or_else(in_json)
}

/// The code challenge that belongs to a verifier.
pub fn challenge(verifier: &str, how: Option<&str>) -> String {
    let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
    match how {
        Some("plain") => verifier.to_owned(),
        Some("hex") => hex(hash.as_ref()),
        _ => URL_SAFE_NO_PAD.encode(hash),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is wrong with the token that the client signed.
pub fn assertion(token: &Token, came: &LoggedRequest, masks: &Masks) -> Vec<String> {
    if token.assertion.is_empty() {
        return Vec::new();
    }
    let Some(signed) = parameter(came, "client_assertion").or_else(|| parameter(came, "client_secret")) else {
        return vec!["assertion: there is none".to_owned()];
    };
    let part = |index| -> Option<Map<String, Value>> {
        let bytes = URL_SAFE_NO_PAD.decode(signed.split('.').nth(index)?).ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    let (Some(header), Some(claims)) = (part(0), part(1)) else {
        return vec!["assertion: it is no JWT".to_owned()];
    };
    let mut found = Vec::new();
    for (name, value) in &token.assertion {
        let there = claims.get(name).or_else(|| header.get(name)).unwrap_or(&Value::Null);
        if *there != masks.fill_in(value) {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            found.push(differs(&format!("assertion {name}"), Some(&text(value)), Some(&text(there))));
        }
    }
    found
}
