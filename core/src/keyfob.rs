//! The handle. This file and its room are the only places that put the steps of the protocols in an order.

mod begin;
mod brought;
#[cfg(feature = "loopback")]
mod browser;
mod claims;
mod client;
mod common;
mod desktop;
mod device;
mod documents;
mod end;
mod gate;
mod guide;
mod health;
mod import;
mod listing;
mod login;
mod maintain;
mod memory;
mod observe;
mod profile;
mod push;
mod refresh;
mod revoke;
mod send;
mod suspend;
mod token;
mod unsaved;
mod verify;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use self::common::Common;
pub use self::end::{EndSession, Ended, LoggedOut, Revocation};
pub use self::guide::RegistrationGuide;
pub use self::health::{Health, Interrupted};
pub use self::import::ImportedTokens;
use self::listing::from_rows;
pub use self::maintain::Maintained;
use self::memory::Contents;
use self::observe::Event;
pub use self::observe::Observer;
use crate::clock::{Clock, to_millis};
use crate::config::{Config, HttpSettings, Registration, Settings};
use crate::error::{Error, Reason, Result};
use crate::executor::Executor;
use crate::http::{HttpRequest, HttpResponse, Limits, Named, Transport, TransportError, send};
use crate::login::{Completed, Login, LoginOptions, PendingLogin};
use crate::provider::{Provider, catalogue};
use crate::refresh::window::Now;
use crate::session::{AccessToken, Freshness, MinValidity, Profile, Session};
use crate::store::{Budget, JournalEntry};
use crate::store_key::StoreKey;

/// The login library, opened on one store. Cheap to clone; all clones are the same handle, and any thread may use any of them.
///
/// It keeps no thread of its own: work happens on the caller's thread, inside the call. (The built-in transport looks names up on a thread that ends
/// with the look-up, which is the only way to limit its time.)
#[derive(Clone)]
pub struct Keyfob {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    /// The settings', as every call asks for it.
    coherence: Duration,
    registrations: Vec<Known>,
    common: Arc<Common>,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    executor: Option<Arc<dyn Executor>>,
    observer: Option<Arc<dyn Observer>>,
    /// What the observer is still to be told, and the generation and state of each session that it knows of.
    events: Mutex<Vec<Event>>,
    told: Mutex<HashMap<String, (i64, bool)>>,
    /// Asked once: it cannot change while this process lives.
    boot_id: Option<String>,
    /// 0 to 999: processes start their early refresh at different moments.
    spread: i64,
}

/// A registration and the provider it belongs to.
struct Known {
    registration: Registration,
    provider: Arc<Provider>,
}

/// A registration, for the app to draw its login buttons from.
#[derive(Clone, Debug)]
pub struct RegistrationInfo {
    id: String,
    provider: String,
    provider_name: String,
    enabled: bool,
}

impl RegistrationInfo {
    /// The id, for [`Keyfob::begin_login`].
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The id of the provider.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The name of the provider, to show to people.
    #[must_use]
    pub fn provider_name(&self) -> &str {
        &self.provider_name
    }

    /// Whether logins may begin.
    #[must_use]
    pub fn enabled(&self) -> bool {
        self.enabled
    }
}

