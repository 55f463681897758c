//! The standard token request in a provider's own words: what `oauth2` built, rewritten by the provider's file.

use std::collections::BTreeMap;
use std::fmt;

use url::form_urlencoded;
use zeroize::{Zeroize as _, Zeroizing};

use super::{ClientAuth, ClientParams, Form, Renewal, assertion, basic};
use crate::http::{HttpRequest, Limits, Method};
use crate::provider::{TokenBody, TokenMethod, with_query};

/// What the provider's file makes of one token request, with everything filled in, the client's secret too: `Debug` shows nothing of it. The default is
/// the standard's.
#[derive(Default)]
pub(crate) struct Shape<'a> {
    pub(crate) method: TokenMethod,
    pub(crate) body: TokenBody,
    /// Each replaces the standard one of its name.
    pub(crate) headers: Vec<(String, Zeroizing<String>)>,
    pub(crate) parameters: Vec<(String, Zeroizing<String>)>,
    /// The provider's names for parameters of the standard.
    pub(crate) rename: Option<&'a BTreeMap<String, String>>,
    /// Parameters of the standard that it does not bear.
    pub(crate) omit: Vec<&'a str>,
    /// What stands in it for the redirect URI.
    pub(crate) redirect_uri: Option<String>,
    /// Where it is sent, if not to the token endpoint.
    pub(crate) url: Option<String>,
}

impl fmt::Debug for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shape").finish_non_exhaustive()
    }
}

/// A parameter that is being written.
type Pair = (String, Zeroizing<String>);

impl Shape<'_> {
    /// The request to send.
    pub(super) fn apply(
        &self,
        standard: oauth2::HttpRequest,
        client: &ClientParams<'_>,
        renewal: Option<Renewal<'_>>,
        limits: Limits,
    ) -> HttpRequest {
        let (parts, mut body) = standard.into_parts();
        let mut pairs: Vec<Pair> = form_urlencoded::parse(&body)
            .map(|(name, value)| (name.into_owned(), Zeroizing::new(value.into_owned())))
            .collect();
        body.zeroize();
        let method = in_other_words(&mut pairs, renewal).unwrap_or(self.method);
        pairs.extend(self.parameters.iter().cloned());
        pairs.extend(client.resources.iter().map(|uri| ("resource".to_owned(), Zeroizing::new(uri.clone()))));
        let mut authorization = None;
        match &client.auth {
            ClientAuth::Assertion(token) => {
                let proof = assertion(token);
                pairs.extend(proof.map(|(name, value)| (name.to_owned(), Zeroizing::new(value.to_owned()))));
            }
            ClientAuth::Basic(secret, rules) => {
                if rules.raw {
                    authorization = Some(basic(client.client_id, secret, *rules));
                }
                if rules.client_id_in_body {
                    pairs.push(("client_id".to_owned(), Zeroizing::new(client.client_id.to_owned())));
                }
            }
            ClientAuth::None | ClientAuth::Post(_) => {}
        }
        if let Some(alias) = &self.redirect_uri {
            for (_, value) in pairs.iter_mut().filter(|(name, _)| name == "redirect_uri") {
                *value = Zeroizing::new(alias.clone());
            }
        }
        pairs.retain(|(name, _)| !self.omit.contains(&name.as_str()));
        if let Some(rename) = self.rename {
            for (name, _) in &mut pairs {
                if let Some(own) = rename.get(name) {
                    own.clone_into(name);
                }
            }
        }
        let mut headers: Vec<(String, String)> = parts
            .headers
            .iter()
            .filter(|(name, _)| !self.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name.as_str())))
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        if let Some(authorization) = authorization {
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
            headers.push(("Authorization".to_owned(), authorization));
        }
        headers.extend(self.headers.iter().map(|(name, value)| (name.clone(), value.to_string())));
        let url = self.url.clone().unwrap_or_else(|| parts.uri.to_string());
        let mut typed = |kind: Option<&str>| {
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
            headers.extend(kind.map(|kind| ("Content-Type".to_owned(), kind.to_owned())));
        };
        match (method, self.body) {
            (TokenMethod::Get, _) => {
                typed(None);
                let url = with_query(url, &form(&pairs));
                HttpRequest::new(Method::Get, url, headers, Vec::new(), limits)
            }
            (TokenMethod::Post, TokenBody::Json) => {
                typed(Some("application/json"));
                HttpRequest::new(Method::Post, url, headers, json(&pairs), limits)
            }
            (TokenMethod::Post, TokenBody::Form) => {
                let body = form(&pairs).as_bytes().to_vec();
                HttpRequest::new(Method::Post, url, headers, body, limits)
            }
        }
    }
}

/// The standard refresh request for another credential: another grant type, another parameter, perhaps another method.
fn in_other_words(pairs: &mut [Pair], renewal: Option<Renewal<'_>>) -> Option<TokenMethod> {
    let Some(Renewal::Other { grant_type, parameter, method, .. }) = renewal else { return None };
    for (name, value) in pairs {
        match name.as_str() {
            "grant_type" => *value = Zeroizing::new(grant_type.to_owned()),
            "refresh_token" => parameter.clone_into(name),
            _ => {}
        }
    }
    Some(method)
}

/// How long the pairs are at most when they are written, so that no buffer grows: one that does leaves the secrets in it behind.
fn room(pairs: &[Pair]) -> usize {
    pairs.iter().map(|(name, value)| (name.len() + value.len()) * 6 + 8).sum::<usize>() + 2
}

fn form(pairs: &[Pair]) -> Zeroizing<String> {
    let mut form = Form::new(String::with_capacity(room(pairs)));
    form.extend_pairs(pairs.iter().map(|(name, value)| (name, value.as_str())));
    Zeroizing::new(form.finish())
}

fn json(pairs: &[Pair]) -> Vec<u8> {
    let object: BTreeMap<&str, &str> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut body = Vec::with_capacity(room(pairs));
    // A map of texts is always JSON, and a vector takes everything.
    if serde_json::to_writer(&mut body, &object).is_err() {
        body.zeroize();
    }
    body
}
