//! `cargo xtask fuzz`: the fuzz targets, each for some minutes, under AddressSanitizer. No suite: it has no end of its own.
//!
//! What a run finds lies under Cargo's target folder and is where the next one begins; `--keep` adds to the committed corpus what reaches code that nothing in
//! it reaches.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use lexopt::prelude::*;

use crate::run::{Finished, Run, paint};
use crate::workspace::{Workspace, cargo, files};

const HELP: &str = "\
cargo xtask fuzz [OPTIONS] [TARGET…]: run fuzz targets (all of them without a name)

  --minutes M   how long each runs (default 1); fractions are fine
  --at-once N   how many run at the same time (default 1); each takes a processor
  --keep        add to fuzz/corpus what reaches code that nothing there reaches
  --list        name the targets

Ends with a failure where one has crashed; the input that did it is named.";

/// Installed where there is none.
const CARGO_FUZZ: &str = "0.13.2";
/// Everything beside the fuzzing itself: seeds are read, the sanitizer looks for leaks.
const BESIDE: Duration = Duration::from_secs(300);
/// The first build has SQLite and ring in it, with a sanitizer.
const BUILD: Duration = Duration::from_secs(3 * 3600);

/// What the command line says.
struct Wanted {
    targets: Vec<String>,
    seconds: u64,
    at_once: usize,
    keep: bool,
}

/// `cargo xtask fuzz` with these words; false where a target has crashed.
pub(crate) fn by_hand(workspace: &Workspace, words: Vec<OsString>) -> Result<bool> {
    let Some(wanted) = read(workspace, words)? else { return Ok(true) };
    set_up()?;
    let done = Fuzzer { root: workspace.root.clone(), found: workspace.target.join("fuzz-corpus") };
    done.cargo_fuzz("build", &[]).limit(BUILD).run()?.must("cargo fuzz build")?;
    println!("{:<13} {:>12} {:>6} {:>9} {:>5}", "target", "executions", "edges", "features", "new");
    let waiting = Mutex::new(wanted.targets.iter());
    let next = || waiting.lock().ok()?.next();
    let run_all = || -> Result<bool> {
        let mut good = true;
        while let Some(name) = next() {
            good &= done.fuzz(name, wanted.seconds, wanted.keep)?;
        }
        Ok(good)
    };
    thread::scope(|scope| {
        let begun: Vec<_> = (0..wanted.at_once).map(|_| scope.spawn(run_all)).collect();
        let mut good = true;
        for thread in begun {
            good &= thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        Ok(good)
    })
}

/// `None` where there is nothing to do but to tell.
fn read(workspace: &Workspace, words: Vec<OsString>) -> Result<Option<Wanted>> {
    let all: Vec<String> = files(&workspace.root.join("fuzz/fuzz_targets"), "rs")
        .iter()
        .filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned()))
        .collect();
    let mut wanted = Wanted { targets: Vec::new(), seconds: 60, at_once: 1, keep: false };
    let mut args = lexopt::Parser::from_args(words);
    while let Some(arg) = args.next()? {
        match arg {
            Long("help") | Short('h') => {
                println!("{HELP}");
                return Ok(None);
            }
            Long("list") => {
                println!("{}", all.join("\n"));
                return Ok(None);
            }
            Long("minutes") => {
                let minutes: f64 = args.value()?.parse()?;
                let time = Duration::try_from_secs_f64(minutes * 60.0).context("--minutes is a number of minutes")?;
                // To libFuzzer nothing is for ever.
                wanted.seconds = time.as_secs().max(1);
            }
            Long("at-once") => wanted.at_once = args.value()?.parse::<usize>()?.max(1),
            Long("keep") => wanted.keep = true,
            Value(name) => {
                let name = name.string()?;
                if !all.contains(&name) {
                    bail!("there is no fuzz target {name:?}; cargo xtask fuzz --list names them");
                }
                wanted.targets.push(name);
            }
            other => bail!(other.unexpected()),
        }
    }
    if wanted.targets.is_empty() {
        wanted.targets = all;
    }
    Ok(Some(wanted))
}

