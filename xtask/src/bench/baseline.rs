//! `bench/baseline.json`: what is measured, how much it may be, how much it was, and why.

use std::fs;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::{Outcome, Unmeasured};
use crate::workspace::Workspace;

const PATH: &str = "bench/baseline.json";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Baseline {
    pub(super) lines: Vec<Line>,
}

/// One line of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    /// The metric's number and a word: `M1.instructions`.
    pub(super) id: String,
    /// Its number.
    pub(super) metric: String,
    pub(super) what: String,
    pub(super) unit: String,
    /// What we want: at most so much. Nothing where only a change is to be seen.
    pub(super) limit: Option<f64>,
    /// What passes: at most so much. Above the limit only with a reason that begins with `missed:`. Nothing where it is only told, or measured by no suite.
    pub(super) gate: Option<f64>,
    /// What it was when the gate was set.
    pub(super) value: Option<f64>,
    /// Why the gate stands where it does.
    pub(super) reason: String,
}

/// What the check of a line comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    /// It has no gate, and was not measured.
    Told,
    Failed(String),
    NotMeasured(String),
}

impl Baseline {
    pub(super) fn read(workspace: &Workspace) -> Result<Self> {
        let text = fs::read_to_string(workspace.root.join(PATH)).with_context(|| format!("cannot read {PATH}"))?;
        Self::parse(&text).context(PATH)
    }

    fn parse(text: &str) -> Result<Self> {
        let baseline: Self = serde_json::from_str(text)?;
        for line in &baseline.lines {
            line.check().with_context(|| line.id.clone())?;
        }
        Ok(baseline)
    }
}

impl Line {
    /// A limit that is not held is said, and never loosened in silence.
    fn check(&self) -> Result<()> {
        if self.reason.trim().is_empty() {
            bail!("there is no reason");
        }
        if self.id.split('.').next() != Some(&self.metric) {
            bail!("the id does not begin with the metric {}", self.metric);
        }
        let most = self.gate.or(self.value);
        let over = self.limit.zip(most).is_some_and(|(limit, most)| most > limit);
        if over != self.reason.starts_with("missed: ") {
            bail!("a reason begins with `missed: ` where the gate is above the limit, and nowhere else");
        }
        if self.value.zip(self.gate).is_some_and(|(value, gate)| value > gate) {
            bail!("the value is above the gate");
        }
        Ok(())
    }

    pub(super) fn judge(&self, outcome: &Outcome) -> Verdict {
        match (outcome, self.gate) {
            (Ok(value), Some(gate)) if *value > gate => Verdict::Failed(format!(
                "{} is over the gate of {} {} (it was {}). A change that is worth it moves the gate in {PATH}, with its reason",
                number(*value),
                number(gate),
                self.unit,
                self.value.map_or_else(|| "never measured".to_owned(), number)
            )),
            (Ok(_), _) => Verdict::Passed,
            (Err(Unmeasured::Missing(_)), None) => Verdict::Told,
            (Err(Unmeasured::Missing(why)), Some(_)) => Verdict::NotMeasured(format!("not measured: {why}")),
            (Err(Unmeasured::Failed(why)), _) => Verdict::Failed(why.clone()),
        }
    }

    /// The same where a clock measured, for which no line has a gate: it may be a fifth over the limit, or over what it was where that is more.
    pub(super) fn judge_timed(&self, outcome: &Outcome) -> Verdict {
        let most = 1.2 * self.limit.into_iter().chain(self.value).fold(0.0, f64::max);
        match outcome {
            Ok(value) if *value > most => Verdict::Failed(format!("{} is over {}", number(*value), number(most))),
            Ok(_) => Verdict::Passed,
            Err(Unmeasured::Missing(why)) => Verdict::NotMeasured(format!("not measured: {why}")),
            Err(Unmeasured::Failed(why)) => Verdict::Failed(why.clone()),
        }
    }

    pub(super) fn title(&self) -> String {
        format!("{} {}", self.metric, self.what)
    }

    /// One row for a person.
    pub(super) fn shown(&self, outcome: &Outcome) -> String {
        let value = match outcome {
            Ok(value) => number(*value),
            Err(Unmeasured::Missing(_)) => "not measured".to_owned(),
            Err(Unmeasured::Failed(why)) => format!("FAILED ({why})"),
        };
        let limit = self.limit.map(|limit| format!(", limit {}", number(limit))).unwrap_or_default();
        let missed = outcome.as_ref().is_ok_and(|value| self.limit.is_some_and(|limit| *value > limit));
        let gate = self.gate.filter(|_| missed).map(|gate| format!(" MISSED, gate {}", number(gate)));
        format!("{:<4} {}: {value} {}{limit}{}", self.metric, self.what, self.unit, gate.unwrap_or_default())
    }
}

/// As a person writes it: no zeros behind the point, thousands apart.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(limit: f64, gate: f64, reason: &str) -> Line {
        let text = serde_json::json!({
            "id": "M1.instructions", "metric": "M1", "what": "a cached token", "unit": "instructions",
            "limit": limit, "gate": gate, "value": 7, "reason": reason,
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn the_committed_baseline_can_be_read() {
        let baseline = Baseline::parse(include_str!("../../../bench/baseline.json")).unwrap();
        for metric in ["M1", "M2", "M3", "M4", "M5", "M6", "M7", "M8", "M9", "M10", "M11", "M12"] {
            assert!(baseline.lines.iter().any(|line| line.metric == metric), "{metric}");
        }
    }

    #[test]
    fn a_gate_above_the_limit_says_that_the_limit_is_missed() {
        assert!(line(10.0, 10.0, "as it was measured").check().is_ok());
        assert!(line(10.0, 11.0, "as it was measured").check().is_err());
        assert!(line(10.0, 11.0, "missed: SQLite's own").check().is_ok());
        assert!(line(10.0, 9.0, "missed: it is not").check().is_err());
        assert!(line(10.0, 6.0, "below what was measured").check().is_err());
    }

    #[test]
    fn above_the_gate_fails_and_what_was_not_measured_does_not_pass() {
        let line = line(10.0, 8.0, "why");
        assert_eq!(line.judge(&Ok(8.0)), Verdict::Passed);
        assert!(matches!(line.judge(&Ok(8.5)), Verdict::Failed(why) if why.starts_with("8.5 is over the gate of 8 ")));
        let missing = Err(Unmeasured::Missing("no strace".to_owned()));
        assert_eq!(line.judge(&missing), Verdict::NotMeasured("not measured: no strace".to_owned()));
        assert!(matches!(line.judge(&Err(Unmeasured::Failed("it died".to_owned()))), Verdict::Failed(_)));
    }

    #[test]
    fn what_a_clock_measured_may_be_a_fifth_over_the_limit_and_over_what_it_was() {
        let line = line(10.0, 8.0, "why");
        assert_eq!(line.judge_timed(&Ok(11.9)), Verdict::Passed);
        assert!(matches!(line.judge_timed(&Ok(12.1)), Verdict::Failed(why) if why == "12.1 is over 12"));
        assert!(matches!(line.judge_timed(&Err(Unmeasured::Missing(String::new()))), Verdict::NotMeasured(_)));
        assert!(matches!(line.judge_timed(&Err(Unmeasured::Failed(String::new()))), Verdict::Failed(_)));
    }

    #[test]
    fn numbers_are_written_as_people_write_them() {
        assert_eq!(number(1_234_567.0), "1,234,567");
        assert_eq!(number(1.25), "1.25");
        assert_eq!(number(100.0), "100");
        assert_eq!(number(0.0), "0");
    }
}
