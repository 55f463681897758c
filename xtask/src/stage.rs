//! The world around a C program under test: a provider, a browser, and an empty folder for its stores.
//!
//! C has no HTTP client, so a program asks for what it cannot do with a line on its standard output, and
//! reads the answer as one line on its standard input. It must `fflush(stdout)` before it reads.
//!
//! | the line | the answer |
//! |---|---|
//! | a URL of the provider, alone on its line (what an application prints for its user) | the redirect, after a login |
//! | `# browse URL` | the same |
//! | `# refuse URL` | the redirect, after the user said no |
//! | `# post URL` | where the provider's page sends its form after a login, a space, and the form (`response_mode=form_post`) |
//! | `# connect URL CODE` | `done`, after the user typed the code of another device in there |
//! | `# count PATH` | how many requests the provider got at that path, such as `/token` |
//! | `# script JSON` | `done`, after the provider's script was replaced |
//! | `# forget log` | `done`, after the provider's log was emptied |
//! | `# vector FILE /POINTER` | what stands there in a file of `tests/vectors`: `=` and the text, or `=` and the JSON of what is no text; `-` where nothing stands |
//! | `# sent FILE` | `same` where the provider's log, masked, is the `requests` of that file; else `other` |
//!
//! Lines with `#` are comments to everything that reads the Test Anything Protocol.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use keyfob_idp::{Idp, LoggedRequest, Script, browser};
use serde_json::{Value, json};

use crate::vectors;

/// The registration of [`Stage::config`].
pub(crate) const REGISTRATION: &str = "work-sso";

const USER: &str = "ada";
const PASSWORD: &str = "lovelace";

/// Members of a token answer that nothing may print.
const SECRETS: &[&str] = &["access_token", "refresh_token", "id_token"];

pub(crate) struct Stage {
    idp: Idp,
    /// Whether the browser goes where the provider redirects it to, if a port is named there: to an example that listens.
    pub(crate) follows: bool,
    /// How often the browser was sent somewhere.
    pub(crate) browsed: usize,
    /// The log, masked, as it was when the program asked what it had sent.
    pub(crate) sent: Option<Value>,
    /// The first request that could not be answered.
    pub(crate) trouble: Option<String>,
}

impl Stage {
    pub(crate) fn new() -> Result<Self> {
        Self::with(Script::default())
    }

    /// With another script than the provider's own.
    pub(crate) fn with(script: Script) -> Result<Self> {
        Self::at(Idp::start(script))
    }

    /// The same over HTTPS, for programs that speak nothing else.
    pub(crate) fn with_tls(script: Script) -> Result<Self> {
        Self::at(Idp::start_tls(script))
    }

    fn at(started: std::io::Result<Idp>) -> Result<Self> {
        let idp = started.map_err(|error| anyhow!("the provider did not start: {error}"))?;
        Ok(Self { idp, follows: false, browsed: 0, sent: None, trouble: None })
    }

    /// What the provider was asked, the browser's requests included.
    pub(crate) fn requests(&self) -> Vec<LoggedRequest> {
        self.idp.requests()
    }

    pub(crate) fn forget_requests(&self) {
        self.idp.clear_requests();
    }

    /// What a client of a provider with HTTPS has to trust, as PEM.
    pub(crate) fn ca_certificate(&self) -> Option<&str> {
        self.idp.ca_certificate()
    }

    /// Plays another script from the next request on.
    pub(crate) fn play(&self, script: Script) -> Result<()> {
        self.idp.set_script(script).map_err(|error| anyhow!("{error}"))
    }

    pub(crate) fn issuer(&self) -> String {
        self.idp.issuer().to_owned()
    }

    /// A configuration for this provider, as an application would have it. The store key is the application's matter.
    pub(crate) fn config(&self, store: &Path) -> String {
        let registration = json!({
            "id": REGISTRATION,
            "provider": "oidc",
            "variables": { "issuer": self.issuer() },
            "client_id": "demo",
            "redirect_uri": "http://127.0.0.1/callback/work-sso",
            "scopes": ["openid", "email", "offline_access"],
        });
        json!({ "store": { "path": store }, "registrations": [registration] }).to_string()
    }

