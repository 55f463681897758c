//! A registration, as far as an app needs it for its buttons.

/// A registration, for the app to draw its login buttons from.
#[derive(Clone, Debug, uniffi::Record)]
pub struct RegistrationInfo {
    /// The id.
    pub id: String,
    /// The id of the provider.
    pub provider: String,
    /// The name of the provider, to show to people.
    pub provider_name: String,
    /// Whether logins may begin.
    pub enabled: bool,
}

impl From<&keyfob::RegistrationInfo> for RegistrationInfo {
    fn from(info: &keyfob::RegistrationInfo) -> Self {
        Self {
            id: info.id().to_owned(),
            provider: info.provider().to_owned(),
            provider_name: info.provider_name().to_owned(),
            enabled: info.enabled(),
        }
    }
}
