//! The authorization request (RFC 6749 section 4.1.1) with PKCE (RFC 7636) and, for OpenID Connect, a nonce.

use oauth2::basic::BasicClient;
use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope};

use crate::error::{Error, Reason, Result};
use crate::secret::Secret;

/// What goes into the URL.
pub(crate) struct Request<'a> {
    pub(crate) authorization_endpoint: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) scopes: &'a [String],
    pub(crate) state: &'a Secret,
    pub(crate) nonce: Option<&'a Secret>,
    pub(crate) verifier: &'a Secret,
}

/// Builds the URL to open.
pub(crate) fn url(request: &Request<'_>) -> Result<String> {
    let malformed = |what: &str| Error::new(Reason::InvalidConfiguration).with_detail(what.to_owned());
    let client = BasicClient::new(ClientId::new(request.client_id.to_owned()))
        .set_auth_uri(
            AuthUrl::new(request.authorization_endpoint.to_owned()).map_err(|_| malformed("authorization endpoint"))?,
        )
        .set_redirect_uri(RedirectUrl::new(request.redirect_uri.to_owned()).map_err(|_| malformed("redirect_uri"))?);
    let verifier = PkceCodeVerifier::new(request.verifier.expose().to_owned());
    let mut builder = client
        .authorize_url(|| CsrfToken::new(request.state.expose().to_owned()))
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
        .add_scopes(request.scopes.iter().map(|scope| Scope::new(scope.clone())));
    if let Some(nonce) = request.nonce {
        builder = builder.add_extra_param("nonce", nonce.expose());
    }
    Ok(builder.url().0.into())
}
