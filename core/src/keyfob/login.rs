//! Complete a login: from a redirect that nobody believes yet to a session.

use std::sync::Arc;
use std::time::Duration;

use ring::digest;
use serde_json::{Map, Value};

use super::begin::asks_for_id_token;
use super::brought::{Brought, brought_by, check_own_rules, metadata_elsewhere};
use super::claims::{Question, Userinfo};
use super::client::{Asking, For};
use super::gate::Locked;
use super::{Event, Known, Shared, millis};
use crate::clock::{from_millis, to_millis};
use crate::config::came_to;
use crate::error::{Error, Reason, Result};
use crate::http::oauth::{Outcome, exchange};
use crate::login::Completed;
use crate::login::redirect::{self, Answer, Redirect};
use crate::oidc::id_token::{Allowed, Claims, Expected, verify_login};
use crate::oidc::jws::{Algorithm, HS256, is_hs256_key};
use crate::provider::{Issuer, IssuerRule, Metadata, ProviderKind, Relaxed, Source};
use crate::random;
use crate::refresh::flight::Seat;
use crate::refresh::owner::is_running;
use crate::secret::Secret;
use crate::session::{Session, from_claims, overlay};
use crate::store::{
    Hold, Identity, JournalEvent, LoginRow, NewSession, Note, Pinned, Purpose, Received, SessionRow, Stage,
};
use crate::token::answer::TokenAnswer;
use crate::token::verdict::{ExchangeVerdict, exchange_verdict};

/// Longest token answer (security S76).
pub(super) const MAX_TOKEN_ANSWER: usize = 1024 * 1024;

/// A `Date` has whole seconds, and travels: less than this is no news.
pub(super) const CLOCK_NOISE_MILLIS: i64 = 5_000;

/// How often a login looks whether a revocation is over.
const LOOK: Duration = Duration::from_millis(10);

/// What came of one redirect.
pub(super) struct Judged {
    /// The hash of that redirect.
    fingerprint: Vec<u8>,
    outcome: Result<Completed>,
}

impl Shared {
    pub(super) fn complete_login(&self, redirect_url: &str) -> Result<Completed> {
        self.complete_with(&redirect::parse(redirect_url)?, hash(redirect_url))
    }

    /// The same for a form that the browser posted to `url`.
    pub(super) fn complete_login_form(&self, url: &str, body: &str) -> Result<Completed> {
        self.complete_with(&redirect::parse_form(url, body)?, hash(body))
    }

    fn complete_with(&self, redirect: &Redirect, fingerprint: digest::Digest) -> Result<Completed> {
        let state_hash = hash(redirect.state.expose());
        // The same redirect twice at once (a double tap, two activities): one works, the other gets its outcome. Another redirect of the same
        // login waits too, and is then judged by itself: neither gets what the other deserves.
        let login = self.login_of(redirect, state_hash.as_ref())?;
        for _ in 0..3 {
            match self.common.completions.join(&login.id) {
                Seat::Follow(flight) => {
                    let judged = flight.wait(self.patience())?;
                    if judged.fingerprint == fingerprint.as_ref() {
                        return judged.outcome.clone();
                    }
                }
                Seat::Lead(lead) => {
                    // A code that is on its way is waited for, as a refresh token is: it works once.
                    let _running = self.common.gate.begin()?;
                    // Read again: it may have been completed since.
                    let login = self.login_of(redirect, state_hash.as_ref());
                    let outcome = login.and_then(|login| self.complete(&login, redirect));
                    let judged = Judged { fingerprint: fingerprint.as_ref().to_vec(), outcome };
                    return lead.land(Ok(Arc::new(judged)))?.outcome.clone();
                }
            }
        }
        Err(Error::new(Reason::CompletionInProgress))
    }

    /// How long a follower waits for its leader: for every request that may lie on its way.
    pub(super) fn patience(&self) -> Duration {
        self.settings.http.total() * 5
    }

