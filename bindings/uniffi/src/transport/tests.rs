use super::*;

#[test]
fn what_an_unexpected_throw_says_is_dropped_and_the_request_is_in_doubt() {
    let thrown =
        uniffi::UnexpectedUniFFICallbackError::new("java.lang.IllegalStateException: CANARY\n\tat com.example");
    let error = TransportError::from(thrown);
    assert_eq!(error, TransportError::Failed { sent: Sent::Unknown, failure: TransportFailure::Network });
    let core = keyfob::Error::from(keyfob::TransportError::from(error));
    assert_eq!(core.reason(), keyfob::Reason::InDoubt);
    assert!(!format!("{core} {core:?}").contains("CANARY"));
}

#[test]
fn what_the_host_says_about_sending_is_believed() {
    let reason = |sent, failure| {
        keyfob::Error::from(keyfob::TransportError::from(TransportError::Failed { sent, failure })).reason()
    };
    use keyfob::Reason;
    assert_eq!(reason(Sent::NotSent, TransportFailure::Network), Reason::NotSent);
    assert_eq!(reason(Sent::Unknown, TransportFailure::Network), Reason::InDoubt);
    assert_eq!(reason(Sent::NotSent, TransportFailure::Timeout), Reason::ConnectTimeout);
    assert_eq!(reason(Sent::NotSent, TransportFailure::Certificate), Reason::TlsCertificate);
    assert_eq!(reason(Sent::NotSent, TransportFailure::CertificateExpired), Reason::TlsExpired);
    assert_eq!(reason(Sent::NotSent, TransportFailure::CertificateNotYetValid), Reason::TlsNotYetValid);
    assert_eq!(reason(Sent::NotSent, TransportFailure::CertificateRevoked), Reason::TlsRevoked);
    assert_eq!(reason(Sent::NotSent, TransportFailure::CertificateUnknownIssuer), Reason::TlsUnknownIssuer);
    assert_eq!(reason(Sent::NotSent, TransportFailure::CertificateWrongHost), Reason::TlsWrongHost);
    assert_eq!(reason(Sent::NotSent, TransportFailure::Proxy), Reason::Proxy);
    assert_eq!(reason(Sent::NotSent, TransportFailure::Tls), Reason::TlsHandshake);
    assert_eq!(reason(Sent::Unknown, TransportFailure::Answer), Reason::ResponseTooLarge);
}

#[test]
fn requests_and_answers_print_redacted() {
    let header = Header { name: "Authorization".to_owned(), value: "Bearer CANARY".to_owned() };
    let request = HttpRequest {
        method: Method::Post,
        url: "https://idp.example/token?secret=CANARY#CANARY".to_owned(),
        headers: vec![header.clone()],
        body: b"CANARY".to_vec(),
        connect_timeout: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        max_body_bytes: 1,
    };
    let response = HttpResponse { status: 200, headers: vec![header.clone()], body: b"CANARY".to_vec() };
    let printed = format!("{header} {header:?} {request} {request:?} {response} {response:?}");
    assert!(!printed.contains("CANARY"), "{printed}");
    assert!(printed.contains("HttpRequest(Post https://idp.example/token)"));
}
