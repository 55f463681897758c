//! What is tried of one provider, step by step.

use std::time::Duration;

use keyfob::{EndSession, ErrorKind, Freshness, Loopback, Provider, Reason, Revocation, Session, SessionState};
use keyfob_idp::Idp;
use serde_json::{Map, Value, json};

use crate::contract::{Contract, Logout, Pairs, Refresh, Refusal, Session as Expected, Token, merge, read, varied};
use crate::login::{Found, answers};
use crate::token::{self, Grant};
use crate::wanted::{Wanted, compare, decoded, differs, in_pairs, line};
use crate::world::{CLIENT, ID, World, check_answer, told};

/// What the guide says of refresh tokens, by the contract's word for it.
const RENEWAL: [(&str, &str); 5] = [
    ("always", "gives a refresh token with each login"),
    ("never", "gives no refresh tokens"),
    ("scope", "where the scopes ask for a refresh token"),
    ("parameter", "asks for a refresh token by a parameter"),
    ("setting", "depends on how the app is set up there"),
];

const GOODBYE: &str = "https://notes.example/bye";

/// One provider's file and its contract.
pub struct Case<'a> {
    pub idp: &'a Idp,
    pub id: &'a str,
    pub provider: &'a str,
    pub contract: &'a Value,
    /// Stops at the first step that fails.
    pub hasty: bool,
}

