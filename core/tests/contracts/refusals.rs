//! What must fail: answers that are no tokens, redirects and ID tokens that are not to be believed, revocations that would end too much.

use std::time::Duration;

use keyfob::{EndSession, ErrorKind, OAuthError, Revocation, SessionState};
use serde_json::{Value, json};

use crate::contract::{Contract, Pairs, Refusal, Token};
use crate::flow::refreshing;
use crate::login::{Found, answers};
use crate::trial::Case;
use crate::wanted::{Wanted, compare, differs};
use crate::world::told;

impl Case<'_> {
    /// Answers that are no tokens.
    pub fn refusals(&self, contract: &Contract) -> Found {
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
    pub fn redirects(&self, contract: &Contract) -> Found {
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
    pub fn issuers(&self, contract: &Contract) -> Found {
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
    pub fn signing(&self, contract: &Contract) -> Found {
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
    pub fn whole_grant(&self, contract: &Contract) -> Found {
        let Some(logout) = contract.logout.as_ref().filter(|logout| !logout.requests.is_empty()) else {
            return Ok(Vec::new());
        };
        let mut world = self.open(contract)?;
        let (session, _) = world.log_in()?;
        let answers = |status: u16| -> Vec<_> {
            let unanswered = answers(logout.requests.iter()).into_iter();
            unanswered.map(|(method, url, _)| (method, url, json!({ "status": status }))).collect()
        };
        // With the tokens of this session, and not of the next.
        let owed = Wanted::of(&logout.requests[0], &world.masks);
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
        let sent =
            world.came().iter().any(|came| compare(std::slice::from_ref(&owed), std::slice::from_ref(came)).is_empty());
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

/// Compares an error with what the contract says of it.
fn judged(error: &keyfob::Error, refusal: &Refusal, kind: Option<&str>) -> Vec<String> {
    let mut found = Vec::new();
    let code = error.oauth().map(|oauth| oauth.code().to_owned());
    for (what, wanted, there) in [
        ("kind", refusal.kind.as_deref().or(kind), Some(error.kind().name())),
        ("reason", refusal.reason.as_deref(), Some(error.reason().name())),
        ("code", refusal.code.as_deref(), code.as_deref()),
        ("description", refusal.description.as_deref(), error.oauth().and_then(OAuthError::description)),
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
