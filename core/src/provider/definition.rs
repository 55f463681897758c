//! A provider's file: pure data, from the catalogue or written by the app. Its keys are the fields of these structures.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::issuer::IssuerRule;
use super::profile_map::ProfileMap;
use super::requests::{Revocation, Userinfo};
use super::template::Variable;
use super::token_rules::{IdTokenRules, RefreshRules, TokenAnswerRules, TokenRequest};
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
    pub(super) basic: BasicRules,
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
    #[serde(default)]
    pub(super) userinfo: Userinfo,
    pub(super) profile: ProfileMap,
    #[serde(default)]
    pub(super) revocation: Option<Revocation>,
    #[serde(default)]
    pub(super) device: DeviceRules,
    #[serde(default)]
    pub(super) end_session: EndSessionRules,
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
    /// Between scopes in a request, before it is encoded: a space becomes the plus sign that some providers want to see.
    pub(crate) const fn between(self) -> &'static str {
        match self {
            Self::Plus => " ",
            other => other.text(),
        }
    }

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
pub(crate) struct Authorize {
    /// Parameters that the provider needs in every authorization request.
    pub(super) parameters: BTreeMap<String, String>,
    /// Every request is pushed first (RFC 9126), also where the metadata does not say so.
    pub(super) pushed: bool,
    /// The provider's names for parameters of the standard.
    pub(crate) rename: BTreeMap<String, String>,
    /// What is sent in place of the redirect URI, with variables in it.
    pub(super) redirect_uri: Option<String>,
    /// `state` goes into the redirect URI's own query.
    pub(crate) state_in_redirect_uri: bool,
    /// What the URL ends in.
    pub(crate) fragment: Option<String>,
    pub(crate) code_challenge: CodeChallenge,
}

/// How the code challenge is written (RFC 7636 section 4.2).
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CodeChallenge {
    #[default]
    Base64url,
    /// The same hash in hexadecimal digits.
    Hex,
    /// The verifier itself.
    Plain,
}

/// Which redirect URIs the provider lets one register (absent: nobody knows), and what it hangs on to them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RedirectRules {
    pub(crate) custom_scheme: Option<bool>,
    pub(crate) loopback: Option<Loopback>,
    pub(crate) localhost: Option<Localhost>,
    /// The parameter that the code is in.
    pub(crate) code: Option<String>,
    pub(crate) error: Option<RedirectError>,
    /// Parameters that are kept with the session.
    pub(crate) keep: Vec<String>,
    /// The parameter that names what was granted.
    pub(crate) scope: Option<String>,
    /// The parameter with the signature of all others.
    pub(crate) hmac: Option<String>,
    /// Parameters that must be this, with variables in it.
    pub(crate) same: BTreeMap<String, String>,
    pub(crate) selects: Option<Selects>,
    /// The parameter with a JSON object about the user.
    pub(crate) user: Option<String>,
}

/// What a provider takes of the name `localhost`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Localhost {
    /// The name, and no IP literal.
    Only,
    /// The IP literal, and not the name.
    Refused,
}

/// Errors of a redirect under another name than `error`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedirectError {
    pub(crate) parameter: String,
    /// What it says when the user said no.
    #[serde(default)]
    pub(crate) denied: Vec<String>,
}

/// A parameter of the redirect that says where the user's account is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Selects {
    pub(crate) parameter: String,
    /// The variable that it decides.
    pub(crate) variable: String,
    /// What it may say, and what the variable is then.
    pub(crate) values: BTreeMap<String, String>,
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

/// How HTTP Basic differs from RFC 6749 section 2.3.1.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BasicRules {
    /// Id and secret go in as they are.
    pub(crate) raw: bool,
    pub(crate) client_id_in_body: bool,
    /// A client without a secret sends it too, with an empty password.
    pub(crate) public_clients: bool,
}

/// How a login on another device differs from RFC 8628.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DeviceRules {
    pub(crate) grant_type: Option<String>,
    pub(crate) code_parameter: Option<String>,
    pub(crate) scope_parameter: Option<String>,
    /// Of the device authorization request.
    pub(crate) parameters: BTreeMap<String, String>,
    /// A URL template; absent: the token endpoint.
    pub(crate) token_url: Option<String>,
}

/// How the logout URL differs from OpenID Connect RP-Initiated Logout.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EndSessionRules {
    pub(crate) redirect_parameter: Option<String>,
    pub(crate) parameters: BTreeMap<String, String>,
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

/// A rule that a provider's protocol cannot keep.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(crate) enum Relaxed {
    /// No PKCE: its parameters break the login.
    S01,
    /// The code challenge is the verifier itself.
    S02,
    /// A token request is a GET, with secrets in its URL.
    S31,
    /// The token answer has no `token_type`: it is a Bearer token.
    S33,
    /// The ID token has no nonce.
    S48,
    /// JSON about the user calls itself something else.
    S77,
}
