//! What an identity provider is, as data; and where its endpoints are.

mod app;
pub(crate) mod catalogue;
mod definition;
mod issuer;
pub(crate) mod metadata;
mod places;
mod resolve;
#[cfg(test)]
mod schema_tests;
mod template;

pub use self::catalogue::providers;
pub(crate) use self::definition::{
    AssertionParameter, AuthMethod, EmailPlace, EmailRequest, Exchange, ExchangeMethod, Places, ProfileMap, Relaxed,
    Resend, RevocationMethod, RevokedToken, Separator, TokenRequest,
};
pub use self::definition::{Loopback, Provider, ProviderKind};
pub(crate) use self::issuer::{Issuer, IssuerRule};
pub(crate) use self::metadata::{Metadata, check_endpoint};
pub(crate) use self::resolve::with_token;
