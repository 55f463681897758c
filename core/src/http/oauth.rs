//! The two token requests, made by the `oauth2` crate over a [`Transport`].
//!
//! `oauth2` builds the standard request and reads the standard answer. Its error type knows neither status nor
//! headers, and holds the raw answer in its `Debug`: so what came back is kept here, as an [`Outcome`], and decided
//! on elsewhere.

mod shape;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::fmt;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oauth2::basic::BasicClient;
use oauth2::{
    AuthType, AuthorizationCode, ClientId, ClientSecret, DeviceAuthorizationUrl, EmptyExtraDeviceAuthorizationFields,
    PkceCodeVerifier, RedirectUrl, RefreshToken, Scope, TokenUrl,
};
use zeroize::Zeroizing;

pub(crate) use self::shape::Shape;
use super::{HttpRequest, HttpResponse, Limits, Method, Transport, TransportError, send};
use crate::error::{Error, Reason, Result};
use crate::provider::{BasicRules, TokenMethod};
use crate::secret::Secret;
use crate::token::answer::{AnswerRules, Reading, normalise};

/// A provider that asks to be left alone for longer is asked again after a day.
pub(crate) const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The parameters of the two token requests themselves: a provider's file cannot set them.
pub(crate) const OWN_PARAMETERS: &[&str] = &[
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code",
    "code_verifier",
    "grant_type",
    "redirect_uri",
    "refresh_token",
    "resource",
    "scope",
];

/// What a `client_assertion` is: a signed token (RFC 7523 section 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How the client says who it is: one way only (security S32), so each has what it needs and nothing of another's.
#[derive(Debug)]
pub(crate) enum ClientAuth {
    /// A public client: `client_id` in the body.
    None,
    /// `client_secret_basic`: the Authorization header, as the provider writes it.
    Basic(Secret, BasicRules),
    /// `client_secret_post`: id and secret in the body.
    Post(Secret),
    /// `private_key_jwt`: id and a signed token in the body. The token is good for one request.
    Assertion(Secret),
}

impl ClientAuth {
    /// Adds it to a request that `oauth2` does not build: the client's id and proof to the form, or a header.
    pub(crate) fn add_to(&self, client_id: &str, form: &mut Form, headers: &mut Vec<(String, String)>) {
        match self {
            Self::Basic(secret, rules) => {
                headers.push(("Authorization".to_owned(), basic(client_id, secret, *rules)));
                if !rules.client_id_in_body {
                    return;
                }
            }
            Self::None => {}
            Self::Post(secret) => {
                form.append_pair("client_secret", secret.expose());
            }
            Self::Assertion(token) => {
                form.extend_pairs(assertion(token));
            }
        }
        form.append_pair("client_id", client_id);
    }
}

/// A form that is being written.
pub(crate) type Form = url::form_urlencoded::Serializer<'static, String>;

fn assertion(token: &Secret) -> [(&'static str, &str); 2] {
    [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", token.expose())]
}

/// HTTP Basic with both parts form-encoded first (RFC 6749 section 2.3.1), save where the provider reads them raw.
fn basic(client_id: &str, secret: &Secret, rules: BasicRules) -> String {
    if rules.raw {
        return format!("Basic {}", STANDARD.encode(format!("{client_id}:{}", secret.expose())));
    }
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(client_id), encode(secret.expose()))))
}

/// The client, as the token endpoint knows it.
#[derive(Debug)]
pub(crate) struct ClientParams<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) auth: ClientAuth,
    pub(crate) token_endpoint: &'a str,
    /// Sent with the code only, character for character as it was sent with the authorization request.
    pub(crate) redirect_uri: &'a str,
    /// What the tokens are for (RFC 8707); empty: what the provider takes them to be for.
    pub(crate) resources: &'a [String],
    /// What the provider's file makes of the standard request.
    pub(crate) shape: Shape<'a>,
    /// How the provider's file reads the answer.
    pub(crate) answer: AnswerRules,
}

/// What came of one token request.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answered(Answer),
    Failed(TransportError),
}

/// An answer of the token endpoint, not yet judged. `Debug` shows neither body nor server text.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The `Date` header: the provider's clock.
    pub(crate) date: Option<SystemTime>,
    pub(crate) retry_after: Option<Duration>,
    /// Whether it says of itself that it is something else than JSON.
    pub(crate) is_page: bool,
    pub(crate) body: Zeroizing<Vec<u8>>,
    pub(crate) rules: AnswerRules,
    /// Whether `oauth2`'s strict parser took the normalised body for tokens.
    pub(crate) accepted: bool,
}

