//! What is done on a disk that fails, and what must hold afterwards. One more flow is one more entry in [`FLOWS`].

use std::path::Path;
use std::time::Duration;

use keyfob::{Clock as _, EndSession, Error, Freshness, ImportedTokens, Keyfob, MinValidity, Reason, SessionState};
use keyfob_vfs::Method;

use crate::provider::{LIFE, of_token};
use crate::scene::{Said, Scene, other_key};
use crate::support::SSO;

/// Long enough for every access token to be over.
const OVER: Duration = Duration::from_secs(7200);

/// One flow.
pub struct Flow {
    pub name: &'static str,
    /// What is there before, on a good disk.
    pub before: fn(&Scene),
    /// It was left as a killed process leaves it, with the log not emptied.
    pub killed: bool,
    /// How much time passes until it begins.
    pub later: Duration,
    /// What is done. The handle is one that was opened while the disk was good, unless `opens`.
    pub act: Act,
    /// What must hold afterwards, on a good disk.
    pub after: fn(&Scene, &Keyfob, Who),
}

/// With an open handle, or from opening it on.
#[derive(Clone, Copy)]
pub enum Act {
    On(fn(&Scene, &Keyfob) -> Result<(), Error>),
    Open(fn(&Scene, &Keyfob) -> Result<(), Error>),
}

/// Who looks afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The process that did it.
    Same,
    /// Another one, after that one's end: what was in memory only is gone.
    Next,
}

