//! The plan RP-Initiated Logout: what the browser brings back from the logout page is held against what was sent there, and can neither undo the
//! logout nor begin a login.

use keyfob::{EndSession, LoggedOut, LoginOptions, MinValidity, Reason, Result};
use keyfob_idp::{Script, browser};

use crate::support::SSO;
use crate::{Mode, asked, log_in, provider};

const BYE: &str = "http://127.0.0.1/signed-out";

/// A login, a logout, and the way over the provider's page back to the app.
fn log_out(change: impl Fn(&mut Script)) -> Result<LoggedOut> {
    let bench = provider(&change);
    let session = log_in(&bench, Mode::Query, LoginOptions::new()).unwrap().into_session();
    let ended = bench.keyfob.end_session(session.id(), EndSession::default().post_logout_redirect_uri(BYE)).unwrap();
    let redirect = browser::log_out(ended.logout_url().unwrap()).unwrap();
    assert!(redirect.starts_with(BYE), "{redirect}");
    bench.idp.clear_requests();

    let outcome = bench.keyfob.complete_logout(&redirect);
    if let Ok(done) = &outcome {
        assert_eq!((done.session_id(), done.registration()), (session.id(), SSO));
    }
    // However it came: nobody is logged in again, nothing is sent, and the next login is an ordinary one.
    assert!(bench.keyfob.complete_login(&redirect).is_err());
    let error = bench.keyfob.access_token(session.id(), MinValidity::default()).unwrap_err();
    assert_eq!(error.reason(), Reason::LoggedOut);
    assert!(bench.keyfob.sessions().unwrap().is_empty());
    assert_eq!(asked(&bench), [""; 0]);
    log_in(&bench, Mode::Query, LoginOptions::new()).unwrap();
    outcome
}

#[test]
fn oidcc_client_test_rp_init_logout() {
    log_out(|_| {}).unwrap();
}

#[test]
fn oidcc_client_test_rp_init_logout_other_state() {
    let other = |script: &mut Script| drop(script.tamper.logout.set.insert("state".to_owned(), "other".into()));
    assert_eq!(log_out(other).unwrap_err().reason(), Reason::LogoutStateMismatch);
}

#[test]
fn oidcc_client_test_rp_init_logout_no_state() {
    let none = |script: &mut Script| script.tamper.logout.remove.push("state".to_owned());
    assert_eq!(log_out(none).unwrap_err().reason(), Reason::LogoutStateMismatch);
}
