//! Another provider, played at its own URLs: who tests a client against a real provider's requests and answers writes the answers down, sends each request
//! to `/_vendor` with the URL that it is for in a header, and finds all of them in the log.

use std::collections::BTreeMap;

use aws_lc_rs::error::Unspecified;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;

use crate::discovery;
use crate::keys::{self, Algorithm};
use crate::message::{Answer, Asked};
use crate::script::ScriptError;
use crate::state::State;

/// The path that such requests come to.
pub(crate) const PATH: &str = "/_vendor";

/// The header that says which URL a request is for.
pub(crate) const URL_HEADER: &str = "x-vendor-url";

/// How long what it signs is good, in seconds.
const LIFE: u64 = 3600;

/// A provider whose answers are written down.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Vendor {
    /// What it answers, and where. The first route that fits a request is the one.
    pub routes: Vec<VendorRoute>,
    /// What the tokens that it signs say: `iss`.
    pub issuer: Option<String>,
    /// `aud`.
    pub client_id: Option<String>,
    /// What `HS256` signs with.
    pub client_secret: Option<String>,
    /// `nonce`, of ID tokens only.
    pub nonce: Option<String>,
    /// What signs: a name of [`Script::algorithms`](crate::Script::algorithms), or `HS256`. The first of those if absent.
    pub algorithm: Option<String>,
}

/// One endpoint of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct VendorRoute {
    /// `GET`, `POST`, …
    pub method: String,
    /// The whole URL without a query: whatever query comes is taken.
    pub url: String,
    /// The answers, each given once and the last one again and again.
    pub answers: Vec<VendorAnswer>,
}

/// One answer, whose body is one of `json`, `form`, `text`, `jwt` and `jwks`, or empty.
///
/// In `json` and `form` a member whose value is `{"id_token": {…}}` or `{"jwt": {…}}` becomes a signed token with these claims. `iss`, `aud`, `iat` and `exp`
/// are added, to an ID token also `nonce` and, where an `access_token` stands beside it, `at_hash`. A claim that is given wins, and one that is null is left out.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct VendorAnswer {
    /// 200 if absent.
    pub status: Option<u16>,
    /// More headers, or others.
    pub headers: BTreeMap<String, String>,
    /// A body of JSON.
    pub json: Option<Value>,
    /// A form-encoded one.
    pub form: Option<Map<String, Value>>,
    /// One as it is.
    pub text: Option<String>,
    /// A signed token with these claims.
    pub jwt: Option<Map<String, Value>>,
    /// The public keys of what signs.
    pub jwks: bool,
    /// Its type, where that is not the usual one.
    pub content_type: Option<String>,
}

/// How many requests each route has had since the script was set.
pub(crate) type Turns = BTreeMap<usize, usize>;

impl Vendor {
    pub(crate) fn check(&self) -> Result<(), ScriptError> {
        for (index, route) in self.routes.iter().enumerate() {
            let key = |name: &str| format!("vendor.routes[{index}].{name}");
            let url = Url::parse(&route.url).map_err(|error| ScriptError::new(&key("url"), error.to_string()))?;
            if url.query().is_some() || url.fragment().is_some() {
                return Err(ScriptError::new(&key("url"), "a route has no query and no fragment"));
            }
            if route.answers.is_empty() {
                return Err(ScriptError::new(&key("answers"), "there is nothing to answer"));
            }
            for (place, answer) in route.answers.iter().enumerate() {
                if answer.bodies() > 1 {
                    return Err(ScriptError::new(&key(&format!("answers[{place}]")), "it has more than one body"));
                }
            }
        }
        if self.algorithm.as_deref().is_some_and(|name| name != "HS256" && Algorithm::from_name(name).is_none()) {
            return Err(ScriptError::new("vendor.algorithm", "nothing here signs with that"));
        }
        Ok(())
    }
}

impl VendorAnswer {
    fn bodies(&self) -> usize {
        let there = [self.json.is_some(), self.form.is_some(), self.text.is_some(), self.jwt.is_some(), self.jwks];
        there.into_iter().filter(|there| *there).count()
    }
}

/// Whatever comes to [`PATH`].
pub(crate) fn vendor(state: &mut State, asked: &Asked) -> Answer {
    let Some(url) = asked.vendor_url.as_deref() else {
        return Answer::oauth_error(400, "invalid_request", "the header x-vendor-url says no URL");
    };
    let base = url.split(['?', '#']).next().unwrap_or_default();
    let fits = |route: &VendorRoute| route.method == asked.method && route.url == base;
    let Some(index) = state.script.vendor.routes.iter().position(fits) else {
        return Answer::oauth_error(404, "not_found", &format!("nobody answers {} {base}", asked.method));
    };
    let turn = state.vendor_turns.entry(index).or_default();
    let answer = state.script.vendor.routes.get(index).and_then(|route| {
        let last = route.answers.len().saturating_sub(1);
        route.answers.get((*turn).min(last)).cloned()
    });
    *turn += 1;
    let made = answer.as_ref().map(|answer| write(state, answer));
    made.and_then(Result::ok).unwrap_or_else(|| Answer::oauth_error(500, "server_error", "the machine gave no key"))
}