impl Answer {
    pub(crate) fn new(response: HttpResponse, rules: &AnswerRules) -> Self {
        let date = date_of(&response);
        let retry_after = retry_after_of(&response);
        let is_page = !rules.may_be_answer(&response);
        let body = Zeroizing::new(response.body);
        Self { status: response.status, date, retry_after, is_page, body, rules: rules.clone(), accepted: false }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

/// Exchanges the code of a login for tokens: one request.
///
/// # Errors
/// Only when the request cannot be built; what came of a request that could is the [`Outcome`].
pub(crate) fn exchange(
    client: &ClientParams<'_>,
    code: &Secret,
    verifier: Option<&Secret>,
    transport: &dyn Transport,
    limits: Limits,
) -> Result<Outcome> {
    let redirect_uri = RedirectUrl::new(client.redirect_uri.to_owned())
        .map_err(|error| Error::new(Reason::InvalidRedirectUri).with_source(error))?;
    let oauth2 = basic_client(client).set_token_uri(token_url(client)?).set_redirect_uri(redirect_uri);
    let mut request = oauth2.exchange_code(AuthorizationCode::new(code.expose().to_owned()));
    if let Some(verifier) = verifier {
        request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.expose().to_owned()));
    }
    let http = OverTransport::new(client, transport, limits);
    let accepted = request.request(&http).is_ok();
    http.into_outcome(accepted)
}

/// What a session is renewed with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Renewal<'a> {
    RefreshToken(&'a Secret),
    /// Something else, by a request in other words.
    Other {
        credential: &'a Secret,
        grant_type: &'a str,
        /// The parameter that the credential stands in.
        parameter: &'a str,
        method: TokenMethod,
    },
}

/// Sends the renewal credential for new tokens: one request. No `scopes` means those of the grant.
///
/// # Errors
/// Only when the request cannot be built; what came of a request that could is the [`Outcome`].
pub(crate) fn refresh(
    client: &ClientParams<'_>,
    renewal: Renewal<'_>,
    scopes: &[String],
    transport: &dyn Transport,
    limits: Limits,
) -> Result<Outcome> {
    let oauth2 = basic_client(client).set_token_uri(token_url(client)?);
    let credential = match renewal {
        Renewal::RefreshToken(token) | Renewal::Other { credential: token, .. } => token,
    };
    let refresh_token = RefreshToken::new(credential.expose().to_owned());
    let request =
        oauth2.exchange_refresh_token(&refresh_token).add_scopes(scopes.iter().map(|scope| Scope::new(scope.clone())));
    let http = OverTransport { renewal: Some(renewal), ..OverTransport::new(client, transport, limits) };
    let accepted = request.request(&http).is_ok();
    http.into_outcome(accepted)
}

/// Asks for a device code and a user's code (RFC 8628 section 3.1): one request. Whatever comes back is left to be read elsewhere.
///
/// # Errors
/// Only when the request cannot be built; what came of a request that could is the [`Outcome`].
pub(crate) fn authorize_device(
    client: &ClientParams<'_>,
    endpoint: &str,
    scope: &str,
    parameters: &[(String, String)],
    transport: &dyn Transport,
    limits: Limits,
) -> Result<Outcome> {
    let endpoint = DeviceAuthorizationUrl::new(endpoint.to_owned()).map_err(|error| {
        let detail = "the device authorization endpoint is not a URL";
        Error::new(Reason::InvalidConfiguration).with_detail(detail).with_source(error)
    })?;
    let oauth2 = basic_client(client).set_device_authorization_url(endpoint);
    let mut request = oauth2.exchange_device_code();
    if !scope.is_empty() {
        request = request.add_scope(Scope::new(scope.to_owned()));
    }
    for (name, value) in parameters {
        request = request.add_extra_param(name, value);
    }
    let http = OverTransport::new(client, transport, limits);
    // Not tokens, so `oauth2` is not shown it; and it reads no `verification_url`, which Google sends.
    let _ = request.request::<_, EmptyExtraDeviceAuthorizationFields>(&http);
    http.into_outcome(false)
}

/// Asks once whether the user has confirmed on the other device (RFC 8628 section 3.4). `oauth2` has a loop for that, with a clock and pauses of its own;
/// one step of it is a refresh request in other words, as some providers' own renewals are. `grant_type` and `parameter` are the words.
///
/// # Errors
/// Only when the request cannot be built; what came of a request that could is the [`Outcome`].
pub(crate) fn poll_device(
    client: &ClientParams<'_>,
    device_code: &Secret,
    grant_type: &str,
    parameter: &str,
    transport: &dyn Transport,
    limits: Limits,
) -> Result<Outcome> {
    let renewal = Renewal::Other { credential: device_code, grant_type, parameter, method: TokenMethod::Post };
    refresh(client, renewal, &[], transport, limits)
}

