//! Who signs in: the demo itself, as a browser would, or the user with a browser of their own.

use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _};
use std::net::{Ipv4Addr, TcpListener};

use keyfob::{ErrorKind, Reason};
use keyfob_idp::browser;

use crate::failure::{Explained, Failure};
use crate::paper::Paper;

/// Who the demo's provider knows.
const USER: &str = "ada";
const PASSWORD: &str = "lovelace";

/// Opens the authorization URL, signs in, and gives the redirect: where the provider sends the browser then.
pub(crate) fn sign_in(authorization_url: &str) -> Result<String, Failure> {
    browser::log_in(authorization_url, USER, PASSWORD).map_err(|error| Failure::Stage(format!("signing in: {error}")))
}

/// Asks the user to do the same.
pub(crate) fn ask_to_sign_in(paper: &mut Paper, authorization_url: &str) -> Result<String, Failure> {
    paper.text(&format!("Open this URL in a browser on this machine and sign in as {USER}, password {PASSWORD}:"));
    paper.whole(authorization_url);
    paper.text(
        "Nobody listens where the browser is sent then, so it says that it cannot connect. Copy the whole address from \
         its address bar and paste it here:",
    );
    paste(paper)
}

/// Asks again after a paste that was no redirect of this login. Nothing was sent for it, and the login is still open.
pub(crate) fn ask_again(paper: &mut Paper, error: &keyfob::Error) -> Result<String, Failure> {
    paper.text(&format!("That was not it, and nothing was sent. {}. Paste the whole address:", Explained(error)));
    paste(paper)
}

/// Whether another paste can help: not once the login itself is over.
pub(crate) fn may_ask_again(error: &keyfob::Error) -> bool {
    let over = matches!(error.reason(), Reason::LoginExpired | Reason::RedirectUsed);
    error.kind() == ErrorKind::RedirectRejected && !over
}

/// Waits for a redirect.
pub(crate) fn paste(paper: &mut Paper) -> Result<String, Failure> {
    loop {
        if let Some(redirect) = paste_or_enter(paper)? {
            return Ok(redirect);
        }
    }
}

/// Waits for a redirect, or for Enter alone. What no terminal takes in one line comes from a file: `@FILE`.
pub(crate) fn paste_or_enter(paper: &mut Paper) -> Result<Option<String>, Failure> {
    paper.prompt();
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    if !io::stdin().is_terminal() || matches!(read, Ok(0)) {
        // A person ends the prompt's line with Enter; a pipe does not.
        paper.as_it_is("\n");
    }
    match read {
        Ok(0) => return Err(Failure::Stage("standard input ended before a redirect was pasted".to_owned())),
        Ok(_) => {}
        Err(error) => return Err(Failure::Stage(format!("cannot read standard input: {error}"))),
    }
    let line = line.trim();
    let Some(file) = line.strip_prefix('@') else { return Ok((!line.is_empty()).then(|| line.to_owned())) };
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) => {
            paper.text(&format!("Cannot read {file}: {error}."));
            Ok(None)
        }
    }
}

/// A loopback port that was free a moment ago. An app would listen on it for the redirect; here nobody does.
pub(crate) fn free_port() -> Result<u16, Failure> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| Failure::Stage(format!("no free loopback port: {error}")))
}
