//! Secrets in the store's files: none, at no moment of any flow, in the database, its log, what was moved aside, or any other file of the folder; and after a
//! logout none is left even in a store that is not sealed.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

#[path = "support/canaries.rs"]
mod canaries;
mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use canaries::{files, found_in, secrets};
use keyfob::{
    EndSession, Freshness, ImportedTokens, Keyfob, LoginOptions, StoreKey, StoreKeyAnswer, StoreKeySource, WantedKey,
};
use keyfob_idp::{Close, Endpoint, Fault};
use support::{Bench, SSO, bare_config, elsewhere, log_in, store_key};

/// The key is gone when the old one is asked for.
struct Gone;

impl StoreKeySource for Gone {
    fn store_key(&self, wanted: WantedKey) -> StoreKeyAnswer {
        match wanted {
            WantedKey::Existing => StoreKeyAnswer::Gone,
            _ => StoreKeyAnswer::Key(StoreKey::new(OTHER_KEY)),
        }
    }
}

const OTHER_KEY: [u8; 32] = *b"CANARY of a key with 32 bytes...";
const THIRD_KEY: [u8; 32] = *b"CANARY of another of 32 bytes...";

#[test]
fn no_secret_lies_in_any_file_at_any_moment() {
    let bench = Bench::new(|_| {});
    let store = bench.temp.store();
    let kept = Mutex::new(Vec::new());
    let look = || kept.lock().unwrap().extend(files(&store));

    let login = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    look();
    let redirect = log_in(login.authorization_url());
    // The answer is saved, and the keys cannot be had: it waits there.
    bench.script(|script| script.faults = vec![Fault::on(Endpoint::Jwks).close(Close::BeforeHeaders)]);
    bench.keyfob.complete_login(&redirect).unwrap_err();
    look();
    bench.script(|script| script.faults.clear());
    let session = bench.keyfob.complete_login(&redirect).unwrap().into_session();
    let id = session.id();
    look();
    for _ in 0..3 {
        bench.keyfob.refresh_session(id).unwrap();
        look();
    }
    bench.keyfob.profile(id, Freshness::secs(0)).unwrap();
    bench.script(|script| script.faults = vec![Fault::on(Endpoint::Token).process(false).close(Close::BeforeHeaders)]);
    bench.keyfob.refresh_session(id).unwrap_err();
    look();
    bench.script(|script| script.faults.clear());
    bench.clock.pass(Duration::from_secs(600));
    bench.keyfob.refresh_session(id).unwrap();
    let imported = ImportedTokens::new(SSO, "imported")
        .access_token("CANARY-imported-access-token", None)
        .refresh_token("CANARY-imported-refresh-token");
    bench.keyfob.import_session(imported).unwrap();
    look();
    bench.keyfob.rekey(&StoreKey::new(OTHER_KEY)).unwrap();
    look();
    bench.keyfob.rekey(&StoreKey::new(THIRD_KEY)).unwrap();
    look();
    // A logout that the provider cannot be told of, and then is.
    bench.script(|script| script.faults = vec![Fault::on(Endpoint::Revoke).close(Close::BeforeHeaders)]);
    bench.keyfob.end_session(id, EndSession::default()).unwrap();
    look();
    bench.script(|script| script.faults.clear());
    bench.clock.pass(Duration::from_secs(3600));
    assert_eq!(bench.keyfob.maintain(Duration::from_secs(10)).unwrap().revoked(), 1);
    look();
    bench.log_in();
    let _ = bench.redirect();
    let device = bench.keyfob.begin_device_login(SSO, LoginOptions::new()).unwrap();
    look();
    // The key is lost; then the database is damaged, and moved aside.
    bench.keyfob.suspend(Duration::from_secs(1)).unwrap();
    let config = || elsewhere(bare_config(bench.idp.issuer(), &store).with_store_key_source(Arc::new(Gone)));
    let quarantined = Keyfob::open(config()).unwrap();
    look();
    drop(quarantined);
    std::os::unix::fs::FileExt::write_all_at(
        &std::fs::File::options().write(true).open(store.join("keyfob.db")).unwrap(),
        &[0; 64],
        0,
    )
    .unwrap();
    let fresh = Keyfob::open(config()).unwrap();
    assert_eq!(fresh.health().unwrap().moved_aside(), 1);
    look();

    let kept = kept.into_inner().unwrap();
    let mut wanted: Vec<Vec<u8>> = secrets(&bench).into_iter().map(String::into_bytes).collect();
    assert!(wanted.len() > 20, "the search knows what to look for: {}", wanted.len());
    wanted.push(device.user_code().as_bytes().to_vec());
    for more in ["CANARY-imported-access-token", "CANARY-imported-refresh-token", "ada@example.com"] {
        wanted.push(more.as_bytes().to_vec());
    }
    wanted.extend([OTHER_KEY.to_vec(), THIRD_KEY.to_vec(), store_key().as_bytes().to_vec()]);
    assert!(kept.len() > 40, "and where: {}", kept.len());
    assert!(found_in(&kept, id.as_bytes()).is_some(), "the search can see");
    for secret in &wanted {
        assert_eq!(found_in(&kept, secret), None, "{}", String::from_utf8_lossy(secret));
    }
    // One that is put there is found.
    std::fs::write(store.join("planted"), &wanted[0]).unwrap();
    assert_eq!(found_in(&files(&store), &wanted[0]), Some("planted"));
}

#[test]
fn once_the_outbox_has_drained_no_token_is_left_even_in_a_store_in_plaintext() {
    let bench = Bench::plain();
    let session = bench.log_in();
    for _ in 0..5 {
        bench.keyfob.refresh_session(session.id()).unwrap();
    }
    let tokens: Vec<String> = secrets(&bench);
    let left = || {
        let files = files(&bench.temp.store());
        tokens.iter().filter(|token| found_in(&files, token.as_bytes()).is_some()).count()
    };
    assert!(left() >= 3, "the search can see");
    bench.script(|script| script.faults = vec![Fault::on(Endpoint::Revoke).close(Close::BeforeHeaders)]);
    bench.keyfob.end_session(session.id(), EndSession::default()).unwrap();
    assert!(left() > 0, "what is owed is in the outbox");
    bench.script(|script| script.faults.clear());
    bench.clock.pass(Duration::from_secs(3600));
    assert_eq!(bench.keyfob.maintain(Duration::from_secs(10)).unwrap().revoked(), 1);
    assert_eq!(left(), 0);
}
