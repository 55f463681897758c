//! GitLab: gitlab.com, or a server of one's own.

use std::sync::Arc;

use keyfob::Revocation;
use keyfob_idp::ClientAuth;

use crate::bench::{LOOPBACK, SECRET, basic, registration};
use crate::vendor::{App, Vendor, metadata};

fn gitlab(host: &str) -> Arc<Vendor> {
    let issuer = format!("https://{host}");
    let at = |path: &str| format!("{issuer}/oauth/{path}");
    let metadata = metadata(
        &issuer,
        &[
            ("authorization_endpoint", &at("authorize")),
            ("token_endpoint", &at("token")),
            ("userinfo_endpoint", &at("userinfo")),
            ("revocation_endpoint", &at("revoke")),
            ("jwks_uri", &at("discovery/keys")),
        ],
    );
    let gitlab = Vendor::new(&format!("{issuer}/.well-known/openid-configuration"), metadata, &issuer);
    gitlab.client(ClientAuth::Basic, LOOPBACK);
    gitlab
}

#[test]
fn the_whole_way_with_gitlab_there_and_at_home() {
    for host in ["gitlab.com", "git.example.com:8443"] {
        let mut registration = registration("gitlab").client_secret(SECRET);
        if host != "gitlab.com" {
            registration = registration.variable("host", host);
        }
        let app = App::new(gitlab(host), registration);
        let done = app.journey();
        assert_eq!((done.session.provider(), done.profile.email_verified()), ("gitlab", true), "{host}");
        assert_eq!(done.profile.avatar_url(), Some("https://example.com/ada.png"));
        assert_ne!(done.refreshed.provider_refresh_token(), done.session.provider_refresh_token(), "used once");
        assert!(matches!(done.ended.revocation(), Revocation::Done), "{:?}", done.ended);
        let asked = app.vendor.take(&format!("POST https://{host}/oauth/token"));
        assert_eq!(asked.len(), 2);
        assert!(asked.iter().all(|asked| asked.header("authorization") == Some(basic().as_str())));
        let prefix = format!("https://{host}/");
        assert!(app.vendor.lines().iter().all(|line| line.split(' ').nth(1).unwrap().starts_with(&prefix)));
    }
}