pub const FLOWS: &[Flow] = &[
    Flow {
        name: "open a new store",
        before: |_| (),
        killed: false,
        later: Duration::ZERO,
        act: Act::Open(|_, keyfob| keyfob.sessions().map(drop)),
        after: can_log_in,
    },
    Flow {
        name: "open a store",
        before: logged_in,
        killed: false,
        later: Duration::ZERO,
        act: Act::Open(served),
        after: lives,
    },
    Flow {
        name: "open a store that somebody died in",
        before: logged_in,
        killed: true,
        later: Duration::ZERO,
        act: Act::Open(served),
        after: lives,
    },
    Flow {
        name: "log in",
        before: |scene| bystander(scene, &scene.open().unwrap()),
        killed: false,
        later: Duration::ZERO,
        act: Act::On(log_in),
        after: is_logged_in_or_can,
    },
    Flow {
        name: "log in once more",
        before: logged_in,
        killed: false,
        later: OVER,
        act: Act::On(log_in),
        after: is_logged_in_or_can,
    },
    Flow {
        name: "refresh what is over",
        before: logged_in,
        killed: false,
        later: OVER,
        act: Act::On(served),
        after: lives,
    },
    Flow {
        name: "refresh because the app says so, twice",
        before: logged_in,
        killed: false,
        later: Duration::ZERO,
        act: Act::On(|scene, keyfob| {
            keyfob.refresh_session(&scene.ada())?;
            served(scene, keyfob)?;
            keyfob.refresh_session(&scene.ada())?;
            served(scene, keyfob)
        }),
        after: lives,
    },
    Flow {
        name: "fetch the profile",
        before: logged_in,
        killed: false,
        later: Duration::from_secs(600),
        act: Act::On(|scene, keyfob| {
            keyfob.profile(&scene.ada(), Freshness::secs(0))?;
            served(scene, keyfob)
        }),
        after: lives,
    },
    Flow {
        name: "log out",
        before: logged_in,
        killed: false,
        later: Duration::ZERO,
        act: Act::On(log_out),
        after: is_logged_out_or_lives,
    },
    Flow {
        name: "log out after a refresh",
        before: logged_in,
        killed: false,
        later: OVER,
        act: Act::On(|scene, keyfob| {
            served(scene, keyfob)?;
            log_out(scene, keyfob)
        }),
        after: is_logged_out_or_lives,
    },
    Flow {
        name: "import a session",
        before: |scene| {
            logged_in(scene);
            scene.facts().foreign = Some(scene.provider.grant("u-3"));
        },
        killed: false,
        later: Duration::ZERO,
        act: Act::On(import),
        after: |scene, keyfob, who| {
            lives(scene, keyfob, who);
            is_imported_or_can_be(scene, keyfob);
        },
    },
    Flow {
        name: "maintain",
        before: |scene| {
            logged_in(scene);
            // One that is to be told of a logout.
            let keyfob = scene.open().unwrap();
            let other = scene.log_in(&keyfob, "u-4").unwrap();
            keyfob.end_session(&other, EndSession::local_only()).unwrap();
        },
        killed: false,
        later: OVER,
        act: Act::On(|_, keyfob| keyfob.maintain(Duration::from_secs(30)).map(drop)),
        after: lives,
    },
    Flow {
        name: "suspend and resume",
        before: logged_in,
        killed: false,
        later: Duration::ZERO,
        act: Act::On(|scene, keyfob| {
            keyfob.refresh_session(&scene.ada())?;
            keyfob.suspend(Duration::from_secs(1))?;
            keyfob.resume()?;
            served(scene, keyfob)
        }),
        after: |scene, keyfob, who| {
            // Where it failed in between, it is called again; where it did not come to that, it changes nothing.
            keyfob.resume().unwrap();
            lives(scene, keyfob, who);
        },
    },
    Flow {
        name: "change the store key",
        before: logged_in,
        killed: false,
        later: Duration::ZERO,
        act: Act::On(|scene, keyfob| {
            keyfob.rekey(&other_key())?;
            served(scene, keyfob)
        }),
        after: lives,
    },
    Flow {
        name: "seal a store that was in plaintext",
        before: |scene| {
            bystander(scene, &scene.open_plain());
            first_login(scene, &scene.open_plain());
        },
        killed: false,
        later: Duration::ZERO,
        act: Act::Open(served),
        after: lives,
    },
    Flow {
        name: "migrate a store of schema 2",
        before: |scene| golden(scene, 2),
        killed: false,
        later: OVER,
        act: Act::Open(served),
        after: lives,
    },
    Flow {
        name: "migrate a store of schema 1",
        before: |scene| golden(scene, 1),
        killed: false,
        later: OVER,
        act: Act::Open(served),
        after: |scene, keyfob, who| {
            lives(scene, keyfob, who);
            let bob = keyfob.session(GOLDEN_BOB).unwrap();
            assert_eq!(bob.state(), SessionState::Ended(Reason::Revoked));
        },
    },
];

// Before.

/// A session that none of the flows has to do with.
fn bystander(scene: &Scene, keyfob: &Keyfob) {
    let token = "the token of somebody else";
    let session = keyfob.import_session(ImportedTokens::new(SSO, "u-2").access_token(token, None)).unwrap();
    scene.facts().bystander = Some((session.id().to_owned(), token.to_owned()));
}

/// The same, and ada has logged in.
fn logged_in(scene: &Scene) {
    bystander(scene, &scene.open().unwrap());
    first_login(scene, &scene.open().unwrap());
}

fn first_login(scene: &Scene, keyfob: &Keyfob) {
    let id = scene.log_in(keyfob, "u-1").unwrap();
    // What makes room for the first refresh is not part of any flow.
    keyfob.refresh_session(&id).unwrap();
    scene.facts().ada = Some(id);
}

/// ada's sessions in the stores of schema 1 and 2.
const GOLDEN_ADA: [&str; 2] = ["K1RAkayXI0X3FquNfoiuAQ", "AkIPLVDqrUOIRjEuZyI_Yg"];
const GOLDEN_BOB: &str = "kRcTtLTZ4kOQIiRSKlN74g";