    /// What a line of the program asks for; nothing for a line that asks nothing.
    pub(crate) fn answer(&mut self, line: &str) -> Option<String> {
        let (asked, what) = asked(line, self.idp.issuer())?;
        let answer = self.act(asked, what);
        Some(answer.unwrap_or_else(|error| {
            let error = format!("{asked} {what}: {error:#}");
            println!("# stage: {error}");
            self.trouble.get_or_insert(error);
            // An empty line rather than none: the program shall fail, not wait.
            String::new()
        }))
    }

    fn act(&mut self, asked: &str, what: &str) -> Result<String> {
        match asked {
            "browse" => {
                self.browsed += 1;
                let redirect = browser::log_in(what, USER, PASSWORD).map_err(|error| anyhow!("{error}"))?;
                if self.follows {
                    follow(&redirect)?;
                }
                Ok(redirect)
            }
            "refuse" => {
                self.browsed += 1;
                browser::deny(what).map_err(|error| anyhow!("{error}"))
            }
            "post" => {
                self.browsed += 1;
                let (action, body) =
                    browser::log_in_by_form(what, USER, PASSWORD).map_err(|error| anyhow!("{error}"))?;
                Ok(format!("{action} {body}"))
            }
            "connect" => {
                let (uri, code) = what.split_once(' ').context("no code")?;
                browser::connect_device(uri, code, USER, PASSWORD).map_err(|error| anyhow!("{error}"))?;
                Ok("done".to_owned())
            }
            "count" => Ok(self.idp.requests().iter().filter(|request| request.path == what).count().to_string()),
            "script" => {
                let script = serde_json::from_str(what).context("the script")?;
                self.idp.set_script(script).map_err(|error| anyhow!("{error}"))?;
                Ok("done".to_owned())
            }
            "forget" => {
                self.idp.clear_requests();
                Ok("done".to_owned())
            }
            "vector" => {
                let (file, pointer) = what.split_once(' ').context("no pointer")?;
                Ok(match vectors::read(file)?.pointer(pointer) {
                    None => "-".to_owned(),
                    Some(Value::String(text)) => format!("={text}"),
                    Some(other) => format!("={other}"),
                })
            }
            "sent" => {
                let sent = json!(self.idp.masked_requests());
                let same = vectors::read(what)?.get("requests") == Some(&sent);
                self.sent = Some(sent);
                Ok(if same { "same" } else { "other" }.to_owned())
            }
            _ => bail!("nobody knows how to do that"),
        }
    }

    /// An error unless somebody with that name in its `User-Agent` sent every request for tokens, and there was one.
    pub(crate) fn every_token_came_to(&self, name: &str) -> Result<()> {
        let requests = self.idp.requests();
        let mut senders = requests
            .iter()
            .filter(|request| request.path == "/token")
            .map(|request| request.header("user-agent"))
            .peekable();
        if senders.peek().is_none() || !senders.all(|sender| sender.is_some_and(|sender| sender.contains(name))) {
            bail!("not all tokens, or none, came to {name}");
        }
        Ok(())
    }

    /// An error that says which kind of token stands in a text, without the token.
    pub(crate) fn no_token_in(&self, text: &str) -> Result<()> {
        for request in self.idp.requests() {
            let answer = request.answer_json();
            for name in SECRETS {
                let leaked = answer.get(name).and_then(Value::as_str).is_some_and(|token| text.contains(token));
                if leaked {
                    bail!("it printed the {name} that {} answered", request.path);
                }
            }
        }
        Ok(())
    }
}

/// Gets a page of the loopback address, where a port is named in its URL, as the browser does at the end of a login.
fn follow(redirect: &str) -> Result<()> {
    let Some(rest) = redirect.strip_prefix("http://127.0.0.1:") else { return Ok(()) };
    let (port, path) = rest.split_once('/').context("a redirect without a path")?;
    let mut connection = TcpStream::connect(("127.0.0.1", port.parse()?)).context("nobody listens at the redirect")?;
    write!(connection, "GET /{path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n")?;
    let mut page = String::new();
    connection.read_to_string(&mut page)?;
    if !page.lines().next().is_some_and(|status| status.contains(" 200 ")) {
        bail!("the page at the end of the login is no success");
    }
    Ok(())
}

