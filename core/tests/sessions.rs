//! What a session gives, how it ends at the provider, and how it comes over from another library.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use keyfob::{
    Clock as _, Config, EndSession, ErrorKind, Executor, Freshness, ImportedTokens, Keyfob, LoginOptions, Loopback,
    MinValidity, Reason, Registration, Revocation, SessionState, SystemClock,
};
use keyfob_idp::{Endpoint, Fault, Idp, Script};
use serde_json::{Value, json};
use support::{Bench, REDIRECT_URI, SSO, Temp, config, log_in, parameter, tamper};

fn refreshes(bench: &Bench) -> usize {
    bench.requests("/token").iter().filter(|request| request.grant_type.as_deref() == Some("refresh_token")).count()
}

#[test]
fn a_session_gives_the_id_token_its_claims_and_what_else_the_token_answer_had() {
    let bench = Bench::new(|script| {
        script.tamper.token = tamper(json!({"set": {"instance_url": "https://eu1.example.com", "n": 7}}));
    });
    let session = bench.log_in();
    let answer = bench.requests("/token")[0].answer_json();
    assert_eq!(session.id_token().unwrap(), answer["id_token"]);
    let claims: Value = serde_json::from_str(&session.id_token_claims_json().unwrap()).unwrap();
    assert_eq!((&claims["sub"], &claims["iss"]), (&json!("u-1"), &json!(bench.idp.issuer())));
    let other: Value = serde_json::from_str(&session.token_answer_json()).unwrap();
    assert_eq!(other, json!({"instance_url": "https://eu1.example.com", "n": 7}));
    // Both stay with the session after a refresh and in another process.
    bench.keyfob.refresh_session(session.id()).unwrap();
    assert!(bench.another().session(session.id()).unwrap().id_token().is_some());
}

