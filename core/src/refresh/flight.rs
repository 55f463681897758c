//! One flight at a time: who comes first does the work, who comes meanwhile gets the same outcome.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use crate::error::{Error, Reason, Result};

/// The flights under way in this process, by name.
#[derive(Debug)]
pub(crate) struct Flights<T> {
    running: Mutex<HashMap<String, Arc<Flight<T>>>>,
}

/// One of them, as its followers see it.
#[derive(Debug)]
pub(crate) struct Flight<T> {
    leader: ThreadId,
    outcome: Mutex<Option<Result<T>>>,
    landed: Condvar,
}

/// What a caller is told to do.
pub(crate) enum Seat<'a, T: Clone> {
    /// Do the work, then land.
    Lead(Lead<'a, T>),
    /// Wait for the one who does it.
    Follow(Arc<Flight<T>>),
}

/// The right to do the work. Dropped without landing (a panic), it tells the followers so.
pub(crate) struct Lead<'a, T: Clone> {
    flights: &'a Flights<T>,
    name: String,
    flight: Arc<Flight<T>>,
    landed: bool,
}

// A panic in a leader leaves plain data behind, never a half-made one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Clone> Flights<T> {
    pub(crate) fn new() -> Self {
        Self { running: Mutex::new(HashMap::new()) }
    }

    /// Leads, if nobody does; follows otherwise.
    pub(crate) fn join(&self, name: &str) -> Seat<'_, T> {
        match lock(&self.running).entry(name.to_owned()) {
            Entry::Occupied(running) => Seat::Follow(Arc::clone(running.get())),
            Entry::Vacant(free) => {
                let flight = Arc::new(Flight {
                    leader: std::thread::current().id(),
                    outcome: Mutex::new(None),
                    landed: Condvar::new(),
                });
                free.insert(Arc::clone(&flight));
                Seat::Lead(Lead { flights: self, name: name.to_owned(), flight, landed: false })
            }
        }
    }
}

impl<T: Clone> Lead<'_, T> {
    /// Gives everybody the outcome.
    pub(crate) fn land(mut self, outcome: Result<T>) -> Result<T> {
        self.finish(outcome.clone());
        crash_point!("K10");
        outcome
    }

    fn finish(&mut self, outcome: Result<T>) {
        self.landed = true;
        // Off the list first: who comes now looks at what was saved, and starts anew if that will not do.
        lock(&self.flights.running).remove(&self.name);
        *lock(&self.flight.outcome) = Some(outcome);
        self.flight.landed.notify_all();
    }
}

impl<T: Clone> Drop for Lead<'_, T> {
    fn drop(&mut self) {
        if !self.landed {
            self.finish(Err(Error::new(Reason::Internal).with_detail("the thread that did the work panicked")));
        }
    }
}

impl<T: Clone> Flight<T> {
    /// Waits for the leader's outcome, at most so long.
    pub(crate) fn wait(&self, limit: Duration) -> Result<T> {
        if self.leader == std::thread::current().id() {
            // The leader's own callback asks for what the leader is about to bring.
            return Err(Error::new(Reason::Reentered));
        }
        let (outcome, _) = self
            .landed
            .wait_timeout_while(lock(&self.outcome), limit, |outcome| outcome.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        outcome.clone().unwrap_or_else(|| Err(Error::new(Reason::WaitTimeout)))
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn lead<'a>(flights: &'a Flights<u32>, name: &str) -> Lead<'a, u32> {
        match flights.join(name) {
            Seat::Lead(lead) => lead,
            Seat::Follow(_) => panic!("somebody leads already"),
        }
    }

    fn follow(flights: &Flights<u32>, name: &str) -> Arc<Flight<u32>> {
        match flights.join(name) {
            Seat::Lead(_) => panic!("nobody leads"),
            Seat::Follow(flight) => flight,
        }
    }

    #[test]
    fn followers_get_the_leaders_outcome_and_the_next_one_leads_again() {
        let flights = Flights::new();
        let leader = lead(&flights, "a");
        let follower = follow(&flights, "a");
        let other = lead(&flights, "b");
        thread::scope(|scope| {
            let waiting = scope.spawn(move || follower.wait(Duration::from_secs(10)));
            assert_eq!(leader.land(Ok(7)).unwrap(), 7);
            assert_eq!(waiting.join().unwrap().unwrap(), 7);
        });
        drop(other);
        drop(lead(&flights, "a"));
    }

    #[test]
    fn a_leader_that_panics_leaves_nobody_waiting() {
        let flights = Flights::new();
        let leader = lead(&flights, "a");
        let follower = follow(&flights, "a");
        thread::scope(|scope| {
            let waiting = scope.spawn(move || follower.wait(Duration::from_secs(10)));
            drop(leader);
            assert_eq!(waiting.join().unwrap().unwrap_err().reason(), Reason::Internal);
        });
    }

    #[test]
    fn a_follower_keeps_its_own_limit_and_a_leader_never_waits_for_itself() {
        let flights = Flights::new();
        let leader = lead(&flights, "a");
        let follower = follow(&flights, "a");
        let own = follower.wait(Duration::from_secs(10)).unwrap_err();
        assert_eq!(own.reason(), Reason::Reentered);
        let late = thread::scope(|scope| scope.spawn(|| follower.wait(Duration::from_millis(20))).join().unwrap());
        assert_eq!(late.unwrap_err().reason(), Reason::WaitTimeout);
        leader.land(Ok(1)).unwrap();
    }
}
