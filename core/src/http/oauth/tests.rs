use std::sync::Mutex;

use super::*;
use crate::http::{Sent, TransportFailure};
use crate::token::verdict::{Verdict, classify};

/// Answers every request alike and remembers the requests.
struct Scripted {
    answer: std::result::Result<HttpResponse, TransportFailure>,
    seen: Mutex<Vec<HttpRequest>>,
}

impl Scripted {
    fn new(answer: std::result::Result<HttpResponse, TransportFailure>) -> Self {
        Self { answer, seen: Mutex::new(Vec::new()) }
    }

    fn json(status: u16, body: &str) -> Self {
        Self::new(Ok(HttpResponse::new(status, Vec::new(), body.as_bytes().to_vec())))
    }

    fn only_request(&self) -> HttpRequest {
        let mut seen = self.seen.lock().unwrap();
        assert_eq!(seen.len(), 1);
        seen.remove(0)
    }
}

impl Transport for Scripted {
    fn send(&self, request: &HttpRequest) -> std::result::Result<HttpResponse, TransportError> {
        self.seen.lock().unwrap().push(request.clone());
        self.answer.clone().map_err(|failure| TransportError::new(Sent::Unknown, failure, "example.org: words"))
    }
}

const TOKENS: &str = r#"{"access_token":"at","token_type":"Bearer","expires_in":"3599.5","refresh_token":"rt"}"#;

fn params(auth: ClientAuth) -> ClientParams<'static> {
    ClientParams {
        client_id: "the:app",
        auth,
        token_endpoint: "https://example.org/token?tenant=1",
        redirect_uri: "http://127.0.0.1/callback",
        resources: &[],
        shape: Shape::default(),
        answer: AnswerRules::default(),
    }
}

fn send_code(client: &ClientParams<'_>, transport: &Scripted) -> Outcome {
    let verifier = Secret::new("the-verifier");
    exchange(client, &Secret::new("the code"), Some(&verifier), transport, Limits::default()).expect("built")
}

fn send_refresh(client: &ClientParams<'_>, transport: &Scripted) -> Outcome {
    refresh(client, Renewal::RefreshToken(&Secret::new("the-refresh-token")), &[], transport, Limits::default())
        .expect("built")
}

fn form(request: &HttpRequest) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    pairs.sort();
    pairs
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

#[test]
fn a_code_is_exchanged_by_exactly_this_request() {
    let transport = Scripted::json(200, TOKENS);
    send_code(&params(ClientAuth::None), &transport);
    let request = transport.only_request();
    assert_eq!((request.method, request.url.as_str()), (Method::Post, "https://example.org/token?tenant=1"));
    assert_eq!(
        form(&request),
        pairs(&[
            ("client_id", "the:app"),
            ("code", "the code"),
            ("code_verifier", "the-verifier"),
            ("grant_type", "authorization_code"),
            ("redirect_uri", "http://127.0.0.1/callback"),
        ])
    );
    let mut headers = request.headers.clone();
    headers.sort();
    assert_eq!(
        headers,
        pairs(&[("accept", "application/json"), ("content-type", "application/x-www-form-urlencoded")])
    );
    assert_eq!(request.connect_timeout, Duration::from_secs(10));
    assert_eq!(request.timeout, Duration::from_secs(30));
    assert_eq!(request.max_body_bytes, 1_048_576);
}

#[test]
fn a_refresh_names_neither_redirect_nor_scopes_unless_asked() {
    let transport = Scripted::json(200, TOKENS);
    send_refresh(&params(ClientAuth::None), &transport);
    let plain = [("client_id", "the:app"), ("grant_type", "refresh_token"), ("refresh_token", "the-refresh-token")];
    assert_eq!(form(&transport.only_request()), pairs(&plain));

    let limits = Limits { connect: Duration::from_secs(2), ..Limits::default() };
    let scopes = ["a".to_owned(), "b".to_owned()];
    let client = params(ClientAuth::None);
    refresh(&client, Renewal::RefreshToken(&Secret::new("the-refresh-token")), &scopes, &transport, limits)
        .expect("built");
    let request = transport.only_request();
    assert_eq!(form(&request), pairs(&[plain[0], plain[1], plain[2], ("scope", "a b")]));
    assert_eq!(request.connect_timeout, Duration::from_secs(2));
}

/// What a request shows of who the client is: the header, and the parameters of the form.
type Shown = (Option<String>, Vec<(String, String)>);

fn shown(request: &HttpRequest) -> Shown {
    let mut body = form(request);
    body.retain(|(key, _)| key.starts_with("client"));
    (header(request, "authorization").map(str::to_owned), body)
}

