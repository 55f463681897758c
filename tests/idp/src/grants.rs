//! Codes, tokens and the logins they belong to.
//!
//! A login makes a *family*: one code, and all access and refresh tokens that come of it. What happens to a
//! refresh token that is used twice is decided here, by the script's words.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::clock;
use crate::script::{InGrace, Reuse, Revocation, Tokens};

/// All logins of a provider.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    families: Vec<Family>,
    codes: HashMap<String, Code>,
    access_tokens: HashMap<String, AccessToken>,
    refresh_tokens: HashMap<String, RefreshToken>,
}

/// What the user agreed to.
#[derive(Clone, Debug)]
pub(crate) struct Consent {
    pub(crate) client_id: String,
    pub(crate) username: String,
    pub(crate) scopes: Vec<String>,
    /// What tokens may be asked for (RFC 8707).
    pub(crate) resources: Vec<String>,
    pub(crate) nonce: Option<String>,
    /// Seconds since 1970 by the provider's clock.
    pub(crate) auth_time: u64,
}

/// An authorization code and what it is bound to.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) consent: Consent,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: String,
    pub(crate) expires: Instant,
    /// Set by the first exchange, whether it succeeded or not.
    used: Option<Option<FamilyId>>,
}

/// Names a family.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct FamilyId(usize);

#[derive(Debug)]
struct Family {
    consent: Consent,
    revoked: bool,
    /// The refresh token that was spent last, the only one that a grace covers.
    spent_last: Option<(String, Instant)>,
    /// The newest tokens, given once more by [`InGrace::SamePair`].
    newest: Option<TokenSet>,
}

#[derive(Debug)]
struct AccessToken {
    family: FamilyId,
    expires: Instant,
    revoked: bool,
}

#[derive(Debug)]
struct RefreshToken {
    family: FamilyId,
    good: bool,
}

/// What one answer of the token endpoint gives.
#[derive(Clone, Debug)]
pub(crate) struct TokenSet {
    pub(crate) access_token: String,
    pub(crate) refresh_token: Option<String>,
    pub(crate) id_token: Option<String>,
    pub(crate) access_expires: Instant,
}

/// What a refresh token may do when it comes in.
#[derive(Clone, Debug)]
pub(crate) enum Presented {
    /// Nothing: unknown, or ended.
    Refused(&'static str),
    /// Nothing: it was spent. What the script says about that has been done.
    Reused,
    /// Bring new tokens.
    Renews(FamilyId, Consent),
    /// Bring these tokens once more.
    Repeats(Consent, Box<TokenSet>),
}

impl Code {
    pub(crate) fn new(consent: Consent, redirect_uri: &str, challenge: &str, life: Duration) -> Self {
        let expires = clock::now() + life;
        Self { consent, redirect_uri: redirect_uri.to_owned(), challenge: challenge.to_owned(), expires, used: None }
    }
}

impl Grants {
    pub(crate) fn add_code(&mut self, text: String, code: Code) {
        self.codes.insert(text, code);
    }

    /// Takes a code out of service and gives it, the first time. A code that comes again ends everything that
    /// came of it (RFC 6749 §4.1.2).
    pub(crate) fn take_code(&mut self, text: &str) -> Option<Code> {
        let code = self.codes.get_mut(text)?;
        match code.used {
            None => {
                code.used = Some(None);
                Some(code.clone())
            }
            Some(family) => {
                if let Some(family) = family {
                    self.revoke(family, Revocation::Family);
                }
                None
            }
        }
    }

    /// Begins the family of a login, and remembers which code it came of.
    pub(crate) fn begin(&mut self, code: &str, consent: Consent) -> FamilyId {
        let id = FamilyId(self.families.len());
        self.families.push(Family { consent, revoked: false, spent_last: None, newest: None });
        if let Some(code) = self.codes.get_mut(code) {
            code.used = Some(Some(id));
        }
        id
    }

    /// Puts tokens into service.
    pub(crate) fn add_tokens(&mut self, family: FamilyId, tokens: &TokenSet) {
        let access = AccessToken { family, expires: tokens.access_expires, revoked: false };
        self.access_tokens.insert(tokens.access_token.clone(), access);
        if let Some(refresh) = &tokens.refresh_token {
            self.refresh_tokens.insert(refresh.clone(), RefreshToken { family, good: true });
        }
        if let Some(entry) = self.families.get_mut(family.0) {
            entry.newest = Some(tokens.clone());
        }
    }

