//! Rules of the security checklist (SECURITY.md) that are about a whole login or a whole session, and not about one of its steps. The provider's log is the
//! witness.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use keyfob::{
    Config, EndSession, ErrorKind, Freshness, Keyfob, LoginOptions, MinValidity, Provider, Reason, Registration,
};
use keyfob_idp::{ClientAuth, Endpoint, Fault, LoggedRequest, Rotation};
use serde_json::{Value, json};
use support::{Bench, REDIRECT_URI, SSO, Temp, log_in, parameter, sealed, tamper};

/// The refreshes in the provider's log.
fn refreshes(bench: &Bench) -> Vec<LoggedRequest> {
    let mut requests = bench.requests("/token");
    requests.retain(|request| request.grant_type.as_deref() == Some("refresh_token"));
    requests
}

/// A handle of its own on a store of its own, with these registrations.
fn open(registrations: Vec<Registration>) -> (Keyfob, Temp) {
    let temp = Temp::new();
    let builder = Config::builder(temp.store());
    let builder = registrations.into_iter().fold(builder, keyfob::ConfigBuilder::registration);
    (Keyfob::open(sealed(builder)).unwrap(), temp)
}

#[test]
fn s03_the_verifier_is_43_unreserved_characters_and_never_the_same() {
    let bench = Bench::new(|_| {});
    for _ in 0..20 {
        bench.log_in();
    }
    let sent: Vec<String> =
        bench.requests("/token").iter().map(|request| request.parameter("code_verifier").unwrap().to_owned()).collect();
    for verifier in &sent {
        assert_eq!(verifier.len(), 43, "256 bits in base64url");
        assert!(verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)), "{verifier}");
    }
    assert_eq!(sent.iter().collect::<BTreeSet<_>>().len(), 20);
}

#[test]
fn s04_two_logins_share_neither_state_nor_nonce_nor_challenge() {
    let bench = Bench::new(|_| {});
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        let login = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
        for name in ["state", "nonce", "code_challenge"] {
            assert!(seen.insert(parameter(login.authorization_url(), name).unwrap()), "{name} came twice");
        }
    }
}

#[test]
fn s05_where_nobody_knows_whether_pkce_counts_state_and_nonce_are_sent_and_checked() {
    let bench = Bench::new(|script| {
        script.tamper.discovery = tamper(json!({"remove": ["code_challenge_methods_supported"]}));
    });
    let login = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(parameter(login.authorization_url(), name).unwrap().len(), 43, "{name}");
    }
    let redirect = log_in(login.authorization_url());
    let state = parameter(&redirect, "state").unwrap();
    let error = bench.keyfob.complete_login(&redirect.replace(&state, &"x".repeat(43))).unwrap_err();
    assert_eq!(error.reason(), Reason::StateUnknown);
    assert_eq!(bench.count("/token"), 0);
    bench.keyfob.complete_login(&redirect).unwrap();
}

