//! The demo itself: what an app does with Keyfob, in the order in which it does it.
//!
//! Each step calls the library, says what happened, and shows what the provider's own log saw of it.

use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use keyfob::{
    AccessToken, BrowserLogin, Clock as _, Config, EndSession, Freshness, Keyfob, Login, LoginControl, LoginOptions,
    LoginPages, MinValidity, Registration, Revocation, Session, SessionState, SystemClock,
};
use keyfob_idp::{Algorithm, Idp, Script};

use crate::browser;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::login;
use crate::paper::{Paper, expiry, moment, span, time_of_day};
use crate::window::Window;
use crate::wire::Wire;

/// What the command line says.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) by_hand: bool,
    pub(crate) browser: bool,
    pub(crate) store: Option<PathBuf>,
}

/// The id that this app chose for its registration.
const REGISTRATION: &str = "work-sso";
/// How long the provider's access tokens live: short, so that nobody waits an hour to see a refresh.
const TOKEN_LIFE_SECONDS: f64 = 4.0;
/// How long a token has to be good for at least, for what the app is about to do with it.
const MIN_VALIDITY: MinValidity = MinValidity::secs(1);
/// How many threads ask for the next token at the same moment.
const THREADS: usize = 8;

pub(crate) fn run(options: &Options, paper: &mut Paper) -> Result<(), Failure> {
    let folder = options.store.as_deref().map_or_else(Folder::temporary, |path| Ok(Folder::kept(path)))?;
    let mut script = Script::default();
    script.tokens.access_token_seconds = TOKEN_LIFE_SECONDS;
    // Its key is made in no time; making one for RS256 would eat into the life of the first token.
    script.algorithms = vec![Algorithm::ES256];
    let idp = Idp::start(script).map_err(|error| Failure::Stage(format!("cannot start the provider: {error}")))?;
    let wire = &mut Wire::of(&idp);

    paper.title(
        "Keyfob: one whole login",
        "On real HTTP and a real SQLite file. The provider, keyfob-idp, runs inside this program; \"on the wire\" is what \
         its request log saw.",
    );
    let keyfob = open(paper, wire, &folder, &idp)?;
    let (session, redirect) = if options.browser {
        (in_browser(paper, wire, &keyfob)?, None)
    } else {
        let login = begin(paper, wire, &keyfob)?;
        let redirect = sign_in(paper, wire, &login, options.by_hand)?;
        let (session, redirect) = complete(paper, wire, &keyfob, redirect, options.by_hand)?;
        (session, Some(redirect))
    };
    profile(paper, wire, &keyfob, &session)?;
    let token = token_from_memory(paper, wire, &keyfob, &session)?;
    refresh_when_due(paper, wire, &keyfob, &session, &token)?;

    drop(keyfob);
    let keyfob = open_again(paper, wire, &folder, &idp)?;
    if let Some(redirect) = &redirect {
        wrong_redirects(paper, wire, &keyfob, &session, redirect)?;
    }
    log_out(paper, wire, &keyfob, &session, &folder)?;
    journal(paper, &keyfob)?;
    let (steps, requests) = (paper.steps(), wire.total());
    paper.as_it_is(&format!("\nAll {steps} steps went well: {requests} requests, no token printed.\n"));
    if !options.by_hand && !options.browser {
        paper.as_it_is("Sign in with your own browser: cargo demo --browser\n");
    }
    Ok(())
}

/// What an app says once: where its store is, and how its provider knows it.
fn config(folder: &Folder, idp: &Idp) -> keyfob::Result<Config> {
    let config = Config::builder(folder.path())
        .registration(
            // Any OpenID Connect provider: its issuer is all that has to be known.
            Registration::new(REGISTRATION, "oidc", "demo", "http://127.0.0.1/callback/work-sso")
                .variable("issuer", idp.issuer()),
        )
        .build()?;
    // What seals the store. An app asks the system's keystore; a file stands in for it here.
    Ok(config.with_store_key_source(folder.key()))
}

