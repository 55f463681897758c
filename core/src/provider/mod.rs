//! What an identity provider is, as data; and where its endpoints are.

mod app;
pub(crate) mod catalogue;
mod check;
mod definition;
mod issuer;
pub(crate) mod metadata;
mod places;
mod profile_map;
mod requests;
mod resolve;
#[cfg(test)]
mod schema_tests;
mod template;
mod token_rules;
mod values;

pub use self::catalogue::providers;
pub(crate) use self::definition::{
    AssertionParameter, AuthMethod, Authorize, BasicRules, CodeChallenge, Localhost, RedirectRules, Relaxed, Separator,
};
pub use self::definition::{Loopback, Provider, ProviderKind};
pub(crate) use self::issuer::{Issuer, IssuerRule};
pub(crate) use self::metadata::{Metadata, check_endpoint};
pub(crate) use self::profile_map::{
    EmailList, EmailPlace, EntryVouched, Place, Places, Pointers, ProfileRequest, Source, Vouched,
};
pub(crate) use self::requests::{Parts, RequestAuth, RequestMethod, RevokedToken, Sender, with_query};
pub(crate) use self::token_rules::{
    AnswerFormat, ErrorRules, Fields, RefreshTokens, Resend, TokenAnswerRules, TokenBody, TokenMethod, Zero,
};
pub(crate) use self::values::{Filling, Kept, NOTHING_KEPT, Values, hex};
