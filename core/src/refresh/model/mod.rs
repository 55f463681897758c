//! An exhaustive check of the refresh protocol (ARCHITECTURE.md, "Refreshing"): two processes, one user's session and the one that a login after
//! a logout makes, five kinds of provider, and everything that can go wrong at every step: deaths, lost and late requests, full disks, suspension,
//! logouts, logins, ID tokens of somebody else.
//!
//! The model moves the world and decides nothing: each decision is asked of `decide.rs`, which is what ships. `world.rs` is what there is, `store.rs`
//! what a transaction does to it, `steps.rs` and `answers.rs` are what a process does, `around.rs` what happens around it, `provider.rs` what the
//! provider does. `search.rs` goes through every order of events within the limits of a profile (`profile.rs`, with the promises). `mutants.rs` takes one clause at a time out of the decisions and shows which
//! promise is broken then, so that each clause is known to be needed.
//!
//! Not in it: a process's memory of a token that is still good, deadlines other than "gives up waiting", and clocks.

mod answers;
mod around;
mod mutants;
mod profile;
mod provider;
mod search;
mod steps;
mod store;
mod world;

use super::decide;
use super::decide::{After, BeforeSending, Came, Loser, Owed, Permit, Reading, Revocation, Sent, Standing, Step};
use profile::{Event, Profile};
use provider::{Kind, Reach};
use search::search;

/// The decisions as the model asks for them: the shipped ones, or with one clause taken out.
#[derive(Clone, Copy)]
struct Decisions {
    still_ours: fn(Standing, i64) -> bool,
    after_reading: fn(&Reading) -> Step,
    before_sending: fn(&BeforeSending) -> Permit,
    after_answer: fn(Came, &Sent) -> After,
    counts_as_verified: fn(bool, bool) -> bool,
    after_losing: fn(Standing) -> Loser,
    before_revoking: fn(&Owed) -> Revocation,
}

const SHIPPED: Decisions = Decisions {
    still_ours: decide::still_ours,
    after_reading: decide::after_reading,
    before_sending: decide::before_sending,
    after_answer: decide::after_answer,
    counts_as_verified: decide::counts_as_verified,
    after_losing: decide::after_losing,
    before_revoking: decide::before_revoking,
};

type Limits = &'static [(Event, u8)];

/// The network, the provider and the processes.
const NETWORK: Limits = {
    use Event::*;
    &[(Send, 3), (Crash, 1), (Loss, 1), (Late, 1), (TooMany, 1), (NotSent, 1), (TakenBack, 1)]
};

/// Full disks and suspension.
const DISK: Limits = {
    use Event::*;
    &[(Send, 3), (Crash, 1), (Loss, 1), (DiskFull, 2), (Suspend, 1), (LongWait, 1)]
};

/// Logins, logouts, the outbox.
const LOGINS: Limits = {
    use Event::*;
    &[(Send, 2), (Crash, 1), (Loss, 1), (Login, 1), (LoginFails, 1), (Logout, 1)]
};

/// ID tokens in refreshed answers.
const ID_TOKENS: Limits = {
    use Event::*;
    &[(Send, 2), (IdToken, 2), (OfAnother, 1), (KeysAway, 1), (WrongClock, 1), (Login, 1), (DiskFull, 1)]
};

/// Threads that panic, a budget that is used up, and a back-off that something else has stored.
const PAUSES: Limits = {
    use Event::*;
    &[(Send, 2), (Crash, 1), (Panic, 1), (Loss, 1), (Pause, 1), (NoBudget, 1)]
};

/// Goes through all of a profile: no promise may be broken.
fn holds(name: &str, profile: Profile) {
    let found = search(&profile, &SHIPPED, None);
    println!("{name}, {:?}, {:?}: {} worlds", profile.kind, profile.reach, found.worlds);
    for (broken, way) in &found.broken {
        println!("{broken:?}:\n{way}");
    }
    assert!(found.broken.is_empty(), "{name}, {:?}: {:?}", profile.kind, found.broken[0].0);
}

fn holds_everywhere(name: &str, limits: Limits) {
    for kind in Kind::ALL {
        holds(name, Profile::new(kind, Reach::Grant, limits));
    }
}

