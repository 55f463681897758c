//! The score of a suite while it runs, and the table at the end.

use std::time::Duration;

use crate::counting::{Counter, Tally, judge};
use crate::run::{Finished, paint};

/// What one suite has to show: its tally, and a line for everything that did not pass.
#[derive(Debug, Default)]
pub(crate) struct Score {
    tally: Tally,
    notes: Vec<String>,
}

impl Score {
    pub(crate) fn pass(&mut self, what: &str) {
        println!("{} {what}", paint("32", "ok"));
        self.tally.passed += 1;
    }

    pub(crate) fn fail(&mut self, what: &str, why: &str) {
        self.tally.failed += 1;
        self.note("31", &format!("FAILED {what}: {why}"));
    }

    /// What could not be run is said loudly, here and under the table: it has not passed.
    pub(crate) fn skip(&mut self, what: &str, why: &str) {
        self.tally.skipped += 1;
        self.note("33", &format!("SKIPPED {what}: {why}"));
    }

    pub(crate) fn item(&mut self, what: &str, result: anyhow::Result<()>) {
        match result {
            Ok(()) => self.pass(what),
            Err(error) => self.fail(what, &format!("{error:#}")),
        }
    }

    /// A test runner's run, counted from its words.
    pub(crate) fn count(&mut self, what: &str, finished: &Finished, counter: Counter) {
        let (tally, why) = judge(finished, counter);
        self.tally.add(tally);
        if let Some(why) = why {
            self.note("31", &format!("FAILED {what}: {why}"));
        }
        if tally.skipped > 0 {
            self.note("33", &format!("SKIPPED {what}: {} by the runner", tally.skipped));
        }
    }

    fn note(&mut self, colour: &str, text: &str) {
        println!("{}", paint(colour, text));
        self.notes.push(text.to_owned());
    }

    #[cfg(test)]
    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }
}

/// Every suite's score, in the order they ran.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<(String, Score, Duration)>,
}

impl Table {
    pub(crate) fn add(&mut self, suite: &str, score: Score, took: Duration) {
        self.rows.push((suite.to_owned(), score, took));
    }

    /// Prints it all and says whether nothing failed.
    pub(crate) fn close(&self) -> bool {
        println!("\n{}", self.text());
        self.total().failed == 0
    }

    fn total(&self) -> Tally {
        let mut total = Tally::default();
        for (_, score, _) in &self.rows {
            total.add(score.tally);
        }
        total
    }

    fn text(&self) -> String {
        let mut lines = Vec::new();
        for (suite, score, _) in &self.rows {
            lines.extend(score.notes.iter().map(|note| format!("{suite}: {note}")));
        }
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!("{:<12} {:>7} {:>7} {:>8} {:>8}", "suite", "passed", "failed", "skipped", "seconds"));
        for (suite, score, took) in &self.rows {
            let Tally { passed, failed, skipped } = score.tally;
            lines.push(format!("{suite:<12} {passed:>7} {failed:>7} {skipped:>8} {:>8.1}", took.as_secs_f64()));
        }
        let Tally { passed, failed, skipped } = self.total();
        lines.push(String::new());
        lines.push(format!("{passed} passed, {failed} failed, {skipped} skipped"));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_plain_sum() {
        let mut table = Table::default();
        let mut one = Score::default();
        one.pass("a");
        one.skip("b", "no Valgrind");
        table.add("c", one, Duration::from_millis(1200));
        let mut two = Score::default();
        two.fail("d", "wrong");
        table.add("rust", two, Duration::from_secs(3));
        let text = table.text();
        assert_eq!(text.lines().last(), Some("1 passed, 1 failed, 1 skipped"));
        assert!(text.contains("c: SKIPPED b: no Valgrind"), "{text}");
        assert!(text.contains("rust: FAILED d: wrong"), "{text}");
        assert!(!table.close());
    }

    #[test]
    fn a_runner_that_failed_fails_the_table() {
        let mut score = Score::default();
        let finished =
            Finished { success: false, text: String::new(), how: "exit status: 1".to_owned(), code: Some(1) };
        score.count("cargo test", &finished, crate::counting::libtest);
        assert_eq!(score.tally(), Tally { passed: 0, failed: 1, skipped: 0 });
    }
}
