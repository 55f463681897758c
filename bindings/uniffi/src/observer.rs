//! The host is told what happens to its sessions.

use std::sync::Arc;

use keyfob::{Observer, Reason};

/// The host's observer threw. What it threw is dropped.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum ObserverError {
    /// The host's observer threw.
    #[error("the host's observer failed")]
    Failed,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for ObserverError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed
    }
}

/// Is told what happens, on the thread of the call that noticed, and may call back into the same handle.
#[uniffi::export(foreign)]
pub trait HostObserver: Send + Sync {
    /// This process made a session; or one has other tokens, another profile or another state than when this handle last looked.
    fn session_changed(&self, session_id: String) -> Result<(), ObserverError>;

    /// A session has ended; the cause is the name of a reason of the kind `LoginRequired`.
    fn login_required(&self, session_id: String, cause: String) -> Result<(), ObserverError>;

    /// The provider's clock is ahead of this device's by so many seconds, or behind.
    fn clock_skew(&self, seconds: i64) -> Result<(), ObserverError>;
}

/// Makes an observer of the core out of the host's. That the host's failed is nobody's business: the call that noticed has done its work.
pub(crate) struct Adapter(pub(crate) Arc<dyn HostObserver>);

impl Observer for Adapter {
    fn session_changed(&self, session_id: &str) {
        drop(self.0.session_changed(session_id.to_owned()));
    }

    fn login_required(&self, session_id: &str, cause: Reason) {
        drop(self.0.login_required(session_id.to_owned(), cause.name().to_owned()));
    }

    fn clock_skew(&self, seconds: i64) {
        drop(self.0.clock_skew(seconds));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Writes down what it is told, and fails each time.
    #[derive(Default)]
    struct Host(Mutex<Vec<String>>);

    impl Host {
        fn heard(&self, line: String) -> Result<(), ObserverError> {
            self.0.lock().unwrap().push(line);
            Err(ObserverError::Failed)
        }
    }

    impl HostObserver for Host {
        fn session_changed(&self, session_id: String) -> Result<(), ObserverError> {
            self.heard(format!("changed {session_id}"))
        }

        fn login_required(&self, session_id: String, cause: String) -> Result<(), ObserverError> {
            self.heard(format!("ended {session_id} {cause}"))
        }

        fn clock_skew(&self, seconds: i64) -> Result<(), ObserverError> {
            self.heard(format!("skew {seconds}"))
        }
    }

    #[test]
    fn the_host_is_told_and_its_failure_is_not_seen() {
        let host = Arc::new(Host::default());
        let observer = Adapter(Arc::<Host>::clone(&host));
        observer.session_changed("a");
        observer.login_required("b", Reason::LoggedOut);
        observer.clock_skew(-90);
        assert_eq!(*host.0.lock().unwrap(), ["changed a", "ended b LoggedOut", "skew -90"]);
    }
}
