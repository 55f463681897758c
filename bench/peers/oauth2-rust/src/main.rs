//! What the crate `oauth2` costs, used as its documentation shows, with the loop that its users write round it: the token behind a mutex and in
//! a file, looked at before each use, and refreshed under the mutex.

use std::error::Error;
use std::io::Write as _;
use std::sync::{Barrier, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs, hint, io, thread};

use oauth2::basic::{BasicClient, BasicTokenResponse};
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, CsrfToken, EndpointNotSet, EndpointSet, PkceCodeChallenge, RedirectUrl, Scope,
    TokenResponse as _, TokenUrl, reqwest,
};
use serde_json::{Value, json};

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

/// What the user of the crate writes.
struct Tokens {
    client: Client,
    http: reqwest::blocking::Client,
    held: Mutex<Held>,
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
}

impl Tokens {
    fn access_token(&self) -> Result<String> {
        let mut held = self.held.lock().unwrap();
        if held.expires_at <= SystemTime::now() {
            let old = oauth2::RefreshToken::new(held.refresh_token.clone());
            let answer = self.client.exchange_refresh_token(&old).request(&self.http)?;
            *held = Held::new(&answer, Some(old.secret()));
        }
        Ok(held.access_token.clone())
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
        *self.held.lock().unwrap() = Held::new(&answer, None);
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
    let http = reqwest::blocking::ClientBuilder::new().redirect(reqwest::redirect::Policy::none()).build()?;
    let held = match fs::read_to_string(file) {
        Ok(text) => {
            let stored: Value = serde_json::from_str(&text)?;
            let text = |key: &str| stored[key].as_str().unwrap_or_default().to_owned();
            let expires_at = UNIX_EPOCH + Duration::from_millis(stored["expires_at"].as_u64().unwrap_or_default());
            Held { access_token: text("access_token"), refresh_token: text("refresh_token"), expires_at }
        }
        Err(_) => Held { access_token: String::new(), refresh_token: String::new(), expires_at: UNIX_EPOCH },
    };
    let tokens = Tokens { client, http, held: Mutex::new(held) };
    let result = match scenario.as_str() {
        "login" => {
            tokens.log_in()?;
            ask("# count /token")?;
            tokens.log_in()?;
            let held = tokens.held.lock().unwrap();
            let expires_at = held.expires_at.duration_since(UNIX_EPOCH)?.as_millis();
            let stored = json!({ "access_token": held.access_token, "refresh_token": held.refresh_token, "expires_at": expires_at as u64 });
            fs::write(file, stored.to_string())?;
            json!({})
        }
        "cached" => {
            let times = count()?;
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
