//! The instruments: what Callgrind counts of a program, and what strace records of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// The function whose inside is counted, in Rust and in C.
pub(super) const MEASURED: &str = "*bench_measured*";

/// What the C library calls that give memory are named.
const ALLOCATORS: [&str; 5] = ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"];

/// What Callgrind counted.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) instructions: u64,
    /// How often each function was called.
    pub(super) calls: BTreeMap<String, u64>,
}

/// The words that start a program under Callgrind, which counts what is inside a function and nothing else.
pub(super) fn callgrind(record: &Path, function: &str) -> Vec<String> {
    valgrind(record, &[&format!("--toggle-collect={function}")])
}

/// The same, counting everything in parts, which end wherever one of these functions returns.
pub(super) fn callgrind_in_parts(record: &Path, ends: &[&str]) -> Vec<String> {
    let ends: Vec<String> = ends.iter().map(|name| format!("--dump-after={name}")).collect();
    valgrind(record, &ends.iter().map(String::as_str).collect::<Vec<_>>())
}

fn valgrind(record: &Path, more: &[&str]) -> Vec<String> {
    let words = ["valgrind", "--tool=callgrind", "--compress-strings=no", "--compress-pos=no"];
    let record = format!("--callgrind-out-file={}", record.display());
    words.into_iter().map(str::to_owned).chain([record]).chain(more.iter().map(|word| (*word).to_owned())).collect()
}

impl Counted {
    /// Reads the one record of a program.
    pub(super) fn read(record: &Path) -> Result<Self> {
        let text = fs::read_to_string(record).with_context(|| format!("cannot read {}", record.display()))?;
        Self::parse(&text)
    }

    /// The format is described in Valgrind's manual, section "Callgrind Format Specification".
    fn parse(text: &str) -> Result<Self> {
        let mut counted = Self::default();
        let mut callee = None;
        let mut total = None;
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("cfn=") {
                callee = Some(name);
            } else if let Some(calls) = line.strip_prefix("calls=") {
                let name = callee.take().context("calls of nobody")?;
                let times: u64 = calls.split(' ').next().unwrap_or_default().parse().context("calls=")?;
                // Recursion is marked by a number behind the name: the function is the same.
                let name = name.split('\'').next().unwrap_or(name);
                *counted.calls.entry(name.to_owned()).or_default() += times;
            } else if let Some(number) = line.strip_prefix("totals: ") {
                total = Some(number.trim().parse().context("totals")?);
            }
        }
        counted.instructions = total.context("Callgrind wrote no total")?;
        Ok(counted)
    }

    /// How often memory was asked for.
    pub(super) fn allocations(&self) -> u64 {
        self.calls.iter().filter(|(name, _)| ALLOCATORS.contains(&name.as_str())).map(|(_, times)| times).sum()
    }
}

/// A part of a run: what it ended with, and its instructions.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) end: String,
    pub(super) instructions: u64,
}

/// Reads the numbered records of a run in parts, in their order.
pub(super) fn parts(record: &Path) -> Result<Vec<Part>> {
    let mut found = Vec::new();
    for number in 1.. {
        let file = PathBuf::from(format!("{}.{number}", record.display()));
        let Ok(text) = fs::read_to_string(&file) else { break };
        let end = text.lines().find_map(|line| line.strip_prefix("desc: Trigger: ")).unwrap_or_default();
        let end = end.strip_prefix("--dump-after=").unwrap_or(end).to_owned();
        found.push(Part { end, instructions: Counted::parse(&text)?.instructions });
    }
    if found.is_empty() {
        bail!("Callgrind wrote no parts");
    }
    Ok(found)
}

/// The words that start a program under strace, which records what every thread asks of the system.
pub(super) fn strace(record: &Path) -> Vec<String> {
    let record = record.display().to_string();
    ["strace", "-f", "-q", "-o", &record].map(str::to_owned).into()
}

/// The system calls of what is measured, each time that it was: their names, in order.
pub(super) fn recorded(record: &Path) -> Result<Vec<Vec<String>>> {
    let text = fs::read_to_string(record).with_context(|| format!("cannot read {}", record.display()))?;
    Ok(between_marks(&text))
}

fn between_marks(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut current: Option<Vec<String>> = None;
    for line in text.lines() {
        // `PID  call(arguments) = result`; a call that waited has a second line, `<... call resumed>`.
        let call = line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
        if call.contains("\"bench: begin") {
            current = Some(Vec::new());
        } else if call.contains("\"bench: end") {
            found.extend(current.take());
        } else if let (Some(current), Some((name, _))) = (&mut current, call.split_once('('))
            && !name.contains(' ')
            && !name.contains('<')
        {
            current.push(name.to_owned());
        }
    }
    found
}

/// How many of some calls are among them.
pub(super) fn how_many(calls: &[String], names: &[&str]) -> u64 {
    calls.iter().filter(|call| names.contains(&call.as_str())).map(|_| 1).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_their_callee_and_recursion_is_the_same_function() {
        let text = "fn=bench_measured\n10 5\ncfn=malloc\ncalls=3 0\n10 90\ncfn=walk'2\ncalls=4 0\n10 1\nfn=b\ncfn=malloc\ncalls=2 0\n1 1\ntotals: 1234\n";
        let counted = Counted::parse(text).unwrap();
        assert_eq!((counted.instructions, counted.allocations()), (1234, 5));
        assert_eq!(counted.calls.get("walk"), Some(&4));
        assert!(Counted::parse("fn=a\n").is_err(), "no total is no count");
    }

    #[test]
    fn only_calls_between_the_marks_count_and_one_that_waited_counts_once() {
        let text = "7  openat(AT_FDCWD, \"x\") = 3\n7  write(2, \"bench: begin\\n\", 13) = 13\n7  fsync(3 <unfinished ...>\n\
                    8  futex(0x1) = 0\n7  <... fsync resumed>) = 0\n7  write(2, \"bench: end\\n\", 11) = 11\n7  close(3) = 0\n";
        assert_eq!(between_marks(text), [["fsync", "futex"]]);
    }
}