/// What an earlier version left: `core/tests/golden.rs` says what is in it.
fn golden(scene: &Scene, schema: usize) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/schema-{schema}/keyfob.db"));
    // Opening a store makes its folder, with the rights that it wants.
    drop(scene.open().unwrap());
    std::fs::write(scene.temp.store().join("keyfob.db"), std::fs::read(from).unwrap()).unwrap();
    scene.provider.grant("u-1");
    scene.facts().ada = Some(GOLDEN_ADA[schema - 1].to_owned());
}

// Meanwhile.

/// A token of ada's, as an app gets it.
fn served(scene: &Scene, keyfob: &Keyfob) -> Result<(), Error> {
    let token = keyfob.access_token(&scene.ada(), MinValidity::default())?;
    if !token.is_unsaved() {
        scene.say(Said::Token(of_token(token.secret()).unwrap().1));
    }
    Ok(())
}

fn log_in(scene: &Scene, keyfob: &Keyfob) -> Result<(), Error> {
    scene.log_in(keyfob, "u-1")?;
    scene.say(Said::LoggedIn);
    Ok(())
}

fn log_out(scene: &Scene, keyfob: &Keyfob) -> Result<(), Error> {
    keyfob.end_session(&scene.ada(), EndSession::default())?;
    scene.say(Said::LoggedOut);
    Ok(())
}

fn import(scene: &Scene, keyfob: &Keyfob) -> Result<(), Error> {
    let grant = scene.facts().foreign.unwrap();
    let tokens = ImportedTokens::new(SSO, "u-3")
        .access_token(format!("at-{grant}-0"), Some(scene.clock.wall() + LIFE))
        .refresh_token(format!("rt-{grant}-0"));
    keyfob.import_session(tokens)?;
    scene.say(Said::Imported);
    Ok(())
}

// Afterwards.

/// ada's session is there, with tokens of one generation, none older than what was said and none that the provider does not know; and it goes on.
pub fn lives(scene: &Scene, keyfob: &Keyfob, who: Who) {
    untouched(scene, keyfob);
    let id = scene.ada();
    let mut session = keyfob.session(&id).unwrap();
    if session.provider_access_token().is_empty() {
        // Saved, and whose they are is still to be found out: that is made up for, after half a minute at the latest, and nothing is sent.
        let waits =
            |health: keyfob::Health| health.interrupted().iter().any(|one| one.session() == id && !one.is_verified());
        assert!(waits(keyfob.health().unwrap()));
        scene.clock.clock.pass(Duration::from_secs(31));
        keyfob.access_token(&id, MinValidity::default()).unwrap();
        session = keyfob.session(&id).unwrap();
    }
    let (number, access) = of_token(session.provider_access_token()).unwrap();
    let refresh = session.provider_refresh_token().and_then(of_token).unwrap();
    assert_eq!((number, access), refresh, "mixed tokens");
    assert_eq!(session.state(), SessionState::Active, "the session is gone");
    assert!(access >= scene.newest_said(), "generation {access} after {} was served", scene.newest_said());
    let (newest, forgives, reuses) = {
        let state = scene.provider.state();
        (state.grants[number].generation, state.forgives, state.reuses)
    };
    assert!(access <= newest && reuses == 0, "generation {access} of {newest}, {reuses} sent again");
    if who == Who::Next && access < newest && !forgives {
        // Spent, and its successor was never saved: the one case that nothing mends. It is told by its name.
        let error = keyfob.refresh_session(&id).unwrap_err();
        assert_eq!(error.reason(), Reason::RotationLost);
        return;
    }
    if who == Who::Same || access == newest {
        let token = keyfob.access_token(&id, MinValidity::default()).unwrap();
        assert!(!token.is_unsaved(), "it could be saved by now");
        let (_, served) = of_token(token.secret()).unwrap();
        assert!(served >= newest, "generation {served} was served, and {newest} is the newest");
    }
    let syncs = scene.disk.count(Method::Sync);
    let session = keyfob.refresh_session(&id).unwrap();
    assert!(scene.disk.count(Method::Sync) >= syncs + 2, "attempt and tokens were not waited for");
    let (_, refreshed) = of_token(session.provider_access_token()).unwrap();
    let state = scene.provider.state();
    assert!(refreshed > newest && refreshed == state.grants[number].generation);
    assert_eq!(state.reuses, 0, "a spent token was sent again");
}

