//! `/authorize`: an app sends the browser here, the user signs in and agrees, the browser goes back with a code.

use serde_json::{Map, Value};

use crate::clock;
use crate::grants::{Code, Consent};
use crate::keys;
use crate::message::{Answer, Asked, Parameters};
use crate::pages;
use crate::script::Registration;
use crate::state::State;
use crate::tamper::text;

/// A request that may be shown to the user.
#[derive(Debug)]
struct Request {
    registration: Registration,
    redirect_uri: String,
    state: Option<String>,
    scopes: Vec<String>,
    resources: Vec<String>,
    nonce: Option<String>,
    challenge: String,
    login_hint: Option<String>,
    form_post: bool,
}

/// `GET /authorize` (RFC 6749 §4.1.1): shows the sign-in page.
pub(crate) fn page(state: &mut State, asked: &Asked) -> Answer {
    let raw = match pushed(state, asked) {
        Ok(pushed) => pushed.unwrap_or_else(|| asked.raw_query.clone()),
        Err(refusal) => return refusal,
    };
    match read(state, &Parameters::parse(&raw)) {
        Ok(request) => {
            let hint = request.login_hint.as_deref().unwrap_or_default();
            show(state, &request, &raw, hint, None, 200)
        }
        Err(refusal) => refusal,
    }
}

/// The request that was pushed, if the query names one (RFC 9126 §4): beside its name and the client's nothing in the query counts.
fn pushed(state: &mut State, asked: &Asked) -> Result<Option<String>, Answer> {
    let Some(request_uri) = asked.query.get("request_uri") else {
        if state.script.pushed.required {
            return Err(pages::failure("Requests have to be pushed here before the browser comes (RFC 9126)."));
        }
        return Ok(None);
    };
    let client_id = asked.query.get("client_id").unwrap_or_default();
    match state.pushed.take(request_uri, client_id) {
        Some(parameters) => Ok(Some(parameters)),
        None => Err(pages::failure("The app's request is not known here, came before, or is too old.")),
    }
}

