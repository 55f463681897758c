//! What is not believed, and by whom.

use keyfob::{ErrorKind, LoginOptions, Reason};
use keyfob_peers::{Bench, Browser, Client, Page, SSO, Signature};

use super::{parameter, with_parameter};

#[test]
fn a_user_who_aborts_denies_access() {
    let bench = Bench::new(Client::public(Signature::Rs256)).unwrap();
    for at_consent in [false, true] {
        let options = LoginOptions::new().failure("app:/login");
        let login = bench.keyfob.begin_login(SSO, options).unwrap();
        let mut browser = Browser::new();
        let mut page = browser.open(login.authorization_url()).unwrap();
        if at_consent {
            page = browser.submit(&page, &[("login", "ada"), ("password", "any")]).unwrap();
        }
        let Page::Away(redirect) = browser.click(&page, "[ Cancel ]").unwrap() else { panic!("still there: {page:?}") };
        let error = bench.keyfob.complete_login(&redirect).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::AccessDenied, Reason::AccessDenied));
        assert_eq!(error.oauth().unwrap().description(), Some("End-User aborted interaction"));
        assert_eq!(error.return_to(), Some("app:/login"));
        let again = bench.keyfob.complete_login(&redirect).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::RedirectRejected);
    }
    assert_eq!(bench.peer.count("/token").unwrap(), 0);
    assert!(bench.keyfob.sessions().unwrap().is_empty());
}

#[test]
fn a_redirect_that_was_changed_on_the_way_is_refused_and_the_true_one_still_works() {
    let bench = Bench::new(Client::public(Signature::Rs256)).unwrap();
    let redirect = bench.redirect().unwrap();
    let one_more = |value: &str| Some(format!("{value}1"));
    for (changed, reason) in [
        (with_parameter(&redirect, "state", one_more), Reason::StateUnknown),
        (with_parameter(&redirect, "state", |_| None), Reason::StateMissing),
        (with_parameter(&redirect, "iss", one_more), Reason::IssuerMismatch),
        // The provider promises that it always says who it is (RFC 9207).
        (with_parameter(&redirect, "iss", |_| None), Reason::IssuerMissing),
        (with_parameter(&redirect, "code", |_| None), Reason::AmbiguousResponse),
    ] {
        let error = bench.keyfob.complete_login(&changed).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::RedirectRejected, reason));
    }
    assert_eq!(bench.peer.count("/token").unwrap(), 0, "nothing was sent");

    let session = bench.keyfob.complete_login(&redirect).unwrap().into_session();
    let repeated = bench.keyfob.complete_login(&redirect).unwrap().into_session();
    assert_eq!(repeated.id(), session.id());
    assert_eq!(bench.peer.count("/token").unwrap(), 1, "the code was sent once");
    assert!(bench.peer.honours(session.provider_access_token()).unwrap());
}

#[test]
fn a_code_of_another_login_is_refused_by_the_provider() {
    let bench = Bench::new(Client::public(Signature::Rs256)).unwrap();
    let (mine, theirs) = (bench.redirect().unwrap(), bench.redirect().unwrap());
    let code = parameter(&theirs, "code");
    let injected = with_parameter(&mine, "code", |_| code.clone());
    let error = bench.keyfob.complete_login(&injected).unwrap_err();
    assert_eq!(error.oauth().unwrap().code(), "invalid_grant", "the verifier does not fit: {error}");
    assert!(bench.keyfob.sessions().unwrap().is_empty());
}

#[test]
fn a_wrong_secret_is_a_matter_of_configuration() {
    for client in [Client::basic(Signature::Rs256), Client::post(Signature::Rs256)] {
        let wrong = client.clone().with_secret("a wrong one");
        let bench = Bench::with(client, &wrong).unwrap();
        let error = bench.log_in().unwrap_err().downcast::<keyfob::Error>().unwrap();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Configuration, Reason::InvalidClient), "{error}");
        assert_eq!(error.http_status(), Some(401));
    }
}
