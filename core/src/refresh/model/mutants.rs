//! The decisions with one clause taken out: the search then finds a promise broken. What is taken out and what that breaks is in the tests' names
//! and in what they expect; the way there is printed where a search finds something else.

use super::decide::{Attempt, Cause, Owner, State};
use super::profile::Broken;
use super::*;

/// Expects that these decisions break this promise.
fn breaks(broken: Broken, profile: &Profile, decisions: Decisions) {
    let found = search(profile, &decisions, Some(broken));
    let ways: Vec<String> = found.broken.iter().map(|(broken, way)| format!("{broken:?}:\n{way}")).collect();
    println!("{} worlds\n{}", found.worlds, ways.join("\n"));
    assert!(
        found.broken.iter().any(|(found, _)| *found == broken),
        "{broken:?} is not broken in {} worlds",
        found.worlds
    );
}

fn at(kind: Kind, limits: Limits) -> Profile {
    Profile::new(kind, Reach::Grant, limits)
}

fn strict(limits: Limits) -> Profile {
    at(Kind::Strict, limits)
}

const LATE_LOGINS: Limits = {
    use Event::*;
    &[(Send, 1), (Login, 1), (Logout, 1)]
};

/// Shows the shipped function something else than was read.
macro_rules! reads {
    (|$reading:ident| $fields:tt) => {
        Decisions { after_reading: |$reading| decide::after_reading(&reads!(@ $reading $fields)), ..SHIPPED }
    };
    (@ $reading:ident { $($field:ident: $value:expr),* }) => { Reading { $($field: $value,)* ..*$reading } };
}

// still_ours

#[test]
fn an_attempt_that_does_not_look_again_sends_old_tokens() {
    let decisions = Decisions {
        before_sending: |before| {
            let now = Standing { state: State::Active, generation: before.generation };
            decide::before_sending(&BeforeSending { now, ..*before })
        },
        ..SHIPPED
    };
    breaks(Broken::SentOld, &strict(LATE_LOGINS), decisions);
    breaks(Broken::SentAfterEnd, &strict(LATE_LOGINS), decisions);
}

#[test]
fn an_ending_that_nobody_looks_at_sends_the_dead_token_again() {
    let decisions = Decisions {
        before_sending: |before| {
            let now = Standing { state: State::Active, generation: before.generation };
            decide::before_sending(&BeforeSending { now, ..*before })
        },
        ..reads!(|reading| { state: State::Active })
    };
    breaks(Broken::SentDead, &strict(&[(Event::Send, 2), (Event::TakenBack, 1)]), decisions);
}

#[test]
fn writes_that_do_not_look_again_overwrite() {
    let decisions = Decisions { still_ours: |_, _| true, ..SHIPPED };
    breaks(Broken::Resurrected, &strict(LATE_LOGINS), decisions);
    breaks(Broken::Overwritten, &strict(LATE_LOGINS), decisions);
    breaks(Broken::FalseEnding, &strict(ID_TOKENS), decisions);
}

#[test]
fn writes_that_look_at_the_state_alone_overwrite_a_login() {
    let decisions = Decisions { still_ours: |now, _| now.state == State::Active, ..SHIPPED };
    breaks(Broken::Overwritten, &strict(LATE_LOGINS), decisions);
}

// after_reading

#[test]
fn reading_blind_to_the_state_serves_what_has_ended_and_never_comes_to_an_end() {
    let decisions = reads!(|reading| { state: State::Active });
    breaks(Broken::ServedEnded, &strict(LATE_LOGINS), decisions);
    breaks(Broken::Stuck, &strict(LATE_LOGINS), decisions);
}

#[test]
fn adopting_whatever_is_newer_serves_what_is_over() {
    let decisions = reads!(|reading| { good: reading.good || reading.newer });
    breaks(Broken::ServedOver, &strict(NETWORK), decisions);
}

#[test]
fn tokens_that_are_not_verified_first_are_served_unchecked() {
    let decisions = reads!(|reading| { verified: true });
    breaks(Broken::ServedUnchecked, &strict(ID_TOKENS), decisions);
}

#[test]
fn a_dead_owner_that_is_taken_for_a_live_one_lets_the_grace_pass() {
    let decisions = Decisions {
        after_reading: |reading| match reading.attempt {
            Attempt::Open(Owner::Gone) => {
                decide::after_reading(&Reading { attempt: Attempt::Open(Owner::Elsewhere), ..*reading })
            }
            _ => decide::after_reading(reading),
        },
        ..SHIPPED
    };
    breaks(Broken::HeldUp, &strict(NETWORK), decisions);
}

#[test]
fn an_owner_that_lives_elsewhere_taken_for_dead_spends_its_token_again() {
    let decisions = Decisions {
        after_reading: |reading| match reading.attempt {
            Attempt::Open(Owner::Elsewhere) => {
                decide::after_reading(&Reading { attempt: Attempt::Open(Owner::Gone), ..*reading })
            }
            _ => decide::after_reading(reading),
        },
        ..SHIPPED
    };
    breaks(Broken::Reuse, &strict(DISK), decisions);
    breaks(Broken::BeforeRetryAt, &strict(DISK), decisions);
}

