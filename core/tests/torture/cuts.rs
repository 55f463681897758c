//! The power goes: at every moment of a flow, with any part of what was not synced left, another boot of the machine opens what is there.

use fastrand::Rng;
use keyfob_vfs::Recording;

use crate::caught;
use crate::faults::beginning;
use crate::flows::{Act, Flow, Who};
use crate::scene::{Beginning, Scene};

/// How many cuts of a flow the short run makes, and how many at each moment the long one does.
const SAMPLE: usize = 60;
const AT_EACH: usize = 12;

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub moments: usize,
    pub cuts: usize,
}

/// Cuts the power in a flow, everywhere or at some moments.
pub fn cut_everywhere(flow: &Flow, all: bool, random: &mut Rng, failures: &mut Vec<String>) -> Tally {
    let beginning = beginning(flow);
    let (scene, recording) = record(flow, &beginning);
    let last = recording.len();
    let cuts: Vec<(usize, u64)> = if all {
        (0..=last).flat_map(|at| std::iter::repeat_n(at, AT_EACH)).map(|at| (at, random.u64(..))).collect()
    } else {
        (0..SAMPLE).map(|_| (random.usize(0..=last), random.u64(..))).collect()
    };
    for (at, seed) in &cuts {
        if let Err(why) = caught(|| cut(flow, &beginning, &scene, &recording, *at, *seed)) {
            failures.push(format!("{}: cut at {at} of {last}, seed {seed}: {why}", flow.name));
        }
    }
    Tally { moments: last + 1, cuts: cuts.len() }
}

/// The flow on a good disk, from before the store is opened until it is closed.
fn record(flow: &Flow, beginning: &Beginning) -> (Scene, Recording) {
    let scene = Scene::new(beginning);
    scene.disk.record(&["keyfob.db"]);
    let keyfob = scene.open().unwrap();
    let (Act::On(act) | Act::Open(act)) = flow.act;
    act(&scene, &keyfob).unwrap();
    drop(keyfob);
    let recording = scene.disk.recorded();
    // To open a store that was closed well writes nothing.
    assert_eq!(recording.is_empty(), flow.name == "open a store", "{}", flow.name);
    (scene, recording)
}

fn cut(flow: &Flow, beginning: &Beginning, scene: &Scene, recording: &Recording, at: usize, seed: u64) {
    let mut random = Rng::with_seed(seed);
    let mut files = recording.cut(at, &mut random);
    // What SQLite has nothing to do with is there.
    let is_other = |name: &String| !name.starts_with("keyfob.db");
    files.extend(
        beginning.files.iter().filter(|(name, _)| is_other(name)).map(|(name, bytes)| (name.clone(), bytes.clone())),
    );
    let mut provider = scene.provider.state_at(at);
    provider.forgives = random.bool();
    let facts = scene.facts().clone();
    let later = beginning.later + std::time::Duration::from_secs(60);
    let key = beginning.key.clone();
    let after = Scene::new(&Beginning { files, provider, facts, key, later, boot_id: "another boot" });
    let said = scene.said.lock().unwrap().iter().filter(|(moment, _)| *moment <= at).copied().collect();
    *after.said.lock().unwrap() = said;
    let keyfob = after.open().unwrap();
    (flow.after)(&after, &keyfob, Who::Next);
    drop(keyfob);
    after.check_integrity();
}
