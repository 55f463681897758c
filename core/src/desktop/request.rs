//! One request at the loopback port, judged: is it the redirect, noise, or an attack? Plain values in, plain values out.

use httparse::{EMPTY_HEADER, Status};
use url::Url;

use crate::secret::Secret;

/// Longest head of a request: a redirect may be 256 KiB long, and a browser adds headers.
pub(crate) const MAX_HEAD: usize = 288 * 1024;
/// Longest body of a form.
pub(crate) const MAX_BODY: usize = 256 * 1024;
/// A browser sends some fifteen.
const MAX_HEADERS: usize = 64;

/// What the receiver waits for.
pub(crate) struct Expected {
    /// The redirect URI as it was sent.
    pub(crate) redirect_uri: Url,
    pub(crate) state: Secret,
}

/// The redirect of the login that waits, as it came.
pub(crate) enum Came {
    /// The whole URL.
    Url(Secret),
    /// The URL, and the body that was posted there.
    Form(String, Secret),
}

/// What to do about the bytes so far.
pub(crate) enum Verdict {
    /// Read on, until there are so many bytes.
    Incomplete(usize),
    Redirect(Came),
    /// Answer with this status and listen on.
    Refused(u16),
}

/// Judges what has come of one request.
pub(crate) fn judge(bytes: &[u8], expected: &Expected) -> Verdict {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let head = match request.parse(bytes) {
        Ok(Status::Complete(head)) => head,
        Ok(Status::Partial) if bytes.len() > MAX_HEAD => return Verdict::Refused(431),
        Ok(Status::Partial) => return Verdict::Incomplete(1),
        Err(httparse::Error::TooManyHeaders) => return Verdict::Refused(431),
        Err(_) => return Verdict::Refused(400),
    };
    let (Some(method), Some(target)) = (request.method, request.path) else { return Verdict::Refused(400) };
    let headers = Headers(request.headers);
    // A page of another host whose name was made to point here sends that name (DNS rebinding).
    if headers.only("host").is_none_or(|host| !host.eq_ignore_ascii_case(&authority(&expected.redirect_uri))) {
        return Verdict::Refused(421);
    }
    // Not `http://…`, as to a proxy.
    let Some(url) = target.strip_prefix('/').and_then(|_| expected.redirect_uri.join(target).ok()) else {
        return Verdict::Refused(400);
    };
    if url.origin() != expected.redirect_uri.origin() || url.path() != expected.redirect_uri.path() {
        // The icon of a page, a port scan, a pre-connect that went astray.
        return Verdict::Refused(404);
    }
    // A look ahead is not the user's going there, and would use the redirect up.
    if ["purpose", "sec-purpose"].iter().any(|name| headers.has_word(name, "prefetch")) {
        return Verdict::Refused(503);
    }
    match method {
        "GET" if is_theirs(url.query().unwrap_or_default(), expected) => {
            Verdict::Redirect(Came::Url(Secret::new(String::from(url))))
        }
        "GET" => Verdict::Refused(400),
        "POST" => form(bytes, head, url, &headers, expected),
        _ => Verdict::Refused(405),
    }
}

/// OAuth 2.0 Form Post Response Mode.
fn form(bytes: &[u8], head: usize, url: Url, headers: &Headers<'_>, expected: &Expected) -> Verdict {
    let kind = headers.only("content-type").and_then(|kind| kind.split(';').next());
    if !kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")) {
        return Verdict::Refused(415);
    }
    if headers.has("transfer-encoding") {
        return Verdict::Refused(411);
    }
    let length = headers.only("content-length").filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(length) = length.and_then(|text| text.parse::<usize>().ok()) else { return Verdict::Refused(411) };
    if length > MAX_BODY {
        return Verdict::Refused(413);
    }
    let Some(body) = bytes.get(head..head + length) else { return Verdict::Incomplete(head + length) };
    match std::str::from_utf8(body) {
        Ok(body) if is_theirs(body, expected) => Verdict::Redirect(Came::Form(url.into(), Secret::new(body))),
        _ => Verdict::Refused(400),
    }
}

/// Whether an answer has the `state` of the login that waits. Everything else about it is for `complete_login` to judge.
fn is_theirs(answer: &str, expected: &Expected) -> bool {
    let mut states = url::form_urlencoded::parse(answer.as_bytes()).filter(|(name, _)| name == "state");
    states.any(|(_, state)| expected.state.matches(&state))
}

/// Host and port, as a browser sends them.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

