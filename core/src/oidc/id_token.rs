//! The ID token: every check of OpenID Connect Core 3.1.3.7, and for a refreshed one those of 12.2.
//!
//! The signature is verified although TLS would excuse it (security S45). Errors carry words of ours and
//! names of claims, never a value from the token.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use serde_json::{Map, Value};

use super::jwks::KeySet;
use super::jws::{Algorithm, HS256, Jws};
use crate::error::{Error, Reason, Result};
use crate::provider::Issuer;
use crate::secret::{Secret, constant_time_eq};

#[cfg(test)]
mod tests;

/// However wrong the clocks are, no token is believed longer than this after its end (security S46).
const MAX_LEEWAY: Duration = Duration::from_secs(300);
/// Longest `sub`, in ASCII characters (OpenID Connect Core section 2).
const MAX_SUBJECT: usize = 255;
/// The largest time that every JSON reader reads alike.
const MAX_SECONDS: u64 = 1 << 53;

/// What the token is held against.
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a Issuer,
    pub(crate) client_id: &'a str,
    /// What the login sent. `None` only where none was sent, or it is no longer known: then it is not looked at.
    pub(crate) nonce: Option<&'a Secret>,
    /// The access token that came along; `at_hash` is not looked at without one.
    pub(crate) access_token: Option<&'a str>,
    /// What the login asked for.
    pub(crate) max_age: Option<Duration>,
    /// What the login asked for; empty: nothing.
    pub(crate) acr_values: &'a [String],
    pub(crate) allowed: Allowed<'a>,
    pub(crate) now: SystemTime,
    /// How far the clocks may differ; more than five minutes counts as five.
    pub(crate) leeway: Duration,
}

/// What may have signed a token, whatever its header says (RFC 8725 section 3.1).
#[derive(Clone)]
pub(crate) struct Allowed<'a> {
    /// By the issuer's keys: those that the provider's file names, else those that its metadata names, else all.
    pub(crate) algorithms: Vec<Algorithm>,
    /// By the client's own secret (`HS256`): only for a confidential client, and only where the provider's file says so (security S41).
    pub(crate) client_secret: Option<&'a Secret>,
}

impl Allowed<'_> {
    /// Whether this token says that the client's secret signs it, and may: then no key of the issuer's is needed.
    pub(crate) fn needs_no_keys(&self, token: &str) -> bool {
        self.client_secret.is_some() && Jws::parse(token).is_ok_and(|jws| jws.alg == HS256)
    }
}

impl Expected<'_> {
    fn now(&self) -> u64 {
        // A clock before 1970 makes every `iat` lie in the future, which is refused.
        self.now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    fn leeway(&self) -> u64 {
        self.leeway.min(MAX_LEEWAY).as_secs()
    }

    /// The latest time that is not yet the future.
    fn latest(&self) -> u64 {
        self.now().saturating_add(self.leeway())
    }
}

/// Whom a session belongs to, from the ID token of its login.
pub(crate) struct Original<'a> {
    pub(crate) subject: &'a str,
    pub(crate) issuer: &'a str,
    /// Seconds since 1970, where the login's token told.
    pub(crate) auth_time: Option<u64>,
}

/// The claims of a verified token. Times are seconds since 1970. Has no `Debug`: they name a person.
pub(crate) struct Claims {
    pub(crate) subject: String,
    pub(crate) issuer: String,
    pub(crate) auth_time: Option<u64>,
    /// Every claim as it came, those above included.
    pub(crate) all: Map<String, Value>,
}

