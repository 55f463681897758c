//! One HTTP request at a time: our own plain types, and who sends them.

pub(crate) mod oauth;
pub(crate) mod signing_key;
#[cfg(feature = "ureq")]
pub(crate) mod ureq;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroize as _;

use crate::error::{Error, Reason};

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// DELETE
    Delete,
    /// GET
    Get,
    /// POST
    Post,
}

impl Method {
    /// The method as it stands in the request line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// A request for a [`Transport`] to send: once, following no redirect. `Debug` shows neither query, nor headers, nor body.
#[derive(Clone)]
pub struct HttpRequest {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) connect_timeout: Duration,
    pub(crate) timeout: Duration,
    pub(crate) max_body_bytes: usize,
}

impl HttpRequest {
    pub(crate) fn get(url: &str, headers: Vec<(String, String)>, limits: Limits) -> Self {
        Self::new(Method::Get, url.to_owned(), headers, Vec::new(), limits)
    }

    pub(crate) fn new(
        method: Method,
        url: String,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        limits: Limits,
    ) -> Self {
        Self {
            method,
            url,
            headers,
            body,
            connect_timeout: limits.connect,
            timeout: limits.total,
            max_body_bytes: limits.max_body_bytes,
        }
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// The absolute URL, https or (loopback only) http. May hold secrets in its query: do not log it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The headers, in order. May hold secrets.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The body, empty for a GET. May hold secrets.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// How long connecting (DNS, TCP, TLS) may take.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// How long the whole request may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// How many bytes of the answer's body are wanted at most; a longer one is an error.
    #[must_use]
    pub fn max_body_bytes(&self) -> usize {
        self.max_body_bytes
    }
}

/// A request holds tokens and codes.
impl Drop for HttpRequest {
    fn drop(&mut self) {
        self.body.zeroize();
        self.url.zeroize();
        self.headers.iter_mut().for_each(|(_, value)| value.zeroize());
    }
}

/// The one way to a transport: what a host's own one gives is held to the request's limit too.
pub(crate) fn send(transport: &dyn Transport, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
    let response = transport.send(request)?;
    if response.body.len() > request.max_body_bytes {
        return Err(TransportError::new(Sent::Unknown, TransportFailure::Answer, "the answer is too long"));
    }
    Ok(response)
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpRequest({} {})", self.method.as_str(), without_query(&self.url))
    }
}

/// What a request may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    pub(crate) total: Duration,
    pub(crate) max_body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), total: Duration::from_secs(30), max_body_bytes: 1024 * 1024 }
    }
}

/// Beside `…+json`, `application/jwk-set+json` among them: JSON, a signed userinfo, and what servers say that know no better.
const JSON_TYPES: [&str; 8] = [
    "application/json",
    "application/jwt",
    "text/plain",
    "text/json",
    "text/x-json",
    "text/javascript",
    "application/javascript",
    "application/octet-stream",
];

/// The answer to a request. The status is data, not an error. `Debug` shows the status only.
#[derive(Clone)]
pub struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl HttpResponse {
    /// An answer with a status (100–599), headers and a body.
    #[must_use]
    pub fn new(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        Self { status, headers, body }
    }

    /// The first header of that name, whatever its case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether the body may be JSON, by what the answer says of itself (security S77): that it is, or nothing, or what real providers say of theirs. A page is
    /// none.
    pub(crate) fn may_be_json(&self) -> bool {
        let Some(kind) = self.header("content-type") else {
            return true;
        };
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        kind.is_empty() || kind.ends_with("+json") || JSON_TYPES.contains(&kind.as_str())
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpResponse({}, {} bytes)", self.status, self.body.len())
    }
}

/// Whether a request that got no answer may have reached the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sent {
    /// No byte of the request left this machine: it may be repeated.
    NotSent,
    /// Nobody knows: the provider may have acted on it.
    Unknown,
}

/// What kept a request from being answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportFailure {
    /// The answer was longer than asked for, or not HTTP.
    Answer,
    /// The name was not found, no connection came about, or it broke.
    Network,
    /// A time limit passed.
    Timeout,
    /// TLS refused the certificate, for a reason that has no name below.
    Certificate,
    /// The certificate is expired.
    CertificateExpired,
    /// The certificate is not yet valid.
    CertificateNotYetValid,
    /// The certificate was revoked.
    CertificateRevoked,
    /// Nobody who is trusted has signed the certificate.
    CertificateUnknownIssuer,
    /// The certificate is for another host.
    CertificateWrongHost,
    /// The proxy could not be reached, or did not let the connection through.
    Proxy,
    /// TLS failed for another reason.
    Tls,
}

