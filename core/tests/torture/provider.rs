//! A provider without a network, so that a flow can be gone through ten thousand times. It is as strict as there are: a refresh token works once, and one that
//! comes again ends its grant. Its tokens say whose they are and how many there were before them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyfob::{Clock, HttpRequest, HttpResponse, Transport, TransportError};
use keyfob_vfs::Disk;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::support::{REDIRECT_URI, parameter};

/// Where it is; the one of the golden stores too.
pub const ISSUER: &str = "http://127.0.0.1:4011";

/// How long an access token lives.
pub const LIFE: Duration = Duration::from_secs(3600);

/// The refresh token of ada in the golden stores.
const GOLDEN: &str = "golden-refresh-token-of-ada";

/// One login's line of tokens.
#[derive(Clone, Debug)]
pub struct Grant {
    pub uid: String,
    pub generation: u64,
    /// Revoked, or ended because a spent token came.
    pub dead: bool,
}

/// What it knows.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Codes that were not traded in yet: the nonce and the user of each.
    codes: BTreeMap<String, (String, String)>,
    pub grants: Vec<Grant>,
    /// How often a spent token came that was not forgiven.
    pub reuses: usize,
    /// Whether the last spent token is good for one more pair.
    pub forgives: bool,
}

pub struct Provider {
    key: Arc<EcdsaKeyPair>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// What it knew since which moment of the disk.
    history: Mutex<Vec<(usize, State)>>,
    disk: Disk,
}

impl Provider {
    pub fn new(key: &Arc<EcdsaKeyPair>, clock: Arc<dyn Clock>, disk: Disk, state: State) -> Self {
        let history = Mutex::new(vec![(0, state.clone())]);
        Self { key: Arc::clone(key), clock, state: Mutex::new(state), history, disk }
    }

    pub fn key() -> Arc<EcdsaKeyPair> {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Arc::new(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap())
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What it knew at a moment of the disk.
    pub fn state_at(&self, moment: usize) -> State {
        let history = self.history.lock().unwrap();
        history.iter().rev().find(|(since, _)| *since <= moment).unwrap().1.clone()
    }

    fn remember(&self) {
        let state = self.state().clone();
        self.history.lock().unwrap().push((self.disk.moment(), state));
    }

    /// A grant without a login, as another library left it; its number.
    pub fn grant(&self, uid: &str) -> usize {
        let number = {
            let mut state = self.state();
            state.grants.push(Grant { uid: uid.to_owned(), generation: 0, dead: false });
            state.grants.len() - 1
        };
        self.remember();
        number
    }

    /// The user at the browser; gives the redirect.
    pub fn log_in(&self, authorization_url: &str, uid: &str) -> String {
        let of = |name: &str| parameter(authorization_url, name).unwrap();
        let code = {
            let mut state = self.state();
            let code = format!("code-{}-{}", state.grants.len(), state.codes.len());
            state.codes.insert(code.clone(), (of("nonce"), uid.to_owned()));
            code
        };
        self.remember();
        let query = [("code", code.as_str()), ("state", &of("state")), ("iss", ISSUER)];
        url::Url::parse_with_params(REDIRECT_URI, query).unwrap().into()
    }

    fn token(&self, form: &BTreeMap<String, String>) -> Result<Value, &'static str> {
        let mut state = self.state();
        if form.get("grant_type").map(String::as_str) == Some("authorization_code") {
            let (nonce, uid) = state.codes.remove(&form["code"]).ok_or("invalid_grant")?;
            state.grants.push(Grant { uid: uid.clone(), generation: 0, dead: false });
            return Ok(self.tokens(state.grants.len() - 1, 0, &uid, Some(&nonce)));
        }
        let (number, generation) = of_token(&form["refresh_token"]).ok_or("invalid_grant")?;
        let forgives = state.forgives;
        let grant = state.grants.get_mut(number).filter(|grant| !grant.dead).ok_or("invalid_grant")?;
        let is_last = generation + 1 == grant.generation;
        if generation != grant.generation && !(forgives && is_last) {
            grant.dead = true;
            state.reuses += 1;
            return Err("invalid_grant");
        }
        grant.generation += 1;
        let (generation, uid) = (grant.generation, grant.uid.clone());
        Ok(self.tokens(number, generation, &uid, None))
    }

