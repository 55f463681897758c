//! The script: who may log in, what tokens are like, and what goes wrong.
//!
//! Every key that a script leaves out is as in [`Script::default`], so that the shortest script is `{}` and
//! a test names only what it is about.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::client_jwt::ClientJwt;
use crate::faults::Fault;
use crate::keys::Algorithm;
use crate::tamper::Tamper;
use crate::tls::Tls;
use crate::vendor::Vendor;

/// Everything that a provider is told. [`Script::default`] is the demo: the public client `demo`, the user
/// `ada` with the password `lovelace`, no faults.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Script {
    /// The apps that may ask for logins.
    pub registrations: Vec<Registration>,
    /// The people who may log in.
    pub users: Vec<User>,
    /// What can sign ID tokens. The first one signs; keys of all of them are published.
    pub algorithms: Vec<Algorithm>,
    /// Which signing keys are in use.
    pub keys: Keys,
    /// Lifetimes and rotation.
    pub tokens: Tokens,
    /// Logins on another device.
    pub device: Device,
    /// Authorization requests that are pushed before the browser comes.
    pub pushed: Pushed,
    /// Whether userinfo answers carry an `ETag` and honour `If-None-Match`.
    pub userinfo_etag: bool,
    /// Whether userinfo answers are JWTs that the first algorithm signs (OpenID Connect Core 5.3.2).
    pub userinfo_signed: bool,
    /// Whether the metadata and the key set carry an `ETag` and honour `If-None-Match`.
    pub document_etag: bool,
    /// How far the provider's clock is off: `Date`, `iat`, `exp` and `auth_time` follow it, lifetimes do not.
    pub clock_offset_seconds: f64,
    /// Another provider that is played beside it, at its own URLs.
    pub vendor: Vendor,
    /// What is wrong with its certificate. A provider of plain HTTP takes no other than the good one.
    pub tls: Tls,
    /// What is wrong with what the provider says.
    pub tamper: Tamper,
    /// What is wrong with how it answers. The first fault that fits a request is the one that happens.
    pub faults: Vec<Fault>,
}

/// An app as this provider knows it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Registration {
    /// The app's `client_id`.
    pub client_id: String,
    /// How the app proves itself at the token and revocation endpoints.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// The secret; there is one exactly if `client_auth` is `basic` or `post`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// What the app's signed tokens are held against; it is there exactly if `client_auth` is `private_key_jwt` or `signed_secret`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_jwt: Option<ClientJwt>,
    /// Where logins may end. Compared as text, save that `http://127.0.0.1/…` and `http://[::1]/…` without a
    /// port stand for every port (RFC 8252 §7.3).
    pub redirect_uris: Vec<String>,
    /// Where `/logout` may send the browser. Compared as text.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// What the sign-in page calls the app; its `client_id` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How a client proves itself.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClientAuth {
    /// `client_secret_basic`: the secret in the `Authorization` header, and only there.
    Basic,
    /// A public client: no secret, and one that is sent is refused.
    #[default]
    None,
    /// `client_secret_post`: the secret in the form, and only there.
    Post,
    /// `private_key_jwt`: a token that the app signs for each request, as `client_assertion` (RFC 7523 §2.2). A token that comes twice is refused.
    PrivateKeyJwt,
    /// A secret that the app makes itself: such a token as `client_secret` in the form, as Apple has it. It may come again while it is good.
    SignedSecret,
}

/// Somebody who may log in.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct User {
    /// What is typed into the sign-in page.
    pub username: String,
    /// What is typed below it.
    pub password: String,
    /// What ID tokens and userinfo say. `sub` must be among them.
    pub claims: Map<String, Value>,
}

/// Which signing keys are in use.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Keys {
    /// Another number means other keys with other key ids, and the old ones are no longer published.
    pub generation: u32,
    /// Replaces all keys right before each signature, so that a client's copy of them is always old.
    pub rotate_before_signing: bool,
}

/// Lifetimes and rotation.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Tokens {
    /// The life of an access token. A fraction gives a fractional `expires_in`.
    pub access_token_seconds: f64,
    /// The life of an ID token.
    pub id_token_seconds: f64,
    /// The life of an authorization code.
    pub code_seconds: f64,
    /// When a login brings a refresh token.
    pub refresh_token: RefreshTokens,
    /// Whether a refresh brings a new refresh token.
    pub rotation: Rotation,
    /// How long after its first use a refresh token may be used again.
    pub grace_seconds: f64,
    /// What that second use is answered.
    pub in_grace: InGrace,
    /// What a second use after the grace does.
    pub reuse: Reuse,
    /// What `/revoke` ends besides the token that it is given.
    pub revocation: Revocation,
    /// Whether a refresh brings a new ID token, if the login had the scope `openid`.
    pub id_token_on_refresh: bool,
    /// The scopes that are granted when asked for; all if absent.
    pub grant_scopes: Option<Vec<String>>,
}

