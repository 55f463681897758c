//! A provider's file: pure data, from the catalogue or written by the app. Its keys are the fields of these structures.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::issuer::IssuerRule;
use super::template::Variable;
use crate::config::RefreshBudget;
use crate::http::signing_key::KeyAlgorithm;

/// What a provider speaks.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ProviderKind {
    /// OpenID Connect: an issuer, discovery, ID tokens.
    Oidc,
    /// Plain OAuth 2: explicit endpoints, the user's identity from userinfo.
    Oauth2,
}

/// An identity provider: endpoints, defaults and where its profile keeps things. Pure data.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use]
pub struct Provider {
    pub(super) id: String,
    /// Other names that a registration may use.
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    #[serde(default)]
    pub(super) name: Option<String>,
    pub(super) kind: ProviderKind,
    /// For people: the engine does not look at it.
    #[serde(default, rename = "notes")]
    pub(super) _notes: Option<String>,
    #[serde(default)]
    pub(super) variables: BTreeMap<String, Variable>,
    #[serde(default)]
    pub(super) issuer: Option<String>,
    #[serde(default)]
    pub(super) issuer_rule: IssuerRule,
    /// The metadata document, where it is not at the issuer's well-known place.
    #[serde(default)]
    pub(super) discovery: Option<String>,
    #[serde(default)]
    pub(super) endpoints: Endpoints,
    #[serde(default)]
    pub(super) scopes: Scopes,
    #[serde(default)]
    pub(super) authorize: Authorize,
    #[serde(default)]
    pub(super) redirect: RedirectRules,
    /// How a client with a secret or a private key may authenticate, the preferred way first. Absent: as the metadata says, else Basic.
    #[serde(default)]
    pub(super) client_auth: Vec<AuthMethod>,
    #[serde(default)]
    pub(super) client_assertion: Option<ClientAssertion>,
    #[serde(default)]
    pub(super) token_request: TokenRequest,
    #[serde(default)]
    pub(super) token_answer: TokenAnswerRules,
    #[serde(default)]
    pub(super) id_token: IdTokenRules,
    #[serde(default)]
    pub(super) refresh: RefreshRules,
    pub(super) profile: ProfileMap,
    #[serde(default)]
    pub(super) revocation: Option<Revocation>,
    /// The rules of the security checklist that the provider's protocol cannot keep.
    #[serde(default)]
    pub(super) relaxes: Vec<Relaxed>,
}

/// Endpoints as URL templates. What is named here wins over discovery; with both `authorization` and `token` there is no discovery.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Endpoints {
    pub(super) authorization: Option<String>,
    pub(super) token: Option<String>,
    pub(super) userinfo: Option<String>,
    pub(super) jwks: Option<String>,
    pub(super) revocation: Option<String>,
    pub(super) end_session: Option<String>,
    pub(super) device_authorization: Option<String>,
    pub(super) pushed_authorization_request: Option<String>,
}

/// What stands between the scopes of a list.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Separator {
    #[default]
    Space,
    Comma,
    Plus,
    Semicolon,
}

impl Separator {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Space => " ",
            Self::Comma => ",",
            Self::Plus => "+",
            Self::Semicolon => ";",
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Scopes {
    pub(super) default: Vec<String>,
    /// In the authorization request.
    pub(super) separator: Separator,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Authorize {
    /// Parameters that the provider needs in every authorization request.
    pub(super) parameters: BTreeMap<String, String>,
    /// Every request is pushed first (RFC 9126), also where the metadata does not say so.
    pub(super) pushed: bool,
}

/// Which redirect URIs the provider lets one register. Absent: nobody knows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RedirectRules {
    pub(crate) custom_scheme: Option<bool>,
    pub(crate) loopback: Option<Loopback>,
}

/// What a provider takes of a loopback redirect URI.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Loopback {
    /// The IP literal, with any port (RFC 8252 section 7.3).
    AnyPort,
    /// Only exactly as registered, port included.
    Exact,
    /// Not at all.
    None,
}

/// How a client with a secret or a private key authenticates at the token endpoint.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuthMethod {
    /// `client_secret_basic`
    Basic,
    /// `client_secret_post`
    Post,
    /// A public client: no secret at all.
    None,
    /// A token signed by the client's private key (OpenID Connect Core section 9).
    PrivateKeyJwt,
}

/// The token that a client with a private key signs, where it is not RFC 7523's as it stands.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ClientAssertion {
    pub(crate) parameter: AssertionParameter,
    /// `iss`, with variables in it; absent: the client id.
    pub(crate) issuer: Option<String>,
    /// `aud`
    pub(crate) audience: Audience,
    /// The only algorithm that the provider takes.
    pub(crate) algorithm: Option<KeyAlgorithm>,
    /// The provider finds the key by its id, and by nothing else.
    pub(crate) needs_key_id: bool,
}

