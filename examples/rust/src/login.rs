//! `cargo demo -- login`: a login at a real provider, with a configuration of the user's own; and its end.

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use keyfob::{
    BrowserLogin, Completed, Config, DeviceLogin, EndSession, ErrorKind, Keyfob, Login, LoginControl, LoginOptions,
    LoginPages, Loopback, Reason, RegistrationGuide, Revocation, Sealing, Session, SessionState,
};
use lexopt::prelude::*;

use crate::browser;
use crate::failure::{Explained, Failure};
use crate::key_file::KeyFile;
use crate::paper::{Paper, expiry, moment};

pub(crate) const HELP: &str = "\
cargo demo -- login: a login at a real provider

Usage: cargo demo -- login REGISTRATION --config FILE [--key-file FILE]
                     [--device|--paste|--end]

  REGISTRATION   the id of a registration in that file
  --config FILE  the configuration, as Config::from_json reads it; the store
                 that it names is kept, with the session in it
  --key-file FILE
                 the store key, made when it is missing; by default it is beside
                 the configuration, with .key at the end of the name. It stands
                 in for the system's keystore: any program of yours can read it
  --device       log in on another device, a phone for instance: shows a code
                 and a QR code of the provider's page (RFC 8628)
  --paste        open no browser: print the URL and wait for the redirect
  --end          log out instead: end the session of that registration and have
                 its tokens revoked
  --help         this text

For instance, with a client id of your own:

  { \"store\": { \"path\": \"/home/ada/keyfob-try\" },
    \"registrations\": [
      { \"id\": \"work-sso\", \"provider\": \"oidc\",
        \"variables\": { \"issuer\": \"https://login.example.com\" },
        \"client_id\": \"notes\",
        \"redirect_uri\": \"http://127.0.0.1/callback/work-sso\" } ] }

With a loopback redirect URI it opens your browser, listens for the redirect,
and shows a page in the end. With another one, with --paste, and where no
browser can be opened (a terminal over SSH) it prints the URL to open and waits
for the redirect to be pasted: the address in the browser's address bar when
the login is over. The browser may say then that it cannot connect; the address
is right all the same. A redirect that is longer than the terminal takes in one
line (1023 characters on macOS, 4095 on Linux) goes into a file: paste @FILE.

A login that was left (Ctrl-C, a closed terminal) waits in the store until its
time is over: start the program again and paste its redirect.
Exit codes: 0 logged in or out, 1 not, 2 wrong arguments.
";

/// What the command line says.
pub(crate) struct Options {
    registration: String,
    config: PathBuf,
    key: Option<PathBuf>,
    way: Way,
}

/// What is to be done, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Browser,
    Device,
    Paste,
    End,
}

/// Reads the rest of the command line; nothing if it asks for help.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let (mut registration, mut config, mut key, mut way) = (None, None, None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Long("config") => config = Some(parser.value()?.into()),
            Long("key-file") => key = Some(parser.value()?.into()),
            Long("device") if way.is_none() => way = Some(Way::Device),
            Long("paste") if way.is_none() => way = Some(Way::Paste),
            Long("end") if way.is_none() => way = Some(Way::End),
            Value(value) if registration.is_none() => registration = Some(value.string()?),
            other => return Err(other.unexpected()),
        }
    }
    let registration = registration.ok_or("login: REGISTRATION is missing")?;
    let config = config.ok_or("login: --config FILE is missing")?;
    Ok(Some(Options { registration, config, key, way: way.unwrap_or(Way::Browser) }))
}

pub(crate) fn run(options: &Options, paper: &mut Paper) -> Result<(), Failure> {
    let file = options.config.display();
    let text = fs::read_to_string(&options.config)
        .map_err(|error| Failure::Stage(format!("cannot read the configuration {file}: {error}")))?;
    let keyfob = open(options, &text)?;
    let guide = keyfob.registration_guide(&options.registration).map_err(|error| {
        let ids: Vec<_> = keyfob.registrations().iter().map(|known| known.id().to_owned()).collect();
        Failure::Advised(error, format!("the registrations in {file}: {}", ids.join(", ")))
    })?;
    let completed = match options.way {
        Way::End => return end(paper, &keyfob, &options.registration),
        Way::Device => on_another_device(paper, &keyfob, &guide, &options.registration)?,
        Way::Browser if guide.redirect_uri().starts_with("http://") => {
            match in_browser(paper, &keyfob, &guide, &options.registration) {
                Err(Failure::Keyfob(error)) if error.reason() == Reason::BrowserUnavailable => {
                    by_paste(paper, &keyfob, &guide, &options.registration)?
                }
                outcome => outcome?,
            }
        }
        Way::Browser | Way::Paste => by_paste(paper, &keyfob, &guide, &options.registration)?,
    };
    show(paper, completed.session());
    let key = options.key.as_ref().map_or_else(String::new, |key| format!(" --key-file {}", key.display()));
    paper.text(&format!(
        "The session is kept. Log out: cargo demo -- login {} --config {file}{key} --end",
        options.registration
    ));
    Ok(())
}

