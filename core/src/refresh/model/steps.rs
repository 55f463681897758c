//! What a process does next. It decides nothing: every decision is asked for, and the world is moved accordingly.

use super::super::decide::{Attempt, BeforeSending, Owner, Permit, Reading, State, Step};
use super::Decisions;
use super::profile::{Broken, Event, Profile};
use super::provider::NOTHING;
use super::world::{Age, IdToken, Outcome, Phase, Process, World, Written};

/// Who does what is not a process's doing.
pub(super) const NOBODY: u8 = 2;

/// A world that can come next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Next {
    pub(super) what: &'static str,
    pub(super) who: u8,
    /// Happens also when nothing goes wrong.
    pub(super) calm: bool,
    pub(super) world: World,
    pub(super) broken: Option<Broken>,
}

/// The steps that one process can take in a world.
pub(super) struct Steps<'a> {
    pub(super) profile: &'a Profile,
    pub(super) decisions: &'a Decisions,
    pub(super) world: &'a World,
    pub(super) who: u8,
    pub(super) next: &'a mut Vec<Next>,
}

impl Steps<'_> {
    pub(super) fn me(&self) -> Process {
        self.world.processes[usize::from(self.who)]
    }

    pub(super) fn may(&self, event: Event) -> bool {
        self.world.may(self.profile, event)
    }

    pub(super) fn calm(&mut self, what: &'static str, world: World, broken: Option<Broken>) {
        self.next.push(Next { what, who: self.who, calm: true, world, broken });
    }

    pub(super) fn wild(&mut self, what: &'static str, event: Event, mut world: World, broken: Option<Broken>) {
        world.spend(event);
        self.next.push(Next { what, who: self.who, calm: false, world, broken });
    }

    /// The flight is over, whatever it brought.
    pub(super) fn landed(&self) -> World {
        let mut world = *self.world;
        world.land(self.who);
        world
    }

    pub(super) fn take(mut self) {
        match self.me().phase {
            Phase::Idle => self.call(),
            Phase::Waiting => self.wait(),
            Phase::Reading => self.read(*self.world, false),
            Phase::Prepared => self.write_attempt(),
            Phase::Sent => self.await_answer(),
            Phase::Answered(answer) => self.settle(answer),
            Phase::Cancelled => {
                self.keep_doubt("writes that the cancelled request is in doubt, and may be repeated", true, false);
            }
            Phase::Verifying => self.verify(),
            Phase::Unsaved => {
                let world = *self.world;
                self.save(world, "the next call saves the tokens");
                if self.may(Event::Suspend) && self.may(Event::DiskFull) {
                    let mut world = *self.world;
                    world.unlock(self.who);
                    world.process(self.who).phase = Phase::UnsavedWithoutLock;
                    world.spend(Event::DiskFull);
                    self.wild(
                        "suspend: the disk is still full, the lock goes, the tokens stay in memory",
                        Event::Suspend,
                        world,
                        None,
                    );
                }
            }
            Phase::UnsavedWithoutLock => {
                if self.world.lock_of(self.me().session).is_none() {
                    let mut world = *self.world;
                    world.lock(self.who);
                    self.save(world, "takes the lock again and saves the tokens");
                }
            }
        }
    }

    fn call(&mut self) {
        let row = &self.world.row;
        let interrupted = self.world.attempt.is_some() || !row.verified;
        let wishes = [
            (row.age != Age::Fresh, false, "is asked for a token, and wants the lock"),
            (row.age != Age::Over && interrupted, true, "sees that something was interrupted, and wants the lock"),
        ];
        for (possible, content, what) in wishes {
            if possible && row.state == State::Active {
                let mut world = *self.world;
                let me = world.process(self.who);
                *me = Process { phase: Phase::Waiting, session: row.session, seen: row.generation, content, ..*me };
                self.calm(what, world, None);
            }
        }
    }

    fn wait(&mut self) {
        let me = self.me();
        if self.world.lock_of(me.session).is_none() {
            let mut world = *self.world;
            world.lock(self.who);
            self.read(world, false);
        } else {
            let landed = self.landed();
            self.calm("gives up waiting for the lock", landed, None);
            if (self.decisions.after_reading)(&self.reading(false)) == Step::Serve {
                let broken = self.world.serve(me.session);
                self.calm("sees newer tokens while it waits, and serves them", landed, broken);
            }
        }
    }

    /// What this process reads under the lock; `checked`, when it has just tried to verify the row and found it the right person's.
    fn reading(&self, checked: bool) -> Reading {
        let (me, row) = (self.me(), &self.world.row);
        let standing = self.world.standing(me.session);
        let newer = standing.generation != i64::from(me.seen);
        let attempt = self.world.attempt.filter(|attempt| attempt.generation == row.generation);
        let attempt = attempt.map_or(Attempt::None, |written| match written.outcome {
            Outcome::InDoubt { due } => Attempt::InDoubt { due },
            Outcome::None if !written.alive || written.long_ago => Attempt::Open(Owner::Gone),
            Outcome::None if written.owner != self.who => Attempt::Open(Owner::Elsewhere),
            Outcome::None => match me.remembers {
                Some((generation, due)) if generation == row.generation => Attempt::InDoubt { due },
                _ => Attempt::Open(Owner::Here),
            },
        });
        Reading {
            state: standing.state,
            newer,
            verified: row.verified || checked,
            good: !checked && (row.age == Age::Fresh || ((newer || me.content) && row.age == Age::Due)),
            renewable: self.profile.renewable,
            attempt,
            waiting: row.waiting,
            may_repeat: !self.profile.cautious || row.age == Age::Over,
        }
    }

    /// Reads the row under the lock, and does what was decided.
    pub(super) fn read(&mut self, mut world: World, checked: bool) {
        let who = self.who;
        let session = self.me().session;
        let reading = self.reading(checked);
        let step = (self.decisions.after_reading)(&reading);
        let mut landed = world;
        landed.land(who);
        let good = self.world.serve_if_good(session);
        // The truth about an owner that died: its request is to be repeated now.
        let owner_died = reading.attempt == Attempt::Open(Owner::Gone)
            && reading.state == State::Active
            && reading.verified
            && reading.renewable
            && reading.may_repeat
            && !(reading.newer && reading.good);
        let held_up = |step: Step| (owner_died && !matches!(step, Step::Send { .. })).then_some(Broken::HeldUp);
        match step {
            Step::TellCause => self.calm("reads: the session has ended; says why", landed, None),
            Step::Serve => {
                self.calm("reads: serves what is there", landed, self.world.serve(session).or_else(|| held_up(step)))
            }
            Step::Verify => {
                let (generation, id_token) = (world.row.generation, world.row.unchecked);
                let me = world.process(who);
                *me = Process { phase: Phase::Verifying, generation, id_token, ..*me };
                self.calm("reads: not verified; fetches the keys", world, None);
            }
            Step::Busy => {
                self.calm("reads: a live process has the next tokens; says who", landed, good.or_else(|| held_up(step)))
            }
            Step::AwaitDoubt => {
                self.calm("reads: in doubt, and its moment has not come", landed, good.or_else(|| held_up(step)))
            }
            Step::AwaitBackOff => self.calm("reads: a back-off", landed, good.or_else(|| held_up(step))),
            Step::NotRenewable if self.world.row.age == Age::Over => {
                let broken = world.end(who, None);
                world.land(who);
                self.calm("reads: over, and nothing to renew it with; ends the session", world, broken);
            }
            Step::NotRenewable => self.calm("reads: nothing to renew it with", landed, good),
            Step::Send { in_doubt, at_once } => {
                let row = world.row;
                let me = world.process(who);
                *me = Process {
                    phase: Phase::Prepared,
                    generation: row.generation,
                    token: row.token,
                    in_doubt,
                    at_once,
                    doubted: row.doubted,
                    id_token: IdToken::None,
                    ..*me
                };
                self.calm("reads: will send", world, None);
            }
        }
    }

    pub(super) fn permit(&self, within_budget: bool) -> Permit {
        let me = self.me();
        (self.decisions.before_sending)(&BeforeSending {
            now: self.world.standing(me.session),
            generation: me.generation.into(),
            waiting: self.world.row.waiting,
            at_once: me.at_once,
            within_budget,
        })
    }

    fn write_attempt(&mut self) {
        if self.may(Event::DiskFull) {
            self.wild("writes the attempt: disk full, nothing is sent", Event::DiskFull, self.landed(), None);
        }
        let me = self.me();
        let died_before = self.world.attempt.is_some_and(|attempt| {
            attempt.generation == me.generation
                && attempt.outcome == Outcome::None
                && (!attempt.alive || attempt.long_ago || (attempt.owner == self.who && me.remembers.is_none()))
        });
        let budgets: &[bool] = if self.may(Event::NoBudget) { &[true, false] } else { &[true] };
        for within_budget in budgets.iter().copied() {
            let permit = self.permit(within_budget);
            let mut world = *self.world;
            if !within_budget {
                world.spend(Event::NoBudget);
            }
            match permit {
                Permit::Send if !self.may(Event::Send) => {}
                Permit::Send => {
                    let broken = (!within_budget)
                        .then_some(Broken::OverBudget)
                        .or_else(|| self.sending(&mut world, died_before));
                    if me.session == world.row.session {
                        world.row.doubted |= self.profile.notes_doubt_early && me.in_doubt;
                        world.attempt = Some(Written {
                            generation: me.generation,
                            owner: self.who,
                            alive: true,
                            long_ago: false,
                            outcome: Outcome::None,
                        });
                    }
                    world.spend(Event::Send);
                    world.process(self.who).phase = Phase::Sent;
                    self.calm("writes the attempt and sends", world, broken);
                }
                Permit::ReadAgain => {
                    world.process(self.who).read_again();
                    self.calm("writes the attempt: the row is another; reads again", world, None);
                }
                Permit::AwaitBackOff => {
                    let broken = (died_before && self.world.is_current(self.who)).then_some(Broken::HeldUp);
                    world.land(self.who);
                    self.calm("writes the attempt: a back-off; nothing is sent", world, broken);
                }
                Permit::AwaitBudget => {
                    world.land(self.who);
                    self.calm("writes the attempt: no tries left; nothing is sent", world, None);
                }
            }
        }
    }

    /// A request is about to leave. `at_once`, when it is a dead owner's that nothing should hold up.
    pub(super) fn sending(&self, world: &mut World, at_once: bool) -> Option<Broken> {
        let me = self.me();
        let token = me.token;
        if token == NOTHING {
            return Some(Broken::SentOld);
        }
        let bit = 1 << token;
        let past = &mut world.past;
        past.sent_in_a_row = if past.last_sent == token { past.sent_in_a_row.saturating_add(1) } else { 1 };
        past.last_sent = token;
        if world.past.dead & bit != 0 {
            Some(Broken::SentDead)
        } else if world.standing(me.session).state != State::Active {
            Some(Broken::SentAfterEnd)
        } else if !world.is_current(self.who) {
            Some(Broken::SentOld)
        } else if world.past.given_up & bit != 0 {
            Some(Broken::BeforeRetryAt)
        } else if world.row.waiting && !at_once {
            Some(Broken::InsideBackOff)
        } else if self.profile.cautious && world.past.unsure & bit != 0 && world.row.age != Age::Over {
            Some(Broken::RepeatedTooEarly)
        } else if world.past.sent_in_a_row > 1 + self.profile.repeats {
            Some(Broken::Storm)
        } else {
            None
        }
    }
}
