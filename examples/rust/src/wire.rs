//! What went over the wire, told by the provider: its request log is the witness, not Keyfob's word.

use keyfob_idp::{Idp, LoggedRequest};

use crate::failure::Failure;
use crate::paper::Paper;

/// The provider's request log, read from step to step.
pub(crate) struct Wire<'a> {
    idp: &'a Idp,
    /// The last request that was shown.
    shown: u64,
    total: usize,
}

impl<'a> Wire<'a> {
    pub(crate) fn of(idp: &'a Idp) -> Self {
        Self { idp, shown: 0, total: 0 }
    }

    /// How many requests were shown.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// Shows the requests since the last time.
    pub(crate) fn show(&mut self, paper: &mut Paper) -> usize {
        let mut requests = self.idp.requests();
        // A browser also asks for an icon, which is no endpoint.
        requests.retain(|request| request.number > self.shown && request.endpoint.is_some());
        if requests.is_empty() {
            paper.row("on the wire", "0 requests");
        }
        for (index, request) in requests.iter().enumerate() {
            paper.row(if index == 0 { "on the wire" } else { "" }, line(request));
            self.shown = request.number;
        }
        self.total += requests.len();
        requests.len()
    }

    /// Shows them, and fails if there are not as many as the step tells.
    pub(crate) fn expect(&mut self, paper: &mut Paper, expected: usize) -> Result<(), Failure> {
        let seen = self.show(paper);
        if seen == expected {
            return Ok(());
        }
        Err(Failure::Stage(format!(
            "the provider saw {seen} requests in this step instead of {expected}; if this computer was asleep or very \
             busy, a token may have run out: try again"
        )))
    }
}

fn line(request: &LoggedRequest) -> String {
    let grant = request.grant_type.as_ref().map(|grant| format!(" ({grant})")).unwrap_or_default();
    let status = request.status.map_or_else(|| "no answer yet".to_owned(), |status| status.to_string());
    format!("{:<4}  {:<36}  {status}", request.method, format!("{}{grant}", request.path))
}