/// Opens the store, sealed under the key in the file.
fn open(options: &Options, config: &str) -> Result<Keyfob, Failure> {
    let key = Arc::new(options.key.as_deref().map_or_else(|| KeyFile::beside(&options.config), KeyFile::at));
    let keyfob = Keyfob::open(Config::from_json(config)?.with_store_key_source(Arc::<KeyFile>::clone(&key)))?;
    if keyfob.health()?.sealing() == Sealing::Locked {
        let why = key.read().err().map_or_else(String::new, |error| format!(": {error}"));
        return Err(Failure::Stage(format!("{} gives no store key{why}", key.path().display())));
    }
    Ok(keyfob)
}

/// Listens for the redirect while the user is in the browser.
fn in_browser(
    paper: &mut Paper,
    keyfob: &Keyfob,
    guide: &RegistrationGuide,
    registration: &str,
) -> Result<Completed, Failure> {
    let login = BrowserLogin::new().pages(LoginPages::new("Keyfob demo"));
    let completed = keyfob.login_in_browser(registration, login)?;
    paper.title(&format!("Log in: {registration}, at {}", guide.provider_name()), "");
    Ok(completed)
}

/// Shows the code, and waits until the user has typed it in somewhere else.
fn on_another_device(
    paper: &mut Paper,
    keyfob: &Keyfob,
    guide: &RegistrationGuide,
    registration: &str,
) -> Result<Completed, Failure> {
    paper.title(&format!("Log in: {registration}, at {}", guide.provider_name()), "");
    let screen = RefCell::new(paper);
    let show = |login: &DeviceLogin| {
        let mut paper = screen.borrow_mut();
        if let Some(code) = login.qr_code_text() {
            paper.picture(&code);
        }
        paper.text("Scan this with a phone, or open the page below on any device, and compare the code:");
        paper.row("page", login.verification_uri());
        paper.row("code", login.user_code());
        paper.row("open until", moment(login.expires_at()));
        paper.text("Waiting for you …");
    };
    Ok(keyfob.login_on_another_device(registration, LoginOptions::new(), &show, &LoginControl::new())?)
}

/// Prints the URL, and takes the redirect from the user.
fn by_paste(
    paper: &mut Paper,
    keyfob: &Keyfob,
    guide: &RegistrationGuide,
    registration: &str,
) -> Result<Completed, Failure> {
    let login = begin(paper, keyfob, guide, registration)?;
    let redirect = browser::paste(paper).map_err(|failure| still_open(failure, &login))?;
    complete(paper, keyfob, &login, redirect)
}

fn begin(paper: &mut Paper, keyfob: &Keyfob, guide: &RegistrationGuide, registration: &str) -> Result<Login, Failure> {
    paper.title(&format!("Log in: {registration}, at {}", guide.provider_name()), "");
    let waiting = keyfob.pending_logins()?.iter().filter(|login| login.registration() == registration).count();

    let mut options = LoginOptions::new();
    if leaves_the_port_open(guide) {
        options = options.redirect_port(browser::free_port()?);
    }
    let login = keyfob.begin_login(registration, options)?;

    paper.row("redirect URI", guide.redirect_uri());
    paper.row("scopes", if guide.scopes().is_empty() { "none".to_owned() } else { guide.scopes().join(" ") });
    paper.row("open until", moment(login.expires_at()));
    if guide.redirect_uri_accepted() == Some(false) {
        paper.text(&format!("As far as is known, {} takes no redirect URI of that form.", guide.provider_name()));
    }
    if waiting > 0 {
        paper.text(&format!("Logins begun earlier that still wait: {waiting}. A redirect of theirs is taken too."));
    }
    paper.text("Open this URL in a browser and sign in:");
    paper.whole(login.authorization_url());
    paper.text(how_to_copy(guide.redirect_uri()));
    paper.text("Paste it here:");
    Ok(login)
}

/// Whether the app may choose the port of its redirect URI: a loopback address without one (RFC 8252 section 7.3), save
/// where the provider compares it as text.
fn leaves_the_port_open(guide: &RegistrationGuide) -> bool {
    let Some(rest) = guide.redirect_uri().strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    // The colons of `[::1]` are no port's.
    let after_address = authority.rsplit(']').next().unwrap_or_default();
    !after_address.contains(':') && guide.accepts_loopback() != Some(Loopback::Exact)
}

/// Where the redirect is to be found, which depends on what the browser does with it.
fn how_to_copy(redirect_uri: &str) -> &'static str {
    if redirect_uri.starts_with("http://") {
        "When it is over, the browser is sent to this machine, where nobody listens, so it says that it cannot connect. \
         Copy the whole address from its address bar."
    } else if redirect_uri.starts_with("https://") {
        "When it is over, the browser is sent to the app's own site. Copy the whole address from its address bar, or, \
         if the page went on from there, from the network view of its developer tools."
    } else {
        "When it is over, the browser is sent to an address of the app's own scheme, which it may not show. Look for it \
         in the network view of its developer tools, opened beforehand: the Location of the last answer."
    }
}