    fn tokens(&self, number: usize, generation: u64, uid: &str, nonce: Option<&str>) -> Value {
        json!({
            "access_token": format!("at-{number}-{generation}"),
            "refresh_token": format!("rt-{number}-{generation}"),
            "token_type": "Bearer",
            "expires_in": LIFE.as_secs(),
            "id_token": self.id_token(uid, nonce),
        })
    }

    fn id_token(&self, uid: &str, nonce: Option<&str>) -> String {
        let now = self.clock.wall().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut claims = json!({
            "iss": ISSUER, "sub": uid, "aud": "demo", "iat": now, "exp": now + 600, "email": format!("{uid}@example.com"),
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "ES256", "kid": "one", "typ": "JWT"})), part(&claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn keys(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "one",
            "x": part(&point[1..33]), "y": part(&point[33..65]),
        }]})
    }

    fn revoke(&self, form: &BTreeMap<String, String>) {
        let mut state = self.state();
        if let Some(grant) = of_token(&form["token"]).and_then(|(number, _)| state.grants.get_mut(number)) {
            grant.dead = true;
        }
    }

    fn userinfo(&self, request: &HttpRequest) -> Option<Value> {
        let header = request.headers().iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let token = header.and_then(|(_, value)| value.strip_prefix("Bearer "))?;
        let state = self.state();
        let (number, generation) = of_token(token)?;
        let grant = state.grants.get(number).filter(|grant| !grant.dead && grant.generation == generation)?;
        Some(json!({"sub": grant.uid, "email": format!("{}@example.com", grant.uid), "name": "Ada"}))
    }
}

/// Which grant's token it is, and of which generation.
pub fn of_token(token: &str) -> Option<(usize, u64)> {
    if token == GOLDEN || token == "golden-access-token-of-ada" {
        return Some((0, 0));
    }
    let (number, generation) = token.get(3..)?.split_once('-')?;
    Some((number.parse().ok()?, generation.parse().ok()?))
}

impl Transport for Provider {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let form: BTreeMap<String, String> = url::form_urlencoded::parse(request.body()).into_owned().collect();
        let (status, body) = match request.url().strip_prefix(ISSUER).unwrap() {
            "/.well-known/openid-configuration" => (
                200,
                json!({
                    "issuer": ISSUER,
                    "authorization_endpoint": format!("{ISSUER}/authorize"),
                    "token_endpoint": format!("{ISSUER}/token"),
                    "userinfo_endpoint": format!("{ISSUER}/userinfo"),
                    "revocation_endpoint": format!("{ISSUER}/revoke"),
                    "jwks_uri": format!("{ISSUER}/jwks"),
                    "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["ES256"],
                    "code_challenge_methods_supported": ["S256"],
                    "authorization_response_iss_parameter_supported": true,
                }),
            ),
            "/jwks" => (200, self.keys()),
            "/token" => {
                let answer = self.token(&form);
                self.remember();
                answer.map_or_else(|code| (400, json!({ "error": code })), |tokens| (200, tokens))
            }
            "/userinfo" => self.userinfo(request).map_or_else(|| (401, json!({})), |claims| (200, claims)),
            "/revoke" => {
                self.revoke(&form);
                self.remember();
                (200, json!({}))
            }
            other => unreachable!("nobody was to ask for {other}"),
        };
        let json = ("Content-Type".to_owned(), "application/json".to_owned());
        Ok(HttpResponse::new(status, vec![json], body.to_string().into_bytes()))
    }
}
