//! OpenID Connect: the ID token and the keys that it is checked with.