/// Logins on another device (RFC 8628).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Device {
    /// The life of both codes.
    pub code_seconds: f64,
    /// What the answer says about the wait between two polls; it says nothing if absent, and then it is five seconds.
    pub interval_seconds: Option<f64>,
    /// Whether a poll that comes sooner is told to slow down, by the clock on this machine. Off, a client whose clock is a test's own may poll in no time.
    pub enforce_interval: bool,
}

impl Default for Device {
    fn default() -> Self {
        Self { code_seconds: 600.0, interval_seconds: Some(5.0), enforce_interval: true }
    }
}

/// Pushed authorization requests (RFC 9126).
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Pushed {
    /// Whether a login has to begin so: the metadata says it, and another one is refused.
    pub required: bool,
    /// The life of a `request_uri`. A fraction gives a fractional `expires_in`.
    pub request_seconds: f64,
}

impl Default for Pushed {
    fn default() -> Self {
        Self { required: false, request_seconds: 60.0 }
    }
}

/// When a login brings a refresh token.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefreshTokens {
    /// Every login does.
    #[default]
    Always,
    /// None does.
    Never,
    /// One with the scope `offline_access` does.
    OfflineAccess,
}

/// Whether a refresh brings a new refresh token.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rotation {
    /// No: the answer names none, and the old one stays good.
    None,
    /// Yes, and the old one is spent.
    #[default]
    SingleUse,
}

/// What the second use of the refresh token that was spent last is answered while its grace lasts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum InGrace {
    /// New tokens; those of the first use stay good beside them.
    #[default]
    NewPair,
    /// New tokens, and those of the first use are spent.
    NewPairReplaces,
    /// The tokens of the first use once more.
    SamePair,
}

/// What happens when a spent refresh token comes again and no grace covers it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reuse {
    /// It is refused, and nothing else happens.
    Reject,
    /// It is refused, and all tokens of that login end.
    #[default]
    RevokeFamily,
    /// It is refused, and all tokens of that user with that client end.
    RevokeGrant,
}

/// What a revocation ends.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Revocation {
    /// All tokens of that login.
    #[default]
    Family,
    /// All tokens of that user with that client.
    Grant,
    /// That one token.
    Token,
}

/// A script that cannot be played. The text names the key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the script is not valid: {key}: {problem}")]
#[non_exhaustive]
pub struct ScriptError {
    /// The path of the key, such as `tokens.grace_seconds`; `.` for the whole.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Default for Script {
    fn default() -> Self {
        let mut demo = Registration::new("demo", "http://127.0.0.1/callback/work-sso");
        demo.name = Some("Keyfob demo".to_owned());
        demo.post_logout_redirect_uris = vec!["http://127.0.0.1/signed-out".to_owned()];
        let ada = User::new("ada", "lovelace", "u-1")
            .claim("name", "Ada Lovelace")
            .claim("email", "ada@example.com")
            .claim("email_verified", true)
            .claim("picture", "https://example.com/ada.png")
            .claim("locale", "en-GB");
        Self {
            registrations: vec![demo],
            users: vec![ada],
            algorithms: vec![Algorithm::RS256, Algorithm::ES256],
            keys: Keys::default(),
            tokens: Tokens::default(),
            device: Device::default(),
            pushed: Pushed::default(),
            userinfo_etag: true,
            userinfo_signed: false,
            document_etag: false,
            clock_offset_seconds: 0.0,
            vendor: Vendor::default(),
            tls: Tls::default(),
            tamper: Tamper::default(),
            faults: Vec::new(),
        }
    }
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            access_token_seconds: 3600.0,
            id_token_seconds: 3600.0,
            code_seconds: 60.0,
            refresh_token: RefreshTokens::default(),
            rotation: Rotation::default(),
            grace_seconds: 0.0,
            in_grace: InGrace::default(),
            reuse: Reuse::default(),
            revocation: Revocation::default(),
            id_token_on_refresh: true,
            grant_scopes: None,
        }
    }
}

impl Registration {
    /// A public client with one redirect URI.
    pub fn new(client_id: &str, redirect_uri: &str) -> Self {
        Self {
            client_id: client_id.to_owned(),
            client_auth: ClientAuth::None,
            client_secret: None,
            client_jwt: None,
            redirect_uris: vec![redirect_uri.to_owned()],
            post_logout_redirect_uris: Vec::new(),
            name: None,
        }
    }