    /// Decides about a refresh token without spending it yet: the request may still be refused for its scope.
    pub(crate) fn present(&mut self, text: &str, client_id: &str, tokens: &Tokens) -> Presented {
        let Some((id, good)) = self.refresh_tokens.get(text).map(|token| (token.family, token.good)) else {
            return Presented::Refused("the refresh token is not known");
        };
        let Some(family) = self.families.get(id.0) else {
            return Presented::Refused("the refresh token is not known");
        };
        if family.consent.client_id != client_id {
            return Presented::Refused("the refresh token is another client's");
        }
        if family.revoked {
            return Presented::Refused("the login was revoked");
        }
        let consent = family.consent.clone();
        if good {
            return Presented::Renews(id, consent);
        }
        let grace = clock::seconds(tokens.grace_seconds);
        let covered = family
            .spent_last
            .as_ref()
            .is_some_and(|(spent, at)| spent == text && clock::now().duration_since(*at) < grace);
        if covered {
            return match (tokens.in_grace, &family.newest) {
                (InGrace::SamePair, Some(newest)) => Presented::Repeats(consent, Box::new(newest.clone())),
                (InGrace::NewPair | InGrace::NewPairReplaces | InGrace::SamePair, _) => Presented::Renews(id, consent),
            };
        }
        match tokens.reuse {
            Reuse::Reject => {}
            Reuse::RevokeFamily => self.revoke(id, Revocation::Family),
            Reuse::RevokeGrant => self.revoke(id, Revocation::Grant),
        }
        Presented::Reused
    }

    /// Spends a refresh token that was presented and found to renew. A second use in its grace begins no new one.
    pub(crate) fn spend(&mut self, text: &str, tokens: &Tokens) {
        let Some(token) = self.refresh_tokens.get_mut(text) else { return };
        let id = token.family;
        let first = std::mem::replace(&mut token.good, false);
        if first {
            if let Some(family) = self.families.get_mut(id.0) {
                family.spent_last = Some((text.to_owned(), clock::now()));
            }
        } else if tokens.in_grace == InGrace::NewPairReplaces {
            self.refresh_tokens.values_mut().filter(|other| other.family == id).for_each(|other| other.good = false);
        }
    }

    /// Whose access token this is, or why it is no good.
    pub(crate) fn access(&self, text: &str) -> Result<&Consent, &'static str> {
        let known = self.access_tokens.get(text);
        let known = known.and_then(|token| self.families.get(token.family.0).map(|family| (token, family)));
        match known {
            None => Err("the access token is not known"),
            Some((token, family)) if token.revoked || family.revoked => Err("the access token was revoked"),
            Some((token, _)) if clock::now() >= token.expires => Err("the access token is over"),
            Some((_, family)) => Ok(&family.consent),
        }
    }

    /// The family of a token of either kind, good or not, and its client.
    pub(crate) fn owner(&self, text: &str) -> Option<(FamilyId, &str)> {
        let access = self.access_tokens.get(text).map(|token| token.family);
        let id = access.or_else(|| self.refresh_tokens.get(text).map(|token| token.family))?;
        self.families.get(id.0).map(|family| (id, family.consent.client_id.as_str()))
    }

    /// Ends one token and nothing else.
    pub(crate) fn revoke_token(&mut self, text: &str) {
        if let Some(token) = self.access_tokens.get_mut(text) {
            token.revoked = true;
        }
        // Removed, not spent: a spent one that comes again would count as stolen.
        self.refresh_tokens.remove(text);
    }

    /// Ends a family, or all families of its user with its client. [`Revocation::Token`] is
    /// [`Grants::revoke_token`]'s matter.
    pub(crate) fn revoke(&mut self, id: FamilyId, reach: Revocation) {
        let Some(consent) = self.families.get(id.0).map(|family| family.consent.clone()) else { return };
        for (index, family) in self.families.iter_mut().enumerate() {
            let same_grant =
                family.consent.client_id == consent.client_id && family.consent.username == consent.username;
            family.revoked |= index == id.0 || (reach == Revocation::Grant && same_grant);
        }
    }
}
