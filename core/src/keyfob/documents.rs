//! What a provider publishes: its metadata and its keys, from the store while they are young, else from the network.

use std::time::Duration;

use serde_json::Value;

use super::{Known, Shared};
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::http::{HttpRequest, HttpResponse, Limits};
use crate::oidc::id_token::Claims;
use crate::oidc::jwks::KeySet;
use crate::provider::{Issuer, Metadata, Relaxed};

/// How long metadata and keys are used without asking again.
const YOUNG_MILLIS: i64 = 3_600_000;

/// How soon a key set may be fetched again because a token names a key that it lacks (security S57).
const FORCED_MILLIS: i64 = 30_000;

/// Longest document (security S76).
const MAX_DOCUMENT: usize = 512 * 1024;

impl Shared {
    /// Where the registration's provider is.
    pub(super) fn metadata(&self, known: &Known) -> Result<Metadata> {
        self.metadata_within(known, self.settings.http.connect())
    }

    /// The same, with a limit of its own for connecting.
    pub(super) fn metadata_within(&self, known: &Known, connect: Duration) -> Result<Metadata> {
        let pkce = !known.provider.relaxes(Relaxed::S01);
        let discovered = match known.provider.discovery_for(&known.registration)? {
            Some((issuer, url)) => Some(self.discovered(&issuer, &url, pkce, connect)?),
            None => None,
        };
        known.provider.metadata_for(&known.registration, discovered)
    }

    /// The same without asking anybody: as the store has it, however old; `None` where it has nothing.
    pub(super) fn stored_metadata(&self, known: &Known) -> Result<Option<Metadata>> {
        let pkce = !known.provider.relaxes(Relaxed::S01);
        let discovered = match known.provider.discovery_for(&known.registration)? {
            Some((issuer, url)) => match self.common.store.document(&url)? {
                Some((body, _)) => Some(Metadata::from_discovery(&body, &issuer, pkce)?),
                None => return Ok(None),
            },
            None => None,
        };
        known.provider.metadata_for(&known.registration, discovered).map(Some)
    }

    fn discovered(&self, issuer: &Issuer, url: &str, pkce: bool, connect: Duration) -> Result<Metadata> {
        let (stored, young) = self.stored_document(url)?;
        if let Some(body) = stored.as_deref().filter(|_| young) {
            return Metadata::from_discovery(body, issuer, pkce);
        }
        let fetched = self.fetch_document(url, "discovery document", connect).and_then(|body| {
            let metadata = Metadata::from_discovery(&body, issuer, pkce)?;
            self.keep_document(url, &body);
            Ok(metadata)
        });
        match (fetched, stored) {
            // Yesterday's metadata is better than none: endpoints seldom move. Only what the issuer itself says now stands against it.
            (Err(error), Some(body)) if is_no_document(&error) => Metadata::from_discovery(&body, issuer, pkce),
            (fetched, _) => fetched,
        }
    }

    /// Checks something against the issuer's keys. When those in the store do not fit it (they rotated), fetches them anew, at most once in half a minute:
    /// a storm of tokens that nobody signed is no reason to ask for each.
    pub(super) fn with_keys(&self, metadata: &Metadata, check: impl Fn(&KeySet) -> Result<Claims>) -> Result<Claims> {
        let Some(url) = metadata.jwks_uri.as_deref() else {
            return Err(Error::new(Reason::IdTokenKeyNotFound).with_detail("the provider publishes no keys"));
        };
        if let Some((body, fetched_at)) = self.common.store.document(url)? {
            let age = self.wall_millis().saturating_sub(fetched_at);
            if (0..YOUNG_MILLIS).contains(&age) {
                match check(&KeySet::parse(&body)?) {
                    // Without a key id, or with one that is used again, a new key shows as a wrong signature.
                    Err(error) if matches!(error.reason(), Reason::IdTokenKeyNotFound | Reason::IdTokenSignature) => {
                        if age < FORCED_MILLIS {
                            // Nobody knows whether a newer key would fit; whoever asks again in a moment will.
                            let wait = Duration::from_millis(FORCED_MILLIS.saturating_sub(age).unsigned_abs());
                            return Err(Error::new(Reason::BackOff).with_retry_after(Some(wait)).with_source(error));
                        }
                    }
                    done => return done,
                }
            }
        }
        let body = self.fetch_document(url, "key set", self.settings.http.connect())?;
        let keys = KeySet::parse(&body)?;
        self.keep_document(url, &body);
        check(&keys)
    }

    /// A document is kept to save a request; a full disk is no reason not to use it.
    fn keep_document(&self, url: &str, body: &[u8]) {
        if let Err(error) = self.common.store.save_document(url, body, self.wall_millis()) {
            log::debug!("a document could not be kept: {error}");
        }
    }

    /// A document from the store, and whether it is young enough to be used without asking. One from the future is not.
    fn stored_document(&self, url: &str) -> Result<(Option<Vec<u8>>, bool)> {
        Ok(match self.common.store.document(url)? {
            Some((body, fetched_at)) => {
                (Some(body), (0..YOUNG_MILLIS).contains(&self.wall_millis().saturating_sub(fetched_at)))
            }
            None => (None, false),
        })
    }

    fn fetch_document(&self, url: &str, what: &str, connect: Duration) -> Result<Vec<u8>> {
        let limits = Limits { connect, ..self.limits(MAX_DOCUMENT) };
        let request = HttpRequest::get(url, vec![accept_json()], limits);
        let response = self.send(&request)?;
        expect_success(&response)
            .map_err(|reason| Error::new(reason).with_status(response.status).with_detail(what))?;
        expect_json(&response, what)?;
        Ok(response.body)
    }
}

/// Whether nothing came that could be the document: offline, a captive portal's page, an issuer whose web server is out of order.
fn is_no_document(error: &Error) -> bool {
    let not_it = [Reason::NotJson, Reason::UnexpectedRedirect, Reason::UnexpectedStatus, Reason::ResponseTooLarge];
    error.is_retryable() || error.kind() == ErrorKind::Tls || not_it.contains(&error.reason())
}

pub(super) fn accept_json() -> (String, String) {
    ("Accept".to_owned(), "application/json".to_owned())
}

/// What a status other than 2xx means, where the answer to a GET was expected.
pub(super) fn expect_success(response: &HttpResponse) -> std::result::Result<(), Reason> {
    match response.status {
        200..=299 => Ok(()),
        300..=399 => Err(Reason::UnexpectedRedirect),
        429 => Err(Reason::BackOff),
        500..=599 => Err(Reason::ProviderUnavailable),
        _ => Err(Reason::UnexpectedStatus),
    }
}

/// An answer that says it is a page is one, whatever is in it: somebody between here and the provider wants to be seen (security S77).
pub(super) fn expect_json(response: &HttpResponse, what: &str) -> Result<()> {
    if response.may_be_json() {
        return Ok(());
    }
    Err(Error::new(Reason::NotJson).with_detail(format!("{what}: its content type is not JSON's (a captive portal?)")))
}

/// The body of an answer, as a JSON object.
pub(super) fn json_object(body: &[u8], what: &str) -> Result<serde_json::Map<String, Value>> {
    match crate::json::parse(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Error::new(Reason::MalformedResponse).with_detail(what.to_owned())),
        Err(fault) => Err(Error::new(fault.reason()).with_detail(what.to_owned())),
    }
}
