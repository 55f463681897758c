//! Memory that is given back holds no secret any more (security S74): the allocator of this program looks into each block before it is freed.
//!
//! What is looked at is the library's own way with secrets: reading them from the store, serving them from memory, ending a session. Copies in the
//! HTTP crate's buffers are not wiped, as SECURITY.md says, so nothing is sent here.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails should say where")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use keyfob::{EndSession, Keyfob, MinValidity, StoreKey};
use support::{Bench, bare_config, config, elsewhere};

/// What is looked for: no more than an allocator may touch.
static NEEDLE: [AtomicU8; 32] = [const { AtomicU8::new(0) }; 32];
/// How much of it.
static LENGTH: AtomicUsize = AtomicUsize::new(0);
/// In how many blocks it was.
static FOUND: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this thread's blocks are looked into: the library has no thread of its own, and the provider in this process has several.
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

struct Watching;

#[global_allocator]
static ALLOCATOR: Watching = Watching;

// SAFETY: every block comes from the system's allocator and goes back to it. That `realloc` is the trait's own has it go through `dealloc`.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are the system allocator's conditions.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if WATCHED.get() {
            // SAFETY: the block is this long, was zeroed when it was made, and nobody else has it any more.
            let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            let is_here =
                |part: &[u8]| part.iter().zip(&NEEDLE).all(|(byte, wanted)| *byte == wanted.load(Ordering::Relaxed));
            if bytes.windows(LENGTH.load(Ordering::SeqCst)).any(is_here) {
                FOUND.fetch_add(1, Ordering::SeqCst);
            }
        }
        // SAFETY: the caller's promises are the system allocator's conditions.
        unsafe { System.dealloc(block, layout) }
    }
}

/// In how many blocks the secret still is when they are freed by what is done.
fn freed_with(secret: &[u8], act: impl FnOnce()) -> usize {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let part = &secret[secret.len() - secret.len().min(NEEDLE.len())..];
    for (to, from) in NEEDLE.iter().zip(part) {
        to.store(*from, Ordering::Relaxed);
    }
    FOUND.store(0, Ordering::SeqCst);
    LENGTH.store(part.len(), Ordering::SeqCst);
    WATCHED.set(true);
    act();
    WATCHED.set(false);
    FOUND.load(Ordering::SeqCst)
}

#[test]
fn s74_freed_memory_holds_no_secret() {
    let bench = Bench::new(|_| {});
    let session = bench.log_in();
    let (id, access) = (session.id(), session.provider_access_token());
    let secrets = [access, session.provider_refresh_token().unwrap(), session.id_token().unwrap()];

    // The search can see.
    assert_eq!(freed_with(access.as_bytes(), || drop(access.to_owned())), 1);

    let open = || {
        let config = config(bench.idp.issuer(), &bench.temp.store()).with_clock(bench.clock.clone());
        Keyfob::open(elsewhere(config)).unwrap()
    };
    for (which, secret) in ["access token", "refresh token", "ID token"].into_iter().zip(secrets) {
        let left = freed_with(secret.as_bytes(), || {
            let keyfob = open();
            let token = keyfob.access_token(id, MinValidity::default()).unwrap();
            assert_eq!(token.secret(), access);
            let session = keyfob.session(id).unwrap();
            assert_eq!(keyfob.sessions().unwrap().len(), 1);
            drop((keyfob, token, session));
        });
        assert_eq!(left, 0, "the {which}");
    }
    let login = bench.redirect();
    let state = support::parameter(&login, "state").unwrap();
    let left = freed_with(state.as_bytes(), || {
        let keyfob = open();
        assert_eq!(keyfob.pending_logins().unwrap().len(), 1);
        keyfob.maintain(std::time::Duration::ZERO).unwrap();
    });
    assert_eq!(left, 0, "a login's secrets");
    let left = freed_with(secrets[1].as_bytes(), || {
        open().end_session(id, EndSession::local_only()).unwrap();
    });
    assert_eq!(left, 0, "a logout");
}

#[test]
fn s74_freed_memory_holds_no_store_key() {
    let bytes = *b"CANARY of a store key, 32 bytes.";
    let bench = Bench::with(|issuer, store| bare_config(issuer, store).with_store_key(StoreKey::new(bytes)));
    bench.log_in();
    let left = freed_with(&bytes, || {
        let config = bare_config(bench.idp.issuer(), &bench.temp.store()).with_clock(bench.clock.clone());
        let keyfob = Keyfob::open(elsewhere(config).with_store_key(StoreKey::new(bytes))).unwrap();
        assert_eq!(keyfob.sessions().unwrap().len(), 1);
    });
    assert_eq!(left, 0);
}