fn untouched(scene: &Scene, keyfob: &Keyfob) {
    let Some((id, token)) = scene.facts().bystander.clone() else { return };
    let session = keyfob.session(&id).unwrap();
    assert_eq!((session.state(), session.provider_access_token()), (SessionState::Active, token.as_str()));
}

/// Nothing keeps a user from logging in.
pub fn can_log_in(scene: &Scene, keyfob: &Keyfob, _who: Who) {
    untouched(scene, keyfob);
    let id = scene.log_in(keyfob, "u-1").unwrap();
    keyfob.refresh_session(&id).unwrap();
    assert_eq!(scene.provider.state().reuses, 0);
}

fn is_logged_in_or_can(scene: &Scene, keyfob: &Keyfob, who: Who) {
    untouched(scene, keyfob);
    let ada = || keyfob.sessions().unwrap().into_iter().find(|session| session.provider_uid() == "u-1");
    if let Some(before) = scene.facts().ada.clone() {
        assert_eq!(ada().map(|session| session.id().to_owned()), Some(before), "the session is gone");
    }
    if scene.was_said(Said::LoggedIn) {
        assert_eq!(ada().unwrap().state(), SessionState::Active);
    } else if scene.was_said(Said::Begun) {
        // The redirect that the app has goes on from where it was, or says that it cannot.
        let redirect = scene.facts().redirect.clone();
        match redirect.map(|redirect| keyfob.complete_login(&redirect)).transpose() {
            Ok(_) => {}
            Err(error) => {
                let told = [Reason::CodeExchangeInDoubt, Reason::RedirectUsed];
                assert!(told.contains(&error.reason()), "{error}");
            }
        }
    }
    if let Some(session) = ada().filter(|session| session.state() == SessionState::Active) {
        scene.facts().ada = Some(session.id().to_owned());
        lives(scene, keyfob, who);
    }
    // Of a login before it a redirect may still be around; a new one goes its own way.
    can_log_in(scene, keyfob, who);
}

fn is_logged_out_or_lives(scene: &Scene, keyfob: &Keyfob, who: Who) {
    let id = scene.ada();
    let state = keyfob.session(&id).unwrap().state();
    let revoked = scene.provider.state().grants.last().is_some_and(|grant| grant.dead);
    let must = scene.was_said(Said::LoggedOut) || (revoked && scene.provider.state().reuses == 0);
    if must || state != SessionState::Active {
        assert_eq!(state, SessionState::Ended(Reason::LoggedOut));
        let error = keyfob.access_token(&id, MinValidity::default()).unwrap_err();
        assert_eq!(error.reason(), Reason::LoggedOut);
        untouched(scene, keyfob);
        // What is owed to the provider is done sooner or later.
        scene.clock.clock.pass(OVER);
        keyfob.maintain(Duration::from_secs(30)).unwrap();
        assert_eq!(keyfob.health().unwrap().owed_revocations(), 0);
        assert!(scene.provider.state().grants.last().unwrap().dead, "nobody told the provider");
        can_log_in(scene, keyfob, who);
    } else {
        lives(scene, keyfob, who);
    }
}

fn is_imported_or_can_be(scene: &Scene, keyfob: &Keyfob) {
    let find = || keyfob.sessions().unwrap().into_iter().find(|session| session.provider_uid() == "u-3");
    if find().is_none() {
        assert!(!scene.was_said(Said::Imported), "the session is gone");
        import(scene, keyfob).unwrap();
    }
    keyfob.refresh_session(find().unwrap().id()).unwrap();
    assert_eq!(scene.provider.state().reuses, 0);
}