    /// The login that a redirect belongs to. Nothing else in the redirect is believed before this.
    fn login_of(&self, redirect: &Redirect, state_hash: &[u8]) -> Result<LoginRow> {
        let login = self.common.store.login_by_state(state_hash)?.ok_or_else(|| Error::new(Reason::StateUnknown))?;
        // Found by its hash; compared by itself too, as long as it is kept.
        match &login.secrets {
            Some(secrets) if !redirect.state.matches(secrets.state.expose()) => Err(Error::new(Reason::StateUnknown)),
            _ => Ok(login),
        }
    }

    fn complete(&self, login: &LoginRow, redirect: &Redirect) -> Result<Completed> {
        if !came_to(&redirect.url, &login.pinned.redirect_uri) {
            return Err(Error::new(Reason::RedirectUriMismatch));
        }
        let metadata = &login.pinned.metadata;
        redirect::check_issuer(redirect.iss.as_deref(), metadata.issuer.as_ref(), metadata.iss_parameter)?;
        let known = self.known(&login.registration)?;
        check_own_rules(known, redirect)?;
        match login.stage {
            Stage::Done => self.completed_before(login, known, redirect),
            Stage::Failed => Err(Error::new(Reason::RedirectUsed).with_return_to(login.failure.clone())),
            Stage::Answered => {
                same_code(login, known, redirect)?;
                let _peace = self.no_revocations(known)?;
                self.finish_redirect(login, known, redirect)
            }
            Stage::Exchanging => Err(self.abandoned(login)?),
            Stage::Pending if self.wall_millis() >= login.expires_at => {
                let error = Error::new(Reason::LoginExpired);
                Err(self.failed(login, error)?)
            }
            Stage::Pending => match redirect.answer(known.provider.redirect_rules()) {
                // Truncated or doctored: the login goes on waiting for a whole one.
                Answer::Ambiguous => Err(Error::new(Reason::AmbiguousResponse)),
                Answer::Error(oauth) => {
                    let reason =
                        if oauth.code() == "access_denied" { Reason::AccessDenied } else { Reason::ServerError };
                    Err(self.failed(login, Error::new(reason).with_oauth(oauth))?)
                }
                Answer::Code(code) => {
                    let _peace = self.no_revocations(known)?;
                    let brought = brought_by(known, redirect)?;
                    self.exchange(login, known, &code, brought)?;
                    let login = self.common.store.login_by_state(hash(redirect.state.expose()).as_ref())?;
                    let login = login.ok_or_else(|| Error::new(Reason::StateUnknown))?;
                    self.finish_redirect(&login, known, redirect)
                }
            },
        }
    }

    fn finish_redirect(&self, login: &LoginRow, known: &Known, redirect: &Redirect) -> Result<Completed> {
        match self.finish(login, known)? {
            Some(completed) => Ok(completed),
            None => {
                let login = self.login_of(redirect, hash(redirect.state.expose()).as_ref())?;
                self.complete(&login, redirect)
            }
        }
    }

