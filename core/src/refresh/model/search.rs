//! Every order of events within a profile's limits, the shortest first.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use super::Decisions;
use super::around::{all, gets_on};
use super::profile::{Broken, Profile};
use super::steps::{NOBODY, Next};
use super::world::World;

/// What a search found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) worlds: usize,
    /// Each broken promise once, with the shortest way to it.
    pub(super) broken: Vec<(Broken, String)>,
}

/// Looks at every world. Goes no further along a way on which a promise was broken, and stops early once `wanted` is.
pub(super) fn search(profile: &Profile, decisions: &Decisions, wanted: Option<Broken>) -> Found {
    let mut search = Search {
        worlds: vec![World::new(profile)],
        parents: vec![0],
        seen: Fingerprints::default(),
        alive: Fingerprints::default(),
        broken: Vec::new(),
        profile,
        decisions,
    };
    search.seen.insert(fingerprint(&search.worlds[0].canonical()));
    let mut next = Vec::new();
    let mut at = 0;
    while at < search.worlds.len() && !search.broken.iter().any(|(broken, _)| Some(*broken) == wanted) {
        search.look(at, &mut next);
        at += 1;
    }
    Found { worlds: search.worlds.len(), broken: search.broken }
}

type Fingerprints = HashSet<u64, BuildHasherDefault<AsIs>>;

struct Search<'a> {
    worlds: Vec<World>,
    parents: Vec<u32>,
    seen: Fingerprints,
    /// Worlds from which a process alone gets on.
    alive: Fingerprints,
    broken: Vec<(Broken, String)>,
    profile: &'a Profile,
    decisions: &'a Decisions,
}

impl Search<'_> {
    fn look(&mut self, at: usize, next: &mut Vec<Next>) {
        let world = self.worlds[at];
        if self.profile.liveness {
            for who in [0, 1] {
                let known = |world: &World| self.alive.contains(&fingerprint(&world.canonical()));
                match gets_on(self.profile, self.decisions, &world, who, known) {
                    Some(way) => self.alive.extend(way.iter().map(|world| fingerprint(&world.canonical()))),
                    None => self.note(Broken::Stuck, at, "alone from here on, and never a token nor an ending", who),
                }
            }
        }
        next.clear();
        all(self.profile, self.decisions, &world, next);
        for step in next.iter() {
            if let Some(broken) = step.broken {
                self.note(broken, at, step.what, step.who);
            } else if !step.world.provider.is_full() && self.seen.insert(fingerprint(&step.world.canonical())) {
                self.worlds.push(step.world);
                self.parents.push(u32::try_from(at).expect("more worlds than a search can number"));
            }
        }
    }

    fn note(&mut self, broken: Broken, at: usize, what: &str, who: u8) {
        if !self.broken.iter().any(|(known, _)| *known == broken) {
            let way = self.way(at, what, who);
            self.broken.push((broken, way));
        }
    }

    /// The way to a world, told from the beginning, and the last step.
    fn way(&self, mut at: usize, what: &str, who: u8) -> String {
        let mut steps = vec![(what.to_owned(), who)];
        while at != 0 {
            let parent = usize::try_from(self.parents[at]).expect("numbers of worlds fit");
            let mut next = Vec::new();
            all(self.profile, self.decisions, &self.worlds[parent], &mut next);
            let step = next.iter().find(|step| step.world == self.worlds[at]);
            steps.push(step.map_or_else(|| ("?".to_owned(), NOBODY), |step| (step.what.to_owned(), step.who)));
            at = parent;
        }
        let mut told = String::new();
        for (what, who) in steps.iter().rev() {
            let who = ["first:  ", "second: ", ""][usize::from(*who)];
            writeln!(told, "    {who}{what}").expect("a String takes everything");
        }
        told
    }
}

fn fingerprint(world: &World) -> u64 {
    let mut mix = Mix(0x1234_5678_9abc_def1);
    world.hash(&mut mix);
    mix.finish()
}

/// Multiplies and folds: fast where nothing is optimised, and good enough for 64 bits.
struct Mix(u64);

impl Mix {
    fn add(&mut self, word: u64) {
        let mixed = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 31);
    }
}

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        mixed ^ (mixed >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.add(number.into());
    }

    fn write_u16(&mut self, number: u16) {
        self.add(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.add(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.add(number);
    }

    /// Which variant an enum has.
    fn write_isize(&mut self, number: isize) {
        self.write_usize(number.unsigned_abs());
    }

    fn write_usize(&mut self, number: usize) {
        self.add(number as u64);
    }
}

/// A fingerprint is its own hash.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only fingerprints are looked up");
    }

    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }
}
