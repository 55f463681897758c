//! What follows a login: the profile once more, the refreshes, the logout.

use keyfob::{EndSession, Freshness, Reason, Revocation, Session};
use serde_json::{Map, Value, json};

use crate::contract::{Contract, Logout, Refresh, Session as Expected, Token, merge, read};
use crate::login::{Found, answers};
use crate::token::{self, Grant};
use crate::wanted::{Wanted, compare, decoded, differs, in_pairs};
use crate::world::{CLIENT, World, told};

const GOODBYE: &str = "https://notes.example/bye";

impl World<'_> {
    /// Asks for the profile once more.
    pub fn profile_again(&mut self, session: &Session, expected: &Expected) -> Found {
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

    pub fn refresh(&mut self, session: &Session, contract: &Contract) -> Found {
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

    pub fn log_out(&mut self, session: &Session, logout: Option<&Logout>) -> Found {
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
pub fn refreshing(contract: &Contract, refresh: &Refresh) -> Result<(Token, Expected), String> {
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
