//! How the client says who it is: a public one by its id, one with a secret by that, one with a private key by a token that it signs for each request.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::login::CLOCK_NOISE_MILLIS;
use super::{Known, Shared, millis};
use crate::error::Result;
use crate::http::oauth::{ClientAuth, ClientParams, Outcome, Shape};
use crate::http::signing_key::{Assertion, SigningKey};
use crate::provider::{AssertionParameter, AuthMethod, Kept, Metadata, Values};
use crate::random;
use crate::secret::Secret;
use crate::store::Received;
use crate::token::answer::{AnswerRules, Reading, normalise};

/// The life of a client's token, in seconds: enough for a provider whose clock is behind as far as is let pass, and for the request's own way.
const LIFE: i64 = 120;

/// What a request of the client's is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum For<'a> {
    /// Trading a code, of a login that asked for these scopes.
    Exchange {
        scopes: &'a [String],
    },
    Refresh,
    /// Trading an access token for the next one, there.
    Trade {
        url: Option<&'a str>,
    },
    /// A login on another device: asking for its code, and for what became of it.
    Device,
    Poll,
    /// A pushed authorization request.
    Push,
}

/// Whom a request goes to, and for what.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) known: &'a Known,
    pub(super) metadata: &'a Metadata,
    /// Where the login's redirect came to; empty where there is none.
    pub(super) redirect_uri: &'a str,
    pub(super) kept: &'a Kept,
    pub(super) what: For<'a>,
}

impl Shared {
    /// The client for one request: what it proves itself with may be good for no other.
    pub(super) fn client<'a>(&self, asking: Asking<'a>) -> Result<ClientParams<'a>> {
        let Asking { known, metadata, redirect_uri, .. } = asking;
        Ok(ClientParams {
            client_id: known.registration.client_id(),
            auth: self.client_auth(known, metadata, None)?,
            token_endpoint: &metadata.token_endpoint,
            redirect_uri,
            resources: known.registration.resources(),
            shape: shape(asking)?,
            answer: AnswerRules::of(&known.provider),
        })
    }

    /// Sends a request as the client, and gives the moment of its sending too. It is sent once more where the provider refused the client's token and
    /// its answer tells that the time in it was wrong: nothing was spent, for a client that is not believed gets nothing done. Not once `given_up`.
    pub(super) fn as_client(
        &self,
        asking: Asking<'_>,
        given_up: &dyn Fn() -> bool,
        send: &dyn Fn(&ClientParams<'_>) -> Result<Outcome>,
    ) -> Result<(Outcome, Received)> {
        let believed = self.ahead()?;
        let asked = self.received();
        let outcome = send(&self.client(asking)?)?;
        if !(asking.known.registration.signs() && refuses_client(&outcome)) {
            return Ok((outcome, asked));
        }
        self.note_skew(&asked, &outcome);
        if self.ahead()?.abs_diff(believed) <= CLOCK_NOISE_MILLIS.unsigned_abs() || given_up() {
            return Ok((outcome, asked));
        }
        log::info!("a client's token was dated by a clock that is off: it is made anew");
        let asked = self.received();
        let outcome = send(&self.client(asking)?)?;
        Ok((outcome, asked))
    }

    /// With a private key a token signed by it. With a secret as `own` says, else the registration, the provider's file, its metadata; Basic where
    /// nothing is said.
    pub(super) fn client_auth(
        &self,
        known: &Known,
        metadata: &Metadata,
        own: Option<AuthMethod>,
    ) -> Result<ClientAuth> {
        let said = own.or_else(|| known.registration.auth_method());
        if said == Some(AuthMethod::None) {
            return Ok(ClientAuth::None);
        }
        if let Some(key) = known.registration.signing_key()? {
            return self.signed(known, metadata, &key);
        }
        let basic = known.provider.basic();
        let Some(secret) = known.registration.secret().map(Secret::duplicate) else {
            return Ok(if basic.public_clients { ClientAuth::Basic(Secret::new(""), basic) } else { ClientAuth::None });
        };
        let offers = |method: &str| metadata.token_auth_methods.iter().any(|offered| offered == method);
        let of_a_secret = |method: &AuthMethod| *method != AuthMethod::PrivateKeyJwt;
        let preferred = said.or_else(|| known.provider.client_auth().iter().copied().find(of_a_secret));
        Ok(match preferred.filter(of_a_secret) {
            Some(AuthMethod::None) => ClientAuth::None,
            Some(AuthMethod::Post) => ClientAuth::Post(secret),
            None if !offers("client_secret_basic") && offers("client_secret_post") => ClientAuth::Post(secret),
            None | Some(AuthMethod::Basic | AuthMethod::PrivateKeyJwt) => ClientAuth::Basic(secret, basic),
        })
    }

    /// A token of this moment, for one request.
    fn signed(&self, known: &Known, metadata: &Metadata, key: &SigningKey) -> Result<ClientAuth> {
        let (registration, provider) = (&known.registration, &known.provider);
        // By the provider's clock, in seconds since 1970.
        let issued_at = self.wall_millis().saturating_add(self.ahead()?).div_euclid(1000);
        let token = Assertion {
            key,
            algorithm: registration.signs_with(key),
            key_id: registration.kid(),
            issuer: &provider.assertion_issuer(registration)?,
            subject: registration.client_id(),
            audience: &provider.assertion_audience(registration, metadata)?,
            id: &random::id()?,
            issued_at,
            expires_at: issued_at.saturating_add(LIFE),
        }
        .sign()?;
        Ok(match provider.assertion_parameter() {
            AssertionParameter::ClientAssertion => ClientAuth::Assertion(token),
            AssertionParameter::ClientSecret => ClientAuth::Post(token),
        })
    }

    /// How far the provider's clock is ahead of this device's as far as that is known, in milliseconds.
    fn ahead(&self) -> Result<i64> {
        let remembered = self.memory().skew;
        let ahead = match remembered {
            Some(ahead) => ahead,
            None => self.common.store.skew()?.unwrap_or(0),
        };
        // A slow answer looks like a clock that is ahead, and none like one that is behind. A token of the past is good for a while, one of the future
        // for nobody.
        Ok(if (0..=millis(self.settings.leeway())).contains(&ahead) { 0 } else { ahead })
    }
}