fn write(state: &State, said: &VendorAnswer) -> Result<Answer, Unspecified> {
    let status = said.status.unwrap_or(200);
    let mut answer = if let Some(json) = &said.json {
        Answer::json(status, &signed_within(state, json)?)
    } else if let Some(form) = &said.form {
        let mut body = form_urlencoded::Serializer::new(String::new());
        for (name, value) in signed_members(state, form)? {
            body.append_pair(&name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
        Answer::empty(status).with("content-type", "application/x-www-form-urlencoded").body(body.finish())
    } else if let Some(claims) = &said.jwt {
        Answer::empty(status).with("content-type", "application/jwt").body(sign(state, claims, None)?)
    } else if said.jwks {
        Answer::json(status, &discovery::key_set(state)?)
    } else {
        let text = said.text.clone().unwrap_or_default();
        let answer = Answer::empty(status);
        if text.is_empty() { answer } else { answer.with("content-type", "text/plain").body(text) }
    };
    if let Some(kind) = &said.content_type {
        answer = answer.with("content-type", kind);
    }
    for (name, value) in &said.headers {
        answer = answer.with(name, value);
    }
    Ok(answer)
}

/// The value with everything in it signed that is to be.
fn signed_within(state: &State, value: &Value) -> Result<Value, Unspecified> {
    Ok(match value {
        Value::Object(members) => Value::Object(signed_members(state, members)?),
        Value::Array(elements) => {
            Value::Array(elements.iter().map(|element| signed_within(state, element)).collect::<Result<_, _>>()?)
        }
        other => other.clone(),
    })
}

fn signed_members(state: &State, members: &Map<String, Value>) -> Result<Map<String, Value>, Unspecified> {
    let access_token = members.get("access_token").and_then(Value::as_str);
    let mut signed = Map::new();
    for (name, value) in members {
        let value = match to_sign(value) {
            Some(("id_token", claims)) => sign(state, claims, Some(access_token))?.into(),
            Some((_, claims)) => sign(state, claims, None)?.into(),
            None => signed_within(state, value)?,
        };
        signed.insert(name.clone(), value);
    }
    Ok(signed)
}

/// The claims of what is to be signed, and what it is to be.
fn to_sign(value: &Value) -> Option<(&str, &Map<String, Value>)> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    let (name, claims) = members.iter().next()?;
    Some((name.as_str(), claims.as_object()?)).filter(|(name, _)| matches!(*name, "id_token" | "jwt"))
}

/// A signed token; with `id_token`, an ID token that goes with this access token.
fn sign(state: &State, given: &Map<String, Value>, id_token: Option<Option<&str>>) -> Result<String, Unspecified> {
    let vendor = &state.script.vendor;
    let first = state.script.algorithms.first().copied().unwrap_or(Algorithm::RS256);
    let name = vendor.algorithm.as_deref().unwrap_or_else(|| first.name());
    // HS256 has the hash of any that has 256 in its name.
    let algorithm = Algorithm::from_name(name);
    let now = state.unix();
    let mut claims =
        Map::from_iter([("iat".to_owned(), json!(now)), ("exp".to_owned(), json!(now.saturating_add(LIFE)))]);
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            claims.insert(name.to_owned(), value.into());
        }
    };
    add("iss", vendor.issuer.clone());
    add("aud", vendor.client_id.clone());
    if let Some(access_token) = id_token {
        add("nonce", vendor.nonce.clone());
        add("at_hash", access_token.map(|token| algorithm.unwrap_or(Algorithm::RS256).half_hash(token)));
    }
    for (name, value) in given {
        if value.is_null() {
            claims.remove(name);
        } else {
            claims.insert(name.clone(), value.clone());
        }
    }
    let kid = algorithm.map(|algorithm| algorithm.key_id(state.key_generation)).transpose()?;
    let header = match kid {
        Some(kid) => json!({ "typ": "JWT", "alg": name, "kid": kid }),
        None => json!({ "typ": "JWT", "alg": name }),
    };
    let part = |value: &str| keys::base64url(value.as_bytes());
    let message = format!("{}.{}", part(&header.to_string()), part(&Value::Object(claims).to_string()));
    let secret = vendor.client_secret.as_deref().unwrap_or_default();
    let signature = match algorithm {
        Some(algorithm) => algorithm.sign(state.key_generation, &message)?,
        None => keys::hmac(name, secret.as_bytes(), &message).ok_or(Unspecified)?,
    };
    Ok(format!("{message}.{}", keys::base64url(&signature)))
}
