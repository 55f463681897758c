//! Where a provider keeps what is known of its user.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::requests::RequestAuth;
use super::requests::RequestMethod;
use super::token_rules::ErrorRules;

/// Where the profile is taken from, and where in it things are. Of several places the first that is not empty counts.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileMap {
    /// Absent: the ID token and userinfo.
    #[serde(default)]
    pub(crate) sources: Option<Vec<Source>>,
    /// Asked in turn, beside userinfo.
    #[serde(default)]
    pub(crate) requests: Vec<ProfileRequest>,
    pub(crate) uid: Places,
    #[serde(default)]
    pub(crate) name: Places,
    #[serde(default)]
    pub(crate) email: EmailPlace,
    #[serde(default)]
    pub(crate) email_verified: Vouched,
    #[serde(default)]
    pub(crate) avatar_url: Places,
    #[serde(default)]
    pub(crate) locale: Places,
}

/// Where claims are taken from.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    IdToken,
    /// It is a JWT of the issuer's.
    AccessToken,
    /// Members that the standard does not name.
    TokenAnswer,
    Userinfo,
}

/// A request about the user, beside userinfo's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileRequest {
    pub(crate) url: String,
    /// The claim that the answer becomes; absent: its members are laid over the claims.
    #[serde(default)]
    pub(crate) into: Option<String>,
    #[serde(default)]
    pub(crate) before_userinfo: bool,
    /// 403 and 404 mean: nothing for this token.
    #[serde(default)]
    pub(crate) optional: bool,
    #[serde(default)]
    pub(crate) method: Option<RequestMethod>,
    #[serde(default)]
    pub(crate) auth: Option<RequestAuth>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) query: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) form: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) json: Option<Map<String, Value>>,
    #[serde(default)]
    pub(crate) prefix: Option<String>,
    #[serde(default)]
    pub(crate) error: Option<ErrorRules>,
}

/// JSON pointers (RFC 6901), of which the first that is there counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pointers(pub(crate) Vec<String>);

/// Places, of which the first that is not empty counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(pub(crate) Vec<Place>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A JSON pointer.
    At(String),
    /// A text with `{/pointer}` and variables in it.
    Text(String),
    /// What is at several pointers, with spaces between.
    Join(Vec<String>),
    /// What stands after the last of a text.
    AfterLast { at: String, text: String },
    /// Without these characters at its ends.
    Trim { at: String, characters: String },
}

impl Place {
    /// As a text says it.
    pub(super) fn of(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.starts_with('/') { Self::At(text) } else { Self::Text(text) }
    }
}

/// Whether the provider vouches for the e-mail address.
#[derive(Clone, Debug)]
pub(crate) enum Vouched {
    /// One of these places says so.
    Said(Places),
    Always,
    /// Each of these pointers says so.
    All(Vec<String>),
    /// Something is there.
    Present(String),
    /// Exactly this is there.
    Is {
        at: String,
        is: Value,
    },
}

impl Default for Vouched {
    fn default() -> Self {
        Self::Said(Places::default())
    }
}

/// The e-mail address: in the claims, or one of a list.
#[derive(Debug)]
pub(crate) enum EmailPlace {
    In(Places),
    Listed(EmailList),
}

impl Default for EmailPlace {
    fn default() -> Self {
        Self::In(Places::default())
    }
}

/// A list of addresses, in the claims or in the answer to a GET.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailList {
    /// A URL template; absent: the claims have it.
    #[serde(default)]
    pub(crate) request: Option<String>,
    /// Where the list is; empty: it is the answer itself.
    #[serde(default)]
    pub(crate) array: String,
    /// What an entry has to have, the best first; the first that any entry fulfils decides. None: the first entry.
    #[serde(default, rename = "where")]
    pub(crate) conditions: Vec<Map<String, Value>>,
    /// Where the entry keeps the address.
    pub(crate) value: String,
    /// Where the entry says that the provider vouches for it.
    #[serde(default)]
    pub(crate) verified: Option<EntryVouched>,
}

/// Where an entry says that the provider vouches for it.
#[derive(Clone, Debug)]
pub(crate) enum EntryVouched {
    Said(String),
    Is { at: String, is: Value },
}