impl Keyfob {
    /// Opens the store, making it when it is missing. Never touches the network. **Changes stored state**, and asks the host's
    /// [`StoreKeySource`](crate::StoreKeySource) for the store key, where the configuration has one.
    ///
    /// A key that is not available now ([`StoreKeyAnswer::NotNow`](crate::StoreKeyAnswer::NotNow)) is no error here: calls that need a secret
    /// fail as [`StoreUnavailable`](crate::ErrorKind::StoreUnavailable) until it is. A store that was kept in plaintext and is opened with a key is
    /// sealed now, which takes time in proportion to its sessions. A damaged database is moved aside and a fresh one made, if no other process has it open:
    /// [`Health::moved_aside`](crate::Health::moved_aside) and the journal tell.
    ///
    /// # Errors
    /// - [`Configuration`](crate::ErrorKind::Configuration): a registration names a provider that is not there, or lacks one of its variables; there is
    ///   neither a store key nor `plaintext`;
    /// - [`StoreKey`](crate::ErrorKind::StoreKey): the key is not the one that the store was sealed with, or it is sealed and there is none; nothing was changed;
    /// - [`StoreUnsupported`](crate::ErrorKind::StoreUnsupported): the folder is open to others, a symbolic link, another program's, a newer version's, or on a
    ///   network file system;
    /// - [`StoreUnavailable`](crate::ErrorKind::StoreUnavailable), [`StoreNotWritable`](crate::ErrorKind::StoreNotWritable): the store cannot be used now;
    /// - [`StoreDamaged`](crate::ErrorKind::StoreDamaged): it is damaged, and another process has it open; nothing was changed;
    /// - [`Random`](crate::ErrorKind::Random): the system gave no random bytes.
    pub fn open(config: Config) -> Result<Self> {
        let mut config = config;
        let registrations = resolve(&mut config.settings)?;
        let transport = match config.transport.take() {
            Some(transport) => named(transport, &config.settings.http),
            None => built_in_transport(&config.settings.http)?,
        };
        let common = open_common(&mut config)?;
        let Config { settings, clock, executor, observer, .. } = config;
        Ok(Self {
            shared: Arc::new(Shared {
                coherence: settings.coherence(),
                settings,
                registrations,
                transport,
                boot_id: clock.boot_id(),
                clock,
                executor,
                observer,
                events: Mutex::new(Vec::new()),
                told: Mutex::new(HashMap::new()),
                // The process number is different enough.
                spread: i64::from(common.me.pid % 1000),
                common,
            }),
        })
    }

    /// The registrations, in the order of the configuration.
    #[must_use]
    pub fn registrations(&self) -> Vec<RegistrationInfo> {
        self.shared
            .registrations
            .iter()
            .map(|known| RegistrationInfo {
                id: known.registration.id().to_owned(),
                provider: known.provider.id().to_owned(),
                provider_name: known.provider.display_name().to_owned(),
                enabled: known.registration.is_enabled(),
            })
            .collect()
    }

