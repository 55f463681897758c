//! Torture: what an app can do with a store, on a disk whose every call fails once, or from then on, and on one whose power goes at any moment.
//!
//! The short run takes a sample, and prints the seed that chose it: `KEYFOB_TORTURE_SEED` takes it again. `cargo xtask test torture` goes
//! through everything. A line of a failure names the flow and the call: that alone repeats it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "a test that fails should say where; its modules share with each other"
)]
#![cfg(unix)]

#[path = "../support/mod.rs"]
mod support;

mod cuts;
mod faults;
mod flows;
mod provider;
mod scene;

use std::io::Write as _;
use std::time::UNIX_EPOCH;

use fastrand::Rng;
use flows::FLOWS;
use keyfob::{Clock as _, SystemClock};

/// The variable that repeats a sample.
const SEED: &str = "KEYFOB_TORTURE_SEED";

/// The variable that chooses flows, by a part of their names.
const FLOW: &str = "KEYFOB_TORTURE_FLOW";

#[expect(clippy::disallowed_methods, reason = "how somebody at a terminal repeats what failed")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Says something whether the test passes or not.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Does something that may fail, and says why it did.
fn caught(run: impl FnOnce()) -> Result<(), String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).map_err(|why| {
        let text = why.downcast_ref::<String>().map(String::as_str).or_else(|| why.downcast_ref::<&str>().copied());
        text.unwrap_or("it does not say why").replace('\n', " ")
    })
}

/// A random number generator whose seed is known.
fn random(what: &str) -> Rng {
    let seed = variable(SEED).and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        u64::from(SystemClock::new().wall().duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos())
    });
    say(&format!("{what}: {SEED}={seed}"));
    Rng::with_seed(seed)
}

fn chosen() -> impl Iterator<Item = &'static flows::Flow> {
    let wanted = variable(FLOW).unwrap_or_default();
    FLOWS.iter().filter(move |flow| flow.name.contains(&wanted))
}

fn torture(all: bool) {
    let mut random = random("failing calls");
    let mut failures = Vec::new();
    let mut sum = 0;
    for flow in chosen() {
        let tally = faults::torture(flow, all, &mut random, &mut failures);
        say(&format!(
            "{}: {} runs, {} calls failed, {} runs were refused and {} did not mind",
            flow.name, tally.runs, tally.failed_calls, tally.refused, tally.unharmed
        ));
        assert!(tally.refused > 0, "{}: nothing was ever refused", flow.name);
        sum += tally.failed_calls;
    }
    say(&format!("{sum} calls of the disk failed"));
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}

fn cut(all: bool) {
    let mut random = random("power cuts");
    let mut failures = Vec::new();
    let mut sum = 0;
    for flow in chosen() {
        let tally = cuts::cut_everywhere(flow, all, &mut random, &mut failures);
        say(&format!("{}: {} moments, the power was cut {} times", flow.name, tally.moments, tally.cuts));
        sum += tally.cuts;
    }
    say(&format!("the power was cut {sum} times"));
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn whichever_call_of_the_disk_fails_no_session_is_lost() {
    torture(false);
}

#[test]
fn whenever_the_power_goes_every_session_is_the_old_one_or_the_new_one() {
    cut(false);
}

#[test]
#[ignore = "minutes: cargo xtask test torture"]
fn wide_whichever_call_of_the_disk_fails_no_session_is_lost() {
    torture(true);
}

#[test]
#[ignore = "minutes: cargo xtask test torture"]
fn wide_whenever_the_power_goes_every_session_is_the_old_one_or_the_new_one() {
    cut(true);
}
