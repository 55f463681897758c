//! Logout: here at once, at the provider as far as the app wants it.

use keyfob::{EndSession, ErrorKind, LoginOptions, MinValidity, Reason, Revocation};
use keyfob_peers::{Bench, Browser, Client, Page, SSO, Signature};

use super::parameter;

#[test]
fn a_logout_here_leaves_the_provider_s_tokens_alone() {
    let bench = Bench::new(Client::basic(Signature::Es256)).unwrap();
    let session = bench.log_in().unwrap();
    let ended = bench.keyfob.end_session(session.id(), EndSession::local_only()).unwrap();
    assert!(matches!(ended.revocation(), Revocation::NotAsked), "{ended:?}");
    assert_eq!(bench.peer.count("/token/revocation").unwrap(), 0);
    assert!(bench.peer.honours(session.provider_refresh_token().unwrap()).unwrap());
    let error = bench.keyfob.access_token(session.id(), MinValidity::default()).unwrap_err();
    assert_eq!(error.reason(), Reason::LoggedOut);
}

#[test]
fn the_provider_is_asked_once_to_revoke_whatever_the_client_s_credentials() {
    for client in [Client::public(Signature::Rs256), Client::basic(Signature::Rs256), Client::post(Signature::Rs256)] {
        let bench = Bench::new(client).unwrap();
        let session = bench.log_in().unwrap();
        let ended = bench.keyfob.end_session(session.id(), EndSession::default()).unwrap();
        assert!(matches!(ended.revocation(), Revocation::Done), "{ended:?}");
        for token in [session.provider_access_token(), session.provider_refresh_token().unwrap()] {
            assert!(!bench.peer.honours(token).unwrap());
        }
        let again = bench.keyfob.end_session(session.id(), EndSession::default()).unwrap();
        assert!(matches!(again.revocation(), Revocation::NotAsked), "{again:?}");
        assert_eq!(bench.peer.count("/token/revocation").unwrap(), 1);
    }
}

#[test]
fn the_logout_page_ends_the_login_in_the_browser_too() {
    let bench = Bench::new(Client::public(Signature::Es256)).unwrap();
    let mut browser = Browser::new();
    let login = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    let redirect = browser.log_in(login.authorization_url(), "ada").unwrap();
    let session = bench.keyfob.complete_login(&redirect).unwrap().into_session();
    // The ID token that goes as a hint is a refreshed one.
    bench.keyfob.refresh_session(session.id()).unwrap();

    let options = EndSession::default().post_logout_redirect_uri(Client::LOGGED_OUT_URI);
    let ended = bench.keyfob.end_session(session.id(), options).unwrap();
    let page = browser.open(ended.logout_url().unwrap()).unwrap();
    let Page::Shown { status: 200, html, .. } = &page else { panic!("no logout page: {page:?}") };
    assert!(html.contains("Do you want to sign-out"), "{html}");
    let Page::Away(url) = browser.submit(&page, &[("logout", "yes")]).unwrap() else { panic!("not sent back") };
    assert!(url.starts_with(Client::LOGGED_OUT_URI), "{url}");

    // Now the same browser asks who is there.
    let login = bench.keyfob.begin_login(SSO, LoginOptions::new()).unwrap();
    let redirect = browser.log_in(login.authorization_url(), "eve").unwrap();
    assert!(parameter(&redirect, "code").is_some(), "{redirect}");
    assert_eq!(bench.keyfob.complete_login(&redirect).unwrap().session().provider_uid(), "eve");
}

#[test]
fn a_logout_does_not_wait_for_a_provider_that_is_gone() {
    let mut bench = Bench::new(Client::public(Signature::Rs256)).unwrap();
    let session = bench.log_in().unwrap();
    bench.peer.stop();
    let ended = bench.keyfob.end_session(session.id(), EndSession::default()).unwrap();
    let Revocation::Owed(error) = ended.revocation() else { panic!("{ended:?}") };
    assert_eq!(error.kind(), ErrorKind::Network);
    assert_eq!(bench.keyfob.health().unwrap().owed_revocations(), 1);
    assert!(bench.keyfob.sessions().unwrap().is_empty());
}