struct Headers<'a>(&'a [httparse::Header<'a>]);

impl Headers<'_> {
    fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(move |header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
    }

    /// The value of a header that stands once.
    fn only(&self, name: &str) -> Option<&str> {
        let mut values = self.values(name);
        let value = values.next()?;
        if values.next().is_some() { None } else { std::str::from_utf8(value).ok().map(str::trim) }
    }

    fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    fn has_word(&self, name: &str, word: &str) -> bool {
        self.values(name).any(|value| String::from_utf8_lossy(value).to_ascii_lowercase().contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(redirect_uri: &str) -> Expected {
        Expected { redirect_uri: Url::parse(redirect_uri).unwrap(), state: Secret::new("right") }
    }

    fn said(request: &str) -> Result<bool, u16> {
        match judge(request.replace('\n', "\r\n").as_bytes(), &expected("http://127.0.0.1:7777/cb")) {
            Verdict::Incomplete(_) => Ok(false),
            Verdict::Redirect(_) => Ok(true),
            Verdict::Refused(status) => Err(status),
        }
    }

    const HOST: &str = "Host: 127.0.0.1:7777";

    #[test]
    fn s13_only_the_redirect_of_this_login_to_this_address_counts() {
        assert_eq!(said(&format!("GET /cb?code=c&state=right HTTP/1.1\n{HOST}\n\n")), Ok(true));
        assert_eq!(said(&format!("GET /cb?code=c&state=right HTTP/1.1\n{HOST}\n")), Ok(false));
        for (status, request) in [
            (400, format!("GET /cb?code=c&state=wrong HTTP/1.1\n{HOST}\n\n")),
            (400, format!("GET /cb HTTP/1.1\n{HOST}\n\n")),
            (404, format!("GET /favicon.ico HTTP/1.1\n{HOST}\n\n")),
            (404, format!("GET /cb/?code=c&state=right HTTP/1.1\n{HOST}\n\n")),
            (404, format!("GET //evil.example/cb?code=c&state=right HTTP/1.1\n{HOST}\n\n")),
            (421, "GET /cb?code=c&state=right HTTP/1.1\nHost: evil.example:7777\n\n".to_owned()),
            (421, "GET /cb?code=c&state=right HTTP/1.1\nHost: localhost:7777\n\n".to_owned()),
            (421, "GET /cb?code=c&state=right HTTP/1.1\nHost: 127.0.0.1\n\n".to_owned()),
            (421, format!("GET /cb?code=c&state=right HTTP/1.1\n{HOST}\n{HOST}\n\n")),
            (421, "GET /cb?code=c&state=right HTTP/1.0\n\n".to_owned()),
            (400, format!("GET http://127.0.0.1:7777/cb?code=c&state=right HTTP/1.1\n{HOST}\n\n")),
            (405, format!("PUT /cb?code=c&state=right HTTP/1.1\n{HOST}\n\n")),
            (405, format!("OPTIONS /cb?code=c&state=right HTTP/1.1\n{HOST}\n\n")),
            (405, format!("HEAD /cb?code=c&state=right HTTP/1.1\n{HOST}\n\n")),
            (503, format!("GET /cb?code=c&state=right HTTP/1.1\n{HOST}\nSec-Purpose: prefetch;prerender\n\n")),
            (400, "\u{16}\u{3}\u{1} TLS, by mistake\n\n".to_owned()),
            (431, format!("GET /cb HTTP/1.1\n{HOST}\n{}\n", "X: y\n".repeat(70))),
            (431, format!("GET /cb?x={}", "y".repeat(MAX_HEAD))),
        ] {
            assert_eq!(said(&request), Err(status), "{request:.120}");
        }
    }

    #[test]
    fn a_form_is_taken_whole_and_of_its_own_kind_only() {
        let post = |headers: &str, body: &str| said(&format!("POST /cb HTTP/1.1\n{HOST}\n{headers}\n\n{body}"));
        let form = "Content-Type: application/x-www-form-urlencoded; charset=utf-8";
        assert_eq!(post(&format!("{form}\nContent-Length: 18"), "code=c&state=right"), Ok(true));
        assert_eq!(post(&format!("{form}\nContent-Length: 18"), "code=c&state=rig"), Ok(false));
        assert_eq!(post(&format!("{form}\nContent-Length: 18"), "code=c&state=wrong"), Err(400));
        assert_eq!(post("Content-Type: text/plain\nContent-Length: 18", "code=c&state=right"), Err(415));
        assert_eq!(post(form, "code=c&state=right"), Err(411));
        assert_eq!(post(&format!("{form}\nTransfer-Encoding: chunked"), ""), Err(411));
        assert_eq!(post(&format!("{form}\nContent-Length: 999999"), ""), Err(413));
        assert_eq!(post(&format!("{form}\nContent-Length: +18"), "code=c&state=right"), Err(411));
    }

    #[test]
    fn an_ipv6_address_has_its_brackets() {
        let request = b"GET /cb?code=c&state=right HTTP/1.1\r\nHost: [::1]:7777\r\n\r\n";
        assert!(matches!(judge(request, &expected("http://[::1]:7777/cb")), Verdict::Redirect(Came::Url(_))));
    }
}
