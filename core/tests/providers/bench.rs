//! The app: one registration at one provider, and a transport that plays the provider.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use keyfob::{Config, HttpRequest, Keyfob, Login, LoginOptions, Provider, Registration, Transport};
use ring::digest;

use crate::support::{Temp, parameter};

/// What every registration is called, has and says.
pub const ID: &str = "login";
pub const CLIENT: &str = "notes";
pub const SECRET: &str = "s3cr&t+";
pub const LOOPBACK: &str = "http://127.0.0.1/callback";
/// The port that the app listens on, and so where its redirects come to.
pub const PORT: u16 = 43_210;
pub const CALLBACK: &str = "http://127.0.0.1:43210/callback";

pub fn registration(provider: &str) -> Registration {
    Registration::new(ID, provider, CLIENT, LOOPBACK)
}

/// The library with that registration, sending through that transport.
pub fn open(registration: Registration, own: Option<Provider>, transport: Arc<dyn Transport>) -> (Keyfob, Temp) {
    let temp = Temp::new();
    let mut config = Config::builder(temp.store()).plaintext(true).registration(registration);
    if let Some(provider) = own {
        config = config.provider(provider);
    }
    (Keyfob::open(config.build().unwrap().with_transport(transport)).unwrap(), temp)
}

pub fn begin(keyfob: &Keyfob) -> Login {
    keyfob.begin_login(ID, LoginOptions::new().redirect_port(PORT)).unwrap()
}

/// The redirect of a provider that only gives a code.
pub fn redirect(login: &Login, code: &str) -> String {
    format!("{CALLBACK}?code={code}&state={}", parameter(login.authorization_url(), "state").unwrap())
}

/// A URL up to its query, and the names in the query.
pub fn taken_apart(url: &str) -> (String, Vec<String>) {
    let parsed = url::Url::parse(url).unwrap();
    let mut names: Vec<String> = parsed.query_pairs().map(|(name, _)| name.into_owned()).collect();
    names.sort();
    (url.split('?').next().unwrap().to_owned(), names)
}

/// The code challenge that belongs to a verifier (RFC 7636 section 4.2).
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

/// HTTP Basic as RFC 6749 section 2.3.1 has it.
pub fn basic() -> String {
    format!("Basic {}", STANDARD.encode(format!("{CLIENT}:s3cr%26t%2B")))
}

/// One request, in a form to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Method and URL.
    pub line: String,
    /// Names in lower case, sorted.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub fn of(request: &HttpRequest) -> Self {
        let mut headers: Vec<(String, String)> =
            request.headers().iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
        headers.sort();
        Self {
            line: format!("{} {}", request.method().as_str(), request.url()),
            headers,
            body: String::from_utf8(request.body().to_vec()).unwrap(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The parameters of a form body, sorted.
    pub fn form(&self) -> Vec<(String, String)> {
        assert_eq!(self.header("content-type"), Some("application/x-www-form-urlencoded"));
        let mut form: Vec<_> = url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect();
        form.sort();
        form
    }

    pub fn field(&self, name: &str) -> Option<String> {
        self.form().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

/// Compares headers or parameters.
pub fn same(pairs: &[(String, String)], expected: &[(&str, &str)]) {
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(pairs, expected);
}
