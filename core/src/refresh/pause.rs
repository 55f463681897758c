//! How long a provider is left alone. Stored with the session, so that every process obeys it and a restart does not forget.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::window::{Life, Now, remaining};

/// A moment by every clock there is, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moment {
    pub(crate) wall: i64,
    pub(crate) boot: i64,
    pub(crate) boot_id: Option<String>,
}

impl Moment {
    /// What is left of a span that began at this moment; nothing when either clock says that it is over, and nothing when neither can tell.
    pub(crate) fn left(&self, span: i64, now: &Now<'_>) -> Option<Duration> {
        let life = Life {
            received_wall: self.wall,
            received_boot: self.boot,
            boot_id: self.boot_id.as_deref(),
            lifetime: Some(span),
            refresh_in: None,
        };
        let left = u64::try_from(remaining(&life, now)?).ok()?;
        (left > 0).then(|| Duration::from_millis(left))
    }
}

/// A wait that has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pause {
    since: Moment,
    millis: i64,
}

/// What failed: how much patience it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nothing was sent. It costs the provider nothing, and the network may be back in a moment.
    NotSent,
    /// A captive portal or a gateway answered.
    TurnedAway,
    /// The request is in doubt. Servers' grace is counted in seconds.
    InDoubt,
    /// The provider is busy and did not say for how long.
    Busy,
    /// The provider refuses, and will until somebody changes something.
    Refused,
    /// What came could not be believed yet.
    Unverified,
}

/// The shortest wait that a provider may ask for, in milliseconds.
const SHORTEST: i64 = 500;

impl Failure {
    /// The first wait and the longest, in milliseconds.
    const fn bounds(self) -> (i64, i64) {
        match self {
            Self::NotSent => (500, 16_000),
            Self::TurnedAway => (1_000, 60_000),
            Self::InDoubt => (2_000, 120_000),
            Self::Busy => (30_000, 600_000),
            Self::Refused | Self::Unverified => (30_000, 3_600_000),
        }
    }
}

impl Pause {
    /// Begins a wait after a failure: as long as the provider asked for (a moment at least: "now" is what it just refused), else twice as long as the one
    /// before. Twice the wait and not by the number of failures: an hour offline is no reason to leave a provider alone for another hour that is busy once.
    pub(crate) fn after(failure: Failure, asked: Option<Duration>, before: Option<&Self>, now: Moment) -> Self {
        let (first, longest) = failure.bounds();
        let doubled = before.map_or(0, |pause| pause.millis).saturating_mul(2).clamp(first, longest);
        let asked = asked.map(|asked| i64::try_from(asked.as_millis()).unwrap_or(i64::MAX).max(SHORTEST));
        Self { since: now, millis: asked.unwrap_or(doubled) }
    }

    /// A wait of that many milliseconds.
    pub(crate) fn of(millis: i64, now: Moment) -> Self {
        Self { since: now, millis }
    }

    /// A wait that is over: the next call tries at once.
    pub(crate) fn over(now: Moment) -> Self {
        Self { since: now, millis: 0 }
    }

    /// What is left of it.
    pub(crate) fn left(&self, now: &Now<'_>) -> Option<Duration> {
        self.since.left(self.millis, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(at: i64) -> Moment {
        Moment { wall: 1_000_000 + at, boot: at, boot_id: Some("b".to_owned()) }
    }

    fn left(pause: &Pause, wall: i64, boot: i64, boot_id: &str) -> Option<u64> {
        let now = Now { wall, boot, boot_id: Some(boot_id) };
        pause.left(&now).map(|left| u64::try_from(left.as_millis()).unwrap())
    }

    #[test]
    fn waits_double_up_to_a_bound_and_what_the_provider_asks_for_counts_as_it_is() {
        let mut pause = Pause::after(Failure::NotSent, None, None, moment(0));
        let mut waits = vec![pause.millis];
        for _ in 0..70 {
            pause = Pause::after(Failure::NotSent, None, Some(&pause), moment(0));
            waits.push(pause.millis);
        }
        assert_eq!(waits[..7], [500, 1000, 2000, 4000, 8000, 16_000, 16_000]);
        assert_eq!(waits[70], 16_000);
        let asked = Pause::after(Failure::Busy, Some(Duration::from_secs(7)), Some(&pause), moment(0));
        assert_eq!(asked.millis, 7000);
        let now = Pause::after(Failure::Busy, Some(Duration::ZERO), None, moment(0));
        assert_eq!(now.millis, 500, "no storm on a provider that says: now");
    }

    #[test]
    fn a_long_time_offline_makes_no_long_wait_of_the_first_other_failure() {
        let mut offline = Pause::after(Failure::NotSent, None, None, moment(0));
        for _ in 0..70 {
            offline = Pause::after(Failure::NotSent, None, Some(&offline), moment(0));
        }
        assert_eq!(Pause::after(Failure::Busy, None, Some(&offline), moment(0)).millis, 32_000);
        assert_eq!(Pause::after(Failure::Refused, None, Some(&offline), moment(0)).millis, 32_000);
    }

    #[test]
    fn a_wait_is_over_when_either_clock_says_so() {
        let pause = Pause::after(Failure::Busy, None, None, moment(0));
        assert_eq!(left(&pause, 1_000_000, 0, "b"), Some(30_000));
        assert_eq!(left(&pause, 1_010_000, 10_000, "b"), Some(20_000));
        assert_eq!(left(&pause, 1_030_000, 10_000, "b"), None, "the wall clock was set forward");
        assert_eq!(left(&pause, 1_000_001, 30_000, "b"), None);
        assert_eq!(left(&pause, 0, 10_000, "b"), Some(20_000), "the wall clock was set back");
        assert_eq!(left(&pause, 1_010_000, 3, "c"), Some(20_000), "after a restart the wall clock is all there is");
        assert_eq!(left(&pause, 0, 3, "c"), None, "and when it went back nobody knows");
        assert_eq!(left(&Pause::over(moment(0)), 1_000_000, 0, "b"), None);
    }
}
