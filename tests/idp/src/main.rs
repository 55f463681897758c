//! The provider as a program: its first line of output is its address.

#![forbid(unsafe_code)]

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::{fs, thread};

use keyfob_idp::{Idp, Script};
use lexopt::prelude::*;
use tokio::sync::oneshot;

const HELP: &str = "\
keyfob-idp: a scriptable OAuth 2 / OpenID Connect provider for testing logins

Usage: keyfob-idp [--port PORT] [--script FILE] [--tls [--ca-file FILE]] [--until-stdin-closes]

  --port PORT            the loopback port to listen on; 0, a free one, if absent
  --script FILE          what to play (JSON, see README.md); if absent, the client `demo` and the user
                         `ada` with the password `lovelace`
  --tls                  speak HTTPS, with a certificate of its own making
  --ca-file FILE         write there what a client has to trust (PEM), before the address is printed
  --until-stdin-closes   end when standard input is closed, so that it never outlives who started it
  --help                 this text

Its first line of output is its address. It ends on SIGTERM and SIGINT.
Exit codes: 0 ended as asked, 1 cannot listen or write, 2 wrong arguments or a script that is not valid.
";

/// What ends the program early, with its exit code.
struct Failure(u8, String);

#[derive(Default)]
struct Arguments {
    port: u16,
    script: Script,
    tls: bool,
    ca_file: Option<PathBuf>,
    until_stdin_closes: bool,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(code, message)) => {
            // Nothing is left to tell it to if standard error is closed.
            let _ = writeln!(io::stderr(), "keyfob-idp: {message}");
            ExitCode::from(code)
        }
    }
}

fn run() -> Result<(), Failure> {
    let Some(arguments) = arguments()? else {
        return say(HELP);
    };
    let start = if arguments.tls { Idp::start_tls_on } else { Idp::start_on };
    let idp = start(arguments.port, arguments.script).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => Failure(2, error.to_string()),
        _ => Failure(1, format!("cannot listen: {error}")),
    })?;
    if let (Some(path), Some(certificate)) = (&arguments.ca_file, idp.ca_certificate()) {
        let name = path.display();
        fs::write(path, certificate).map_err(|error| Failure(1, format!("cannot write {name}: {error}")))?;
    }
    say(&format!("{}\n", idp.issuer()))?;
    wait(arguments.until_stdin_closes).map_err(|error| Failure(1, format!("cannot wait for signals: {error}")))
}

/// Reads the command line; nothing if it asks for help.
fn arguments() -> Result<Option<Arguments>, Failure> {
    let usage = |error: lexopt::Error| Failure(2, format!("{error} (--help tells more)"));
    let mut arguments = Arguments::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next().map_err(usage)? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Long("port") => arguments.port = parser.value().and_then(|value| value.parse()).map_err(usage)?,
            Long("script") => {
                let path = parser.value().map_err(usage)?;
                let name = path.to_string_lossy().into_owned();
                let text = fs::read_to_string(&path).map_err(|error| Failure(2, format!("{name}: {error}")))?;
                arguments.script = Script::from_json(&text).map_err(|error| Failure(2, format!("{name}: {error}")))?;
            }
            Long("tls") => arguments.tls = true,
            Long("ca-file") => arguments.ca_file = Some(parser.value().map_err(usage)?.into()),
            Long("until-stdin-closes") => arguments.until_stdin_closes = true,
            other => return Err(usage(other.unexpected())),
        }
    }
    if arguments.ca_file.is_some() && !arguments.tls {
        return Err(Failure(2, "--ca-file is of use with --tls only (--help tells more)".to_owned()));
    }
    Ok(Some(arguments))
}

fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout();
    // Flushed, for standard output is a pipe to whoever waits for this line.
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure(1, format!("cannot write to standard output: {error}")))
}

/// Waits for a reason to end.
fn wait(until_stdin_closes: bool) -> io::Result<()> {
    let (closed, stdin_closes) = oneshot::channel::<()>();
    if until_stdin_closes {
        // A thread of its own, for a read of standard input cannot be taken back.
        thread::spawn(move || {
            let _ = io::stdin().read_to_end(&mut Vec::new());
            drop(closed);
        });
    } else {
        // Never dropped: this end is never reached.
        std::mem::forget(closed);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            told = told_to_end() => told,
            _ = stdin_closes => Ok(()),
        }
    })
}

#[cfg(unix)]
async fn told_to_end() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}

#[cfg(not(unix))]
async fn told_to_end() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
