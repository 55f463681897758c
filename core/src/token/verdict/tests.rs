use zeroize::Zeroizing;

use super::*;
use crate::error::ErrorKind;
use crate::http::TransportFailure;
use crate::token::answer::AnswerRules;

const TOKENS: &str = r#"{"access_token":"at","token_type":"bearer","refresh_token":"rt"}"#;
const HTML: &str = "<!doctype html><title>Log in to the hotel</title>";
const WAIT: Option<Duration> = Some(Duration::from_secs(7));

fn answer(status: u16, body: &str) -> Outcome {
    let body = Zeroizing::new(body.as_bytes().to_vec());
    Outcome::Answered(Answer {
        status,
        date: None,
        retry_after: WAIT,
        body,
        rules: AnswerRules::default(),
        is_page: false,
        accepted: true,
    })
}

fn oauth(status: u16, code: &str) -> Outcome {
    answer(status, &format!(r#"{{"error":"{code}","error_description":"CANARY"}}"#))
}

fn failed(sent: Sent, failure: TransportFailure) -> Outcome {
    Outcome::Failed(TransportError::new(sent, failure, "example.org: words"))
}

fn refresh(outcome: &Outcome) -> Verdict {
    classify(outcome, &["bad_refresh_token"], &["try_again"])
}

/// The row "not spent", with the reason that it gives.
fn not_spent(outcome: &Outcome) -> (Reason, Option<Duration>) {
    match refresh(outcome) {
        Verdict::NotSpent { error, retry_after } => {
            assert_eq!(error.retry_after(), retry_after);
            assert!(!format!("{error} {error:?}").contains("CANARY"));
            (error.reason(), retry_after)
        }
        other => panic!("{outcome:?}: {other:?}"),
    }
}

fn source(error: &Error) -> Option<Reason> {
    std::error::Error::source(error).and_then(|source| source.downcast_ref::<Error>()).map(Error::reason)
}

/// The row "in doubt", with the reason below it.
fn doubt(outcome: &Outcome) -> Option<Reason> {
    match refresh(outcome) {
        Verdict::InDoubt { error } => {
            assert_eq!((error.reason(), error.kind()), (Reason::InDoubt, ErrorKind::Network));
            source(&error)
        }
        other => panic!("{outcome:?}: {other:?}"),
    }
}

#[test]
fn s77_an_error_that_comes_as_a_page_ends_nothing_and_tokens_that_do_are_tokens() {
    let page = |status, body: &str| match answer(status, body) {
        Outcome::Answered(answer) => Outcome::Answered(Answer { is_page: true, ..answer }),
        failed @ Outcome::Failed(_) => failed,
    };
    let dead = r#"{"error":"invalid_grant"}"#;
    assert!(matches!(refresh(&answer(400, dead)), Verdict::Dead { .. }));
    for status in [400, 401, 403] {
        assert_eq!(not_spent(&page(status, dead)), (Reason::CaptivePortal, None));
    }
    assert_eq!(doubt(&page(200, dead)), Some(Reason::NotJson));
    assert!(matches!(refresh(&page(200, TOKENS)), Verdict::Tokens(_)));
}

#[test]
fn a_request_that_was_not_sent_is_not_spent() {
    for (failure, reason) in [
        (TransportFailure::Network, Reason::NotSent),
        (TransportFailure::Timeout, Reason::ConnectTimeout),
        (TransportFailure::Certificate, Reason::TlsCertificate),
        (TransportFailure::CertificateExpired, Reason::TlsExpired),
        (TransportFailure::CertificateNotYetValid, Reason::TlsNotYetValid),
        (TransportFailure::CertificateRevoked, Reason::TlsRevoked),
        (TransportFailure::CertificateUnknownIssuer, Reason::TlsUnknownIssuer),
        (TransportFailure::CertificateWrongHost, Reason::TlsWrongHost),
        (TransportFailure::Proxy, Reason::Proxy),
        (TransportFailure::Tls, Reason::TlsHandshake),
    ] {
        assert_eq!(not_spent(&failed(Sent::NotSent, failure)), (reason, None));
    }
}

#[test]
fn a_request_that_may_have_arrived_is_in_doubt() {
    use TransportFailure::{Answer, Certificate, Network, Timeout, Tls};
    for failure in [Answer, Network, Timeout, Certificate, Tls] {
        doubt(&failed(Sent::Unknown, failure));
    }
}

#[test]
fn tokens_are_tokens_with_any_2xx() {
    for status in [200, 201, 203] {
        assert!(matches!(refresh(&answer(status, TOKENS)), Verdict::Tokens(_)), "{status}");
    }
}

#[test]
fn invalid_grant_is_dead_also_inside_a_200() {
    for status in [400, 401, 403, 200] {
        for code in ["invalid_grant", "bad_refresh_token"] {
            let verdict = refresh(&oauth(status, code));
            assert!(
                matches!(&verdict, Verdict::Dead { oauth, status: s } if oauth.code() == code && *s == status),
                "{status} {code}: {verdict:?}"
            );
        }
    }
}

#[test]
fn nothing_else_is_dead() {
    for (status, code) in [(429, "invalid_grant"), (503, "invalid_grant"), (302, "invalid_grant")] {
        not_spent(&oauth(status, code));
    }
    doubt(&oauth(500, "invalid_grant"));
    // In words, but not in the error member.
    not_spent(&answer(400, r#"{"message":"invalid_grant"}"#));
    not_spent(&answer(400, "invalid_grant"));
    assert_eq!(not_spent(&oauth(400, "Invalid_Grant")).0, Reason::ServerError);
}

#[test]
fn another_oauth_error_is_not_spent() {
    for status in [400, 401, 200] {
        for code in ["invalid_client", "unauthorized_client"] {
            assert_eq!(not_spent(&oauth(status, code)), (Reason::InvalidClient, None));
        }
        for code in ["invalid_scope", "invalid_request", "unsupported_grant_type", "server_error", "something"] {
            assert_eq!(not_spent(&oauth(status, code)), (Reason::ServerError, None));
        }
    }
    let Verdict::NotSpent { error, .. } = refresh(&oauth(400, "invalid_scope")) else { panic!("spent") };
    assert_eq!((error.oauth().map(OAuthError::code), error.http_status()), (Some("invalid_scope"), Some(400)));
}

#[test]
fn a_busy_provider_is_not_spent_and_says_when() {
    for body in ["", HTML, TOKENS, r#"{"error":"slow_down"}"#] {
        assert_eq!(not_spent(&answer(429, body)), (Reason::BackOff, WAIT));
        assert_eq!(not_spent(&answer(503, body)), (Reason::ProviderUnavailable, WAIT));
    }
    for status in [200, 400, 500] {
        for code in ["temporarily_unavailable", "try_again"] {
            assert_eq!(not_spent(&oauth(status, code)), (Reason::ProviderUnavailable, WAIT), "{status} {code}");
        }
    }
}

#[test]
fn somebody_in_between_is_not_spent() {
    for status in [301, 302, 303, 307, 308, 304] {
        for body in ["", HTML, TOKENS] {
            assert_eq!(not_spent(&answer(status, body)), (Reason::CaptivePortal, None));
        }
    }
    for status in [400, 401, 403, 404, 407, 413, 414, 451, 499] {
        for body in ["", HTML, "Forbidden"] {
            assert_eq!(not_spent(&answer(status, body)), (Reason::CaptivePortal, None));
        }
    }
}

#[test]
fn a_gateway_that_refuses_in_its_own_json_is_not_spent() {
    for status in [400, 403, 404, 413, 414] {
        for body in [r#"{"message":"too large"}"#, r#"{"error":{"code":7}}"#, "[]", TOKENS] {
            assert_eq!(not_spent(&answer(status, body)), (Reason::UnexpectedStatus, None));
        }
    }
}

#[test]
fn a_server_that_failed_is_in_doubt() {
    for status in [500, 501, 502, 504, 520, 599, 101, 999] {
        for body in ["", HTML, TOKENS, r#"{"error":"server_error"}"#] {
            assert_eq!(doubt(&answer(status, body)), None, "{status}");
        }
    }
}

#[test]
fn a_success_that_cannot_be_read_is_in_doubt() {
    for body in ["", HTML, r#"{"access_token":"at","token_ty"#] {
        assert_eq!(doubt(&answer(200, body)), Some(Reason::NotJson));
    }
    assert_eq!(doubt(&answer(204, "")), Some(Reason::NotJson));
    assert_eq!(doubt(&answer(200, r#"{"token_type":"bearer"}"#)), Some(Reason::MalformedTokenResponse));
    let mac = r#"{"access_token":"at","token_type":"mac"}"#;
    assert_eq!(doubt(&answer(200, mac)), Some(Reason::UnsupportedTokenType));
    let Outcome::Answered(good) = answer(200, TOKENS) else { unreachable!() };
    let refused = Outcome::Answered(Answer { accepted: false, ..good });
    assert_eq!(doubt(&refused), Some(Reason::MalformedTokenResponse));
}

#[test]
fn a_code_that_was_answered_is_over_or_tokens() {
    let exchange = |outcome: &Outcome| exchange_verdict(outcome, &["try_again"]);
    assert!(matches!(exchange(&answer(200, TOKENS)), ExchangeVerdict::Tokens(_)));
    for (outcome, reason) in [
        (oauth(400, "invalid_grant"), Reason::ServerError),
        (oauth(200, "invalid_grant"), Reason::ServerError),
        (oauth(401, "invalid_client"), Reason::InvalidClient),
        (answer(200, r#"{"token_type":"bearer"}"#), Reason::MalformedTokenResponse),
        (answer(200, r#"{"access_token":"at","token_type":"mac"}"#), Reason::UnsupportedTokenType),
    ] {
        let verdict = exchange(&outcome);
        assert!(
            matches!(&verdict, ExchangeVerdict::Over { error } if error.reason() == reason),
            "{outcome:?}: {verdict:?}"
        );
    }
}

#[test]
fn a_code_that_was_not_taken_stays_usable() {
    for (outcome, expected, wait) in [
        (failed(Sent::NotSent, TransportFailure::Network), Reason::NotSent, None),
        (failed(Sent::NotSent, TransportFailure::Certificate), Reason::TlsCertificate, None),
        (answer(429, ""), Reason::BackOff, WAIT),
        (answer(503, HTML), Reason::ProviderUnavailable, WAIT),
        (oauth(400, "try_again"), Reason::ProviderUnavailable, WAIT),
        (answer(302, ""), Reason::CaptivePortal, None),
        (answer(403, HTML), Reason::CaptivePortal, None),
        (answer(413, "{}"), Reason::UnexpectedStatus, None),
    ] {
        let verdict = exchange_verdict(&outcome, &["try_again"]);
        assert!(
            matches!(&verdict, ExchangeVerdict::Usable { error }
                if error.reason() == expected && error.retry_after() == wait),
            "{outcome:?}: {verdict:?}"
        );
    }
}

#[test]
fn a_code_without_an_answer_is_in_doubt() {
    for (outcome, below) in [
        (failed(Sent::Unknown, TransportFailure::Network), Reason::InDoubt),
        (failed(Sent::Unknown, TransportFailure::Timeout), Reason::InDoubt),
        (answer(500, ""), Reason::InDoubt),
        (answer(200, HTML), Reason::NotJson),
    ] {
        let verdict = exchange_verdict(&outcome, &[]);
        let ExchangeVerdict::InDoubt { error } = &verdict else { panic!("{outcome:?}: {verdict:?}") };
        assert_eq!((error.reason(), source(error)), (Reason::CodeExchangeInDoubt, Some(below)));
        assert!(error.is_login_required());
    }
}
