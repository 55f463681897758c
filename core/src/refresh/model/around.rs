//! What happens around the processes: they die, time passes, the user logs out and in, the outbox is sent.

use super::super::decide::{Owed, Revocation, State};
use super::Decisions;
use super::profile::{Broken, Event, Profile};
use super::provider::{Reach, TOKENS, Token};
use super::steps::{NOBODY, Next, Steps};
use super::world::{Age, Answer, Login, Outcome, Phase, Process, World};

/// Everything that can come next.
pub(super) fn all(profile: &Profile, decisions: &Decisions, world: &World, next: &mut Vec<Next>) {
    for who in [0, 1] {
        of(profile, decisions, world, who, next);
        deaths(profile, decisions, world, who, next);
    }
    let mut around = Around { profile, decisions, world, next };
    around.time();
    around.user();
    around.outbox();
}

/// What one process does next.
pub(super) fn of(profile: &Profile, decisions: &Decisions, world: &World, who: u8, next: &mut Vec<Next>) {
    Steps { profile, decisions, world, who, next }.take();
}

/// A process dies, or the thread that leads its flight does.
fn deaths(profile: &Profile, decisions: &Decisions, world: &World, who: u8, next: &mut Vec<Next>) {
    let me = world.processes[usize::from(who)];
    let owes = |world: &World| {
        world.attempt.is_some_and(|written| written.owner == who && written.alive && written.outcome == Outcome::None)
    };
    let flies = !matches!(me.phase, Phase::Idle | Phase::Waiting | Phase::Unsaved | Phase::UnsavedWithoutLock);
    let holds = matches!(me.phase, Phase::Unsaved | Phase::UnsavedWithoutLock | Phase::Answered(Answer::Tokens));
    let kinds = [
        (
            Event::Crash,
            flies || holds || owes(world),
            "the process dies",
            "the process dies: its request was under way",
        ),
        (Event::Panic, flies, "the thread panics", "the thread panics: its request was under way"),
    ];
    for (event, possible, what, under_way) in kinds {
        if !possible || !world.may(profile, event) {
            continue;
        }
        let ways = if me.phase == Phase::Sent {
            Steps { profile, decisions, world, who, next: &mut Vec::new() }.losses(me.token)
        } else {
            let mut world = *world;
            if holds {
                world.lose(me.token);
                if world.is_current(who) {
                    world.trouble(me.token);
                }
            } else if owes(&world) {
                world.trouble(world.row.token);
            }
            vec![("", world, None)]
        };
        for (how, mut world, broken) in ways {
            if event == Event::Crash {
                if owes(&world)
                    && let Some(written) = &mut world.attempt
                {
                    // What it only remembered dies with it.
                    written.alive = false;
                    world.past.given_up = 0;
                }
                world.unlock(who);
                *world.process(who) = Process::IDLE;
            } else {
                world.land(who);
            }
            world.past.sent_in_a_row = 0;
            world.spend(event);
            let what = if how.is_empty() { what } else { under_way };
            next.push(Next { what, who, calm: false, world, broken });
        }
    }
}

struct Around<'a> {
    profile: &'a Profile,
    decisions: &'a Decisions,
    world: &'a World,
    next: &'a mut Vec<Next>,
}

