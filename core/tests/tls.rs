//! TLS to a provider whose certificate is wrong, through a proxy and without one; the app's name on the wire.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

#[path = "support/proxy.rs"]
mod proxy;
mod support;

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use keyfob::{
    Config, ConfigBuilder, EndSession, ErrorKind, Freshness, HttpRequest, HttpResponse, Keyfob, LoginOptions, Reason,
    Sent, SessionState, Transport, TransportError, TransportFailure,
};
use keyfob_idp::{Certificate, Close, Endpoint, Fault, Idp, Script};
use proxy::{Manner, Proxy};
use support::{Bench, SSO, Temp, builder, elsewhere, log_in, sealed};

const BAD: [(Certificate, Reason); 4] = [
    (Certificate::Expired, Reason::TlsExpired),
    (Certificate::NotYetValid, Reason::TlsNotYetValid),
    (Certificate::SelfSigned, Reason::TlsUnknownIssuer),
    (Certificate::WrongHost, Reason::TlsWrongHost),
];

/// A provider over TLS and a store.
struct Secure {
    idp: Idp,
    temp: Temp,
}

impl Secure {
    fn new() -> Self {
        Self { idp: Idp::start_tls(Script::default()).unwrap(), temp: Temp::new() }
    }

    /// What trusts the provider's authority.
    fn builder(&self) -> ConfigBuilder {
        let builder = builder(self.idp.issuer(), &self.temp.store()).coherence(Duration::ZERO);
        builder.ca_certificates(self.idp.ca_certificate().unwrap())
    }

    /// A handle with no connection open yet.
    fn open(&self, change: impl FnOnce(ConfigBuilder) -> ConfigBuilder) -> Keyfob {
        Keyfob::open(elsewhere(sealed(change(self.builder())))).unwrap()
    }

    fn shows(&self, certificate: Certificate) {
        self.script(|script| script.tls.certificate = certificate);
    }

    fn script(&self, change: impl FnOnce(&mut Script)) {
        let mut script = self.idp.script();
        change(&mut script);
        self.idp.set_script(script).unwrap();
    }

    fn count(&self, path: &str) -> usize {
        self.idp.requests().iter().filter(|request| request.path == path).count()
    }
}

#[test]
fn s72_a_bad_certificate_is_named_nothing_is_sent_and_a_good_one_goes_on() {
    for (certificate, reason) in BAD {
        let secure = Secure::new();
        let is_refused = |error: keyfob::Error, requests: usize| {
            assert_eq!((error.kind(), error.reason()), (ErrorKind::Tls, reason), "{error}");
            assert_eq!(secure.idp.requests().len(), requests, "{certificate:?}");
        };
        // The login's beginning.
        secure.shows(certificate);
        is_refused(secure.open(|builder| builder).begin_login(SSO, LoginOptions::new()).map(|_| ()).unwrap_err(), 0);
        secure.shows(Certificate::Good);
        let login = secure.open(|builder| builder).begin_login(SSO, LoginOptions::new()).unwrap();
        let redirect = log_in(login.authorization_url());
        // Its completion, and then it goes on.
        let requests = secure.idp.requests().len();
        secure.shows(certificate);
        is_refused(secure.open(|builder| builder).complete_login(&redirect).map(|_| ()).unwrap_err(), requests);
        secure.shows(Certificate::Good);
        let session = secure.open(|builder| builder).complete_login(&redirect).unwrap().into_session();
        // A refresh, which costs the session nothing.
        let requests = secure.idp.requests().len();
        secure.shows(certificate);
        let keyfob = secure.open(|builder| builder);
        is_refused(keyfob.refresh_session(session.id()).map(|_| ()).unwrap_err(), requests);
        assert_eq!(keyfob.session(session.id()).unwrap().state(), SessionState::Active);
    }
}

#[test]
fn s72_without_the_configuration_s_authority_its_certificates_have_an_unknown_issuer() {
    let secure = Secure::new();
    let keyfob = Keyfob::open(sealed(builder(secure.idp.issuer(), &secure.temp.store()))).unwrap();
    let error = keyfob.begin_login(SSO, LoginOptions::new()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Tls, Reason::TlsUnknownIssuer));
    assert_eq!(secure.idp.requests().len(), 0);
}

