//! The user, in one shape for every provider.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::provider::{EmailPlace, EmailRequest, Places, ProfileMap};

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
        let mut raw = self.raw.clone();
        // Ours, beside the provider's.
        raw.retain(|name, _| name != ASKED_EMAIL && name != ASKED_VERIFIED);
        Value::Object(raw).to_string()
    }

    /// What is left of one whose claims cannot be read any more.
    pub(crate) fn of_uid(uid: &str) -> Self {
        Self { uid: uid.to_owned(), ..Self::default() }
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

/// Longest user id, in bytes (OpenID Connect Core section 2 allows 255).
const MAX_UID: usize = 255;

/// Reads the profile out of the claims, where the provider's file says; `None` without a uid.
pub(crate) fn from_claims(map: &ProfileMap, claims: Map<String, Value>) -> Option<Profile> {
    let claims = Value::Object(claims);
    let yes = |places: &Places| places.0.iter().filter_map(|pointer| claims.pointer(pointer)).any(is_yes);
    let mut profile = Profile {
        // A key of the store and of the app's: what cannot be written down is none.
        uid: text(&claims, &map.uid).filter(|uid| uid.len() <= MAX_UID && !uid.contains(char::is_control))?,
        name: text(&claims, &map.name),
        email: match &map.email {
            EmailPlace::In(places) => text(&claims, places),
            EmailPlace::Asked(_) => text(&claims, &Places(vec![format!("/{ASKED_EMAIL}")])),
        },
        email_verified: match &map.email {
            EmailPlace::In(_) => yes(&map.email_verified),
            EmailPlace::Asked(_) => claims.get(ASKED_VERIFIED).is_some_and(is_yes),
        },
        avatar_url: text(&claims, &map.avatar_url),
        locale: text(&claims, &map.locale),
        raw: Map::new(),
    };
    if let Value::Object(raw) = claims {
        profile.raw = raw;
    }
    Some(profile)
}

/// The profile of a session that was imported: who it is, and what is to be asked.
pub(crate) fn imported_profile(uid: &str, raw: Map<String, Value>) -> Profile {
    Profile { uid: uid.to_owned(), raw, ..Profile::default() }
}

/// Where the answer to an e-mail request is put among the claims, so that a later profile still has it.
pub(crate) const ASKED_EMAIL: &str = "keyfob_email";
pub(crate) const ASKED_VERIFIED: &str = "keyfob_email_verified";

/// The address in the answer to an e-mail request: of the entry that fulfils the best condition.
pub(crate) fn choose_email(request: &EmailRequest, entries: &[Value]) -> Option<(String, bool)> {
    let fulfils =
        |entry: &Value, wanted: &Map<String, Value>| wanted.iter().all(|(name, value)| entry.get(name) == Some(value));
    request.conditions.iter().find_map(|wanted| {
        let entry = entries.iter().find(|entry| fulfils(entry, wanted))?;
        let email = entry.pointer(&request.value)?.as_str()?;
        let verified = request.verified.as_ref().and_then(|pointer| entry.pointer(pointer)).is_some_and(is_yes);
        Some((email.to_owned(), verified))
    })
}

/// Some providers write their booleans as text.
fn is_yes(value: &Value) -> bool {
    match value {
        Value::Bool(yes) => *yes,
        Value::String(text) => text == "true",
        _ => false,
    }
}

/// The first place that is not empty.
fn text(claims: &Value, places: &Places) -> Option<String> {
    places.0.iter().find_map(|place| if place.starts_with('/') { at(claims, place) } else { filled_in(claims, place) })
}

fn at(claims: &Value, pointer: &str) -> Option<String> {
    match claims.pointer(pointer)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        // Many providers number their users.
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

/// A text with `{/pointer}` in it; nothing when one of them is.
fn filled_in(claims: &Value, template: &str) -> Option<String> {
    let mut parts = template.split('{');
    let mut filled = parts.next()?.to_owned();
    for part in parts {
        let (pointer, after) = part.split_once('}')?;
        filled.push_str(&at(claims, pointer)?);
        filled.push_str(after);
    }
    Some(filled)
}

/// The claims of `base` with those of `newer` laid over them.
pub(crate) fn overlay(mut base: Map<String, Value>, newer: Map<String, Value>) -> Map<String, Value> {
    base.extend(newer);
    base
}
