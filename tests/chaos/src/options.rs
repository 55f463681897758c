//! The command lines: the driver's, and the one by which it starts its workers.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use keyfob_idp::InGrace;
use lexopt::prelude::*;

use crate::client::Protocol;

pub(crate) const HELP: &str = "\
keyfob-chaos: processes on one store, killed and stopped at random

  --seconds S       how long (30)
  --refreshes N     goes on beyond that until there were so many (0)
  --processes P     how many processes (4)
  --threads T       threads in each (4)
  --sessions N      users, with a session each (3)
  --grace G         seconds in which a spent refresh token may come again (5)
  --in-grace WHAT   what it then brings: new_pair, new_pair_replaces or same_pair (new_pair)
  --life S          how long an access token lives, in seconds (0.3)
  --delay S         how long an answer of the token endpoint takes, in seconds (0.015)
  --protocol NAME   keyfob, mutex-only or lease (keyfob)
  --program WORD    another client instead, of one session: the program that is it, and by the same again its first words
  --tls             the provider speaks HTTPS, to such a program
  --chaos LIST      what happens: kill, stop, logout, with commas, or none (kill,stop,logout)
  --kill-within MS  how long there is between two kills at most, in milliseconds (480)
  --seed N          where everything random comes from (one of its own, which is told)
  --json            the last line is the result as JSON";

/// What is to be done.
pub(crate) enum Command {
    Help,
    Run(Options),
    Work(Errand),
}

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) seconds: f64,
    pub(crate) refreshes: usize,
    pub(crate) processes: usize,
    pub(crate) threads: usize,
    pub(crate) sessions: usize,
    pub(crate) grace: f64,
    pub(crate) in_grace: InGrace,
    pub(crate) life: f64,
    pub(crate) delay: f64,
    pub(crate) protocol: Protocol,
    /// The words that start the client of [`Protocol::Program`].
    pub(crate) program: Vec<OsString>,
    pub(crate) tls: bool,
    pub(crate) kills: bool,
    pub(crate) kill_within: u64,
    pub(crate) stops: bool,
    pub(crate) logouts: bool,
    pub(crate) seed: u64,
    pub(crate) json: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seconds: 30.0,
            refreshes: 0,
            processes: 4,
            threads: 4,
            sessions: 3,
            grace: 5.0,
            in_grace: InGrace::NewPair,
            life: 0.3,
            delay: 0.015,
            protocol: Protocol::Keyfob,
            program: Vec::new(),
            tls: false,
            kills: true,
            kill_within: 480,
            stops: true,
            logouts: true,
            seed: fastrand::u64(..),
            json: false,
        }
    }
}

/// What a worker is told.
#[derive(Clone, Debug)]
pub(crate) struct Errand {
    /// What it calls itself towards the provider: no two workers of a run have the same name.
    pub(crate) name: String,
    pub(crate) protocol: Protocol,
    /// The words that start it, where it is a program of its own.
    pub(crate) program: Vec<OsString>,
    pub(crate) issuer: String,
    pub(crate) folder: PathBuf,
    pub(crate) threads: usize,
    pub(crate) seed: u64,
}

impl Errand {
    /// The words that [`Command::from_command_line`] reads.
    pub(crate) fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["worker".into()];
        words.extend([&self.name, self.protocol.name(), &self.issuer].map(Into::into));
        words.push(self.folder.clone().into());
        words.extend([self.threads.to_string().into(), self.seed.to_string().into()]);
        words
    }

    fn parse(args: &mut lexopt::Parser) -> Result<Self> {
        let mut next = || args.value().context("a worker is told more");
        Ok(Self {
            name: next()?.string()?,
            protocol: next()?.parse()?,
            program: Vec::new(),
            issuer: next()?.string()?,
            folder: next()?.into(),
            threads: next()?.parse()?,
            seed: next()?.parse()?,
        })
    }
}

impl Command {
    pub(crate) fn from_command_line() -> Result<Self> {
        Self::parse(lexopt::Parser::from_env())
    }

