//! What a provider answers: metadata, tokens, userinfo, and the headers that say when.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::is_safe;
use super::login::is_tame;
use super::strict::strict;
use crate::clock::{from_millis, to_millis};
use crate::config::Registration;
use crate::error::{ErrorKind, Reason};
use crate::http::HttpResponse;
use crate::http::oauth::{Answer, MAX_RETRY_AFTER, Outcome, retry_after_of};
use crate::provider::{Issuer, IssuerRule, Metadata, Provider};
use crate::refresh::pause::{Failure, Moment, Pause};
use crate::refresh::window::{Life, Now, need, remaining};
use crate::session::{from_claims, overlay};
use crate::token::answer::{AnswerRules, Reading, TokenAnswer, normalise};
use crate::token::verdict::{ExchangeVerdict, Verdict, classify, exchange_verdict};
use crate::token::{device as device_answer, pushed};

/// A year: nothing that is answered counts for longer.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A discovery document.
///
/// One that is accepted is the issuer's by its name, byte for byte or by the rule, and names only endpoints that a secret may be sent to, as they stand there.
pub fn metadata(data: &[u8]) {
    let written = strict(data);
    let issuer = |name: &str, rule| Issuer { name: name.to_owned(), rule };
    let spellings = vec!["https://idp.example".to_owned(), "idp.example".to_owned()];
    for issuer in [
        issuer("https://idp.example", IssuerRule::Exact),
        issuer("https://idp.example", IssuerRule::OneOf(spellings)),
        issuer("https://idp.example/common", IssuerRule::Template("https://idp.example/{tid}".to_owned())),
    ] {
        for pkce in [true, false] {
            if let Ok(read) = Metadata::from_discovery(data, &issuer, pkce) {
                is_as_written(&read, &issuer, pkce, written.as_ref().unwrap_or(&Value::Null));
            }
        }
    }
}

fn is_as_written(read: &Metadata, issuer: &Issuer, pkce: bool, written: &Value) {
    let named = written.get("issuer").and_then(Value::as_str).unwrap_or_default();
    match &issuer.rule {
        IssuerRule::Exact => assert_eq!(named, issuer.name),
        IssuerRule::OneOf(names) => assert!(names.iter().any(|name| name == named)),
        IssuerRule::Template(_) => {
            let tenant = named.strip_prefix("https://idp.example/").unwrap_or_default();
            assert!(!tenant.is_empty() && !tenant.contains(['/', '?', '#']));
        }
    }
    assert_eq!(read.issuer.as_ref().map(|issuer| issuer.name.as_str()), Some(issuer.name.as_str()), "it stays ours");
    let endpoints = [
        ("authorization_endpoint", Some(&read.authorization_endpoint)),
        ("token_endpoint", Some(&read.token_endpoint)),
        ("jwks_uri", read.jwks_uri.as_ref()),
        ("userinfo_endpoint", read.userinfo_endpoint.as_ref()),
        ("revocation_endpoint", read.revocation_endpoint.as_ref()),
        ("end_session_endpoint", read.end_session_endpoint.as_ref()),
        ("device_authorization_endpoint", read.device_authorization_endpoint.as_ref()),
        ("pushed_authorization_request_endpoint", read.pushed_authorization_request_endpoint.as_ref()),
    ];
    for (key, endpoint) in endpoints {
        assert_eq!(written.get(key).and_then(Value::as_str), endpoint.map(String::as_str), "{key}");
        assert!(endpoint.is_none_or(|endpoint| is_safe(endpoint)), "{key}");
    }
    assert!(read.jwks_uri.is_some());
    let methods = written.get("code_challenge_methods_supported").and_then(Value::as_array);
    assert!(!pkce || methods.is_none_or(|methods| methods.iter().any(|method| method == "S256")));
    // As it is pinned to a login.
    let stored = serde_json::to_vec(read).unwrap_or_default();
    let again = serde_json::from_slice::<Metadata>(&stored).ok();
    assert_eq!(again.and_then(|again| serde_json::to_vec(&again).ok()), Some(stored));
}

/// A body of the token endpoint.
///
/// Tokens have an access token that can stand in a header, no `error` beside them, and a lifetime that no arithmetic gets over; they are the same after they
/// were stored. Only an error ends a session, and never one that comes as a page.
pub fn token_answer(data: &[u8]) {
    let written = strict(data);
    for rules in [AnswerRules::default(), lax()] {
        let reading = normalise(data, &rules);
        match &reading {
            Reading::Tokens(tokens) => are_good(tokens, written.as_ref().unwrap_or(&Value::Null)),
            Reading::Error(error) => {
                assert!(written.is_some() && !error.code().is_empty());
                is_tame(error);
            }
            Reading::Malformed(_) => {}
            Reading::NotJson => assert!(written.is_none()),
        }
        for status in [200, 302, 400, 401, 403, 429, 500, 503] {
            for kind in ["application/json", "text/html"] {
                judge(data, &rules, status, kind, &reading);
            }
        }
    }
}

