//! Stores that earlier versions left, one folder for each schema there was: this version opens them, and nobody has to log in again.
//!
//! Each was made by the last commit with its schema, through the public API against keyfob-idp on port 4011, whose script overwrote the tokens by some that say what they are
//! (`tamper.token`) and left `at_hash` out of ID tokens. The handle was closed at the end, and `keyfob.db` alone is kept. Nothing in such a folder is ever changed.
//!
//! - `schema-1`: bob logged in and his token was refused; eve logged in and out; ada logged in, and began another login.
//! - `schema-2`: the same three, with a budget of 50 refreshes an hour; eve's revocation was answered with a 503 and is owed. Heidi's login came first, while the keys
//!   could not be had: it waits with its tokens. Dave's first refresh was a 500, its repetition brought tokens from a clock an hour ahead: `doubted`. Carol's was a 500 each
//!   time: in doubt. Frank's was a 429 with `Retry-After: 3000`: paused. Grace's process was killed before it had sent anything (K5): cut off.
//! - `schema-3`: the one of schema 2, opened with the store key of the tests, so that it was migrated and sealed.
//! - `schema-4`: the one of schema 3, opened, so that it was migrated.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use keyfob::{
    Clock, Config, HttpRequest, HttpResponse, Keyfob, MinValidity, Reason, Registration, Sent, SessionState, Transport,
    TransportError, TransportFailure,
};
use rusqlite::Connection;
use support::{REDIRECT_URI, SSO, Temp, config};

/// Where the provider was.
const ISSUER: &str = "http://127.0.0.1:4011";

/// What is in every golden store, by its ids.
struct Golden {
    schema: u32,
    /// When ada's tokens came, in milliseconds since 1970.
    made: u64,
    ada: &'static str,
    bob: &'static str,
    eve: &'static str,
    /// The login that waits for its redirect.
    login: &'static str,
    state: &'static str,
    verifier: &'static str,
}

const SCHEMA_1: Golden = Golden {
    schema: 1,
    made: 1_795_489_719_324,
    ada: "K1RAkayXI0X3FquNfoiuAQ",
    bob: "kRcTtLTZ4kOQIiRSKlN74g",
    eve: "mdqcrfkp_hKjwzVkeyH1Og",
    login: "OWF0JlpUmvXsq1kzOaEEWA",
    state: "2onwLCMm411euCAiwkb2mfWjrwV2N2Yy2JUGHAb90EE",
    verifier: "jDWicB9mKORlp8NX-f5p1r7agZGsHxyE69jhJPCXD1k",
};

const SCHEMA_2: Golden = Golden {
    schema: 2,
    made: 1_795_777_750_889,
    ada: "AkIPLVDqrUOIRjEuZyI_Yg",
    bob: "8Oit1Phf4GZxj2YxhIDnHQ",
    eve: "hiK0-PPYAl6zrL3fPLPPNg",
    login: "9Ighie6M8FG8dYixOFwYYg",
    state: "NxURCkMS9suIewAxGIncctAQITsoJkMrMkp81RdYajQ",
    verifier: "xG8g_-Cc22dqWN0XBDRHh7zHGCvGFxj4emlBMNLfm2c",
};

const SCHEMA_3: Golden = Golden { schema: 3, ..SCHEMA_2 };

const SCHEMA_4: Golden = Golden { schema: 4, ..SCHEMA_2 };

const GOLDEN: [&Golden; 4] = [&SCHEMA_1, &SCHEMA_2, &SCHEMA_3, &SCHEMA_4];
const SINCE_2: [&Golden; 3] = [&SCHEMA_2, &SCHEMA_3, &SCHEMA_4];

