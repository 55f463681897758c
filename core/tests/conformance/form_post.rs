//! What the plan Form-post adds to Basic, whose modules are played both ways.

use keyfob::{ErrorKind, LoginOptions, Reason};
use keyfob_idp::browser;

use crate::support::SSO;
use crate::{TO_THE_REDIRECT, asked, provider};

#[test]
fn oidcc_client_test_form_post_error() {
    let bench = provider(|_| {});
    let options = LoginOptions::new().failure("app:/login").parameter("prompt", "none").parameter("max_age", "0");
    let login = bench.keyfob.begin_login(SSO, options.form_post()).unwrap();
    let (url, body) = browser::log_in_by_form(login.authorization_url(), "ada", "lovelace").unwrap();
    let error = bench.keyfob.complete_login_form(&url, &body).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::OAuth, Reason::ServerError));
    assert_eq!((error.oauth().unwrap().code(), error.return_to()), ("login_required", Some("app:/login")));
    assert_eq!(asked(&bench), TO_THE_REDIRECT);
    // It is over: what comes after it is not believed.
    let again = bench.keyfob.complete_login_form(&url, &body).unwrap_err();
    assert_eq!(again.reason(), Reason::RedirectUsed);
    assert_eq!(asked(&bench), TO_THE_REDIRECT);
}
