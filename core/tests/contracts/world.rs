//! The library on one side, keyfob-idp as the provider on the other, real HTTP between them.

use std::collections::BTreeSet;
use std::sync::Arc;

use keyfob::{
    Config, HttpRequest, HttpResponse, Keyfob, Method, Provider, Registration, Sent, Transport, TransportError,
    TransportFailure,
};
use keyfob_idp::{Algorithm, Idp, LoggedRequest, VendorAnswer};
use ring::hmac;
use serde_json::{Value, json};

use crate::contract::Contract;
use crate::masks::{ANY, Masks};
use crate::support::{Temp, TestClock, signer};
use crate::token::hex;
use crate::wanted::line;

/// The registration's id.
pub const ID: &str = "login";
pub const CLIENT: &str = "notes";
/// With characters in it that encodings differ in, and long enough for HS256.
pub const SECRET: &str = "s3cr&t+of the notes, at least 32 bytes";
/// The port that the app listens on, where the registration's redirect URI names none.
pub const PORT: u16 = 43_210;

/// Passes each request on to keyfob-idp, with its URL beside it.
struct Wire {
    to: String,
    agent: ureq::Agent,
}

/// One app with one registration, and its provider.
pub struct World<'a> {
    pub contract: Contract,
    pub keyfob: Keyfob,
    pub clock: Arc<TestClock>,
    pub masks: Masks,
    idp: &'a Idp,
    /// How many token answers there were.
    tokens: u32,
    /// The last request that was looked at.
    seen: u64,
    _temp: Temp,
}

impl<'a> World<'a> {
    pub fn open(idp: &'a Idp, id: &str, provider: &str, contract: Contract) -> Result<Self, String> {
        let temp = Temp::new();
        let clock = Arc::new(TestClock::default());
        let keyfob = open(id, provider, registration(id, &contract)?, &temp, Some((idp, clock.clone())))?;
        let mut masks = Masks::default();
        let signs = contract.token.auth.as_deref() == Some("client_secret_jwt");
        masks.set("client_id", CLIENT);
        masks.set("client_secret", if signs { ANY } else { SECRET });
        masks.set("basic", basic(CLIENT, SECRET));
        masks.set("code", "c-1");
        for name in ["access_token", "refresh_token"] {
            masks.set(name, "none-yet");
        }
        let seen = idp.requests().last().map_or(0, |last| last.number);
        Ok(Self { contract, keyfob, clock, masks, idp, tokens: 0, seen, _temp: temp })
    }

    /// The tokens of the next answer; a refresh token only where the answer brings one.
    pub fn next_tokens(&mut self, answer: &Value) {
        self.tokens += 1;
        let token = format!("at-{}", self.tokens);
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        self.masks.set("access_token|hmac_sha256", hex(hmac::sign(&key, token.as_bytes()).as_ref()));
        self.masks.set("access_token", token);
        if answer.to_string().contains("{refresh_token}") {
            self.masks.set("refresh_token", format!("rt-{}", self.tokens));
        }
    }

    /// Sets what the provider answers from now on: method, URL and answer, several of one place in turn.
    pub fn play(&self, answers: &[(String, String, Value)]) -> Result<(), String> {
        let mut routes: Vec<Value> = Vec::new();
        let mut all: Vec<(String, String, Value)> = answers.to_vec();
        if let Some(discovery) = &self.contract.discovery {
            all.push(("GET".to_owned(), discovery.url.clone(), json!({ "json": discovery.document })));
        }
        if let Some(url) = self.contract.jwks() {
            all.push(("GET".to_owned(), url.to_owned(), json!({ "jwks": true })));
        }
        for (method, url, answer) in all {
            let url = self.masks.fill(url.split('?').next().unwrap_or_default());
            let answer = if answer.is_null() { json!({}) } else { self.masks.fill_in(&answer) };
            let there = routes.iter_mut().find(|route| route["method"] == *method && route["url"] == *url);
            match there.and_then(|route| route["answers"].as_array_mut()) {
                Some(answers) => answers.push(answer),
                None => routes.push(json!({ "method": method, "url": url, "answers": [answer] })),
            }
        }
        let signing = self.contract.signing.first().cloned();
        let nonce = Some(self.masks.get("nonce").to_owned()).filter(|nonce| !nonce.is_empty());
        let issuer = self.contract.issuer().map(|issuer| self.masks.fill(issuer));
        let mut script = self.idp.script();
        script.vendor = serde_json::from_value(json!({
            "routes": routes, "issuer": issuer, "client_id": CLIENT, "client_secret": SECRET, "nonce": nonce,
            "algorithm": signing,
        }))
        .map_err(|error| format!("an answer is not of its form: {error}"))?;
        let algorithm = |name: &String| serde_json::from_value::<Algorithm>(json!(name)).ok();
        script.algorithms = signing.iter().filter_map(algorithm).collect();
        if script.algorithms.is_empty() {
            script.algorithms.push(Algorithm::RS256);
        }
        self.idp.set_script(script).map_err(|error| error.to_string())
    }

