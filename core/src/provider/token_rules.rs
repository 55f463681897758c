//! How a provider's token endpoint differs from RFC 6749, and its ID tokens from OpenID Connect.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::definition::Separator;
use super::profile_map::Pointers;
use crate::config::RefreshBudget;

/// How the token requests differ from the standard's. Texts may have `{client_id}`, `{client_secret}`, variables and `{redirect:name}` in them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TokenRequest {
    pub(crate) method: TokenMethod,
    pub(crate) body: TokenBody,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) parameters: BTreeMap<String, String>,
    /// The provider's names for parameters of the standard.
    pub(crate) rename: BTreeMap<String, String>,
    /// Parameters of the standard that the provider does not bear.
    pub(crate) omit: Vec<String>,
    pub(crate) scope_on_exchange: bool,
    /// Send the scopes again with a refresh (Microsoft).
    pub(crate) scope_on_refresh: bool,
    pub(crate) redirect_uri_on_refresh: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub(crate) enum TokenMethod {
    /// Parameters in the body.
    #[default]
    #[serde(rename = "POST")]
    Post,
    /// Parameters in the query.
    #[serde(rename = "GET")]
    Get,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TokenBody {
    #[default]
    Form,
    Json,
}

/// How the token answer differs from RFC 6749 section 5.1.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TokenAnswerRules {
    /// In `scope` of the token answer.
    pub(crate) scope_separator: Separator,
    pub(crate) format: AnswerFormat,
    /// What stands before the JSON.
    pub(crate) prefix: Option<String>,
    pub(crate) fields: Fields,
    /// Words that mean Bearer.
    pub(crate) token_types: Vec<String>,
    pub(crate) zero_expires_in: Zero,
    pub(crate) error: Option<ErrorRules>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AnswerFormat {
    #[default]
    Json,
    /// Form-encoded, or JSON all the same.
    Form,
}

/// What an `expires_in` of 0 means.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Zero {
    #[default]
    Over,
    Unknown,
}

/// Where the members of a token answer are, if not under their names.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Fields {
    pub(crate) access_token: Pointers,
    pub(crate) token_type: Pointers,
    pub(crate) expires_in: Pointers,
    pub(crate) refresh_token: Pointers,
    pub(crate) scope: Pointers,
    pub(crate) id_token: Pointers,
}

/// Errors that do not stand under the standard's name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorRules {
    pub(crate) code: Pointers,
    #[serde(default)]
    pub(crate) description: Pointers,
    /// Codes that are no error.
    #[serde(default)]
    pub(crate) ok: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct IdTokenRules {
    /// What may sign ID tokens, in place of what the metadata says. `HS256` counts for clients with a secret of 32 bytes or more, and only where it stands here.
    pub(crate) algorithms: Vec<String>,
    /// Whether the nonce of the login comes back.
    pub(crate) nonce: bool,
    /// Whether a login may come without one.
    pub(crate) optional: bool,
}

impl Default for IdTokenRules {
    fn default() -> Self {
        Self { algorithms: Vec::new(), nonce: true, optional: false }
    }
}

/// How a refresh differs from the standard's, and what its errors mean beyond RFC 6749.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RefreshRules {
    /// When there are refresh tokens, for the guide.
    pub(crate) tokens: Option<RefreshTokens>,
    /// A URL template; absent: the token endpoint.
    pub(crate) url: Option<String>,
    pub(crate) method: Option<TokenMethod>,
    /// Parameters of a refresh alone.
    pub(crate) parameters: BTreeMap<String, String>,
    /// Parameters of the standard that a refresh does not bear.
    pub(crate) omit: Vec<String>,
    pub(crate) rotation: Option<Rotation>,
    /// Codes beside `invalid_grant` that mean: the refresh token is dead.
    pub(crate) dead: Vec<String>,
    /// Codes that mean: not now, nothing was spent.
    pub(crate) transient: Vec<String>,
    /// When a request that is in doubt may be repeated.
    pub(crate) resend: Resend,
    /// How many refreshes the provider allows in a window of time.
    pub(crate) budget: Option<RefreshBudget>,
    /// There is no refresh token: the access token itself is traded for the next one.
    pub(crate) exchange: Option<Exchange>,
}

/// The request that trades an access token for the next one (Facebook, Instagram, Threads).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    pub(crate) grant_type: String,
    /// The parameter that the access token stands in.
    pub(crate) parameter: String,
    #[serde(default)]
    pub(crate) method: TokenMethod,
    /// A URL template; absent: the token endpoint.
    #[serde(default)]
    pub(crate) url: Option<String>,
    /// The request for a token that came straight from a login, where it is another one.
    #[serde(default)]
    pub(crate) first: Option<FirstExchange>,
}

/// The first of such requests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstExchange {
    pub(crate) grant_type: String,
    pub(crate) parameter: String,
    #[serde(default)]
    pub(crate) method: TokenMethod,
    #[serde(default)]
    pub(crate) url: Option<String>,
}

/// When a provider gives refresh tokens.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RefreshTokens {
    Always,
    Never,
    /// For a scope.
    Scope,
    /// For a parameter of the authorization request.
    Parameter,
    /// As the app is set up at the provider.
    Setting,
}

/// When a refresh token whose answer was lost may be sent again.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Resend {
    /// At once: servers forgive it for a few seconds, and one that does not has nothing more to take.
    #[default]
    AtOnce,
    /// Once the access token is over: the provider punishes the user for it, and not only this login.
    WhenOver,
}

/// What becomes of a refresh token that was used.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rotation {
    /// It is spent, and the answer has the next one.
    SingleUse,
    /// It stays good.
    None,
}
