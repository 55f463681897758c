//! The world at one moment: two processes, the session's row and its attempt, the provider, and what has happened so far that an invariant
//! asks for. Small and `Copy`: a search holds hundreds of thousands of them.

use super::super::decide::{Standing, State};
use super::profile::{Broken, EVENTS, Event, Profile};
use super::provider::{Given, NOTHING, Provider, Token};

/// How old the access token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Age {
    Fresh,
    /// Past its refresh point, and still good.
    Due,
    Over,
}

/// The ID token of an answer that nobody has checked yet: what a check would say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum IdToken {
    None,
    Good,
    OfAnother,
}

/// The session's row. After a logout and a login it is the next session's: what is left of the one before is its tombstone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Row {
    pub(super) session: u8,
    pub(super) state: State,
    pub(super) generation: u8,
    pub(super) token: Token,
    pub(super) age: Age,
    pub(super) verified: bool,
    /// The truth that `verified` is to say: an ID token came with these tokens, or with those before, and nobody has checked it.
    pub(super) unchecked: IdToken,
    pub(super) waiting: bool,
    pub(super) doubted: bool,
}

/// The row of the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Written {
    pub(super) generation: u8,
    pub(super) owner: u8,
    /// The owner's process lives.
    pub(super) alive: bool,
    /// Longer ago than anybody waits for a live owner.
    pub(super) long_ago: bool,
    pub(super) outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Outcome {
    None,
    InDoubt { due: bool },
}

/// Where a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Phase {
    Idle,
    /// Has looked at the row and wants the lock. From `Reading` on to `Unsaved` the lock is held.
    Waiting,
    Reading,
    /// Is about to write the attempt.
    Prepared,
    /// The attempt is written, the request is on its way.
    Sent,
    Answered(Answer),
    /// `suspend` has cancelled the request, and the doubt is still to be written.
    Cancelled,
    Verifying,
    /// The disk did not take the tokens: they are in memory.
    Unsaved,
    /// `suspend` has let go of the lock, and the tokens are in memory still.
    UnsavedWithoutLock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Answer {
    Tokens,
    Dead,
    NotSpent,
    InDoubt,
}

/// A process: its one flight for this session, and what it remembers beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Process {
    pub(super) phase: Phase,
    pub(super) session: u8,
    /// The generation that the caller had.
    pub(super) seen: u8,
    /// The caller's wish is for no newer token while this one is good; it is here for what was interrupted.
    pub(super) content: bool,
    /// The generation that the flight works on.
    pub(super) generation: u8,
    pub(super) token: Token,
    pub(super) in_doubt: bool,
    pub(super) doubted: bool,
    pub(super) at_once: bool,
    pub(super) repeats: u8,
    /// The tokens of an answer, and the ID token that came with them.
    pub(super) brought: Token,
    pub(super) id_token: IdToken,
    /// An outcome that it could not write: of which generation, and whether its moment has come.
    pub(super) remembers: Option<(u8, bool)>,
}

impl Process {
    pub(super) const IDLE: Self = Self {
        phase: Phase::Idle,
        session: 0,
        seen: 0,
        content: false,
        generation: 0,
        token: NOTHING,
        in_doubt: false,
        doubted: false,
        at_once: false,
        repeats: 0,
        brought: NOTHING,
        id_token: IdToken::None,
        remembers: None,
    };

    /// Looks at the row anew, with the lock still held.
    pub(super) fn read_again(&mut self) {
        let Self { session, seen, content, remembers, .. } = *self;
        *self = Self { phase: Phase::Reading, session, seen, content, remembers, ..Self::IDLE };
    }
}

/// A login: from before its code exchange until it is saved it holds the registration's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Login {
    None,
    Exchanging,
    Issued(Token),
}

/// What has happened, for the invariants alone: no decision sees it. Sets of tokens and families are bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Past {
    /// Families of which an answer was lost, or may have been.
    pub(super) excused: u8,
    /// Something happened to a request since the login, so that its outcome may be unknown.
    pub(super) troubled: bool,
    /// Tokens whose last request nobody knows the outcome of.
    pub(super) unsure: u16,
    /// Tokens that a live owner gave up on, before its `retry_at`.
    pub(super) given_up: u16,
    /// Tokens that an ending was stored for.
    pub(super) dead: u16,
    /// How often the last token was sent in a row.
    pub(super) last_sent: Token,
    pub(super) sent_in_a_row: u8,
}