#[test]
fn everything_goes_through_the_configured_proxy_and_says_who_the_app_is() {
    let secure = Secure::new();
    let proxy = Proxy::start();
    let keyfob = secure.open(|builder| builder.proxy(proxy.url("ada:love%40lace@")).user_agent("Notes/1.2"));
    let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    let redirect = log_in(login.authorization_url());
    let session = keyfob.complete_login(&redirect).unwrap().into_session();
    keyfob.refresh_session(session.id()).unwrap();
    keyfob.profile(session.id(), Freshness::secs(0)).unwrap();
    keyfob.end_session(session.id(), EndSession::default()).unwrap();

    let named = concat!("Notes/1.2 keyfob/", env!("CARGO_PKG_VERSION"));
    for path in ["/.well-known/openid-configuration", "/jwks", "/token", "/userinfo", "/revoke"] {
        let requests = secure.idp.requests();
        let mut ours = requests.iter().filter(|request| request.path == path).peekable();
        assert!(ours.peek().is_some(), "{path}");
        for request in ours {
            let names: Vec<_> = request.headers.iter().filter(|(name, _)| name == "user-agent").collect();
            assert_eq!(names, [&("user-agent".to_owned(), named.to_owned())], "{path}");
        }
    }
    let heard = proxy.heard();
    assert!(!heard.is_empty());
    let target = secure.idp.issuer().strip_prefix("https://").unwrap();
    let credentials = BASE64_STANDARD.encode("ada:love@lace");
    for head in heard {
        assert!(head.starts_with(&format!("CONNECT {target} HTTP/1.1\r\n")), "{head}");
        assert!(head.contains(&format!("\r\nProxy-Authorization: Basic {credentials}\r\n")), "{head}");
        assert!(head.contains(&format!("\r\nUser-Agent: {named}\r\n")), "{head}");
    }
}

#[test]
fn a_proxy_that_fails_is_said_to_and_costs_nothing() {
    logging::start();
    let secure = Secure::new();
    let proxy = Proxy::start();
    let url = proxy.url("ada:CANARY@");
    let open = || {
        secure.open(|builder| builder.proxy(&*url).http_timeouts(Duration::from_millis(500), Duration::from_secs(10)))
    };
    for (manner, reason, words) in [
        (Manner::Refuse(407), Reason::Proxy, "(407)"),
        (Manner::Refuse(502), Reason::Proxy, "the proxy refused the connection"),
        (Manner::Close, Reason::Proxy, "the proxy closed the connection"),
        (Manner::Babble, Reason::Proxy, "the proxy does not answer in HTTP"),
        (Manner::Hang, Reason::ConnectTimeout, "no connection through the proxy in time"),
    ] {
        proxy.set(manner);
        let error = open().begin_login(SSO, LoginOptions::new()).map(|_| ()).unwrap_err();
        assert_eq!(error.reason(), reason, "{manner:?}: {error}");
        assert!(error.is_retryable() && error.detail().unwrap().contains(words), "{manner:?}: {error}");
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{error}");
    }
    assert_eq!(secure.idp.requests().len(), 0);
    // Nobody listens there.
    let nowhere = secure.open(|builder| builder.proxy("http://ada:CANARY@127.0.0.1:1"));
    let error = nowhere.begin_login(SSO, LoginOptions::new()).map(|_| ()).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Network, Reason::Proxy));

    // A login and a session stand it.
    proxy.set(Manner::Connect);
    let redirect = log_in(open().begin_login(SSO, LoginOptions::new()).unwrap().authorization_url());
    proxy.set(Manner::Refuse(502));
    assert_eq!(open().complete_login(&redirect).map(|_| ()).unwrap_err().reason(), Reason::Proxy);
    assert_eq!(secure.count("/token"), 0);
    proxy.set(Manner::Connect);
    let session = open().complete_login(&redirect).unwrap().into_session();
    proxy.set(Manner::Close);
    let keyfob = open();
    assert_eq!(keyfob.refresh_session(session.id()).unwrap_err().reason(), Reason::Proxy);
    assert_eq!(keyfob.session(session.id()).unwrap().state(), SessionState::Active);
    assert_eq!(secure.count("/token"), 1);

    let logged = logging::stop();
    assert!(logged.contains("ureq"), "the log was heard: {logged}");
    for secret in ["CANARY", &BASE64_STANDARD.encode("ada:CANARY")] {
        assert!(!logged.contains(secret), "{secret} in the log");
    }
}

#[test]
fn behind_a_proxy_too_a_certificate_is_the_provider_s_and_sent_is_what_reached_it() {
    let secure = Secure::new();
    let proxy = Proxy::start();
    let open = || secure.open(|builder| builder.proxy(proxy.url("")));
    for (certificate, reason) in BAD {
        secure.shows(certificate);
        let error = open().begin_login(SSO, LoginOptions::new()).map(|_| ()).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Tls, reason));
    }
    assert_eq!(secure.idp.requests().len(), 0);
    secure.shows(Certificate::Good);
    let redirect = log_in(open().begin_login(SSO, LoginOptions::new()).unwrap().authorization_url());
    secure.script(|script| script.faults = vec![Fault::on(Endpoint::Token).close(Close::BeforeHeaders)]);
    assert_eq!(open().complete_login(&redirect).map(|_| ()).unwrap_err().reason(), Reason::CodeExchangeInDoubt);
    assert_eq!(secure.count("/token"), 1);
}

