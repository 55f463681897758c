//! The host's threads, for work that nobody waits for.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use keyfob::Executor;

use crate::Result;

/// The host's executor threw. What it threw is dropped.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum ExecutorError {
    /// The host's executor threw.
    #[error("the host's executor failed")]
    Failed,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for ExecutorError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed
    }
}

/// Work for another thread. Done once: running it again does nothing.
#[derive(uniffi::Object)]
#[uniffi::export(Debug)]
pub struct Work {
    step: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Work {
    fn take(&self) -> Option<Box<dyn FnOnce() + Send>> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[uniffi::export]
impl Work {
    /// Does it, on this thread, which may block for as long as an HTTP request takes.
    pub fn run(&self) -> Result<()> {
        if let Some(step) = self.take() {
            step();
        }
        Ok(())
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Work")
    }
}

/// Runs work on threads of the host. Called from any thread.
#[uniffi::export(foreign)]
pub trait HostExecutor: Send + Sync {
    /// Has the work run some time soon, and does not wait for it.
    fn execute(&self, work: Arc<Work>) -> Result<(), ExecutorError>;
}

/// Makes an executor of the core out of the host's. What the host's refuses is dropped here and now, and asked for again later: the
/// host's garbage collector would drop it at a time of its own choosing.
pub(crate) struct Adapter(pub(crate) Arc<dyn HostExecutor>);

impl Executor for Adapter {
    fn execute(&self, work: Box<dyn FnOnce() + Send>) {
        let work = Arc::new(Work { step: Mutex::new(Some(work)) });
        if self.0.execute(Arc::clone(&work)).is_err() {
            drop(work.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps what it is given, and says that it did or that it did not.
    struct Host(Mutex<Vec<Arc<Work>>>, bool);

    impl HostExecutor for Host {
        fn execute(&self, work: Arc<Work>) -> Result<(), ExecutorError> {
            self.0.lock().unwrap().push(work);
            if self.1 { Ok(()) } else { Err(ExecutorError::Failed) }
        }
    }

    #[test]
    fn work_is_done_once_and_only_when_the_host_runs_it() {
        let host = Arc::new(Host(Mutex::default(), true));
        let done = Arc::new(Mutex::new(0));
        let count = Arc::clone(&done);
        Adapter(Arc::<Host>::clone(&host)).execute(Box::new(move || *count.lock().unwrap() += 1));
        assert_eq!(*done.lock().unwrap(), 0);
        let work = Arc::clone(&host.0.lock().unwrap()[0]);
        work.run().unwrap();
        work.run().unwrap();
        assert_eq!(*done.lock().unwrap(), 1);
    }

    #[test]
    fn work_that_the_host_refuses_is_dropped_though_the_host_still_holds_it() {
        let host = Arc::new(Host(Mutex::default(), false));
        let held = Arc::new(());
        let inside = Arc::clone(&held);
        Adapter(Arc::<Host>::clone(&host)).execute(Box::new(move || drop(inside)));
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