impl TransportFailure {
    /// Whether the certificate is why.
    #[cfg(feature = "ureq")]
    pub(crate) const fn is_certificate(self) -> bool {
        matches!(
            self,
            Self::Certificate
                | Self::CertificateExpired
                | Self::CertificateNotYetValid
                | Self::CertificateRevoked
                | Self::CertificateUnknownIssuer
                | Self::CertificateWrongHost
        )
    }
}

/// Why a [`Transport`] has no answer.
#[derive(Debug)]
pub struct TransportError {
    pub(crate) sent: Sent,
    pub(crate) failure: TransportFailure,
    pub(crate) detail: String,
}

impl TransportError {
    /// A failure. `detail` is for logs: it must hold no URL query, header or body.
    /// When in doubt whether bytes left, say [`Sent::Unknown`].
    #[must_use]
    pub fn new(sent: Sent, failure: TransportFailure, detail: impl Into<String>) -> Self {
        Self { sent, failure, detail: detail.into() }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {:?}: {}", self.failure, self.sent, self.detail)
    }
}

impl std::error::Error for TransportError {}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        let reason = match (error.failure, error.sent) {
            (TransportFailure::Certificate, _) => Reason::TlsCertificate,
            (TransportFailure::CertificateExpired, _) => Reason::TlsExpired,
            (TransportFailure::CertificateNotYetValid, _) => Reason::TlsNotYetValid,
            (TransportFailure::CertificateRevoked, _) => Reason::TlsRevoked,
            (TransportFailure::CertificateUnknownIssuer, _) => Reason::TlsUnknownIssuer,
            (TransportFailure::CertificateWrongHost, _) => Reason::TlsWrongHost,
            (TransportFailure::Proxy, Sent::NotSent) => Reason::Proxy,
            (TransportFailure::Tls, Sent::NotSent) => Reason::TlsHandshake,
            (TransportFailure::Timeout, Sent::NotSent) => Reason::ConnectTimeout,
            (TransportFailure::Answer, _) => Reason::ResponseTooLarge,
            (_, Sent::NotSent) => Reason::NotSent,
            (_, Sent::Unknown) => Reason::InDoubt,
        };
        let detail = error.detail.clone();
        Self::new(reason).with_detail(detail).with_source(error)
    }
}

/// Sends HTTP requests. The built-in one is ureq; a host may bring its own (the platform's trust store and proxy).
///
/// The rules an implementation keeps: send **once**, never repeat by itself; follow **no** redirect; do not decompress;
/// no cookies, no cache; obey the request's limits; on failure say honestly whether bytes may have left. It may be called from several
/// threads at once, and must not call back into the same [`Keyfob`](crate::Keyfob).
pub trait Transport: Send + Sync {
    /// Sends one request and waits for the whole answer.
    ///
    /// # Errors
    /// [`TransportError`] when there is no answer; an answer with a bad status is not an error.
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError>;
}

/// A host's transport that says the app's name too. A provider's file may have another name for it.
pub(crate) struct Named {
    transport: Arc<dyn Transport>,
    user_agent: String,
}

impl Named {
    pub(crate) fn new(transport: Arc<dyn Transport>, user_agent: String) -> Self {
        Self { transport, user_agent }
    }
}

impl Transport for Named {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let mut request = request.clone();
        if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
            request.headers.push(("User-Agent".to_owned(), self.user_agent.clone()));
        }
        self.transport.send(&request)
    }
}

/// A URL as it may stand in a log: no user, query or fragment.
pub(crate) fn without_query(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(parsed) => format!("{}{}", parsed.origin().ascii_serialization(), parsed.path()),
        Err(_) => "(malformed URL)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s77_what_may_be_json_is_json_and_what_servers_say_of_it() {
        let says = |kind: &str| {
            HttpResponse::new(200, vec![("Content-Type".to_owned(), kind.to_owned())], Vec::new()).may_be_json()
        };
        assert!(HttpResponse::new(200, Vec::new(), Vec::new()).may_be_json());
        for json in [
            "application/json",
            "Application/JSON ; charset=utf-8",
            "application/jwk-set+json",
            "application/problem+json",
            "application/jwt",
            "text/plain;charset=UTF-8",
            "text/javascript",
            "",
        ] {
            assert!(says(json), "{json}");
        }
        for other in ["text/html", "text/html; x=application/json", "application/xhtml+xml", "image/png", "json"] {
            assert!(!says(other), "{other}");
        }
    }
}