/// The sources of a folder and those below it, of the library and of its packages; not the tests.
fn sources(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["target", "tests", "test", "Tests", "node_modules"].contains(&&*name) && !name.starts_with('.') {
                sources(&path, into);
            }
        } else if ["rs", "kt", "kts", "swift", "h", "hpp", "xml"]
            .iter()
            .any(|ending| name.ends_with(&format!(".{ending}")))
        {
            into.push((path.clone(), std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// What the library is made of has none of these words, in whatever case.
#[track_caller]
fn no_source_has(words: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut all = Vec::new();
    for folder in ["core/src", "ffi/src", "include", "bindings"] {
        sources(&root.join(folder), &mut all);
    }
    let languages: BTreeSet<_> = all.iter().filter_map(|(path, _)| path.extension()?.to_str()).collect();
    assert!(all.len() > 100 && ["rs", "kt", "swift", "h"].iter().all(|it| languages.contains(it)), "{languages:?}");
    for (path, text) in all {
        let text = text.to_lowercase();
        for word in words {
            assert!(!text.contains(word), "{} has {word}", path.display());
        }
    }
}

#[test]
fn s09_nothing_takes_a_user_s_password_for_a_grant() {
    no_source_has(&[
        "exchange_password",
        "resourceownerpassword",
        "grant_type=password",
        "\"grant_type\", \"password\"",
    ]);
}

#[test]
fn s14_no_page_of_a_provider_is_shown_inside_the_app() {
    no_source_has(&["wkwebview", "uiwebview", "import webkit", "android.webkit", "javafx.scene.web"]);
}

#[test]
fn s10_no_token_stands_in_any_url() {
    let bench = Bench::new(|_| {});
    let login = bench.keyfob.begin_login(SSO, LoginOptions::new().scope("profile")).unwrap();
    let id = bench.keyfob.complete_login(&log_in(login.authorization_url())).unwrap().session().id().to_owned();
    bench.keyfob.profile(&id, Freshness::secs(0)).unwrap();
    bench.keyfob.refresh_session(&id).unwrap();
    // The way of a 401: the profile is asked for with a token that is not good any more, then with another.
    bench.script(|script| script.faults = vec![Fault::on(Endpoint::Userinfo).nth(1).status(401)]);
    bench.keyfob.profile(&id, Freshness::secs(0)).unwrap();
    bench.keyfob.end_session(&id, EndSession::default()).unwrap();

    let requests = bench.idp.requests();
    let mut secrets = BTreeSet::new();
    for request in requests.iter().filter(|request| request.path == "/token") {
        let answer = request.answer_json();
        for name in ["access_token", "refresh_token", "id_token"] {
            secrets.insert(answer[name].as_str().unwrap().to_owned());
        }
        secrets.extend(request.parameter("code_verifier").map(str::to_owned));
    }
    assert_eq!((secrets.len(), bench.count("/userinfo"), bench.count("/revoke")), (10, 3, 1), "all of it was lived");
    for request in &requests {
        let mut url = format!("{}?{:?}", request.path, request.query);
        // Whatever else a header repeats the address in.
        for (name, value) in request.headers.iter().filter(|(name, _)| name != "authorization") {
            url.push_str(&format!("\n{name}: {value}"));
        }
        for secret in &secrets {
            assert!(!url.contains(secret.as_str()), "{} {}", request.method, request.path);
        }
        assert_eq!(request.header("referer"), None);
    }
}

#[test]
fn s11_the_redirect_uri_is_sent_as_it_is_registered_and_only_a_redirect_to_it_counts() {
    // Nothing in it may be written another way: an escape, a case, a default port, a slash at the end.
    let registered = "http://127.0.0.1/call%62ack/Work-SSO?tenant=a%20b";
    let bench = Bench::new(|script| {
        script.registrations[0].redirect_uris = vec![registered.to_owned()];
    });
    let registration =
        Registration::new(SSO, "oidc", "demo", registered).variable("issuer", bench.idp.issuer()).scope("openid");
    let (keyfob, _temp) = open(vec![registration]);
    let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    assert_eq!(parameter(login.authorization_url(), "redirect_uri").as_deref(), Some(registered));
    let redirect = log_in(login.authorization_url());
    assert!(redirect.starts_with(registered));
    for (from, to) in [
        ("Work-SSO?", "Work-SSO/?"),
        ("Work-SSO?", "work-sso?"),
        ("Work-SSO?", "Work-SSO/../Work-SSO2?"),
        ("127.0.0.1/", "127.0.0.1:8080/"),
        ("127.0.0.1/", "127.0.0.2/"),
        ("127.0.0.1/", "user@127.0.0.1/"),
        ("http://", "https://"),
        ("tenant=a%20b&", "tenant=other&"),
        ("tenant=a%20b&", ""),
    ] {
        let wrong = redirect.replacen(from, to, 1);
        assert_ne!(wrong, redirect, "{from}");
        let error = keyfob.complete_login(&wrong).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::RedirectRejected, Reason::RedirectUriMismatch), "{to}");
    }
    assert_eq!(bench.count("/token"), 0);
    keyfob.complete_login(&redirect).unwrap();
    assert_eq!(bench.requests("/token")[0].parameter("redirect_uri"), Some(registered), "the same in both requests");
}

#[test]
fn s17_a_secret_in_an_app_vouches_for_nothing() {
    let bench = Bench::new(|script| {
        let client = keyfob_idp::Registration::new("demo", REDIRECT_URI);
        script.registrations = vec![client.secret(ClientAuth::Basic, "everybody can read it in the app")];
        script.tamper.id_token = tamper(json!({"alg": "HS256", "hmac_key": "client_secret"}));
    });
    let registration = Registration::new(SSO, "oidc", "demo", REDIRECT_URI)
        .client_secret("everybody can read it in the app")
        .variable("issuer", bench.idp.issuer());
    let (keyfob, _temp) = open(vec![registration]);
    let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    assert!(parameter(login.authorization_url(), "code_challenge").is_some(), "PKCE is sent all the same");
    let error = keyfob.complete_login(&log_in(login.authorization_url())).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::TokenRejected, Reason::IdTokenAlgNotAllowed));
}

