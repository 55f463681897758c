use serde_json::json;

use super::*;

const ISSUER: &str = "https://login.example.com/t/";

fn document() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://login.example.com/authorize",
        "token_endpoint": "https://login.example.com/token",
        "userinfo_endpoint": "https://login.example.com/me",
        "jwks_uri": "https://login.example.com/keys",
        "code_challenge_methods_supported": ["plain", "S256"],
        "authorization_response_iss_parameter_supported": true
    })
}

fn read(change: impl FnOnce(&mut Value)) -> Result<Metadata> {
    let mut document = document();
    change(&mut document);
    Metadata::from_discovery(document.to_string().as_bytes(), &Issuer::exact(ISSUER), true)
}

#[test]
fn a_good_document_is_read() {
    let metadata = read(|_| {}).unwrap();
    assert_eq!(metadata.token_endpoint, "https://login.example.com/token");
    assert!(metadata.iss_parameter);
    assert_eq!(discovery_url(ISSUER), "https://login.example.com/t/.well-known/openid-configuration");
}

#[test]
fn s27_the_issuer_is_compared_byte_for_byte() {
    for other in ["https://login.example.com/t", "https://LOGIN.example.com/t/", "https://login.example.com/t/INVALID"]
    {
        let error = read(|document| document["issuer"] = json!(other)).unwrap_err();
        assert_eq!(error.reason(), Reason::DiscoveryIssuerMismatch, "{other}");
    }
    let error = read(|document| drop(document.as_object_mut().unwrap().remove("issuer"))).unwrap_err();
    assert_eq!(error.reason(), Reason::DiscoveryIssuerMismatch);
}

#[test]
fn s16_an_insecure_endpoint_in_the_document_is_refused_by_name() {
    for key in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        for insecure in ["http://login.example.com/x", "http://localhost/x", "ftp://login.example.com/x"] {
            let error = read(|document| document[key] = json!(insecure)).unwrap_err();
            assert_eq!((error.reason(), error.detail()), (Reason::InsecureEndpoint, Some(key)), "{insecure}");
        }
        assert!(read(|document| document[key] = json!("http://127.0.0.1:4011/x")).is_ok());
    }
}

#[test]
fn s16_an_endpoint_that_two_parsers_would_read_differently_is_refused() {
    for odd in [
        "http://127.0.0.1\\@evil.example/x",
        "https://login.example.com\\.evil.example/x",
        "https://login.exam\nple.com/x",
        " https://login.example.com/x",
        "https://login.example.com/a b",
        "https://lo`gin.example.com/x",
        "https://login.example.com/{x}",
        "https://lógin.example.com/x",
        "https:///login.example.com/x",
        "https:login.example.com/x",
        "https://@login.example.com/x",
        "https://%6cogin.example.com/x",
        "https://login.example.com:/x",
        "http://0x7f.1/x",
        "http://2130706433/x",
    ] {
        let error = read(|document| document["token_endpoint"] = json!(odd)).unwrap_err();
        assert_eq!(error.reason(), Reason::MalformedResponse, "{odd}");
    }
    for good in
        ["HTTPS://Login.Example.com:443/x", "https://login.example.com?x=1", "http://[::1]:4011", "https://a:8443"]
    {
        assert!(read(|document| document["token_endpoint"] = json!(good)).is_ok(), "{good}");
    }
}

#[test]
fn s02_a_provider_without_s256_is_refused_and_one_that_does_not_say_is_not() {
    let error = read(|document| document["code_challenge_methods_supported"] = json!(["plain"])).unwrap_err();
    assert_eq!(error.reason(), Reason::PkceUnsupported);
    assert!(
        read(|document| drop(document.as_object_mut().unwrap().remove("code_challenge_methods_supported"))).is_ok()
    );
}

#[test]
fn a_missing_or_malformed_endpoint_is_named() {
    for key in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        let error = read(|document| drop(document.as_object_mut().unwrap().remove(key))).unwrap_err();
        assert_eq!(error.reason(), Reason::MalformedResponse);
        assert!(error.detail().unwrap().ends_with(key));
        assert_eq!(read(|document| document[key] = json!(7)).unwrap_err().reason(), Reason::MalformedResponse);
    }
    assert_eq!(
        Metadata::from_discovery(b"<html>", &Issuer::exact(ISSUER), true).unwrap_err().reason(),
        Reason::NotJson
    );
}