/// `POST /authorize`: the form of that page. It carries the request along as it was sent, so a page that
/// stood open while the provider was restarted still works.
pub(crate) fn form(state: &mut State, asked: &Asked) -> Answer {
    let raw = asked.form.get("request").unwrap_or_default().to_owned();
    let request = match read(state, &Parameters::parse(&raw)) {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    let back = |state: &State, parameters: Vec<(&str, String)>| {
        let parameters = answered(state, request.state.as_deref(), parameters);
        go_back(&request.redirect_uri, request.form_post, &parameters)
    };
    if asked.form.get("decision") != Some("allow") {
        return back(state, refusal("access_denied", "the user said no"));
    }
    let username = asked.form.get("username").unwrap_or_default();
    let password = asked.form.get("password").unwrap_or_default();
    if state.user(username).is_none_or(|user| user.password != password) {
        let problem = "This user name and password do not go together.";
        return show(state, &request, &raw, username, Some(problem), 401);
    }
    let Ok(code) = keys::random_text("code-") else {
        return back(state, refusal("server_error", "the machine gave no random bytes"));
    };
    let granted = state.script.tokens.grant_scopes.as_ref();
    let consent = Consent {
        client_id: request.registration.client_id.clone(),
        username: username.to_owned(),
        scopes: request
            .scopes
            .iter()
            .filter(|scope| granted.is_none_or(|list| list.contains(scope)))
            .cloned()
            .collect(),
        resources: request.resources.clone(),
        nonce: request.nonce.clone(),
        auth_time: state.unix(),
    };
    let life = clock::seconds(state.script.tokens.code_seconds);
    state.grants.add_code(code.clone(), Code::new(consent, &request.redirect_uri, &request.challenge, life));
    back(state, vec![("code", code)])
}

/// Reads the request. What cannot be trusted to name the app is answered by a page and goes nowhere else
/// (RFC 6749 §4.1.2.1); what the app got wrong is told to the app.
fn read(state: &State, parameters: &Parameters) -> Result<Request, Answer> {
    if parameters.is_repeated("client_id") || parameters.is_repeated("redirect_uri") {
        return Err(pages::failure("The app named itself or its address twice."));
    }
    let client_id = parameters.get("client_id").unwrap_or_default();
    let Some(registration) = state.registration(client_id) else {
        return Err(pages::failure("No app of that client_id is registered here."));
    };
    let redirect_uri = parameters.get("redirect_uri").unwrap_or_default();
    if !registration.redirect_uris.iter().any(|registered| is_same_redirect(registered, redirect_uri)) {
        return Err(pages::failure("The app asked to be called back at an address that is not registered for it."));
    }
    let form_post = parameters.get("response_mode") == Some("form_post");
    let no = |code: &str, description: &str| {
        let parameters = answered(state, parameters.get("state"), refusal(code, description));
        Err(go_back(redirect_uri, form_post, &parameters))
    };
    if let Some((code, description)) = mistake(parameters) {
        return no(code, &description);
    }
    if parameters.get("prompt").is_some_and(|prompt| prompt.split(' ').any(|word| word == "none")) {
        // Nobody is ever signed in here.
        return no("login_required", "the user must be asked");
    }
    Ok(Request {
        registration: registration.clone(),
        redirect_uri: redirect_uri.to_owned(),
        state: parameters.get("state").map(str::to_owned),
        scopes: parameters.get("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        resources: parameters.all("resource"),
        nonce: parameters.get("nonce").map(str::to_owned),
        challenge: parameters.get("code_challenge").unwrap_or_default().to_owned(),
        login_hint: parameters.get("login_hint").map(str::to_owned),
        form_post,
    })
}

/// What is wrong with a request, for an app that asks by itself and not through a browser.
pub(crate) fn fault(state: &State, parameters: &Parameters) -> Option<(&'static str, String)> {
    let registration = state.registration(parameters.get("client_id").unwrap_or_default());
    let redirect_uri = parameters.get("redirect_uri").unwrap_or_default();
    let registered =
        registration.is_some_and(|known| known.redirect_uris.iter().any(|uri| is_same_redirect(uri, redirect_uri)));
    if registered {
        mistake(parameters)
    } else {
        Some(("invalid_request", "the redirect_uri is not registered".to_owned()))
    }
}

/// What the app got wrong beyond its name and its address.
fn mistake(parameters: &Parameters) -> Option<(&'static str, String)> {
    if let Some(name) = parameters.duplicate() {
        return Some(("invalid_request", format!("{name} is there twice")));
    }
    let (code, description) = if parameters.get("response_type") != Some("code") {
        ("unsupported_response_type", "only code")
    } else if parameters.get("response_mode").is_some_and(|mode| !matches!(mode, "query" | "form_post")) {
        ("invalid_request", "only the response_modes query and form_post")
    } else if parameters.get("code_challenge").is_none() {
        ("invalid_request", "PKCE is required: code_challenge is missing")
    } else if parameters.get("code_challenge_method") != Some("S256") {
        ("invalid_request", "PKCE with S256 only")
    } else {
        return None;
    };
    Some((code, description.to_owned()))
}

fn show(
    state: &State,
    request: &Request,
    raw_query: &str,
    username: &str,
    problem: Option<&str>,
    status: u16,
) -> Answer {
    let page = pages::SignIn {
        app: request.registration.name.as_deref().unwrap_or(&request.registration.client_id),
        scopes: &request.scopes,
        redirect_uri: &request.redirect_uri,
        request: raw_query,
        username,
        problem,
        users: &state.script.users,
    };
    page.answer(status)
}

fn refusal<'a>(code: &str, description: &str) -> Vec<(&'a str, String)> {
    vec![("error", code.to_owned()), ("error_description", description.to_owned())]
}

/// Adds what every redirect has, an error's too, and then what the script made of it.
fn answered(state: &State, app_state: Option<&str>, mut parameters: Vec<(&str, String)>) -> Vec<(String, String)> {
    if let Some(app_state) = app_state {
        parameters.push(("state", app_state.to_owned()));
    }
    parameters.push(("iss", state.issuer.clone()));
    let mut members: Map<String, Value> =
        parameters.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
    state.script.tamper.redirect.apply(&mut members);
    members.into_iter().map(|(name, value)| (name, text(&value))).collect()
}

/// Sends the browser back to the app, in the way that the app asked for.
fn go_back(redirect_uri: &str, form_post: bool, parameters: &[(String, String)]) -> Answer {
    if form_post {
        pages::form_post(redirect_uri, parameters)
    } else {
        Answer::redirect(&with_parameters(redirect_uri, parameters))
    }
}

/// Puts parameters behind a redirect URI, which may have some of its own.
pub(crate) fn with_parameters<N: AsRef<str>>(uri: &str, parameters: &[(N, String)]) -> String {
    if parameters.is_empty() {
        return uri.to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{uri}{}{query}", if uri.contains('?') { '&' } else { '?' })
}

/// Compares as text (RFC 9700 §4.1.3), save that a loopback address registered without a port stands for
/// every port, for an app cannot know which one will be free (RFC 8252 §7.3).
fn is_same_redirect(registered: &str, asked: &str) -> bool {
    if registered == asked {
        return true;
    }
    ["http://127.0.0.1", "http://[::1]"].iter().any(|host| {
        let path = registered.strip_prefix(host).filter(|path| path.starts_with('/'));
        let rest = asked.strip_prefix(host).and_then(|rest| rest.strip_prefix(':'));
        let (Some(path), Some(rest)) = (path, rest) else { return false };
        let asked_path = rest.trim_start_matches(|character: char| character.is_ascii_digit());
        let port = rest.strip_suffix(asked_path).unwrap_or_default();
        port.parse::<u16>().is_ok_and(|port| port > 0) && asked_path == path
    })
}