/// Sessions that a world can hold, one after the other.
const SESSIONS: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) processes: [Process; 2],
    /// Who holds each session's lock.
    pub(super) locks: [Option<u8>; SESSIONS],
    pub(super) row: Row,
    /// The generation of the tombstone that the session before left.
    pub(super) tombstone: u8,
    pub(super) attempt: Option<Written>,
    pub(super) next_generation: u8,
    pub(super) provider: Provider,
    pub(super) login: Login,
    /// Tokens to be revoked, and the one whose revocation is on its way under the registration's lock.
    pub(super) outbox: u16,
    pub(super) revoking: Option<Token>,
    /// Tokens with a request that is still on its way, and nobody waiting for its answer.
    pub(super) late: u16,
    pub(super) past: Past,
    pub(super) used: [u8; EVENTS],
}

impl World {
    pub(super) fn new(profile: &Profile) -> Self {
        let mut provider = Provider::new();
        let token = if profile.renewable { provider.log_in() } else { NOTHING };
        Self {
            processes: [Process::IDLE; 2],
            locks: [None; SESSIONS],
            row: Row {
                session: 0,
                state: State::Active,
                generation: 1,
                token,
                age: Age::Fresh,
                verified: true,
                unchecked: IdToken::None,
                waiting: false,
                doubted: false,
            },
            tombstone: 0,
            attempt: None,
            next_generation: 2,
            provider,
            login: Login::None,
            outbox: 0,
            revoking: None,
            late: 0,
            past: Past {
                excused: 0,
                troubled: false,
                unsure: 0,
                given_up: 0,
                dead: 0,
                last_sent: NOTHING,
                sent_in_a_row: 0,
            },
            used: [0; EVENTS],
        }
    }

    pub(super) fn may(&self, profile: &Profile, event: Event) -> bool {
        self.used[event as usize] < profile.limits[event as usize]
    }

    pub(super) fn spend(&mut self, event: Event) {
        self.used[event as usize] = self.used[event as usize].saturating_add(1);
    }

    pub(super) fn forget_spent(&mut self) {
        self.used = [0; EVENTS];
    }

    pub(super) fn standing(&self, session: u8) -> Standing {
        if session == self.row.session {
            Standing { state: self.row.state, generation: self.row.generation.into() }
        } else {
            Standing { state: State::LoggedOut, generation: self.tombstone.into() }
        }
    }

    /// Whether the row is what this process has read: the truth, whatever the decisions say.
    pub(super) fn is_current(&self, process: u8) -> bool {
        let flight = &self.processes[usize::from(process)];
        flight.session == self.row.session
            && self.row.state == State::Active
            && flight.generation == self.row.generation
    }

    pub(super) fn process(&mut self, process: u8) -> &mut Process {
        &mut self.processes[usize::from(process)]
    }

    pub(super) fn lock_of(&self, session: u8) -> Option<u8> {
        self.locks[usize::from(session)]
    }

    pub(super) fn lock(&mut self, process: u8) {
        let session = self.process(process).session;
        self.locks[usize::from(session)] = Some(process);
    }

    pub(super) fn unlock(&mut self, process: u8) {
        for lock in &mut self.locks {
            if *lock == Some(process) {
                *lock = None;
            }
        }
    }

    /// The flight is over. What a process remembers, it keeps as long as it concerns the row.
    pub(super) fn land(&mut self, process: u8) {
        self.unlock(process);
        let remembers = self.process(process).remembers.filter(|(generation, _)| *generation == self.row.generation);
        *self.process(process) = Process { remembers, ..Process::IDLE };
    }

    /// Nobody knows what became of the request that carried this token.
    pub(super) fn trouble(&mut self, token: Token) {
        self.past.unsure |= 1 << token;
        self.past.troubled = true;
    }

    /// An answer to the request that carried this token is lost, or may be.
    pub(super) fn lose(&mut self, token: Token) {
        self.past.excused |= [1, 2, 4][self.provider.family(token)];
    }

    /// The provider handles a refresh.
    pub(super) fn ask_provider(&mut self, profile: &Profile, token: Token) -> (Option<Token>, Option<Broken>) {
        let family = self.provider.family(token);
        match self.provider.refresh(profile.kind, token) {
            Given::Token(brought) => (Some(brought), None),
            Given::Dead => (None, None),
            Given::Reuse => (None, (self.past.excused >> family & 1 == 0).then_some(Broken::Reuse)),
        }
    }

    /// The same with the two processes in one order: they are alike, so half of the worlds need not be looked at.
    pub(super) fn canonical(&self) -> Self {
        if self.processes[0] <= self.processes[1] {
            return *self;
        }
        let mut other = *self;
        other.processes.swap(0, 1);
        for lock in &mut other.locks {
            *lock = lock.map(|holder| 1 - holder);
        }
        other.attempt = other.attempt.map(|attempt| Written { owner: 1 - attempt.owner, ..attempt });
        other
    }
}
