//! The user, in one shape for every provider.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::provider::ProfileMap;

/// The user as the provider describes them. `Debug` shows nothing of it.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Profile {
    uid: String,
    name: Option<String>,
    email: Option<String>,
    email_verified: bool,
    avatar_url: Option<String>,
    locale: Option<String>,
    raw: Map<String, Value>,
}

impl Profile {
    /// The user's lasting id at the provider.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The name to show.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The e-mail address.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// Whether the provider vouches for the e-mail address; false where it does not say.
    #[must_use]
    pub fn email_verified(&self) -> bool {
        self.email_verified
    }

    /// A picture of the user.
    #[must_use]
    pub fn avatar_url(&self) -> Option<&str> {
        self.avatar_url.as_deref()
    }

    /// The user's language and region, as the provider writes it.
    #[must_use]
    pub fn locale(&self) -> Option<&str> {
        self.locale.as_deref()
    }

    /// Every claim that the provider sent, as one JSON object.
    #[must_use]
    pub fn raw_json(&self) -> String {
        Value::Object(self.raw.clone()).to_string()
    }

    pub(crate) fn raw(&self) -> &Map<String, Value> {
        &self.raw
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").finish_non_exhaustive()
    }
}

/// Reads the profile out of the claims, where the provider's file says; `None` without a uid.
pub(crate) fn from_claims(map: &ProfileMap, claims: Map<String, Value>) -> Option<Profile> {
    let claims = Value::Object(claims);
    let text = |pointers: &[String]| {
        pointers.iter().filter_map(|pointer| claims.pointer(pointer)).find_map(|value| match value {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            // Many providers number their users.
            Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
            _ => None,
        })
    };
    let yes = |pointers: &[String]| {
        pointers.iter().filter_map(|pointer| claims.pointer(pointer)).any(|value| match value {
            Value::Bool(yes) => *yes,
            Value::String(text) => text == "true",
            _ => false,
        })
    };
    let mut profile = Profile {
        uid: text(&map.uid.0)?,
        name: text(&map.name.0),
        email: text(&map.email.0),
        email_verified: yes(&map.email_verified.0),
        avatar_url: text(&map.avatar_url.0),
        locale: text(&map.locale.0),
        raw: Map::new(),
    };
    if let Value::Object(raw) = claims {
        profile.raw = raw;
    }
    Some(profile)
}

/// The claims of `base` with those of `newer` laid over them.
pub(crate) fn overlay(mut base: Map<String, Value>, newer: Map<String, Value>) -> Map<String, Value> {
    base.extend(newer);
    base
}
