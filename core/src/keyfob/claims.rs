//! What a provider says about its user: userinfo (OpenID Connect Core section 5.3), and whatever else its file asks for.

use serde_json::{Map, Value};

use super::documents::{expect_json, expect_success, is_repeatable};
use super::login::expected;
use super::{Known, Shared};
use crate::clock::from_millis;
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::http::HttpResponse;
use crate::json::JsonFault;
use crate::oidc::id_token::{Expected, verify_userinfo};
use crate::provider::{
    EmailList, ErrorRules, Metadata, Parts, ProfileRequest, ProviderKind, Relaxed, RequestAuth, RequestMethod, Sender,
    Source, Values, check_endpoint,
};
use crate::session::{ASKED_EMAIL, ASKED_VERIFIED, choose_email, overlay};
use crate::store::Received;
use crate::token::answer::{TokenAnswer, own_error};

/// Longest userinfo answer.
const MAX_USERINFO: usize = 512 * 1024;

/// What an answer may be.
const JSON: &str = "application/json";
const JSON_OR_JWT: &str = "application/json, application/jwt";

/// What is asked about a user, and with what.
pub(super) struct Question<'a> {
    pub(super) known: &'a Known,
    pub(super) metadata: &'a Metadata,
    pub(super) tokens: &'a TokenAnswer,
    /// What is known by now.
    pub(super) claims: &'a Map<String, Value>,
    /// Of the ID token, where one came: the answer must be about that subject before any claim of it is used.
    pub(super) subject: Option<&'a str>,
    /// Of the answer that is here already.
    pub(super) etag: Option<&'a str>,
    /// When the tokens came, by this device's clock and the provider's.
    pub(super) received: &'a Received,
}

/// What was said about a user.
pub(super) enum Userinfo {
    Claims {
        claims: Map<String, Value>,
        etag: Option<String>,
    },
    /// Nothing new since the answer with the `ETag` that was sent.
    Unchanged,
}

/// One request about a user.
struct Ask<'a> {
    what: &'static str,
    url: &'a str,
    parts: Parts<'a>,
    accept: &'a str,
    etag: Option<&'a str>,
}

/// How an answer is read.
struct Form<'a> {
    what: &'static str,
    prefix: Option<&'a str>,
    error: Option<&'a ErrorRules>,
    any_type: bool,
}

impl Known {
    /// Whether there is anything to ask about a user.
    pub(super) fn asks_about_user(&self, metadata: &Metadata) -> bool {
        let profile = self.provider.profile();
        !profile.requests.is_empty()
            || (self.provider.takes_from(Source::Userinfo) && metadata.userinfo_endpoint.is_some())
    }
}

impl Shared {
    /// Asks userinfo, and what the provider's file asks beside it.
    pub(super) fn userinfo(&self, question: &Question<'_>) -> Result<Userinfo> {
        let &Question { known, metadata, subject, .. } = question;
        let requests = &known.provider.profile().requests;
        let mut claims = Map::new();
        for request in requests.iter().filter(|request| request.before_userinfo) {
            self.ask_more(question, request, &mut claims)?;
        }
        let mut etag = None;
        let takes_userinfo = known.provider.takes_from(Source::Userinfo);
        if let Some(endpoint) = metadata.userinfo_endpoint.as_deref().filter(|_| takes_userinfo) {
            // An unchanged profile says nothing about what is kept elsewhere.
            let alone = requests.is_empty() && known.provider.email_request().is_none();
            let known_etag = question.etag.filter(|_| alone);
            let rules = known.provider.userinfo();
            // Only OpenID Connect knows of a signed one.
            let accept = if known.provider.kind() == ProviderKind::Oidc { JSON_OR_JWT } else { JSON };
            let ask = Ask { what: "userinfo", url: endpoint, parts: rules.parts(), accept, etag: known_etag };
            let response = self.ask_about_user(question, &claims, &ask)?;
            if response.status == 304 && known_etag.is_some() {
                return Ok(Userinfo::Unchanged);
            }
            let form = Form {
                what: "userinfo",
                prefix: rules.prefix.as_deref(),
                error: rules.error.as_ref(),
                any_type: known.provider.relaxes(Relaxed::S77),
            };
            let newer = if is_jwt(&response) {
                succeeded(&response, &form)?;
                self.signed_userinfo(question, &response.body)?
            } else {
                object(read(&response, &form)?, &form)?
            };
            if subject.is_some_and(|subject| newer.get("sub").and_then(Value::as_str) != Some(subject)) {
                return Err(Error::new(Reason::UserInfoSubMismatch));
            }
            claims = overlay(claims, newer);
            etag = response.header("etag").filter(|etag| is_repeatable(etag)).map(str::to_owned);
        }
        for request in requests.iter().filter(|request| !request.before_userinfo) {
            self.ask_more(question, request, &mut claims)?;
        }
        if let Some((list, url)) = known.provider.email_request() {
            self.ask_email(question, list, url, &mut claims)?;
        }
        Ok(Userinfo::Claims { claims, etag })
    }

    /// An answer that the provider signed (OpenID Connect Core section 5.3.2).
    fn signed_userinfo(&self, question: &Question<'_>, body: &[u8]) -> Result<Map<String, Value>> {
        let &Question { known, metadata, received, .. } = question;
        let token = std::str::from_utf8(body).map_err(|_| Error::new(Reason::MalformedJwt))?.trim();
        let now = self.wall_millis().saturating_add(received.server.saturating_sub(received.wall));
        let expected = Expected { now: from_millis(now), ..expected(self, known, metadata, None, received) };
        let needed = !expected.allowed.needs_no_keys(token);
        self.with_keys(metadata, needed, |keys| verify_userinfo(token, keys, &expected)).map_err(|error| {
            if error.kind() == ErrorKind::TokenRejected { error.with_detail("userinfo") } else { error }
        })
    }