    /// Begins a login and gives the URL to open. **May touch the network** (discovery, unless it is cached; a request that is pushed, RFC 9126), within the
    /// configured time limits. **Changes stored state.** The store has been told before this returns, so the process may end while the user
    /// is in the browser, and any other process that opens the same store can complete the login.
    ///
    /// A code challenge (S256, RFC 7636), a state and, for OpenID Connect, a nonce are made and kept; the app handles none of them.
    ///
    /// # Errors
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): no such registration, a malformed scope or port;
    /// - [`Configuration`](crate::ErrorKind::Configuration): the registration is disabled, the provider has no S256 or an insecure endpoint; a request
    ///   that is to be pushed has no endpoint, or the provider does not know the client (`invalid_client`);
    /// - [`Network`](crate::ErrorKind::Network), [`Timeout`](crate::ErrorKind::Timeout), [`Tls`](crate::ErrorKind::Tls),
    ///   [`BadResponse`](crate::ErrorKind::BadResponse): discovery failed, or a push did; nothing was stored, and it may be tried again;
    /// - [`OAuth`](crate::ErrorKind::OAuth), [`RateLimited`](crate::ErrorKind::RateLimited): the provider refuses a request that was pushed;
    /// - [`Random`](crate::ErrorKind::Random) and the kinds of the store.
    pub fn begin_login(&self, registration: &str, options: LoginOptions) -> Result<Login> {
        self.shared.begin_login(registration, &options)
    }

    /// Hands the redirect back: `redirect_url` is the whole URL that the browser was sent to. **May touch the network**: the code
    /// exchange, perhaps the issuer's keys and userinfo. **Changes stored state.** The store has been told before this returns.
    ///
    /// The state is compared before anything else in the redirect is believed, an `error` included. A redirect that already made a session is
    /// answered with that session, and nothing is sent. When nothing could be sent (offline), or the tokens are there and the
    /// profile is not, the same call may be repeated and goes on from there.
    ///
    /// # Errors
    /// - [`RedirectRejected`](crate::ErrorKind::RedirectRejected): not a redirect of a login in this store; nothing was sent;
    /// - [`AccessDenied`](crate::ErrorKind::AccessDenied), [`OAuth`](crate::ErrorKind::OAuth): the user or the provider said no; the login is over;
    /// - [`LoginRequired`](crate::ErrorKind::LoginRequired): the code was sent and the answer lost; or the session that this redirect made has ended;
    /// - [`TokenRejected`](crate::ErrorKind::TokenRejected), [`BadResponse`](crate::ErrorKind::BadResponse): the provider's answer cannot be
    ///   believed or read; the login is over;
    /// - [`Network`](crate::ErrorKind::Network), [`Timeout`](crate::ErrorKind::Timeout), [`Tls`](crate::ErrorKind::Tls),
    ///   [`RateLimited`](crate::ErrorKind::RateLimited): call again with the same redirect;
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): another process is completing this login right now;
    /// - [`Configuration`](crate::ErrorKind::Configuration) and the kinds of the store.
    pub fn complete_login(&self, redirect_url: &str) -> Result<Completed> {
        self.shared.telling(|| self.shared.complete_login(redirect_url))
    }

    /// Hands back the form that the browser posted to `url`, after [`LoginOptions::form_post`]: `body` is the request's body as it came
    /// (`application/x-www-form-urlencoded`). Otherwise as [`Keyfob::complete_login`]: **may touch the network**, **changes stored state**.
    ///
    /// # Errors
    /// Those of [`Keyfob::complete_login`]; [`RedirectRejected`](crate::ErrorKind::RedirectRejected) also where `url` has an answer of its own.
    pub fn complete_login_form(&self, url: &str, body: &str) -> Result<Completed> {
        self.shared.telling(|| self.shared.complete_login_form(url, body))
    }

    /// The logins that wait, for a redirect or for the user on another device, oldest first. Touches no network.
    ///
    /// # Errors
    /// The kinds of the store.
    pub fn pending_logins(&self) -> Result<Vec<PendingLogin>> {
        self.shared.common.store.pending_logins(self.shared.wall_millis())
    }

    /// Ends a login that waits for its redirect: from now on the redirect is refused. **Changes stored state.** The store has been told before
    /// this returns. Touches no network. Cancelling a login that is over is no error.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument): no such login; and the kinds of the store.
    pub fn cancel_login(&self, login_id: &str) -> Result<()> {
        self.shared.cancel_login(login_id)
    }

    /// Gives an access token that is good for `min_validity` more. **May touch the network**, and does so only when a refresh is due: a fresh
    /// token comes from memory. However many threads of however many processes ask, one request is made and all get its outcome.
    ///
    /// A token whose whole life is shorter than `min_validity` is given as it is, with its expiry; and while no better one can be had, so is one that
    /// is still good at all: an error means that there is none. [`AccessToken::expires_at`] tells.
    ///
    /// Blocks for the request and, where its answer is lost, for up to three repetitions (7.5 seconds and their time-outs), also when the token is
    /// only refreshed early and there is no [`Executor`](crate::Executor).
    ///
    /// # Errors
    /// - [`InvalidArgument`](crate::ErrorKind::InvalidArgument): no such session;
    /// - [`LoginRequired`](crate::ErrorKind::LoginRequired): the session has ended, the reason says why; nothing else means that;
    /// - [`Network`](crate::ErrorKind::Network), [`Timeout`](crate::ErrorKind::Timeout), [`Tls`](crate::ErrorKind::Tls),
    ///   [`RateLimited`](crate::ErrorKind::RateLimited), [`OAuth`](crate::ErrorKind::OAuth), [`Configuration`](crate::ErrorKind::Configuration): no
    ///   new token now; the session lives on;
    /// - [`RefreshBusy`](crate::ErrorKind::RefreshBusy): another process is at it, and the configured time for waiting is over;
    /// - [`BadResponse`](crate::ErrorKind::BadResponse), [`TokenRejected`](crate::ErrorKind::TokenRejected): the provider's documents cannot be read, or the
    ///   new tokens not be believed yet; the session lives on;
    /// - [`InvalidState`](crate::ErrorKind::InvalidState): called from the transport that is fetching this very token; suspended; or refreshing is left to
    ///   another process ([`RefreshPolicy::Never`](crate::RefreshPolicy::Never));
    /// - the kinds of the store.
    pub fn access_token(&self, session_id: &str, min_validity: MinValidity) -> Result<AccessToken> {
        self.shared.telling(|| self.shared.access_token(session_id, min_validity, None)).map(|row| AccessToken { row })
    }

    /// The same, waiting at most `wait` for a refresh that another thread or process is making, instead of the configured time. The limit bounds
    /// waiting and starting: a request that was sent is seen through to its end, for an abandoned one is a spent token.
    ///
    /// # Errors
    /// As [`Keyfob::access_token`]; after `wait` [`RefreshBusy`](crate::ErrorKind::RefreshBusy) or [`Timeout`](crate::ErrorKind::Timeout), unless the token
    /// that is there is still good at all.
    pub fn access_token_within(
        &self,
        session_id: &str,
        min_validity: MinValidity,
        wait: Duration,
    ) -> Result<AccessToken> {
        let token = self.shared.telling(|| self.shared.access_token(session_id, min_validity, Some(wait)));
        token.map(|row| AccessToken { row })
    }

    /// The token that [`Keyfob::access_token`] would give from memory and at once; `None` where it would do anything more: read the store, refresh, wait,
    /// tell the observer, or fail. Never blocks: for a caller that may not, such as an event loop or a task of an asynchronous runtime, which asks this first, and
    /// only then hands [`Keyfob::access_token`] to a thread that may.
    ///
    /// `None` says nothing about the session. Once in each `coherence` of the configuration (a second) it is `None` also for a good token, because other
    /// processes' changes are looked for then.
    #[must_use]
    pub fn cached_access_token(&self, session_id: &str, min_validity: MinValidity) -> Option<AccessToken> {
        self.shared.cached_access_token(session_id, min_validity).map(|row| AccessToken { row })
    }

    /// Refreshes now, due or not. **Touches the network.** **Changes stored state.** The store has been told before this returns.
    /// Callers at the same time share one request.
    ///
    /// # Errors
    /// As [`Keyfob::access_token`]; and [`InvalidState`](crate::ErrorKind::InvalidState) when the provider gave no refresh token.
    pub fn refresh_session(&self, session_id: &str) -> Result<Session> {
        self.shared.telling(|| self.shared.refresh_now(session_id)).map(|row| Session { row })
    }

    /// After a resource server refused an access token (HTTP 401): gives one that is not the refused one. **May touch the network.** When the
    /// token has been replaced since, in this process or another, the newer one is given and nothing is sent; else one refresh is
    /// made, whoever asks.
    ///
    /// # Errors
    /// As [`Keyfob::refresh_session`].
    pub fn refresh_if_current(&self, session_id: &str, rejected_token: &str) -> Result<AccessToken> {
        let token = self.shared.telling(|| self.shared.refresh_if_current(session_id, rejected_token));
        token.map(|row| AccessToken { row })
    }

    /// The user's profile, at most as old as `freshness` says. **May touch the network** (userinfo, and a refresh when one is due).
    ///
    /// # Errors
    /// As [`Keyfob::access_token`]; [`BadResponse`](crate::ErrorKind::BadResponse) and [`TokenRejected`](crate::ErrorKind::TokenRejected)
    /// when the userinfo answer cannot be read or is about somebody else; [`InvalidState`](crate::ErrorKind::InvalidState) when
    /// the provider has no userinfo endpoint.
    pub fn profile(&self, session_id: &str, freshness: Freshness) -> Result<Profile> {
        self.shared.telling(|| self.shared.profile(session_id, freshness))
    }

    /// The session of that id, ended ones with their cause included. Touches no network.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument): no such session; and the kinds of the store.
    pub fn session(&self, session_id: &str) -> Result<Session> {
        self.shared.stored(session_id).map(|row| Session { row })
    }

    /// The session of a user, `uid` being the user's lasting id at the provider ([`Session::provider_uid`]), at the issuer that the registration names now; `None`
    /// where there is none or the app has logged it out. One that ended by itself is found, with its cause. Touches no network. As quick in a store of
    /// a million sessions as in one of a hundred.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument): no such registration; and the kinds of the store.
    pub fn find_session(&self, registration: &str, uid: &str) -> Result<Option<Session>> {
        self.shared.find_session(registration, uid)
    }

    /// All sessions, oldest first: the active ones and those that ended by themselves, without those that the app logged out. Touches no network.
    /// Reads them all at once: where there may be many, [`Keyfob::sessions_page`] is for that.
    ///
    /// # Errors
    /// The kinds of the store.
    pub fn sessions(&self) -> Result<Vec<Session>> {
        self.shared.common.store.sessions().map(from_rows)
    }

    /// Some of [`Keyfob::sessions`]: at most `limit`, from 1 to 1000, that come after the session with the id `after`; the first ones without it. The last id of a
    /// page asks for the next one, and an empty page is the end. Sessions that come or go meanwhile move no other: none is given twice
    /// or left out, and an `after` that was logged out meanwhile keeps its place. Touches no network. However many pages lie before it, a page
    /// takes the same time.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument): a `limit` of 0 or above 1000, no session with the id `after`; and the kinds of the store.
    pub fn sessions_page(&self, after: Option<&str>, limit: usize) -> Result<Vec<Session>> {
        self.shared.sessions_page(after, limit)
    }

    /// The session that the last login made, or that [`Keyfob::set_current_session`] named; `None` once the app has logged it out. Touches no network.
    ///
    /// # Errors
    /// The kinds of the store.
    pub fn current_session(&self) -> Result<Option<Session>> {
        Ok(self.shared.common.store.current_session()?.map(|row| Session { row: Arc::new(row) }))
    }

    /// Makes a session the current one, for an app with several accounts. **Changes stored state.** The store has been told before this
    /// returns. Touches no network.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument): no such session, or it was logged out; and the kinds of the store.
    pub fn set_current_session(&self, session_id: &str) -> Result<()> {
        if self.shared.common.store.set_current_session(session_id)? { Ok(()) } else { Err(unknown_session()) }
    }

    /// Logs out: the session ends here and now, in every process, whatever the network does; no token of it is left in the store. Then, unless
    /// the options say otherwise, the provider is asked once to revoke the token (RFC 7009): **may touch the network**, and its failure
    /// is no failure of this call. **Changes stored state.** The store has been told before the network is touched. Ending an ended session is no error.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument): no such session, or a post-logout redirect URI that is none; and the kinds of the store.
    pub fn end_session(&self, session_id: &str, options: EndSession) -> Result<Ended> {
        self.shared.telling(|| self.shared.end_session(session_id, &options))
    }

    /// Takes the redirect from the provider's logout page, whither [`Ended::logout_url`] led (OpenID Connect RP-Initiated Logout section 3), and says
    /// which session's logout it belongs to, by its `state`: for a day after the logout, in every process, as often as it is asked. The session ended
    /// long before, in [`Keyfob::end_session`]; a redirect that is refused here changes nothing, and nobody is logged in again by it. Touches no network,
    /// changes nothing.
    ///
    /// # Errors
    /// [`RedirectRejected`](crate::ErrorKind::RedirectRejected): not a redirect of a logout of this store (the reason
    /// [`LogoutStateMismatch`](crate::Reason::LogoutStateMismatch): without a `state`, or with one that is not known or too old); and the kinds of
    /// the store.
    pub fn complete_logout(&self, redirect_url: &str) -> Result<LoggedOut> {
        self.shared.complete_logout(redirect_url)
    }

    /// Takes over a session from another library, without a new login. **Changes stored state.** The store has been told before this returns.
    /// Touches no network: whether the tokens are good shows at their first use.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument): no such registration, no user id, neither token; and the kinds of the store.
    pub fn import_session(&self, tokens: ImportedTokens) -> Result<Session> {
        self.shared.telling(|| self.shared.import_session(tokens))
    }

    /// What to enter at the provider's developer console, and what it accepts. Touches no network.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument): no such registration.
    pub fn registration_guide(&self, registration: &str) -> Result<RegistrationGuide> {
        self.shared.registration_guide(registration)
    }

    /// The newest lines of the journal, newest first, at most `limit`: why things happened. Touches no network.
    ///
    /// # Errors
    /// The kinds of the store.
    pub fn journal(&self, limit: usize) -> Result<Vec<JournalEntry>> {
        self.shared.common.store.journal(limit)
    }

    /// Puts the store under another key and seals every secret in it anew. Touches no network. **Changes stored state.** Blocks in proportion to the number of
    /// sessions; others may use the store meanwhile.
    ///
    /// Keep the new key in the keystore *before*, and the old one until this has returned: a process that is killed anywhere in between leaves a store that
    /// exactly one of the two opens, with everything in it, and the next one to open it ends the work. Other processes ask their
    /// [`StoreKeySource`](crate::StoreKeySource) again; one that holds the old key itself fails as [`StoreKey`](crate::ErrorKind::StoreKey) from then on.
    ///
    /// # Errors
    /// - [`Configuration`](crate::ErrorKind::Configuration): the store is kept in plaintext (open it with a key instead);
    /// - [`StoreUnavailable`](crate::ErrorKind::StoreUnavailable), [`StoreKey`](crate::ErrorKind::StoreKey): the old key is not available, or not the right one;
    ///   nothing was changed;
    /// - [`Random`](crate::ErrorKind::Random) and the kinds of the store.
    pub fn rekey(&self, new_key: &StoreKey) -> Result<()> {
        self.shared.rekey(new_key)
    }

    /// Does everything that is owed: saves tokens that could not be saved, mends refreshes that a process died in, tells providers of sessions that were
    /// logged out, refreshes what is due, forgets what is old. **Touches the network.** **Changes stored state.** For a moment that the host picks: after
    /// its start, in a background task. Begins nothing new after `limit`; what was begun is seen through. To find what is due it reads every session, a few
    /// at a time: among a million that alone takes seconds.
    ///
    /// # Errors
    /// The kinds of the store. What does not succeed for one session is no error: [`Maintained::failed`] counts it, the journal says why.
    pub fn maintain(&self, limit: Duration) -> Result<Maintained> {
        self.shared.telling(|| self.shared.maintain(limit))
    }

    /// Before the system freezes this process (iOS): lets nothing new begin, waits until `deadline` from now for what is under way, and then closes everything.
    /// No lock and no file of the store stays open. **Changes stored state.** A refresh that is still on its way at the deadline is given up and recorded as
    /// in doubt: the next call, here or in another process, repeats it at once. Holds for every handle of this store in this process. Until
    /// [`Keyfob::resume`] calls that need the store, for a token too, give [`InvalidState`](crate::ErrorKind::InvalidState). Resumed while it still waits,
    /// it closes nothing.
    ///
    /// # Errors
    /// The kinds of the store; [`StoreNotWritable`](crate::ErrorKind::StoreNotWritable) when there are tokens that still could not be saved: they are in memory only,
    /// and lost if the process ends. It is suspended all the same.
    pub fn suspend(&self, deadline: Duration) -> Result<()> {
        self.shared.telling(|| self.shared.suspend(deadline))
    }

    /// Opens everything again after [`Keyfob::suspend`]. Touches no network. Not suspended is no error.
    ///
    /// # Errors
    /// The kinds of the store; then it is still suspended, and the call may be repeated.
    pub fn resume(&self) -> Result<()> {
        self.shared.resume()
    }

    /// How the store is: sessions, refreshes that were cut off, what is owed, how far the clock is off. Touches no network. Counts the sessions, which
    /// takes the longer the more there are.
    ///
    /// # Errors
    /// The kinds of the store.
    pub fn health(&self) -> Result<Health> {
        self.shared.health()
    }
}