impl Case<'_> {
    /// Everything that is wrong, a line each.
    pub fn run(&self) -> Vec<String> {
        let mut all = Vec::new();
        let contract = match self.read() {
            Ok(contract) => contract,
            Err(problems) => return problems,
        };
        let provider = match Provider::from_json(self.provider) {
            Ok(provider) => provider,
            Err(error) => return vec![format!("the provider file is refused: {}", told(&error))],
        };
        let mut step = |what: &str, found: Found| {
            let found = found.unwrap_or_else(|problem| problem.lines().map(str::to_owned).collect());
            all.extend(found.iter().map(|line| format!("{what}: {line}")));
            self.hasty && !all.is_empty()
        };
        if step("names", Ok(self.names(&contract, &provider)))
            || step("guide", self.guide(&contract))
            || step("login", self.whole_way(&contract))
        {
            return all;
        }
        for (index, variant) in contract.variants.iter().enumerate() {
            let what = variant.get("what").and_then(Value::as_str).unwrap_or_default();
            let varied = Contract::read(&varied(self.contract, variant));
            let found = varied.and_then(|varied| self.variant(&varied));
            if step(format!("variant {} {what}", index + 1).trim_end(), found) {
                return all;
            }
        }
        if step("variables", self.variables(&contract))
            || step("issuers", self.issuers(&contract))
            || step("signing", self.signing(&contract))
            || step("redirects", self.redirects(&contract))
            || step("refused", self.refusals(&contract))
            || step("device", self.device(&contract))
            || step("whole_grant", self.whole_grant(&contract))
        {
            return all;
        }
        all
    }

    fn names(&self, contract: &Contract, provider: &Provider) -> Vec<String> {
        let mut found = Vec::new();
        if provider.id() != self.id {
            // Not that it may pass for the one that is built in.
            found.push(differs("id", Some(self.id), Some(provider.id())));
        }
        if provider.display_name() != contract.name {
            found.push(differs("name", Some(&contract.name), Some(provider.display_name())));
        }
        let mut there = provider.aliases().to_vec();
        let mut wanted = contract.aliases.clone();
        there.sort();
        wanted.sort();
        if there != wanted {
            found.push(format!("aliases: expected {wanted:?}, got {there:?}"));
        }
        found
    }

    /// The contract, where it and all its variants are of their form.
    fn read(&self) -> Result<Contract, Vec<String>> {
        let contract = Contract::read(self.contract).map_err(|problem| vec![problem])?;
        let variants = contract.variants.iter().enumerate();
        let read = variants.map(|(index, variant)| (index + 1, Contract::read(&varied(self.contract, variant))));
        let of_variant =
            |(number, read): (usize, Result<Contract, String>)| Some(format!("variant {number}: {}", read.err()?));
        let mut problems: Vec<String> = read.filter_map(of_variant).collect();
        let refusals = [&contract.refused, &contract.dead, &contract.alive].into_iter().flatten();
        let answers = refusals.map(|refusal| Value::Object(refusal.answer.clone()));
        let answers = answers.chain(contract.requests.iter().map(|request| request.answer.clone()));
        let answers = answers.chain([contract.token.answer.clone()]);
        problems.extend(answers.filter_map(|answer| check_answer(&answer).err()));
        let mut refresh = contract.refresh.as_ref();
        while let Some(said) = refresh {
            problems.extend(refreshing(&contract, said).and_then(|(token, _)| check_answer(&token.answer)).err());
            refresh = said.again.as_deref();
        }
        if problems.is_empty() { Ok(contract) } else { Err(problems) }
    }

    pub fn open(&self, contract: &Contract) -> Result<World<'_>, String> {
        World::open(self.idp, self.id, self.provider, contract.clone())
    }

    fn guide(&self, contract: &Contract) -> Found {
        let world = self.open(contract)?;
        let guide = world.keyfob.registration_guide(ID).map_err(|error| told(&error))?;
        let mut found = Vec::new();
        let wanted = &contract.guide;
        if guide.accepts_custom_scheme() != wanted.custom_scheme {
            let (wanted, there) = (wanted.custom_scheme, guide.accepts_custom_scheme());
            found.push(format!("custom_scheme: expected {wanted:?}, got {there:?}"));
        }
        let loopback = guide.accepts_loopback().map(|loopback| match loopback {
            Loopback::AnyPort => "any_port",
            Loopback::Exact => "exact",
            Loopback::None => "none",
            _ => "something new",
        });
        if loopback != wanted.loopback.as_deref() {
            found.push(differs("loopback", wanted.loopback.as_deref(), loopback));
        }
        let steps = guide.steps();
        for (word, sentence) in RENEWAL {
            let (said, meant) =
                (steps.iter().any(|step| step.contains(sentence)), wanted.refresh_tokens.as_deref() == Some(word));
            if said != meant {
                found.push(format!("refresh_tokens {word}: expected {meant}, got {said}"));
            }
        }
        let (said, meant) = (
            steps.iter().any(|step| step.contains("http://localhost alone")),
            wanted.localhost.as_deref() == Some("only"),
        );
        if said != meant {
            found.push(format!("localhost only: expected {meant}, got {said}"));
        }
        for needed in [contract.name.as_str(), contract.registration.redirect_uri.as_str()] {
            if !steps.iter().any(|step| step.contains(needed)) {
                found.push(format!("no step names {needed}"));
            }
        }
        Ok(found)
    }

    /// Login, profile, refresh, logout.
    fn whole_way(&self, contract: &Contract) -> Found {
        let mut world = self.open(contract)?;
        let (session, mut found) = world.log_in()?;
        if self.hasty && !found.is_empty() {
            return Ok(found);
        }
        let mut say = |what: &str, lines: Found| match lines {
            Ok(lines) => found.extend(lines.into_iter().map(|line| format!("{what}: {line}"))),
            Err(problem) => found.extend(problem.lines().map(|line| format!("{what}: {line}"))),
        };
        say("profile", world.profile_again(&session, &contract.session));
        say("refresh", world.refresh(&session, contract));
        say("logout", world.log_out(&session, contract.logout.as_ref()));
        Ok(found)
    }

    /// A login, and what it is known by later.
    fn variant(&self, contract: &Contract) -> Found {
        let mut world = self.open(contract)?;
        let (session, mut found) = world.log_in()?;
        found.extend(world.profile_again(&session, &contract.session)?);
        Ok(found)
    }

    /// Answers that are no tokens.
    fn refusals(&self, contract: &Contract) -> Found {
        let mut found = Vec::new();
        let lists = [("refused", &contract.refused), ("dead", &contract.dead), ("alive", &contract.alive)];
        for (list, refusals) in lists {
            for (index, refusal) in refusals.iter().enumerate() {
                let lines = self.refusal(contract, list, refusal);
                let lines = lines.unwrap_or_else(|problem| problem.lines().map(str::to_owned).collect());
                found.extend(lines.into_iter().map(|line| format!("{list} {}: {line}", index + 1)));
            }
        }
        Ok(found)
    }

    fn refusal(&self, contract: &Contract, list: &str, refusal: &Refusal) -> Found {
        let answer = Value::Object(refusal.answer.clone());
        let mut world = self.open(contract)?;
        let place = |token: &Token| {
            (token.method.clone().unwrap_or_else(|| "POST".to_owned()), token.url.clone(), answer.clone())
        };
        if list == "refused" {
            world.begin()?;
            world.play(&[place(&contract.token)])?;
            let ended = world.come_back(&world.redirect(&Pairs::new(), true));
            let Err(error) = ended else { return Ok(vec!["the login succeeded".to_owned()]) };
            return Ok(judged(&error, refusal, Some("OAuth")));
        }
        let Some(refresh) = &contract.refresh else { return Err("there is no refresh".to_owned()) };
        let (session, _) = world.log_in()?;
        world.play(&[place(&refreshing(contract, refresh)?.0)])?;
        let Err(error) = world.keyfob.refresh_session(session.id()) else {
            return Ok(vec!["the refresh succeeded".to_owned()]);
        };
        let mut found = judged(&error, refusal, (list == "dead").then_some("LoginRequired"));
        let state = world.keyfob.session(session.id()).map_err(|error| told(&error))?.state();
        if (state == SessionState::Active) != (list == "alive") {
            found.push(format!("the session is {state:?} then"));
        }
        Ok(found)
    }

    /// Redirects without a code, and those that are not to be believed.
    fn redirects(&self, contract: &Contract) -> Found {
        let mut found = Vec::new();
        let mut judge = |what: String, more: Pairs, honest: bool, kind: ErrorKind| -> Result<(), String> {
            let mut world = self.open(contract)?;
            world.begin()?;
            world.play(&world.answers(Some(&contract.token), "login"))?;
            match world.come_back(&world.redirect(&more, honest)) {
                Err(error) if error.kind() == kind => {}
                Err(error) => found.push(format!("{what}: expected {}, got {}", kind.name(), told(&error))),
                Ok(_) => found.push(format!("{what}: expected {}, and the login succeeded", kind.name())),
            }
            Ok(())
        };
        let code = contract.redirect.rename.get("code").map_or("code", String::as_str);
        for (index, mut denied) in contract.denied().into_iter().enumerate() {
            denied.insert(code.to_owned(), Value::Null);
            judge(format!("denied {}", index + 1), denied, true, ErrorKind::AccessDenied)?;
        }
        for (index, rejected) in contract.rejected.iter().enumerate() {
            judge(format!("rejected {}", index + 1), rejected.clone(), true, ErrorKind::RedirectRejected)?;
        }
        if contract.redirect.hmac.is_some() {
            judge("hmac of another key".to_owned(), Pairs::new(), false, ErrorKind::RedirectRejected)?;
        }
        Ok(found)
    }

    /// ID tokens under each issuer that there may be, and under none else.
    fn issuers(&self, contract: &Contract) -> Found {
        let mut found = Vec::new();
        let stranger = contract.issuer().map(|issuer| format!("{issuer}x"));
        let own = contract.issuers.iter().map(|issuer| (issuer.clone(), true));
        for (issuer, good) in own.chain(stranger.map(|issuer| (issuer, false))) {
            let mut other = contract.clone();
            if !set_claim(&mut other.token.answer, "iss", &issuer) {
                break;
            }
            let mut world = self.open(&other)?;
            match (world.log_in(), good) {
                (Ok(_), true) => {}
                (Ok(_), false) => found.push(format!("an ID token of {issuer} was believed")),
                (Err(problem), true) => found.push(format!("an ID token of {issuer}: {problem}")),
                (Err(problem), false) if problem.contains("TokenRejected") => {}
                (Err(problem), false) => {
                    found.push(format!("an ID token of {issuer}, expected TokenRejected: {problem}"))
                }
            }
        }
        Ok(found)
    }

    /// ID tokens by each algorithm that may sign them, and by one that may not.
    fn signing(&self, contract: &Contract) -> Found {
        const ALL: [&str; 10] =
            ["RS256", "ES256", "HS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES384", "EdDSA"];
        let mut found = Vec::new();
        if contract.signing.is_empty() {
            return Ok(found);
        }
        for algorithm in ALL {
            let good = contract.signing.iter().any(|name| name == algorithm);
            let mut other = contract.clone();
            other.signing = vec![algorithm.to_owned()];
            match (self.open(&other)?.log_in(), good) {
                (Ok((_, lines)), true) => found.extend(lines),
                (Ok(_), false) => found.push(format!("an ID token signed with {algorithm} was believed")),
                (Err(problem), true) => found.push(format!("an ID token signed with {algorithm}: {problem}")),
                (Err(_), false) => {}
            }
        }
        Ok(found)
    }

    /// Whether an owed revocation waits for nobody, or is given up for a session that the same user has by now.
    fn whole_grant(&self, contract: &Contract) -> Found {
        let Some(logout) = contract.logout.as_ref().filter(|logout| !logout.requests.is_empty()) else {
            return Ok(Vec::new());
        };
        let mut world = self.open(contract)?;
        let (session, _) = world.log_in()?;
        let answers = |status: u16| -> Vec<_> {
            let unanswered = answers(logout.requests.iter()).into_iter();
            unanswered.map(|(method, url, _)| (method, url, json!({ "status": status }))).collect()
        };
        world.play(&answers(503))?;
        let ended = world.keyfob.end_session(session.id(), EndSession::default()).map_err(|error| told(&error))?;
        if !matches!(ended.revocation(), Revocation::Owed(_)) {
            return Ok(vec![format!("a revocation that got 503: expected Owed, got {:?}", ended.revocation())]);
        }
        world.log_in()?;
        world.came();
        // Longer than any pause, and short of the end of what is owed.
        world.clock.pass(Duration::from_secs(86_400));
        let mut good = answers(200);
        if let Some(refresh) = &contract.refresh {
            // The session of the other login is due by then.
            good.extend(world.answers(Some(&refreshing(contract, refresh)?.0), "no time"));
        }
        world.play(&good)?;
        world.keyfob.maintain(Duration::from_secs(30)).map_err(|error| told(&error))?;
        let wanted: Vec<String> =
            logout.requests.iter().map(|request| Wanted::of(request, &world.masks).line()).collect();
        let sent = world.came().iter().any(|came| wanted.contains(&line(came)));
        let whole = logout.whole_grant.unwrap_or(true);
        Ok(match (whole, sent) {
            (true, true) => {
                vec!["an owed revocation was sent, and ends the session that the user has by now".to_owned()]
            }
            (false, false) => vec!["an owed revocation was dropped, though it ends no other session".to_owned()],
            _ => Vec::new(),
        })
    }
}

