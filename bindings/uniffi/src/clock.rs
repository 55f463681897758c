//! The host's clock.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keyfob::{Clock, SystemClock};

/// The host's clock threw. What it threw is dropped.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum ClockError {
    /// The host's clock threw.
    #[error("the host's clock failed")]
    Failed,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for ClockError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed
    }
}

/// What time it is, as the host says. Called often and from any thread.
#[uniffi::export(foreign)]
pub trait HostClock: Send + Sync {
    /// The wall clock.
    fn wall(&self) -> Result<SystemTime, ClockError>;

    /// Time since boot, sleep included.
    fn boot(&self) -> Result<Duration, ClockError>;

    /// A name for this boot of the system.
    fn boot_id(&self) -> Result<Option<String>, ClockError>;
}

/// Makes a clock of the core out of the host's. Where the host's fails, the system's answers: the core must have a time.
pub(crate) struct Adapter(pub(crate) Arc<dyn HostClock>);

impl Clock for Adapter {
    fn wall(&self) -> SystemTime {
        self.0.wall().unwrap_or_else(|_| SystemClock::new().wall())
    }

    fn boot(&self) -> Duration {
        self.0.boot().unwrap_or_else(|_| SystemClock::new().boot())
    }

    fn boot_id(&self) -> Option<String> {
        self.0.boot_id().unwrap_or_else(|_| SystemClock::new().boot_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken;

    impl HostClock for Broken {
        fn wall(&self) -> Result<SystemTime, ClockError> {
            Err(ClockError::Failed)
        }

        fn boot(&self) -> Result<Duration, ClockError> {
            Err(ClockError::Failed)
        }

        fn boot_id(&self) -> Result<Option<String>, ClockError> {
            Err(ClockError::Failed)
        }
    }

    #[test]
    fn where_the_hosts_clock_fails_the_systems_answers() {
        let clock = Adapter(Arc::new(Broken));
        let system = SystemClock::new();
        assert!(clock.wall() >= SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000));
        assert!(clock.boot() > Duration::ZERO && clock.boot() <= system.boot());
        assert_eq!(clock.boot_id(), system.boot_id());
    }
}
