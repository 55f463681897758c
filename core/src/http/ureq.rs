//! The built-in [`Transport`]: ureq 3 on rustls.

mod fault;
mod proxy;
pub(crate) mod secure;
#[cfg(test)]
mod tests;
mod witness;

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use ::ureq::unversioned::resolver::DefaultResolver;
use ::ureq::unversioned::transport::{Connector as _, TcpConnector};
use ::ureq::{Agent, Body};
use rustls::{ClientConfig, RootCertStore};

use self::fault::Fault;
use self::proxy::{Proxy, ProxyConnector, failed_at_proxy};
use self::secure::SecureConnector;
use self::witness::{Witness, WitnessConnector};
use super::{HttpRequest, HttpResponse, Method, Sent, Transport, TransportError, TransportFailure};
use crate::config::{HttpSettings, environment};
use crate::error::{Error, Reason, Result as KeyfobResult};

/// A server may close an idle connection at any time, and a POST that meets the closing is in doubt: only a
/// connection used a moment ago is used again.
const MAX_IDLE_AGE: Duration = Duration::from_secs(5);
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// Sends with ureq: once, following no redirect, keeping no cookie, decompressing nothing.
///
/// Whoever makes the request sees to it that its URL is https, or http on a loopback address.
pub(crate) struct UreqTransport {
    direct: Agent,
    proxied: Option<(Proxy, Agent)>,
}

impl UreqTransport {
    /// # Errors
    /// `Configuration`, naming the key: certificates that cannot be read, a proxy that is none.
    pub(crate) fn new(settings: &HttpSettings) -> KeyfobResult<Self> {
        let roots = secure::roots(settings.ca_certificates())?;
        let proxy = Proxy::new(settings.proxy(), environment)?;
        Self::with(roots, proxy, &settings.user_agent())
    }

    fn with(roots: RootCertStore, proxy: Option<Proxy>, user_agent: &str) -> KeyfobResult<Self> {
        let tls = secure::client(roots).map_err(|error| Error::new(Reason::Internal).with_source(error))?;
        let direct = agent(&tls, None, user_agent);
        let proxied = proxy.map(|proxy| {
            let agent = agent(&tls, Some(proxy.proxy.clone()), user_agent);
            (proxy, agent)
        });
        Ok(Self { direct, proxied })
    }

    fn agent_for(&self, url: &str) -> &Agent {
        match &self.proxied {
            Some((proxy, agent)) if proxy.is_for(url) => agent,
            _ => &self.direct,
        }
    }

    fn run(&self, request: &HttpRequest) -> Result<HttpResponse, Fault> {
        let mut builder = ::http::Request::builder().method(request.method.as_str()).uri(&request.url);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        // An empty body of a GET is no body; an empty body of a POST has a length of 0.
        let response = if request.body.is_empty() && request.method != Method::Post {
            self.exchange(builder.body(()).map_err(::ureq::Error::Http)?, request)?
        } else {
            self.exchange(builder.body(request.body.as_slice()).map_err(::ureq::Error::Http)?, request)?
        };
        let (parts, body) = response.into_parts();
        let headers = parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        Ok(HttpResponse { status: parts.status.as_u16(), headers, body: read(body, request.max_body_bytes)? })
    }

    /// ureq gives looking up the name and connecting a limit each; the total limit holds over both.
    fn exchange(
        &self,
        request: ::http::Request<impl ::ureq::AsSendBody>,
        limits: &HttpRequest,
    ) -> Result<::http::Response<Body>, ::ureq::Error> {
        let agent = self.agent_for(&limits.url);
        let request = agent
            .configure_request(request)
            .timeout_resolve(Some(limits.connect_timeout))
            .timeout_connect(Some(limits.connect_timeout))
            .timeout_global(Some(limits.timeout))
            .build();
        agent.run(request)
    }
}

fn agent(tls: &Arc<ClientConfig>, proxy: Option<::ureq::Proxy>, user_agent: &str) -> Agent {
    let through_proxy = proxy.is_some();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(proxy)
        .user_agent(user_agent)
        .max_idle_age(MAX_IDLE_AGE)
        .max_response_header_size(MAX_HEADER_BYTES)
        .build();
    let connector =
        ().chain(ProxyConnector::default())
            .chain(TcpConnector::default())
            .chain(SecureConnector(Arc::clone(tls)))
            .chain(WitnessConnector { through_proxy });
    Agent::with_parts(config, connector, DefaultResolver::default())
}

/// Reads one byte more than wanted, to tell an answer of just that length from a longer one.
fn read(mut body: Body, max: usize) -> Result<Vec<u8>, Fault> {
    // One allocation where the length is told: a token that is copied as a buffer grows stays behind in memory.
    let told = body.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(told.min(max).saturating_add(1));
    let cap = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    body.as_reader().take(cap).read_to_end(&mut bytes).map_err(::ureq::Error::from)?;
    if bytes.len() > max {
        return Err(Fault::new(TransportFailure::Answer, "the answer is longer than the limit"));
    }
    Ok(bytes)
}

impl Transport for UreqTransport {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let witness = Witness::begin();
        self.run(request).map_err(|fault| {
            let sent = if witness.saw_bytes() { Sent::Unknown } else { Sent::NotSent };
            fault.into_error(sent, failed_at_proxy(), &request.url)
        })
    }
}