/// The stage direction in a line: what to do, and with what.
fn asked<'a>(line: &'a str, issuer: &str) -> Option<(&'a str, &'a str)> {
    let line = line.trim();
    if line.strip_prefix(issuer).is_some_and(|rest| rest.starts_with('/') && !rest.contains(' ')) {
        return Some(("browse", line));
    }
    let (verb, what) = line.strip_prefix("# ")?.split_once(' ')?;
    let known = ["browse", "refuse", "post", "connect", "count", "script", "forget", "vector", "sent"];
    known.contains(&verb).then_some((verb, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "http://127.0.0.1:4011";

    #[test]
    fn a_url_of_the_provider_alone_on_a_line_is_browsed() {
        let url = "http://127.0.0.1:4011/authorize?state=s";
        assert_eq!(asked(&format!("  {url}\n"), ISSUER), Some(("browse", url)));
        assert_eq!(asked(&format!("open {url}"), ISSUER), None);
        assert_eq!(asked("http://127.0.0.1:40110/authorize", ISSUER), None, "another port");
    }

    #[test]
    fn directions_are_comments_with_a_known_verb() {
        assert_eq!(asked("# count /token", ISSUER), Some(("count", "/token")));
        assert_eq!(asked("# refuse http://x/a b", ISSUER), Some(("refuse", "http://x/a b")));
        assert_eq!(asked("# every setter is seen in a request", ISSUER), None);
        assert_eq!(asked("ok 1 - count /token", ISSUER), None);
    }

    #[test]
    fn the_provider_the_browser_and_the_log_answer() {
        let mut stage = Stage::new().unwrap();
        let url = format!(
            "{}/authorize?response_type=code&client_id=demo&scope=openid&state=s&code_challenge_method=S256&\
             code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&\
             redirect_uri=http%3A%2F%2F127.0.0.1%3A7777%2Fcallback%2Fwork-sso",
            stage.issuer()
        );
        let redirect = stage.answer(&url).unwrap();
        assert!(redirect.starts_with("http://127.0.0.1:7777/callback/work-sso?"), "{redirect}");
        assert!(redirect.contains("code="), "{redirect}");
        let refused = stage.answer(&format!("# refuse {url}")).unwrap();
        assert!(refused.contains("error=access_denied"), "{refused}");
        assert_eq!(stage.answer("# count /token").as_deref(), Some("0"));
        assert_eq!(stage.answer(r#"# script {"tokens": {"access_token_seconds": 2}}"#).as_deref(), Some("done"));
        assert_eq!((stage.browsed, stage.trouble), (2, None));
    }

    #[test]
    fn vectors_are_read_by_their_place_and_compared_with_the_log() {
        let mut stage = Stage::new().unwrap();
        assert_eq!(stage.answer("# vector redirects.json /redirect_port").as_deref(), Some("=4100"));
        assert_eq!(stage.answer("# vector login.json /steps/0/do").as_deref(), Some("=begin_login"));
        assert_eq!(stage.answer("# vector tokens.json /cases/999/name").as_deref(), Some("-"));
        assert_eq!(stage.answer("# forget log").as_deref(), Some("done"));
        assert_eq!(stage.answer("# sent login.json").as_deref(), Some("other"));
        assert_eq!((stage.sent, stage.trouble), (Some(json!([])), None));
    }

    #[test]
    fn what_cannot_be_done_is_remembered_and_answered_with_an_empty_line() {
        let mut stage = Stage::new().unwrap();
        assert_eq!(stage.answer(r#"# script {"tokns": {}}"#).as_deref(), Some(""));
        assert!(stage.trouble.is_some_and(|trouble| trouble.contains("tokns")));
    }
}
