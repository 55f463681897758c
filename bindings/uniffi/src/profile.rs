//! The user.

use std::fmt;

/// The user as the provider describes them, in one shape for every provider. Prints nothing of it.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct Profile {
    /// The user's lasting id at the provider.
    pub uid: String,
    /// The name to show.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether the provider vouches for the e-mail address.
    pub email_verified: bool,
    /// A picture of the user.
    pub avatar_url: Option<String>,
    /// The user's language and region, as the provider writes it.
    pub locale: Option<String>,
    /// Every claim that the provider sent, as one JSON object.
    pub raw_json: String,
}

impl From<&keyfob::Profile> for Profile {
    fn from(profile: &keyfob::Profile) -> Self {
        Self {
            uid: profile.uid().to_owned(),
            name: profile.name().map(str::to_owned),
            email: profile.email().map(str::to_owned),
            email_verified: profile.email_verified(),
            avatar_url: profile.avatar_url().map(str::to_owned),
            locale: profile.locale().map(str::to_owned),
            raw_json: profile.raw_json(),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Profile([redacted])")
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