#[test]
fn plain_http_to_this_machine_goes_through_no_proxy() {
    let bench = Bench::new(|_| {});
    let proxy = Proxy::start();
    let temp = Temp::new();
    let keyfob = Keyfob::open(sealed(builder(bench.idp.issuer(), &temp.store()).proxy(proxy.url("")))).unwrap();
    let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    keyfob.complete_login(&log_in(login.authorization_url())).unwrap();
    assert!(proxy.heard().is_empty());
}

/// What the test below runs in a process of its own, whose environment names a proxy.
#[test]
#[expect(clippy::disallowed_methods, reason = "how a test tells the process that it starts where to go")]
fn in_the_environment_of_a_proxy() {
    let Ok(issuer) = std::env::var("KEYFOB_TEST_ISSUER") else {
        return;
    };
    let temp = Temp::new();
    let mut config = builder(&issuer, &temp.store());
    if let Ok(proxy) = std::env::var("KEYFOB_TEST_PROXY") {
        config = config.proxy(proxy);
    }
    let config = config.http_timeouts(Duration::from_secs(5), Duration::from_secs(5));
    let begun =
        Keyfob::open(sealed(config)).and_then(|keyfob| keyfob.begin_login(SSO, LoginOptions::new()).map(|_| ()));
    println!("<{}>", begun.map_or_else(|error| error.reason().name(), |()| "begun"));
}

/// What a process says that runs the test above.
fn child(issuer: &str, setting: Option<&str>, environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "in_the_environment_of_a_proxy", "--nocapture"]);
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    command.env("KEYFOB_TEST_ISSUER", issuer).envs(setting.map(|setting| ("KEYFOB_TEST_PROXY", setting)));
    let output = command.envs(environment.iter().copied()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = text.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    said.unwrap().0.to_owned()
}

#[test]
fn the_environment_s_proxy_counts_where_the_configuration_says_so_and_not_for_this_machine() {
    let proxy = Proxy::start();
    proxy.set(Manner::Refuse(502));
    let url = proxy.url("");
    let elsewhere = "https://idp.invalid";
    let environment = [("HTTPS_PROXY", url.as_str())];
    assert_eq!(child(elsewhere, Some("environment"), &environment), "Proxy");
    assert!(proxy.heard().last().unwrap().starts_with("CONNECT idp.invalid:443 "));
    let heard = proxy.heard().len();
    assert_eq!(child(elsewhere, None, &environment), "NotSent", "not asked for");
    assert_eq!(child(elsewhere, Some("environment"), &[environment[0], ("NO_PROXY", "invalid")]), "NotSent");
    assert_eq!(child(elsewhere, Some("environment"), &[("HTTPS_PROXY", "socks5://x")]), "InvalidConfiguration");
    let secure = Secure::new();
    assert_eq!(child(secure.idp.issuer(), Some("environment"), &environment), "TlsUnknownIssuer");
    assert_eq!(proxy.heard().len(), heard);
}

/// A host's transport that notes the headers of what it is given, and sends nothing.
#[derive(Default)]
struct Noting(Mutex<Vec<(String, String)>>);

impl Transport for Noting {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        self.0.lock().unwrap().extend(request.headers().iter().cloned());
        Err(TransportError::new(Sent::NotSent, TransportFailure::CertificateRevoked, "noted"))
    }
}

#[test]
fn a_host_s_transport_gets_the_app_s_name_and_may_name_what_tls_found() {
    let names = |change: fn(ConfigBuilder) -> ConfigBuilder| {
        let temp = Temp::new();
        let noting = Arc::new(Noting::default());
        let config: Config = sealed(change(builder("https://idp.example", &temp.store())));
        let keyfob = Keyfob::open(config.with_transport(noting.clone())).unwrap();
        let error = keyfob.begin_login(SSO, LoginOptions::new()).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Tls, Reason::TlsRevoked));
        let headers = noting.0.lock().unwrap();
        let named = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("user-agent"));
        named.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        names(|builder| builder.user_agent("Notes/1.2")),
        [concat!("Notes/1.2 keyfob/", env!("CARGO_PKG_VERSION"))]
    );
    assert!(names(|builder| builder).is_empty());
}

/// Every line that any crate logs while a test listens.
mod logging {
    use std::sync::Mutex;

    use log::{LevelFilter, Log, Metadata, Record};

    struct Lines;

    static LINES: Mutex<String> = Mutex::new(String::new());

    impl Log for Lines {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &Record<'_>) {
            LINES.lock().unwrap().push_str(&format!("{} {}\n", record.target(), record.args()));
        }

        fn flush(&self) {}
    }

    pub(crate) fn start() {
        log::set_logger(&Lines).unwrap();
        // Below it ureq prints what it sends, as SECURITY.md says.
        log::set_max_level(LevelFilter::Debug);
    }

    pub(crate) fn stop() -> String {
        std::mem::take(&mut LINES.lock().unwrap())
    }
}
