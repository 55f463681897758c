//! "Run this on another thread", from a host that has threads to spare.

/// Runs work on another thread. Optional: without one, Keyfob works on its caller's thread only.
pub trait Executor: Send + Sync {
    /// Runs `work` some time soon, on a thread that may block for as long as an HTTP request takes. Does not run it before returning. Work that is
    /// dropped instead is only done later: nothing is lost.
    fn execute(&self, work: Box<dyn FnOnce() + Send>);
}