/// Whatever version is there will do.
fn set_up() -> Result<()> {
    if cargo().args(["fuzz", "--version"]).quiet().run()?.success {
        return Ok(());
    }
    let install = cargo().args(["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ]);
    install.run()?.must("cargo install cargo-fuzz").map(|_| ())
}

struct Fuzzer {
    root: PathBuf,
    /// A folder for each target, with what runs have found.
    found: PathBuf,
}

impl Fuzzer {
    fn cargo_fuzz(&self, command: &str, args: &[&str]) -> Run {
        let run = cargo().dir(&self.root).args(["fuzz", command, "--fuzz-dir", "fuzz"]).args(args);
        // Sanitizers are for nightly compilers; a stable one has them too, and this is no program that is shipped.
        run.env("RUSTC_BOOTSTRAP", "1")
    }

    /// One target; false where it has crashed. Prints its line.
    fn fuzz(&self, name: &str, seconds: u64, keep: bool) -> Result<bool> {
        let seeds = self.root.join("fuzz/corpus").join(name);
        let found = self.found.join(name);
        fs::create_dir_all(&found).with_context(|| format!("cannot make {}", found.display()))?;
        let time = format!("-max_total_time={seconds}");
        let options = ["--", &time, "-print_final_stats=1", "-timeout=20", "-rss_limit_mb=4096"];
        let run = self.cargo_fuzz("run", &[name]).arg(&found).arg(&seeds).args(options);
        let done = run.quiet().limit(Duration::from_secs(seconds) + BESIDE).run()?;
        let figures = Figures::of(&done.text);
        println!("{}", figures.line(name));
        if !done.success {
            tell(name, &done, &self.root);
        }
        if keep {
            self.keep(name, &seeds, &found)?;
        }
        Ok(done.success)
    }

    fn keep(&self, name: &str, seeds: &Path, found: &Path) -> Result<()> {
        let before = entries(seeds);
        let merge =
            self.cargo_fuzz("run", &[name]).arg(seeds).arg(found).args(["--", "-set_cover_merge=1", "-use_counters=0"]);
        merge.quiet().run()?.must("the merge")?;
        println!("{name}: {} files more in {}", entries(seeds) - before, seeds.display());
        Ok(())
    }
}

fn entries(dir: &Path) -> usize {
    fs::read_dir(dir).into_iter().flatten().count()
}

/// What a target said when it crashed, and where the input is.
fn tell(name: &str, done: &Finished, root: &Path) {
    println!("{}", paint("31", &format!("FAILED {name}: {}", done.how)));
    let lines: Vec<_> = done.text.lines().collect();
    let begin = lines.iter().position(|line| line.contains("panicked at") || line.contains("ERROR: "));
    for line in lines.iter().skip(begin.unwrap_or_else(|| lines.len().saturating_sub(20))).take(12) {
        println!("  {line}");
    }
    for line in lines.iter().filter(|line| line.contains("Test unit written to")) {
        println!("  {}: {line}", root.display());
    }
}

/// What libFuzzer says of a run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Figures {
    executions: u64,
    edges: u64,
    features: u64,
    new: u64,
}

impl Figures {
    fn of(text: &str) -> Self {
        let last = |word: &str| {
            text.lines().rev().find_map(|line| {
                let (_, rest) = line.split_once(word)?;
                rest.split_whitespace().next()?.parse().ok()
            })
        };
        let of = |word| last(word).unwrap_or(0);
        // A crash ends the run before the statistics, and so does a signal.
        let counted =
            || text.lines().rev().find_map(|line| line.strip_prefix('#')?.split_whitespace().next()?.parse().ok());
        Self {
            executions: last("stat::number_of_executed_units:").or_else(counted).unwrap_or(0),
            edges: of(" cov: "),
            features: of(" ft: "),
            new: of("stat::new_units_added:"),
        }
    }

    fn line(&self, name: &str) -> String {
        let Self { executions, edges, features, new } = self;
        format!("{name:<13} {executions:>12} {edges:>6} {features:>9} {new:>5}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_the_last_that_were_said() {
        let text = "#2\tINITED cov: 9 ft: 9 corp: 1/1b exec/s: 0 rss: 47Mb\n\
                    #4096\tpulse  cov: 512 ft: 1411 corp: 300/12Kb lim: 4096 exec/s: 2048 rss: 61Mb\n\
                    Done 8000 runs in 4 second(s)\n\
                    stat::number_of_executed_units: 8000\n\
                    stat::average_exec_per_sec:     2000\n\
                    stat::new_units_added:          77\n";
        assert_eq!(Figures::of(text), Figures { executions: 8000, edges: 512, features: 1411, new: 77 });
        let cut = text.split_once("Done").map(|(begin, _)| begin).unwrap();
        assert_eq!(Figures::of(cut), Figures { executions: 4096, edges: 512, features: 1411, new: 0 });
        assert_eq!(Figures::of("error: no such thing"), Figures::default());
    }
}