    /// Makes it a confidential client.
    #[must_use]
    pub fn secret(mut self, client_auth: ClientAuth, client_secret: &str) -> Self {
        self.client_auth = client_auth;
        self.client_secret = Some(client_secret.to_owned());
        self
    }

    /// Makes it a client that signs tokens.
    #[must_use]
    pub fn signing(mut self, client_auth: ClientAuth, client_jwt: ClientJwt) -> Self {
        self.client_auth = client_auth;
        self.client_jwt = Some(client_jwt);
        self
    }

    fn check_client_auth(&self, index: usize) -> Result<(), ScriptError> {
        let (by_secret, by_token) = match self.client_auth {
            ClientAuth::None => (false, false),
            ClientAuth::Basic | ClientAuth::Post => (true, false),
            ClientAuth::PrivateKeyJwt | ClientAuth::SignedSecret => (false, true),
        };
        for (key, wanted, there) in [
            ("client_secret", by_secret, self.client_secret.is_some()),
            ("client_jwt", by_token, self.client_jwt.is_some()),
        ] {
            if wanted != there {
                let problem = if wanted { "this client_auth needs one" } else { "this client_auth has none" };
                return Err(ScriptError::new(&format!("registrations[{index}].{key}"), problem));
            }
        }
        match &self.client_jwt {
            Some(jwt) => jwt.check(&format!("registrations[{index}].client_jwt")),
            None => Ok(()),
        }
    }
}

impl User {
    /// Somebody with that `sub` and no other claim.
    pub fn new(username: &str, password: &str, sub: &str) -> Self {
        let claims = Map::from_iter([("sub".to_owned(), json!(sub))]);
        Self { username: username.to_owned(), password: password.to_owned(), claims }
    }

    /// Adds or replaces a claim.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }
}

impl Script {
    /// Reads a script. An unknown key is an error, and every error names its key.
    pub fn from_json(text: &str) -> Result<Self, ScriptError> {
        let mut parser = serde_json::Deserializer::from_str(text);
        let script: Self = serde_path_to_error::deserialize(&mut parser)
            .map_err(|error| ScriptError::new(&error.path().to_string(), error.inner().to_string()))?;
        parser.end().map_err(|error| ScriptError::new(".", error.to_string()))?;
        script.check()?;
        Ok(script)
    }

    /// What the types alone do not say.
    pub(crate) fn check(&self) -> Result<(), ScriptError> {
        for (index, registration) in self.registrations.iter().enumerate() {
            registration.check_client_auth(index)?;
            if self.registrations.iter().take(index).any(|other| other.client_id == registration.client_id) {
                return Err(ScriptError::new(&format!("registrations[{index}].client_id"), "it is there twice"));
            }
            for (place, uri) in registration.redirect_uris.iter().enumerate() {
                let key = format!("registrations[{index}].redirect_uris[{place}]");
                let parsed = url::Url::parse(uri).map_err(|error| ScriptError::new(&key, error.to_string()))?;
                if parsed.fragment().is_some() {
                    return Err(ScriptError::new(&key, "a redirect URI has no fragment (RFC 6749 §3.1.2)"));
                }
            }
        }
        for (index, user) in self.users.iter().enumerate() {
            if !user.claims.get("sub").is_some_and(Value::is_string) {
                return Err(ScriptError::new(&format!("users[{index}].claims"), "a user needs a text `sub`"));
            }
        }
        if self.algorithms.is_empty() {
            return Err(ScriptError::new("algorithms", "something must sign"));
        }
        let lives = [
            ("tokens.access_token_seconds", self.tokens.access_token_seconds),
            ("tokens.id_token_seconds", self.tokens.id_token_seconds),
            ("tokens.code_seconds", self.tokens.code_seconds),
            ("tokens.grace_seconds", self.tokens.grace_seconds),
            ("pushed.request_seconds", self.pushed.request_seconds),
            ("device.code_seconds", self.device.code_seconds),
            ("device.interval_seconds", self.device.interval_seconds.unwrap_or(0.0)),
        ];
        for (key, value) in lives {
            if !(0.0..=1e10).contains(&value) {
                return Err(ScriptError::new(key, "seconds are from 0 to 1e10"));
            }
        }
        if !(-1e10..=1e10).contains(&self.clock_offset_seconds) {
            return Err(ScriptError::new("clock_offset_seconds", "seconds are from -1e10 to 1e10"));
        }
        self.vendor.check()?;
        self.tamper.check()?;
        self.faults.iter().enumerate().try_for_each(|(index, fault)| fault.check(index))
    }
}

impl ScriptError {
    pub(crate) fn new(key: &str, problem: impl Into<String>) -> Self {
        Self { key: key.to_owned(), problem: problem.into() }
    }
}
