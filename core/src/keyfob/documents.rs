//! What a provider publishes: its metadata and its keys, from the store while they are young, else from the network.

use std::time::Duration;

use super::{Known, Shared};
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::http::{HttpRequest, HttpResponse, Limits};
use crate::oidc::jwks::KeySet;
use crate::provider::{Issuer, Kept, Metadata, Relaxed};
use crate::store::Document;

/// How long metadata and keys are used without asking again where their server says nothing of it.
const LIFETIME_MILLIS: i64 = 3_600_000;

/// And where it does: no less, or every login would cost two requests more, and no more, or a key that was withdrawn would be good for ever.
const SHORTEST_MILLIS: i64 = 60_000;
const LONGEST_MILLIS: i64 = 86_400_000;

/// How soon a key set may be fetched again because a token names a key that it lacks (security S57).
const FORCED_MILLIS: i64 = 30_000;

/// How long keys may take that are fetched ahead: the redirect of a user who was quicker waits for them.
#[cfg(feature = "loopback")]
const AHEAD: Duration = Duration::from_secs(3);

/// Longest document (security S76).
const MAX_DOCUMENT: usize = 512 * 1024;

impl Shared {
    /// Where the registration's provider is, for a session that keeps this of its redirect.
    pub(super) fn metadata(&self, known: &Known, kept: &Kept) -> Result<Metadata> {
        self.metadata_within(known, kept, self.settings.http.connect())
    }

    /// The same, with a limit of its own for connecting.
    pub(super) fn metadata_within(&self, known: &Known, kept: &Kept, connect: Duration) -> Result<Metadata> {
        let pkce = !known.provider.relaxes(Relaxed::S01);
        let filling = known.registration.filling().with(kept);
        let discovered = match known.provider.discovery_for(&filling)? {
            Some((issuer, url)) => Some(self.discovered(&issuer, &url, pkce, connect)?),
            None => None,
        };
        known.provider.metadata_for(&filling, discovered)
    }

    /// The same without asking anybody: as the store has it, however old; `None` where it has nothing.
    pub(super) fn stored_metadata(&self, known: &Known, kept: &Kept) -> Result<Option<Metadata>> {
        let pkce = !known.provider.relaxes(Relaxed::S01);
        let filling = known.registration.filling().with(kept);
        let discovered = match known.provider.discovery_for(&filling)? {
            Some((issuer, url)) => match self.common.store.document(&url)? {
                Some(stored) => Some(Metadata::from_discovery(&stored.body, &issuer, pkce)?),
                None => return Ok(None),
            },
            None => None,
        };
        known.provider.metadata_for(&filling, discovered).map(Some)
    }

    fn discovered(&self, issuer: &Issuer, url: &str, pkce: bool, connect: Duration) -> Result<Metadata> {
        let stored = self.common.store.document(url)?;
        if let Some(young) = stored.as_ref().filter(|stored| self.is_young(stored)) {
            return Metadata::from_discovery(&young.body, issuer, pkce);
        }
        let limits = Limits { connect, ..self.limits(MAX_DOCUMENT) };
        let fetched = self.fetch_document(url, "discovery document", stored.as_ref(), limits).and_then(|document| {
            let metadata = Metadata::from_discovery(&document.body, issuer, pkce)?;
            self.keep_document(url, &document);
            Ok(metadata)
        });
        match (fetched, stored) {
            // Yesterday's metadata is better than none: endpoints seldom move. Only what the issuer itself says now stands against it.
            (Err(error), Some(old)) if is_no_document(&error) => Metadata::from_discovery(&old.body, issuer, pkce),
            (fetched, _) => fetched,
        }
    }

    /// Checks something against the issuer's keys. When those in the store do not fit it (they rotated), fetches them anew, at most once in half a minute:
    /// a storm of tokens that nobody signed is no reason to ask for each. With `needed` false nothing is fetched, and the set is empty: the client's own secret
    /// signs that token.
    pub(super) fn with_keys<T>(
        &self,
        metadata: &Metadata,
        needed: bool,
        check: impl Fn(&KeySet) -> Result<T>,
    ) -> Result<T> {
        if !needed {
            return check(&KeySet::default());
        }
        let Some(url) = metadata.jwks_uri.as_deref() else {
            return Err(Error::new(Reason::IdTokenKeyNotFound).with_detail("the provider publishes no keys"));
        };
        let stored = self.common.store.document(url)?;
        if let Some(young) = stored.as_ref().filter(|stored| self.is_young(stored)) {
            match check(&KeySet::parse(&young.body)?) {
                // Without a key id, or with one that is used again, a new key shows as a wrong signature.
                Err(error) if matches!(error.reason(), Reason::IdTokenKeyNotFound | Reason::IdTokenSignature) => {
                    let age = self.age(young);
                    if age < FORCED_MILLIS {
                        // Nobody knows whether a newer key would fit; whoever asks again in a moment will.
                        let wait = Duration::from_millis(FORCED_MILLIS.saturating_sub(age).unsigned_abs());
                        return Err(Error::new(Reason::BackOff).with_retry_after(Some(wait)).with_source(error));
                    }
                }
                done => return done,
            }
        }
        check(&self.fetch_keys(url, stored.as_ref(), self.limits(MAX_DOCUMENT))?)
    }

