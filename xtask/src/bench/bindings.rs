//! `cargo xtask bench bindings`: what a cached token costs in Kotlin and in Swift, beside a call into the same library that does nothing.
//!
//! Timed and not counted, for nothing counts what a virtual machine has compiled. Both calls are timed in turns, many times, in one process, and what counts is
//! the median of the turns' ratios: a busy machine slows both.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Outcome, Unmeasured};
use crate::setup::{self, JDK, MAVEN, Tool};
use crate::suites;
use crate::workspace::Workspace;

struct Language {
    /// Its line in `bench/baseline.json`.
    line: &'static str,
    needs: fn() -> Vec<&'static Tool>,
    /// Runs its program, whose last line is `result {…}`.
    run: fn(&Workspace) -> Result<String>,
}

const LANGUAGES: &[Language] = &[
    Language { line: "M9.kotlin_ratio", needs: || vec![&JDK, &MAVEN], run: suites::kotlin_bench },
    Language { line: "M9.swift_ratio", needs: suites::swift_needs, run: suites::swift_bench },
];

/// The lines that are measured so, and what came of it.
pub(super) fn measure(workspace: &Workspace) -> Vec<(&'static str, Outcome)> {
    let all: Vec<_> = LANGUAGES.iter().flat_map(|language| (language.needs)()).collect();
    setup::install(&all);
    LANGUAGES.iter().map(|language| (language.line, ratio(workspace, language))).collect()
}

fn ratio(workspace: &Workspace, language: &Language) -> Outcome {
    setup::require(&(language.needs)()).map_err(|why| Unmeasured::Missing(format!("{why:#}")))?;
    let measured = (language.run)(workspace).and_then(|text| read(&text));
    measured.map_err(|why| Unmeasured::Failed(format!("{why:#}")))
}

fn read(text: &str) -> Result<f64> {
    let result = text.lines().rev().find_map(|line| line.strip_prefix("result ")).context("it has no result")?;
    println!("{result}");
    let result: Value = serde_json::from_str(result).context("its result")?;
    let ratio = result.get("ratio").and_then(Value::as_f64).context("it has no ratio")?;
    Ok((100.0 * ratio).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_read_from_the_last_result() {
        let text =
            "[INFO] Running\nresult {\"ratio\": 3}\nresult {\"ratio\": 1.2345, \"echo_nanos\": 7}\n[INFO] done\n";
        assert!((read(text).unwrap() - 1.23).abs() < 1e-9);
        assert!(read("result {}").is_err() && read("nothing").is_err());
    }
}
