//! The forms of redirect URI that a native app may use (RFC 8252 section 7), and whether a redirect came to one.

use url::{Host, Url};

/// A redirect URI of an allowed form.
#[derive(Debug)]
pub(crate) struct RedirectUri {
    text: String,
    url: Url,
}

impl RedirectUri {
    /// Takes a redirect URI apart, or says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "is not an absolute URI")?;
        if url.fragment().is_some() {
            return Err("must not have a fragment (RFC 6749 section 3.1.2)");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not have a user or a password");
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" if url.host_str() == Some("localhost") => {
                return Err("must name 127.0.0.1 or [::1] instead of localhost (RFC 8252 section 8.3)");
            }
            "http" => return Err("must be https, save on a loopback address"),
            scheme if scheme.contains('.') => {}
            _ => {
                return Err(
                    "needs a private-use scheme with a dot in it, for instance com.example.app (RFC 8252 section 7.1)",
                );
            }
        }
        Ok(Self { text: text.to_owned(), url })
    }

    pub(crate) fn scheme(&self) -> &str {
        self.url.scheme()
    }

    /// The URI to send: the registered text itself, with the port of the app's listener put in where it leaves the port open.
    pub(crate) fn with_port(&self, port: Option<u16>) -> Result<String, &'static str> {
        let Some(port) = port else { return Ok(self.text.clone()) };
        if port == 0 {
            return Err("needs the port that the system gave the listener, and 0 is none");
        }
        if self.url.scheme() != "http" {
            return Err("is not a loopback address, so it takes no port");
        }
        match self.url.port() {
            Some(own) if own == port => Ok(self.text.clone()),
            Some(_) => Err("names another port"),
            None => {
                let mut url = self.url.clone();
                url.set_port(Some(port)).map_err(|()| "takes no port")?;
                Ok(url.into())
            }
        }
    }
}

/// Whether a redirect came to the URI that was sent: everything up to the query is the same, and so is a query of the URI's own.
pub(crate) fn came_to(redirect: &Url, uri: &str) -> bool {
    let Ok(uri) = Url::parse(uri) else { return false };
    let own_query_kept = uri.query().is_none_or(|own| {
        let own: Vec<_> = url::form_urlencoded::parse(own.as_bytes()).collect();
        let theirs: Vec<_> = redirect.query_pairs().collect();
        own.iter().all(|pair| theirs.contains(pair))
    });
    redirect.scheme() == uri.scheme()
        && redirect.host() == uri.host()
        && redirect.port_or_known_default() == uri.port_or_known_default()
        && redirect.path() == uri.path()
        && redirect.username().is_empty()
        && redirect.password().is_none()
        && own_query_kept
}

/// Whether a URL names a loopback address by its number: `localhost` is a name, and names can be made to point elsewhere.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    }
}