impl World<'_> {
    /// Asks for the profile once more.
    fn profile_again(&mut self, session: &Session, expected: &Expected) -> Found {
        self.play(&self.answers(None, "profile"))?;
        let requests = self.contract.requests.iter().filter(|asked| asked.is_of("profile"));
        let wanted: Vec<Wanted> = requests.map(|asked| Wanted::of(asked, &self.masks)).collect();
        let profile = self.keyfob.profile(session.id(), Freshness::secs(0));
        let mut found = compare(&wanted, &self.came());
        let profile = match profile {
            Err(error) if error.reason() == Reason::NoUserInfo && wanted.is_empty() => {
                self.keyfob.profile(session.id(), Freshness::default())
            }
            other => other,
        };
        match profile {
            Ok(profile) => found.extend(self.profile(&profile, expected)),
            Err(error) => found.push(told(&error)),
        }
        Ok(found)
    }

    fn refresh(&mut self, session: &Session, contract: &Contract) -> Found {
        let mut next = contract.refresh.clone();
        let Some(mut refresh) = next.take() else {
            return Ok(match self.keyfob.refresh_session(session.id()) {
                Err(error) if error.reason() == Reason::NoRefreshToken => compare(&[], &self.came()),
                Err(error) => vec![format!("expected NoRefreshToken, got {}", told(&error))],
                Ok(_) => vec!["expected NoRefreshToken, and it succeeded".to_owned()],
            });
        };
        let mut found = Vec::new();
        loop {
            let (token, expected) = refreshing(contract, &refresh)?;
            let wanted = token::wanted(contract, &token, Grant::Refresh, &self.masks)?;
            self.next_tokens(&token.answer);
            self.play(&self.answers(Some(&token), "no time"))?;
            let asked_at = keyfob::Clock::wall(&*self.clock);
            let refreshed = self.keyfob.refresh_session(session.id());
            let came = self.came();
            found.extend(compare(&[wanted], &came));
            if let Some(came) = came.first() {
                found.extend(token::assertion(&token, came, &self.masks));
            }
            let refreshed =
                refreshed.map_err(|error| format!("{}\nthe refresh failed: {}", found.join("\n"), told(&error)))?;
            found.extend(self.session(&refreshed, &expected, &token, asked_at));
            let Some(again) = refresh.again.take() else { return Ok(found) };
            refresh = laid_over(&refresh, *again);
        }
    }

    fn log_out(&mut self, session: &Session, logout: Option<&Logout>) -> Found {
        let requests = logout.map(|logout| logout.requests.as_slice()).unwrap_or_default();
        self.play(&answers(requests.iter()))?;
        let wanted: Vec<Wanted> = requests.iter().map(|request| Wanted::of(request, &self.masks)).collect();
        let id_token = self.keyfob.session(session.id()).ok().and_then(|session| session.id_token().map(str::to_owned));
        let options = EndSession::default().post_logout_redirect_uri(GOODBYE);
        let ended = self.keyfob.end_session(session.id(), options).map_err(|error| told(&error))?;
        let mut found = compare(&wanted, &self.came());
        match (ended.revocation(), wanted.is_empty()) {
            (Revocation::Done, false) | (Revocation::NotSupported | Revocation::NotAsked, true) => {}
            (other, false) => found.push(format!("expected a revocation, got {other:?}")),
            (other, true) => found.push(format!("expected none, got {other:?}")),
        }
        let url = logout.and_then(|logout| logout.url.as_deref()).map(|url| self.masks.fill(url));
        let (page, query) = match ended.logout_url() {
            Some(url) => url.split_once('?').map_or((Some(url), ""), |(page, query)| (Some(page), query)),
            None => (None, ""),
        };
        if page != url.as_deref().map(|url| url.split('?').next().unwrap_or_default()) {
            found.push(differs("URL", url.as_deref(), page));
            return Ok(found);
        }
        let Some(url) = url else { return Ok(found) };
        self.masks.set("id_token", id_token.clone().unwrap_or_default());
        self.masks.set("goodbye", GOODBYE);
        let usual = json!({ "client_id": CLIENT, "id_token_hint": id_token, "post_logout_redirect_uri": GOODBYE, "state": "{any}" });
        let query_of = match logout.and_then(|logout| logout.query.clone()) {
            Some(query) => query,
            None => read(&usual, "the query")?,
        };
        let mut expected = decoded(url.split_once('?').map_or("", |(_, query)| query));
        expected.extend(self.masks.pairs(&query_of));
        found.extend(in_pairs("URL", &expected, &decoded(query)));
        Ok(found)
    }
}