/// Hands the redirect back, until it has made a session or the login is over.
fn complete(paper: &mut Paper, keyfob: &Keyfob, login: &Login, mut redirect: String) -> Result<Completed, Failure> {
    let completed = loop {
        let error = match keyfob.complete_login(&redirect) {
            Ok(completed) => break completed,
            Err(error) => error,
        };
        let again = if browser::may_ask_again(&error) {
            browser::ask_again(paper, &error).map(Some)
        } else if may_repeat(&error) {
            paper.text(&format!("Not now. {}", Explained(&error)));
            paper.text("The redirect is still good. Press Enter to try again, or paste another one:");
            browser::paste_or_enter(paper)
        } else {
            return Err(error.into());
        };
        if let Some(other) = again.map_err(|failure| still_open(failure, login))? {
            redirect = other;
        }
    };
    // An earlier login's redirect was pasted: nobody will bring this one's.
    if keyfob.pending_logins()?.iter().any(|pending| pending.id() == login.id()) {
        keyfob.cancel_login(login.id())?;
    }
    Ok(completed)
}

/// Whether the same redirect may still make a session.
fn may_repeat(error: &keyfob::Error) -> bool {
    // Neither passes by itself, and so neither counts as retryable; but somebody sits here who can set the clock, or end the
    // other process.
    let mendable = error.kind() == ErrorKind::Tls || error.reason() == Reason::CompletionInProgress;
    error.is_retryable() || mendable
}

/// Says that nothing is lost.
fn still_open(failure: Failure, login: &Login) -> Failure {
    let until = moment(login.expires_at());
    match failure {
        Failure::Stage(message) => Failure::Stage(format!(
            "{message}\nthe login waits in the store; its time is over {until}: start again and paste its redirect"
        )),
        other => other,
    }
}

fn show(paper: &mut Paper, session: &Session) {
    paper.as_it_is("\n");
    paper.text("Logged in.");
    paper.row("session", session.id());
    paper.row("provider", session.provider());
    paper.row("provider uid", session.provider_uid());
    let profile = session.profile();
    paper.row("name", profile.name().unwrap_or("unknown"));
    match profile.email() {
        Some(email) => {
            let verified = if profile.email_verified() { "verified" } else { "not verified" };
            paper.row("email", format_args!("{email} ({verified})"));
        }
        None => paper.row("email", "unknown"),
    }
    paper.row("avatar", profile.avatar_url().unwrap_or("none"));
    paper.row("locale", profile.locale().unwrap_or("unknown"));
    paper.row("scopes", session.scopes().join(" "));
    paper.row("access token", format_args!("over {}", expiry(session.provider_access_token_expiry())));
    paper.row("refresh token", if session.provider_refresh_token().is_some() { "yes" } else { "none" });
    paper.row("ID token", if session.id_token().is_some() { "yes" } else { "none" });
}

/// Logs out, here and at the provider.
fn end(paper: &mut Paper, keyfob: &Keyfob, registration: &str) -> Result<(), Failure> {
    let is_meant =
        |session: &Session| session.registration() == registration && session.state() == SessionState::Active;
    let session = match keyfob.current_session()?.filter(is_meant) {
        Some(session) => session,
        // The last login was with another registration.
        None => keyfob
            .sessions()?
            .into_iter()
            .rfind(is_meant)
            .ok_or_else(|| Failure::Stage(format!("nobody is logged in with {registration}")))?,
    };

    let ended = keyfob.end_session(session.id(), EndSession::default())?;

    paper.title(&format!("Logged out: {registration}"), "");
    paper.row("session", session.id());
    paper.row("user", session.provider_uid());
    paper.row("revocation", revocation(ended.revocation()));
    match ended.logout_url() {
        Some(url) => {
            paper.text(
                "To be logged out of the provider too, open this URL. It holds the ID token: keep it out of logs and chats.",
            );
            paper.whole(url);
        }
        None => paper.row("logout page", "none known"),
    }
    Ok(())
}

/// What became of the tokens, for a person.
pub(crate) fn revocation(revocation: &Revocation) -> String {
    match revocation {
        Revocation::Done => "done: the provider says that the token is good for nothing now".to_owned(),
        Revocation::NotAsked => "not asked for".to_owned(),
        Revocation::NotSupported => "not offered by the provider: the token lives on until it is over".to_owned(),
        Revocation::Owed(error) => {
            format!(
                "owed: it stands in the store for Keyfob::maintain, which this program does not call. {}",
                Explained(error)
            )
        }
        Revocation::Failed(error) => {
            format!("failed, so the token lives on until it is over. {}", Explained(error))
        }
        _ => "unknown to this program".to_owned(),
    }
}
