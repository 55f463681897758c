//! The HTTP floor: routes, reading a request, sending an answer or a part of it.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State as Injected};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, any, on};
use tokio::sync::oneshot;

use crate::connection::{Connection, CuttableListener};
use crate::faults::{Close, Endpoint};
use crate::message::{Answer, Asked, Parameters};
use crate::state::{Delivery, Run, Shared, State};
use crate::{authorize, clock, control, device, discovery, logout, pushed, revoke, token, userinfo, vendor};

/// Nothing that a client sends is larger; a script may be.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// Serves until the other end of `stop` is gone.
pub(crate) async fn serve(listener: CuttableListener, shared: Arc<Shared>, stop: oneshot::Receiver<()>) {
    let service = routes().with_state(shared).into_make_service_with_connect_info::<Connection>();
    let serving = axum::serve(listener, service);
    // Not a graceful shutdown, which would wait for clients that keep their connection.
    tokio::select! {
        _ = serving.into_future() => {}
        _ = stop => {}
    }
}

fn routes() -> Router<Arc<Shared>> {
    const GET: MethodFilter = MethodFilter::GET;
    const POST: MethodFilter = MethodFilter::POST;
    Router::new()
        .route("/.well-known/openid-configuration", endpoint(GET, Endpoint::Discovery, discovery::discovery))
        .route("/jwks", endpoint(GET, Endpoint::Jwks, discovery::jwks))
        .route("/authorize", endpoint(GET, Endpoint::Authorize, authorize::page))
        .route("/authorize", endpoint(POST, Endpoint::Authorize, authorize::form))
        .route("/par", endpoint(POST, Endpoint::PushedAuthorizationRequest, pushed::push))
        .route("/token", endpoint(POST, Endpoint::Token, token::token))
        .route("/device_authorization", endpoint(POST, Endpoint::DeviceAuthorization, device::authorization))
        .route("/device", endpoint(GET, Endpoint::Device, device::page))
        .route("/device", endpoint(POST, Endpoint::Device, device::form))
        .route("/userinfo", endpoint(GET.or(POST), Endpoint::Userinfo, userinfo::userinfo))
        .route("/revoke", endpoint(POST, Endpoint::Revoke, revoke::revoke))
        .route("/logout", endpoint(GET.or(POST), Endpoint::Logout, logout::logout))
        .route(vendor::PATH, any(vendors))
        .route("/_idp/requests", unlogged(GET, control::requests))
        .route("/_idp/requests", unlogged(MethodFilter::DELETE, control::clear_requests))
        .route("/_idp/requests/masked", unlogged(GET, control::masked_requests))
        .route("/_idp/script", unlogged(GET, control::script))
        .route("/_idp/script", unlogged(MethodFilter::PUT, control::set_script))
        .fallback(
            |Injected(shared): Injected<Arc<Shared>>,
             ConnectInfo(connection): ConnectInfo<Connection>,
             request: Request| { logged(shared, connection, request, None, not_found) },
        )
        .method_not_allowed_fallback(
            |Injected(shared): Injected<Arc<Shared>>,
             ConnectInfo(connection): ConnectInfo<Connection>,
             request: Request| { logged(shared, connection, request, None, wrong_method) },
        )
}

fn endpoint(method: MethodFilter, name: Endpoint, run: Run) -> MethodRouter<Arc<Shared>> {
    on(
        method,
        move |Injected(shared): Injected<Arc<Shared>>,
              ConnectInfo(connection): ConnectInfo<Connection>,
              request: Request| { logged(shared, connection, request, Some(name), run) },
    )
}

/// A request to a provider that is played at its own URLs, by whatever method.
async fn vendors(
    Injected(shared): Injected<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
) -> Response {
    logged(shared, connection, request, None, vendor::vendor).await
}

/// A path of the provider's own: it leaves no trace in the log and has no faults.
fn unlogged(method: MethodFilter, run: Run) -> MethodRouter<Arc<Shared>> {
    on(method, move |Injected(shared): Injected<Arc<Shared>>, request: Request| async move {
        match read(request, 0).await {
            Ok(asked) => send(run(&mut shared.lock(), &asked)),
            Err(refusal) => send(refusal),
        }
    })
}

fn not_found(_state: &mut State, _asked: &Asked) -> Answer {
    Answer::oauth_error(404, "not_found", "there is nothing here")
}

fn wrong_method(_state: &mut State, _asked: &Asked) -> Answer {
    Answer::oauth_error(405, "method_not_allowed", "there is something here, but not for this method")
}

async fn logged(
    shared: Arc<Shared>,
    connection: Connection,
    request: Request,
    name: Option<Endpoint>,
    run: Run,
) -> Response {
    let asked = match read(request, connection.number).await {
        Ok(asked) => asked,
        Err(refusal) => return send(refusal),
    };
    let received = shared.lock().receive(name, &asked);
    let lag = received.lag_seconds();
    let served = if lag > 0.0 {
        // On a task of its own: this one ends with its client, but a provider that has a request works on it.
        let late = tokio::spawn(async move {
            tokio::time::sleep(clock::seconds(lag)).await;
            shared.lock().serve(received, run, &asked)
        });
        late.await
    } else {
        Ok(shared.lock().serve(received, run, &asked))
    };
    let Ok(Delivery { mut answer, delay_seconds, close }) = served else {
        return send(Answer::oauth_error(500, "server_error", "keyfob-idp panicked"));
    };
    if delay_seconds > 0.0 {
        tokio::time::sleep(clock::seconds(delay_seconds)).await;
    }
    if close.is_some_and(|close| close != Close::BeforeHeaders) && answer.body.is_empty() {
        // Without a body the headers are all there is, and the cut would come after the end.
        answer.body.push(' ');
    }
    match close {
        None => {}
        Some(Close::BeforeHeaders) => connection.cut_now(),
        Some(Close::AfterHeaders) => connection.cut_after_headers(0),
        Some(Close::MidBody) => connection.cut_after_headers(answer.body.len() / 2),
    }
    send(answer)
}

async fn read(request: Request, connection: u64) -> Result<Asked, Answer> {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_BODY).await else {
        return Err(Answer::oauth_error(400, "invalid_request", "the body is too large, or ended too soon"));
    };
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let header = parts.headers.get(vendor::URL_HEADER).and_then(|url| url.to_str().ok()).map(str::to_owned);
    let vendor_url = header.filter(|_| parts.uri.path() == vendor::PATH);
    // One for another URL has that one's query.
    let raw_query = match &vendor_url {
        Some(url) => url.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default(),
        None => parts.uri.query().unwrap_or_default().to_owned(),
    };
    let mut asked = Asked {
        connection,
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: Parameters::parse(&raw_query),
        raw_query,
        vendor_url,
        form: Parameters::default(),
        headers,
        body: String::from_utf8_lossy(&bytes).into_owned(),
    };
    if asked.is_form() {
        asked.form = Parameters::parse(&asked.body);
    }
    Ok(asked)
}

fn send(answer: Answer) -> Response {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    // What cannot be a header, such as a line break in a redirect, is a mistake of the script; say so plainly.
    response.body(Body::from(answer.body)).unwrap_or_else(|error| {
        let mut response = Response::new(Body::from(format!("keyfob-idp cannot send its answer: {error}\n")));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
