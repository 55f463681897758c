//! The comparison: each protocol under the same chaos, as a Markdown table.

use anyhow::Result;
use keyfob_idp::InGrace;

use crate::client::Protocol;
use crate::driver;
use crate::options::Options;

struct Scenario {
    what: &'static str,
    seconds: f64,
    stops: bool,
    kills: bool,
    grace: f64,
    /// In its grace a token's second use ends what the first one brought.
    replaces: bool,
}

const NONE: Scenario =
    Scenario { what: "none", seconds: 10.0, stops: false, kills: false, grace: 0.0, replaces: false };
const STOPS: Scenario = Scenario { what: "SIGSTOP", seconds: 15.0, stops: true, ..NONE };
const KILLS: Scenario = Scenario { what: "SIGKILL and SIGSTOP", seconds: 25.0, stops: true, kills: true, ..NONE };
const SCENARIOS: [Scenario; 5] =
    [NONE, STOPS, KILLS, Scenario { grace: 5.0, ..KILLS }, Scenario { grace: 5.0, replaces: true, ..KILLS }];

/// Runs them all, one session each, and nobody logs out.
pub(crate) fn table(seed: u64) -> Result<()> {
    println!("4 processes of 4 threads, one session, seed {seed}\n");
    println!(
        "| chaos | grace | protocol | kills | in the window | stops | refreshes | reuses seen | forced logouts | \
         longest wait | integrity |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for Scenario { what, seconds, stops, kills, grace, replaces } in SCENARIOS {
        let in_grace = if replaces { InGrace::NewPairReplaces } else { InGrace::NewPair };
        let note = if replaces { ", replacing" } else { "" };
        for protocol in Protocol::ALL {
            let options = Options {
                seconds,
                stops,
                kills,
                grace,
                in_grace,
                protocol,
                seed,
                sessions: 1,
                logouts: false,
                ..Options::default()
            };
            let sum = driver::run(&options)?;
            println!(
                "| {what}, {seconds} s | {grace} s{note} | {protocol} | {} | {} | {} | {} | {} | {} | {} ms | {} |",
                sum.kills,
                sum.kills_in_window,
                sum.stops,
                sum.refreshes,
                sum.reuse_detections,
                sum.forced_logouts,
                sum.longest_wait_ms,
                sum.integrity,
                protocol = protocol.name(),
            );
            for (text, count) in sum.wrong {
                eprintln!("{count} times: {text}");
            }
        }
    }
    Ok(())
}
