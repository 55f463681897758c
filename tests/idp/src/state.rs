//! Everything that a provider knows, in one place behind one lock.
//!
//! Every endpoint is a plain function over this state: a request is worked on from its first look at the
//! state to its last change in one go, so two requests with the same refresh token never both win. The
//! lock is never held across an await.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::{Map, Value};

use crate::client_jwt::SeenTokens;
use crate::clock;
use crate::device::Devices;
use crate::faults::{Close, Endpoint, Fault, FaultCounts};
use crate::grants::Grants;
use crate::log::Log;
use crate::message::{Answer, Asked};
use crate::pushed::PushedRequests;
use crate::script::{Registration, Script, ScriptError, User};
use crate::tls::Certificate;
use crate::vendor::Turns;

/// What the server thread and the handle share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
}

/// The provider itself.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) issuer: String,
    pub(crate) script: Script,
    pub(crate) log: Log,
    pub(crate) grants: Grants,
    pub(crate) devices: Devices,
    pub(crate) pushed: PushedRequests,
    /// The tokens of clients that came once.
    pub(crate) seen_tokens: SeenTokens,
    pub(crate) vendor_turns: Turns,
    /// Begins as the script's and grows with each rotation.
    pub(crate) key_generation: u32,
    /// The request being worked on brought a spent refresh token.
    pub(crate) saw_reuse: bool,
    fault_counts: FaultCounts,
    started: Instant,
}

/// An endpoint's work.
pub(crate) type Run = fn(&mut State, &Asked) -> Answer;

/// A request that is in the log and waits for its work.
#[derive(Debug)]
pub(crate) struct Received {
    number: u64,
    fault: Option<Fault>,
}

impl Received {
    /// How long it waits.
    pub(crate) fn lag_seconds(&self) -> f64 {
        self.fault.as_ref().map_or(0.0, |fault| fault.lag_seconds)
    }
}

/// How an answer is to be sent.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) answer: Answer,
    pub(crate) delay_seconds: f64,
    pub(crate) close: Option<Close>,
}

impl Shared {
    pub(crate) fn new(issuer: String, script: Script) -> Result<Self, ScriptError> {
        check(&script, &issuer)?;
        let state = State {
            issuer,
            key_generation: script.keys.generation,
            script,
            log: Log::default(),
            grants: Grants::default(),
            devices: Devices::default(),
            pushed: PushedRequests::default(),
            seen_tokens: SeenTokens::default(),
            vendor_turns: Turns::default(),
            saw_reuse: false,
            fault_counts: FaultCounts::default(),
            started: clock::now(),
        };
        Ok(Self { state: Mutex::new(state) })
    }

    /// A panic elsewhere must not hide the log from the test that is to explain it: a poisoned lock is used on.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Replaces the script. Tokens and codes stay as they are; faults and answers are counted anew.
    pub(crate) fn set_script(&mut self, script: Script) -> Result<(), ScriptError> {
        check(&script, &self.issuer)?;
        self.key_generation = script.keys.generation;
        self.fault_counts = FaultCounts::default();
        self.vendor_turns = Turns::default();
        self.script = script;
        Ok(())
    }

    /// Seconds since the start.
    pub(crate) fn seconds(&self) -> f64 {
        clock::now().duration_since(self.started).as_secs_f64()
    }

    /// Logs a request and decides which of the script's faults happens to it.
    pub(crate) fn receive(&mut self, endpoint: Option<Endpoint>, asked: &Asked) -> Received {
        let number = self.log.note(asked, endpoint, self.seconds());
        let fault = endpoint.and_then(|endpoint| self.fault_counts.next(&self.script.faults, endpoint, asked)).cloned();
        Received { number, fault }
    }

    /// Works on a request, lets its fault happen, and logs the answer.
    pub(crate) fn serve(&mut self, received: Received, run: Run, asked: &Asked) -> Delivery {
        let Received { number, fault } = received;
        let answer = match &fault {
            None => run(self, asked),
            Some(fault) => {
                let own = fault.processes().then(|| run(self, asked));
                fault.overlay(own)
            }
        };
        // The HTTP library would put the machine's time here.
        let answer = if answer.has("date") {
            answer
        } else {
            answer.with("date", &httpdate::fmt_http_date(clock::wall(self.script.clock_offset_seconds)))
        };
        let (delay_seconds, close) = fault.map_or((0.0, None), |fault| (fault.delay_seconds, fault.close));
        let reused = std::mem::take(&mut self.saw_reuse);
        self.log.answered(number, &answer, reused, close);
        Delivery { answer, delay_seconds, close }
    }

    /// The time that the provider believes in, in seconds since 1970.
    pub(crate) fn unix(&self) -> u64 {
        clock::unix(self.script.clock_offset_seconds)
    }

    pub(crate) fn registration(&self, client_id: &str) -> Option<&Registration> {
        self.script.registrations.iter().find(|registration| registration.client_id == client_id)
    }

    pub(crate) fn user(&self, username: &str) -> Option<&User> {
        self.script.users.iter().find(|user| user.username == username)
    }

    /// The address of one of this provider's paths.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }
}

/// Whether that provider can play the script. What would have no effect is refused, or a test of a client that
/// accepts any certificate would pass.
fn check(script: &Script, issuer: &str) -> Result<(), ScriptError> {
    script.check()?;
    if script.tls.certificate != Certificate::Good && !issuer.starts_with("https:") {
        return Err(ScriptError::new("tls.certificate", "this provider was started without TLS"));
    }
    Ok(())
}

/// The claims that these scopes open (OpenID Connect Core 5.4). Claims that belong to no standard scope are
/// always there; without `openid` it is a plain OAuth 2 login, whose profile endpoint knows no such scopes.
pub(crate) fn visible_claims(user: &User, scopes: &[String]) -> Map<String, Value> {
    const PROFILE: [&str; 14] = [
        "name",
        "family_name",
        "given_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "updated_at",
    ];
    let has = |scope: &str| scopes.iter().any(|granted| granted == scope);
    let visible = |name: &str| match name {
        _ if !has("openid") => true,
        "email" | "email_verified" => has("email"),
        "phone_number" | "phone_number_verified" => has("phone"),
        "address" => has("address"),
        name if PROFILE.contains(&name) => has("profile"),
        _ => true,
    };
    user.claims.iter().filter(|(name, _)| visible(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}
