//! `cargo xtask bench`: what Keyfob costs, counted and not timed, and how much it may.

mod baseline;
mod bindings;
mod chaos;
mod growth;
mod libraries;
mod metrics;
mod peers;
mod plot;
mod probe;
mod readme;
mod scene;
mod size;

use std::fs;

use anyhow::{Context as _, Result, bail};
use lexopt::prelude::*;
use serde_json::{Value, json};

use self::baseline::{Baseline, Line, Verdict};
use self::metrics::{GROUPS, Group, Laboratory};
use crate::drift::Mode;
use crate::setup;
use crate::table::Score;
use crate::workspace::Workspace;

const HELP: &str = "\
cargo xtask bench [--json] [NAME…]   measure the metrics of bench/baseline.json, or only those of these names (M1, M8 …)
cargo xtask bench peers [FOLDER…]    measure other libraries beside Keyfob, or only those of these folders of bench/peers; writes
                                     bench/peers.json and the tables of README.md
cargo xtask bench bindings           measure a cached token in Kotlin and Swift
cargo xtask bench growth             measure it with many sessions, threads and processes; writes bench/growth.json and its
                                     tables in README.md
cargo xtask bench chaos [long|beside]  kill and stop processes: many refreshes of Keyfob, and everybody side by side; writes
                                     bench/chaos.json and its tables in README.md
cargo xtask bench --plot             draw bench/charts from all of these
cargo xtask bench --readme           write those tables from what is in bench

  --json            the last line is the result as JSON: a value of null was not measured";

/// `cargo xtask bench` on this terminal.
pub(crate) fn by_hand(workspace: &Workspace, args: &mut lexopt::Parser) -> Result<bool> {
    let mut as_json = false;
    let mut names = Vec::new();
    while let Some(arg) = args.next()? {
        match arg {
            Long("help") | Short('h') => {
                println!("{HELP}");
                return Ok(true);
            }
            Long("json") => as_json = true,
            Long("readme") => {
                readme::settle(workspace, &Baseline::read(workspace)?, Mode::Write)?;
                return Ok(true);
            }
            Long("plot") => {
                plot::draw(workspace)?;
                return Ok(true);
            }
            Value(name) if name == "growth" => {
                growth::write(&Laboratory::new(workspace)?)?;
                readme::settle(workspace, &Baseline::read(workspace)?, Mode::Write)?;
                return Ok(true);
            }
            Value(name) if name == "chaos" => {
                let names: Vec<_> = args.raw_args()?.map(|arg| arg.string()).collect::<Result<_, _>>()?;
                chaos::write(workspace, &names)?;
                readme::settle(workspace, &Baseline::read(workspace)?, Mode::Write)?;
                return Ok(true);
            }
            Value(name) if name == "bindings" => {
                let baseline = Baseline::read(workspace)?;
                let measured = in_other_languages(workspace, &baseline)?;
                measured.iter().for_each(|(line, outcome)| println!("{}", line.shown(outcome)));
                let failed =
                    |(line, outcome): &(&Line, Outcome)| matches!(line.judge_timed(outcome), Verdict::Failed(_));
                return Ok(!measured.iter().any(failed));
            }
            Value(name) if name == "peers" => {
                let names: Vec<_> = args.raw_args()?.map(|arg| arg.string()).collect::<Result<_, _>>()?;
                return beside(workspace, &names);
            }
            Value(name) => names.push(name.string()?.to_uppercase()),
            other => bail!(other.unexpected()),
        }
    }
    let baseline = Baseline::read(workspace)?;
    if let Some(unknown) = names.iter().find(|name| !baseline.lines.iter().any(|line| line.metric == **name)) {
        bail!("bench/baseline.json has no metric {unknown}");
    }
    let measured = measure(workspace, &baseline, &names)?;
    let mut good = true;
    for (line, outcome) in &measured {
        println!("{}", line.shown(outcome));
        good &= !matches!(line.judge(outcome), Verdict::Failed(_));
    }
    if as_json {
        println!("{}", as_value(&measured));
    }
    Ok(good)
}

/// Measures the peers, and writes what came of it.
fn beside(workspace: &Workspace, names: &[String]) -> Result<bool> {
    let rows = peers::measure(&Laboratory::new(workspace)?, names)?;
    let text = serde_json::to_string_pretty(&rows)? + "\n";
    fs::write(workspace.root.join(readme::PEERS), &text)?;
    println!("{text}");
    readme::settle(workspace, &Baseline::read(workspace)?, Mode::Write)?;
    Ok(true)
}

/// The long suite: every peer runs, and Keyfob is asked for no more than one token, however many callers of however many processes meet one expiry.
pub(crate) fn check_peers(workspace: &Workspace, score: &mut Score) -> Result<()> {
    for (place, row) in peers::measure(&Laboratory::new(workspace)?, &[])?.iter().enumerate() {
        match &row.note {
            Some(why) => score.skip(&row.name, why),
            None if place > 0 || row.asked_once() => score.pass(&row.name),
            None => score.fail(&row.name, &format!("not one request: {row:?}")),
        }
    }
    Ok(())
}

