//! A client, as the provider knows it and as Keyfob does.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfob::{Clock, Config, Keyfob, Registration, StoreKey};
use serde_json::{Value, json};

/// How the provider signs this client's ID tokens.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Signature {
    /// RSA.
    Rs256,
    /// The curve P-256.
    Es256,
}

/// A client: known to the provider before it starts, and to Keyfob as a registration.
#[derive(Clone, Debug)]
#[must_use]
pub struct Client {
    id: String,
    secret: Option<String>,
    method: &'static str,
    signature: Signature,
}

impl Client {
    /// Its redirect URI. Nobody listens there: the browser stops before it.
    pub const REDIRECT_URI: &'static str = "http://127.0.0.1/callback/peer";
    /// Where the browser may go after a logout.
    pub const LOGGED_OUT_URI: &'static str = "http://127.0.0.1/logged-out";

    /// Of all that an id and a secret may be made of, what form encoding has to touch (RFC 6749 section 2.3.1).
    const AWKWARD: &'static str = "a b+c%2Bd:e/f&g=h?~!\"'";

    /// A public client.
    pub fn public(signature: Signature) -> Self {
        Self { id: "public".to_owned(), secret: None, method: "none", signature }
    }

    /// A confidential client that authenticates with HTTP Basic.
    pub fn basic(signature: Signature) -> Self {
        Self::confidential("client_secret_basic", signature)
    }

    /// A confidential client that authenticates in the request's body.
    pub fn post(signature: Signature) -> Self {
        Self::confidential("client_secret_post", signature)
    }

    fn confidential(method: &'static str, signature: Signature) -> Self {
        let [id, secret] = ["id", "secret"].map(|what| format!("{what} {}", Self::AWKWARD));
        Self { id, secret: Some(secret), method, signature }
    }

    /// The same client with another secret.
    pub fn with_secret(mut self, secret: &str) -> Self {
        self.secret = Some(secret.to_owned());
        self
    }

    /// The `alg` of its ID tokens.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match self.signature {
            Signature::Rs256 => "RS256",
            Signature::Es256 => "ES256",
        }
    }

    /// What the provider is to offer and to know: this client and no other, this method and no other.
    #[must_use]
    pub fn settings(&self) -> Value {
        let mut metadata = json!({
            "client_id": self.id,
            "application_type": "native",
            "redirect_uris": [Self::REDIRECT_URI],
            "post_logout_redirect_uris": [Self::LOGGED_OUT_URI],
            "response_types": ["code"],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": self.method,
            "id_token_signed_response_alg": self.algorithm(),
        });
        if let (Some(secret), Some(members)) = (&self.secret, metadata.as_object_mut()) {
            members.insert("client_secret".to_owned(), json!(secret));
        }
        json!({ "clients": [metadata], "clientAuthMethods": [self.method] })
    }

    /// Keyfob for this client at an issuer.
    ///
    /// # Errors
    /// Those of [`keyfob::ConfigBuilder::build`] and [`Keyfob::open`].
    pub fn open(&self, issuer: &str, store: &Path, clock: Arc<dyn Clock>) -> Result<Keyfob> {
        let mut registration = Registration::new(crate::SSO, "oidc", &self.id, Self::REDIRECT_URI)
            .variable("issuer", issuer)
            .scope("openid")
            .scope("profile")
            .scope("email")
            .scope("offline_access");
        if let Some(secret) = &self.secret {
            registration = registration.client_secret(secret);
        }
        let config = Config::builder(store).registration(registration).build()?;
        Ok(Keyfob::open(config.with_store_key(StoreKey::new([7; 32])).with_clock(clock))?)
    }

    /// What this client sends to say who it is, without Keyfob: a header's value, and parameters.
    pub(crate) fn credentials(&self) -> (Option<String>, Vec<(&str, &str)>) {
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        match (&self.secret, self.method) {
            (None, _) => (None, vec![("client_id", &self.id)]),
            (Some(secret), "client_secret_basic") => {
                let pair = format!("{}:{}", encoded(&self.id), encoded(secret));
                (Some(format!("Basic {}", STANDARD.encode(pair))), Vec::new())
            }
            (Some(secret), _) => (None, vec![("client_id", &self.id), ("client_secret", secret)]),
        }
    }
}