#[test]
fn a_panic_of_ones_own_taken_for_another_process_blocks_the_session() {
    let decisions = Decisions {
        after_reading: |reading| match reading.attempt {
            Attempt::Open(Owner::Here) => Step::Busy,
            _ => decide::after_reading(reading),
        },
        ..SHIPPED
    };
    breaks(Broken::Stuck, &strict(PAUSES), decisions);
}

#[test]
fn a_doubt_whose_moment_is_not_looked_at_is_repeated_too_early_or_never() {
    let early = Decisions {
        after_reading: |reading| match reading.attempt {
            Attempt::InDoubt { .. } => {
                decide::after_reading(&Reading { attempt: Attempt::InDoubt { due: true }, ..*reading })
            }
            _ => decide::after_reading(reading),
        },
        ..SHIPPED
    };
    breaks(Broken::BeforeRetryAt, &strict(NETWORK), early);
    let never = Decisions {
        after_reading: |reading| match reading.attempt {
            Attempt::InDoubt { .. } => Step::AwaitDoubt,
            _ => decide::after_reading(reading),
        },
        ..SHIPPED
    };
    breaks(Broken::Stuck, &strict(NETWORK), never);
}

#[test]
fn an_attempt_that_is_not_read_is_sent_anew_without_its_doubt() {
    let decisions = reads!(|reading| { attempt: Attempt::None });
    breaks(Broken::BeforeRetryAt, &strict(NETWORK), decisions);
    breaks(Broken::WrongCause, &strict(NETWORK), decisions);
}

#[test]
fn a_doubt_that_is_not_handed_on_tells_the_wrong_cause() {
    let decisions = Decisions {
        after_reading: |reading| match decide::after_reading(reading) {
            Step::Send { at_once, .. } => Step::Send { in_doubt: false, at_once },
            step => step,
        },
        ..SHIPPED
    };
    breaks(Broken::WrongCause, &strict(NETWORK), decisions);
}

#[test]
fn a_good_token_that_is_served_while_a_dead_owners_request_waits_lets_the_grace_pass() {
    let decisions = Decisions {
        after_reading: |reading| match decide::after_reading(reading) {
            Step::Send { in_doubt: true, .. } if reading.good => Step::Serve,
            step => step,
        },
        ..SHIPPED
    };
    breaks(Broken::HeldUp, &strict(NETWORK), decisions);
}

#[test]
fn a_provider_that_punishes_is_not_asked_again_while_the_access_token_is_good() {
    let decisions = reads!(|reading| { may_repeat: true });
    breaks(Broken::RepeatedTooEarly, &Profile { cautious: true, ..strict(NETWORK) }, decisions);
}

#[test]
fn what_cannot_be_renewed_is_not_sent() {
    let decisions = reads!(|reading| { renewable: true });
    breaks(Broken::SentOld, &Profile { renewable: false, ..strict(&[(Event::Send, 1)]) }, decisions);
}

#[test]
fn a_back_off_that_holds_up_a_dead_owners_request_lets_the_grace_pass() {
    let blind = Decisions {
        after_reading: |reading| match decide::after_reading(reading) {
            Step::Send { in_doubt, .. } => Step::Send { in_doubt, at_once: false },
            step => step,
        },
        ..SHIPPED
    };
    breaks(Broken::HeldUp, &strict(PAUSES), blind);
    let deaf = Decisions {
        before_sending: |before| decide::before_sending(&BeforeSending { at_once: false, ..*before }),
        ..SHIPPED
    };
    breaks(Broken::HeldUp, &strict(PAUSES), deaf);
}

// before_sending

#[test]
fn a_back_off_that_nobody_looks_at_when_sending_is_not_kept() {
    let decisions = Decisions {
        before_sending: |before| decide::before_sending(&BeforeSending { waiting: false, ..*before }),
        ..SHIPPED
    };
    breaks(Broken::InsideBackOff, &strict(PAUSES), decisions);
}

#[test]
fn a_back_off_that_nobody_looks_at_at_all_is_not_kept() {
    let decisions = Decisions {
        before_sending: |before| decide::before_sending(&BeforeSending { waiting: false, ..*before }),
        ..reads!(|reading| { waiting: false })
    };
    breaks(Broken::InsideBackOff, &strict(NETWORK), decisions);
}

#[test]
fn the_budget_is_kept() {
    let decisions = Decisions {
        before_sending: |before| decide::before_sending(&BeforeSending { within_budget: true, ..*before }),
        ..SHIPPED
    };
    breaks(Broken::OverBudget, &strict(PAUSES), decisions);
}

// after_answer

macro_rules! answers {
    (|$came:ident, $sent:ident| $decision:expr) => {
        Decisions { after_answer: |$came, $sent| $decision, ..SHIPPED }
    };
}

#[test]
fn a_cause_that_forgets_this_generations_doubt_is_wrong() {
    let decisions = answers!(|came, sent| match came {
        Came::Dead => decide::after_answer(came, &Sent { in_doubt: false, ..*sent }),
        _ => decide::after_answer(came, sent),
    });
    breaks(Broken::WrongCause, &strict(NETWORK), decisions);
}