/// The long suite of growth.
pub(crate) fn check_growth(workspace: &Workspace, score: &mut Score) -> Result<()> {
    growth::check(&Laboratory::new(workspace)?, score)
}

/// The long suite of other languages.
pub(crate) fn check_bindings(workspace: &Workspace, score: &mut Score) -> Result<()> {
    let baseline = Baseline::read(workspace)?;
    for (line, outcome) in &in_other_languages(workspace, &baseline)? {
        score_of(line, outcome, line.judge_timed(outcome), score);
    }
    Ok(())
}

fn in_other_languages<'a>(workspace: &Workspace, baseline: &'a Baseline) -> Result<Vec<(&'a Line, Outcome)>> {
    let line = |id| baseline.lines.iter().find(|line| line.id == id).with_context(|| format!("there is no line {id}"));
    bindings::measure(workspace).into_iter().map(|(id, outcome)| Ok((line(id)?, outcome))).collect()
}

/// The suite: each line of the baseline is one test, and one that could not be measured is skipped.
pub(crate) fn check(workspace: &Workspace, score: &mut Score) -> Result<()> {
    let baseline = Baseline::read(workspace)?;
    score.item("the tables of README.md", readme::settle(workspace, &baseline, Mode::Check));
    for (line, outcome) in &measure(workspace, &baseline, &[])? {
        score_of(line, outcome, line.judge(outcome), score);
    }
    Ok(())
}

fn score_of(line: &Line, outcome: &Outcome, verdict: Verdict, score: &mut Score) {
    match verdict {
        Verdict::Told => println!("{}", line.shown(outcome)),
        Verdict::Passed => score.pass(&line.shown(outcome)),
        Verdict::Failed(why) => score.fail(&line.title(), &why),
        Verdict::NotMeasured(why) => score.skip(&line.title(), &why),
    }
}

/// The value of a line, or why it has none.
type Outcome = Result<f64, Unmeasured>;

#[derive(Debug)]
enum Unmeasured {
    /// What is needed is not here.
    Missing(String),
    /// It went wrong.
    Failed(String),
}

/// Measures the lines of these metrics, or all of them.
fn measure<'a>(workspace: &Workspace, baseline: &'a Baseline, names: &[String]) -> Result<Vec<(&'a Line, Outcome)>> {
    let wanted = |metric: &str| names.is_empty() || names.iter().any(|name| name == metric);
    let lab = Laboratory::new(workspace)?;
    let mut values = Vec::new();
    let mut reasons: Vec<(&str, Unmeasured)> = Vec::new();
    for group in GROUPS.iter().filter(|group| group.metrics.iter().any(|metric| wanted(metric))) {
        match run(group, &lab) {
            Ok(found) => values.extend(found),
            Err(why) => reasons.extend(group.metrics.iter().map(|metric| (*metric, clone(&why)))),
        }
    }
    if let Some((id, _)) = values.iter().find(|(id, _)| !baseline.lines.iter().any(|line| line.id == *id)) {
        bail!("bench/baseline.json has no line {id}");
    }
    let lines = baseline.lines.iter().filter(|line| wanted(&line.metric));
    let outcome = |line: &Line| {
        if let Some((_, value)) = values.iter().find(|(id, _)| line.id == *id) {
            return Ok(*value);
        }
        let reason = reasons.iter().find(|(metric, _)| line.metric == *metric);
        Err(reason.map_or_else(|| Unmeasured::Missing("nothing here measures it".to_owned()), |(_, why)| clone(why)))
    };
    Ok(lines.map(|line| (line, outcome(line))).collect())
}

fn run(group: &Group, lab: &Laboratory<'_>) -> Result<metrics::Values, Unmeasured> {
    setup::require(group.needs).map_err(|why| Unmeasured::Missing(format!("{why:#}")))?;
    (group.measure)(lab).map_err(|why| Unmeasured::Failed(format!("{why:#}")))
}

fn clone(why: &Unmeasured) -> Unmeasured {
    match why {
        Unmeasured::Missing(text) => Unmeasured::Missing(text.clone()),
        Unmeasured::Failed(text) => Unmeasured::Failed(text.clone()),
    }
}

fn as_value(measured: &[(&Line, Outcome)]) -> Value {
    let rows = measured.iter().map(|(line, outcome)| {
        json!({
            "metric": line.metric, "id": line.id, "what": line.what, "unit": line.unit,
            "value": outcome.as_ref().ok(), "limit": line.limit, "gate": line.gate,
        })
    });
    json!({ "metrics": rows.collect::<Vec<_>>() })
}
