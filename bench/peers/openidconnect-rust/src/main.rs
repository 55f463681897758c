//! What a login with the crate `openidconnect` costs, used as its documentation shows: discovery, the code, and the ID token's checks. It keeps
//! no tokens and refreshes none by itself: that is the loop of `oauth2-rust`, which it is made of.

use std::error::Error;
use std::io::Write as _;
use std::{env, io};

use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata};
use openidconnect::{
    AuthorizationCode, ClientId, CsrfToken, IssuerUrl, Nonce, PkceCodeChallenge, RedirectUrl, Scope, TokenResponse as _, reqwest,
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Prints a line for whoever started this, and reads the line that answers it.
fn ask(line: &str) -> Result<String> {
    println!("{line}");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}

fn log_in(http: &reqwest::blocking::Client, issuer: &str) -> Result<()> {
    let metadata = CoreProviderMetadata::discover(&IssuerUrl::new(issuer.to_owned())?, http)?;
    let client = CoreClient::from_provider_metadata(metadata, ClientId::new("demo".to_owned()), None)
        .set_redirect_uri(RedirectUrl::new("http://127.0.0.1/callback/work-sso".to_owned())?);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let request = client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random);
    let scopes = ["email", "offline_access"].map(|scope| Scope::new(scope.to_owned()));
    let (url, state, nonce) = request.add_scopes(scopes).set_pkce_challenge(challenge).url();
    let redirect = reqwest::Url::parse(&ask(url.as_str())?)?;
    let parameter = |name: &str| redirect.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    if parameter("state").as_ref() != Some(state.secret()) {
        return Err("another state".into());
    }
    let code = AuthorizationCode::new(parameter("code").ok_or("no code")?);
    let answer = client.exchange_code(code)?.set_pkce_verifier(verifier).request(http)?;
    answer.id_token().ok_or("no ID token")?.claims(&client.id_token_verifier(), &nonce)?;
    Ok(())
}

fn main() -> Result<()> {
    let issuer = env::args().nth(2).ok_or("SCENARIO ISSUER")?;
    let http = reqwest::blocking::ClientBuilder::new().redirect(reqwest::redirect::Policy::none()).build()?;
    log_in(&http, &issuer)?;
    ask("# count /token")?;
    log_in(&http, &issuer)?;
    println!("result {{}}");
    Ok(())
}
