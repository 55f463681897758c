//! The suites, one file each. A new one is a file here and a line in [`SUITES`].

mod bench;
mod browser;
mod c;
mod chaos;
mod checks;
mod cpp;
mod keyring;
mod kotlin;
mod native;
mod peers;
mod rust;
mod swift;

pub(crate) use chaos::{by_hand as chaos_by_hand, driver as chaos_driver};
pub(crate) use kotlin::bench as kotlin_bench;
pub(crate) use peers::install as install_npm;
pub(crate) use swift::{bench as swift_bench, by_hand as swift_by_hand, needs as swift_needs};

use std::thread::{self, JoinHandle};
use std::time::Instant;

use anyhow::{Result, bail};

use crate::run::paint;
use crate::setup::{self, Tool};
use crate::table::{Score, Table};
use crate::workspace::Workspace;

/// One row of the table.
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// Run by `cargo xtask test all` and by its name only.
    pub(crate) long: bool,
    /// Programs without which it is skipped; installed first where that can be done.
    needs: fn() -> Vec<&'static Tool>,
    /// Slow setup that touches nothing of the project: it goes on in the background while earlier suites run.
    prepare: Option<fn() -> Result<()>>,
    /// An error is one failure.
    run: fn(&Workspace, &mut Score) -> Result<()>,
}

/// In the order they run.
pub(crate) const SUITES: &[Suite] = &[
    checks::SUITE,
    rust::SUITE,
    keyring::SUITE,
    c::SUITE,
    cpp::SUITE,
    kotlin::SUITE,
    swift::SUITE,
    peers::SUITE,
    browser::SUITE,
    chaos::SUITE,
    bench::SUITE,
    chaos::LONG,
    bench::PEERS,
    bench::GROWTH,
    bench::BINDINGS,
    rust::MODEL,
    rust::SCALE,
    rust::TORTURE,
    rust::FLIPS,
];

/// The suites that were named; without names every short one, with `all` the long ones too.
pub(crate) fn choose(names: &[String]) -> Result<Vec<&'static Suite>> {
    for name in names {
        if name != "all" && !SUITES.iter().any(|suite| suite.name == name) {
            let known: Vec<_> = SUITES.iter().map(|suite| suite.name).collect();
            bail!("there is no suite {name:?}; the suites are {} (and all)", known.join(", "));
        }
    }
    let all = names.iter().any(|name| name == "all");
    let chosen =
        |suite: &&Suite| all || names.iter().any(|name| name == suite.name) || (names.is_empty() && !suite.long);
    Ok(SUITES.iter().filter(chosen).collect())
}

/// Runs them, prints the table, and says whether nothing failed.
pub(crate) fn run(workspace: &Workspace, suites: &[&Suite]) -> bool {
    let tools: Vec<_> = suites.iter().flat_map(|suite| (suite.needs)()).collect();
    setup::install(&tools);
    let mut preparing: Vec<_> = suites.iter().map(|suite| suite.prepare.map(thread::spawn)).collect();

    let mut table = Table::default();
    for (suite, prepared) in suites.iter().zip(&mut preparing) {
        println!("\n{}", paint("1;36", &format!("=== {}: {}", suite.name, suite.what)));
        let started = Instant::now();
        let mut score = Score::default();
        if let Err(why) = setup::require(&(suite.needs)()).and_then(|()| wait_for(prepared.take())) {
            score.skip(suite.name, &format!("{why:#}"));
        } else if let Err(error) = (suite.run)(workspace, &mut score) {
            score.fail(suite.name, &format!("{error:#}"));
        }
        table.add(suite.name, score, started.elapsed());
    }
    table.close()
}

fn wait_for(prepared: Option<JoinHandle<Result<()>>>) -> Result<()> {
    let Some(prepared) = prepared else { return Ok(()) };
    if !prepared.is_finished() {
        println!("waiting for its setup …");
    }
    prepared.join().unwrap_or_else(|_| bail!("its setup panicked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(chosen: &[&str]) -> Result<Vec<&'static str>> {
        let chosen: Vec<_> = chosen.iter().map(|name| (*name).to_owned()).collect();
        Ok(choose(&chosen)?.iter().map(|suite| suite.name).collect())
    }

    #[test]
    fn no_name_means_every_short_suite_and_checks_come_first() {
        assert_eq!(
            names(&[]).unwrap(),
            ["checks", "rust", "keyring", "c", "cpp", "kotlin", "swift", "peers", "browser", "chaos", "bench"]
        );
    }

    #[test]
    fn all_means_the_long_ones_too() {
        let all = names(&["all"]).unwrap();
        assert!(
            all.ends_with(&[
                "chaos-long",
                "bench-peers",
                "bench-growth",
                "bench-bindings",
                "model",
                "scale",
                "torture",
                "flips"
            ]),
            "{all:?}"
        );
    }

    #[test]
    fn named_suites_run_in_the_tables_order() {
        assert_eq!(names(&["swift", "c"]).unwrap(), ["c", "swift"]);
    }

    #[test]
    fn an_unknown_name_is_an_error_that_lists_the_suites() {
        let error = names(&["c", "cobol"]).unwrap_err().to_string();
        assert_eq!(
            error,
            r#"there is no suite "cobol"; the suites are checks, rust, keyring, c, cpp, kotlin, swift, peers, browser, chaos, bench, chaos-long, bench-peers, bench-growth, bench-bindings, model, scale, torture, flips (and all)"#
        );
    }
}