/// What schema 2 has besides.
const DAVE: &str = "t06DcamQsXEGgNTJnn898g";
const CAROL: &str = "ld3xnoDBNovOKkYN4OLY2g";
const FRANK: &str = "vQGDEHm8uv7A1MxJDc23iw";
const GRACE: &str = "ZuEO3HnNVnudTrDjS5RUeg";
const HEIDIS_REDIRECT: &str = "http://127.0.0.1/callback/work-sso?code=code-NN9TdVXaX-8xYtrUFZNOwPBqfCTrRQQ_&iss=http%3A%2F%2F127.0.0.1%3A4011&state=t78_9W5yOSRFRP9U_WgSLzCay-YDpCrdkSy19gvd22M";

/// So long after the store was made, and after another start of the machine.
struct Later(Duration);

impl Clock for Later {
    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.0
    }

    fn boot(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn boot_id(&self) -> Option<String> {
        Some("another boot".to_owned())
    }
}

/// A provider that knows the tokens of these stores, and what it was asked.
#[derive(Default)]
struct Answers(Mutex<Vec<String>>);

impl Answers {
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Transport for Answers {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let body = String::from_utf8_lossy(request.body()).into_owned();
        let path = request.url().strip_prefix(ISSUER).unwrap_or_default();
        let has = |part: &str| body.contains(part);
        let refreshes = |who: &str| path == "/token" && has(&format!("refresh_token=golden-refresh-token-of-{who}"));
        let (status, answer) = if ["ada", "carol", "grace"].into_iter().any(refreshes) {
            (
                200,
                r#"{"access_token":"next-access-token","refresh_token":"next-refresh-token","token_type":"Bearer","expires_in":3600}"#,
            )
        } else if refreshes("dave-2") || (path == "/token" && has("grant_type=authorization_code")) {
            (400, r#"{"error":"invalid_grant"}"#)
        } else if path == "/revoke" && has("token=golden-refresh-token-of-eve") {
            (200, "")
        } else {
            let detail = "nobody was to ask for this";
            return Err(TransportError::new(Sent::NotSent, TransportFailure::Network, detail));
        };
        self.0.lock().unwrap().push(body);
        let json = ("Content-Type".to_owned(), "application/json".to_owned());
        Ok(HttpResponse::new(status, vec![json], answer.as_bytes().to_vec()))
    }
}

impl Golden {
    /// A copy of the store.
    fn copy(&self) -> Temp {
        let temp = Temp::new();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/schema-{}/keyfob.db", self.schema));
        // Opening a store makes its folder, with the rights that it wants.
        drop(Keyfob::open(config(ISSUER, &temp.store())).unwrap());
        for name in ["keyfob.db-wal", "keyfob.db-shm"] {
            let _ = std::fs::remove_file(temp.store().join(name));
        }
        std::fs::write(temp.store().join("keyfob.db"), std::fs::read(from).unwrap()).unwrap();
        temp
    }

    fn open(&self, temp: &Temp, later: Duration) -> Keyfob {
        self.open_at(temp, later, Arc::default())
    }

    fn open_at(&self, temp: &Temp, later: Duration, provider: Arc<Answers>) -> Keyfob {
        self.open_with(config(ISSUER, &temp.store()), later, provider)
    }

