//! The authorization request (RFC 6749 section 4.1.1) with PKCE (RFC 7636) and, for OpenID Connect, a nonce.

use oauth2::basic::BasicClient;
use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope};

use crate::error::{Error, Reason, Result};
use crate::provider::Separator;
use crate::secret::Secret;

/// What goes into the URL.
pub(crate) struct Request<'a> {
    pub(crate) authorization_endpoint: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) scopes: &'a [String],
    pub(crate) separator: Separator,
    pub(crate) state: &'a Secret,
    pub(crate) nonce: Option<&'a Secret>,
    /// `None` only for a provider whose file says that PKCE breaks its logins.
    pub(crate) verifier: Option<&'a Secret>,
    /// The provider's own, then the call's.
    pub(crate) parameters: &'a [(String, String)],
}

/// What a caller may not set: the parameters that make a login safe, and those that Keyfob could not handle the answer of.
pub(crate) const OWN_PARAMETERS: &[&str] = &[
    "client_id",
    "client_secret",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "redirect_uri",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
];

/// Builds the URL to open.
pub(crate) fn url(request: &Request<'_>) -> Result<String> {
    let malformed = |what: &str| Error::new(Reason::InvalidConfiguration).with_detail(what.to_owned());
    let client = BasicClient::new(ClientId::new(request.client_id.to_owned()))
        .set_auth_uri(
            AuthUrl::new(request.authorization_endpoint.to_owned()).map_err(|_| malformed("authorization endpoint"))?,
        )
        .set_redirect_uri(RedirectUrl::new(request.redirect_uri.to_owned()).map_err(|_| malformed("redirect_uri"))?);
    let mut builder = client.authorize_url(|| CsrfToken::new(request.state.expose().to_owned()));
    if let Some(verifier) = request.verifier {
        let verifier = PkceCodeVerifier::new(verifier.expose().to_owned());
        builder = builder.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
    }
    if !request.scopes.is_empty() {
        builder = builder.add_scope(Scope::new(request.scopes.join(request.separator.text())));
    }
    for (name, value) in request.parameters {
        builder = builder.add_extra_param(name, value);
    }
    if let Some(nonce) = request.nonce {
        builder = builder.add_extra_param("nonce", nonce.expose());
    }
    Ok(builder.url().0.into())
}