#[test]
fn it_survives_the_network() {
    holds_everywhere("network", NETWORK);
}

#[test]
fn it_is_cautious_where_the_provider_punishes() {
    holds("network", Profile { cautious: true, ..Profile::new(Kind::Strict, Reach::Grant, NETWORK) });
    holds("disk", Profile { cautious: true, ..Profile::new(Kind::Strict, Reach::Grant, DISK) });
}

#[test]
fn it_survives_full_disks_and_suspension() {
    holds_everywhere("disk", DISK);
}

#[test]
fn it_survives_logins_and_logouts() {
    holds_everywhere("logins", LOGINS);
}

#[test]
fn a_revocation_may_reach_less_far() {
    for reach in [Reach::Token, Reach::Family] {
        holds("logins", Profile::new(Kind::Strict, reach, LOGINS));
    }
}

#[test]
fn it_checks_every_id_token() {
    holds_everywhere("ID tokens", ID_TOKENS);
}

#[test]
fn it_survives_panics_and_waits_as_it_is_told() {
    holds_everywhere("pauses", PAUSES);
}

#[test]
fn what_cannot_be_renewed_ends_when_it_is_over() {
    let limits: Limits = &[(Event::Crash, 1)];
    holds("not renewable", Profile { renewable: false, ..Profile::new(Kind::Strict, Reach::Grant, limits) });
}

#[test]
#[ignore = "minutes: cargo xtask test all"]
fn wide_it_survives_the_network() {
    use Event::*;
    let limits: Limits = &[(Send, 5), (Crash, 2), (Loss, 2), (Late, 1), (TooMany, 1), (NotSent, 1), (TakenBack, 1)];
    holds_everywhere("network", limits);
    holds("network", Profile { repeats: 2, ..Profile::new(Kind::Strict, Reach::Grant, limits) });
}

#[test]
#[ignore = "minutes: cargo xtask test all"]
fn wide_it_survives_full_disks_and_suspension() {
    use Event::*;
    let limits: Limits =
        &[(Send, 4), (Crash, 1), (Loss, 1), (Late, 1), (DiskFull, 2), (Suspend, 2), (LongWait, 1), (TooMany, 1)];
    holds_everywhere("disk", limits);
}

#[test]
#[ignore = "minutes: cargo xtask test all"]
fn wide_it_survives_logins_and_logouts() {
    use Event::*;
    let limits: Limits = &[(Send, 3), (Crash, 1), (Loss, 1), (Late, 1), (Login, 1), (LoginFails, 1), (Logout, 1)];
    holds_everywhere("logins", limits);
    for reach in [Reach::Token, Reach::Family] {
        holds("logins", Profile::new(Kind::Strict, reach, limits));
        holds("logins", Profile::new(Kind::GraceInstead, reach, limits));
    }
    let twice: Limits = &[(Send, 2), (Crash, 1), (Loss, 1), (Login, 2), (Logout, 2)];
    holds_everywhere("logins twice", twice);
}

#[test]
#[ignore = "minutes: cargo xtask test all"]
fn wide_it_checks_every_id_token() {
    use Event::*;
    let limits: Limits =
        &[(Send, 3), (IdToken, 2), (OfAnother, 1), (KeysAway, 1), (WrongClock, 1), (Login, 1), (Logout, 1), (Crash, 1)];
    for kind in [Kind::Strict, Kind::GraceSame, Kind::NotRotating] {
        holds("ID tokens", Profile::new(kind, Reach::Grant, limits));
    }
}

#[test]
#[ignore = "minutes: cargo xtask test all"]
fn wide_it_survives_a_little_of_everything() {
    use Event::*;
    let limits: Limits =
        &[(Send, 3), (Crash, 1), (Loss, 1), (TooMany, 1), (DiskFull, 1), (Suspend, 1), (Login, 1), (Logout, 1)];
    for kind in [Kind::Strict, Kind::GraceInstead] {
        holds("everything", Profile { liveness: false, ..Profile::new(kind, Reach::Grant, limits) });
    }
}
