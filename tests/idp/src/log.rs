//! The request log: what a client sent and what it was answered, for tests to read.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::faults::{Close, Endpoint};
use crate::message::{Answer, Asked};

/// Older entries are dropped past this, so that a provider left running does not eat the machine.
const KEPT: usize = 10_000;

/// One request as it came in, and what it was answered.
///
/// It holds passwords, codes and tokens in the clear: it belongs to tests and to nobody else.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// Counts from 1 since the provider's start, also across [`Idp::clear_requests`](crate::Idp::clear_requests).
    pub number: u64,
    /// Which connection it came on, from 1. Two requests with the same number shared one.
    pub connection: u64,
    /// Seconds since the provider's start, by a clock that no script moves.
    pub at_seconds: f64,
    /// `GET`, `POST`, …
    pub method: String,
    /// The path without the query, such as `/token`.
    pub path: String,
    /// The URL that it was for, whole, if it came to `/_vendor`; `query` is that one's then.
    #[serde(default)]
    pub vendor_url: Option<String>,
    /// The endpoint that the path belongs to; absent for a path that is none.
    pub endpoint: Option<Endpoint>,
    /// The parameters of the query, decoded, in order, duplicates included.
    pub query: Vec<(String, String)>,
    /// The parameters of a form body, decoded, in order, duplicates included.
    pub form: Vec<(String, String)>,
    /// The headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
    /// The form's `grant_type`, repeated here because most tests ask for it.
    pub grant_type: Option<String>,
    /// The status answered; absent while the request is being worked on.
    pub status: Option<u16>,
    /// The headers answered.
    pub answer_headers: Vec<(String, String)>,
    /// The body answered. With `closed` this is what *would* have arrived.
    pub answer: String,
    /// A spent refresh token came again outside its grace, and what the script says about that has been done.
    #[serde(default)]
    pub reused: bool,
    /// Where a fault of the script cut the connection, if one did.
    pub closed: Option<Close>,
}

impl LoggedRequest {
    /// The first parameter of that name, of the query or else of the form.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().chain(&self.form).find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The answer as JSON, or null if it is none.
    pub fn answer_json(&self) -> serde_json::Value {
        serde_json::from_str(&self.answer).unwrap_or_default()
    }
}

/// The entries of one provider, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<LoggedRequest>,
    count: u64,
}

impl Log {
    /// Notes a request the moment it was read, so that it is seen even if it is never answered.
    pub(crate) fn note(&mut self, asked: &Asked, endpoint: Option<Endpoint>, at_seconds: f64) -> u64 {
        self.count += 1;
        if self.entries.len() >= KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(LoggedRequest {
            number: self.count,
            connection: asked.connection,
            at_seconds,
            method: asked.method.clone(),
            path: asked.path.clone(),
            vendor_url: asked.vendor_url.clone(),
            endpoint,
            query: asked.query.pairs().to_vec(),
            form: asked.form.pairs().to_vec(),
            headers: asked.headers.clone(),
            body: asked.body.clone(),
            grant_type: asked.form.get("grant_type").map(str::to_owned),
            status: None,
            answer_headers: Vec::new(),
            answer: String::new(),
            reused: false,
            closed: None,
        });
        self.count
    }

    /// Adds the answer to the entry with that number, if it is still there.
    pub(crate) fn answered(&mut self, number: u64, answer: &Answer, reused: bool, closed: Option<Close>) {
        if let Some(entry) = self.entries.iter_mut().rev().find(|entry| entry.number == number) {
            entry.status = Some(answer.status);
            entry.answer_headers.clone_from(&answer.headers);
            entry.answer.clone_from(&answer.body);
            entry.reused = reused;
            entry.closed = closed;
        }
    }

    pub(crate) fn entries(&self) -> Vec<LoggedRequest> {
        self.entries_after(0)
    }

    pub(crate) fn entries_after(&self, number: u64) -> Vec<LoggedRequest> {
        let old = self.entries.partition_point(|entry| entry.number <= number);
        self.entries.range(old..).cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}
