//! Pushed authorization requests (RFC 9126): the provider gets the request from the app itself, and the browser brings no more than its name.

use super::client::{Asking, For};
use super::{Known, Shared};
use crate::config::invalid;
use crate::error::{Error, Reason, Result};
use crate::http::oauth::push;
use crate::login::authorize;
use crate::provider::{Metadata, NOTHING_KEPT};
use crate::token::pushed::request_uri;

/// Longest answer of the endpoint (security S76).
const MAX_ANSWER: usize = 64 * 1024;

impl Shared {
    /// The URL to open: as it was built or, where somebody wants it pushed, one that names what was pushed. Nothing is stored yet, so a failure leaves
    /// nothing behind.
    pub(super) fn pushed_if_wanted(&self, known: &Known, metadata: &Metadata, url: String) -> Result<String> {
        let wanted = metadata.require_pushed_authorization_requests
            || known.provider.wants_pushed_requests()
            || known.registration.wants_pushed_requests();
        if !wanted {
            return Ok(url);
        }
        let endpoint = metadata.pushed_authorization_request_endpoint.as_deref().ok_or_else(|| {
            if metadata.require_pushed_authorization_requests {
                let detail = "discovery document: pushed_authorization_request_endpoint";
                return Error::new(Reason::MalformedResponse).with_detail(detail);
            }
            invalid("require_pushed_authorization_requests", "is wanted of a provider that names no endpoint for them")
        })?;
        let parameters = authorize::parameters_of(&url, &metadata.authorization_endpoint)?;
        let _running = self.common.gate.begin()?;
        let asking = Asking { known, metadata, redirect_uri: "", kept: &NOTHING_KEPT, what: For::Push };
        let (outcome, asked) = self.as_client(asking, &|| false, &|client| {
            Ok(push(client, endpoint, &parameters, &*self.transport, self.limits(MAX_ANSWER)))
        })?;
        self.note_skew(&asked, &outcome);
        let request_uri = request_uri(outcome)?;
        authorize::pushed_url(&metadata.authorization_endpoint, known.registration.client_id(), &request_uri)
    }
}
