//! What to do next in a refresh: pure functions over plain values. The driver does what they say, the store asks [`still_ours`] inside its
//! transactions, and the model check next door tries them on every order of events that can end badly.

/// What a session's row says in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum State {
    Active,
    /// Ended by itself: its cause is stored.
    Ended,
    LoggedOut,
}

/// A row at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Standing {
    pub(crate) state: State,
    pub(crate) generation: i64,
}

/// Whether what was read of a row still holds. Every write of a refresh asks this in its own transaction: writing the attempt, each repetition,
/// saving, marking as verified, ending.
pub(crate) fn still_ours(now: Standing, generation: i64) -> bool {
    now.state == State::Active && now.generation == generation
}

/// Who wrote an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    /// This process. Whoever asks leads this session's refresh here, so the thread that wrote it is done with it.
    Here,
    /// A process that is alive: it holds tokens that it could not save.
    Elsewhere,
    /// A process that is not there any more, one of another boot, or one that nobody waits for any longer.
    Gone,
}

/// What is known of the last request of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Attempt {
    /// There was none.
    None,
    /// Written, and no outcome.
    Open(Owner),
    /// Nobody knows what became of it; `due` says whether the moment to try again has come. Also what a process remembers that could not write it.
    InDoubt { due: bool },
}

/// What was read under the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reading {
    pub(crate) state: State,
    /// Another generation than the caller had seen.
    pub(crate) newer: bool,
    pub(crate) verified: bool,
    /// The access token does for the caller's wish.
    pub(crate) good: bool,
    /// There is something to renew it with.
    pub(crate) renewable: bool,
    /// Of this generation; one of another generation is stale and counts as none.
    pub(crate) attempt: Attempt,
    /// A failure is being waited out.
    pub(crate) waiting: bool,
    /// The provider lets a request in doubt be repeated now.
    pub(crate) may_repeat: bool,
}

/// What to do after reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// Say why the session has ended.
    TellCause,
    /// Serve what is there.
    Serve,
    /// Check the ID token that came with these tokens, then read again.
    Verify,
    /// The owner lives and has the next tokens: serve a token that is still good, else say who it is.
    Busy,
    /// A request is in doubt and its moment has not come: serve a token that is still good, else say when.
    AwaitDoubt,
    /// Serve a token that is still good, else say how long to wait.
    AwaitBackOff,
    /// There is nothing to renew it with.
    NotRenewable,
    /// Write the attempt and send.
    Send {
        /// A request of this generation is in doubt already.
        in_doubt: bool,
        /// Its sender died: servers' grace is short, so no back-off holds this one up.
        at_once: bool,
    },
}

/// Decides after the row and its attempt were read under the lock.
pub(crate) fn after_reading(reading: &Reading) -> Step {
    if reading.state != State::Active {
        return Step::TellCause;
    }
    if reading.newer && reading.verified && reading.good {
        return Step::Serve;
    }
    if !reading.verified {
        // A refresh that brings no ID token would make tokens count as checked that nobody ever checked.
        return Step::Verify;
    }
    let (in_doubt, at_once) = match reading.attempt {
        Attempt::None => (false, false),
        Attempt::Open(Owner::Elsewhere) => return Step::Busy,
        Attempt::Open(Owner::Gone | Owner::Here) => (true, true),
        Attempt::InDoubt { due: false } => return Step::AwaitDoubt,
        Attempt::InDoubt { due: true } => (true, false),
    };
    if in_doubt && !reading.may_repeat {
        return Step::AwaitDoubt;
    }
    if !in_doubt && reading.good {
        return Step::Serve;
    }
    if !reading.renewable {
        return Step::NotRenewable;
    }
    if reading.waiting && !at_once {
        return Step::AwaitBackOff;
    }
    Step::Send { in_doubt, at_once }
}

/// What the transaction that writes the attempt sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BeforeSending {
    pub(crate) now: Standing,
    /// The generation whose refresh token is to be sent.
    pub(crate) generation: i64,
    pub(crate) waiting: bool,
    pub(crate) at_once: bool,
    /// Tries are left of the registration's budget.
    pub(crate) within_budget: bool,
}

/// Whether to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Permit {
    Send,
    /// The row says something newer: read again.
    ReadAgain,
    AwaitBackOff,
    AwaitBudget,
}

/// Decides in the transaction that writes the attempt, and again before each repetition.
pub(crate) fn before_sending(before: &BeforeSending) -> Permit {
    if !still_ours(before.now, before.generation) {
        Permit::ReadAgain
    } else if before.waiting && !before.at_once {
        Permit::AwaitBackOff
    } else if !before.within_budget {
        Permit::AwaitBudget
    } else {
        Permit::Send
    }
}

/// What came back, as the answer table has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Came {
    Tokens,
    Dead,
    NotSpent,
    InDoubt,
}

/// What was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sent {
    /// An earlier request of this generation is in doubt, of this flight or of one before.
    pub(crate) in_doubt: bool,
    /// Some request was in doubt since the login.
    pub(crate) doubted: bool,
    /// The limits, the provider and the budget allow one more repetition.
    pub(crate) repeats: bool,
}

/// Why a session ends that the provider no longer knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cause {
    /// Nothing of ours was ever in doubt.
    Revoked,
    /// The successor may have been lost on its way to us.
    RotationLost,
}

/// What to do with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum After {
    /// Save, before anything else is done with the tokens.
    Save,
    End(Cause),
    /// Delete the attempt, keep a back-off.
    Release,
    /// Note that it is in doubt, and until when it is left alone.
    KeepDoubt,
    Repeat,
}

/// Decides after an answer.
pub(crate) fn after_answer(came: Came, sent: &Sent) -> After {
    match came {
        Came::Tokens => After::Save,
        Came::Dead if sent.in_doubt || sent.doubted => After::End(Cause::RotationLost),
        Came::Dead => After::End(Cause::Revoked),
        // That this one was turned away says nothing about the one before.
        Came::NotSpent if sent.in_doubt => After::KeepDoubt,
        Came::NotSpent => After::Release,
        Came::InDoubt if sent.repeats => After::Repeat,
        Came::InDoubt => After::KeepDoubt,
    }
}

/// Whether the tokens that are saved count as verified.
pub(crate) fn counts_as_verified(was_verified: bool, brought_id_token: bool) -> bool {
    was_verified && !brought_id_token
}

/// What to do with tokens that came too late to be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Loser {
    /// In silence. To revoke them would kill the family, so the session.
    Drop,
    /// Through the outbox: nobody will ever use them.
    Revoke,
}

/// Decides after a save that found another row than was read.
pub(crate) fn after_losing(now: Standing) -> Loser {
    match now.state {
        State::LoggedOut => Loser::Revoke,
        State::Active | State::Ended => Loser::Drop,
    }
}

/// What is known when a revocation of the outbox is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Owed {
    /// Revoking one token may end every session of that user with this app.
    pub(crate) whole_grant: bool,
    /// The user has logged in again.
    pub(crate) has_session: bool,
    /// A login of that registration is between its code exchange and its saving.
    pub(crate) login_under_way: bool,
}

/// What to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Revocation {
    Send,
    Later,
    /// It would end the new session too.
    Forget,
}

/// Decides before a revocation is sent, under the registration's lock.
pub(crate) fn before_revoking(owed: &Owed) -> Revocation {
    if !owed.whole_grant {
        Revocation::Send
    } else if owed.login_under_way {
        Revocation::Later
    } else if owed.has_session {
        Revocation::Forget
    } else {
        Revocation::Send
    }
}