    fn open_with(&self, config: Config, later: Duration, provider: Arc<Answers>) -> Keyfob {
        let clock = Later(Duration::from_millis(self.made) + later);
        Keyfob::open(config.with_clock(Arc::new(clock)).with_transport(provider)).unwrap()
    }
}

const SOON: Duration = Duration::from_secs(60);

#[test]
fn an_old_store_keeps_its_sessions_and_their_tokens() {
    let fresh = Temp::new();
    let newest = Keyfob::open(config(ISSUER, &fresh.store())).unwrap().health().unwrap().schema_version();
    for golden in GOLDEN {
        let temp = golden.copy();
        let keyfob = golden.open(&temp, SOON);
        assert_eq!(keyfob.health().unwrap().schema_version(), newest);
        assert_eq!(keyfob.current_session().unwrap().unwrap().id(), golden.ada);
        let token = keyfob.access_token(golden.ada, MinValidity::default()).unwrap();
        assert_eq!(token.secret(), "golden-access-token-of-ada");
        let ada = keyfob.session(golden.ada).unwrap();
        assert_eq!(ada.state(), SessionState::Active);
        assert_eq!(ada.provider_refresh_token(), Some("golden-refresh-token-of-ada"));
        assert_eq!((ada.provider_uid(), ada.profile().email()), ("u-1", Some("ada@example.com")));
        assert_eq!(ada.token_answer_json(), r#"{"instance_url":"https://eu1.example.com"}"#);
        assert!(ada.id_token_claims_json().unwrap().contains(r#""sub":"u-1""#));

        let bob = keyfob.session(golden.bob).unwrap();
        assert_eq!(bob.state(), SessionState::Ended(Reason::Revoked));
        assert_eq!((bob.provider_uid(), bob.profile().email()), ("u-2", Some("bob@example.com")));
        let refused = |id: &str| keyfob.access_token(id, MinValidity::default()).unwrap_err().reason();
        assert_eq!((refused(golden.bob), refused(golden.eve)), (Reason::Revoked, Reason::LoggedOut));
        let all: Vec<String> = keyfob.sessions().unwrap().iter().map(|session| session.id().to_owned()).collect();
        assert!(all.contains(&golden.ada.to_owned()) && !all.contains(&golden.eve.to_owned()), "{all:?}");

        let lines = keyfob.journal(100).unwrap();
        assert_eq!(lines.iter().filter(|line| line.event() == "SessionEnded").count(), 2);
    }
}

#[test]
fn a_session_of_an_old_store_is_refreshed() {
    for golden in GOLDEN {
        let temp = golden.copy();
        let later = Duration::from_secs(7200);
        for _ in 0..2 {
            let token = golden.open(&temp, later).access_token(golden.ada, MinValidity::default()).unwrap();
            assert_eq!(token.secret(), "next-access-token");
        }
        let ada = golden.open(&temp, later).session(golden.ada).unwrap();
        assert_eq!((ada.provider_refresh_token(), ada.provider_uid()), (Some("next-refresh-token"), "u-1"));
    }
}

#[test]
fn a_login_that_an_old_store_waits_for_goes_on_with_its_secrets() {
    for golden in GOLDEN {
        let (temp, provider) = (golden.copy(), Arc::<Answers>::default());
        let keyfob = golden.open_at(&temp, SOON, provider.clone());
        let pending = keyfob.pending_logins().unwrap();
        assert_eq!(pending.last().unwrap().id(), golden.login);
        let redirect = format!("{REDIRECT_URI}?code=c&iss=http%3A%2F%2F127.0.0.1%3A4011&state={}", golden.state);
        assert_eq!(keyfob.complete_login(&redirect).unwrap_err().oauth().unwrap().code(), "invalid_grant");
        let asked = provider.asked();
        assert!(asked[0].contains(&format!("code_verifier={}", golden.verifier)), "schema {}", golden.schema);
    }
}

#[test]
fn since_schema_2_a_store_keeps_the_answer_of_a_login() {
    for golden in SINCE_2 {
        let (temp, provider) = (golden.copy(), Arc::<Answers>::default());
        let done = golden.open_at(&temp, SOON, provider.clone()).complete_login(HEIDIS_REDIRECT).unwrap();
        let heidi = done.session();
        assert_eq!(heidi.provider_refresh_token(), Some("golden-refresh-token-of-heidi"));
        assert_eq!((heidi.provider_uid(), heidi.profile().email()), ("u-8", Some("heidi@example.com")));
        assert!(provider.asked().is_empty(), "the code was spent long ago");
    }
}

#[test]
fn since_schema_2_a_store_keeps_doubts_waits_and_what_is_owed() {
    for golden in SINCE_2 {
        let (temp, provider) = (golden.copy(), Arc::<Answers>::default());
        let keyfob = golden.open_at(&temp, SOON, provider.clone());
        let health = keyfob.health().unwrap();
        assert_eq!((health.active_sessions(), health.ended_sessions(), health.owed_revocations()), (5, 1, 1));
        assert_eq!(health.clock_skew_seconds(), Some(0));
        let cut_off: Vec<_> =
            health.interrupted().iter().map(|one| (one.session(), one.is_in_doubt(), one.is_alive())).collect();
        assert_eq!(cut_off, [(CAROL, true, false), (GRACE, false, false)]);

        let frank = keyfob.refresh_session(FRANK).unwrap_err();
        assert_eq!(frank.reason(), Reason::BackOff);
        let wait = frank.retry_after().unwrap();
        assert!((Duration::from_secs(2900)..Duration::from_secs(3000)).contains(&wait), "{wait:?}");
        // Frank's token is good for an hour all the same.
        assert_eq!(
            keyfob.access_token(FRANK, MinValidity::default()).unwrap().secret(),
            "golden-access-token-of-frank"
        );

        // Nothing is revoked while a login of the registration is on its way.
        keyfob.complete_login(HEIDIS_REDIRECT).unwrap();
        let done = keyfob.maintain(Duration::from_secs(5)).unwrap();
        assert_eq!((done.refreshed(), done.revoked(), done.failed(), done.owed()), (2, 1, 0, 0));
        for id in [CAROL, GRACE] {
            assert_eq!(keyfob.session(id).unwrap().provider_access_token(), "next-access-token");
        }
        assert_eq!(provider.asked().len(), 3);

        // A request of Dave's was once in doubt.
        assert_eq!(keyfob.session(DAVE).unwrap().provider_access_token(), "golden-access-token-of-dave-2");
        assert_eq!(keyfob.refresh_session(DAVE).unwrap_err().reason(), Reason::RotationLost);
    }
}

#[test]
fn since_schema_2_a_store_keeps_what_was_spent_of_a_budget() {
    for golden in SINCE_2 {
        // Nine of the last hour were tried when the store was made.
        for (refreshes, expected) in [(9, None), (10, Some("next-access-token"))] {
            let temp = golden.copy();
            let registration = Registration::new(SSO, "oidc", "demo", REDIRECT_URI)
                .variable("issuer", ISSUER)
                .refresh_budget(refreshes, Duration::from_secs(3600));
            let config = support::sealed(Config::builder(temp.store()).registration(registration));
            let keyfob = golden.open_with(config, SOON, Arc::default());
            let refreshed = keyfob.refresh_session(golden.ada);
            assert_eq!(refreshed.as_ref().ok().map(keyfob::Session::provider_access_token), expected, "{refreshed:?}");
        }
    }
}

#[test]
fn since_schema_2_a_store_keeps_what_its_journal_says_of_refreshes() {
    for golden in SINCE_2 {
        let temp = golden.copy();
        let lines = golden.open(&temp, SOON).journal(100).unwrap();
        let line = lines.iter().find(|line| line.event() == "Refreshed").unwrap();
        assert_eq!((line.session(), line.wish()), (Some(DAVE), Some("asked")));
        assert!(line.waited().unwrap() >= Duration::from_millis(500));
        assert_eq!(line.clock_skew_seconds(), Some(3599));
    }
}

#[test]
fn a_store_that_was_migrated_has_the_same_tables_as_a_new_one() {
    let tables = |temp: &Temp| {
        drop(SCHEMA_1.open(temp, Duration::ZERO));
        let connection = Connection::open(temp.store().join("keyfob.db")).unwrap();
        let mut statement = connection.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<rusqlite::Result<Vec<(String, Option<String>)>>>().unwrap()
    };
    let new = tables(&Temp::new());
    for golden in GOLDEN {
        assert_eq!(tables(&golden.copy()), new, "schema {}", golden.schema);
    }
}
