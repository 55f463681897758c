//! ureq's errors in our words. Fixed words only: what ureq prints may hold the URL or the server's text.

use std::io;

use ::ureq::{Error, Timeout};
use rustls::CertificateError;

use super::super::{Sent, TransportError, TransportFailure};

/// What went wrong, before it is known whether bytes had left.
pub(super) struct Fault {
    failure: TransportFailure,
    words: &'static str,
}

impl Fault {
    pub(super) const fn new(failure: TransportFailure, words: &'static str) -> Self {
        Self { failure, words }
    }

    pub(super) fn into_error(self, sent: Sent, url: &str) -> TransportError {
        let failure = match (self.failure, sent) {
            // TLS that breaks after the handshake is a connection that breaks.
            (TransportFailure::Certificate | TransportFailure::Tls, Sent::Unknown) => TransportFailure::Network,
            (failure, _) => failure,
        };
        let host = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
        TransportError::new(sent, failure, format!("{}: {}", host.as_deref().unwrap_or("(no host)"), self.words))
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        use TransportFailure::{Answer, Network, Timeout as TimedOut, Tls};
        match error {
            Error::Timeout(Timeout::Resolve) => Self::new(TimedOut, "the name was not looked up in time"),
            Error::Timeout(Timeout::Connect) => Self::new(TimedOut, "no connection in time"),
            Error::Timeout(_) => Self::new(TimedOut, "no answer in time"),
            Error::HostNotFound => Self::new(Network, "the name was not found"),
            Error::Io(error) => from_io(&error),
            Error::Rustls(error) => from_tls(&error),
            Error::Tls(_) | Error::TlsRequired | Error::Pem(_) => Self::new(Tls, "TLS could not be set up"),
            Error::LargeResponseHeader(..) => Self::new(Answer, "the header of the answer is longer than the limit"),
            Error::Protocol(_) => Self::new(Answer, "the answer is not HTTP"),
            Error::BadUri(_) | Error::Http(_) => Self::new(Network, "the request is malformed"),
            _ => Self::new(Network, "the request failed"),
        }
    }
}

fn from_io(error: &io::Error) -> Fault {
    use TransportFailure::{Network, Timeout as TimedOut};
    // rustls hands its own errors through the reader and writer that it works on.
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return from_tls(tls);
    }
    match error.kind() {
        io::ErrorKind::TimedOut => Fault::new(TimedOut, "no answer in time"),
        io::ErrorKind::ConnectionRefused => Fault::new(Network, "the connection was refused"),
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Fault::new(Network, "the connection was closed"),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
            Fault::new(Network, "the network is not reachable")
        }
        io::ErrorKind::InvalidData => Fault::new(TransportFailure::Answer, "the answer is not HTTP"),
        // The system's name lookup has no kind of its own.
        _ => Fault::new(Network, "the name was not found, or the connection failed"),
    }
}

fn from_tls(error: &rustls::Error) -> Fault {
    let rustls::Error::InvalidCertificate(why) = error else {
        return Fault::new(TransportFailure::Tls, "the TLS handshake failed");
    };
    let words = match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "the certificate is expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not yet valid"
        }
        CertificateError::UnknownIssuer => "the certificate has an unknown issuer",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate is for another name"
        }
        CertificateError::Revoked => "the certificate is revoked",
        _ => "the certificate was refused",
    };
    Fault::new(TransportFailure::Certificate, words)
}
