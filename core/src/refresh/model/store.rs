//! What the store's transactions do to the row and the attempt, and which promise it breaks to do it now. That they may was decided before.

use super::super::decide::{Cause, State};
use super::profile::Broken;
use super::provider::{Fate, NOTHING, Token};
use super::world::{Age, IdToken, Row, World};

impl World {
    fn new_generation(&mut self) {
        self.row.generation = self.next_generation;
        self.next_generation += 1;
        self.attempt = None;
    }

    /// Which promise a write to a row breaks that the process has not read.
    fn overwrites(&self, process: u8) -> Option<Broken> {
        let session = self.processes[usize::from(process)].session;
        if self.is_current(process) {
            None
        } else if self.standing(session).state == State::LoggedOut {
            Some(Broken::Resurrected)
        } else {
            Some(Broken::Overwritten)
        }
    }

    /// The transaction that saves tokens, once it was decided that the row is ours.
    pub(super) fn save(&mut self, process: u8, verified: bool) -> Option<Broken> {
        let flight = *self.process(process);
        if let Some(broken) = self.overwrites(process) {
            return Some(broken);
        }
        self.new_generation();
        self.row.token = flight.brought;
        self.row.age = Age::Fresh;
        self.row.waiting = false;
        self.row.doubted |= flight.in_doubt;
        self.row.verified = verified;
        if flight.id_token != IdToken::None {
            self.row.unchecked = flight.id_token;
        }
        let sent = 1 << flight.token;
        self.past.unsure &= !sent;
        self.past.given_up &= !sent;
        self.past.sent_in_a_row = 0;
        self.counted_unchecked()
    }

    fn counted_unchecked(&self) -> Option<Broken> {
        (self.row.verified && self.row.unchecked != IdToken::None).then_some(Broken::CountedUnchecked)
    }

    pub(super) fn mark_verified(&mut self, process: u8) -> Option<Broken> {
        if self.is_current(process) {
            self.row.unchecked = IdToken::None;
        }
        self.row.verified = true;
        self.counted_unchecked()
    }

    /// The transaction that ends the session for a cause; `None` is one that has nothing to do with the refresh token.
    pub(super) fn end(&mut self, process: u8, cause: Option<Cause>) -> Option<Broken> {
        let session = self.process(process).session;
        if self.standing(session).state == State::LoggedOut {
            return Some(Broken::Resurrected);
        }
        if let Some(cause) = cause {
            if self.provider.accepts(self.row.token) {
                return Some(Broken::FalseEnding);
            }
            let fate = self.provider.fate(self.row.token);
            let told = match cause {
                Cause::Revoked => fate != Fate::Reused,
                Cause::RotationLost => self.past.troubled,
            };
            if !told {
                return Some(Broken::WrongCause);
            }
            self.past.dead |= 1 << self.row.token;
        }
        self.row.state = State::Ended;
        self.new_generation();
        None
    }

    pub(super) fn log_out(&mut self) {
        if self.row.token != NOTHING {
            self.outbox |= 1 << self.row.token;
        }
        self.row = Row {
            state: State::LoggedOut,
            age: Age::Fresh,
            verified: true,
            unchecked: IdToken::None,
            waiting: false,
            doubted: false,
            ..self.row
        };
        self.new_generation();
    }

    /// A login is saved: the same user's session has new tokens, or there is a new session where the app had logged out.
    pub(super) fn save_login(&mut self, token: Token) {
        if self.row.state == State::LoggedOut {
            self.row.session += 1;
            self.tombstone = self.row.generation;
        }
        self.row = Row {
            session: self.row.session,
            state: State::Active,
            generation: 0,
            token,
            age: Age::Fresh,
            verified: true,
            unchecked: IdToken::None,
            waiting: false,
            doubted: false,
        };
        self.new_generation();
        self.past.troubled = false;
    }

    /// Gives the caller the access token that is stored.
    pub(super) fn serve(&self, session: u8) -> Option<Broken> {
        if self.standing(session).state != State::Active {
            Some(Broken::ServedEnded)
        } else if self.row.unchecked != IdToken::None {
            Some(Broken::ServedUnchecked)
        } else if self.row.age == Age::Over {
            Some(Broken::ServedOver)
        } else {
            None
        }
    }

    /// Gives it if it is still good and verified, beside an error that does not concern it.
    pub(super) fn serve_if_good(&self, session: u8) -> Option<Broken> {
        if self.row.age == Age::Over || !self.row.verified { None } else { self.serve(session) }
    }
}
