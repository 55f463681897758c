//! Stores that earlier versions left, one folder for each schema there was: this version opens them, and nobody has to log in again.
//!
//! `schema-1` was made by the last commit with that schema, against keyfob-idp, whose token answers were overwritten by tokens that say what they are: bob logged in and
//! his token was refused; eve logged in and out; ada logged in, and began another login. Nothing in such a folder is ever changed.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keyfob::{
    Clock, HttpRequest, HttpResponse, Keyfob, MinValidity, Reason, Sent, SessionState, Transport, TransportError,
    TransportFailure,
};
use rusqlite::Connection;
use support::{Temp, config};

/// Where the provider was.
const ISSUER: &str = "http://127.0.0.1:4011";

/// When ada's tokens came, in milliseconds since 1970.
const MADE: u64 = 1_795_489_719_324;

const ADA: &str = "K1RAkayXI0X3FquNfoiuAQ";
const BOB: &str = "kRcTtLTZ4kOQIiRSKlN74g";
const EVE: &str = "mdqcrfkp_hKjwzVkeyH1Og";
const LOGIN: &str = "OWF0JlpUmvXsq1kzOaEEWA";

/// So long after the store was made, and after another start of the machine.
struct Later(Duration);

impl Clock for Later {
    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(MADE) + self.0
    }

    fn boot(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn boot_id(&self) -> Option<String> {
        Some("another boot".to_owned())
    }
}

/// A provider that knows one token.
struct Answers;

impl Transport for Answers {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let body = String::from_utf8_lossy(request.body());
        let knows =
            request.url() == format!("{ISSUER}/token") && body.contains("refresh_token=golden-refresh-token-of-ada");
        if !knows {
            let detail = "nobody was to ask for this";
            return Err(TransportError::new(Sent::NotSent, TransportFailure::Network, detail));
        }
        let answer = r#"{"access_token":"next-access-token","refresh_token":"next-refresh-token","token_type":"Bearer","expires_in":3600}"#;
        let json = ("Content-Type".to_owned(), "application/json".to_owned());
        Ok(HttpResponse::new(200, vec![json], answer.as_bytes().to_vec()))
    }
}

fn golden(schema: u32) -> Temp {
    let temp = Temp::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/schema-{schema}/keyfob.db"));
    // Opening a store makes its folder, with the rights that it wants.
    drop(Keyfob::open(config(ISSUER, &temp.store())).unwrap());
    for name in ["keyfob.db-wal", "keyfob.db-shm"] {
        let _ = std::fs::remove_file(temp.store().join(name));
    }
    std::fs::write(temp.store().join("keyfob.db"), std::fs::read(from).unwrap()).unwrap();
    temp
}

fn open(temp: &Temp, later: Duration) -> Keyfob {
    let config = config(ISSUER, &temp.store()).with_clock(Arc::new(Later(later))).with_transport(Arc::new(Answers));
    Keyfob::open(config).unwrap()
}

#[test]
fn a_store_of_schema_1_keeps_its_sessions_and_their_tokens() {
    let temp = golden(1);
    let keyfob = open(&temp, Duration::from_secs(60));
    assert_eq!(keyfob.health().unwrap().schema_version(), 2);
    assert_eq!(keyfob.current_session().unwrap().unwrap().id(), ADA);
    let token = keyfob.access_token(ADA, MinValidity::default()).unwrap();
    assert_eq!(token.secret(), "golden-access-token-of-ada");
    let ada = keyfob.session(ADA).unwrap();
    assert_eq!(ada.state(), SessionState::Active);
    assert_eq!(ada.provider_refresh_token(), Some("golden-refresh-token-of-ada"));
    assert_eq!((ada.provider_uid(), ada.profile().email()), ("u-1", Some("ada@example.com")));
    assert_eq!(ada.token_answer_json(), r#"{"instance_url":"https://eu1.example.com"}"#);
    assert!(ada.id_token_claims_json().unwrap().contains(r#""sub":"u-1""#));

    let bob = keyfob.session(BOB).unwrap();
    assert_eq!(bob.state(), SessionState::Ended(Reason::Revoked));
    assert_eq!((bob.provider_uid(), bob.profile().email()), ("u-2", Some("bob@example.com")));
    assert_eq!(keyfob.access_token(BOB, MinValidity::default()).unwrap_err().reason(), Reason::Revoked);
    assert_eq!(keyfob.access_token(EVE, MinValidity::default()).unwrap_err().reason(), Reason::LoggedOut);
    let all: Vec<String> = keyfob.sessions().unwrap().iter().map(|session| session.id().to_owned()).collect();
    assert!(all.contains(&ADA.to_owned()) && !all.contains(&EVE.to_owned()), "{all:?}");

    assert_eq!(keyfob.pending_logins().unwrap()[0].id(), LOGIN);
    let lines = keyfob.journal(100).unwrap();
    assert_eq!(lines.iter().filter(|line| line.event() == "SessionEnded").count(), 2);
}

#[test]
fn a_session_of_schema_1_is_refreshed() {
    let temp = golden(1);
    let later = Duration::from_secs(7200);
    for _ in 0..2 {
        let token = open(&temp, later).access_token(ADA, MinValidity::default()).unwrap();
        assert_eq!(token.secret(), "next-access-token");
    }
    let ada = open(&temp, later).session(ADA).unwrap();
    assert_eq!((ada.provider_refresh_token(), ada.provider_uid()), (Some("next-refresh-token"), "u-1"));
}

#[test]
fn a_store_that_was_migrated_has_the_same_tables_as_a_new_one() {
    let (old, new) = (golden(1), Temp::new());
    let tables = |temp: &Temp| {
        drop(open(temp, Duration::ZERO));
        let connection = Connection::open(temp.store().join("keyfob.db")).unwrap();
        let mut statement = connection.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<rusqlite::Result<Vec<(String, Option<String>)>>>().unwrap()
    };
    assert_eq!(tables(&old), tables(&new));
}
