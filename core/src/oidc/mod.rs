//! OpenID Connect: the ID token and the keys that it is checked with.
//!
//! Everything here is a pure function: no request, no clock, no store. The driver fetches, this judges.

pub(crate) mod id_token;
pub(crate) mod jwks;
pub(crate) mod jws;
#[cfg(test)]
mod testing;
