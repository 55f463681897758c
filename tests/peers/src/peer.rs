//! The provider: a program of its own, for one test.

use std::env;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use ureq::Agent;

use crate::client::Client;

/// How long the provider may take to say anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// `oidc-provider`, run by `server.mjs`. It ends when this is dropped.
#[derive(Debug)]
pub struct Peer {
    client: Client,
    issuer: String,
    process: Process,
}

/// A request that the provider got.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// What it was answered with.
    pub status: Option<u16>,
    /// The grant type, where it asked for a token.
    pub grant: Option<String>,
}

impl Peer {
    /// Starts a provider that knows this one client.
    ///
    /// # Errors
    /// No node, no `node_modules`, or it does not start.
    pub fn start(client: Client) -> Result<Self> {
        let (process, issuer) = Process::start(&client.settings())?;
        Ok(Self { client, issuer, process })
    }

    /// Ends it and starts it anew on the same port: it has forgotten everything and has other keys.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart(&mut self) -> Result<()> {
        let mut settings = self.client.settings();
        let port = url::Url::parse(&self.issuer)?.port().context("an issuer without a port")?;
        if let Some(members) = settings.as_object_mut() {
            members.insert("port".to_owned(), json!(port));
        }
        self.process.end();
        let (process, issuer) = Process::start(&settings)?;
        self.process = process;
        if issuer != self.issuer {
            bail!("restarted as another issuer: {issuer}");
        }
        Ok(())
    }

    /// Ends it before its time: nobody listens on its port.
    pub fn stop(&mut self) {
        self.process.end();
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The client that it knows.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What it was asked so far.
    ///
    /// # Errors
    /// It does not answer.
    pub fn requests(&self) -> Result<Vec<Request>> {
        let mut answer = agent().get(format!("{}/requests", self.issuer)).call()?;
        Ok(serde_json::from_reader(answer.body_mut().as_reader())?)
    }

    /// How many requests it got at a path.
    ///
    /// # Errors
    /// It does not answer.
    pub fn count(&self, path: &str) -> Result<usize> {
        Ok(self.requests()?.iter().filter(|request| request.path == path).count())
    }

    /// Sends a request as the client, past Keyfob. Gives status and JSON.
    ///
    /// # Errors
    /// It does not answer in JSON.
    pub fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Result<(u16, Value)> {
        let (header, mut form) = self.client.credentials();
        form.extend_from_slice(parameters);
        let mut request = agent().post(format!("{}{path}", self.issuer));
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let mut answer = request.send_form(form)?;
        let text = answer.body_mut().read_to_string()?;
        Ok((answer.status().as_u16(), serde_json::from_str(&text).with_context(|| text)?))
    }

    /// Whether the provider still honours a token (RFC 7662).
    ///
    /// # Errors
    /// It does not answer as the standard says.
    pub fn honours(&self, token: &str) -> Result<bool> {
        let (status, answer) = self.ask("/token/introspection", &[("token", token)])?;
        match answer.get("active").and_then(Value::as_bool) {
            Some(active) if status == 200 => Ok(active),
            _ => bail!("introspection answers {status}: {answer}"),
        }
    }
}

/// A way to the provider that takes every answer as it is.
pub(crate) fn agent() -> Agent {
    // No proxy, whatever the environment says: the provider is on this machine.
    let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None);
    config.timeout_global(Some(PATIENCE)).build().into()
}

/// Node, which ends by its process id, and by the end of its standard input should this process be killed.
#[derive(Debug)]
struct Process {
    child: Child,
    complaints: Option<JoinHandle<String>>,
}

impl Process {
    /// Starts it and waits for the issuer, its first line.
    fn start(settings: &Value) -> Result<(Self, String)> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        if !here.join("node_modules/oidc-provider").is_dir() {
            bail!("no node_modules here: `cargo xtask test peers` fills them, or `npm ci` in {}", here.display());
        }
        let mut command = Command::new("node");
        command.arg("server.mjs").arg(settings.to_string()).current_dir(here);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot start node (20 or later)")?;
        let complaints = child.stderr.take().map(|pipe| thread::spawn(move || read(pipe)));
        let output = child.stdout.take();
        let mut process = Self { child, complaints };
        match first_line(output.context("node without an output")?) {
            Some(issuer) => Ok((process, issuer)),
            None => {
                process.end();
                bail!("the provider did not start: {}", process.complaints());
            }
        }
    }

    fn end(&mut self) {
        // One that has ended already is no trouble.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn complaints(&mut self) -> String {
        self.complaints.take().and_then(|reader| reader.join().ok()).unwrap_or_default()
    }
}

/// The first line, if it comes in time.
fn first_line(pipe: ChildStdout) -> Option<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(pipe).read_line(&mut line);
        // Nobody waits any more once the time is over.
        let _ = sender.send(read.ok().map(|_| line.trim().to_owned()));
    });
    receiver.recv_timeout(PATIENCE).ok().flatten().filter(|line| !line.is_empty())
}

fn read(mut pipe: ChildStderr) -> String {
    let mut text = Vec::new();
    // What came before an error counts.
    let _: io::Result<usize> = pipe.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "the words of the provider belong to the output of a failed test")]
    fn drop(&mut self) {
        self.end();
        if thread::panicking() {
            eprintln!("the provider said:\n{}", self.complaints());
        }
    }
}
