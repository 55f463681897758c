//! A worker: a process whose threads ask for access tokens until it is killed, or told to end.

use std::io::Read as _;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};
use fastrand::Rng;

use crate::client::{self, Client, Refusal, agent, is_accepted, patiently};
use crate::options::Errand;
use crate::report::{Said, now};

/// How long a token is to be good for, in milliseconds: from "whatever is good now" to a sixth of its life.
const MIN_VALIDITIES: [u64; 3] = [0, 10, 50];
/// The longest pause between two calls of a thread, in milliseconds.
const PAUSE: u64 = 8;
/// After how many calls a thread looks which sessions there are.
const LOOK_AFTER: u32 = 20;
/// One token in so many is shown to the provider.
const SHOWN: u32 = 40;
/// After one call in so many a thread does what is owed, for whomever.
const MAINTAINED: u32 = 200;

/// Works until standard input is closed.
pub(crate) fn work(errand: &Errand) -> Result<()> {
    end_with_parent()?;
    panic::set_hook(Box::new(|panic| Said::Wrong(format!("panic: {panic}")).tell()));
    let client = patiently(Duration::from_secs(10), || client::open(errand));
    let client = client.map_err(|refusal| {
        Said::Wrong(format!("cannot open the store: {refusal}")).tell();
        anyhow!(refusal)
    })?;
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let mut rng = Rng::with_seed(errand.seed);
        for _ in 0..errand.threads {
            let rng = rng.fork();
            let asker = Asker { client: &*client, issuer: &errand.issuer, agent: agent(), over: &over, rng };
            scope.spawn(move || asker.ask());
        }
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        over.store(true, Ordering::Relaxed);
    });
    Ok(())
}

/// Sees to it that this process does not outlive the thread that started it, not even when that is killed. (Elsewhere than on Linux a
/// worker ends when its standard input is closed, and one that is stopped at that moment stays.)
///
/// # Errors
/// The parent is gone already.
pub fn end_with_parent() -> Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    // It may have died before it was asked for.
    #[cfg(unix)]
    if rustix::process::getppid().is_none_or(|parent| parent.is_init()) {
        anyhow::bail!("the parent is gone");
    }
    Ok(())
}

/// One thread.
struct Asker<'a> {
    client: &'a dyn Client,
    issuer: &'a str,
    agent: ureq::Agent,
    over: &'a AtomicBool,
    rng: Rng,
}

impl Asker<'_> {
    fn ask(mut self) {
        let mut sessions = Vec::new();
        let mut calls = 0;
        while !self.over.load(Ordering::Relaxed) {
            if sessions.is_empty() || calls % LOOK_AFTER == 0 {
                sessions = self.active();
            }
            calls += 1;
            if let Some(session) = self.rng.choice(&sessions).cloned()
                && !self.call(&session)
            {
                sessions.clear();
            }
            if self.rng.u32(..MAINTAINED) == 0
                && let Err(refusal) = self.client.maintain()
            {
                tell(&refusal, "");
            }
            thread::sleep(Duration::from_millis(self.rng.u64(1..=PAUSE)));
        }
    }

    fn active(&self) -> Vec<String> {
        match self.client.sessions() {
            Ok(seen) => seen.into_iter().filter(|seen| seen.active).map(|seen| seen.id).collect(),
            Err(refusal) => {
                tell(&refusal, "");
                Vec::new()
            }
        }
    }

    /// False once the session has ended.
    fn call(&mut self, session: &str) -> bool {
        let least = Duration::from_millis(self.rng.choice(MIN_VALIDITIES).unwrap_or(0));
        let from = now();
        let token = self.client.access_token(session, least);
        let to = now();
        if to > from {
            Said::Call { from, to }.tell();
        }
        let token = token.and_then(|token| self.show(session, &token));
        if let Err(refusal) = &token {
            tell(refusal, session);
        }
        !matches!(token, Err(Refusal::Ended(_)))
    }

    /// Shows the token to the provider now and then. One that it refuses is replaced, as an app would.
    fn show(&mut self, session: &str, token: &str) -> Result<(), Refusal> {
        if self.rng.u32(..SHOWN) != 0 {
            return Ok(());
        }
        match is_accepted(&self.agent, self.issuer, token) {
            Ok(true) => Ok(()),
            Ok(false) => {
                Said::Refused.tell();
                self.client.another_token(session, token).map(drop)
            }
            Err(error) => Err(Refusal::Passing(error.to_string())),
        }
    }
}

fn tell(refusal: &Refusal, session: &str) {
    match refusal {
        Refusal::Ended(cause) => Said::Ended { session: session.to_owned(), cause: cause.clone() },
        Refusal::Passing(text) => Said::Passing(text.clone()),
        Refusal::Wrong(text) => Said::Wrong(text.clone()),
    }
    .tell();
}
