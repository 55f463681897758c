//! What one login asks for beyond its registration.

/// What one login asks for beyond its registration.
///
/// ```
/// let options = keyfob::LoginOptions::new().scope("read:user").success("app:/home").failure("app:/login");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct LoginOptions {
    pub(crate) scopes: Vec<String>,
    pub(crate) success: Option<String>,
    pub(crate) failure: Option<String>,
    pub(crate) redirect_port: Option<u16>,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) app_data: Option<String>,
    pub(crate) for_session: Option<String>,
    pub(crate) form_post: bool,
}

impl LoginOptions {
    /// Nothing beyond the registration.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for one more scope (RFC 6749 section 3.3), beside the registration's default ones.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// Where the app wants to go after success: stored with the login and given back by
    /// [`Completed::return_to`](crate::Completed::return_to), also in another process. Never sent to the provider.
    pub fn success(mut self, link: impl Into<String>) -> Self {
        self.success = Some(link.into());
        self
    }

    /// Where the app wants to go after a failure: given back by [`Error::return_to`](crate::Error::return_to). Never sent to the provider.
    pub fn failure(mut self, link: impl Into<String>) -> Self {
        self.failure = Some(link.into());
        self
    }

    /// Adds a parameter to the authorization request, for instance `prompt` = `login` or `login_hint` = an address (OpenID Connect Core
    /// section 3.1.2.1). Those that make a login safe are Keyfob's own and cannot be set. What `max_age` (seconds) and `acr_values` ask for is checked in the
    /// ID token: a login that does not keep to it is refused with [`Reason::IdTokenAuthTime`](crate::Reason::IdTokenAuthTime) or
    /// [`Reason::IdTokenAcr`](crate::Reason::IdTokenAcr).
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Something of the app's own to have back when the login completes, also in another process:
    /// [`Completed::app_data`](crate::Completed::app_data). Stored, never sent to the provider.
    pub fn app_data(mut self, data: impl Into<String>) -> Self {
        self.app_data = Some(data.into());
        self
    }

    /// Asks for more scopes for a session that is there: those it has are asked for too, and logging in as somebody else is
    /// refused with [`Reason::AccountMismatch`](crate::Reason::AccountMismatch).
    pub fn for_session(mut self, session_id: impl Into<String>) -> Self {
        self.for_session = Some(session_id.into());
        self
    }

    /// Has the answer come as a form that the browser posts (OAuth 2.0 Form Post Response Mode), for [`Keyfob::complete_login_form`](crate::Keyfob::complete_login_form):
    /// no code stands in a URL then. Not with a private-use scheme, and not every provider can.
    pub fn form_post(mut self) -> Self {
        self.form_post = true;
        self
    }

    /// The port (1 to 65535) that the app listens on, for a loopback redirect URI that leaves it open (RFC 8252 section 7.3).
    pub fn redirect_port(mut self, port: u16) -> Self {
        self.redirect_port = Some(port);
        self
    }
}
