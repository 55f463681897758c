//! An OpenID provider at its real URLs: behind each stands an endpoint of keyfob-idp, so that ID tokens are really signed and checked.

use std::sync::{Arc, Mutex};

use keyfob::{
    EndSession, Ended, Freshness, HttpRequest, HttpResponse, Keyfob, Login, Method, Profile, Registration, Sent,
    Session, Transport, TransportError, TransportFailure,
};
use keyfob_idp::{ClientAuth, Idp, Script, browser};
use serde_json::{Value, json};

use crate::bench::{Asked, CLIENT, LOOPBACK, SECRET, begin, open};
use crate::support::Temp;

/// The metadata's names of endpoints, and what plays them.
const ENDPOINTS: &[(&str, &str)] = &[
    ("authorization_endpoint", "/authorize"),
    ("token_endpoint", "/token"),
    ("userinfo_endpoint", "/userinfo"),
    ("jwks_uri", "/jwks"),
    ("revocation_endpoint", "/revoke"),
];

pub struct Vendor {
    pub idp: Idp,
    discovery_url: String,
    metadata: Mutex<Value>,
    asked: Mutex<Vec<Asked>>,
}

impl Vendor {
    /// A provider whose metadata is this, at this URL. `issuer` is what its ID tokens say.
    pub fn new(discovery_url: &str, metadata: Value, issuer: &str) -> Arc<Self> {
        let mut script = Script::default();
        // Most providers know nothing of RFC 9207.
        script.tamper.redirect.remove = vec!["iss".to_owned()];
        script.tamper.id_token.set.insert("iss".to_owned(), issuer.into());
        let vendor = Self {
            idp: Idp::start(script).unwrap(),
            discovery_url: discovery_url.to_owned(),
            metadata: Mutex::new(metadata),
            asked: Mutex::default(),
        };
        vendor.client(ClientAuth::None, LOOPBACK);
        Arc::new(vendor)
    }

    /// How the provider knows the app.
    pub fn client(&self, auth: ClientAuth, redirect_uri: &str) {
        let client = keyfob_idp::Registration::new(CLIENT, redirect_uri);
        let client = if auth == ClientAuth::None { client } else { client.secret(auth, SECRET) };
        self.script(|script| script.registrations = vec![client]);
    }

    pub fn script(&self, change: impl FnOnce(&mut Script)) {
        let mut script = self.idp.script();
        change(&mut script);
        self.idp.set_script(script).unwrap();
    }

    /// Sets a claim of its ID tokens; null takes it out.
    pub fn claim(&self, name: &str, value: Value) {
        self.script(|script| {
            let tamper = &mut script.tamper.id_token;
            if value.is_null() {
                tamper.set.remove(name);
                tamper.remove.push(name.to_owned());
            } else {
                tamper.set.insert(name.to_owned(), value);
            }
        });
    }

    pub fn metadata(&self, name: &str, value: Value) {
        self.metadata.lock().unwrap()[name] = value;
    }

    /// What was asked at a URL since the last time.
    pub fn take(&self, line: &str) -> Vec<Asked> {
        let mut asked = self.asked.lock().unwrap();
        asked.extract_if(.., |asked| asked.line == line).collect()
    }

    /// Everything that was asked so far, by method and URL.
    pub fn lines(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|asked| asked.line.clone()).collect()
    }

    /// The URL at this machine that plays a real one.
    fn behind(&self, url: &str) -> Option<String> {
        let metadata = self.metadata.lock().unwrap();
        let (base, query) =
            url.split_once('?').map_or((url, String::new()), |(base, query)| (base, format!("?{query}")));
        let (_, path) = ENDPOINTS.iter().find(|(name, _)| metadata.get(name).and_then(Value::as_str) == Some(base))?;
        Some(format!("{}{path}{query}", self.idp.issuer()))
    }

    /// Ada at her browser.
    pub fn log_in(&self, login: &Login) -> String {
        let page = self.behind(login.authorization_url()).unwrap();
        browser::log_in(&page, "ada", "lovelace").unwrap()
    }
}

impl Transport for Vendor {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        self.asked.lock().unwrap().push(Asked::of(request));
        if request.url() == self.discovery_url {
            return Ok(HttpResponse::new(200, Vec::new(), self.metadata.lock().unwrap().to_string().into_bytes()));
        }
        let failed = |detail: String| TransportError::new(Sent::NotSent, TransportFailure::Network, detail);
        let url = self.behind(request.url()).ok_or_else(|| failed(format!("nobody answers {}", request.url())))?;
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None).build().into();
        let mut passed_on = http::Request::builder().method(request.method().as_str()).uri(url);
        for (name, value) in request.headers() {
            passed_on = passed_on.header(name, value);
        }
        let answer = match request.method() {
            Method::Get => agent.run(passed_on.body(()).unwrap()),
            _ => agent.run(passed_on.body(request.body().to_vec()).unwrap()),
        };
        let mut answer = answer.map_err(|error| failed(error.to_string()))?;
        let headers =
            answer.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let headers = headers.collect();
        let body = answer.body_mut().read_to_vec().map_err(|error| failed(error.to_string()))?;
        Ok(HttpResponse::new(answer.status().as_u16(), headers, body))
    }
}

/// An app with one of them.
pub struct App {
    pub vendor: Arc<Vendor>,
    pub keyfob: Keyfob,
    _temp: Temp,
}

/// What became of the whole way.
pub struct Journey {
    pub session: Session,
    pub profile: Profile,
    pub refreshed: Session,
    pub ended: Ended,
}

impl App {
    pub fn new(vendor: Arc<Vendor>, registration: Registration) -> Self {
        let (keyfob, temp) = open(registration, None, vendor.clone());
        Self { vendor, keyfob, _temp: temp }
    }

    pub fn log_in(&self) -> keyfob::Result<Session> {
        let login = begin(&self.keyfob);
        Ok(self.keyfob.complete_login(&self.vendor.log_in(&login))?.into_session())
    }

    /// Login, profile, refresh, logout.
    pub fn journey(&self) -> Journey {
        let session = self.log_in().unwrap();
        let profile = self.keyfob.profile(session.id(), Freshness::secs(0)).unwrap();
        let refreshed = self.keyfob.refresh_session(session.id()).unwrap();
        assert_eq!(refreshed.id(), session.id());
        assert_ne!(refreshed.provider_access_token(), session.provider_access_token());
        let options = EndSession::default().post_logout_redirect_uri("https://notes.example/bye");
        let ended = self.keyfob.end_session(session.id(), options).unwrap();
        Journey { session, profile, refreshed, ended }
    }
}

/// The parts of a metadata document that matter here.
pub fn metadata(issuer: &str, endpoints: &[(&str, &str)]) -> Value {
    let mut document = json!({ "issuer": issuer, "response_types_supported": ["code"] });
    for (name, url) in endpoints {
        document[name] = json!(url);
    }
    document
}