/// Where the client's token stands in the form.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AssertionParameter {
    /// `client_assertion`, with its type beside it (RFC 7521 section 4.2).
    #[default]
    ClientAssertion,
    /// `client_secret`: a secret that the client makes itself (Apple).
    ClientSecret,
}

/// Whom the client's token is for.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Audience {
    /// The issuer: another provider's metadata cannot make the client sign something for this one. The token endpoint where none is known.
    #[default]
    Issuer,
    TokenEndpoint,
    /// This URL, with variables in it.
    Url(String),
}

/// What is added to the standard token request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TokenRequest {
    pub(crate) headers: BTreeMap<String, String>,
    /// Form parameters.
    pub(crate) parameters: BTreeMap<String, String>,
    /// Send the scopes again with a refresh (Microsoft).
    pub(crate) scope_on_refresh: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TokenAnswerRules {
    /// In `scope` of the token answer.
    pub(crate) scope_separator: Separator,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct IdTokenRules {
    /// What may sign ID tokens, in place of what the metadata says. `HS256` counts for clients with a secret of 32 bytes or more, and only where it stands here.
    pub(super) algorithms: Vec<String>,
}

/// Error codes of the token endpoint that mean more than RFC 6749 says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RefreshRules {
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
    pub(crate) method: ExchangeMethod,
    /// A URL template; absent: the token endpoint.
    #[serde(default)]
    pub(crate) url: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub(crate) enum ExchangeMethod {
    /// Parameters in the body.
    #[default]
    #[serde(rename = "POST")]
    Post,
    /// Parameters in the query.
    #[serde(rename = "GET")]
    Get,
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

/// Where the profile keeps things. A place is a JSON pointer (RFC 6901), or a text with `{/pointer}` in it; of several the first that is not
/// empty counts.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileMap {
    pub(crate) uid: Places,
    #[serde(default)]
    pub(crate) name: Places,
    #[serde(default)]
    pub(crate) email: EmailPlace,
    #[serde(default)]
    pub(crate) email_verified: Places,
    #[serde(default)]
    pub(crate) avatar_url: Places,
    #[serde(default)]
    pub(crate) locale: Places,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Places(pub(crate) Vec<String>);

/// The e-mail address: in the profile, or in the answer to a request of its own.
#[derive(Debug)]
pub(crate) enum EmailPlace {
    In(Places),
    Asked(EmailRequest),
}

impl Default for EmailPlace {
    fn default() -> Self {
        Self::In(Places::default())
    }
}

/// A GET whose answer is a list of addresses.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailRequest {
    /// A URL template.
    pub(crate) request: String,
    /// What an entry has to have, the best first; the first that any entry fulfils decides.
    #[serde(rename = "where")]
    pub(crate) conditions: Vec<Map<String, Value>>,
    /// Where the entry keeps the address.
    pub(crate) value: String,
    /// Where the entry says that the provider vouches for it.
    #[serde(default)]
    pub(crate) verified: Option<String>,
}

/// A revocation request that is not RFC 7009's.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revocation {
    #[serde(default)]
    pub(crate) method: RevocationMethod,
    /// A URL template; absent: the revocation endpoint.
    #[serde(default)]
    pub(crate) url: Option<String>,
    /// How the client authenticates; absent: as at the token endpoint.
    #[serde(default)]
    pub(crate) auth: Option<AuthMethod>,
    /// A JSON body with `{token}` in its texts; absent: the form of RFC 7009.
    #[serde(default)]
    pub(crate) json: Option<Map<String, Value>>,
    /// Which token to name; absent: the refresh token where there is one.
    #[serde(default)]
    pub(crate) token: RevokedToken,
    /// Whether revoking one token ends every session of that user with this app. Absent: the careful reading.
    #[serde(default = "yes")]
    pub(crate) whole_grant: bool,
}

const fn yes() -> bool {
    true
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RevokedToken {
    #[default]
    RefreshToken,
    AccessToken,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub(crate) enum RevocationMethod {
    #[default]
    #[serde(rename = "POST")]
    Post,
    #[serde(rename = "DELETE")]
    Delete,
}

/// A rule that a provider's protocol cannot keep.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(crate) enum Relaxed {
    /// No PKCE: its parameters break the login.
    S01,
    /// The token answer has no `token_type`: it is a Bearer token.
    S33,
}
