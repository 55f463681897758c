//! What the crate `oauth2` costs, used as its documentation shows, with the loop that its users write round it: the token behind a mutex and in
//! a file, looked at before each use, and refreshed under the mutex after the file was read again.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::sync::{Barrier, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs, hint, io, thread};

use oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenResponse};
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, CsrfToken, EndpointNotSet, EndpointSet, PkceCodeChallenge, RedirectUrl, RequestTokenError, Scope,
    TokenResponse as _, TokenUrl, reqwest,
};
use serde_json::{Value, json};

/// What a worker names itself in.
const NAME: reqwest::header::HeaderName = reqwest::header::HeaderName::from_static("x-worker");

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;
type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// Prints a line for whoever started this, and reads the line that answers it.
fn ask(line: &str) -> Result<String> {
    println!("{line}");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}

/// There is no token, and there will be none before the user has logged in.
const LOGGED_OUT: &str = "logged out";

/// What the user of the crate writes.
struct Tokens {
    client: Client,
    http: reqwest::blocking::Client,
    file: String,
    held: Mutex<Option<Held>>,
}

struct Held {
    access_token: String,
    refresh_token: String,
    expires_at: SystemTime,
}

impl Held {
    fn new(answer: &BasicTokenResponse, old: Option<&str>) -> Self {
        Self {
            access_token: answer.access_token().secret().clone(),
            refresh_token: answer.refresh_token().map(|it| it.secret().clone()).or(old.map(str::to_owned)).unwrap_or_default(),
            expires_at: SystemTime::now() + answer.expires_in().unwrap_or_default(),
        }
    }

    fn is_good(&self) -> bool {
        SystemTime::now() < self.expires_at
    }

    /// What is stored; nothing where the user has to log in again.
    fn read(file: &str) -> Result<Option<Self>> {
        let Ok(text) = fs::read_to_string(file) else { return Ok(None) };
        let stored: Value = serde_json::from_str(&text)?;
        let text = |key: &str| stored[key].as_str().unwrap_or_default().to_owned();
        let expires_at = UNIX_EPOCH + Duration::from_millis(stored["expires_at"].as_u64().unwrap_or_default());
        Ok(Some(Self { access_token: text("access_token"), refresh_token: text("refresh_token"), expires_at }))
    }

    /// In one step: whoever reads it reads all of it.
    fn write(&self, file: &str) -> Result<()> {
        let expires_at = self.expires_at.duration_since(UNIX_EPOCH)?.as_millis() as u64;
        let stored = json!({ "access_token": self.access_token, "refresh_token": self.refresh_token, "expires_at": expires_at });
        let written = format!("{file}.{}", std::process::id());
        fs::write(&written, stored.to_string())?;
        Ok(fs::rename(written, file)?)
    }
}

impl Tokens {
    fn access_token(&self) -> Result<String> {
        let mut held = self.held.lock().unwrap();
        if !held.as_ref().is_some_and(Held::is_good) {
            // Another process may have refreshed it.
            let stored = Held::read(&self.file)?.ok_or(LOGGED_OUT)?;
            *held = Some(if stored.is_good() { stored } else { self.refresh(&stored.refresh_token)? });
        }
        Ok(held.as_ref().ok_or(LOGGED_OUT)?.access_token.clone())
    }

    fn refresh(&self, old: &str) -> Result<Held> {
        let answer = self.client.exchange_refresh_token(&oauth2::RefreshToken::new(old.to_owned())).request(&self.http);
        if let Err(RequestTokenError::ServerResponse(error)) = &answer
            && *error.error() == BasicErrorResponseType::InvalidGrant
            && Held::read(&self.file)?.is_some_and(|now| now.refresh_token == old)
        {
            fs::remove_file(&self.file)?;
        }
        let held = Held::new(&answer?, Some(old));
        held.write(&self.file)?;
        Ok(held)
    }

    /// An app whose threads ask for tokens until standard input is closed.
    fn work(&'static self, threads: usize) -> Result<()> {
        for _ in 0..threads {
            thread::spawn(|| {
                // Each thread at its own pace.
                for millis in (1..=8).cycle() {
                    thread::sleep(Duration::from_millis(millis));
                    if let Err(error) = self.access_token() {
                        let error = error.to_string();
                        if error != LOGGED_OUT {
                            println!("{}", json!({ "Passing": error }));
                        }
                        thread::sleep(Duration::from_millis(50));
                    }
                }
            });
        }
        io::stdin().read_to_end(&mut Vec::new())?;
        Ok(())
    }

    fn log_in(&self) -> Result<()> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let request = self.client.authorize_url(CsrfToken::new_random).set_pkce_challenge(challenge);
        let scopes = ["openid", "email", "offline_access"].map(|scope| Scope::new(scope.to_owned()));
        let (url, state) = request.add_scopes(scopes).url();
        let redirect = reqwest::Url::parse(&ask(url.as_str())?)?;
        let parameter = |name: &str| redirect.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        if parameter("state").as_ref() != Some(state.secret()) {
            return Err("another state".into());
        }
        let code = AuthorizationCode::new(parameter("code").ok_or("no code")?);
        let answer = self.client.exchange_code(code).set_pkce_verifier(verifier).request(&self.http)?;
        let held = Held::new(&answer, None);
        held.write(&self.file)?;
        *self.held.lock().unwrap() = Some(held);
        Ok(())
    }
}

fn main() -> Result<()> {
    let words: Vec<String> = env::args().collect();
    let [_, scenario, issuer, file, rest @ ..] = words.as_slice() else { return Err("SCENARIO ISSUER FILE [CA COUNT]".into()) };
    let count = || -> Result<usize> { Ok(rest.get(1).ok_or("no count")?.parse()?) };
    let client = BasicClient::new(ClientId::new("demo".to_owned()))
        .set_auth_uri(AuthUrl::new(format!("{issuer}/authorize"))?)
        .set_token_uri(TokenUrl::new(format!("{issuer}/token"))?)
        .set_redirect_uri(RedirectUrl::new("http://127.0.0.1/callback/work-sso".to_owned())?);
    // As the crate's documentation says: following redirects opens the client up to forged requests.
    let http = reqwest::blocking::ClientBuilder::new().redirect(reqwest::redirect::Policy::none());
    let http = match (scenario.as_str(), rest) {
        // By this header the provider's log tells processes apart.
        ("work", [_, _, name]) => http.default_headers([(NAME, name.parse()?)].into_iter().collect()),
        _ => http,
    };
    let tokens = Tokens { client, http: http.build()?, file: file.clone(), held: Mutex::new(None) };
    let result = match scenario.as_str() {
        "login" => {
            tokens.log_in()?;
            ask("# count /token")?;
            tokens.log_in()?;
            json!({})
        }
        "work" => return Box::leak(Box::new(tokens)).work(count()?),
        "cached" => {
            let times = count()?;
            tokens.access_token()?;
            let begun = Instant::now();
            for _ in 0..times {
                hint::black_box(tokens.access_token()?);
            }
            json!({ "nanoseconds": begun.elapsed().as_secs_f64() * 1e9 / times as f64 })
        }
        _ => {
            let callers = count()?;
            let all = Barrier::new(callers);
            ask("# ready now")?;
            let failed: usize = thread::scope(|scope| {
                let work = || {
                    all.wait();
                    usize::from(tokens.access_token().is_err())
                };
                let threads: Vec<_> = (0..callers).map(|_| scope.spawn(work)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap_or(1)).sum()
            });
            json!({ "failed": failed })
        }
    };
    println!("result {result}");
    Ok(())
}
