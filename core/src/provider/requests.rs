//! Requests in a provider's own words: about its user, and to revoke a token.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::definition::AuthMethod;
use super::profile_map::ProfileRequest;
use super::token_rules::ErrorRules;
use super::values::Values;
use crate::http::oauth::{ClientAuth, Form};
use crate::http::{HttpRequest, Limits, Method};

/// How the userinfo endpoint is asked, where it is no GET with the access token as Bearer.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Userinfo {
    pub(crate) method: Option<RequestMethod>,
    pub(crate) auth: Option<RequestAuth>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) form: BTreeMap<String, String>,
    pub(crate) json: Option<Map<String, Value>>,
    /// What stands before the JSON of the answer.
    pub(crate) prefix: Option<String>,
    pub(crate) error: Option<ErrorRules>,
}

/// A revocation request that is not RFC 7009's.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revocation {
    #[serde(default)]
    pub(crate) method: Option<RequestMethod>,
    /// A URL template; absent: the revocation endpoint.
    #[serde(default)]
    pub(crate) url: Option<String>,
    /// How client or token are named; absent: as at the token endpoint.
    #[serde(default)]
    pub(crate) auth: Option<RequestAuth>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) query: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) form: BTreeMap<String, String>,
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

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum RequestMethod {
    Get,
    Post,
    Delete,
}

impl From<RequestMethod> for Method {
    fn from(method: RequestMethod) -> Self {
        match method {
            RequestMethod::Get => Self::Get,
            RequestMethod::Post => Self::Post,
            RequestMethod::Delete => Self::Delete,
        }
    }
}

/// Who a request says that it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RequestAuth {
    /// The token, after this word, in the Authorization header.
    Scheme(String),
    /// The token alone in this header.
    Header(String),
    /// The token in this parameter of the query.
    Query(String),
    /// The token in this parameter of the form.
    Form(String),
    /// The client.
    Client(AuthMethod),
    Nobody,
}

impl RequestAuth {
    /// The standard's (RFC 6750 section 2.1).
    pub(crate) fn bearer() -> Self {
        Self::Scheme("Bearer".to_owned())
    }

    /// Whether the token itself is what it says.
    pub(crate) fn names_token(&self) -> bool {
        !matches!(self, Self::Client(_) | Self::Nobody)
    }
}

/// The parts of a request that a file may describe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) method: Option<RequestMethod>,
    pub(crate) auth: Option<&'a RequestAuth>,
    pub(crate) headers: &'a BTreeMap<String, String>,
    pub(crate) query: &'a BTreeMap<String, String>,
    pub(crate) form: &'a BTreeMap<String, String>,
    pub(crate) json: Option<&'a Map<String, Value>>,
}

macro_rules! parts {
    ($($name:ty),*) => {$(
        impl $name {
            pub(crate) fn parts(&self) -> Parts<'_> {
                Parts {
                    method: self.method,
                    auth: self.auth.as_ref(),
                    headers: &self.headers,
                    query: &self.query,
                    form: &self.form,
                    json: self.json.as_ref(),
                }
            }
        }
    )*};
}

parts!(Userinfo, ProfileRequest, Revocation);

/// Who sends a request: the client's proof where the client is named, and what is filled into its texts.
pub(crate) struct Sender<'a> {
    pub(crate) values: &'a Values<'a>,
    pub(crate) client: Option<ClientAuth>,
    pub(crate) accept: &'a str,
    pub(crate) limits: Limits,
}

impl Parts<'_> {
    /// The request to `url`, with everything filled in. A header or parameter whose value is not there is left out. `standard` is sent as a form where the
    /// file describes neither query nor body.
    pub(crate) fn request(
        &self,
        method: RequestMethod,
        url: String,
        standard: &[(&str, &str)],
        sender: Sender<'_>,
    ) -> HttpRequest {
        let Sender { values, client, accept, limits } = sender;
        let token = values.token.unwrap_or_default();
        let mut headers = vec![("Accept".to_owned(), accept.to_owned())];
        let mut query = Form::new(String::new());
        let mut form = Form::new(String::new());
        match self.auth {
            Some(RequestAuth::Header(name)) => headers.push((name.clone(), token.to_owned())),
            Some(RequestAuth::Query(name)) => drop(query.append_pair(name, token)),
            Some(RequestAuth::Form(name)) => drop(form.append_pair(name, token)),
            Some(RequestAuth::Scheme(word)) => headers.push(("Authorization".to_owned(), format!("{word} {token}"))),
            Some(RequestAuth::Client(_) | RequestAuth::Nobody) | None => {}
        }
        let has_form_token = matches!(self.auth, Some(RequestAuth::Form(_)));
        let described = !self.query.is_empty() || !self.form.is_empty() || self.json.is_some();
        if !described {
            form.extend_pairs(standard);
        }
        if let Some(client) = client {
            client.add_to(values.filling.client_id, &mut form, &mut headers);
        }
        let filled = |texts: &BTreeMap<String, String>| {
            texts.iter().filter_map(|(name, text)| Some((name.clone(), values.fill(text)?))).collect::<Vec<_>>()
        };
        query.extend_pairs(filled(self.query).iter().map(|(name, value)| (name, value.as_str())));
        form.extend_pairs(filled(self.form).iter().map(|(name, value)| (name, value.as_str())));
        let form = Zeroizing::new(form.finish());
        let body = match self.json {
            Some(json) => Some(("application/json", values.fill_json(json).to_string().into_bytes())),
            None if form.is_empty() && !has_form_token => None,
            None => Some(("application/x-www-form-urlencoded", form.as_bytes().to_vec())),
        };
        for (name, value) in filled(self.headers) {
            headers.retain(|(standing, _)| !standing.eq_ignore_ascii_case(&name));
            headers.push((name, value.to_string()));
        }
        let body = body.map(|(kind, body)| {
            headers.push(("Content-Type".to_owned(), kind.to_owned()));
            body
        });
        let query = Zeroizing::new(query.finish());
        let url = with_query(url, &query);
        HttpRequest::new(method.into(), url, headers, body.unwrap_or_default(), limits)
    }
}

/// A URL with more parameters in its query.
pub(crate) fn with_query(url: String, query: &str) -> String {
    if query.is_empty() {
        return url;
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{query}")
}