impl fmt::Debug for Keyfob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyfob").field("store", &self.shared.common.store.folder()).finish_non_exhaustive()
    }
}

/// Joins each registration with its provider: the app's own first, then the catalogue.
fn resolve(settings: &mut Settings) -> Result<Vec<Known>> {
    let own: Vec<Arc<Provider>> = std::mem::take(&mut settings.providers).into_iter().map(Arc::new).collect();
    let mut known = Vec::new();
    for (index, registration) in std::mem::take(&mut settings.registrations).into_iter().enumerate() {
        let id = registration.provider();
        let provider = match own.iter().find(|provider| provider.answers_to(id)) {
            Some(provider) => Arc::clone(provider),
            None => Arc::new(catalogue::find(id).ok_or_else(|| {
                Error::new(Reason::UnknownProvider).with_detail(format!("registrations[{index}].provider"))
            })??),
        };
        // Said now rather than at the first login.
        provider.check_registration(&registration)?;
        known.push(Known { registration, provider });
    }
    Ok(known)
}

/// What the handles of this folder share.
fn open_common(config: &mut Config) -> Result<Arc<Common>> {
    let keeping = config.keeping()?;
    #[cfg(feature = "simulation")]
    if let Some(pid) = config.played {
        return Common::played(&config.settings.store.path, pid, keeping, &*config.clock);
    }
    Common::of(&config.settings.store.path, keeping, &*config.clock)
}