/// Pushes an authorization request (RFC 9126 section 2.1): one request. Whatever comes back is left to be read elsewhere.
pub(crate) fn push(
    client: &ClientParams<'_>,
    endpoint: &str,
    parameters: &[(String, String)],
    transport: &dyn Transport,
    limits: Limits,
) -> Outcome {
    let mut headers = vec![
        ("Accept".to_owned(), "application/json".to_owned()),
        ("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
    ];
    let mut form = Form::new(String::new());
    // The client's id stands among what proves it, and stands once.
    form.extend_pairs(parameters.iter().filter(|(name, _)| name != "client_id"));
    client.auth.add_to(client.client_id, &mut form, &mut headers);
    if matches!(client.auth, ClientAuth::Basic(_, rules) if !rules.client_id_in_body) {
        form.append_pair("client_id", client.client_id);
    }
    let request = HttpRequest::new(Method::Post, endpoint.to_owned(), headers, form.finish().into_bytes(), limits);
    match send(transport, &request) {
        Ok(response) => Outcome::Answered(Answer::new(response, &client.answer)),
        Err(error) => Outcome::Failed(error),
    }
}

fn basic_client(client: &ClientParams<'_>) -> BasicClient {
    let id = BasicClient::new(ClientId::new(client.client_id.to_owned()));
    let (auth_type, secret) = match &client.auth {
        // `oauth2` knows no assertion: it is added to the form that it writes, as the provider's own parameters are.
        ClientAuth::None | ClientAuth::Assertion(_) => return id.set_auth_type(AuthType::RequestBody),
        ClientAuth::Basic(secret, _) => (AuthType::BasicAuth, secret),
        ClientAuth::Post(secret) => (AuthType::RequestBody, secret),
    };
    id.set_auth_type(auth_type).set_client_secret(ClientSecret::new(secret.expose().to_owned()))
}

fn token_url(client: &ClientParams<'_>) -> Result<TokenUrl> {
    TokenUrl::new(client.token_endpoint.to_owned()).map_err(|error| {
        Error::new(Reason::InvalidConfiguration).with_detail("the token endpoint is not a URL").with_source(error)
    })
}

/// What `oauth2` takes for its HTTP client. It is asked once; what came back stays in `outcome`.
struct OverTransport<'a> {
    transport: &'a dyn Transport,
    client: &'a ClientParams<'a>,
    limits: Limits,
    renewal: Option<Renewal<'a>>,
    outcome: RefCell<Option<Outcome>>,
}

impl<'a> OverTransport<'a> {
    fn new(client: &'a ClientParams<'_>, transport: &'a dyn Transport, limits: Limits) -> Self {
        Self { transport, client, limits, renewal: None, outcome: RefCell::new(None) }
    }

    fn into_outcome(self, accepted: bool) -> Result<Outcome> {
        match self.outcome.into_inner() {
            Some(Outcome::Answered(answer)) => Ok(Outcome::Answered(Answer { accepted, ..answer })),
            Some(failed) => Ok(failed),
            // oauth2 did not get as far as asking for anything to be sent.
            None => Err(Error::new(Reason::InvalidConfiguration).with_detail("no token request could be built")),
        }
    }
}

impl oauth2::SyncHttpClient for OverTransport<'_> {
    type Error = NoTokens;

    fn call(&self, request: oauth2::HttpRequest) -> std::result::Result<oauth2::HttpResponse, NoTokens> {
        match send(self.transport, &self.client.shape.apply(request, self.client, self.renewal, self.limits)) {
            Err(error) => {
                self.outcome.replace(Some(Outcome::Failed(error)));
                Err(NoTokens)
            }
            Ok(response) => {
                let success = response.is_success();
                let answer = Answer::new(response, &self.client.answer);
                // Here the answer is put into the standard's form. What is no success is judged from the outcome alone,
                // and oauth2, which would copy it into its error, is not shown it.
                let standard = if success { standard_form(&answer.body, &self.client.answer) } else { None };
                self.outcome.replace(Some(Outcome::Answered(answer)));
                Ok(::http::Response::new(standard.ok_or(NoTokens)?))
            }
        }
    }
}

fn standard_form(body: &[u8], rules: &AnswerRules) -> Option<Vec<u8>> {
    match normalise(body, rules) {
        Reading::Tokens(tokens) => tokens.standard_form(),
        Reading::Error(_) | Reading::Malformed(_) | Reading::NotJson => None,
    }
}

/// For `oauth2`, which wants an error; the outcome says more.
#[derive(Debug, thiserror::Error)]
#[error("no tokens")]
struct NoTokens;

fn date_of(response: &HttpResponse) -> Option<SystemTime> {
    response.header("date").and_then(|text| httpdate::parse_http_date(text).ok())
}

/// How long the provider asks to be left alone.
pub(crate) fn retry_after_of(response: &HttpResponse) -> Option<Duration> {
    response.header("retry-after").and_then(|text| retry_after(text, date_of(response)))
}

/// Seconds, or a date, which is counted from the provider's own clock (RFC 9110 section 10.2.3).
fn retry_after(text: &str, date: Option<SystemTime>) -> Option<Duration> {
    let text = text.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let until = httpdate::parse_http_date(text).ok()?;
        until.duration_since(date?).unwrap_or_default()
    };
    Some(wait.min(MAX_RETRY_AFTER))
}
