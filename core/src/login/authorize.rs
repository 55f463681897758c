//! The authorization request (RFC 6749 section 4.1.1) with PKCE (RFC 7636) and, for OpenID Connect, a nonce.

use oauth2::basic::BasicClient;
use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope};
use ring::digest;
use url::Url;

use crate::error::{Error, Reason, Result};
use crate::provider::{Authorize, CodeChallenge, Separator, hex};
use crate::secret::Secret;

/// What goes into the URL.
pub(crate) struct Request<'a> {
    pub(crate) authorization_endpoint: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) redirect_uri: &'a str,
    /// What is sent in its place, where the provider keeps it under another name.
    pub(crate) redirect_alias: Option<&'a str>,
    pub(crate) scopes: &'a [String],
    pub(crate) separator: Separator,
    pub(crate) state: &'a Secret,
    pub(crate) nonce: Option<&'a Secret>,
    /// `None` only for a provider whose file says that PKCE breaks its logins.
    pub(crate) verifier: Option<&'a Secret>,
    /// The provider's own, then the call's.
    pub(crate) parameters: &'a [(String, String)],
    /// How the provider's request differs from the standard's.
    pub(crate) rules: &'a Authorize,
}

/// What a caller may not set: the parameters that make a login safe, and those that Keyfob could not handle the answer of.
pub(crate) const OWN_PARAMETERS: &[&str] = &[
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "redirect_uri",
    "request",
    "request_uri",
    "resource",
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
        builder = builder.add_scope(Scope::new(request.scopes.join(request.separator.between())));
    }
    for (name, value) in request.parameters {
        builder = builder.add_extra_param(name, value);
    }
    if let Some(nonce) = request.nonce {
        builder = builder.add_extra_param("nonce", nonce.expose());
    }
    in_own_words(&builder.url().0, request)
}

/// The standard request as the provider wants it: its names, its way to write a challenge, and a space as `%20`, which no server takes for a plus sign.
fn in_own_words(url: &Url, request: &Request<'_>) -> Result<String> {
    let Request { rules, authorization_endpoint, .. } = request;
    let parameters = parameters_of(url.as_str(), authorization_endpoint)?;
    let own = parse(authorization_endpoint)?;
    let mut query = own.query().map(str::to_owned).unwrap_or_default();
    for (name, value) in parameters {
        let value = match (name.as_str(), rules.code_challenge, request.verifier) {
            ("state", ..) if rules.state_in_redirect_uri => continue,
            ("redirect_uri", ..) => request.redirect_alias.map(str::to_owned).unwrap_or(value),
            ("code_challenge", CodeChallenge::Hex, Some(verifier)) => {
                hex(digest::digest(&digest::SHA256, verifier.expose().as_bytes()).as_ref())
            }
            ("code_challenge", CodeChallenge::Plain, Some(verifier)) => verifier.expose().to_owned(),
            ("code_challenge_method", CodeChallenge::Plain, _) => "plain".to_owned(),
            _ => value,
        };
        let pair = url::form_urlencoded::Serializer::new(String::new())
            .append_pair(rules.rename.get(&name).unwrap_or(&name), &value)
            .finish();
        // A plus sign of the value's own is %2B by now.
        let pair =
            if name == "scope" && request.separator == Separator::Plus { pair } else { pair.replace('+', "%20") };
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(&pair);
    }
    // The endpoint as it stands there, for a slash at its end may count.
    let endpoint = authorization_endpoint.split_once('?').map_or(*authorization_endpoint, |(endpoint, _)| endpoint);
    let fragment = rules.fragment.as_ref().map(|fragment| format!("#{fragment}")).unwrap_or_default();
    Ok(format!("{endpoint}?{query}{fragment}"))
}

/// The parameters of a URL that [`url`] built, without what the endpoint itself has in its query.
pub(crate) fn parameters_of(url: &str, authorization_endpoint: &str) -> Result<Vec<(String, String)>> {
    let own = parse(authorization_endpoint)?.query_pairs().count();
    Ok(parse(url)?.query_pairs().skip(own).map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
}

/// The URL to open where the request was pushed (RFC 9126 section 4).
pub(crate) fn pushed_url(authorization_endpoint: &str, client_id: &str, request_uri: &str) -> Result<String> {
    let mut url = parse(authorization_endpoint)?;
    url.query_pairs_mut().append_pair("client_id", client_id).append_pair("request_uri", request_uri);
    Ok(url.into())
}

fn parse(url: &str) -> Result<Url> {
    Url::parse(url).map_err(|_| Error::new(Reason::InvalidConfiguration).with_detail("authorization endpoint"))
}