/// The host's own transport, which sends the app's name too where the configuration has it.
fn named(transport: Arc<dyn Transport>, http: &HttpSettings) -> Arc<dyn Transport> {
    if http.has_user_agent() { Arc::new(Named::new(transport, http.user_agent())) } else { transport }
}

#[cfg(feature = "ureq")]
fn built_in_transport(http: &HttpSettings) -> Result<Arc<dyn Transport>> {
    Ok(Arc::new(crate::http::ureq::UreqTransport::new(http)?))
}

#[cfg(not(feature = "ureq"))]
fn built_in_transport(_: &HttpSettings) -> Result<Arc<dyn Transport>> {
    Err(crate::config::invalid("transport", "is missing: this build has no transport of its own"))
}

fn unknown_session() -> Error {
    Error::new(Reason::UnknownSession)
}

/// The last handle of a folder tries once more to save what could not be saved.
impl Drop for Shared {
    fn drop(&mut self) {
        if Arc::strong_count(&self.common) > 1 {
            return;
        }
        for id in self.common.unsaved.ids() {
            if let Err(error) = self.save_unsaved(&id) {
                log::error!("the new tokens of session {id} are lost: they could not be saved: {error}");
            }
        }
    }
}

impl Known {
    /// The name of the issuer that the registration means now, which its sessions are kept under; empty where the provider has none.
    fn issuer_name(&self) -> Result<String> {
        Ok(self.provider.issuer_for(&self.registration.filling())?.map(|issuer| issuer.name).unwrap_or_default())
    }

