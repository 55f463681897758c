//! The redirect (RFC 6749 sections 4.1.2 and 4.1.2.1): taken apart strictly, believed by nobody yet.

use std::collections::BTreeMap;

use ring::hmac;
use url::Url;
use zeroize::Zeroize;

use crate::error::{Error, OAuthError, Reason, Result};
use crate::provider::{Issuer, RedirectRules, hex};
use crate::secret::{Secret, constant_time_eq};

/// Longest redirect that is looked at, in bytes. Codes of 64 KB have been seen.
const MAX_BYTES: usize = 256 * 1024;

/// What a redirect carries.
pub(crate) struct Redirect {
    pub(crate) url: Url,
    pub(crate) state: Secret,
    /// RFC 9207.
    pub(crate) iss: Option<String>,
    /// The others, those without a value aside.
    parameters: BTreeMap<String, String>,
}

/// A code is among them.
impl Drop for Redirect {
    fn drop(&mut self) {
        self.parameters.values_mut().for_each(Zeroize::zeroize);
    }
}

impl Redirect {
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// Code or error, under the names that the provider has for them.
    pub(crate) fn answer(&self, rules: &RedirectRules) -> Answer {
        let own = rules.error.as_ref().and_then(|own| Some((own, self.parameter(&own.parameter)?)));
        let error = match (self.parameter("error"), own) {
            (Some(code), _) => Some(code),
            (None, Some((own, said))) if own.denied.iter().any(|denied| denied == said) => Some("access_denied"),
            (None, Some((_, said))) => Some(said),
            (None, None) => None,
        };
        match (self.parameter(rules.code.as_deref().unwrap_or("code")), error) {
            (Some(code), None) => Answer::Code(Secret::new(code)),
            (None, Some(error)) => {
                Answer::Error(OAuthError::new(error, self.parameter("error_description"), self.parameter("error_uri")))
            }
            (Some(_), Some(_)) | (None, None) => Answer::Ambiguous,
        }
    }

    /// Whether the provider has signed the redirect with the client's secret, in this parameter.
    pub(crate) fn is_signed(&self, parameter: &str, secret: &Secret) -> bool {
        let Some(signature) = self.parameter(parameter) else { return false };
        let mut pairs: Vec<(String, String)> = url_pairs(&self.url).filter(|(name, _)| name != parameter).collect();
        pairs.sort();
        // What separates them is escaped, so that no value can be taken for two parameters.
        let plain = |text: &str| text.replace('%', "%25").replace('&', "%26");
        let text: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{}={}", plain(name).replace('=', "%3D"), plain(value))).collect();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        let expected = hex(hmac::sign(&key, text.join("&").as_bytes()).as_ref());
        constant_time_eq(expected.as_bytes(), signature.as_bytes())
    }
}

fn url_pairs(url: &Url) -> impl Iterator<Item = (String, String)> {
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned()))
}

/// Code or error; which of them may be believed is for the caller to find out by the state.
pub(crate) enum Answer {
    Code(Secret),
    Error(OAuthError),
    /// Both, or neither.
    Ambiguous,
}

/// Takes a redirect URL apart.
pub(crate) fn parse(text: &str) -> Result<Redirect> {
    let url = url(text)?;
    let query = url.query().unwrap_or_default().to_owned();
    read(url, &query)
}

/// Takes the form apart that a browser was made to post (OAuth 2.0 Form Post Response Mode): what counts is in the body alone.
pub(crate) fn parse_form(text: &str, body: &str) -> Result<Redirect> {
    let url = url(text)?;
    if body.len() > MAX_BYTES {
        return Err(Error::new(Reason::RedirectTooLarge));
    }
    let answers = ["code", "state", "error", "iss"];
    if url.query_pairs().any(|(name, _)| answers.contains(&&*name)) {
        // Two answers at once: nobody knows which of them another reader would take.
        return Err(Error::new(Reason::UnexpectedParameter));
    }
    read(url, body)
}