    /// What came since the last look, without what the metadata and its keys cost.
    pub fn came(&mut self) -> Vec<LoggedRequest> {
        let documents = self.documents();
        let came = self.idp.requests_after(self.seen);
        self.seen = came.last().map_or(self.seen, |last| last.number);
        came.into_iter().filter(|came| !documents.contains(&line(came))).collect()
    }

    /// Whether the metadata, if there is any, was asked for at its place.
    pub fn discovered(&self) -> bool {
        let Some(discovery) = &self.contract.discovery else { return true };
        let wanted = format!("GET {}", self.masks.fill(&discovery.url));
        self.idp.requests_after(self.seen).iter().any(|came| line(came) == wanted)
    }

    fn documents(&self) -> BTreeSet<String> {
        let discovery = self.contract.discovery.as_ref().map(|discovery| discovery.url.as_str());
        let urls = [discovery, self.contract.jwks()];
        urls.into_iter().flatten().map(|url| format!("GET {}", self.masks.fill(url))).collect()
    }
}

impl Transport for Wire {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let failed = |detail: String| TransportError::new(Sent::NotSent, TransportFailure::Network, detail);
        let mut passed_on = http::Request::builder()
            .method(request.method().as_str())
            .uri(format!("{}/_vendor", self.to))
            .header("x-vendor-url", request.url());
        for (name, value) in request.headers() {
            passed_on = passed_on.header(name, value);
        }
        let answer = if request.method() == Method::Get {
            self.agent.run(passed_on.body(()).map_err(|error| failed(error.to_string()))?)
        } else {
            self.agent.run(passed_on.body(request.body().to_vec()).map_err(|error| failed(error.to_string()))?)
        };
        let mut answer = answer.map_err(|error| failed(error.to_string()))?;
        let headers = answer.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        let body = answer.body_mut().read_to_vec().map_err(|error| failed(error.to_string()))?;
        Ok(HttpResponse::new(answer.status().as_u16(), headers, body))
    }
}

/// The library, with the provider's file as the app's own provider.
pub fn open(
    id: &str,
    provider: &str,
    registration: Registration,
    temp: &Temp,
    to: Option<(&Idp, Arc<TestClock>)>,
) -> Result<Keyfob, String> {
    let said = |error: keyfob::Error| format!("{id}: {}", told(&error));
    let provider = Provider::from_json(provider).map_err(said)?;
    let config = Config::builder(temp.store()).plaintext(true).provider(provider).registration(registration);
    let mut config = config.build().map_err(said)?;
    if let Some((idp, clock)) = to {
        let none = ureq::config::AutoHeaderValue::None;
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .proxy(None)
            .user_agent(none.clone())
            .accept(none.clone())
            .accept_encoding(none);
        let wire = Wire { to: idp.issuer().to_owned(), agent: agent.build().into() };
        config = config.with_transport(Arc::new(wire)).with_clock(clock);
    }
    Keyfob::open(config).map_err(said)
}

/// What the app enters.
pub fn registration(id: &str, contract: &Contract) -> Result<Registration, String> {
    let said = &contract.registration;
    let mut registration = Registration::new(ID, id, CLIENT, &said.redirect_uri);
    for (name, value) in &said.variables {
        registration = registration.variable(name, value);
    }
    if let Some(key) = &said.private_key {
        registration = registration.private_key(match key.as_str() {
            "RS256" => signer::RSA,
            "ES256" => signer::P256,
            "ES384" => signer::P384,
            "EdDSA" => signer::ED25519,
            other => return Err(format!("registration.private_key: there is no key for {other}")),
        });
    } else if said.client_secret != json!(false) {
        registration = registration.client_secret(SECRET);
        if said.client_secret == json!("post") {
            registration = registration.client_secret_post();
        }
    }
    for scope in &said.scopes {
        registration = registration.scope(scope);
    }
    if let Some(key_id) = &said.key_id {
        registration = registration.key_id(key_id);
    }
    Ok(registration)
}

/// HTTP Basic as RFC 6749 section 2.3.1 has it, without the word.
pub fn basic(id: &str, secret: &str) -> String {
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    raw_basic(&encoded(id), &encoded(secret))
}

pub fn raw_basic(id: &str, secret: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"))
}

/// An error with everything that helps.
pub fn told(error: &keyfob::Error) -> String {
    let mut text = format!("{}/{}", error.kind().name(), error.reason().name());
    if let Some(oauth) = error.oauth() {
        text.push_str(&format!(" with the code {:?}", oauth.code()));
    }
    if let Some(detail) = error.detail() {
        text.push_str(&format!(" ({detail})"));
    }
    text
}

/// Whether an answer is one: said early, and not when it is played.
pub fn check_answer(answer: &Value) -> Result<(), String> {
    let read = serde_json::from_value::<VendorAnswer>(if answer.is_null() { json!({}) } else { answer.clone() });
    read.map(drop).map_err(|error| format!("an answer is not of its form: {error}"))
}
