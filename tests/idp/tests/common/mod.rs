//! An app that logs in, made of nothing but an HTTP client.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "shared by tests that each use a part"
)]

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use keyfob_idp::{Idp, browser};
use serde_json::Value;
use ureq::Agent;
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

pub const REDIRECT: &str = "http://127.0.0.1:7777/callback/work-sso";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub struct App {
    issuer: String,
    client_id: String,
    redirect_uri: String,
    agent: Agent,
}

#[derive(Debug)]
pub struct Got {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    fn read(mut response: Response<ureq::Body>) -> Result<Self, ureq::Error> {
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        let body = response.body_mut().read_to_string()?;
        Ok(Self { status: response.status().as_u16(), headers, body })
    }
}

impl App {
    pub fn new(idp: &Idp) -> Self {
        Self::client(idp, "demo")
    }

    pub fn client(idp: &Idp, client_id: &str) -> Self {
        Self { client_id: client_id.to_owned(), ..Self::trusting(idp.issuer(), idp.ca_certificate()) }
    }

    /// The client `demo` of a provider that is known by its address only.
    pub fn at(issuer: &str) -> Self {
        Self::trusting(issuer, None)
    }

    /// The same, with the only authority that it trusts.
    pub fn trusting(issuer: &str, ca_certificate: Option<&str>) -> Self {
        let roots = ca_certificate.map(|pem| RootCerts::from([Certificate::from_pem(pem.as_bytes()).unwrap()]));
        let tls = TlsConfig::builder().root_certs(roots.unwrap_or(RootCerts::WebPki)).build();
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None).tls_config(tls);
        let agent = config.build().into();
        Self { issuer: issuer.to_owned(), client_id: "demo".to_owned(), redirect_uri: REDIRECT.to_owned(), agent }
    }

    pub fn to(&self, redirect_uri: &str) -> Self {
        Self {
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            redirect_uri: redirect_uri.to_owned(),
            agent: self.agent.clone(),
        }
    }

    pub fn authorization_url(&self, scope: &str) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", scope)
            .append_pair("state", "the-state")
            .append_pair("nonce", "the-nonce")
            .append_pair("code_challenge", CHALLENGE)
            .append_pair("code_challenge_method", "S256")
            .finish();
        format!("{}/authorize?{query}", self.issuer)
    }

    pub fn open_page(&self, scope: &str) -> Got {
        self.get(&self.authorization_url(scope))
    }

    pub fn log_in(&self, scope: &str) -> String {
        browser::log_in(&self.authorization_url(scope), "ada", "lovelace").unwrap()
    }

    pub fn exchange_form(&self, code: &str) -> Vec<(String, String)> {
        form(&[
            ("grant_type", "authorization_code"),
            ("client_id", &self.client_id),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", VERIFIER),
        ])
    }

    pub fn exchange(&self, redirect: &str) -> Got {
        self.post("/token", &self.exchange_form(&parameter(redirect, "code").unwrap()))
    }

    pub fn refresh_form(&self, refresh_token: &str) -> Vec<(String, String)> {
        form(&[("grant_type", "refresh_token"), ("client_id", &self.client_id), ("refresh_token", refresh_token)])
    }

    pub fn refresh(&self, refresh_token: &str) -> Got {
        self.post("/token", &self.refresh_form(refresh_token))
    }

    pub fn userinfo(&self, access_token: &str) -> Got {
        self.get_with(&format!("{}/userinfo", self.issuer), &[("authorization", &format!("Bearer {access_token}"))])
    }

    pub fn get(&self, url: &str) -> Got {
        self.get_with(url, &[])
    }

    pub fn get_with(&self, url: &str, headers: &[(&str, &str)]) -> Got {
        self.try_get_with(url, headers).unwrap()
    }

    pub fn try_get_with(&self, url: &str, headers: &[(&str, &str)]) -> Result<Got, ureq::Error> {
        let request = headers.iter().fold(self.agent.get(url), |request, (name, value)| request.header(*name, *value));
        Got::read(request.call()?)
    }

    pub fn try_get_path(&self, path: &str) -> Result<Got, ureq::Error> {
        self.try_get_with(&format!("{}{path}", self.issuer), &[])
    }

    pub fn get_path(&self, path: &str) -> Got {
        self.get(&format!("{}{path}", self.issuer))
    }

    pub fn put(&self, path: &str, body: &str) -> Got {
        Got::read(self.agent.put(format!("{}{path}", self.issuer)).send(body).unwrap()).unwrap()
    }

    pub fn post(&self, path: &str, form: &[(String, String)]) -> Got {
        self.post_with(path, form, &[])
    }

    pub fn post_with(&self, path: &str, form: &[(String, String)], headers: &[(&str, &str)]) -> Got {
        self.try_post(path, form, headers).unwrap()
    }

    pub fn try_post(
        &self,
        path: &str,
        form: &[(String, String)],
        headers: &[(&str, &str)],
    ) -> Result<Got, ureq::Error> {
        let request = self.agent.post(format!("{}{path}", self.issuer));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        Got::read(request.send_form(form.iter().map(|(name, value)| (name, value)))?)
    }

    /// The claims, once the signature was found good by a library that is not the provider's.
    pub fn verified_claims(&self, id_token: &str) -> Value {
        self.verify(id_token).unwrap()
    }

    pub fn verify(&self, id_token: &str) -> jsonwebtoken::errors::Result<Value> {
        let keys: JwkSet = serde_json::from_value(self.get_path("/jwks").json()).unwrap();
        let header = decode_header(id_token)?;
        let jwk = keys.find(header.kid.as_deref().unwrap()).expect("a published key");
        let mut validation = Validation::new(header.alg);
        validation.set_audience(&[&self.client_id]);
        Ok(decode::<Value>(id_token, &DecodingKey::from_jwk(jwk)?, &validation)?.claims)
    }
}

pub fn form(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
