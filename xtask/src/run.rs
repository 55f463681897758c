//! Runs a program: shows it, streams what it says, keeps the text for counting, and stops it at its limit.
//!
//! Standard output and standard error share one pipe, so what a person reads and what is counted are in
//! the order in which they were said. A program that hangs is stopped with everything it started: a test
//! run that never ends tells nobody which test it was.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// Long enough for a cold build on a slow machine; a suite that knows better says so.
const DEFAULT_LIMIT: Duration = Duration::from_secs(30 * 60);

/// How often the loop looks up from waiting for a line.
const TICK: Duration = Duration::from_millis(100);

/// How long output may go on after the program itself is gone (a daemon it left behind may hold the pipe for ever).
const AFTER_EXIT: Duration = Duration::from_secs(5);

/// A program about to be run.
pub(crate) struct Run {
    command: Command,
    limit: Duration,
    quiet: bool,
    shown: Option<String>,
}

/// What a program did.
#[derive(Debug)]
pub(crate) struct Finished {
    /// It exited with 0, within its limit.
    pub(crate) success: bool,
    /// Everything it said.
    pub(crate) text: String,
    /// How it ended, in words: `exit status: 1`, `stopped after 600 s`.
    pub(crate) how: String,
    /// Its exit code, where it ended by itself.
    pub(crate) code: Option<i32>,
}

impl Finished {
    /// The text of a success, an error for anything else.
    pub(crate) fn must(self, what: &str) -> Result<String> {
        if !self.success {
            bail!("{what}: {}", self.how);
        }
        Ok(self.text)
    }
}

impl Run {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        Self { command: Command::new(program), limit: DEFAULT_LIMIT, quiet: false, shown: None }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without_env(mut self, name: impl AsRef<OsStr>) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Neither shown nor streamed; the text is still kept.
    pub(crate) fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Shown by these words instead of its own, which are long and say little.
    pub(crate) fn shown_as(mut self, words: &str) -> Self {
        self.shown = Some(words.to_owned());
        self
    }

    /// Runs it to its end, with nothing on its standard input.
    pub(crate) fn run(self) -> Result<Finished> {
        self.start(Stdio::null(), |_| None)
    }

    /// Runs it to its end; whatever `answer` makes of a line it printed goes to its standard input as a line.
    pub(crate) fn talk(self, answer: impl FnMut(&str) -> Option<String>) -> Result<Finished> {
        self.start(Stdio::piped(), answer)
    }

    /// Gives it this terminal, for a person who typed the command.
    pub(crate) fn by_hand(mut self) -> Result<ExitStatus> {
        self.command.status().with_context(|| format!("cannot start {}", self.shown()))
    }

    fn start(mut self, stdin: Stdio, mut answer: impl FnMut(&str) -> Option<String>) -> Result<Finished> {
        let shown = self.shown();
        if !self.quiet {
            println!("{}", paint("1", &format!("$ {shown}")));
        }
        let (reader, writer) = io::pipe().context("cannot make a pipe")?;
        self.command.stdin(stdin).stdout(writer.try_clone()?).stderr(writer);
        let mut child = self.command.spawn().with_context(|| format!("cannot start {shown}"))?;
        // The command holds the pipe's writing ends: while it lives, the reader would wait for ever.
        drop(self.command);

        let mut input = child.stdin.take();
        let lines = lines_of(reader);
        let mut text = String::new();
        let stopped = follow(&mut child, self.limit, &lines, |line| {
            text.push_str(line);
            if !self.quiet {
                let mut out = io::stdout().lock();
                // A closed terminal must not end the run: the text still counts.
                let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
            }
            if let (Some(said), Some(pipe)) = (answer(line.trim_end()), input.as_mut()) {
                // A program that left without reading its answer shows that by how it ended.
                let _ =
                    pipe.write_all(said.as_bytes()).and_then(|()| pipe.write_all(b"\n")).and_then(|()| pipe.flush());
            }
        })?;
        drop(input);
        let status = child.wait().with_context(|| format!("cannot wait for {shown}"))?;
        let how = if stopped { format!("stopped after {} s", self.limit.as_secs()) } else { status.to_string() };
        let code = if stopped { None } else { status.code() };
        Ok(Finished { success: status.success() && !stopped, text, how, code })
    }