#[test]
fn s18_no_scope_is_asked_for_that_nobody_named() {
    let bench = Bench::new(|_| {});
    let oidc = |id: &str| Registration::new(id, "oidc", "demo", REDIRECT_URI).variable("issuer", bench.idp.issuer());
    let (keyfob, _temp) = open(vec![oidc("bare").scope("openid"), oidc("default")]);
    let scope = |id: &str, options: LoginOptions| {
        parameter(keyfob.begin_login(id, options).unwrap().authorization_url(), "scope").unwrap()
    };
    assert_eq!(scope("bare", LoginOptions::new()), "openid", "no offline_access, no profile");
    assert_eq!(scope("bare", LoginOptions::new().scope("read")), "openid read");
    assert_eq!(scope("default", LoginOptions::new()), "openid profile email", "as the provider's file says");

    let at = |path: &str| format!("{}{path}", bench.idp.issuer());
    let acme = Provider::oauth2("acme", at("/authorize"), at("/token"), at("/userinfo"), "/sub");
    let temp = Temp::new();
    let builder = Config::builder(temp.store()).provider(acme);
    let keyfob =
        Keyfob::open(sealed(builder.registration(Registration::new("acme", "acme", "demo", REDIRECT_URI)))).unwrap();
    let login = keyfob.begin_login("acme", LoginOptions::new()).unwrap();
    assert_eq!(parameter(login.authorization_url(), "scope"), None);
}

/// A redirect with these parameters in place of its own; `None` takes one out.
fn with(redirect: &str, changes: &[(&str, Option<&str>)]) -> String {
    let mut url = url::Url::parse(redirect).unwrap();
    let changed = |name: &str| changes.iter().any(|(change, _)| *change == name);
    let kept: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(name, _)| !changed(name)).collect();
    let new = changes.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
    url.query_pairs_mut().clear().extend_pairs(kept).extend_pairs(new);
    url.into()
}

#[test]
fn s21_a_code_of_one_provider_is_never_taken_to_another() {
    // The honest one names itself in its redirects (RFC 9207); the other one does not, and has a redirect URI of its own.
    let honest = Bench::new(|_| {});
    let evil_uri = "http://127.0.0.1/callback/evil";
    let evil = Bench::new(|script| {
        script.registrations[0].redirect_uris = vec![evil_uri.to_owned()];
        script.tamper.discovery = tamper(json!({"remove": ["authorization_response_iss_parameter_supported"]}));
        script.tamper.redirect = tamper(json!({"remove": ["iss"]}));
    });
    let registration = |id: &str, bench: &Bench, redirect_uri: &str| {
        Registration::new(id, "oidc", "demo", redirect_uri).variable("issuer", bench.idp.issuer()).scope("openid")
    };
    let (keyfob, _temp) =
        open(vec![registration("honest", &honest, REDIRECT_URI), registration("evil", &evil, evil_uri)]);
    let begin = |id: &str| log_in(keyfob.begin_login(id, LoginOptions::new()).unwrap().authorization_url());
    let (ours, theirs) = (begin("honest"), begin("evil"));
    let state = |redirect: &str| parameter(redirect, "state").unwrap();
    let (honest_state, evil_state) = (state(&ours), state(&theirs));
    let honest_issuer = honest.idp.issuer();
    for (redirect, reason) in [
        // The login was sent to the evil one, the user ended up at the honest one: its code must not go to the evil token endpoint.
        (with(&ours, &[("state", Some(&evil_state))]), Reason::RedirectUriMismatch),
        (with(&theirs, &[("iss", Some(honest_issuer))]), Reason::IssuerMismatch),
        // The evil one's code, in the honest one's login.
        (with(&ours, &[("iss", Some(evil.idp.issuer()))]), Reason::IssuerMismatch),
        (with(&ours, &[("iss", None)]), Reason::IssuerMissing),
        (with(&theirs, &[("state", Some(&honest_state)), ("iss", Some(honest_issuer))]), Reason::RedirectUriMismatch),
    ] {
        let error = keyfob.complete_login(&redirect).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::RedirectRejected, reason));
        assert_eq!((honest.count("/token"), evil.count("/token")), (0, 0));
    }
    keyfob.complete_login(&ours).unwrap();
    assert_eq!((honest.count("/token"), evil.count("/token")), (1, 0));
    keyfob.complete_login(&theirs).unwrap();
    assert_eq!((honest.count("/token"), evil.count("/token")), (1, 1));
}

/// What a hostile provider says: it poses as something else in a terminal, in a dialog and on a page.
const HOSTILE: &str = "CANARY-BODY\u{0}\u{1b}[31m\r\n\u{202e}\u{2066}<script>alert(1)</script>";

#[track_caller]
fn is_tamed(error: &keyfob::Error) {
    let oauth = error.oauth().unwrap();
    for text in [oauth.description().unwrap(), oauth.uri().unwrap()] {
        assert!(
            text.starts_with("CANARY-BODY\u{fffd}\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}\u{fffd}<script>"),
            "{text:?}"
        );
        assert_eq!(text.chars().count(), 500);
    }
    assert_eq!(oauth.code(), "no??t");
    assert!(!format!("{error} {error:?}").contains("CANARY-BODY"));
}