fn open(paper: &mut Paper, wire: &mut Wire<'_>, folder: &Folder, idp: &Idp) -> Result<Keyfob, Failure> {
    paper.step("Open the store", "Keyfob::open");

    let keyfob = Keyfob::open(config(folder, idp)?)?;

    paper.text(
        "Everything that Keyfob remembers is in one private folder, its secrets sealed under a key that the app keeps \
         elsewhere: in the system's keystore, for which a file stands in here. Opening it never touches the network.",
    );
    paper.row("store", folder.path().display());
    paper.row("its key", folder.key().path().display());
    paper.row("", if folder.is_kept() { "both are kept" } else { "both are removed at the end" });
    paper.row("provider", format_args!("{} (access tokens live {TOKEN_LIFE_SECONDS} s)", idp.issuer()));
    for registration in keyfob.registrations() {
        paper.row("registration", format_args!("{} ({})", registration.id(), registration.provider_name()));
    }
    wire.expect(paper, 0)?;
    Ok(keyfob)
}

fn begin(paper: &mut Paper, wire: &mut Wire<'_>, keyfob: &Keyfob) -> Result<Login, Failure> {
    paper.step("Begin a login", "Keyfob::begin_login");

    let options = LoginOptions::new()
        .scope("offline_access")
        .success("app:/home")
        .failure("app:/login")
        .redirect_port(browser::free_port()?);
    let login = keyfob.begin_login(REGISTRATION, options)?;

    paper.text(
        "Keyfob asked the provider where its endpoints are, made up the secrets of this login (state, nonce and PKCE \
         verifier), and saved them before it gave the URL to open: from here on the app may be killed and still finish \
         the login.",
    );
    let (endpoint, query) = login.authorization_url().split_once('?').unwrap_or_default();
    let names: Vec<_> = query.split('&').filter_map(|pair| pair.split('=').next()).collect();
    paper.row("URL to open", endpoint);
    paper.row("its parameters", names.join(" "));
    paper.row("open until", moment(login.expires_at()));
    wire.expect(paper, 1)?;
    Ok(login)
}

fn sign_in(paper: &mut Paper, wire: &mut Wire<'_>, login: &Login, by_hand: bool) -> Result<String, Failure> {
    paper.step("Sign in", "the browser");
    if by_hand {
        let redirect = browser::ask_to_sign_in(paper, login.authorization_url())?;
        wire.show(paper);
        return Ok(redirect);
    }
    let redirect = browser::sign_in(login.authorization_url())?;
    paper.text(
        "The demo plays the browser: it fetched the sign-in page, filled it in as ada and agreed. The provider answered \
         with a redirect to the app, with a code in it that is good for one use and useless without this login's secret.",
    );
    paper.row("redirect", format_args!("{}?…", without_query(&redirect)));
    wire.expect(paper, 2)?;
    Ok(redirect)
}

fn complete(
    paper: &mut Paper,
    wire: &mut Wire<'_>,
    keyfob: &Keyfob,
    mut redirect: String,
    by_hand: bool,
) -> Result<(Session, String), Failure> {
    paper.step("Complete the login", "Keyfob::complete_login");

    let completed = loop {
        match keyfob.complete_login(&redirect) {
            Err(error) if by_hand && browser::may_ask_again(&error) => redirect = browser::ask_again(paper, &error)?,
            outcome => break outcome?,
        }
    };

    paper.text(
        "Keyfob found the login by the redirect's state, traded the code for tokens and saved them, then fetched the \
         provider's keys, checked the signature of the ID token with them, and read in it who the user is.",
    );
    let session = completed.session();
    paper.row("session", session.id());
    paper.row("provider", session.provider());
    paper.row("provider uid", session.provider_uid());
    paper.row("scopes", session.scopes().join(" "));
    paper.row("access token", format_args!("over {}", expiry(session.provider_access_token_expiry())));
    paper.row("refresh token", if session.provider_refresh_token().is_some() { "yes" } else { "none" });
    paper.row("app goes to", completed.return_to().unwrap_or("nowhere"));
    wire.show(paper);
    Ok((completed.into_session(), redirect))
}

