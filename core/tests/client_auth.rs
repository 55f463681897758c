//! Clients that prove themselves by a private key (RFC 7523 section 2.2, OpenID Connect Core section 9), on real HTTP.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::sync::Arc;

use keyfob::{
    Config, DevicePoll, EndSession, Error, ErrorKind, KeyAlgorithm, Keyfob, LoginOptions, MinValidity, Provider,
    Reason, Registration, Revocation, SessionState,
};
use keyfob_idp::{ClientAuth, ClientJwt, Close, Endpoint, Fault, Idp, LoggedRequest, Script, browser};
use serde_json::json;
use support::signer::{self, ED25519, P256, P384, RSA, jwk, part};
use support::{REDIRECT_URI, SSO, Temp, TestClock, elsewhere, log_in, sealed};

const CLIENT: &str = "conf:id";
const KID: &str = "k-1";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A provider that knows the client by the public half of that key.
fn provider(pem: &str, change: impl FnOnce(&mut Script)) -> Idp {
    let mut script = Script::default();
    let client = keyfob_idp::Registration::new(CLIENT, REDIRECT_URI);
    script.registrations = vec![client.signing(ClientAuth::PrivateKeyJwt, ClientJwt::new(jwk(pem, KID)))];
    script.device.enforce_interval = false;
    change(&mut script);
    Idp::start(script).unwrap()
}

fn registration(idp: &Idp, pem: &str) -> Registration {
    Registration::new(SSO, "oidc", CLIENT, REDIRECT_URI)
        .variable("issuer", idp.issuer())
        .scope("openid")
        .private_key(pem)
        .key_id(KID)
}

struct App {
    idp: Idp,
    clock: Arc<TestClock>,
    temp: Temp,
    keyfob: Keyfob,
}

impl App {
    fn new(idp: Idp, registration: Registration) -> Self {
        let (temp, clock) = (Temp::new(), Arc::new(TestClock::default()));
        let config = sealed(Config::builder(temp.store()).registration(registration)).with_clock(clock.clone());
        Self { keyfob: Keyfob::open(config).unwrap(), idp, clock, temp }
    }

    fn log_in(&self) -> keyfob::Result<keyfob::Session> {
        let login = self.keyfob.begin_login(SSO, LoginOptions::new())?;
        Ok(self.keyfob.complete_login(&log_in(login.authorization_url()))?.into_session())
    }

    /// The requests that the client had to prove itself in.
    fn proven(&self) -> Vec<LoggedRequest> {
        let proven = ["/token", "/revoke", "/device_authorization", "/par"];
        self.idp.requests().into_iter().filter(|request| proven.contains(&request.path.as_str())).collect()
    }
}

/// Each request has exactly one proof: a token of its own.
fn each_has_a_token_of_its_own(requests: &[LoggedRequest]) {
    let mut ids: Vec<String> = Vec::new();
    for request in requests {
        let count = |name: &str| request.form.iter().filter(|(key, _)| key == name).count();
        assert_eq!((count("client_assertion"), count("client_assertion_type"), count("client_id")), (1, 1, 1));
        assert_eq!(request.parameter("client_assertion_type"), Some(JWT_BEARER));
        assert_eq!((count("client_secret"), request.header("authorization")), (0, None), "security S32");
        assert!(request.query.is_empty());
        let id = part(request.parameter("client_assertion").unwrap(), 1)["jti"].as_str().unwrap().to_owned();
        assert!(id.len() >= 22 && !ids.contains(&id), "used twice");
        ids.push(id);
    }
}

#[test]
fn s32_a_client_with_a_private_key_proves_itself_by_a_token_at_every_endpoint() {
    for (pem, said, algorithm) in [
        (RSA, None, "RS256"),
        (RSA, Some(KeyAlgorithm::Ps256), "PS256"),
        (P256, None, "ES256"),
        (P384, None, "ES384"),
        (ED25519, None, "EdDSA"),
    ] {
        let idp = provider(pem, |script| script.pushed.required = true);
        let mut registration = registration(&idp, pem);
        if let Some(said) = said {
            registration = registration.key_algorithm(said);
        }
        let app = App::new(idp, registration);
        let session = app.log_in().unwrap();
        app.keyfob.refresh_session(session.id()).unwrap();
        let ended = app.keyfob.end_session(session.id(), EndSession::default()).unwrap();
        assert!(matches!(ended.revocation(), Revocation::Done), "{ended:?}");
        let device = app.keyfob.begin_device_login(SSO, LoginOptions::new()).unwrap();
        browser::connect_device(device.verification_uri(), device.user_code(), "ada", "lovelace").unwrap();
        app.clock.pass(device.interval());
        assert!(matches!(app.keyfob.poll_device_login(device.id()).unwrap(), DevicePoll::Done(_)));

        let proven = app.proven();
        let paths: Vec<&str> = proven.iter().map(|request| request.path.as_str()).collect();
        assert_eq!(paths, ["/par", "/token", "/token", "/revoke", "/device_authorization", "/token"]);
        each_has_a_token_of_its_own(&proven);
        for request in proven {
            let token = request.parameter("client_assertion").unwrap();
            assert_eq!(part(token, 0), json!({ "alg": algorithm, "typ": "JWT", "kid": KID }));
            let claims = part(token, 1);
            assert_eq!((&claims["iss"], &claims["sub"]), (&json!(CLIENT), &json!(CLIENT)));
            assert_eq!(claims["aud"], app.idp.issuer());
            assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 120);
        }
    }
}

