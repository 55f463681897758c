//! TLS: ureq's own connector takes either its built-in roots or others, and makes its configuration anew for each connection. This one trusts both, and
//! resumes sessions.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use ::ureq::Error;
use ::ureq::unversioned::transport::time::Instant;
use ::ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::config::invalid;
use crate::error::Result as KeyfobResult;

/// The authorities that Mozilla trusts, and those of the configuration beside them.
pub(super) fn roots(pem: Option<&str>) -> KeyfobResult<RootCertStore> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(pem) = pem {
        roots.extend(authorities(pem)?.roots);
    }
    Ok(roots)
}

/// The authorities of the configuration.
///
/// # Errors
/// `Configuration`, naming the key.
pub(crate) fn authorities(pem: &str) -> KeyfobResult<RootCertStore> {
    let refused = |problem| invalid("http.ca_certificates", problem);
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|_| refused("is not PEM (RFC 7468)"))?;
        roots.add(certificate).map_err(|_| refused("has a certificate that cannot be read"))?;
    }
    if roots.is_empty() { Err(refused("has no certificate in PEM (RFC 7468)")) } else { Ok(roots) }
}

/// TLS 1.2 and 1.3 on ring. Named here, so that a provider which the host installed for the whole process changes nothing.
pub(super) fn client(roots: RootCertStore) -> Result<Arc<ClientConfig>, rustls::Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The link of the chain that makes TLS of what is to be https and is not yet.
pub(super) struct SecureConnector(pub(super) Arc<ClientConfig>);

impl fmt::Debug for SecureConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecureConnector").finish_non_exhaustive()
    }
}

impl<In: Transport> Connector<In> for SecureConnector {
    type Out = Either<In, Secured>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let Some(transport) = chained else {
            return Ok(None);
        };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = details.uri.host().unwrap_or_default();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| Error::Tls("not a host's name"))?;
        let mut connection = ClientConnection::new(Arc::clone(&self.0), name)?;
        let mut socket = TransportAdapter::new(Box::new(transport) as Box<dyn Transport>, details.current_time.clone());
        socket.set_timeout(remaining(details));
        connection.complete_io(&mut socket)?;
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(Secured { buffers, stream: StreamOwned::new(connection, socket) })))
    }
}

/// What TCP and a proxy have left of the time for connecting.
fn remaining(details: &ConnectionDetails<'_>) -> NextTimeout {
    let mut timeout = details.timeout;
    if let (Instant::Exact(now), Instant::Exact(began)) = ((details.current_time)(), details.now)
        && !timeout.after.is_not_happening()
    {
        let left = timeout.after.saturating_sub(now.saturating_duration_since(began));
        timeout.after = ::ureq::unversioned::transport::time::Duration::Exact(left);
    }
    timeout
}

pub(super) struct Secured {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl fmt::Debug for Secured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secured").finish_non_exhaustive()
    }
}

impl Transport for Secured {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.sock.set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        Ok(self.stream.write_all(output)?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.sock.set_timeout(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}