    /// Fetches the issuer's keys while the user is busy at the provider, so that after the redirect nobody waits for them. A login is none the worse
    /// where that fails: they are fetched when a token needs them.
    #[cfg(feature = "loopback")]
    pub(super) fn fetch_keys_ahead(&self, metadata: &Metadata) {
        let Some(url) = metadata.jwks_uri.as_deref() else { return };
        let limits = Limits { connect: AHEAD, total: AHEAD, ..self.limits(MAX_DOCUMENT) };
        let fetched = self.common.store.document(url).and_then(|stored| match stored {
            Some(young) if self.is_young(&young) => Ok(()),
            stored => self.fetch_keys(url, stored.as_ref(), limits).map(drop),
        });
        if let Err(error) = fetched {
            log::debug!("keys could not be fetched ahead: {error}");
        }
    }

    fn fetch_keys(&self, url: &str, stored: Option<&Document>, limits: Limits) -> Result<KeySet> {
        let document = self.fetch_document(url, "key set", stored, limits)?;
        let keys = KeySet::parse(&document.body)?;
        self.keep_document(url, &document);
        Ok(keys)
    }

    /// A document is kept to save a request; a full disk is no reason not to use it.
    fn keep_document(&self, url: &str, document: &Document) {
        if let Err(error) = self.common.store.save_document(url, document) {
            log::debug!("a document could not be kept: {error}");
        }
    }

    fn age(&self, document: &Document) -> i64 {
        self.wall_millis().saturating_sub(document.fetched_at)
    }

    /// Whether a document is used without asking. One from the future is not.
    fn is_young(&self, document: &Document) -> bool {
        (0..document.lifetime.unwrap_or(LIFETIME_MILLIS)).contains(&self.age(document))
    }

    /// Fetches a document, or learns that the stored one is still it (RFC 9110 section 15.4.5).
    fn fetch_document(&self, url: &str, what: &str, stored: Option<&Document>, limits: Limits) -> Result<Document> {
        let known = stored.and_then(|stored| Some((stored, stored.etag.as_ref()?)));
        let mut headers = vec![accept_json()];
        headers.extend(known.map(|(_, etag)| ("If-None-Match".to_owned(), etag.clone())));
        let response = self.send(&HttpRequest::get(url, headers, limits))?;
        let fetched_at = self.wall_millis();
        let lifetime = lifetime_of(&response);
        // Where nobody asked, it is no answer.
        if response.status == 304 {
            let (stored, etag) = known
                .ok_or_else(|| Error::new(Reason::UnexpectedStatus).with_status(response.status).with_detail(what))?;
            return Ok(Document { body: stored.body.clone(), fetched_at, etag: Some(etag.clone()), lifetime });
        }
        expect_success(&response)
            .map_err(|reason| Error::new(reason).with_status(response.status).with_detail(what))?;
        expect_json(&response, what)?;
        let etag = response.header("etag").filter(|etag| is_repeatable(etag)).map(str::to_owned);
        Ok(Document { body: response.body, fetched_at, etag, lifetime })
    }
}

/// How long the server says that the document is good (RFC 9111 section 5.2.2), within reason; `None` where it says nothing.
fn lifetime_of(response: &HttpResponse) -> Option<i64> {
    let directives = response.header("cache-control")?.split(',').map(|text| text.trim().to_ascii_lowercase());
    let millis = directives.filter_map(|directive| match directive.split_once('=') {
        Some(("max-age", seconds)) => {
            let digits = seconds.trim_matches('"');
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            // One that is too long for us is just that.
            is_number.then(|| digits.parse::<i64>().unwrap_or(i64::MAX).saturating_mul(1000))
        }
        None if matches!(directive.as_str(), "no-store" | "no-cache") => Some(0),
        _ => None,
    });
    // The strictest of them counts.
    millis.min().map(|millis| millis.clamp(SHORTEST_MILLIS, LONGEST_MILLIS))
}

/// Whether a server's `ETag` may be sent back: one with a line break would make two headers of it.
pub(super) fn is_repeatable(etag: &str) -> bool {
    etag.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
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