#[test]
fn the_401_path_refreshes_once_however_many_were_refused() {
    let bench = Bench::new(|script| script.tokens.access_token_seconds = 3600.0);
    let session = bench.log_in();
    let refused = session.provider_access_token().to_owned();
    bench.script(|script| script.faults = vec![Fault::on(Endpoint::Token).delay(0.2)]);
    let start = Barrier::new(16);
    let tokens: Vec<String> = std::thread::scope(|scope| {
        let ask = || {
            start.wait();
            bench.keyfob.refresh_if_current(session.id(), &refused).unwrap().secret().to_owned()
        };
        let all: Vec<_> = (0..16).map(|_| scope.spawn(ask)).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(tokens.iter().all(|token| *token == tokens[0] && *token != refused));
    // Late ones, with the token of long ago, cost nothing; another process's neither.
    assert_eq!(bench.keyfob.refresh_if_current(session.id(), &refused).unwrap().secret(), tokens[0]);
    assert_eq!(bench.another().refresh_if_current(session.id(), &refused).unwrap().secret(), tokens[0]);
    assert_eq!(refreshes(&bench), 1);
}

#[test]
fn logging_out_revokes_the_refresh_token_at_the_provider() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    let ended = bench.keyfob.end_session(session.id(), EndSession::default()).unwrap();
    assert!(matches!(ended.revocation(), Revocation::Done), "{ended:?}");
    let request = &bench.requests("/revoke")[0];
    assert_eq!(request.parameter("token"), session.provider_refresh_token());
    assert_eq!(request.parameter("token_type_hint"), Some("refresh_token"));
    assert_eq!(request.parameter("client_id"), Some("demo"));
    // Really dead there.
    let body =
        format!("grant_type=refresh_token&client_id=demo&refresh_token={}", session.provider_refresh_token().unwrap());
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("{}/token", bench.idp.issuer());
    let answer = agent.post(&url).content_type("application/x-www-form-urlencoded").send(body).unwrap();
    assert_eq!(answer.status(), 400);
    // Again: nothing is left to revoke.
    let again = bench.keyfob.end_session(session.id(), EndSession::default()).unwrap();
    assert!(matches!(again.revocation(), Revocation::NotAsked));
    assert_eq!(bench.count("/revoke"), 1);
}

#[test]
fn s63_a_logout_holds_whatever_the_provider_says() {
    for (fault, kind) in [
        (Fault::on(Endpoint::Revoke).status(503), Some(ErrorKind::Network)),
        (
            Fault::on(Endpoint::Revoke).status(400).body(json!({"error": "invalid_client"})),
            Some(ErrorKind::Configuration),
        ),
        (Fault::on(Endpoint::Revoke).status(400).body(json!({"error": "unsupported_token_type"})), None),
        (
            Fault::on(Endpoint::Revoke).status(302).header("Location", "http://127.0.0.1:1/"),
            Some(ErrorKind::BadResponse),
        ),
        (Fault::on(Endpoint::Revoke).close(keyfob_idp::Close::BeforeHeaders), Some(ErrorKind::Network)),
    ] {
        let bench = Bench::new(|script| script.faults = vec![fault.clone()]);
        let session = bench.log_in();
        let ended = bench.keyfob.end_session(session.id(), EndSession::default()).unwrap();
        match (ended.revocation(), kind) {
            (Revocation::Failed(error), Some(kind @ ErrorKind::Configuration)) => {
                assert_eq!(error.kind(), kind, "{error}");
            }
            (Revocation::Owed(error), Some(kind)) => assert_eq!(error.kind(), kind, "{error}"),
            (Revocation::NotSupported, None) => {}
            (other, _) => panic!("{other:?}"),
        }
        assert!(bench.keyfob.sessions().unwrap().is_empty());
        assert_eq!(
            bench.keyfob.access_token(session.id(), MinValidity::default()).unwrap_err().reason(),
            Reason::LoggedOut
        );
        assert_eq!(bench.count("/revoke"), 1);
    }
}

#[test]
fn after_a_logout_no_token_is_left_in_the_store() {
    // In plaintext, so that the search can see.
    let bench = Bench::plain();
    let session = bench.log_in();
    let old = session.provider_refresh_token().unwrap().to_owned();
    let new = bench.keyfob.refresh_session(session.id()).unwrap();
    let secrets =
        [old.as_str(), new.provider_refresh_token().unwrap(), new.provider_access_token(), new.id_token().unwrap()];
    let found = || {
        let files =
            std::fs::read_dir(bench.temp.store()).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
        let all: Vec<u8> = files.flatten().collect();
        secrets.iter().filter(|secret| all.windows(secret.len()).any(|window| window == secret.as_bytes())).count()
    };
    assert!(found() >= 3, "the search can see");
    bench.keyfob.end_session(session.id(), EndSession::local_only()).unwrap();
    assert_eq!(found(), 0);
}

#[test]
fn s64_the_logout_url_carries_what_the_provider_needs_and_is_not_printed() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    let options = EndSession::default().post_logout_redirect_uri("com.example.notes:/bye");
    let ended = bench.keyfob.end_session(session.id(), options).unwrap();
    let url = ended.logout_url().unwrap();
    assert!(url.starts_with(&format!("{}/logout?", bench.idp.issuer())));
    assert_eq!(parameter(url, "id_token_hint").unwrap(), session.id_token().unwrap());
    assert_eq!(parameter(url, "client_id").unwrap(), "demo");
    assert_eq!(parameter(url, "post_logout_redirect_uri").unwrap(), "com.example.notes:/bye");
    assert!(!format!("{ended:?}").contains(session.id_token().unwrap()));
}

#[test]
fn s64_the_browser_comes_back_from_the_logout_page_with_the_state_of_its_logout() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    let id = session.id();
    const BYE: &str = "com.example.notes:/bye?from=keyfob";
    let log_out = |options: EndSession| bench.keyfob.end_session(id, options);
    let refused = |redirect: &str| bench.keyfob.complete_logout(redirect).unwrap_err().reason();

    for wrong in ["bye", "https://app.example/bye#top", ""] {
        let error = log_out(EndSession::default().post_logout_redirect_uri(wrong)).unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidArgument, "{wrong}");
        assert!(bench.keyfob.access_token(id, MinValidity::default()).is_ok(), "nothing has ended");
    }
    let ended = log_out(EndSession::default().post_logout_redirect_uri(BYE)).unwrap();
    let url = ended.logout_url().unwrap();
    let state = parameter(url, "state").unwrap();
    assert!(state.len() >= 43, "256 random bits");
    // Nothing stands in the store that a reader could come back with.
    let written =
        std::fs::read_dir(bench.temp.store()).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let written: Vec<u8> = written.flatten().collect();
    assert!(!written.windows(state.len()).any(|window| window == state.as_bytes()));

    // Another process takes the redirect, the process that ended the session is gone; twice, as an activity that is made again does.
    let redirect = format!("{BYE}&state={state}");
    let another = bench.another();
    for _ in 0..2 {
        let done = another.complete_logout(&redirect).unwrap();
        assert_eq!((done.session_id(), done.registration()), (id, SSO));
    }
    assert_eq!(refused(&format!("com.example.notes:/elsewhere?state={state}")), Reason::RedirectUriMismatch);
    assert_eq!(refused(&format!("com.example.notes:/bye?state={state}")), Reason::RedirectUriMismatch);
    assert_eq!(refused(&format!("{redirect}&state={state}")), Reason::DuplicateParameter);
    assert_eq!(refused(BYE), Reason::LogoutStateMismatch);
    assert_eq!(refused(&format!("{BYE}&state=other")), Reason::LogoutStateMismatch);
    // The state of a login is none of a logout.
    let login = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    let of_login = parameter(login.authorization_url(), "state").unwrap();
    assert_eq!(refused(&format!("{BYE}&state={of_login}")), Reason::LogoutStateMismatch);
    assert_eq!(bench.keyfob.complete_login(&redirect).unwrap_err().reason(), Reason::StateUnknown);

    // Without a place to come back to there is nothing to know it by.
    let session = bench.log_in();
    let ended = bench.keyfob.end_session(session.id(), EndSession::default()).unwrap();
    assert_eq!(parameter(ended.logout_url().unwrap(), "state"), None);

    bench.clock.pass(Duration::from_secs(86_399));
    assert!(bench.keyfob.complete_logout(&redirect).is_ok());
    bench.clock.pass(Duration::from_secs(1));
    assert_eq!(refused(&redirect), Reason::LogoutStateMismatch);
}

