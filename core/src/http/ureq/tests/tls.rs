use std::net::TcpStream;
use std::sync::{Arc, mpsc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;

/// An authority of our own, and a transport that trusts it.
fn authority() -> (CertifiedIssuer<'static, KeyPair>, UreqTransport) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    (ca, UreqTransport::with(roots, None, "keyfob").unwrap())
}

type TlsStream = StreamOwned<ServerConnection, TcpStream>;

/// Runs `script` with the first connection, under a certificate of `params` from `ca`.
fn serve_tls<T: Send + 'static>(
    params: &CertificateParams,
    ca: &CertifiedIssuer<'static, KeyPair>,
    script: impl FnOnce(TlsStream) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let config = server_config(params, ca);
    serve(|listener| {
        let (stream, _) = listener.accept().unwrap();
        script(StreamOwned::new(ServerConnection::new(config).unwrap(), stream))
    })
}

fn server_config(params: &CertificateParams, ca: &CertifiedIssuer<'static, KeyPair>) -> Arc<ServerConfig> {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, ca).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    Arc::new(config)
}

/// Answers for as long as there are requests; returns how many came.
fn answer(mut stream: TlsStream) -> usize {
    let mut seen = 0;
    while !read_request(&mut stream).is_empty() {
        seen += 1;
        stream.write_all(OK).unwrap();
    }
    seen
}

fn https(address: SocketAddr) -> HttpRequest {
    request(Method::Post, format!("https://localhost:{}/token?secret=CANARY", address.port()))
}

fn localhost() -> CertificateParams {
    CertificateParams::new(vec!["localhost".to_owned()]).unwrap()
}

#[test]
fn a_trusted_certificate_is_answered_and_its_connection_used_again() {
    let (ca, transport) = authority();
    let (address, server) = serve_tls(&localhost(), &ca, answer);
    for _ in 0..2 {
        assert_eq!(transport.send(&https(address)).expect("answered").body, b"ok");
    }
    drop(transport);
    assert_eq!(server.join().unwrap(), 2);
}

#[test]
fn a_refused_certificate_is_named_and_nothing_is_sent() {
    let mut expired = localhost();
    (expired.not_before, expired.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
    let mut future = localhost();
    (future.not_before, future.not_after) = (date_time_ymd(4000, 1, 1), date_time_ymd(4001, 1, 1));
    let other = CertificateParams::new(vec!["example.org".to_owned()]).unwrap();
    for (params, failure, words) in [
        (expired, TransportFailure::CertificateExpired, "localhost: the certificate is expired"),
        (future, TransportFailure::CertificateNotYetValid, "localhost: the certificate is not yet valid"),
        (other, TransportFailure::CertificateWrongHost, "localhost: the certificate is for another name"),
    ] {
        let (ca, transport) = authority();
        let (address, server) = serve_tls(&params, &ca, answer);
        let expected = (Sent::NotSent, failure, words.to_owned());
        assert_eq!(fails(&transport, &https(address)), expected);
        assert_eq!(server.join().unwrap(), 0);
    }
    let (ca, _) = authority();
    let (address, server) = serve_tls(&localhost(), &ca, answer);
    let (sent, failure, detail) = fails(&bare(), &https(address));
    assert_eq!((sent, failure), (Sent::NotSent, TransportFailure::CertificateUnknownIssuer));
    assert_eq!(detail, "localhost: the certificate has an unknown issuer");
    assert_eq!(server.join().unwrap(), 0);
}

#[test]
fn an_authority_of_the_configuration_is_trusted_beside_the_built_in_ones() {
    let (ca, _) = authority();
    let text = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, ca.der());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    let roots = secure::roots(Some(&pem)).unwrap();
    assert_eq!(roots.len(), webpki_roots::TLS_SERVER_ROOTS.len() + 1);
    let transport = UreqTransport::with(roots, None, "keyfob").unwrap();
    let (address, server) = serve_tls(&localhost(), &ca, answer);
    assert_eq!(transport.send(&https(address)).expect("answered").body, b"ok");
    drop(transport);
    assert_eq!(server.join().unwrap(), 1);
}

