use std::sync::Barrier;
use std::thread;

use super::*;
use crate::http::{HttpRequest, HttpResponse, Sent, TransportError, TransportFailure};
use crate::store::{JournalEvent, Note};

struct Offline;

impl Transport for Offline {
    fn send(&self, _: &HttpRequest) -> std::result::Result<HttpResponse, TransportError> {
        Err(TransportError::new(Sent::NotSent, TransportFailure::Network, "no network"))
    }
}

/// A folder, gone with its test.
struct Temp(std::path::PathBuf);

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A handle that knows one session, and looks for others' commits when the test says so.
fn open(name: &str) -> (Keyfob, String, Temp) {
    let folder = std::env::temp_dir().join(format!("keyfob-memory-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let at = |path: &str| format!("https://acme.example{path}");
    let config = Config::builder(&folder)
        .plaintext(true)
        .coherence(Duration::from_secs(3600))
        .provider(Provider::oauth2("acme", at("/authorize"), at("/token"), at("/me"), "/id"))
        .registration(Registration::new("acme", "acme", "app", "com.example.app:/cb"))
        .build()
        .unwrap();
    let keyfob = Keyfob::open(config.with_transport(Arc::new(Offline))).unwrap();
    let tokens = ImportedTokens::new("acme", "u-1").access_token("at", None).refresh_token("rt");
    let id = keyfob.import_session(tokens).unwrap().id().to_owned();
    (keyfob, id, Temp(folder))
}

/// What happens when another process's commit is noticed.
fn others_are_noticed(shared: &Shared) {
    let mut memory = shared.memory();
    memory.sessions.clear();
    memory.epoch += 1;
}

fn log_out(shared: &Shared, id: &str) -> Result<Arc<SessionRow>> {
    let note = Note::new(JournalEvent::SessionEnded, "acme");
    shared.store.log_out(id, 0, &note)?;
    shared.stored(id)
}

fn is_logged_out(keyfob: &Keyfob, id: &str) -> bool {
    keyfob.access_token(id, MinValidity::secs(0)).is_err_and(|error| error.reason() == Reason::LoggedOut)
}

#[test]
fn a_row_that_was_read_before_a_logout_is_not_remembered_after_it() {
    let (keyfob, id, _temp) = open("before");
    let shared = &keyfob.shared;
    shared
        .remembering(|| {
            others_are_noticed(shared);
            shared.remembering(|| shared.stored(&id))?;
            log_out(shared, &id)
        })
        .unwrap();
    assert!(is_logged_out(&keyfob, &id));
}

#[test]
fn a_row_that_was_read_before_a_logout_and_comes_after_it_is_not_remembered() {
    let (keyfob, id, _temp) = open("after");
    let shared = &keyfob.shared;
    let (begun, read) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        let ending = scope.spawn(|| {
            shared.remembering(|| {
                begun.wait();
                read.wait();
                log_out(shared, &id)
            })
        });
        begun.wait();
        others_are_noticed(shared);
        shared
            .remembering(|| {
                let row = shared.stored(&id);
                read.wait();
                ending.join().unwrap().unwrap();
                row
            })
            .unwrap();
    });
    assert!(is_logged_out(&keyfob, &id));
}