/// The rules of a provider that needs some.
fn lax() -> AnswerRules {
    let text = r#"{ "id": "lax", "kind": "oauth2", "relaxes": ["S33"], "profile": { "uid": "/id" }, "token_answer": { "scope_separator": "comma" },
        "endpoints": { "authorization": "https://a.example/a", "token": "https://a.example/t", "userinfo": "https://a.example/u" } }"#;
    Provider::from_json(text).map(|provider| AnswerRules::of(&Arc::new(provider))).unwrap_or_default()
}

fn are_good(tokens: &TokenAnswer, written: &Value) {
    let text = |name: &str| written.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let access_token = tokens.access_token.expose();
    assert!(Some(access_token) == text("access_token") && !access_token.contains(char::is_control));
    assert!(text("error").is_none(), "an error is believed before tokens are");
    for (name, token) in [("refresh_token", &tokens.refresh_token), ("id_token", &tokens.id_token)] {
        assert_eq!(token.as_ref().map(|token| token.expose()), text(name));
    }
    for scope in tokens.scope.iter().flatten() {
        assert!(!scope.is_empty() && !scope.contains(char::is_whitespace));
    }
    let millis = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(-1);
    assert!(tokens.lifetime.is_none_or(|lifetime| lifetime <= YEAR));
    let refresh_in = tokens.refresh_in();
    assert!(refresh_in.is_none_or(|wait| (0..=millis(YEAR)).contains(&wait)));
    for (received, now) in [(0, 0), (i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (i64::MAX, i64::MAX), (-1, 1)] {
        let life = Life {
            received_wall: received,
            received_boot: received,
            boot_id: Some("b"),
            lifetime: tokens.lifetime.map(millis),
            refresh_in,
        };
        let now = Now { wall: now, boot: now, boot_id: Some("b") };
        assert!(remaining(&life, &now).is_none_or(|left| left <= millis(YEAR)));
        let _ = (need(&life, &now, Duration::ZERO, 0), need(&life, &now, Duration::MAX, 1000));
    }
    // The strict parser behind ours takes whatever ours took: an answer that was paid for with a refresh token is not lost on it.
    let standard = tokens.standard_form().unwrap_or_default();
    let parsed = serde_json::from_slice::<oauth2::basic::BasicTokenResponse>(&standard);
    let same = parsed.is_ok_and(|parsed| oauth2::TokenResponse::access_token(&parsed).secret() == access_token);
    assert!(same, "two parsers read one answer differently");
    let stored = tokens.to_bytes().map(|bytes| bytes.to_vec()).unwrap_or_default();
    let again = TokenAnswer::from_bytes(&stored).ok();
    let again = again.and_then(|again| again.to_bytes().ok()).map(|bytes| bytes.to_vec());
    assert!(again == Some(stored), "what is stored is what came");
}

fn judge(data: &[u8], rules: &AnswerRules, status: u16, kind: &str, reading: &Reading) {
    let headers = vec![("Content-Type".to_owned(), kind.to_owned())];
    let answer = Answer::new(HttpResponse::new(status, headers, data.to_vec()), rules);
    let outcome = Outcome::Answered(Answer { accepted: true, ..answer });
    let is_page = kind == "text/html";
    let transient = ["later"];
    let said = match reading {
        Reading::Error(error) if !is_page => Some(error.code()),
        _ => None,
    };
    let is_dead = said.is_some_and(|code| ["invalid_grant", "bad_refresh_token"].contains(&code));
    let has_tokens = matches!(reading, Reading::Tokens(_)) && status == 200;
    match classify(&outcome, &["bad_refresh_token"], &transient) {
        Verdict::Tokens(_) => assert!(has_tokens),
        Verdict::Dead { status, .. } => assert!(is_dead && matches!(status, 200 | 400 | 401 | 403)),
        Verdict::NotSpent { error, .. } => {
            assert!(!has_tokens && error.kind() != ErrorKind::LoginRequired);
            is_our_own(&error);
        }
        Verdict::InDoubt { error } => {
            assert!(!has_tokens && error.reason() == Reason::InDoubt);
            is_our_own(&error);
        }
    }
    match exchange_verdict(&outcome, &transient) {
        ExchangeVerdict::Tokens(_) => assert!(has_tokens),
        ExchangeVerdict::Over { error } | ExchangeVerdict::Usable { error } | ExchangeVerdict::InDoubt { error } => {
            assert!(!has_tokens);
            is_our_own(&error);
        }
    }
}

/// What an error prints is a few words of ours: no answer makes it longer, or says anything else in it.
fn is_our_own(error: &crate::Error) {
    let text = format!("{error} {error:?}");
    assert!(text.len() < 600 && text.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text}");
}

/// The answers of the device authorization endpoint and of the one that requests are pushed to.
///
/// One that is taken can be shown to people and typed in, has an address that is safe to open, and times within the limits.
pub fn device(data: &[u8]) {
    let written = strict(data);
    let outcome = |status| {
        let response = HttpResponse::new(status, Vec::new(), data.to_vec());
        Outcome::Answered(Answer::new(response, &AnswerRules::default()))
    };
    for status in [200, 400, 503] {
        match device_answer::authorization(outcome(status)) {
            Ok(read) => {
                assert!(status == 200 && written.is_some());
                assert!(is_safe(&read.verification_uri), "it is opened");
                assert!(read.verification_uri_complete.is_none_or(|uri| is_safe(uri.expose())));
                let (code, user_code) = (read.device_code.expose(), read.user_code.expose());
                assert!((1..=16 * 1024).contains(&code.len()));
                assert!((1..=64).contains(&user_code.chars().count()) && !user_code.contains(char::is_control));
                assert!(read.life <= Duration::from_secs(86_400));
                assert!((1..=300).contains(&read.interval.as_secs()), "no storm, and no sleep until it is over");
                for unanswered in [0, 1, 31, 32, u32::MAX] {
                    let wait = device_answer::back_off(read.interval, unanswered, Some(MAX_RETRY_AFTER));
                    assert!(wait >= read.interval && wait <= MAX_RETRY_AFTER);
                }
            }
            Err(error) => is_our_own(&error),
        }
        match pushed::request_uri(outcome(status)) {
            Ok(name) => {
                assert!(status == 200 && (1..=4096).contains(&name.len()));
                assert!(name.bytes().all(|byte| byte.is_ascii_graphic()), "it goes into a URL");
            }
            Err(error) => is_our_own(&error),
        }
    }
}

/// A userinfo answer, with every provider of the catalogue.
///
/// Whoever is found in it has a name that can be written down; of the claims nothing is lost, also when they are stored and newer ones are laid over them.
pub fn userinfo(data: &[u8]) {
    let Some(Value::Object(claims)) = strict(data) else { return };
    for provider in crate::provider::providers() {
        let registration = Registration::new("r", provider.id(), "c", "com.example.app:/cb");
        let filling = registration.filling();
        let Some(profile) = from_claims(&provider, &filling, claims.clone()) else { continue };
        let uid = profile.uid();
        assert!((1..=255).contains(&uid.len()) && !uid.contains(char::is_control));
        assert_eq!(*profile.raw(), claims);
        assert!(profile.name() != Some("") && profile.email() != Some("") && profile.locale() != Some(""));
        assert_eq!(overlay(claims.clone(), claims.clone()), claims);
        let stored = Value::Object(claims.clone()).to_string();
        let again: Map<String, Value> = serde_json::from_str(&stored).unwrap_or_default();
        let again = from_claims(&provider, &filling, again);
        assert!(again.is_some_and(|again| again.uid() == uid && again.email() == profile.email()));
    }
}

/// Two headers, a line each: `Retry-After` and `Date`.
///
/// No wait is longer than a day, whatever is asked for; seconds are what they say; a date is one moment in every spelling; and nothing overflows.
pub fn retry_after(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (wait, date) = text.split_once('\n').unwrap_or((text, ""));
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = vec![header("retry-after", wait), header("DATE", date)];
    let answer = Answer::new(HttpResponse::new(503, headers, Vec::new()), &AnswerRules::default());
    let asked = retry_after_of(&HttpResponse::new(503, vec![header("Retry-After", wait)], Vec::new()));
    for wait in [asked, answer.retry_after].into_iter().flatten() {
        assert!(wait <= MAX_RETRY_AFTER);
    }
    let digits = wait.trim();
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let significant = digits.trim_start_matches('0');
        // More than nine digits are more than a day in any case.
        let seconds = if significant.len() > 9 { u32::MAX } else { significant.parse().unwrap_or(0) };
        let wanted = Duration::from_secs(seconds.into()).min(MAX_RETRY_AFTER);
        assert_eq!((asked, answer.retry_after), (Some(wanted), Some(wanted)));
    } else {
        assert!(asked.is_none(), "without a date of theirs, theirs says nothing");
    }
    if let Some(date) = answer.date {
        let again = httpdate::parse_http_date(&httpdate::fmt_http_date(date)).ok();
        assert_eq!(again, Some(date));
        let millis = to_millis(date);
        assert_eq!(from_millis(millis), date);
        for wall in [i64::MIN, 0, i64::MAX] {
            // As the clock's error is reckoned.
            assert!(millis.saturating_sub(wall).checked_abs().is_some() || wall == i64::MIN);
        }
    }
    for (at, later) in [(0, 0), (i64::MAX, i64::MAX), (i64::MIN, i64::MAX), (i64::MAX, i64::MIN)] {
        let moment = |millis| Moment { wall: millis, boot: millis, boot_id: Some("b".to_owned()) };
        let now = Now { wall: later, boot: later, boot_id: Some("b") };
        for failure in [Failure::Busy, Failure::Refused] {
            let first = Pause::after(failure, answer.retry_after, None, moment(at));
            let next = Pause::after(failure, None, Some(&first), moment(at));
            for pause in [first, next] {
                assert!(pause.left(&now).is_none_or(|left| left <= MAX_RETRY_AFTER * 2));
            }
        }
    }
}