/// Verifies the ID token that a code was exchanged for.
///
/// [`Reason::IdTokenKeyNotFound`] is the one refusal that a fresh JWKS may cure (security S57).
pub(crate) fn verify_login(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<Claims> {
    verify(token, keys, expected, None)
}

/// Verifies the ID token that came with a refresh (security S59).
///
/// The same checks, save that it may leave the nonce out and that `max_age` is not applied: `auth_time` goes
/// on naming the login's time, which only grows older. [`Reason::IdentityMismatch`] when it is about somebody else.
pub(crate) fn verify_refreshed(
    token: &str,
    keys: &KeySet,
    expected: &Expected<'_>,
    original: &Original<'_>,
) -> Result<Claims> {
    verify(token, keys, expected, Some(original))
}

fn verify(token: &str, keys: &KeySet, expected: &Expected<'_>, original: Option<&Original<'_>>) -> Result<Claims> {
    let (hash, claims) = authentic(token, keys, &expected.allowed)?;
    // Who speaks, to whom, and about whom come first: a token about somebody else differs in its times as
    // well, and must not be reported as merely that.
    let issuer = issuer(&claims, expected, original)?;
    audience(&claims, expected)?;
    let subject = subject(&claims, original)?;
    expiry(&claims, expected)?;
    issued(&claims, expected)?;
    nonce(&claims, expected, original)?;
    acr(&claims, expected)?;
    let auth_time = auth_time(&claims, expected, original)?;
    access_token_hash(&claims, expected, hash)?;
    Ok(Claims { subject, issuer, auth_time, all: claims })
}

/// Verifies a userinfo answer that is a JWT (OpenID Connect Core section 5.3.2), and gives its claims.
///
/// Whom it is from and for need not stand in it, but must be right where they do; whom it is about is for the caller to compare, as with one that is
/// not signed.
pub(crate) fn verify_userinfo(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<Map<String, Value>> {
    let (_, claims) = authentic(token, keys, &expected.allowed)?;
    if claims.contains_key("iss") {
        issuer(&claims, expected, None)?;
    }
    if claims.contains_key("aud") {
        audience(&claims, expected)?;
    }
    if claims.contains_key("exp") {
        expiry(&claims, expected)?;
    }
    Ok(claims)
}

/// Verifies an access token that is a JWT about its user, and gives its claims.
///
/// It is for the resource servers too, so this client need only be one of those that it is for.
pub(crate) fn verify_access_token(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<Map<String, Value>> {
    let (_, claims) = authentic(token, keys, &expected.allowed)?;
    issuer(&claims, expected, None)?;
    let ours = |value: &Value| value.as_str() == Some(expected.client_id);
    let is_for_us = match claims.get("aud") {
        Some(Value::Array(audiences)) => audiences.iter().any(ours),
        Some(audience) => ours(audience),
        None => false,
    };
    if !is_for_us {
        return Err(Error::new(Reason::IdTokenAudience));
    }
    expiry(&claims, expected)?;
    Ok(claims)
}

/// The payload, once it is known that the issuer signed it, and the hash that it was signed with.
fn authentic(
    token: &str,
    keys: &KeySet,
    allowed: &Allowed<'_>,
) -> Result<(&'static digest::Algorithm, Map<String, Value>)> {
    let jws = Jws::parse(token)?;
    if !jws.is_plain_jwt() {
        return Err(Error::new(Reason::IdTokenTyp));
    }
    if let Some(secret) = allowed.client_secret.filter(|_| jws.alg == HS256) {
        if !jws.is_authenticated_by(secret.expose().as_bytes()) {
            return Err(Error::new(Reason::IdTokenSignature));
        }
        return Ok((&digest::SHA256, jws.payload));
    }
    let algorithm = Algorithm::from_name(&jws.alg)
        .filter(|algorithm| allowed.algorithms.contains(algorithm))
        .ok_or_else(|| Error::new(Reason::IdTokenAlgNotAllowed))?;
    let mut candidates = keys.candidates(algorithm, jws.kid.as_deref()).peekable();
    if candidates.peek().is_none() {
        return Err(Error::new(Reason::IdTokenKeyNotFound));
    }
    if !candidates.any(|key| jws.is_signed_by(algorithm, key)) {
        return Err(Error::new(Reason::IdTokenSignature));
    }
    Ok((algorithm.digest(), jws.payload))
}

/// S42 and, for a refresh, S59.
fn issuer(claims: &Map<String, Value>, expected: &Expected<'_>, original: Option<&Original<'_>>) -> Result<String> {
    let issuer = text(claims, "iss").ok_or_else(|| refused(Reason::IdTokenIssuer, "missing or malformed"))?;
    if original.is_some_and(|original| !expected.issuer.same(original.issuer, issuer)) {
        return Err(refused(Reason::IdentityMismatch, "iss"));
    }
    if !expected.issuer.is(issuer, claims) {
        return Err(Error::new(Reason::IdTokenIssuer));
    }
    Ok(issuer.to_owned())
}

/// S43, S44: this client, and nobody beside it.
fn audience(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<()> {
    let ours = |value: &Value| value.as_str() == Some(expected.client_id);
    let good = match claims.get("aud") {
        Some(Value::Array(audiences)) => !audiences.is_empty() && audiences.iter().all(ours),
        Some(audience) => ours(audience),
        None => false,
    };
    if !good {
        return Err(Error::new(Reason::IdTokenAudience));
    }
    if claims.get("azp").is_some_and(|party| !ours(party)) {
        return Err(Error::new(Reason::IdTokenAzp));
    }
    Ok(())
}

/// S50 and, for a refresh, S59.
fn subject(claims: &Map<String, Value>, original: Option<&Original<'_>>) -> Result<String> {
    let subject = text(claims, "sub")
        .filter(|subject| (1..=MAX_SUBJECT).contains(&subject.len()) && subject.is_ascii())
        .ok_or_else(|| Error::new(Reason::IdTokenSub))?;
    if original.is_some_and(|original| original.subject != subject) {
        return Err(refused(Reason::IdentityMismatch, "sub"));
    }
    Ok(subject.to_owned())
}

/// S46.
fn expiry(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<()> {
    let end = seconds(claims, "exp").ok_or_else(|| refused(Reason::IdTokenExpired, "missing or malformed"))?;
    if expected.now() >= end.saturating_add(expected.leeway()) {
        return Err(refused(Reason::IdTokenExpired, "over"));
    }
    Ok(())
}

/// S47. An old one passes: a token that is not over is not too old, and the nonce ties it to this login.
fn issued(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<()> {
    let time = seconds(claims, "iat").ok_or_else(|| refused(Reason::IdTokenIat, "missing or malformed"))?;
    if time > expected.latest() {
        return Err(refused(Reason::IdTokenIat, "in the future"));
    }
    Ok(())
}

/// S48 and, for a refresh, S59: there it may be absent, but not another.
fn nonce(claims: &Map<String, Value>, expected: &Expected<'_>, original: Option<&Original<'_>>) -> Result<()> {
    let Some(nonce) = expected.nonce else {
        return Ok(());
    };
    let good = match claims.get("nonce") {
        Some(value) => value.as_str().is_some_and(|value| nonce.matches(value)),
        None => original.is_some(),
    };
    if good { Ok(()) } else { Err(Error::new(Reason::IdTokenNonce)) }
}

/// S49, first half.
fn acr(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<()> {
    let reached = text(claims, "acr");
    let good =
        expected.acr_values.is_empty() || expected.acr_values.iter().any(|wanted| Some(wanted.as_str()) == reached);
    if good { Ok(()) } else { Err(Error::new(Reason::IdTokenAcr)) }
}

/// S49, second half, and, for a refresh, S59.
fn auth_time(
    claims: &Map<String, Value>,
    expected: &Expected<'_>,
    original: Option<&Original<'_>>,
) -> Result<Option<u64>> {
    let wrong = |what| refused(Reason::IdTokenAuthTime, what);
    let Some(_) = claims.get("auth_time") else {
        let required = original.is_none() && expected.max_age.is_some();
        return if required { Err(wrong("missing")) } else { Ok(None) };
    };
    let time = seconds(claims, "auth_time").ok_or_else(|| wrong("malformed"))?;
    match (original, expected.max_age) {
        (Some(original), _) => {
            if original.auth_time.is_some_and(|before| before != time) {
                return Err(wrong("another than the login's"));
            }
        }
        (None, Some(max_age)) => {
            let end = time.saturating_add(max_age.as_secs()).saturating_add(expected.leeway());
            if expected.now() > end || time > expected.latest() {
                return Err(wrong("too old, or in the future"));
            }
        }
        (None, None) => {}
    }
    Ok(Some(time))
}

/// S51: optional in the code flow, but never wrong.
fn access_token_hash(
    claims: &Map<String, Value>,
    expected: &Expected<'_>,
    hash: &'static digest::Algorithm,
) -> Result<()> {
    let (Some(claimed), Some(access_token)) = (claims.get("at_hash"), expected.access_token) else {
        return Ok(());
    };
    let hash = digest::digest(hash, access_token.as_bytes());
    let (left, _) = hash.as_ref().split_at(hash.as_ref().len() / 2);
    let wanted = URL_SAFE_NO_PAD.encode(left);
    let good = claimed.as_str().is_some_and(|claimed| constant_time_eq(claimed.as_bytes(), wanted.as_bytes()));
    if good { Ok(()) } else { Err(Error::new(Reason::IdTokenAtHash)) }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str()
}

/// A time: a JSON number of seconds since 1970, neither negative nor absurd. RFC 7519 section 2 lets it have
/// a fraction, which is dropped.
fn seconds(claims: &Map<String, Value>, name: &str) -> Option<u64> {
    let number = claims.get(name)?.as_number()?;
    let whole = match number.as_u64() {
        Some(whole) => whole,
        None => Duration::try_from_secs_f64(number.as_f64()?).ok()?.as_secs(),
    };
    (whole <= MAX_SECONDS).then_some(whole)
}

/// `what` is one of our own words, never the token's.
fn refused(reason: Reason, what: &'static str) -> Error {
    Error::new(reason).with_detail(what)
}
