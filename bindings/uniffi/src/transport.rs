//! The host's transport: sends the requests of the core over the platform's own HTTP client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use keyfob::Transport;

/// The method of a request.
#[derive(Clone, Copy, Debug, uniffi::Enum)]
pub enum Method {
    /// DELETE
    Delete,
    /// GET
    Get,
    /// POST
    Post,
}

/// A header of a request or of an answer. Prints its name only.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct Header {
    /// The name.
    pub name: String,
    /// The value. May be a secret.
    pub value: String,
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Header({})", self.name)
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A request for the host to send: once, following no redirect. Prints without query, headers and body.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// The absolute URL. May hold secrets in its query.
    pub url: String,
    /// The headers, in order.
    pub headers: Vec<Header>,
    /// The body, empty for a GET.
    pub body: Vec<u8>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long the whole request may take.
    pub timeout: Duration,
    /// How many bytes of the answer's body are wanted at most.
    pub max_body_bytes: u64,
}

impl From<&keyfob::HttpRequest> for HttpRequest {
    fn from(request: &keyfob::HttpRequest) -> Self {
        let headers = request.headers().iter();
        Self {
            method: match request.method() {
                keyfob::Method::Delete => Method::Delete,
                keyfob::Method::Post => Method::Post,
                // The enum of the core may grow, and then so must this one.
                _ => Method::Get,
            },
            url: request.url().to_owned(),
            headers: headers.map(|(name, value)| Header { name: name.clone(), value: value.clone() }).collect(),
            body: request.body().to_vec(),
            connect_timeout: request.connect_timeout(),
            timeout: request.timeout(),
            max_body_bytes: u64::try_from(request.max_body_bytes()).unwrap_or(u64::MAX),
        }
    }
}

impl fmt::Display for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        write!(f, "HttpRequest({:?} {url})", self.method)
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The answer to a request. The status is data, not an error. Prints the status only.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct HttpResponse {
    /// The status, 100 to 599.
    pub status: u16,
    /// The headers.
    pub headers: Vec<Header>,
    /// The body, as it came.
    pub body: Vec<u8>,
}

impl From<HttpResponse> for keyfob::HttpResponse {
    fn from(response: HttpResponse) -> Self {
        let headers = response.headers.into_iter().map(|header| (header.name, header.value)).collect();
        Self::new(response.status, headers, response.body)
    }
}

impl fmt::Display for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpResponse({}, {} bytes)", self.status, self.body.len())
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Whether a request that got no answer may have reached the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Sent {
    /// No byte of the request left this machine.
    NotSent,
    /// Nobody knows.
    Unknown,
}

/// What kept a request from being answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
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

/// Why the host has no answer. It has no field for words: a host's own hold URLs and stack traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum TransportError {
    /// There is no answer.
    #[error("the host's transport failed: {failure:?}, {sent:?}")]
    Failed {
        /// Whether bytes may have left.
        sent: Sent,
        /// What happened.
        failure: TransportFailure,
    },
}

/// Anything else that the host threw: nobody knows what was sent.
impl From<uniffi::UnexpectedUniFFICallbackError> for TransportError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed { sent: Sent::Unknown, failure: TransportFailure::Network }
    }
}

impl From<TransportError> for keyfob::TransportError {
    fn from(error: TransportError) -> Self {
        let TransportError::Failed { sent, failure } = error;
        let sent = match sent {
            Sent::NotSent => keyfob::Sent::NotSent,
            Sent::Unknown => keyfob::Sent::Unknown,
        };
        let failure = match failure {
            TransportFailure::Answer => keyfob::TransportFailure::Answer,
            TransportFailure::Network => keyfob::TransportFailure::Network,
            TransportFailure::Timeout => keyfob::TransportFailure::Timeout,
            TransportFailure::Certificate => keyfob::TransportFailure::Certificate,
            TransportFailure::CertificateExpired => keyfob::TransportFailure::CertificateExpired,
            TransportFailure::CertificateNotYetValid => keyfob::TransportFailure::CertificateNotYetValid,
            TransportFailure::CertificateRevoked => keyfob::TransportFailure::CertificateRevoked,
            TransportFailure::CertificateUnknownIssuer => keyfob::TransportFailure::CertificateUnknownIssuer,
            TransportFailure::CertificateWrongHost => keyfob::TransportFailure::CertificateWrongHost,
            TransportFailure::Proxy => keyfob::TransportFailure::Proxy,
            TransportFailure::Tls => keyfob::TransportFailure::Tls,
        };
        Self::new(sent, failure, "the host's transport")
    }
}

/// Sends HTTP requests for the core. Called from any thread, from several at once, and never on a thread of Keyfob's own.
#[uniffi::export(foreign)]
pub trait HostTransport: Send + Sync {
    /// Sends one request and waits for the whole answer.
    fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError>;
}

/// Makes a transport of the core out of the host's.
pub(crate) struct Adapter(pub(crate) Arc<dyn HostTransport>);

impl Transport for Adapter {
    fn send(&self, request: &keyfob::HttpRequest) -> Result<keyfob::HttpResponse, keyfob::TransportError> {
        Ok(self.0.send(request.into())?.into())
    }
}

#[cfg(test)]
mod tests;