fn ways() -> Vec<(ClientAuth, Shown)> {
    let secret = || Secret::new("s e+c");
    let signed = [("client_assertion", "a.b.c"), ("client_assertion_type", ASSERTION_TYPE), ("client_id", "the:app")];
    vec![
        // base64 of the form-encoded "the%3Aapp:s+e%2Bc" (RFC 6749 section 2.3.1)
        (
            ClientAuth::Basic(secret(), BasicRules::default()),
            (Some("Basic dGhlJTNBYXBwOnMrZSUyQmM=".to_owned()), vec![]),
        ),
        (ClientAuth::Post(secret()), (None, pairs(&[("client_id", "the:app"), ("client_secret", "s e+c")]))),
        (ClientAuth::Assertion(Secret::new("a.b.c")), (None, pairs(&signed))),
        (ClientAuth::None, (None, pairs(&[("client_id", "the:app")]))),
    ]
}

#[test]
fn s32_the_client_authenticates_in_one_way_only() {
    for (auth, expected) in ways() {
        let transport = Scripted::json(200, TOKENS);
        send_refresh(&params(auth), &transport);
        assert_eq!(shown(&transport.only_request()), expected);
    }
}

#[test]
fn s32_so_it_does_in_a_request_that_is_built_here() {
    for (auth, expected) in ways() {
        let (mut written, mut headers) = (Form::new(String::new()), Vec::new());
        auth.add_to("the:app", &mut written, &mut headers);
        let limits = Limits::default();
        let request = HttpRequest::new(Method::Post, String::new(), headers, written.finish().into_bytes(), limits);
        assert_eq!(shown(&request), expected);
    }
}

#[test]
fn a_lenient_answer_passes_the_strict_parser_and_a_content_type_does_not_matter() {
    for (status, content_type) in [(200, "application/json"), (201, "text/html"), (203, "text/plain; charset=utf-8")] {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        let transport = Scripted::new(Ok(HttpResponse::new(status, headers, TOKENS.as_bytes().to_vec())));
        let Outcome::Answered(answer) = send_refresh(&params(ClientAuth::None), &transport) else { panic!("{status}") };
        assert!(answer.accepted, "{status}");
        assert_eq!(answer.body.as_slice(), TOKENS.as_bytes(), "raw, not normalised");
    }
}

#[test]
fn what_came_back_is_kept_and_nothing_is_sent_twice() {
    for (status, body) in [(400, r#"{"error":"invalid_grant"}"#), (500, "<html>"), (302, ""), (200, "<html>")] {
        let headers = vec![
            ("date".to_owned(), "Fri, 15 May 2015 15:34:21 GMT".to_owned()),
            ("RETRY-AFTER".to_owned(), "Fri, 15 May 2015 15:35:21 GMT".to_owned()),
            ("Location".to_owned(), "https://example.org/elsewhere".to_owned()),
        ];
        let transport = Scripted::new(Ok(HttpResponse::new(status, headers, body.as_bytes().to_vec())));
        let Outcome::Answered(answer) = send_code(&params(ClientAuth::None), &transport) else { panic!("{status}") };
        transport.only_request();
        assert_eq!((answer.status, answer.body.as_slice(), answer.accepted), (status, body.as_bytes(), false));
        assert_eq!(answer.date, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_431_704_061)));
        assert_eq!(answer.retry_after, Some(Duration::from_secs(60)));
    }
    let transport = Scripted::new(Err(TransportFailure::Timeout));
    let outcome = send_refresh(&params(ClientAuth::None), &transport);
    transport.only_request();
    assert!(matches!(&outcome, Outcome::Failed(error) if error.failure == TransportFailure::Timeout));
    assert!(matches!(classify(&outcome, &[], &[]), Verdict::InDoubt { .. }));
}

#[test]
fn retry_after_is_seconds_or_a_date_and_capped() {
    let date = httpdate::parse_http_date("Fri, 15 May 2015 15:34:21 GMT").ok();
    for (text, wait) in [
        ("0", Some(0)),
        (" 120 ", Some(120)),
        ("86401", Some(86_400)),
        ("99999999999999999999999", Some(86_400)),
        ("Fri, 15 May 2015 15:34:51 GMT", Some(30)),
        ("Fri, 15 May 2015 15:34:20 GMT", Some(0)),
        ("Fri, 15 May 2099 15:34:20 GMT", Some(86_400)),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
    ] {
        assert_eq!(retry_after(text, date), wait.map(Duration::from_secs), "{text}");
    }
    assert_eq!(retry_after("Fri, 15 May 2015 15:34:51 GMT", None), None, "no clock to count from");
}

#[test]
fn nothing_secret_is_printed() {
    let secret = Secret::new("CANARY");
    let client = params(ClientAuth::Post(secret.duplicate()));
    let transport = Scripted::json(200, r#"{"access_token":"CANARY","token_type":"bearer"}"#);
    let outcome = exchange(&client, &secret, Some(&secret), &transport, Limits::default()).expect("built");
    let verdict = classify(&outcome, &[], &[]);
    assert!(!format!("{client:?} {outcome:?} {verdict:?} {:?}", transport.only_request()).contains("CANARY"));
}
