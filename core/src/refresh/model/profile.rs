//! How wide a search is, and what no search may find.

use super::provider::{Kind, Reach};

/// What can go wrong or come in between, each so many times in a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A refresh at all.
    Send,
    /// A process dies.
    Crash,
    /// A thread panics: its lock is freed, its process lives.
    Panic,
    /// A request or its answer gets lost, or late.
    Loss,
    /// A request waits on the network until after its sender has stopped waiting for it.
    Late,
    TooMany,
    NotSent,
    DiskFull,
    Suspend,
    /// A live owner is waited for too long.
    LongWait,
    Logout,
    Login,
    LoginFails,
    TakenBack,
    IdToken,
    OfAnother,
    KeysAway,
    /// An ID token is refused for its times alone: a clock is wrong.
    WrongClock,
    /// Something other than this session's refresh stores a back-off.
    Pause,
    /// The registration's budget of tries is used up.
    NoBudget,
}

pub(super) const EVENTS: usize = 20;

/// How wide a search is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Profile {
    pub(super) kind: Kind,
    pub(super) reach: Reach,
    /// The provider's file says that a request in doubt waits until the access token is over: it punishes the user.
    pub(super) cautious: bool,
    /// Sessions have a refresh token.
    pub(super) renewable: bool,
    /// How often one flight repeats.
    pub(super) repeats: u8,
    /// Also check for every state that each process alone gets on.
    pub(super) liveness: bool,
    /// The transaction that writes an attempt also notes in the row that one was in doubt.
    pub(super) notes_doubt_early: bool,
    pub(super) limits: [u8; EVENTS],
}

impl Profile {
    pub(super) const fn new(kind: Kind, reach: Reach, events: &[(Event, u8)]) -> Self {
        let mut limits = [0; EVENTS];
        let mut at = 0;
        while at < events.len() {
            limits[events[at].0 as usize] = events[at].1;
            at += 1;
        }
        Self {
            kind,
            reach,
            cautious: false,
            renewable: true,
            repeats: 1,
            liveness: true,
            notes_doubt_early: true,
            limits,
        }
    }

    /// The same without anything going wrong, and with all the sends that it may take.
    pub(super) fn calm(self) -> Self {
        let mut limits = [0; EVENTS];
        limits[Event::Send as usize] = u8::MAX;
        Self { limits, ..self }
    }
}

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Broken {
    /// `LoginRequired`, while the provider would still have taken what is stored, or for another session's fault.
    FalseEnding,
    /// `Revoked` where our own lost answer was the reason, or `RotationLost` where nothing was lost.
    WrongCause,
    /// An old refresh token was sent when its successor or a login was stored, or what is no refresh token at all.
    SentOld,
    /// A refresh token was sent when a logout or an ending was stored.
    SentAfterEnd,
    /// A token that was answered dead was sent again.
    SentDead,
    /// A tombstone was written over.
    Resurrected,
    /// Newer tokens were written over.
    Overwritten,
    /// The outbox ended a live session, or a login under way.
    RevokedLive,
    /// Tokens that we hold stay valid after a logout, and nobody will revoke them.
    LeftAlive,
    /// Tokens count as verified whose ID token nobody has checked.
    CountedUnchecked,
    ServedUnchecked,
    ServedOver,
    ServedEnded,
    /// One token was sent more often than a flight repeats before anybody waited.
    Storm,
    /// A request went out while the provider was to be left alone.
    InsideBackOff,
    /// A request in doubt was repeated before its moment.
    BeforeRetryAt,
    OverBudget,
    /// Repeated while the access token was good, at a provider that punishes it.
    RepeatedTooEarly,
    /// A dead owner's request was not repeated at once, though it could have been: its provider's grace runs out.
    HeldUp,
    /// The provider saw a token twice, and nothing had been lost.
    Reuse,
    /// Alone, with a good network and time, and never a token nor an ending.
    Stuck,
}
