//! A user at a browser: opens the authorization URL, reads the page, fills in the form, and says where the
//! provider sends the browser then. It does not go there: that address is the app's.
//!
//! Over TLS it trusts the providers of its own process, and refuses their wrong certificates as any browser would.

use std::time::Duration;

use ureq::Agent;
use ureq::http::{Response, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::tls::Authority;

/// How long one page may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no redirect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrowserError {
    /// The provider showed a page that leads no further, such as for a wrong password.
    #[error("the provider shows a page (HTTP {status}): {message}")]
    #[non_exhaustive]
    Page {
        /// The page's status.
        status: u16,
        /// The page's alert, or its beginning if it has none.
        message: String,
    },
    /// The page could not be fetched or the form not sent.
    #[error("the provider did not answer: {0}")]
    Unreachable(String),
}

/// Signs in and allows. Gives the URL that the provider redirects to.
pub fn log_in(authorization_url: &str, username: &str, password: &str) -> Result<String, BrowserError> {
    visit(authorization_url, &[("username", username), ("password", password), ("decision", "allow")])
}

/// Says no. Gives the URL that the provider redirects to.
pub fn deny(authorization_url: &str) -> Result<String, BrowserError> {
    visit(authorization_url, &[("decision", "deny")])
}

/// Opens the provider's logout page. Gives the URL that the provider redirects to.
pub fn log_out(logout_url: &str) -> Result<String, BrowserError> {
    visit(logout_url, &[])
}

/// Signs in and allows, where the login was begun with `response_mode=form_post`. Gives where the provider's page sends its form, and the form's body.
pub fn log_in_by_form(
    authorization_url: &str,
    username: &str,
    password: &str,
) -> Result<(String, String), BrowserError> {
    let typed = [("username", username), ("password", password), ("decision", "allow")];
    let page = fill_in(authorization_url, &typed)?;
    let Some(form) = Form::find(&page.body).filter(|_| page.status == 200) else { return Err(page.stop()) };
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.hidden).finish();
    Ok((form.action, body))
}

/// Types the code of another device in at a verification URI, signs in and allows.
pub fn connect_device(
    verification_uri: &str,
    user_code: &str,
    username: &str,
    password: &str,
) -> Result<(), BrowserError> {
    decide(
        verification_uri,
        &[("user_code", user_code), ("username", username), ("password", password), ("decision", "allow")],
    )
}

/// Types the code of another device in and says no.
pub fn deny_device(verification_uri: &str, user_code: &str) -> Result<(), BrowserError> {
    decide(verification_uri, &[("user_code", user_code), ("decision", "deny")])
}

fn decide(verification_uri: &str, typed: &[(&str, &str)]) -> Result<(), BrowserError> {
    let page = fill_in(verification_uri, typed)?;
    if page.status == 200 { Ok(()) } else { Err(page.stop()) }
}

fn visit(authorization_url: &str, typed: &[(&str, &str)]) -> Result<String, BrowserError> {
    let answer = fill_in(authorization_url, typed)?;
    match answer.location {
        Some(location) => Ok(location),
        None => Err(answer.stop()),
    }
}

/// Opens a page and sends its form. Gives what comes then, or what came instead of a form.
fn fill_in(url: &str, typed: &[(&str, &str)]) -> Result<Shown, BrowserError> {
    // No proxy, whatever the environment says: the provider is on this machine.
    let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None);
    let agent: Agent = config.timeout_global(Some(PATIENCE)).tls_config(trust()).build().into();
    let page = Shown::read(agent.get(url).call())?;
    if page.location.is_some() {
        // The provider did not even ask, as with `prompt=none`.
        return Ok(page);
    }
    let Some(form) = Form::find(&page.body) else { return Err(page.stop()) };
    let target = absolute(url, &form.action)?;
    if target.authority() != absolute(url, "")?.authority() {
        // Nor did it here: the form goes to the app.
        return Ok(page);
    }
    let fields = form.hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(typed.iter().copied());
    Shown::read(agent.post(target).send_form(fields))
}

/// Trusts the authority of this process once there is one; until then, the usual ones.
fn trust() -> TlsConfig {
    let known = Authority::existing().and_then(|authority| Certificate::from_pem(authority.pem.as_bytes()).ok());
    let roots = known.map_or(RootCerts::WebPki, |certificate| RootCerts::from([certificate]));
    TlsConfig::builder().root_certs(roots).build()
}

/// What the browser shows, or where it is sent.
struct Shown {
    status: u16,
    location: Option<String>,
    body: String,
}

impl Shown {
    fn read(answer: Result<Response<ureq::Body>, ureq::Error>) -> Result<Self, BrowserError> {
        let unreachable = |error: ureq::Error| BrowserError::Unreachable(error.to_string());
        let mut answer = answer.map_err(unreachable)?;
        let location = answer.headers().get("location").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = answer.status();
        let body = answer.body_mut().read_to_string().map_err(unreachable)?;
        Ok(Self { status: status.as_u16(), location: location.filter(|_| status.is_redirection()), body })
    }

    fn stop(self) -> BrowserError {
        let alert = self.body.split_once("role=\"alert\"").and_then(|(_, rest)| rest.split_once('>'));
        let text = alert.and_then(|(_, rest)| rest.split_once('<')).map(|(text, _)| unescape(text));
        let message = text.unwrap_or_else(|| self.body.chars().take(200).collect());
        BrowserError::Page { status: self.status, message }
    }
}

/// The first form of a page, as much of it as a login needs.
struct Form {
    action: String,
    hidden: Vec<(String, String)>,
}

impl Form {
    fn find(html: &str) -> Option<Self> {
        let (_, rest) = html.split_once("<form")?;
        let (form, _) = rest.split_once("</form>")?;
        let (own, inside) = form.split_once('>')?;
        let hidden = inside
            .split("<input")
            .skip(1)
            .filter_map(|input| input.split_once('>').map(|(tag, _)| tag))
            .filter(|tag| attribute(tag, "type").as_deref() == Some("hidden"))
            .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())))
            .collect();
        Some(Self { action: attribute(own, "action").unwrap_or_default(), hidden })
    }
}

/// The value of a quoted attribute of a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| unescape(value))
}

/// Undoes the five escapes that the pages of this provider use; `&amp;` last, or it would make new ones.
fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

/// A form's action as a URL.
fn absolute(page: &str, action: &str) -> Result<Uri, BrowserError> {
    let joined = url::Url::parse(page).and_then(|page| page.join(action));
    let text = joined.map_err(|error| BrowserError::Unreachable(error.to_string()))?.to_string();
    text.parse::<Uri>().map_err(|error| BrowserError::Unreachable(error.to_string()))
}
