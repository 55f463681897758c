use super::*;
use crate::StoreKey;

const GOOD: &str = r#"{
  "store": { "path": "/tmp/keyfob-never-opened", "plaintext": true },
  "registrations": [
    { "id": "work-sso", "provider": "oidc", "variables": { "issuer": "http://127.0.0.1:4011" }, "client_id": "demo",
      "redirect_uri": "http://127.0.0.1/callback/work-sso", "scopes": ["openid", "email"], "enabled": true },
    { "id": "acme", "provider": "acme", "client_id": "notes", "client_secret": "CANARY",
      "redirect_uri": "com.example.notes:/callback/acme" }
  ],
  "providers": [
    { "id": "acme", "kind": "oauth2",
      "endpoints": { "authorization": "https://acme.example/authorize", "token": "https://acme.example/token",
                     "userinfo": "https://acme.example/me" },
      "profile": { "uid": "/id" } }
  ],
  "http": { "connect_seconds": 10, "total_seconds": 30 },
  "login_seconds": 3600, "coherence_seconds": 1, "leeway_seconds": 60
}"#;

fn refused(text: &str) -> (Reason, String) {
    let error = Config::from_json(text).unwrap_err();
    (error.reason(), error.detail().unwrap_or_default().to_owned())
}

fn with(from: &str, to: &str) -> (Reason, String) {
    assert!(GOOD.contains(from), "{from}");
    refused(&GOOD.replacen(from, to, 1))
}

#[test]
fn the_documented_example_is_read_and_its_secret_never_printed() {
    let config = Config::from_json(GOOD).unwrap();
    assert_eq!(config.settings.registrations.len(), 2);
    assert_eq!(config.settings.login_lifetime(), Duration::from_secs(3600));
    assert!(!format!("{config:?}").contains("CANARY"));
}

#[cfg(feature = "ureq")] // Another transport reads them itself.
#[test]
fn an_authority_that_cannot_be_read_is_refused_by_key() {
    let good = rcgen::generate_simple_self_signed(vec!["ca.example".to_owned()]).unwrap().cert.der().to_vec();
    let pem = |der: &[u8]| {
        let text = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, der);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    };
    let with = |text: &str| Config::builder("/tmp/x").ca_certificates(text).build().map(|_| ());
    with(&format!("# ours\n{}{}", pem(&good), pem(&good))).unwrap();
    for bad in [
        String::new(),
        "CANARY".to_owned(),
        pem(b"CANARY"),
        pem(&good).replace("-----END CERTIFICATE-----", ""),
        pem(&good).replacen('M', "*", 1),
        pem(&good) + &pem(&good[..good.len() / 2]),
        pem(&good) + &pem(&good).replace("-----END CERTIFICATE-----", ""),
    ] {
        let error = with(&bad).unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidConfiguration, "{bad}");
        assert!(error.detail().unwrap().starts_with("http.ca_certificates "), "{error}");
        assert!(!error.to_string().contains("CANARY"), "{error}");
    }
}

#[test]
fn a_proxy_of_a_wrong_form_is_refused_by_key_and_never_quoted() {
    let with = |text: &str| Config::builder("/tmp/x").proxy(text).build();
    for good in ["environment", "http://p", "https://p.example:1/", "http://a:CANARY%40@[::1]:3128"] {
        assert!(!format!("{:?}", with(good).unwrap()).contains("CANARY"), "{good}");
    }
    for bad in [
        "",
        "http://",
        "p.example:3128",
        "socks5://ada:CANARY@p.example",
        "http://ada:CANARY@p.example/x",
        "http://ada:CANARY@p.example?x",
        "http://ada:CANARY@p.example#x",
        "http://ada:CANARY@p.example:x",
        "http://ada:CANARY@p.exa mple",
        "Environment",
    ] {
        let error = with(bad).unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidConfiguration, "{bad}");
        assert!(error.detail().unwrap().starts_with("http.proxy "), "{error}");
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{error}");
    }
}

#[test]
fn a_user_agent_is_one_line_of_printable_ascii() {
    let with = |text: &str| Config::builder("/tmp/x").user_agent(text).build();
    let sent = with("Notes/1.2 (Linux; x)").unwrap().settings.http.user_agent();
    assert_eq!(sent, concat!("Notes/1.2 (Linux; x) keyfob/", env!("CARGO_PKG_VERSION")));
    let own = Config::builder("/tmp/x").build().unwrap().settings.http.user_agent();
    assert_eq!(own, concat!("keyfob/", env!("CARGO_PKG_VERSION")));
    with(&"x".repeat(256)).unwrap();
    for bad in ["", " x", "x ", "x\r\nCookie: y", "x\u{0}", "x\u{7f}", "Ä/1", &"x".repeat(257)] {
        let error = with(bad).unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidConfiguration, "{bad:?}");
        assert!(error.detail().unwrap().starts_with("http.user_agent "), "{error}");
    }
}