/// Takes the redirect from a logout page apart (OpenID Connect RP-Initiated Logout section 3): where it came to, and its state.
pub(crate) fn parse_logout(text: &str) -> Result<(Url, Option<Secret>)> {
    let url = url(text)?;
    let mut states = url.query_pairs().filter(|(name, _)| name == "state").map(|(_, value)| value.into_owned());
    let state = states.next().map(Secret::new);
    if states.next().is_some() {
        return Err(Error::new(Reason::DuplicateParameter));
    }
    drop(states);
    Ok((url, state))
}

fn url(text: &str) -> Result<Url> {
    if text.len() > MAX_BYTES {
        return Err(Error::new(Reason::RedirectTooLarge));
    }
    Url::parse(text.trim()).map_err(|_| Error::new(Reason::MalformedRedirect))
}

/// `answer` is the query, or the body of a form.
fn read(url: Url, answer: &str) -> Result<Redirect> {
    let mut parameters = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(answer.as_bytes()) {
        // An empty parameter is an absent one, but a repeated one is refused even so (RFC 6749 section 3.1).
        if parameters.insert(name.clone().into_owned(), value.into_owned()).is_some() {
            return Err(Error::new(Reason::DuplicateParameter));
        }
    }
    parameters.retain(|_, value| !value.is_empty());
    let in_fragment = |name: &str| {
        url.fragment()
            .is_some_and(|fragment| url::form_urlencoded::parse(fragment.as_bytes()).any(|(key, _)| key == name))
    };
    for token in ["access_token", "id_token", "refresh_token"] {
        if parameters.contains_key(token) || in_fragment(token) {
            return Err(Error::new(Reason::UnexpectedParameter));
        }
    }
    let state = parameters.remove("state").ok_or_else(|| Error::new(Reason::StateMissing))?;
    let iss = parameters.remove("iss");
    Ok(Redirect { url, state: Secret::new(state), iss, parameters })
}