#[test]
fn a_provider_s_file_says_whom_the_token_is_for_and_who_signs_it() {
    for (audience, expected) in [
        (json!("issuer"), ""),
        (json!("token_endpoint"), "/token"),
        (json!({ "url": "{base}/somewhere" }), "/somewhere"),
    ] {
        let mut script = Script::default();
        let idp = Idp::start(Script::default()).unwrap();
        let mut rules = ClientJwt::new(jwk(P256, KID));
        rules.issuer = Some("the-team".to_owned());
        rules.audiences = vec![format!("{}{expected}", idp.issuer())];
        let client = keyfob_idp::Registration::new(CLIENT, REDIRECT_URI);
        script.registrations = vec![client.signing(ClientAuth::PrivateKeyJwt, rules)];
        idp.set_script(script).unwrap();
        let own = json!({
            "id": "acme", "kind": "oidc", "issuer": "{base}", "profile": { "uid": "/sub" },
            "variables": { "base": { "form": "url" }, "team": { "form": "segment" } },
            "client_auth": ["private_key_jwt"], "client_assertion": { "issuer": "{team}", "audience": audience }
        });
        let registration = Registration::new(SSO, "acme", CLIENT, REDIRECT_URI)
            .variable("base", idp.issuer())
            .variable("team", "the-team")
            .scope("openid")
            .private_key(P256);
        // The provider wants the key by its name.
        let registration = registration.key_id(KID);
        let temp = Temp::new();
        let own = Provider::from_json(&own.to_string()).unwrap();
        let config = sealed(Config::builder(temp.store()).provider(own).registration(registration));
        let keyfob = Keyfob::open(config).unwrap();
        let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
        keyfob.complete_login(&log_in(login.authorization_url())).unwrap();
    }
}

#[test]
fn a_client_whose_token_is_not_believed_is_an_error_of_the_configuration_and_ends_no_session() {
    let app = App::new(provider(P256, |_| {}), {
        let idp = Idp::start(Script::default()).unwrap();
        registration(&idp, P256)
    });
    // The registration above is another provider's: nobody is there any more.
    assert!(app.log_in().unwrap_err().is_retryable());

    let idp = provider(P256, |_| {});
    let registration = registration(&idp, P256);
    let app = App::new(idp, registration);
    let session = app.log_in().unwrap();
    // The provider's operator has entered another key.
    let mut script = app.idp.script();
    script.registrations[0].client_jwt = Some(ClientJwt::new(jwk(P384, KID)));
    app.idp.set_script(script).unwrap();
    app.idp.clear_requests();
    let error = app.keyfob.refresh_session(session.id()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Configuration, Reason::InvalidClient));
    assert_eq!(app.proven().len(), 1, "the clock is right: nothing would be better the second time");
    assert_eq!(app.keyfob.sessions().unwrap()[0].state(), SessionState::Active);
    assert!(app.keyfob.access_token(session.id(), MinValidity::default()).is_ok(), "it is good for a while");
    let error = app.log_in().unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Configuration, Reason::InvalidClient));
}

#[test]
fn a_refresh_that_is_sent_again_in_doubt_has_a_new_token() {
    let idp = provider(P256, |script| {
        script.tokens.grace_seconds = 60.0;
        script.faults = vec![Fault::on(Endpoint::Token).grant_type("refresh_token").nth(1).close(Close::BeforeHeaders)];
    });
    let registration = registration(&idp, P256);
    let app = App::new(idp, registration);
    let session = app.log_in().unwrap();
    app.keyfob.refresh_session(session.id()).unwrap();
    let proven = app.proven();
    assert_eq!(proven.len(), 3, "the code, and the refresh token twice");
    assert_eq!(proven[1].parameter("refresh_token"), proven[2].parameter("refresh_token"));
    each_has_a_token_of_its_own(&proven);
}

#[test]
fn a_wrong_clock_of_this_device_is_corrected_by_the_provider_s_and_costs_no_login() {
    for hours in [-2, 2] {
        let idp = provider(P256, |_| {});
        let registration_of = |idp: &Idp| registration(idp, P256);
        let first = registration_of(&idp);
        let app = App::new(idp, first);
        app.clock.set_wall(hours * 3_600_000);
        let session = app.log_in().unwrap();
        assert_eq!(app.proven().len(), 2, "the first token was dated by the wrong clock, and its answer told the time");
        app.keyfob.refresh_session(session.id()).unwrap();
        assert_eq!(app.proven().len(), 3);
        // Another process finds it written down.
        let config = sealed(Config::builder(app.temp.store()).registration(registration_of(&app.idp)));
        let other = Keyfob::open(elsewhere(config.with_clock(app.clock.clone()))).unwrap();
        other.refresh_session(session.id()).unwrap();
        assert_eq!(app.proven().len(), 4);
        // Somebody sets the clock right.
        app.clock.set_wall(-hours * 3_600_000);
        other.refresh_session(session.id()).unwrap();
        let proven = app.proven();
        assert_eq!(proven.len(), 6);
        each_has_a_token_of_its_own(&proven);
    }
}