/// The refresh's token request, and the session after it.
fn refreshing(contract: &Contract, refresh: &Refresh) -> Result<(Token, Expected), String> {
    let mut token = json!(contract.token);
    merge(&mut token, &Value::Object(refresh.token.clone()));
    let mut session = json!(contract.session);
    merge(&mut session, &Value::Object(refresh.session.clone()));
    Ok((read(&token, "refresh.token")?, read(&session, "refresh.session")?))
}

/// The next refresh: what it says, over what the one before said.
fn laid_over(before: &Refresh, again: Refresh) -> Refresh {
    let over = |below: &Map<String, Value>, above: Map<String, Value>| {
        let mut value = Value::Object(below.clone());
        merge(&mut value, &Value::Object(above));
        value.as_object().cloned().unwrap_or_default()
    };
    Refresh {
        token: over(&before.token, again.token),
        session: over(&before.session, again.session),
        again: again.again,
    }
}

/// Compares an error with what the contract says of it.
fn judged(error: &keyfob::Error, refusal: &Refusal, kind: Option<&str>) -> Vec<String> {
    let mut found = Vec::new();
    let code = error.oauth().map(|oauth| oauth.code().to_owned());
    for (what, wanted, there) in [
        ("kind", refusal.kind.as_deref().or(kind), Some(error.kind().name())),
        ("reason", refusal.reason.as_deref(), Some(error.reason().name())),
        ("code", refusal.code.as_deref(), code.as_deref()),
    ] {
        if wanted.is_some() && wanted != there {
            found.push(format!("{} (it was {})", differs(what, wanted, there), told(error)));
        }
    }
    found
}

/// Sets a claim of every ID token in an answer; false where there is none.
fn set_claim(answer: &mut Value, name: &str, value: &str) -> bool {
    match answer {
        Value::Object(members) => {
            let mut there = false;
            for (key, member) in members.iter_mut() {
                if key == "id_token"
                    && let Some(claims) = member.get_mut("id_token").and_then(Value::as_object_mut)
                {
                    claims.insert(name.to_owned(), value.into());
                    there = true;
                } else {
                    there |= set_claim(member, name, value);
                }
            }
            there
        }
        Value::Array(elements) => {
            let set: Vec<bool> = elements.iter_mut().map(|element| set_claim(element, name, value)).collect();
            set.contains(&true)
        }
        _ => false,
    }
}