/// A transport behind the proxy at an address, which speaks TLS.
fn behind(address: SocketAddr, roots: RootCertStore) -> UreqTransport {
    let proxy = Proxy::new(Some(&format!("https://localhost:{}", address.port())), |_| None).unwrap();
    UreqTransport::with(roots, proxy, "keyfob").unwrap()
}

#[test]
fn a_proxy_may_speak_tls_itself_and_sees_nothing_of_what_passes() {
    let (ca, _) = authority();
    let target = request(Method::Post, "https://localhost:9/token?secret=CANARY".to_owned());
    let inner = server_config(&localhost(), &ca);
    let (address, server) = serve_tls(&localhost(), &ca, |mut proxy| {
        let asked = read_request(&mut proxy);
        proxy.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let mut provider = StreamOwned::new(ServerConnection::new(inner).unwrap(), proxy);
        let received = read_request(&mut provider);
        provider.write_all(OK).unwrap();
        (asked, received)
    });
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    assert_eq!(behind(address, roots).send(&target).expect("answered").body, b"ok");
    let (asked, received) = server.join().unwrap();
    assert!(asked.starts_with("CONNECT localhost:9 HTTP/1.1\r\n") && !asked.contains("CANARY"), "{asked}");
    assert!(received.starts_with("POST /token?secret=CANARY HTTP/1.1\r\n"), "{received}");

    // One with a certificate from nobody is not asked.
    let (address, server) = serve_tls(&localhost(), &ca, answer);
    let (sent, failure, detail) = fails(&behind(address, secure::roots(None).unwrap()), &target);
    assert_eq!((sent, failure), (Sent::NotSent, TransportFailure::Proxy));
    assert_eq!(detail, "localhost: the TLS handshake with the proxy failed");
    assert_eq!(server.join().unwrap(), 0);
}

#[test]
fn a_server_that_speaks_no_tls_is_not_sent() {
    let (address, server) = serve(|listener| {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let mut hello = Vec::new();
        let _ = stream.read_to_end(&mut hello);
        hello
    });
    let (sent, failure, _) = fails(&bare(), &https(address));
    assert_eq!((sent, failure), (Sent::NotSent, TransportFailure::Tls));
    assert!(!server.join().unwrap().windows(6).any(|bytes| bytes == b"CANARY"));
}

#[test]
fn a_handshake_that_does_not_come_about_is_not_sent() {
    let (address, server) = serve(|listener| drop(listener.accept().unwrap()));
    let (sent, failure, _) = fails(&bare(), &https(address));
    assert_eq!((sent, failure), (Sent::NotSent, TransportFailure::Network));
    server.join().unwrap();

    let (done, wait) = mpsc::channel::<()>();
    let (address, server) = serve(move |listener| {
        let _open = listener.accept().unwrap();
        let _ = wait.recv();
    });
    let mut request = https(address);
    request.connect_timeout = Duration::from_millis(150);
    let (sent, failure, detail) = fails(&bare(), &request);
    assert_eq!((sent, failure), (Sent::NotSent, TransportFailure::Timeout));
    assert_eq!(detail, "localhost: no connection in time");
    drop(done);
    server.join().unwrap();
}

#[test]
fn a_tls_connection_that_breaks_after_the_request_is_unknown() {
    let (ca, transport) = authority();
    let (address, server) = serve_tls(&localhost(), &ca, |mut stream| {
        read_request(&mut stream);
        // Garbage where a record should be.
        stream.sock.write_all(b"SERVER SERVER SERVER").unwrap();
    });
    let (sent, failure, _) = fails(&transport, &https(address));
    assert_eq!((sent, failure), (Sent::Unknown, TransportFailure::Network));
    server.join().unwrap();
}
