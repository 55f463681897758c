//! How long an access token is still good, and what that asks for. Pure functions over plain values.

use std::time::Duration;

/// What the clocks say now, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now<'a> {
    pub(crate) wall: i64,
    pub(crate) boot: i64,
    pub(crate) boot_id: Option<&'a str>,
}

/// When a token came and how long it lives, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life<'a> {
    pub(crate) received_wall: i64,
    pub(crate) received_boot: i64,
    pub(crate) boot_id: Option<&'a str>,
    pub(crate) lifetime: Option<i64>,
    /// When the provider itself says that it is time for the next one (`refresh_in`), counted from the same moment.
    pub(crate) refresh_in: Option<i64>,
}

/// What a caller's wish asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// The token in hand will do.
    Nothing,
    /// It will do, and it is time to look for the next one.
    Advisory,
    /// Only a new one will do.
    Mandatory,
}

/// The last part of a life in which a refresh is tried early: a tenth, at most five minutes.
const EARLY_PART: i64 = 10;
const EARLY_AT_MOST: i64 = 300_000;

/// How many milliseconds the token is still good; `None` where nobody knows (then it is used until somebody refuses it).
/// It is over when either clock says so; a wall clock that went back says nothing, and nothing is read as over.
pub(crate) fn remaining(life: &Life<'_>, now: &Now<'_>) -> Option<i64> {
    let lifetime = life.lifetime?;
    let by_wall = (now.wall >= life.received_wall).then(|| left(lifetime, life.received_wall, now.wall));
    let by_boot = same_boot(life, now).then(|| left(lifetime, life.received_boot, now.boot));
    Some(match (by_wall, by_boot) {
        (Some(wall), Some(boot)) => wall.min(boot),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => 0,
    })
}

/// Whether the token is over beyond doubt: by the clock that nobody can set, or by the wall clock when that is all there is.
pub(crate) fn is_over(life: &Life<'_>, now: &Now<'_>) -> bool {
    let Some(lifetime) = life.lifetime else { return false };
    if same_boot(life, now) {
        left(lifetime, life.received_boot, now.boot) <= 0
    } else {
        left(lifetime, life.received_wall, now.wall) <= 0
    }
}

/// Rows and clocks may hold any number.
fn left(lifetime: i64, received: i64, now: i64) -> i64 {
    lifetime.saturating_sub(now.saturating_sub(received))
}

fn same_boot(life: &Life<'_>, now: &Now<'_>) -> bool {
    life.boot_id.is_some() && life.boot_id == now.boot_id && now.boot >= life.received_boot
}