#[test]
fn s30_a_provider_s_words_are_cut_and_tamed_wherever_they_come_from() {
    let bench = Bench::new(|_| {});
    let long = HOSTILE.to_owned() + &"x".repeat(60_000);
    let words = [("error", "no\u{1b}\u{202e}t"), ("error_description", &*long), ("error_uri", &*long), ("code", "")];
    let words = words.map(|(name, value)| (name, Some(value).filter(|value| !value.is_empty())));
    is_tamed(&bench.keyfob.complete_login(&with(&bench.redirect(), &words)).unwrap_err());

    let long = HOSTILE.to_owned() + &"x".repeat(500_000);
    let body = json!({"error": "no\u{1b}\u{202e}t", "error_description": long, "error_uri": long});
    assert!(body.to_string().len() > 1_000_000);
    bench.script(|script| script.faults = vec![Fault::on(Endpoint::Token).process(false).status(400).body(body)]);
    is_tamed(&bench.keyfob.complete_login(&bench.redirect()).unwrap_err());
}

#[test]
fn s37_an_access_token_is_never_looked_into() {
    for token in
        ["eyJhbGciOiJub25lIn0.e30=.%%not;a,token", "eyJhbGciOiJub25lIn0.eyJleHAiOjF9.", "{\"exp\":1}", "..", "0"]
    {
        let bench = Bench::new(|script| {
            script.tamper.token = tamper(json!({"set": {"access_token": token}}));
            script.tamper.id_token = tamper(json!({"remove": ["at_hash"]}));
        });
        let session = bench.log_in();
        assert_eq!(session.provider_access_token(), token);
        assert!(session.provider_access_token_expiry().unwrap() > session.created_at(), "by expires_in alone");
        assert_eq!(bench.keyfob.access_token(session.id(), MinValidity::default()).unwrap().secret(), token);
        // This provider does not know it: what counts is what it was shown.
        bench.keyfob.profile(session.id(), Freshness::secs(0)).unwrap_err();
        let bearer = format!("Bearer {token}");
        assert_eq!(bench.requests("/userinfo")[0].header("authorization"), Some(bearer.as_str()));
    }
}

#[test]
fn s39_a_refresh_asks_for_no_more_than_was_granted() {
    for repeats in [false, true] {
        let bench = Bench::new(|script| script.tokens.grant_scopes = Some(vec!["openid".to_owned()]));
        let provider = json!({
            "id": "acme", "kind": "oidc", "issuer": bench.idp.issuer(), "profile": { "uid": "/sub" },
            "token_request": { "scope_on_refresh": repeats }
        });
        let temp = Temp::new();
        let registration = Registration::new(SSO, "acme", "demo", REDIRECT_URI).scope("openid").scope("email");
        let builder = Config::builder(temp.store()).provider(Provider::from_json(&provider.to_string()).unwrap());
        let keyfob = Keyfob::open(sealed(builder.registration(registration))).unwrap();
        let login = keyfob.begin_login(SSO, LoginOptions::new().scope("profile")).unwrap();
        assert_eq!(parameter(login.authorization_url(), "scope").unwrap(), "openid email profile");
        let session = keyfob.complete_login(&log_in(login.authorization_url())).unwrap().into_session();
        assert_eq!(session.scopes(), ["openid"]);
        for _ in 0..2 {
            keyfob.refresh_session(session.id()).unwrap();
        }
        for refresh in refreshes(&bench) {
            assert_eq!(refresh.parameter("scope"), repeats.then_some("openid"));
        }
        assert_eq!(refreshes(&bench).len(), 2);
    }
}

#[test]
fn s62_each_refresh_token_is_used_once_where_they_rotate_and_for_ever_where_they_do_not() {
    for rotation in [Rotation::SingleUse, Rotation::None] {
        let bench = Bench::new(|script| script.tokens.rotation = rotation);
        let session = bench.log_in();
        let mut expected = vec![session.provider_refresh_token().unwrap().to_owned()];
        for round in 0..6 {
            // Whichever process it is: the token is that of the last answer.
            let other = bench.another();
            let keyfob = if round % 2 == 0 { &other } else { &bench.keyfob };
            keyfob.refresh_session(session.id()).unwrap();
            let answer: Value = refreshes(&bench).pop().unwrap().answer_json();
            let next = answer["refresh_token"].as_str().unwrap_or(&expected[round]).to_owned();
            assert_eq!(next != expected[round], rotation == Rotation::SingleUse);
            expected.push(next);
        }
        let sent = refreshes(&bench);
        assert!(sent.iter().all(|request| !request.reused));
        let sent: Vec<&str> = sent.iter().map(|request| request.parameter("refresh_token").unwrap()).collect();
        assert_eq!(sent, expected[..6]);
        assert_eq!(
            bench.keyfob.session(session.id()).unwrap().provider_refresh_token(),
            expected.last().map(String::as_str)
        );
    }
}
