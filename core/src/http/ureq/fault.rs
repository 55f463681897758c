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

    /// `at_proxy` says that it went wrong on the way to the proxy, which is not what the URL names.
    pub(super) fn into_error(self, sent: Sent, at_proxy: bool, url: &str) -> TransportError {
        let this = if at_proxy { self.of_the_proxy() } else { self };
        let failure = match sent {
            // TLS that breaks after the handshake is a connection that breaks.
            Sent::Unknown if this.failure == TransportFailure::Tls || this.failure.is_certificate() => {
                TransportFailure::Network
            }
            _ => this.failure,
        };
        let host = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
        TransportError::new(sent, failure, format!("{}: {}", host.as_deref().unwrap_or("(no host)"), this.words))
    }

    fn of_the_proxy(self) -> Self {
        match self.failure {
            TransportFailure::Timeout => Self::new(self.failure, "no connection through the proxy in time"),
            // It has its words already.
            TransportFailure::Proxy => self,
            failure if failure == TransportFailure::Tls || failure.is_certificate() => {
                Self::new(TransportFailure::Proxy, "the TLS handshake with the proxy failed")
            }
            TransportFailure::Answer => Self::new(TransportFailure::Proxy, "the proxy does not answer in HTTP"),
            _ => Self::new(TransportFailure::Proxy, "the proxy could not be reached, or closed the connection"),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        use TransportFailure::{Answer, Network, Proxy, Timeout as TimedOut, Tls};
        match error {
            Error::Timeout(Timeout::Resolve) => Self::new(TimedOut, "the name was not looked up in time"),
            Error::Timeout(Timeout::Connect) => Self::new(TimedOut, "no connection in time"),
            Error::Timeout(_) => Self::new(TimedOut, "no answer in time"),
            Error::HostNotFound => Self::new(Network, "the name was not found"),
            Error::Io(error) => from_io(&error),
            Error::Rustls(error) => from_tls(&error),
            // ureq has the status in its words only.
            Error::ConnectProxyFailed(words) if words.contains(" 407") => {
                Self::new(Proxy, "the proxy wants a user and a password, or others (407)")
            }
            Error::ConnectProxyFailed(words) if words.contains("did not respond") => {
                Self::new(Proxy, "the proxy closed the connection")
            }
            Error::ConnectProxyFailed(_) => Self::new(Proxy, "the proxy refused the connection"),
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
    use CertificateError as Refused;
    let rustls::Error::InvalidCertificate(why) = error else {
        return Fault::new(TransportFailure::Tls, "the TLS handshake failed");
    };
    match why {
        Refused::Expired | Refused::ExpiredContext { .. } => {
            Fault::new(TransportFailure::CertificateExpired, "the certificate is expired")
        }
        Refused::NotValidYet | Refused::NotValidYetContext { .. } => {
            Fault::new(TransportFailure::CertificateNotYetValid, "the certificate is not yet valid")
        }
        Refused::UnknownIssuer => {
            Fault::new(TransportFailure::CertificateUnknownIssuer, "the certificate has an unknown issuer")
        }
        Refused::NotValidForName | Refused::NotValidForNameContext { .. } => {
            Fault::new(TransportFailure::CertificateWrongHost, "the certificate is for another name")
        }
        Refused::Revoked => Fault::new(TransportFailure::CertificateRevoked, "the certificate is revoked"),
        _ => Fault::new(TransportFailure::Certificate, "the certificate was refused"),
    }
}
