//! What to enter at the provider's developer console.

/// What a provider takes of a loopback redirect URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Loopback {
    /// The IP literal, with any port.
    AnyPort,
    /// Only exactly as registered, port included.
    Exact,
    /// Not at all.
    None,
}

impl From<keyfob::Loopback> for Loopback {
    fn from(loopback: keyfob::Loopback) -> Self {
        match loopback {
            keyfob::Loopback::AnyPort => Self::AnyPort,
            keyfob::Loopback::None => Self::None,
            // The enum of the core may grow: what is registered exactly works with the most providers.
            _ => Self::Exact,
        }
    }
}

/// What to enter at the provider's developer console for one registration, and what it accepts. Holds no secret.
#[derive(Clone, Debug, uniffi::Record)]
pub struct RegistrationGuide {
    /// The name of the provider.
    pub provider_name: String,
    /// The redirect URI to enter there.
    pub redirect_uri: String,
    /// The scopes that the app asks for.
    pub scopes: Vec<String>,
    /// Whether the provider takes redirect URIs with a private-use scheme, where that is known.
    pub accepts_custom_scheme: Option<bool>,
    /// What the provider takes of loopback redirect URIs, where that is known.
    pub accepts_loopback: Option<Loopback>,
    /// Whether the registration's own redirect URI is of a form that the provider takes, where that is known.
    pub redirect_uri_accepted: Option<bool>,
    /// What to do, a sentence each.
    pub steps: Vec<String>,
}

impl From<&keyfob::RegistrationGuide> for RegistrationGuide {
    fn from(guide: &keyfob::RegistrationGuide) -> Self {
        Self {
            provider_name: guide.provider_name().to_owned(),
            redirect_uri: guide.redirect_uri().to_owned(),
            scopes: guide.scopes().to_vec(),
            accepts_custom_scheme: guide.accepts_custom_scheme(),
            accepts_loopback: guide.accepts_loopback().map(Loopback::from),
            redirect_uri_accepted: guide.redirect_uri_accepted(),
            steps: guide.steps(),
        }
    }
}