#[test]
fn a_local_logout_asks_nobody_however_old_the_metadata_is() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    bench.clock.pass(Duration::from_secs(7200));
    bench.idp.clear_requests();
    let ended = bench.keyfob.end_session(session.id(), EndSession::local_only()).unwrap();
    assert_eq!(bench.idp.requests().len(), 0);
    assert!(matches!(ended.revocation(), Revocation::NotAsked));
    assert!(ended.logout_url().is_some(), "from the metadata that is there");
}

#[test]
fn a_confidential_client_authenticates_the_one_way_that_it_is_registered_for() {
    use keyfob_idp::ClientAuth;
    for (way, post) in [(ClientAuth::Basic, false), (ClientAuth::Post, true)] {
        let bench = Bench::new(|script| {
            let client = keyfob_idp::Registration::new("conf:id", REDIRECT_URI).secret(way, "s e&c+r%e:t");
            script.registrations.push(client);
        });
        let mut registration = Registration::new("conf", "oidc", "conf:id", REDIRECT_URI)
            .client_secret("s e&c+r%e:t")
            .variable("issuer", bench.idp.issuer());
        if post {
            registration = registration.client_secret_post();
        }
        let temp = Temp::new();
        let config = Config::builder(temp.store()).plaintext(true).registration(registration).build().unwrap();
        let keyfob = Keyfob::open(config).unwrap();
        let login = keyfob.begin_login("conf", LoginOptions::new()).unwrap();
        let session = keyfob.complete_login(&log_in(login.authorization_url())).unwrap().into_session();
        keyfob.refresh_session(session.id()).unwrap();
        assert!(matches!(
            keyfob.end_session(session.id(), EndSession::default()).unwrap().revocation(),
            Revocation::Done
        ));
        for request in bench.requests("/token").iter().chain(&bench.requests("/revoke")) {
            assert_eq!(request.header("authorization").is_some(), !post, "security S32");
            assert_eq!(request.parameter("client_secret").is_some(), post);
        }
    }
}

#[test]
fn a_profile_that_did_not_change_is_not_sent_again() {
    let bench = Bench::new(|script| script.userinfo_etag = true);
    let session = bench.log_in();
    let ask = || bench.keyfob.profile(session.id(), Freshness::secs(0)).unwrap();
    ask();
    ask();
    let answered: Vec<u16> = bench.requests("/userinfo").iter().filter_map(|request| request.status).collect();
    assert_eq!(answered, [200, 304]);
    assert!(bench.requests("/userinfo")[1].header("if-none-match").is_some());
    bench.script(|script| drop(script.users[0].claims.insert("email".to_owned(), "new@example.com".into())));
    assert_eq!(ask().email(), Some("new@example.com"));
    assert_eq!(bench.requests("/userinfo")[2].status, Some(200));
}