/// Steps 2 to 4 in one call.
fn in_browser(paper: &mut Paper, wire: &mut Wire<'_>, keyfob: &Keyfob) -> Result<Session, Failure> {
    paper.step("Log in, in one call", "Keyfob::login_in_browser");

    let control = LoginControl::new();
    let login = BrowserLogin::new()
        .options(LoginOptions::new().scope("offline_access"))
        .pages(LoginPages::new("Keyfob demo"))
        .browser(Arc::new(Window::new(&control)))
        .control(&control);
    let session = keyfob.login_in_browser(REGISTRATION, login)?.into_session();

    paper.text(
        "Keyfob listened on a loopback port for as long as the login waited, took its one redirect and nothing else, closed \
         the port, made the session, and showed the browser how it went.",
    );
    paper.row("session", session.id());
    paper.row("provider uid", session.provider_uid());
    paper.row("scopes", session.scopes().join(" "));
    wire.show(paper);
    Ok(session)
}

fn profile(paper: &mut Paper, wire: &mut Wire<'_>, keyfob: &Keyfob, session: &Session) -> Result<(), Failure> {
    paper.step("Ask who the user is", "Keyfob::profile");

    let profile = keyfob.profile(session.id(), Freshness::default())?;

    paper.text("The login brought the profile along, and it is younger than two minutes, so nobody had to be asked.");
    let verified = if profile.email_verified() { "verified" } else { "not verified" };
    paper.row("name", profile.name().unwrap_or("unknown"));
    paper.row("email", format_args!("{} ({verified})", profile.email().unwrap_or("unknown")));
    paper.row("avatar", profile.avatar_url().unwrap_or("none"));
    paper.row("locale", profile.locale().unwrap_or("unknown"));
    wire.expect(paper, 0)
}

fn token_from_memory(
    paper: &mut Paper,
    wire: &mut Wire<'_>,
    keyfob: &Keyfob,
    session: &Session,
) -> Result<AccessToken, Failure> {
    paper.step("Get an access token", "Keyfob::access_token");

    let token = keyfob.access_token(session.id(), MIN_VALIDITY)?;

    paper.text("It is good for longer than the second that was asked for, so it came from memory.");
    paper.row("access token", format_args!("over {}", expiry(token.expires_at())));
    wire.expect(paper, 0)?;
    Ok(token)
}

fn refresh_when_due(
    paper: &mut Paper,
    wire: &mut Wire<'_>,
    keyfob: &Keyfob,
    session: &Session,
    old: &AccessToken,
) -> Result<(), Failure> {
    paper.step("Get one when that is nearly over", &format!("Keyfob::access_token, {THREADS} threads at once"));
    wait_until_due(paper, old);

    let tokens: Vec<AccessToken> = thread::scope(|scope| {
        let ask = || scope.spawn(|| keyfob.access_token(session.id(), MIN_VALIDITY));
        let threads: Vec<_> = (0..THREADS).map(|_| ask()).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect::<keyfob::Result<_>>()
    })?;

    let same = tokens.windows(2).all(|pair| matches!(pair, [one, next] if one.secret() == next.secret()));
    let new = tokens.iter().all(|token| token.secret() != old.secret());
    if !(same && new) {
        return Err(Failure::Stage("the threads did not all get the same new token".to_owned()));
    }
    paper.text(
        "Now a refresh was due. One thread traded the refresh token for new tokens, saved them and checked them; the \
         others waited for it, and all got the same new token.",
    );
    paper.row("access token", format_args!("over {}", expiry(tokens.first().and_then(AccessToken::expires_at))));
    wire.expect(paper, 1)
}

/// Waits until less than the wanted second is left of a token.
#[expect(clippy::disallowed_methods, reason = "time has to pass for the demo to have something to show")]
fn wait_until_due(paper: &mut Paper, token: &AccessToken) {
    let Some(over) = token.expires_at() else { return };
    let left = over.duration_since(SystemClock::new().wall()).unwrap_or_default();
    let wait = left.saturating_sub(Duration::from_secs(1)) + Duration::from_millis(20);
    paper.text(&format!("Waiting {} until the token has less than a second to live …", span(wait)));
    thread::sleep(wait);
}

fn open_again(paper: &mut Paper, wire: &mut Wire<'_>, folder: &Folder, idp: &Idp) -> Result<Keyfob, Failure> {
    paper.step("Close the app, start it again", "Keyfob::open, Keyfob::current_session");

    let keyfob = Keyfob::open(config(folder, idp)?)?;
    let session = keyfob.current_session()?.ok_or_else(|| Failure::Stage("the session is gone".to_owned()))?;
    let token = keyfob.access_token(session.id(), MIN_VALIDITY)?;

    paper.text("The user is still logged in, and the token that was saved is still good.");
    paper.row("session", session.id());
    paper.row("access token", format_args!("over {}", expiry(token.expires_at())));
    wire.expect(paper, 0)?;
    Ok(keyfob)
}

