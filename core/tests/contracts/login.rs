//! A login as the contract has it: the authorization request, the redirect, what is asked then, the session.

use std::time::Duration;

use keyfob::{Clock as _, Completed, LoginOptions, Profile, Session};
use ring::hmac;
use serde_json::{Value, json};

use crate::contract::{Contract, Pairs, Request, Session as Expected, Token};
use crate::masks::ANY;
use crate::token::{self, Grant, adapt};
use crate::wanted::{Wanted, compare, decoded, differs, in_pairs};
use crate::world::{CLIENT, ID, PORT, SECRET, World, told};

/// What a step found wrong; or why it could not go on.
pub type Found = Result<Vec<String>, String>;

/// A login that was begun, and all that it sent.
pub struct Begun {
    pub found: Vec<String>,
    code_challenge: Option<String>,
}

impl World<'_> {
    /// Begins a login and compares what goes to the browser.
    pub fn begin(&mut self) -> Result<Begun, String> {
        let asked = self.contract.authorize.clone();
        let pushed = json!({ "status": 201, "json": { "request_uri": "urn:example:pushed-1", "expires_in": 60 } });
        let par = asked.pushed.as_ref().map(|url| ("POST".to_owned(), url.clone(), pushed));
        self.play(&par.into_iter().collect::<Vec<_>>())?;
        let mut options = LoginOptions::new();
        let registered = self.contract.registration.redirect_uri.clone();
        let own = url::Url::parse(&registered).map_err(|error| format!("registration.redirect_uri: {error}"))?;
        if own.scheme() == "http" && own.port().is_none() {
            options = options.redirect_port(PORT);
        }
        if self.contract.redirect.form_post {
            options = options.form_post();
        }
        let begun = self.keyfob.begin_login(ID, options);
        let login = begun.map_err(|error| format!("the login could not begin: {}", told(&error)))?;
        let mut found = Vec::new();
        if !self.discovered() {
            found.push("the metadata was not asked for at discovery.url".to_owned());
        }
        let came = self.came();
        let url = login.authorization_url().to_owned();
        let (url, fragment) = url.split_once('#').map_or((url.as_str(), None), |(url, at)| (url, Some(at)));
        let (page, raw_query) = url.split_once('?').unwrap_or((url, ""));
        let wanted_page = Wanted::new("GET", &self.masks.fill(&asked.url));
        // Without a path it is the same as with a slash (RFC 3986 section 6.2.3).
        let whole = |url: &str| if url.matches('/').count() == 2 { format!("{url}/") } else { url.to_owned() };
        if whole(page) != whole(&wanted_page.url) {
            found.push(differs("authorization URL", Some(&wanted_page.url), Some(page)));
        }
        if fragment != asked.fragment.as_deref() {
            found.push(differs("authorization fragment", asked.fragment.as_deref(), fragment));
        }
        let query = decoded(raw_query);
        let parameters = match &asked.pushed {
            None => query.clone(),
            Some(_) => came.first().map(|came| came.form.clone()).unwrap_or_default(),
        };
        let name = |name: &str| asked.rename.get(name).cloned().unwrap_or_else(|| name.to_owned());
        let value = |wanted: &str| {
            let mut there = parameters.iter().filter(|(key, _)| key == wanted);
            there.next().map(|(_, value)| value.clone())
        };
        let redirect_uri = value(&name("redirect_uri"));
        let in_redirect_uri = || url::Url::parse(redirect_uri.as_deref()?).ok();
        let state = value(&name("state")).or_else(|| {
            let url = in_redirect_uri()?;
            url.query_pairs().find(|(key, _)| key == "state").map(|(_, state)| state.into_owned())
        });
        self.masks.set("state", state.unwrap_or_default());
        self.masks.set("nonce", value("nonce").unwrap_or_default());
        let with_port = with_port(&registered);
        let said = asked.redirect_uri.as_deref().map(|uri| self.masks.fill(uri));
        self.masks.set("redirect_uri", said.unwrap_or(with_port));

        let mut wanted = wanted_page.query;
        wanted.extend(self.wanted_of_authorization());
        match &asked.pushed {
            None => found.extend(in_pairs("authorization", &wanted, &query)),
            Some(url) => {
                let mut request = Wanted::new("POST", &self.masks.fill(url));
                let proof = token::client(self.auth(), &self.masks)?;
                let twice = proof.parameters.iter().any(|(name, _)| name == "client_id");
                wanted.retain(|(name, _)| !twice || name != "client_id");
                request.form = wanted;
                request.form.extend(proof.parameters);
                request.headers.extend(proof.authorization.map(|value| ("Authorization".to_owned(), value)));
                found.extend(compare(&[request], &came));
                let left = [("client_id", CLIENT), ("request_uri", "urn:example:pushed-1")];
                let left = left.map(|(name, value)| (name.to_owned(), value.to_owned()));
                found.extend(in_pairs("authorization", &left, &query));
            }
        }
        if let Some(raw) = &asked.scope_raw {
            let name = format!("{}=", name("scope"));
            let there = raw_query.split('&').find_map(|pair| pair.strip_prefix(name.as_str()));
            if there != Some(raw) {
                found.push(differs("authorization scope, as it is in the URL", Some(raw), there));
            }
        }
        let code_challenge = value("code_challenge");
        Ok(Begun { found, code_challenge })
    }

    fn auth(&self) -> &str {
        token::auth_of(&self.contract, &self.contract.token)
    }

    fn wanted_of_authorization(&self) -> Vec<(String, String)> {
        let Contract { authorize, redirect, .. } = &self.contract;
        let mut wanted: Vec<(String, String)> = Vec::new();
        let mut add = |name: &str, value: &str| wanted.push((name.to_owned(), value.to_owned()));
        add("response_type", "code");
        add("client_id", CLIENT);
        add("redirect_uri", self.masks.get("redirect_uri"));
        add("state", ANY);
        add("code_challenge", ANY);
        add(
            "code_challenge_method",
            if authorize.code_challenge.as_deref() == Some("plain") { "plain" } else { "S256" },
        );
        if let Some(scope) = &authorize.scope {
            add("scope", &self.masks.fill(scope));
        } else if let Some(raw) = &authorize.scope_raw {
            add("scope", &decoded(&format!("x={raw}"))[0].1);
        }
        if self.contract.asks_for_id_token() {
            add("nonce", ANY);
        }
        if redirect.form_post {
            add("response_mode", "form_post");
        }
        let mut without = authorize.without.clone();
        if without.iter().any(|name| name == "code_challenge") {
            without.push("code_challenge_method".to_owned());
        }
        adapt(&mut wanted, &authorize.rename, &without);
        wanted.retain(|(name, _)| !authorize.more.contains_key(name));
        wanted.extend(self.masks.pairs(&authorize.more));
        wanted
    }

    /// The redirect that the provider sends, with these parameters over the usual ones.
    pub fn redirect(&self, more: &Pairs, honest_hmac: bool) -> Vec<(String, String)> {
        let redirect = &self.contract.redirect;
        let text = str::to_owned;
        let mut sent =
            vec![(text("code"), text(self.masks.get("code"))), (text("state"), text(self.masks.get("state")))];
        if self.contract.authorize.redirect_uri.as_deref().is_some_and(|uri| uri.contains("{state}")) {
            sent.retain(|(name, _)| name != "state");
        }
        let says_issuer = self.contract.discovery.as_ref().is_some_and(|discovery| {
            discovery.document.get("authorization_response_iss_parameter_supported") == Some(&json!(true))
        });
        if let Some(issuer) = self.contract.issuer().filter(|_| says_issuer) {
            sent.push((text("iss"), self.masks.fill(issuer)));
        }
        adapt(&mut sent, &redirect.rename, &redirect.without);
        for pairs in [&redirect.more, more] {
            sent.retain(|(name, _)| !pairs.contains_key(name));
            sent.extend(self.masks.pairs(pairs));
        }
        if let Some(name) = &redirect.hmac {
            sent.sort();
            let message: Vec<String> = sent.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let key = hmac::Key::new(hmac::HMAC_SHA256, if honest_hmac { SECRET } else { "another" }.as_bytes());
            let code = hmac::sign(&key, message.join("&").as_bytes());
            sent.push((name.clone(), token::hex(code.as_ref())));
        }
        sent
    }

    /// Hands a redirect to the library.
    pub fn come_back(&self, sent: &[(String, String)]) -> keyfob::Result<Completed> {
        let sent_to = self.masks.get("redirect_uri");
        let to = if sent_to.contains(":/") {
            sent_to.to_owned()
        } else {
            with_port(&self.contract.registration.redirect_uri)
        };
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(sent);
        let query = query.finish();
        if self.contract.redirect.form_post {
            return self.keyfob.complete_login_form(&to, &query);
        }
        let joint = if to.contains('?') { '&' } else { '?' };
        self.keyfob.complete_login(&format!("{to}{joint}{query}"))
    }

    /// Completes a login, and compares what was asked for and what came of it.
    pub fn complete(&mut self, begun: Begun) -> Result<(Session, Vec<String>), String> {
        let Begun { found: mut all, code_challenge, .. } = begun;
        let contract = self.contract.clone();
        let mut wanted = vec![token::wanted(&contract, &contract.token, Grant::Code, &self.masks)?];
        self.next_tokens(&contract.token.answer);
        wanted.extend(
            contract.requests.iter().filter(|asked| asked.is_of("login")).map(|asked| Wanted::of(asked, &self.masks)),
        );
        self.play(&self.answers(Some(&contract.token), "login"))?;
        let asked_at = self.clock.wall();
        let completed = self.come_back(&self.redirect(&Pairs::new(), true));
        let came = self.came();
        all.extend(compare(&wanted, &came));
        if let Some(came) = came.first() {
            all.extend(token::assertion(&contract.token, came, &self.masks));
            let name = contract.token.rename.get("code_verifier").map_or("code_verifier", String::as_str);
            let made = token::parameter(came, name)
                .map(|verifier| token::challenge(&verifier, contract.authorize.code_challenge.as_deref()));
            if made != code_challenge {
                all.push(differs("code_challenge", made.as_deref(), code_challenge.as_deref()));
            }
        }
        let session = match completed {
            Ok(completed) => completed.into_session(),
            Err(error) => {
                all.push(format!("the login failed: {}", told(&error)));
                return Err(all.join("\n"));
            }
        };
        all.extend(self.session(&session, &contract.session, &contract.token, asked_at));
        Ok((session, all))
    }

    /// Begins and completes one.
    pub fn log_in(&mut self) -> Result<(Session, Vec<String>), String> {
        let begun = self.begin()?;
        self.complete(begun)
    }

    /// What the provider answers to a token request and to the questions about the user.
    pub fn answers(&self, token: Option<&Token>, time: &str) -> Vec<(String, String, Value)> {
        let of_token = token.map(|token| {
            (token.method.clone().unwrap_or_else(|| "POST".to_owned()), token.url.clone(), token.answer.clone())
        });
        of_token.into_iter().chain(answers(self.contract.requests.iter().filter(|asked| asked.is_of(time)))).collect()
    }

    /// Compares a session.
    pub fn session(
        &self,
        session: &Session,
        expected: &Expected,
        token: &Token,
        asked_at: std::time::SystemTime,
    ) -> Vec<String> {
        let mut found = self.profile(session.profile(), expected);
        if session.provider_uid() != self.masks.fill(&expected.uid) {
            found.push(differs("session uid", Some(&expected.uid), Some(session.provider_uid())));
        }
        let body = ["json", "form"].iter().find_map(|body| token.answer.get(*body));
        let said = |name: &str| body.and_then(|body| body.get(name)).filter(|value| !value.is_null());
        let of = |text: &str| {
            text.split(' ').filter(|scope| !scope.is_empty()).map(|scope| self.masks.fill(scope)).collect()
        };
        let asked = || self.contract.authorize.scope.as_deref().unwrap_or_default();
        let scopes: Vec<String> = match &expected.scopes {
            Some(scopes) => scopes.iter().map(|scope| self.masks.fill(scope)).collect(),
            None => of(said("scope").and_then(Value::as_str).unwrap_or_else(asked)),
        };
        if session.scopes() != scopes {
            found.push(format!("session scopes: expected {scopes:?}, got {:?}", session.scopes()));
        }
        let life = expected.expires_in.as_ref().or_else(|| said("expires_in")).and_then(seconds);
        let expiry = session.provider_access_token_expiry();
        let there = expiry.map(|expiry| expiry.duration_since(asked_at).unwrap_or(Duration::ZERO).as_secs_f64());
        let near = |life: f64, there: f64| (life - there).abs() < 30.0;
        if !match (life, there) {
            (Some(life), Some(there)) => near(life, there),
            (life, there) => life.is_none() && there.is_none(),
        } {
            found.push(format!("session expires_in: expected {life:?}, got {there:?}"));
        }
        let refreshable = expected.refresh_token.unwrap_or_else(|| said("refresh_token").is_some());
        if session.provider_refresh_token().is_some() != refreshable {
            let there = session.provider_refresh_token().is_some();
            found.push(format!("session refresh_token: expected {refreshable}, got {there}"));
        }
        let brings = token.answer.to_string().contains("{access_token}");
        if brings && !session.provider_access_token().contains(self.masks.get("access_token")) {
            let there = session.provider_access_token();
            found.push(differs("session access token", Some(self.masks.get("access_token")), Some(there)));
        }
        let answer: Value = serde_json::from_str(&session.token_answer_json()).unwrap_or_default();
        for (pointer, value) in &expected.other {
            let (there, value) = (answer.pointer(pointer).unwrap_or(&Value::Null), self.masks.fill_in(value));
            if *there != value {
                found.push(format!("session other {pointer}: expected {value}, got {there}"));
            }
        }
        found
    }

    /// Compares a profile.
    pub fn profile(&self, profile: &Profile, expected: &Expected) -> Vec<String> {
        let mut found = Vec::new();
        for (what, expected, there) in [
            ("uid", Some(&expected.uid), Some(profile.uid())),
            ("name", expected.name.as_ref(), profile.name()),
            ("email", expected.email.as_ref(), profile.email()),
            ("avatar_url", expected.avatar_url.as_ref(), profile.avatar_url()),
            ("locale", expected.locale.as_ref(), profile.locale()),
        ] {
            let expected = expected.map(|expected| self.masks.fill(expected));
            if expected.as_deref() != there {
                found.push(differs(&format!("profile {what}"), expected.as_deref(), there));
            }
        }
        if profile.email_verified() != expected.email_verified {
            let (expected, there) = (expected.email_verified, profile.email_verified());
            found.push(format!("profile email_verified: expected {expected}, got {there}"));
        }
        found
    }
}

/// What they are answered.
pub fn answers<'a>(requests: impl Iterator<Item = &'a Request>) -> Vec<(String, String, Value)> {
    let answer = |request: &Request| {
        let body = request.form.is_some() || request.json.is_some();
        let method = request.method.clone().unwrap_or_else(|| if body { "POST" } else { "GET" }.to_owned());
        (method, request.url.clone(), request.answer.clone())
    };
    requests.map(answer).collect()
}

/// A redirect URI as it is sent: with the port that the app listens on.
pub fn with_port(registered: &str) -> String {
    let Ok(mut url) = url::Url::parse(registered) else { return registered.to_owned() };
    if url.scheme() == "http" && url.port().is_none() && url.set_port(Some(PORT)).is_ok() {
        return url.into();
    }
    registered.to_owned()
}

fn seconds(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

impl Contract {
    /// Whether a login has a nonce, as far as its `without` does not say otherwise.
    fn asks_for_id_token(&self) -> bool {
        let scope = self.authorize.scope.as_deref().or(self.authorize.scope_raw.as_deref()).unwrap_or_default();
        self.is_oidc() && scope.split([' ', ',', '+', ';']).any(|scope| scope == "openid")
    }
}