    fn shown(&self) -> String {
        if let Some(shown) = &self.shown {
            return shown.clone();
        }
        // The program by its name: where it lies is long and rarely of interest.
        let program = Path::new(self.command.get_program());
        let name = program.file_name().unwrap_or(program.as_os_str());
        let words = std::iter::once(name).chain(self.command.get_args());
        words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
    }
}

/// Reads lines until the program ends; true if it had to be stopped.
fn follow(child: &mut Child, limit: Duration, lines: &Receiver<String>, mut each: impl FnMut(&str)) -> Result<bool> {
    let started = Instant::now();
    let mut stopped = false;
    let mut exited = None;
    loop {
        match lines.recv_timeout(TICK) {
            Ok(line) => each(&line),
            Err(RecvTimeoutError::Disconnected) if child.try_wait()?.is_some() => return Ok(stopped),
            // It closed its output and lives on.
            Err(RecvTimeoutError::Disconnected) => thread::sleep(TICK),
            Err(RecvTimeoutError::Timeout) => {
                if child.try_wait()?.is_some() && exited.get_or_insert_with(Instant::now).elapsed() > AFTER_EXIT {
                    return Ok(stopped);
                }
            }
        }
        if !stopped && started.elapsed() > limit {
            stopped = true;
            kill_tree(child);
        }
    }
}

fn lines_of(reader: io::PipeReader) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
            line.clear();
        }
    });
    receiver
}

/// Kills the program and all it started (where /proc tells): under `mvn` or Valgrind the one that hangs is a grandchild.
fn kill_tree(child: &mut Child) {
    let mut doomed = vec![child.id()];
    let children = children_by_parent();
    let mut next = 0;
    while let Some(parent) = doomed.get(next) {
        let found = children.get(parent).cloned().unwrap_or_default();
        doomed.extend(found);
        next += 1;
    }
    let _ = child.kill();
    let rest = doomed.iter().skip(1).map(u32::to_string);
    let _ = Command::new("kill").arg("-KILL").args(rest).stderr(Stdio::null()).status();
}

fn children_by_parent() -> HashMap<u32, Vec<u32>> {
    let mut found: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // `ID (NAME) STATE PARENT …`, and a name may hold spaces and brackets.
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        if let Some(parent) = parent {
            found.entry(parent).or_default().push(id);
        }
    }
    found
}

/// As a person could paste it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Colour, on a terminal only.
pub(crate) fn paint(code: &str, text: &str) -> String {
    if io::stdout().is_terminal() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Run {
        Run::new("sh").args(["-c", script]).quiet()
    }

    #[test]
    fn both_streams_are_kept_in_the_order_they_were_said() {
        let done = sh("echo one; echo two >&2; echo three; exit 3").run().unwrap();
        assert_eq!(done.text, "one\ntwo\nthree\n");
        assert_eq!(done.code, Some(3));
        assert!(!done.success);
    }

    #[test]
    fn a_program_that_hangs_is_stopped_with_what_it_started() {
        let started = Instant::now();
        let done = sh("sh -c 'sleep 60' & echo waiting; wait").limit(Duration::from_millis(300)).run().unwrap();
        assert!(!done.success);
        assert_eq!(done.text, "waiting\n");
        assert!(done.how.starts_with("stopped after"), "{}", done.how);
        assert!(started.elapsed() < Duration::from_secs(5), "the grandchild held the pipe");
    }

    #[test]
    fn a_line_can_be_answered() {
        let answer = |line: &str| line.strip_prefix("name? ").map(|asked| format!("{asked} is Ada"));
        let done = sh("echo name? she; read said; echo \"[$said]\"").talk(answer).unwrap();
        assert_eq!(done.text, "name? she\n[she is Ada]\n");
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error_that_names_it() {
        let error = Run::new("no-such-program-here").quiet().run().unwrap_err();
        assert!(error.to_string().contains("no-such-program-here"), "{error}");
    }
}