fn wrong_redirects(
    paper: &mut Paper,
    wire: &mut Wire<'_>,
    keyfob: &Keyfob,
    session: &Session,
    redirect: &str,
) -> Result<(), Failure> {
    paper.step("Hand in redirects that are not right", "Keyfob::complete_login");

    let forged = keyfob.complete_login(&format!("{}?code=stolen&state=guessed", without_query(redirect)));
    let repeated = keyfob.complete_login(redirect)?;

    let Err(refused) = forged else {
        return Err(Failure::Stage("a redirect with a guessed state was believed".to_owned()));
    };
    if repeated.session().id() != session.id() {
        return Err(Failure::Stage("the same redirect made another session".to_owned()));
    }
    paper.text(
        "Somebody who slips the app a redirect cannot know the state of a login, so Keyfob refuses it without sending \
         anything. The true redirect given twice (a double tap) is answered with the session that it made.",
    );
    paper.row("guessed state", format_args!("{}, {}", refused.kind().name(), refused.reason().name()));
    paper.row("the true one", format_args!("session {}", repeated.session().id()));
    wire.expect(paper, 0)
}

fn log_out(
    paper: &mut Paper,
    wire: &mut Wire<'_>,
    keyfob: &Keyfob,
    session: &Session,
    folder: &Folder,
) -> Result<(), Failure> {
    paper.step("Log out", "Keyfob::end_session");
    if folder.is_kept() {
        paper.text("Left out, because of --store: the session stays in the store, to be looked at.");
        return Ok(());
    }

    let held = keyfob.session(session.id())?;
    let tokens = [Some(held.provider_access_token()), held.provider_refresh_token(), held.id_token()];
    let tokens: Vec<&str> = tokens.into_iter().flatten().collect();
    // What is not sealed shows that the search can find something.
    if !folder.holds(session.id()) || tokens.iter().any(|token| folder.holds(token)) {
        return Err(Failure::Stage("the store is not sealed".to_owned()));
    }

    let ended = keyfob.end_session(session.id(), EndSession::default())?;

    let SessionState::Ended(cause) = keyfob.session(session.id())?.state() else {
        return Err(Failure::Stage("the session is still active".to_owned()));
    };
    if !matches!(ended.revocation(), Revocation::Done) {
        return Err(Failure::Stage(format!("revocation: {}", login::revocation(ended.revocation()))));
    }
    if keyfob.session(session.id())?.provider_refresh_token().is_some() {
        return Err(Failure::Stage("a token is left in the store".to_owned()));
    }
    paper.text(
        "The session ended here first, whatever the network does. Then the provider was asked, once, to revoke its tokens, \
         and did. They are gone from the store, and even before that no file there held one of them in the open: the demo \
         has searched them all.",
    );
    paper.row("session", format_args!("{} ended: {}", session.id(), cause.name()));
    paper.row("revocation", login::revocation(ended.revocation()));
    paper.row("logout page", ended.logout_url().map_or("none", without_query));
    if let Err(error) = keyfob.access_token(session.id(), MIN_VALIDITY) {
        paper.row("a token now", format_args!("{}, {}", error.kind().name(), error.reason().name()));
    }
    wire.expect(paper, 1)
}

fn journal(paper: &mut Paper, keyfob: &Keyfob) -> Result<(), Failure> {
    paper.step("Read the journal", "Keyfob::journal");

    let mut entries = keyfob.journal(20)?;

    paper.text("What happened and why, without secrets, for whoever asks \"why was I logged out?\". Times are UTC.");
    entries.reverse();
    for entry in entries {
        let session = entry.session().unwrap_or("–");
        let reason = entry.reason().unwrap_or_default();
        let status = entry.http_status().map(|status| format!(" HTTP {status}")).unwrap_or_default();
        let line = format!("{:<14}  {:<22}  {reason}{status}", entry.event(), session);
        paper.row(&time_of_day(entry.at()), line.trim_end());
    }
    Ok(())
}

/// A URL without its query, which holds a code or an ID token.
fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}