#[test]
fn an_unknown_key_is_named_with_its_path() {
    assert_eq!(with(r#""login_seconds""#, r#""login_secs""#), (Reason::UnknownKey, "login_secs".to_owned()));
    assert_eq!(with(r#""connect_seconds""#, r#""connect""#), (Reason::UnknownKey, "http.connect".to_owned()));
    assert_eq!(with(r#""enabled""#, r#""enable""#), (Reason::UnknownKey, "registrations[0].enable".to_owned()));
    assert_eq!(with(r#""uid""#, r#""ID""#).1, "providers[0].profile.ID");
}

#[test]
fn what_is_no_strict_json_is_named_with_its_path_and_line() {
    let (reason, detail) =
        with(r#""client_id": "demo""#, r#""client_id": "demo", "scopes": [{"CANARY": 1}, {"a": 1, "a": 2}]"#);
    assert_eq!(reason, Reason::InvalidConfiguration);
    assert!(detail.starts_with("registrations[0].scopes[1] duplicate field `a` (line "), "{detail}");
    let deep = format!(r#""client_id": "demo", "scopes": {}{}"#, "[".repeat(40), "]".repeat(40));
    let (_, detail) = with(r#""client_id": "demo""#, &deep);
    assert!(
        detail.starts_with("registrations[0].scopes[0][0]") && detail.contains("] stands too deep (line "),
        "{detail}"
    );
    let (_, detail) = with(r#""client_id": "demo""#, r#""client_id": demo"#);
    assert!(detail.starts_with("registrations[0].client_id is not JSON (line "), "{detail}");
    let members: Vec<_> = (0..300).map(|n| format!("\"m{n}\": 0")).collect();
    let (_, detail) =
        with(r#""client_id": "notes""#, &format!(r#""client_id": "notes", "variables": {{{}}}"#, members.join(",")));
    assert!(detail.starts_with("registrations[1].variables has too many members (line "), "{detail}");
}

#[test]
fn a_missing_or_malformed_value_is_named_and_never_quoted() {
    let (reason, detail) = with(r#""client_id": "demo","#, "");
    assert_eq!(reason, Reason::InvalidConfiguration);
    assert!(detail.starts_with("registrations[0] missing field `client_id`"), "{detail}");
    let (_, detail) = with(r#""client_secret": "CANARY""#, r#""client_secret": ["CANARY"]"#);
    assert!(detail.starts_with("registrations[1].client_secret has a value of the wrong form"), "{detail}");
    assert!(!detail.contains("CANARY"), "{detail}");
    let (_, detail) = with(r#""client_id": "demo""#, r#""client_id": """#);
    assert_eq!(detail, "registrations[0].client_id is empty");
    let (_, detail) = with(r#""login_seconds": 3600"#, r#""login_seconds": -1"#);
    assert!(detail.starts_with("login_seconds must be"), "{detail}");
    let (_, detail) = with(r#""id": "acme", "provider""#, r#""id": "work-sso", "provider""#);
    assert_eq!(detail, "registrations[1].id stands twice");
    assert_eq!(refused("{").0, Reason::InvalidConfiguration);
    assert_eq!(refused(&format!("{GOOD} x")).0, Reason::InvalidConfiguration);
}

#[test]
fn a_store_without_sealing_has_to_be_asked_for() {
    let keyless = GOOD.replace(r#", "plaintext": true"#, "");
    let refused = |mut config: Config| config.keeping().map(|_| ()).unwrap_err();
    for config in [Config::from_json(&keyless).unwrap(), Config::builder("/tmp/x").build().unwrap()] {
        let error = refused(config);
        assert_eq!(error.reason(), Reason::InvalidConfiguration);
        assert!(error.detail().unwrap().starts_with("store has no key"), "{error}");
    }
    let key = || StoreKey::new([1; 32]);
    assert!(Config::from_json(GOOD).unwrap().keeping().is_ok());
    assert!(Config::from_json(GOOD).unwrap().with_device_binding("bytes").keeping().is_ok());
    let unread = refused(Config::from_json(GOOD).unwrap().with_device_binding(""));
    assert_eq!((unread.reason(), unread.detail()), (Reason::InvalidConfiguration, Some("device_binding is empty")));
    assert!(Config::from_json(&keyless).unwrap().with_store_key(key()).keeping().is_ok());
    assert_eq!(refused(Config::from_json(GOOD).unwrap().with_store_key(key())).reason(), Reason::InvalidConfiguration);
}

#[test]
fn s12_s13_s16_a_redirect_uri_of_a_wrong_form_is_refused_by_key() {
    for bad in [
        "myapp:/callback",
        "http://localhost/callback",
        "http://example.com/callback",
        "https://example.com/callback#x",
        "https://user@example.com/callback",
        "/callback",
        "",
    ] {
        let (reason, detail) = with("com.example.notes:/callback/acme", bad);
        assert_eq!(reason, Reason::InvalidRedirectUri, "{bad}");
        assert!(detail.starts_with("registrations[1].redirect_uri "), "{detail}");
    }
    for good in ["https://app.example.com/cb", "http://[::1]:4000/cb", "http://127.0.0.1", "com.example:/x?y=z"] {
        assert!(Config::from_json(&GOOD.replace("com.example.notes:/callback/acme", good)).is_ok(), "{good}");
    }
}

#[test]
fn s16_an_insecure_endpoint_is_refused_by_key() {
    let (reason, detail) = with("https://acme.example/token", "http://acme.example/token");
    assert_eq!((reason, detail.as_str()), (Reason::InsecureEndpoint, "providers[0].endpoints.token"));
}

#[test]
fn builder_and_json_pass_the_same_checks() {
    let build = |redirect_uri: &str| {
        Config::builder("/tmp/keyfob-never-opened")
            .plaintext(true)
            .registration(Registration::new("work-sso", "oidc", "demo", redirect_uri))
            .build()
    };
    assert!(build("http://127.0.0.1/callback").is_ok());
    let error = build("http://localhost/callback").unwrap_err();
    assert_eq!(error.reason(), Reason::InvalidRedirectUri);
    assert!(error.detail().unwrap_or_default().starts_with("registrations[0].redirect_uri "));
}

#[test]
fn a_redirect_is_received_only_by_the_very_uri_it_was_sent_to() {
    let uri = RedirectUri::parse("http://127.0.0.1/cb?tenant=a").unwrap();
    let sent = uri.with_port(Some(4321)).unwrap();
    assert_eq!(sent, "http://127.0.0.1:4321/cb?tenant=a");
    let received = |text: &str| came_to(&url::Url::parse(text).unwrap(), &sent);
    assert!(received("http://127.0.0.1:4321/cb?tenant=a&code=x&state=y"));
    for other in [
        "http://127.0.0.1:4321/cb/?tenant=a",
        "http://127.0.0.1:4322/cb?tenant=a",
        "http://127.0.0.2:4321/cb?tenant=a",
        "https://127.0.0.1:4321/cb?tenant=a",
        "http://127.0.0.1:4321/cb?tenant=b",
        "http://127.0.0.1:4321/cb?code=x",
        "http://u@127.0.0.1:4321/cb?tenant=a",
    ] {
        assert!(!received(other), "{other}");
    }
    assert!(RedirectUri::parse("com.example.x:/cb").unwrap().with_port(Some(1)).is_err());
    assert!(RedirectUri::parse("http://127.0.0.1:80/cb").unwrap().with_port(Some(4321)).is_ok(), "80 is the open port");
    assert!(RedirectUri::parse("http://127.0.0.1:4000/cb").unwrap().with_port(Some(4321)).is_err());
    assert!(RedirectUri::parse("http://127.0.0.1/cb").unwrap().with_port(Some(0)).is_err());
}

#[test]
fn what_serde_would_read_in_another_way_is_refused() {
    for (from, to, place) in [
        (r#""http": { "connect_seconds": 10, "total_seconds": 30 }"#, r#""http": []"#, "http has a value"),
        (r#""http": { "connect_seconds": 10, "total_seconds": 30 }"#, r#""http": null"#, "http has a value"),
        (r#""client_secret": "CANARY""#, r#""client_secret": null"#, "registrations[1].client_secret has a value"),
        (r#""kind": "oauth2""#, r#""kind": { "oauth2": null }"#, "providers[0].kind.oauth2 has a value"),
        (r#""profile": { "uid": "/id" }"#, r#""profile": ["/id"]"#, "providers[0].profile has a value"),
        (
            r#""login_seconds": 3600"#,
            r#""login_seconds": 1, "login_seconds": 3600"#,
            ". duplicate field `login_seconds`",
        ),
        (
            r#""issuer": "http"#,
            r#""issuer": "x", "issuer": "http"#,
            "registrations[0].variables duplicate field `issuer`",
        ),
    ] {
        let (reason, detail) = with(from, to);
        assert_eq!(reason, Reason::InvalidConfiguration, "{to}: {detail}");
        assert!(detail.starts_with(place), "{to}: {detail}");
    }
    let asked = r#""email": { "request": "https://acme.example/me", "where": [], "vaule": "/email" }, "uid""#;
    assert_eq!(with(r#""uid""#, asked), (Reason::UnknownKey, "providers[0].profile.email.vaule".to_owned()));
}