    fn parse(mut args: lexopt::Parser) -> Result<Self> {
        let mut options = Options::default();
        while let Some(arg) = args.next()? {
            match arg {
                Value(word) if word == "worker" => return Ok(Self::Work(Errand::parse(&mut args)?)),
                Long("help") | Short('h') => return Ok(Self::Help),
                Long("seconds") => options.seconds = args.value()?.parse()?,
                Long("refreshes") => options.refreshes = args.value()?.parse()?,
                Long("processes") => options.processes = args.value()?.parse()?,
                Long("threads") => options.threads = args.value()?.parse()?,
                Long("sessions") => options.sessions = args.value()?.parse()?,
                Long("grace") => options.grace = args.value()?.parse()?,
                Long("in-grace") => options.in_grace = in_grace(&args.value()?.string()?)?,
                Long("life") => options.life = args.value()?.parse()?,
                Long("delay") => options.delay = args.value()?.parse()?,
                Long("program") => {
                    options.protocol = Protocol::Program;
                    options.program.push(args.value()?);
                }
                Long("tls") => options.tls = true,
                Long("protocol") => options.protocol = args.value()?.parse()?,
                Long("chaos") => options.set_chaos(&args.value()?.string()?)?,
                Long("kill-within") => options.kill_within = args.value()?.parse()?,
                Long("seed") => options.seed = args.value()?.parse()?,
                Long("json") => options.json = true,
                other => bail!(other.unexpected()),
            }
        }
        if !(0.1..=86_400.0).contains(&options.seconds) || !(0.0..=3600.0).contains(&options.grace) {
            bail!("--seconds is from 0.1 to 86400, --grace from 0 to 3600");
        }
        if [options.processes, options.threads, options.sessions].iter().any(|count| !(1..=256).contains(count)) {
            bail!("--processes, --threads and --sessions are from 1 to 256");
        }
        if options.kill_within == 0 {
            bail!("--kill-within is at least 1");
        }
        if !(0.05..=3600.0).contains(&options.life) || !(0.0..=10.0).contains(&options.delay) {
            bail!("--life is from 0.05 to 3600, --delay from 0 to 10");
        }
        if options.protocol == Protocol::Program && (options.sessions != 1 || options.logouts) {
            bail!("a program has one session, and nobody logs out: --sessions 1 --chaos kill,stop");
        }
        Ok(Self::Run(options))
    }
}

/// By its name in the provider's script.
fn in_grace(name: &str) -> Result<InGrace> {
    serde_json::from_value(name.into()).context("--in-grace is new_pair, new_pair_replaces or same_pair")
}

impl Options {
    fn set_chaos(&mut self, list: &str) -> Result<()> {
        (self.kills, self.stops, self.logouts) = (false, false, false);
        for word in list.split(',').filter(|word| *word != "none") {
            match word {
                "kill" => self.kills = true,
                "stop" => self.stops = true,
                "logout" => self.logouts = true,
                _ => bail!("--chaos knows kill, stop, logout and none, not {word:?}"),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Command> {
        Command::parse(lexopt::Parser::from_args(words))
    }

    #[test]
    fn a_worker_reads_what_the_driver_wrote() {
        let errand = Errand {
            name: "w3.7".to_owned(),
            protocol: Protocol::Lease,
            program: Vec::new(),
            issuer: "http://127.0.0.1:4011".to_owned(),
            folder: "/tmp/a b".into(),
            threads: 4,
            seed: u64::MAX,
        };
        let Ok(Command::Work(read)) = Command::parse(lexopt::Parser::from_args(errand.words())) else {
            panic!("not a worker")
        };
        assert_eq!(format!("{read:?}"), format!("{errand:?}"));
    }

    #[test]
    fn what_happens_is_a_list() {
        let Ok(Command::Run(options)) = parse(&["--chaos", "stop,logout", "--grace", "0"]) else { panic!("not a run") };
        assert_eq!((options.kills, options.stops, options.logouts), (false, true, true));
        assert!(parse(&["--in-grace", "same_pair"]).is_ok());
        assert!(parse(&["--in-grace", "no_pair"]).is_err());
        assert!(parse(&["--chaos", "flood"]).is_err());
        assert!(parse(&["--processes", "0"]).is_err());
    }

    #[test]
    fn a_program_is_so_many_words_and_has_one_session() {
        let words = ["--sessions", "1", "--chaos", "kill", "--program", "node", "--program", "peer.mjs"];
        let Ok(Command::Run(options)) = parse(&words) else { panic!("not a run") };
        assert_eq!(options.protocol, Protocol::Program);
        assert_eq!(options.program, ["node", "peer.mjs"]);
        assert!(parse(&["--program", "node"]).is_err());
    }
}