#[test]
fn a_session_of_another_library_is_taken_over_without_a_login() {
    let old = Bench::new(|_| {});
    let session = old.log_in();
    let temp = Temp::new();
    let keyfob = Keyfob::open(config(old.idp.issuer(), &temp.store())).unwrap();
    let tokens = ImportedTokens::new(SSO, "u-1")
        .refresh_token(session.provider_refresh_token().unwrap())
        .scope("openid")
        .scope("email");
    assert!(!format!("{tokens:?}").contains(session.provider_refresh_token().unwrap()));
    old.idp.clear_requests();
    let imported = keyfob.import_session(tokens).unwrap();
    assert_eq!(old.idp.requests().len(), 0);
    assert_eq!((imported.provider_uid(), imported.state()), ("u-1", SessionState::Active));
    assert_eq!(keyfob.current_session().unwrap().unwrap().id(), imported.id());
    let token = keyfob.access_token(imported.id(), MinValidity::default()).unwrap();
    assert!(!token.secret().is_empty());
    assert_eq!(keyfob.profile(imported.id(), Freshness::default()).unwrap().email(), Some("ada@example.com"));
    // The user logs in here some day: still the same session.
    let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    let done = keyfob.complete_login(&log_in(login.authorization_url())).unwrap();
    assert_eq!(done.session().id(), imported.id());
}

#[test]
fn imported_tokens_of_somebody_else_are_found_out_at_the_first_refresh() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    let temp = Temp::new();
    let keyfob = Keyfob::open(config(bench.idp.issuer(), &temp.store())).unwrap();
    let tokens = ImportedTokens::new(SSO, "u-2").refresh_token(session.provider_refresh_token().unwrap());
    let imported = keyfob.import_session(tokens).unwrap();
    let error = keyfob.access_token(imported.id(), MinValidity::default()).unwrap_err();
    assert_eq!(error.reason(), Reason::IdentityMismatch);
    for nothing in [ImportedTokens::new(SSO, "u-1"), ImportedTokens::new(SSO, "").refresh_token("x")] {
        assert_eq!(keyfob.import_session(nothing).unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
    let late = SystemClock::new().wall() - Duration::from_secs(5);
    let over = ImportedTokens::new(SSO, "u-3").access_token("gone", Some(late));
    let over = keyfob.import_session(over).unwrap();
    assert_eq!(keyfob.access_token(over.id(), MinValidity::default()).unwrap_err().reason(), Reason::Expired);
}

#[test]
fn one_name_at_two_issuers_is_two_people() {
    let bench = Bench::new(|_| {});
    let elsewhere = Idp::start(Script::default()).unwrap();
    let here = bench.log_in();
    let keyfob = Keyfob::open(config(elsewhere.issuer(), &bench.temp.store())).unwrap();
    let login = keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    let there = keyfob.complete_login(&log_in(login.authorization_url())).unwrap().into_session();
    assert_eq!(here.provider_uid(), there.provider_uid());
    assert_ne!(here.id(), there.id());
    // And the refresh token of the one is not sent to the other (security S61).
    let before = elsewhere.requests().len();
    let error = keyfob.refresh_session(here.id()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(elsewhere.requests().len(), before);
}

/// Runs what it is given when told to.
#[derive(Default)]
struct Later(Mutex<Vec<Box<dyn FnOnce() + Send>>>);

impl Executor for Later {
    fn execute(&self, work: Box<dyn FnOnce() + Send>) {
        self.0.lock().unwrap().push(work);
    }
}

#[test]
fn an_early_refresh_is_the_executor_s_and_keeps_no_caller() {
    let bench = Bench::new(|script| script.tokens.access_token_seconds = 3600.0);
    let session = bench.log_in();
    let later = Arc::new(Later::default());
    let own = config(bench.idp.issuer(), &bench.temp.store()).with_clock(bench.clock.clone());
    let keyfob = Keyfob::open(own.with_executor(later.clone())).unwrap();
    bench.clock.pass(Duration::from_secs(3600 - 120));
    for _ in 0..5 {
        let token = keyfob.access_token(session.id(), MinValidity::secs(60)).unwrap();
        assert_eq!(token.secret(), session.provider_access_token());
    }
    assert_eq!((later.0.lock().unwrap().len(), refreshes(&bench)), (1, 0), "one errand, however many asked");
    let work = later.0.lock().unwrap().pop().unwrap();
    std::thread::spawn(work).join().unwrap();
    assert_eq!(refreshes(&bench), 1);
    let token = keyfob.access_token(session.id(), MinValidity::secs(60)).unwrap();
    assert_ne!(token.secret(), session.provider_access_token());
    // Work that the host drops is asked for again.
    bench.clock.pass(Duration::from_secs(3600 - 120));
    keyfob.access_token(session.id(), MinValidity::secs(60)).unwrap();
    drop(later.0.lock().unwrap().pop().unwrap());
    keyfob.access_token(session.id(), MinValidity::secs(60)).unwrap();
    assert_eq!(later.0.lock().unwrap().len(), 1);
    later.0.lock().unwrap().clear();
}

#[test]
fn thirty_two_threads_and_twenty_sessions_at_once_end_up_as_the_provider_says() {
    let bench = Bench::new(|script| {
        script.tokens.access_token_seconds = 0.5;
        script.users = (0..20)
            .map(|number| {
                keyfob_idp::User::new(&format!("user{number}"), "pw", &format!("u-{number}"))
                    .claim("email", "x@example.com")
            })
            .collect();
    });
    let sessions: Vec<_> = (0..20)
        .map(|number| {
            let login = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
            let redirect =
                keyfob_idp::browser::log_in(login.authorization_url(), &format!("user{number}"), "pw").unwrap();
            bench.keyfob.complete_login(&redirect).unwrap().into_session()
        })
        .collect();
    std::thread::scope(|scope| {
        for thread in 0..32_usize {
            let (bench, sessions) = (&bench, &sessions);
            scope.spawn(move || {
                for round in 0..20_usize {
                    let number = (thread * 7 + round * 3) % sessions.len();
                    let id = sessions[number].id();
                    // The first five are logged out along the way; the others have to live.
                    let outcome = match (thread + round) % 5 {
                        0 if number < 5 => bench.keyfob.end_session(id, EndSession::default()).map(drop),
                        0 | 1 => bench.keyfob.access_token(id, MinValidity::secs(0)).map(drop),
                        2 => bench.keyfob.refresh_session(id).map(drop),
                        3 => bench.keyfob.profile(id, Freshness::secs(0)).map(drop),
                        _ => bench.keyfob.sessions().map(drop),
                    };
                    if let Err(error) = outcome {
                        assert!(number < 5 && error.reason() == Reason::LoggedOut, "{number}: {error}");
                    }
                }
            });
        }
    });
    for (number, session) in sessions.iter().enumerate() {
        let now = bench.keyfob.session(session.id()).unwrap();
        if now.state() == SessionState::Active {
            let good = bench.keyfob.access_token(session.id(), MinValidity::secs(0)).unwrap();
            let url = format!("{}/userinfo", bench.idp.issuer());
            let mut answer =
                ureq::get(&url).header("Authorization", format!("Bearer {}", good.secret())).call().unwrap();
            let claims: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
            assert_eq!(claims["sub"], format!("u-{number}"));
        } else {
            assert!(number < 5);
        }
    }
    // Nobody ever sent a refresh token twice: the provider would have called it reuse and killed the family.
    let spent: Vec<_> = bench
        .requests("/token")
        .iter()
        .filter_map(|request| request.parameter("refresh_token").map(str::to_owned))
        .collect();
    let mut once = spent.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), spent.len());
}

