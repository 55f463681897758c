//! Whether a request goes through a proxy, and through which: the configuration's, or the one that the environment names, in curl's way.

use std::cell::Cell;
use std::net::IpAddr;

use ::ureq::Error;
use ::ureq::unversioned::transport::{ConnectProxyConnector, ConnectionDetails, Connector};
use url::{Host, Url};

use crate::config::{ENVIRONMENT, invalid, proxy_url};
use crate::error::Result;

/// A proxy, and the hosts that are reached without it.
pub(super) struct Proxy {
    pub(super) proxy: ::ureq::Proxy,
    exceptions: Exceptions,
}

enum Exceptions {
    /// The configuration names the proxy: what is https goes there.
    None,
    /// The environment does. It speaks for the whole machine, so what never leaves the machine is not meant, nor the hosts of `NO_PROXY`.
    Environment { no_proxy: String },
}

impl Proxy {
    /// `setting` is a URL, or the word that sends us to the environment, which `variable` reads.
    pub(super) fn new(setting: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        // The small letters first, as curl does; an empty one is none.
        let read = |name: &str| {
            let text = variable(&name.to_ascii_lowercase()).or_else(|| variable(name))?;
            Some(text).filter(|text| !text.trim().is_empty())
        };
        match setting {
            None => Ok(None),
            Some(ENVIRONMENT) => {
                let named = ["HTTPS_PROXY", "ALL_PROXY"].into_iter().find_map(|name| Some((name, read(name)?)));
                let Some((name, text)) = named else {
                    return Ok(None);
                };
                let text = text.trim();
                // Many say "proxy.example:3128" there.
                let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
                let no_proxy = read("NO_PROXY").unwrap_or_default();
                let place = format!("http.proxy: the environment's {name}");
                Ok(Some(Self { proxy: connect(&place, &text)?, exceptions: Exceptions::Environment { no_proxy } }))
            }
            Some(text) => Ok(Some(Self { proxy: connect("http.proxy", text)?, exceptions: Exceptions::None })),
        }
    }

    /// Whether a request for `url` goes through it. Plain HTTP never does: it is for loopback addresses, and would be read on the way.
    pub(super) fn is_for(&self, url: &str) -> bool {
        let Some(url) = Url::parse(url).ok().filter(|url| url.scheme() == "https") else {
            return false;
        };
        match &self.exceptions {
            Exceptions::None => true,
            Exceptions::Environment { no_proxy } => !is_loopback(&url) && !is_excepted(&url, no_proxy),
        }
    }
}

fn connect(place: &str, text: &str) -> Result<::ureq::Proxy> {
    let url = proxy_url(place, text)?;
    ::ureq::Proxy::new(url.as_str()).map_err(|_| invalid(place, "is not the URL of a proxy"))
}

/// To ask the proxy for a name that means this machine would ask it for itself.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        _ => crate::config::is_loopback(url),
    }
}

/// `NO_PROXY`: hosts with everything below them, addresses, or `*`, with commas or spaces between.
fn is_excepted(url: &Url, no_proxy: &str) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    no_proxy.split([',', ' ']).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.trim_start_matches("*.").trim_start_matches('.').trim_matches(['[', ']']);
        if entry == "*" {
            return true;
        }
        if let (Ok(host), Ok(entry)) = (host.parse::<IpAddr>(), entry.parse::<IpAddr>()) {
            return host == entry;
        }
        let entry = entry.to_ascii_lowercase();
        host == entry || host.strip_suffix(&entry).is_some_and(|below| below.ends_with('.'))
    })
}

thread_local! {
    /// As with [`super::witness`]: a request runs on one thread from its beginning to its end.
    static AT_PROXY: Cell<bool> = const { Cell::new(false) };
}

/// Whether what this thread asked for last failed before the proxy had connected it.
pub(super) fn failed_at_proxy() -> bool {
    AT_PROXY.replace(false)
}

/// The link of the chain that asks the proxy for a connection, and knows when that is what is being done.
#[derive(Debug, Default)]
pub(super) struct ProxyConnector(ConnectProxyConnector);

impl Connector<()> for ProxyConnector {
    type Out = <ConnectProxyConnector as Connector<()>>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> std::result::Result<Option<Self::Out>, Error> {
        // The connection to the proxy itself runs through the same chain, with a configuration that names none.
        if details.config.proxy().is_none() {
            return self.0.connect(details, chained);
        }
        AT_PROXY.set(true);
        let connected = self.0.connect(details, chained)?;
        AT_PROXY.set(false);
        Ok(connected)
    }
}

#[cfg(test)]
mod tests;