#[test]
fn s17_a_private_key_is_neither_shown_nor_sent_nor_stored() {
    let idp = provider(P256, |_| {});
    let registration_of = |idp: &Idp| registration(idp, P256);
    let body = signer::body(P256);
    let secret = body.get(40..60).unwrap();
    assert!(!format!("{:#?}", registration_of(&idp)).contains(secret));
    let config = Config::builder(Temp::new().store()).plaintext(true).registration(registration_of(&idp));
    assert!(!format!("{config:#?}").contains(secret));
    let temp = Temp::new();
    let config = Config::builder(temp.store()).plaintext(true).registration(registration_of(&idp)).build().unwrap();
    assert!(!format!("{config:#?}").contains(secret));
    let keyfob = Keyfob::open(config).unwrap();
    let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    let session = keyfob.complete_login(&log_in(login.authorization_url())).unwrap().into_session();
    keyfob.refresh_session(session.id()).unwrap();
    for request in idp.requests() {
        assert!(!format!("{request:?}").contains(secret));
    }
    let mut stored = 0;
    for entry in std::fs::read_dir(temp.store()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        stored += bytes.len();
        let der = &decoded(P256)[40..60];
        assert!(!bytes.windows(20).any(|window| window == secret.as_bytes() || window == der));
        assert!(!bytes.windows(JWT_BEARER.len()).any(|window| window == JWT_BEARER.as_bytes()));
    }
    assert!(stored > 10_000);
}

fn decoded(pem: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(signer::body(pem)).unwrap()
}

/// What a configuration with this registration fails with.
fn refused(change: impl FnOnce(Registration) -> Registration) -> Error {
    let temp = Temp::new();
    let registration =
        change(Registration::new(SSO, "oidc", CLIENT, REDIRECT_URI).variable("issuer", "https://a.example"));
    let config = Config::builder(temp.store()).plaintext(true).registration(registration).build();
    let error = config.and_then(Keyfob::open).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(!temp.store().exists());
    error
}

#[test]
fn s32_a_key_that_is_none_or_one_way_too_many_is_named_by_its_place() {
    let detail = |error: Error| error.detail().unwrap_or_default().to_owned();
    let place = "registrations[0]";
    let key = |registration: Registration| registration.private_key(P256);
    for (error, expected) in [
        (refused(|r| r.private_key("")), "private_key is no PEM text"),
        (refused(|r| r.private_key(P256.replace("PRIVATE", "EC PRIVATE"))), "private_key is not PKCS#8"),
        (refused(|r| r.private_key(P256.replace("PRIVATE", "ENCRYPTED PRIVATE"))), "private_key is encrypted"),
        (refused(|r| r.private_key(P256.replace("\nMIG", "\nMIH"))), "private_key holds no key"),
        (refused(|r| key(r).client_secret("s")), "private_key stands beside client_secret"),
        (refused(|r| key(r).client_secret_post()), "client_auth is for a client_secret"),
        (refused(|r| key(r).key_algorithm(KeyAlgorithm::Rs256)), "key_algorithm does not fit"),
        (refused(|r| key(r).key_id("")), "key_id is empty"),
        (refused(|r| r.key_id(KID)), "key_id is of no use"),
        (refused(|r| r.key_algorithm(KeyAlgorithm::Es256)), "key_algorithm is of no use"),
    ] {
        let said = detail(error);
        assert!(said.starts_with(&format!("{place}.{expected}")), "{expected}: {said}");
    }
    let text = json!({
        "store": { "path": "/never/opened", "plaintext": true },
        "registrations": [{ "id": SSO, "provider": "oidc", "client_id": CLIENT, "redirect_uri": REDIRECT_URI,
                            "client_auth": "private_key_jwt", "variables": { "issuer": "https://a.example" } }]
    });
    let error = Config::from_json(&text.to_string()).unwrap_err();
    assert_eq!(error.detail(), Some("registrations[0].client_auth needs a private_key"));
    // What only the provider's file tells.
    let at = |provider: &str| {
        let temp = Temp::new();
        let registration = Registration::new(SSO, provider, CLIENT, "https://notes.example/cb").private_key(RSA);
        let registration = if provider == "apple" { registration.variable("team_id", "T") } else { registration };
        let config = Config::builder(temp.store()).plaintext(true).registration(registration).build().unwrap();
        detail(Keyfob::open(config).unwrap_err())
    };
    assert_eq!(at("google"), "private_key is nothing that the provider google takes");
    assert_eq!(at("apple"), "private_key is not for ES256, which the provider wants");
}
