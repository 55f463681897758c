//! A provider whose answers are written down.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use keyfob::{HttpRequest, HttpResponse, Sent, Transport, TransportError, TransportFailure};
use serde_json::Value;

use crate::bench::Asked;

/// Answers each request once, and refuses one that nobody expected.
#[derive(Default)]
pub struct Scripted {
    answers: Mutex<HashMap<String, VecDeque<(u16, String)>>>,
    asked: Mutex<Vec<Asked>>,
}

impl Scripted {
    /// The next answer to a request line, such as `GET https://api.github.com/user`.
    pub fn on(&self, line: &str, status: u16, body: &Value) -> &Self {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.answers.lock().unwrap().entry(line.to_owned()).or_default().push_back((status, body));
        self
    }

    /// What was asked since the last time.
    pub fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl Transport for Scripted {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let asked = Asked::of(request);
        let answer = self.answers.lock().unwrap().get_mut(&asked.line).and_then(VecDeque::pop_front);
        let line = asked.line.clone();
        self.asked.lock().unwrap().push(asked);
        let Some((status, body)) = answer else {
            let detail = format!("nobody answers {line}");
            return Err(TransportError::new(Sent::NotSent, TransportFailure::Network, detail));
        };
        let headers = [("Content-Type", "application/json; charset=utf-8"), ("ETag", "\"e-1\"")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Ok(HttpResponse::new(status, headers, body.into_bytes()))
    }
}