/// What to do for a caller who wants the token to be good for `min_validity` more. `spread` is 0..1000 and differs from one process
/// to the next, so that they do not all come early at the same moment.
pub(crate) fn need(life: &Life<'_>, now: &Now<'_>, min_validity: Duration, spread: i64) -> Need {
    let (Some(remaining), Some(lifetime)) = (remaining(life, now), life.lifetime) else { return Need::Nothing };
    let early = match life.refresh_in {
        Some(refresh_in) => lifetime.saturating_sub(refresh_in).clamp(0, lifetime.max(0)),
        None => (lifetime / EARLY_PART).clamp(0, EARLY_AT_MOST),
    };
    let wanted = i64::try_from(min_validity.as_millis()).unwrap_or(i64::MAX);
    // A provider whose tokens never live that long cannot do better: asking again at every call would help nobody.
    let wanted = if wanted >= lifetime { early } else { wanted };
    if remaining <= wanted {
        Need::Mandatory
    } else if remaining <= wanted.max(early - early.saturating_mul(spread.clamp(0, 1000)) / 4000) {
        Need::Advisory
    } else {
        Need::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn life(lifetime: Option<i64>) -> Life<'static> {
        Life { received_wall: 1_000_000, received_boot: 500, boot_id: Some("b"), lifetime, refresh_in: None }
    }

    fn after(millis: i64) -> Now<'static> {
        Now { wall: 1_000_000 + millis, boot: 500 + millis, boot_id: Some("b") }
    }

    fn at(millis: i64, min_validity: u64) -> Need {
        need(&life(Some(HOUR)), &after(millis), Duration::from_secs(min_validity), 0)
    }

    #[test]
    fn a_token_is_served_then_refreshed_early_then_only_a_new_one_will_do() {
        assert_eq!(at(0, 60), Need::Nothing);
        assert_eq!(at(HOUR - 300_001, 60), Need::Nothing);
        assert_eq!(at(HOUR - 300_000, 60), Need::Advisory);
        assert_eq!(at(HOUR - 60_001, 60), Need::Advisory);
        assert_eq!(at(HOUR - 60_000, 60), Need::Mandatory);
        assert_eq!(at(2 * HOUR, 0), Need::Mandatory);
    }

    #[test]
    fn a_provider_that_says_when_is_believed() {
        let life = Life { refresh_in: Some(HOUR / 2), ..life(Some(HOUR)) };
        let need = |millis| need(&life, &after(millis), Duration::from_secs(60), 0);
        assert_eq!(need(HOUR / 2 - 1), Need::Nothing);
        assert_eq!(need(HOUR / 2), Need::Advisory);
        assert_eq!(need(HOUR - 60_000), Need::Mandatory);
    }

    #[test]
    fn an_unknown_life_is_neither_never_nor_now() {
        assert_eq!(need(&life(None), &after(100 * HOUR), Duration::from_secs(60), 0), Need::Nothing);
        assert!(!is_over(&life(None), &after(100 * HOUR)));
    }

    #[test]
    fn wishing_for_more_than_a_whole_life_does_not_refresh_at_every_call() {
        let short = life(Some(300_000));
        let wish = Duration::from_secs(600);
        assert_eq!(need(&short, &after(1_000), wish, 0), Need::Nothing);
        assert_eq!(need(&short, &after(269_999), wish, 0), Need::Nothing);
        assert_eq!(need(&short, &after(270_000), wish, 0), Need::Mandatory);
    }

    #[test]
    fn either_clock_can_say_that_it_is_over() {
        let whole = life(Some(HOUR));
        let wall_jumped = Now { wall: 1_000_000 + HOUR, boot: 600, boot_id: Some("b") };
        assert_eq!(remaining(&whole, &wall_jumped), Some(0));
        assert!(!is_over(&whole, &wall_jumped), "a wall clock that was set forward ends nothing");
        let wall_stood = Now { wall: 1_000_001, boot: 500 + HOUR, boot_id: Some("b") };
        assert_eq!(remaining(&whole, &wall_stood), Some(0));
        assert!(is_over(&whole, &wall_stood));
    }

    #[test]
    fn a_wall_clock_that_went_back_is_not_believed() {
        let whole = life(Some(HOUR));
        let other_boot = Now { wall: 0, boot: 1, boot_id: Some("c") };
        assert_eq!(remaining(&whole, &other_boot), Some(0));
        assert!(!is_over(&whole, &other_boot));
        let same_boot = Now { wall: 0, boot: 600, boot_id: Some("b") };
        assert_eq!(remaining(&whole, &same_boot), Some(HOUR - 100));
    }

    #[test]
    fn no_number_in_a_row_or_of_a_clock_is_too_large() {
        let numbers = [i64::MIN, -1, 0, 1, i64::MAX];
        for received in numbers {
            for lifetime in numbers {
                for moment in numbers {
                    let life = Life {
                        received_wall: received,
                        received_boot: received,
                        boot_id: Some("b"),
                        lifetime: Some(lifetime),
                        refresh_in: Some(received),
                    };
                    for boot_id in [Some("b"), Some("c"), None] {
                        let now = Now { wall: moment, boot: moment, boot_id };
                        is_over(&life, &now);
                        need(&life, &now, Duration::MAX, 1000);
                        need(&life, &now, Duration::ZERO, i64::MIN);
                    }
                }
            }
        }
    }
}