    /// From before the code is exchanged until the session is saved, no revocation may end the user's whole grant: the registration's lock, held
    /// together with other logins.
    pub(super) fn no_revocations(&self, known: &Known) -> Result<Option<Locked<'_>>> {
        if !known.provider.revokes_whole_grant() {
            return Ok(None);
        }
        let limit = self.settings.http.total();
        let mut waited = Duration::ZERO;
        loop {
            let lock = self.common.store.try_lock(Purpose::Grant, known.registration.id(), Hold::Shared)?;
            if let Some(lock) = lock {
                return self.common.gate.hold(lock).map(Some);
            }
            if waited >= limit {
                return Err(Error::new(Reason::WaitTimeout).with_detail("a revocation of the same registration"));
            }
            self.common.gate.pause(LOOK)?;
            waited += LOOK;
        }
    }

    /// The redirect made a session already: that session is the answer, and nothing is sent.
    fn completed_before(&self, login: &LoginRow, known: &Known, redirect: &Redirect) -> Result<Completed> {
        same_code(login, known, redirect)?;
        self.session_of(login)
    }

    /// What a login that is done has made.
    pub(super) fn session_of(&self, login: &LoginRow) -> Result<Completed> {
        let id =
            login.session.as_deref().ok_or_else(|| Error::new(Reason::StoreTampered).with_detail("login.session"))?;
        let row = self.stored(id)?;
        match row.cause {
            Some(cause) => Err(Error::new(cause).with_return_to(login.failure.clone())),
            None => Ok(completed(row, login)),
        }
    }

    /// Somebody began to send this code. If they are gone, nobody knows whether it is spent (and a code works once).
    fn abandoned(&self, login: &LoginRow) -> Result<Error> {
        let own = login.owner_pid == Some(std::process::id());
        let longest = millis(self.patience());
        let age = self.wall_millis().saturating_sub(login.exchange_at.unwrap_or(0));
        // We hold this process's one right to complete the login, so an owner with our number is an earlier process.
        if own || !(0..longest).contains(&age) || !login.owner_pid.is_some_and(is_running) {
            self.failed(login, Error::new(Reason::CodeExchangeInDoubt))
        } else {
            Ok(Error::new(Reason::CompletionInProgress))
        }
    }

    /// Sends the code, once, and saves the answer before anything is done with it.
    fn exchange(&self, login: &LoginRow, known: &Known, code: &Secret, brought: Brought) -> Result<()> {
        let Brought { kept, granted } = brought;
        let secrets =
            login.secrets.as_ref().ok_or_else(|| Error::new(Reason::StoreTampered).with_detail("login.secrets"))?;
        let Pinned { metadata, redirect_uri, scopes, .. } = &login.pinned;
        let elsewhere = metadata_elsewhere(known, &kept)?;
        let metadata = elsewhere.as_ref().unwrap_or(metadata);
        // A suspension waits for it.
        let _running = self.common.gate.begin()?;
        if !self.common.store.start_exchange(login, hash(code.expose()).as_ref(), self.wall_millis())? {
            return Err(Error::new(Reason::CompletionInProgress));
        }
        let verifier = (!known.provider.relaxes(Relaxed::S01)).then_some(&secrets.verifier);
        let asking = Asking { known, metadata, redirect_uri, kept: &kept, what: For::Exchange { scopes } };
        let sent = self.as_client(asking, &|| false, &|client| {
            exchange(client, code, verifier, &*self.transport, self.limits(MAX_TOKEN_ANSWER))
        });
        let (outcome, received) = match sent {
            Ok(outcome) => outcome,
            Err(error) => {
                // The request could not even be built.
                self.common.store.put_back(login)?;
                return Err(error);
            }
        };
        crash_point!("K14");
        self.note_skew(&received, &outcome);
        let transient: Vec<&str> = known.provider.refresh_rules().transient.iter().map(String::as_str).collect();
        match exchange_verdict(&outcome, &transient) {
            ExchangeVerdict::Tokens(mut answer) => {
                if answer.scope.is_none() {
                    answer.scope = granted;
                }
                answer.kept = kept;
                let received = self.seen_by_server(received, &outcome);
                if self.save_answer(login, &answer, &received)? {
                    return Ok(());
                }
                // We were away for so long (the machine slept) that another process gave this login up.
                Err(Error::new(Reason::RedirectUsed).with_return_to(login.failure.clone()))
            }
            ExchangeVerdict::Usable { error } => {
                self.common.store.put_back(login)?;
                Err(error)
            }
            ExchangeVerdict::Over { error } | ExchangeVerdict::InDoubt { error } => {
                Err(self.failed_in(login, Stage::Exchanging, error)?)
            }
        }
    }

    /// Saves what a code brought, before anything is done with it; false when the login was ended meanwhile.
    pub(super) fn save_answer(&self, login: &LoginRow, answer: &TokenAnswer, received: &Received) -> Result<bool> {
        self.common.store.save_answer(login, answer, received).or_else(|error| {
            // The code is spent: what can be given up for its answer is.
            log::warn!("the answer to a code could not be saved at once: {error}");
            self.common.store.use_spare();
            self.common.store.save_answer(login, answer, received)
        })
    }

    /// From saved tokens to a session: ID token, userinfo, SAVE. May be repeated after a failure that passes. `None`: another process had the same saved
    /// answer, and its word counts, for our copy of the tokens may be spent by now.
    pub(super) fn finish(&self, login: &LoginRow, known: &Known) -> Result<Option<Completed>> {
        match self.identify(login, known) {
            Ok(session) => {
                let note = Note::new(JournalEvent::LoginCompleted, &login.registration);
                let mut outrun = false;
                let made = self.remembering(|| {
                    let row = self.common.store.finish_login(login, session, self.wall_millis(), &note)?;
                    outrun = row.is_none();
                    row.iter().for_each(|row| self.expect_news(row));
                    row.map(Arc::new).ok_or_else(|| Error::new(Reason::RedirectUsed))
                });
                if outrun {
                    return Ok(None);
                }
                Ok(Some(completed(made?, login)))
            }
            Err(error) if ends_login(&error) => Err(self.failed(login, error)?),
            Err(error) => Err(error),
        }
    }

    /// Finds out whose tokens these are.
    fn identify(&self, login: &LoginRow, known: &Known) -> Result<NewSession> {
        let missing = |what: &'static str| Error::new(Reason::StoreTampered).with_detail(what);
        let answer = login.answer.as_ref().ok_or_else(|| missing("login.answer"))?;
        let received = login.received.clone().ok_or_else(|| missing("login.received"))?;
        let secrets = login.secrets.as_ref().ok_or_else(|| missing("login.secrets"))?;
        let metadata = &login.pinned.metadata;
        let granted = answer.scope.clone().unwrap_or_else(|| login.pinned.scopes.clone());

        // Verified also where its claims do not count.
        let claims = match &answer.id_token {
            Some(token) if known.provider.kind() == ProviderKind::Oidc => {
                let expected = Expected {
                    max_age: login.pinned.max_age.map(Duration::from_secs),
                    acr_values: &login.pinned.acr_values,
                    nonce: secrets.nonce.as_ref(),
                    ..expected(self, known, metadata, Some(answer), &received)
                };
                let needed = !expected.allowed.needs_no_keys(token.expose());
                Some(self.with_keys(metadata, needed, |keys| verify_login(token.expose(), keys, &expected))?)
            }
            // No nonce goes along with a login on another device, and its ID token is due all the same.
            None if !known.provider.id_token().optional
                && (secrets.nonce.is_some() || asks_for_id_token(known, &login.pinned.scopes)) =>
            {
                return Err(Error::new(Reason::IdTokenMissing));
            }
            _ => None,
        };
        let told = self.told_with_tokens(login, known, answer, &received)?;
        let of_id_token = claims.as_ref().filter(|_| known.provider.takes_from(Source::IdToken));
        let mut all = overlay(of_id_token.map(|claims| claims.all.clone()).unwrap_or_default(), told);
        let subject = claims.as_ref().map(|claims| claims.subject.as_str());
        let mut profile_etag = None;
        // A file that names sources or requests means each of them.
        let map = known.provider.profile();
        let sources = map.sources.as_ref();
        let named = sources.is_some_and(|named| named.contains(&Source::Userinfo)) || !map.requests.is_empty();
        if known.asks_about_user(metadata) && (named || wants_userinfo(&granted, &all, subject)) {
            let elsewhere = metadata_elsewhere(known, &answer.kept)?;
            let question = Question {
                known,
                metadata: elsewhere.as_ref().unwrap_or(metadata),
                tokens: answer,
                claims: &all,
                subject,
                etag: None,
                received: &received,
            };
            if let Userinfo::Claims { claims, etag } = self.userinfo(&question)? {
                all = overlay(all, claims);
                profile_etag = etag;
            }
        }
        let filling = known.registration.filling().with(&answer.kept);
        let profile = from_claims(&known.provider, &filling, all).ok_or_else(|| Error::new(Reason::UidMissing))?;
        let mut tokens = answer.duplicate();
        if let Some(name) = &known.provider.redirect_rules().user {
            // It is among the claims now.
            tokens.kept.redirect.remove(name);
        }
        let issuer = issuer_name(metadata);
        self.check_account(login, &issuer, profile.uid())?;
        Ok(NewSession {
            issuer,
            profile_etag,
            id: random::id()?,
            registration: login.registration.clone(),
            provider: known.provider.id().to_owned(),
            profile_at: received.wall,
            scopes: granted,
            identity: claims.map(|claims| identity(&claims)),
            profile,
            tokens,
            received,
        })
    }

    /// A login for a session may only bring that session's own user.
    fn check_account(&self, login: &LoginRow, issuer: &str, uid: &str) -> Result<()> {
        let Some(id) = &login.for_session else { return Ok(()) };
        let row = self.stored(id)?;
        match row.cause {
            Some(cause) => Err(Error::new(cause)),
            None if row.uid == uid && row.issuer == issuer => Ok(()),
            None => Err(Error::new(Reason::AccountMismatch)),
        }
    }

    /// Ends the login in the store, and gives the error with the login's failure link.
    pub(super) fn failed(&self, login: &LoginRow, error: Error) -> Result<Error> {
        self.failed_in(login, login.stage, error)
    }

    pub(super) fn failed_in(&self, login: &LoginRow, judged_in: Stage, error: Error) -> Result<Error> {
        let note = Note::new(JournalEvent::LoginFailed, &login.registration).error(&error);
        self.common.store.fail_login(login, judged_in, error.reason(), self.wall_millis(), &note)?;
        Ok(error.with_return_to(login.failure.clone()))
    }

    /// This moment, by every clock.
    pub(super) fn received(&self) -> Received {
        let now = self.now();
        Received { wall: now.wall, boot: now.boot, boot_id: self.boot_id.clone(), server: now.wall }
    }

    /// How far the provider's clock is ahead of ours by an answer, in milliseconds; kept where it is far off, and told when that is news.
    pub(super) fn note_skew(&self, received: &Received, outcome: &Outcome) -> Option<i64> {
        let Outcome::Answered(answer) = outcome else { return None };
        let skew = answer.date.map(to_millis)?.saturating_sub(received.wall);
        let tolerance = millis(self.settings.leeway());
        // A clock that is right is not written down, unless it was wrong before.
        let known = self.memory().skew;
        if skew.abs() > tolerance || known.is_some_and(|known| known.abs() > tolerance) {
            match self.common.store.save_skew(skew, CLOCK_NOISE_MILLIS, received.wall) {
                Ok(true) => self.tell(Event::Skew(skew / 1000)),
                Ok(false) => {}
                Err(error) => log::debug!("the clock's skew could not be kept: {error}"),
            }
        }
        self.memory().skew = Some(skew);
        Some(skew)
    }

    /// The same with the provider's clock, where its `Date` shows that this device's is wrong: an ID token is then checked against
    /// the provider's, instead of refusing every login on a device whose clock is off.
    pub(super) fn seen_by_server(&self, received: Received, outcome: &Outcome) -> Received {
        let Outcome::Answered(answer) = outcome else { return received };
        let Some(date) = answer.date.map(to_millis) else { return received };
        let off = date.saturating_sub(received.wall);
        if off.abs() <= millis(self.settings.leeway()) {
            return received;
        }
        log::warn!("this device's clock is off by {} seconds against the provider's", off / 1000);
        Received { server: date, ..received }
    }
}

