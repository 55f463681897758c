//! Another client: a program that keeps the tokens of one session in a file, such as those of `bench/peers`.
//!
//! It takes `login ISSUER FILE CA`, prints the authorization URL and reads the redirect, as often as it likes, and writes its tokens; and
//! `work ISSUER FILE CA THREADS NAME`, which asks for tokens in so many threads until its standard input is closed, names itself in the header
//! `x-worker`, and forgets its tokens where the provider refuses them for good, as an app that shows its login page does. What it prints is a
//! [`Said`](crate::report::Said), or nothing.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use keyfob_idp::browser;
use serde_json::Value;

use super::{Client, Refusal, Seen, patiently};
use crate::options::Errand;
use crate::stage::{PASSWORD, user};

/// How long a file without a token may be one that somebody is writing, and is stopped in the middle of it.
const WRITING: Duration = Duration::from_millis(1500);

/// The program, as its user sees it.
pub(crate) struct Program {
    errand: Errand,
}

/// What a client of a provider with HTTPS has to trust.
pub(crate) fn authority(folder: &Path) -> PathBuf {
    folder.join("ca.pem")
}

/// The program as a worker.
pub(crate) fn worker(errand: &Errand) -> Result<Command> {
    let mut command = command(errand, "work")?;
    command.arg(errand.threads.to_string()).arg(&errand.name);
    Ok(command)
}

fn command(errand: &Errand, scenario: &str) -> Result<Command> {
    let [program, words @ ..] = errand.program.as_slice() else { bail!("--program names none") };
    let mut command = Command::new(program);
    command.args(words).arg(scenario).arg(&errand.issuer).arg(tokens(errand)).arg(authority(&errand.folder));
    // In Python these win over what the program says.
    command.env_remove("REQUESTS_CA_BUNDLE").env_remove("CURL_CA_BUNDLE");
    Ok(command)
}

fn tokens(errand: &Errand) -> PathBuf {
    errand.folder.join("tokens.json")
}

impl Program {
    pub(crate) fn new(errand: &Errand) -> Self {
        Self { errand: errand.clone() }
    }

    /// The refresh token that is stored.
    fn stored(&self) -> Result<String, Refusal> {
        let text = std::fs::read_to_string(tokens(&self.errand)).unwrap_or_default();
        refresh_token(&text).ok_or_else(|| Refusal::Passing("no refresh token is stored".to_owned()))
    }

    fn log_in(&self) -> Result<()> {
        let mut child = command(&self.errand, "login")?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (out, input) = (child.stdout.take().context("no output")?, child.stdin.take());
        let mut input = input.context("no input")?;
        for line in BufReader::new(out).lines() {
            let line = line?;
            if line.starts_with(&self.errand.issuer) {
                writeln!(input, "{}", browser::log_in(&line, &user(0), PASSWORD)?)?;
            } else if line.starts_with('#') {
                writeln!(input, "done")?;
            }
        }
        match child.wait()? {
            status if status.success() => Ok(()),
            status => bail!("the program's login: {status}"),
        }
    }
}

impl Client for Program {
    fn sessions(&self) -> Result<Vec<Seen>, Refusal> {
        let refresh_token = patiently(WRITING, || self.stored()).ok();
        Ok(vec![Seen { id: user(0), user: user(0), active: refresh_token.is_some(), refresh_token }])
    }

    /// Only asked why there is none.
    fn access_token(&self, _session: &str, _min_validity: Duration) -> Result<String, Refusal> {
        Err(Refusal::Ended("Forgotten".to_owned()))
    }

    fn another_token(&self, session: &str, _refused: &str) -> Result<String, Refusal> {
        self.access_token(session, Duration::ZERO)
    }

    /// That is its workers' matter.
    fn refresh(&self, _session: &str) -> Result<(), Refusal> {
        Ok(())
    }

    fn log_in(&self, _user: &str) -> Result<(), Refusal> {
        Self::log_in(self).map_err(|error| Refusal::Wrong(format!("{error:#}")))
    }

    fn log_out(&self, _session: &Seen) -> Result<(), Refusal> {
        Err(Refusal::Wrong("nobody logs out of a program".to_owned()))
    }
}

/// The refresh token in a program's file; nothing in one that is cut off.
fn refresh_token(text: &str) -> Option<String> {
    let stored: Value = serde_json::from_str(text).ok()?;
    // MSAL's file has them in a table of their own.
    let of_msal = stored.get("RefreshToken").and_then(Value::as_object).and_then(|table| table.values().next());
    let token = stored.get("refresh_token").or_else(|| of_msal.and_then(|entry| entry.get("secret")))?;
    token.as_str().filter(|token| !token.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_a_refresh_token_in_either_form_or_none() {
        assert_eq!(refresh_token(r#"{"access_token": "a", "refresh_token": "r"}"#).as_deref(), Some("r"));
        assert_eq!(refresh_token(r#"{"RefreshToken": {"u-0-…": {"secret": "r"}}}"#).as_deref(), Some("r"));
        let none = [r#"{"RefreshToken": {}}"#, r#"{"refresh_token": ""}"#, r#"{"refresh_to"#, "", "[]"];
        assert!(none.iter().all(|text| refresh_token(text).is_none()));
    }
}
