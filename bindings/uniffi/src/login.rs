//! A login: what it asks for, what it opens, what it becomes.

use std::fmt;
use std::time::SystemTime;

use crate::Session;

/// A parameter of the authorization request. Prints its name only: a `login_hint` is a person's address.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct Parameter {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameter({})", self.name)
    }
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What one login asks for beyond its registration. Prints the scopes, the session and the port, nothing else.
#[derive(Clone, Default, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct LoginOptions {
    /// Scopes beside the registration's default ones.
    pub scopes: Vec<String>,
    /// Where the app wants to go after success.
    pub success: Option<String>,
    /// Where the app wants to go after a failure.
    pub failure: Option<String>,
    /// More parameters of the authorization request.
    pub parameters: Vec<Parameter>,
    /// Something of the app's own to have back when the login completes.
    pub app_data: Option<String>,
    /// The session that more scopes are asked for.
    pub for_session: Option<String>,
    /// The port that the app listens on, for a loopback redirect URI that leaves it open.
    pub redirect_port: Option<u16>,
    /// Whether the answer is to come as a form that the browser posts.
    pub form_post: bool,
}

impl From<LoginOptions> for keyfob::LoginOptions {
    fn from(options: LoginOptions) -> Self {
        let mut core = Self::new();
        for scope in options.scopes {
            core = core.scope(scope);
        }
        if let Some(link) = options.success {
            core = core.success(link);
        }
        if let Some(link) = options.failure {
            core = core.failure(link);
        }
        for Parameter { name, value } in options.parameters {
            core = core.parameter(name, value);
        }
        if let Some(data) = options.app_data {
            core = core.app_data(data);
        }
        if let Some(id) = options.for_session {
            core = core.for_session(id);
        }
        if let Some(port) = options.redirect_port {
            core = core.redirect_port(port);
        }
        if options.form_post {
            core = core.form_post();
        }
        core
    }
}

impl fmt::Display for LoginOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scopes, for_session, redirect_port, .. } = self;
        write!(f, "LoginOptions(scopes: {scopes:?}, for_session: {for_session:?}, redirect_port: {redirect_port:?})")
    }
}

impl fmt::Debug for LoginOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A login that has begun and is stored. Prints without its URL: the `state` is in it.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct Login {
    /// The id of this login in this store.
    pub id: String,
    /// The registration it was begun for.
    pub registration: String,
    /// The URL to open in the system's browser.
    pub authorization_url: String,
    /// When the login stops waiting for its redirect.
    pub expires_at: SystemTime,
}

impl From<&keyfob::Login> for Login {
    fn from(login: &keyfob::Login) -> Self {
        Self {
            id: login.id().to_owned(),
            registration: login.registration().to_owned(),
            authorization_url: login.authorization_url().to_owned(),
            expires_at: login.expires_at(),
        }
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({}, {})", self.id, self.registration)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A login that has become a session. Prints without the link and what the app gave.
#[derive(Clone, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct Completed {
    /// The session.
    pub session: Session,
    /// The success link that the login was begun with.
    pub return_to: Option<String>,
    /// What the app gave the login to keep.
    pub app_data: Option<String>,
}

impl From<&keyfob::Completed> for Completed {
    fn from(completed: &keyfob::Completed) -> Self {
        Self {
            session: completed.session().into(),
            return_to: completed.return_to().map(str::to_owned),
            app_data: completed.app_data().map(str::to_owned),
        }
    }
}

impl fmt::Display for Completed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Completed({})", self.session)
    }
}

impl fmt::Debug for Completed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A login that waits for its redirect. Holds no secret.
#[derive(Clone, Debug, uniffi::Record)]
pub struct PendingLogin {
    /// The id of the login in this store.
    pub id: String,
    /// The registration it was begun for.
    pub registration: String,
    /// When it was begun.
    pub created_at: SystemTime,
    /// When it stops waiting.
    pub expires_at: SystemTime,
    /// Whether it waits for the user on another device.
    pub is_on_another_device: bool,
}

impl From<&keyfob::PendingLogin> for PendingLogin {
    fn from(login: &keyfob::PendingLogin) -> Self {
        Self {
            id: login.id().to_owned(),
            registration: login.registration().to_owned(),
            created_at: login.created_at(),
            expires_at: login.expires_at(),
            is_on_another_device: login.is_on_another_device(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_login_and_its_options_print_redacted() {
        let login = Login {
            id: "l-1".to_owned(),
            registration: "work-sso".to_owned(),
            authorization_url: "https://idp.example/?state=CANARY".to_owned(),
            expires_at: UNIX_EPOCH,
        };
        let options = LoginOptions {
            scopes: vec!["email".to_owned()],
            success: Some("app:/CANARY".to_owned()),
            failure: Some("app:/CANARY".to_owned()),
            parameters: vec![Parameter { name: "login_hint".to_owned(), value: "CANARY".to_owned() }],
            app_data: Some("CANARY".to_owned()),
            for_session: Some("s-1".to_owned()),
            redirect_port: Some(4100),
            form_post: true,
        };
        let parameter = &options.parameters[0];
        let printed = format!("{login} {login:?} {options} {options:?} {parameter} {parameter:?}");
        assert!(!printed.contains("CANARY"), "{printed}");
        assert!(
            printed.contains("Login(l-1, work-sso)")
                && printed.contains("email")
                && printed.contains("s-1")
                && printed.contains("4100")
        );
    }
}
