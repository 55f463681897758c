//! Reads how many tests passed out of what a test runner printed, and never believes it further than its exit code.

use crate::run::Finished;

/// How many tests passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// Reads one runner's words.
pub(crate) type Counter = fn(&str) -> Tally;

/// What a run is worth: the counted tally, corrected by how the runner ended. The second value says what was wrong.
pub(crate) fn judge(finished: &Finished, counter: Counter) -> (Tally, Option<String>) {
    let mut tally = counter(&without_colour(&finished.text));
    let why = if !finished.success && tally.failed == 0 {
        // It did not compile, crashed, or fell over after its last test: whatever it counted, it did not pass.
        tally.failed = 1;
        Some(finished.how.clone())
    } else if tally.passed + tally.failed == 0 {
        tally.failed = 1;
        Some("ran no test".to_owned())
    } else if tally.failed > 0 {
        Some(format!("{} failed ({})", tally.failed, finished.how))
    } else {
        None
    };
    (tally, why)
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; …`, one line a test program.
pub(crate) fn libtest(text: &str) -> Tally {
    let mut tally = Tally::default();
    for line in text.lines().filter_map(|line| line.trim().strip_prefix("test result: ")) {
        tally.passed += number_before(line, " passed");
        tally.failed += number_before(line, " failed");
        tally.skipped += number_before(line, " ignored");
    }
    tally
}

/// The Test Anything Protocol: `ok 1 - name`, `not ok 2 - name`, `ok 3 # SKIP why`, and a plan `1..3` that is kept.
pub(crate) fn tap(text: &str) -> Tally {
    let mut tally = Tally::default();
    let mut planned = None;
    for line in text.lines() {
        if is_word(line, "not ok") {
            tally.failed += 1;
        } else if is_word(line, "ok") {
            let skip = line.to_ascii_lowercase().contains("# skip");
            if skip { tally.skipped += 1 } else { tally.passed += 1 }
        } else if let Some(count) = line.strip_prefix("1..") {
            planned = count.split_whitespace().next().and_then(|count| count.parse::<usize>().ok());
        } else if line.starts_with("Bail out!") {
            tally.failed += 1;
        }
    }
    // A program that left early exits with 0 like any other; its plan tells.
    let missing = planned.unwrap_or(0).saturating_sub(tally.passed + tally.failed + tally.skipped);
    tally.failed += missing;
    tally
}

/// Maven Surefire's closing line of each module: `Tests run: 5, Failures: 1, Errors: 0, Skipped: 1`, without a time.
pub(crate) fn surefire(text: &str) -> Tally {
    let mut tally = Tally::default();
    for line in text.lines().filter(|line| !line.contains("Time elapsed")) {
        let Some((_, line)) = line.split_once("Tests run: ") else { continue };
        let failed = number_after(line, "Failures: ") + number_after(line, "Errors: ");
        let skipped = number_after(line, "Skipped: ");
        let run = number_after(&format!("run: {line}"), "run: ");
        tally.add(Tally { passed: run.saturating_sub(failed + skipped), failed, skipped });
    }
    tally
}

/// Swift Testing: a line `✔ Test name() passed after …` for each test, and a closing `Test run with N tests …`.
pub(crate) fn swift_testing(text: &str) -> Tally {
    let mut tally = Tally::default();
    let mut closed = false;
    for line in text.lines() {
        let Some(line) = line.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).strip_prefix("Test ") else {
            continue;
        };
        if line.starts_with("run with ") {
            closed = true;
        } else if line.contains(" passed after ") {
            tally.passed += 1;
        } else if line.contains(" failed after ") {
            tally.failed += 1;
        } else if line.ends_with(" skipped.") || line.contains(" skipped: ") {
            tally.skipped += 1;
        }
    }
    if !closed && tally.passed > 0 {
        tally.failed += 1; // It stopped in the middle.
    }
    tally
}

fn is_word(line: &str, word: &str) -> bool {
    line.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

fn number_before(line: &str, word: &str) -> usize {
    let before = line.split_once(word).map_or("", |(before, _)| before);
    before.rsplit(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn number_after(line: &str, word: &str) -> usize {
    let after = line.split_once(word).map_or("", |(_, after)| after);
    after.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Without terminal escapes: some runners colour their words whoever listens.
pub(crate) fn without_colour(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\x1b' {
            plain.push(c);
        } else if chars.next() == Some('[') {
            // The sequence ends with its first letter.
            let _ = chars.by_ref().find(char::is_ascii_alphabetic);
        }
    }
    plain
}

#[cfg(test)]
mod tests;
