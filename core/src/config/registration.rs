//! This app as one provider knows it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::{RedirectUri, invalid};
use crate::error::{Error, Reason, Result};
use crate::http::signing_key::{KeyAlgorithm, SigningKey};
use crate::provider::{AuthMethod, Filling};
use crate::secret::Secret;

/// This app as one provider knows it: provider, client id, optional client secret or private key, redirect URI, default scopes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use]
pub struct Registration {
    id: String,
    provider: String,
    client_id: String,
    #[serde(default)]
    client_secret: Option<Secret>,
    #[serde(default)]
    client_auth: Option<AuthMethod>,
    /// PEM.
    #[serde(default)]
    private_key: Option<Secret>,
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    key_algorithm: Option<KeyAlgorithm>,
    redirect_uri: String,
    /// `None`: the provider's own defaults.
    #[serde(default)]
    scopes: Option<Vec<String>>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    refresh_budget: Option<RefreshBudget>,
    #[serde(default)]
    require_pushed_authorization_requests: bool,
}

/// How many refreshes may be tried in a window of time.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshBudget {
    pub(crate) refreshes: u32,
    pub(crate) seconds: f64,
}

impl RefreshBudget {
    /// What is wrong with it.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        if self.refreshes == 0 {
            Some("must allow at least one refresh")
        } else if !(0.001..=86_400.0).contains(&self.seconds) {
            Some("must be a window of 0.001 to 86400 seconds")
        } else {
            None
        }
    }
}

const fn yes() -> bool {
    true
}