impl Around<'_> {
    fn may(&self, event: Event) -> bool {
        self.world.may(self.profile, event)
    }

    fn push(&mut self, what: &'static str, world: World, broken: Option<Broken>) {
        self.next.push(Next { what, who: NOBODY, calm: false, world, broken });
    }

    fn time(&mut self) {
        let world = *self.world;
        if world.row.state == State::Active
            && world.row.age != Age::Over
            && (self.may(Event::Send) || !self.profile.renewable)
        {
            let mut world = world;
            world.row.age = if world.row.age == Age::Fresh { Age::Due } else { Age::Over };
            self.push("time: the access token is due, then over", world, None);
        }
        let mut later = world;
        pass_retry_at(&mut later);
        if later != world {
            later.past.sent_in_a_row = 0;
            self.push("time: retry_at has come", later, None);
        }
        if world.row.waiting {
            let mut world = world;
            world.row.waiting = false;
            world.past.sent_in_a_row = 0;
            self.push("time: the back-off is over", world, None);
        }
        if let Some(provider) = world.provider.without_grace() {
            self.push("time: the provider's grace is over", World { provider, ..world }, None);
        }
        if let Some(written) = world.attempt
            && written.outcome == Outcome::None
            && written.alive
            && !written.long_ago
            && world.lock_of(world.row.session).is_none()
            && self.may(Event::LongWait)
        {
            let mut world = world;
            pass_retry_at(&mut world);
            world.lose(world.row.token);
            world.trouble(world.row.token);
            if let Some(written) = &mut world.attempt {
                written.long_ago = true;
            }
            world.past.sent_in_a_row = 0;
            world.spend(Event::LongWait);
            self.push("time: the attempt's owner is waited for no longer", world, None);
        }
        for token in (0..TOKENS).filter(|token| world.late >> token & 1 == 1) {
            let mut world = world;
            world.late &= !(1 << token);
            let (_, broken) = world.ask_provider(self.profile, token);
            self.push("a late request arrives, its answer reaches nobody", world, broken);
        }
    }

    fn user(&mut self) {
        let world = *self.world;
        if self.may(Event::TakenBack)
            && let Some(provider) = world.provider.taken_back()
        {
            let mut world = World { provider, ..world };
            world.spend(Event::TakenBack);
            self.push("the user takes the grant back at the provider", world, None);
        }
        if self.may(Event::Pause) && world.row.state == State::Active && !world.row.waiting {
            let mut world = world;
            world.row.waiting = true;
            world.spend(Event::Pause);
            self.push("something else stores a back-off", world, None);
        }
        if self.may(Event::Logout) && world.row.state != State::LoggedOut {
            let mut world = world;
            world.log_out();
            world.spend(Event::Logout);
            self.push("logout: a tombstone, and the token to the outbox", world, None);
        }
        match world.login {
            Login::None => {
                let locked = self.profile.reach == Reach::Grant && world.revoking.is_some();
                if self.may(Event::Login) && !locked {
                    let mut world = World { login: Login::Exchanging, ..world };
                    world.spend(Event::Login);
                    self.push("login: takes the registration's lock and trades its code", world, None);
                }
            }
            Login::Exchanging => {
                let mut issued = world;
                issued.login = Login::Issued(issued.provider.log_in());
                self.push("login: the provider has issued tokens", issued, None);
                if self.may(Event::LoginFails) {
                    let mut world = World { login: Login::None, ..world };
                    world.spend(Event::LoginFails);
                    self.push("login: fails", world, None);
                }
            }
            Login::Issued(token) => {
                let mut world = World { login: Login::None, ..world };
                world.save_login(token);
                self.push("login: saved", world, None);
            }
        }
    }

    fn outbox(&mut self) {
        let world = *self.world;
        if let Some(token) = world.revoking {
            let broken = self.revoke(token);
            self.next.push(broken);
            return;
        }
        let owed = Owed {
            whole_grant: self.profile.reach == Reach::Grant,
            has_session: world.row.state == State::Active,
            login_under_way: world.login != Login::None,
        };
        for token in (0..TOKENS).filter(|token| world.outbox >> token & 1 == 1) {
            let mut world = world;
            match (self.decisions.before_revoking)(&owed) {
                Revocation::Later => {}
                Revocation::Send => {
                    world.outbox &= !(1 << token);
                    world.revoking = Some(token);
                    self.push("outbox: sends a revocation", world, None);
                }
                Revocation::Forget => {
                    // Only a new session excuses it, and only where the revocation would reach that one.
                    let excused = owed.has_session && owed.whole_grant;
                    let broken = !excused && world.provider.accepts(token);
                    world.outbox &= !(1 << token);
                    self.push("outbox: drops an entry unsent", world, broken.then_some(Broken::LeftAlive));
                }
            }
        }
    }

    fn revoke(&self, token: Token) -> Next {
        let mut world = World { revoking: None, ..*self.world };
        let alive = |world: &World| {
            let stored = world.row.state == State::Active && world.provider.accepts(world.row.token);
            let coming = matches!(world.login, Login::Issued(token) if world.provider.accepts(token));
            (stored, coming)
        };
        let before = alive(&world);
        world.provider.revoke(self.profile.reach, token);
        let broken = (before != alive(&world)).then_some(Broken::RevokedLive);
        Next { what: "outbox: the revocation arrives", who: NOBODY, calm: false, world, broken }
    }
}

/// The moment comes until which a request in doubt was left alone.
pub(super) fn pass_retry_at(world: &mut World) {
    world.past.given_up = 0;
    if let Some(written) = &mut world.attempt
        && let Outcome::InDoubt { due } = &mut written.outcome
    {
        *due = true;
    }
    for process in &mut world.processes {
        process.remembers = process.remembers.map(|(generation, _)| (generation, true));
    }
}

/// Whether this process alone, with a good network and all the time there is, comes to a token or to an ending, or to a world of which that is
/// known. Hands over the worlds that it came through.
pub(super) fn gets_on(
    profile: &Profile,
    decisions: &Decisions,
    world: &World,
    who: u8,
    known: impl Fn(&World) -> bool,
) -> Option<Vec<World>> {
    let profile = profile.calm();
    let other = 1 - who;
    let mut world = *world;
    world.forget_spent();
    world.past.given_up = 0;
    world.past.troubled = true;
    if let Some(written) = &mut world.attempt
        && written.owner == other
    {
        written.alive = false;
    }
    world.unlock(other);
    *world.process(other) = Process::IDLE;
    if world.row.state == State::Active {
        world.row.age = Age::Over;
    }
    let (mut next, mut way) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        if world.processes[usize::from(who)].phase == Phase::Idle {
            pass_retry_at(&mut world);
            world.row.waiting = false;
            let row = &world.row;
            let served = row.verified && row.age == Age::Fresh && world.attempt.is_none();
            if row.state != State::Active || served {
                return Some(way);
            }
        }
        if known(&world) || world.provider.is_full() {
            return Some(way);
        }
        way.push(world);
        next.clear();
        of(&profile, decisions, &world, who, &mut next);
        let step = next.iter().find(|next| next.calm)?;
        if step.broken.is_some() {
            // Another matter than this one.
            return Some(way);
        }
        world = step.world;
    }
    None
}
