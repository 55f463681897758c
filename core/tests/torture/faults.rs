//! The loop: each call of SQLite to the disk fails, one after the other, once or from then on.

use fastrand::Rng;
use keyfob::{Error, ErrorKind};
use keyfob_vfs::{Fault, When};

use crate::caught;
use crate::flows::{Act, Flow, Who};
use crate::provider::State;
use crate::scene::{Beginning, Facts, Scene};

/// How many calls of each kind fail in the short run.
const SAMPLE: usize = 3;

/// How it goes on after the trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The disk is good again, for the same process.
    Heals,
    /// The process ends with its disk still bad, and the next one has a good one. The provider forgives nothing, or once.
    Dies { forgives: bool },
}

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub runs: usize,
    pub failed_calls: u64,
    /// Runs whose act came back with an error, and those that did not mind.
    pub refused: usize,
    pub unharmed: usize,
}

/// The store that a flow begins with.
pub fn beginning(flow: &Flow) -> Beginning {
    let nothing = Beginning {
        files: std::collections::BTreeMap::new(),
        provider: State::default(),
        facts: Facts::default(),
        key: crate::provider::Provider::key(),
        later: std::time::Duration::ZERO,
        boot_id: "this boot",
    };
    let scene = Scene::new(&nothing);
    // While this one is open, nobody else's closing empties the log.
    let open = flow.killed.then(|| scene.open().unwrap());
    (flow.before)(&scene);
    let files = scene.files();
    drop(open);
    let (provider, facts) = (scene.provider.state().clone(), scene.facts().clone());
    Beginning { files, provider, facts, key: scene.key, later: flow.later, boot_id: "this boot" }
}

/// Every fault of a flow, at every call or at some.
pub fn torture(flow: &Flow, all: bool, random: &mut Rng, failures: &mut Vec<String>) -> Tally {
    let beginning = beginning(flow);
    let mut tally = Tally::default();
    for fault in Fault::ALL {
        let able = run(flow, &beginning, fault, When::Never, Then::Heals, &mut tally);
        for (when, then) in [
            (When::Once as fn(u64) -> When, Then::Heals),
            (When::From, Then::Heals),
            (When::From, Then::Dies { forgives: false }),
            (When::From, Then::Dies { forgives: true }),
        ] {
            let mut sample: Vec<u64> = (1..=able).collect();
            if !all {
                random.shuffle(&mut sample);
                sample.truncate(SAMPLE);
            }
            for call in sample {
                let ran = caught(|| {
                    run(flow, &beginning, fault, when(call), then, &mut tally);
                });
                if let Err(why) = ran {
                    failures.push(format!("{}: {fault:?} {:?} {then:?}: {why}", flow.name, when(call)));
                }
            }
        }
    }
    tally
}

/// One run. Gives how many of its calls could have failed.
fn run(flow: &Flow, beginning: &Beginning, fault: Fault, when: When, then: Then, tally: &mut Tally) -> u64 {
    let scene = Scene::new(beginning);
    scene.provider.state().forgives = then == Then::Dies { forgives: true };
    let (open, act) = match flow.act {
        Act::On(act) => (Some(scene.open().unwrap()), act),
        Act::Open(act) => (None, act),
    };
    scene.disk.fail(fault, when);
    let handle = open.map_or_else(|| scene.open(), Ok);
    let done = handle.as_ref().map_err(Clone::clone).and_then(|keyfob| act(&scene, keyfob));
    if let Err(error) = &done {
        check_error(error);
    }
    let handle = handle.ok().filter(|_| then == Then::Heals);
    let (able, failed) = scene.disk.heal();
    tally.runs += 1;
    tally.failed_calls += failed;
    match (&done, failed) {
        (Err(_), 0) => panic!("nothing failed, and it said {done:?}"),
        (Err(_), _) => tally.refused += 1,
        (Ok(()), 0) => {}
        (Ok(()), _) => tally.unharmed += 1,
    }
    let who = if then == Then::Heals && handle.is_some() { Who::Same } else { Who::Next };
    let keyfob = handle.unwrap_or_else(|| scene.open().unwrap());
    (flow.after)(&scene, &keyfob, who);
    scene.check_locks();
    drop(keyfob);
    scene.check_integrity();
    able
}

/// What an app may be told of a bad disk: to try again later, or to make room; never that a session is over, nor that the store is damaged.
fn check_error(error: &Error) {
    use ErrorKind::{StoreNotWritable, StoreUnavailable};
    let fits = matches!(error.kind(), StoreNotWritable | StoreUnavailable);
    assert!(fits, "{:?} {:?}: {error} {:?}", error.kind(), error.reason(), error.detail());
}
