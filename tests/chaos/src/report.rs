//! What a worker tells its driver: a line of JSON each, short enough that a pipe takes it in one piece, for the worker may be killed
//! in the middle of anything.

use std::io::Write as _;

use keyfob::{Clock as _, SystemClock};
use serde::{Deserialize, Serialize};

/// A pipe takes up to 4096 bytes whole.
const MAX_TEXT: usize = 1000;

/// One line.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) enum Said {
    /// A call for an access token took a while: from when to when, by [`now`].
    Call { from: i64, to: i64 },
    /// A session has ended, and why.
    Ended { session: String, cause: String },
    /// An error that passes.
    Passing(String),
    /// The provider refused an access token that the client had just given out.
    Refused,
    /// An error that should not be, or a panic.
    Wrong(String),
}

impl Said {
    /// Tells the driver. A driver that is gone is no failure: this process ends soon.
    pub(crate) fn tell(self) {
        let said = match self {
            Self::Wrong(text) => Self::Wrong(text.chars().take(MAX_TEXT).collect()),
            other => other,
        };
        let mut line = serde_json::to_string(&said).unwrap_or_default();
        line.push('\n');
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }

    pub(crate) fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

/// Milliseconds since the machine's start: one clock for all processes.
pub(crate) fn now() -> i64 {
    i64::try_from(SystemClock::new().boot().as_millis()).unwrap_or(i64::MAX)
}
