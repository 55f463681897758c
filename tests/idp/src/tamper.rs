//! What is wrong with what the provider says: ID tokens, redirects and JSON that a client must refuse.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::script::ScriptError;

/// The lies of a script, by where they are told. Empty by default.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Tamper {
    /// ID tokens: their claims, their header, their signature.
    pub id_token: IdTokenTamper,
    /// The JSON of the token endpoint when it gives tokens.
    pub token: Edit,
    /// The claims of `/userinfo`.
    pub userinfo: Edit,
    /// The same where it is signed: its claims, its header, its signature.
    pub userinfo_jwt: IdTokenTamper,
    /// The codes of `/device_authorization`.
    pub device: Edit,
    /// The parameters of the redirect back to the app, those of an error too.
    pub redirect: Edit,
    /// The parameters of the redirect from `/logout`.
    pub logout: Edit,
    /// The provider's metadata.
    pub discovery: Edit,
    /// The published key set.
    pub jwks: Edit,
}

/// Changes to the members of an object, made in the order of the fields.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Edit {
    /// Members to set or replace.
    pub set: Map<String, Value>,
    /// Members to take out.
    pub remove: Vec<String>,
    /// Text to append to members, such as `"1"` to an `iss`.
    pub append: BTreeMap<String, String>,
    /// Seconds to add to numbers, such as -7200 to an `exp`.
    pub shift: BTreeMap<String, i64>,
    /// Which answers of the token endpoint are meant; of no use elsewhere.
    pub on: On,
}

/// Changes to an ID token.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct IdTokenTamper {
    /// Claims to set or replace.
    pub set: Map<String, Value>,
    /// Claims to take out.
    pub remove: Vec<String>,
    /// Text to append to claims.
    pub append: BTreeMap<String, String>,
    /// Seconds to add to claims.
    pub shift: BTreeMap<String, i64>,
    /// Text put in before the last brace of the claims, such as `,"sub":"u-2"`: a member that is there twice.
    pub splice: String,
    /// Members of the header to set; null takes one out.
    pub header: Map<String, Value>,
    /// What the header says, and what signs if it is possible: `none` in any case gives an empty signature,
    /// `HS256` (…) signs with `hmac_key`, another known name with that key, an unknown one changes the header only.
    pub alg: Option<String>,
    /// The secret for `HS256` and its like.
    pub hmac_key: HmacKey,
    /// Which key signs; the header names the published one all the same.
    pub key: SigningKey,
    /// Flips a bit of the signature.
    pub corrupt_signature: bool,
    /// The whole token, as it is.
    pub raw: Option<String>,
    /// Which ID tokens are meant.
    pub on: On,
}

/// Which answers of the token endpoint a lie is told in.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum On {
    /// In all.
    #[default]
    Both,
    /// When a code is exchanged.
    Login,
    /// When tokens are refreshed.
    Refresh,
}

/// What a forger takes for the secret of `HS256`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HmacKey {
    /// The client's secret: what an honest provider would take.
    ClientSecret,
    /// The signing key's public half, as DER.
    PublicKeyDer,
    /// The same as PEM.
    #[default]
    PublicKeyPem,
}

/// Which key signs.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SigningKey {
    /// The one that the key set names.
    #[default]
    Published,
    /// One of the same kind that nobody was told about.
    Unpublished,
}

impl On {
    pub(crate) fn covers(self, refresh: bool) -> bool {
        match self {
            Self::Both => true,
            Self::Login => !refresh,
            Self::Refresh => refresh,
        }
    }
}

impl Edit {
    /// Makes the changes.
    pub(crate) fn apply(&self, object: &mut Map<String, Value>) {
        edit(object, &self.set, &self.remove, &self.append, &self.shift);
    }
}

impl IdTokenTamper {
    /// Makes the changes to the claims; the signature is `id_token`'s matter.
    pub(crate) fn apply(&self, claims: &mut Map<String, Value>) {
        edit(claims, &self.set, &self.remove, &self.append, &self.shift);
    }
}

impl Tamper {
    pub(crate) fn check(&self) -> Result<(), ScriptError> {
        let places = [
            ("tamper.userinfo.on", &self.userinfo),
            ("tamper.redirect.on", &self.redirect),
            ("tamper.logout.on", &self.logout),
            ("tamper.discovery.on", &self.discovery),
            ("tamper.jwks.on", &self.jwks),
        ];
        if self.userinfo_jwt.on != On::Both {
            return Err(ScriptError::new(
                "tamper.userinfo_jwt.on",
                "only the token endpoint tells a login from a refresh",
            ));
        }
        for (key, edit) in places {
            if edit.on != On::Both {
                return Err(ScriptError::new(key, "only the token endpoint tells a login from a refresh"));
            }
        }
        Ok(())
    }
}

fn edit(
    object: &mut Map<String, Value>,
    set: &Map<String, Value>,
    remove: &[String],
    append: &BTreeMap<String, String>,
    shift: &BTreeMap<String, i64>,
) {
    for (name, value) in set {
        object.insert(name.clone(), value.clone());
    }
    for name in remove {
        object.remove(name);
    }
    for (name, suffix) in append {
        let value = object.entry(name.clone()).or_insert(Value::Null);
        *value = Value::String(text(value) + suffix);
    }
    for (name, seconds) in shift {
        if let Some(value) = object.get_mut(name)
            && let Some(number) = value.as_i64()
        {
            *value = Value::from(number.saturating_add(*seconds));
        }
    }
}

/// A member as text: what a query parameter made of it would say.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
