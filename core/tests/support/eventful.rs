//! A transport, and a clock, on which something happens in the middle of what a call does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use keyfob::{Clock, HttpRequest, HttpResponse, Keyfob, Method, Sent, Transport, TransportError, TransportFailure};

use super::{Bench, TestClock, config, elsewhere};

pub type Event = Box<dyn FnOnce() + Send>;

/// A transport on which something happens once, before the first request to a path is sent.
pub struct Eventful {
    path: &'static str,
    before: Mutex<Option<Event>>,
}

impl Eventful {
    pub fn before(path: &'static str, event: impl FnOnce() + Send + 'static) -> Arc<Self> {
        Arc::new(Self { path, before: Mutex::new(Some(Box::new(event))) })
    }
}

impl Transport for Eventful {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let event = if request.url().ends_with(self.path) { self.before.lock().unwrap().take() } else { None };
        if let Some(event) = event {
            event();
        }
        plain(request)
    }
}

pub fn plain(request: &HttpRequest) -> Result<HttpResponse, TransportError> {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
    let mut builder = http::Request::builder().method(request.method().as_str()).uri(request.url());
    for (name, value) in request.headers() {
        builder = builder.header(name, value);
    }
    let answer = match request.method() {
        Method::Get => agent.run(builder.body(()).unwrap()),
        _ => agent.run(builder.body(request.body()).unwrap()),
    };
    let mut answer = answer.map_err(|_| TransportError::new(Sent::Unknown, TransportFailure::Network, "broken"))?;
    let headers = answer
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let body = answer.body_mut().read_to_vec().unwrap();
    Ok(HttpResponse::new(answer.status().as_u16(), headers, body))
}

/// A handle with that transport.
pub fn with(bench: &Bench, transport: Arc<dyn Transport>) -> Keyfob {
    let config = config(bench.idp.issuer(), &bench.temp.store());
    Keyfob::open(elsewhere(config).with_clock(bench.clock.clone()).with_transport(transport)).unwrap()
}

/// A clock on which something happens once, when it is asked for the nth time: the library looks at it between any two steps.
pub struct EventfulClock {
    clock: Arc<TestClock>,
    at: usize,
    asked: AtomicUsize,
    event: Mutex<Option<Event>>,
}

impl EventfulClock {
    pub fn at(clock: &Arc<TestClock>, at: usize, event: impl FnOnce() + Send + 'static) -> Arc<Self> {
        let event: Event = Box::new(event);
        Arc::new(Self { clock: clock.clone(), at, asked: AtomicUsize::new(0), event: Mutex::new(Some(event)) })
    }

    /// Whether it has happened.
    pub fn has_fired(&self) -> bool {
        self.event.lock().unwrap().is_none()
    }

    fn ask(&self) {
        if self.asked.fetch_add(1, Ordering::SeqCst) == self.at {
            let event = self.event.lock().unwrap().take();
            if let Some(event) = event {
                event();
            }
        }
    }
}

impl Clock for EventfulClock {
    fn wall(&self) -> SystemTime {
        self.ask();
        self.clock.wall()
    }

    fn boot(&self) -> Duration {
        self.ask();
        self.clock.boot()
    }

    fn boot_id(&self) -> Option<String> {
        self.clock.boot_id()
    }
}

/// A transport that is offline while the switch says so.
#[derive(Default)]
pub struct Switch(pub std::sync::atomic::AtomicBool);

impl Switch {
    pub fn offline(&self, offline: bool) {
        self.0.store(offline, Ordering::SeqCst);
    }
}

impl Transport for Switch {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        if self.0.load(Ordering::SeqCst) {
            return Err(TransportError::new(Sent::NotSent, TransportFailure::Network, "no network"));
        }
        plain(request)
    }
}
