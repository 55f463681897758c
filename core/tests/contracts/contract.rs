//! A contract as it is written: core/tests/providers/README.md is its reference.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Names and values, of a query, a form or headers. A value may be a list, for a name that stands there several times.
pub type Pairs = BTreeMap<String, Value>;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    pub name: String,
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Where its facts are from. For people.
    #[serde(rename = "source")]
    pub _source: String,
    #[serde(default, rename = "notes")]
    pub _notes: Option<String>,
    #[serde(default)]
    pub guide: Guide,
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    #[serde(default)]
    pub registration: Registration,
    /// What differs in registrations that are not taken.
    #[serde(default)]
    pub refused_registrations: Vec<Map<String, Value>>,
    #[serde(default)]
    pub issuer: Option<String>,
    /// What ID tokens may say beside that.
    #[serde(default)]
    pub issuers: Vec<String>,
    #[serde(default)]
    pub jwks: Option<String>,
    #[serde(default)]
    pub signing: Vec<String>,
    #[serde(default)]
    pub discovery: Option<Discovery>,
    pub authorize: Authorize,
    #[serde(default)]
    pub redirect: Redirect,
    pub token: Token,
    #[serde(default)]
    pub requests: Vec<Request>,
    pub session: Session,
    #[serde(default)]
    pub refresh: Option<Refresh>,
    #[serde(default)]
    pub dead: Vec<Refusal>,
    #[serde(default)]
    pub alive: Vec<Refusal>,
    #[serde(default)]
    pub refused: Vec<Refusal>,
    #[serde(default)]
    pub denied: Option<OneOrMany>,
    #[serde(default)]
    pub rejected: Vec<Pairs>,
    #[serde(default)]
    pub logout: Option<Logout>,
    #[serde(default)]
    pub device: Option<Device>,
    #[serde(default)]
    pub variants: Vec<Map<String, Value>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Guide {
    pub custom_scheme: Option<bool>,
    pub loopback: Option<String>,
    pub localhost: Option<String>,
    pub refresh_tokens: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    pub form: String,
    /// What it is where the registration says nothing; without one it has to.
    #[serde(default)]
    pub default: Option<String>,
    #[serde(default)]
    pub one_of: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Registration {
    pub variables: BTreeMap<String, String>,
    /// true, false, or how the app says that it sends it: `"post"`.
    pub client_secret: Value,
    pub redirect_uri: String,
    /// In place of the provider's own.
    pub scopes: Vec<String>,
    pub private_key: Option<String>,
    pub key_id: Option<String>,
}

impl Default for Registration {
    fn default() -> Self {
        Self {
            variables: BTreeMap::new(),
            client_secret: json!(true),
            redirect_uri: "https://notes.example/callback".to_owned(),
            scopes: Vec::new(),
            private_key: None,
            key_id: None,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discovery {
    pub url: String,
    pub document: Map<String, Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorize {
    pub url: String,
    #[serde(default)]
    pub scope: Option<String>,
    #[serde(default)]
    pub scope_raw: Option<String>,
    #[serde(default)]
    pub more: Pairs,
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    #[serde(default)]
    pub without: Vec<String>,
    #[serde(default)]
    pub fragment: Option<String>,
    #[serde(default)]
    pub code_challenge: Option<String>,
    #[serde(default)]
    pub redirect_uri: Option<String>,
    /// Where it is pushed first (RFC 9126).
    #[serde(default)]
    pub pushed: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Redirect {
    pub more: Pairs,
    pub rename: BTreeMap<String, String>,
    pub without: Vec<String>,
    pub form_post: bool,
    pub hmac: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    #[serde(default)]
    pub method: Option<String>,
    pub url: String,
    #[serde(default)]
    pub auth: Option<String>,
    #[serde(default)]
    pub body: Option<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub more: Pairs,
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    #[serde(default)]
    pub without: Vec<String>,
    /// What the token that the client signs says, header and claims together.
    #[serde(default)]
    pub assertion: Pairs,
    pub answer: Value,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[serde(default)]
    pub method: Option<String>,
    pub url: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub query: Pairs,
    #[serde(default)]
    pub form: Option<Pairs>,
    #[serde(default)]
    pub json: Option<Value>,
    /// `login` or `profile`: asked then and not at the other time.
    #[serde(default)]
    pub only: Option<String>,
    #[serde(default)]
    pub answer: Value,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    pub uid: String,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub email_verified: bool,
    #[serde(default)]
    pub avatar_url: Option<String>,
    #[serde(default)]
    pub locale: Option<String>,
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// A number, or null for a life that nobody knows. Where it is left out, what the answer says under the standard's name.
    #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<Value>,
    #[serde(default)]
    pub refresh_token: Option<bool>,
    /// What else the token answer said, by JSON pointer.
    #[serde(default)]
    pub other: BTreeMap<String, Value>,
}

fn there<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    #[serde(default)]
    pub token: Map<String, Value>,
    #[serde(default)]
    pub session: Map<String, Value>,
    /// What differs the next time.
    #[serde(default)]
    pub again: Option<Box<Self>>,
}

/// An answer, and what comes of it.
#[derive(Clone, Debug, Deserialize)]
pub struct Refusal {
    #[serde(default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(flatten)]
    pub answer: Map<String, Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    One(Pairs),
    Many(Vec<Pairs>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logout {
    #[serde(default)]
    pub requests: Vec<Request>,
    /// Absent: nobody knows, and the careful reading counts.
    #[serde(default)]
    pub whole_grant: Option<bool>,
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub query: Option<Pairs>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    pub url: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub form: Pairs,
    #[serde(default)]
    pub answer: Option<Value>,
    pub poll: Poll,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    pub url: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub form: Pairs,
    #[serde(default)]
    pub answer: Option<Value>,
}

impl Contract {
    pub fn read(value: &Value) -> Result<Self, String> {
        read(value, "the contract")
    }

    /// Whether the provider is one of OpenID Connect.
    pub fn is_oidc(&self) -> bool {
        self.issuer.is_some() || self.discovery.is_some()
    }

    /// Whose ID tokens they are.
    pub fn issuer(&self) -> Option<&str> {
        let of_document = || self.discovery.as_ref()?.document.get("issuer")?.as_str();
        self.issuer.as_deref().or_else(of_document)
    }

    pub fn jwks(&self) -> Option<&str> {
        let of_document = || self.discovery.as_ref()?.document.get("jwks_uri")?.as_str();
        self.jwks.as_deref().or_else(of_document)
    }

    pub fn denied(&self) -> Vec<Pairs> {
        match &self.denied {
            None => vec![Pairs::from([("error".to_owned(), json!("access_denied"))])],
            Some(OneOrMany::One(denied)) => vec![denied.clone()],
            Some(OneOrMany::Many(denied)) => denied.clone(),
        }
    }
}

impl Request {
    /// Whether it is asked at that time.
    pub fn is_of(&self, time: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == time)
    }
}

/// A part of a contract, laid over the whole of it (RFC 7396), save that `requests` are laid over one by one.
pub fn varied(contract: &Value, variant: &Map<String, Value>) -> Value {
    let mut varied = contract.clone();
    let mut patch = variant.clone();
    if let Some(Value::Array(changes)) = patch.remove("requests")
        && let Some(requests) = varied["requests"].as_array_mut()
    {
        for (index, change) in changes.iter().enumerate() {
            match requests.get_mut(index) {
                Some(request) => merge(request, change),
                None => requests.push(change.clone()),
            }
        }
        requests.retain(|request| !request.is_null());
    }
    // What the variants themselves say is not varied.
    varied.as_object_mut().unwrap().remove("variants");
    patch.remove("what");
    merge(&mut varied, &Value::Object(patch));
    varied
}

/// JSON Merge Patch (RFC 7396), save that an answer replaces an answer as a whole.
pub fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let members = target.as_object_mut().unwrap();
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else if name == "answer" {
            members.insert(name.clone(), value.clone());
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Reads a part of a contract; an error names what it is.
pub fn read<T: DeserializeOwned>(value: &Value, what: &str) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|error| format!("{what} is not of its form: {error}"))
}
