//! The workers: started, killed, stopped, let go on, heard. Only processes that were started here are signalled, by their id, and
//! before they are waited for, so that the id is still theirs.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use fastrand::Rng;

use crate::client::{Protocol, program};
use crate::options::Errand;
use crate::report::{Said, now};

/// How long workers may take to end when they are told to.
const PATIENCE: Duration = Duration::from_secs(40);

/// How long the place of one that ended by itself stays empty.
const AFTER_A_FALL: Duration = Duration::from_millis(200);

/// What all workers said.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// By worker: from when to when.
    pub(crate) calls: Vec<(String, i64, i64)>,
    /// Session and cause.
    pub(crate) ended: Vec<(String, String)>,
    pub(crate) passing: BTreeMap<String, u64>,
    pub(crate) refused: u64,
    pub(crate) wrong: BTreeMap<String, u64>,
}

impl Heard {
    fn wrong(&mut self, text: String) {
        *self.wrong.entry(text).or_default() += 1;
    }
}

/// The workers of a run.
pub(crate) struct Fleet {
    errand: Errand,
    rng: Rng,
    slots: Vec<Slot>,
    heard: Arc<Mutex<Heard>>,
    readers: Vec<JoinHandle<()>>,
    /// How often each worker was stopped: from when to when.
    stops: HashMap<String, Vec<(i64, i64)>>,
}

/// A place that one worker at a time has.
struct Slot {
    started: usize,
    state: State,
}

enum State {
    /// Nobody, until then.
    Empty(Instant),
    Running(Worker),
    /// Stopped since (by [`now`]), until then.
    Stopped(Worker, i64, Instant),
}

struct Worker {
    name: String,
    child: Child,
}

impl Worker {
    #[cfg(unix)]
    fn tell(&self, order: Order) {
        use rustix::process::{Pid, Signal, kill_process};
        let signal = match order {
            Order::Stop => Signal::STOP,
            Order::GoOn => Signal::CONT,
        };
        // One that has ended by itself is found by `tick`.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    /// Windows stops no process.
    #[cfg(not(unix))]
    fn tell(&self, _order: Order) {}
}

enum Order {
    Stop,
    GoOn,
}

impl Drop for Worker {
    /// However the driver ends, no worker stays behind. SIGKILL also ends a stopped process.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Fleet {
    /// So many places, all of them empty. `errand` is told to each worker, with a name and a seed of its own.
    pub(crate) fn new(errand: &Errand, count: usize, rng: Rng) -> Self {
        let slots = (0..count).map(|_| Slot { started: 0, state: State::Empty(Instant::now()) }).collect();
        Self { errand: errand.clone(), rng, slots, heard: Arc::default(), readers: Vec::new(), stops: HashMap::new() }
    }

    /// Fills empty places and lets stopped workers go on, where it is time to.
    pub(crate) fn tick(&mut self) -> Result<()> {
        for index in 0..self.slots.len() {
            let Some(slot) = self.slots.get_mut(index) else { break };
            match &mut slot.state {
                State::Empty(until) if Instant::now() >= *until => {
                    let worker = self.start(index)?;
                    self.put(index, State::Running(worker));
                }
                State::Stopped(_, _, until) if Instant::now() >= *until => self.go_on(index),
                State::Running(worker) => {
                    if let Some(status) = worker.child.try_wait()? {
                        slot.state = State::Empty(Instant::now() + AFTER_A_FALL);
                        self.hear().wrong(format!("a worker ended by itself: {status}"));
                    }
                }
                State::Empty(_) | State::Stopped(..) => {}
            }
        }
        Ok(())
    }

    fn start(&mut self, index: usize) -> Result<Worker> {
        let number = self.slots.get_mut(index).map_or(0, |slot| {
            slot.started += 1;
            slot.started
        });
        let name = format!("w{index}.{number}");
        let errand = Errand { name: name.clone(), seed: self.rng.u64(..), ..self.errand.clone() };
        let mut command = match errand.protocol {
            Protocol::Program => program::worker(&errand)?,
            Protocol::Keyfob | Protocol::MutexOnly | Protocol::Lease => ourselves(&errand)?,
        };
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start a worker")?;
        if let Some(out) = child.stdout.take() {
            let (heard, name) = (Arc::clone(&self.heard), name.clone());
            self.readers.push(thread::spawn(move || listen(out, &name, &heard)));
        }
        Ok(Worker { name, child })
    }

    /// Kills a worker that runs or is stopped, and says which; a new one comes after `pause`.
    pub(crate) fn kill_one(&mut self, pause: Duration) -> Option<String> {
        let index = self.pick(|state| !matches!(state, State::Empty(_)))?;
        let state = self.put(index, State::Empty(Instant::now() + pause))?;
        let (State::Running(worker) | State::Stopped(worker, ..)) = state else { return None };
        Some(worker.name.clone())
    }