impl Registration {
    /// A registration with an id that the app chooses (`"work-sso"`), the id of its provider (`"oidc"`, or one of the
    /// app's own), the client id that the provider gave out, and the redirect URI registered there (RFC 8252 section 7): an `https` app
    /// link, a private-use scheme with a dot in it (`com.example.notes:/callback`), or a loopback address
    /// (`http://127.0.0.1/callback`; without a port any port will do).
    pub fn new(
        id: impl Into<String>,
        provider: impl Into<String>,
        client_id: impl Into<String>,
        redirect_uri: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            provider: provider.into(),
            client_id: client_id.into(),
            client_secret: None,
            client_auth: None,
            private_key: None,
            key_id: None,
            key_algorithm: None,
            redirect_uri: redirect_uri.into(),
            scopes: None,
            resources: Vec::new(),
            variables: BTreeMap::new(),
            enabled: true,
            refresh_budget: None,
            require_pushed_authorization_requests: false,
        }
    }

    /// The client secret, where the provider gave one out. A secret that ships inside an app is no secret (RFC 8252
    /// section 8.5): some providers want it nevertheless.
    pub fn client_secret(mut self, secret: impl Into<String>) -> Self {
        self.client_secret = Some(Secret::new(secret));
        self
    }

    /// Sends the client secret in the body of the token request (`client_secret_post`) instead of as the provider's file or metadata
    /// say, else in the `Authorization` header (`client_secret_basic`), which RFC 6749 section 2.3.1 prefers.
    pub fn client_secret_post(mut self) -> Self {
        self.client_auth = Some(AuthMethod::Post);
        self
    }

    /// The private key that the client proves itself with, in place of a secret: for each request it signs a token of its own (`private_key_jwt`,
    /// OpenID Connect Core section 9, RFC 7523 section 2.2), or a client secret where the provider wants one made so (Apple). `pem` is a
    /// PEM text with one unencrypted PKCS#8 key (`-----BEGIN PRIVATE KEY-----`): RSA of 2048 to 4096 bits, EC on P-256 or P-384 with its public half in
    /// it, or Ed25519. Kept in memory only, and never sent. A key that ships inside an app is no secret (RFC 8252 section 8.5).
    pub fn private_key(mut self, pem: impl Into<String>) -> Self {
        self.private_key = Some(Secret::new(pem));
        self
    }

    /// What the provider calls the private key: `kid` in the header of each token that it signs (RFC 7515 section 4.1.4). Without it there is none.
    pub fn key_id(mut self, key_id: impl Into<String>) -> Self {
        self.key_id = Some(key_id.into());
        self
    }

    /// What the private key signs with. Without it as its type says: RS256, ES256, ES384 or EdDSA.
    pub fn key_algorithm(mut self, algorithm: KeyAlgorithm) -> Self {
        self.key_algorithm = Some(algorithm);
        self
    }

    /// Adds a default scope. Without any, the provider's defaults are asked for.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.get_or_insert_default().push(scope.into());
        self
    }

    /// Adds a resource that the tokens are for (RFC 8707): an absolute URI without a fragment, for instance the address of the app's own API. It is named
    /// in each login, code exchange and refresh, so that the provider makes access tokens for it and, where it can, for nothing else.
    pub fn resource(mut self, uri: impl Into<String>) -> Self {
        self.resources.push(uri.into());
        self
    }

    /// Fills in a variable of the provider, for instance `issuer`.
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Whether logins may begin (default yes). The sessions of a disabled registration stay.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// At most so many refreshes of all this registration's sessions together in a window of time, counted over every process of this store; a request that
    /// is repeated counts again. Without it the provider's own, or none. A call beyond it is answered with
    /// [`RateLimited`](crate::ErrorKind::RateLimited) while no token is good.
    pub fn refresh_budget(mut self, refreshes: u32, window: Duration) -> Self {
        self.refresh_budget = Some(RefreshBudget { refreshes, seconds: window.as_secs_f64() });
        self
    }

    /// Has each login's request sent to the provider by the app itself, and only its name by the browser (RFC 9126), where neither the provider's
    /// metadata nor its file asks for that anyway. A provider that names no endpoint for it is then a
    /// [`Configuration`](crate::ErrorKind::Configuration) error.
    pub fn require_pushed_authorization_requests(mut self) -> Self {
        self.require_pushed_authorization_requests = true;
        self
    }

    /// The id that the app chose.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn provider(&self) -> &str {
        &self.provider
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(crate) fn secret(&self) -> Option<&Secret> {
        self.client_secret.as_ref()
    }

    pub(crate) fn auth_method(&self) -> Option<AuthMethod> {
        self.client_auth
    }

    /// The private key, read from its text.
    pub(crate) fn signing_key(&self) -> Result<Option<SigningKey>> {
        let Some(pem) = &self.private_key else { return Ok(None) };
        SigningKey::from_pem(pem.expose()).map(Some).map_err(|problem| invalid("private_key", problem))
    }

    /// Whether the client proves itself by its signature.
    pub(crate) fn signs(&self) -> bool {
        self.private_key.is_some()
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// What its private key signs with.
    pub(crate) fn signs_with(&self, key: &SigningKey) -> KeyAlgorithm {
        self.key_algorithm.unwrap_or_else(|| key.algorithm())
    }

    pub(crate) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    pub(crate) fn scopes(&self) -> Option<&[String]> {
        self.scopes.as_deref()
    }

    pub(crate) fn resources(&self) -> &[String] {
        &self.resources
    }

    /// What it puts into a provider's texts.
    pub(crate) fn filling(&self) -> Filling<'_> {
        Filling { client_id: &self.client_id, variables: Cow::Borrowed(&self.variables) }
    }

    pub(crate) fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    pub(crate) fn budget(&self) -> Option<RefreshBudget> {
        self.refresh_budget
    }

    pub(crate) fn wants_pushed_requests(&self) -> bool {
        self.require_pushed_authorization_requests
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Everything that can be seen without knowing the provider. Details begin with the key.
    pub(super) fn check(&self) -> Result<()> {
        for (key, value) in [("id", &self.id), ("provider", &self.provider), ("client_id", &self.client_id)] {
            if value.is_empty() {
                return Err(invalid(key, "is empty"));
            }
        }
        if self.client_secret.as_ref().is_some_and(|secret| secret.expose().is_empty()) {
            return Err(invalid("client_secret", "is empty; leave it out for a public client"));
        }
        self.check_key()?;
        for scope in self.scopes.iter().flatten() {
            if !is_scope_token(scope) {
                return Err(invalid("scopes", "holds a scope that is not of RFC 6749 section 3.3"));
            }
        }
        let resource = |uri: &String| Url::parse(uri).is_ok_and(|url| url.fragment().is_none());
        if !self.resources.iter().all(resource) {
            return Err(invalid(
                "resources",
                "holds what is not an absolute URI without a fragment (RFC 8707 section 2)",
            ));
        }
        if let Some(problem) = self.refresh_budget.and_then(|budget| budget.problem()) {
            return Err(invalid("refresh_budget", problem));
        }
        RedirectUri::parse(&self.redirect_uri)
            .map(drop)
            .map_err(|problem| Error::new(Reason::InvalidRedirectUri).with_detail(format!("redirect_uri {problem}")))
    }

    /// One way for a client to prove itself (security S32), and a key that it can be done with.
    fn check_key(&self) -> Result<()> {
        let Some(key) = self.signing_key()? else {
            return match (self.client_auth, &self.key_id, self.key_algorithm) {
                (Some(AuthMethod::PrivateKeyJwt), ..) => Err(invalid("client_auth", "needs a private_key")),
                (_, Some(_), _) => Err(invalid("key_id", "is of no use without a private_key")),
                (.., Some(_)) => Err(invalid("key_algorithm", "is of no use without a private_key")),
                _ => Ok(()),
            };
        };
        if self.client_secret.is_some() {
            return Err(invalid("private_key", "stands beside client_secret: a client proves itself in one way"));
        }
        if matches!(self.client_auth, Some(AuthMethod::Basic | AuthMethod::Post)) {
            return Err(invalid("client_auth", "is for a client_secret, and there is a private_key"));
        }
        if self.key_id.as_ref().is_some_and(String::is_empty) {
            return Err(invalid("key_id", "is empty"));
        }
        if self.key_algorithm.is_some_and(|algorithm| !key.fits(algorithm)) {
            return Err(invalid("key_algorithm", "does not fit the private_key"));
        }
        Ok(())
    }
}

/// A scope token of RFC 6749 section 3.3: printable ASCII without space, quote and backslash.
pub(crate) fn is_scope_token(scope: &str) -> bool {
    !scope.is_empty() && scope.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}