/// What the provider's file makes of the standard request.
fn shape(asking: Asking<'_>) -> Result<Shape<'_>> {
    let Asking { known, metadata: _, redirect_uri, kept, what } = asking;
    let filling = known.registration.filling().with(kept);
    let (rules, refresh) = (known.provider.token_request(), known.provider.refresh_rules());
    let values = Values {
        provider: &known.provider,
        filling: &filling,
        client_secret: known.registration.secret(),
        token: None,
        answer: None,
        claims: None,
        uid: None,
        kept,
    };
    let filled = |texts: &BTreeMap<String, String>| {
        texts.iter().filter_map(|(name, text)| Some((name.clone(), values.fill(text)?))).collect::<Vec<_>>()
    };
    let url = |key: &str, url: &Option<String>| {
        url.as_deref().map(|url| known.provider.url_for(&filling, key, url)).transpose()
    };
    let more = |name: &str, value: String| (name.to_owned(), Zeroizing::new(value));
    let mut shape =
        Shape { headers: filled(&rules.headers), parameters: filled(&rules.parameters), ..Shape::default() };
    match what {
        For::Push | For::Device => return Ok(shape),
        For::Exchange { scopes } => {
            if rules.scope_on_exchange && !scopes.is_empty() {
                shape.parameters.push(more("scope", scopes.join(" ")));
            }
            shape.redirect_uri = known.provider.redirect_alias(&filling)?;
        }
        For::Refresh => {
            shape.parameters.extend(filled(&refresh.parameters));
            if rules.redirect_uri_on_refresh {
                shape.parameters.push(more("redirect_uri", redirect_uri.to_owned()));
            }
            shape.omit.extend(refresh.omit.iter().map(String::as_str));
            shape.url = url("refresh.url", &refresh.url)?;
        }
        For::Trade { url } => {
            let expand = |url: &str| known.provider.url_for(&filling, "refresh.exchange.url", url);
            shape.url = url.map(expand).transpose()?;
            shape.omit.extend(refresh.omit.iter().map(String::as_str));
            shape.parameters.extend(filled(&refresh.parameters));
        }
        For::Poll => shape.url = url("device.token_url", &known.provider.device().token_url)?,
    }
    shape.method = match what {
        For::Refresh => refresh.method.unwrap_or(rules.method),
        _ => rules.method,
    };
    shape.body = rules.body;
    shape.rename = Some(&rules.rename);
    shape.omit.extend(rules.omit.iter().map(String::as_str));
    Ok(shape)
}

/// Whether the provider does not believe that the client is who it says.
fn refuses_client(outcome: &Outcome) -> bool {
    let Outcome::Answered(answer) = outcome else { return false };
    (400..=499).contains(&answer.status)
        && matches!(normalise(&answer.body, &answer.rules), Reading::Error(oauth) if oauth.code() == "invalid_client")
}