    /// Stops a running worker for so long; false if none runs.
    pub(crate) fn stop_one(&mut self, pause: Duration) -> bool {
        let Some(index) = self.pick(|state| matches!(state, State::Running(_))) else { return false };
        let until = Instant::now() + pause;
        let Some(State::Running(worker)) = self.put(index, State::Empty(until)) else { return false };
        let since = now();
        worker.tell(Order::Stop);
        self.put(index, State::Stopped(worker, since, until));
        true
    }

    /// Lets all of them go on.
    pub(crate) fn wake(&mut self) {
        for index in 0..self.slots.len() {
            self.go_on(index);
        }
    }

    fn go_on(&mut self, index: usize) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        match std::mem::replace(&mut slot.state, State::Empty(Instant::now())) {
            State::Stopped(worker, since, _) => {
                worker.tell(Order::GoOn);
                self.stops.entry(worker.name.clone()).or_default().push((since, now()));
                slot.state = State::Running(worker);
            }
            other => slot.state = other,
        }
    }

    fn pick(&mut self, fits: impl Fn(&State) -> bool) -> Option<usize> {
        let fitting = self.slots.iter().enumerate().filter(|(_, slot)| fits(&slot.state));
        let fitting: Vec<usize> = fitting.map(|(index, _)| index).collect();
        self.rng.choice(fitting)
    }

    fn put(&mut self, index: usize, state: State) -> Option<State> {
        self.slots.get_mut(index).map(|slot| std::mem::replace(&mut slot.state, state))
    }

    fn hear(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all to end, waits for it, and gives what they said. One that does not end is killed, and that is wrong.
    pub(crate) fn finish(mut self) -> Result<(Heard, Stops)> {
        self.wake();
        for slot in &mut self.slots {
            if let State::Running(worker) = &mut slot.state {
                drop(worker.child.stdin.take());
            }
        }
        let started = Instant::now();
        for index in 0..self.slots.len() {
            let Some(State::Running(mut worker)) = self.put(index, State::Empty(started)) else { continue };
            while worker.child.try_wait()?.is_none() {
                if started.elapsed() > PATIENCE {
                    self.hear().wrong("a worker did not end when it was told to".to_owned());
                    break;
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
        for reader in std::mem::take(&mut self.readers) {
            let _ = reader.join();
        }
        let heard = std::mem::take(&mut *self.hear());
        Ok((heard, Stops(std::mem::take(&mut self.stops))))
    }
}

/// This very program, also if another one stands in its place by now: a run takes longer than it does to build it anew.
fn ourselves(errand: &Errand) -> Result<Command> {
    let program = if cfg!(target_os = "linux") { "/proc/self/exe".into() } else { std::env::current_exe()? };
    let mut command = Command::new(program);
    command.args(errand.words());
    Ok(command)
}

/// When which worker was stopped.
#[derive(Debug, Default)]
pub(crate) struct Stops(HashMap<String, Vec<(i64, i64)>>);

impl Stops {
    /// The longest call of a worker that was not stopped in the middle of it, in milliseconds.
    pub(crate) fn longest(&self, calls: &[(String, i64, i64)]) -> i64 {
        let undisturbed = |(worker, from, to): &&(String, i64, i64)| {
            let stops = self.0.get(worker).map(Vec::as_slice).unwrap_or_default();
            !stops.iter().any(|(since, until)| since <= to && from <= until)
        };
        calls.iter().filter(undisturbed).map(|(_, from, to)| to - from).max().unwrap_or(0)
    }
}

fn listen(out: ChildStdout, name: &str, heard: &Mutex<Heard>) {
    for line in BufReader::new(out).lines().map_while(Result::ok) {
        // A worker may have died in the middle of a line.
        let Some(said) = Said::read(&line) else { continue };
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        match said {
            Said::Call { from, to } => heard.calls.push((name.to_owned(), from, to)),
            Said::Ended { session, cause } => heard.ended.push((session, cause)),
            Said::Passing(text) => *heard.passing.entry(text).or_default() += 1,
            Said::Refused => heard.refused += 1,
            Said::Wrong(text) => heard.wrong(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_in_which_its_worker_was_stopped_does_not_count() {
        let stops = Stops(HashMap::from([("w0.1".to_owned(), vec![(100, 200)])]));
        let call = |worker: &str, from, to| (worker.to_owned(), from, to);
        assert_eq!(stops.longest(&[call("w0.1", 150, 1000), call("w0.1", 201, 230), call("w1.1", 150, 160)]), 29);
    }
}