pub(super) fn identity(claims: &Claims) -> Identity {
    Identity { issuer: claims.issuer.clone(), subject: claims.subject.clone(), auth_time: claims.auth_time }
}

/// What an ID token of a provider without an issuer would be held against: no token names it.
static NO_ISSUER: Issuer = Issuer { name: String::new(), rule: IssuerRule::OneOf(Vec::new()) };

/// What an ID token is held against.
pub(super) fn expected<'a>(
    shared: &Shared,
    known: &'a Known,
    metadata: &'a Metadata,
    answer: Option<&'a TokenAnswer>,
    received: &Received,
) -> Expected<'a> {
    Expected {
        issuer: metadata.issuer.as_ref().unwrap_or(&NO_ISSUER),
        client_id: known.registration.client_id(),
        nonce: None,
        access_token: answer.map(|answer| answer.access_token.expose()),
        max_age: None,
        acr_values: &[],
        allowed: allowed(known, metadata),
        now: from_millis(received.server),
        leeway: shared.settings.leeway(),
    }
}

/// What may sign this provider's ID tokens: what its file says, else what its metadata says, else every algorithm that needs a key of the issuer's.
pub(super) fn allowed<'a>(known: &'a Known, metadata: &Metadata) -> Allowed<'a> {
    let file = &known.provider.id_token().algorithms;
    let named = if file.is_empty() { &metadata.id_token_algorithms } else { file };
    let algorithms: Vec<_> = named.iter().filter_map(|name| Algorithm::from_name(name)).collect();
    let secret = known.registration.secret().filter(|secret| is_hs256_key(secret.expose().as_bytes()));
    Allowed {
        algorithms: if named.is_empty() { Algorithm::ALL.to_vec() } else { algorithms },
        client_secret: secret.filter(|_| file.iter().any(|name| name == HS256)),
    }
}

