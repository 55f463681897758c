//! What comes back to a login: the redirect, and what comes to the loopback port.

#[cfg(feature = "loopback")]
use url::Url;
use url::form_urlencoded::{self, Serializer};

use crate::error::OAuthError;
use crate::login::redirect::{Answer, Redirect, parse, parse_form};
use crate::provider::RedirectRules;

/// The redirect: a URL; or, before an empty line, a URL, and behind it the form that was posted there.
///
/// One that is taken apart has one state, no parameter twice, no token, and a code or an error as it stands there; written down again it reads as before.
pub fn redirect(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(read) = parse(text) {
        let query = read.url.query().unwrap_or_default().to_owned();
        is_as_written(&read, &query);
    }
    let Some((url, form)) = text.split_once("\n\n") else { return };
    if let Ok(read) = parse_form(url, form) {
        is_as_written(&read, form);
        let of_the_url = read.url.query_pairs().any(|(name, _)| ["code", "state", "error", "iss"].contains(&&*name));
        assert!(!of_the_url, "a form has the only answer");
    }
}

/// `answer` is the query, or the form.
fn is_as_written(read: &Redirect, answer: &str) {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(answer.as_bytes()).into_owned().collect();
    let get = |name: &str| {
        let mut found = pairs.iter().filter(|(key, _)| key == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} stands twice");
        value.filter(|value| !value.is_empty())
    };
    for (name, _) in &pairs {
        let _ = get(name);
    }
    let in_fragment = form_urlencoded::parse(read.url.fragment().unwrap_or_default().as_bytes());
    let tokens = ["access_token", "id_token", "refresh_token"];
    assert!(tokens.iter().all(|token| get(token).is_none()), "a token in the redirect");
    assert!(in_fragment.into_iter().all(|(name, _)| !tokens.contains(&&*name)), "a token in the fragment");
    assert_eq!(get("state"), Some(read.state.expose()), "the state is the one that stands there");
    assert_eq!(get("iss"), read.iss.as_deref());
    match &read.answer(&RedirectRules::default()) {
        Answer::Code(code) => assert_eq!((get("code"), get("error")), (Some(code.expose()), None)),
        Answer::Error(error) => {
            assert!(get("code").is_none() && get("error").is_some());
            is_tame(error);
        }
        Answer::Ambiguous => assert_eq!(get("code").is_some(), get("error").is_some()),
    }
    let written = Serializer::new(String::new()).extend_pairs(&pairs).finish();
    // What is read and written is longer by its percent signs, and may be too long to be read again.
    if let Ok(again) = parse(&format!("com.example.app:/cb?{written}")) {
        assert!(again.state.matches(read.state.expose()) && again.iss == read.iss, "reads as it was written");
        let same = match (again.answer(&RedirectRules::default()), read.answer(&RedirectRules::default())) {
            (Answer::Code(one), Answer::Code(other)) => one.matches(other.expose()),
            (Answer::Error(one), Answer::Error(other)) => one == other,
            (Answer::Ambiguous, Answer::Ambiguous) => true,
            _ => false,
        };
        assert!(same, "reads as it was written");
    } else {
        assert!(written.len() > 128 * 1024, "what was read can be read again");
    }
}

/// The provider's words can be shown to people.
pub(super) fn is_tame(error: &OAuthError) {
    assert!(error.code().len() <= 100 && error.code().bytes().all(|byte| matches!(byte, b' '..=b'~')));
    for text in [error.description(), error.uri()].into_iter().flatten() {
        assert!(text.chars().count() <= 500 && !text.contains(|c: char| c.is_control() || is_direction(c)));
    }
    assert_eq!(format!("{error:?}"), "OAuthError { .. }", "and stand in no log");
}

/// The characters of Unicode that turn the line round (Bidi_Control).
fn is_direction(c: char) -> bool {
    ['\u{61c}', '\u{200e}', '\u{200f}'].contains(&c)
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}

/// What one client sends to the loopback port, for a login with the state `right`.
///
/// A redirect is one to the right host and path with that state; what was decided once is not decided otherwise when more bytes come; nobody is waited for
/// beyond the limits.
#[cfg(feature = "loopback")]
pub fn loopback(data: &[u8]) {
    use crate::desktop::request::{Came, Expected, MAX_BODY, MAX_HEAD, Verdict, judge};
    use crate::secret::Secret;

    const BASE: &str = "http://127.0.0.1:7777/cb";
    let Ok(redirect_uri) = Url::parse(BASE) else { return };
    let expected = Expected { redirect_uri, state: Secret::new("right") };
    let came = |bytes: &[u8]| match judge(bytes, &expected) {
        Verdict::Incomplete(wanted) => Err(Ok(wanted)),
        Verdict::Refused(status) => Err(Err(status)),
        Verdict::Redirect(Came::Url(url)) => Ok((url.expose().to_owned(), None)),
        Verdict::Redirect(Came::Form(url, form)) => Ok((url, Some(form.expose().to_owned()))),
    };
    let verdict = came(data);
    match &verdict {
        Err(Ok(wanted)) => {
            assert!(*wanted <= MAX_HEAD + MAX_BODY, "too much is waited for");
            assert!(*wanted > data.len() || data.len() <= MAX_HEAD);
        }
        Err(Err(status)) => {
            assert!([400, 404, 405, 411, 413, 415, 421, 431, 503].contains(status), "{status}");
        }
        Ok((url, form)) => {
            assert!(url == BASE || url.starts_with(&format!("{BASE}?")) || url.starts_with(&format!("{BASE}#")));
            let Ok(read) = Url::parse(url) else { return assert!(url.is_empty(), "no URL") };
            let answer = form.as_deref().or_else(|| read.query()).unwrap_or_default();
            let mut states = form_urlencoded::parse(answer.as_bytes()).filter(|(name, _)| name == "state");
            assert!(states.any(|(_, state)| state == "right"), "somebody else's state");
            let head = String::from_utf8_lossy(data).to_ascii_lowercase();
            assert!(head.contains("host:") && head.contains("127.0.0.1:7777"), "no host was named, or another");
            let method: &[u8] = if form.is_some() { b"POST " } else { b"GET " };
            assert!(data.trim_ascii_start().starts_with(method));
        }
    }
    // As the bytes come in, one packet after the other.
    for part in [data.len() / 4, data.len() / 2, data.len().saturating_sub(1)] {
        match came(data.get(..part).unwrap_or_default()) {
            Err(Ok(_)) => {}
            Err(Err(_)) => assert!(matches!(verdict, Err(Err(_))), "what was refused stays refused"),
            early @ Ok(_) => assert!(early == verdict, "what was taken stays taken"),
        }
    }
}