/// Whether the redirect comes from the issuer that the login was sent to (RFC 9207 section 2.4).
/// Asked before an `error` is believed, too.
pub(crate) fn check_issuer(iss: Option<&str>, expected: Option<&Issuer>, always_sent: bool) -> Result<()> {
    match (iss, expected) {
        (Some(iss), Some(expected)) if !expected.may_be(iss) => Err(Error::new(Reason::IssuerMismatch)),
        (None, _) if always_sent => Err(Error::new(Reason::IssuerMissing)),
        // A provider without a known issuer leaves nothing to compare with.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> Reason {
        parse(text).map(|_| ()).unwrap_err().reason()
    }

    #[test]
    fn a_form_is_held_to_the_rules_of_a_query_and_has_the_only_answer() {
        let form = parse_form("http://127.0.0.1:7777/cb?own=1", "state=a&code=c%2Bd&user=%7B%7D").unwrap();
        assert!(matches!(form.answer(&RedirectRules::default()), Answer::Code(code) if code.matches("c+d")));
        let reason = |url: &str, body: &str| parse_form(url, body).map(|_| ()).unwrap_err().reason();
        assert_eq!(reason("http://127.0.0.1/cb?state=a", "state=a&code=c"), Reason::UnexpectedParameter);
        assert_eq!(reason("http://127.0.0.1/cb", "state=a&state=a&code=c"), Reason::DuplicateParameter);
        assert_eq!(reason("http://127.0.0.1/cb", "state=a&code=c&id_token=t"), Reason::UnexpectedParameter);
        assert_eq!(reason("http://127.0.0.1/cb", "code=c"), Reason::StateMissing);
        assert_eq!(reason("http://127.0.0.1/cb", &"x".repeat(MAX_BYTES + 1)), Reason::RedirectTooLarge);
        assert_eq!(reason("http://127.0.0.1/cb", &"x".repeat(MAX_BYTES)), Reason::StateMissing, "read to its end");
    }

    #[test]
    fn s64_the_redirect_of_a_logout_has_one_state_at_most() {
        let state = |text: &str| parse_logout(text).map(|(_, state)| state.map(|state| state.expose().to_owned()));
        assert_eq!(state("com.example.notes:/bye?a=b&state=s%2Bt").unwrap().as_deref(), Some("s+t"));
        assert_eq!(state("com.example.notes:/bye").unwrap(), None);
        let reason = |text: &str| state(text).unwrap_err().reason();
        assert_eq!(reason("app.x:/bye?state=a&state=a"), Reason::DuplicateParameter);
        assert_eq!(reason("not a url"), Reason::MalformedRedirect);
        assert_eq!(reason(&format!("app.x:/bye?state={}", "s".repeat(MAX_BYTES))), Reason::RedirectTooLarge);
    }

    #[test]
    fn s08_a_token_in_the_redirect_is_refused() {
        for text in [
            "app.x:/cb?state=a&access_token=t",
            "app.x:/cb?state=a&code=c#id_token=t",
            "app.x:/cb#access_token=t&state=a",
        ] {
            assert_eq!(reason(text), Reason::UnexpectedParameter, "{text}");
        }
        // What Facebook hangs on is none.
        assert!(parse("app.x:/cb?state=a&code=c#_=_").is_ok());
    }

    #[test]
    fn s19_a_repeated_parameter_is_refused_and_an_empty_one_is_absent() {
        for text in
            ["app.x:/cb?state=a&state=b&code=c", "app.x:/cb?state=a&code=c&code=", "app.x:/cb?state=a&x=1&x=1&code=c"]
        {
            assert_eq!(reason(text), Reason::DuplicateParameter, "{text}");
        }
        assert_eq!(reason("app.x:/cb?state=&code=c"), Reason::StateMissing);
        assert!(matches!(
            parse("app.x:/cb?state=a&code=&error=x").unwrap().answer(&RedirectRules::default()),
            Answer::Error(_)
        ));
        for text in ["app.x:/cb?state=a&code=c&error=x", "app.x:/cb?state=a"] {
            assert!(matches!(parse(text).unwrap().answer(&RedirectRules::default()), Answer::Ambiguous), "{text}");
        }
    }

    #[test]
    fn s20_unknown_parameters_and_long_codes_pass_and_the_limit_holds() {
        let many: String = (0..100).map(|number| format!("&x{number}={number}")).collect();
        let text = format!("app.x:/cb?state=a&code={}{many}", "c".repeat(64 * 1024));
        assert!(matches!(parse(&text).unwrap().answer(&RedirectRules::default()), Answer::Code(_)));
        assert_eq!(reason(&format!("app.x:/cb?state=a&code={}", "c".repeat(MAX_BYTES))), Reason::RedirectTooLarge);
        let longest = format!("app.x:/cb?code={}", "c".repeat(MAX_BYTES - "app.x:/cb?code=".len()));
        assert_eq!(reason(&longest), Reason::StateMissing, "read to its end");
        assert_eq!(reason("not a url"), Reason::MalformedRedirect);
    }

    #[test]
    fn s22_s23_the_issuer_must_be_the_one_the_login_was_sent_to() {
        let good = Issuer::exact("https://good");
        let reason = |iss, expected, always| check_issuer(iss, expected, always).unwrap_err().reason();
        assert_eq!(reason(Some("https://evil"), Some(&good), false), Reason::IssuerMismatch);
        assert_eq!(reason(Some("https://good/"), Some(&good), true), Reason::IssuerMismatch);
        assert_eq!(reason(None, Some(&good), true), Reason::IssuerMissing);
        assert!(check_issuer(Some("https://good"), Some(&good), true).is_ok());
        assert!(check_issuer(None, Some(&good), false).is_ok());
    }
}