fn completed(row: Arc<SessionRow>, login: &LoginRow) -> Completed {
    Completed { session: Session { row }, return_to: login.success.clone(), app_data: login.app_data.clone() }
}

/// The name that sessions of this provider are kept under, beside the user's.
pub(super) fn issuer_name(metadata: &Metadata) -> String {
    metadata.issuer.as_ref().map(|issuer| issuer.name.clone()).unwrap_or_default()
}

/// Userinfo is asked for what the ID token does not tell: a login should not cost a request that brings nothing new.
fn wants_userinfo(granted: &[String], claims: &Map<String, Value>, subject: Option<&str>) -> bool {
    let lacks =
        |scope: &str, claim: &str| granted.iter().any(|granted| granted == scope) && !claims.contains_key(claim);
    subject.is_none() || lacks("profile", "name") || lacks("email", "email")
}

/// Whether a failure on the way from tokens to session is for good.
fn ends_login(error: &Error) -> bool {
    use crate::error::ErrorKind::{LoginRequired, TokenRejected};
    match error.reason() {
        // The issuer's new keys may be there when the same redirect is handed in again: the tokens are saved.
        Reason::IdTokenKeyNotFound => false,
        Reason::UidMissing => true,
        _ => matches!(error.kind(), TokenRejected | LoginRequired),
    }
}

/// Another code for a login that already has one is not a repetition.
fn same_code(login: &LoginRow, known: &Known, redirect: &Redirect) -> Result<()> {
    match redirect.answer(known.provider.redirect_rules()) {
        Answer::Code(code) if login.code_hash.as_deref() == Some(hash(code.expose()).as_ref()) => Ok(()),
        _ => Err(Error::new(Reason::RedirectUsed)),
    }
}

pub(super) fn hash(text: &str) -> digest::Digest {
    digest::digest(&digest::SHA256, text.as_bytes())
}
