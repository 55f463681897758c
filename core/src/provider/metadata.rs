//! A provider's endpoints: from its discovery document (OpenID Connect Discovery section 4) or from its file.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::issuer::Issuer;
use crate::error::{Error, Reason, Result};
use crate::json;

/// Where a provider is and what it promises. Pinned to a login when it begins, so that a document that changes in
/// between cannot send the code elsewhere (security S26).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) issuer: Option<Issuer>,
    pub(crate) authorization_endpoint: String,
    pub(crate) token_endpoint: String,
    pub(crate) userinfo_endpoint: Option<String>,
    pub(crate) jwks_uri: Option<String>,
    pub(crate) revocation_endpoint: Option<String>,
    pub(crate) end_session_endpoint: Option<String>,
    /// RFC 8628 section 4. A login that an older version began has none.
    #[serde(default)]
    pub(crate) device_authorization_endpoint: Option<String>,
    /// RFC 9126 section 5. A login that an older version began has none.
    #[serde(default)]
    pub(crate) pushed_authorization_request_endpoint: Option<String>,
    #[serde(default)]
    pub(crate) require_pushed_authorization_requests: bool,
    /// Every redirect carries `iss` (RFC 9207 section 3).
    pub(crate) iss_parameter: bool,
    /// `token_endpoint_auth_methods_supported`; empty means the default, `client_secret_basic`.
    pub(crate) token_auth_methods: Vec<String>,
    /// `id_token_signing_alg_values_supported`; empty where it does not say.
    #[serde(default)]
    pub(crate) id_token_algorithms: Vec<String>,
}

/// Where an issuer publishes its metadata.
pub(crate) fn discovery_url(issuer: &str) -> String {
    // An issuer may end in a slash, which belongs to it; the path must not have two.
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

/// https, or a loopback address; nothing is sent anywhere else (security S16).
pub(crate) fn check_endpoint(key: &str, text: &str) -> Result<()> {
    check_characters(key, text)?;
    let url = Url::parse(text)
        .map_err(|_| Error::new(Reason::InvalidConfiguration).with_detail(format!("{key} is not an absolute URL")))?;
    if !is_secure(&url) {
        return Err(Error::new(Reason::InsecureEndpoint).with_detail(key.to_owned()));
    }
    if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(
            Error::new(Reason::InvalidConfiguration).with_detail(format!("{key} has a fragment, a user or a password"))
        );
    }
    // The same kind of parser makes `a.example` of `///a.example`, `@a.example` and `%61.example`, and an address of `0x7f.1`.
    if !names_authority_of(&url, text) {
        return Err(Error::new(Reason::InvalidConfiguration)
            .with_detail(format!("{key} is not an absolute URL whose host stands there as it is")));
    }
    Ok(())
}

/// Nothing but what RFC 3986 lets stand in a URL. A parser of the web's kind drops line breaks, takes `\` for `/` and lets a host have a backtick; the one that
/// sends the request may see another host.
pub(crate) fn check_characters(key: &str, text: &str) -> Result<()> {
    if text.contains(|c: char| !c.is_ascii_alphanumeric() && !"-._~:/?#[]@!$&'()*+,;=%".contains(c)) {
        return Err(Error::new(Reason::InvalidConfiguration)
            .with_detail(format!("{key} has a character that a URL does not have (RFC 3986)")));
    }
    Ok(())
}

/// Whether host and port stand in the text as they were read, save for case and for a port that may be left out.
fn names_authority_of(url: &Url, text: &str) -> bool {
    let authority = text.split_once("://").and_then(|(_, rest)| rest.split(['/', '?']).next()).unwrap_or_default();
    let Some(host) = url.host_str() else { return false };
    let Some((begin, rest)) = authority.split_at_checked(host.len()) else { return false };
    let port = || rest.strip_prefix(':').and_then(|port| port.parse().ok()) == url.port_or_known_default();
    begin.eq_ignore_ascii_case(host) && (rest.is_empty() || port())
}

fn is_secure(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => crate::config::is_loopback(url),
        _ => false,
    }
}

impl Metadata {
    /// Reads a discovery document that was fetched for `issuer`. `pkce` says that the login needs S256.
    pub(crate) fn from_discovery(body: &[u8], issuer: &Issuer, pkce: bool) -> Result<Self> {
        let document = json::parse(body)
            .map_err(|fault| Error::new(fault.reason()).with_detail(format!("discovery document: {fault:?}")))?;
        // Byte for byte (security S27): a slash too many names another issuer.
        let named = document.get("issuer").and_then(Value::as_str).filter(|named| issuer.may_be(named));
        let issuer = issuer.named_by(named.ok_or_else(|| Error::new(Reason::DiscoveryIssuerMismatch))?);
        let endpoint = |key: &str| -> Result<Option<String>> {
            match document.get(key) {
                None | Some(Value::Null) => Ok(None),
                Some(Value::String(url)) => {
                    check_endpoint(key, url).map_err(|error| {
                        // A document is not the app's configuration: what is malformed there is the provider's fault.
                        if error.reason() == Reason::InvalidConfiguration { malformed(key) } else { error }
                    })?;
                    Ok(Some(url.clone()))
                }
                Some(_) => Err(malformed(key)),
            }
        };
        let required = |key: &str| endpoint(key)?.ok_or_else(|| malformed(key));
        let list = |key: &str| -> Option<Vec<String>> {
            let values = document.get(key)?.as_array()?;
            Some(values.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        };
        let says = |key: &str| document.get(key).and_then(Value::as_bool).unwrap_or(false);
        // Absent says nothing (security S05): many providers support S256 and do not say so.
        if pkce
            && list("code_challenge_methods_supported")
                .is_some_and(|methods| !methods.iter().any(|method| method == "S256"))
        {
            return Err(Error::new(Reason::PkceUnsupported));
        }
        Ok(Self {
            issuer: Some(issuer),
            authorization_endpoint: required("authorization_endpoint")?,
            token_endpoint: required("token_endpoint")?,
            userinfo_endpoint: endpoint("userinfo_endpoint")?,
            jwks_uri: Some(required("jwks_uri")?),
            revocation_endpoint: endpoint("revocation_endpoint")?,
            end_session_endpoint: endpoint("end_session_endpoint")?,
            device_authorization_endpoint: endpoint("device_authorization_endpoint")?,
            pushed_authorization_request_endpoint: endpoint("pushed_authorization_request_endpoint")?,
            require_pushed_authorization_requests: says("require_pushed_authorization_requests"),
            iss_parameter: says("authorization_response_iss_parameter_supported"),
            token_auth_methods: list("token_endpoint_auth_methods_supported").unwrap_or_default(),
            id_token_algorithms: list("id_token_signing_alg_values_supported").unwrap_or_default(),
        })
    }
}

fn malformed(key: &str) -> Error {
    Error::new(Reason::MalformedResponse).with_detail(format!("discovery document: {key}"))
}

#[cfg(test)]
mod tests;
