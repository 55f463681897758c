//! One run: the stage, the workers, what happens to them, and the sum of it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use fastrand::Rng;

use crate::client::{self, Client, LOGGED_OUT};
use crate::fleet::{Fleet, Heard};
use crate::ledger::Ledger;
use crate::options::{Errand, Options};
use crate::people::Tally;
use crate::stage::{self, Stage};
use crate::summary::{Measured, Summary};

/// How often the driver looks up.
const TICK: Duration = Duration::from_millis(2);
/// How often it reads the provider's log, which keeps only so much.
const READ_AFTER: Duration = Duration::from_millis(500);
/// A run that waits for refreshes gives up when there was none for so long.
const NOTHING_COMES: Duration = Duration::from_secs(60);
/// How long there is between two stops at most, in milliseconds.
const STOP: u64 = 1000;
/// How long a killed worker stays away at most, and how long a stopped one is stopped, in milliseconds.
const AWAY: u64 = 100;
const STOPPED: std::ops::Range<u64> = 300..1200;

/// What is done to the workers.
#[derive(Default)]
struct Deeds {
    /// Which worker was killed when, in the provider's seconds.
    kills: HashMap<String, f64>,
    stops: usize,
    /// How long it went on.
    lasted: Duration,
}

/// Says that it is over when it is dropped: the scope waits for the people.
struct Finally<'a>(&'a AtomicBool);

impl Drop for Finally<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(crate) fn run(options: &Options) -> Result<Summary> {
    let mut rng = Rng::with_seed(options.seed);
    let stage = Stage::new(options)?;
    let errand = Errand {
        name: "driver".to_owned(),
        protocol: options.protocol,
        program: options.program.clone(),
        issuer: stage.idp.issuer().to_owned(),
        folder: stage.folder.path().to_owned(),
        threads: options.threads,
        seed: rng.u64(..),
    };
    let client = client::open(&errand).context("cannot open the store")?;
    let mut tally = Tally::default();
    for number in 0..options.sessions {
        tally.log_in(&*client, &stage::user(number));
    }
    if let Some(problem) = tally.wrong.keys().next() {
        return Err(anyhow!("{problem}"));
    }

    let mut ledger = Ledger::default();
    let mut fleet = Fleet::new(&errand, options.processes, rng.fork());
    let over = AtomicBool::new(false);
    let deeds = thread::scope(|scope| {
        let _whatever_happens = Finally(&over);
        let (people, mut chance) = (&mut tally, rng.fork());
        let (client, over) = (&*client, &over);
        scope.spawn(move || people.live(client, options.logouts, over, &mut chance));
        disturb(options, &stage, &mut fleet, &mut ledger, &mut rng)
    })?;
    let (heard, stops) = fleet.finish()?;
    // The library must not be asked before its workers have ended: what they leave unfinished is theirs until then.
    tally.settle(&*client);
    let longest_wait_ms = stops.longest(&heard.calls);
    let (refused_tokens, passing) = (heard.refused, heard.passing.clone());
    add_up(&mut tally, heard);
    ledger.read(&stage.idp.requests_after(ledger.read_to()));
    let measured = Measured {
        account: ledger.account(&deeds.kills, &held(&*client)),
        late: ledger.late(&deeds.kills),
        tally,
        kills: deeds.kills.len(),
        lasted: deeds.lasted,
        stops: deeds.stops,
        refused_tokens,
        passing,
        longest_wait_ms,
        integrity: {
            drop(client);
            stage::integrity(options.protocol, stage.folder.path())?
        },
    };
    Ok(Summary::new(options, measured))
}

/// Kills and stops workers until the time is over.
fn disturb(options: &Options, stage: &Stage, fleet: &mut Fleet, ledger: &mut Ledger, rng: &mut Rng) -> Result<Deeds> {
    let mut deeds = Deeds::default();
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(options.seconds);
    let (mut refreshes, mut last_refresh) = (0, begun);
    let soon = |rng: &mut Rng, most: u64| Instant::now() + Duration::from_millis(rng.u64(..most));
    let (mut next_kill, mut next_stop, mut next_read) =
        (soon(rng, options.kill_within), soon(rng, STOP), Instant::now());
    while Instant::now() < end || (refreshes < options.refreshes && last_refresh.elapsed() < NOTHING_COMES) {
        fleet.tick()?;
        if options.kills && Instant::now() >= next_kill {
            next_kill = soon(rng, options.kill_within);
            // Read before: as soon as it is dead another one may go on with what it did.
            let at = stage.idp.seconds();
            deeds.kills.extend(fleet.kill_one(Duration::from_millis(rng.u64(..AWAY))).map(|worker| (worker, at)));
        }
        if options.stops && Instant::now() >= next_stop {
            next_stop = soon(rng, STOP);
            deeds.stops += usize::from(fleet.stop_one(Duration::from_millis(rng.u64(STOPPED))));
        }
        if Instant::now() >= next_read {
            next_read = Instant::now() + READ_AFTER;
            ledger.read(&stage.idp.requests_after(ledger.read_to()));
            if ledger.refreshes() > refreshes {
                (refreshes, last_refresh) = (ledger.refreshes(), Instant::now());
            }
        }
        thread::sleep(TICK);
    }
    deeds.lasted = begun.elapsed();
    // The people are waited for next, and they may wait for what a stopped worker holds.
    fleet.wake();
    Ok(deeds)
}

/// Adds what workers saw to what the people saw.
fn add_up(tally: &mut Tally, heard: Heard) {
    for (session, cause) in heard.ended {
        if cause == LOGGED_OUT {
            if !tally.logged_out.contains(&session) {
                tally.wrong("a session says that it was logged out, and nobody did that".to_owned());
            }
        } else if !tally.noticed.contains(&session) {
            tally.forced(&session, &cause);
        }
    }
    for (text, count) in heard.wrong {
        *tally.wrong.entry(text).or_default() += count;
    }
}

/// The refresh tokens that the store holds.
fn held(client: &dyn Client) -> HashSet<String> {
    client.sessions().unwrap_or_default().into_iter().filter_map(|session| session.refresh_token).collect()
}