    /// One of the file's own requests: its answer is laid over the claims, or becomes one of them.
    fn ask_more(
        &self,
        question: &Question<'_>,
        request: &ProfileRequest,
        claims: &mut Map<String, Value>,
    ) -> Result<()> {
        let what = "a profile request";
        let ask = Ask { what, url: &request.url, parts: request.parts(), accept: JSON, etag: None };
        let response = self.ask_about_user(question, claims, &ask)?;
        if request.optional && matches!(response.status, 403 | 404) {
            return Ok(());
        }
        let any_type = question.known.provider.relaxes(Relaxed::S77);
        let form = Form { what, prefix: request.prefix.as_deref(), error: request.error.as_ref(), any_type };
        let answer = read(&response, &form)?;
        match &request.into {
            Some(name) => drop(claims.insert(name.clone(), answer)),
            None => claims.extend(object(answer, &form)?),
        }
        Ok(())
    }

    /// The address in an answer of its own. One that the token may not see is a profile without address, and no failure.
    fn ask_email(
        &self,
        question: &Question<'_>,
        list: &EmailList,
        url: &str,
        claims: &mut Map<String, Value>,
    ) -> Result<()> {
        let what = "e-mail addresses";
        let nothing = std::collections::BTreeMap::new();
        let parts = Parts { method: None, auth: None, headers: &nothing, query: &nothing, form: &nothing, json: None };
        let response = self.ask_about_user(question, claims, &Ask { what, url, parts, accept: JSON, etag: None })?;
        if matches!(response.status, 403 | 404) {
            return Ok(());
        }
        let any_type = question.known.provider.relaxes(Relaxed::S77);
        let answer = read(&response, &Form { what, prefix: None, error: None, any_type })?;
        if !matches!(answer.pointer(&list.array), Some(Value::Array(_) | Value::Object(_))) {
            return Err(Error::new(Reason::MalformedResponse).with_detail(what));
        }
        // No fitting entry is an answer too: it replaces the address of an earlier one.
        let known = overlay(question.claims.clone(), claims.clone());
        let (email, verified) = choose_email(list, &answer, &known).unzip();
        claims.insert(ASKED_EMAIL.to_owned(), email.into());
        claims.insert(ASKED_VERIFIED.to_owned(), verified.into());
        Ok(())
    }

    /// Sends one request.
    fn ask_about_user(
        &self,
        question: &Question<'_>,
        claims: &Map<String, Value>,
        ask: &Ask<'_>,
    ) -> Result<HttpResponse> {
        let &Question { known, metadata, tokens, .. } = question;
        let known_claims = overlay(question.claims.clone(), claims.clone());
        let filling = known.registration.filling().with(&tokens.kept);
        let values = Values {
            provider: &known.provider,
            filling: &filling,
            client_secret: known.registration.secret(),
            token: Some(tokens.access_token.expose()),
            answer: Some(&tokens.other),
            claims: Some(&known_claims),
            uid: None,
            kept: &tokens.kept,
        };
        let url = if ask.url.contains('{') {
            let missing =
                || Error::new(Reason::MalformedResponse).with_detail(format!("{}: nothing for its URL", ask.what));
            let url = values.fill_url(ask.url).ok_or_else(missing)?;
            check_endpoint(ask.what, &url)?;
            url.to_string()
        } else {
            ask.url.to_owned()
        };
        let bearer = RequestAuth::bearer();
        let auth = ask.parts.auth.unwrap_or(&bearer);
        let client = match auth {
            RequestAuth::Client(method) => Some(self.client_auth(known, metadata, Some(*method))?),
            _ => None,
        };
        let has_body = !ask.parts.form.is_empty() || ask.parts.json.is_some() || matches!(auth, RequestAuth::Form(_));
        let method = ask.parts.method.unwrap_or(if has_body { RequestMethod::Post } else { RequestMethod::Get });
        let sender = Sender { values: &values, client, accept: ask.accept, limits: self.limits(MAX_USERINFO) };
        let parts = Parts { auth: Some(auth), ..ask.parts };
        let mut request = parts.request(method, url, &[], sender);
        request.headers.extend(ask.etag.map(|etag| ("If-None-Match".to_owned(), etag.to_owned())));
        Ok(self.send(&request)?)
    }
}

fn is_jwt(response: &HttpResponse) -> bool {
    let kind = response.header("content-type").and_then(|kind| kind.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/jwt"))
}

fn succeeded(response: &HttpResponse, form: &Form<'_>) -> Result<()> {
    expect_success(response)
        .map_err(|reason| Error::new(reason).with_status(response.status).with_detail(form.what))?;
    if form.any_type { Ok(()) } else { expect_json(response, form.what) }
}

/// The JSON of an answer that is a success, also by its own words.
fn read(response: &HttpResponse, form: &Form<'_>) -> Result<Value> {
    succeeded(response, form)?;
    let body = response.body.as_slice();
    let body = form.prefix.and_then(|prefix| body.strip_prefix(prefix.as_bytes())).unwrap_or(body);
    let answer =
        crate::json::parse(body).map_err(|fault: JsonFault| Error::new(fault.reason()).with_detail(form.what))?;
    let error = form.error.zip(answer.as_object()).and_then(|(rules, members)| own_error(members, rules));
    match error {
        Some(oauth) => {
            Err(Error::new(Reason::ServerError).with_oauth(oauth).with_status(response.status).with_detail(form.what))
        }
        None => Ok(answer),
    }
}

fn object(answer: Value, form: &Form<'_>) -> Result<Map<String, Value>> {
    match answer {
        Value::Object(members) => Ok(members),
        _ => Err(Error::new(Reason::MalformedResponse).with_detail(form.what)),
    }
}