#[test]
fn the_guide_says_what_to_enter_at_the_provider() {
    let bench = Bench::new(|_| {});
    let guide = bench.keyfob.registration_guide(SSO).unwrap();
    assert_eq!((guide.redirect_uri(), guide.provider_name()), (REDIRECT_URI, "OpenID Connect"));
    assert_eq!((guide.accepts_loopback(), guide.redirect_uri_accepted()), (None, None), "nobody knows");
    assert_eq!(guide.scopes(), ["openid", "email", "offline_access"]);
    let temp = Temp::new();
    let config = Config::builder(temp.store())
        .plaintext(true)
        .registration(Registration::new("github", "github", "id", REDIRECT_URI))
        .registration(Registration::new("google", "google", "id", "com.example.notes:/cb"))
        .build()
        .unwrap();
    let keyfob = Keyfob::open(config).unwrap();
    let github = keyfob.registration_guide("github").unwrap();
    assert_eq!((github.accepts_loopback(), github.redirect_uri_accepted()), (Some(Loopback::AnyPort), Some(true)));
    let google = keyfob.registration_guide("google").unwrap();
    assert_eq!((google.accepts_custom_scheme(), google.redirect_uri_accepted()), (Some(false), Some(false)));
    assert!(google.steps().iter().any(|step| step.starts_with("Careful")));
    assert_eq!(keyfob.registration_guide("nobody").unwrap_err().reason(), Reason::UnknownRegistration);
}
