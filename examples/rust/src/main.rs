//! `cargo demo`: one whole login, shown step by step; and `cargo demo -- login`: one at a real provider.
//!
//! What an app does with Keyfob is in `demo.rs` and `login.rs`; the other files are the stage it is shown on.

#![forbid(unsafe_code)]

mod browser;
mod demo;
mod doctor;
mod failure;
mod folder;
mod key_file;
mod login;
mod paper;
mod provider;
mod providers;
mod window;
mod wire;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use lexopt::prelude::*;

use crate::paper::Paper;

const HELP: &str = "\
cargo demo: one whole OAuth 2 / OpenID Connect login, shown step by step

The provider, keyfob-idp, runs inside this program: real HTTP on a loopback
port, a real SQLite file, nothing on the internet. It takes a few seconds, most
of them waiting until a token is nearly over. No token is ever printed.

Usage: cargo demo [--by-hand | --browser] [--store DIR]
       cargo demo -- login REGISTRATION --config FILE [--device|--paste|--end]
       cargo demo -- providers [--json]
       cargo demo -- provider ID
       cargo demo -- doctor DIR [--json]

  --by-hand     sign in with your own browser: prints the URL, waits for the
                redirect to be pasted
  --browser     sign in with your own browser in one call: opens it, listens for
                the redirect on a loopback port, shows a page in the end
  --store DIR   keep the store there, with the session in it, and its key in
                DIR.key; without it both are in a temporary folder, removed at
                the end
  --help        this text
  login …       a login at a real provider; `login --help` tells more
  providers     the providers that are built in
  provider ID   what to enter at its developer console
  doctor DIR    what a store tells about itself: why somebody was logged out

`cargo demo -- --by-hand` works too. Colours are for terminals only, and
NO_COLOR turns them off.
Exit codes: 0 all went well, 1 a step failed, 2 wrong arguments.
";

/// What the command line asks for.
enum Command {
    Demo(demo::Options),
    Login(login::Options),
    Providers(providers::Options),
    Provider(provider::Options),
    Doctor(doctor::Options),
    Help(&'static str),
}

fn main() -> ExitCode {
    let command = match parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(error) => return complain(2, format_args!("{error} (--help tells more)")),
    };
    let mut paper = Paper::for_stdout();
    let result = match command {
        Command::Demo(options) => demo::run(&options, &mut paper),
        Command::Login(options) => login::run(&options, &mut paper),
        Command::Providers(options) => {
            providers::run(&options, &mut paper);
            Ok(())
        }
        Command::Provider(options) => provider::run(&options, &mut paper),
        Command::Doctor(options) => doctor::run(&options, &mut paper),
        Command::Help(text) => {
            paper.as_it_is(text);
            Ok(())
        }
    };
    match result.and_then(|()| paper.end()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => complain(1, format_args!("{failure}")),
    }
}

fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    let mut arguments = arguments.peekable();
    // The alias ends with `--` already, so a `--` of the user's own arrives here.
    arguments.next_if(|first| first == "--");
    if arguments.next_if(|first| first == "login").is_some() {
        let options = login::parse(lexopt::Parser::from_args(arguments))?;
        return Ok(options.map_or(Command::Help(login::HELP), Command::Login));
    }
    if arguments.next_if(|first| first == "providers").is_some() {
        let options = providers::parse(lexopt::Parser::from_args(arguments))?;
        return Ok(options.map_or(Command::Help(providers::HELP), Command::Providers));
    }
    if arguments.next_if(|first| first == "provider").is_some() {
        let options = provider::parse(lexopt::Parser::from_args(arguments))?;
        return Ok(options.map_or(Command::Help(provider::HELP), Command::Provider));
    }
    if arguments.next_if(|first| first == "doctor").is_some() {
        let options = doctor::parse(lexopt::Parser::from_args(arguments))?;
        return Ok(options.map_or(Command::Help(doctor::HELP), Command::Doctor));
    }
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut options = demo::Options::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Command::Help(HELP)),
            Long("by-hand") => options.by_hand = true,
            Long("browser") => options.browser = true,
            Long("store") => options.store = Some(parser.value()?.into()),
            other => return Err(other.unexpected()),
        }
    }
    if options.by_hand && options.browser {
        return Err("--by-hand and --browser are two ways of one login".into());
    }
    Ok(Command::Demo(options))
}

fn complain(code: u8, message: fmt::Arguments<'_>) -> ExitCode {
    // Nothing is left to tell it to if standard error is closed.
    let _ = writeln!(io::stderr(), "error: {message}");
    ExitCode::from(code)
}