#[test]
fn a_cause_that_forgets_an_earlier_generations_doubt_is_wrong() {
    let decisions = answers!(|came, sent| decide::after_answer(came, &Sent { doubted: false, ..*sent }));
    breaks(Broken::WrongCause, &at(Kind::GraceBeside, NETWORK), decisions);
}

#[test]
fn a_cause_that_always_blames_us_is_wrong_too() {
    let decisions = answers!(|came, sent| match decide::after_answer(came, sent) {
        After::End(_) => After::End(Cause::RotationLost),
        after => after,
    });
    breaks(Broken::WrongCause, &strict(NETWORK), decisions);
}

#[test]
fn an_answer_that_spends_nothing_does_not_erase_the_doubt_before_it() {
    let decisions = answers!(|came, sent| match came {
        Came::NotSpent => After::Release,
        _ => decide::after_answer(came, sent),
    });
    breaks(Broken::WrongCause, &strict(NETWORK), decisions);
}

#[test]
fn a_doubt_that_is_not_kept_is_forgotten() {
    let decisions = answers!(|came, sent| match decide::after_answer(came, sent) {
        After::KeepDoubt => After::Release,
        after => after,
    });
    breaks(Broken::WrongCause, &strict(NETWORK), decisions);
}

#[test]
fn an_answer_that_spends_nothing_is_no_doubt() {
    let decisions = answers!(|came, sent| match decide::after_answer(came, sent) {
        After::Release => After::KeepDoubt,
        after => after,
    });
    breaks(Broken::WrongCause, &strict(NETWORK), decisions);
}

#[test]
fn a_flight_repeats_no_more_than_it_may() {
    let decisions = answers!(|came, sent| decide::after_answer(came, &Sent { repeats: true, ..*sent }));
    breaks(Broken::Storm, &Profile { repeats: 0, ..strict(NETWORK) }, decisions);
    breaks(Broken::RepeatedTooEarly, &Profile { cautious: true, ..strict(NETWORK) }, decisions);
}

// counts_as_verified

#[test]
fn tokens_count_as_verified_only_when_they_are() {
    let whatever_came = Decisions { counts_as_verified: |was_verified, _| was_verified, ..SHIPPED };
    breaks(Broken::CountedUnchecked, &strict(ID_TOKENS), whatever_came);
    let whatever_was = Decisions { counts_as_verified: |_, brought| !brought, ..SHIPPED };
    breaks(Broken::CountedUnchecked, &strict(ID_TOKENS), whatever_was);
}

// after_losing

#[test]
fn tokens_that_lost_to_a_logout_are_revoked() {
    let decisions = Decisions { after_losing: |_| Loser::Drop, ..SHIPPED };
    let profile = Profile { reach: Reach::Token, ..strict(LATE_LOGINS) };
    breaks(Broken::LeftAlive, &profile, decisions);
}

#[test]
fn tokens_that_lost_to_a_refresh_are_never_revoked() {
    let decisions = Decisions { after_losing: |_| Loser::Revoke, ..SHIPPED };
    let profile = Profile { reach: Reach::Family, ..at(Kind::GraceBeside, DISK) };
    breaks(Broken::RevokedLive, &profile, decisions);
}

// before_revoking

#[test]
fn a_revocation_that_reaches_further_spares_the_new_session_and_a_login_under_way() {
    let blind_to_the_session =
        Decisions { before_revoking: |owed| decide::before_revoking(&Owed { has_session: false, ..*owed }), ..SHIPPED };
    breaks(Broken::RevokedLive, &strict(LATE_LOGINS), blind_to_the_session);
    let blind_to_the_login = Decisions {
        before_revoking: |owed| decide::before_revoking(&Owed { login_under_way: false, ..*owed }),
        ..SHIPPED
    };
    breaks(Broken::RevokedLive, &strict(LATE_LOGINS), blind_to_the_login);
}

#[test]
fn a_revocation_is_not_forgotten_for_nothing() {
    let always_wide =
        Decisions { before_revoking: |owed| decide::before_revoking(&Owed { whole_grant: true, ..*owed }), ..SHIPPED };
    breaks(Broken::LeftAlive, &Profile { reach: Reach::Family, ..strict(LATE_LOGINS) }, always_wide);
    let impatient = Decisions {
        before_revoking: |owed| match decide::before_revoking(owed) {
            Revocation::Later => Revocation::Forget,
            decision => decision,
        },
        ..SHIPPED
    };
    breaks(Broken::LeftAlive, &strict(LATE_LOGINS), impatient);
}

// What the store does, and no decision says

#[test]
fn a_doubt_that_only_its_own_save_notes_tells_the_wrong_cause() {
    // The owner could not save and was waited for too long; another one sent the token again and died; then the owner saved after all.
    breaks(Broken::WrongCause, &Profile { notes_doubt_early: false, ..strict(TAKEN_OVER) }, SHIPPED);
}

const TAKEN_OVER: Limits = {
    use Event::*;
    &[(Send, 3), (Crash, 1), (DiskFull, 2), (Suspend, 1), (LongWait, 1)]
};
