use std::sync::Barrier;
use std::thread;

use super::*;
use crate::http::{HttpRequest, HttpResponse, Sent, TransportError, TransportFailure};
use crate::refresh::pause::{Failure, Pause};
use crate::store::{JournalEvent, Note, Rotation, Saved, SessionRow};

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
    shared.memory().forget_all();
}

fn log_out(shared: &Shared, id: &str) -> Result<Arc<SessionRow>> {
    let note = Note::new(JournalEvent::SessionEnded, "acme");
    shared.common.store.log_out(id, false, 0, &note)?;
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

/// The row after a rotation, with an ID token or without.
fn rotate(shared: &Shared, row: &SessionRow, brought_id_token: bool) -> Option<SessionRow> {
    let note = Note::new(JournalEvent::Refreshed, "acme");
    let rotation =
        Rotation { read_before: row, tokens: &row.tokens, received: &row.received, brought_id_token, in_doubt: false };
    match shared.common.store.save_rotation(&rotation, &note).unwrap() {
        Saved::Row(row) => Some(*row),
        Saved::Lost(_) => None,
    }
}

fn pause(shared: &Shared) -> Pause {
    Pause::after(Failure::Busy, None, None, shared.moment())
}

#[test]
fn what_was_judged_by_older_tokens_changes_nothing_of_newer_ones() {
    let (keyfob, id, _temp) = open("generations");
    let shared = &keyfob.shared;
    let note = Note::new(JournalEvent::RefreshFailed, "acme");
    let old = shared.stored(&id).unwrap();
    let newer = rotate(shared, &old, true).unwrap();
    shared.common.store.mark_verified(&old).unwrap();
    assert!(!shared.stored(&id).unwrap().verified);
    shared.common.store.back_off(&old, &pause(shared), 0, &note).unwrap();
    assert_eq!(shared.stored(&id).unwrap().pause, None);
    assert!(!shared.common.store.end_for(&old, Reason::Revoked, 0, &note).unwrap());
    assert!(rotate(shared, &old, false).is_none());
    shared.common.store.mark_verified(&newer).unwrap();
    assert!(shared.stored(&id).unwrap().verified);
}

#[test]
fn new_tokens_end_a_back_off() {
    let (keyfob, id, _temp) = open("back-off");
    let shared = &keyfob.shared;
    let note = Note::new(JournalEvent::RefreshFailed, "acme");
    let wait = || {
        let row = shared.stored(&id).unwrap();
        shared.common.store.back_off(&row, &pause(shared), 0, &note).unwrap();
        shared.stored(&id).unwrap()
    };
    let row = wait();
    assert!(row.pause.is_some());
    assert_eq!(rotate(shared, &row, false).unwrap().pause, None);
    wait();
    let again = keyfob.import_session(ImportedTokens::new("acme", "u-1").refresh_token("rt")).unwrap();
    assert_eq!((again.id(), &again.row.pause), (id.as_str(), &None));
}

#[test]
fn a_profile_that_comes_after_a_logout_is_not_kept() {
    let (keyfob, id, _temp) = open("profile");
    let shared = &keyfob.shared;
    let profile = shared.stored(&id).unwrap().profile.clone();
    assert_eq!(profile.uid(), "u-1");
    log_out(shared, &id).unwrap();
    let saved = shared.common.store.save_profile(&id, &profile, None, 0).unwrap().unwrap();
    assert_eq!((saved.profile.uid(), saved.profile.raw_json().as_str()), ("", "{}"));
    // What is imported into a store without a current session becomes it.
    let next = keyfob.import_session(ImportedTokens::new("acme", "u-2").refresh_token("rt")).unwrap();
    assert_eq!(keyfob.current_session().unwrap().unwrap().id(), next.id());
}

#[test]
fn an_older_row_is_not_remembered_over_a_newer_one() {
    let (keyfob, id, _temp) = open("older");
    let shared = &keyfob.shared;
    let given = shared
        .remembering(|| {
            let old = shared.stored(&id)?;
            shared.remembering(|| Ok(Arc::new(rotate(shared, &old, false).unwrap())))?;
            Ok(old)
        })
        .unwrap();
    let newest = shared.stored(&id).unwrap().generation;
    assert_eq!((given.generation, shared.recalled(&id).unwrap().generation), (newest, newest));
}

#[test]
fn unverified_tokens_stay_unverified_through_a_refresh_that_brings_no_id_token() {
    let (keyfob, id, _temp) = open("carried");
    let shared = &keyfob.shared;
    let verified = rotate(shared, &shared.stored(&id).unwrap(), false).unwrap();
    assert!(verified.verified, "nothing came that would have to be checked");
    let unverified = rotate(shared, &verified, true).unwrap();
    assert!(!unverified.verified);
    assert!(!rotate(shared, &unverified, false).unwrap().verified);
}

#[test]
fn a_second_handle_of_the_same_folder_shares_what_the_first_one_has() {
    let (keyfob, id, temp) = open("shared");
    let again = || {
        let config = Config::builder(temp.0.join("../").join(temp.0.file_name().unwrap())).plaintext(true);
        Keyfob::open(config.build().unwrap().with_transport(Arc::new(Offline))).unwrap()
    };
    let second = again();
    assert!(Arc::ptr_eq(&second.shared.common, &keyfob.shared.common));
    assert!(second.registrations().is_empty(), "but has its own configuration");
    assert_eq!(second.session(&id).unwrap().id(), id);
    drop((keyfob, second));
    assert_eq!(again().session(&id).unwrap().id(), id);
}
