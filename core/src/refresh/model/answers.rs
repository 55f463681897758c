//! What a process does with an answer, and with the lack of one.

use super::super::decide::{After, Came, Loser, Permit, Sent, State};
use super::profile::{Broken, Event};
use super::provider::{Reach, Token};
use super::steps::Steps;
use super::world::{Answer, IdToken, Outcome, Phase, Process, World};

impl Steps<'_> {
    fn answered(
        &mut self,
        what: &'static str,
        event: Option<Event>,
        mut world: World,
        answer: Answer,
        broken: Option<Broken>,
    ) {
        world.process(self.who).phase = Phase::Answered(answer);
        match event {
            Some(event) => self.wild(what, event, world, broken),
            None => self.calm(what, world, broken),
        }
    }

    pub(super) fn await_answer(&mut self) {
        let me = self.me();
        let mut world = *self.world;
        let row = &self.world.row;
        let provider = &self.world.provider;
        let replaced = row.state == State::Active
            && row.session == me.session
            && row.token != me.token
            && provider.family(row.token) == provider.family(me.token);
        let (brought, broken) = world.ask_provider(self.profile, me.token);
        let broken = replaced.then_some(Broken::SentOld).or(broken);
        match brought {
            None => self.answered("the answer: dead", None, world, Answer::Dead, broken),
            Some(brought) => {
                world.process(self.who).brought = brought;
                self.answered("the answer: new tokens", None, world, Answer::Tokens, broken);
                if self.may(Event::IdToken) {
                    world.process(self.who).id_token = IdToken::Good;
                    self.answered(
                        "the answer: new tokens and an ID token",
                        Some(Event::IdToken),
                        world,
                        Answer::Tokens,
                        broken,
                    );
                }
                if self.may(Event::IdToken) && self.may(Event::OfAnother) {
                    world.spend(Event::IdToken);
                    world.process(self.who).id_token = IdToken::OfAnother;
                    self.answered(
                        "the answer: new tokens and an ID token of another subject",
                        Some(Event::OfAnother),
                        world,
                        Answer::Tokens,
                        broken,
                    );
                }
            }
        }
        if self.may(Event::Loss) {
            for (lost, world, broken) in self.losses(me.token) {
                self.answered(lost, Some(Event::Loss), world, Answer::InDoubt, broken);
            }
        }
        if self.may(Event::Suspend) {
            for (_, mut world, broken) in self.losses(me.token) {
                world.past.sent_in_a_row = 0;
                world.process(self.who).phase = Phase::Cancelled;
                self.wild("suspend: cancels the request, which arrived or not", Event::Suspend, world, broken);
            }
        }
        if self.may(Event::TooMany) {
            self.answered("the answer: too many requests", Some(Event::TooMany), *self.world, Answer::NotSpent, None);
        }
        if self.may(Event::NotSent) {
            self.answered("no connection: nothing left", Some(Event::NotSent), *self.world, Answer::NotSpent, None);
        }
    }

    /// The ways in which a request gets no answer.
    pub(super) fn losses(&self, token: Token) -> Vec<(&'static str, World, Option<Broken>)> {
        let mut lost = *self.world;
        lost.trouble(token);
        let mut handled = *self.world;
        let (_, broken) = handled.ask_provider(self.profile, token);
        handled.trouble(token);
        handled.lose(token);
        let mut ways = vec![
            ("the request is lost", lost, None),
            ("the provider handles it, and the answer is lost", handled, broken),
        ];
        if self.may(Event::Late) {
            let mut late = *self.world;
            late.trouble(token);
            late.lose(token);
            late.late |= 1 << token;
            late.spend(Event::Late);
            ways.push(("no answer, and the request is still on its way", late, None));
        }
        ways
    }

    pub(super) fn settle(&mut self, answer: Answer) {
        let me = self.me();
        let came = match answer {
            Answer::Tokens => Came::Tokens,
            Answer::Dead => Came::Dead,
            Answer::NotSpent => Came::NotSpent,
            Answer::InDoubt => Came::InDoubt,
        };
        let decide = |repeats| {
            let sent = Sent { in_doubt: me.in_doubt, doubted: me.doubted, repeats };
            (self.decisions.after_answer)(came, &sent)
        };
        // The limits may leave no time for a repetition; whether they do makes no difference to the other answers.
        let repeats = me.repeats < self.profile.repeats && !self.profile.cautious;
        let decided = [decide(false), decide(repeats)];
        let decided = if decided[0] == decided[1] { &decided[..1] } else { &decided[..] };
        for after in decided.iter().copied() {
            match after {
                After::Save => {
                    self.save(*self.world, "saves the tokens");
                    if self.may(Event::DiskFull) {
                        let mut world = *self.world;
                        world.process(self.who).phase = Phase::Unsaved;
                        self.wild("saves the tokens: disk full, they stay in memory", Event::DiskFull, world, None);
                    }
                }
                After::End(cause) => {
                    let mut world = *self.world;
                    let ours = self.still_ours(&world);
                    let broken = if ours { world.end(self.who, Some(cause)) } else { None };
                    world.land(self.who);
                    self.calm(
                        if ours { "ends the session" } else { "dead, but the row says something newer" },
                        world,
                        broken,
                    );
                    self.cannot_write_outcome(false);
                }
                After::Release => {
                    let mut world = *self.world;
                    if self.still_ours(&world) {
                        world.attempt = None;
                        world.row.waiting = true;
                    }
                    world.land(self.who);
                    self.calm("not spent: deletes the attempt, keeps a back-off", world, None);
                    self.cannot_write_outcome(false);
                }
                After::KeepDoubt => self.keep_doubt("writes that it is in doubt", false, answer == Answer::NotSpent),
                After::Repeat => self.repeat(),
            }
        }
    }

    fn still_ours(&self, world: &World) -> bool {
        let me = self.me();
        (self.decisions.still_ours)(world.standing(me.session), me.generation.into())
    }

    /// The disk takes no outcome: the process remembers one, and obeys it.
    fn cannot_write_outcome(&mut self, due: bool) {
        if self.may(Event::DiskFull) {
            let mut world = *self.world;
            let me = self.me();
            if !due && self.world.is_current(self.who) {
                world.past.given_up |= 1 << me.token;
            }
            world.trouble(me.token);
            world.process(self.who).remembers = Some((me.generation, due));
            world.land(self.who);
            self.wild("writes the outcome: disk full, the process remembers it", Event::DiskFull, world, None);
        }
    }

    pub(super) fn keep_doubt(&mut self, what: &'static str, due: bool, wait: bool) {
        let mut world = *self.world;
        let me = self.me();
        if self.still_ours(&world) {
            if let Some(attempt) = &mut world.attempt {
                attempt.outcome = Outcome::InDoubt { due };
            }
            world.row.waiting |= wait;
            if !due && world.is_current(self.who) {
                world.past.given_up |= 1 << me.token;
            }
        }
        world.land(self.who);
        self.calm(what, world, None);
        self.cannot_write_outcome(due);
    }

    fn repeat(&mut self) {
        let mut world = *self.world;
        world.process(self.who).in_doubt = true;
        match self.permit(true) {
            Permit::Send if !self.may(Event::Send) => {}
            Permit::Send => {
                let broken = self.sending(&mut world, self.me().at_once);
                world.spend(Event::Send);
                let me = world.process(self.who);
                *me = Process { phase: Phase::Sent, repeats: me.repeats + 1, ..*me };
                self.calm("repeats the request", world, broken);
            }
            Permit::ReadAgain => {
                world.process(self.who).read_again();
                self.calm("would repeat the request, but the row is another; reads again", world, None);
            }
            Permit::AwaitBackOff | Permit::AwaitBudget => {
                self.keep_doubt("would repeat the request, but has to wait; writes that it is in doubt", false, false);
            }
        }
    }

    pub(super) fn save(&mut self, mut world: World, what: &'static str) {
        let me = self.me();
        if self.still_ours(&world) {
            let verified = (self.decisions.counts_as_verified)(world.row.verified, me.id_token != IdToken::None);
            let broken = world.save(self.who, verified);
            let generation = world.row.generation;
            if verified {
                world.land(self.who);
            } else {
                *world.process(self.who) = Process {
                    phase: Phase::Verifying,
                    session: me.session,
                    seen: me.seen,
                    content: me.content,
                    generation,
                    id_token: world.row.unchecked,
                    ..Process::IDLE
                };
            }
            self.calm(what, world, broken);
            return;
        }
        let standing = world.standing(me.session);
        match (self.decisions.after_losing)(standing) {
            Loser::Drop => {
                // A revocation that reaches further was the logout's own.
                let left = standing.state == State::LoggedOut
                    && self.profile.reach == Reach::Token
                    && world.provider.accepts(me.brought)
                    && world.outbox >> me.brought & 1 == 0;
                world.land(self.who);
                self.calm("too late to save: drops the tokens", world, left.then_some(Broken::LeftAlive));
            }
            Loser::Revoke => {
                world.outbox |= 1 << me.brought;
                world.land(self.who);
                self.calm("too late to save: the tokens are to be revoked", world, None);
            }
        }
    }

    pub(super) fn verify(&mut self) {
        let mut world = *self.world;
        let ours = self.still_ours(&world);
        let refused = self.me().id_token == IdToken::OfAnother;
        if refused {
            let broken = if ours {
                let wrong = self.world.row.unchecked != IdToken::OfAnother;
                world.end(self.who, None).or_else(|| wrong.then_some(Broken::FalseEnding))
            } else {
                None
            };
            world.land(self.who);
            self.calm("the ID token is another subject's: ends the session", world, broken);
        } else {
            let broken = if ours { world.mark_verified(self.who) } else { None };
            world.process(self.who).read_again();
            self.calm("verifies the ID token and marks the row", world, broken);
        }
        if self.may(Event::KeysAway) {
            self.wild("cannot fetch the keys", Event::KeysAway, self.landed(), None);
        }
        if !refused && self.may(Event::WrongClock) && self.world.is_current(self.who) {
            let mut world = *self.world;
            world.spend(Event::WrongClock);
            self.read(world, true);
        }
    }
}