    /// How many refreshes may be tried: the registration's word, else the provider's.
    fn budget(&self) -> Option<Budget> {
        let budget = self.registration.budget().or_else(|| self.provider.refresh_rules().budget)?;
        Some(Budget { tries: budget.refreshes, millis: millis(Duration::from_secs_f64(budget.seconds)) })
    }
}

impl Shared {
    fn rekey(&self, new_key: &StoreKey) -> Result<()> {
        let _running = self.common.gate.begin()?;
        self.common.store.rekey(new_key)
    }

    fn known(&self, id: &str) -> Result<&Known> {
        self.registrations
            .iter()
            .find(|known| known.registration.id() == id)
            .ok_or_else(|| Error::new(Reason::UnknownRegistration))
    }

    fn memory(&self) -> MutexGuard<'_, Contents> {
        self.common.memory.lock()
    }

    fn wall_millis(&self) -> i64 {
        to_millis(self.clock.wall())
    }

    fn now(&self) -> Now<'_> {
        Now { wall: self.wall_millis(), boot: millis(self.clock.boot()), boot_id: self.boot_id.as_deref() }
    }

    fn limits(&self, max_body_bytes: usize) -> Limits {
        Limits { connect: self.settings.http.connect(), total: self.settings.http.total(), max_body_bytes }
    }

    fn send(&self, request: &HttpRequest) -> std::result::Result<HttpResponse, TransportError> {
        send(&*self.transport, request)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
