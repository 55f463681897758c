//! A pushed authorization request (RFC 9126): what the provider answers, as a pure function.

use serde_json::Value;

use super::verdict::object;
use crate::error::{Error, Reason, Result};
use crate::http::oauth::Outcome;

/// Longest name of a request, in bytes: it goes into a URL that browsers take.
const MAX_NAME: usize = 4096;

/// Reads the answer: the name of the request (section 2.2).
pub(crate) fn request_uri(outcome: Outcome) -> Result<String> {
    let members = object(outcome, "pushed authorization request")?;
    let malformed =
        |key: &str| Error::new(Reason::MalformedResponse).with_detail(format!("pushed authorization request: {key}"));
    // The browser is to come before that is over; one that is over now leads nowhere.
    match members.get("expires_in") {
        None => {}
        Some(Value::Number(seconds)) if seconds.as_f64().is_some_and(|seconds| seconds > 0.0) => {}
        Some(_) => return Err(malformed("expires_in")),
    }
    let name = members
        .get("request_uri")
        .and_then(Value::as_str)
        .filter(|name| (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic()));
    name.map(str::to_owned).ok_or_else(|| malformed("request_uri"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HttpResponse;
    use crate::http::oauth::Answer;
    use crate::token::answer::AnswerRules;

    fn read(status: u16, body: &str) -> Result<String> {
        let response = HttpResponse::new(status, Vec::new(), body.as_bytes().to_vec());
        request_uri(Outcome::Answered(Answer::new(response, &AnswerRules::default())))
    }

    #[test]
    fn an_answer_without_a_name_that_can_stand_in_a_url_is_the_provider_s_mistake() {
        for good in [
            r#"{"request_uri":"urn:ietf:params:oauth:request_uri:x","expires_in":60}"#,
            r#"{"request_uri":"urn:x","expires_in":0.5,"more":[]}"#,
            r#"{"request_uri":"https://a.example/r?x=1&y=2#z"}"#,
        ] {
            assert!(read(201, good).is_ok() && read(200, good).is_ok(), "{good}");
        }
        let long = format!(r#"{{"request_uri":"{}"}}"#, "x".repeat(MAX_NAME + 1));
        for (bad, reason) in [
            ("{}", Reason::MalformedResponse),
            ("[]", Reason::MalformedResponse),
            ("<html>", Reason::NotJson),
            (r#"{"request_uri":""}"#, Reason::MalformedResponse),
            (r#"{"request_uri":7}"#, Reason::MalformedResponse),
            (r#"{"request_uri":"urn:a b"}"#, Reason::MalformedResponse),
            (r#"{"request_uri":"urn:a\nb"}"#, Reason::MalformedResponse),
            (r#"{"request_uri":"urn:ä"}"#, Reason::MalformedResponse),
            (r#"{"request_uri":"urn:a","expires_in":0}"#, Reason::MalformedResponse),
            (r#"{"request_uri":"urn:a","expires_in":-1}"#, Reason::MalformedResponse),
            (r#"{"request_uri":"urn:a","expires_in":"soon"}"#, Reason::MalformedResponse),
            (&long, Reason::MalformedResponse),
        ] {
            assert_eq!(read(201, bad).unwrap_err().reason(), reason, "{bad}");
        }
    }
}
