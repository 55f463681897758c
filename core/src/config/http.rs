//! How requests are sent: time limits, whom TLS trusts, through which proxy, under which name.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::{invalid, within};
use crate::error::Result;
use crate::secret::Secret;

/// The word for the environment's proxy.
pub(crate) const ENVIRONMENT: &str = "environment";

/// Longer is no name.
const MAX_USER_AGENT: usize = 256;

/// The library's own name, after the app's.
const OWN_USER_AGENT: &str = concat!("keyfob/", env!("CARGO_PKG_VERSION"));

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HttpSettings {
    pub(super) connect_seconds: f64,
    pub(super) total_seconds: f64,
    pub(super) ca_certificates: Option<String>,
    /// A URL that may hold a password, or [`ENVIRONMENT`].
    pub(super) proxy: Option<Secret>,
    pub(super) user_agent: Option<String>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self { connect_seconds: 10.0, total_seconds: 30.0, ca_certificates: None, proxy: None, user_agent: None }
    }
}

impl HttpSettings {
    pub(crate) fn connect(&self) -> Duration {
        Duration::from_secs_f64(self.connect_seconds)
    }

    pub(crate) fn total(&self) -> Duration {
        Duration::from_secs_f64(self.total_seconds)
    }

    #[cfg(feature = "ureq")]
    pub(crate) fn ca_certificates(&self) -> Option<&str> {
        self.ca_certificates.as_deref()
    }

    #[cfg(feature = "ureq")]
    pub(crate) fn proxy(&self) -> Option<&str> {
        self.proxy.as_ref().map(Secret::expose)
    }

    pub(crate) fn has_user_agent(&self) -> bool {
        self.user_agent.is_some()
    }

    /// The whole header: the app's name where it has one, and the library's.
    pub(crate) fn user_agent(&self) -> String {
        match &self.user_agent {
            Some(app) => format!("{app} {OWN_USER_AGENT}"),
            None => OWN_USER_AGENT.to_owned(),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        within("http.connect_seconds", self.connect_seconds, 0.001, 600.0)?;
        within("http.total_seconds", self.total_seconds, 0.001, 600.0)?;
        // Without the feature there is nothing that would read them.
        #[cfg(feature = "ureq")]
        if let Some(pem) = self.ca_certificates() {
            crate::http::ureq::secure::authorities(pem)?;
        }
        if let Some(proxy) = self.proxy.as_ref().map(Secret::expose).filter(|proxy| *proxy != ENVIRONMENT) {
            proxy_url("http.proxy", proxy)?;
        }
        if let Some(user_agent) = &self.user_agent {
            let is_name = (1..=MAX_USER_AGENT).contains(&user_agent.len())
                && user_agent.bytes().all(|byte| matches!(byte, b' '..=b'~'))
                && !user_agent.starts_with(' ')
                && !user_agent.ends_with(' ');
            if !is_name {
                return Err(invalid("http.user_agent", "must be 1 to 256 characters of printable ASCII"));
            }
        }
        Ok(())
    }
}

/// Where a proxy is. Its URL is never repeated: it may hold a password.
pub(crate) fn proxy_url(key: &str, text: &str) -> Result<Url> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let authority = rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest)).unwrap_or_default();
    if authority.is_empty() || authority.contains(|c| matches!(c, '/' | '\\' | '?' | '#') || !matches!(c, '!'..='~')) {
        return Err(invalid(
            key,
            "is neither \"environment\" nor a proxy's URL (http://user:password@host:port, or https)",
        ));
    }
    Url::parse(text).map_err(|_| invalid(key, "is not an absolute URL"))
}

/// A variable of the environment, for [`ENVIRONMENT`]. One that is no text is none.
#[cfg(feature = "ureq")]
#[expect(clippy::disallowed_methods, reason = "the configuration asked for it")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
