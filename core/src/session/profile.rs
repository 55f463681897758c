//! The user, in one shape for every provider.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::json;
use crate::provider::{EmailList, EmailPlace, EntryVouched, Filling, Place, Places, Provider, Vouched};

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
pub(crate) fn from_claims(provider: &Provider, filling: &Filling<'_>, claims: Map<String, Value>) -> Option<Profile> {
    let map = provider.profile();
    let claims = Claims { all: Value::Object(claims), provider, filling };
    let (email, email_verified) = match &map.email {
        EmailPlace::In(places) => {
            let email = claims.text(places);
            let verified = email.is_some() && claims.vouched(&map.email_verified);
            (email, verified)
        }
        EmailPlace::Listed(list) if list.request.is_some() => {
            let asked = |name: &str| claims.all.get(name);
            let email = asked(ASKED_EMAIL).and_then(Value::as_str).map(str::to_owned);
            (email, asked(ASKED_VERIFIED).is_some_and(is_yes))
        }
        EmailPlace::Listed(list) => match claims.all.as_object().and_then(|all| choose_email(list, &claims.all, all)) {
            Some((email, verified)) => (Some(email), verified),
            None => (None, false),
        },
    };
    let mut profile = Profile {
        // A key of the store and of the app's: what cannot be written down is none.
        uid: claims.text(&map.uid).filter(|uid| uid.len() <= MAX_UID && !uid.contains(char::is_control))?,
        name: claims.text(&map.name),
        email,
        email_verified,
        avatar_url: claims.text(&map.avatar_url),
        locale: claims.text(&map.locale),
        raw: Map::new(),
    };
    if let Value::Object(raw) = claims.all {
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

/// The address in a list: of the entry that fulfils the best condition. `from` has the list, `claims` is what conditions refer to.
pub(crate) fn choose_email(list: &EmailList, from: &Value, claims: &Map<String, Value>) -> Option<(String, bool)> {
    let entries = match from.pointer(&list.array)? {
        Value::Array(entries) => entries.as_slice(),
        one @ Value::Object(_) => std::slice::from_ref(one),
        _ => return None,
    };
    let is = |value: &Value, wanted: &Value| match wanted.as_str().and_then(|text| text.strip_prefix("{/")) {
        Some(pointer) => pointer
            .strip_suffix('}')
            .and_then(|pointer| json::at(claims, &format!("/{pointer}")))
            .is_some_and(|claim| claim == value),
        None => value == wanted,
    };
    let fulfils = |entry: &Value, wanted: &Map<String, Value>| {
        wanted.iter().all(|(name, wanted)| entry.get(name).is_some_and(|value| is(value, wanted)))
    };
    let entry = if list.conditions.is_empty() {
        entries.first()?
    } else {
        list.conditions.iter().find_map(|wanted| entries.iter().find(|entry| fulfils(entry, wanted)))?
    };
    let email = entry.pointer(&list.value)?.as_str().filter(|email| !email.is_empty())?;
    let verified = match &list.verified {
        Some(EntryVouched::Said(pointer)) => entry.pointer(pointer).is_some_and(is_yes),
        Some(EntryVouched::Is { at, is }) => entry.pointer(at) == Some(is),
        None => false,
    };
    Some((email.to_owned(), verified))
}

/// Some providers write their booleans as text.
fn is_yes(value: &Value) -> bool {
    match value {
        Value::Bool(yes) => *yes,
        Value::String(text) => text == "true",
        _ => false,
    }
}

/// Claims, and what a provider's texts about them may refer to.
struct Claims<'a> {
    all: Value,
    provider: &'a Provider,
    filling: &'a Filling<'a>,
}

impl Claims<'_> {
    /// The first place that is not empty.
    fn text(&self, places: &Places) -> Option<String> {
        places.0.iter().find_map(|place| match place {
            Place::At(pointer) => at(&self.all, pointer),
            Place::Text(text) => self.filled_in(text),
            Place::Join(pointers) => {
                let parts: Vec<String> = pointers.iter().filter_map(|pointer| at(&self.all, pointer)).collect();
                (!parts.is_empty()).then(|| parts.join(" "))
            }
            Place::AfterLast { at: pointer, text } => {
                let whole = at(&self.all, pointer)?;
                let part = whole.rsplit_once(text.as_str()).map_or(whole.as_str(), |(_, part)| part);
                (!part.is_empty()).then(|| part.to_owned())
            }
            Place::Trim { at: pointer, characters } => {
                let whole = at(&self.all, pointer)?;
                let part = whole.trim_matches(|c| characters.contains(c));
                (!part.is_empty()).then(|| part.to_owned())
            }
        })
    }

    /// Whether the provider vouches for the address.
    fn vouched(&self, rule: &Vouched) -> bool {
        let yes = |pointer: &str| self.all.pointer(pointer).is_some_and(is_yes);
        match rule {
            Vouched::Said(places) => places.0.iter().any(|place| matches!(place, Place::At(pointer) if yes(pointer))),
            Vouched::Always => true,
            Vouched::All(pointers) => pointers.iter().all(|pointer| yes(pointer)),
            Vouched::Present(pointer) => at(&self.all, pointer).is_some(),
            Vouched::Is { at, is } => self.all.pointer(at) == Some(is),
        }
    }

    /// A text with `{/pointer}` and variables in it; nothing when one of them is.
    fn filled_in(&self, template: &str) -> Option<String> {
        let template = self.provider.text_for(self.filling, template).ok()?;
        let mut parts = template.split('{');
        let mut filled = parts.next()?.to_owned();
        for part in parts {
            let (pointer, after) = part.split_once('}')?;
            filled.push_str(&at(&self.all, pointer)?);
            filled.push_str(after);
        }
        Some(filled)
    }
}

fn at(claims: &Value, pointer: &str) -> Option<String> {
    match claims.pointer(pointer)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        // Many providers number their users.
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

/// The claims of `base` with those of `newer` laid over them.
pub(crate) fn overlay(mut base: Map<String, Value>, newer: Map<String, Value>) -> Map<String, Value> {
    base.extend(newer);
    base
}
